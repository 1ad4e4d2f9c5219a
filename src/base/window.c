#include "base/window.h"

window_axis axis_gradient(const window *w, int64_t phase) {
    window_axis a = {.count = phase < w->in ? ceil_div(w->in - phase, w->stride) : 0,
                     .start = phase,
                     .every = w->stride,
                     .in = w->out,
                     .step = 1,
                     .next = 1};
    while (a.next < w->kernel && a.next * w->dilation % w->stride != 0) a.next++;
    while (a.first < w->kernel && (phase + w->before - a.first * w->dilation) % w->stride != 0) a.first++;
    if (a.first >= w->kernel) return a;
    a.taps = ceil_div(w->kernel - a.first, a.next);
    a.offset = (phase + w->before - a.first * w->dilation) / w->stride;
    a.move = -(a.next * w->dilation / w->stride);
    return a;
}

window_axis axis_reversed(window_axis a) {
    if (a.taps == 0) return a;
    a.offset += (a.taps - 1) * a.move;
    a.first += (a.taps - 1) * a.next;
    a.move = -a.move;
    a.next = -a.next;
    return a;
}
