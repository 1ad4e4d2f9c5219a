/* Data gradients with strides: x at phase + stride·i is reached by tap u from y at (phase + stride·i + pad −
 * u·dilation) / stride, where that is whole, so each phase has taps of its own. */
#ifndef KERNEL_PHASE_H
#define KERNEL_PHASE_H

#include "kernel/sizes.h"

/* The taps of one phase: first, first + step, …; one at most where the step is the kernel or more. */
typedef struct phase_taps {
    int64_t first, step, count;
} phase_taps;

static inline phase_taps phase_find(int64_t phase, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation) {
    phase_taps t = {.first = 0, .step = 1};
    while (t.step < kernel && t.step * dilation % stride != 0) t.step++;
    while (t.first < kernel && (phase + pad - t.first * dilation) % stride != 0) t.first++;
    t.count = t.first < kernel ? ceil_div(kernel - t.first, t.step) : 0;
    return t;
}

/* The phase that a tap reaches. */
static inline int64_t phase_reached(int64_t tap, int64_t stride, int64_t pad, int64_t dilation) {
    int64_t phase = (tap * dilation - pad) % stride;
    return phase < 0 ? phase + stride : phase;
}

#endif
