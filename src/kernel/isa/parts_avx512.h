/* Parts of vectors by AVX-512's masks (kernel/vector.h). Against copies through memory, LeNet-5's first convolution (6
 * of 16 lanes) of one image with its sigmoid takes half the time (docs/performance.md). */
#include <immintrin.h>

static inline __mmask16 vf_part(int64_t n) {
    return (__mmask16)((1u << n) - 1);
}
static inline vf vf_load_part(const float *p, int64_t n) {
    return (vf)_mm512_maskz_loadu_ps(vf_part(n), p);
}
static inline vw vw_product(vw a, uint32_t m) {
    return (vw)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi32((int)m));
}
static inline void vf_store_part(float *p, vf x, int64_t n) {
    _mm512_mask_storeu_ps(p, vf_part(n), (__m512)x);
}
