/* Parts of vectors by AVX2's masks (kernel/vector.h). */
#include <immintrin.h>

static inline __m256i vf_part(int64_t n) {
    return (__m256i)((vi){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n);
}
static inline vf vf_load_part(const float *p, int64_t n) {
    return (vf)_mm256_maskload_ps(p, vf_part(n));
}
/* A third of the time of 64-bit products: random numbers (body/dropout.inc). */
static inline vw vw_product(vw a, uint32_t m) {
    return (vw)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi32((int)m));
}
static inline void vf_store_part(float *p, vf x, int64_t n) {
    _mm256_maskstore_ps(p, vf_part(n), (__m256)x);
}
