#include "kernel/products/sweep.h"
#include "base/sizes.h"
#include "kernel/products/stream.h"
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
    bool streams; /* the result is stored past the caches by the last pass */
} sweep_job;

/* The pixels of one tile: where they are in the result, and which input position belongs to tap 0. */
typedef struct sweep_pixels {
    int rows;
    bool inner;    /* no tap of any pixel lies in the padding */
    int64_t first; /* flat index of the first pixel */
    int64_t in_y[GEMM_MR_MAX], in_x[GEMM_MR_MAX];
    int64_t in_offset[GEMM_MR_MAX]; /* of that position in the images; it may lie outside of its image */
    const float *in;
    int64_t out_offset[GEMM_MR_MAX]; /* of channel 0, in the result and in the residual */
} sweep_pixels;

static int64_t pitch_offset(sweep_pitch p, int64_t image, int64_t y, int64_t x) {
    return image * p.image + y * p.row + x * p.pixel;
}

/* Where the next tile begins. */
typedef struct sweep_place {
    int64_t tile, first, x, y, image;
} sweep_place;

static sweep_place place_of(const sweep_plan *p, int64_t tile) {
    const sweep *s = &p->s;
    int64_t first = share_begin(p->pixels, p->tiles, tile), row = first / s->x.count;
    return (sweep_place){tile, first, first % s->x.count, row % s->y.count, row / s->y.count};
}

/* Returns true if all taps of an axis read inside the input where tap 0 reads `first`. */
static bool taps_inside(const window_axis *axis, int64_t first) {
    int64_t last = first + (axis->taps - 1) * axis->move;
    return (uint64_t)first < (uint64_t)axis->in && (uint64_t)last < (uint64_t)axis->in;
}

/* The pixels of the tile at a place, which moves to the next one. */
static void pixels_locate(const sweep_plan *p, sweep_place *at, sweep_pixels *px) {
    const sweep *s = &p->s;
    int64_t end = share_begin(p->pixels, p->tiles, ++at->tile);
    px->first = at->first;
    px->rows = (int)(end - at->first);
    px->inner = true;
    at->first = end;
    for (int i = 0; i < px->rows; i++) {
        int64_t out_y = s->y.start + at->y * s->y.every, out_x = s->x.start + at->x * s->x.every;
        px->out_offset[i] = pitch_offset(s->out_pitch, at->image, out_y, out_x);
        int64_t y = at->y * s->y.step + s->y.offset, x = at->x * s->x.step + s->x.offset;
        px->in_y[i] = y;
        px->in_x[i] = x;
        px->in_offset[i] = pitch_offset(s->in_pitch, at->image, y, x);
        px->inner = px->inner && taps_inside(&s->y, y) && taps_inside(&s->x, x);
        if (++at->x < s->x.count) continue;
        at->x = 0;
        if (++at->y < s->y.count) continue;
        at->y = 0;
        at->image++;
    }
}

/* Row pointers of tap (u, v); pixels in the padding get the row of zeros. */
static void pixels_aim(const sweep_job *j, const sweep_pixels *px, int64_t u, int64_t v, int64_t channel,
                       const float **a) {
    const sweep *s = &j->plan->s;
    int64_t dy = u * s->y.move, dx = v * s->x.move;
    int64_t offset = dy * s->in_pitch.row + dx * s->in_pitch.pixel + channel * s->in_pitch.channel;
    if (px->inner) {
        for (int i = 0; i < px->rows; i++) a[i] = px->in + px->in_offset[i] + offset;
        return;
    }
    for (int i = 0; i < px->rows; i++) {
        int64_t y = px->in_y[i] + dy, x = px->in_x[i] + dx;
        bool inside = (uint64_t)y < (uint64_t)s->y.in && (uint64_t)x < (uint64_t)s->x.in;
        a[i] = inside ? px->in + px->in_offset[i] + offset : j->zeros;
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
    int64_t channel = pass->group * s->n + pass->column, first = channel * s->out_pitch.channel;
    float *c[GEMM_MR_MAX], *next_c[GEMM_MR_MAX];
    const float *residual[GEMM_MR_MAX];
    for (int i = 0; i < px->rows; i++) {
        c[i] = pass->out + px->out_offset[i] + first;
        next_c[i] = pass->out + after->out_offset[i] + first;
    }
    if (e && e->residual)
        for (int i = 0; i < px->rows; i++) residual[i] = e->residual + px->out_offset[i] + first;
    t->rows = px->rows;
    t->c = c;
    t->streams = job->streams && pass->last;
    t->next_c = s->out_pitch.channel == 1 && !t->streams ? next_c : NULL;
    t->next = next;
    t->next_rows = next ? px->rows : 0;
    t->epilogue = e;
    t->residual = residual;
    if (e && e->bias) t->bias = e->bias + (e->bias_per_row ? px->first : channel);
    p->ks->gemm_rows(t);
    t->c = t->next_c = NULL; /* were of this call, as is */
    t->residual = NULL;
}

/* Row pointers a[taps][mr] of the tile at a place, which moves on. */
static void tile_aim(const sweep_job *j, const sweep_pass *pass, sweep_place *at, sweep_pixels *px, const float **a) {
    const sweep_plan *p = j->plan;
    pixels_locate(p, at, px);
    px->in = j->data->in + pass->group * p->s.k * p->s.in_pitch.channel;
    int64_t u = p->taps ? pass->tap / p->s.x.taps : 0, v = p->taps ? pass->tap % p->s.x.taps : 0;
    for (int64_t t = 0; t < pass->taps; t++) {
        pixels_aim(j, px, u, v, pass->channel, a + t * p->ks->gemm_mr);
        if (++v == p->s.x.taps) v = 0, u++;
    }
}

/* What all tiles of a pass have in common. */
static gemm_rows pass_rows(const sweep_job *j, const sweep_pass *pass) {
    const sweep_plan *p = j->plan;
    const sweep *s = &p->s;
    int64_t nr = p->ks->gemm_nr, tiles = ceil_div(pass->columns, nr);
    gemm_rows t = {.taps = pass->taps,
                   .kc = pass->k,
                   .next_each = (int)ceil_div(p->ks->gemm_mr, int64_max(1, tiles)),
                   .b = j->data->b + pass->group * s->b_group + pass->column / nr * s->b_tile,
                   .b_step = s->b_step,
                   .b_tile = s->b_tile,
                   .cols = pass->columns,
                   .c_col = s->out_pitch.channel,
                   .accumulate = s->accumulate || !pass->first,
                   .alpha = s->alpha};
    t.b += (pass->tap * s->k + pass->channel) * s->b_step;
    if (p->gather && pass->taps) t.kc *= t.taps, t.taps = 1;
    return t;
}

/* While a tile is computed, the rows of the next one are asked for, where each is used once only (a single tap). */
static void pass_run(const sweep_job *j, const sweep_pass *pass, int64_t tile_first, int64_t tile_end, float *rows) {
    const sweep_plan *p = j->plan;
    const float *a[2][BLOCK_TAPS * GEMM_MR_MAX];
    sweep_pixels px[2] = {0};
    gemm_rows t = pass_rows(j, pass);
    sweep_place at = place_of(p, tile_first);
    if (tile_first < tile_end) tile_aim(j, pass, &at, &px[tile_first % 2], a[tile_first % 2]);
    for (int64_t tile = tile_first; tile < tile_end; tile++) {
        int now = (int)(tile % 2), after = tile + 1 < tile_end ? !now : now;
        if (after != now) tile_aim(j, pass, &at, &px[after], a[after]);
        if (px[after].rows < px[now].rows) after = now;
        bool ask = after != now && pass->taps == 1 && p->s.in_pitch.channel == 1;
        if (p->gather && pass->taps) rows_gather(j, &px[now], pass->taps, pass->k, a[now], rows);
        t.a = a[now];
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
    if (j->streams) p->ks->stream_end();
}

void sweep_run(const sweep_plan *p, const sweep_data *d, void *scratch, pool *workers) {
    if (p->pixels == 0 || p->s.n == 0) return;
    float *zeros = scratch;
    memset(zeros, 0, (size_t)p->s.k * sizeof(float));
    bool streams = p->s.out_pitch.channel == 1 && p->s.splits == 1 && p->s.n % STREAM_LINE == 0 &&
                   stream_pays(d->out, p->pixels * p->s.groups * p->s.n, p->s.out_pitch.pixel);
    sweep_job j = {p, d, zeros, zeros + zeros_floats(p), streams};
    pool_run(workers, sweep_task, &j, p->tile_blocks * p->column_blocks * p->s.splits * p->s.groups);
}

void sweep_pack_tile(int nr, float *packed, const float *b, int64_t row, int64_t column, int64_t k, int64_t columns) {
    for (int64_t i = 0; i < k; i++, packed += nr) {
        const float *from = b + i * row;
        for (int64_t j = 0; j < columns; j++) packed[j] = from[j * column];
        for (int64_t j = columns; j < nr; j++) packed[j] = 0;
    }
}
