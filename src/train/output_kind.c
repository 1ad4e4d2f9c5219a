#include "train/output_kind.h"

#include <string.h>

/* What the graph shows. Logarithms of probabilities that exclude each other are logits themselves; those of sigmoids
 * are none, so that what the sigmoids read must be seen. */
static output_kind kind_shown(value *scores, const output_finding *f) {
    bool one = scores->shape.dim[1] == 1;
    output_kind k = {.certain = true, .logits = scores};
    output_relation apart = one ? OUTPUT_BINARY : OUTPUT_MULTI_LABEL;
    switch (f->holds) {
    case HOLDS_SOFTMAX:
        return (output_kind){true, OUTPUT_EXCLUSIVE, true, f->logits};
    case HOLDS_HEADS:
        k.probabilities = true;
        k.logits = NULL;
        break;
    case HOLDS_SIGMOID:
        return (output_kind){true, apart, true, f->logits};
    case HOLDS_LOG_SOFTMAX:
        return k;
    case HOLDS_LOG_SIGMOID:
        if (f->logits) return (output_kind){false, apart, true, f->logits};
        break;
    case HOLDS_NUMBERS:
        k.certain = !one; /* one number may measure anything */
        k.relation = one ? OUTPUT_BINARY : OUTPUT_EXCLUSIVE;
        return k;
    case HOLDS_UNKNOWN:
        break;
    }
    k.certain = false;
    k.relation = one ? OUTPUT_BINARY : OUTPUT_EXCLUSIVE;
    return k;
}

/* Probabilities because the metadata says so: what the graph shows of the classes' relation still counts. */
static output_kind kind_probabilities(value *scores, const output_finding *f) {
    output_kind k = kind_shown(scores, f);
    k.certain = true;
    if (k.probabilities) return k;
    k = (output_kind){.probabilities = true, .certain = true};
    if (scores->shape.dim[1] == 1) k.relation = OUTPUT_BINARY;
    return k;
}

static output_kind kind_logits(value *scores) {
    return (output_kind){
        .relation = scores->shape.dim[1] == 1 ? OUTPUT_BINARY : OUTPUT_EXCLUSIVE, .certain = true, .logits = scores};
}

stria_status output_kind_of(const graph *g, value *scores, output_kind *out, stria_error *err) {
    const char *says = graph_metadata(g, KEY_OUTPUT);
    bool logits = says && strcmp(says, "logits") == 0, probabilities = says && strcmp(says, "probabilities") == 0;
    if (says && !logits && !probabilities)
        FAIL(err, STRIA_BAD_ARGUMENT, "metadata %s is '%.40s', expected logits or probabilities", KEY_OUTPUT, says);
    output_finding f = output_trace(scores, scores->shape.dim[1]);
    bool first = g->output_count > 0 && scores == g->outputs[0];
    output_kind shown = kind_shown(scores, &f);
    if (!says || (!first && shown.certain)) *out = shown; /* auxiliary outputs may be of another kind */
    else *out = logits ? kind_logits(scores) : kind_probabilities(scores, &f);
    return STRIA_OK;
}
