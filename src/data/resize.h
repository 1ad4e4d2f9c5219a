#ifndef DATA_RESIZE_H
#define DATA_RESIZE_H

#include "base/error.h"

/* One dense plane of floats, seen as resized to full_height × full_width; the window of height × width at
 * (top, left) of that goes to y (dense). Bilinear over pixel centres; when shrinking the triangle is as wide as the
 * ratio. */
typedef struct resize_window {
    int full_height, full_width, top, left, height, width;
} resize_window;

stria_status resize_plane(const float *x, int height, int width, const resize_window *window, float *y,
                          stria_error *err);

#endif
