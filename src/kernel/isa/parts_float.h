/* Parts of floats by integer arithmetic, for instruction sets that have none for them (kernel/vector.h). */
#include "kernel/elements/convert.h"

static inline void halves_of_floats(void *y, const void *x, int64_t n) {
    uint16_t *restrict out = y;
    const float *restrict in = x;
    for (int64_t i = 0; i < n; i++) out[i] = f16_from_float(in[i]);
}
static inline void floats_of_halves(void *y, const void *x, int64_t n) {
    float *restrict out = y;
    const uint16_t *restrict in = x;
    for (int64_t i = 0; i < n; i++) out[i] = f16_to_float(in[i]);
}
static inline vf vf_scale(vf x, vf shifted) {
    vi n = (vi)((vu)shifted << 23), half = (n >> 1) & INT32_MIN >> 8;
    return x * (vf)(half + 0x3f800000) * (vf)(n - half + 0x3f800000);
}
static inline vf vf_near_reciprocal(vf x) {
    return 1 / x;
}
