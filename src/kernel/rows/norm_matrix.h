/* The operand of the normalisation kernels: a matrix of elements, each with coefficients of its row and of its column.
 * Internal to norm.c and rows/norm.inc. */
#ifndef KERNEL_ROWS_NORM_MATRIX_H
#define KERNEL_ROWS_NORM_MATRIX_H

#include <stdint.h>

#define NORM_COLUMNS 64 /* of one call of the column kernels */

/* Coefficient k is at[k], or at[0] for all k if step is 0. */
struct norm_part {
    const float *at;
    int64_t step; /* 0 or 1 */
};

struct norm_pair {
    struct norm_part row, column;
};

/* Elements (i, j), i·pitch + j, of x, y, dx and dy alike; the coefficients of both are added (mean, slope, shift) or
 * multiplied (scale, weight). */
struct norm_matrix {
    int64_t rows, columns, pitch;
    struct norm_pair mean, scale, slope, shift, weight;
};

#endif
