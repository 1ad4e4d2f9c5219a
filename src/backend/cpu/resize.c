/* Resize and its gradient in any storage order: tensors are dense, so a dimension lies between what is outside and what
 * is inside of it. Two neighbouring dimensions are resized in one pass; any others one after the other. */
#include "op/resize.h"

#include "backend/cpu/cpu.h"
#include "kernel/windows/resize.h"
#include "op/rule.h"

typedef struct resize_plan {
    int count;
    resize_pass pass[RANK_MAX];
    int64_t between; /* floats of each of the two tensors between passes */
    int64_t scratch; /* floats of one thread */
} resize_plan;

static bool is_gradient(const node *n) {
    return n->op == &op_ResizeGradient;
}

static bool accept(const node *n, refusal *why) {
    const value *x = n->in[0], *y = n->out[0];
    resize_geometry g = resize_geometry_of(n);
    if (x->type != STRIA_FLOAT32) return REFUSE(why, "input 1 is %s", dtype_name(x->type));
    if (!layout_equal(&x->layout, &y->layout, x->shape.rank))
        return REFUSE(why, "'%.40s' is %s, but the result is %s", x->name, storage_name(x), storage_name(y));
    for (int d = 0; d < g.rank; d++)
        if (g.axis[d].in > INT32_MAX / 2 || size_mul(g.axis[d].out, resize_taps_most(&g, d)) > INT32_MAX)
            return REFUSE(why, "dimension %d goes from %lld to %lld elements", d, (long long)g.axis[d].in,
                          (long long)g.axis[d].out);
    return true;
}

/* ---- tables ---- */

typedef struct draft {
    int64_t in, out, taps;
    int32_t *index, *count;
    float *weight;
} draft;

static bool draft_new(draft *t, arena *a, int64_t in, int64_t out, int64_t taps) {
    size_t n = (size_t)(out * taps) + 1;
    *t = (draft){in,
                 out,
                 taps,
                 arena_alloc(a, n * sizeof(int32_t)),
                 arena_alloc(a, ((size_t)out + 1) * sizeof(int32_t)),
                 arena_alloc(a, n * sizeof(float))};
    return t->index && t->count && t->weight;
}

/* From x to y along dimension d. */
static bool draft_forward(draft *t, arena *a, const resize_geometry *g, int d) {
    int64_t most = resize_taps_most(g, d), *index = arena_alloc(a, (size_t)most * sizeof *index);
    double *weight = arena_alloc(a, (size_t)most * sizeof *weight);
    if (!index || !weight || !draft_new(t, a, g->axis[d].in, g->axis[d].out, most)) return false;
    for (int64_t q = 0; q < t->out; q++) {
        t->count[q] = (int32_t)resize_taps(g, d, q, index, weight);
        for (int64_t k = 0; k < t->count[q]; k++) {
            t->index[q * most + k] = (int32_t)index[k];
            t->weight[q * most + k] = (float)weight[k];
        }
    }
    return true;
}

/* The same weights from y to x. */
static bool draft_back(draft *t, arena *a, const draft *f) {
    int32_t *uses = arena_alloc(a, ((size_t)f->in + 1) * sizeof *uses), most = 1;
    if (!uses) return false;
    for (int64_t i = 0; i < f->in; i++) uses[i] = 0;
    for (int64_t q = 0; q < f->out; q++)
        for (int64_t k = 0; k < f->count[q]; k++) {
            int32_t n = ++uses[f->index[q * f->taps + k]];
            most = n > most ? n : most;
        }
    if (!draft_new(t, a, f->out, f->in, most)) return false;
    for (int64_t i = 0; i < f->in; i++) t->count[i] = 0;
    for (int64_t q = 0; q < f->out; q++)
        for (int64_t k = 0; k < f->count[q]; k++) {
            int64_t i = f->index[q * f->taps + k], at = i * most + t->count[i]++;
            t->index[at] = (int32_t)q;
            t->weight[at] = f->weight[q * f->taps + k];
        }
    return true;
}

/* Taps that are not there read what another one reads, by weight 0. */
static void draft_pad(draft *t) {
    for (int64_t q = 0; q < t->out; q++)
        for (int64_t k = t->count[q]; k < t->taps; k++) {
            t->index[q * t->taps + k] = k > 0 ? t->index[q * t->taps + k - 1] : 0;
            t->weight[q * t->taps + k] = 0;
        }
}

static bool table_new(resize_table *out, arena *a, const node *n, const resize_geometry *g, int d, bool by_tap) {
    draft t, forward, turned;
    if (!draft_forward(&t, a, g, d)) return false;
    if (is_gradient(n)) {
        forward = t;
        if (!draft_back(&t, a, &forward)) return false;
    }
    draft_pad(&t);
    if (by_tap) {
        if (!draft_new(&turned, a, t.in, t.out, t.taps)) return false;
        for (int64_t i = 0; i < t.out * t.taps; i++) {
            turned.index[i % t.taps * t.out + i / t.taps] = t.index[i];
            turned.weight[i % t.taps * t.out + i / t.taps] = t.weight[i];
        }
        turned.count = t.count;
        t = turned;
    }
    *out = (resize_table){t.in, t.out, t.taps, t.index, t.count, t.weight, by_tap, false};
    for (int64_t q = 0; q < t.out; q++) out->holes = out->holes || t.count[q] == 0;
    return true;
}

/* ---- passes ---- */

static resize_table as_it_is(int64_t size) {
    return (resize_table){.in = size, .out = size};
}

/* Dimensions as they are stored, from dims[] on, those that stay joined: axis[] is the resized one or −1. */
static int stored(const node *n, const resize_geometry *g, int64_t dims[RANK_MAX], int axis[RANK_MAX]) {
    const value *x = n->in[0];
    int count = 0;
    for (int i = 0; i < x->shape.rank; i++) {
        int d = x->layout.perm[i], a = resize_keeps(g, d) ? -1 : d;
        if (a < 0 && count > 0 && axis[count - 1] < 0) dims[count - 1] *= x->shape.dim[d];
        else dims[count] = x->shape.dim[d], axis[count++] = a;
    }
    return count;
}

static int64_t product(const int64_t *dims, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++) n *= dims[i];
    return n;
}

/* The pass over stored dimension i, and over i + 1 with it if that is resized, too: `wide` says so. Alone, a dimension
 * with something inside of it is the rows, so that a task is one of its elements. */
static bool pass_new(resize_pass *s, impl_plan *p, const resize_geometry *g, int64_t *dims, const int *axis, int count,
                     int i, bool wide) {
    const node *n = p->node;
    int last = wide ? i + 1 : i;
    int64_t inner = product(dims, last + 1, count);
    bool columns = wide || inner == 1;
    *s = (resize_pass){.outer = product(dims, 0, i), .inner = inner, .rows = as_it_is(1)};
    s->outside = is_gradient(n) ? 0 : (float)g->outside;
    s->columns = as_it_is(1);
    if (columns && !table_new(&s->columns, p->arena, n, g, axis[last], inner == 1)) return false;
    if (wide || !columns)
        if (!table_new(&s->rows, p->arena, n, g, axis[i], false)) return false;
    dims[i] = wide || !columns ? s->rows.out : s->columns.out;
    if (wide) dims[last] = s->columns.out;
    return true;
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    resize_geometry g = resize_geometry_of(p->node);
    int64_t dims[RANK_MAX];
    int axis[RANK_MAX], count = stored(p->node, &g, dims, axis);
    resize_plan *r = arena_alloc(p->arena, sizeof *r);
    bool good = r != NULL;
    if (good) *r = (resize_plan){0};
    for (int i = 0; good && i < count; i++) {
        if (axis[i] < 0) continue;
        bool wide = i + 1 < count && axis[i + 1] >= 0;
        resize_pass *s = &r->pass[r->count++];
        good = pass_new(s, p, &g, dims, axis, count, i, wide);
        i += wide;
        int64_t floats = product(dims, 0, count), own = good ? resize_scratch(s) : 0;
        r->between = floats > r->between ? floats : r->between;
        r->scratch = own > r->scratch ? own : r->scratch;
    }
    if (!good) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    if (r->count == 0) {
        int64_t all = product(dims, 0, count);
        r->pass[r->count++] = (resize_pass){.outer = 1, .inner = 1, .rows = as_it_is(1), .columns = as_it_is(all)};
    }
    if (r->count < 2) r->between = 0;
    p->scratch_bytes = sizeof(float) * ((size_t)r->between * 2 + (size_t)r->scratch * (size_t)p->threads);
    *prepared = r;
    return STRIA_OK;
}

static void run(const impl_call *c) {
    const resize_plan *r = c->prepared;
    float *between = c->scratch, *own = between ? between + 2 * r->between : NULL;
    const float *x = c->in[0];
    for (int i = 0; i < r->count; i++) {
        float *y = i + 1 == r->count ? c->out[0] : between + i % 2 * r->between;
        resize_run(c->ks, c->pool, &r->pass[i], y, x, own);
        x = y;
    }
}

static const op_impl resize_impl = {.name = "separable", .accept = accept, .prepare = prepare, .run = run};
const op_impl *const cpu_resize[] = {&resize_impl, &impl_reference, NULL};
