/* Augmentation: its text, what each step makes of a picture, and that a picture depends on seed, epoch and index only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/augment.h"
#include "data/augment_step.h"

enum { SIDE = 6, AREA = SIDE * SIDE };

static float x[3 * AREA], before[3 * AREA];

static void fill(int channels) {
    for (int i = 0; i < channels * AREA; i++) before[i] = x[i] = (float)((i * 37 + i * i * 11) % 256);
}

static augment parsed(const char *text) {
    augment a;
    stria_error err = {0};
    if (augment_parse(text, &a, &err) != STRIA_OK) fail_msg("%s: %s", text, err.text);
    return a;
}

static void apply(const char *text, int channels, uint64_t seed, int64_t index) {
    augment a = parsed(text);
    preprocess p = preprocess_default();
    augment_draw d = augment_draw_of(seed, 3, index);
    stria_error err = {0};
    fill(channels);
    assert_int_equal(augment_check(&a, (int[3]){channels, SIDE, SIDE}, false, &err), STRIA_OK);
    assert_int_equal(augment_apply(&a, &d, (int[3]){channels, SIDE, SIDE}, &p, false, x, NULL, &err), STRIA_OK);
}

static void refused(const char *text, const char *sentence) {
    augment a;
    stria_error err = {0};
    assert_int_equal(augment_parse(text, &a, &err), STRIA_BAD_ARGUMENT);
    if (!strstr(err.text, sentence)) fail_msg("'%s': %s", text, err.text);
}

static void reads_steps(void **state) {
    (void)state;
    assert_int_equal(parsed("").count, 0);
    assert_int_equal(parsed("none").count, 0);
    augment a = parsed("resized-crop scale 0.3 0.9,crop pad 2,flip p 0.25 , filter 0 0 0 0 1 0 0 0 0");
    assert_int_equal(a.count, 4);
    assert_true(a.steps[0].number[0] == 0.3 && a.steps[0].number[1] == 0.9 && a.steps[0].number[2] == 0.75);
    assert_true(a.steps[1].number[0] == 0 && a.steps[1].number[1] == 2);
    assert_true(a.steps[2].p == 0.25);
    assert_int_equal(a.steps[3].count, 9);
    refused("rotat 3", "did you mean 'rotate'");
    refused("flip 3", "'3' is not expected; it is written 'flip'");
    refused("rotate 900", "900 is not within 0…180");
    refused("flip p 2", "probability");
    refused("crop,", "a step is missing");
    refused(", flip", "a step is missing");
    refused("filter 1 2 3", "9 or 25 numbers");
    refused("blur 3 1", "the second of two numbers is the larger one");
    refused("flip p", "a number is missing at its end");
    refused("rotate p degrees 5", "a number is missing before another word");
    refused("flip, resized-crop", "must be the first step");
    refused("rotate 5 6", "'6' is not expected");
    refused("flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip,flip",
            "more than 16 steps");
}

static void knows_what_fits(void **state) {
    (void)state;
    stria_error err = {0};
    const int grey[3] = {1, SIDE, SIDE};
    augment hue = parsed("hue"), crop = parsed("crop 8"), noise = parsed("noise"), flip = parsed("flip, crop 6");
    assert_int_equal(augment_check(&hue, grey, false, &err), STRIA_BAD_ARGUMENT);
    assert_int_equal(augment_check(&crop, grey, false, &err), STRIA_BAD_ARGUMENT);
    assert_int_equal(augment_check(&noise, grey, true, &err), STRIA_BAD_ARGUMENT);
    assert_int_equal(augment_check(&noise, grey, false, &err), STRIA_OK);
    assert_int_equal(augment_check(&flip, grey, true, &err), STRIA_OK);
}

static void moves_pixels(void **state) {
    (void)state;
    apply("flip p 1", 3, 1, 0);
    for (int i = 0; i < 3 * AREA; i++) assert_true(x[i] == before[i / SIDE * SIDE + SIDE - 1 - i % SIDE]);
    apply("flip-vertical p 1", 1, 1, 0);
    for (int i = 0; i < AREA; i++) assert_true(x[i] == before[(SIDE - 1 - i / SIDE) * SIDE + i % SIDE]);
    apply("flip p 0", 1, 1, 0);
    assert_memory_equal(x, before, AREA * sizeof *x);
    apply("filter 0 0 0 0 0 1 0 0 0", 1, 1, 0); /* a correlation: each pixel is its right neighbour */
    for (int i = 0; i < AREA; i++) assert_true(x[i] == before[i % SIDE == SIDE - 1 ? i : i + 1]);
    bool moved[5][5] = {{0}};
    int kinds = 0;
    for (int i = 0; i < 400; i++) { /* every shift of −2…2 occurs, and the rest is black */
        int found = 0;
        apply("crop pad 2", 1, 5, i);
        for (int dy = -2; dy <= 2; dy++)
            for (int dx = -2; dx <= 2; dx++) {
                bool same = true;
                for (int k = 0; k < AREA && same; k++) {
                    int fy = k / SIDE + dy, fx = k % SIDE + dx;
                    bool in = fy >= 0 && fy < SIDE && fx >= 0 && fx < SIDE;
                    same = x[k] == (in ? before[fy * SIDE + fx] : 0);
                }
                if (same && ++found == 1) kinds += !moved[dy + 2][dx + 2], moved[dy + 2][dx + 2] = true;
            }
        assert_int_equal(found, 1);
    }
    assert_int_equal(kinds, 25);
}

/* torchvision's affine turns clockwise for positive degrees; a quarter turn moves pixels onto pixels. */
static void turns(void **state) {
    (void)state;
    float spare[3 * AREA], field[4 * AREA];
    augment_picture m = {.channels = 1, .height = SIDE, .width = SIDE, .x = x, .spare = spare, .field = field};
    double map[6];
    fill(1);
    warp_map(map, 90, 0, 0, 1, 0, 0);
    warp_affine(&m, map);
    for (int i = 0; i < AREA; i++) assert_true(fabsf(m.x[i] - before[(SIDE - 1 - i % SIDE) * SIDE + i / SIDE]) < 1e-3f);
    m.x = x;
    m.spare = spare;
    fill(1);
    warp_map(map, 0, 2, -1, 1, 0, 0); /* right by 2, up by 1 */
    warp_affine(&m, map);
    for (int i = 0; i < AREA; i++) {
        int fy = i / SIDE + 1, fx = i % SIDE - 2;
        float want = fy < SIDE && fx >= 0 ? before[fy * SIDE + fx] : 0;
        assert_true(fabsf(m.x[i] - want) < 1e-3f);
    }
}

static void blanks(void **state) {
    (void)state;
    bool whole = false, cut = false;
    for (int i = 0; i < 100; i++) {
        apply("cutout 3", 3, 9, i);
        int blank[3] = {0}, changed = 0;
        for (int k = 0; k < 3 * AREA; k++) {
            blank[k / AREA] += x[k] == 0;
            changed += x[k] != before[k] && x[k] != 0;
        }
        assert_int_equal(changed, 0);
        whole = whole || blank[0] >= 9;
        cut = cut || blank[0] == 6;
    }
    assert_true(whole && cut);
}

static void changes_colours(void **state) {
    (void)state;
    augment_picture m = {.channels = 3, .height = SIDE, .width = SIDE, .x = x};
    fill(3);
    colour_hue(&m, 1.0 / 3); /* red becomes green */
    for (int i = 0; i < AREA; i++) {
        assert_true(fabsf(x[AREA + i] - before[i]) < 1e-2f);
        assert_true(fabsf(x[2 * AREA + i] - before[AREA + i]) < 1e-2f);
    }
    fill(3);
    colour_saturation(&m, 0);
    for (int i = 0; i < AREA; i++) {
        float grey = 0.299f * before[i] + 0.587f * before[AREA + i] + 0.114f * before[2 * AREA + i];
        assert_true(fabsf(x[i] - grey) < 1e-2f && x[i] == x[AREA + i] && x[i] == x[2 * AREA + i]);
    }
    fill(3);
    colour_posterize(&m, 3);
    for (int i = 0; i < 3 * AREA; i++) assert_true(x[i] == (float)((int)before[i] & 0xE0));
    fill(3);
    colour_solarize(&m, 100);
    for (int i = 0; i < 3 * AREA; i++) assert_true(x[i] == (before[i] >= 100 ? 255 - before[i] : before[i]));
    fill(3);
    colour_brightness(&m, 1.5);
    for (int i = 0; i < 3 * AREA; i++) assert_true(x[i] == fminf(255, 1.5f * before[i]));
}

/* Whatever is drawn, pixels stay pixels. */
static void stays_within(void **state) {
    (void)state;
    const char *name, *takes, *does;
    for (int row = 0; augment_about(row, &name, &takes, &does); row++) {
        char text[100];
        snprintf(text, sizeof text, "%s", name);
        if (strcmp(name, "filter") == 0 || strcmp(name, "resized-crop") == 0) continue;
        for (int i = 0; i < 60; i++) {
            apply(text, 3, 2, i);
            for (int k = 0; k < 3 * AREA; k++)
                if (!(x[k] >= -1e-3f && x[k] <= 255.01f)) fail_msg("%s: %g", name, (double)x[k]);
        }
    }
}

/* A filter may leave 0…255, and numbers altogether; what stands after it must bear that. */
static void bears_filtered_pictures(void **state) {
    (void)state;
    const char *name, *takes, *does;
    for (int row = 0; augment_about(row, &name, &takes, &does); row++) {
        char text[300];
        if (strcmp(name, "resized-crop") == 0 || strcmp(name, "filter") == 0) continue;
        for (int times = 1; times <= 8; times += 7) {
            text[0] = 0;
            for (int i = 0; i < times; i++) strcat(text, "filter 9e5 0 0 0 -9e5 0 0 0 9e5, ");
            strcat(text, name);
            for (int i = 0; i < 10; i++) apply(text, 3, 2, i);
        }
    }
    apply("filter 9 9 9 9 9 9 9 9 9, equalize p 1", 3, 1, 0);
    for (int k = 0; k < 3 * AREA; k++) assert_true(x[k] >= 0);
}

static void is_a_function_of_the_index(void **state) {
    (void)state;
    const char *text = "crop pad 2, flip, randaugment, noise, erase p 1";
    float first[3 * AREA];
    apply(text, 3, 4, 11);
    memcpy(first, x, sizeof first);
    apply(text, 3, 4, 12);
    assert_memory_not_equal(first, x, sizeof first);
    apply(text, 3, 4, 11);
    assert_memory_equal(first, x, sizeof first);
}

static void takes_parts(void **state) {
    (void)state;
    augment a = parsed("resized-crop scale 0.25 0.5");
    uint8_t bytes[30 * 40] = {0};
    double least = 1, most = 0;
    for (int i = 0; i < 200; i++) {
        image_view v = {.bytes = bytes, .channels = 1, .height = 30, .width = 40, .row_step = 40, .pixel_step = 1};
        augment_draw d = augment_draw_of(1, 0, i);
        assert_true(augment_part(&a, &d, &v));
        int at = (int)(v.bytes - bytes);
        assert_true(at / 40 + v.height <= 30 && at % 40 + v.width <= 40);
        double share = v.height * v.width / 1200.0, ratio = (double)v.width / v.height;
        assert_true(ratio > 0.65 && ratio < 1.5); /* sides are whole */
        least = fmin(least, share);
        most = fmax(most, share);
    }
    assert_true(least > 0.22 && least < 0.3 && most > 0.45 && most < 0.55);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_steps),
                                       cmocka_unit_test(knows_what_fits),
                                       cmocka_unit_test(moves_pixels),
                                       cmocka_unit_test(turns),
                                       cmocka_unit_test(blanks),
                                       cmocka_unit_test(changes_colours),
                                       cmocka_unit_test(stays_within),
                                       cmocka_unit_test(bears_filtered_pictures),
                                       cmocka_unit_test(is_a_function_of_the_index),
                                       cmocka_unit_test(takes_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
