/* Windows that slide over one axis of an image, and the shapes of the operators that are made of them: convolution and
 * pooling. Rules, backends and kernels use the same structs. */
#ifndef BASE_WINDOW_H
#define BASE_WINDOW_H

#include "base/memory.h"
#include "base/sizes.h"

#include <stdbool.h>

/* Tap u (0…kernel−1) of window p (0…out−1) is at p·stride + u·dilation − before of the input; what lies outside
 * 0…in−1 is padding. `out` may be smaller than `after` allows. */
typedef struct window {
    int64_t in, out, kernel, stride, dilation, before, after;
} window;

/* The window over an axis of size 1, as one-dimensional operators have it for the height. */
static inline window window_single(void) {
    return (window){.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
}

/* Where tap u of window p is; outside 0…in−1 it is in the padding. */
static inline int64_t window_at(const window *w, int64_t p, int64_t u) {
    return p * w->stride + u * w->dilation - w->before;
}

/* Input positions from the first tap of a window to its last. */
static inline int64_t window_extent(const window *w) {
    return (w->kernel - 1) * w->dilation + 1;
}

/* Input positions from the first tap of the first of `count` windows to the last tap of the last of them. */
static inline int64_t window_span(const window *w, int64_t count) {
    return (count - 1) * w->stride + window_extent(w);
}

/* The i of 0…count−1 with low ≤ first + i·step < high, for step > 0: from *begin until the result. */
static inline int64_t steps_inside(int64_t first, int64_t step, int64_t count, int64_t low, int64_t high,
                                   int64_t *begin) {
    int64_t end = count;
    *begin = first < low ? (low - first + step - 1) / step : 0;
    if (first + (count - 1) * step >= high) end = first < high ? (high - 1 - first) / step + 1 : 0;
    if (*begin > count) *begin = count;
    return end < *begin ? *begin : end;
}

/* The taps of window p inside the input: from *begin until the result. */
static inline int64_t window_inside(const window *w, int64_t p, int64_t *begin) {
    return steps_inside(window_at(w, p, 0), w->dilation, w->kernel, 0, w->in, begin);
}

/* The same inside the input and its padding. */
static inline int64_t window_inside_padded(const window *w, int64_t p, int64_t *begin) {
    return steps_inside(window_at(w, p, 0), w->dilation, w->kernel, -w->before, w->in + w->after, begin);
}

/* ---- convolution along one axis, forth and back ---- */

/* One axis of a convolution or of its data gradient. Result i (0…count−1) is written at start + i·every; its tap t
 * (0…taps−1), which has weight first + t·next of the kernel, reads position i·step + offset + t·move of the input:
 * padding outside 0…in−1. `next` and `move` may be negative. */
typedef struct window_axis {
    int64_t count, start, every;
    int64_t in, step, offset, move;
    int64_t taps, first, next;
} window_axis;

static inline window_axis axis_forward(const window *w) {
    return (window_axis){.count = w->out,
                         .every = 1,
                         .in = w->in,
                         .step = w->stride,
                         .offset = -w->before,
                         .move = w->dilation,
                         .taps = w->kernel,
                         .next = 1};
}

/* Data gradients with a stride fall into phases: the inputs phase + stride·i, of which input j is reached by tap u from
 * output (j + before − u·dilation) / stride, where that is whole, so each phase has taps of its own, or none. There are
 * as many phases as have inputs; a stride may be longer than the image. */
static inline int64_t window_phases(const window *w) {
    return int64_min(w->stride, w->in);
}

/* The phases that taps reach, at most this many: taps that far apart reach the same phase. */
int64_t window_reached(const window *w);
/* Fills axes[window_reached(w)] with those that have inputs, by ascending phase, and returns how many there are. The
 * result of such an axis is the convolution's input, its input the convolution's output; `start` is the phase. Weights
 * ascend. */
int64_t axes_gradient(const window *w, window_axis *axes);
/* The axis of a phase: axes[*next] if that is its, which is passed over, or one without taps. */
window_axis axis_of_phase(const window *w, int64_t phase, const window_axis *axes, int64_t count, int64_t *next);

/* axes_gradient's axes with their taps reversed, so that they move forward as those of the convolution do, in the
 * arena; *count: how many. NULL when there is no memory. */
window_axis *axes_reversed_new(const window *w, int64_t *count, arena *a);

/* ---- shapes ---- */

/* x[batch, ic, y.in, x.in], weights [oc, ic / groups, y.kernel, x.kernel], result [batch, oc, y.out, x.out]: y is the
 * window along the height, x along the width. ic and oc are multiples of groups. In three dimensions z, the window
 * along the depth, comes before both; only what says so looks at it. */
typedef struct conv_shape {
    int64_t batch, ic, oc, groups;
    window y, x, z;
} conv_shape;

/* x[batch, channels, y.in, x.in] → [batch, channels, y.out, x.out]; z as above. */
typedef struct pool_shape {
    int64_t batch, channels;
    window y, x, z;
    bool include_pad; /* averages divide by the taps in the padded image, not only by those in the image */
    int64_t p;        /* of a p-norm, and 1 for an average's gradient that adds up without dividing; else 0 */
} pool_shape;

#endif
