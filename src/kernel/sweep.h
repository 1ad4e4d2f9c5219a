/* The driver that matrix products, convolutions and data gradients share: result pixels × channels, each the sum over
 * taps and input channels. A matrix product is a row of m pixels with one tap. Internal to gemm.c and conv.c. */
#ifndef KERNEL_SWEEP_H
#define KERNEL_SWEEP_H

#include "base/pool.h"
#include "base/window.h"
#include "kernel/epilogue.h"
#include "kernel/kernel.h"

typedef struct sweep_pitch {
    int64_t image, row, pixel, channel;
} sweep_pitch;

typedef struct sweep {
    int64_t images, k, n, groups; /* k input and n result channels per group */
    window_axis y, x;             /* `first` and `next` are not looked at: b has the taps in their order */
    bool whole_rows;              /* k channels are a window's row already: not gathered over the taps, however few */
    const float *in;
    sweep_pitch in_pitch;
    float *out;
    sweep_pitch out_pitch;
    const float *b; /* tile j, tap t, channel c at b + group·b_group + j·b_tile + (t·k + c)·b_step */
    int64_t b_step, b_tile, b_group;
    float alpha;
    bool accumulate;
    const epilogue *epilogue; /* its residual_pitch is not looked at */
    sweep_pitch residual_pitch;
    int64_t splits, split_pitch; /* > 1: k (of a single tap) in so many ranges, range s to out + s·split_pitch */
} sweep;

size_t sweep_scratch_bytes(const kernel_set *ks, const sweep *s, int threads);
void sweep_run(const kernel_set *ks, const sweep *s, void *scratch, pool *p);

/* Packs a matrix b(k, j) = b[k·row + j·column] into tiles [⌈n / nr⌉][k][nr], zeros in the last tile's spare columns. */
void sweep_pack_tile(int nr, float *packed, const float *b, int64_t row, int64_t column, int64_t k, int64_t columns);

#endif
