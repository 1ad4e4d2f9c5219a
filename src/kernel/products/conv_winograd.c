/* Forward convolution of channels-last images with windows of stride 1 by Winograd's F(m, r): m = 2 or 4 for r × r =
 * 3×3, 2 for 5×5. A tile of m × m results is Aᵀ·[Σ_c (G·w·Gᵀ) ⊙ (Bᵀ·x·B)]·A, which has (m + r − 1)² products for each
 * pair of channels in place of r²·m². The tiles of a block are transformed, multiplied, point by point, by the tile of
 * matrix products, and transformed back, all in the second-level cache where it can be. */
#include "base/sizes.h"
#include "kernel/products/conv.h"
#include "kernel/products/conv_winograd_tile.h"
#include "kernel/products/stream.h"
#include "kernel/products/tile.h"

#include <math.h>
#include <string.h>

#define BLOCK_TILES   24        /* of a block, about */
#define BLOCK_MANY    96        /* the same where the weights come from memory for each block: */
#define WEIGHTS_MANY  (4 << 20) /* more floats than these */
#define WINDOW_MAX    5
#define CHUNK_COLUMNS 64 /* result channels that are multiplied before they are transformed back */
#define TASKS_MIN     8  /* wanted: with fewer blocks, the result's channels are cut, too */

typedef struct winograd_plan {
    conv_plan common;
    int m, side, points; /* side = m + r − 1, and its square */
    int64_t tiles_y, tiles_x, tiles;
    int64_t blocks, block_tiles;       /* tiles of a block, at most */
    int64_t v_pitch, v_step, v_floats; /* v[point][tile][ic] of a block */
    int64_t columns, chunks, chunk;    /* oc in whole vectors; of a chunk, but for the last */
    int64_t column_blocks;             /* of whole chunks; 1: a task transforms its own tiles */
    int64_t sums_step, sums_floats;    /* sums[point][tile][chunk] of a worker */
} winograd_plan;

/* ---- plan ---- */

static conv_plan *plan_new(const conv_plan *common, int m, arena *a) {
    winograd_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    p->common = *common;
    const conv_shape *s = &p->common.shape;
    const kernel_set *ks = common->ks;
    p->m = m, p->side = m + (int)s->y.kernel - 1, p->points = p->side * p->side;
    p->tiles_y = ceil_div(s->y.out, m), p->tiles_x = ceil_div(s->x.out, m);
    p->tiles = s->batch * p->tiles_y * p->tiles_x;
    p->columns = round_up(s->oc, ks->gemm_nr);
    p->common.packed_floats = (size_t)(p->points * s->ic * p->columns);
    p->blocks = ceil_div(p->tiles, p->common.packed_floats > WEIGHTS_MANY ? BLOCK_MANY : BLOCK_TILES);
    p->block_tiles = round_up(ceil_div(p->tiles, int64_max(1, p->blocks)), ks->gemm_mr);
    p->blocks = p->block_tiles ? ceil_div(p->tiles, p->block_tiles) : 0;
    p->v_pitch = odd_lines(s->ic);
    p->v_step = odd_lines(p->block_tiles * p->v_pitch);
    p->v_floats = p->points * p->v_step;
    p->chunk = int64_min(p->columns, CHUNK_COLUMNS);
    p->chunks = ceil_div(p->columns, p->chunk);
    p->column_blocks = p->blocks < TASKS_MIN ? int64_min(p->chunks, ceil_div(TASKS_MIN, int64_max(1, p->blocks))) : 1;
    p->sums_step = odd_lines(p->block_tiles * p->chunk);
    p->sums_floats = p->points * p->sums_step;
    int64_t inputs = p->column_blocks > 1 ? p->blocks : common->threads;
    p->common.scratch_bytes =
        (size_t)(inputs * p->v_floats + common->threads * p->sums_floats + round_up(s->ic, 16)) * sizeof(float);
    return &p->common;
}

static conv_plan *plan_2(const conv_plan *common, arena *a) {
    return plan_new(common, 2, a);
}
static conv_plan *plan_4(const conv_plan *common, arena *a) {
    return plan_new(common, 4, a);
}

/* ---- what pays ----
 *
 * Costs in multiply-adds of a vector, fitted to 28 layers of 8 to 512 channels and 2 to 224 pixels (docs/performance.md
 * has the method): ratios to conv_gemm come out within a third, and within a tenth of 1 where they decide. */
#define POINT_COST     1.4    /* a product of one point, against one of a whole window: sums are short */
#define WINDOW_COST    32     /* besides its products, of a pixel and vector of conv_gemm */
#define TRANSFORM_COST 12     /* of a point of a vector of channels, in or out */
#define WEIGHT_COST    8      /* of a vector of weights that no cache keeps */
#define CACHE_FLOATS   524288 /* of weights that a cache keeps */
#define ROWS_MIN       4      /* of a register tile: with fewer, each product waits for the one before it */
#define CHANNELS_MIN   8      /* below, conv_gemm makes one product of a window's row */
#define GAIN_MIN       0.95

/* Pixels or tiles of tiles in registers. */
static double rows_cost(const kernel_set *ks, int64_t rows) {
    return (double)int64_max(rows, ROWS_MIN * ceil_div(rows, ks->gemm_mr));
}

static double weights_cost(const kernel_set *ks, double floats) {
    return floats > CACHE_FLOATS ? WEIGHT_COST * (floats - CACHE_FLOATS) / ks->lanes : 0;
}

static double gemm_cost(const kernel_set *ks, const conv_shape *s) {
    double rows = rows_cost(ks, s->batch * s->y.out * s->x.out), vectors = (double)ceil_div(s->oc, ks->lanes);
    double window = (double)(s->y.kernel * s->x.kernel * s->ic);
    return rows * vectors * (window + WINDOW_COST) + weights_cost(ks, window * (double)s->oc);
}

static double winograd_cost(const kernel_set *ks, const conv_shape *s, int m) {
    int64_t tiles = s->batch * ceil_div(s->y.out, m) * ceil_div(s->x.out, m);
    double side = m + (double)s->y.kernel - 1, points = side * side, in = (double)ceil_div(s->ic, ks->lanes),
           out = (double)ceil_div(s->oc, ks->lanes);
    double products = POINT_COST * rows_cost(ks, tiles) * out * (double)s->ic;
    double transforms = TRANSFORM_COST * (double)tiles * (in + out);
    return points * (products + transforms) + weights_cost(ks, points * (double)s->ic * (double)s->oc);
}

bool conv_is_winograd(const conv_shape *s, int m) {
    int64_t r = s->y.kernel;
    return r == s->x.kernel && (r == 3 || (r == 5 && m == 2)) && s->y.stride == 1 && s->x.stride == 1 &&
           s->y.dilation == 1 && s->x.dilation == 1 && s->groups == 1;
}

double conv_winograd_share(const kernel_set *ks, const conv_shape *s, int m) {
    double best = GAIN_MIN * gemm_cost(ks, s);
    if (!conv_is_winograd(s, m) || s->ic < CHANNELS_MIN || best == 0) return INFINITY;
    if (conv_is_winograd(s, 6 - m)) best = fmin(best, winograd_cost(ks, s, 6 - m));
    return winograd_cost(ks, s, m) / best;
}

/* ---- pack: [chunk][point][tile of nr columns][k][nr], u = G·w·Gᵀ rounded once ---- */

typedef struct pack_job {
    const winograd_plan *plan;
    const float *w;
    float *packed;
    double g[WINOGRAD_SIDE_MAX][WINDOW_MAX];
} pack_job;

/* Rows of G: 1, p, p², … over Π (p − q) of the other finite points q; of ∞: 0, …, 0, 1. */
static void g_fill(int side, int r, double g[WINOGRAD_SIDE_MAX][WINDOW_MAX]) {
    static const double points[] = {0, 1, -1, 0.5, -2};
    for (int i = 0; i < side - 1; i++) {
        double product = 1, p = points[i], power = 1;
        for (int j = 0; j < side - 1; j++)
            if (j != i) product *= p - points[j];
        for (int u = 0; u < r; u++, power *= p) g[i][u] = power / product;
    }
    for (int u = 0; u < r; u++) g[side - 1][u] = u == r - 1;
}

/* Floats of the packed weights before column tile `tile`, point 0, and from point to point there. */
static int64_t packed_at(const winograd_plan *p, int64_t tile, int64_t *step) {
    int64_t ic = p->common.shape.ic, nr = p->common.ks->gemm_nr, chunk = tile * nr / p->chunk;
    int64_t columns = int64_min(p->chunk, p->columns - chunk * p->chunk);
    *step = ic * columns;
    return chunk * p->points * ic * p->chunk + (tile * nr - chunk * p->chunk) * ic;
}

/* to[i·to_i + a·to_a][nr] = Σ_u g[a][u] · from[i·from_i + u·from_u][nr] for i below `rows` and all a. */
static void g_apply(const pack_job *j, double *to, int to_i, int to_a, const double *from, int from_i, int from_u,
                    int rows) {
    int nr = j->plan->common.ks->gemm_nr, r = (int)j->plan->common.shape.y.kernel;
    for (int i = 0; i < rows; i++)
        for (int a = 0; a < j->plan->side; a++) {
            const double *g = j->g[a], *f = from + i * from_i * nr;
            double *t = to + (i * to_i + a * to_a) * nr;
            for (int n = 0; n < nr; n++) {
                t[n] = g[0] * f[n];
                for (int u = 1; u < r; u++) t[n] += g[u] * f[u * from_u * nr + n];
            }
        }
}

/* One tile of nr columns. */
static void pack_tile(void *context, int64_t tile, int worker) {
    const pack_job *j = context;
    const winograd_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    int nr = p->common.ks->gemm_nr, side = p->side, r = (int)s->y.kernel, taps = r * r;
    int64_t step, columns = int64_min(nr, s->oc - tile * nr);
    float *packed = j->packed + packed_at(p, tile, &step);
    double w[WINDOW_MAX * WINDOW_MAX * GEMM_NR_MAX] = {0}, half[WINDOW_MAX * WINOGRAD_SIDE_MAX * GEMM_NR_MAX],
                                       u[WINOGRAD_POINTS_MAX * GEMM_NR_MAX];
    for (int64_t c = 0; c < s->ic; c++) {
        for (int64_t n = 0; n < columns; n++)
            for (int t = 0; t < taps; t++) w[t * nr + n] = (double)j->w[((tile * nr + n) * s->ic + c) * taps + t];
        g_apply(j, half, side, 1, w, r, 1, r);       /* half[u][b] = Σ_v g[b][v]·w[u][v] */
        g_apply(j, u, 1, side, half, 1, side, side); /* u[a][b] = Σ_u g[a][u]·half[u][b] */
        for (int i = 0; i < p->points; i++)
            for (int n = 0; n < nr; n++) packed[i * step + c * nr + n] = (float)u[i * nr + n];
    }
}

static void pack(const conv_plan *p, const float *w, float *packed, pool *workers) {
    pack_job j = {.plan = (const winograd_plan *)p, .w = w, .packed = packed};
    g_fill(j.plan->side, (int)p->shape.y.kernel, j.g);
    pool_run(workers, pack_tile, &j, j.plan->columns / p->ks->gemm_nr);
}

/* ---- run ---- */

typedef struct winograd_job {
    const winograd_plan *plan;
    const conv_data *data;
    const float *zeros; /* ic of them */
    float *inputs, *sums;
    bool streams; /* the result is stored past the caches */
} winograd_job;

typedef struct tile_place {
    int64_t image, y, x; /* of its first result */
} tile_place;

static tile_place tile_at(const winograd_plan *p, int64_t tile) {
    int64_t row = tile / p->tiles_x;
    return (tile_place){row / p->tiles_y, row % p->tiles_y * p->m, tile % p->tiles_x * p->m};
}

/* Transforms one tile into `place` of a block. Pixels in the padding are zeros. */
static void tile_in(const winograd_job *j, int64_t tile, int64_t place, float *v) {
    const winograd_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    conv_pitch pitch = conv_x_pitch(s);
    tile_place at = tile_at(p, tile);
    const float *x[WINOGRAD_POINTS_MAX], *image = j->data->a + at.image * pitch.image;
    for (int i = 0, k = 0; i < p->side; i++) {
        int64_t iy = window_at(&s->y, at.y, i), ix = window_at(&s->x, at.x, 0);
        const float *row = image + iy * pitch.row;
        bool row_inside = (uint64_t)iy < (uint64_t)s->y.in;
        for (int c = 0; c < p->side; c++, k++, ix++)
            x[k] = row_inside && (uint64_t)ix < (uint64_t)s->x.in ? row + ix * pitch.pixel : j->zeros;
    }
    p->common.ks->winograd_input(&(winograd_input){p->side, x, s->ic, v + place * p->v_pitch, p->v_step});
}

static void tile_out(const winograd_job *j, int64_t tile, const float *sums, int64_t column, int64_t columns) {
    const winograd_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    const epilogue *e = j->data->epilogue;
    conv_pitch pitch = conv_y_pitch(s);
    tile_place at = tile_at(p, tile);
    int64_t offset = at.image * pitch.image + at.y * pitch.row + at.x * pitch.pixel + column;
    p->common.ks->winograd_output(&(winograd_output){.m = p->m,
                                                     .side = p->side,
                                                     .sums = sums,
                                                     .sums_step = p->sums_step,
                                                     .channels = columns,
                                                     .rows = (int)int64_min(p->m, s->y.out - at.y),
                                                     .columns = (int)int64_min(p->m, s->x.out - at.x),
                                                     .y = j->data->out + offset,
                                                     .y_row = pitch.row,
                                                     .y_pixel = pitch.pixel,
                                                     .streams = j->streams,
                                                     .bias = e && e->bias ? e->bias + column : NULL,
                                                     .residual = e && e->residual ? e->residual + offset : NULL,
                                                     .epilogue = e});
}

/* Chunks from…end−1 of a block whose tiles were transformed into v. */
static void block_finish(const winograd_job *j, int64_t block, const float *v, int64_t from, int64_t end, float *sums) {
    const winograd_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    int64_t first = block * p->block_tiles, count = int64_min(p->block_tiles, p->tiles - first);
    for (int64_t chunk = from; chunk < end; chunk++) {
        int64_t column = chunk * p->chunk, step;
        const float *u = j->data->b + packed_at(p, column / p->common.ks->gemm_nr, &step);
        int64_t columns = int64_min(p->chunk, s->oc - column);
        p->common.ks->gemm_points(&(gemm_points){.points = p->points,
                                                 .rows = count,
                                                 .k = s->ic,
                                                 .cols = round_up(columns, p->common.ks->lanes),
                                                 .a = v,
                                                 .a_point = p->v_step,
                                                 .a_row = p->v_pitch,
                                                 .b = u,
                                                 .b_point = step,
                                                 .c = sums,
                                                 .c_point = p->sums_step,
                                                 .c_row = p->chunk});
        for (int64_t i = 0; i < count; i++) tile_out(j, first + i, sums + i * p->chunk, column, columns);
    }
    if (j->streams) p->common.ks->stream_end();
}

/* All of a block. */
static void block_task(void *context, int64_t block, int worker) {
    const winograd_job *j = context;
    const winograd_plan *p = j->plan;
    int64_t first = block * p->block_tiles, count = int64_min(p->block_tiles, p->tiles - first);
    float *v = j->inputs + worker * p->v_floats;
    for (int64_t i = 0; i < count; i++) tile_in(j, first + i, i, v);
    block_finish(j, block, v, 0, p->chunks, j->sums + worker * p->sums_floats);
}

/* One tile of any block, where several tasks need it. */
static void tile_task(void *context, int64_t tile, int worker) {
    const winograd_job *j = context;
    const winograd_plan *p = j->plan;
    tile_in(j, tile, tile % p->block_tiles, j->inputs + tile / p->block_tiles * p->v_floats);
}

/* Some chunks of a block. Chunks are the outer index: their weights are used by all blocks, and read once. */
static void columns_task(void *context, int64_t index, int worker) {
    const winograd_job *j = context;
    const winograd_plan *p = j->plan;
    int64_t block = index % p->blocks, columns = index / p->blocks;
    block_finish(j, block, j->inputs + block * p->v_floats, share_begin(p->chunks, p->column_blocks, columns),
                 share_begin(p->chunks, p->column_blocks, columns + 1), j->sums + worker * p->sums_floats);
}

static void run(const conv_plan *common, const conv_data *d, pool *workers) {
    const winograd_plan *p = (const winograd_plan *)common;
    if (p->tiles == 0) return;
    float *zeros = d->scratch, *sums = zeros + round_up(common->shape.ic, 16);
    memset(zeros, 0, (size_t)common->shape.ic * sizeof *zeros);
    const conv_shape *s = &common->shape;
    bool streams = stream_pays(d->out, s->batch * s->y.out * s->x.out * s->oc, s->oc);
    winograd_job j = {p, d, zeros, sums + common->threads * p->sums_floats, sums, streams};
    if (p->column_blocks == 1) {
        pool_run(workers, block_task, &j, p->blocks);
        return;
    }
    pool_run(workers, tile_task, &j, p->tiles);
    pool_run(workers, columns_task, &j, p->blocks * p->column_blocks);
}

const conv_kernel conv_winograd_2[1] = {{plan_2, pack, run}}, conv_winograd_4[1] = {{plan_4, pack, run}};
