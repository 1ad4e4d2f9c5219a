#include "graph/known.h"

#include "base/sizes.h"
#include "graph/evaluate.h"
#include "graph/op_def.h"

#define KNOWN_INPUTS  32 /* of a node; Concat may have as many as it likes */
#define KNOWN_OUTPUTS 8

static bool small(const value *v) {
    int64_t count = shape_count(&v->shape);
    return count >= 0 && count <= KNOWN_MAX;
}

static bool knowable(const node *n) {
    if (!n->op->reference || n->op->random || n->in_count > KNOWN_INPUTS || n->out_count > KNOWN_OUTPUTS) return false;
    for (int i = 0; i < n->in_count; i++) {
        if (!n->in[i]) continue;
        if (n->op->shape_inputs >> i & 1) continue;
        if (!value_contents(n->in[i]) || !small(n->in[i])) return false;
    }
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && !small(n->out[i])) return false;
    return true;
}

stria_status node_know(node *n, int64_t *left, stria_error *err) {
    const void *in[KNOWN_INPUTS] = {0};
    tensor *results[KNOWN_OUTPUTS] = {0};
    stria_error why = {0};
    if (!knowable(n)) return STRIA_OK;
    int64_t count = 1; /* a node is work, however little it gives */
    for (int i = 0; i < n->out_count; i++) count += n->out[i] ? shape_count(&n->out[i]->shape) : 0;
    if (n->op->cost) count = size_add(count, n->op->cost(n).multiply_adds); /* a sum can be work without giving much */
    if (count > *left) return STRIA_OK;
    *left -= count;
    for (int i = 0; i < n->in_count; i++)
        if (value_contents(n->in[i])) in[i] = value_contents(n->in[i])->data;
    stria_status status = node_evaluate_new(n, in, results, &why);
    for (int i = 0; i < n->out_count && status == STRIA_OK; i++)
        if (n->out[i]) n->out[i]->data = results[i]; /* whose reference is the value's now */
    if (status != STRIA_NO_MEMORY) return STRIA_OK;
    if (err) *err = why;
    return status;
}
