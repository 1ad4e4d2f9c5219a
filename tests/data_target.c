/* Targets of samples: pictures as they are before steps that damage them, whoever makes the batch. */
#include "data_support.h"

#include <stria/model.h>

#include "data/loader.h"

enum { N = 6, SIDE = 8, AREA = SIDE * SIDE, BATCH = 3 };

static uint8_t pixels[N * AREA];
static uint8_t labels[N];

static dataset *pictures(void) {
    dataset *d;
    stria_error err = {0};
    stria_array x = {
        .type = STRIA_UINT8, .rank = 4, .shape = {N, 1, SIDE, SIDE}, .data = pixels, .bytes = sizeof pixels};
    stria_array y = {.type = STRIA_UINT8, .rank = 1, .shape = {N}, .data = labels, .bytes = sizeof labels};
    for (int i = 0; i < N * AREA; i++) pixels[i] = (uint8_t)(20 + (i * 37 + i * i) % 200);
    if (dataset_from_arrays(&d, &x, &y, (const char *const[]){"one"}, 1, &err) != STRIA_OK) fail_msg("%s", err.text);
    return d;
}

static stria_status loader_of(const dataset *d, const char *steps, int threads, loader **out, stria_error *err) {
    augment a;
    preprocess p = preprocess_default();
    if (augment_parse(steps, &a, err) != STRIA_OK) fail_msg("%s", err->text);
    loader_options o = {.batch = BATCH, .seed = 5, .shuffle = true, .augment = &a, .target = true, .threads = threads};
    return loader_new(out, d, &p, &o, err);
}

/* The picture and the target of a batch of epoch 2 by these steps. */
static void batch_get(const dataset *d, const char *steps, int threads, float *image, float *target) {
    loader *l;
    stria_error err = {0};
    if (loader_of(d, steps, threads, &l, &err) != STRIA_OK) fail_msg("%s: %s", steps, err.text);
    sample to = {.image = image, .target = target};
    if (loader_fill(l, NULL, 2, 1, &to, &err) != STRIA_OK) fail_msg("%s: %s", steps, err.text);
    loader_free(l);
}

static void targets_are_undamaged(void **state) {
    static const char *const damages[] = {"flip, crop pad 2, noise 0.3", "flip, crop pad 2, cutout 4",
                                          "flip, crop pad 2, erase p 1, blur p 1", "flip, crop pad 2, blur 1 2 p 1"};
    static float image[BATCH * AREA], target[BATCH * AREA], whole[BATCH * AREA], own[BATCH * AREA];
    dataset *d = pictures();
    (void)state;
    batch_get(d, "flip, crop pad 2", 0, whole, own);
    assert_memory_equal(whole, own, sizeof whole);
    for (int i = 0; i < 4; i++)
        for (int threads = 0; threads < 3; threads += 2) {
            batch_get(d, damages[i], threads, image, target);
            assert_memory_equal(target, whole, sizeof whole);
            assert_memory_not_equal(image, whole, sizeof whole);
        }
    batch_get(d, "", 0, image, target);
    assert_memory_equal(target, image, sizeof image);
    dataset_free(d);
}

/* The target would lack a step that comes later. */
static void damages_come_last(void **state) {
    dataset *d = pictures();
    loader *l;
    stria_error err = {0};
    (void)state;
    assert_int_equal(loader_of(d, "noise 0.1, flip", 0, &l, &err), STRIA_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "'flip' comes after 'noise'"));
    dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_undamaged),
        cmocka_unit_test(damages_come_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
