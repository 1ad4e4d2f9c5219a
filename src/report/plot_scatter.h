#ifndef REPORT_PLOT_SCATTER_H
#define REPORT_PLOT_SCATTER_H

#include "report/out.h"

typedef struct scatter_point {
    double x, y;
    int group;
    const char *name; /* on hover */
} scatter_point;

/* Points of groups as a picture by itself: colours and shapes tell the groups apart, up to 32; both axes have the same
 * scale and no numbers. */
void plot_scatter(out *o, const char *title, const char *note, const scatter_point *points, int64_t count,
                  const char *const *groups, int group_count);

#endif
