#define ISA           avx512
#define LANES         16
#define TILE_lanes    LANES
#define TILE_gemm_mr  14
#define TILE_gemm_nr  32
#define TILE_batch_oc 6
#define TILE_batch_ow 4
#define VECTOR_PARTS  "kernel/isa/parts_avx512.h"
#include "kernel/isa/unit.inc"
