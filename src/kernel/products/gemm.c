#include "kernel/products/gemm.h"

#include "base/sizes.h"
#include "kernel/products/tile.h"

#include <string.h>

#define SPLITS_MAX  8
#define SPLIT_TILES 8   /* with fewer result tiles than this, the sum is split to keep several threads busy */
#define SPLIT_K     512 /* at least, per partial sum */
#define DIRECT_ROWS                                                                                                    \
    64             /* up to this many rows, B is read where it lies: packing it would cost as much as the product      \
                    */
#define ROW_ROWS 8 /* up to this many rows, Bᵀ with contiguous k is better the left operand */

/* ---- plan ---- */

/* Cᵀ = Bᵀ·Aᵀ */
static gemm_shape shape_swapped(const gemm_shape *s) {
    gemm_shape t = *s;
    t.m = s->n, t.n = s->m;
    t.a_row = s->b_col, t.a_col = s->b_row;
    t.b_row = s->a_col, t.b_col = s->a_row;
    t.c_row = s->c_col, t.c_col = s->c_row;
    return t;
}

static bool better_swapped(const gemm_shape *s) {
    if (s->b_packed) return false;
    if (s->c_col != 1 && s->c_row == 1) return true;
    return s->m <= ROW_ROWS && s->n > s->m && s->b_row == 1 && s->b_col != 1;
}

static sweep plan_sweep(const gemm_plan *p) {
    const gemm_shape *s = &p->s;
    int64_t nr = p->ks->gemm_nr;
    bool tiled = s->b_packed || p->packs, split = p->splits > 1;
    sweep w = {.images = 1,
               .k = s->k,
               .n = s->n,
               .groups = 1,
               .b_step = tiled ? nr : s->b_row,
               .b_tile = tiled ? nr * s->k : nr,
               .alpha = split ? 1 : s->alpha,
               .accumulate = s->accumulate && !split,
               .splits = p->splits,
               .split_pitch = s->m * s->n};
    w.y = (window_axis){.count = 1, .every = 1, .in = 1, .step = 1, .taps = 1};
    w.x = (window_axis){.count = s->m, .every = 1, .in = s->m, .step = 1, .taps = 1};
    w.in_pitch = (sweep_pitch){.pixel = s->a_row, .channel = s->a_col};
    w.out_pitch =
        split ? (sweep_pitch){.pixel = s->n, .channel = 1} : (sweep_pitch){.pixel = s->c_row, .channel = s->c_col};
    return w;
}

static size_t tiled_floats(const gemm_plan *p) {
    return (size_t)(round_up(p->s.n, p->ks->gemm_nr) * p->s.k);
}

gemm_plan gemm_plan_make(const kernel_set *ks, const gemm_shape *shape, int threads) {
    gemm_plan p = {.ks = ks, .swapped = better_swapped(shape), .splits = 1};
    p.s = p.swapped ? shape_swapped(shape) : *shape;
    const gemm_shape *s = &p.s;
    bool direct = s->b_col == 1 && s->n % ks->lanes == 0 && s->m <= DIRECT_ROWS;
    p.packs = !s->b_packed && !direct;
    if (s->b_packed) p.packed_floats = tiled_floats(&p);
    if (p.packs) p.pack_floats = tiled_floats(&p);
    if (ceil_div(s->m, ks->gemm_mr) * ceil_div(s->n, ks->gemm_nr) < SPLIT_TILES)
        p.splits = int64_max(1, int64_min(SPLITS_MAX, s->k / SPLIT_K));
    if (p.splits > 1) p.partial_floats = (size_t)round_up(p.splits * s->m * s->n, 16);
    sweep w = plan_sweep(&p);
    p.sweep = sweep_plan_make(ks, &w);
    p.scratch_bytes = (p.pack_floats + p.partial_floats) * sizeof(float) + sweep_scratch_bytes(&p.sweep, threads);
    return p;
}

/* ---- pack: tiles of nr columns, a task each ---- */

typedef struct pack_job {
    const gemm_plan *plan;
    const float *b;
    float *packed;
} pack_job;

static void pack_task(void *context, int64_t index, int worker) {
    const pack_job *j = context;
    const gemm_shape *s = &j->plan->s;
    int nr = j->plan->ks->gemm_nr;
    sweep_pack_tile(nr, j->packed + index * nr * s->k, j->b + index * nr * s->b_col, s->b_row, s->b_col, s->k,
                    int64_min(nr, s->n - index * nr));
}

void gemm_pack(const gemm_plan *p, const float *b, float *packed, pool *workers) {
    pack_job j = {p, b, packed};
    pool_run(workers, pack_task, &j, ceil_div(p->s.n, p->ks->gemm_nr));
}

/* ---- run ---- */

typedef struct finish_job {
    const gemm_plan *plan;
    const float *partial; /* [splits][m][n] */
    float *c;
    const epilogue *epilogue;
} finish_job;

/* One row's partial sums of `cols` columns from j on, added. */
static void partial_add(const finish_job *f, int64_t row, int64_t j, int cols, float *sums) {
    const gemm_plan *p = f->plan;
    const float *from = f->partial + row * p->s.n + j;
    for (int x = 0; x < cols; x++) sums[x] = from[x];
    for (int64_t split = 1; split < p->splits; split++)
        for (int x = 0; x < cols; x++) sums[x] += from[split * p->s.m * p->s.n + x];
}

/* Adds the partial sums of one tile of rows and finishes them. */
static void finish_task(void *context, int64_t index, int worker) {
    const finish_job *f = context;
    const gemm_shape *s = &f->plan->s;
    const epilogue *e = f->epilogue;
    int nr = f->plan->ks->gemm_nr, mr = f->plan->ks->gemm_mr;
    int64_t first = index * mr;
    float sums[GEMM_MR_MAX * GEMM_NR_MAX] __attribute__((aligned(64))) = {0}, *c[GEMM_MR_MAX];
    const float *residual[GEMM_MR_MAX];
    gemm_rows t = {.rows = (int)int64_min(mr, s->m - first),
                   .c = c,
                   .c_col = s->c_col,
                   .accumulate = s->accumulate,
                   .alpha = s->alpha,
                   .residual = residual,
                   .epilogue = e};
    for (int64_t j = 0; j < s->n; j += nr) {
        t.cols = int64_min(nr, s->n - j);
        for (int i = 0; i < t.rows; i++) {
            int64_t at = (first + i) * s->c_row + j * s->c_col;
            partial_add(f, first + i, j, (int)t.cols, sums + i * nr);
            c[i] = f->c + at;
            if (e && e->residual) residual[i] = e->residual + at;
        }
        if (e && e->bias) t.bias = e->bias + (e->bias_per_row ? first : j);
        f->plan->ks->gemm_finish(&t, sums);
    }
}

void gemm_run(const gemm_plan *p, const float *a, const float *b, float *c, const epilogue *e, void *scratch,
              pool *workers) {
    if (p->s.m == 0 || p->s.n == 0) return;
    float *packed = scratch, *partial = packed + p->pack_floats, *rest = partial + p->partial_floats;
    epilogue turned;
    if (p->swapped) {
        const float *left = a;
        a = b, b = left;
        if (e) turned = *e, turned.bias_per_row = !e->bias_per_row, e = &turned;
    }
    if (p->packs) {
        gemm_pack(p, b, packed, workers);
        b = packed;
    }
    bool split = p->splits > 1;
    sweep_run(&p->sweep, &(sweep_data){a, b, split ? partial : c, split ? NULL : e}, rest, workers);
    if (!split) return;
    finish_job f = {p, partial, c, e};
    pool_run(workers, finish_task, &f, ceil_div(p->s.m, p->ks->gemm_mr));
}
