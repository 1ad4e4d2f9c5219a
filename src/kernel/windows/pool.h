/* Max and average pooling, for any storage in which images are outer, row, column, inner. */
#ifndef KERNEL_WINDOWS_POOL_H
#define KERNEL_WINDOWS_POOL_H

#include "base/pool.h"
#include "base/window.h"
#include "kernel/kernel.h"

#define WINDOW_P_MOST 16 /* of pool_norm */

/* Where elements are: outer·pitch + row·pitch + column·pitch + inner, with inner contiguous, for x and for y.
 * Channels last: outer = batch, inner = channels. Batch last: outer = channels, inner = batch. Plain NCHW: outer =
 * batch·channels, inner = 1, column pitch 1. */
typedef struct window_storage {
    int64_t outer, inner;
    int64_t x_outer, x_row, x_column;
    int64_t y_outer, y_row, y_column;
} window_storage;

window_storage window_channels_last(const pool_shape *s); /* contiguous */
window_storage window_batch_last(const pool_shape *s);
window_storage window_plain(const pool_shape *s);

/* y = max over the window; a NaN in it makes NaN. A window wholly in the padding gives −infinity. */
void pool_max(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *y, const float *x);
/* dx (all of it is written) = dy sent to the first maximum in row-major order (the first NaN, if there is one). */
void pool_max_gradient(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *dx,
                       const float *dy, const float *x);
void pool_average(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *y,
                  const float *x);
void pool_average_gradient(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *dx,
                           const float *dy);

/* y = (Σ |x|^p)^(1/p), 1 ≤ p ≤ WINDOW_P_MOST. */
void pool_norm(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *y, const float *x);

/* Where indices go: in ONNX's order, whatever y's storage is. Planes (images × channels) are numbered outer·outer_step
 * + inner·inner_step. column_major: storage_order 1, elements of a plane are counted column by column. */
typedef struct window_indices {
    int64_t *indices;
    int64_t outer_step, inner_step;
    bool column_major;
} window_indices;

/* pool_max, and the flat index in x of each maximum as ONNX counts it (over the whole tensor). A window wholly in the
 * padding has index −1. */
void pool_max_indices(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *y,
                      const window_indices *to, const float *x);

/* The same over three dimensions (s->z), of plain storage. indices NULL: not wanted. pool_space_sum: the average, or
 * for s->p the norm. */
void pool_space_max(pool *p, const pool_shape *s, float *y, int64_t *indices, bool by_columns, const float *x);
void pool_space_max_gradient(pool *p, const pool_shape *s, float *dx, const float *dy, const float *x);
void pool_space_sum(pool *p, const pool_shape *s, float *y, const float *x);
void pool_space_average_gradient(pool *p, const pool_shape *s, float *dx, const float *dy);

/* Max unpooling of plain storage: y = 0, then y[target of indices[i]] = x[i]. Indices count in the shape [planes, fh,
 * fw]; y is [planes, oh, ow], and what lies outside of it is left out. Returns −1, or the first i whose index is not an
 * element of that shape; then y is not finished. */
typedef struct unpool_shape {
    int64_t planes, fh, fw, oh, ow;
} unpool_shape;
int64_t pool_unpool(const unpool_shape *s, float *y, const float *x, const int64_t *indices, int64_t count);
int64_t pool_unpool_gradient(const unpool_shape *s, float *dx, const float *dy, const int64_t *indices, int64_t count);

#endif
