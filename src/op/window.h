/* Sliding windows: the attributes and the geometry that convolution and pooling share.
 *
 * Along one dimension, window p covers the inputs p·stride + u·dilation − before, u = 0…kernel−1, and
 * out = ⌊(in + before + after − ((kernel − 1)·dilation + 1)) / stride⌋ + 1
 * (⌈…⌉ with ceil_mode, less one if the last window would start after the input and its leading padding). */
#ifndef OP_WINDOW_H
#define OP_WINDOW_H

#include "base/window.h"
#include "op/op.h"

typedef struct window_attributes {
    const char *auto_pad;          /* NOTSET, SAME_UPPER, SAME_LOWER, VALID */
    ints kernel_shape;             /* none: the weights' */
    ints strides, pads, dilations; /* none: ones, zeros, ones; pads: all beginnings, then all ends */
    int64_t ceil_mode;
} window_attributes;

#define WINDOW_FIELDS(type, member)                                                                                    \
    {"auto_pad", ATTR_STRING, offsetof(type, member.auto_pad), "NOTSET", false},                                       \
        {"kernel_shape", ATTR_INTS, offsetof(type, member.kernel_shape), NULL, false},                                 \
        {"strides", ATTR_INTS, offsetof(type, member.strides), NULL, false},                                           \
        {"pads", ATTR_INTS, offsetof(type, member.pads), NULL, false}, {                                               \
        "dilations", ATTR_INTS, offsetof(type, member.dilations), NULL, false                                          \
    }

/* Geometry of `rank` (1 to 3) spatial dimensions of sizes in[] under windows of sizes kernel[]. One dimension is the
 * width: the height is then 1, so that w[0] is always the height and w[1] the width. Of three, w[2] is the depth, which
 * comes first; else it is left alone and need not be there. */
stria_status window_infer(window *w, const window_attributes *a, int rank, const int64_t *in, const int64_t *kernel,
                          stria_error *err);
/* The window along spatial dimension `axis` of `rank`. */
static inline window *window_along(window *w, int rank, int axis) {
    return rank == 3 ? &w[(axis + 2) % 3] : &w[2 - rank + axis];
}
/* Refuses a kernel_shape with a side of more than `most`. */
stria_status window_limit(const window_attributes *a, int64_t most, stria_error *err);

/* The same of a transposed convolution of `in`: the result is what the windows slide over (w.in), the input is what
 * they give (w.out). Windows may not reach the result's end: output_padding adds to it, output_shape says it (lists may
 * be empty). */
stria_status window_transpose_infer(window *w, const window_attributes *a, const ints *output_padding,
                                    const ints *output_shape, int rank, const int64_t *in, const int64_t *kernel,
                                    stria_error *err);

#endif
