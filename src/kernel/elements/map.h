/* Elementwise functions of one to three tensors over a box, with broadcasting. */
#ifndef KERNEL_ELEMENTS_MAP_H
#define KERNEL_ELEMENTS_MAP_H

#include <stria/model.h>

#include "base/pool.h"
#include "kernel/kernel.h"

#define MAP_RANK     8
#define MAP_OPERANDS 3

/* The rows of map_list.h and map_int_list.h: MAP_add, MAP_where_int64, … */
typedef enum map_kind {
#define MAP(name, operands, y, a, b, c, f) MAP_##name,
#include "kernel/elements/map_int_list.h"
#include "kernel/elements/map_list.h"
#undef MAP
    MAP_COUNT
} map_kind;

int map_operands(map_kind kind);
/* The type of the elements and their bytes: 0 is the result, 1… the operands. */
stria_type map_type(map_kind kind, int which);
size_t map_bytes(map_kind kind, int which);

/* The arguments of a kernel: `rows` runs of n elements. Row pitches are in bytes; an operand that is `fixed` has one
 * element a row. */
typedef struct map_block {
    int64_t rows, n;
    void *y;
    const void *in[MAP_OPERANDS]; /* those that the row lacks point to a zero, fixed */
    int64_t y_row, in_row[MAP_OPERANDS];
    bool fixed[MAP_OPERANDS];
    float p, q;
} map_block;

/* y[i] = f(in[i]…) over all indices i of a box; settled once by map_plan_init. */
typedef struct map_plan {
    map_kind kind;
    float p, q; /* the row's parameters */
    int rank;
    int64_t dims[MAP_RANK], stride[1 + MAP_OPERANDS][MAP_RANK]; /* [0] is y's, in elements; neighbours joined */
    bool empty;
} map_plan;

/* Strides in elements, outermost first, 0 where an operand is broadcast; y has none (but over dimensions of 1). */
void map_plan_init(map_plan *m, map_kind kind, int rank, const int64_t *dims,
                   const int64_t *const stride[1 + MAP_OPERANDS]);

/* y may be an operand of the same strides. */
void map_run(const kernel_set *ks, pool *p, const map_plan *m, void *y, const void *const *in);

#endif
