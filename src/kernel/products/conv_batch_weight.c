/* The weight gradient in batch-last storage. A unit is a few rows of outputs of a few vectors of images; the units are
 * cut into at most eight parts with a sum each, and a task is a part of one tile of output channels. */
#include "kernel/products/conv.h"
#include "kernel/products/conv_batch.h"
#include "kernel/products/conv_batch_tile.h"

#include <string.h>

#define PARTS  8
#define PIXELS 64 /* of a unit, about: a vector's dy tile and x rows stay in the first-level cache */

typedef struct weight_plan {
    conv_plan common;
    batch_pitch x_pitch, y_pitch;
    int64_t ic, oc, tiles;              /* of one group */
    int64_t images, chunk_rows, chunks; /* of a unit; units of an image */
    int64_t units, parts, part_floats;  /* a part's sums */
    int64_t in_rows, in_columns, taps;  /* of a unit's packed x; weights of an output channel */
    int64_t x_floats, dy_floats;        /* packed, of one vector of images */
    int64_t worker_floats;
    int64_t *offsets; /* [taps] in packed x */
} weight_plan;

typedef struct weight_job {
    const weight_plan *plan;
    const float *x, *dy;
    float *dw;      /* of part 0, the caller's */
    float *partial; /* of parts 1… */
    float *workers;
} weight_job;

static void plan_cut(weight_plan *p) {
    const conv_shape *s = &p->common.shape;
    const kernel_set *ks = p->common.ks;
    int64_t rows = int64_max(1, PIXELS / int64_max(1, s->x.out));
    p->chunks = ceil_div(s->y.out, rows);
    p->chunk_rows = p->chunks ? ceil_div(s->y.out, p->chunks) : 0;
    p->tiles = ceil_div(p->oc, ks->batch_oc);
    p->images = image_block(ks, s->batch, p->chunks, PARTS);
    p->units = ceil_div(s->batch, p->images) * p->chunks;
    p->parts = int64_max(1, int64_min(PARTS, p->units));
    p->in_rows = window_span(&s->y, p->chunk_rows);
    p->in_columns = window_span(&s->x, s->x.out);
    p->taps = p->ic * s->y.kernel * s->x.kernel;
    p->part_floats = round_up(s->oc * p->taps, 16);
    p->x_floats = round_up(p->ic * p->in_rows * p->in_columns * ks->lanes, 16);
    p->dy_floats = round_up(p->chunk_rows * s->x.out * ks->batch_oc * ks->lanes, 16);
    p->worker_floats = p->images / ks->lanes * (p->x_floats + p->dy_floats);
}

conv_plan *conv_batch_weight_plan(const conv_plan *common, arena *a) {
    weight_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    const conv_shape *s = &common->shape;
    *p = (weight_plan){.common = *common,
                       .x_pitch = batch_pitch_of(s->batch, s->y.in, s->x.in),
                       .y_pitch = batch_pitch_of(s->batch, s->y.out, s->x.out),
                       .ic = s->ic / s->groups,
                       .oc = s->oc / s->groups};
    plan_cut(p);
    p->offsets = arena_alloc(a, (size_t)p->taps * sizeof *p->offsets + 1);
    if (!p->offsets) return NULL;
    int64_t kernel = s->y.kernel * s->x.kernel;
    for (int64_t t = 0; t < p->taps; t++) {
        int64_t u = t % kernel / s->x.kernel, v = t % s->x.kernel;
        p->offsets[t] =
            ((t / kernel * p->in_rows + u * s->y.dilation) * p->in_columns + v * s->x.dilation) * common->ks->lanes;
    }
    p->common.scratch_bytes =
        (size_t)((p->parts - 1) * p->part_floats + p->worker_floats * common->threads) * sizeof(float);
    return &p->common;
}

/* What a task adds up: units of one tile of output channels. */
typedef struct weight_tile {
    int64_t group, channel, channels;
    float *dw, *packed;
} weight_tile;

static struct batch_pack unit_x(const weight_job *j, const weight_tile *t, int64_t row, int64_t image) {
    const weight_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    return (struct batch_pack){.out = t->packed,
                               .out_vector = p->x_floats,
                               .channels = p->ic,
                               .rows = p->in_rows,
                               .columns = p->in_columns,
                               .row = window_at(&s->y, row, 0),
                               .column = window_at(&s->x, 0, 0),
                               .x = j->x + t->group * p->ic * p->x_pitch.channel + image,
                               .ih = s->y.in,
                               .iw = s->x.in,
                               .x_channel = p->x_pitch.channel,
                               .x_row = p->x_pitch.row,
                               .x_column = p->x_pitch.column,
                               .images = int64_min(p->images, s->batch - image)};
}

static struct batch_pack unit_dy(const weight_job *j, const weight_tile *t, int64_t row, int64_t image) {
    const weight_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    return (struct batch_pack){.out = t->packed + p->images / p->common.ks->lanes * p->x_floats,
                               .out_vector = p->dy_floats,
                               .channels = t->channels,
                               .rows = int64_min(p->chunk_rows, s->y.out - row),
                               .columns = s->x.out,
                               .row = row,
                               .x = j->dy + t->channel * p->y_pitch.channel + image,
                               .ih = s->y.out,
                               .iw = s->x.out,
                               .x_channel = p->y_pitch.channel,
                               .x_row = p->y_pitch.row,
                               .x_column = p->y_pitch.column,
                               .images = int64_min(p->images, s->batch - image),
                               .interleaved = true};
}

static void unit_run(const weight_job *j, const weight_tile *t, int64_t unit) {
    const weight_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    const kernel_set *ks = p->common.ks;
    int64_t image = unit / p->chunks * p->images, row = unit % p->chunks * p->chunk_rows, lanes = ks->lanes;
    struct batch_pack x = unit_x(j, t, row, image), dy = unit_dy(j, t, row, image);
    if (dy.rows <= 0) return;
    ks->batch_pack(&x);
    ks->batch_pack(&dy);
    struct batch_weight run = {.dw = t->dw + t->channel * p->taps,
                               .channels = t->channels,
                               .rows = dy.rows,
                               .columns = s->x.out,
                               .dy = dy.out,
                               .x = x.out,
                               .x_row = s->y.stride * p->in_columns * lanes,
                               .x_column = s->x.stride * lanes,
                               .offsets = p->offsets,
                               .taps = p->taps};
    for (int64_t i = 0; i < x.images; i += lanes, run.x += x.out_vector, run.dy += dy.out_vector)
        ks->batch_weight(&run);
}

static void weight_task(void *context, int64_t index, int worker) {
    const weight_job *j = context;
    const weight_plan *p = j->plan;
    int64_t part = index % p->parts, tile = index / p->parts % p->tiles, group = index / p->parts / p->tiles;
    weight_tile t = {.group = group,
                     .channel = group * p->oc + share_begin(p->oc, p->tiles, tile),
                     .dw = part ? j->partial + (part - 1) * p->part_floats : j->dw,
                     .packed = j->workers + worker * p->worker_floats};
    t.channels = group * p->oc + share_begin(p->oc, p->tiles, tile + 1) - t.channel;
    memset(t.dw + t.channel * p->taps, 0, (size_t)(t.channels * p->taps) * sizeof(float));
    int64_t end = share_begin(p->units, p->parts, part + 1);
    for (int64_t unit = share_begin(p->units, p->parts, part); unit < end; unit++) unit_run(j, &t, unit);
}

/* dw = ((part 0 + part 1) + part 2) + …, output channel by output channel. */
static void weight_sum(void *context, int64_t channel, int worker) {
    const weight_job *j = context;
    int64_t taps = j->plan->taps;
    for (int64_t part = 1; part < j->plan->parts; part++) {
        const float *partial = j->partial + (part - 1) * j->plan->part_floats;
        for (int64_t i = channel * taps; i < (channel + 1) * taps; i++) j->dw[i] += partial[i];
    }
}

void conv_batch_weight_run(const conv_plan *plan, const conv_data *d, pool *workers) {
    const weight_plan *p = (const weight_plan *)plan;
    weight_job j = {.plan = p, .x = d->a, .dy = d->b, .dw = d->out, .partial = d->scratch};
    j.workers = j.partial + (p->parts - 1) * p->part_floats;
    pool_run(workers, weight_task, &j, p->parts * p->tiles * plan->shape.groups);
    if (p->parts > 1) pool_run(workers, weight_sum, &j, plan->shape.oc);
}
