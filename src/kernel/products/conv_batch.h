/* Shared by the two files of batch-last convolution. Images are x[channels][h][w][batch]. */
#ifndef KERNEL_PRODUCTS_CONV_BATCH_H
#define KERNEL_PRODUCTS_CONV_BATCH_H

#include "base/sizes.h"
#include "kernel/kernel.h"

/* Floats between neighbours; images are contiguous. */
typedef struct batch_pitch {
    int64_t channel, row, column;
} batch_pitch;

static inline batch_pitch batch_pitch_of(int64_t batch, int64_t h, int64_t w) {
    return (batch_pitch){h * w * batch, w * batch, batch};
}

#define IMAGES 64 /* of a task, if there are enough tasks: whole runs of memory are read and written */

/* Images of a task: a power of two of vectors, fewer while that leaves fewer than `tasks` with `pieces` for each. */
static inline int64_t image_block(const kernel_set *ks, int64_t batch, int64_t pieces, int64_t tasks) {
    int64_t images = IMAGES;
    while (images > ks->lanes && ceil_div(batch, images) * pieces < tasks) images /= 2;
    return images;
}

#endif
