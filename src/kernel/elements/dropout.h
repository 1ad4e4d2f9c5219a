/* Dropout with counter-based random numbers (base/random.h): which units fall depends on their index in ONNX's order
 * only, so every storage order and every split drops the same. */
#ifndef KERNEL_ELEMENTS_DROPOUT_H
#define KERNEL_ELEMENTS_DROPOUT_H

#include "base/pool.h"
#include "base/random.h"
#include "kernel/kernel.h"

/* Stored element (o, r, i), at (o·rows + r)·inner + i, has index o·outer_step + r + i·inner_step. */
typedef struct dropout_box {
    int64_t outer, rows, inner, outer_step, inner_step;
} dropout_box;

/* The parameters of every element. */
struct dropout {
    random_key key;
    uint64_t dropped; /* units whose random word is below fall */
    float scale;      /* of the others */
};

/* y = x · scale where the unit stays, x · 0 where it falls; mask (may be NULL) 1 or 0. y may be x. */
void dropout_run(const kernel_set *ks, pool *p, const struct dropout *d, const dropout_box *box, float *y,
                 uint8_t *mask, const float *x);

#endif
