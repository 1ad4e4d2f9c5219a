/* Hashing of names from files. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

/* SipHash-1-3 of the text, with a key that each process draws once: whoever writes a file cannot choose names that fall
 * into one slot of a table. It differs from run to run, so nothing but the speed of a look-up may depend on it (names
 * that key random numbers go through random_hash). Thread-safe. Source: Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012, with one round per word and three at the end. */
uint64_t hash_name(const char *text);

#endif
