/* Operators that only move elements: each is a list of strided boxes, from any storage order to any other. */
#include "kernel/elements/copy.h"

#include "backend/cpu/cpu.h"
#include "op/shape.h"

#include <string.h>

#define BOXES_MAX 512 /* of a node, but for its inputs and outputs; more are left to the reference */

/* The boxes; while `box` is NULL they are counted only. The first `before` ones are copied before the others. */
typedef struct move_plan {
    const node *node;
    int count, before;
    copy_box *box, unused;
} move_plan;

/* One dimension of a box: its size, the strides in y and x. */
static void box_dim(copy_box *b, int64_t size, int64_t ys, int64_t xs) {
    b->dims[b->rank] = size, b->ys[b->rank] = ys, b->xs[b->rank++] = xs;
}

static copy_box *box_add(move_plan *m, int to, int from) {
    copy_box *b = m->box ? &m->box[m->count] : &m->unused;
    m->count++;
    *b = (copy_box){.to = to, .from = from, .size = (int)dtype_bytes(m->node->in[0]->type)};
    return b;
}

/* Strides of each logical dimension in memory. */
typedef struct pitches {
    int64_t of[RANK_MAX];
} pitches;

static pitches pitches_of(const value *v) {
    pitches p;
    layout_pitches(&v->layout, &v->shape, p.of);
    return p;
}

/* All of v's shape, from input `from` to output `to`. */
static copy_box *box_whole(move_plan *m, const shape *s, int to, int from) {
    copy_box *b = box_add(m, to, from);
    pitches y = pitches_of(m->node->out[to]), x = pitches_of(m->node->in[from]);
    for (int d = 0; d < s->rank; d++) box_dim(b, s->dim[d], y.of[d], x.of[d]);
    return b;
}

/* ---- the operators ---- */

static void identity_move(move_plan *m) {
    box_whole(m, &m->node->out[0]->shape, 0, 0);
}

static void transpose_move(move_plan *m) {
    const ints *perm = &((const transpose_attributes *)m->node->attributes)->perm;
    const shape *s = &m->node->out[0]->shape;
    pitches y = pitches_of(m->node->out[0]), x = pitches_of(m->node->in[0]);
    copy_box *b = box_add(m, 0, 0);
    for (int d = 0; d < s->rank; d++)
        box_dim(b, s->dim[d], y.of[d], x.of[perm->count ? perm->value[d] : s->rank - 1 - d]);
}

/* Expand, ExpandTo: dimensions of size 1, and those that are not there, repeat. */
static void expand_move(move_plan *m) {
    const shape *from = &m->node->in[0]->shape, *to = &m->node->out[0]->shape;
    pitches y = pitches_of(m->node->out[0]), x = pitches_of(m->node->in[0]);
    copy_box *b = box_add(m, 0, 0);
    for (int d = 0; d < to->rank; d++) {
        int k = d - (to->rank - from->rank);
        box_dim(b, to->dim[d], y.of[d], k < 0 || from->dim[k] == 1 ? 0 : x.of[k]);
    }
}

static void tile_move(move_plan *m) {
    const shape *from = &m->node->in[0]->shape, *to = &m->node->out[0]->shape;
    pitches y = pitches_of(m->node->out[0]), x = pitches_of(m->node->in[0]);
    copy_box *b = box_add(m, 0, 0);
    for (int d = 0; d < to->rank; d++) {
        box_dim(b, from->dim[d] ? to->dim[d] / from->dim[d] : 0, y.of[d] * from->dim[d], 0);
        box_dim(b, from->dim[d], y.of[d], x.of[d]);
    }
}

static int axis_of(int64_t axis, int rank) {
    return (int)(axis < 0 ? axis + rank : axis);
}

static void concat_move(move_plan *m) {
    const node *n = m->node;
    int axis = axis_of(((const axis_attributes *)n->attributes)->axis, n->out[0]->shape.rank);
    int64_t before = 0;
    for (int i = 0; i < n->in_count; i++) {
        box_whole(m, &n->in[i]->shape, 0, i)->y_first = before * pitches_of(n->out[0]).of[axis];
        before += n->in[i]->shape.dim[axis];
    }
}

static void split_move(move_plan *m) {
    const node *n = m->node;
    int axis = axis_of(((const split_attributes *)n->attributes)->axis, n->in[0]->shape.rank);
    int64_t begin = 0;
    for (int i = 0; i < n->out_count; begin += split_size(n, i++))
        if (n->out[i]) box_whole(m, &n->out[i]->shape, i, 0)->x_first = begin * pitches_of(n->in[0]).of[axis];
}

static void slice_move(move_plan *m) {
    slice_geometry g = slice_geometry_of(m->node);
    pitches x = pitches_of(m->node->in[0]);
    copy_box *b = box_whole(m, &m->node->out[0]->shape, 0, 0);
    for (int d = 0; d < b->rank; d++) b->xs[d] *= g.step[d], b->x_first += g.start[d] * x.of[d];
}

static void slice_gradient_move(move_plan *m) {
    slice_geometry g = slice_geometry_of(m->node);
    pitches dx = pitches_of(m->node->out[0]);
    copy_box *zeros = box_add(m, 0, COPY_ZERO);
    box_dim(zeros, shape_count(&m->node->out[0]->shape), 1, 0);
    m->before = 1;
    copy_box *b = box_whole(m, &m->node->in[0]->shape, 0, 0);
    for (int d = 0; d < b->rank; d++) b->ys[d] *= g.step[d], b->y_first += g.start[d] * dx.of[d];
}

/* DepthToSpace and SpaceToDepth: deep[b, channel, h, w] and wide[b, c, h·s + i, w·s + j]; the steps are how many
 * channels of `deep` c, i and j count. */
static void blocks_move(move_plan *m) {
    bool spread = m->node->op == &op_DepthToSpace;
    const value *wide = spread ? m->node->out[0] : m->node->in[0], *deep = spread ? m->node->in[0] : m->node->out[0];
    const depth_attributes *a = m->node->attributes;
    bool crd = strcmp(a->mode, "CRD") == 0;
    int64_t s = a->blocksize, channels = wide->shape.dim[1];
    int64_t c_step = crd ? s * s : 1, i_step = crd ? s : s * channels, j_step = crd ? 1 : channels;
    pitches p = pitches_of(wide), q = pitches_of(deep);
    const int64_t dims[6] = {wide->shape.dim[0], channels, deep->shape.dim[2], s, deep->shape.dim[3], s};
    const int64_t in_wide[6] = {p.of[0], p.of[1], p.of[2] * s, p.of[2], p.of[3] * s, p.of[3]};
    const int64_t in_deep[6] = {q.of[0], q.of[1] * c_step, q.of[2], q.of[1] * i_step, q.of[3], q.of[1] * j_step};
    copy_box *b = box_add(m, 0, 0);
    for (int d = 0; d < 6; d++) box_dim(b, dims[d], spread ? in_wide[d] : in_deep[d], spread ? in_deep[d] : in_wide[d]);
}

/* ---- padding: a box for each combination of the stretches in which x is read evenly ---- */

typedef struct pad_walk {
    move_plan *m;
    pad_geometry g;
    pitches y, x;
    copy_box box; /* its dimensions before the current one */
} pad_walk;

/* How many entries of y's dimension d from i on are x's `from`, from + step, …; all that are the value if from < 0. */
static int64_t stretch(const pad_walk *w, int d, int64_t i, int64_t *from, int64_t *step) {
    int64_t size = w->m->node->in[0]->shape.dim[d], left = w->m->node->out[0]->shape.dim[d] - i;
    int64_t n = pad_run(&w->g, d, size, i, step);
    *from = pad_source(&w->g, d, size, i);
    return n < left ? n : left;
}

/* Whole dimensions from d on, of the value. */
static void pad_fill(pad_walk *w, int d) {
    const node *n = w->m->node;
    bool given = n->in_count > 2 && n->in[2];
    copy_box *b = box_add(w->m, 0, given ? 2 : COPY_ZERO);
    int size = b->size, from = b->from;
    *b = w->box;
    b->size = size, b->from = from, b->x_first = 0;
    for (; d < n->out[0]->shape.rank; d++) box_dim(b, n->out[0]->shape.dim[d], w->y.of[d], 0);
    for (int k = 0; k < b->rank; k++) b->xs[k] = 0;
}

static void pad_boxes(pad_walk *w, int d) {
    const shape *y = &w->m->node->out[0]->shape;
    if (d == y->rank) {
        copy_box *b = box_add(w->m, 0, 0);
        int size = b->size;
        *b = w->box, b->size = size;
        return;
    }
    copy_box outer = w->box;
    int64_t from, step;
    for (int64_t i = 0, n; i < y->dim[d] && w->m->count <= BOXES_MAX; i += n, w->box = outer) {
        n = stretch(w, d, i, &from, &step);
        box_dim(&w->box, n, w->y.of[d], w->x.of[d] * step);
        w->box.y_first += i * w->y.of[d], w->box.x_first += from * w->x.of[d];
        if (from < 0) pad_fill(w, d + 1);
        else pad_boxes(w, d + 1);
    }
}

static void pad_move(move_plan *m) {
    pad_walk w = {
        .m = m, .g = pad_geometry_of(m->node), .y = pitches_of(m->node->out[0]), .x = pitches_of(m->node->in[0])};
    pad_boxes(&w, 0);
}

/* ---- the implementation ---- */

static void boxes_make(move_plan *m) {
    static const struct {
        const op_def *op;
        void (*move)(move_plan *m);
    } movers[] = {{&op_Identity, identity_move},
                  {&op_Reorder, identity_move},
                  {&op_Transpose, transpose_move},
                  {&op_Expand, expand_move},
                  {&op_ExpandTo, expand_move},
                  {&op_Tile, tile_move},
                  {&op_Concat, concat_move},
                  {&op_Split, split_move},
                  {&op_Slice, slice_move},
                  {&op_SliceGradient, slice_gradient_move},
                  {&op_DepthToSpace, blocks_move},
                  {&op_SpaceToDepth, blocks_move},
                  {&op_Pad, pad_move}};
    for (size_t i = 0; i < sizeof movers / sizeof *movers; i++)
        if (movers[i].op == m->node->op) movers[i].move(m);
}

static bool accept(const node *n, refusal *why) {
    move_plan m = {.node = n};
    if (n->op == &op_Pad) boxes_make(&m);
    return m.count <= BOXES_MAX ? true : REFUSE(why, "more than %d pieces", BOXES_MAX);
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    move_plan *m = arena_alloc(p->arena, sizeof *m);
    if (!m) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    m->node = p->node;
    boxes_make(m);
    copy_box *box = arena_alloc(p->arena, (size_t)(m->count + 1) * sizeof *box);
    if (!box) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    m->box = box, m->count = 0;
    boxes_make(m);
    for (int k = 0; k < m->count; k++) copy_plan(&box[k]);
    *prepared = m;
    return STRIA_OK;
}

static void run(const impl_call *c) {
    const move_plan *m = c->prepared;
    if (m->before) copy_run(c->ks, c->pool, m->box, m->before, c->out, c->in);
    copy_run(c->ks, c->pool, m->box + m->before, m->count - m->before, c->out, c->in);
}

/* ---- ExpandTo of a mean: x is divided first, since it is the smaller ---- */

static bool accept_mean(const node *n, refusal *why) {
    return !((const expand_attributes *)n->attributes)->mean || all_float32(n, why);
}

static stria_status prepare_mean(impl_plan *p, void **prepared, stria_error *err) {
    bool mean = ((const expand_attributes *)p->node->attributes)->mean != 0;
    if (mean) p->scratch_bytes = value_bytes(p->node->in[0]);
    return prepare(p, prepared, err);
}

static void run_mean(const impl_call *c) {
    const node *n = c->node;
    impl_call scaled = *c;
    int64_t have = shape_count(&n->in[0]->shape), count = shape_count(&n->out[0]->shape);
    if (((const expand_attributes *)n->attributes)->mean && count) {
        unary_run(c->ks, c->pool, UNARY_affine, (float)((double)have / (double)count), 0, c->scratch, c->in[0], have);
        scaled.in = &c->scratch;
    }
    run(&scaled);
}

/* ---- ConstantOfShape ---- */

static void run_filled(const impl_call *c) {
    const tensor *t = ((const filled_attributes *)c->node->attributes)->value;
    const value *y = c->node->out[0];
    copy_fill(c->ks, c->pool, (int)dtype_bytes(y->type), c->out[0], shape_count(&y->shape),
              t ? t->data : (const void *)&(float){0});
}

/* ---- views: the same elements in the same order under another shape ---- */

static bool accept_any(const node *n, refusal *why) {
    return true;
}

static bool accept_view(const node *n, refusal *why) {
    const value *x = n->in[0], *y = n->out[0];
    bool plain = value_is_plain(x) && value_is_plain(y);
    bool batch = value_is_batch_last(x) && value_is_batch_last(y) && x->shape.rank && y->shape.rank &&
                 x->shape.dim[0] == y->shape.dim[0];
    return plain || batch ? true : REFUSE(why, "%s becomes %s", storage_name(x), storage_name(y));
}

static void run_view(const impl_call *c) {
    const value *y = c->node->out[0];
    if (c->out[0] != c->in[0]) memcpy(c->out[0], c->in[0], value_bytes(y));
}

static const op_impl copy_impl = {.name = "strided_copy", .accept = accept, .prepare = prepare, .run = run};
static const op_impl expand_to_impl = {
    .name = "strided_copy", .accept = accept_mean, .prepare = prepare_mean, .run = run_mean};
static const op_impl filled_impl = {.name = "fill", .accept = accept_any, .run = run_filled};
static const op_impl view_impl = {.name = "view", .accept = accept_view, .run = run_view};

const op_impl *const cpu_copy[] = {&copy_impl, &impl_reference, NULL};
const op_impl *const cpu_expand_to[] = {&expand_to_impl, &impl_reference, NULL};
const op_impl *const cpu_filled[] = {&filled_impl, &impl_reference, NULL};
const op_impl *const cpu_view[] = {&view_impl, &impl_reference, NULL};
