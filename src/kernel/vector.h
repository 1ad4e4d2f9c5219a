/* The vector type that kernel bodies are written with. A file of isa/ defines ISA and LANES and includes the bodies;
 * the same source becomes portable C, AVX2, AVX-512 and NEON. Included by bodies only. */
#ifndef KERNEL_VECTOR_H
#define KERNEL_VECTOR_H

#include <stdint.h>
#include <string.h>

/* K(gemm_tile) is gemm_tile_avx512 in the AVX-512 file: symbols end in their ISA, so a profile reads itself. */
#define K_JOIN_(name, isa) name##_##isa
#define K_JOIN(name, isa)  K_JOIN_(name, isa)
#define K(name)            K_JOIN(name, ISA)

typedef float vf __attribute__((vector_size(LANES * 4)));   /* LANES floats */
typedef int32_t vi __attribute__((vector_size(LANES * 4))); /* LANES 32-bit integers; comparisons of vf give these */
typedef float vf_unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

typedef uint32_t vu __attribute__((vector_size(LANES * 4)));
typedef uint64_t vw __attribute__((vector_size(LANES * 4))); /* LANES / 2 64-bit integers */

/* Four floats, which every instruction set has registers for: transposes. */
typedef float quad __attribute__((vector_size(16)));
typedef float quad_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

/* INLINED: a body that is compiled again for each set of constants that it is called with. UNROLLED: before a loop with
 * a constant count of at most 32, which becomes that many copies of its body. A build that counts branches as they are
 * written defines both otherwise. */
#ifndef INLINED
#define INLINED static inline __attribute__((always_inline))
#endif
/* INDEPENDENT: before a loop whose steps neither read nor write what another one writes. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
#ifndef UNROLLED
#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 32")
#endif
#endif

static inline vf vf_load(const float *p) {
    return *(const vf_unaligned *)p;
}
static inline void vf_store(float *p, vf x) {
    *(vf_unaligned *)p = x;
}
static inline vf vf_set(float x) {
    return x - (vf){0};
}

/* mask ? a : b, lane by lane; mask lanes are all ones or all zeros. */
static inline vf vf_select(vi mask, vf a, vf b) {
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

/* Added to a float of ±2²², it rounds it to an integer, which then stands in the low bits. */
#define VF_SHIFT 12582912.0f /* 1.5·2²³ */

/* vf_load_part(p, n): the first n (0 ≤ n ≤ LANES) floats at p, zeros after them; nothing past p[n−1] is read.
 * vf_load_filled(p, n, fill): with fill after them. vf_store_part(p, x, n): the reverse; nothing past p[n−1] is
 * written. vf_max(a, b): a > b ? a : b, so that a NaN in b stays; vf_min(a, b): a < b ? a : b. vf_peak(a, b): the
 * greater, or the NaN. vf_held(x): x in a register; compilers load an operand again for every product with it.
 * vf_stream(p, x): stores past the caches, p being a multiple of the vector's size; other threads see it after
 * vf_stream_end(). vf_pick(x, i): lane l is x[i[l]]; vf_pick_near: of its own four lanes. vf_scale(x, n + VF_SHIFT):
 * x·2ⁿ, |n| ≤ 252, rounded once where it is denormal.
 * vf_near_reciprocal(x): 1/x to 14 bits or more, for normal x whose reciprocal is normal. halves_of_floats(y, x, n),
 * floats_of_halves: n float16 in y of floats in x, and back, as f16_from_float and f16_to_float
 * (kernel/elements/convert.h). vw_product(a, m): the low halves of a's lanes, times m. What vector types cannot say: a
 * file of isa/ may name a header that says it with the instruction set's masks. */
#ifdef VECTOR_PARTS
#include VECTOR_PARTS
#else
#include "kernel/isa/parts_portable.h"
#endif

/* For a loop over several vectors with long chains of operations on each: GCC keeps them in the order of the source
 * unless told, and the processor looks ahead too short a way to overlap them. */
#if defined(__GNUC__) && !defined(__clang__)
#define INTERLEAVED __attribute__((optimize("schedule-insns")))
#else
#define INTERLEAVED
#endif

#endif
