/* Principal components: uncorrelated, of greatest variance, found where they were put. t-SNE: clusters stay together,
 * the divergence is that of its definition, and the same data give the same points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/embed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state_of_random = 1;

static double normal(void) {
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(state_of_random >> 11) * 0x1p-53;
    }
    return sum - 6;
}

/* Variance of the data along a direction, times n. */
static double along(const float *x, int n, int d, const double *v) {
    double mean = 0, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n; i++) {
            double dot = 0;
            for (int k = 0; k < d; k++) dot += (double)x[i * d + k] * v[k];
            if (pass) sum += (dot - mean) * (dot - mean);
            else mean += dot / n;
        }
    return sum;
}

static void test_components(void **state) {
    enum { N = 200, D = 7 };
    static float x[N * D];
    static double y[N * 2];
    const double first[D] = {0.6, 0.8, 0, 0, 0, 0, 0}, second[D] = {0, 0, 0, -0.8, 0, 0.6, 0};
    double share[2], sums[5] = {0}, along_first = 0, total = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        double a = 5 * normal(), b = 2 * normal();
        for (int k = 0; k < D; k++) x[i * D + k] = (float)(3 + a * first[k] + b * second[k] + 0.1 * normal());
    }
    assert_true(embed_pca(x, N, D, y, share));
    for (int i = 0; i < N; i++) {
        sums[0] += y[2 * i], sums[1] += y[2 * i + 1];
        sums[2] += y[2 * i] * y[2 * i], sums[3] += y[2 * i + 1] * y[2 * i + 1];
        sums[4] += y[2 * i] * y[2 * i + 1];
    }
    assert_true(fabs(sums[0]) < 1e-6 && fabs(sums[1]) < 1e-6);
    assert_true(fabs(sums[4]) < 1e-5 * sqrt(sums[2] * sums[3])); /* uncorrelated */
    for (int k = 0; k < D; k++) {
        double one[D] = {0};
        one[k] = 1;
        total += along(x, N, D, one);
    }
    assert_true(fabs(share[0] - sums[2] / total) < 1e-9 && fabs(share[1] - sums[3] / total) < 1e-9);
    for (int trial = 0; trial < 300; trial++) { /* no direction has more */
        double v[D], length = 0;
        for (int k = 0; k < D; k++) v[k] = normal(), length += v[k] * v[k];
        for (int k = 0; k < D; k++) v[k] /= sqrt(length);
        assert_true(along(x, N, D, v) <= sums[2] * (1 + 1e-9));
    }
    along_first = along(x, N, D, first);
    assert_true(along_first <= sums[2] * (1 + 1e-9) && along_first > 0.999 * sums[2]);
    double dot = 0; /* the sign: the greatest loading, 0.8, is positive */
    for (int i = 0; i < N; i++) dot += y[2 * i] * ((double)x[i * D + 1] - 3);
    assert_true(dot > 0);
}

static void test_flat(void **state) {
    static float x[5 * 3];
    double y[10], share[2];
    (void)state;
    for (int i = 0; i < 15; i++) x[i] = 2;
    assert_true(embed_pca(x, 5, 3, y, share));
    for (int i = 0; i < 10; i++) assert_true(y[i] == 0);
    assert_true(share[0] == 0 && share[1] == 0);
    for (int i = 0; i < 5; i++) x[3 * i] = (float)i; /* a line: the second is nothing */
    assert_true(embed_pca(x, 5, 3, y, share));
    assert_true(fabs(share[0] - 1) < 1e-12 && share[1] < 1e-12 && fabs(y[0] + 2) < 1e-12);
}

/* KL(P ‖ Q) written down again, with P's bandwidths by bisection. */
static double divergence(const float *x, const double *y, int n, int d, double perplexity) {
    double *p = calloc((size_t)(n * n), sizeof *p), sum_q = 0, kl = 0;
    assert_non_null(p);
    for (int i = 0; i < n; i++) {
        double low = 1e-12, high = 1e12;
        for (int round = 0; round < 200; round++) {
            double beta = sqrt(low * high), z = 0, h = 0;
            for (int j = 0; j < n; j++) {
                double distance = 0;
                for (int k = 0; k < d; k++) distance += pow((double)x[i * d + k] - (double)x[j * d + k], 2);
                p[i * n + j] = i == j ? 0 : exp(-beta * distance);
                z += p[i * n + j];
            }
            for (int j = 0; j < n; j++) {
                p[i * n + j] /= z > 0 ? z : 1;
                if (p[i * n + j] > 0) h -= p[i * n + j] * log(p[i * n + j]);
            }
            if (z > 0 && h > log(perplexity)) low = beta;
            else high = beta;
        }
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            if (i != j) sum_q += 1 / (1 + pow(y[2 * i] - y[2 * j], 2) + pow(y[2 * i + 1] - y[2 * j + 1], 2));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double both = (p[i * n + j] + p[j * n + i]) / (2 * n);
            double q = 1 / (1 + pow(y[2 * i] - y[2 * j], 2) + pow(y[2 * i + 1] - y[2 * j + 1], 2)) / sum_q;
            if (i != j && both > 0) kl += both * log(both / q);
        }
    free(p);
    return kl;
}

static void test_neighbours(void **state) {
    enum { N = 60, D = 10 };
    static float x[N * D];
    double y[N * 2], again[N * 2], early, late;
    (void)state;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < D; k++) x[i * D + k] = (float)(normal() + 8 * (k == i % 3));
    assert_true(embed_tsne(x, N, D, 10, 300, y, &early));
    assert_true(embed_tsne(x, N, D, 10, 750, y, &late));
    assert_true(embed_tsne(x, N, D, 10, 750, again, &late));
    assert_memory_equal(y, again, sizeof y);
    assert_true(late < early && late < 0.6);
    assert_true(fabs(late - divergence(x, y, N, D, 10)) < 1e-3);
    for (int i = 0; i < N; i++) {
        int nearest = -1;
        double least = INFINITY;
        for (int j = 0; j < N; j++) {
            double off = pow(y[2 * i] - y[2 * j], 2) + pow(y[2 * i + 1] - y[2 * j + 1], 2);
            if (j != i && off < least) least = off, nearest = j;
        }
        assert_int_equal(nearest % 3, i % 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_components), cmocka_unit_test(test_flat),
                                       cmocka_unit_test(test_neighbours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
