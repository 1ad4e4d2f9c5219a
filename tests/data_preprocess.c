/* Preprocessing: the formula, channel orders, crops, resizing against its definition, and the text form. */
#include "data_support.h"

#include <math.h>

#include "data/preprocess.h"

static void set(preprocess *p, const char *key, const char *value) {
    stria_error err = {0};
    if (preprocess_set(p, key, value, &err) != STRIA_OK) fail_msg("%s", err.text);
}

static image_view interleaved(const uint8_t *bytes, int channels, int height, int width) {
    return (image_view){.bytes = bytes,
                        .channels = channels,
                        .height = height,
                        .width = width,
                        .channel_step = 1,
                        .row_step = width * channels,
                        .pixel_step = channels};
}

static void near(const float *x, const double *wanted, int n, double tolerance) {
    for (int i = 0; i < n; i++) {
        if (fabs(x[i] - wanted[i]) <= tolerance) continue;
        fail_msg("x[%d] is %g, not %g", i, (double)x[i], wanted[i]);
    }
}

static void test_formula(void **state) {
    static const uint8_t pixels[] = {10, 20, 30, 40, 50, 60}; /* two pixels */
    preprocess p = preprocess_default();
    image_view v = interleaved(pixels, 3, 1, 2);
    float x[6];
    (void)state;
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    near(x, (const double[]){10 / 255.0, 40 / 255.0, 20 / 255.0, 50 / 255.0, 30 / 255.0, 60 / 255.0}, 6, 1e-8);
    assert_int_equal(preprocess_preset(&p, "imagenet", NULL), STRIA_OK);
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    near(x,
         (const double[]){(10 / 255.0 - 0.485) / 0.229, (40 / 255.0 - 0.485) / 0.229, (20 / 255.0 - 0.456) / 0.224,
                          (50 / 255.0 - 0.456) / 0.224, (30 / 255.0 - 0.406) / 0.225, (60 / 255.0 - 0.406) / 0.225},
         6, 1e-6);
    p = preprocess_default();
    assert_int_equal(preprocess_preset(&p, "caffe", NULL), STRIA_OK);
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    near(x, (const double[]){30 - 104, 60 - 104, 20 - 117, 50 - 117, 10 - 123, 40 - 123}, 6, 0);
    p = preprocess_default();
    set(&p, "channels", "grey");
    set(&p, "scale", "1");
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    near(x, (const double[]){0.299 * 10 + 0.587 * 20 + 0.114 * 30, 0.299 * 40 + 0.587 * 50 + 0.114 * 60}, 2, 1e-5);
}

/* All 256 pixels, dense planes as MNIST's: the correctly rounded value. */
static void test_bytes_are_exact(void **state) {
    uint8_t pixels[256];
    float x[256];
    preprocess p = preprocess_default();
    (void)state;
    for (int i = 0; i < 256; i++) pixels[i] = (uint8_t)i;
    image_view v = {.bytes = pixels,
                    .channels = 1,
                    .height = 16,
                    .width = 16,
                    .channel_step = 256,
                    .row_step = 16,
                    .pixel_step = 1};
    set(&p, "mean", "0.1307");
    set(&p, "std", "0.3081");
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    for (int i = 0; i < 256; i++)
        assert_true(fabs(x[i] - (i / 255.0 - 0.1307) / 0.3081) <= fabs(x[i]) * 0x1p-24 + 1e-12);
}

static void test_grey_becomes_colour(void **state) {
    static const uint8_t pixels[] = {1, 2};
    image_view v = interleaved(pixels, 1, 1, 2);
    preprocess p = preprocess_default();
    float x[6];
    (void)state;
    set(&p, "scale", "1");
    set(&p, "channels", "bgr");
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    near(x, (const double[]){1, 2, 1, 2, 1, 2}, 6, 0);
}

static void test_crop(void **state) {
    uint8_t pixels[5 * 6];
    float x[6];
    preprocess p = preprocess_default();
    (void)state;
    for (int i = 0; i < 30; i++) pixels[i] = (uint8_t)i;
    image_view v = interleaved(pixels, 1, 5, 6);
    set(&p, "scale", "1");
    set(&p, "crop", "3x2");
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    near(x, (const double[]){8, 9, 14, 15, 20, 21}, 6, 0);
    stria_error err;
    set(&p, "crop", "7");
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, &err), STRIA_BAD_SHAPE);
    assert_true(says(&err, "a crop of 7 x 7 does not fit into a picture of 6 x 5"));
}

/* Where the crop begins, of a row of n pixels that tell their column: round(d / 2), half to even, as torchvision has it
 * (figures of its center_crop). */
static void test_crop_begin(void **state) {
    static const struct {
        int n, crop, begin;
    } rows[] = {{40, 40, 0}, {41, 40, 0}, {42, 40, 1}, {43, 40, 2}, {44, 40, 2},
                {45, 40, 2}, {46, 40, 3}, {47, 40, 4}, {5, 2, 2},   {256, 224, 16}};
    uint8_t pixels[256];
    float x[224 * 1];
    (void)state;
    for (int i = 0; i < 256; i++) pixels[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        preprocess across = preprocess_default();
        across.scale = 1;
        across.crop_height = 1;
        across.crop_width = rows[i].crop;
        image_view v = interleaved(pixels, 1, 1, rows[i].n);
        assert_int_equal(preprocess_apply(&across, NULL, &v, x, NULL), STRIA_OK);
        assert_int_equal((int)x[0], rows[i].begin);
        preprocess down = across;
        down.crop_height = rows[i].crop;
        down.crop_width = 1;
        v = interleaved(pixels, 1, rows[i].n, 1);
        assert_int_equal(preprocess_apply(&down, NULL, &v, x, NULL), STRIA_OK);
        assert_int_equal((int)x[0], rows[i].begin);
    }
}

/* The longer side is cut to a whole number, as in torchvision: int(size · long / short). */
static void test_resize_shorter_side(void **state) {
    static const struct {
        int height, width, size, resized_height, resized_width;
    } rows[] = {{343, 512, 256, 256, 382}, {512, 343, 256, 382, 256}, {375, 500, 256, 256, 341},
                {500, 333, 224, 336, 224}, {10, 10, 7, 7, 7},         {3, 1000, 2, 2, 666},
                {427, 640, 232, 232, 347}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        preprocess p = preprocess_default();
        int shape[3];
        p.resize_height = rows[i].size;
        assert_int_equal(preprocess_shape(&p, 3, rows[i].height, rows[i].width, shape, NULL), STRIA_OK);
        assert_int_equal(shape[1], rows[i].resized_height);
        assert_int_equal(shape[2], rows[i].resized_width);
    }
}

/* Resizing holds a row of the picture in floats, not the picture. */
static void test_resize_memory(void **state) {
    enum { SIDE = 3000 };
    uint8_t *pixels = mem_zalloc(SIDE * SIDE, 1);
    float x[8 * 8];
    preprocess p = preprocess_default();
    (void)state;
    assert_non_null(pixels);
    image_view v = interleaved(pixels, 1, SIDE, SIDE);
    p.resize_height = p.resize_width = 8;
    size_t peak = mem_bytes_peak();
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    assert_true(mem_bytes_peak() - peak < 1 << 20);
    mem_free(pixels);
}

/* Bilinear over pixel centres; the figures are Pillow's for mode F, Image.BILINEAR. */
static void test_resize(void **state) {
    static const float small[] = {0, 10, 20, 30}, line[] = {0, 1, 2, 3, 4, 5, 6, 7};
    preprocess p = preprocess_default();
    image_view v = {.values = small, .channels = 1, .height = 2, .width = 2, .row_step = 2, .pixel_step = 1};
    float x[16];
    (void)state;
    set(&p, "scale", "1");
    set(&p, "resize", "4x4");
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    near(x, (const double[]){0, 2.5, 7.5, 10, 5, 7.5, 12.5, 15, 15, 17.5, 22.5, 25, 20, 22.5, 27.5, 30}, 16, 1e-5);
    v = (image_view){.values = line, .channels = 1, .height = 1, .width = 8, .row_step = 8, .pixel_step = 1};
    set(&p, "resize", "1x2");
    assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
    /* Centres 2 and 6, reach 4: weights (1 − |j + ½ − 2| / 4). */
    double sum = 0, weight = 0;
    for (int j = 0; j < 6; j++) {
        double w = 1 - fabs(j + 0.5 - 2) / 4;
        sum += w * j;
        weight += w;
    }
    near(x, (const double[]){sum / weight, 7 - sum / weight}, 2, 1e-5);
}

/* Resizing and cropping at once is the window of the whole. */
static void test_resize_then_crop(void **state) {
    uint8_t pixels[20 * 31 * 3];
    static float whole[3 * 12 * 18], part[3 * 8 * 8];
    preprocess p = preprocess_default();
    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * i % 251);
    image_view v = interleaved(pixels, 3, 20, 31);
    int shape[3];
    set(&p, "resize", "12");
    assert_int_equal(preprocess_shape(&p, 3, 20, 31, shape, NULL), STRIA_OK);
    assert_true(shape[0] == 3 && shape[1] == 12 && shape[2] == 18);
    assert_int_equal(preprocess_apply(&p, NULL, &v, whole, NULL), STRIA_OK);
    set(&p, "crop", "8");
    assert_int_equal(preprocess_apply(&p, NULL, &v, part, NULL), STRIA_OK);
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y < 8; y++) {
            for (int i = 0; i < 8; i++) assert_true(part[(c * 8 + y) * 8 + i] == whole[(c * 12 + y + 2) * 18 + i + 5]);
        }
    }
}

static void test_flat_stays_flat(void **state) {
    uint8_t pixels[37 * 53];
    static float x[200 * 200];
    static const char *const sizes[] = {"1", "7x11", "37x53", "200x200", "3x190"};
    (void)state;
    memset(pixels, 200, sizeof pixels);
    for (int i = 0; i < 5; i++) {
        preprocess p = preprocess_default();
        int shape[3];
        image_view v = interleaved(pixels, 1, 37, 53);
        set(&p, "scale", "1");
        set(&p, "resize", sizes[i]);
        assert_int_equal(preprocess_shape(&p, 1, 37, 53, shape, NULL), STRIA_OK);
        assert_int_equal(preprocess_apply(&p, NULL, &v, x, NULL), STRIA_OK);
        for (int j = 0; j < shape[1] * shape[2]; j++) assert_true(fabsf(x[j] - 200) < 1e-3f);
    }
}

static void test_text(void **state) {
    static const struct {
        const char *key, *value, *again;
    } rows[] = {
        {"resize", "256", "256"},
        {"resize", "224x320", "224x320"},
        {"resize", "", ""},
        {"crop", "224", "224x224"},
        {"channels", "bgr", "bgr"},
        {"channels", "gray", "grey"},
        {"channels", "keep", ""},
        {"scale", "1/255", "0.00392156862745098"},
        {"scale", "0.1", "0.1"},
        {"scale", "", "1"},
        {"mean", "0.485,0.456,0.406", "0.485,0.456,0.406"},
        {"mean", "", ""},
        {"std", "0.5", "0.5"},
        {"mean", "-1e-3", "-0.001"},
        {"range", "0,1", "0,1"},
        {"range", "-2.5,3", "-2.5,3"},
        {"range", "", ""},
    };
    static const struct {
        const char *key, *value;
    } wrong[] = {{"resize", "0"},  {"resize", "x5"},     {"resize", "5x"},   {"resize", "70000"},   {"resize", "5x5x5"},
                 {"crop", "-3"},   {"channels", "cmyk"}, {"scale", "0"},     {"scale", "1/0"},      {"scale", "nan"},
                 {"scale", "one"}, {"mean", "1,"},       {"mean", ",1"},     {"mean", "1,2,3,4,5"}, {"std", "0"},
                 {"range", "1"},   {"range", "1,1"},     {"range", "0,1,2"}, {"std", "-1"},         {"std", "inf"},
                 {"size", "3"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        preprocess p = preprocess_default();
        text t = {0};
        set(&p, rows[i].key, rows[i].value);
        assert_int_equal(preprocess_get(&p, rows[i].key, &t, NULL), STRIA_OK);
        assert_string_equal(text_string(&t), rows[i].again);
        text_release(&t);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        preprocess p = preprocess_default(), before = p;
        stria_error err;
        assert_int_equal(preprocess_set(&p, wrong[i].key, wrong[i].value, &err), STRIA_BAD_ARGUMENT);
        assert_true(says(&err, wrong[i].key));
        assert_memory_equal(&p, &before, sizeof p);
    }
    preprocess p = preprocess_default();
    assert_int_equal(preprocess_preset(&p, "torch", NULL), STRIA_BAD_ARGUMENT);
    assert_int_equal(preprocess_keys(), 7);
    assert_string_equal(preprocess_key(0), "resize");
}

/* 0…1 and 0…255 are converted into each other; what is neither is doubted unless it looks like the model's own. */
static void test_ranges(void **state) {
    static const struct {
        const char *model;
        value_range data;
        double factor;
        bool doubtful;
    } rows[] = {
        {"", {0, 255, true}, 1, false},        {"", {0, 1, false}, 255, false},
        {"", {0, 0.7, false}, 255, false},     {"", {0, 254.5, false}, 1, false},
        {"", {-2.1, 2.6, false}, 1, true},     {"", {0, 1, true}, 255, false},
        {"0,255", {0, 1, false}, 255, false},  {"0,1", {0, 255, true}, 1.0 / 255, false},
        {"0,1", {0, 1, false}, 1, false},      {"0,1", {0, 9, true}, 1.0 / 255, false},
        {"0,1", {0, 254.5, false}, 1, true},   {"0,1", {-2.1, 2.6, false}, 1, true},
        {"-2.1,2.6", {0, 255, true}, 1, true}, {"-2.1,2.6", {-2, 2.7, false}, 1, false},
        {"-2.1,2.6", {0, 1, false}, 1, true},  {"-200,300", {0, 1, false}, 1, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        preprocess p = preprocess_default();
        bool doubtful;
        set(&p, "range", rows[i].model);
        assert_true(preprocess_factor(&p, rows[i].data, &doubtful) == rows[i].factor);
        assert_int_equal(doubtful, rows[i].doubtful);
        p = preprocess_default(); /* a model that takes values as they are */
        set(&p, "scale", "1");
        assert_true(preprocess_factor(&p, rows[i].data, &doubtful) == 1 && !doubtful);
    }
}

static void test_shapes(void **state) {
    preprocess p = preprocess_default();
    int shape[3];
    stria_error err;
    (void)state;
    assert_int_equal(preprocess_shape(&p, 3, 0, 0, shape, &err), STRIA_BAD_SHAPE);
    assert_true(says(&err, "differ in size"));
    set(&p, "resize", "256");
    set(&p, "crop", "224");
    assert_int_equal(preprocess_shape(&p, 3, 0, 0, shape, &err), STRIA_OK);
    assert_true(shape[1] == 224 && shape[2] == 224);
    set(&p, "mean", "1,2,3");
    set(&p, "channels", "grey");
    assert_int_equal(preprocess_shape(&p, 3, 300, 300, shape, &err), STRIA_BAD_SHAPE);
    assert_true(says(&err, "3 means"));
    assert_int_equal(preprocess_shape(&p, 3, 1, 60000, shape, &err), STRIA_BAD_SHAPE);
}

/* Colours beside each other are resized together: the same bits as plane by plane, in any order and direction, larger
 * and smaller, with windows of the result. */
static void test_interleaved_as_planes(void **state) {
    enum { H = 23, W = 31, MOST = 3 * 64 * 64 };
    static const struct {
        int resize, crop;
        preprocess_order order;
        bool mirrored;
    } rows[] = {{9, 0, PREPROCESS_KEEP, false}, {9, 5, PREPROCESS_RGB, true},  {40, 37, PREPROCESS_BGR, false},
                {22, 0, PREPROCESS_BGR, true},  {1, 1, PREPROCESS_RGB, false}, {23, 20, PREPROCESS_KEEP, true}};
    static uint8_t together[H * W * 3], planes[3 * H * W];
    static float a[MOST], b[MOST];
    (void)state;
    for (int i = 0; i < H * W * 3; i++) {
        together[i] = (uint8_t)(i * 37 + i / 11);
        planes[i % 3 * H * W + i / 3] = together[i];
    }
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        preprocess p = preprocess_default();
        p.resize_height = rows[k].resize, p.crop_height = p.crop_width = rows[k].crop, p.order = rows[k].order;
        p.means = p.stds = 1, p.mean[0] = 0.4, p.std[0] = 0.3;
        int64_t last = rows[k].mirrored ? W - 1 : 0, sign = rows[k].mirrored ? -1 : 1;
        image_view v = {.bytes = together + 3 * last, .channels = 3, .height = H, .width = W};
        v.channel_step = 1, v.row_step = 3 * W, v.pixel_step = 3 * sign;
        image_view w = {.bytes = planes + last, .channels = 3, .height = H, .width = W};
        w.channel_step = H * W, w.row_step = W, w.pixel_step = sign;
        memset(a, 0, sizeof a), memset(b, 0, sizeof b);
        assert_int_equal(preprocess_apply(&p, NULL, &v, a, NULL), STRIA_OK);
        assert_int_equal(preprocess_apply(&p, NULL, &w, b, NULL), STRIA_OK);
        assert_memory_equal(a, b, sizeof a);
        assert_true(a[0] != 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interleaved_as_planes),
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_bytes_are_exact),
        cmocka_unit_test(test_grey_becomes_colour),
        cmocka_unit_test(test_crop),
        cmocka_unit_test(test_crop_begin),
        cmocka_unit_test(test_resize_shorter_side),
        cmocka_unit_test(test_resize_memory),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_resize_then_crop),
        cmocka_unit_test(test_flat_stays_flat),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
