/* Convolution and its two gradients, in two dimensions but for conv_space. One trilinear form
 *     T = Σ x[b][c][p·sh + u·dh − pt][q·sw + v·dw − pl] · w[o][c][u][v] · y[b][o][p][q]
 * whose partial derivatives are the forward convolution, the data gradient and the weight gradient. Several families
 * of kernels compute them; all are used alike: plan once, pack when the weights have changed, run. */
#ifndef KERNEL_PRODUCTS_CONV_H
#define KERNEL_PRODUCTS_CONV_H

#include "base/memory.h"
#include "base/pool.h"
#include "base/window.h"
#include "kernel/kernel.h"
#include "kernel/products/epilogue.h"

enum conv_op { CONV_FORWARD, CONV_DX, CONV_DW, CONV_OPS };

/* Everything that depends on the shape alone. A family's own plan begins with it. */
typedef struct conv_plan {
    const struct conv_kernel *kernel;
    const kernel_set *ks;
    conv_shape shape;
    int threads;
    size_t packed_floats; /* of weights, 64-byte aligned; 0: they are not packed */
    size_t scratch_bytes; /* of a run, 64-byte aligned */
} conv_plan;

/* The arrays of one run. All are dense and in the family's storage order but weights and their gradients, which are in
 * ONNX order w[oc][ic / groups][kh][kw]; `out` overlaps nothing else and is written wholly. */
typedef struct conv_data {
    const float *a, *b;
    float *out;
    /* NULL: none. Its bias has one value per channel of the result. The data gradient with an epilogue is the
     * transposed convolution; weight gradients have none. */
    const epilogue *epilogue;
    void *scratch;
} conv_data;

/*                          a    b              out
 *   forward convolution    x    packed w       y = f(conv(x, w) + bias + residual)
 *   data gradient          dy   packed w       dx = f(Σ dy·w + bias + residual)
 *   weight gradient        x    dy             dw = Σ x·dy                                        */
typedef struct conv_kernel {
    /* A plan in the arena with the common members set but the last two; NULL without memory. */
    conv_plan *(*plan)(const conv_plan *common, arena *a);
    void (*pack)(const conv_plan *p, const float *w, float *packed, pool *workers); /* NULL: weights are not packed */
    void (*run)(const conv_plan *p, const conv_data *d, pool *workers);
} conv_kernel;

/* One for each conv_op.
 *   conv_gemm       channels-last: an implicit matrix product
 *   conv_depthwise  channels-last, conv_is_depthwise: channels are the lanes, nothing is gathered
 *   conv_grouped    channels-last, conv_is_grouped, no weight gradient: the same with a few channels in each group
 *   conv_rows       channels-last, weight gradient only, conv_merges_rows: a window's row is one run of numbers
 *   conv_batch      batch-last, x[ic][ih][iw][n]: every lane is an image, so it runs at full width with few channels
 *   conv_plain      ONNX order, forward only: neighbouring pixels are the lanes
 *   conv_space      ONNX order, up to three dimensions, weights as they are; data gradients without an activation
 *   conv_winograd_  channels-last, forward only, conv_is_winograd: fewer products, larger rounding errors */
extern const conv_kernel conv_gemm[CONV_OPS], conv_depthwise[CONV_OPS], conv_batch[CONV_OPS], conv_plain[1];
extern const conv_kernel conv_space[CONV_OPS];
extern const conv_kernel conv_rows[CONV_OPS];                    /* CONV_DW alone */
extern const conv_kernel conv_grouped[CONV_OPS];                 /* not CONV_DW */
extern const conv_kernel conv_winograd_2[1], conv_winograd_4[1]; /* tiles of 2 × 2 and of 4 × 4 results */

/* Windows of 3 × 3, or of 5 × 5 where m is 2, of stride 1, in one group. */
bool conv_is_winograd(const conv_shape *s, int m);

/* The expected cost of F(m, 3) or F(2, 5) relative to the cheaper of conv_gemm and the other m, by shape and
 * instruction set alone: it pays off up to 1. INFINITY: never. */
double conv_winograd_share(const kernel_set *ks, const conv_shape *s, int m);

/* A plan for runs with this many threads at most, in the arena; NULL without memory. */
conv_plan *conv_plan_new(const conv_kernel *kernel, const kernel_set *ks, const conv_shape *s, int threads, arena *a);

static inline void conv_pack(const conv_plan *p, const float *w, float *packed, pool *workers) {
    p->kernel->pack(p, w, packed, workers);
}
static inline void conv_run(const conv_plan *p, const conv_data *d, pool *workers) {
    p->kernel->run(p, d, workers);
}

/* Each input channel has results of its own, and there are several. */
static inline bool conv_is_depthwise(const conv_shape *s) {
    return s->groups > 1 && s->groups == s->ic;
}

/* Groups of several channels, as many of the result as of the input, and whole groups in a vector. */
bool conv_is_grouped(const kernel_set *ks, const conv_shape *s);

/* Floats of scratch that conv_space needs for each line of the result at least, or INT64_MAX. */
int64_t conv_space_line(const conv_shape *s);

/* Few input channels, as in a first layer: in rows that hold their padding, a row of a window is kw·ic numbers side by
 * side, which are better taken as one than by channels. */
bool conv_merges_rows(const conv_shape *s);

/* ---- for the families ---- */

/* Such rows: columns that any window touches, floats of all images in whole cache lines, and their making from x. */
int64_t conv_padded_columns(const conv_shape *s);
int64_t conv_padded_floats(const conv_shape *s);
void conv_pad_rows(const conv_shape *s, const float *x, float *padded, pool *workers);

/* The weight gradients of conv_gemm (conv_weight.c) and of conv_batch (conv_batch_weight.c). */
conv_plan *conv_weight_plan(const conv_plan *common, arena *a);
void conv_weight_run(const conv_plan *p, const conv_data *d, pool *workers);
conv_plan *conv_batch_weight_plan(const conv_plan *common, arena *a);
void conv_batch_weight_run(const conv_plan *p, const conv_data *d, pool *workers);

/* Floats from image to image, row to row, pixel to pixel of dense channels-last images. */
typedef struct conv_pitch {
    int64_t image, row, pixel;
} conv_pitch;

static inline conv_pitch conv_pitch_of(int64_t h, int64_t w, int64_t channels) {
    return (conv_pitch){h * w * channels, w * channels, channels};
}
static inline conv_pitch conv_x_pitch(const conv_shape *s) {
    return conv_pitch_of(s->y.in, s->x.in, s->ic);
}
static inline conv_pitch conv_y_pitch(const conv_shape *s) {
    return conv_pitch_of(s->y.out, s->x.out, s->oc);
}

#endif
