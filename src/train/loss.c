#include "train/loss.h"

#include "base/spec.h"
#include "base/text.h"
#include "op/build.h"

#include <stdio.h>
#include <string.h>

#define TERMS_MAX 16
#define TEXT_MAX  160

#define WEIGHT_MOST 1e6

/* What a loss reads of a head, and against what. Losses of two tensors see a label as its one-hot row. */
typedef enum reads { LOGITS, LOG_PROBABILITIES, SCORES } reads;
typedef enum target { LABELS, ONE_HOT } target;

static const struct row {
    const char *name; /* a layer of op/build.c */
    reads reads;
    target target;
    bool weighs; /* its operator takes a weight for each class */
    bool shares; /* it takes labels that are shares of classes */
} rows[] = {
    {"cross_entropy", LOGITS, LABELS, true, true},
    {"nll", LOG_PROBABILITIES, LABELS, true, false},
    {"hinge", LOGITS, LABELS, false, false},
    {"squared_error", SCORES, ONE_HOT, false, true},
    {"euclidean", SCORES, ONE_HOT, false, true},
    {"absolute_error", SCORES, ONE_HOT, false, true},
    {"huber", SCORES, ONE_HOT, false, true},
    {"binary_cross_entropy", LOGITS, ONE_HOT, false, true},
    {"kl_divergence", LOG_PROBABILITIES, ONE_HOT, false, true},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

typedef struct term {
    const struct row *row;
    char options[TEXT_MAX]; /* as layer_build takes them */
    char output[TEXT_MAX];  /* "": the first */
    double weight;
} term;

/* ---- reading ---- */

/* Appends " key=value" to the options that the layer will get. */
static stria_status option_add(term *t, const spec *s, stria_error *err) {
    const layer_def *l = layer_all();
    int unused;
    while (strcmp(l->name, t->row->name) != 0) l++;
    TRY(spec_choose(s, "option", s->key, SPEC_ROWS(l->options), &unused, err));
    size_t used = strlen(t->options), more = s->key.length + 1 + s->value.length;
    if (used + more + 2 > sizeof t->options)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: %s has too many options", t->row->name);
    snprintf(t->options + used, sizeof t->options - used, " %.*s", (int)more, s->key.at);
    return STRIA_OK;
}

static stria_status pair_take(term *t, const spec *s, stria_error *err) {
    if (spec_is(s->key, "output")) {
        if (spec_copy(s->value, t->output, sizeof t->output) && *t->output) return STRIA_OK;
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: output is not a name of an output");
    }
    if (!spec_is(s->key, "weight")) return option_add(t, s, err);
    return spec_positive(s, WEIGHT_MOST, &t->weight, err);
}

static stria_status term_read(spec *s, term *t, stria_error *err) {
    bool more;
    int i;
    *t = (term){.weight = 1};
    TRY(spec_choose(s, "loss", s->name, SPEC_ROWS(rows), &i, err));
    t->row = &rows[i];
    for (;;) {
        TRY(spec_next(s, &more, err));
        if (!more) return STRIA_OK;
        TRY(pair_take(t, s, err));
    }
}

static stria_status spec_read(const char *text, term terms[TERMS_MAX], int *count, stria_error *err) {
    spec s = spec_open_sum("--loss", text);
    *count = 0;
    do {
        if (*count == TERMS_MAX) FAIL(err, STRIA_BAD_ARGUMENT, "--loss: more than %d terms", TERMS_MAX);
        TRY(term_read(&s, &terms[(*count)++], err));
    } while (spec_next_term(&s));
    return STRIA_OK;
}

stria_status loss_check(const char *spec, stria_error *err) {
    term terms[TERMS_MAX];
    int count;
    return spec_read(spec, terms, &count, err);
}

/* ---- building ---- */

static const char *output_name(const graph *g, int i) {
    return g->output_names[i] ? g->output_names[i] : g->outputs[i]->name;
}

/* By name, or counted from 1. */
static stria_status output_find(const graph *g, const char *name, value **out, stria_error *err) {
    int64_t number;
    for (int i = 0; i < g->output_count; i++)
        if (!*name || strcmp(output_name(g, i), name) == 0) {
            *out = g->outputs[i];
            return STRIA_OK;
        }
    if (!text_to_int(name, &number) || number < 1 || number > g->output_count)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: model '%s' has no output '%s' among its %d", g->name, name,
             g->output_count);
    *out = g->outputs[number - 1];
    return STRIA_OK;
}

static value *one_hot(builder *b, value *labels, int64_t classes, dtype type) {
    shape two = {.rank = 1, .dim = {2}};
    value *in[3] = {labels, build_i64(b, &classes, 1), build_filled(b, type, &two, 0)};
    if (b->status == STRIA_OK) tensor_put(in[2]->data, 1, 1);
    return build(b, &op_OneHot, in, 3, NULL);
}

/* The loss's third input. */
static stria_status class_weights_add(graph *g, const term *t, const double *weights, value *loss, int64_t classes,
                                      stria_error *err) {
    shape s = {.rank = 1, .dim = {classes}};
    builder b = {.g = g, .origin = "class weights", .err = err};
    if (!t->row->weighs)
        FAIL(err, STRIA_BAD_ARGUMENT, "--class-weights are for cross_entropy and nll, not for %s", t->row->name);
    value *w = build_filled(&b, loss->type, &s, 0);
    TRY(b.status);
    for (int64_t i = 0; i < classes; i++) tensor_put(w->data, i, weights[i]);
    return graph_append_input(g, loss->producer, w, err);
}

static stria_status term_build(graph *g, const term *t, bool only, const double *class_weights, value *labels,
                               value **loss, stria_error *err) {
    value *output, *in[2];
    head h;
    char options[TEXT_MAX + 64];
    builder b = {.g = g, .origin = t->row->name, .err = err};
    TRY(output_find(g, t->output, &output, err));
    TRY(classifier_head(g, output, &h, err));
    in[0] = t->row->reads == SCORES ? h.scores : h.logits;
    if (t->row->reads == LOG_PROBABILITIES) in[0] = build1(&b, &op_LogSoftmax, in[0], NULL);
    if (dtype_is_float(labels->type) && !t->row->shares)
        FAIL(err, STRIA_BAD_ARGUMENT,
             "--loss: %s takes one class for each picture; mixup and cutmix make shares of two", t->row->name);
    bool as_they_are = t->row->target == LABELS || dtype_is_float(labels->type);
    in[1] = as_they_are ? labels : one_hot(&b, labels, h.logits->shape.dim[1], h.logits->type);
    TRY(b.status);
    const char *name = graph_fresh_name(g, only ? "loss" : t->row->name);
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a loss");
    snprintf(options, sizeof options, "name=%s%s", name, t->options);
    TRY(layer_build(g, t->row->name, in, 2, NULL, 0, options, 0, loss, err));
    if (class_weights) TRY(class_weights_add(g, t, class_weights, *loss, h.logits->shape.dim[1], err));
    if ((*loss)->shape.rank != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: %s with reduction none is not a number to minimise", t->row->name);
    if (t->weight != 1) *loss = build2(&b, &op_Mul, *loss, build_scalar(&b, (*loss)->type, t->weight), NULL);
    return b.status;
}

stria_status loss_build(graph *g, const char *spec, const double *class_weights, value *labels, value **loss,
                        stria_error *err) {
    term terms[TERMS_MAX];
    int count;
    builder b = {.g = g, .origin = "loss", .err = err};
    TRY(spec_read(spec, terms, &count, err));
    for (int i = 0; i < count; i++) {
        value *one;
        TRY(term_build(g, &terms[i], count == 1, class_weights, labels, &one, err));
        *loss = i == 0 ? one : build2(&b, &op_Add, *loss, one, NULL);
    }
    return b.status;
}
