/* Parts of vectors by way of memory (kernel/vector.h). */
#include "kernel/isa/parts_float.h"

static inline vf vf_load_part(const float *p, int64_t n) {
    float t[LANES] = {0};
    memcpy(t, p, (size_t)n * sizeof(float));
    return vf_load(t);
}
static inline vf vf_load_filled(const float *p, int64_t n, float fill) {
    float t[LANES];
    for (int i = 0; i < LANES; i++) t[i] = i < n ? p[i] : fill;
    return vf_load(t);
}
static inline void vf_stream(float *p, vf x) {
    vf_store(p, x);
}
static inline void vf_stream_end(void) {}
static inline vf vf_held(vf x) {
    return x;
}
static inline vf vf_max(vf a, vf b) {
    return vf_select(a > b, a, b);
}
static inline vf vf_peak(vf a, vf b) {
    return vf_select(b != b, b, vf_max(b, a));
}
static inline vf vf_min(vf a, vf b) {
    return vf_select(a < b, a, b);
}
static inline vf vf_pick(vf x, vi lanes) {
    float t[LANES], picked[LANES];
    vf_store(t, x);
    for (int i = 0; i < LANES; i++) picked[i] = t[lanes[i]];
    return vf_load(picked);
}
static inline vf vf_pick_near(vf x, vi lanes) {
    return vf_pick(x, lanes);
}
static inline vw vw_product(vw a, uint32_t m) {
    return (a & 0xffffffffu) * (uint64_t)m;
}
static inline void vf_store_part(float *p, vf x, int64_t n) {
    float t[LANES];
    vf_store(t, x);
    memcpy(p, t, (size_t)n * sizeof(float));
}
static inline vf vf_zip_low(vf a, vf b) {
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}
static inline vf vf_zip_high(vf a, vf b) {
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}
