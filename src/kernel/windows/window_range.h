/* Which taps of a pooling window lie in the image. */
#ifndef KERNEL_WINDOWS_WINDOW_RANGE_H
#define KERNEL_WINDOWS_WINDOW_RANGE_H

#include "kernel/windows/pool.h"

/* Taps u0 ≤ u < u1, v0 ≤ v < v1 are inside; tap (u, v) is at row + u·y.dilation, column +
 * v·x.dilation. divisor: the average's. */
struct window_range {
    int64_t row, column, u0, u1, v0, v1, divisor;
};

static inline struct window_range window_range_of(const struct pool_shape *s, int64_t p, int64_t q) {
    struct window_range r = {.row = window_at(&s->y, p, 0), .column = window_at(&s->x, q, 0)};
    r.u1 = window_inside(&s->y, p, &r.u0);
    r.v1 = window_inside(&s->x, q, &r.v0);
    r.divisor = (r.u1 - r.u0) * (r.v1 - r.v0);
    if (s->include_pad) {
        int64_t u, v, u_end = window_inside_padded(&s->y, p, &u), v_end = window_inside_padded(&s->x, q, &v);
        r.divisor = (u_end - u) * (v_end - v);
    }
    if (r.divisor < 1 || s->p) r.divisor = 1;
    return r;
}

#endif
