/* exp, log, sigmoid, tanh, erf, sin and cos against the double functions of libm: at most 2 units in the last place on
 * every instruction set, over a sample of all floats (one in 4,099; `kernel_math 1` takes each), denormals and extremes
 * included. The activations made of them within the bounds of the table below. */
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
static double ulps(int row, double x, float got) {
    double want = rows[row].f(x);
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

static void sweep(const kernel_set *ks, int row, uint64_t first, uint64_t step) {
    enum { N = 4096 };
    float x[N], y[N], at = 0;
    double worst = 0;
    for (uint64_t u = first; u < 1ull << 32;) {
        int n = 0;
        for (; n < N && u < 1ull << 32; u += step) x[n++] = float_of((uint32_t)u);
        unary_kernel(ks, rows[row].kind)(y, x, n, 1, 0);
        for (int i = 0; i < n; i++) {
            double e = ulps(row, (double)x[i], y[i]);
            if (e > worst) worst = e, at = x[i];
        }
    }
    CHECK(worst <= rows[row].bound, "%s isa=%s x=%.9g (%a): %g ulp", unary_names[rows[row].kind], ks->isa, (double)at,
          (double)at, worst);
    printf("%-8s %-9s worst %.3f ulp at %.9g\n", ks->isa, unary_names[rows[row].kind], worst, (double)at);
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
        CHECK(ulps(row, (double)x[i], y[i]) <= rows[row].bound, "%s isa=%s x=%g got=%g want=%g",
              unary_names[rows[row].kind], ks->isa, (double)x[i], (double)y[i], want);
        if (x[i] == 0 && want == 0)
            CHECK(!signbit(y[i]) == !signbit(want), "sign of zero, %s", unary_names[rows[row].kind]);
    }
}

int main(int argc, char **argv) {
    uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 4099; /* 1: every float */
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int row = 0; row < (int)(sizeof rows / sizeof *rows); row++) {
            sweep(*ks, row, 1, step ? step : 1);
            extremes(*ks, row);
        }
    return check_report();
}
