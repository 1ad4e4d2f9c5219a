#define ISA           neon
#define LANES         4
#define TILE_lanes    LANES
#define TILE_gemm_mr  8
#define TILE_gemm_nr  8
#define TILE_batch_oc 6
#define TILE_batch_ow 4
#include "kernel/isa/unit.inc"
