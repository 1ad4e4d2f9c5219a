/* Steps of augmentation that act on a batch, and what they are made of. */
#ifndef DATA_AUGMENT_BATCH_H
#define DATA_AUGMENT_BATCH_H

#include "base/pool.h"
#include "data/augment.h"

/* x[items][channels][height][width], spare[channels][height][width]. */
typedef struct batch_call {
    float *x, *spare;
    int64_t items;
    const int *shape;
    pool *workers; /* NULL: this thread; the same bits for any number */
} batch_call;

/* Changes the batch and returns what share of each picture is its own; the rest is that of the one before it in the
 * batch, for the first the last. */
typedef double batch_function(const batch_call *c, double alpha, augment_draw *d);
batch_function augment_mixup, augment_cutmix;

/* A number of the beta distribution whose two parameters are alpha. */
double draw_beta(augment_draw *d, double alpha);

/* Columns x0…x1−1 of rows y0…y1−1. */
typedef struct batch_box {
    int x0, x1, y0, y1;
} batch_box;

/* x[i] = share · x[i] + (1 − share) · x[i − 1] */
void batch_mix(float *x, float *spare, int64_t items, const int shape[3], double share, pool *workers);
/* x[i] = x[i − 1] within the box */
void batch_paste(float *x, float *spare, int64_t items, const int shape[3], const batch_box *box, pool *workers);

#endif
