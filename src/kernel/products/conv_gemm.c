/* Forward convolution and data gradient of channels-last images as implicit matrix products: both are sweeps (sweep.h);
 * the data gradient has one for each phase of the stride. */
#include "base/sizes.h"
#include "kernel/products/conv.h"
#include "kernel/products/sweep.h"
#include "kernel/products/tile.h"

#include <string.h>

/* Packed weights: [group][phase][tile of nr columns][tap][k][nr]; forward: one phase, columns oc, k = ic. */
typedef struct packed_layout {
    int64_t k, n, tiles, group_floats, tap_floats; /* of one tap in one tile */
    int nr;
} packed_layout;

typedef struct implicit_plan {
    conv_plan common;
    packed_layout packed;
    bool merges;              /* forward: the rows of a window are taps of a sweep over padded rows */
    window_axis *y, *x;       /* phases that taps reach; forward: one */
    int64_t y_count, x_count; /* of them */
    sweep_plan *sweeps;       /* [y_count][x_count] */
} implicit_plan;

static packed_layout layout_make(const kernel_set *ks, const conv_shape *s, bool forward) {
    int64_t icg = s->ic / s->groups, ocg = s->oc / s->groups;
    packed_layout l = {.k = forward ? icg : ocg, .n = forward ? ocg : icg, .nr = ks->gemm_nr};
    l.tiles = ceil_div(l.n, l.nr);
    l.tap_floats = l.k * l.nr;
    l.group_floats = s->y.kernel * s->x.kernel * l.tiles * l.tap_floats;
    return l;
}

/* ---- plan ---- */

/* What forward and gradient have in common. */
static sweep sweep_of(const implicit_plan *p, const window_axis *y, const window_axis *x, conv_pitch in,
                      conv_pitch out) {
    return (sweep){.images = p->common.shape.batch,
                   .k = p->packed.k,
                   .n = p->packed.n,
                   .groups = p->common.shape.groups,
                   .y = *y,
                   .x = *x,
                   .in_pitch = {in.image, in.row, in.pixel, 1},
                   .out_pitch = {out.image, out.row, out.pixel, 1},
                   .b_step = p->packed.nr,
                   .b_group = p->packed.group_floats,
                   .b_tile = y->taps * x->taps * p->packed.tap_floats,
                   .alpha = 1,
                   .splits = 1};
}

/* The same convolution over rows that hold their padding: a row of a window is one tap of kw·ic channels, and the
 * packed weights [kh][kw][ic][nr] are those of such taps already. */
static sweep merged_sweep(const conv_shape *s, sweep w) {
    int64_t columns = conv_padded_columns(s);
    w.k = s->x.kernel * s->ic;
    w.whole_rows = true;
    w.x = (window_axis){.count = s->x.out, .every = 1, .in = columns, .step = s->x.stride, .move = 1, .taps = 1};
    w.in_pitch = (sweep_pitch){s->y.in * columns * s->ic, columns * s->ic, s->ic, 1};
    return w;
}

static implicit_plan *plan_new(const conv_plan *common, bool forward, arena *a) {
    implicit_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    p->common = *common;
    const conv_shape *s = &p->common.shape;
    p->packed = layout_make(common->ks, s, forward);
    p->common.packed_floats = (size_t)(p->packed.group_floats * s->groups);
    int64_t most_y = forward ? 1 : window_reached(&s->y), most_x = forward ? 1 : window_reached(&s->x);
    p->y = arena_alloc(a, (size_t)most_y * sizeof *p->y);
    p->x = arena_alloc(a, (size_t)most_x * sizeof *p->x);
    if (!p->y || !p->x) return NULL;
    p->y_count = p->x_count = 1;
    if (forward) *p->y = axis_forward(&s->y), *p->x = axis_forward(&s->x);
    else p->y_count = axes_gradient(&s->y, p->y), p->x_count = axes_gradient(&s->x, p->x);
    p->sweeps = arena_alloc(a, (size_t)(p->y_count * p->x_count + 1) * sizeof *p->sweeps);
    return p->sweeps ? p : NULL;
}

static conv_plan *forward_plan(const conv_plan *common, arena *a) {
    implicit_plan *p = plan_new(common, true, a);
    if (!p) return NULL;
    const conv_shape *s = &p->common.shape;
    sweep w = sweep_of(p, p->y, p->x, conv_x_pitch(s), conv_y_pitch(s));
    p->merges = conv_merges_rows(s);
    if (p->merges) w = merged_sweep(s, w);
    p->sweeps[0] = sweep_plan_make(p->common.ks, &w);
    p->common.scratch_bytes = sweep_scratch_bytes(&p->sweeps[0], p->common.threads);
    if (p->merges) p->common.scratch_bytes += (size_t)conv_padded_floats(s) * sizeof(float);
    return &p->common;
}

/* The sweep of one phase; phases that no tap reaches get the epilogue alone. */
static sweep_plan phase_plan(const implicit_plan *p, const window_axis *y, const window_axis *x) {
    const conv_shape *s = &p->common.shape;
    sweep w = sweep_of(p, y, x, conv_y_pitch(s), conv_x_pitch(s));
    return sweep_plan_make(p->common.ks, &w);
}

static conv_plan *dx_plan(const conv_plan *common, arena *a) {
    implicit_plan *p = plan_new(common, false, a);
    if (!p) return NULL;
    window_axis none = {0};
    sweep_plan empty = phase_plan(p, &none, &none);
    size_t most = sweep_scratch_bytes(&empty, common->threads);
    for (int64_t i = 0; i < p->y_count * p->x_count; i++) {
        p->sweeps[i] = phase_plan(p, &p->y[i / p->x_count], &p->x[i % p->x_count]);
        size_t bytes = sweep_scratch_bytes(&p->sweeps[i], common->threads);
        if (bytes > most) most = bytes;
    }
    p->common.scratch_bytes = most;
    return &p->common;
}

/* ---- pack ---- */

typedef struct pack_job {
    const implicit_plan *plan;
    const float *w;
    float *packed;
} pack_job;

#define PACK_CHUNK 64 /* (channel, tap) pairs transposed at a time: a block that stays in the first-level cache */

/* One tile of one group: w[columns][k·taps] is transposed block by block, then each row goes to its tap. */
static void pack_forward_tile(void *context, int64_t index, int worker) {
    const pack_job *j = context;
    const packed_layout *l = &j->plan->packed;
    const conv_shape *s = &j->plan->common.shape;
    int64_t group = index / l->tiles, tile = index % l->tiles, taps = s->y.kernel * s->x.kernel;
    int64_t columns = int64_min(l->nr, l->n - tile * l->nr);
    const float *w = j->w + (group * l->n + tile * l->nr) * l->k * taps;
    float *packed = j->packed + group * l->group_floats + tile * taps * l->tap_floats;
    float block[PACK_CHUNK * GEMM_NR_MAX] = {0}; /* columns past the last stay zero */
    for (int64_t first = 0; first < l->k * taps; first += PACK_CHUNK) {
        int64_t count = int64_min(PACK_CHUNK, l->k * taps - first);
        j->plan->common.ks->transpose(block, l->nr, w + first, l->k * taps, columns, count);
        for (int64_t i = 0; i < count; i++) {
            int64_t k = (first + i) / taps, tap = (first + i) % taps;
            memcpy(packed + tap * l->tap_floats + k * l->nr, block + i * l->nr, (size_t)l->nr * sizeof *block);
        }
    }
}

/* One tile of a data gradient with stride 1: w[k][columns][taps] is transposed straight into [taps][k][columns]. */
static void pack_dense(const pack_job *j, int64_t group, int64_t tile, float *packed) {
    const packed_layout *l = &j->plan->packed;
    const conv_shape *s = &j->plan->common.shape;
    int64_t taps = s->y.kernel * s->x.kernel, columns = int64_min(l->nr, l->n - tile * l->nr);
    if (columns < l->nr) memset(packed, 0, (size_t)(taps * l->tap_floats) * sizeof *packed);
    for (int64_t k = 0; k < l->k; k++)
        j->plan->common.ks->transpose(packed + k * l->nr, l->tap_floats,
                                      j->w + ((group * l->k + k) * l->n + tile * l->nr) * taps, taps, columns, taps);
}

static void pack_phase(const pack_job *j, int64_t group, int64_t tile, const window_axis *y, const window_axis *x,
                       float *packed) {
    const packed_layout *l = &j->plan->packed;
    const conv_shape *s = &j->plan->common.shape;
    int64_t taps = s->y.kernel * s->x.kernel, columns = int64_min(l->nr, l->n - tile * l->nr);
    for (int64_t u = 0; u < y->taps; u++)
        for (int64_t v = 0; v < x->taps; v++, packed += l->tap_floats) {
            int64_t tap = (y->first + u * y->next) * s->x.kernel + x->first + v * x->next;
            const float *w = j->w + (group * l->k * l->n + tile * l->nr) * taps + tap;
            sweep_pack_tile(l->nr, packed, w, l->n * taps, taps, l->k, columns);
        }
}

static void pack_dx_tile(void *context, int64_t index, int worker) {
    const pack_job *j = context;
    const implicit_plan *p = j->plan;
    const packed_layout *l = &p->packed;
    const conv_shape *s = &p->common.shape;
    int64_t group = index / l->tiles, tile = index % l->tiles;
    float *packed = j->packed + group * l->group_floats;
    if (s->y.stride == 1 && s->x.stride == 1) {
        pack_dense(j, group, tile, packed + tile * s->y.kernel * s->x.kernel * l->tap_floats);
        return;
    }
    for (int64_t i = 0; i < p->y_count * p->x_count; i++) {
        const window_axis *y = &p->y[i / p->x_count], *x = &p->x[i % p->x_count];
        int64_t tile_floats = y->taps * x->taps * l->tap_floats;
        pack_phase(j, group, tile, y, x, packed + tile * tile_floats);
        packed += l->tiles * tile_floats;
    }
}

static void forward_pack(const conv_plan *p, const float *w, float *packed, pool *workers) {
    pack_job j = {(const implicit_plan *)p, w, packed};
    pool_run(workers, pack_forward_tile, &j, p->shape.groups * j.plan->packed.tiles);
}

static void dx_pack(const conv_plan *p, const float *w, float *packed, pool *workers) {
    pack_job j = {(const implicit_plan *)p, w, packed};
    pool_run(workers, pack_dx_tile, &j, p->shape.groups * j.plan->packed.tiles);
}

/* ---- run ---- */

static void forward_run(const conv_plan *plan, const conv_data *d, pool *workers) {
    const implicit_plan *p = (const implicit_plan *)plan;
    const conv_shape *s = &plan->shape;
    sweep_data data = {d->a, d->b, d->out, d->epilogue};
    float *scratch = d->scratch;
    if (p->merges) {
        conv_pad_rows(s, d->a, scratch, workers);
        data.in = scratch;
        scratch += conv_padded_floats(s);
    }
    sweep_run(&p->sweeps[0], &data, scratch, workers);
}

/* Phases that no tap reaches have no plan of their own, since there may be as many as pixels. */
static void dx_run(const conv_plan *plan, const conv_data *d, pool *workers) {
    const implicit_plan *p = (const implicit_plan *)plan;
    const conv_shape *s = &plan->shape;
    sweep_data data = {d->a, d->b, d->out, d->epilogue};
    for (int64_t py = 0, i = 0; py < window_phases(&s->y); py++) {
        int64_t row = i;
        window_axis y = axis_of_phase(&s->y, py, p->y, p->y_count, &i);
        for (int64_t px = 0, k = 0; px < window_phases(&s->x); px++) {
            int64_t column = k;
            window_axis x = axis_of_phase(&s->x, px, p->x, p->x_count, &k);
            if (y.taps && x.taps) {
                const sweep_plan *w = &p->sweeps[row * p->x_count + column];
                sweep_run(w, &data, d->scratch, workers);
                data.b += p->packed.tiles * w->s.b_tile;
                continue;
            }
            sweep_plan empty = phase_plan(p, &y, &x);
            sweep_run(&empty, &data, d->scratch, workers);
        }
    }
}

const conv_kernel conv_gemm[CONV_OPS] = {
    {forward_plan, forward_pack, forward_run}, {dx_plan, dx_pack, dx_run}, {conv_weight_plan, NULL, conv_weight_run}};
