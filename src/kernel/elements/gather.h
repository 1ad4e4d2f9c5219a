/* Moving rows by index: gathering, scattering, one-hot, and sums over positions that a map repeats. */
#ifndef KERNEL_ELEMENTS_GATHER_H
#define KERNEL_ELEMENTS_GATHER_H

#include "base/pool.h"
#include "kernel/kernel.h"

#define GATHER_RANK 8

/* Where indices stand: 32- or 64-bit. */
typedef struct gather_indices {
    const void *data;
    bool wide;
} gather_indices;

static inline int64_t gather_index(const gather_indices *in, int64_t i) {
    return in->wide ? ((const int64_t *)in->data)[i] : ((const int32_t *)in->data)[i];
}

/* Row r of a dense [dims…] box of rows, `inner` elements of `size` bytes each, belongs to offset Σ c·base + Σ_k i_k·
 * stride[k] of the indexed tensor, its indices i_0 … standing from Σ c·at on. Negative ones count from length[k]. */
typedef struct gather_rows {
    int size, rank, count;
    int64_t dims[GATHER_RANK], base[GATHER_RANK], at[GATHER_RANK];
    int64_t length[GATHER_RANK], stride[GATHER_RANK], inner;
    gather_indices indices;
} gather_rows;

/* The position of the first index out of range among n, −1 if there is none. Index i is one along length[i mod count].
 */
int64_t gather_check(const gather_rows *g, int64_t n);

/* y[row] = x[offset of the row] */
void gather_run(pool *p, const gather_rows *g, void *y, const void *x);

typedef enum gather_write { GATHER_PUT, GATHER_ADD, GATHER_MUL, GATHER_MAX, GATHER_MIN } gather_write;

/* y[offset of the row] = rows[row], or the sum, product, … with what stands there (floats only), row after row. */
void scatter_run(const kernel_set *ks, pool *p, const gather_rows *g, gather_write write, void *y, const void *rows);

/* dx[Σ_d map_d(i_d)] += dy[Σ i·ys], floats, over a box of `rank` dimensions; map[d] lists offsets. Different entries of
 * the first `apart` dimensions meet in no element of dx. */
typedef struct gather_map {
    int rank, apart;
    int64_t dims[GATHER_RANK], ys[GATHER_RANK];
    const int64_t *map[GATHER_RANK];
    bool run; /* the last map is 0, 1, 2, … and its ys 1 */
} gather_map;
void map_accumulate(const kernel_set *ks, pool *p, const gather_map *m, float *dx, const float *dy);

#endif
