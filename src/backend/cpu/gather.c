/* Operators that read or write by index, OneHot, and the gradient of paddings that repeat x. */
#include "kernel/elements/gather.h"

#include "backend/cpu/cpu.h"
#include "kernel/elements/copy.h"
#include "op/gather.h"
#include "op/rule.h"
#include "op/shape.h"

static bool accept_plain(const node *n, refusal *why) {
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !value_is_plain(n->in[i])) return REFUSE(why, "input %d is %s", i + 1, storage_name(n->in[i]));
    return value_is_plain(n->out[0]) ? true : REFUSE(why, "output is %s", storage_name(n->out[0]));
}

static bool accept_scatter(const node *n, refusal *why) {
    bool sum = n->op == &op_GatherGradient || scatter_reduction_of(n) != SCATTER_NONE;
    if (sum && n->out[0]->type != STRIA_FLOAT32) return REFUSE(why, "a reduction of %s", dtype_name(n->out[0]->type));
    return accept_plain(n, why);
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    picks k = picks_of(n);
    gather_rows *g = arena_alloc(p->arena, sizeof *g);
    if (!g) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    *g = (gather_rows){
        .size = (int)dtype_bytes(n->out[0]->type), .rank = k.rows.rank, .count = k.count, .inner = k.inner};
    for (int d = 0; d < k.rows.rank; d++) g->dims[d] = k.rows.dim[d], g->base[d] = k.base[d], g->at[d] = k.at[d];
    for (int i = 0; i < k.count; i++) g->length[i] = k.size[i], g->stride[i] = k.stride[i];
    g->indices.wide = n->in[1]->type == STRIA_INT64;
    *prepared = g;
    return STRIA_OK;
}

/* The plan with this run's indices. */
static gather_rows rows_of(const impl_call *c) {
    gather_rows g = *(const gather_rows *)c->prepared;
    g.indices.data = c->in[1];
    return g;
}

static stria_status check(const impl_call *c, stria_error *err) {
    gather_rows g = rows_of(c);
    int64_t bad = gather_check(&g, shape_count(&c->node->in[1]->shape));
    if (bad >= 0)
        FAIL(err, STRIA_BAD_VALUE, "index %lld is outside a dimension of %lld entries",
             (long long)gather_index(&g.indices, bad), (long long)g.length[bad % g.count]);
    return STRIA_OK;
}

static void run_gather(const impl_call *c) {
    gather_rows g = rows_of(c);
    gather_run(c->pool, &g, c->out[0], c->in[0]);
}

static void fill_zero(const impl_call *c) {
    const value *y = c->node->out[0];
    copy_fill(c->ks, c->pool, (int)dtype_bytes(y->type), c->out[0], shape_count(&y->shape), &(uint64_t){0});
}

static void run_gather_gradient(const impl_call *c) {
    gather_rows g = rows_of(c);
    fill_zero(c);
    scatter_run(c->ks, c->pool, &g, GATHER_ADD, c->out[0], c->in[0]);
}

static void run_scatter(const impl_call *c) {
    static const gather_write writes[] = {[SCATTER_NONE] = GATHER_PUT,
                                          [SCATTER_ADD] = GATHER_ADD,
                                          [SCATTER_MUL] = GATHER_MUL,
                                          [SCATTER_MAX] = GATHER_MAX,
                                          [SCATTER_MIN] = GATHER_MIN};
    const value *y = c->node->out[0];
    int64_t count = shape_count(&y->shape), one = 1;
    gather_rows g = rows_of(c);
    if (c->out[0] != c->in[0])
        copy_once(c->ks, c->pool, (int)dtype_bytes(y->type), 1, &count, c->out[0], &one, c->in[0], &one);
    scatter_run(c->ks, c->pool, &g, writes[scatter_reduction_of(c->node)], c->out[0], c->in[2]);
}

/* ---- OneHot ---- */

static bool accept_one_hot(const node *n, refusal *why) {
    dtype type = n->in[0]->type;
    if (type != STRIA_INT64 && type != STRIA_INT32) return REFUSE(why, "indices are %s", dtype_name(type));
    return accept_plain(n, why);
}

static void run_one_hot(const impl_call *c) {
    const node *n = c->node;
    const shape *y = &n->out[0]->shape;
    int64_t given = ((const axis_attributes *)n->attributes)->axis;
    int axis = (int)(given < 0 ? given + y->rank : given), size = (int)dtype_bytes(n->out[0]->type);
    int64_t depth = y->dim[axis], inner = shape_span(y, axis + 1, y->rank), count = shape_count(&n->in[0]->shape);
    gather_indices indices = {c->in[0], n->in[0]->type == STRIA_INT64};
    const char *on = (const char *)c->in[2] + size;
    copy_fill(c->ks, c->pool, size, c->out[0], shape_count(y), c->in[2]);
    for (int64_t i = 0; i < count; i++) {
        int64_t k = gather_index(&indices, i);
        if (k < 0) k += depth;
        if (k < 0 || k >= depth) continue;
        char *to = (char *)c->out[0] + ((i / inner * depth + k) * inner + i % inner) * size;
        for (int b = 0; b < size; b++) to[b] = on[b];
    }
}

/* ---- PadGradient ---- */

static stria_status prepare_pad(impl_plan *p, void **prepared, stria_error *err) {
    const value *dy = p->node->in[0], *dx = p->node->out[0];
    pad_geometry g = pad_geometry_of(p->node);
    int64_t y_pitch[RANK_MAX], x_pitch[RANK_MAX];
    gather_map *m = arena_alloc(p->arena, sizeof *m);
    if (!m) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    layout_pitches(&dy->layout, &dy->shape, y_pitch);
    layout_pitches(&dx->layout, &dx->shape, x_pitch);
    m->rank = dx->shape.rank;
    bool apart = true;
    for (int k = 0; k < m->rank; k++) {
        int d = dx->layout.perm[k];
        bool kept = g.before[d] == 0 && g.after[d] == 0;
        int64_t *map = arena_alloc(p->arena, (size_t)(dy->shape.dim[d] + 1) * sizeof *map);
        if (!map) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
        for (int64_t i = 0; i < dy->shape.dim[d]; i++) map[i] = pad_source(&g, d, dx->shape.dim[d], i) * x_pitch[d];
        m->dims[k] = dy->shape.dim[d], m->ys[k] = y_pitch[d], m->map[k] = map;
        apart = apart && kept && k + 1 < m->rank;
        if (apart) m->apart++;
        m->run = kept && y_pitch[d] == 1 && x_pitch[d] == 1;
    }
    *prepared = m;
    return STRIA_OK;
}

static bool accept_pad(const node *n, refusal *why) {
    if (pad_geometry_of(n).mode == PAD_CONSTANT) return REFUSE(why, "padding with a constant is cropped");
    if (n->out[0]->type != STRIA_FLOAT32) return REFUSE(why, "sums of %s", dtype_name(n->out[0]->type));
    return n->out[0]->shape.rank ? true : REFUSE(why, "a scalar");
}

static void run_pad(const impl_call *c) {
    fill_zero(c);
    map_accumulate(c->ks, c->pool, c->prepared, c->out[0], c->in[0]);
}

static const op_impl gather_impl = {
    .name = "rows", .accept = accept_plain, .prepare = prepare, .check = check, .run = run_gather};
static const op_impl gather_gradient_impl = {
    .name = "rows", .accept = accept_scatter, .prepare = prepare, .check = check, .run = run_gather_gradient};
static const op_impl scatter_impl = {
    .name = "rows", .accept = accept_scatter, .prepare = prepare, .check = check, .run = run_scatter};
static const op_impl one_hot_impl = {.name = "fill", .accept = accept_one_hot, .run = run_one_hot};
static const op_impl pad_gradient_impl = {.name = "sums", .accept = accept_pad, .prepare = prepare_pad, .run = run_pad};

const op_impl *const cpu_gather[] = {&gather_impl, &impl_reference, NULL};
const op_impl *const cpu_gather_gradient[] = {&gather_gradient_impl, &impl_reference, NULL};
const op_impl *const cpu_scatter[] = {&scatter_impl, &impl_reference, NULL};
const op_impl *const cpu_one_hot[] = {&one_hot_impl, &impl_reference, NULL};
const op_impl *const cpu_pad_gradient[] = {&pad_gradient_impl, &impl_reference, NULL};
