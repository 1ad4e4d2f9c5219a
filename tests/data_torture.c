/* Every allocation fails once: a sentence, nothing leaked, nothing set. */
#include "data_support.h"

#include <stria/model.h>

#include "data/loader.h"
#include "data/npy.h"

static char mnist[400], folder[400], arrays[900];

static void put_mnist(void) {
    const uint32_t sizes[] = {24, 2, 2};
    uint8_t elements[96] = {1, 2, 3}, file[256];
    put_folder("m");
    size_t n = make_idx(file, 3, sizes, elements, 96);
#ifdef STRIA_HAVE_ZLIB
    uint8_t packed[512];
    put_file("m/train-images-idx3-ubyte.gz", packed, make_gzip(packed, sizeof packed, file, n));
#else
    put_file("m/train-images-idx3-ubyte", file, n);
#endif
    put_file("m/train-labels-idx1-ubyte", file, make_idx(file, 1, sizes, elements, 24));
}

static int setup(void **state) {
    int16_t values[24] = {0};
    npy_array x = {.type = STRIA_INT16, .rank = 2, .shape = {24, 1}, .data = values};
    npy_array y = {.type = STRIA_INT16, .rank = 1, .shape = {24}, .data = values};
    if (folder_setup(state)) return -1;
    put_mnist();
    put_folder("f");
    put_folder("f/a");
    put_folder("f/b");
    for (char name[] = "f/a/0.pgm"; name[4] <= '9'; name[4]++) {
        for (name[2] = 'a'; name[2] <= 'b'; name[2]++) put_file(name, "P2 2 1 255 7 7", 14);
    }
    if (npy_write(in_folder("x.npy"), &x, NULL) || npy_write(in_folder("y.npy"), &y, NULL)) return -1;
    snprintf(mnist, sizeof mnist, "mnist:%s", in_folder("m"));
    snprintf(folder, sizeof folder, "folder:%s", in_folder("f"));
    snprintf(arrays, sizeof arrays, "npy:%s,%s", in_folder("x.npy"), in_folder("y.npy"));
    return 0;
}

/* Opens a pair, makes a loader that resizes, fills a batch. */
static stria_status use(const char *spec, stria_error *err) {
    dataset *train = NULL, *val = NULL;
    loader *l = NULL;
    float x[4 * 3];
    loader_options o = {.batch = 4, .shuffle = true, .seed = 1};
    preprocess p = preprocess_default();
    p.resize_height = 1;
    p.resize_width = 3;
    stria_status status = dataset_open_pair(&train, &val, spec, NULL, err);
    if (status == STRIA_OK) status = loader_new(&l, train, &p, &o, err);
    if (status == STRIA_OK) status = loader_fill(l, NULL, 0, 1, &(sample){.image = x}, err);
    loader_free(l);
    dataset_free(train);
    dataset_free(val);
    return status;
}

static void fail_each(const char *spec) {
    size_t before = mem_bytes_now();
    mem_fail_at(0);
    assert_int_equal(use(spec, NULL), STRIA_OK);
    long allocations = mem_count();
    assert_true(allocations > 10);
    assert_int_equal(mem_bytes_now(), before);
    for (long n = 1; n <= allocations; n++) {
        stria_error err = {0};
        mem_fail_at(n);
        stria_status status = use(spec, &err);
        mem_fail_at(0);
        if (status != STRIA_NO_MEMORY)
            fail_msg("allocation %ld of %ld: status %d, '%s'", n, allocations, status, err.text);
        assert_true(says(&err, "memory"));
        assert_int_equal(mem_bytes_now(), before);
    }
}

static void test_mnist(void **state) {
    (void)state;
    fail_each(mnist);
}

static void test_folder(void **state) {
    (void)state;
    fail_each(folder);
}

static void test_arrays(void **state) {
    (void)state;
    fail_each(arrays);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mnist),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
