/* Softmax along an axis, and the cross-entropy of logits: classes contiguous (plain) or images contiguous (batch-last).
 */
#include "kernel/rows/softmax.h"

#include "backend/cpu/cpu.h"
#include "op/shape.h"

/* The box [outer][classes][inner] that a dense tensor is when an axis is its classes. */
typedef struct softmax_plan {
    int64_t outer, classes, inner;
    bool logarithm;
} softmax_plan;

static bool accept(const node *n, refusal *why) {
    const value *x = n->in[0], *y = n->out[0];
    if (!all_float32(n, why)) return false;
    for (int i = 0; i < n->in_count; i++)
        if (!value_is_like(n->in[i], y))
            return REFUSE(why, "'%.40s' is %s, but the result is %s", n->in[i]->name, storage_name(n->in[i]),
                          storage_name(y));
    return x->shape.rank > 0 ? true : REFUSE(why, "a scalar");
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    const value *x = n->in[0];
    softmax_plan *s = arena_alloc(p->arena, sizeof *s);
    if (!s) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    int64_t axis = ((const axis_attributes *)n->attributes)->axis;
    if (axis < 0) axis += x->shape.rank;
    *s = (softmax_plan){1, x->shape.dim[axis], 1, n->op == &op_LogSoftmax || n->op == &op_LogSoftmaxGradient};
    bool before = true;
    for (int i = 0; i < x->shape.rank; i++) {
        int d = x->layout.perm[i];
        if (d == axis) before = false;
        else if (before) s->outer *= x->shape.dim[d];
        else s->inner *= x->shape.dim[d];
    }
    *prepared = s;
    return STRIA_OK;
}

static void run(const impl_call *c) {
    const softmax_plan *s = c->prepared;
    softmax_run(c->ks, c->pool, s->logarithm, c->out[0], c->in[0], s->outer, s->classes, s->inner);
}

static void run_gradient(const impl_call *c) {
    const softmax_plan *s = c->prepared;
    softmax_gradient(c->ks, c->pool, s->logarithm, c->out[0], c->in[0], c->in[1], s->outer, s->classes, s->inner);
}

static const op_impl softmax_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run};
static const op_impl gradient_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run_gradient};

const op_impl *const cpu_softmax[] = {&softmax_impl, &impl_reference, NULL};
const op_impl *const cpu_softmax_gradient[] = {&gradient_impl, &impl_reference, NULL};
