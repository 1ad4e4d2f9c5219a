/* Parts of vectors by AVX2's masks (kernel/vector.h). */
#include <immintrin.h>

#include "kernel/isa/parts_float.h"

static inline __m256i vf_part(int64_t n) {
    return (__m256i)((vi){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n);
}
static inline vf vf_load_part(const float *p, int64_t n) {
    return (vf)_mm256_maskload_ps(p, vf_part(n));
}
static inline vf vf_load_filled(const float *p, int64_t n, float fill) {
    __m256 rest = _mm256_set1_ps(fill);
    return (vf)_mm256_blendv_ps(rest, (__m256)vf_load_part(p, n), (__m256)vf_part(n));
}
static inline void vf_stream(float *p, vf x) {
    _mm256_stream_ps(p, (__m256)x);
}
static inline void vf_stream_end(void) {
    _mm_sfence();
}
static inline vf vf_held(vf x) {
    __asm__("" : "+x"(x));
    return x;
}
static inline vf vf_max(vf a, vf b) {
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}
static inline vf vf_peak(vf a, vf b) {
    return vf_select(b != b, b, vf_max(b, a));
}
static inline vf vf_min(vf a, vf b) {
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}
static inline vf vf_pick(vf x, vi lanes) {
    return (vf)_mm256_permutevar8x32_ps((__m256)x, (__m256i)lanes);
}
static inline vf vf_pick_near(vf x, vi lanes) {
    return (vf)_mm256_permutevar_ps((__m256)x, (__m256i)lanes);
}
/* A third of the time of 64-bit products: random numbers (elements/dropout.inc). */
static inline vw vw_product(vw a, uint32_t m) {
    return (vw)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi32((int)m));
}
/* Halves, quarters and eighths: AMD's processors take some forty operations for a store by a mask. */
static inline void vf_store_part(float *p, vf x, int64_t n) {
    if (n == LANES) {
        vf_store(p, x);
        return;
    }
    __m128 rest = _mm256_castps256_ps128((__m256)x);
    if (n & 4) {
        _mm_storeu_ps(p, rest);
        rest = _mm256_extractf128_ps((__m256)x, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, rest);
        rest = _mm_movehl_ps(rest, rest);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, rest);
}
static inline vf vf_zip_low(vf a, vf b) {
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
static inline vf vf_zip_high(vf a, vf b) {
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
