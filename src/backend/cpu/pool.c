/* Pooling in all three storage orders: the kernels see outer, row, column and a contiguous inner dimension. */
#include "op/pool.h"

#include "backend/cpu/cpu.h"
#include "kernel/pool.h"

typedef struct pool_plan {
    window_shape shape;
    window_storage storage;
} pool_plan;

static bool accept(const node *n, refusal *why) {
    const value *y = n->out[0];
    if (n->out_count > 1 && n->out[1]) return REFUSE(why, "indices of the maxima are wanted");
    if (!all_float32(n, why)) return false;
    for (int i = 0; i < n->in_count; i++)
        if (!layout_equal(&n->in[i]->layout, &y->layout, y->shape.rank))
            return REFUSE(why, "'%.40s' is %s, but the result is %s", n->in[i]->name, storage_name(n->in[i]),
                          storage_name(y));
    return true;
}

static stria_status prepare(impl_plan *plan, void **prepared, stria_error *err) {
    const node *n = plan->node;
    pool_plan *p = arena_alloc(plan->arena, sizeof *p);
    if (!p) FAIL(err, STRIA_NO_MEMORY, "layer '%s': not enough memory", n->name);
    pool_geometry g = pool_geometry_of(n);
    p->shape = (window_shape){g.ih, g.iw, g.oh, g.ow, g.kh, g.kw, g.sh,         g.sw,
                              g.pt, g.pl, g.pb, g.pr, g.dh, g.dw, g.include_pad};
    const value *y = n->out[0];
    p->storage = layout_is_identity(&y->layout, y->shape.rank) ? window_plain(&p->shape, g.batch, g.channels)
                 : value_is_batch_last(y) && !value_is_channels_last(y)
                     ? window_batch_last(&p->shape, g.batch, g.channels)
                     : window_channels_last(&p->shape, g.batch, g.channels);
    *prepared = p;
    return STRIA_OK;
}

static stria_status run_max(const impl_call *c, stria_error *err) {
    const pool_plan *p = c->prepared;
    (void)err;
    pool_max(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0]);
    return STRIA_OK;
}

static stria_status run_average(const impl_call *c, stria_error *err) {
    const pool_plan *p = c->prepared;
    (void)err;
    pool_average(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0]);
    return STRIA_OK;
}

static stria_status run_max_gradient(const impl_call *c, stria_error *err) {
    const pool_plan *p = c->prepared;
    (void)err;
    pool_max_gradient(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0], c->in[1]);
    return STRIA_OK;
}

static stria_status run_average_gradient(const impl_call *c, stria_error *err) {
    const pool_plan *p = c->prepared;
    (void)err;
    pool_average_gradient(c->ks, c->pool, &p->shape, &p->storage, c->out[0], c->in[0]);
    return STRIA_OK;
}

static const op_impl max_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run_max};
static const op_impl average_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run_average};
static const op_impl max_gradient_impl = {
    .name = "vector", .accept = accept, .prepare = prepare, .run = run_max_gradient};
static const op_impl average_gradient_impl = {
    .name = "vector", .accept = accept, .prepare = prepare, .run = run_average_gradient};

const op_impl *const cpu_max_pool[] = {&max_impl, &impl_reference, NULL};
const op_impl *const cpu_average_pool[] = {&average_impl, &impl_reference, NULL};
const op_impl *const cpu_max_pool_gradient[] = {&max_gradient_impl, &impl_reference, NULL};
const op_impl *const cpu_average_pool_gradient[] = {&average_gradient_impl, &impl_reference, NULL};
