#define ISA           portable
#define LANES         4
#define TILE_lanes    LANES
#define TILE_gemm_mr  4
#define TILE_gemm_nr  8
#define TILE_batch_oc 4
#define TILE_batch_ow 3
#include "kernel/isa/unit.inc"
