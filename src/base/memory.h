/* All memory of Stria comes from here, so that a test can make the n-th allocation fail. Thread-safe. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/error.h"

#define MEMORY_ALIGNMENT 64 /* bytes: a cache line, and the widest vector */

/* 64-byte aligned, uninitialised; NULL when there is none. bytes may be 0 (a valid pointer). */
void *mem_alloc(size_t bytes);
/* count × size zeroed bytes, 64-byte aligned; NULL when there is none or when the product overflows. */
void *mem_zalloc(size_t count, size_t size);
/* Grows or shrinks an array made by any of these functions (p may be NULL). On failure NULL, and p stays valid.
 * The result is aligned as malloc aligns, not to 64 bytes. */
void *mem_realloc(void *p, size_t count, size_t size);
char *mem_strdup(const char *string);
void mem_free(void *p); /* accepts NULL */

/* mem_zalloc with a sentence: sets *out or fails with STRIA_NO_MEMORY and "not enough memory for WHAT (N bytes)". */
stria_status mem_new(void *out, size_t count, size_t size, const char *what, stria_error *err);

/* Makes sure that the array *items (capacity *capacity, element size `size`) holds `need` elements, growing
 * geometrically. items is the address of a typed pointer. */
stria_status mem_reserve(void *items, int *capacity, int need, size_t size, const char *what, stria_error *err);

/* For tests: from now on the n-th allocation (1 = the next; those from an arena count) fails, once; 0 turns it off. */
void mem_fail_at(long n);
/* For tests: allocations tried since the last mem_fail_at. */
long mem_count(void);
/* Bytes now held through these functions, and the most that were held at once. */
size_t mem_bytes_now(void);
size_t mem_bytes_peak(void);

/* An arena: many small things that die together. Zero-initialise, or arena_init. Not thread-safe. */
typedef struct arena {
    struct arena_block *head;
} arena;

void arena_init(arena *a);
void arena_release(arena *a);                     /* frees all; the arena is empty and usable again */
void arena_free(arena *a);                        /* the same for one that is itself from mem_new; accepts NULL */
void *arena_alloc(arena *a, size_t bytes);        /* zeroed, 16-byte aligned; NULL when there is none */
char *arena_strdup(arena *a, const char *string); /* NULL when there is none */
void *arena_copy(arena *a, const void *data, size_t bytes);
char *arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
