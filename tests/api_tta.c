/* Test-time augmentation through prediction and evaluation, against the views cut out by hand; files in batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stria/stria.h>

#include "base/memory.h"

enum { SIDE = 28, CLASSES = 10, HEIGHT = 37, WIDTH = 33 };

static stria_error err;

static void assert_ok(stria_status status) {
    if (status != STRIA_OK) fail_msg("%s", err.text);
}

static stria_model *model(const char *resize, const char *crop) {
    stria_model *m = NULL;
    stria_open_options o = stria_open_options_default();
    o.seed = 3;
    assert_ok(stria_model_open_with(&m, "lenet5", &o, NULL, &err));
    if (resize) assert_ok(stria_model_set_metadata(m, "stria.resize", resize, &err));
    if (crop) assert_ok(stria_model_set_metadata(m, "stria.crop", crop, &err));
    return m;
}

static void picture(uint8_t *pixels, int height, int width, int seed) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) pixels[y * width + x] = (uint8_t)((x * 7 * seed + y * y + x * y) % 256);
}

static void predict(const stria_model *m, int tta, const uint8_t *pixels, int height, int width, float *p) {
    stria_inference_options o = stria_inference_options_default();
    stria_array a = {.type = STRIA_UINT8, .rank = 3, .shape = {1, height, width}, .bytes = (size_t)(height * width)};
    stria_predictor *predictor = NULL;
    o.threads = 1;
    o.tta = tta;
    memcpy(&a.data, &(void *){(void *)(uintptr_t)pixels}, sizeof a.data);
    assert_ok(stria_predictor_new(&predictor, m, &o, &err));
    assert_ok(stria_predict_array(predictor, &a, p, &err));
    stria_predictor_free(predictor);
}

/* A part of the picture's size or mirrored, or both. */
static void cut(const uint8_t *from, int width, int top, int left, int h, int w, bool mirrored, uint8_t *to) {
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            to[y * w + x] = from[(top + y) * width + (mirrored ? width - 1 - (left + x) : left + x)];
}

static void mean_is(const double *sums, int views, const float *p) {
    for (int c = 0; c < CLASSES; c++) assert_true(fabs(sums[c] / views - (double)p[c]) < 1e-6);
}

/* The mean over both halves of corners and middle, each a picture of the network's own size. */
static void ten_by_hand(const uint8_t *pixels, int height, int width, double *sums) {
    int down = height - SIDE, right = width - SIDE;
    /* half of what is left out, half to even: 9 gives 4, 5 gives 2, 4 gives 2 */
    const int tops[] = {down / 2, 0, 0, down, down}, lefts[] = {right / 2, 0, right, 0, right};
    stria_model *plain = model(NULL, NULL);
    uint8_t part[SIDE * SIDE];
    float p[CLASSES];
    memset(sums, 0, CLASSES * sizeof *sums);
    for (int i = 0; i < 10; i++) {
        cut(pixels, width, tops[i % 5], lefts[i % 5], SIDE, SIDE, i >= 5, part);
        predict(plain, STRIA_TTA_NONE, part, SIDE, SIDE, p);
        for (int c = 0; c < CLASSES; c++) sums[c] += (double)p[c];
    }
    stria_model_free(plain);
}

static void flips(void **state) {
    uint8_t pixels[HEIGHT * WIDTH], mirrored[HEIGHT * WIDTH];
    float a[CLASSES], b[CLASSES], both[CLASSES];
    double sums[CLASSES];
    stria_model *m = model(NULL, NULL);
    (void)state;
    picture(pixels, HEIGHT, WIDTH, 3);
    cut(pixels, WIDTH, 0, 0, HEIGHT, WIDTH, true, mirrored);
    predict(m, STRIA_TTA_NONE, pixels, HEIGHT, WIDTH, a);
    predict(m, STRIA_TTA_NONE, mirrored, HEIGHT, WIDTH, b);
    predict(m, STRIA_TTA_FLIP, pixels, HEIGHT, WIDTH, both);
    assert_true(memcmp(a, b, sizeof a) != 0);
    for (int c = 0; c < CLASSES; c++) sums[c] = (double)a[c] + (double)b[c];
    mean_is(sums, 2, both);
    stria_model_free(m);
}

static void crops(void **state) {
    uint8_t pixels[HEIGHT * WIDTH], square[32 * 32];
    float p[CLASSES];
    double sums[CLASSES];
    stria_model *cropping = model(NULL, "28"), *resizing = model(NULL, NULL);
    (void)state;
    picture(pixels, HEIGHT, WIDTH, 5);
    predict(cropping, STRIA_TTA_TEN_CROP, pixels, HEIGHT, WIDTH, p);
    ten_by_hand(pixels, HEIGHT, WIDTH, sums);
    mean_is(sums, 10, p);
    picture(square, 32, 32, 2); /* 28 · 8/7: as large as it is resized to */
    predict(resizing, STRIA_TTA_TEN_CROP, square, 32, 32, p);
    ten_by_hand(square, 32, 32, sums);
    mean_is(sums, 10, p);
    stria_model_free(cropping);
    stria_model_free(resizing);
}

typedef struct seen {
    int count;
    float p[2][CLASSES];
} seen;

static void see(int64_t index, int64_t label, const float *p, int classes, void *context) {
    seen *s = context;
    memcpy(s->p[index], p, sizeof s->p[0]);
    s->count++;
}

/* Evaluation judges by the same means: its loss is −log of them. */
static void evaluates(void **state) {
    enum { N = 2 };
    uint8_t pixels[N][HEIGHT * WIDTH];
    int64_t labels[N] = {4, 7};
    stria_array x = {
        .type = STRIA_UINT8, .rank = 3, .shape = {N, HEIGHT, WIDTH}, .data = pixels, .bytes = sizeof pixels};
    stria_array y = {.type = STRIA_INT64, .rank = 1, .shape = {N}, .data = labels, .bytes = sizeof labels};
    stria_model *m = model("34x30", "28");
    stria_dataset *d = NULL;
    (void)state;
    for (int i = 0; i < N; i++) picture(pixels[i], HEIGHT, WIDTH, 2 + i);
    assert_ok(stria_dataset_from_arrays(&d, &x, &y, NULL, CLASSES, &err));
    for (int tta = STRIA_TTA_NONE; tta <= STRIA_TTA_TEN_CROP; tta++) {
        stria_inference_options o = stria_inference_options_default();
        stria_evaluation score = {.size = sizeof score};
        seen s = {0};
        double loss = 0;
        o.tta = tta;
        o.threads = 2;
        o.judge = see;
        o.judge_context = &s;
        assert_ok(stria_evaluate(m, d, &o, &score, &err));
        assert_int_equal(s.count, N);
        for (int i = 0; i < N; i++) {
            float p[CLASSES];
            predict(m, tta, pixels[i], HEIGHT, WIDTH, p);
            for (int c = 0; c < CLASSES; c++) assert_true(fabsf(p[c] - s.p[i][c]) < 1e-6f);
            loss -= log((double)p[labels[i]]) / N;
        }
        assert_true(fabs(loss - score.loss) < 1e-6);
        stria_evaluation_release(&score);
    }
    stria_dataset_free(d);
    stria_model_free(m);
}

/* Files in batches: what each gives alone; a bad one has its sentence, and disturbs no other. */
static void files(void **state) {
    enum { N = 37, BAD = 20 };
    char folder[] = "/tmp/stria-tta-XXXXXX", paths[N][64];
    const char *list[N];
    static float together[N][CLASSES];
    static stria_error errors[N];
    stria_model *m = model("34x30", "28");
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < N; i++) {
        uint8_t pixels[HEIGHT * WIDTH];
        snprintf(paths[i], sizeof paths[i], "%s/%d.pgm", folder, i);
        list[i] = paths[i];
        FILE *f = fopen(paths[i], "wb");
        assert_non_null(f);
        fprintf(f, "P5 %d %d 255\n", WIDTH, HEIGHT);
        picture(pixels, HEIGHT, WIDTH, i + 1);
        fwrite(pixels, 1, i == BAD ? 100 : sizeof pixels, f);
        fclose(f);
    }
    for (int tta = STRIA_TTA_NONE; tta <= STRIA_TTA_FLIP; tta++)
        for (int batch = 0; batch <= 5; batch += 5) {
            stria_inference_options o = stria_inference_options_default();
            stria_predictor *p = NULL;
            float alone[CLASSES];
            o.tta = tta;
            o.batch = batch;
            o.threads = 3;
            assert_ok(stria_predictor_new(&p, m, &o, &err));
            assert_ok(stria_predict_files(p, list, N, together[0], errors, &err));
            for (int i = 0; i < N; i++) {
                stria_error one = {0};
                stria_status status = stria_predict_file(p, paths[i], alone, &one);
                assert_int_equal(status, i == BAD ? STRIA_BAD_FILE : STRIA_OK);
                assert_int_equal(errors[i].status, status);
                if (i == BAD) assert_string_equal(errors[i].text, one.text);
                int64_t is[3];
                stria_predictor_picture_at(p, i, &is[0], &is[1], &is[2]);
                assert_int_equal(is[1], i == BAD ? 0 : HEIGHT);
                assert_int_equal(is[2], i == BAD ? 0 : WIDTH);
                for (int c = 0; i != BAD && c < CLASSES; c++) assert_true(fabsf(alone[c] - together[i][c]) < 1e-6f);
            }
            for (long n = 1, failed = 1; failed; n++) { /* one without memory is not one that is bad */
                mem_fail_at(n);
                failed = stria_predict_files(p, list, 7, together[0], errors, &err) != STRIA_OK;
                mem_fail_at(0);
                if (failed) assert_int_equal(err.status, STRIA_NO_MEMORY);
                for (int i = 0; !failed && i < 7; i++) assert_ok(errors[i].status);
            }
            assert_ok(stria_predict_files(p, list, 0, together[0], errors, &err));
            stria_predictor_free(p);
        }
    for (int i = 0; i < N; i++) remove(paths[i]);
    remove(folder);
    stria_model_free(m);
}

static void refuses(void **state) {
    stria_inference_options o = stria_inference_options_default();
    stria_evaluation score = {.size = sizeof score};
    stria_predictor *p = NULL;
    stria_model *m = model(NULL, NULL);
    float values[SIDE * SIDE] = {0.25f, 7};
    int64_t label = 3;
    stria_array x = {
        .type = STRIA_FLOAT32, .rank = 3, .shape = {1, SIDE, SIDE}, .data = values, .bytes = sizeof values};
    stria_array y = {.type = STRIA_INT64, .rank = 1, .shape = {1}, .data = &label, .bytes = sizeof label};
    stria_dataset *d = NULL;
    (void)state;
    o.tta = 3;
    assert_int_equal(stria_predictor_new(&p, m, &o, &err), STRIA_BAD_ARGUMENT);
    assert_int_equal(stria_evaluate(m, NULL, &o, &score, &err), STRIA_BAD_ARGUMENT);
    o.tta = STRIA_TTA_TEN_CROP;
    assert_ok(stria_dataset_from_arrays(&d, &x, &y, NULL, CLASSES, &err));
    assert_int_equal(stria_evaluate(m, d, &o, &score, &err), STRIA_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "ten-crop is for pictures, which can be resized"));
    stria_dataset_free(d);
    stria_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(flips), cmocka_unit_test(crops), cmocka_unit_test(evaluates),
                                       cmocka_unit_test(files), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
