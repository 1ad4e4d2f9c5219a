/* ArgMax, ArgMin, Hardmax, TopK along one dimension, in any storage order. */
#include "op/arg.h"

#include "backend/cpu/cpu.h"
#include "kernel/rows/arg.h"

/* The input that is searched; of the gradient the result, which is like it. */
static const value *searched(const node *n) {
    return n->op == &op_TopKGradient ? n->out[0] : n->in[0];
}
/* What has one element a run, or k. */
static const value *found(const node *n) {
    return n->op == &op_TopKGradient ? n->in[0] : n->out[0];
}

static bool accept(const node *n, refusal *why) {
    const value *x = searched(n);
    int64_t count = x->shape.dim[arg_axis_of(n)];
    if (x->type != STRIA_FLOAT32) return REFUSE(why, "the numbers are %s", dtype_name(x->type));
    if (count > INT32_MAX) return REFUSE(why, "an axis of %lld elements", (long long)count);
    return true;
}

static bool accept_top(const node *n, refusal *why) {
    const value *indices = n->op == &op_TopK ? n->out[1] : n->in[1], *y = found(n);
    if (!indices || !n->out[0]) return REFUSE(why, "one of its outputs is not wanted");
    if (!layout_equal(&indices->layout, &y->layout, y->shape.rank))
        return REFUSE(why, "values are %s, but indices %s", storage_name(y), storage_name(indices));
    return accept(n, why);
}

/* Without keepdims the result has one dimension less. */
static void strides_fill(arg_shape *s, const node *n) {
    const value *x = searched(n), *y = found(n);
    int64_t pitch[RANK_MAX];
    layout_pitches(&x->layout, &x->shape, s->x);
    layout_pitches(&y->layout, &y->shape, pitch);
    s->rank = x->shape.rank;
    s->axis = arg_axis_of(n);
    for (int d = 0, at = 0; d < s->rank; d++) {
        bool dropped = d == s->axis && y->shape.rank < s->rank;
        s->dims[d] = x->shape.dim[d];
        s->y[d] = dropped ? 0 : pitch[at++];
    }
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    arg_shape *s = arena_alloc(p->arena, sizeof *s);
    if (!s) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    *s = (arg_shape){.least = n->op == &op_ArgMin};
    strides_fill(s, n);
    if (n->op == &op_ArgMax || n->op == &op_ArgMin)
        s->last = ((const arg_attributes *)n->attributes)->select_last_index != 0;
    if (n->op == &op_TopK) {
        s->least = ((const topk_attributes *)n->attributes)->largest == 0;
        p->scratch_bytes = sizeof(int64_t) * (size_t)p->threads * (size_t)found(n)->shape.dim[s->axis];
    }
    *prepared = s;
    return STRIA_OK;
}

static int64_t k_of(const impl_call *c) {
    return found(c->node)->shape.dim[arg_axis_of(c->node)];
}

static void run(const impl_call *c) {
    arg_run(c->ks, c->pool, c->prepared, c->out[0], c->in[0]);
}

static void run_hard(const impl_call *c) {
    arg_hard(c->ks, c->pool, c->prepared, c->out[0], c->in[0]);
}

static void run_top(const impl_call *c) {
    arg_top(c->pool, c->prepared, k_of(c), c->out[0], c->out[1], c->in[0], c->scratch);
}

static void run_top_gradient(const impl_call *c) {
    arg_top_gradient(c->pool, c->prepared, k_of(c), c->out[0], c->in[0], c->in[1]);
}

static const op_impl arg_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run};
static const op_impl hard_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run_hard};
static const op_impl top_impl = {.name = "heap", .accept = accept_top, .prepare = prepare, .run = run_top};
static const op_impl top_gradient_impl = {
    .name = "scatter", .accept = accept_top, .prepare = prepare, .run = run_top_gradient};

const op_impl *const cpu_arg[] = {&arg_impl, &impl_reference, NULL};
const op_impl *const cpu_hardmax[] = {&hard_impl, &impl_reference, NULL};
const op_impl *const cpu_topk[] = {&top_impl, &impl_reference, NULL};
const op_impl *const cpu_topk_gradient[] = {&top_gradient_impl, &impl_reference, NULL};
