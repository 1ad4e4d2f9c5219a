/* Buffers that end exactly where memory ends: a read or write of one float past them is a fault. */
#ifndef TESTS_KERNEL_EXACT_H
#define TESTS_KERNEL_EXACT_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct exact {
    char *map;
    size_t bytes;
    float *data;
} exact;

#define EXACT_FILL 77777.0f

/* So many floats of EXACT_FILL, up to a page that may not be touched; 64-byte aligned ones end within 64 bytes of it.
 */
__attribute__((unused)) static exact exact_new(size_t floats, int aligned) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), used = floats * sizeof(float), pages = (used + 63) / page + 1;
    exact e = {.bytes = (pages + 2) * page};
    e.map = mmap(NULL, e.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (e.map == MAP_FAILED) abort();
    char *end = e.map + (pages + 1) * page;
    mprotect(e.map, page, PROT_NONE);
    mprotect(end, page, PROT_NONE);
    if (aligned) used = (used + 63) / 64 * 64;
    e.data = (float *)(void *)(end - used);
    for (size_t i = 0; i < floats; i++) e.data[i] = EXACT_FILL;
    return e;
}

__attribute__((unused)) static void exact_free(exact e) {
    munmap(e.map, e.bytes);
}

/* Under an emulator, fewer cases. */
__attribute__((unused)) static int exact_quick(void) {
    return getenv("STRIA_TEST_QUICK") != NULL;
}

/* A small generator, so that a case is repeated by its number alone. */
__attribute__((unused)) static int64_t exact_random(uint64_t *state, int64_t low, int64_t high) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((*state >> 33) % (uint64_t)(high - low + 1));
}

#endif
