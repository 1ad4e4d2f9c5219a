/* exp, log, sigmoid, tanh, erf, sin and cos against the double functions of libm: at most 2 units in the last place on
 * every instruction set, over a sample of all floats (one in 4,099; `kernel_math 1` takes each, `kernel_math 1 exp` of
 * one function), denormals and extremes included. The activations made of them within the bounds of the table below. */
#include <math.h>

#include "check.h"
#include "unary_names.h"

#include <string.h>

static double sigmoid(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double softplus(double x) {
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}
static double swish(double x) {
    return x * sigmoid(x);
}
/* tanh(softplus x) = m / (m + 2), m = e^x (e^x + 2) */
static double mish(double x) {
    double e = exp(fmin(x, 40)), m = e * (e + 2);
    return x * (m / (m + 2));
}
static double gelu(double x) {
    return 0.5 * x * erfc(-x * sqrt(0.5));
}
/* (1 + tanh u) / 2 = sigmoid 2u */
static double gelu_tanh(double x) {
    return x * sigmoid(2 * 0.79788456080286536 * (x + 0.044715 * x * x * x));
}

/* The error in units of the result's last place; or, where a difference to 1 decides far below 0, of x's. A product
 * with x is no better than its other factor, which may be denormal. */
static const struct {
    unary_kind kind;
    double (*f)(double);
    double bound;
    bool of_x, product;
} rows[] = {
    {UNARY_exp, exp, 2, false, false},         {UNARY_log, log, 2, false, false},
    {UNARY_sigmoid, sigmoid, 2, false, false}, {UNARY_tanh, tanh, 2, false, false},
    {UNARY_erf, erf, 2, false, false},         {UNARY_sin, sin, 2, false, false},
    {UNARY_cos, cos, 2, false, false},         {UNARY_softplus, softplus, 3, false, false},
    {UNARY_swish, swish, 4, false, true},      {UNARY_mish, mish, 6, false, true},
    {UNARY_gelu, gelu, 2, true, true},         {UNARY_gelu_tanh, gelu_tanh, 2, true, true},
};

static float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, 4);
    return x;
}

/* Distance in units of the last place of the correctly rounded result, or of x. */
static double ulps(int row, double x, double want, float got) {
    float w = (float)want;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : 1e9;
    if (isinf(w) || isinf(got)) {
        if (got == w) return 0;
        /* at the edge of overflow the greatest float is one step from infinity */
        return fabsf(isinf(w) ? got : w) == 3.4028234664e38f && (got > 0) == (w > 0) ? 1 : 1e9;
    }
    int exponent;
    frexp(rows[row].of_x && fabs(x) > fabs(want) ? x : want, &exponent);
    double unit = ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
    if (rows[row].product) unit = fmax(unit, fabs(x) * 0x1p-149);
    return fabs((double)got - want) / unit;
}

enum { SWEPT = 4096, SETS_MAX = 8 };

typedef struct worst_case {
    double error;
    float at;
} worst_case;

/* Joins the greatest error over n values, the wanted results being worked out once for all instruction sets. */
static void sweep_block(int row, const float *x, int n, worst_case *worst) {
    static double want[SWEPT];
    static float y[SWEPT];
    for (int i = 0; i < n; i++) want[i] = rows[row].f((double)x[i]);
    for (int s = 0; kernel_sets()[s]; s++) {
        unary_kernel(kernel_sets()[s], rows[row].kind)(y, x, n, 1, 0);
        for (int i = 0; i < n; i++) {
            double e = ulps(row, (double)x[i], want[i], y[i]);
            if (e > worst[s].error) worst[s] = (worst_case){e, x[i]};
        }
    }
}

static void sweep(int row, uint64_t first, uint64_t step) {
    static float x[SWEPT];
    worst_case worst[SETS_MAX] = {0};
    for (uint64_t u = first; u < 1ull << 32;) {
        int n = 0;
        for (; n < SWEPT && u < 1ull << 32; u += step) x[n++] = float_of((uint32_t)u);
        sweep_block(row, x, n, worst);
    }
    for (int s = 0; kernel_sets()[s]; s++) {
        const char *name = unary_names[rows[row].kind], *isa = kernel_sets()[s]->isa;
        double at = (double)worst[s].at;
        CHECK(worst[s].error <= rows[row].bound, "%s isa=%s x=%.9g (%a): %g ulp", name, isa, at, at, worst[s].error);
        printf("%-8s %-9s worst %.3f ulp at %.9g\n", isa, name, worst[s].error, at);
    }
    fflush(stdout);
}

static void extremes(const kernel_set *ks, int row) {
    const float x[] = {
        0.0f,      -0.0f,      INFINITY,         -INFINITY,        NAN,        -NAN,  1,          -1,
        0x1p-149f, -0x1p-149f, 0x1p-126f,        88.72283f,        88.722839f, 88.8f, -87.33655f, -103.97f,
        -103.98f,  -104.5f,    3.4028234664e38f, -3.4028234664e38f};
    enum { N = sizeof x / sizeof *x };
    float y[N];
    unary_kernel(ks, rows[row].kind)(y, x, N, 1, 0);
    for (int i = 0; i < N; i++) {
        double want = rows[row].f((double)x[i]);
        CHECK(ulps(row, (double)x[i], want, y[i]) <= rows[row].bound, "%s isa=%s x=%g got=%g want=%g",
              unary_names[rows[row].kind], ks->isa, (double)x[i], (double)y[i], want);
        if (x[i] == 0 && want == 0)
            CHECK(!signbit(y[i]) == !signbit(want), "sign of zero, %s", unary_names[rows[row].kind]);
    }
}

/* kernel_math [STEP [FUNCTION]] */
int main(int argc, char **argv) {
    uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 4099; /* 1: every float */
    for (int row = 0; row < (int)(sizeof rows / sizeof *rows); row++) {
        if (argc > 2 && strcmp(argv[2], unary_names[rows[row].kind]) != 0) continue;
        sweep(row, step == 1 ? 0 : 1, step ? step : 1);
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) extremes(*ks, row);
    }
    return check_report();
}
