#include "base/random.h"

#include <assert.h>
#include <math.h>

enum { BLOCK = 4, ROUNDS = 10 };

void random_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]) {
    uint32_t x0 = (uint32_t)index, x1 = (uint32_t)(index >> 32), x2 = (uint32_t)stream, x3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * x0, p1 = (uint64_t)0xCD9E8D57u * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += 0x9E3779B9u; /* the golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) − 1 */
    }
    out[0] = x0, out[1] = x1, out[2] = x2, out[3] = x3;
}

random_key random_step_key(uint64_t seed, uint64_t stream, uint64_t step) {
    uint32_t words[4];
    random_block(seed, stream, step, words);
    return (random_key){words[0] | (uint64_t)words[1] << 32, words[2] | (uint64_t)words[3] << 32};
}

uint32_t random_word(random_key key, uint64_t index) {
    uint32_t words[4];
    random_block(key.seed, key.stream, index / 4, words);
    return words[index % 4];
}

uint64_t random_threshold(double share) {
    return share >= 1 ? (uint64_t)1 << 32 : share > 0 ? (uint64_t)(share * 0x1p32 + 0.5) : 0;
}

uint64_t random_hash(const char *text) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) hash = (hash ^ *c) * 0x100000001B3u;
    return hash;
}

/* Below, expressions are such that contracting a product and a sum to a fused operation cannot change a bit: the
 * product is exact, or there is no sum. So compilers and targets agree as far as their log, sin and cos do. */

static void uniform_block(uint64_t seed, uint64_t stream, uint64_t block, float out[BLOCK]) {
    uint32_t words[BLOCK];
    random_block(seed, stream, block, words);
    for (int i = 0; i < BLOCK; i++) out[i] = (float)(words[i] >> 8) * 0x1p-24f;
}

/* Box–Muller on words (0, 1) and (2, 3). The radius' uniform number is in (0, 1): |z| ≤ 6.77. */
static void normal_block(uint64_t seed, uint64_t stream, uint64_t block, float out[BLOCK]) {
    const double two_pi = 6.283185307179586476925286766559;
    uint32_t words[BLOCK];
    random_block(seed, stream, block, words);
    for (int i = 0; i < BLOCK; i += 2) {
        double radius = sqrt(-2.0 * log(((double)words[i] + 0.5) * 0x1p-32));
        double angle = two_pi * ((double)words[i + 1] * 0x1p-32);
        out[i] = (float)(radius * cos(angle));
        out[i + 1] = (float)(radius * sin(angle));
    }
}

float random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    float x[BLOCK];
    uniform_block(seed, stream, index / BLOCK, x);
    return x[index % BLOCK];
}

float random_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    float x[BLOCK];
    normal_block(seed, stream, index / BLOCK, x);
    return x[index % BLOCK];
}

/* Odd multiples of the golden ratio part the streams of further draws. */
float random_truncated(uint64_t seed, uint64_t stream, uint64_t index) {
    float z = random_normal(seed, stream, index);
    for (uint64_t draw = 1; fabsf(z) > 2; draw++) z = random_normal(seed, stream + draw * 0x9E3779B97F4A7C15u, index);
    return z;
}

void random_range_uniform(float *x, random_range r, float low, float high) {
    float span = (float)((double)high - (double)low), last = nextafterf(high, low), block[BLOCK];
    assert(low <= high && isfinite(span) && r.first % BLOCK == 0);
    for (size_t i = 0; i < r.n; i += BLOCK) {
        uniform_block(r.seed, r.stream, (r.first + i) / BLOCK, block);
        for (size_t j = 0; j < BLOCK && i + j < r.n; j++) {
            float value = (float)((double)low + (double)span * (double)block[j]);
            x[i + j] = value < last ? value : last; /* rounding may have reached high */
        }
    }
}

void random_range_normal(float *x, random_range r, float mean, float deviation) {
    float block[BLOCK];
    assert(r.first % BLOCK == 0);
    for (size_t i = 0; i < r.n; i += BLOCK) {
        normal_block(r.seed, r.stream, (r.first + i) / BLOCK, block);
        for (size_t j = 0; j < BLOCK && i + j < r.n; j++)
            x[i + j] = (float)((double)mean + (double)deviation * (double)block[j]);
    }
}

void random_range_truncated(float *x, random_range r, float mean, float deviation) {
    float block[BLOCK];
    assert(r.first % BLOCK == 0);
    for (size_t i = 0; i < r.n; i += BLOCK) {
        normal_block(r.seed, r.stream, (r.first + i) / BLOCK, block);
        for (size_t j = 0; j < BLOCK && i + j < r.n; j++) {
            float z = fabsf(block[j]) > 2 ? random_truncated(r.seed, r.stream, r.first + i + j) : block[j];
            x[i + j] = (float)((double)mean + (double)deviation * (double)z);
        }
    }
}

void random_fill_uniform(float *x, size_t n, float low, float high, uint64_t seed, uint64_t stream) {
    random_range_uniform(x, (random_range){seed, stream, 0, n}, low, high);
}

void random_fill_normal(float *x, size_t n, float mean, float deviation, uint64_t seed, uint64_t stream) {
    random_range_normal(x, (random_range){seed, stream, 0, n}, mean, deviation);
}

/* A number below bound, every one equally likely: draws from the incomplete last multiple of bound are thrown away. */
static uint64_t draw_below(uint64_t bound, uint64_t seed, uint64_t stream, uint64_t *draws) {
    for (;;) {
        uint32_t words[BLOCK];
        random_block(seed, stream, *draws / 2, words);
        size_t half = *draws % 2 * 2;
        uint64_t value = words[half] | (uint64_t)words[half + 1] << 32, rest = value % bound;
        ++*draws;
        if (value - rest <= UINT64_MAX - bound + 1) return rest;
    }
}

void random_permutation(int64_t *order, int64_t n, uint64_t seed, uint64_t stream) {
    uint64_t draws = 0;
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        uint64_t j = draw_below((uint64_t)i + 1, seed, stream, &draws);
        int64_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
