/* Shared by the operators that read or write by index: Gather, GatherElements, GatherND, ScatterElements, ScatterND and
 * their gradients. */
#ifndef OP_GATHER_H
#define OP_GATHER_H

#include "op/op.h"

typedef struct gather_nd_attributes {
    int64_t batch_dims;
} gather_nd_attributes;

typedef struct scatter_attributes { /* ScatterElements, ScatterND (which has no axis) */
    int64_t axis;
    const char *reduction; /* none, add, mul, max, min */
} scatter_attributes;

typedef enum scatter_reduction { SCATTER_NONE, SCATTER_ADD, SCATTER_MUL, SCATTER_MAX, SCATTER_MIN } scatter_reduction;

/* Which rows of x (ONNX's order) the indices pick. The picked tensor is row after row, `inner` elements each: row r, of
 * coordinates c in the box `rows`, begins in x at Σ c·base + Σ_k i_k·stride[k], where its `count` indices i_0, … stand
 * one after the other in the indices from Σ c·at on. */
typedef struct picks {
    shape rows;
    int64_t base[RANK_MAX], at[RANK_MAX];
    int count;
    int64_t size[RANK_MAX], stride[RANK_MAX]; /* of the dimension of x that index k counts along */
    int64_t inner;
} picks;
/* Of any of these operators, once its shapes are inferred. */
picks picks_of(const node *n);
/* Which input is x, the tensor that is picked from or scattered into; of a gradient its like. The indices are input 1.
 */
int picks_input(const node *n);

scatter_reduction scatter_reduction_of(const node *n);

/* Rules that gather.c and scatter.c share. */
stria_status picks_check_indices(const value *indices, stria_error *err);
picks picks_along(const shape *x, const shape *indices, int axis);                   /* Gather */
picks picks_elements(const shape *x, const shape *indices, int axis);                /* GatherElements */
picks picks_tuples(const shape *x, const shape *indices, int batch_dims, int count); /* GatherND */
/* Offset in x of row r; fails if an index is out of range. */
stria_status picks_offset(const picks *p, const int64_t *indices, int64_t r, int64_t *offset, stria_error *err);

#endif
