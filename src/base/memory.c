#include "base/memory.h"

#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <malloc/malloc.h>
#define malloc_usable_size malloc_size
#else
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

/* Sizes are asked back from malloc rather than kept in a header before the block: so that AddressSanitizer sees a read
 * before the first element, and blocks of every origin can be reallocated and freed alike. */

static atomic_long fail_at, tried;
static atomic_size_t bytes_now, bytes_peak;

static bool injected_failure(void) {
    long this_one = atomic_fetch_add_explicit(&tried, 1, memory_order_relaxed) + 1;
    return this_one == atomic_load_explicit(&fail_at, memory_order_relaxed);
}

static void account(size_t freed, size_t gained) {
    size_t before = atomic_fetch_add_explicit(&bytes_now, gained - freed, memory_order_relaxed); /* wraps if less */
    size_t now = before + gained - freed, peak = atomic_load_explicit(&bytes_peak, memory_order_relaxed);
    while (
        now > peak && gained > freed &&
        !atomic_compare_exchange_weak_explicit(&bytes_peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* Large blocks (activations, packed weights) in large pages, where the system has them: passing over 4 KiB pages costs
 * a tenth of the time of networks whose weights do not fit the caches (docs/performance.md). */
#define LARGE_PAGE ((size_t)2 << 20)

static void *aligned_block(size_t bytes) {
    void *p = NULL;
    bool large = bytes >= LARGE_PAGE && bytes <= PTRDIFF_MAX - LARGE_PAGE;
    if (posix_memalign(&p, large ? LARGE_PAGE : MEMORY_ALIGNMENT, bytes ? bytes : 1) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    if (large) madvise(p, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE); /* advice: nothing depends on its success */
#endif
    return p;
}

void *mem_alloc(size_t bytes) {
    if (injected_failure() || bytes > PTRDIFF_MAX - MEMORY_ALIGNMENT) return NULL;
    void *p = aligned_block(bytes);
    if (!p) return NULL;
    account(0, malloc_usable_size(p));
    return p;
}

void *mem_zalloc(size_t count, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    void *p = mem_alloc(bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

void *mem_realloc(void *p, size_t count, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX) return NULL;
    if (injected_failure()) return NULL;
    size_t before = p ? malloc_usable_size(p) : 0;
    void *q = realloc(p, bytes ? bytes : 1);
    if (q) account(before, malloc_usable_size(q));
    return q;
}

char *mem_strdup(const char *string) {
    size_t bytes = strlen(string) + 1;
    char *copy = mem_realloc(NULL, bytes, 1);
    if (copy) memcpy(copy, string, bytes);
    return copy;
}

void mem_free(void *p) {
    if (!p) return;
    account(malloc_usable_size(p), 0);
    free(p);
}

static stria_status no_memory(size_t count, size_t size, const char *what, stria_error *err) {
    size_t bytes = 0;
    char number[32];
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > INT64_MAX)
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for %s (%zu times %zu bytes)", what, count, size);
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for %s (%s bytes)", what, text_thousands((int64_t)bytes, number));
}

stria_status mem_new(void *out, size_t count, size_t size, const char *what, stria_error *err) {
    void *p = mem_zalloc(count, size);
    if (!p) return no_memory(count, size, what, err);
    memcpy(out, &p, sizeof p); /* out is the address of a pointer to any type */
    return STRIA_OK;
}

stria_status mem_reserve(void *items, int *capacity, int need, size_t size, const char *what, stria_error *err) {
    assert(need >= 0 && *capacity >= 0);
    if (need <= *capacity) return STRIA_OK;
    int64_t grown = *capacity < 8 ? 8 : *capacity + (int64_t)*capacity / 2;
    if (grown < need) grown = need;
    if (grown > INT32_MAX) grown = INT32_MAX;
    void *p = NULL;
    memcpy(&p, items, sizeof p);
    p = mem_realloc(p, (size_t)grown, size);
    if (!p) return no_memory((size_t)grown, size, what, err);
    memcpy(items, &p, sizeof p);
    *capacity = (int)grown;
    return STRIA_OK;
}

void mem_fail_at(long n) {
    atomic_store(&tried, 0);
    atomic_store(&fail_at, n);
}

long mem_count(void) {
    return atomic_load(&tried);
}

size_t mem_bytes_now(void) {
    return atomic_load(&bytes_now);
}

size_t mem_bytes_peak(void) {
    return atomic_load(&bytes_peak);
}

/* Arena: a list of blocks, each twice as large as the one before up to a limit, the newest first. */

enum { ARENA_ALIGNMENT = 16, ARENA_FIRST_BYTES = 4096, ARENA_MOST_BYTES = 1 << 20 };

typedef struct arena_block {
    _Alignas(ARENA_ALIGNMENT) struct arena_block *next;
    size_t used, capacity; /* bytes of data after this header */
} arena_block;

void arena_init(arena *a) {
    a->head = NULL;
}

void arena_release(arena *a) {
    while (a->head) {
        arena_block *next = a->head->next;
        mem_free(a->head);
        a->head = next;
    }
}

void arena_free(arena *a) {
    if (a) arena_release(a);
    mem_free(a);
}

static bool arena_grow(arena *a, size_t bytes) {
    size_t capacity = a->head ? a->head->capacity * 2 : ARENA_FIRST_BYTES - sizeof(arena_block);
    if (capacity > ARENA_MOST_BYTES) capacity = ARENA_MOST_BYTES;
    if (capacity < bytes) capacity = bytes;
    arena_block *block = mem_alloc(sizeof *block + capacity);
    if (!block) return false;
    *block = (arena_block){.next = a->head, .capacity = capacity};
    a->head = block;
    return true;
}

void *arena_alloc(arena *a, size_t bytes) {
    if (bytes > PTRDIFF_MAX / 2) return NULL;
    size_t rounded = (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    if (rounded == 0) rounded = ARENA_ALIGNMENT; /* every allocation has its own address */
    bool full = !a->head || a->head->capacity - a->head->used < rounded;
    if (full ? !arena_grow(a, rounded) : injected_failure()) return NULL;
    char *p = (char *)(a->head + 1) + a->head->used;
    a->head->used += rounded;
    return memset(p, 0, rounded);
}

void *arena_copy(arena *a, const void *data, size_t bytes) {
    void *p = arena_alloc(a, bytes);
    if (p && bytes) memcpy(p, data, bytes);
    return p;
}

char *arena_strdup(arena *a, const char *string) {
    return arena_copy(a, string, strlen(string) + 1);
}

char *arena_printf(arena *a, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = text_vformat(NULL, 0, format, arguments);
    char *p = length < 0 ? NULL : arena_alloc(a, (size_t)length + 1);
    if (p) text_vformat(p, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return p;
}
