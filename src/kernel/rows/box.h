/* Boxes of strided dimensions: what is left of a tensor when the dimensions that a kernel runs along are taken out. */
#ifndef KERNEL_ROWS_BOX_H
#define KERNEL_ROWS_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define BOX_RANK 8

/* Dimensions with their strides in x and in y, outermost first. */
typedef struct box {
    int rank;
    int64_t dims[BOX_RANK], xs[BOX_RANK], ys[BOX_RANK], count;
} box;

/* Puts a dimension in the order of x's strides. */
static inline void box_add(box *b, int64_t dim, int64_t xs, int64_t ys) {
    int at = b->rank++;
    for (; at > 0 && llabs(b->xs[at - 1]) < llabs(xs); at--)
        b->dims[at] = b->dims[at - 1], b->xs[at] = b->xs[at - 1], b->ys[at] = b->ys[at - 1];
    b->dims[at] = dim, b->xs[at] = xs, b->ys[at] = ys;
}

/* Joins neighbours that are one run in x and in y. */
static inline void box_join(box *b) {
    int n = 0;
    for (int d = 0; d < b->rank; d++) {
        bool joins = n > 0 && b->xs[n - 1] == b->xs[d] * b->dims[d] && b->ys[n - 1] == b->ys[d] * b->dims[d];
        int64_t before = joins ? b->dims[--n] : 1;
        b->dims[n] = before * b->dims[d], b->xs[n] = b->xs[d], b->ys[n] = b->ys[d];
        n++;
    }
    b->rank = n;
}

/* Where the index-th element of the box is, the last dimension fastest. */
static inline void box_offsets(const box *b, int64_t index, int64_t *x, int64_t *y) {
    *x = *y = 0;
    for (int d = b->rank - 1; d >= 0; d--) {
        *x += index % b->dims[d] * b->xs[d];
        *y += index % b->dims[d] * b->ys[d];
        index /= b->dims[d];
    }
}

static inline int64_t box_count(const box *b) {
    int64_t n = 1;
    for (int d = 0; d < b->rank; d++) n *= b->dims[d];
    return n;
}

#endif
