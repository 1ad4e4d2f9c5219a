/* Weight gradient: dw[o][c][u][v] = Σ over images and pixels (p, q) of dy[p][q][o] · x[p·sh + u·dh − pt][q·sw + v·dw −
 * pl][c]. For each tap a product dyᵀ·x with the pixels as the summed index, an outer product of dy's channels
 * (broadcast) and x's (vectors) per pixel. Output rows are taken in chunks whose panels stay in the second-level cache.
 * A panel of x holds the chunk's input with its padding as zeros, so that a tap is a shift of it; where the window is
 * much sparser than that (1×1 kernels with strides, huge dilations), a panel is made for each tap. */
#include "base/sizes.h"
#include "kernel/products/conv.h"
#include "kernel/products/tile.h"

#include <string.h>

#define CHUNK_PIXELS 256
#define ONCE_PIXELS  512          /* so many need no chunks */
#define PANEL_FLOATS (128 * 1024) /* of x, that stay in the second-level cache while dy's channels pass by */
#define TASKS        8
#define PARTS_MAX    8

/* Where the sums of a tile are made. */
enum weight_sums {
    SUMS_IN_PLACE, /* in dw itself: a single tap */
    SUMS_OF_TILE,  /* in the worker's scratch, all pixels at once: then they go to dw */
    SUMS_OF_TASK,  /* in a place of their own, chunk by chunk; they go to dw with the last */
    SUMS_OF_PARTS  /* the same for each part; afterwards the parts are added */
};

typedef struct weight_plan {
    conv_plan common;
    const kernel_set *ks;
    const conv_shape *s;
    conv_pitch xp, yp;
    int64_t icg, ocg, taps;
    int64_t rows, chunk_rows;                 /* output rows of all images; of a chunk */
    int64_t parts, row_blocks, column_blocks; /* of a group: partial sums over ranges of rows; ranges of oc; of ic */
    int64_t row_tiles, column_tiles;          /* of oc, by gemm_mr; of ic, by gemm_nr */
    bool per_tap;                             /* a panel per tap */
    enum weight_sums sums;
    int64_t panel_width, panel_floats; /* panel of one column tile, at most */
    int64_t column_step;               /* column tiles whose panels are there at a time */
    int64_t a_step, a_floats;          /* packed dy: floats from pixel to pixel, from row tile to row tile */
    int64_t tile_floats, part_floats;  /* sums of a tile, [taps][gemm_mr][gemm_nr]; of all tiles */
    int64_t offset_floats, worker_floats;
} weight_plan;

/* A run: its plan, arrays and scratch. */
typedef struct weight_job {
    const weight_plan *plan;
    const float *x, *dy;
    float *dw, *partial, *workers;
} weight_job;

/* Rows of a panel for n output rows of one image. */
static int64_t panel_height(const weight_plan *p, int64_t n) {
    return p->per_tap ? n : (n - 1) * p->s->y.stride + (p->s->y.kernel - 1) * p->s->y.dilation + 1;
}

/* Rows of a chunk's panels at most: one image's rows overlap, those of several images do not, so a chunk has the most
 * when it spans the fewest images or the most. */
static int64_t chunk_height(const weight_plan *p) {
    const window *y = &p->s->y;
    int64_t least = ceil_div(p->chunk_rows, y->out), most = int64_min((p->chunk_rows - 1) / y->out + 2, p->s->batch);
    most = int64_min(most, p->chunk_rows);
    return int64_max((p->chunk_rows - least) * y->stride + least * window_extent(y),
                     (p->chunk_rows - most) * y->stride + most * window_extent(y));
}

static void plan_panels(weight_plan *p) {
    const conv_shape *s = p->s;
    int64_t rows = int64_min(p->chunk_rows, s->y.out);
    int64_t shared_width = (s->x.out - 1) * s->x.stride + (s->x.kernel - 1) * s->x.dilation + 1, nr = p->ks->gemm_nr;
    p->per_tap = p->taps == 1 || panel_height(p, rows) * shared_width / 2 > p->taps * rows * s->x.out;
    p->panel_width = p->per_tap ? s->x.out : shared_width;
    int64_t height = p->per_tap ? p->chunk_rows : chunk_height(p);
    /* One float more, so that panels are not a multiple of a page apart. */
    p->panel_floats = (height * p->panel_width + 1) * nr;
    p->column_step = int64_max(1, int64_min(p->column_tiles, PANEL_FLOATS / p->panel_floats));
}

/* What a split costs in floats moved: more partial sums mean more passes over dw, more ranges of oc repeat the packing
 * of x, more ranges of ic that of dy. About eight tasks are wanted. */
static double split_cost(const weight_plan *p, int64_t parts, int64_t row_blocks, int64_t column_blocks) {
    const conv_shape *s = p->s;
    double weights = (double)(p->ocg * p->icg * p->taps), pixels = (double)(p->rows * s->x.out);
    double inputs = p->taps == 1 ? pixels : (double)(s->batch * s->y.in * s->x.in);
    double cost = inputs * (double)(p->icg * row_blocks) + pixels * (double)(p->ocg * column_blocks);
    double tasks = (double)(parts * row_blocks * column_blocks * s->groups);
    if (parts > 1) cost += 3 * weights * (double)parts;
    return tasks < TASKS ? cost + pixels * weights / tasks : cost;
}

static void plan_split(weight_plan *p) {
    double best = -1;
    for (int64_t parts = 1; parts <= int64_min(PARTS_MAX, p->rows); parts *= 2)
        for (int64_t rows = 1; rows <= int64_min(TASKS, p->row_tiles); rows *= 2)
            for (int64_t columns = 1; columns <= int64_min(TASKS, p->column_tiles); columns *= 2) {
                double cost = split_cost(p, parts, rows, columns);
                if (best >= 0 && cost >= best) continue;
                best = cost;
                p->parts = parts;
                p->row_blocks = rows;
                p->column_blocks = columns;
            }
}

/* A tile's sums lie together: rows of dw, a page or more apart, would need as many pages as the tile has rows. */
static void plan_sums(weight_plan *p) {
    bool once = p->parts == 1 && p->rows <= p->chunk_rows, all_taps = !p->per_tap || p->taps == 1;
    p->sums = p->taps == 1 && p->parts == 1 ? SUMS_IN_PLACE
              : once && all_taps            ? SUMS_OF_TILE
              : p->parts == 1 && all_taps   ? SUMS_OF_TASK
                                            : SUMS_OF_PARTS;
    p->tile_floats = p->taps * p->ks->gemm_mr * p->ks->gemm_nr;
    p->part_floats = p->sums < SUMS_OF_TASK ? 0 : p->s->groups * p->row_tiles * p->column_tiles * p->tile_floats;
}

/* What a worker has: offsets, packed dy, panels, sums. */
static void plan_worker(weight_plan *p) {
    int64_t pixels = p->chunk_rows * p->s->x.out;
    p->offset_floats = round_up(2 * pixels, 16); /* 64-bit numbers */
    p->a_step = round_up(p->ks->gemm_mr, p->ks->lanes);
    p->a_floats = round_up(p->a_step * (pixels + 1), 16);
    p->worker_floats = p->offset_floats + p->a_floats * ceil_div(p->row_tiles, p->row_blocks) +
                       p->panel_floats * p->column_step + (p->sums == SUMS_OF_TILE ? p->tile_floats : 0);
}

conv_plan *conv_weight_plan(const conv_plan *common, arena *a) {
    weight_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    p->common = *common;
    p->ks = common->ks;
    const conv_shape *s = p->s = &p->common.shape;
    p->xp = conv_x_pitch(s), p->yp = conv_y_pitch(s);
    p->icg = s->ic / s->groups, p->ocg = s->oc / s->groups;
    p->taps = s->y.kernel * s->x.kernel;
    p->rows = s->batch * s->y.out;
    p->parts = p->row_blocks = p->column_blocks = 1;
    p->row_tiles = ceil_div(p->ocg, p->ks->gemm_mr);
    p->column_tiles = ceil_div(p->icg, p->ks->gemm_nr);
    if (p->rows == 0 || s->x.out == 0) return &p->common;
    plan_split(p);
    int64_t part_rows = ceil_div(p->rows, p->parts);
    p->chunk_rows =
        part_rows * s->x.out <= ONCE_PIXELS ? part_rows : int64_max(1, int64_min(CHUNK_PIXELS / s->x.out, part_rows));
    plan_panels(p);
    plan_sums(p);
    plan_worker(p);
    p->common.scratch_bytes = (size_t)(p->parts * p->part_floats + p->worker_floats * common->threads) * sizeof(float);
    return &p->common;
}

/* One chunk of one task, in the worker's scratch. */
typedef struct weight_chunk {
    int64_t group, first, end;        /* output rows, counted over all images */
    int64_t row_first, row_end;       /* row tiles */
    int64_t column_first, column_end; /* column tiles whose panels are there */
    int64_t pixels;
    int64_t *offset;                      /* [pixels] of the pixel's window in a panel */
    float *a;                             /* [row tiles][pixels][a_step] of dy */
    float *panels;                        /* [column tiles][panel_floats] of x */
    float *sums;                          /* of the part, [group][row tile][column tile], or of the tile */
    bool add, last;                       /* to what is in sums; no chunk comes after it */
    const float *ahead[2], *ahead_end[2]; /* x and dy of the next chunk, to be asked for while this one is multiplied */
} weight_chunk;

/* A row of the panels of all column tiles: positions q of x at column −pl + q·step + shift, of an input row (NULL:
 * padding). */
static void panel_row(const weight_plan *p, float *to, const float *row, int64_t step, int64_t shift, int64_t columns) {
    const conv_shape *s = p->s;
    int nr = p->ks->gemm_nr;
    int64_t first = s->x.before - shift > 0 ? ceil_div(s->x.before - shift, step) : 0;
    int64_t last = s->x.in - 1 + s->x.before - shift,
            end = last < 0 ? 0 : last / step + 1; /* positions first…end−1 are inside */
    end = row ? int64_min(end, p->panel_width) : 0;
    first = int64_min(first, end);
    p->ks->panel_fill(to, p->panel_floats, first, columns);
    if (end > first)
        p->ks->panel_copy(to + first * nr, p->panel_floats, row + (first * step + shift - s->x.before) * p->xp.pixel,
                          step * p->xp.pixel, end - first, columns);
    p->ks->panel_fill(to + end * nr, p->panel_floats, p->panel_width - end, columns);
}

/* The panels of the column tiles; tap is looked at when there is a panel for each. */
static void chunk_pack_x(const weight_job *j, const weight_chunk *k, int64_t tap) {
    const weight_plan *p = j->plan;
    const conv_shape *s = p->s;
    int nr = p->ks->gemm_nr;
    int64_t column = k->column_first * nr, columns = int64_min(k->column_end * nr, p->icg) - column;
    int64_t u = p->per_tap ? tap / s->x.kernel * s->y.dilation : 0,
            v = p->per_tap ? tap % s->x.kernel * s->x.dilation : 0;
    int64_t row_step = p->per_tap ? s->y.stride : 1, step = p->per_tap ? s->x.stride : 1;
    float *to = k->panels;
    for (int64_t row = k->first; row < k->end;) {
        int64_t n = int64_min(s->y.out - row % s->y.out, k->end - row),
                iy = row % s->y.out * s->y.stride - s->y.before + u;
        const float *x = j->x + row / s->y.out * p->xp.image + k->group * p->icg + column;
        for (int64_t i = 0; i < panel_height(p, n); i++, iy += row_step, to += p->panel_width * nr)
            panel_row(p, to, iy >= 0 && iy < s->y.in ? x + iy * p->xp.row : NULL, step, v, columns);
        row += n;
    }
}

static void chunk_offsets(const weight_plan *p, const weight_chunk *k) {
    const conv_shape *s = p->s;
    int64_t base = 0, *offset = k->offset, width = p->panel_width * p->ks->gemm_nr;
    int64_t row_step = p->per_tap ? width : s->y.stride * width, step = (p->per_tap ? 1 : s->x.stride) * p->ks->gemm_nr;
    for (int64_t row = k->first; row < k->end;) {
        int64_t n = int64_min(s->y.out - row % s->y.out, k->end - row);
        for (int64_t i = 0; i < n; i++)
            for (int64_t q = 0; q < s->x.out; q++) *offset++ = base + i * row_step + q * step;
        base += panel_height(p, n) * width;
        row += n;
    }
}

/* First channel of a row tile: tiles differ by at most one channel. */
static int64_t tile_channel(const weight_plan *p, int64_t tile) {
    return share_begin(p->ocg, p->row_tiles, tile);
}

static void chunk_pack_dy(const weight_job *j, const weight_chunk *k) {
    const weight_plan *p = j->plan;
    int64_t ow = p->s->x.out, oh = p->s->y.out;
    for (int64_t row = k->first; row < k->end; row++)
        for (int64_t tile = k->row_first; tile < k->row_end; tile++) {
            int64_t o = tile_channel(p, tile), width = int64_min(p->a_step, p->ocg - o);
            const float *dy = j->dy + row / oh * p->yp.image + row % oh * p->yp.row + k->group * p->ocg + o;
            float *to = k->a + (tile - k->row_first) * p->a_floats + (row - k->first) * ow * p->a_step;
            p->ks->row_copy(to, p->a_step, dy, p->yp.pixel, ow, width);
        }
}

/* The x and dy of output rows first…end−1, if this task will pack all of their channels. */
static void chunk_ahead(const weight_job *j, weight_chunk *k, int64_t first, int64_t end) {
    const weight_plan *p = j->plan;
    const conv_shape *s = p->s;
    for (int i = 0; i < 2; i++) k->ahead[i] = k->ahead_end[i] = NULL;
    if (first >= end || s->groups > 1) return;
    int64_t image = first / s->y.out, row = first % s->y.out, last_image = (end - 1) / s->y.out,
            last_row = (end - 1) % s->y.out;
    if (p->column_blocks == 1) {
        int64_t top = int64_max(0, row * s->y.stride - s->y.before);
        int64_t bottom = int64_max(0, last_row * s->y.stride + (s->y.kernel - 1) * s->y.dilation - s->y.before);
        k->ahead[0] = j->x + image * p->xp.image + int64_min(top, s->y.in - 1) * p->xp.row;
        k->ahead_end[0] =
            j->x + last_image * p->xp.image + int64_min(bottom, s->y.in - 1) * p->xp.row + s->x.in * p->xp.pixel;
    }
    if (p->row_blocks == 1) {
        k->ahead[1] = j->dy + image * p->yp.image + row * p->yp.row;
        k->ahead_end[1] = j->dy + last_image * p->yp.image + last_row * p->yp.row + s->x.out * p->yp.pixel;
    }
}

/* Gives the tile its part: one line for each product of its sum. */
static void tile_ahead(weight_chunk *k, gemm_outer *t) {
    int i = k->ahead[0] < k->ahead_end[0] ? 0 : 1;
    t->ahead = t->a;
    t->ahead_step = 0;
    if (k->ahead[i] >= k->ahead_end[i]) return;
    t->ahead = k->ahead[i];
    t->ahead_step = 16;
    k->ahead[i] += t->k * 16;
}

/* Sums of a tile of `group` among those of all tiles. */
static float *sums_of(const weight_plan *p, float *sums, int64_t group, int64_t row_tile, int64_t column_tile) {
    return sums + ((group * p->row_tiles + row_tile) * p->column_tiles + column_tile) * p->tile_floats;
}

/* A tile's sums [taps][mr][nr] go to dw[oc][icg][taps]. */
static void tile_finish(const weight_job *j, int64_t group, int64_t row_tile, int64_t column_tile, const float *sums) {
    const weight_plan *p = j->plan;
    int64_t mr = p->ks->gemm_mr, nr = p->ks->gemm_nr, taps = p->taps, o = tile_channel(p, row_tile);
    int64_t rows = tile_channel(p, row_tile + 1) - o, columns = int64_min(nr, p->icg - column_tile * nr);
    float *dw = j->dw + ((group * p->ocg + o) * p->icg + column_tile * nr) * taps;
    for (int64_t i = 0; i < rows; i++, sums += nr, dw += p->icg * taps)
        p->ks->transpose(dw, taps, sums, mr * nr, taps, columns);
}

/* Taps tap…tap_end−1 of one tile of sums. */
static void chunk_tile(const weight_job *j, weight_chunk *k, int64_t row_tile, int64_t column_tile, int64_t tap,
                       int64_t tap_end) {
    const weight_plan *p = j->plan;
    const conv_shape *s = p->s;
    int64_t o = tile_channel(p, row_tile), nr = p->ks->gemm_nr;
    bool in_place = p->sums == SUMS_IN_PLACE;
    float *sums = in_place                  ? j->dw + (k->group * p->ocg + o) * p->icg + column_tile * nr
                  : p->sums == SUMS_OF_TILE ? k->sums
                                            : sums_of(p, k->sums, k->group, row_tile, column_tile);
    gemm_outer t = {.a = k->a + (row_tile - k->row_first) * p->a_floats,
                    .a_step = p->a_step,
                    .b_offset = k->offset,
                    .k = k->pixels,
                    .c_row = in_place ? p->icg : nr,
                    .accumulate = k->add};
    t.rows = (int)(tile_channel(p, row_tile + 1) - o);
    t.cols = (int)int64_min(nr, p->icg - column_tile * nr);
    const float *panel = k->panels + (column_tile - k->column_first) * p->panel_floats;
    for (int64_t i = tap; i < tap_end; i++) {
        t.b = p->per_tap
                  ? panel
                  : panel + (i / s->x.kernel * s->y.dilation * p->panel_width + i % s->x.kernel * s->x.dilation) * nr;
        t.c = sums + i * p->ks->gemm_mr * nr;
        tile_ahead(k, &t);
        p->ks->gemm_outer(&t);
    }
    if (k->last && (p->sums == SUMS_OF_TILE || p->sums == SUMS_OF_TASK))
        tile_finish(j, k->group, row_tile, column_tile, sums);
}

static void chunk_run(const weight_job *j, weight_chunk *k, int64_t column_first, int64_t column_end) {
    const weight_plan *p = j->plan;
    k->pixels = (k->end - k->first) * p->s->x.out;
    chunk_offsets(p, k);
    chunk_pack_dy(j, k);
    int64_t tap_step = p->per_tap ? 1 : p->taps;
    for (int64_t column = column_first; column < column_end; column = k->column_end)
        for (int64_t tap = 0; tap < p->taps; tap += tap_step) {
            k->column_first = column;
            k->column_end = int64_min(column + p->column_step, column_end);
            chunk_pack_x(j, k, tap);
            for (int64_t c = column; c < k->column_end; c++)
                for (int64_t r = k->row_first; r < k->row_end; r++) chunk_tile(j, k, r, c, tap, tap + tap_step);
        }
}

static void weight_task(void *context, int64_t index, int worker) {
    const weight_job *j = context;
    const weight_plan *p = j->plan;
    int64_t part = index % p->parts, rest = index / p->parts;
    int64_t columns = rest % p->column_blocks, rows = rest / p->column_blocks % p->row_blocks;
    int64_t first = share_begin(p->rows, p->parts, part), end = share_begin(p->rows, p->parts, part + 1);
    float *mine = j->workers + worker * p->worker_floats;
    weight_chunk k = {.group = rest / p->column_blocks / p->row_blocks,
                      .row_first = share_begin(p->row_tiles, p->row_blocks, rows),
                      .row_end = share_begin(p->row_tiles, p->row_blocks, rows + 1),
                      .offset = (int64_t *)(void *)mine};
    k.panels = mine + p->offset_floats;
    k.a = k.panels + p->column_step * p->panel_floats;
    k.sums = p->sums == SUMS_OF_TILE ? k.a + p->a_floats * ceil_div(p->row_tiles, p->row_blocks)
                                     : j->partial + part * p->part_floats;
    int64_t chunks = ceil_div(end - first, p->chunk_rows);
    for (int64_t i = 0; i < chunks; i++) {
        k.first = first + share_begin(end - first, chunks, i);
        k.end = first + share_begin(end - first, chunks, i + 1);
        chunk_ahead(j, &k, k.end, first + share_begin(end - first, chunks, int64_min(i + 2, chunks)));
        k.add = i > 0;
        k.last = i == chunks - 1;
        chunk_run(j, &k, share_begin(p->column_tiles, p->column_blocks, columns),
                  share_begin(p->column_tiles, p->column_blocks, columns + 1));
    }
}

/* Adds the parts of one tile, in their order. */
static void reduce_task(void *context, int64_t index, int worker) {
    const weight_job *j = context;
    const weight_plan *p = j->plan;
    int64_t column_tile = index % p->column_tiles, row_tile = index / p->column_tiles % p->row_tiles;
    int64_t group = index / p->column_tiles / p->row_tiles;
    float *sums = sums_of(p, j->partial, group, row_tile, column_tile);
    for (int64_t part = 1; part < p->parts; part++)
        p->ks->accumulate(sums, sums + part * p->part_floats, 1, p->tile_floats);
    tile_finish(j, group, row_tile, column_tile, sums);
}

void conv_weight_run(const conv_plan *plan, const conv_data *d, pool *workers) {
    const weight_plan *p = (const weight_plan *)plan;
    const conv_shape *s = p->s;
    weight_job j = {.plan = p, .x = d->a, .dy = d->b, .dw = d->out, .partial = d->scratch};
    j.workers = j.partial + p->parts * p->part_floats;
    if (p->rows == 0 || s->x.out == 0) {
        memset(d->out, 0, (size_t)(s->oc * p->icg * p->taps) * sizeof *d->out);
        return;
    }
    pool_run(workers, weight_task, &j, p->parts * p->row_blocks * p->column_blocks * s->groups);
    if (p->sums == SUMS_OF_PARTS) pool_run(workers, reduce_task, &j, s->groups * p->row_tiles * p->column_tiles);
}
