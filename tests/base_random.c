/* Philox against the published vectors, the order of words, the moments, and permutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/random.h"

/* kat_vectors of Random123, "philox4x32 10": counter[4], key[2], expected[4]. */
static const uint32_t vectors[][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
     0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
     0x24126ea1},
};

static uint64_t join(const uint32_t *words) {
    return words[0] | (uint64_t)words[1] << 32;
}

static void philox_known_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint32_t out[4];
        random_block(join(vectors[i] + 4), join(vectors[i] + 2), join(vectors[i]), out);
        assert_memory_equal(out, vectors[i] + 6, sizeof out);
    }
}

static void hash_is_fnv1a(void **state) {
    (void)state;
    assert_true(random_hash("") == 0xcbf29ce484222325u);
    assert_true(random_hash("a") == 0xaf63dc4c8601ec8cu);
    assert_true(random_hash("foobar") == 0x85944171f73967e8u);
}

static void words_map_to_indices(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        uint32_t words[4];
        random_block(7, 8, i / 4, words);
        assert_true(random_uniform(7, 8, i) == (float)(words[i % 4] >> 8) / 16777216.0f);
        size_t pair = i % 4 / 2 * 2;
        double radius = sqrt(-2 * log((words[pair] + 0.5) / 4294967296.0)), turn = words[pair + 1] / 4294967296.0;
        double angle = 8 * atan(1) * turn, want = radius * (i % 2 ? sin(angle) : cos(angle));
        assert_true(fabs(random_normal(7, 8, i) - want) < 1e-6);
    }
}

static void fills_equal_scalars(void **state) {
    (void)state;
    for (size_t n = 0; n < 23; n++) {
        float *x = malloc((n ? n : 1) * sizeof *x); /* exact size: a sanitizer sees a step too far */
        random_fill_uniform(x, n, 0, 1, 1, 2);
        for (size_t i = 0; i < n; i++) assert_true(x[i] == random_uniform(1, 2, i));
        random_fill_normal(x, n, 0, 1, 1, 2);
        for (size_t i = 0; i < n; i++) assert_true(x[i] == random_normal(1, 2, i));
        free(x);
    }
}

/* Golden bits: another compiler, optimisation or C library shows here. */
static void bits_are_golden(void **state) {
    (void)state;
    const float want[4] = {0x1.ed582cp-1f, -0x1.5098a4p-1f, -0x1.05e5dp+0f, 0x1.958a44p-1f};
    float x[4];
    random_fill_normal(x, 4, 0, 1, 42, random_hash("conv1.w"));
    for (int i = 0; i < 4; i++) assert_true(x[i] == want[i]);
}

enum { MANY = 1 << 20 };

/* Mean, variance, skewness, kurtosis: each within six of its standard deviations, for n = 2^20 about 1e-3. */
static void moments(const float *x, double out[4]) {
    double sums[4] = {0}, mean;
    for (int i = 0; i < MANY; i++) sums[0] += (double)x[i];
    mean = sums[0] / MANY;
    for (int i = 0; i < MANY; i++) {
        double d = (double)x[i] - mean;
        sums[1] += d * d;
        sums[2] += d * d * d;
        sums[3] += d * d * d * d;
    }
    double variance = sums[1] / MANY;
    out[0] = mean, out[1] = variance;
    out[2] = sums[2] / MANY / pow(variance, 1.5), out[3] = sums[3] / MANY / (variance * variance);
}

static void moments_are_right(void **state) {
    (void)state;
    float *x = malloc(MANY * sizeof *x);
    double m[4];
    random_fill_normal(x, MANY, 3, 2, 5, 6);
    moments(x, m);
    assert_true(fabs(m[0] - 3) < 0.012 && fabs(m[1] - 4) < 0.034 && fabs(m[2]) < 0.015 && fabs(m[3] - 3) < 0.03);
    random_fill_uniform(x, MANY, -1, 1, 5, 6);
    moments(x, m);
    assert_true(fabs(m[0]) < 0.0034 && fabs(m[1] - 1.0 / 3) < 0.002 && fabs(m[2]) < 0.01 && fabs(m[3] - 1.8) < 0.01);
    for (int i = 0; i < MANY; i++) assert_true(x[i] >= -1 && x[i] < 1);
    double covariance = 0; /* neighbours, which share a block */
    for (int i = 0; i + 1 < MANY; i++) covariance += (double)x[i] * (double)x[i + 1] / MANY;
    assert_true(fabs(covariance) < 0.002);
    free(x);
}

static void uniform_stays_below_high(void **state) {
    (void)state;
    float *x = malloc(MANY * sizeof *x);
    random_fill_uniform(x, MANY, 1000, 1000.001f, 1,
                        1); /* about sixteen representable numbers: rounding reaches high */
    for (int i = 0; i < MANY; i++) assert_true(x[i] >= 1000 && x[i] < 1000.001f);
    random_fill_uniform(x, 10, 2.5f, 2.5f, 1, 1);
    for (int i = 0; i < 10; i++) assert_true(x[i] == 2.5f);
    free(x);
}

static void streams_differ(void **state) {
    (void)state;
    int same = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        same += random_uniform(1, 1, i) == random_uniform(1, 2, i);
        same += random_uniform(1, 1, i) == random_uniform(2, 1, i);
        same += random_uniform(1, 1, i) == random_uniform(1, (uint64_t)1 << 32, i);
    }
    assert_true(same < 3);
}

static void permutations_are_permutations(void **state) {
    (void)state;
    enum { N = 1001 };
    int64_t order[N], again[N];
    char seen[N] = {0};
    random_permutation(order, N, 9, 1);
    random_permutation(again, N, 9, 1);
    assert_memory_equal(order, again, sizeof order);
    random_permutation(again, N, 9, 2);
    assert_memory_not_equal(order, again, sizeof order);
    for (int i = 0; i < N; i++) {
        assert_true(order[i] >= 0 && order[i] < N && !seen[order[i]]);
        seen[order[i]] = 1;
    }
    order[0] = -5;
    random_permutation(order, 0, 1, 1);
    assert_int_equal(order[0], -5);
    random_permutation(order, 1, 1, 1);
    assert_int_equal(order[0], 0);
}

/* All 24 orders of four things equally often: chi-squared with 23 degrees of freedom, 0.9999 quantile 56. */
static void permutations_are_unbiased(void **state) {
    (void)state;
    enum { ROUNDS = 48000 };
    int counts[256] = {0};
    double chi = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        int64_t p[4];
        random_permutation(p, 4, 3, i);
        counts[p[0] * 64 + p[1] * 16 + p[2] * 4 + p[3]]++;
    }
    int orders = 0;
    for (int i = 0; i < 256; i++) {
        if (!counts[i]) continue;
        orders++;
        chi += pow(counts[i] - ROUNDS / 24.0, 2) / (ROUNDS / 24.0);
    }
    assert_int_equal(orders, 24);
    assert_true(chi < 56);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(hash_is_fnv1a),
        cmocka_unit_test(words_map_to_indices),
        cmocka_unit_test(fills_equal_scalars),
        cmocka_unit_test(bits_are_golden),
        cmocka_unit_test(moments_are_right),
        cmocka_unit_test(uniform_stays_below_high),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(permutations_are_permutations),
        cmocka_unit_test(permutations_are_unbiased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
