/* A curve of any length in a bounded number of buckets: least, greatest and mean are kept, so that a peak is seen
 * however many points lie around it. */
#ifndef REPORT_SERIES_H
#define REPORT_SERIES_H

#include <stdbool.h>
#include <stdint.h>

enum { SERIES_BUCKETS = 512 };

typedef struct series_bucket {
    double x, y;        /* sums of `count` points */
    double least, most; /* of y */
    double last_x;
    int64_t count;
} series_bucket;

/* Zero-initialise. */
typedef struct series {
    series_bucket bucket[SERIES_BUCKETS];
    int count;       /* buckets in use */
    int64_t every;   /* points in a full bucket, of each run */
    int runs;        /* that series_join brought together; 0: none */
    int64_t points;  /* finite ones */
    int64_t missing; /* points whose y is not finite */
    double first_y, last_x, last_y;
    double best_x, best_y; /* where y is greatest, the first of several */
} series;

/* Points come with rising x. One that is not finite is counted, not drawn. */
void series_add(series *s, double x, double y);
/* The curve of one more run becomes a part of `s`, which begins zeroed: means, least and greatest are of all runs, and
 * the curve ends where the first of them ends. Nothing is added to such a series any more; first_y, last_y and best are
 * those of its first run. */
void series_join(series *s, const series *other);
/* Means of a bucket. */
double series_x(const series *s, int i);
double series_y(const series *s, int i);
/* Least and greatest y (only positive ones where asked), and x; false of a series without such points. */
bool series_range(const series *s, bool positive, double *least, double *most);
bool series_span(const series *s, double *least, double *most);

#endif
