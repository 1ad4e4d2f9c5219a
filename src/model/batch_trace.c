#include "model/batch_trace.h"

#include "graph/evaluate.h"
#include "graph/known.h"
#include "op/op.h"

#include <string.h>

stria_status batch_trace_new(batch_trace *out, const graph *g, stria_error *err) {
    batch_trace t = {.g = g};
    TRY(mem_new(&t.mask, (size_t)g->value_count + 1, sizeof *t.mask, "the batch", err));
    arena_init(&t.arena);
    *out = t;
    return STRIA_OK;
}

void batch_trace_release(batch_trace *t) {
    mem_free((void *)t->mask);
    arena_release(&t->arena);
    *t = (batch_trace){0};
}

/* Contents that a node computed ahead. */
static const tensor *computed(const value *v) {
    return v && v->kind == VALUE_NODE ? v->data : NULL;
}

static stria_status mark(batch_trace *t, const value *v, int64_t element, stria_error *err) {
    uint8_t **mask = &t->mask[v->id];
    if (!*mask && !(*mask = arena_alloc(&t->arena, (size_t)shape_count(&v->shape) + 1)))
        FAIL(err, STRIA_NO_MEMORY, "not enough memory to follow the batch");
    (*mask)[element] = 1;
    return STRIA_OK;
}

static stria_status mark_all(batch_trace *t, const value *v, stria_error *err) {
    if (!computed(v)) return STRIA_OK;
    TRY(mark(t, v, 0, err)); /* also of no element: their number may follow from it */
    for (int64_t i = 1; i < shape_count(&v->shape); i++) TRY(mark(t, v, i, err));
    return STRIA_OK;
}

bool batch_trace_depends(const batch_trace *t, const value *v) {
    return v->id < t->g->value_count && t->mask[v->id];
}

stria_status batch_trace_note(batch_trace *t, const graph *other, stria_error *err) {
    for (int i = 0; i < t->g->value_count; i++) {
        const value *v = t->g->values[i], *w = i < other->value_count ? other->values[i] : NULL;
        const tensor *a = computed(v), *b = computed(w);
        if (!a) continue;
        if (!b || a->type != b->type || !shape_equal(&a->shape, &b->shape)) {
            TRY(mark_all(t, v, err));
            continue;
        }
        size_t each = dtype_bytes(a->type);
        for (int64_t k = 0; k < shape_count(&a->shape); k++)
            if (memcmp((const char *)a->data + (size_t)k * each, (const char *)b->data + (size_t)k * each, each) != 0)
                TRY(mark(t, v, k, err));
    }
    return STRIA_OK;
}

/* ---- from contents to contents ---- */

/* Bit i: elements of input i are moved to the results, each by itself; 0: any other operator. */
static uint32_t moved_inputs(const op_def *op) {
    const op_def *const first[] = {&op_Gather,   &op_Slice,  &op_Squeeze,   &op_Unsqueeze, &op_Reshape, &op_Flatten,
                                   &op_Identity, &op_Expand, &op_Transpose, &op_Split,     &op_Cast};
    if (op == &op_Concat) return UINT32_MAX;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (op == first[i]) return 1;
    return 0;
}

/* The marks themselves go through the operator: 1 for an element that follows from the batch, 0 for the others. */
static stria_status marks_move(batch_trace *t, const node *n, uint32_t moved, tensor **marks, tensor **results,
                               stria_error *err) {
    const void *in[32] = {0};
    for (int i = 0; i < n->in_count; i++) {
        const value *v = n->in[i];
        if (!v) continue;
        in[i] = value_contents(v)->data;
        if (!(moved >> i & 1)) continue;
        TRY(tensor_new(&marks[i], v->type, &v->shape, v->name, err));
        for (int64_t k = 0; t->mask[v->id] && k < shape_count(&v->shape); k++)
            if (t->mask[v->id][k]) tensor_put(marks[i], k, 1);
        in[i] = marks[i]->data;
    }
    TRY(node_evaluate_new(n, in, results, err));
    for (int o = 0; o < n->out_count; o++)
        for (int64_t k = 0; computed(n->out[o]) && k < shape_count(&n->out[o]->shape); k++)
            if (tensor_f64(results[o], k) != 0) TRY(mark(t, n->out[o], k, err));
    return STRIA_OK;
}

static stria_status move(batch_trace *t, const node *n, uint32_t moved, stria_error *err) {
    tensor *marks[32] = {0}, *results[8] = {0};
    stria_status status = marks_move(t, n, moved, marks, results, err);
    for (int i = 0; i < 32; i++) tensor_release(marks[i]);
    for (int i = 0; i < 8; i++) tensor_release(results[i]);
    return status;
}

static stria_status node_spread(batch_trace *t, const node *n, stria_error *err) {
    uint32_t moved = moved_inputs(n->op), marked = 0;
    bool known = false;
    for (int o = 0; o < n->out_count; o++) known |= computed(n->out[o]) != NULL;
    if (!known) return STRIA_OK; /* so that it has no more inputs and outputs than known.c allows */
    for (int i = 0; i < n->in_count;
         i++) /* of an input of which only the shape is read, batch_trace_note has seen it */
        if (n->in[i] && t->mask[n->in[i]->id] && !(n->op->shape_inputs >> i & 1)) marked |= (uint32_t)1 << i;
    if (!marked) return STRIA_OK;
    if (!(marked & ~moved)) return move(t, n, moved, err);
    for (int o = 0; o < n->out_count; o++) TRY(mark_all(t, n->out[o], err));
    return STRIA_OK;
}

stria_status batch_trace_spread(batch_trace *t, stria_error *err) {
    for (int i = 0; i < t->g->node_count; i++) TRY(node_spread(t, t->g->nodes[i], err));
    return STRIA_OK;
}
