/* Operators that only move elements: storage orders, transposition, views that cannot be views. */
#include "backend/cpu/cpu.h"
#include "kernel/layout.h"
#include "op/shape.h"

#include <string.h>

/* A strided copy over the result's dimensions in its storage order, so that writes run forward. */
typedef struct copy_plan {
    int rank;
    int64_t dims[RANK_MAX], x[RANK_MAX], y[RANK_MAX];
} copy_plan;

static bool accept_any(const node *n, refusal *why) {
    (void)n;
    (void)why;
    return true;
}

/* source[d]: the input's dimension that becomes output dimension d. */
static stria_status plan_new(impl_plan *p, const int64_t *source, void **prepared, stria_error *err) {
    const value *x = p->node->in[0], *y = p->node->out[0];
    int64_t x_pitch[RANK_MAX], y_pitch[RANK_MAX];
    copy_plan *c = arena_alloc(p->arena, sizeof *c);
    if (!c) FAIL(err, STRIA_NO_MEMORY, "layer '%s': not enough memory", p->node->name);
    layout_pitches(&x->layout, &x->shape, x_pitch);
    layout_pitches(&y->layout, &y->shape, y_pitch);
    c->rank = y->shape.rank;
    for (int i = 0; i < c->rank; i++) {
        int d = y->layout.perm[i];
        c->dims[i] = y->shape.dim[d];
        c->y[i] = y_pitch[d];
        c->x[i] = x_pitch[source ? source[d] : d];
    }
    *prepared = c;
    return STRIA_OK;
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    return plan_new(p, NULL, prepared, err);
}

static stria_status prepare_transpose(impl_plan *p, void **prepared, stria_error *err) {
    const ints *perm = &((const transpose_attributes *)p->node->attributes)->perm;
    int64_t source[RANK_MAX];
    int rank = p->node->out[0]->shape.rank;
    for (int d = 0; d < rank; d++) source[d] = perm->count ? perm->value[d] : rank - 1 - d;
    return plan_new(p, source, prepared, err);
}

static stria_status run(const impl_call *c, stria_error *err) {
    const copy_plan *p = c->prepared;
    (void)err;
    layout_copy(c->ks, c->pool, (int)dtype_bytes(c->node->out[0]->type), p->rank, p->dims, c->out[0], p->y, c->in[0],
                p->x);
    return STRIA_OK;
}

/* ---- views: the same elements in the same order under another shape ---- */

static bool accept_view(const node *n, refusal *why) {
    const value *x = n->in[0], *y = n->out[0];
    bool plain = value_is_plain(x) && value_is_plain(y);
    bool batch = value_is_batch_last(x) && value_is_batch_last(y) && x->shape.rank && y->shape.rank &&
                 x->shape.dim[0] == y->shape.dim[0];
    return plain || batch ? true : REFUSE(why, "%s becomes %s", storage_name(x), storage_name(y));
}

static stria_status run_view(const impl_call *c, stria_error *err) {
    const value *y = c->node->out[0];
    (void)err;
    if (c->out[0] != c->in[0]) memcpy(c->out[0], c->in[0], (size_t)shape_count(&y->shape) * dtype_bytes(y->type));
    return STRIA_OK;
}

static const op_impl copy_impl = {.name = "strided_copy", .accept = accept_any, .prepare = prepare, .run = run};
static const op_impl transpose_impl = {
    .name = "strided_copy", .accept = accept_any, .prepare = prepare_transpose, .run = run};
static const op_impl view_impl = {.name = "view", .accept = accept_view, .run = run_view};

const op_impl *const cpu_copy[] = {&copy_impl, &impl_reference, NULL};
const op_impl *const cpu_transpose[] = {&transpose_impl, &impl_reference, NULL};
const op_impl *const cpu_view[] = {&view_impl, &impl_reference, NULL};
