/* Forward convolution and data gradient: both are sweeps (sweep.h); the data gradient has one for each phase of the
 * stride. */
#include "kernel/conv.h"
#include "base/sizes.h"
#include "kernel/conv_weight.h"
#include "kernel/sweep.h"
#include "kernel/tile.h"

#include <string.h>

/* Packed weights: [group][phase][tile of nr columns][tap][k][nr]; forward: one phase, columns oc, k = ic. */
typedef struct packed_layout {
    int64_t k, n, tiles, group_floats, tap_floats; /* of one tap in one tile */
    int nr;
} packed_layout;

static packed_layout layout_make(const kernel_set *ks, const conv_shape *s, enum conv_op op) {
    int64_t icg = s->ic / s->groups, ocg = s->oc / s->groups;
    packed_layout l = {.k = op == CONV_FORWARD ? icg : ocg, .n = op == CONV_FORWARD ? ocg : icg, .nr = ks->gemm_nr};
    l.tiles = ceil_div(l.n, l.nr);
    l.tap_floats = l.k * l.nr;
    l.group_floats = s->y.kernel * s->x.kernel * l.tiles * l.tap_floats;
    return l;
}

size_t conv_packed_floats(const kernel_set *ks, const conv_shape *s, enum conv_op op) {
    if (op == CONV_DW) return 0;
    return (size_t)(layout_make(ks, s, op).group_floats * s->groups);
}

typedef struct pack_task {
    const kernel_set *ks;
    const conv_shape *s;
    packed_layout l;
    const float *w;
    float *packed;
} pack_task;

#define PACK_CHUNK 64 /* (channel, tap) pairs transposed at a time: a block that stays in the first-level cache */

/* One tile of one group: w[columns][k·taps] is transposed block by block, then each row goes to its tap. */
static void pack_forward(void *context, int64_t index, int worker) {
    (void)worker;
    const pack_task *t = context;
    const packed_layout *l = &t->l;
    int64_t group = index / l->tiles, tile = index % l->tiles, taps = t->s->y.kernel * t->s->x.kernel;
    int64_t columns = int64_min(l->nr, l->n - tile * l->nr);
    const float *w = t->w + (group * l->n + tile * l->nr) * l->k * taps;
    float *packed = t->packed + group * l->group_floats + tile * taps * l->tap_floats;
    float block[PACK_CHUNK * GEMM_NR_MAX] = {0}; /* columns past the last stay zero */
    for (int64_t first = 0; first < l->k * taps; first += PACK_CHUNK) {
        int64_t count = int64_min(PACK_CHUNK, l->k * taps - first);
        t->ks->transpose(block, l->nr, w + first, l->k * taps, columns, count);
        for (int64_t i = 0; i < count; i++) {
            int64_t k = (first + i) / taps, tap = (first + i) % taps;
            memcpy(packed + tap * l->tap_floats + k * l->nr, block + i * l->nr, (size_t)l->nr * sizeof *block);
        }
    }
}

/* One tile of a data gradient with stride 1: w[k][columns][taps] is transposed straight into [taps][k][columns]. */
static void pack_dx_dense(const pack_task *t, int64_t group, int64_t tile, float *packed) {
    const packed_layout *l = &t->l;
    int64_t taps = t->s->y.kernel * t->s->x.kernel, columns = int64_min(l->nr, l->n - tile * l->nr);
    if (columns < l->nr) memset(packed, 0, (size_t)(taps * l->tap_floats) * sizeof *packed);
    for (int64_t k = 0; k < l->k; k++)
        t->ks->transpose(packed + k * l->nr, l->tap_floats, t->w + ((group * l->k + k) * l->n + tile * l->nr) * taps,
                         taps, columns, taps);
}

static void pack_phase(const pack_task *t, int64_t group, int64_t tile, window_axis u, window_axis v, float *packed) {
    const packed_layout *l = &t->l;
    int64_t taps = t->s->y.kernel * t->s->x.kernel, columns = int64_min(l->nr, l->n - tile * l->nr);
    for (int64_t i = 0; i < u.taps; i++)
        for (int64_t j = 0; j < v.taps; j++, packed += l->tap_floats) {
            int64_t tap = (u.first + i * u.next) * t->s->x.kernel + v.first + j * v.next;
            const float *w = t->w + (group * l->k * l->n + tile * l->nr) * taps + tap;
            sweep_pack_tile(l->nr, packed, w, l->n * taps, taps, l->k, columns);
        }
}

static void pack_dx(void *context, int64_t index, int worker) {
    (void)worker;
    const pack_task *t = context;
    const packed_layout *l = &t->l;
    int64_t group = index / l->tiles, tile = index % l->tiles;
    float *packed = t->packed + group * l->group_floats;
    if (t->s->y.stride == 1 && t->s->x.stride == 1) {
        pack_dx_dense(t, group, tile, packed + tile * t->s->y.kernel * t->s->x.kernel * l->tap_floats);
        return;
    }
    for (int64_t py = 0; py < window_phases(&t->s->y); py++)
        for (int64_t px = 0; px < window_phases(&t->s->x); px++) {
            window_axis u = axis_gradient(&t->s->y, py), v = axis_gradient(&t->s->x, px);
            int64_t tile_floats = u.taps * v.taps * l->tap_floats;
            pack_phase(t, group, tile, u, v, packed + tile * tile_floats);
            packed += l->tiles * tile_floats;
        }
}

void conv_pack(const kernel_set *ks, const conv_shape *s, enum conv_op op, const float *w, float *packed, pool *p) {
    if (op == CONV_DW) return;
    pack_task t = {.ks = ks, .s = s, .l = layout_make(ks, s, op), .w = w, .packed = packed};
    pool_run(p, op == CONV_FORWARD ? pack_forward : pack_dx, &t, s->groups * t.l.tiles);
}

/* What forward and gradient have in common; `in` is x or dy. */
static sweep conv_sweep(const conv_shape *s, const packed_layout *l, const float *in, conv_pitch ip,
                        const float *packed, float *out, conv_pitch op, const epilogue *e) {
    sweep w = {.images = s->batch,
               .k = l->k,
               .n = l->n,
               .groups = s->groups,
               .in = in,
               .out = out,
               .b = packed,
               .b_step = l->nr,
               .b_group = l->group_floats,
               .alpha = 1,
               .epilogue = e,
               .splits = 1};
    w.in_pitch = (sweep_pitch){ip.image, ip.row, ip.pixel, 1};
    w.out_pitch = (sweep_pitch){op.image, op.row, op.pixel, 1};
    if (e) w.residual_pitch = (sweep_pitch){e->residual_pitch[0], e->residual_pitch[1], e->residual_pitch[2], 1};
    return w;
}

static sweep forward_sweep(const conv_shape *s, const packed_layout *l, sweep w) {
    w.y = axis_forward(&s->y);
    w.x = axis_forward(&s->x);
    w.b_tile = s->y.kernel * s->x.kernel * l->tap_floats;
    return w;
}

static sweep phase_sweep(const conv_shape *s, const packed_layout *l, sweep w, int64_t py, int64_t px) {
    w.y = axis_gradient(&s->y, py);
    w.x = axis_gradient(&s->x, px);
    w.b_tile = w.y.taps * w.x.taps * l->tap_floats;
    return w;
}

/* ---- few input channels: a first layer ----
 * A row of a window, kw pixels of ic channels, is contiguous in channels-last storage: with padding in the memory, it
 * is one tap of kw·ic channels, and the packed weights [kh][kw][ic][nr] are those of such taps already. */

#define MERGE_CHANNELS 16 /* below this, the inner loop over channels alone would be too short */

static bool merges_rows(const conv_shape *s) {
    return s->groups == 1 && s->x.dilation == 1 && s->x.kernel > 1 && s->ic < MERGE_CHANNELS;
}

/* Columns of a row that any window touches. */
static int64_t padded_columns(const conv_shape *s) {
    return (s->x.out - 1) * s->x.stride + s->x.kernel;
}

static int64_t padded_floats(const conv_shape *s) {
    return ceil_div(s->batch * s->y.in * padded_columns(s) * s->ic, 16) * 16;
}

typedef struct pad_task {
    const conv_shape *s;
    const float *x;
    conv_pitch pitch;
    float *padded;
} pad_task;

/* Row `index` of all images' rows: zeros, pixels, zeros. */
static void pad_row(void *context, int64_t index, int worker) {
    (void)worker;
    const pad_task *t = context;
    const conv_shape *s = t->s;
    int64_t columns = padded_columns(s);
    const float *x = t->x + index / s->y.in * t->pitch.image + index % s->y.in * t->pitch.row;
    float *to = t->padded + index * columns * s->ic;
    for (int64_t column = -s->x.before; column < columns - s->x.before; column++, to += s->ic)
        for (int64_t c = 0; c < s->ic; c++)
            to[c] = column < 0 || column >= s->x.in ? 0 : x[column * t->pitch.pixel + c];
}

/* The same convolution over rows that hold their padding. */
static sweep merged_sweep(const conv_shape *s, sweep w) {
    int64_t columns = padded_columns(s);
    w.k = s->x.kernel * s->ic;
    w.whole_rows = true;
    w.x = (window_axis){.count = s->x.out, .every = 1, .in = columns, .step = s->x.stride, .move = 1, .taps = 1};
    w.in_pitch = (sweep_pitch){s->y.in * columns * s->ic, columns * s->ic, s->ic, 1};
    return w;
}

void conv_forward(const kernel_set *ks, const conv_shape *s, const float *x, conv_pitch xp, const float *packed,
                  float *y, conv_pitch yp, const epilogue *e, void *scratch, pool *p) {
    packed_layout l = layout_make(ks, s, CONV_FORWARD);
    sweep w = forward_sweep(s, &l, conv_sweep(s, &l, x, xp, packed, y, yp, e));
    if (merges_rows(s)) {
        w = merged_sweep(s, w);
        pool_run(p, pad_row, &(pad_task){s, x, xp, scratch}, s->batch * s->y.in);
        w.in = scratch;
        scratch = (float *)scratch + padded_floats(s);
    }
    sweep_run(ks, &w, scratch, p);
}

void conv_dx(const kernel_set *ks, const conv_shape *s, const float *dy, conv_pitch yp, const float *packed, float *dx,
             conv_pitch xp, const epilogue *e, void *scratch, pool *p) {
    packed_layout l = layout_make(ks, s, CONV_DX);
    sweep common = conv_sweep(s, &l, dy, yp, packed, dx, xp, e);
    for (int64_t py = 0; py < window_phases(&s->y); py++)
        for (int64_t px = 0; px < window_phases(&s->x); px++) {
            sweep w = phase_sweep(s, &l, common, py, px);
            sweep_run(ks, &w, scratch, p);
            common.b += l.tiles * w.b_tile;
        }
}

/* Pitches are not known here: a pitch that makes rows collide (see sweep.c) needs the most. */
static size_t sweep_worst_bytes(const kernel_set *ks, sweep w, int threads) {
    w.in_pitch = (sweep_pitch){0, 0, 1024, 1};
    size_t most = sweep_scratch_bytes(ks, &w, threads);
    w.in_pitch.pixel = 1;
    size_t plain = sweep_scratch_bytes(ks, &w, threads);
    return plain > most ? plain : most;
}

size_t conv_scratch_bytes(const kernel_set *ks, const conv_shape *s, enum conv_op op, int threads) {
    if (op == CONV_DW) return conv_weight_scratch_bytes(ks, s, threads);
    packed_layout l = layout_make(ks, s, op);
    sweep common = conv_sweep(s, &l, NULL, (conv_pitch){0}, NULL, NULL, (conv_pitch){0}, NULL);
    sweep forward = forward_sweep(s, &l, common), merged = merged_sweep(s, forward);
    if (op == CONV_FORWARD && merges_rows(s))
        return (size_t)padded_floats(s) * sizeof(float) + sweep_scratch_bytes(ks, &merged, threads);
    if (op == CONV_FORWARD) return sweep_worst_bytes(ks, forward, threads);
    /* Phases that taps reach, of which there are no more than taps, however long the stride; the others need least. */
    size_t most = sweep_worst_bytes(ks, phase_sweep(s, &l, common, 0, 0), threads);
    for (int64_t u = 0; u < s->y.kernel; u++)
        for (int64_t v = 0; v < s->x.kernel; v++) {
            int64_t py = window_reached(&s->y, u), px = window_reached(&s->x, v);
            if (py >= window_phases(&s->y) || px >= window_phases(&s->x)) continue;
            size_t bytes = sweep_worst_bytes(ks, phase_sweep(s, &l, common, py, px), threads);
            if (bytes > most) most = bytes;
        }
    return most;
}
