/* Where sets and parameters lie in a norm_shape, for norm.c and norm_backward.c. */
#ifndef KERNEL_ROWS_NORM_SIZES_H
#define KERNEL_ROWS_NORM_SIZES_H

#include "base/sizes.h"
#include "kernel/rows/norm.h"
#include "kernel/rows/norm_matrix.h"

#define NORM_PARTS 8          /* of what is summed into one number, at most: partial sums, added in order */
#define NORM_TASK  (16 << 10) /* elements of a task, about */

static const float norm_zero = 0, norm_one = 1;
static const struct norm_pair norm_none = {{&norm_zero, 0}, {&norm_zero, 0}},
                              norm_unit = {{&norm_one, 0}, {&norm_one, 0}};

/* Matrices that have statistics of their own. */
static inline int64_t norm_matrices(const norm_shape *s) {
    return s->across ? 1 : s->outer;
}

/* Rows or columns, whichever sets lie along. */
static inline int64_t norm_lines(const norm_shape *s) {
    return s->by_column ? s->columns : s->rows;
}

static inline int64_t norm_set_size(const norm_shape *s) {
    return s->join * (s->by_column ? s->rows : s->columns) * (s->across ? s->outer : 1);
}

/* The set of line k, and the parameter of row or column k, of matrix o. */
static inline int64_t norm_set_of(const norm_shape *s, int64_t o, int64_t k) {
    return ((s->across ? 0 : o) * norm_lines(s) + k) / s->join;
}
static inline int64_t norm_parameter_of(const norm_shape *s, int64_t o, int64_t k) {
    return s->column_parameters ? k : (s->shared ? 0 : o * (s->rows / s->repeat)) + k / s->repeat;
}

/* Into how many parts a set's elements are split, so that a few large ones fill all threads. */
static inline int64_t norm_parts(const norm_shape *s) {
    int64_t pieces = s->by_column ? norm_matrices(s) * ceil_div(s->columns, NORM_COLUMNS) : norm_set_count(s);
    int64_t all = s->outer * s->rows * s->columns;
    return pieces >= 2 * NORM_PARTS || all < 2 * NORM_TASK ? 1 : int64_min(NORM_PARTS, all / pieces / NORM_TASK + 1);
}

static inline int64_t part_begin(int64_t size, int64_t part, int64_t parts) {
    return size / parts * part + int64_min(size % parts, part);
}

/* Rows of a task: whole sets. */
static inline int64_t norm_rows_each(const norm_shape *s) {
    int64_t join = s->by_column ? 1 : s->join, rows = int64_max(1, NORM_TASK / int64_max(1, s->columns));
    return int64_max(1, rows / join) * join;
}

/* Coefficients along the sets' axis. */
static inline void norm_along(const norm_shape *s, struct norm_pair *pair, const float *at) {
    *(s->by_column ? &pair->column : &pair->row) = (struct norm_part){at, 1};
}

#endif
