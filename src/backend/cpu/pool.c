/* Pooling in all three storage orders: the kernels see outer, row, column and a contiguous inner dimension. */
#include "op/pool.h"

#include "backend/cpu/cpu.h"
#include "kernel/windows/pool.h"
#include "op/unpool.h"

typedef struct pool_plan {
    pool_shape shape;
    window_storage storage;
    window_indices indices;
    bool space; /* three dimensions, of plain storage */
} pool_plan;

static bool accept(const node *n, refusal *why) {
    const value *y = n->out[0], *indices = n->out_count > 1 ? n->out[1] : NULL;
    if (!y || y->type != STRIA_FLOAT32) return REFUSE(why, "output 1 is %s", y ? dtype_name(y->type) : "absent");
    if (indices && !value_is_plain(indices)) return REFUSE(why, "indices are %s", storage_name(indices));
    for (int i = 0; i < n->in_count; i++)
        if (!layout_equal(&n->in[i]->layout, &y->layout, y->shape.rank))
            return REFUSE(why, "'%.40s' is %s, but the result is %s", n->in[i]->name, storage_name(n->in[i]),
                          storage_name(y));
    const value *image = n->in[n->in_count - 1]; /* x */
    if (y->shape.rank > 4 && !(value_is_plain(image) && value_is_plain(y)))
        return REFUSE(why, "three dimensions, %s", storage_name(image));
    return true;
}

static bool accept_norm(const node *n, refusal *why) {
    int64_t p = pool_shape_of(n).p;
    if (p > WINDOW_P_MOST) return REFUSE(why, "p is %lld, more than %d", (long long)p, WINDOW_P_MOST);
    return accept(n, why);
}

static stria_status prepare(impl_plan *plan, void **prepared, stria_error *err) {
    const node *n = plan->node;
    pool_plan *p = arena_alloc(plan->arena, sizeof *p);
    if (!p) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    p->shape = pool_shape_of(n);
    const value *y = n->out[0];
    bool plain = layout_is_identity(&y->layout, y->shape.rank);
    p->space = y->shape.rank > 4;
    bool batch_last = !plain && value_is_batch_last(y) && !value_is_channels_last(y);
    p->storage = plain        ? window_plain(&p->shape)
                 : batch_last ? window_batch_last(&p->shape)
                              : window_channels_last(&p->shape);
    p->indices = (window_indices){.outer_step = plain || batch_last ? 1 : p->shape.channels,
                                  .inner_step = batch_last ? p->shape.channels : 1,
                                  .column_major = n->op == &op_MaxPool &&
                                                  ((const pool_attributes *)n->attributes)->storage_order == 1};
    *prepared = p;
    return STRIA_OK;
}

static void run_max(const impl_call *c) {
    const pool_plan *p = c->prepared;
    bool indices = c->node->out_count > 1 && c->out[1];
    if (p->space) {
        pool_space_max(c->pool, &p->shape, c->out[0], indices ? c->out[1] : NULL, p->indices.column_major, c->in[0]);
        return;
    }
    if (indices) {
        window_indices to = p->indices;
        to.indices = c->out[1];
        pool_max_indices(c->ks, c->pool, &p->shape, &p->storage, c->out[0], &to, c->in[0]);
        return;
    }
    pool_max(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0]);
}

static void run_norm(const impl_call *c) {
    const pool_plan *p = c->prepared;
    if (p->space) pool_space_sum(c->pool, &p->shape, c->out[0], c->in[0]);
    else pool_norm(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0]);
}

static void run_average(const impl_call *c) {
    const pool_plan *p = c->prepared;
    if (p->space) pool_space_sum(c->pool, &p->shape, c->out[0], c->in[0]);
    else pool_average(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0]);
}

static void run_max_gradient(const impl_call *c) {
    const pool_plan *p = c->prepared;
    if (p->space) pool_space_max_gradient(c->pool, &p->shape, c->out[0], c->in[0], c->in[1]);
    else pool_max_gradient(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0], c->in[1]);
}

static void run_average_gradient(const impl_call *c) {
    const pool_plan *p = c->prepared;
    if (p->space) pool_space_average_gradient(c->pool, &p->shape, c->out[0], c->in[0]);
    else pool_average_gradient(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0]);
}

/* Max unpooling, forth or back: in plain storage, one by one, so that of equal indices the last counts. */
static bool accept_unpool(const node *n, refusal *why) {
    if (n->in[0]->type != STRIA_FLOAT32) return REFUSE(why, "input 1 is %s", dtype_name(n->in[0]->type));
    return true;
}

static stria_status check_unpool(const impl_call *c, stria_error *err) {
    unpool_geometry g = unpool_geometry_of(c->node);
    return unpool_check(c->in[1], shape_count(&c->node->in[1]->shape), &g, err);
}

static void run_unpool(const impl_call *c) {
    unpool_geometry g = unpool_geometry_of(c->node);
    const unpool_shape s = {g.planes, g.fh, g.fw, g.oh, g.ow};
    int64_t count = shape_count(&c->node->in[1]->shape);
    (c->node->op == &op_MaxUnpool ? pool_unpool : pool_unpool_gradient)(&s, c->out[0], c->in[0], c->in[1], count);
}

static const op_impl unpool_impl = {
    .name = "scatter", .accept = accept_unpool, .check = check_unpool, .run = run_unpool};
static const op_impl max_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run_max};
static const op_impl average_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run_average};
static const op_impl norm_impl = {.name = "vector", .accept = accept_norm, .prepare = prepare, .run = run_norm};
static const op_impl max_gradient_impl = {
    .name = "vector", .accept = accept, .prepare = prepare, .run = run_max_gradient};
static const op_impl average_gradient_impl = {
    .name = "vector", .accept = accept, .prepare = prepare, .run = run_average_gradient};

const op_impl *const cpu_max_pool[] = {&max_impl, &impl_reference, NULL};
const op_impl *const cpu_average_pool[] = {&average_impl, &impl_reference, NULL};
const op_impl *const cpu_norm_pool[] = {&norm_impl, &impl_reference, NULL};
const op_impl *const cpu_unpool[] = {&unpool_impl, &impl_reference, NULL};
const op_impl *const cpu_max_pool_gradient[] = {&max_gradient_impl, &impl_reference, NULL};
const op_impl *const cpu_average_pool_gradient[] = {&average_gradient_impl, &impl_reference, NULL};
