#define ISA           avx2
#define LANES         8
#define TILE_lanes    LANES
#define TILE_gemm_mr  6
#define TILE_gemm_nr  16
#define TILE_batch_oc 4
#define TILE_batch_ow 3
#define VECTOR_PARTS  "kernel/isa/parts_avx2.h"
#include "kernel/isa/unit.inc"
