#include "kernel/conv_depthwise.h"

#include <string.h>

#include "base/sizes.h"
#include "kernel/conv_depthwise_tile.h"

#define TASKS         16 /* wanted, if they are large enough */
#define TASK_CHANNELS 64 /* of a task, at least */
#define PARTS         8  /* partial sums of a weight gradient */

bool conv_is_depthwise(const conv_shape *s) {
    return s->groups > 1 && s->groups == s->ic;
}

/* Of a data gradient, taps are taken from the last to the first, so that they move forward as those of the convolution
 * do. */
static window_axis axis_of(const window *w, enum conv_op op, int64_t phase) {
    return op == CONV_DX ? axis_reversed(axis_gradient(w, phase)) : axis_forward(w);
}
static int64_t phases_of(const window *w, enum conv_op op) {
    return op == CONV_DX ? window_phases(w) : 1;
}

/* ---- weights: [phase][channels / lanes][plane][tap][lanes] ----
 * With a multiplier m, the forward convolution repeats each channel of x m times and has oc channels; the data gradient
 * has ic channels and sums m planes, plane j made of the channels c·m + j of dy. */

static int64_t multiplier(const conv_shape *s) {
    return s->oc / s->ic;
}

/* Channels of a result, planes that are summed. */
static int64_t planes(const conv_shape *s, enum conv_op op) {
    return op == CONV_DX ? multiplier(s) : 1;
}
static int64_t channels(const conv_shape *s, enum conv_op op) {
    return op == CONV_DX ? s->ic : s->oc;
}
/* Channels in whole vectors. */
static int64_t padded(const kernel_set *ks, int64_t n) {
    return ceil_div(n, ks->lanes) * ks->lanes;
}

size_t depthwise_packed_floats(const kernel_set *ks, const conv_shape *s, enum conv_op op) {
    return op == CONV_DW ? 0 : (size_t)(s->y.kernel * s->x.kernel * planes(s, op) * padded(ks, channels(s, op)));
}

/* One tap of one vector of channels: zeros behind the last. */
static void pack_tap(int lanes, float *packed, const float *w, int64_t step, int64_t count) {
    for (int64_t j = 0; j < lanes; j++) packed[j] = j < count ? w[j * step] : 0;
}

static float *pack_phase(const kernel_set *ks, const conv_shape *s, enum conv_op op, const float *w, float *packed,
                         window_axis y, window_axis x) {
    int64_t taps = s->y.kernel * s->x.kernel, m = planes(s, op), n = channels(s, op);
    for (int64_t c = 0; c < n; c += ks->lanes)
        for (int64_t plane = 0; plane < m; plane++)
            for (int64_t t = 0; t < y.taps; t++)
                for (int64_t i = 0; i < x.taps; i++, packed += ks->lanes) {
                    int64_t tap = (y.first + t * y.next) * s->x.kernel + x.first + i * x.next;
                    pack_tap(ks->lanes, packed, w + (c * m + plane) * taps + tap, m * taps, n - c);
                }
    return packed;
}

void depthwise_pack(const kernel_set *ks, const conv_shape *s, enum conv_op op, const float *w, float *packed) {
    if (op == CONV_DW) return;
    for (int64_t py = 0; py < phases_of(&s->y, op); py++)
        for (int64_t px = 0; px < phases_of(&s->x, op); px++)
            packed = pack_phase(ks, s, op, w, packed, axis_of(&s->y, op, py), axis_of(&s->x, op, px));
}

/* ---- multiplied channels ---- */

/* A copy [planes][batch][h][w][channels] of pixels of `each` channels: the channels repeated (planes = 1), or dealt
 * out. */
typedef struct deal_task {
    int64_t images, h, w, each, m;
    bool repeat;
    const float *from;
    conv_pitch pitch;
    float *to;
} deal_task;

static int64_t deal_floats(const deal_task *t) {
    return t->images * t->h * t->w * t->each * (t->repeat ? t->m : 1);
}

static void deal_row(void *context, int64_t row, int worker) {
    (void)worker;
    const deal_task *t = context;
    int64_t plane = t->images * t->h * t->w * t->each / t->m;
    for (int64_t x = 0; x < t->w; x++) {
        const float *from = t->from + row / t->h * t->pitch.image + row % t->h * t->pitch.row + x * t->pitch.pixel;
        float *to = t->to + (row * t->w + x) * (t->repeat ? t->each * t->m : t->each / t->m);
        for (int64_t c = 0; c < (t->repeat ? t->each : t->each / t->m); c++)
            for (int64_t j = 0; j < t->m; j++)
                if (t->repeat) to[c * t->m + j] = from[c];
                else to[j * plane + c] = from[c * t->m + j];
    }
}

/* x with each channel m times. */
static deal_task deal_x(const conv_shape *s, const float *x, conv_pitch xp, float *to) {
    return (deal_task){s->batch, s->y.in, s->x.in, s->ic, multiplier(s), true, x, xp, to};
}
/* dy in m planes. */
static deal_task deal_y(const conv_shape *s, const float *dy, conv_pitch yp, float *to) {
    return (deal_task){s->batch, s->y.out, s->x.out, s->oc, multiplier(s), false, dy, yp, to};
}

static conv_pitch dense(int64_t h, int64_t w, int64_t channels) {
    return (conv_pitch){h * w * channels, w * channels, channels};
}

/* ---- forward and data gradient ---- */

typedef struct sweep_task {
    const kernel_set *ks;
    const conv_shape *s;
    enum conv_op op;
    int64_t rows_each, rows, row_blocks, channels, channel_blocks; /* rows: of phase 0, of one image and of all */
    const float *in;
    conv_pitch ip;
    int64_t planes, in_plane;
    const float *w;
    float *out;
    conv_pitch pitch;
    const epilogue *epilogue;
} sweep_task;

/* Cuts rows and channels by shape alone. */
static void task_cut(int64_t rows, int64_t channels, int64_t most, int64_t *row_blocks, int64_t *channel_blocks) {
    *row_blocks = int64_max(1, int64_min(rows, most));
    *channel_blocks = int64_max(1, int64_min(most / *row_blocks, channels / TASK_CHANNELS));
}

/* The first channel of block i: a whole number of vectors, whatever their size. */
static int64_t block_begin(int64_t channels, int64_t blocks, int64_t i) {
    return i == blocks ? channels : share_begin(channels / 16, blocks, i) * 16;
}

/* The window of one row of an image's results, channel `c` on. */
static struct depthwise_window window_of(const window_axis *y, const window_axis *x, int64_t image, int64_t row,
                                         const float *in, conv_pitch ip, int64_t c, int64_t channels) {
    return (struct depthwise_window){.columns = x->count,
                                     .channels = channels,
                                     .x = in + image * ip.image + c,
                                     .ih = y->in,
                                     .iw = x->in,
                                     .x_row = ip.row,
                                     .x_pixel = ip.pixel,
                                     .row = row * y->step + y->offset,
                                     .column = x->offset,
                                     .step = x->step,
                                     .taps_h = y->taps,
                                     .taps_w = x->taps,
                                     .move_h = y->move,
                                     .move_w = x->move};
}

/* One row of one phase; the weights are that phase's. */
static void row_run(const sweep_task *t, const window_axis *y, const window_axis *x, const float *w, int64_t image,
                    int64_t i, int64_t c, int64_t count) {
    const epilogue *e = t->epilogue;
    int64_t at = y->start + i * y->every;
    struct depthwise_row r = {.window = window_of(y, x, image, i, t->in, t->ip, c, count),
                              .planes = t->planes,
                              .x_plane = t->in_plane,
                              .w = w + c * t->planes * y->taps * x->taps,
                              .y = t->out + image * t->pitch.image + at * t->pitch.row + x->start * t->pitch.pixel + c,
                              .y_step = x->every * t->pitch.pixel,
                              .epilogue = e};
    if (e && e->bias) r.bias = e->bias + c;
    if (e && e->residual) {
        r.residual = e->residual + image * e->residual_pitch[0] + at * e->residual_pitch[1] +
                     x->start * e->residual_pitch[2] + c;
        r.residual_step = x->every * e->residual_pitch[2];
    }
    t->ks->depthwise_row(&r);
}

/* All phases of a row, one after the other while what they interleave is in the cache. */
static void row_phases(const sweep_task *t, int64_t row, int64_t c, int64_t count) {
    const float *w = t->w;
    int64_t image = row / t->rows_each, i = row % t->rows_each;
    for (int64_t py = 0; py < phases_of(&t->s->y, t->op); py++) {
        window_axis y = axis_of(&t->s->y, t->op, py);
        for (int64_t px = 0; px < phases_of(&t->s->x, t->op); px++) {
            window_axis x = axis_of(&t->s->x, t->op, px);
            if (i < y.count && x.count > 0) row_run(t, &y, &x, w, image, i, c, count);
            w += t->planes * y.taps * x.taps * padded(t->ks, t->channels);
        }
    }
}

static void sweep_block(void *context, int64_t index, int worker) {
    (void)worker;
    const sweep_task *t = context;
    int64_t block = index % t->row_blocks, part = index / t->row_blocks;
    int64_t c = block_begin(t->channels, t->channel_blocks, part);
    int64_t end = block_begin(t->channels, t->channel_blocks, part + 1);
    for (int64_t row = block * t->rows / t->row_blocks; row < (block + 1) * t->rows / t->row_blocks; row++)
        row_phases(t, row, c, end - c);
}

static void sweep_run(sweep_task *t, const conv_shape *s, enum conv_op op, pool *p) {
    t->s = s;
    t->op = op;
    t->rows_each = axis_of(&s->y, op, 0).count;
    t->rows = s->batch * t->rows_each;
    task_cut(t->rows, t->channels, TASKS, &t->row_blocks, &t->channel_blocks);
    if (t->rows > 0) pool_run(p, sweep_block, t, t->row_blocks * t->channel_blocks);
}

void depthwise_forward(const kernel_set *ks, const conv_shape *s, const float *x, conv_pitch xp, const float *packed,
                       float *y, conv_pitch yp, const epilogue *e, void *scratch, pool *p) {
    sweep_task t = {.ks = ks, .channels = s->oc, .in = x, .ip = xp, .planes = 1, .w = packed};
    t.out = y;
    t.pitch = yp;
    t.epilogue = e;
    if (multiplier(s) > 1) {
        deal_task d = deal_x(s, x, xp, scratch);
        pool_run(p, deal_row, &d, s->batch * s->y.in);
        t.in = scratch;
        t.ip = dense(s->y.in, s->x.in, s->oc);
    }
    sweep_run(&t, s, CONV_FORWARD, p);
}

void depthwise_dx(const kernel_set *ks, const conv_shape *s, const float *dy, conv_pitch yp, const float *packed,
                  float *dx, conv_pitch xp, const epilogue *e, void *scratch, pool *p) {
    sweep_task t = {.ks = ks, .channels = s->ic, .in = dy, .ip = yp, .planes = multiplier(s), .w = packed};
    t.out = dx;
    t.pitch = xp;
    t.epilogue = e;
    if (multiplier(s) > 1) {
        deal_task d = deal_y(s, dy, yp, scratch);
        pool_run(p, deal_row, &d, s->batch * s->y.out);
        t.in = scratch;
        t.ip = dense(s->y.out, s->x.out, s->ic);
        t.in_plane = s->batch * s->y.out * s->x.out * s->ic;
    }
    sweep_run(&t, s, CONV_DX, p);
}

/* ---- weight gradient: parts over ranges of rows, added in order ---- */

typedef struct weight_task {
    const kernel_set *ks;
    const conv_shape *s;
    window_axis y, x;
    int64_t rows, parts, channel_blocks;
    const float *in, *dy;
    conv_pitch ip, yp;
    int64_t part_floats;
    float *sums; /* [part][channels / lanes][tap][lanes] */
} weight_task;

static int64_t part_floats(const kernel_set *ks, const conv_shape *s) {
    return s->y.kernel * s->x.kernel * padded(ks, s->oc);
}

static void weight_block(void *context, int64_t index, int worker) {
    (void)worker;
    const weight_task *t = context;
    const conv_shape *s = t->s;
    int64_t part = index % t->parts, block = index / t->parts, taps = s->y.kernel * s->x.kernel;
    int64_t c = block_begin(s->oc, t->channel_blocks, block);
    int64_t count = block_begin(s->oc, t->channel_blocks, block + 1) - c;
    float *sums = t->sums + part * t->part_floats + c * taps;
    memset(sums, 0, (size_t)(padded(t->ks, count) * taps) * sizeof *sums);
    for (int64_t row = part * t->rows / t->parts; row < (part + 1) * t->rows / t->parts; row++) {
        int64_t image = row / s->y.out, i = row % s->y.out;
        struct depthwise_weight w = {.window = window_of(&t->y, &t->x, image, i, t->in, t->ip, c, count),
                                     .dy = t->dy + image * t->yp.image + i * t->yp.row + c,
                                     .dy_step = t->yp.pixel,
                                     .dw = sums};
        t->ks->depthwise_weight(&w);
    }
}

void depthwise_dw(const kernel_set *ks, const conv_shape *s, const float *x, conv_pitch xp, const float *dy,
                  conv_pitch yp, float *dw, void *scratch, pool *p) {
    weight_task t = {.ks = ks, .s = s, .rows = s->batch * s->y.out, .in = x, .ip = xp, .dy = dy, .yp = yp};
    t.y = axis_of(&s->y, CONV_DW, 0);
    t.x = axis_of(&s->x, CONV_DW, 0);
    task_cut(t.rows, s->oc, PARTS, &t.parts, &t.channel_blocks);
    t.sums = scratch;
    t.part_floats = part_floats(ks, s);
    if (t.rows == 0 || s->x.out == 0) {
        memset(dw, 0, (size_t)(s->oc * s->y.kernel * s->x.kernel) * sizeof *dw);
        return;
    }
    if (multiplier(s) > 1) {
        deal_task d = deal_x(s, x, xp, scratch);
        pool_run(p, deal_row, &d, s->batch * s->y.in);
        t.in = scratch;
        t.ip = dense(s->y.in, s->x.in, s->oc);
        t.sums += deal_floats(&d);
    }
    pool_run(p, weight_block, &t, t.parts * t.channel_blocks);
    ks->depthwise_reduce(dw, t.sums, t.part_floats, t.parts, s->y.kernel * s->x.kernel, s->oc);
}

size_t depthwise_scratch_bytes(const kernel_set *ks, const conv_shape *s, enum conv_op op) {
    deal_task x = deal_x(s, NULL, (conv_pitch){0}, NULL), y = deal_y(s, NULL, (conv_pitch){0}, NULL);
    int64_t floats = multiplier(s) == 1 ? 0 : deal_floats(op == CONV_DX ? &y : &x);
    if (op == CONV_DW) floats += PARTS * part_floats(ks, s);
    return (size_t)floats * sizeof(float);
}
