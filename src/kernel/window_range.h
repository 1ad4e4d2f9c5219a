/* Which taps of a pooling window lie in the image. */
#ifndef KERNEL_WINDOW_RANGE_H
#define KERNEL_WINDOW_RANGE_H

#include "kernel/pool.h"

/* Taps u0 ≤ u < u1, v0 ≤ v < v1 are inside; tap (u, v) is at row + u·dh, column + v·dw. divisor: the average's. */
struct window_range {
    int64_t row, column, u0, u1, v0, v1, divisor;
};

/* Taps at first + u·dilation, u < count, that lie in low … high − 1: from *begin until the result. */
static inline int64_t window_clip(int64_t first, int64_t dilation, int64_t count, int64_t low, int64_t high,
                                  int64_t *begin) {
    int64_t end = count;
    *begin = first < low ? (low - first + dilation - 1) / dilation : 0;
    if (first + (count - 1) * dilation >= high) end = first < high ? (high - 1 - first) / dilation + 1 : 0;
    if (*begin > count) *begin = count;
    return end < *begin ? *begin : end;
}

static inline struct window_range window_at(const struct window_shape *s, int64_t oh, int64_t ow) {
    struct window_range r = {.row = oh * s->sh - s->pt, .column = ow * s->sw - s->pl};
    r.u1 = window_clip(r.row, s->dh, s->kh, 0, s->ih, &r.u0);
    r.v1 = window_clip(r.column, s->dw, s->kw, 0, s->iw, &r.v0);
    r.divisor = (r.u1 - r.u0) * (r.v1 - r.v0);
    if (s->include_pad) {
        int64_t u, v, u_end = window_clip(r.row, s->dh, s->kh, -s->pt, s->ih + s->pb, &u);
        int64_t v_end = window_clip(r.column, s->dw, s->kw, -s->pl, s->iw + s->pr, &v);
        r.divisor = (u_end - u) * (v_end - v);
    }
    if (r.divisor < 1 || s->p) r.divisor = 1;
    return r;
}

#endif
