#include "kernel/products/sweep.h"
#include "base/sizes.h"
#include "kernel/products/tile.h"

#include <string.h>

/* Blocking. A block of B (block_k × block_n) stays in the second-level cache while the tiles of pixels pass by. */
#define BLOCK_K 1152 /* products per tile and pass, over several taps */
#define BLOCK_CHANNEL                                                                                                  \
    512 /* of one tap, when there are more channels than that: the tile's rows stay in the first-level cache */
#define BLOCK_N      256 /* columns */
#define BLOCK_TAPS   72  /* = BLOCK_K / FEW_CHANNELS */
#define FEW_CHANNELS 16  /* below this, rows are gathered over the taps: the inner loop would be too short */
#define TASKS        16  /* wanted, if they are large enough */
#define TASKS_MIN    8   /* wanted, however small */
#define TILES_MIN    7   /* of a task */
#define TILES_MAX    28
#define PAGE_BYTES   4096

/* Rows whose distance is a multiple of the page size fall into one set of the first-level cache: more rows than ways.
 */
static bool pitch_collides(const sweep *s) {
    return s->k >= 64 && s->in_pitch.pixel * s->x.step * (int64_t)sizeof(float) % PAGE_BYTES == 0;
}

sweep_plan sweep_plan_make(const kernel_set *ks, const sweep *s) {
    sweep_plan p = {.ks = ks, .s = *s, .taps = s->y.taps * s->x.taps};
    p.pixels = s->images * s->y.count * s->x.count;
    p.tiles = ceil_div(p.pixels, ks->gemm_mr);
    p.gather = s->in_pitch.channel != 1 || (s->k < FEW_CHANNELS && p.taps > 1 && !s->whole_rows) || pitch_collides(s);
    int64_t k_range = s->splits > 1 ? ceil_div(s->k, s->splits) : s->k;
    p.channel_blocks = k_range > BLOCK_CHANNEL ? ceil_div(k_range, BLOCK_CHANNEL) : 1;
    p.tap_block = p.channel_blocks > 1 ? 1 : BLOCK_K / int64_max(k_range, FEW_CHANNELS);
    p.tap_block = int64_max(1, int64_min(p.tap_block, p.taps));
    if (p.taps) p.tap_block = ceil_div(p.taps, ceil_div(p.taps, p.tap_block));
    p.column_tiles = ceil_div(s->n, ks->gemm_nr);
    p.column_blocks = ceil_div(s->n, BLOCK_N);
    int64_t per_task = p.tiles / int64_max(1, TASKS / int64_max(1, p.column_blocks * s->groups * s->splits));
    per_task = int64_min(int64_max(per_task, TILES_MIN), TILES_MAX);
    p.tile_blocks = ceil_div(p.tiles, per_task);
    int64_t others = int64_max(1, p.tile_blocks * s->groups * s->splits);
    if (others * p.column_blocks < TASKS_MIN) p.column_blocks = int64_min(p.column_tiles, ceil_div(TASKS_MIN, others));
    others = int64_max(1, p.column_blocks * s->groups * s->splits);
    if (others * p.tile_blocks < TASKS_MIN) p.tile_blocks = int64_min(p.tiles, ceil_div(TASKS_MIN, others));
    int64_t k_block = ceil_div(k_range, p.channel_blocks) * p.tap_block;
    p.row_floats = odd_lines(k_block);
    p.worker_floats = p.gather ? p.row_floats * ks->gemm_mr : 0;
    return p;
}

static int64_t zeros_floats(const sweep_plan *p) {
    return round_up(p->s.k, 16);
}

size_t sweep_scratch_bytes(const sweep_plan *p, int threads) {
    return (size_t)(zeros_floats(p) + p->worker_floats * threads) * sizeof(float);
}

/* A run: its plan, arrays and scratch. */
typedef struct sweep_job {
    const sweep_plan *plan;
    const sweep_data *data;
    const float *zeros; /* k of them */
    float *workers;
} sweep_job;

/* The pixels of one tile: where they are in the result, and which input position belongs to tap offset 0. */
typedef struct sweep_pixels {
    int rows;
    int64_t first; /* flat index of the first pixel */
    int64_t in_y[GEMM_MR_MAX], in_x[GEMM_MR_MAX];
    const float *origin[GEMM_MR_MAX]; /* of the input image */
    int64_t out_offset[GEMM_MR_MAX];  /* of channel 0, in the result and in the residual */
} sweep_pixels;

static int64_t pitch_offset(sweep_pitch p, int64_t image, int64_t y, int64_t x) {
    return image * p.image + y * p.row + x * p.pixel;
}

static void pixels_locate(const sweep_plan *p, int64_t tile, const float *in, sweep_pixels *px) {
    const sweep *s = &p->s;
    px->first = share_begin(p->pixels, p->tiles, tile);
    px->rows = (int)(share_begin(p->pixels, p->tiles, tile + 1) - px->first);
    int64_t x = px->first % s->x.count, y = px->first / s->x.count % s->y.count;
    int64_t image = px->first / s->x.count / s->y.count;
    for (int i = 0; i < px->rows; i++) {
        int64_t out_y = s->y.start + y * s->y.every, out_x = s->x.start + x * s->x.every;
        px->out_offset[i] = pitch_offset(s->out_pitch, image, out_y, out_x);
        px->in_y[i] = y * s->y.step;
        px->in_x[i] = x * s->x.step;
        px->origin[i] = in + image * s->in_pitch.image;
        if (++x < s->x.count) continue;
        x = 0;
        if (++y < s->y.count) continue;
        y = 0;
        image++;
    }
}

/* Row pointers of one tap; pixels in the padding get the row of zeros. */
static void pixels_aim(const sweep_job *j, const sweep_pixels *px, int64_t tap, int64_t channel, const float **a) {
    const sweep_plan *p = j->plan;
    const sweep *s = &p->s;
    int64_t dy = s->y.offset + tap / s->x.taps * s->y.move;
    int64_t dx = s->x.offset + tap % s->x.taps * s->x.move;
    for (int i = 0; i < px->rows; i++) {
        int64_t y = px->in_y[i] + dy, x = px->in_x[i] + dx;
        bool inside = (uint64_t)y < (uint64_t)s->y.in && (uint64_t)x < (uint64_t)s->x.in;
        int64_t offset = y * s->in_pitch.row + x * s->in_pitch.pixel + channel * s->in_pitch.channel;
        a[i] = inside ? px->origin[i] + offset : j->zeros;
    }
}

/* Replaces the pointers a[taps][mr] to rows of k by pointers a[1][mr] to copies of taps·k, dense and free of
 * collisions. */
static void rows_gather(const sweep_job *j, const sweep_pixels *px, int64_t taps, int64_t k, const float **a,
                        float *rows) {
    const sweep_plan *p = j->plan;
    int64_t step = p->s.in_pitch.channel;
    int mr = p->ks->gemm_mr;
    for (int i = 0; i < px->rows; i++) {
        float *row = rows + i * p->row_floats;
        for (int64_t t = 0; t < taps; t++, row += k) {
            const float *from = a[t * mr + i];
            if (step == 1 || from == j->zeros)
                for (int64_t c = 0; c < k; c++) row[c] = from[c];
            else
                for (int64_t c = 0; c < k; c++) row[c] = from[c * step];
        }
        a[i] = rows + i * p->row_floats;
    }
}

/* One pass: taps tap…tap+taps−1 and channels channel…channel+k−1 added to the tiles of a task. */
typedef struct sweep_pass {
    int64_t group, tap, taps, channel, k, column, columns;
    float *out;
    bool first, last;
} sweep_pass;

/* All columns of one tile. `after` is the next tile, whose rows `next` are asked for a part at a time (NULL: they are
 * not). */
static void tile_run(const sweep_job *job, const sweep_pass *pass, const sweep_pixels *px, const sweep_pixels *after,
                     const float *const *next, gemm_rows *t) {
    const sweep_plan *p = job->plan;
    const sweep_data *d = job->data;
    const sweep *s = &p->s;
    const epilogue *e = pass->last ? d->epilogue : NULL;
    int nr = p->ks->gemm_nr;
    float *c[2][GEMM_MR_MAX] = {0};
    const float *residual[GEMM_MR_MAX];
    int64_t first = pass->group * s->n + pass->column, tiles = ceil_div(pass->columns, nr);
    for (int i = 0; i < px->rows; i++) c[0][i] = pass->out + px->out_offset[i] + first * s->out_pitch.channel;
    t->rows = px->rows;
    t->epilogue = e;
    t->residual = residual;
    t->accumulate = s->accumulate || !pass->first;
    for (int64_t j = 0; j < tiles; j++) {
        int64_t column = pass->column + j * nr, channel = pass->group * s->n + column;
        t->c = c[j % 2];
        float **next_c = c[(j + 1) % 2];
        if (j + 1 < tiles)
            for (int i = 0; i < px->rows; i++) next_c[i] = t->c[i] + nr * s->out_pitch.channel;
        else
            for (int i = 0; i < px->rows; i++)
                next_c[i] = pass->out + after->out_offset[i] + first * s->out_pitch.channel;
        t->next_c = s->out_pitch.channel == 1 ? next_c : NULL;
        if (next) {
            t->next = next + j * px->rows / tiles;
            t->next_rows = (int)((j + 1) * px->rows / tiles - j * px->rows / tiles);
        }
        if (e && e->residual)
            for (int i = 0; i < px->rows; i++)
                residual[i] = e->residual + px->out_offset[i] + channel * s->out_pitch.channel;
        if (e && e->bias) t->bias = e->bias + (e->bias_per_row ? px->first : channel);
        t->b =
            d->b + pass->group * s->b_group + column / nr * s->b_tile + (pass->tap * s->k + pass->channel) * s->b_step;
        t->cols = (int)int64_min(nr, pass->columns - j * nr);
        p->ks->gemm_rows(t);
    }
    t->residual = NULL; /* was of this call */
}

/* Row pointers a[taps][mr] of a tile. */
static void tile_aim(const sweep_job *j, const sweep_pass *pass, int64_t tile, sweep_pixels *px, const float **a) {
    const sweep_plan *p = j->plan;
    pixels_locate(p, tile, j->data->in + pass->group * p->s.k * p->s.in_pitch.channel, px);
    for (int64_t t = 0; t < pass->taps; t++) pixels_aim(j, px, pass->tap + t, pass->channel, a + t * p->ks->gemm_mr);
}

/* While a tile is computed, the rows of the next one are asked for, where each is used once only (a single tap). */
static void pass_run(const sweep_job *j, const sweep_pass *pass, int64_t tile_first, int64_t tile_end, float *rows) {
    const sweep_plan *p = j->plan;
    const sweep *s = &p->s;
    const float *a[2][BLOCK_TAPS * GEMM_MR_MAX];
    sweep_pixels px[2] = {0};
    if (tile_first < tile_end) tile_aim(j, pass, tile_first, &px[tile_first % 2], a[tile_first % 2]);
    for (int64_t tile = tile_first; tile < tile_end; tile++) {
        int now = (int)(tile % 2), after = tile + 1 < tile_end ? !now : now;
        gemm_rows t = {.a = a[now],
                       .taps = pass->taps,
                       .kc = pass->k,
                       .b_step = s->b_step,
                       .c_col = s->out_pitch.channel,
                       .alpha = s->alpha};
        if (after != now) tile_aim(j, pass, tile + 1, &px[after], a[after]);
        if (px[after].rows < px[now].rows) after = now;
        bool ask = after != now && pass->taps == 1 && s->in_pitch.channel == 1;
        if (p->gather && pass->taps) {
            rows_gather(j, &px[now], pass->taps, pass->k, a[now], rows);
            t.kc *= t.taps;
            t.taps = 1;
        }
        tile_run(j, pass, &px[now], &px[after], ask ? a[after] : NULL, &t);
    }
}

static void sweep_task(void *context, int64_t index, int worker) {
    const sweep_job *j = context;
    const sweep_plan *p = j->plan;
    const sweep *s = &p->s;
    int64_t tile_block = index % p->tile_blocks, rest = index / p->tile_blocks;
    int64_t column_block = rest % p->column_blocks, split = rest / p->column_blocks % s->splits;
    int64_t tile_first = share_begin(p->tiles, p->tile_blocks, tile_block),
            tile_end = share_begin(p->tiles, p->tile_blocks, tile_block + 1);
    int64_t k_first = share_begin(s->k, s->splits, split), k_end = share_begin(s->k, s->splits, split + 1);
    int64_t blocks = p->taps ? ceil_div(p->taps, p->tap_block) : 1, nr = p->ks->gemm_nr;
    sweep_pass pass = {.group = rest / p->column_blocks / s->splits};
    pass.column = share_begin(p->column_tiles, p->column_blocks, column_block) * nr;
    pass.columns = int64_min(share_begin(p->column_tiles, p->column_blocks, column_block + 1) * nr, s->n) - pass.column;
    pass.out = j->data->out + split * s->split_pitch;
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t c = 0; c < p->channel_blocks; c++) {
            pass.tap = share_begin(p->taps, blocks, b);
            pass.taps = share_begin(p->taps, blocks, b + 1) - pass.tap;
            pass.channel = k_first + share_begin(k_end - k_first, p->channel_blocks, c);
            pass.k = k_first + share_begin(k_end - k_first, p->channel_blocks, c + 1) - pass.channel;
            pass.first = b == 0 && c == 0;
            pass.last = b == blocks - 1 && c == p->channel_blocks - 1;
            pass_run(j, &pass, tile_first, tile_end, j->workers + worker * p->worker_floats);
        }
}

void sweep_run(const sweep_plan *p, const sweep_data *d, void *scratch, pool *workers) {
    if (p->pixels == 0 || p->s.n == 0) return;
    float *zeros = scratch;
    memset(zeros, 0, (size_t)p->s.k * sizeof(float));
    sweep_job j = {p, d, zeros, zeros + zeros_floats(p)};
    pool_run(workers, sweep_task, &j, p->tile_blocks * p->column_blocks * p->s.splits * p->s.groups);
}

void sweep_pack_tile(int nr, float *packed, const float *b, int64_t row, int64_t column, int64_t k, int64_t columns) {
    for (int64_t i = 0; i < k; i++, packed += nr) {
        const float *from = b + i * row;
        for (int64_t j = 0; j < columns; j++) packed[j] = from[j * column];
        for (int64_t j = columns; j < nr; j++) packed[j] = 0;
    }
}
