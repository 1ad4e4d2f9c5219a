/* IDX, plain and gzipped: contents, and a sentence for each way to be wrong. */
#include "data_support.h"

#include "data/gzip.h"
#include "data/idx.h"

static const uint32_t sizes[] = {2, 3, 4};
static uint8_t elements[24];

static size_t make_images(uint8_t *out) {
    for (int i = 0; i < 24; i++) elements[i] = (uint8_t)(i * 7);
    return make_idx(out, 3, sizes, elements, sizeof elements);
}

static void check_images(const idx_array *a) {
    assert_int_equal(a->rank, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(a->shape[i], sizes[i]);
    assert_int_equal(a->bytes, 24);
    assert_memory_equal(a->data, elements, 24);
}

static void test_plain(void **state) {
    uint8_t file[64];
    idx_array a = {0};
    (void)state;
    assert_int_equal(idx_parse(file, make_images(file), 3, &a, NULL), STRIA_OK);
    check_images(&a);
    idx_release(&a);
    assert_null(a.data);
}

static void refuse(const uint8_t *file, size_t size, int rank, stria_status status, const char *words) {
    idx_array a = {0};
    stria_error err = {0};
    size_t before = mem_bytes_now();
    assert_int_equal(idx_parse(file, size, rank, &a, &err), status);
    assert_true(says(&err, words));
    assert_null(a.data);
    assert_int_equal(mem_bytes_now(), before);
}

static void test_refusals(void **state) {
    uint8_t file[64], broken[64];
    size_t n = make_images(file);
    (void)state;
    for (size_t i = 0; i < n; i++) refuse(file, i, 3, STRIA_BAD_FILE, "truncated");
    file[n] = 0;
    refuse(file, n + 1, 3, STRIA_BAD_FILE, "1 bytes too many");
    refuse(file, n, 1, STRIA_BAD_FILE, "3 dimensions where 1 are expected");
    memcpy(broken, file, n);
    broken[2] = 13;
    refuse(broken, n, 3, STRIA_UNSUPPORTED, "0x0d");
    broken[0] = 'P';
    refuse(broken, n, 3, STRIA_BAD_FILE, "not an IDX file (it begins with 50 00 0d 03)");
    const uint32_t none[] = {0, 3, 4}, wide[] = {2, 70000, 1}, huge[] = {UINT32_MAX, 65535, 65535};
    refuse(broken, make_idx(broken, 3, none, elements, 0), 3, STRIA_BAD_FILE, "dimension 0 is 0");
    refuse(broken, make_idx(broken, 3, wide, elements, 24), 3, STRIA_BAD_FILE, "a side of 70000");
    size_t peak = mem_bytes_peak();
    refuse(broken, make_idx(broken, 3, huge, elements, 24), 3, STRIA_BAD_FILE, "can hold 24 at most");
    assert_true(mem_bytes_peak() - peak < 4096);
}

#ifdef STRIA_HAVE_ZLIB
static void test_gzip(void **state) {
    uint8_t file[64], packed[256], broken[256];
    idx_array a = {0};
    size_t n = make_images(file), z = make_gzip(packed, sizeof packed, file, n);
    (void)state;
    assert_int_equal(idx_parse(packed, z, 3, &a, NULL), STRIA_OK);
    check_images(&a);
    idx_release(&a);
    for (size_t i = 2; i < z; i++) refuse(packed, i, 3, STRIA_BAD_FILE, "truncated");
    memcpy(broken, packed, z);
    broken[z] = 'x';
    refuse(broken, z + 1, 3, STRIA_BAD_FILE, "1 bytes too many");
    broken[z - 5] ^= 1; /* checksum */
    refuse(broken, z, 3, STRIA_BAD_FILE, "corrupt");
    file[n] = 1;
    refuse(packed, make_gzip(packed, sizeof packed, file, n + 1), 3, STRIA_BAD_FILE, "more decompressed bytes");
}

/* Members one after the other are one file, wherever they are cut; the checksum of each counts. */
static void test_gzip_members(void **state) {
    uint8_t file[64], packed[512];
    idx_array a = {0};
    size_t n = make_images(file), z, first;
    (void)state;
    for (size_t cut = 0; cut <= n; cut++) {
        first = make_gzip(packed, sizeof packed, file, cut);
        z = first + make_gzip(packed + first, sizeof packed - first, file + cut, n - cut);
        assert_int_equal(idx_parse(packed, z, 3, &a, NULL), STRIA_OK);
        check_images(&a);
        idx_release(&a);
    }
    first = make_gzip(packed, sizeof packed, file, n / 2);
    z = first + make_gzip(packed + first, sizeof packed - first, file + n / 2, n - n / 2);
    for (size_t i = 2; i < z; i++) refuse(packed, i, 3, STRIA_BAD_FILE, "truncated");
    packed[first - 5] ^= 1;
    refuse(packed, z, 3, STRIA_BAD_FILE, "corrupt");
    packed[first - 5] ^= 1;
    z += make_gzip(packed + z, sizeof packed - z, file, 1);
    refuse(packed, z, 3, STRIA_BAD_FILE, "more decompressed bytes");
}

/* A stream that ends after the header must not go on in the raw bytes after it. */
static void test_gzip_then_raw(void **state) {
    uint8_t file[64], packed[256];
    size_t n = make_images(file), z = make_gzip(packed, sizeof packed, file, 16);
    (void)state;
    memcpy(packed + z, file + 16, n - 16);
    refuse(packed, z + n - 16, 3, STRIA_BAD_FILE, "truncated");
}

/* A kilobyte that inflates to a megabyte gives out what the header asks for, and holds no more than that. */
static void test_bomb(void **state) {
    uint8_t *file = calloc(1, 1 << 20), packed[4096];
    const uint32_t labels[] = {100};
    (void)state;
    make_idx(file, 1, labels, elements, 0);
    size_t z = make_gzip(packed, sizeof packed, file, 1 << 20), before = mem_bytes_now();
    refuse(packed, z, 1, STRIA_BAD_FILE, "more decompressed bytes");
    assert_int_equal(mem_bytes_now(), before);
    const uint32_t many[] = {UINT32_MAX};
    make_idx(file, 1, many, elements, 0);
    z = make_gzip(packed, sizeof packed, file, 1 << 20);
    refuse(packed, z, 1, STRIA_BAD_FILE, "its header says 4294967295 bytes");
    free(file);
}
#endif

static void test_file_names(void **state) {
    idx_array a = {0};
    stria_error err;
    (void)state;
    assert_int_equal(idx_read(in_folder("absent"), 3, &a, &err), STRIA_NO_FILE);
    put_file("short", "\0\0\10\3\0", 5);
    assert_int_equal(idx_read(in_folder("short"), 3, &a, &err), STRIA_BAD_FILE);
    assert_true(says(&err, "/short: truncated"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),         cmocka_unit_test(test_refusals),
#ifdef STRIA_HAVE_ZLIB
        cmocka_unit_test(test_gzip),          cmocka_unit_test(test_gzip_members),
        cmocka_unit_test(test_gzip_then_raw), cmocka_unit_test(test_bomb),
#endif
        cmocka_unit_test(test_file_names),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
