/* Convolution of plain images (ONNX order): neighbouring pixels of an output channel are the vector lanes. Each task
 * lays the rows that it needs out with their padding, so that a tap is a distance from the pixel: the taps of all input
 * channels make one sum. For images whose channels are few, or that would be reordered for this one operator.
 *
 * The pixels of an image are numbered row by row, with a pitch that leaves room for the padding between rows; what is
 * computed in that room is dropped. Then tap (u, v) of channel c of every pixel lies at the same distance from it. A
 * row of 5 pixels under 3 taps with one pixel of padding on each side, as it is laid out with a pitch of 6 positions:
 *
 *     position   0  1  2  3  4  5 | 6  7  8 …        padding . is shared: the one on the right of a row is the one on
 *     x          .  a  b  c  d  e | .  f  g …        the left of the next
 *     result     0  1  2  3  4  – | 5  6  7 …        result i sums positions i, i + 1, i + 2; – is dropped
 *
 * With a stride, pixels that a tap reads lie a stride apart: they are laid together, one slot for each phase that some
 * tap has. Words: an *area* is what is laid out at once, a block of rows of one group of one image, all channels and
 * slots; *positions* are taken in *tiles*, as many as a register tile has columns; a *panel* is the copy of a last tile
 * that would otherwise be read past the end of x. */
#include "base/sizes.h"
#include "kernel/products/conv.h"
#include "kernel/products/conv_plain_tile.h"
#include "kernel/products/tile.h"

#include <string.h>

#define TASKS         16           /* wanted, if they are large enough */
#define TILES_MIN     4            /* of a task */
#define LAID_FLOATS   (192 * 1024) /* of a task's rows: they stay in the second-level cache */
#define BLOCK_LINES   320          /* cache lines of images that a block of products reads for a tile */
#define TILE_LINES    3            /* that a tile's pixels may touch */
#define CHANNEL_TILES 16           /* whose sums are kept while the blocks are added */

/* The window along one axis. Tap u reads slot u % slots at position + u / slots · step; index i of slot q is the padded
 * input's i·stride + q·dilation. */
typedef struct plain_axis {
    window w;
    int64_t slots, step;
    int64_t reach; /* of the last tap: a slot has out + reach positions */
} plain_axis;

typedef struct plain_plan {
    conv_plan common;
    const kernel_set *ks;
    const conv_shape *s;
    plain_axis y, x;
    int64_t ic, oc, k; /* of a group; k = ic·kh·kw products a sum */
    bool by_rows;      /* a single output channel: tiles are rows */
    bool direct;       /* x is read where it is */
    int64_t width;
    int64_t pitch, positions, tiles;     /* of an image: its pixels, numbered with the pitch, in tiles of `width` */
    int64_t channel_tiles;               /* of a group: output channels in tiles of gemm_mr at most */
    int64_t tile_blocks, channel_blocks; /* a task has one of each */
    int64_t k_blocks;                    /* of the products of a sum */
    int64_t parts;                       /* > 0: tasks share areas, which are laid out first, each in so many parts */
    int64_t laid_rows, plane;            /* of a slot, laid out; floats from slot to slot */
    int64_t area_floats;
    int64_t *distance;   /* [k]: how far the products of a sum lie from its pixel */
    int64_t *panel_rows; /* [k]: the same in a panel, where x is read directly */
} plain_plan;

/* A run: its plan, arrays and scratch. */
typedef struct plain_job {
    const plain_plan *plan;
    const float *in, *packed;
    float *out;
    const epilogue *epilogue;
    float *laid; /* [areas or workers][area_floats] */
} plain_job;

static int64_t divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b, b = rest;
    }
    return a;
}

static plain_axis axis_make(const window *w) {
    int64_t period = w->stride / divisor(w->stride, w->dilation);
    plain_axis a = {.w = *w, .slots = int64_min(period, w->kernel), .step = period * w->dilation / w->stride};
    a.reach = (w->kernel - 1) / a.slots * a.step;
    return a;
}

/* Distance between rows: the padding on the right may be the one on the left of the next row. */
static int64_t pitch_find(const plain_axis *a) {
    const window *w = &a->w;
    int64_t whole = w->out + a->reach, shared = int64_max(w->out, ceil_div(w->before + w->in, w->stride));
    if (shared >= whole) return whole;
    bool zeros = (whole - 1 - shared) * w->stride + (a->slots - 1) * w->dilation < w->before;
    return zeros ? shared : whole;
}

static int64_t rows_of_tiles(const plain_plan *p, int64_t tiles) {
    return int64_min(ceil_div(tiles * p->width, p->pitch) + 1, p->y.w.out) + p->y.reach;
}

/* Tiles of a task whose rows fit the cache. */
static int64_t tiles_that_fit(const plain_plan *p) {
    int64_t rows = LAID_FLOATS / int64_max(p->ic * p->y.slots * p->x.slots * p->pitch, 1) - p->y.reach - 1;
    return int64_max(rows * p->pitch / p->width, 1);
}

/* Groups of images, in blocks of tiles: what tasks lay out, or share. */
static int64_t areas(const plain_plan *p) {
    return p->s->batch * p->s->groups * p->tile_blocks;
}

/* How the work is dealt to tasks, and what they lay out. */
static void plan_deal(plain_plan *p) {
    const conv_shape *s = p->s;
    int64_t images = int64_max(s->batch * s->groups, 1);
    p->tile_blocks = int64_max(ceil_div(p->tiles, tiles_that_fit(p)), 1);
    if (images * p->tile_blocks < TASKS)
        p->tile_blocks = int64_max(p->tile_blocks, int64_min(ceil_div(TASKS, images), p->tiles / TILES_MIN));
    p->channel_blocks = int64_min(p->channel_tiles, ceil_div(TASKS / 2, images * p->tile_blocks));
    p->laid_rows = rows_of_tiles(p, ceil_div(p->tiles, p->tile_blocks));
    p->parts = p->channel_blocks > 1 && !p->direct ? int64_min(p->ic, ceil_div(TASKS, images * p->tile_blocks)) : 0;
    p->plane = p->direct ? s->y.in * s->x.in : odd_lines(p->laid_rows * p->pitch + p->x.reach);
    p->area_floats =
        odd_lines(p->direct ? p->k * p->width : p->ic * p->y.slots * p->x.slots * p->plane + PIXELS_BEYOND);
}

/* Every pixel is its own window. */
static bool is_unit(const window *w) {
    return w->kernel == 1 && w->stride == 1 && w->in == w->out && !w->before;
}

static void plan_sizes(plain_plan *p) {
    const conv_shape *s = p->s;
    p->ic = s->ic / s->groups, p->oc = s->oc / s->groups;
    p->y = axis_make(&s->y);
    p->x = axis_make(&s->x);
    p->k = p->ic * s->y.kernel * s->x.kernel;
    p->by_rows = p->oc == 1;
    p->direct = !p->by_rows && is_unit(&s->y) && is_unit(&s->x);
    p->pitch = int64_max(pitch_find(&p->x), 1);
    p->positions = (s->y.out - 1) * p->pitch + s->x.out;
    p->width = p->by_rows ? p->pitch : p->ks->gemm_nr;
    p->tiles = int64_max(ceil_div(p->positions, p->width), 1);
    p->channel_tiles = ceil_div(p->oc, p->ks->gemm_mr);
    int64_t lines = p->ic * s->y.kernel * p->x.slots * TILE_LINES;
    p->k_blocks = int64_max(int64_min(ceil_div(lines, BLOCK_LINES), p->ic), 1);
}

static void distances_find(const plain_plan *p) {
    const conv_shape *s = p->s;
    const plain_axis *y = &p->y, *x = &p->x;
    int64_t *to = p->distance;
    for (int64_t c = 0; c < p->ic; c++)
        for (int64_t u = 0; u < s->y.kernel; u++)
            for (int64_t v = 0; v < s->x.kernel; v++) {
                int64_t slot = (c * y->slots + u % y->slots) * x->slots + v % x->slots;
                *to++ = slot * p->plane + u / y->slots * y->step * p->pitch + v / x->slots * x->step;
            }
    for (int64_t k = 0; k < p->k && p->direct; k++) p->panel_rows[k] = k * p->width;
}

static conv_plan *plan(const conv_plan *common, arena *a) {
    plain_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    p->common = *common;
    p->ks = common->ks;
    p->s = &p->common.shape;
    plan_sizes(p);
    plan_deal(p);
    p->distance = arena_alloc(a, (size_t)p->k * sizeof *p->distance + 1);
    p->panel_rows = arena_alloc(a, (p->direct ? (size_t)p->k * sizeof *p->panel_rows : 0) + 1);
    if (!p->distance || !p->panel_rows) return NULL;
    distances_find(p);
    p->common.packed_floats = (size_t)(p->s->groups * p->channel_tiles * p->k * p->ks->gemm_mr);
    p->common.scratch_bytes = (size_t)(p->area_floats * (p->parts ? areas(p) : common->threads)) * sizeof(float);
    return &p->common;
}

/* ---- weights: [group][tile of channels][k][gemm_mr] ---- */

static int64_t channel_first(const plain_plan *p, int64_t tile) {
    return share_begin(p->oc, p->channel_tiles, tile);
}

typedef struct pack_job {
    const plain_plan *plan;
    const float *w;
    float *packed;
} pack_job;

static void pack_tile(void *context, int64_t index, int worker) {
    const pack_job *j = context;
    const plain_plan *p = j->plan;
    int64_t group = index / p->channel_tiles, tile = index % p->channel_tiles, first = channel_first(p, tile);
    int mr = p->ks->gemm_mr;
    p->ks->transpose(j->packed + index * p->k * mr, mr, j->w + (group * p->oc + first) * p->k, p->k,
                     channel_first(p, tile + 1) - first, p->k);
}

static void pack(const conv_plan *p, const float *w, float *packed, pool *workers) {
    pack_job j = {(const plain_plan *)p, w, packed};
    pool_run(workers, pack_tile, &j, p->shape.groups * j.plan->channel_tiles);
}

/* ---- images ---- */

/* The positions of a slot's rows that x has: from `begin` to `end`, of which the first is column `column`. */
typedef struct slot_columns {
    int64_t begin, end, column;
} slot_columns;

static slot_columns columns_find(const plain_axis *a, int64_t slot, int64_t count) {
    slot_columns c;
    int64_t first = window_at(&a->w, 0, slot); /* column of position 0 */
    c.end = steps_inside(first, a->w.stride, count, 0, a->w.in, &c.begin);
    c.column = first + c.begin * a->w.stride;
    return c;
}

/* One row of `count` positions, zeros in the padding. */
static void row_lay(slot_columns c, int64_t stride, float *to, int64_t count, const float *row) {
    int64_t n = c.end - c.begin;
    for (int64_t i = 0; i < c.begin; i++) to[i] = 0;
    for (int64_t i = c.end; i < count; i++) to[i] = 0;
    row += c.column, to += c.begin;
    if (stride == 1) memcpy(to, row, (size_t)n * sizeof *to);
    else if (stride == 2)
        for (int64_t i = 0; i < n; i++) to[i] = row[2 * i];
    else
        for (int64_t i = 0; i < n; i++) to[i] = row[i * stride];
}

static void slot_lay(const plain_plan *p, const float *x, int64_t slot, int64_t first_row, float *laid) {
    slot_columns columns = columns_find(&p->x, slot % p->x.slots, p->pitch);
    int64_t rows = int64_min(p->laid_rows, p->y.w.out + p->y.reach - first_row);
    int64_t y = window_at(&p->y.w, first_row, slot / p->x.slots);
    for (int64_t i = 0; i < rows; i++, y += p->y.w.stride) {
        float *to = laid + i * p->pitch;
        if (y < 0 || y >= p->y.w.in) memset(to, 0, (size_t)p->pitch * sizeof *to);
        else row_lay(columns, p->x.w.stride, to, p->pitch, x + y * p->x.w.in);
    }
    memset(laid + rows * p->pitch, 0, (size_t)(p->plane - rows * p->pitch) * sizeof *laid);
}

/* The row that a block of tiles begins in. */
static int64_t first_row_of(const plain_plan *p, int64_t block) {
    return share_begin(p->tiles, p->tile_blocks, block) * p->width / p->pitch;
}

/* Channels channel … channel_end − 1 of a group, slot by slot. */
static void channels_lay(const plain_job *j, int64_t area, int64_t channel, int64_t channel_end, float *laid) {
    const plain_plan *p = j->plan;
    int64_t slots = p->y.slots * p->x.slots, block = area % p->tile_blocks, first_row = first_row_of(p, block);
    const float *x = j->in + area / p->tile_blocks * p->ic * p->y.w.in * p->x.w.in;
    for (int64_t c = channel; c < channel_end; c++)
        for (int64_t slot = 0; slot < slots; slot++)
            slot_lay(p, x + c * p->y.w.in * p->x.w.in, slot, first_row, laid + (c * slots + slot) * p->plane);
}

static void part_lay(void *context, int64_t index, int worker) {
    const plain_job *j = context;
    const plain_plan *p = j->plan;
    int64_t area = index / p->parts, part = index % p->parts;
    channels_lay(j, area, share_begin(p->ic, p->parts, part), share_begin(p->ic, p->parts, part + 1),
                 j->laid + area * p->area_floats);
}

/* What a task works on. */
typedef struct plain_task {
    int64_t area, group, image;
    int64_t tile, tile_end;       /* of positions */
    int64_t channel, channel_end; /* tiles of output channels */
    const float *in;              /* position `origin`, channel 0 */
    int64_t origin;
    float *panel; /* direct: for the last tile, past which x must not be read */
} plain_task;

static plain_task task_make(const plain_plan *p, int64_t index) {
    plain_task t = {.area = index / p->channel_blocks};
    int64_t channels = index % p->channel_blocks, tiles = t.area % p->tile_blocks, image = t.area / p->tile_blocks;
    t.channel = share_begin(p->channel_tiles, p->channel_blocks, channels);
    t.channel_end = share_begin(p->channel_tiles, p->channel_blocks, channels + 1);
    t.tile = share_begin(p->tiles, p->tile_blocks, tiles);
    t.tile_end = share_begin(p->tiles, p->tile_blocks, tiles + 1);
    t.group = image % p->s->groups;
    t.image = image / p->s->groups;
    return t;
}

/* The sums of some pixels, finished and stored: those in the room between rows are left out. */
static void sums_store(const plain_job *j, const plain_task *t, int64_t channel, int rows, int64_t position,
                       int64_t count, const float *sums) {
    const plain_plan *p = j->plan;
    const conv_shape *s = p->s;
    const epilogue *e = j->epilogue;
    int64_t plane = s->y.out * s->x.out, base = (t->image * s->oc + t->group * p->oc + channel) * plane;
    bool dense = p->pitch == s->x.out;
    pixels_sums g = {.pitch = p->width, .rows = rows, .plane = plane, .epilogue = e};
    if (e && e->bias) g.bias = e->bias + t->group * p->oc + channel;
    for (int64_t done = 0; done < count;) {
        int64_t row = dense ? 0 : (position + done) / p->pitch, column = position + done - row * p->pitch;
        int64_t run = int64_min(dense ? count : p->pitch - column, count - done);
        int64_t at = base + row * s->x.out + column;
        g.n = dense ? run : int64_min(s->x.out - column, run);
        g.sums = sums + done;
        g.y = j->out + at;
        if (e && e->residual) g.residual = e->residual + at;
        if (g.n > 0) p->ks->pixels_store(&g);
        done += run;
    }
}

/* Direct: whether reading whole vectors of x would leave it. */
static bool past_end(const plain_plan *p, int64_t tile) {
    return p->direct && (tile + 1) * p->width > p->positions;
}

/* Products first … first + count − 1 of a tile's sums. */
static void products_add(const plain_job *j, const plain_task *t, int64_t channel_tile, int64_t tile, int64_t first,
                         int64_t count, float *sums) {
    const plain_plan *p = j->plan;
    const kernel_set *ks = p->ks;
    int64_t channel = channel_first(p, channel_tile), position = tile * p->width;
    int64_t pixels = int64_min(p->positions - position, p->width);
    bool panel = past_end(p, tile);
    gemm_outer g = {.a = j->packed + ((t->group * p->channel_tiles + channel_tile) * p->k + first) * ks->gemm_mr,
                    .a_step = ks->gemm_mr,
                    .b = panel ? t->panel : t->in + position - t->origin,
                    .b_offset = (panel ? p->panel_rows : p->distance) + first,
                    .k = count,
                    .rows = (int)(channel_first(p, channel_tile + 1) - channel),
                    .cols = (int)ceil_div(pixels, ks->lanes) * ks->lanes,
                    .c = sums,
                    .c_row = p->width,
                    .accumulate = first > 0};
    g.ahead = g.a;
    ks->gemm_outer(&g);
    if (first + count == p->k) sums_store(j, t, channel, g.rows, position, pixels, sums);
}

/* Few products: each channel's results are written one after the other. */
static void tiles_run(const plain_job *j, const plain_task *t) {
    const plain_plan *p = j->plan;
    float sums[GEMM_MR_MAX * GEMM_NR_MAX];
    for (int64_t c = t->channel; c < t->channel_end; c++)
        for (int64_t tile = t->tile; tile < t->tile_end; tile++) products_add(j, t, c, tile, 0, p->k, sums);
}

/* Many: what a block of them reads for a tile stays in the first-level cache, for some tiles of channels. */
static void blocks_run(const plain_job *j, const plain_task *t, int64_t tile, int64_t channel, int64_t channel_end) {
    const plain_plan *p = j->plan;
    float sums[CHANNEL_TILES * GEMM_MR_MAX * GEMM_NR_MAX];
    for (int64_t block = 0; block < p->k_blocks; block++) {
        int64_t first = share_begin(p->k, p->k_blocks, block),
                count = share_begin(p->k, p->k_blocks, block + 1) - first;
        for (int64_t c = channel; c < channel_end; c++)
            products_add(j, t, c, tile, first, count, sums + (c - channel) * GEMM_MR_MAX * GEMM_NR_MAX);
    }
}

static void rows_run(const plain_job *j, const plain_task *t) {
    const plain_plan *p = j->plan;
    const epilogue *e = j->epilogue;
    int64_t at = ((t->image * p->s->groups + t->group) * p->s->y.out + t->tile) * p->s->x.out;
    p->ks->pixels_rows(&(pixels_rows){.w = j->packed + t->group * p->k * p->ks->gemm_mr,
                                      .w_step = p->ks->gemm_mr,
                                      .x = t->in + t->tile * p->pitch - t->origin,
                                      .k = p->k,
                                      .rows = t->tile_end - t->tile,
                                      .n = p->s->x.out,
                                      .x_row = p->pitch,
                                      .distance = p->distance,
                                      .y = j->out + at,
                                      .y_row = p->s->x.out,
                                      .bias = e && e->bias ? e->bias[t->group] : 0,
                                      .residual = e && e->residual ? e->residual + at : NULL,
                                      .epilogue = e});
}

/* The pixels of a last tile, all channels, in whole vectors. */
static void panel_copy(const plain_plan *p, const float *x, float *panel) {
    int64_t nr = p->width, first = (p->tiles - 1) * nr, count = p->positions - first;
    for (int64_t k = 0; k < p->k; k++, panel += nr) {
        memcpy(panel, x + k * p->plane + first, (size_t)count * sizeof *x);
        memset(panel + count, 0, (size_t)(nr - count) * sizeof *x);
    }
}

static void plain_run(void *context, int64_t index, int worker) {
    const plain_job *j = context;
    const plain_plan *p = j->plan;
    plain_task t = task_make(p, index);
    float *laid = j->laid + (p->parts ? t.area : worker) * p->area_floats;
    if (p->direct) {
        t.in = j->in + (t.image * p->s->groups + t.group) * p->ic * p->plane, t.panel = laid;
        if (past_end(p, t.tile_end - 1)) panel_copy(p, t.in, t.panel);
    } else {
        if (!p->parts) channels_lay(j, t.area, 0, p->ic, laid);
        t.in = laid, t.origin = first_row_of(p, t.area % p->tile_blocks) * p->pitch;
    }
    if (p->by_rows) rows_run(j, &t);
    else if (p->k_blocks == 1) tiles_run(j, &t);
    else
        for (int64_t tile = t.tile; tile < t.tile_end; tile++)
            for (int64_t c = t.channel; c < t.channel_end; c += CHANNEL_TILES)
                blocks_run(j, &t, tile, c, int64_min(c + CHANNEL_TILES, t.channel_end));
}

static void run(const conv_plan *plan, const conv_data *d, pool *workers) {
    const plain_plan *p = (const plain_plan *)plan;
    const conv_shape *s = p->s;
    if (s->batch == 0 || s->oc == 0 || s->y.out == 0 || s->x.out == 0) return;
    plain_job j = {p, d->a, d->b, d->out, d->epilogue, d->scratch};
    if (p->parts) pool_run(workers, part_lay, &j, areas(p) * p->parts);
    pool_run(workers, plain_run, &j, areas(p) * p->channel_blocks);
}

const conv_kernel conv_plain[] = {{plan, pack, run}};
