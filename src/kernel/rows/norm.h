/* Normalisation by mean and deviation: batch, layer, instance, group and root-mean-square, forward and backward, in all
 * storage orders.
 *
 * x is stored as `outer` dense matrices [rows][columns]. A set of elements with statistics of its own lies along rows
 * or along columns: `join` neighbouring rows (columns) of one matrix, or of all of them (across). Each row or each
 * column has a scale and a bias:
 *
 *                                            sets along   parameters of
 *   plain, batch last: a row is a channel       rows          rows          (batch, instance, group)
 *   channels last: a column is a channel       columns       columns        (batch, instance, group)
 *   plain: a row is normalised                  rows         columns        (layer, root mean square)
 *   batch last: a column is an image           columns        rows          (layer, instance, group) */
#ifndef KERNEL_ROWS_NORM_H
#define KERNEL_ROWS_NORM_H

#include "base/pool.h"
#include "kernel/kernel.h"

typedef struct norm_shape {
    int64_t outer, rows, columns;
    bool by_column; /* sets lie along columns */
    bool across;    /* one matrix's sets are those of all (of rows) */
    int64_t join;   /* rows (columns) of a set; divides them */
    bool column_parameters;
    int64_t repeat; /* rows that have one parameter, one after the other (parameters of rows) */
    bool shared;    /* every matrix has the same parameters of rows; else they go on counting */
    bool centred;   /* else the mean counts as 0 */
    float epsilon;
} norm_shape;

/* Mean and variance: one per set. Of matrix o and row (column) k it is set o·(rows / join) + k / join, without o·… if
 * across. */
int64_t norm_set_count(const norm_shape *s);
int64_t norm_parameter_count(const norm_shape *s);

size_t norm_scratch_bytes(const norm_shape *s);          /* of norm_statistics, norm_forward and norm_run */
size_t norm_backward_scratch_bytes(const norm_shape *s); /* of norm_backward */

/* Mean and population variance of every set. Blocks by two passes, merged in double (Chan, Golub, LeVeque, 1979). */
void norm_statistics(const kernel_set *ks, pool *p, const norm_shape *s, const float *x, float *mean, float *variance,
                     void *scratch);

/* y = f((x − mean) / √(variance + ε) · scale + bias). scale NULL: 1, bias NULL: 0. y may be x. f may be NULL. */
typedef void norm_activation(float *y, const float *x, int64_t n, float a, float b);
void norm_forward(const kernel_set *ks, pool *p, const norm_shape *s, float *y, const float *x, const float *mean,
                  const float *variance, const float *scale, const float *bias, norm_activation *f, float a, float b,
                  void *scratch);
/* norm_statistics and norm_forward. */
void norm_run(const kernel_set *ks, pool *p, const norm_shape *s, float *y, const float *x, float *mean,
              float *variance, const float *scale, const float *bias, norm_activation *f, float a, float b,
              void *scratch);

/* With dŷ = dy·scale, x̂ as above and means over the set: dx = (dŷ − mean dŷ − x̂·mean(dŷ·x̂)) / √(variance + ε), or only
 * dŷ / √(variance + ε) if mean and variance are given; dscale = Σ dy·x̂, dbias = Σ dy, NULL if not wanted. dx may be dy
 * or x. */
void norm_backward(const kernel_set *ks, pool *p, const norm_shape *s, bool given, float *dx, float *dscale,
                   float *dbias, const float *dy, const float *x, const float *mean, const float *variance,
                   const float *scale, void *scratch);

#endif
