/* How pictures' files are read: as they are stored or as EXIF says, whole or no larger than needed; what a data set, a
 * loader and a run folder make of it. */
#include "data_pictures.h"

#include <stria/stria.h>

#include <math.h>

#include "data/loader.h"

#ifdef STRIA_HAVE_JPEG
enum { ROOM = 1 << 16 };

/* A photo of smooth colours, which survive JPEG: pixel (y, x, c). */
static int colour(int y, int x, int c, int height, int width) {
    return c == 0 ? 40 + 170 * x / width : c == 1 ? 40 + 170 * y / height : 128;
}

static size_t make_photo(uint8_t *out, int height, int width, bool progressive) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    uint8_t *file = NULL, *row = malloc((size_t)width * 3);
    unsigned long size = 0;
    assert_non_null(row);
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &file, &size);
    c.image_width = (JDIMENSION)width, c.image_height = (JDIMENSION)height;
    c.input_components = 3, c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    if (progressive) jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        for (int i = 0; i < 3 * width; i++) row[i] = (uint8_t)colour((int)c.next_scanline, i / 3, i % 3, height, width);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    assert_true(size < ROOM);
    memcpy(out, file, size);
    free(file);
    free(row);
    return size;
}

/* The photo with EXIF's orientation. */
static size_t make_turned(uint8_t *out, int height, int width, int orientation) {
    static uint8_t plain[ROOM];
    uint8_t exif[64] = "Exif\0";
    size_t size = make_photo(plain, height, width, false), n = make_exif(exif + 6, true, 3, orientation);
    return jpeg_insert(out, plain, size, 0xe1, exif, n + 6);
}

static image read_as(const uint8_t *file, size_t size, image_reading how) {
    image m = {0};
    stria_error err = {0};
    if (image_decode(file, size, &how, &m, &err) != STRIA_OK) fail_msg("%s", err.text);
    return m;
}

/* Near the photo's colours, seen at this size. */
static void check_photo(const image *m) {
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++)
            for (int c = 0; c < 3; c++) {
                int is = m->pixels[(y * m->width + x) * 3 + c], wanted = colour(y, x, c, m->height, m->width);
                assert_in_range(is - wanted + 20, 0, 40);
            }
}

static void test_reduced_sizes(void **state) {
    static const struct {
        int least, height, width;
    } rows[] = {{0, 90, 131}, {91, 90, 131}, {46, 90, 131}, {45, 45, 66}, {23, 45, 66},
                {22, 23, 33}, {12, 23, 33},  {11, 12, 17},  {1, 12, 17}};
    static uint8_t file[ROOM];
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        size_t size = make_photo(file, 90, 131, progressive);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            image m = read_as(file, size, (image_reading){.least_side = rows[i].least});
            assert_true(m.height == rows[i].height && m.width == rows[i].width && m.channels == 3);
            check_photo(&m);
            image_release(&m);
        }
        for (size_t n = 0; n < size; n += 7) { /* cut off anywhere: a sentence, or the same size */
            image m = {0};
            image_reading how = {.least_side = 20};
            if (image_decode(file, n, &how, &m, NULL) == STRIA_OK) assert_int_equal(m.height, 23);
            image_release(&m);
        }
    }
}

/* Grey and CMYK, and that the limit is on what the file declares. */
static void test_reduced_kinds(void **state) {
    static const uint8_t grey[] = {90}, ink[] = {200, 150, 250, 240};
    uint8_t *file;
    image m = {0};
    stria_error err = {0};
    (void)state;
    size_t size = make_jpeg(&file, JCS_GRAYSCALE, 1, false, grey);
    m = read_as(file, size, (image_reading){.least_side = 15});
    assert_true(m.height == 15 && m.width == 20 && m.channels == 1 && m.pixels[299] == 90);
    image_release(&m);
    image_reading how = {.max_pixels = 40 * 30 - 1, .least_side = 15};
    assert_int_equal(image_decode(file, size, &how, &m, &err), STRIA_UNSUPPORTED);
    assert_true(says(&err, "a picture of 40 x 30 pixels is larger than the limit of 1199"));
    free(file);
    size = make_jpeg(&file, JCS_CMYK, 4, false, ink);
    image whole = read_as(file, size, (image_reading){0});
    m = read_as(file, size, (image_reading){.least_side = 7});
    assert_true(m.height == 8 && m.width == 10 && m.channels == 3);
    for (int c = 0; c < 3; c++) assert_in_range(m.pixels[c] - whole.pixels[c] + 2, 0, 4);
    image_release(&whole);
    image_release(&m);
    free(file);
}

static void test_no_exif(void **state) {
    static uint8_t file[ROOM], plain[ROOM];
    (void)state;
    size_t size = make_photo(plain, 24, 40, false);
    image stored = read_as(plain, size, (image_reading){0});
    for (int orientation = 1; orientation <= 8; orientation++) {
        size = make_turned(file, 24, 40, orientation);
        image m = read_as(file, size, (image_reading){.no_exif = true}),
              turned = read_as(file, size, (image_reading){0});
        assert_true(turned.height == (orientation > 4 ? 40 : 24));
        check(m, 3, 24, 40, stored.pixels);
        image_release(&turned);
        put_file("turned.jpg", file, size);
        assert_int_equal(image_look(in_folder("turned.jpg"), false).height, orientation > 4 ? 40 : 24);
        assert_int_equal(image_look(in_folder("turned.jpg"), true).height, 24);
        m = read_as(file, size, (image_reading){.no_exif = true, .least_side = 12}); /* both at once */
        assert_true(m.height == 12 && m.width == 20);
        image_release(&m);
    }
    image_release(&stored);
}

/* ---- data sets and loaders ---- */

static char spec[600];

static void put_photos(void) {
    static uint8_t file[ROOM];
    char name[64];
    if (file_exists(in_folder("photos"))) return;
    put_folder("photos"), put_folder("photos/one"), put_folder("photos/two");
    for (int i = 0; i < 12; i++) {
        size_t size = make_turned(file, 160 + i, 200, i % 3 == 0 ? 6 : 1);
        snprintf(name, sizeof name, "photos/%s/%d.jpg", i % 2 ? "one" : "two", 10 + i);
        put_file(name, file, size);
    }
    snprintf(spec, sizeof spec, "folder:%s", in_folder("photos"));
}

static void test_dataset(void **state) {
    dataset *plain = NULL, *as_stored = NULL, *fast = NULL;
    dataset_item a, b;
    (void)state;
    put_photos();
    assert_int_equal(dataset_open(&plain, spec, NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_open(&as_stored, spec, &(dataset_options){.no_exif = true}, NULL), STRIA_OK);
    assert_int_equal(dataset_open(&fast, spec, &(dataset_options){.fast_decode = true}, NULL), STRIA_OK);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(dataset_read(plain, i, 40, &a, NULL), STRIA_OK); /* not asked to be fast */
        assert_int_equal(dataset_read(as_stored, i, 40, &b, NULL), STRIA_OK);
        assert_int_equal(b.view.width, 200);
        assert_int_equal(a.view.height < a.view.width, b.view.height == a.view.height);
        dataset_item_release(&b);
        assert_int_equal(dataset_read(fast, i, 40, &b, NULL), STRIA_OK);
        assert_int_equal(b.view.height, (a.view.height + 3) / 4);
        assert_int_equal(b.view.width, (a.view.width + 3) / 4);
        dataset_item_release(&a);
        dataset_item_release(&b);
    }
    dataset_free(plain);
    dataset_free(as_stored);
    dataset_free(fast);
}

enum { BATCH = 4, SIDE = 20, SIZE = BATCH * 3 * SIDE * SIDE };

static loader *make(const dataset *d, const char *steps, int threads, size_t keep) {
    loader *l = NULL;
    augment changes;
    preprocess p = preprocess_default();
    stria_error err = {0};
    assert_int_equal(augment_parse(steps, &changes, &err), STRIA_OK);
    loader_options o = {.batch = BATCH,
                        .seed = 5,
                        .shuffle = true,
                        .augment = &changes,
                        .keep_bytes = keep,
                        .threads = threads,
                        .shape = {3, SIDE, SIDE}};
    p.scale = 1;
    if (loader_new(&l, d, &p, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    return l;
}

/* The same for any threads and with pictures that are kept, and near what whole pictures give. */
static void test_loader(void **state) {
    static const char *const chains[] = {"", "flip", "resized-crop scale 0.25 1, flip"};
    static float x[4][SIZE];
    dataset *whole = NULL, *fast = NULL;
    (void)state;
    put_photos();
    assert_int_equal(dataset_open(&whole, spec, NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_open(&fast, spec, &(dataset_options){.fast_decode = true}, NULL), STRIA_OK);
    for (int c = 0; c < 3; c++) {
        loader *l[4] = {make(whole, chains[c], 0, 0), make(fast, chains[c], 0, 0), make(fast, chains[c], 3, 0),
                        make(fast, chains[c], 2, 1 << 20)};
        for (int64_t k = 0; k < 9; k++) {
            for (int i = 0; i < 4; i++)
                assert_int_equal(loader_fill(l[i], NULL, k / 3, k % 3, &(sample){.image = x[i]}, NULL), STRIA_OK);
            assert_memory_equal(x[1], x[2], sizeof x[1]);
            assert_memory_equal(x[1], x[3], sizeof x[1]);
            assert_memory_not_equal(x[0], x[1], sizeof x[1]);
            double sum = 0; /* a part that just fits a picture may not fit the smaller one: one of many differs */
            for (int i = 0; i < SIZE; i++) sum += fabs((double)x[0][i] - (double)x[1][i]);
            assert_true(sum / SIZE < (c == 2 ? 12 : 3));
        }
        for (int i = 0; i < 4; i++) loader_free(l[i]);
    }
    dataset_free(whole);
    dataset_free(fast);
}

/* What must be left for shrinking. */
static void test_least_side(void **state) {
    const int shape[3] = {3, 224, 200};
    preprocess p = preprocess_default();
    augment a;
    (void)state;
    assert_int_equal(preprocess_least_side(&p, shape), 224); /* it is resized to what the network takes */
    p.crop_height = 224, p.crop_width = 200;
    assert_int_equal(preprocess_least_side(&p, shape), 0); /* pixels as they are */
    p.resize_height = 256;
    assert_int_equal(preprocess_least_side(&p, shape), 256);
    assert_int_equal(augment_parse("flip", &a, NULL), STRIA_OK);
    assert_true(augment_least_part(&a) == 1);
    assert_int_equal(augment_parse("resized-crop scale 0.25 1, flip", &a, NULL), STRIA_OK);
    assert_true(augment_least_part(&a) == 0.5);
}

/* ---- run folders ---- */

static void test_run_remembers(void **state) {
    stria_dataset *d = NULL;
    stria_model *m = NULL;
    stria_trainer *t = NULL;
    stria_run *run = NULL;
    stria_error err = {0};
    stria_dataset_options opened = stria_dataset_options_default(), back;
    stria_train_options o = stria_train_options_default();
    (void)state;
    put_photos();
    opened.no_exif = opened.fast_decode = 1;
    o.steps = 1, o.batch = 4, o.out = in_folder("run");
    assert_int_equal(stria_dataset_open(&d, spec, &opened, NULL), STRIA_OK);
    assert_int_equal(stria_model_open(&m, "mlp:hidden=4,size=3x20x20,classes=2", 1, &err), STRIA_OK);
    if (stria_trainer_new(&t, m, d, NULL, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    assert_int_equal(stria_trainer_run(t, &err), STRIA_OK);
    stria_trainer_free(t);
    assert_int_equal(stria_run_data_options(in_folder("run"), &back, NULL), STRIA_OK);
    assert_true(back.no_exif == 1 && back.fast_decode == 1);
    assert_int_equal(stria_run_open(&run, in_folder("run"), NULL), STRIA_OK);
    assert_string_equal(stria_run_text(run, "data.no_exif"), "1");
    stria_run_free(run);
    o.steps = 2;
    static const char *const names[] = {"steps", NULL};
    assert_int_equal(stria_trainer_resume_with(&t, in_folder("run"), NULL, &o, names, &err), STRIA_OK);
    assert_int_equal(stria_trainer_run(t, &err), STRIA_OK);
    stria_trainer_free(t);
    stria_model_free(m);
    stria_dataset_free(d);
}

/* A predictor reads as it is told. */
static void test_predictor(void **state) {
    stria_model *m = NULL;
    float p[3][2];
    int64_t channels, height[3], width;
    (void)state;
    put_photos();
    assert_int_equal(stria_model_open(&m, "mlp:hidden=4,size=3x20x20,classes=2", 1, NULL), STRIA_OK);
    for (int i = 0; i < 3; i++) {
        stria_predictor *predictor = NULL;
        stria_inference_options o = stria_inference_options_default();
        o.no_exif = i == 1, o.fast_decode = i == 2;
        assert_int_equal(stria_predictor_new(&predictor, m, &o, NULL), STRIA_OK);
        assert_int_equal(stria_predict_file(predictor, in_folder("photos/two/10.jpg"), p[i], NULL), STRIA_OK);
        stria_predictor_picture(predictor, &channels, &height[i], &width);
        stria_predictor_free(predictor);
    }
    assert_true(height[0] == 200 && height[1] == 160 && height[2] == 25);
    assert_memory_not_equal(p[0], p[1], sizeof *p);
    for (int c = 0; c < 2; c++) assert_true(p[0][c] - p[2][c] < 0.1F && p[2][c] - p[0][c] < 0.1F);
    stria_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reduced_sizes), cmocka_unit_test(test_reduced_kinds),
                                       cmocka_unit_test(test_no_exif),       cmocka_unit_test(test_dataset),
                                       cmocka_unit_test(test_loader),        cmocka_unit_test(test_least_side),
                                       cmocka_unit_test(test_run_remembers), cmocka_unit_test(test_predictor)};
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
#else
int main(void) {
    return 77; /* this build reads no JPEG */
}
#endif
