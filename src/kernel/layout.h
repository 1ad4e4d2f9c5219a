/* Moving tensors: strided and permuted copies, fills, and conversion between types. */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#include "base/pool.h"
#include "kernel/kernel.h"

#define LAYOUT_RANK 8

/* y[i] = x[i] for all indices of a box of `rank` (0…8) dimensions; strides in elements of `size` bytes (1, 2, 4 or 8).
 * A permutation, a slice, a piece of a concatenation, a broadcast (x stride 0) and a reversal (negative x stride) are
 * all this copy with other strides. x and y do not overlap. */
void layout_copy(const kernel_set *ks, pool *p, int size, int rank, const int64_t *dims, void *y,
                 const int64_t *y_strides, const void *x, const int64_t *x_strides);

/* y = x transposed: y[c·y_pitch + r] = x[r·x_pitch + c], floats. [n][c·h·w] to batch-last, and NCHW to NHWC per image.
 */
void layout_transpose(const kernel_set *ks, pool *p, float *y, int64_t y_pitch, const float *x, int64_t x_pitch,
                      int64_t rows, int64_t columns);

/* count images: NCHW [c][h·w] and channels-last [h·w][c], contiguous both. */
void layout_to_channels_last(const kernel_set *ks, pool *p, float *y, const float *x, int64_t count, int64_t channels,
                             int64_t pixels);
void layout_from_channels_last(const kernel_set *ks, pool *p, float *y, const float *x, int64_t count, int64_t channels,
                               int64_t pixels);

/* Row-major strides of a contiguous box. */
void layout_strides(int rank, const int64_t *dims, int64_t *strides);

void layout_fill(pool *p, float *y, float value, int64_t n);

/* Element types that conversion knows. */
typedef enum layout_type {
    LAYOUT_F32,
    LAYOUT_F64,
    LAYOUT_F16,  /* IEEE binary16, as uint16_t */
    LAYOUT_BF16, /* bfloat16, as uint16_t */
    LAYOUT_U8,
    LAYOUT_I8,
    LAYOUT_U16,
    LAYOUT_I16,
    LAYOUT_I32,
    LAYOUT_U32,
    LAYOUT_I64,
    LAYOUT_U64,
    LAYOUT_BOOL, /* one byte, 0 or 1; anything but zero (NaN included) converts to 1 */
    LAYOUT_TYPE_COUNT
} layout_type;

int layout_type_size(layout_type type); /* bytes */

/* y[i] = (to) x[i]. To floats: round to nearest even, overflow to infinity, NaN stays NaN. To integers: truncated
 * towards zero; out of range saturates and NaN becomes 0. Between integers: wraps, as ONNX's Cast. x and y do not
 * overlap, unless to == from. */
void layout_convert(pool *p, void *y, layout_type to, const void *x, layout_type from, int64_t n);

uint16_t layout_f16_from_float(float x);
float layout_f16_to_float(uint16_t h);
uint16_t layout_bf16_from_float(float x);
float layout_bf16_to_float(uint16_t h);

#endif
