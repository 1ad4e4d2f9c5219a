/* Data sets: facts, labels, splits, limits, sharing, and the sentences for what is missing or wrong. */
#include "data_support.h"

#include <math.h>
#include <pthread.h>
#include <stria/model.h>

#include "data/dataset.h"
#include "data/npy.h"

#define N 24 /* items of the small MNIST: 2x3 pixels, item i holds i…i+5, label i % 10 */

static void put_idx(const char *name, int rank, uint32_t n, const uint8_t *elements, size_t bytes) {
    uint8_t file[512];
    const uint32_t sizes[] = {n, 2, 3};
    put_file(name, file, make_idx(file, rank, sizes, elements, bytes));
}

static void put_mnist(const char *images, const char *labels, uint32_t n) {
    uint8_t pixels[N * 6], classes[N];
    for (uint32_t i = 0; i < n; i++) {
        classes[i] = (uint8_t)(i % 10);
        for (uint32_t j = 0; j < 6; j++) pixels[6 * i + j] = (uint8_t)(i + j);
    }
    put_idx(images, 3, n, pixels, (size_t)n * 6);
    put_idx(labels, 1, n, classes, n);
}

static int setup(void **state) {
    if (folder_setup(state)) return -1;
    put_folder("m");
    put_mnist("m/train-images-idx3-ubyte", "m/train-labels.idx1-ubyte", N);
    put_mnist("m/t10k-images.idx3-ubyte", "m/t10k-labels-idx1-ubyte", 5);
    return 0;
}

static const char *spec(const char *kind, const char *name) {
    static char words[600];
    snprintf(words, sizeof words, "%s:%s", kind, in_folder(name));
    return words;
}

static dataset *open_split(const char *s, const char *split, int64_t limit, bool hold_out) {
    dataset *d = NULL;
    stria_error err = {0};
    dataset_options o = {.split = split, .limit = limit, .hold_out = hold_out};
    if (dataset_open(&d, s, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    return d;
}

static void refuse(const char *s, const char *split, stria_status status, const char *words) {
    dataset *d = NULL;
    stria_error err = {0};
    dataset_options o = {.split = split};
    size_t before = mem_bytes_now();
    assert_int_equal(dataset_open(&d, s, &o, &err), status);
    assert_true(says(&err, words));
    assert_null(d);
    assert_int_equal(mem_bytes_now(), before);
}

static void test_mnist_facts(void **state) {
    dataset *d = open_split(spec("mnist", "m"), "train", 0, false);
    (void)state;
    assert_int_equal(dataset_count(d), N);
    assert_int_equal(dataset_channels(d), 1);
    assert_int_equal(dataset_height(d), 2);
    assert_int_equal(dataset_width(d), 3);
    assert_int_equal(dataset_classes(d), 10);
    assert_string_equal(dataset_class_name(d, 7), "7");
    assert_string_equal(dataset_path(d), in_folder("m"));
    assert_true(dataset_uniform(d));
    assert_int_equal(dataset_label(d, 13), 3);
    assert_int_equal(dataset_pixels(d, 13)[5], 18);
    assert_null(dataset_file(d, 0));
    dataset_item item;
    assert_int_equal(dataset_read(d, 13, 0, &item, NULL), STRIA_OK);
    assert_ptr_equal(item.view.bytes, dataset_pixels(d, 13));
    assert_int_equal(item.view.row_step, 3);
    dataset_item_release(&item);
    dataset_free(d);
}

static void test_splits(void **state) {
    static const struct {
        const char *split;
        int64_t limit;
        bool hold_out;
        int64_t count, first;
    } rows[] = {
        {"train", 0, true, 22, 0},    {"val", 0, false, 2, 22}, {"val", 1, false, 1, 22}, {"train", 7, false, 7, 0},
        {"train", 100, false, 24, 0}, {"test", 0, false, 5, 0}, {NULL, 0, false, 5, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dataset *d = open_split(spec("mnist", "m"), rows[i].split, rows[i].limit, rows[i].hold_out);
        assert_int_equal(dataset_count(d), rows[i].count);
        assert_int_equal(dataset_pixels(d, 0)[0], rows[i].first);
        dataset_free(d);
    }
}

static void test_pair_shares_memory(void **state) {
    dataset *train = NULL, *val = NULL;
    size_t before = mem_bytes_now();
    (void)state;
    assert_int_equal(dataset_open_pair(&train, &val, spec("mnist", "m"), NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_count(train), 22);
    assert_int_equal(dataset_count(val), 2);
    assert_ptr_equal(dataset_pixels(train, 0) + 22 * 6, dataset_pixels(val, 0));
    dataset_free(train);
    assert_int_equal(dataset_label(val, 1), 3);
    dataset_free(val);
    assert_int_equal(mem_bytes_now(), before);
}

static void *free_dataset(void *d) {
    dataset_free(d);
    return NULL;
}

/* The two parts may be dropped by two threads; ThreadSanitizer looks on in its build. */
static void test_pair_freed_by_threads(void **state) {
    size_t before = mem_bytes_now();
    (void)state;
    for (int i = 0; i < 50; i++) {
        dataset *parts[2];
        pthread_t threads[2];
        assert_int_equal(dataset_open_pair(&parts[0], &parts[1], spec("mnist", "m"), NULL, NULL), STRIA_OK);
        for (int k = 0; k < 2; k++) assert_int_equal(pthread_create(&threads[k], NULL, free_dataset, parts[k]), 0);
        for (int k = 0; k < 2; k++) assert_int_equal(pthread_join(threads[k], NULL), 0);
        assert_int_equal(mem_bytes_now(), before);
    }
}

static void test_checksum(void **state) {
    dataset *a = open_split(spec("mnist", "m"), "train", 0, false),
            *b = open_split(spec("mnist", "m"), "train", 3, false);
    dataset *c = open_split(spec("mnist", "m"), "test", 0, false);
    (void)state;
    assert_true(dataset_checksum(a) == dataset_checksum(b));
    assert_true(dataset_checksum(a) != dataset_checksum(c));
    dataset_free(a);
    dataset_free(b);
    dataset_free(c);
}

/* A path alone is what its files say. */
static void test_paths_alone(void **state) {
    (void)state;
    dataset *named = open_split(spec("mnist", "m"), "train", 0, false), *alone;
    alone = open_split(in_folder("m"), "train", 0, false);
    assert_string_equal(dataset_path(alone), in_folder("m"));
    assert_true(dataset_checksum(named) == dataset_checksum(alone));
    assert_int_equal(dataset_count(named), dataset_count(alone));
    dataset_free(named);
    dataset_free(alone);
}

static void test_wrong_words(void **state) {
    (void)state;
    refuse("mnits:x", NULL, STRIA_BAD_ARGUMENT, "did you mean 'mnist'?");
    refuse("fashion_mnist", NULL, STRIA_BAD_ARGUMENT, "did you mean 'fashion-mnist'?");
    refuse("imagenet21k", NULL, STRIA_BAD_ARGUMENT, "there are mnist");
    refuse("folder", NULL, STRIA_BAD_ARGUMENT, "needs a path: folder:PATH");
    refuse("", NULL, STRIA_BAD_ARGUMENT, "there is no dataset ''; there are mnist");
    refuse(spec("mnist", "m"), "trian", STRIA_BAD_ARGUMENT, "no split is called 'trian'");
    refuse(spec("mnist", "m"), "all", STRIA_BAD_ARGUMENT, "in two pieces");
    refuse(spec("mnist", "nowhere"), "train", STRIA_NO_FILE, "train-images-idx3-ubyte.gz");
    refuse(spec("fashion-mnist", "nowhere"), "train", STRIA_NO_FILE, "dataset-fashion-mnist");
    refuse("npy:x.npy", NULL, STRIA_BAD_ARGUMENT, "X.npy,Y.npy");
    refuse(spec("folder", "nowhere"), NULL, STRIA_NO_FILE, "there is no folder");
    refuse(spec("cifar10", "m"), NULL, STRIA_NO_FILE, "has no test_batch.bin");
    refuse(spec("cifar10", "m/t10k-labels-idx1-ubyte"), NULL, STRIA_UNSUPPORTED, "neither a folder nor an archive");
}

static void test_bad_mnist(void **state) {
    uint8_t labels[5] = {0, 1, 10, 3, 4};
    (void)state;
    put_folder("bad");
    refuse(spec("mnist", "bad"), "test", STRIA_NO_FILE, "has no t10k-images-idx3-ubyte.gz");
    put_mnist("bad/t10k-images-idx3-ubyte", "bad/t10k-labels-idx1-ubyte", 5);
    put_idx("bad/t10k-labels-idx1-ubyte", 1, 5, labels, 5);
    refuse(spec("mnist", "bad"), "test", STRIA_BAD_FILE, "item 2 has label 10, but there are 10 classes");
    put_idx("bad/t10k-labels-idx1-ubyte", 1, 4, labels, 4);
    refuse(spec("mnist", "bad"), "test", STRIA_BAD_FILE, "4 labels for 5 images");
    put_mnist("bad/train-images-idx3-ubyte", "bad/train-labels-idx1-ubyte", 5);
    refuse(spec("mnist", "bad"), "val", STRIA_BAD_FILE, "too few");
}

static void test_cifar(void **state) {
    uint8_t records[2 * 3073], label;
    char name[32];
    (void)state;
    put_folder("c");
    put_folder("c/cifar-10-batches-bin");
    for (size_t i = 0; i < sizeof records; i++) records[i] = (uint8_t)(i % 7);
    records[0] = 9;
    records[3073] = 2;
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        char path[64];
        snprintf(path, sizeof path, "c/cifar-10-batches-bin/%s", name);
        put_file(path, records, sizeof records);
    }
    dataset *d = open_split(spec("cifar10", "c"), "train", 0, false);
    assert_int_equal(dataset_count(d), 10);
    assert_int_equal(dataset_channels(d) * dataset_height(d) * dataset_width(d), 3072);
    assert_int_equal(dataset_label(d, 8), 9);
    assert_int_equal(dataset_label(d, 9), 2);
    assert_memory_equal(dataset_pixels(d, 9), records + 3074, 3072);
    assert_string_equal(dataset_class_name(d, 9), "truck");
    dataset_free(d);
    label = records[0];
    records[3073] = 10;
    put_file("c/cifar-10-batches-bin/test_batch.bin", records, sizeof records);
    refuse(spec("cifar10", "c"), "test", STRIA_BAD_FILE, "record 1 has label 10");
    put_file("c/cifar-10-batches-bin/test_batch.bin", records, sizeof records - 1);
    refuse(spec("cifar10", "c"), "test", STRIA_BAD_FILE, "are not a multiple of the record size");
    assert_int_equal(label, 9);
}

static const char *put_npy(const char *x_name, const npy_array *x, const npy_array *y) {
    static char words[1200];
    char paths[2][512];
    snprintf(paths[0], sizeof paths[0], "%s", in_folder(x_name));
    snprintf(paths[1], sizeof paths[1], "%s", in_folder("y.npy"));
    assert_int_equal(npy_write(paths[0], x, NULL), STRIA_OK);
    assert_int_equal(npy_write(paths[1], y, NULL), STRIA_OK);
    snprintf(words, sizeof words, "npy:%s,%s", paths[0], paths[1]);
    return words;
}

static void test_npy(void **state) {
    uint8_t bytes[24];
    float values[24];
    int64_t labels[] = {3, 0, 1, 3};
    npy_array x = {.type = STRIA_UINT8, .rank = 3, .shape = {4, 2, 3}, .data = bytes};
    npy_array y = {.type = STRIA_INT64, .rank = 1, .shape = {4}, .data = labels};
    (void)state;
    for (int i = 0; i < 24; i++) values[i] = (float)(bytes[i] = (uint8_t)i) / 2;
    dataset *d = open_split(put_npy("x.npy", &x, &y), NULL, 0, false);
    assert_int_equal(dataset_classes(d), 4);
    assert_int_equal(dataset_label(d, 3), 3);
    assert_int_equal(dataset_pixels(d, 3)[5], 23);
    assert_false(dataset_is_float(d));
    dataset_free(d);

    x = (npy_array){.type = STRIA_FLOAT32, .rank = 4, .shape = {4, 2, 1, 3}, .data = values};
    d = open_split(put_npy("x.npy", &x, &y), "all", 0, false);
    assert_true(dataset_is_float(d));
    assert_null(dataset_pixels(d, 0));
    assert_int_equal(dataset_channels(d), 2);
    dataset_item item;
    assert_int_equal(dataset_read(d, 2, 0, &item, NULL), STRIA_OK);
    assert_true(item.view.values[item.view.channel_step + 2] == 17.0f / 2);
    dataset_item_release(&item);
    dataset_free(d);

    char last[1300]; /* the same values in the same places, read as 1 x 3 pixels of two channels */
    uint8_t turned[24], *expected = bytes;
    for (int n = 0; n < 4; n++)
        for (int c = 0; c < 2; c++)
            for (int p = 0; p < 3; p++) turned[n * 6 + p * 2 + c] = expected[n * 6 + c * 3 + p];
    npy_array z = {.type = STRIA_UINT8, .rank = 4, .shape = {4, 1, 3, 2}, .data = turned};
    snprintf(last, sizeof last, "npy-nhwc%s", put_npy("z.npy", &z, &y) + 3);
    d = open_split(last, "all", 0, false);
    assert_int_equal(dataset_channels(d), 2);
    for (int n = 0; n < 4; n++) assert_memory_equal(dataset_pixels(d, n), expected + n * 6, 6);
    dataset_free(d);
    z.rank = 3;
    z.shape[2] = 6;
    snprintf(last, sizeof last, "npy-nhwc%s", put_npy("z.npy", &z, &y) + 3);
    refuse(last, "all", STRIA_BAD_SHAPE, "z.npy: an array of 3 dimensions, not [n, height, width, channels]");

    refuse(put_npy("x.npy", &x, &y), "test", STRIA_BAD_ARGUMENT, "has no test split");
    values[17] = NAN;
    refuse(put_npy("x.npy", &x, &y), NULL, STRIA_NOT_FINITE, "x.npy: the value at [2,1,0,2] is NaN");
    values[17] = -INFINITY;
    refuse(put_npy("x.npy", &x, &y), NULL, STRIA_NOT_FINITE, "[2,1,0,2] is infinite");
    values[17] = 0;
    labels[2] = -1;
    refuse(put_npy("x.npy", &x, &y), NULL, STRIA_BAD_FILE, "label -1 of item 2");
    y.shape[0] = 3;
    refuse(put_npy("x.npy", &x, &y), NULL, STRIA_BAD_SHAPE, "y.npy: 3 labels for 4 images");
    x.rank = 1;
    refuse(put_npy("x.npy", &x, &y), NULL, STRIA_BAD_SHAPE, "1 dimension;");
    y.type = STRIA_FLOAT32;
    x.rank = 4;
    refuse(put_npy("x.npy", &x, &y), NULL, STRIA_UNSUPPORTED, "labels are integers");
}

/* Sorted data: choices are random but fixed, hold the classes in proportion, do not meet, and together are all. */
static void test_random_choice(void **state) {
    enum { ITEMS = 120 };
    uint8_t pixels[ITEMS], labels[ITEMS];
    static const int in_val[4] = {5, 2, 2, 1};
    int seen[ITEMS] = {0}, classes[4] = {0};
    dataset *train = NULL, *val = NULL;
    (void)state;
    for (int i = 0; i < ITEMS; i++) {
        pixels[i] = (uint8_t)i;
        labels[i] = i < 60 ? 0 : i < 84 ? 1 : i < 108 ? 2 : 3; /* a half, a fifth, a fifth, a tenth */
    }
    npy_array x = {.type = STRIA_UINT8, .rank = 2, .shape = {ITEMS, 1}, .data = pixels};
    npy_array y = {.type = STRIA_UINT8, .rank = 1, .shape = {ITEMS}, .data = labels};
    const char *s = put_npy("sorted.npy", &x, &y);
    assert_int_equal(dataset_open_pair(&train, &val, s, NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_count(train), 110);
    assert_int_equal(dataset_count(val), 10);
    for (int i = 0; i < 110; i++) seen[*dataset_pixels(train, i)]++;
    for (int i = 0; i < 10; i++) seen[*dataset_pixels(val, i)]++, classes[dataset_label(val, i)]++;
    for (int i = 0; i < 4; i++) assert_int_equal(classes[i], in_val[i]);
    for (int i = 0; i < ITEMS; i++) assert_int_equal(seen[i], 1);
    dataset_free(train);
    dataset_free(val);
    dataset *some = open_split(s, "train", 40, false), *again = open_split(s, "train", 40, false);
    for (int i = 0; i < 40; i++) {
        classes[dataset_label(some, i)]++; /* in all 40 + 10 */
        assert_int_equal(*dataset_pixels(some, i), *dataset_pixels(again, i));
        assert_true(i == 0 || *dataset_pixels(some, i) > *dataset_pixels(some, i - 1));
    }
    for (int i = 0; i < 4; i++) assert_in_range(classes[i], 5 * in_val[i] - 1, 5 * in_val[i] + 1);
    dataset_free(some);
    dataset_free(again);
}

static void put_grey(const char *name, int value) {
    char file[32];
    int n = snprintf(file, sizeof file, "P5\n2 1\n255\n");
    file[n] = file[n + 1] = (char)value;
    put_file(name, file, (size_t)n + 2);
}

static const char *note_of(const char *format, const char *name) {
    static char note[900];
    snprintf(note, sizeof note, format, in_folder(name));
    return note;
}

static void test_folder(void **state) {
    (void)state;
    put_folder("f");
    refuse(spec("folder", "f"), NULL, STRIA_BAD_FILE, "no folders inside");
    put_folder("f/dog");
    put_folder("f/cat");
    put_folder("f/.hidden");
    put_grey("f/dog/b.pgm", 20);
    put_grey("f/dog/a.PGM", 10);
    put_file("f/dog/notes.txt", "x", 1);
    refuse(spec("folder", "f"), NULL, STRIA_BAD_FILE, "f/cat holds no pictures");
    put_file("f/cat/c.ppm", "P6 1 1 255\n\377\0\0", 14);
    dataset *d = open_split(spec("folder", "f"), "train", 0, false);
    assert_int_equal(dataset_count(d), 3);
    assert_int_equal(dataset_classes(d), 2);
    assert_string_equal(dataset_class_name(d, 0), "cat");
    assert_int_equal(dataset_label(d, 1), 1);
    assert_non_null(strstr(dataset_file(d, 1), "dog/a.PGM"));
    assert_false(dataset_uniform(d));
    assert_string_equal(dataset_note(d),
                        note_of("1 file is left out whose name is not of a picture (.jpg .png .webp .tif .bmp .ppm): "
                                "%s",
                                "f/dog/notes.txt"));
    assert_int_equal(dataset_channels(d), 3); /* one is coloured */
    assert_int_equal(dataset_height(d), 0);
    dataset_item item;
    assert_int_equal(dataset_read(d, 2, 0, &item, NULL), STRIA_OK);
    assert_int_equal(item.view.channels, 1);
    assert_int_equal(*item.view.bytes, 20);
    dataset_item_release(&item);
    dataset_free(d);
    put_file("f/dog/a.PGM", "P5 9 9 255\n", 11);
    d = open_split(spec("folder", "f"), "train", 0, false);
    stria_error err;
    assert_int_equal(dataset_read(d, 1, 0, &item, &err), STRIA_BAD_FILE);
    assert_true(says(&err, "dog/a.PGM: truncated"));
    dataset_free(d);
}

static void test_divided_folder(void **state) {
    static const char *const folders[] = {"g", "g/train", "g/test", "g/train/a", "g/train/b", "g/train/c", "g/test/c"};
    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) put_folder(folders[i]);
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof name, "g/train/%c/%d.pgm", 'a' + i % 3, i);
        put_grey(name, i);
    }
    put_grey("g/test/c/x.pgm", 1);
    dataset *d = open_split(spec("folder", "g"), NULL, 0, false);
    assert_int_equal(dataset_count(d), 1);
    assert_int_equal(dataset_classes(d), 3);
    assert_int_equal(dataset_label(d, 0), 2); /* by name, though a and b are not there */
    assert_int_equal(dataset_channels(d), 1);
    dataset_free(d);
    dataset *train = NULL, *val = NULL;
    assert_int_equal(dataset_open_pair(&train, &val, spec("folder", "g"), NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_count(train), 10);
    assert_int_equal(dataset_count(val), 2);
    dataset_free(train);
    dataset_free(val);
    put_folder("g/val");
    put_folder("g/val/b");
    put_grey("g/val/b/1.pgm", 1);
    assert_int_equal(dataset_open_pair(&train, &val, spec("folder", "g"), NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_count(train), 12);
    assert_int_equal(dataset_label(val, 0), 1);
    dataset_free(train);
    dataset_free(val);
}

/* A class may be called like a part: parts hold folders, classes hold pictures. */
static void test_class_called_train(void **state) {
    static const char *const classes[] = {"h/bus", "h/car", "h/train", "h/test"};
    (void)state;
    put_folder("h");
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        put_folder(classes[i]);
        snprintf(name, sizeof name, "%s/1.pgm", classes[i]);
        put_grey(name, (int)i);
    }
    dataset *d = open_split(spec("folder", "h"), "train", 0, false);
    assert_int_equal(dataset_classes(d), 4);
    assert_string_equal(dataset_class_name(d, 3), "train");
    assert_int_equal(dataset_count(d), 4);
    assert_string_equal(dataset_note(d), "");
    dataset_free(d);
    put_folder("h/train/thumbs"); /* a folder beside the pictures of a class makes it no part, but is not read */
    put_grey("h/loose.pgm", 1);
    d = open_split(spec("folder", "h"), "train", 0, false);
    assert_int_equal(dataset_classes(d), 4);
    assert_non_null(strstr(dataset_note(d), "1 file is left out"));
    assert_non_null(strstr(dataset_note(d), "h/train/thumbs"));
    assert_non_null(strstr(dataset_note(d), "1 picture is left out that lies in no class's folder: "));
    dataset_free(d);
}

/* Only a test part; the other names of val; what is not a part is said. */
static void test_part_names(void **state) {
    static const char *const vals[] = {"val", "valid", "validation", "Val", "VALIDATION"};
    dataset *d, *v;
    (void)state;
    put_folder("i");
    put_folder("i/test");
    put_folder("i/test/a");
    put_grey("i/test/a/1.pgm", 1);
    d = open_split(spec("folder", "i"), "test", 0, false);
    assert_string_equal(dataset_class_name(d, 0), "a");
    dataset_free(d);
    d = open_split(spec("folder", "i"), NULL, 0, false);
    assert_int_equal(dataset_count(d), 1);
    dataset_free(d);
    refuse(spec("folder", "i"), "train", STRIA_BAD_ARGUMENT, "has no train folder");
    refuse(spec("folder", "i"), "val", STRIA_BAD_ARGUMENT, "has no train folder");
    put_folder("i/Training");
    put_folder("i/Training/a");
    put_folder("i/Training/b");
    put_grey("i/Training/a/1.pgm", 1);
    put_grey("i/Training/b/1.pgm", 1);
    char from[64] = "i/val", to[64];
    put_folder("i/val");
    put_folder("i/val/b");
    put_grey("i/val/b/1.pgm", 1);
    for (size_t k = 0; k < sizeof vals / sizeof *vals; k++) {
        snprintf(to, sizeof to, "i/%s", vals[k]);
        assert_int_equal(rename(in_folder(from), in_folder(to)), 0);
        snprintf(from, sizeof from, "%s", to);
        assert_int_equal(dataset_open_pair(&d, &v, spec("folder", "i"), NULL, NULL), STRIA_OK);
        assert_int_equal(dataset_count(d), 2);
        assert_int_equal(dataset_count(v), 1);
        assert_int_equal(dataset_label(v, 0), 1);
        assert_string_equal(dataset_note(d), "");
        dataset_free(d);
        dataset_free(v);
    }
    put_folder("i/unlabelled");
    put_grey("i/test/2.pgm", 1);
    d = open_split(spec("folder", "i"), "train", 0, false);
    assert_non_null(strstr(dataset_note(d), "1 folder is left out that is not train, val or test: "));
    dataset_free(d);
    put_folder("i/valid");
    put_folder("i/valid/a");
    refuse(spec("folder", "i"), "train", STRIA_BAD_FILE, "has both 'VALIDATION' and 'valid'");
}

static void check_real(const char *s, const char *name_0, int label_0) {
    dataset *train = open_split(s, "train", 0, false), *test = open_split(s, "test", 0, false);
    int64_t classes[10] = {0};
    assert_int_equal(dataset_count(train), 60000);
    assert_int_equal(dataset_count(test), 10000);
    assert_int_equal(dataset_height(test), 28);
    assert_string_equal(dataset_class_name(train, 0), name_0);
    assert_int_equal(dataset_label(train, 0), label_0);
    for (int i = 0; i < 10000; i++) classes[dataset_label(test, i)]++;
    for (int i = 0; i < 10; i++) assert_in_range(classes[i], 800, 1200);
    dataset_free(train);
    dataset_free(test);
}

static void test_real(void **state) {
    (void)state;
#ifdef STRIA_HAVE_ZLIB
    char s[600];
    const char *mnist = real_data("mnist");
    if (mnist) {
        snprintf(s, sizeof s, "mnist:%s", mnist);
        check_real(s, "0", 5);
    }
    if (file_is_folder("/usr/share/datasets/fashion-mnist")) check_real("fashion-mnist", "T-shirt/top", 9);
    else print_message("skipped: Debian's dataset-fashion-mnist is not installed\n");
    if (!mnist) skip();
#else
    (void)check_real;
    print_message("skipped: the real files are gzipped and this build has no zlib\n");
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mnist_facts),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_pair_shares_memory),
        cmocka_unit_test(test_pair_freed_by_threads),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_paths_alone),
        cmocka_unit_test(test_wrong_words),
        cmocka_unit_test(test_bad_mnist),
        cmocka_unit_test(test_cifar),
        cmocka_unit_test(test_npy),
        cmocka_unit_test(test_random_choice),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_divided_folder),
        cmocka_unit_test(test_class_called_train),
        cmocka_unit_test(test_part_names),
        cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
