/* Depthwise convolution of channels-last images: a channel of the result sees one channel of the input
 * (groups = ic, oc = multiplier · ic). With a multiplier m, the forward convolution repeats each channel of x m times
 * and has oc channels; the data gradient has ic channels and sums m planes, plane j made of the channels c·m + j of
 * dy. Groups of g channels sum g planes of the same input: in plane i, each lane takes channel i of its group. */
#include "base/sizes.h"
#include "kernel/products/conv.h"
#include "kernel/products/conv_depthwise_tile.h"

#include <string.h>

#define TASKS         16 /* wanted, if they are large enough */
#define TASK_CHANNELS 64 /* of a task, at least */
#define PARTS         8  /* partial sums of a weight gradient */

/* ---- plan ---- */

/* A copy of an image's pixels of `each` channels, which comes first where there is a multiplier: channels repeated, or
 * dealt out to planes. */
typedef struct deal {
    int64_t images, h, w, each, m;
    bool repeat;
} deal;

typedef struct depthwise_plan {
    conv_plan common;
    window_axis *y, *x;                           /* phases that taps reach; but for data gradients: one */
    int64_t y_count, x_count, y_phases, x_phases; /* of them; of all */
    int64_t rows_each, rows;                      /* of phase 0: of one image and of all */
    int64_t channels, planes;                     /* of the result; that are summed */
    int64_t group;                                /* channels of a group; 1: depthwise */
    bool turned;                                  /* groups' weights: a data gradient's */
    int64_t row_blocks, channel_blocks; /* tasks; of a weight gradient, row_blocks are parts with a sum each */
    int64_t part_floats;
    deal deal;
    conv_pitch in, out; /* in: as it is or as it was dealt; of a weight gradient: x, dy */
    int64_t in_plane;
} depthwise_plan;

bool conv_is_grouped(const kernel_set *ks, const conv_shape *s) {
    return s->groups > 1 && s->ic > s->groups && s->ic == s->oc && ks->lanes % (s->ic / s->groups) == 0;
}

static int64_t multiplier(const conv_shape *s) {
    return s->oc / s->ic;
}

/* Channels in whole vectors. */
static int64_t padded(const kernel_set *ks, int64_t n) {
    return round_up(n, ks->lanes);
}

static int64_t deal_floats(const deal *d) {
    return d->m == 1 ? 0 : d->images * d->h * d->w * d->each * (d->repeat ? d->m : 1);
}

/* Cuts rows and channels by shape alone. */
static void plan_cut(depthwise_plan *p, int64_t most) {
    p->rows = p->common.shape.batch * p->rows_each;
    p->row_blocks = int64_max(1, int64_min(p->rows, most));
    p->channel_blocks = int64_max(1, int64_min(most / p->row_blocks, p->channels / TASK_CHANNELS));
}

/* The first channel of block i: a whole number of vectors, whatever their size. */
static int64_t block_begin(const depthwise_plan *p, int64_t i) {
    return i == p->channel_blocks ? p->channels : share_begin(p->channels / 16, p->channel_blocks, i) * 16;
}

/* What forward and weight gradient have in common: each channel of x, m times. */
static depthwise_plan *plan_forward(const conv_plan *common, arena *a) {
    depthwise_plan *p = arena_alloc(a, sizeof *p);
    window_axis *axes = arena_alloc(a, 2 * sizeof *axes);
    if (!p || !axes) return NULL;
    p->common = *common;
    const conv_shape *s = &p->common.shape;
    axes[0] = axis_forward(&s->y), axes[1] = axis_forward(&s->x);
    p->y = axes, p->x = axes + 1;
    p->y_count = p->x_count = p->y_phases = p->x_phases = 1;
    p->rows_each = s->y.out;
    p->channels = s->oc;
    p->planes = p->group = s->ic / s->groups;
    p->deal = (deal){s->batch, s->y.in, s->x.in, s->ic, multiplier(s), true};
    p->in = conv_pitch_of(s->y.in, s->x.in, s->oc);
    p->out = conv_y_pitch(s);
    p->common.scratch_bytes = (size_t)deal_floats(&p->deal) * sizeof(float);
    return p;
}

static conv_plan *forward_plan(const conv_plan *common, arena *a) {
    depthwise_plan *p = plan_forward(common, a);
    if (!p) return NULL;
    const conv_shape *s = &p->common.shape;
    plan_cut(p, TASKS);
    p->common.packed_floats = (size_t)(s->y.kernel * s->x.kernel * p->planes * padded(common->ks, p->channels));
    return &p->common;
}

static conv_plan *dx_plan(const conv_plan *common, arena *a) {
    depthwise_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    p->common = *common;
    const conv_shape *s = &p->common.shape;
    p->y = axes_reversed_new(&s->y, &p->y_count, a);
    p->x = axes_reversed_new(&s->x, &p->x_count, a);
    if (!p->y || !p->x) return NULL;
    p->y_phases = window_phases(&s->y), p->x_phases = window_phases(&s->x);
    p->rows_each = ceil_div(s->y.in, s->y.stride);
    p->channels = s->ic;
    p->group = s->ic / s->groups;
    p->turned = p->group > 1;
    p->planes = p->group > 1 ? p->group : multiplier(s);
    p->deal = (deal){s->batch, s->y.out, s->x.out, s->oc, multiplier(s), false};
    p->in = conv_pitch_of(s->y.out, s->x.out, s->ic);
    p->in_plane = p->group > 1 ? 0 : s->batch * s->y.out * s->x.out * s->ic;
    p->out = conv_x_pitch(s);
    plan_cut(p, TASKS);
    p->common.packed_floats = (size_t)(s->y.kernel * s->x.kernel * p->planes * padded(common->ks, p->channels));
    p->common.scratch_bytes = (size_t)deal_floats(&p->deal) * sizeof(float);
    return &p->common;
}

static conv_plan *dw_plan(const conv_plan *common, arena *a) {
    depthwise_plan *p = plan_forward(common, a);
    if (!p) return NULL;
    const conv_shape *s = &p->common.shape;
    plan_cut(p, PARTS);
    p->part_floats = s->y.kernel * s->x.kernel * padded(common->ks, s->oc);
    p->common.scratch_bytes += (size_t)(PARTS * p->part_floats) * sizeof(float);
    return &p->common;
}

/* ---- weights: [phase][channels / lanes][plane][tap][lanes] ---- */

/* Which kernel of w[oc][ic / groups] belongs to a channel of the result and a plane. */
static int64_t kernel_of(const depthwise_plan *p, int64_t channel, int64_t plane) {
    int64_t in_group = channel % p->group;
    return p->turned ? (channel - in_group + plane) * p->group + in_group : channel * p->planes + plane;
}

static float *pack_phase(const depthwise_plan *p, const float *w, float *packed, const window_axis *y,
                         const window_axis *x) {
    const conv_shape *s = &p->common.shape;
    int64_t taps = s->y.kernel * s->x.kernel;
    int lanes = p->common.ks->lanes;
    for (int64_t c = 0; c < p->channels; c += lanes)
        for (int64_t plane = 0; plane < p->planes; plane++)
            for (int64_t t = 0; t < y->taps; t++)
                for (int64_t i = 0; i < x->taps; i++, packed += lanes) {
                    int64_t tap = (y->first + t * y->next) * s->x.kernel + x->first + i * x->next;
                    for (int j = 0; j < lanes; j++) /* zeros after the last channel */
                        packed[j] = c + j < p->channels ? w[kernel_of(p, c + j, plane) * taps + tap] : 0;
                }
    return packed;
}

static void pack(const conv_plan *plan, const float *w, float *packed, pool *workers) {
    const depthwise_plan *p = (const depthwise_plan *)plan;
    for (int64_t i = 0; i < p->y_count * p->x_count; i++)
        packed = pack_phase(p, w, packed, &p->y[i / p->x_count], &p->x[i % p->x_count]);
}

/* ---- multiplied channels ---- */

typedef struct deal_job {
    const deal *deal;
    const float *from;
    float *to;
} deal_job;

/* [planes][batch][h][w][channels], one plane if repeated */
static void deal_row(void *context, int64_t row, int worker) {
    const deal_job *j = context;
    const deal *d = j->deal;
    int64_t channels = d->repeat ? d->each : d->each / d->m, plane = d->images * d->h * d->w * channels;
    for (int64_t x = 0; x < d->w; x++) {
        const float *from = j->from + (row * d->w + x) * d->each;
        float *to = j->to + (row * d->w + x) * (d->repeat ? d->each * d->m : channels);
        for (int64_t c = 0; c < channels; c++)
            for (int64_t k = 0; k < d->m; k++)
                if (d->repeat) to[c * d->m + k] = from[c];
                else to[k * plane + c] = from[c * d->m + k];
    }
}

/* The input as the kernels see it: where it is, or in the scratch. */
static const float *input_deal(const depthwise_plan *p, const conv_data *d, pool *workers) {
    if (p->deal.m == 1) return d->a;
    pool_run(workers, deal_row, &(deal_job){&p->deal, d->a, d->scratch}, p->deal.images * p->deal.h);
    return d->scratch;
}

/* ---- forward and data gradient ---- */

typedef struct depthwise_job {
    const depthwise_plan *plan;
    const float *in, *b; /* b: packed weights, or dy */
    float *out;          /* or partial sums [part][channels / lanes][tap][lanes] */
    const epilogue *epilogue;
} depthwise_job;

/* The window of one row of an image's results, channel `c` on. */
static struct depthwise_window window_of(const depthwise_job *j, const window_axis *y, const window_axis *x,
                                         int64_t image, int64_t row, int64_t c, int64_t channels) {
    conv_pitch in = j->plan->in;
    return (struct depthwise_window){.columns = x->count,
                                     .channels = channels,
                                     .x = j->in + image * in.image + c,
                                     .ih = y->in,
                                     .iw = x->in,
                                     .x_row = in.row,
                                     .x_pixel = in.pixel,
                                     .row = row * y->step + y->offset,
                                     .column = x->offset,
                                     .step = x->step,
                                     .taps_h = y->taps,
                                     .taps_w = x->taps,
                                     .move_h = y->move,
                                     .move_w = x->move};
}

/* One row of one phase; the weights are that phase's. */
static void row_run(const depthwise_job *j, const window_axis *y, const window_axis *x, const float *w, int64_t image,
                    int64_t row, int64_t c, int64_t count) {
    const depthwise_plan *p = j->plan;
    const epilogue *e = j->epilogue;
    int64_t at = image * p->out.image + (y->start + row * y->every) * p->out.row + x->start * p->out.pixel + c;
    struct depthwise_row r = {.window = window_of(j, y, x, image, row, c, count),
                              .planes = p->planes,
                              .x_plane = p->in_plane,
                              .group = p->group,
                              .w = w + c * p->planes * y->taps * x->taps,
                              .y = j->out + at,
                              .y_step = x->every * p->out.pixel,
                              .epilogue = e};
    if (e && e->bias) r.bias = e->bias + c;
    if (e && e->residual) r.residual = e->residual + at;
    p->common.ks->depthwise_row(&r);
}

/* All phases of a row, one after the other while what they interleave is in the cache. */
static void row_phases(const depthwise_job *j, int64_t index, int64_t c, int64_t count) {
    const depthwise_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    const float *w = j->b;
    int64_t image = index / p->rows_each, row = index % p->rows_each, all = padded(p->common.ks, p->channels);
    for (int64_t py = 0, i = 0; py < p->y_phases; py++) {
        window_axis y = axis_of_phase(&s->y, py, p->y, p->y_count, &i);
        for (int64_t px = 0, k = 0; px < p->x_phases; px++) {
            window_axis x = axis_of_phase(&s->x, px, p->x, p->x_count, &k);
            if (row < y.count && x.count > 0) row_run(j, &y, &x, w, image, row, c, count);
            w += p->planes * y.taps * x.taps * all;
        }
    }
}

static void sweep_block(void *context, int64_t index, int worker) {
    const depthwise_job *j = context;
    const depthwise_plan *p = j->plan;
    int64_t block = index % p->row_blocks, part = index / p->row_blocks;
    int64_t c = block_begin(p, part), end = block_begin(p, part + 1);
    int64_t last = share_begin(p->rows, p->row_blocks, block + 1);
    for (int64_t row = share_begin(p->rows, p->row_blocks, block); row < last; row++) row_phases(j, row, c, end - c);
}

static void run(const conv_plan *plan, const conv_data *d, pool *workers) {
    const depthwise_plan *p = (const depthwise_plan *)plan;
    depthwise_job j = {p, input_deal(p, d, workers), d->b, d->out, d->epilogue};
    if (p->rows > 0) pool_run(workers, sweep_block, &j, p->row_blocks * p->channel_blocks);
}

/* ---- weight gradient: parts over ranges of rows, added in order ---- */

static void weight_block(void *context, int64_t index, int worker) {
    const depthwise_job *j = context;
    const depthwise_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    int64_t part = index % p->row_blocks, block = index / p->row_blocks, taps = s->y.kernel * s->x.kernel;
    int64_t c = block_begin(p, block), count = block_begin(p, block + 1) - c;
    float *sums = j->out + part * p->part_floats + c * taps;
    memset(sums, 0, (size_t)(padded(p->common.ks, count) * taps) * sizeof *sums);
    int64_t last = share_begin(p->rows, p->row_blocks, part + 1);
    for (int64_t row = share_begin(p->rows, p->row_blocks, part); row < last; row++) {
        int64_t image = row / s->y.out, i = row % s->y.out;
        struct depthwise_weight w = {.window = window_of(j, p->y, p->x, image, i, c, count),
                                     .dy = j->b + image * p->out.image + i * p->out.row + c,
                                     .dy_step = p->out.pixel,
                                     .dw = sums};
        p->common.ks->depthwise_weight(&w);
    }
}

static void dw_run(const conv_plan *plan, const conv_data *d, pool *workers) {
    const depthwise_plan *p = (const depthwise_plan *)plan;
    const conv_shape *s = &plan->shape;
    if (p->rows == 0 || s->x.out == 0) {
        memset(d->out, 0, (size_t)(s->oc * s->y.kernel * s->x.kernel) * sizeof *d->out);
        return;
    }
    float *sums = (float *)d->scratch + deal_floats(&p->deal);
    depthwise_job j = {p, input_deal(p, d, workers), d->b, sums, NULL};
    pool_run(workers, weight_block, &j, p->row_blocks * p->channel_blocks);
    plan->ks->depthwise_reduce(d->out, sums, p->part_floats, p->row_blocks, s->y.kernel * s->x.kernel, s->oc);
}

const conv_kernel conv_grouped[CONV_OPS] = {{forward_plan, pack, run}, {dx_plan, pack, run}};
const conv_kernel conv_depthwise[CONV_OPS] = {{forward_plan, pack, run}, {dx_plan, pack, run}, {dw_plan, NULL, dw_run}};
