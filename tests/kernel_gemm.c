/* Matrix product against the defining loop in integers: bit-exact for every instruction set, any strides, packed
 * operands, epilogues, in buffers of exact size, with 1, 2 and 7 threads. Real numbers: within (k + 8)·u·Σ|ab|. */
#include "check.h"
#include "kernel/products/gemm.h"
#include "kernel_exact.h"

#include <math.h>
#include <string.h>

typedef struct matrix {
    exact e;
    int64_t rows, cols, row, col, floats;
} matrix;

/* order 0: rows contiguous; 1: columns contiguous; 2, 3: the same with slack; 4: neither stride is 1. */
static matrix matrix_new(int64_t rows, int64_t cols, int64_t order, uint64_t *seed) {
    matrix m = {.rows = rows, .cols = cols};
    int64_t slack = order >= 2 ? 3 : 0, unit = order == 4 ? 2 : 1;
    m.row = order % 2 ? unit : cols * unit + slack;
    m.col = order % 2 ? rows * unit + slack : unit;
    m.floats = rows && cols ? (rows - 1) * m.row + (cols - 1) * m.col + 1 : 0;
    m.e = exact_new((size_t)m.floats, 0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) m.e.data[i * m.row + j * m.col] = (float)exact_random(seed, -4, 4);
    return m;
}

static float get(const matrix *m, int64_t i, int64_t j) {
    return m->e.data[i * m->row + j * m->col];
}

typedef struct example {
    int64_t m, n, k;
    matrix a, b, c, residual;
    exact bias;
    int kind; /* of epilogue */
    float alpha;
    bool accumulate;
    bool packed; /* B */
    double *want, *bound;
} example;

static epilogue example_epilogue(const example *x) {
    epilogue e = {.activation = (enum activation)(x->kind >> 4), .alpha = 0.5f, .beta = 12};
    if (x->kind & 4) e.bias = x->bias.data;
    e.bias_per_row = x->kind & 1;
    if (x->kind & 8) e.residual = x->residual.e.data;
    return e;
}

static void example_expect(example *x) {
    epilogue e = example_epilogue(x);
    x->want = calloc((size_t)(x->m * x->n + 1), sizeof(double));
    x->bound = calloc((size_t)(x->m * x->n + 1), sizeof(double));
    for (int64_t i = 0; i < x->m; i++)
        for (int64_t j = 0; j < x->n; j++) {
            double sum = 0, magnitude = 0;
            for (int64_t l = 0; l < x->k; l++) {
                double product = (double)get(&x->a, i, l) * (double)get(&x->b, l, j);
                sum += product;
                magnitude += fabs(product);
            }
            double v = (double)x->alpha * sum + (x->accumulate ? (double)get(&x->c, i, j) : 0);
            if (e.bias) v += (double)e.bias[e.bias_per_row ? i : j];
            if (e.residual) v += (double)get(&x->residual, i, j);
            if (v < 0 && e.activation == ACTIVATION_RELU) v = 0;
            if (v < 0 && e.activation == ACTIVATION_LEAKY_RELU) v *= (double)e.alpha;
            if (e.activation == ACTIVATION_CLIP) v = fmin(fmax(v, (double)e.alpha), (double)e.beta);
            x->want[i * x->n + j] = v;
            x->bound[i * x->n + j] =
                ((double)x->k + 8) * ldexp(1, -24) * (fabs((double)x->alpha) * magnitude + fabs(v) + 8);
        }
}

static example example_new(int64_t m, int64_t n, int64_t k, uint64_t seed) {
    example x = {.m = m, .n = n, .k = k};
    x.a = matrix_new(m, k, exact_random(&seed, 0, 4), &seed);
    x.b = matrix_new(k, n, exact_random(&seed, 0, 4), &seed);
    x.c = matrix_new(m, n, exact_random(&seed, 0, 4), &seed);
    x.residual = x.c; /* lies as C does */
    x.residual.e = exact_new((size_t)x.c.floats, 0);
    for (int64_t i = 0; i < x.c.floats; i++) x.residual.e.data[i] = (float)exact_random(&seed, -4, 4);
    x.bias = exact_new((size_t)(m > n ? m : n), 0);
    for (int64_t i = 0; i < (m > n ? m : n); i++) x.bias.data[i] = (float)exact_random(&seed, -9, 9);
    x.kind = (int)exact_random(&seed, 0, 16 * ACTIVATION_CLIP + 15);
    x.alpha = exact_random(&seed, 0, 1) ? 1 : 0.5f;
    x.accumulate = exact_random(&seed, 0, 1);
    x.packed = exact_random(&seed, 0, 1);
    return x;
}

static void example_free(example *x) {
    exact_free(x->a.e);
    exact_free(x->b.e);
    exact_free(x->c.e);
    exact_free(x->residual.e);
    exact_free(x->bias);
    free(x->want);
    free(x->bound);
}

/* Multiplies into a copy of C with the same strides. */
static exact example_run(const example *x, const kernel_set *ks, pool *p) {
    epilogue e = example_epilogue(x);
    exact c = exact_new((size_t)x->c.floats, 0);
    memcpy(c.data, x->c.e.data, (size_t)x->c.floats * sizeof(float));
    gemm_shape g = {.m = x->m,
                    .n = x->n,
                    .k = x->k,
                    .a_row = x->a.row,
                    .a_col = x->a.col,
                    .b_row = x->b.row,
                    .b_col = x->b.col,
                    .c_row = x->c.row,
                    .c_col = x->c.col,
                    .alpha = x->alpha,
                    .accumulate = x->accumulate,
                    .b_packed = x->packed};
    gemm_plan plan = gemm_plan_make(ks, &g, pool_threads(p));
    exact packed = exact_new(plan.packed_floats, 1), scratch = exact_new(plan.scratch_bytes / sizeof(float), 1);
    const float *b = x->b.e.data;
    if (x->packed) {
        gemm_pack(&plan, b, packed.data, p);
        b = packed.data;
    }
    gemm_run(&plan, x->a.e.data, b, c.data, x->kind ? &e : NULL, scratch.data, p);
    exact_free(scratch);
    exact_free(packed);
    return c;
}

static bool example_holds(const example *x, const float *c, bool whole) {
    bool holds = true;
    for (int64_t i = 0; i < x->m; i++)
        for (int64_t j = 0; j < x->n; j++) {
            double error = fabs((double)c[i * x->c.row + j * x->c.col] - x->want[i * x->n + j]);
            holds &= error <= (whole ? 0 : x->bound[i * x->n + j]);
        }
    return holds;
}

static pool *pools[3];

static void check_example(example *x, bool whole, uint64_t seed) {
    example_expect(x);
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        exact first = example_run(x, *ks, NULL);
        CHECK(example_holds(x, first.data, whole), "%s m %d n %d k %d seed %d", (*ks)->isa, (int)x->m, (int)x->n,
              (int)x->k, (int)seed);
        for (int i = 0; i < 3; i++) {
            exact again = example_run(x, *ks, pools[i]);
            CHECK(memcmp(first.data, again.data, (size_t)x->c.floats * sizeof(float)) == 0,
                  "%s m %d n %d k %d seed %d threads %d", (*ks)->isa, (int)x->m, (int)x->n, (int)x->k, (int)seed,
                  pool_threads(pools[i]));
            exact_free(again);
        }
        exact_free(first);
    }
    example_free(x);
}

/* Bounds hold for infinities and let NaN through, in whole vectors and in parts of them. */
static void check_bounds(const kernel_set *ks, enum activation activation) {
    const float a[4] = {NAN, INFINITY, -INFINITY, -1};
    epilogue e = {.activation = activation, .alpha = -2, .beta = 6};
    for (int64_t n = 1; n <= 70; n++) {
        exact b = exact_new((size_t)n, 0), c = exact_new((size_t)(4 * n), 0);
        for (int64_t j = 0; j < n; j++) b.data[j] = 1;
        gemm_shape g = {.m = 4, .n = n, .k = 1, .a_row = 1, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n, .c_col = 1};
        g.alpha = 1;
        gemm_plan plan = gemm_plan_make(ks, &g, 1);
        exact scratch = exact_new(plan.scratch_bytes / sizeof(float), 1);
        gemm_run(&plan, a, b.data, c.data, &e, scratch.data, NULL);
        bool clips = activation == ACTIVATION_CLIP, holds = true;
        for (int64_t j = 0; j < n; j++)
            holds &= isnan(c.data[j]) && c.data[n + j] == (clips ? 6 : INFINITY) &&
                     c.data[2 * n + j] == (clips ? -2 : 0) && c.data[3 * n + j] == (clips ? -1 : 0);
        CHECK(holds, "%s activation %d n %d", ks->isa, (int)activation, (int)n);
        exact_free(scratch);
        exact_free(c);
        exact_free(b);
    }
}

int main(void) {
    const int threads[3] = {1, 2, 7};
    const int64_t sizes[][3] = {{1, 1, 1},     {0, 5, 3},     {5, 0, 3},     {5, 4, 0},
                                {14, 32, 16},  {15, 33, 17},  {1, 100, 70},  {100, 1, 70},
                                {3, 10, 5000}, {2, 64, 4096}, {70, 300, 90}, {200, 20, 1300}};
    for (int i = 0; i < 3; i++)
        if (pool_new(&pools[i], threads[i], NULL) != STRIA_OK) abort();
    int rounds = exact_quick() ? 1 : 12;
    for (uint64_t i = 0; i < 12 * (uint64_t)rounds; i++) {
        const int64_t *s = sizes[i % 12];
        example x = example_new(s[0], s[1], s[2], i);
        check_example(&x, true, i);
    }
    uint64_t seed = 3;
    for (uint64_t i = 0; i < 12 * (uint64_t)rounds; i++) {
        int64_t m = exact_random(&seed, 1, 90), n = exact_random(&seed, 1, 90), k = exact_random(&seed, 1, 300);
        example x = example_new(m, n, k, i);
        bool whole = i % 2;
        if (!whole)
            for (int64_t j = 0; j < x.a.floats; j++) x.a.e.data[j] *= 1.1f + 0.01f * (float)(j % 7);
        check_example(&x, whole, i);
    }
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        check_bounds(*ks, ACTIVATION_RELU);
        check_bounds(*ks, ACTIVATION_CLIP);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
