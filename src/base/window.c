#include "base/window.h"

#include <stdlib.h>

/* Taps that reach the same phase are this far apart. */
static int64_t period(const window *w) {
    int64_t a = w->stride, b = w->dilation;
    while (b) {
        int64_t rest = a % b;
        a = b, b = rest;
    }
    return w->stride / a;
}

int64_t window_reached(const window *w) {
    return int64_min(period(w), w->kernel);
}

static window_axis axis_empty(const window *w, int64_t phase) {
    return (window_axis){.count = phase < w->in ? ceil_div(w->in - phase, w->stride) : 0,
                         .start = phase,
                         .every = w->stride,
                         .in = w->out,
                         .step = 1,
                         .move = 1};
}

/* The phase that tap u reaches, of which it is the first. */
static window_axis axis_of_tap(const window *w, int64_t u) {
    int64_t phase = (u * w->dilation - w->before) % w->stride, next = period(w);
    window_axis a = axis_empty(w, phase < 0 ? phase + w->stride : phase);
    a.taps = ceil_div(w->kernel - u, next);
    a.first = u;
    a.next = next;
    a.offset = (a.start + w->before - u * w->dilation) / w->stride;
    a.move = -(next * w->dilation / w->stride);
    return a;
}

static int by_phase(const void *a, const void *b) {
    int64_t x = ((const window_axis *)a)->start, y = ((const window_axis *)b)->start;
    return x < y ? -1 : x > y;
}

int64_t axes_gradient(const window *w, window_axis *axes) {
    int64_t count = 0, reached = window_reached(w);
    for (int64_t u = 0; u < reached; u++) {
        axes[count] = axis_of_tap(w, u);
        count += axes[count].count > 0;
    }
    qsort(axes, (size_t)count, sizeof *axes, by_phase);
    return count;
}

window_axis axis_of_phase(const window *w, int64_t phase, const window_axis *axes, int64_t count, int64_t *next) {
    if (*next < count && axes[*next].start == phase) return axes[(*next)++];
    return axis_empty(w, phase);
}

/* The same taps from the last to the first. */
static window_axis axis_reversed(window_axis a) {
    if (a.taps == 0) return a;
    a.offset += (a.taps - 1) * a.move;
    a.first += (a.taps - 1) * a.next;
    a.move = -a.move;
    a.next = -a.next;
    return a;
}

window_axis *axes_reversed_new(const window *w, int64_t *count, arena *a) {
    window_axis *axes = arena_alloc(a, (size_t)window_reached(w) * sizeof *axes);
    *count = axes ? axes_gradient(w, axes) : 0;
    for (int64_t i = 0; i < *count; i++) axes[i] = axis_reversed(axes[i]);
    return axes;
}
