/* Batches: what they hold is a function of (seed, epoch, batch), for any number of threads, and each epoch is a
 * permutation. */
#include "data_support.h"

#include <stria/model.h>
#include <sys/resource.h>

#include "data/loader.h"
#include "data/npy.h"

enum { ITEMS = 75, BATCH = 32, AREA = 6 };

static char spec[1200];

/* Item i is six pixels of value i; label i % 5. */
static int setup(void **state) {
    uint8_t pixels[ITEMS * AREA], labels[ITEMS];
    if (folder_setup(state)) return -1;
    for (int i = 0; i < ITEMS; i++) {
        memset(pixels + i * AREA, i, AREA);
        labels[i] = (uint8_t)(i % 5);
    }
    npy_array x = {.type = STRIA_UINT8, .rank = 3, .shape = {ITEMS, 2, 3}, .data = pixels};
    npy_array y = {.type = STRIA_UINT8, .rank = 1, .shape = {ITEMS}, .data = labels};
    if (npy_write(in_folder("x.npy"), &x, NULL) || npy_write(in_folder("y.npy"), &y, NULL)) return -1;
    snprintf(spec, sizeof spec, "npy:%s,%s", in_folder("x.npy"), in_folder("y.npy"));
    return 0;
}

static dataset *open_all(const char *s) {
    dataset *d = NULL;
    stria_error err = {0};
    if (dataset_open(&d, s, NULL, &err) != STRIA_OK) fail_msg("%s", err.text);
    return d;
}

static loader *make(const dataset *d, uint64_t seed, bool shuffle, bool drop_last) {
    loader *l = NULL;
    preprocess p = preprocess_default();
    stria_error err = {0};
    loader_options o = {.batch = BATCH, .seed = seed, .shuffle = shuffle, .drop_last = drop_last};
    p.scale = 1;
    if (loader_new(&l, d, &p, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    return l;
}

static void test_order_and_last_batch(void **state) {
    dataset *d = open_all(spec);
    loader *l = make(d, 1, false, false);
    float x[BATCH * AREA];
    int64_t labels[BATCH], indices[BATCH];
    int shape[3];
    (void)state;
    loader_shape(l, shape);
    assert_true(shape[0] == 1 && shape[1] == 2 && shape[2] == 3);
    assert_int_equal(loader_batches(l), 3);
    assert_int_equal(loader_items(l, 1), BATCH);
    assert_int_equal(loader_items(l, 2), ITEMS - 2 * BATCH);
    for (int b = 0; b < 3; b++) {
        assert_int_equal(loader_fill(l, NULL, 4, b, &(sample){.image = x, .label = labels, .index = indices}, NULL),
                         STRIA_OK);
        for (int i = 0; i < loader_items(l, b); i++) {
            assert_int_equal(indices[i], b * BATCH + i);
            assert_int_equal(labels[i], indices[i] % 5);
            for (int j = 0; j < AREA; j++) assert_true(x[i * AREA + j] == (float)indices[i]);
        }
    }
    assert_int_equal(loader_fill(l, NULL, 0, 3, &(sample){.image = x}, NULL), STRIA_BAD_ARGUMENT);
    loader_free(l);
    l = make(d, 1, false, true);
    assert_int_equal(loader_batches(l), 2);
    loader_free(l);
    dataset_free(d);
}

static void epoch_of(loader *l, pool *workers, int64_t epoch, int64_t *indices) {
    float x[BATCH * AREA];
    int64_t labels[BATCH];
    for (int64_t b = 0; b < loader_batches(l); b++) {
        int64_t *here = indices + b * BATCH;
        assert_int_equal(loader_fill(l, workers, epoch, b, &(sample){.image = x, .label = labels, .index = here}, NULL),
                         STRIA_OK);
        for (int64_t i = 0; i < loader_items(l, b); i++) {
            assert_int_equal(labels[i], here[i] % 5);
            assert_true(x[i * AREA + AREA - 1] == (float)here[i]);
        }
    }
}

static void test_shuffle(void **state) {
    dataset *d = open_all(spec);
    loader *l = make(d, 7, true, false), *other = make(d, 8, true, false);
    int64_t first[ITEMS], second[ITEMS], again[ITEMS], another[ITEMS];
    int seen[ITEMS] = {0};
    (void)state;
    epoch_of(l, NULL, 0, first);
    epoch_of(l, NULL, 1, second);
    epoch_of(l, NULL, 0, again);
    epoch_of(other, NULL, 0, another);
    for (int i = 0; i < ITEMS; i++) seen[first[i]]++;
    for (int i = 0; i < ITEMS; i++) assert_int_equal(seen[i], 1);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
    assert_memory_not_equal(first, another, sizeof first);
    loader_free(other);
    loader_free(l);
    dataset_free(d);
}

static void test_threads(void **state) {
    dataset *d = open_all(spec);
    int64_t alone[ITEMS], together[ITEMS];
    loader *l = make(d, 7, true, false);
    (void)state;
    epoch_of(l, NULL, 3, alone);
    for (int threads = 2; threads <= 7; threads += 5) {
        pool *workers = NULL;
        assert_int_equal(pool_new(&workers, threads, NULL), STRIA_OK);
        epoch_of(l, workers, 3, together);
        assert_memory_equal(alone, together, sizeof alone);
        pool_release(workers);
    }
    loader_free(l);
    dataset_free(d);
}

static void test_refusals(void **state) {
    dataset *d = open_all(spec);
    preprocess p = preprocess_default();
    loader *l = NULL;
    stria_error err;
    (void)state;
    loader_options o = {.batch = 0};
    assert_int_equal(loader_new(&l, d, &p, &o, &err), STRIA_BAD_ARGUMENT);
    o = (loader_options){.batch = ITEMS + 1, .drop_last = true};
    assert_int_equal(loader_new(&l, d, &p, &o, &err), STRIA_BAD_ARGUMENT);
    assert_true(says(&err, "a batch of 76 is more than the 75 items"));
    o = (loader_options){.batch = 1};
    p.crop_height = p.crop_width = 3;
    assert_int_equal(loader_new(&l, d, &p, &o, &err), STRIA_BAD_SHAPE);
    assert_null(l);
    dataset_free(d);
}

/* Pictures of a folder, one of them of another size, some damaged: the item's name is in the sentence; resizing helps.
 */
static void test_pictures(void **state) {
    char s[600], name[32];
    float x[20 * 2];
    stria_error err;
    (void)state;
    put_folder("f");
    put_folder("f/one");
    for (int i = 10; i < 30; i++) {
        snprintf(name, sizeof name, "f/one/%d.pgm", i);
        if (i == 25) put_file(name, "P2 4 1 255 9 9 9 9", 18);
        else put_file(name, "P2 2 1 255 7 7", 14);
    }
    snprintf(s, sizeof s, "folder:%s", in_folder("f"));
    dataset *d = open_all(s);
    preprocess p = preprocess_default();
    loader_options o = {.batch = 20};
    loader *l = NULL;
    p.scale = 1;
    assert_int_equal(loader_new(&l, d, &p, &o, &err), STRIA_BAD_SHAPE);
    assert_true(says(&err, "the pictures differ in size: say how to resize or crop them"));
    p.crop_height = 1;
    p.crop_width = 3;
    o.shape[0] = 1, o.shape[1] = 1, o.shape[2] = 3;
    assert_int_equal(loader_new(&l, d, &p, &o, NULL), STRIA_OK);
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = x}, &err), STRIA_BAD_SHAPE);
    assert_true(says(&err, "f/one/10.pgm: a crop of 3 x 1 does not fit into a picture of 2 x 1"));
    loader_free(l);
    p.crop_height = p.crop_width = 0;
    o = (loader_options){.batch = 20};
    p.resize_height = 1;
    p.resize_width = 2;
    assert_int_equal(loader_new(&l, d, &p, &o, NULL), STRIA_OK);
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = x}, &err), STRIA_OK);
    assert_true(x[30] == 9 && x[31] == 9 && x[32] == 7);
    put_file("f/one/12.pgm", "P2 2 1 255 7", 12);
    put_file("f/one/28.pgm", "P2 2 1 255 7", 12);
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = x}, &err), STRIA_BAD_FILE);
    assert_true(says(&err, "12.pgm"));
    loader_free(l);
    dataset_free(d);
}

/* ---- pictures that cannot be read ---- */

enum { MANY = 50 };

static bool is_bad(int64_t i) {
    return i < 3 || i == 17 || i == MANY - 1;
}

static dataset *open_damaged(void) {
    char name[64], s[600], text[32];
    if (!file_exists(in_folder("bad"))) {
        put_folder("bad");
        put_folder("bad/one");
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "bad/one/%d.pgm", 10 + i);
        int length = snprintf(text, sizeof text, is_bad(i) ? "P2 1 1 255" : "P2 1 1 255 %d", i);
        put_file(name, text, (size_t)length);
    }
    snprintf(s, sizeof s, "folder:%s", in_folder("bad"));
    return open_all(s);
}

static loader *make_bad(const dataset *d, int64_t batch, loader_bad bad) {
    loader *l = NULL;
    preprocess p = preprocess_default();
    p.scale = 1;
    loader_options o = {.batch = batch,
                        .seed = 7,
                        .shuffle = bad != BAD_MARKED,
                        .drop_last = bad != BAD_MARKED,
                        .bad = bad,
                        .shape = {1, 1, 1}};
    assert_int_equal(loader_new(&l, d, &p, &o, NULL), STRIA_OK);
    return l;
}

/* The order of an epoch, as a loader of good pictures has it. */
static void order_of(int64_t epoch, int64_t *order) {
    npy_array x = {.type = STRIA_UINT8, .rank = 3, .shape = {MANY, 1, 1}, .data = (uint8_t[MANY]){0}};
    npy_array y = {.type = STRIA_UINT8, .rank = 1, .shape = {MANY}, .data = (uint8_t[MANY]){0}};
    char s[1200];
    float values[MANY];
    assert_int_equal(npy_write(in_folder("gx.npy"), &x, NULL) || npy_write(in_folder("gy.npy"), &y, NULL), 0);
    snprintf(s, sizeof s, "npy:%s,%s", in_folder("gx.npy"), in_folder("gy.npy"));
    dataset *d = open_all(s);
    loader *l = make_bad(d, MANY, BAD_FAILS);
    assert_int_equal(loader_fill(l, NULL, epoch, 0, &(sample){.image = values, .index = order}, NULL), STRIA_OK);
    loader_free(l);
    dataset_free(d);
}

/* The next good one takes a bad one's place, across batches and around the end, for any batch and number of threads. */
static void test_bad_replaced(void **state) {
    static const int64_t sizes[] = {1, 7, 25, MANY};
    dataset *d = open_damaged();
    int64_t order[MANY], indices[MANY];
    float x[MANY];
    const char *first = NULL;
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        pool *p = NULL;
        assert_int_equal(pool_new(&p, threads, NULL), STRIA_OK);
        for (int k = 0; k < 4; k++) {
            loader *l = make_bad(d, sizes[k], BAD_REPLACED);
            assert_int_equal(loader_bad_count(l, &first), 0);
            assert_null(first);
            for (int64_t epoch = 0; epoch < 3; epoch++) {
                order_of(epoch, order);
                for (int64_t b = 0; b < loader_batches(l); b++) {
                    assert_int_equal(loader_fill(l, p, epoch, b, &(sample){.image = x, .index = indices}, NULL),
                                     STRIA_OK);
                    for (int64_t i = 0; i < sizes[k]; i++) {
                        int64_t at = b * sizes[k] + i;
                        while (is_bad(order[at % MANY])) at++;
                        assert_int_equal(indices[i], order[at % MANY]);
                        assert_true(x[i] == (float)indices[i]);
                    }
                }
            }
            assert_int_equal(loader_bad_count(l, &first), 5);
            assert_non_null(strstr(first, "bad/one/10.pgm: "));
            loader_free(l);
        }
        pool_release(p);
    }
    dataset_free(d);
}

static void test_bad_marked(void **state) {
    dataset *d = open_damaged();
    loader *l = make_bad(d, MANY, BAD_MARKED);
    int64_t labels[MANY], indices[MANY];
    float x[MANY];
    stria_error err = {0};
    (void)state;
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = x, .label = labels, .index = indices}, NULL),
                     STRIA_OK);
    for (int i = 0; i < MANY; i++) {
        assert_true(x[i] == (is_bad(i) ? 0 : (float)i));
        assert_int_equal(labels[i], is_bad(i) ? -1 : 0);
        assert_int_equal(indices[i], is_bad(i) ? -1 : i);
    }
    assert_int_equal(loader_bad_count(l, NULL), 5);
    loader_free(l);
    l = make_bad(d, MANY, BAD_FAILS);
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = x, .label = labels, .index = indices}, &err),
                     STRIA_BAD_FILE);
    assert_non_null(strstr(err.text, "; --skip-bad leaves such pictures out"));
    assert_int_equal(loader_bad_count(l, NULL), 0);
    loader_free(l);
    dataset_free(d);
}

/* A process without file descriptors can read nothing: no picture is bad for that. */
static void test_limits_are_not_bad(void **state) {
    dataset *d = open_damaged();
    loader *l = make_bad(d, MANY, BAD_REPLACED);
    struct rlimit before, none;
    stria_error err = {0};
    float x[MANY];
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    stria_status status = loader_fill(l, NULL, 0, 0, &(sample){.image = x}, &err);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(status, STRIA_IO);
    assert_non_null(strstr(err.text, ".pgm': too many open files"));
    assert_int_equal(loader_bad_count(l, NULL), 0);
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = x}, &err), STRIA_OK);
    assert_int_equal(loader_bad_count(l, NULL), 5);
    loader_free(l);
    dataset_free(d);
}

static void test_all_bad(void **state) {
    dataset *d = open_damaged();
    stria_error err = {0};
    char name[64];
    float x[MANY];
    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "bad/one/%d.pgm", 10 + i);
        put_file(name, "P2 1 1 255", 10);
    }
    loader *l = make_bad(d, 7, BAD_REPLACED);
    for (int i = 0; i < 2; i++) {
        err = (stria_error){0};
        assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = x}, &err), STRIA_BAD_FILE);
        assert_non_null(strstr(err.text, "none of the 50 pictures can be read, the first because of this: "));
        assert_non_null(strstr(err.text, "bad/one/10.pgm: "));
    }
    loader_free(l);
    dataset_free(d);
}

/* The files in this order, of which a.* is the first by name; what each becomes for a network of `channels` x 1 x 2. */
static void fill_mixed(const char *first, int channels, float *x) {
    char s[600];
    put_file("mixed/one/a.ppm", "P6 2 1 255\nabcabc", 17);
    put_file("mixed/one/b.pgm", "P5 3 1 255\nxyz", 14);
    put_file("mixed/one/c.ppm", "P6 2 1 255\nabcabc", 17);
    put_file("mixed/one/d.pgm", "P5 2 1 255\nxx", 13);
    char moved[64];
    snprintf(moved, sizeof moved, "mixed/one/0%s", strrchr(first, '/') + 1);
    assert_int_equal(rename(in_folder(first), in_folder(moved)), 0);
    snprintf(s, sizeof s, "folder:%s", in_folder("mixed"));
    dataset *d = open_all(s);
    preprocess p = preprocess_default();
    loader_options o = {.batch = 4, .shape = {channels, 1, 2}};
    loader *l = NULL;
    p.scale = 1;
    assert_int_equal(dataset_channels(d), 3);
    assert_int_equal(loader_new(&l, d, &p, &o, NULL), STRIA_OK);
    assert_int_equal(loader_fill(l, NULL, 0, 0, &(sample){.image = x}, NULL), STRIA_OK);
    loader_free(l);
    dataset_free(d);
    assert_int_equal(rename(in_folder(moved), in_folder(first)), 0);
}

/* Channels and sizes do not depend on which file is the first by name, nor on how many of another kind are there. */
static void test_first_picture_decides_nothing(void **state) {
    static const char *const names[] = {"mixed/one/a.ppm", "mixed/one/b.pgm", "mixed/one/c.ppm", "mixed/one/d.pgm"};
    float x[4 * 6];
    const float grey = 0.299f * 'a' + 0.587f * 'b' + 0.114f * 'c';
    (void)state;
    put_folder("mixed");
    put_folder("mixed/one");
    for (int first = 0; first < 4; first++) {
        int at[4] = {first};
        for (int i = 0, k = 1; i < 4; i++)
            if (i != first) at[k++] = i; /* which file each place holds */
        fill_mixed(names[first], 3, x);
        for (int i = 0; i < 4; i++) {
            for (int c = 0; c < 3; c++) {
                float *row = x + 6 * i + 2 * c;
                if (at[i] % 2 == 0) assert_true(row[0] == (float)('a' + c) && row[1] == row[0]);
                else if (at[i] == 3) assert_true(row[0] == 'x' && row[1] == 'x');
                else assert_true(row[0] > 'x' && row[0] < 'y' && row[1] > 'y' && row[1] < 'z');
            }
        }
        fill_mixed(names[first], 1, x);
        for (int i = 0; i < 4; i++) {
            if (at[i] % 2 == 0) assert_true(x[2 * i] == grey && x[2 * i + 1] == grey);
            else assert_true(x[2 * i] >= 'x' && x[2 * i + 1] <= 'z');
        }
    }
}

/* Augmented batches have the same bits for any number of threads, and others in another epoch. */
static void test_augmented(void **state) {
    static float x[3][BATCH * AREA];
    dataset *d = open_all(spec);
    augment changes;
    loader *l = NULL;
    preprocess p = preprocess_default();
    stria_error err = {0};
    pool *three = NULL;
    (void)state;
    assert_int_equal(augment_parse("crop pad 1, noise 0.1", &changes, &err), STRIA_OK);
    loader_options o = {.batch = BATCH, .seed = 3, .augment = &changes};
    assert_int_equal(loader_new(&l, d, &p, &o, &err), STRIA_OK);
    assert_int_equal(pool_new(&three, 3, &err), STRIA_OK);
    assert_int_equal(loader_fill(l, NULL, 0, 1, &(sample){.image = x[0]}, &err), STRIA_OK);
    assert_int_equal(loader_fill(l, three, 0, 1, &(sample){.image = x[1]}, &err), STRIA_OK);
    assert_int_equal(loader_fill(l, three, 1, 1, &(sample){.image = x[2]}, &err), STRIA_OK);
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    assert_memory_not_equal(x[0], x[2], sizeof x[0]);
    for (int i = 0; i < BATCH * AREA; i++) assert_true(x[0][i] >= 0 && x[0][i] <= 1);
    pool_release(three);
    loader_free(l);
    dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_last_batch),
                                       cmocka_unit_test(test_shuffle),
                                       cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_pictures),
                                       cmocka_unit_test(test_first_picture_decides_nothing),
                                       cmocka_unit_test(test_bad_replaced),
                                       cmocka_unit_test(test_bad_marked),
                                       cmocka_unit_test(test_limits_are_not_bad),
                                       cmocka_unit_test(test_all_bad),
                                       cmocka_unit_test(test_augmented)};
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
