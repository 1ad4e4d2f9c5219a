/* Max and average pooling, for any storage in which images are outer, row, column, inner. */
#ifndef KERNEL_POOL_H
#define KERNEL_POOL_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* Windows. oh and ow are given (so floor or ceil is the caller's); pb and pr matter only for include_pad's divisor. */
typedef struct window_shape {
    int64_t ih, iw, oh, ow, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw;
    bool include_pad; /* average: divide by the taps in the padded image rather than in the image */
} window_shape;

/* Where elements are: outer·pitch + row·pitch + column·pitch + inner, with inner contiguous, for x and for y.
 * Channels last: outer = batch, inner = channels. Batch last: outer = channels, inner = batch. Plain NCHW: outer =
 * batch·channels, inner = 1, column pitch 1. */
typedef struct window_storage {
    int64_t outer, inner;
    int64_t x_outer, x_row, x_column;
    int64_t y_outer, y_row, y_column;
} window_storage;

window_storage window_channels_last(const window_shape *s, int64_t batch, int64_t channels); /* contiguous */
window_storage window_batch_last(const window_shape *s, int64_t batch, int64_t channels);
window_storage window_plain(const window_shape *s, int64_t batch, int64_t channels);

/* y = max over the window; a NaN in it makes NaN. A window wholly in the padding gives −infinity. */
void pool_max(const kernel_set *ks, pool *p, const window_shape *s, const window_storage *m, float *y, const float *x);
/* dx (all of it is written) = dy sent to the first maximum in row-major order (the first NaN, if there is one). */
void pool_max_gradient(const kernel_set *ks, pool *p, const window_shape *s, const window_storage *m, float *dx,
                       const float *dy, const float *x);
void pool_average(const kernel_set *ks, pool *p, const window_shape *s, const window_storage *m, float *y,
                  const float *x);
void pool_average_gradient(const kernel_set *ks, pool *p, const window_shape *s, const window_storage *m, float *dx,
                           const float *dy);

/* Plain storage, contiguous: y and the flat index of the maximum in x as ONNX counts it (over the whole tensor;
 * column_major: storage_order 1, within the image's plane). A window wholly in the padding has index −1. */
void pool_max_indices(pool *p, const window_shape *s, int64_t planes, bool column_major, float *y, int64_t *indices,
                      const float *x);

#endif
