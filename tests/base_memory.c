/* The allocator: alignment, accounting, overflow, injected failures; and the arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "base/memory.h"

static bool is_zero(const void *data, size_t bytes) {
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i++)
        if (p[i]) return false;
    return true;
}

static void aligns_and_accounts(void **state) {
    (void)state;
    size_t before = mem_bytes_now();
    void *held[8];
    for (size_t i = 0; i < 8; i++) {
        held[i] = mem_alloc(i * 37);
        assert_non_null(held[i]);
        assert_int_equal((uintptr_t)held[i] % MEMORY_ALIGNMENT, 0);
        memset(held[i], 0xAB, i * 37);
    }
    assert_true(mem_bytes_now() >= before + 28 * 37);
    assert_true(mem_bytes_peak() >= mem_bytes_now());
    for (size_t i = 0; i < 8; i++) mem_free(held[i]);
    mem_free(NULL);
    assert_int_equal(mem_bytes_now(), before);
}

static void peak_remembers(void **state) {
    (void)state;
    size_t before = mem_bytes_now();
    void *p = mem_zalloc(1 << 20, 8);
    assert_non_null(p);
    assert_true(is_zero(p, 8 << 20));
    mem_free(p);
    assert_int_equal(mem_bytes_now(), before);
    assert_true(mem_bytes_peak() >= before + (8 << 20));
}

static void reallocates_any_block(void **state) {
    (void)state;
    size_t before = mem_bytes_now();
    char *blocks[] = {mem_alloc(5), mem_zalloc(5, 1), mem_realloc(NULL, 5, 1), mem_strdup("abcd")};
    for (size_t i = 0; i < 4; i++) {
        memcpy(blocks[i], "abcd", 5);
        blocks[i] = mem_realloc(blocks[i], 100000, 1);
        assert_string_equal(blocks[i], "abcd");
        blocks[i] = mem_realloc(blocks[i], 5, 1);
        assert_string_equal(blocks[i], "abcd");
        blocks[i] = mem_realloc(blocks[i], 0, 1);
        assert_non_null(blocks[i]);
        mem_free(blocks[i]);
    }
    assert_int_equal(mem_bytes_now(), before);
}

static void refuses_overflow(void **state) {
    (void)state;
    size_t before = mem_bytes_now();
    stria_error err = {0};
    char *p = mem_strdup("x"), *kept = p;
    assert_null(mem_alloc(SIZE_MAX));
    assert_null(mem_zalloc(SIZE_MAX / 2, 3));
    assert_null(mem_zalloc(SIZE_MAX / 2 + 2, 2)); /* would wrap to 2 */
    assert_null(mem_realloc(p, SIZE_MAX / 2 + 2, 2));
    assert_null(mem_realloc(p, SIZE_MAX / 2, 3));
    assert_null(mem_realloc(p, SIZE_MAX, 1));
    assert_string_equal(p, "x");
    assert_int_equal(mem_new(&p, SIZE_MAX / 2, 3, "a wish", &err), STRIA_NO_MEMORY);
    assert_ptr_equal(p, kept);
    assert_non_null(strstr(err.text, "not enough memory for a wish ("));
    mem_free(p);
    assert_int_equal(mem_bytes_now(), before);
}

#ifdef __linux__
/* Whether the mapping that p lies in has a flag of /proc/self/smaps' VmFlags. */
static bool mapping_has(const void *p, const char *flag) {
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false, has = false;
    while (f && fgets(line, sizeof line, f)) {
        uintptr_t first = 0, end = 0;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &first, &end) == 2)
            here = (uintptr_t)p >= first && (uintptr_t)p < end;
        if (here && strncmp(line, "VmFlags:", 8) == 0) has = strstr(line, flag);
    }
    if (f) fclose(f);
    return has;
}

static void large_blocks_have_large_pages(void **state) {
    (void)state;
    size_t page = (size_t)2 << 20, before = mem_bytes_now();
    void *probe = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(probe, MAP_FAILED);
    bool supported = madvise(probe, 2 * page, MADV_HUGEPAGE) == 0 && mapping_has(probe, " hg");
    munmap(probe, 2 * page);
    for (size_t bytes = page - 1; bytes < 4 * page; bytes += page + 1) {
        void *p = mem_alloc(bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (bytes < page ? MEMORY_ALIGNMENT : page), 0);
        memset(p, 0xAB, bytes);
        if (supported) assert_int_equal(mapping_has(p, " hg"), bytes >= page);
        mem_free(p);
    }
    assert_int_equal(mem_bytes_now(), before);
}
#endif

static void injects_one_failure(void **state) {
    (void)state;
    stria_error err = {0};
    int *kept = NULL;
    mem_fail_at(3);
    void *a = mem_alloc(1), *b = mem_strdup("b");
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(mem_new(&kept, 1000, sizeof *kept, "four thousand bytes", &err), STRIA_NO_MEMORY);
    assert_null(kept);
    assert_string_equal(err.text, "not enough memory for four thousand bytes (4,000 bytes)");
    assert_int_equal(mem_new(&kept, 1000, sizeof *kept, "again", &err), STRIA_OK);
    assert_true(is_zero(kept, 1000 * sizeof *kept));
    assert_int_equal(mem_count(), 4);
    mem_fail_at(1);
    assert_null(mem_realloc(a, 100, 1));
    mem_fail_at(0);
    mem_free(a);
    mem_free(b);
    mem_free(kept);
}

static void reserve_grows_and_keeps(void **state) {
    (void)state;
    int64_t *items = NULL;
    int capacity = 0, last = 0, moves = 0;
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(mem_reserve(&items, &capacity, i + 1, sizeof *items, "items", NULL), STRIA_OK);
        moves += capacity != last;
        last = capacity;
        items[i] = i;
    }
    assert_true(moves < 25);
    for (int i = 0; i < 10000; i++) assert_int_equal(items[i], i);
    mem_fail_at(1);
    stria_error err = {0};
    int64_t *same = items;
    assert_int_equal(mem_reserve(&items, &capacity, capacity + 1, sizeof *items, "items", &err), STRIA_NO_MEMORY);
    mem_fail_at(0);
    assert_ptr_equal(items, same);
    assert_int_equal(capacity, last);
    assert_int_equal(mem_reserve(&items, &capacity, INT32_MAX, SIZE_MAX / 4, "items", &err), STRIA_NO_MEMORY);
    mem_free(items);
}

static void arena_serves_all_sizes(void **state) {
    (void)state;
    size_t before = mem_bytes_now();
    arena a;
    arena_init(&a);
    char *strings[500];
    for (int i = 0; i < 500; i++) {
        size_t bytes = (size_t)(i * i) % 9001;
        unsigned char *p = arena_alloc(&a, bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(is_zero(p, bytes));
        memset(p, 0xFF, bytes);
        strings[i] = arena_printf(&a, "number %d", i);
    }
    for (int i = 0; i < 500; i++) assert_int_equal(atoi(strings[i] + 7), i);
    assert_string_equal(arena_strdup(&a, "text"), "text");
    assert_memory_equal(arena_copy(&a, "da\0ta", 5), "da\0ta", 5);
    assert_non_null(arena_copy(&a, NULL, 0));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 7));
    arena_release(&a);
    assert_int_equal(mem_bytes_now(), before);
    assert_string_equal(arena_strdup(&a, "usable again"), "usable again");
    arena_release(&a);
    arena_release(&a);
}

static void arena_survives_failure(void **state) {
    (void)state;
    arena a = {0};
    mem_fail_at(1);
    assert_null(arena_strdup(&a, "x"));
    assert_string_equal(arena_printf(&a, "%s", "y"), "y");
    mem_fail_at(1);
    assert_null(arena_alloc(&a, 1 << 22));
    assert_non_null(arena_alloc(&a, 16));
    mem_fail_at(0);
    arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef __linux__
        cmocka_unit_test(large_blocks_have_large_pages),
#endif
        cmocka_unit_test(aligns_and_accounts),           cmocka_unit_test(peak_remembers),
        cmocka_unit_test(reallocates_any_block),         cmocka_unit_test(refuses_overflow),
        cmocka_unit_test(injects_one_failure),           cmocka_unit_test(reserve_grows_and_keeps),
        cmocka_unit_test(arena_serves_all_sizes),        cmocka_unit_test(arena_survives_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
