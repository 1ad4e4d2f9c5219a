/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 * A number is a pure function of (seed, stream, index): no state, so nothing that resumes or is split can differ. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Four 32-bit words for one (seed, stream, index): Philox's counter is (index low, high, stream low, high), its key
 * (seed low, high). */
void random_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]);

uint64_t random_hash(const char *text); /* a stream number from a name: FNV-1a, 64 bits */

/* Number i comes from block i / 4: uniform from word i % 4; normal numbers 0 and 1 of a block from its words 0 and 1
 * (cosine, sine), 2 and 3 from its words 2 and 3. So one stream serves one purpose: its uniform and its normal numbers
 * are not independent of each other, nor of its blocks. */
float random_uniform(uint64_t seed, uint64_t stream, uint64_t index); /* [0, 1), 24 bits */
float random_normal(uint64_t seed, uint64_t stream, uint64_t index);  /* mean 0, deviation 1 (Box–Muller) */

/* Fills x[n] with independent numbers, index 0…n−1 of the stream: low + (high − low)·random_uniform, below high if
 * low < high (low ≤ high, a finite distance apart), and mean + deviation·random_normal. */
void random_fill_uniform(float *x, size_t n, float low, float high, uint64_t seed, uint64_t stream);
void random_fill_normal(float *x, size_t n, float mean, float deviation, uint64_t seed, uint64_t stream);

/* A permutation of 0…n−1 (Fisher–Yates, unbiased). */
void random_permutation(int64_t *order, int64_t n, uint64_t seed, uint64_t stream);

#endif
