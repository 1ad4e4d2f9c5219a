/* What programs that time the library share. The includer defines PROGRAM, the name that its errors begin with. Uses
 * the public header only, so that it can be compiled against any build. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stria/stria.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double now_ms(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* For qsort of doubles. */
static inline int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline void check(stria_status status, const stria_error *error) {
    if (status == STRIA_OK) return;
    fprintf(stderr, PROGRAM ": %s\n", error->text);
    exit(EXIT_FAILURE);
}

#endif
