/* Convolution in batch-last storage, x[ic][ih][iw][n] and y[oc][oh][ow][n]: every lane is an image.
 *
 * Forward and data gradient are one loop: a grid of outputs, each the sum of taps at fixed places relative to it. (A
 * strided data gradient is one such grid per phase of the stride.) A task packs the input under a few rows of outputs
 * for a few vectors of images, with the padding as zeros, and runs the tile kernel over it. */
#include "kernel/products/conv_batch.h"

#include "kernel/products/conv.h"
#include "kernel/products/conv_batch_tile.h"

#define PACKED_FLOATS (64 << 10) /* a packed piece that stays in the second-level cache with its neighbours */
/* Of successive tasks, which write interleaved images: they too stay in that cache. */
#define OUTPUT_FLOATS (256 << 10)
#define TASKS         16 /* wanted, where the rows suffice */

typedef struct grid {
    window_axis y, x;
    int64_t images, blocks;      /* images of a task, tasks beside each other */
    int64_t chunk_rows, chunks;  /* output rows of a task, tasks below each other */
    int64_t in_rows, in_columns; /* of a packed piece */
    int64_t taps;                /* of all input channels of a group */
    int64_t *offsets;            /* [taps] in a packed piece */
    int64_t w;                   /* where the grid's packed weights begin */
} grid;

typedef struct batch_plan {
    conv_plan common;
    int64_t ic, oc; /* channels of one group: read, written */
    batch_pitch in, out;
    window_axis *y, *x;       /* phases that taps reach; forward: one */
    int64_t y_count, x_count; /* of them */
    int64_t y_phases, x_phases;
    grid *grids; /* [y_count][x_count] */
    int64_t o_pitch, i_pitch,
        g_pitch;          /* weights from output to output channel, input to input channel, group to group */
    int64_t piece_floats; /* the largest packed piece */
} batch_plan;

/* ---- plan ---- */

static int64_t vector_floats(const batch_plan *p, const grid *g) {
    return round_up(p->ic * g->in_rows * g->in_columns * p->common.ks->lanes, 16);
}

/* Input rows under `count` output rows. */
static int64_t rows_under(const window_axis *a, int64_t count) {
    return (count - 1) * a->step + int64_max(0, a->taps - 1) * a->move + 1;
}

/* A grid cut by shape and lanes alone. */
static grid grid_of(const batch_plan *p, const window_axis *y, const window_axis *x) {
    const conv_shape *s = &p->common.shape;
    grid g = {.y = *y, .x = *x};
    if (!y->taps || !x->taps) g.y.taps = g.x.taps = 0;
    g.images = image_block(p->common.ks, s->batch, s->groups * ((y->count + 1) / 2), TASKS);
    g.blocks = ceil_div(s->batch, g.images);
    g.taps = p->ic * g.y.taps * g.x.taps;
    g.in_columns = rows_under(&g.x, x->count);
    int64_t in_floats = int64_max(1, p->ic * g.in_columns * g.images * y->step);
    int64_t out_floats = int64_max(1, p->oc * x->count * s->batch), others = int64_max(1, g.blocks * s->groups);
    int64_t wanted = (TASKS + g.blocks * s->groups - 1) / others;
    int64_t rows = int64_min(PACKED_FLOATS / in_floats, OUTPUT_FLOATS / out_floats);
    rows = int64_max(int64_min(rows, y->count / int64_max(1, wanted)), 2);
    g.chunks = int64_max(1, ceil_div(y->count, rows));
    g.chunk_rows = ceil_div(y->count, g.chunks);
    g.in_rows = rows_under(&g.y, g.chunk_rows);
    return g;
}

static bool grid_offsets(const batch_plan *p, grid *g, arena *a) {
    g->offsets = arena_alloc(a, (size_t)g->taps * sizeof *g->offsets + 1);
    if (!g->offsets) return false;
    for (int64_t t = 0; t < g->taps; t++) {
        int64_t i = t % p->ic, v = t / p->ic % g->x.taps, u = t / p->ic / g->x.taps;
        g->offsets[t] = ((i * g->in_rows + u * g->y.move) * g->in_columns + v * g->x.move) * p->common.ks->lanes;
    }
    return true;
}

/* All grids, their place among the packed weights, and the scratch. */
static conv_plan *plan_grids(batch_plan *p, arena *a) {
    int64_t floats = 0, count = p->y_count * p->x_count;
    p->grids = arena_alloc(a, (size_t)count * sizeof *p->grids + 1);
    if (!p->grids) return NULL;
    for (int64_t i = 0; i < count; i++) {
        grid *g = &p->grids[i];
        *g = grid_of(p, &p->y[i / p->x_count], &p->x[i % p->x_count]);
        if (!grid_offsets(p, g, a)) return NULL;
        g->w = floats;
        floats += round_up(p->common.shape.groups * p->oc * g->taps, 16);
        p->piece_floats = int64_max(p->piece_floats, g->images / p->common.ks->lanes * vector_floats(p, g));
    }
    p->common.packed_floats = (size_t)floats;
    p->common.scratch_bytes = (size_t)(p->piece_floats * p->common.threads) * sizeof(float);
    return &p->common;
}

static conv_plan *forward_plan(const conv_plan *common, arena *a) {
    batch_plan *p = arena_alloc(a, sizeof *p);
    window_axis *axes = arena_alloc(a, 2 * sizeof *axes);
    if (!p || !axes) return NULL;
    const conv_shape *s = &common->shape;
    axes[0] = axis_forward(&s->y), axes[1] = axis_forward(&s->x);
    int64_t kernel = s->y.kernel * s->x.kernel, ic = s->ic / s->groups, oc = s->oc / s->groups;
    *p = (batch_plan){.common = *common, .ic = ic, .oc = oc, .y = axes, .x = axes + 1};
    p->y_count = p->x_count = p->y_phases = p->x_phases = 1;
    p->in = batch_pitch_of(s->batch, s->y.in, s->x.in);
    p->out = batch_pitch_of(s->batch, s->y.out, s->x.out);
    p->o_pitch = ic * kernel, p->i_pitch = kernel, p->g_pitch = oc * ic * kernel;
    return plan_grids(p, a);
}

static conv_plan *dx_plan(const conv_plan *common, arena *a) {
    batch_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    const conv_shape *s = &common->shape;
    int64_t kernel = s->y.kernel * s->x.kernel, ic = s->oc / s->groups, oc = s->ic / s->groups;
    *p = (batch_plan){.common = *common, .ic = ic, .oc = oc};
    p->y = axes_reversed_new(&s->y, &p->y_count, a);
    p->x = axes_reversed_new(&s->x, &p->x_count, a);
    if (!p->y || !p->x) return NULL;
    p->y_phases = window_phases(&s->y), p->x_phases = window_phases(&s->x);
    p->in = batch_pitch_of(s->batch, s->y.out, s->x.out);
    p->out = batch_pitch_of(s->batch, s->y.in, s->x.in);
    p->o_pitch = kernel, p->i_pitch = oc * kernel, p->g_pitch = oc * ic * kernel;
    return plan_grids(p, a);
}

/* ---- weights: [grid][group][tile of channels][tap][channel of the tile] ---- */

typedef struct pack_job {
    const batch_plan *plan;
    const grid *grid;
    const float *w;
    float *packed;
    int64_t tiles; /* of a group */
} pack_job;

static void pack_tile(void *context, int64_t index, int worker) {
    const pack_job *j = context;
    const batch_plan *p = j->plan;
    const grid *g = j->grid;
    int64_t group = index / j->tiles, tile = index % j->tiles, width = p->common.shape.x.kernel;
    int64_t begin = share_begin(p->oc, j->tiles, tile), end = share_begin(p->oc, j->tiles, tile + 1);
    float *to = j->packed + (group * p->oc + begin) * g->taps;
    const float *w = j->w + group * p->g_pitch;
    for (int64_t u = 0; u < g->y.taps; u++)
        for (int64_t v = 0; v < g->x.taps; v++) {
            int64_t place = (g->y.first + u * g->y.next) * width + g->x.first + v * g->x.next;
            for (int64_t i = 0; i < p->ic; i++)
                for (int64_t o = begin; o < end; o++) *to++ = w[o * p->o_pitch + i * p->i_pitch + place];
        }
}

#define ALONE_FLOATS 65536 /* below this, waking other threads costs more than they save */

static void pack(const conv_plan *plan, const float *w, float *packed, pool *workers) {
    const batch_plan *p = (const batch_plan *)plan;
    int64_t tiles = ceil_div(p->oc, plan->ks->batch_oc);
    for (int64_t i = 0; i < p->y_count * p->x_count; i++) {
        const grid *g = &p->grids[i];
        pack_job j = {p, g, w, packed + g->w, tiles};
        bool alone = plan->shape.groups * p->oc * g->taps < ALONE_FLOATS;
        pool_run(alone ? NULL : workers, pack_tile, &j, plan->shape.groups * tiles);
    }
}

/* ---- run ---- */

typedef struct grid_job {
    const batch_plan *plan;
    const grid *grid;
    const conv_data *data;
    const float *w; /* of this grid */
} grid_job;

/* What one task works on. */
typedef struct grid_piece {
    int64_t group, row, rows, image, images;
} grid_piece;

static struct batch_pack piece_input(const grid_job *j, const grid_piece *k, float *packed) {
    const batch_plan *p = j->plan;
    const grid *g = j->grid;
    return (struct batch_pack){.out = packed,
                               .out_vector = vector_floats(p, g),
                               .channels = p->ic,
                               .rows = g->in_rows,
                               .columns = g->in_columns,
                               .row = k->row * g->y.step + g->y.offset,
                               .column = g->x.offset,
                               .x = j->data->a + k->group * p->ic * p->in.channel + k->image,
                               .ih = g->y.in,
                               .iw = g->x.in,
                               .x_channel = p->in.channel,
                               .x_row = p->in.row,
                               .x_column = p->in.column,
                               .images = k->images};
}

static struct batch_conv piece_sums(const grid_job *j, const grid_piece *k, const struct batch_pack *input) {
    const batch_plan *p = j->plan;
    const grid *g = j->grid;
    const epilogue *e = j->data->epilogue;
    int64_t lanes = p->common.ks->lanes, channel = k->group * p->oc;
    int64_t at = channel * p->out.channel + (g->y.start + k->row * g->y.every) * p->out.row +
                 g->x.start * p->out.column + k->image;
    return (struct batch_conv){.y = j->data->out + at,
                               .residual = e && e->residual ? e->residual + at : NULL,
                               .y_channel = p->out.channel,
                               .y_row = g->y.every * p->out.row,
                               .y_column = g->x.every * p->out.column,
                               .channels = p->oc,
                               .rows = k->rows,
                               .images = k->images,
                               .x = input->out,
                               .x_vector = input->out_vector,
                               .x_row = g->y.step * g->in_columns * lanes,
                               .x_column = g->x.step * lanes,
                               .offsets = g->offsets,
                               .depth = p->ic,
                               .row = input->row,
                               .v = g->y,
                               .h = g->x,
                               .w = j->w + channel * g->taps,
                               .b = e && e->bias ? e->bias + channel : NULL,
                               .epilogue = e};
}

static void grid_task(void *context, int64_t index, int worker) {
    const grid_job *j = context;
    const batch_plan *p = j->plan;
    const grid *g = j->grid;
    grid_piece k = {.group = index / g->blocks / g->chunks,
                    .row = index / g->blocks % g->chunks * g->chunk_rows,
                    .image = index % g->blocks * g->images};
    k.rows = int64_min(g->chunk_rows, g->y.count - k.row);
    k.images = int64_min(g->images, p->common.shape.batch - k.image);
    if (k.rows <= 0) return;
    struct batch_pack input = piece_input(j, &k, (float *)j->data->scratch + worker * p->piece_floats);
    struct batch_conv sums = piece_sums(j, &k, &input);
    if (g->taps) p->common.ks->batch_pack(&input);
    p->common.ks->batch_conv(&sums);
}

/* Phases that no tap reaches have no grid of their own, since there may be as many as pixels. */
static void run(const conv_plan *plan, const conv_data *d, pool *workers) {
    const batch_plan *p = (const batch_plan *)plan;
    const conv_shape *s = &plan->shape;
    for (int64_t py = 0, i = 0; py < p->y_phases; py++) {
        int64_t row = i;
        window_axis y = axis_of_phase(&s->y, py, p->y, p->y_count, &i);
        for (int64_t px = 0, k = 0; px < p->x_phases; px++) {
            int64_t column = k;
            window_axis x = axis_of_phase(&s->x, px, p->x, p->x_count, &k);
            grid empty;
            grid_job j = {.plan = p, .data = d, .w = d->b};
            if (y.taps && x.taps) {
                j.grid = &p->grids[row * p->x_count + column];
                j.w += j.grid->w;
            } else {
                empty = grid_of(p, &y, &x);
                j.grid = &empty;
            }
            pool_run(workers, grid_task, &j, j.grid->chunks * j.grid->blocks * s->groups);
        }
    }
}

const conv_kernel conv_batch[CONV_OPS] = {
    {forward_plan, pack, run}, {dx_plan, pack, run}, {conv_batch_weight_plan, NULL, conv_batch_weight_run}};
