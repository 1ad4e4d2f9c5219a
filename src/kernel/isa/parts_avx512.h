/* Parts of vectors by AVX-512's masks (kernel/vector.h). Against copies through memory, LeNet-5's first convolution (6
 * of 16 lanes) of one image with its sigmoid takes half the time (docs/performance.md). */
#include <immintrin.h>

static inline __mmask16 vf_part(int64_t n) {
    return (__mmask16)((1u << n) - 1);
}
static inline vf vf_load_part(const float *p, int64_t n) {
    return (vf)_mm512_maskz_loadu_ps(vf_part(n), p);
}
static inline vf vf_load_filled(const float *p, int64_t n, float fill) {
    return (vf)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), vf_part(n), p);
}
static inline void vf_stream(float *p, vf x) {
    _mm512_stream_ps(p, (__m512)x);
}
static inline void vf_stream_end(void) {
    _mm_sfence();
}
static inline vf vf_held(vf x) {
    __asm__("" : "+v"(x));
    return x;
}
static inline vf vf_max(vf a, vf b) {
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}
/* Half the instructions of a maximum and a choice. */
static inline vf vf_peak(vf a, vf b) {
    return (vf)_mm512_mask_max_ps((__m512)b, _mm512_cmp_ps_mask((__m512)b, (__m512)b, _CMP_ORD_Q), (__m512)b,
                                  (__m512)a);
}
static inline vf vf_min(vf a, vf b) {
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}
static inline vf vf_pick(vf x, vi lanes) {
    return (vf)_mm512_permutexvar_ps((__m512i)lanes, (__m512)x);
}
static inline vf vf_pick_near(vf x, vi lanes) {
    return (vf)_mm512_permutevar_ps((__m512)x, (__m512i)lanes);
}
/* A third of the instructions of two products by powers of two made of integers. */
static inline vf vf_scale(vf x, vf shifted) {
    return (vf)_mm512_scalef_ps((__m512)x, (__m512)(shifted - VF_SHIFT));
}
/* A reciprocal to 14 bits; a division takes 16 cycles. */
static inline vf vf_near_reciprocal(vf x) {
    return (vf)_mm512_rcp14_ps((__m512)x);
}
/* A ninth of the time of integer arithmetic. */
static inline void halves_of_floats(void *y, const void *x, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        __mmask16 part = n - i < LANES ? vf_part(n - i) : 0xffff;
        __m256i h = _mm512_cvtps_ph(_mm512_maskz_loadu_ps(part, (const float *)x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm256_mask_storeu_epi16((uint16_t *)y + i, part, h);
    }
}
static inline void floats_of_halves(void *y, const void *x, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        __mmask16 part = n - i < LANES ? vf_part(n - i) : 0xffff;
        __m256i h = _mm256_maskz_loadu_epi16(part, (const uint16_t *)x + i);
        _mm512_mask_storeu_ps((float *)y + i, part, _mm512_cvtph_ps(h));
    }
}
static inline vw vw_product(vw a, uint32_t m) {
    return (vw)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi32((int)m));
}
static inline void vf_store_part(float *p, vf x, int64_t n) {
    _mm512_mask_storeu_ps(p, vf_part(n), (__m512)x);
}
static inline vf vf_zip_low(vf a, vf b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
static inline vf vf_zip_high(vf a, vf b) {
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
