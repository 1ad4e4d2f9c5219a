/* The driver that matrix products, convolutions and data gradients share: result pixels × channels, each the sum over
 * taps and input channels. A matrix product is a row of m pixels with one tap. Internal to gemm.c and conv_gemm.c. */
#ifndef KERNEL_PRODUCTS_SWEEP_H
#define KERNEL_PRODUCTS_SWEEP_H

#include "base/pool.h"
#include "base/window.h"
#include "kernel/kernel.h"
#include "kernel/products/epilogue.h"

typedef struct sweep_pitch {
    int64_t image, row, pixel, channel;
} sweep_pitch;

/* The description of a computation, without the data. */
typedef struct sweep {
    int64_t images, k, n, groups; /* k input and n result channels per group */
    window_axis y, x;             /* `first` and `next` are not looked at: b has the taps in their order */
    bool whole_rows;              /* k channels are a window's row already: not gathered over the taps, however few */
    sweep_pitch in_pitch, out_pitch;
    int64_t b_step, b_tile, b_group; /* tile j, tap t, channel c at b + group·b_group + j·b_tile + (t·k + c)·b_step */
    float alpha;
    bool accumulate;
    int64_t splits, split_pitch; /* > 1: k (of a single tap) in this many ranges, range s to out + s·split_pitch */
} sweep;

/* How it is computed: follows from the sweep alone. */
typedef struct sweep_plan {
    const kernel_set *ks;
    sweep s;
    int64_t pixels, tiles, tile_blocks; /* of the result */
    int64_t column_tiles, column_blocks;
    int64_t taps, tap_block, channel_blocks;
    bool gather;
    int64_t row_floats;    /* pitch of gathered rows */
    int64_t worker_floats; /* scratch of one worker: gathered rows */
} sweep_plan;

sweep_plan sweep_plan_make(const kernel_set *ks, const sweep *s);
/* Bytes of scratch (64-byte aligned) of a run with this many threads. */
size_t sweep_scratch_bytes(const sweep_plan *p, int threads);

/* The arrays of one run; epilogue: NULL for none. */
typedef struct sweep_data {
    const float *in, *b;
    float *out;
    const epilogue *epilogue;
} sweep_data;

void sweep_run(const sweep_plan *p, const sweep_data *d, void *scratch, pool *workers);

/* Packs a matrix b(k, j) = b[k·row + j·column] into tiles [⌈n / nr⌉][k][nr], zeros in the last tile's spare columns. */
void sweep_pack_tile(int nr, float *packed, const float *b, int64_t row, int64_t column, int64_t k, int64_t columns);

#endif
