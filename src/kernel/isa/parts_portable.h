/* Parts of vectors by way of memory (kernel/vector.h). */
static inline vf vf_load_part(const float *p, int64_t n) {
    float t[LANES] = {0};
    memcpy(t, p, (size_t)n * sizeof(float));
    return vf_load(t);
}
static inline vw vw_product(vw a, uint32_t m) {
    return (a & 0xffffffffu) * (uint64_t)m;
}
static inline void vf_store_part(float *p, vf x, int64_t n) {
    float t[LANES];
    vf_store(t, x);
    memcpy(p, t, (size_t)n * sizeof(float));
}
