#ifndef DATA_RESIZE_H
#define DATA_RESIZE_H

#include "base/error.h"

enum { RESIZE_LANES = 4 };

/* Fills row[width] with row y of the plane that is resized. Rows are asked for once each, from the top down. */
typedef void resize_source(const void *context, int y, float *row);

/* A plane of height × width that `source` gives row by row, seen as resized to full_height × full_width; the window of
 * height × width at (top, left) of that goes to y (dense). Bilinear over pixel centres; when shrinking the triangle is
 * as wide as the ratio. Holds one row of the plane, and its rows at their new width. STRIA_NO_MEMORY. */
typedef struct resize_window {
    int full_height, full_width, top, left, height, width;
} resize_window;

stria_status resize_plane(resize_source *source, const void *context, int height, int width,
                          const resize_window *window, float *y, stria_error *err);

/* The same, with the same bits, for `planes` planes (1…RESIZE_LANES) at once, whose rows the source gives interleaved:
 * row[width][RESIZE_LANES], of lanes past `planes` whatever it likes. They go to y[planes][height][width]. */
stria_status resize_planes(resize_source *source, const void *context, int planes, int height, int width,
                           const resize_window *window, float *y, stria_error *err);

#endif
