/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 * A number is a pure function of (seed, stream, index): no state, so nothing that resumes or is split can differ. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Four 32-bit words for one (seed, stream, index): Philox's counter is (index low, high, stream low, high), its key
 * (seed low, high). */
void random_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]);

/* A node's numbers in one step of a training: drawn from its stream, so that steps are independent. */
typedef struct random_key {
    uint64_t seed, stream;
} random_key;
random_key random_step_key(uint64_t seed, uint64_t stream, uint64_t step);
/* Word index % 4 of block index / 4. */
uint32_t random_word(random_key key, uint64_t index);
/* Words below it have this probability: share·2³², rounded; a share of 1 or more is all of them, 2³². */
uint64_t random_threshold(double share);

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

/* Normal, drawn again while it is beyond 2 deviations (from streams of its own): deviation 0.8796 of what it was. */
float random_truncated(uint64_t seed, uint64_t stream, uint64_t index);

/* Part of a stream: numbers first…first+n−1, first a multiple of 4. What random_fill_* makes from 0. */
typedef struct random_range {
    uint64_t seed, stream, first;
    size_t n;
} random_range;
void random_range_uniform(float *x, random_range r, float low, float high);
void random_range_normal(float *x, random_range r, float mean, float deviation);
void random_range_truncated(float *x, random_range r, float mean, float deviation);

/* A permutation of 0…n−1 (Fisher–Yates, unbiased). */
void random_permutation(int64_t *order, int64_t n, uint64_t seed, uint64_t stream);

#endif
