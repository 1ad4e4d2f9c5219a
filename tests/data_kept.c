/* Pictures that a loader keeps: the same bits with and without, whatever fits into the memory; files are read once. */
#include "data_support.h"

#include "base/pool.h"
#include "data/loader.h"

enum { ITEMS = 20, SIDE = 6, AREA = 3 * SIDE * SIDE };

static char spec[600];

static int setup(void **state) {
    uint8_t file[16 + 3 * 12 * 9];
    if (folder_setup(state)) return -1;
    put_folder("k");
    put_folder("k/a");
    for (int i = 0; i < ITEMS; i++) {
        char name[32];
        int n = snprintf((char *)file, 16, "P6 12 9 255\n");
        for (int j = 0; j < 3 * 12 * 9; j++) file[n + j] = (uint8_t)(i * 31 + j * (i + 7));
        snprintf(name, sizeof name, "k/a/%02d.ppm", i);
        put_file(name, file, (size_t)(n + 3 * 12 * 9));
    }
    snprintf(spec, sizeof spec, "folder:%s", in_folder("k"));
    return 0;
}

static loader *make(const dataset *d, const char *steps, const char *channels, size_t keep) {
    stria_error err = {0};
    augment changes;
    loader *l = NULL;
    preprocess p = preprocess_default();
    assert_int_equal(preprocess_set(&p, "channels", channels, &err), STRIA_OK);
    assert_int_equal(preprocess_set(&p, "mean", "0.5,0.4,0.3", &err), STRIA_OK);
    assert_int_equal(augment_parse(steps, &changes, &err), STRIA_OK);
    loader_options o = {
        .batch = ITEMS, .seed = 5, .shuffle = true, .augment = &changes, .keep_bytes = keep, .shape = {3, SIDE, SIDE}};
    if (loader_new(&l, d, &p, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    return l;
}

static dataset *open_all(void) {
    dataset *d = NULL;
    stria_error err = {0};
    if (dataset_open(&d, spec, &(dataset_options){.split = "train"}, &err) != STRIA_OK) fail_msg("%s", err.text);
    return d;
}

/* Nothing, some of it, all of it. */
static void test_same_bits(void **state) {
    static const char *const chains[] = {"", "crop pad 1, flip", "resized-crop scale 0.3 1, flip, noise 0.1"};
    static const size_t room[] = {1, 2000, 1 << 20};
    static float plain[ITEMS * AREA], with[ITEMS * AREA];
    pool *three = NULL;
    dataset *d = open_all();
    (void)state;
    assert_int_equal(pool_new(&three, 3, NULL), STRIA_OK);
    for (int chain = 0; chain < 3; chain++)
        for (int order = 0; order < 2; order++)
            for (int r = 0; r < 3; r++) {
                loader *a = make(d, chains[chain], order ? "bgr" : "rgb", 0);
                loader *b = make(d, chains[chain], order ? "bgr" : "rgb", room[r]);
                for (int64_t epoch = 0; epoch < 3; epoch++) {
                    assert_int_equal(loader_fill(a, NULL, epoch, 0, &(sample){.image = plain}, NULL), STRIA_OK);
                    assert_int_equal(loader_fill(b, three, epoch, 0, &(sample){.image = with}, NULL), STRIA_OK);
                    assert_memory_equal(plain, with, sizeof plain);
                    assert_true(loader_kept_bytes(b) <= room[r]);
                }
                assert_int_equal(loader_kept_bytes(a), 0);
                if (r == 2) assert_int_equal(loader_kept_bytes(b), chain == 2 ? ITEMS * 3 * 12 * 9 : sizeof plain);
                loader_free(a);
                loader_free(b);
            }
    pool_release(three);
    dataset_free(d);
}

/* What was kept needs no file. */
static void test_files_read_once(void **state) {
    static float first[ITEMS * AREA], second[ITEMS * AREA];
    dataset *d = open_all();
    loader *l = make(d, "", "rgb", 1 << 20);
    stria_error err;
    (void)state;
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = first}, NULL), STRIA_OK);
    assert_int_equal(remove(in_folder("k/a/03.ppm")), 0);
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = second}, NULL), STRIA_OK);
    assert_memory_equal(first, second, sizeof first);
    loader_free(l);
    l = make(d, "", "rgb", 0);
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = second}, &err), STRIA_NO_FILE);
    loader_free(l);
    dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_files_read_once)};
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
