#include "kernel/conv_batch.h"

#include "base/sizes.h"
#include "kernel/conv_batch_tile.h"

#include <assert.h>
#include <string.h>

/* Forward and data gradient are one loop: a grid of outputs, each the sum of taps at fixed places relative to it. (A
 * strided data gradient is one such grid per phase of the stride.) A task packs the input under a few rows of outputs
 * for a few vectors of images, with the padding as zeros, and runs the tile kernel over it. */
typedef struct grid {
    const kernel_set *ks;
    const float *x; /* input of all groups */
    batch_pitch x_pitch;
    int64_t ic, ih, iw; /* channels of one group */
    float *y;           /* the grid's first output */
    batch_pitch y_pitch;
    int64_t oc, rows, columns; /* channels of one group */
    int64_t groups, batch;
    int64_t step_h, step_w;      /* input rows per output row */
    int64_t row, column;         /* input position of output (0, 0) with the first tap */
    int64_t taps_h, taps_w;      /* of one input channel … */
    int64_t move_h, move_w;      /* … input rows from one to the next */
    int64_t kernel_h, kernel_w;  /* the first tap's place in the kernel, … */
    int64_t every_h, every_w;    /* … and from one to the next, maybe negative */
    int64_t images, blocks;      /* images of a task, tasks beside each other */
    int64_t chunk_rows, chunks;  /* output rows of a task, tasks below each other */
    int64_t in_rows, in_columns; /* packed */
    int64_t taps;
    int64_t *offsets;
    float *w, *packed;
    const float *b;
    unary_kind activation;
    float alpha, beta;
} grid;

#define PACKED_FLOATS (64 << 10) /* a packed piece that stays in the second-level cache with its neighbours */
#define OUTPUT_FLOATS                                                                                                  \
    (256 << 10)   /* of successive tasks, which write interleaved images: they too stay in that cache                  \
                   */
#define IMAGES 64 /* of a task, if there are enough tasks: whole runs of memory are read and written */
#define TASKS  16 /* wanted, where the rows suffice */

/* Images of a task: a power of two of vectors, fewer while that leaves fewer than `tasks` with `pieces` for each. */
static int64_t image_block(const kernel_set *ks, int64_t batch, int64_t pieces, int64_t tasks) {
    int64_t images = IMAGES;
    while (images > ks->lanes && (batch + images - 1) / images * pieces < tasks) images /= 2;
    return images;
}

static int64_t grid_vector_floats(const grid *g) {
    return round_up(g->ic * g->in_rows * g->in_columns * g->ks->lanes, 16);
}
static int64_t grid_packed_floats(const grid *g) {
    return g->images / g->ks->lanes * grid_vector_floats(g);
}

/* Settles how the grid is cut, by shape and lanes alone. */
static void grid_cut(grid *g) {
    g->images = image_block(g->ks, g->batch, g->groups * ((g->rows + 1) / 2), TASKS);
    g->blocks = (g->batch + g->images - 1) / g->images;
    g->taps = g->ic * g->taps_h * g->taps_w;
    g->in_columns = (g->columns - 1) * g->step_w + int64_max(0, g->taps_w - 1) * g->move_w + 1;
    int64_t in_floats = int64_max(1, g->ic * g->in_columns * g->images * g->step_h);
    int64_t out_floats = int64_max(1, g->oc * g->columns * g->batch);
    int64_t wanted = (TASKS + g->blocks * g->groups - 1) / int64_max(1, g->blocks * g->groups);
    int64_t rows =
        int64_min(int64_min(PACKED_FLOATS / in_floats, OUTPUT_FLOATS / out_floats), g->rows / int64_max(1, wanted));
    rows = int64_max(rows, 2);
    g->chunks = int64_max(1, (g->rows + rows - 1) / rows);
    g->chunk_rows = (g->rows + g->chunks - 1) / g->chunks;
    g->in_rows = (g->chunk_rows - 1) * g->step_h + int64_max(0, g->taps_h - 1) * g->move_h + 1;
}

static void grid_task(void *context, int64_t index, int worker) {
    const grid *g = context;
    int64_t image = index % g->blocks * g->images, chunk = index / g->blocks % g->chunks;
    int64_t group = index / g->blocks / g->chunks;
    int64_t first = chunk * g->chunk_rows, rows = int64_min(g->chunk_rows, g->rows - first);
    if (rows <= 0) return;
    float *packed = g->packed + worker * grid_packed_floats(g);
    int64_t images = int64_min(g->images, g->batch - image);
    struct batch_pack pack = {.out = packed,
                              .out_vector = grid_vector_floats(g),
                              .channels = g->ic,
                              .rows = g->in_rows,
                              .columns = g->in_columns,
                              .row = first * g->step_h + g->row,
                              .column = g->column,
                              .x = g->x + group * g->ic * g->x_pitch.channel + image,
                              .ih = g->ih,
                              .iw = g->iw,
                              .x_channel = g->x_pitch.channel,
                              .x_row = g->x_pitch.row,
                              .x_column = g->x_pitch.column,
                              .images = images};
    if (g->taps) g->ks->batch_pack(&pack);
    struct batch_conv conv = {.y = g->y + group * g->oc * g->y_pitch.channel + first * g->y_pitch.row + image,
                              .y_channel = g->y_pitch.channel,
                              .y_row = g->y_pitch.row,
                              .y_column = g->y_pitch.column,
                              .channels = g->oc,
                              .rows = rows,
                              .columns = g->columns,
                              .images = images,
                              .x = packed,
                              .x_vector = pack.out_vector,
                              .x_row = g->step_h * g->in_columns * g->ks->lanes,
                              .x_column = g->step_w * g->ks->lanes,
                              .offsets = g->offsets,
                              .taps_h = g->taps_h,
                              .taps_w = g->taps_w,
                              .depth = g->ic,
                              .row = pack.row,
                              .column = pack.column,
                              .step_h = g->step_h,
                              .step_w = g->step_w,
                              .move_h = g->move_h,
                              .move_w = g->move_w,
                              .ih = g->ih,
                              .iw = g->iw,
                              .w = g->w + group * g->oc * g->taps,
                              .b = g->b ? g->b + group * g->oc : NULL,
                              .relu = g->activation == UNARY_relu,
                              .alpha = g->alpha,
                              .beta = g->beta};
    if (g->activation != UNARY_relu && g->activation != UNARY_identity)
        conv.activation = unary_kernel(g->ks, g->activation);
    g->ks->batch_conv(&conv);
}

/* Lays offsets, weights and packed pieces out in scratch; returns the floats taken. */
static int64_t grid_scratch(grid *g, float *scratch, int threads) {
    int64_t offsets = round_up(2 * g->taps, 16), w = round_up(g->groups * g->oc * g->taps, 16);
    if (scratch) {
        g->offsets = (int64_t *)(void *)scratch;
        g->w = scratch + offsets;
        g->packed = scratch + offsets + w;
    }
    return offsets + w + threads * grid_packed_floats(g);
}

static void grid_run(grid *g, pool *p) {
    pool_run(p, grid_task, g, g->chunks * g->blocks * g->groups);
}

static batch_pitch pitch_of(batch_pitch given, int64_t batch, int64_t h, int64_t w) {
    if (!given.column) given.column = batch;
    if (!given.row) given.row = given.column * w;
    if (!given.channel) given.channel = given.row * h;
    return given;
}

/* Where weight [o][t] of a channel tile goes in the packed weights of one group of `oc` channels. */
static float *packed_weight(const grid *g, float *w, int64_t tile_begin, int64_t tile_end, int64_t o, int64_t t) {
    return w + tile_begin * g->taps + t * (tile_end - tile_begin) + (o - tile_begin);
}

/* Fills offsets and packed weights: output channel o, input channel i of a group is w[o·o_pitch + i·i_pitch + place].
 */
static void grid_fill(grid *g, const conv_shape *s, const float *w, int64_t o_pitch, int64_t i_pitch) {
    int64_t lanes = g->ks->lanes, tiles = ceil_div(g->oc, g->ks->batch_oc),
            group_pitch = g->oc * g->ic * s->y.kernel * s->x.kernel;
    for (int64_t t = 0; t < g->taps; t++) {
        int64_t i = t % g->ic, v = t / g->ic % g->taps_w, u = t / g->ic / g->taps_w;
        int64_t place = (g->kernel_h + u * g->every_h) * s->x.kernel + g->kernel_w + v * g->every_w;
        assert(g->offsets);
        g->offsets[t] = ((i * g->in_rows + u * g->move_h) * g->in_columns + v * g->move_w) * lanes;
        for (int64_t group = 0; group < g->groups; group++)
            for (int64_t tile = 0; tile < tiles; tile++) {
                int64_t begin = share_begin(g->oc, tiles, tile), end = share_begin(g->oc, tiles, tile + 1);
                for (int64_t o = begin; o < end; o++)
                    *packed_weight(g, g->w + group * g->oc * g->taps, begin, end, o, t) =
                        w[group * group_pitch + o * o_pitch + i * i_pitch + place];
            }
    }
}

static grid forward_grid(const kernel_set *ks, const conv_shape *s) {
    grid g = {.ks = ks,
              .ic = s->ic / s->groups,
              .ih = s->y.in,
              .iw = s->x.in,
              .oc = s->oc / s->groups,
              .rows = s->y.out,
              .columns = s->x.out,
              .groups = s->groups,
              .batch = s->batch,
              .step_h = s->y.stride,
              .step_w = s->x.stride,
              .row = -s->y.before,
              .column = -s->x.before,
              .taps_h = s->y.kernel,
              .taps_w = s->x.kernel,
              .move_h = s->y.dilation,
              .move_w = s->x.dilation,
              .every_h = 1,
              .every_w = 1};
    grid_cut(&g);
    return g;
}

int64_t conv_batch_forward_scratch(const kernel_set *ks, const conv_shape *s, int threads) {
    grid g = forward_grid(ks, s);
    return grid_scratch(&g, NULL, threads);
}

void conv_batch_forward(const kernel_set *ks, pool *p, const conv_shape *s, float *y, batch_pitch y_pitch,
                        const float *x, batch_pitch x_pitch, const float *w, const float *b, unary_kind activation,
                        float alpha, float beta, float *scratch) {
    grid g = forward_grid(ks, s);
    g.x = x, g.x_pitch = pitch_of(x_pitch, s->batch, s->y.in, s->x.in);
    g.y = y, g.y_pitch = pitch_of(y_pitch, s->batch, s->y.out, s->x.out);
    g.b = b, g.activation = activation, g.alpha = alpha, g.beta = beta;
    grid_scratch(&g, scratch, pool_threads(p));
    grid_fill(&g, s, w, g.ic * s->y.kernel * s->x.kernel, s->y.kernel * s->x.kernel);
    grid_run(&g, p);
}

static grid data_grid(const kernel_set *ks, const conv_shape *s, const window_axis *h, const window_axis *v) {
    grid g = {.ks = ks,
              .ic = s->oc / s->groups,
              .ih = s->y.out,
              .iw = s->x.out,
              .oc = s->ic / s->groups,
              .rows = h->count,
              .columns = v->count,
              .groups = s->groups,
              .batch = s->batch,
              .step_h = 1,
              .step_w = 1,
              .row = h->offset,
              .column = v->offset,
              .taps_h = h->taps,
              .taps_w = v->taps,
              .move_h = h->move,
              .move_w = v->move,
              .kernel_h = h->first,
              .kernel_w = v->first,
              .every_h = h->next,
              .every_w = v->next};
    if (!h->taps || !v->taps) g.taps_h = g.taps_w = 0;
    grid_cut(&g);
    return g;
}

/* Of the phase of row i and column j. */
static int64_t phase_scratch(const kernel_set *ks, const conv_shape *s, int64_t i, int64_t j, int threads) {
    if (i >= window_phases(&s->y) || j >= window_phases(&s->x)) return 0;
    window_axis h = axis_reversed(axis_gradient(&s->y, i)), v = axis_reversed(axis_gradient(&s->x, j));
    grid g = data_grid(ks, s, &h, &v);
    return grid_scratch(&g, NULL, threads);
}

/* There may be as many phases as pixels; those that no tap reaches need no scratch memory. */
int64_t conv_batch_data_scratch(const kernel_set *ks, const conv_shape *s, int threads) {
    int64_t floats = 0;
    for (int64_t u = 0; u < s->y.kernel; u++)
        for (int64_t v = 0; v < s->x.kernel; v++)
            floats =
                int64_max(floats, phase_scratch(ks, s, window_reached(&s->y, u), window_reached(&s->x, v), threads));
    return floats;
}

void conv_batch_data(const kernel_set *ks, pool *p, const conv_shape *s, float *dx, batch_pitch x_pitch,
                     const float *dy, batch_pitch y_pitch, const float *w, float *scratch) {
    batch_pitch x_at = pitch_of(x_pitch, s->batch, s->y.in, s->x.in),
                y_at = pitch_of(y_pitch, s->batch, s->y.out, s->x.out);
    int64_t kernel = s->y.kernel * s->x.kernel, phases = window_phases(&s->y) * window_phases(&s->x);
    for (int64_t i = 0; i < phases; i++) {
        window_axis h = axis_reversed(axis_gradient(&s->y, i / window_phases(&s->x)));
        window_axis v = axis_reversed(axis_gradient(&s->x, i % window_phases(&s->x)));
        grid g = data_grid(ks, s, &h, &v);
        g.x = dy, g.x_pitch = y_at;
        g.y = dx + h.start * x_at.row + v.start * x_at.column;
        g.y_pitch = (batch_pitch){x_at.channel, x_at.row * s->y.stride, x_at.column * s->x.stride};
        grid_scratch(&g, scratch, pool_threads(p));
        grid_fill(&g, s, w, kernel, g.oc * kernel);
        grid_run(&g, p);
    }
}

/* The weight gradient. A unit is a few rows of outputs of a few vectors of images; the units are cut into at most eight
 * parts with a sum each, and a task is a part of one tile of output channels. */
typedef struct weight_plan {
    const kernel_set *ks;
    const conv_shape *s;
    const float *x, *dy;
    batch_pitch x_pitch, y_pitch;
    int64_t ic, oc, tiles; /* of one group */
    int64_t images, chunk_rows, chunks, units, parts, in_rows, in_columns, taps;
    int64_t *offsets;
    float *dw, *db, *packed; /* dw, db: of part 0, the caller's */
    float *partial;          /* of parts 1…, dw then db each */
} weight_plan;

#define PARTS  8
#define PIXELS 64 /* of a unit, about: a vector's dy tile and x rows stay in the first-level cache */

static int64_t weight_floats(const weight_plan *q) {
    return round_up(q->s->oc * (q->taps + 1), 16);
}
static int64_t weight_x_floats(const weight_plan *q) {
    return round_up(q->ic * q->in_rows * q->in_columns * q->ks->lanes, 16);
}
static int64_t weight_dy_floats(const weight_plan *q) {
    return round_up(q->chunk_rows * q->s->x.out * q->ks->batch_oc * q->ks->lanes, 16);
}

static int64_t weight_packed_floats(const weight_plan *q) {
    return q->images / q->ks->lanes * (weight_x_floats(q) + weight_dy_floats(q));
}

static weight_plan weight_cut(const kernel_set *ks, const conv_shape *s) {
    weight_plan q = {.ks = ks, .s = s, .ic = s->ic / s->groups, .oc = s->oc / s->groups};
    int64_t rows = int64_max(1, PIXELS / int64_max(1, s->x.out));
    q.chunks = (s->y.out + rows - 1) / rows;
    q.chunk_rows = q.chunks ? (s->y.out + q.chunks - 1) / q.chunks : 0;
    q.tiles = ceil_div(q.oc, ks->batch_oc);
    q.images = image_block(ks, s->batch, q.chunks, PARTS);
    q.units = (s->batch + q.images - 1) / q.images * q.chunks;
    q.parts = int64_max(1, int64_min(PARTS, q.units));
    q.in_rows = (q.chunk_rows - 1) * s->y.stride + (s->y.kernel - 1) * s->y.dilation + 1;
    q.in_columns = (s->x.out - 1) * s->x.stride + (s->x.kernel - 1) * s->x.dilation + 1;
    q.taps = q.ic * s->y.kernel * s->x.kernel;
    return q;
}

static int64_t weight_scratch(weight_plan *q, float *scratch, int threads) {
    int64_t offsets = round_up(2 * q->taps, 16), partial = (q->parts - 1) * weight_floats(q);
    if (scratch) {
        q->offsets = (int64_t *)(void *)scratch;
        q->partial = scratch + offsets;
        q->packed = scratch + offsets + partial;
    }
    return offsets + partial + threads * weight_packed_floats(q);
}

int64_t conv_batch_weight_scratch(const kernel_set *ks, const conv_shape *s, int threads) {
    weight_plan q = weight_cut(ks, s);
    return weight_scratch(&q, NULL, threads);
}

static void weight_unit(const weight_plan *q, int64_t unit, int64_t group, int64_t channel, int64_t channels, float *dw,
                        float *db, float *packed) {
    const conv_shape *s = q->s;
    int64_t lanes = q->ks->lanes, image = unit / q->chunks * q->images, first = unit % q->chunks * q->chunk_rows;
    int64_t rows = int64_min(q->chunk_rows, s->y.out - first), images = int64_min(q->images, s->batch - image);
    if (rows <= 0) return;
    struct batch_pack x = {.out = packed,
                           .out_vector = weight_x_floats(q),
                           .channels = q->ic,
                           .rows = q->in_rows,
                           .columns = q->in_columns,
                           .row = first * s->y.stride - s->y.before,
                           .column = -s->x.before,
                           .x = q->x + group * q->ic * q->x_pitch.channel + image,
                           .ih = s->y.in,
                           .iw = s->x.in,
                           .x_channel = q->x_pitch.channel,
                           .x_row = q->x_pitch.row,
                           .x_column = q->x_pitch.column,
                           .images = images};
    struct batch_pack dy = {.out = packed + q->images / lanes * weight_x_floats(q),
                            .out_vector = weight_dy_floats(q),
                            .channels = channels,
                            .rows = rows,
                            .columns = s->x.out,
                            .row = first,
                            .x = q->dy + channel * q->y_pitch.channel + image,
                            .ih = s->y.out,
                            .iw = s->x.out,
                            .x_channel = q->y_pitch.channel,
                            .x_row = q->y_pitch.row,
                            .x_column = q->y_pitch.column,
                            .images = images,
                            .interleaved = true};
    q->ks->batch_pack(&x);
    q->ks->batch_pack(&dy);
    struct batch_weight run = {.dw = dw + channel * q->taps,
                               .db = db ? db + channel : NULL,
                               .channels = channels,
                               .rows = rows,
                               .columns = s->x.out,
                               .dy = dy.out,
                               .x = x.out,
                               .x_row = s->y.stride * q->in_columns * lanes,
                               .x_column = s->x.stride * lanes,
                               .offsets = q->offsets,
                               .taps = q->taps};
    for (int64_t i = 0; i < images; i += lanes, run.x += x.out_vector, run.dy += dy.out_vector)
        q->ks->batch_weight(&run);
}

static void weight_task(void *context, int64_t index, int worker) {
    const weight_plan *q = context;
    int64_t part = index % q->parts, tile = index / q->parts % q->tiles, group = index / q->parts / q->tiles;
    int64_t begin = group * q->oc + share_begin(q->oc, q->tiles, tile);
    int64_t channels = group * q->oc + share_begin(q->oc, q->tiles, tile + 1) - begin;
    float *partial = q->partial + (part - 1) * weight_floats(q);
    float *dw = part ? partial : q->dw, *db = !q->db ? NULL : part ? partial + q->s->oc * q->taps : q->db;
    memset(dw + begin * q->taps, 0, (size_t)(channels * q->taps) * sizeof(float));
    if (db) memset(db + begin, 0, (size_t)channels * sizeof(float));
    float *packed = q->packed + worker * weight_packed_floats(q);
    for (int64_t u = q->units * part / q->parts; u < q->units * (part + 1) / q->parts; u++)
        weight_unit(q, u, group, begin, channels, dw, db, packed);
}

/* dw = ((part 0 + part 1) + part 2) + …, output channel by output channel. */
static void weight_sum(void *context, int64_t channel, int worker) {
    const weight_plan *q = context;
    (void)worker;
    for (int64_t part = 1; part < q->parts; part++) {
        const float *partial = q->partial + (part - 1) * weight_floats(q);
        for (int64_t i = channel * q->taps; i < (channel + 1) * q->taps; i++) q->dw[i] += partial[i];
        if (q->db) q->db[channel] += partial[q->s->oc * q->taps + channel];
    }
}

void conv_batch_weight(const kernel_set *ks, pool *p, const conv_shape *s, float *dw, float *db, const float *x,
                       batch_pitch x_pitch, const float *dy, batch_pitch y_pitch, float *scratch) {
    weight_plan q = weight_cut(ks, s);
    q.dw = dw, q.db = db, q.x = x, q.dy = dy;
    q.x_pitch = pitch_of(x_pitch, s->batch, s->y.in, s->x.in);
    q.y_pitch = pitch_of(y_pitch, s->batch, s->y.out, s->x.out);
    weight_scratch(&q, scratch, pool_threads(p));
    int64_t kernel = s->y.kernel * s->x.kernel;
    assert(q.offsets);
    for (int64_t t = 0; t < q.taps; t++)
        q.offsets[t] = ((t / kernel * q.in_rows + t % kernel / s->x.kernel * s->y.dilation) * q.in_columns +
                        t % s->x.kernel * s->x.dilation) *
                       ks->lanes;
    pool_run(p, weight_task, &q, q.parts * q.tiles * s->groups);
    if (q.parts > 1) pool_run(p, weight_sum, &q, s->oc);
}
