/* The convolutions' attributes and geometry, for rules and backends. */
#ifndef OP_CONV_H
#define OP_CONV_H

#include "op/window.h"

/* Of Conv, ConvDataGradient and ConvWeightGradient. */
typedef struct conv_attributes {
    window_attributes window;
    int64_t group;
} conv_attributes;

/* The shape of any of the three operators, once its shapes are inferred; of a ConvTranspose, that of the convolution
 * whose data gradient it is: its result is x, its input y. */
conv_shape conv_shape_of(const node *n);
/* Returns true if no window reaches far beyond the image: then images can be laid out with their padding. */
bool conv_is_compact(const conv_shape *s);

/* ---- what the rules share ---- */

typedef struct conv_transpose_attributes {
    conv_attributes conv;
    ints output_padding, output_shape; /* none: zeros; what the windows reach */
} conv_transpose_attributes;

/* Of Conv and its kin with this x and w. */
stria_status conv_infer_shape(conv_shape *s, const conv_attributes *a, const shape *x, const shape *w,
                              stria_error *err);
stria_status conv_check_ranks(const shape *x, const shape *w, stria_error *err);
/* kernel_shape, if given, is the weights'. */
stria_status conv_check_kernel(const conv_attributes *a, const shape *w, stria_error *err);
stria_status conv_transpose_infer_shape(conv_shape *s, const conv_transpose_attributes *a, const shape *x,
                                        const shape *w, stria_error *err);

/* Of x, w and y, one is accumulated from the other two. */
typedef enum conv_part { PART_X, PART_W, PART_Y } conv_part;
void conv_walk(const conv_shape *s, double *x, double *w, double *y, conv_part part);
/* y[b, c, …] += bias[c] */
void conv_add_bias(ref_tensor *y, const double *bias);
/* db[o] = Σ dy[b, o, p, q] */
value *conv_bias_gradient(builder *b, value *dy);
op_cost conv_cost(const node *n);
/* The convolution's result, and, for a transposed one, its x, of inputs of this rank. */
shape conv_result_shape(const conv_shape *s, int rank);
shape conv_image_shape(const conv_shape *s, int rank);

#endif
