/* Conversion between element types. */
#ifndef KERNEL_ELEMENTS_CONVERT_H
#define KERNEL_ELEMENTS_CONVERT_H

#include <string.h>

#include "base/pool.h"
#include "kernel/kernel.h"

/* Element types that conversion knows. */
typedef enum element_type {
    ELEMENT_F32,
    ELEMENT_F64,
    ELEMENT_F16,  /* IEEE binary16, as uint16_t */
    ELEMENT_BF16, /* bfloat16, as uint16_t */
    ELEMENT_U8,
    ELEMENT_I8,
    ELEMENT_U16,
    ELEMENT_I16,
    ELEMENT_I32,
    ELEMENT_U32,
    ELEMENT_I64,
    ELEMENT_U64,
    ELEMENT_BOOL, /* one byte, 0 or 1; anything but zero (NaN included) converts to 1 */
    ELEMENT_TYPES
} element_type;

int element_bytes(element_type type); /* bytes */

/* y[i] = (to) x[i]. To floats: round to nearest even, overflow to infinity, NaN stays NaN. To integers: truncated
 * towards zero; out of range saturates and NaN becomes 0. Between integers: wraps, as ONNX's Cast. x and y do not
 * overlap, unless to == from. */
void convert_elements(const kernel_set *ks, pool *p, void *y, element_type to, const void *x, element_type from,
                      int64_t n);

/* ---- one number, without branches, so that loops over it become vectors ---- */

static inline uint32_t convert_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

static inline float convert_float(uint32_t u) {
    float x;
    memcpy(&x, &u, 4);
    return x;
}

/* Rounding to nearest even by adding half of the last kept place less one, plus that place's own bit; a NaN stays a
 * quiet one, whatever is cut off. */
static inline uint16_t bf16_from_float(float x) {
    uint32_t u = convert_bits(x), rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16, quiet = u >> 16 | 0x40;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

static inline float bf16_to_float(uint16_t h) {
    return convert_float((uint32_t)h << 16);
}

/* Below 2⁻¹⁴ adding ½ rounds to multiples of 2⁻²⁴; 65520 and up is infinite. */
static inline uint16_t f16_from_float(float x) {
    uint32_t u = convert_bits(x), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    uint32_t normal = (a - 0x38000000 + 0xfff + (a >> 13 & 1)) >> 13, quiet = 0x7e00 | (a >> 13 & 0x3ff);
    uint32_t tiny = convert_bits(convert_float(a) + 0.5f) - convert_bits(0.5f);
    uint32_t y = a < 0x38800000 ? tiny : normal;
    y = a >= 0x477ff000 ? 0x7c00 : y;
    y = a > 0x7f800000 ? quiet : y;
    return (uint16_t)(sign | y);
}

static inline float f16_to_float(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, a = h & 0x7fff;
    uint32_t normal = (a << 13) + 0x38000000, special = 0x7f800000 | (a & 0x3ff) << 13;
    special |= (uint32_t)(a > 0x7c00) << 22; /* NaN becomes quiet */
    uint32_t tiny = convert_bits((float)(int32_t)a * 0x1p-24f);
    uint32_t y = a < 0x400 ? tiny : normal;
    y = a >= 0x7c00 ? special : y;
    return convert_float(sign | y);
}

/* Cut off, saturated, 0 for NaN. */
static inline int32_t i32_from_float(float x) {
    float inside = x >= -0x1p31f && x < 0x1p31f ? x : 0;
    int32_t y = (int32_t)inside;
    y = x >= 0x1p31f ? INT32_MAX : y;
    return x < -0x1p31f ? INT32_MIN : y;
}

static inline int64_t i64_from_float(float x) {
    float inside = x >= -0x1p63f && x < 0x1p63f ? x : 0;
    int64_t y = (int64_t)inside;
    y = x >= 0x1p63f ? INT64_MAX : y;
    return x < -0x1p63f ? INT64_MIN : y;
}

static inline uint8_t u8_from_float(float x) {
    float least = x > 0 ? x : 0, inside = least < 255 ? least : 255;
    return (uint8_t)(int32_t)inside;
}

#endif
