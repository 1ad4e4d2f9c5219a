/* An axis: where ticks stand and what they say. */
#ifndef REPORT_AXIS_H
#define REPORT_AXIS_H

#include <stdbool.h>

enum { AXIS_TICKS_MAX = 12 };

typedef struct axis {
    double least, most; /* what the axis spans */
    bool log;
    bool percent; /* values are shares: 0.5 reads "50 %" */
    int count;
    double tick[AXIS_TICKS_MAX];
    char text[AXIS_TICKS_MAX][24];
} axis;

/* Spans least…most with about `wanted` ticks at 1, 2 or 5 times a power of ten; of a logarithmic axis at powers of ten,
 * and at 2 and 5 times them where there are few. Bounds that are equal or not finite, or not positive on a logarithmic
 * axis, are widened. grow: the span ends at ticks. */
void axis_init(axis *a, double least, double most, bool log, bool percent, int wanted, bool grow);
/* Where x lies: 0 at least, 1 at most. */
double axis_share(const axis *a, double x);
/* Cells of the widest text. */
int axis_cells(const axis *a);
/* "1.5M", "20k", "0.001": a number as ticks write it. */
void axis_text(double x, char text[24]);

#endif
