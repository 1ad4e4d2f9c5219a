/* Numeric loops on raw pointers: <family>.inc is written once, compiled per instruction set by the small files in isa/,
 * and chosen at run time from a table of function pointers and tile sizes. <family>.c beside it plans, packs and splits
 * the work among threads. The rooms: products/ (matrices, convolutions), windows/ (pooling, resizing), elements/ (each
 * element by itself, or moved), rows/ (what a row or a column has in common). */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "base/error.h"

struct batch_pack; /* conv_batch_tile.h */
struct batch_conv;
struct batch_weight;
struct pixels_sums; /* conv_plain_tile.h */
struct pixels_rows;
struct winograd_input; /* conv_winograd_tile.h */
struct winograd_output;
struct map_block;     /* map.h */
struct depthwise_row; /* conv_depthwise_tile.h */
struct depthwise_weight;
struct pool_shape; /* base/window.h */
struct window_storage;
struct window_indices;
struct resize_table;     /* resize.h */
struct momentum_options; /* optimizer.h */
struct adam_options;
struct square_options;
struct velocity_options;
struct lion_options;
struct adadelta_options;
struct ftrl_options;
struct lamb_options;
struct dropout;     /* dropout.h */
struct norm_matrix; /* norm_matrix.h */
struct gemm_rows;   /* tile.h */
struct gemm_outer;
struct gemm_points;

typedef struct kernel_set {
    const char *isa; /* "portable", "avx2", "avx512", "neon" */
#define TILE(name)               int name;
#define KERNEL(name, parameters) void(*name) parameters;
#include "kernel/kernel_list.h"
#undef TILE
#undef KERNEL
} kernel_set;

/* The sets that this build has and this machine can run, best first; the portable one is always last. NULL-terminated.
 */
const kernel_set *const *kernel_sets(void);

/* The set by name, or the best one for NULL. NULL if this machine cannot run it. The environment variable STRIA_ISA is
 * read by the api floor, not here. */
const kernel_set *kernel_set_find(const char *isa);

#endif
