#include "kernel/gemm.h"
#include "base/sizes.h"
#include "kernel/sweep.h"
#include "kernel/tile.h"

#include <assert.h>
#include <string.h>

#define SPLITS_MAX  8
#define SPLIT_TILES 8   /* with fewer result tiles than this, the sum is split to keep several threads busy */
#define SPLIT_K     512 /* at least, per partial sum */
#define DIRECT_ROWS 64  /* up to so many rows, B is read where it lies: packing it would cost as much as the product */
#define ROW_ROWS    8   /* up to so many rows, Bᵀ with contiguous k is better the left operand */

typedef struct gemm_plan {
    gemm_args g; /* after the operands were swapped, if they were */
    epilogue e;
    sweep w;
    bool packs;
    int64_t splits;
    size_t packed_floats, partial_floats;
    const kernel_set *ks;
    float *packed;        /* while packing */
    const float *partial; /* [splits][m][n] */
} gemm_plan;

size_t gemm_packed_b_floats(const kernel_set *ks, int64_t k, int64_t n) {
    return (size_t)(ceil_div(n, ks->gemm_nr) * ks->gemm_nr * k);
}

/* Tiles of nr columns, a task each. */
static void pack_task(void *context, int64_t index, int worker) {
    (void)worker;
    const gemm_plan *p = context;
    const gemm_args *g = &p->g;
    int nr = p->ks->gemm_nr;
    int64_t columns = int64_min(nr, g->n - index * nr);
    sweep_pack_tile(nr, p->packed + index * nr * g->k, g->b + index * nr * g->b_col, g->b_row, g->b_col, g->k, columns);
}

void gemm_pack_b(const kernel_set *ks, int64_t k, int64_t n, const float *b, int64_t b_row, int64_t b_col,
                 float *packed, pool *p) {
    gemm_plan plan = {.ks = ks, .packed = packed, .g = {.n = n, .k = k, .b = b, .b_row = b_row, .b_col = b_col}};
    pool_run(p, pack_task, &plan, ceil_div(n, ks->gemm_nr));
}

/* Cᵀ = Bᵀ·Aᵀ. */
static void plan_swap(gemm_plan *p) {
    gemm_args g = p->g;
    p->g = (gemm_args){.m = g.n,
                       .n = g.m,
                       .k = g.k,
                       .a = g.b,
                       .a_row = g.b_col,
                       .a_col = g.b_row,
                       .b = g.a,
                       .b_row = g.a_col,
                       .b_col = g.a_row,
                       .b_packed = g.a_packed,
                       .c = g.c,
                       .c_row = g.c_col,
                       .c_col = g.c_row,
                       .alpha = g.alpha,
                       .accumulate = g.accumulate,
                       .epilogue = g.epilogue};
    p->e.bias_per_row = !p->e.bias_per_row;
    int64_t row = p->e.residual_pitch[0];
    p->e.residual_pitch[0] = p->e.residual_pitch[1];
    p->e.residual_pitch[1] = row;
}

static bool better_swapped(const gemm_args *g) {
    if (g->a_packed) return true;
    if (g->b_packed) return false;
    if (g->c_col != 1 && g->c_row == 1) return true;
    return g->m <= ROW_ROWS && g->n > g->m && g->b_row == 1 && g->b_col != 1;
}

static sweep plan_sweep(const gemm_plan *p) {
    const gemm_args *g = &p->g;
    int64_t nr = p->ks->gemm_nr;
    bool tiled = g->b_packed || p->packs;
    sweep w = {.images = 1,
               .k = g->k,
               .n = g->n,
               .groups = 1,
               .in = g->a,
               .out = g->c,
               .b = tiled ? g->b_packed : g->b,
               .b_step = tiled ? nr : g->b_row,
               .b_tile = tiled ? nr * g->k : nr,
               .alpha = g->alpha,
               .accumulate = g->accumulate,
               .splits = p->splits};
    w.y = (window_axis){.count = 1, .every = 1, .in = 1, .step = 1, .taps = 1};
    w.x = (window_axis){.count = g->m, .every = 1, .in = g->m, .step = 1, .taps = 1};
    w.in_pitch = (sweep_pitch){.pixel = g->a_row, .channel = g->a_col};
    w.out_pitch = (sweep_pitch){.pixel = g->c_row, .channel = g->c_col};
    w.residual_pitch = (sweep_pitch){.pixel = p->e.residual_pitch[0], .channel = p->e.residual_pitch[1]};
    if (p->splits == 1) return w;
    w.accumulate = false;
    w.alpha = 1;
    w.out_pitch = (sweep_pitch){.pixel = g->n, .channel = 1};
    w.split_pitch = g->m * g->n;
    return w;
}

static gemm_plan plan_make(const kernel_set *ks, const gemm_args *g) {
    assert(!g->a_packed || !g->b_packed);
    gemm_plan p = {.ks = ks, .g = *g, .splits = 1};
    if (g->epilogue) p.e = *g->epilogue;
    if (better_swapped(g)) plan_swap(&p);
    g = &p.g;
    bool direct = g->b_col == 1 && g->n % ks->lanes == 0 && g->m <= DIRECT_ROWS;
    p.packs = !g->b_packed && !direct;
    if (p.packs) p.packed_floats = gemm_packed_b_floats(ks, g->k, g->n);
    if (ceil_div(g->m, ks->gemm_mr) * ceil_div(g->n, ks->gemm_nr) < SPLIT_TILES)
        p.splits = int64_max(1, int64_min(SPLITS_MAX, g->k / SPLIT_K));
    if (p.splits > 1) p.partial_floats = (size_t)(ceil_div(p.splits * g->m * g->n, 16) * 16);
    p.w = plan_sweep(&p);
    return p;
}

size_t gemm_scratch_bytes(const kernel_set *ks, const gemm_args *g, int threads) {
    gemm_plan p = plan_make(ks, g);
    return (p.packed_floats + p.partial_floats) * sizeof(float) + sweep_scratch_bytes(ks, &p.w, threads);
}

/* Adds the partial sums of one tile of rows and finishes them. */
static void finish_task(void *context, int64_t index, int worker) {
    (void)worker;
    const gemm_plan *p = context;
    const gemm_args *g = &p->g;
    int nr = p->ks->gemm_nr, mr = p->ks->gemm_mr;
    int64_t first = index * mr;
    float sums[GEMM_MR_MAX * GEMM_NR_MAX] __attribute__((aligned(64))) = {0}, *c[GEMM_MR_MAX];
    const float *residual[GEMM_MR_MAX];
    gemm_rows t = {.rows = (int)int64_min(mr, g->m - first),
                   .c = c,
                   .c_col = g->c_col,
                   .accumulate = g->accumulate,
                   .alpha = g->alpha,
                   .residual = residual,
                   .residual_col = p->e.residual_pitch[1],
                   .epilogue = g->epilogue ? &p->e : NULL};
    for (int64_t j = 0; j < g->n; j += nr) {
        t.cols = (int)int64_min(nr, g->n - j);
        for (int i = 0; i < t.rows; i++) {
            const float *from = p->partial + (first + i) * g->n + j;
            for (int x = 0; x < t.cols; x++) sums[i * nr + x] = from[x];
            for (int64_t s = 1; s < p->splits; s++)
                for (int x = 0; x < t.cols; x++) sums[i * nr + x] += from[s * g->m * g->n + x];
            c[i] = g->c + (first + i) * g->c_row + j * g->c_col;
            if (p->e.residual)
                residual[i] = p->e.residual + (first + i) * p->e.residual_pitch[0] + j * p->e.residual_pitch[1];
        }
        if (p->e.bias) t.bias = p->e.bias + (p->e.bias_per_row ? first : j);
        p->ks->gemm_finish(&t, sums);
    }
}

void gemm_run(const kernel_set *ks, const gemm_args *g, void *scratch, pool *p) {
    if (g->m == 0 || g->n == 0) return;
    gemm_plan plan = plan_make(ks, g);
    float *packed = scratch, *partial = packed + plan.packed_floats, *rest = partial + plan.partial_floats;
    if (plan.packs) {
        plan.packed = packed;
        pool_run(p, pack_task, &plan, ceil_div(plan.g.n, ks->gemm_nr));
        plan.w.b = packed;
    }
    plan.partial = partial;
    if (plan.splits > 1) plan.w.out = partial;
    else if (g->epilogue) plan.w.epilogue = &plan.e;
    sweep_run(ks, &plan.w, rest, p);
    if (plan.splits > 1) pool_run(p, finish_task, &plan, ceil_div(plan.g.m, ks->gemm_mr));
}
