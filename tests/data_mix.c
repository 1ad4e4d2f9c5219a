/* MixUp and CutMix: what becomes of a batch, what numbers are drawn, and that threads change nothing. */
#include "data_support.h"

#include <math.h>

#include <stria/model.h>

#include "data/augment_batch.h"
#include "data/loader.h"

enum { ITEMS = 3, CHANNELS = 2, HEIGHT = 4, WIDTH = 5, SIZE = CHANNELS * HEIGHT * WIDTH };

static const int small[3] = {CHANNELS, HEIGHT, WIDTH};
static float x[ITEMS * SIZE], spare[SIZE];

static void fill(void) {
    for (int i = 0; i < ITEMS * SIZE; i++) x[i] = (float)((i * 37 + i * i * 11) % 256);
}

/* Every seventh number of what torchvision 0.29.2 makes of the same batch: v2.MixUp.transform with lam 0.25, and
 * v2.CutMix.transform with the box that lam 0.2 about (4, 1) gives. */
static void as_torchvision(void **state) {
    static const float mixed[] = {108, 162, 78, 240, 200, 214, 144, 166, 114, 52, 44, 90, 126, 88, 232, 238, 42, 156};
    static const float cut[] = {0, 206, 114, 252, 204, 178, 118, 200, 216, 14, 170, 228, 140, 250, 214, 232, 48, 174};
    const batch_box box = {.x0 = 2, .x1 = 5, .y0 = 0, .y1 = 2};
    (void)state;
    fill();
    batch_mix(x, spare, ITEMS, small, 0.25, NULL);
    for (int i = 0; i < 18; i++) assert_float_equal(x[7 * i], mixed[i], 1e-4);
    fill();
    batch_paste(x, spare, ITEMS, small, &box, NULL);
    for (int i = 0; i < 18; i++) assert_float_equal(x[7 * i], cut[i], 0);
    fill(); /* alone in its batch, a picture is mixed with itself */
    batch_paste(x, spare, 1, small, &box, NULL);
    batch_mix(x, spare, 1, small, 0.25, NULL);
    for (int i = 0; i < SIZE; i++) assert_true(fabsf(x[i] - (float)((i * 37 + i * i * 11) % 256)) < 1e-4F);
}

/* Mean ½ and variance 1 / (4 (2α + 1)) of the beta distribution; always a share. */
static void draws_shares(void **state) {
    static const double alphas[] = {1e-3, 0.05, 0.2, 1, 2.5, 1000};
    enum { DRAWS = 20000 };
    (void)state;
    for (size_t k = 0; k < sizeof alphas / sizeof *alphas; k++) {
        double sum = 0, square = 0, variance = 1 / (4 * (2 * alphas[k] + 1));
        for (int i = 0; i < DRAWS; i++) {
            augment_draw d = augment_draw_of(7, 0, i);
            double share = draw_beta(&d, alphas[k]);
            assert_true(share >= 0 && share <= 1);
            sum += share;
            square += (share - 0.5) * (share - 0.5);
        }
        assert_true(fabs(sum / DRAWS - 0.5) < 4 * sqrt(variance / DRAWS));
        assert_true(fabs(square / DRAWS / variance - 1) < 0.05);
    }
}

static augment parsed(const char *text) {
    augment a;
    stria_error err = {0};
    if (augment_parse(text, &a, &err) != STRIA_OK) fail_msg("%s: %s", text, err.text);
    return a;
}

/* The share that is told is that of the pixels: batches whose k-th picture is all k. */
static void tells_the_share(void **state) {
    enum { N = 6, SIDE = 12, AREA = SIDE * SIDE, ROUNDS = 400 };
    static float planes[N * AREA], one[AREA];
    const int shape[3] = {1, SIDE, SIDE};
    augment mixup = parsed("mixup 1"), cutmix = parsed("cutmix"), both = parsed("flip, cutmix p 0.5, mixup 0.5 p 0.5");
    int untouched = 0, pasted = 0, blended = 0;
    (void)state;
    assert_true(augment_mixes(&mixup) && augment_mixes(&both));
    assert_false(augment_mixes(&(augment){0}));
    for (int round = 0; round < ROUNDS; round++) {
        const augment *a = round % 4 == 0 ? &mixup : round % 4 == 1 ? &cutmix : &both;
        for (int i = 0; i < N * AREA; i++) planes[i] = (float)(i / AREA);
        double share = augment_batch(a, 3, 1, round, shape, N, planes, one, NULL);
        for (int i = 0; i < N; i++) {
            double sum = 0, other = i ? i - 1 : N - 1;
            int between = 0;
            for (int k = 0; k < AREA; k++) {
                double v = (double)planes[i * AREA + k];
                sum += v;
                between += fabs(v - i) > 1e-3 && fabs(v - other) > 1e-3;
            }
            assert_true(fabs(sum / AREA - (share * i + (1 - share) * other)) < 1e-4);
            if (i || a != &both) continue;
            untouched += share == 1;
            blended += between > 0;
            pasted += share < 1 && !between;
        }
    }
    assert_true(untouched > 60 && pasted > 20 && blended > 20); /* of 200: 100, 50, 50 */
}

enum { PICTURES = 37, BATCH = 8, SIDE = 40 };

static dataset *pictures(void) {
    static uint8_t pixels[PICTURES * 3 * SIDE * SIDE];
    static int64_t labels[PICTURES];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 2654435761u >> 17);
    for (int i = 0; i < PICTURES; i++) labels[i] = i % 4;
    stria_array images = {
        .type = STRIA_UINT8, .rank = 4, .shape = {PICTURES, 3, SIDE, SIDE}, .data = pixels, .bytes = sizeof pixels};
    stria_array classes = {.type = STRIA_INT64, .rank = 1, .shape = {PICTURES}, .data = labels, .bytes = sizeof labels};
    dataset *d = NULL;
    stria_error err = {0};
    if (dataset_from_arrays(&d, &images, &classes, NULL, 4, &err) != STRIA_OK) fail_msg("%s", err.text);
    return d;
}

static loader *loader_of(const dataset *d, const char *steps) {
    augment a = parsed(steps);
    loader *l = NULL;
    stria_error err = {0};
    preprocess p = preprocess_default();
    loader_options o = {.batch = BATCH, .seed = 5, .shuffle = true, .drop_last = true, .augment = &a};
    if (loader_new(&l, d, &p, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    return l;
}

/* The same batch in any order of batches, by any number of threads. */
static void same_bits(void **state) {
    enum { SIZE_ALL = BATCH * 3 * SIDE * SIDE };
    static float first[SIZE_ALL], again[SIZE_ALL];
    int64_t labels[BATCH], same[BATCH];
    pool *workers;
    double shares[3];
    (void)state;
    assert_int_equal(pool_new(&workers, 5, NULL), STRIA_OK);
    dataset *d = pictures();
    loader *alone = loader_of(d, "flip, mixup 1, cutmix"), *many = loader_of(d, "flip, mixup 1, cutmix");
    assert_true(loader_mixes(alone));
    for (int b = 0; b < 3; b++) {
        assert_int_equal(loader_fill(alone, NULL, 2, b, &(sample){.image = first, .label = labels}, NULL), STRIA_OK);
        shares[b] = loader_share(alone);
        assert_int_equal(loader_fill(many, workers, 2, (b + 1) % 3, &(sample){.image = again, .label = same}, NULL),
                         STRIA_OK);
        assert_int_equal(loader_fill(many, workers, 2, b, &(sample){.image = again, .label = same}, NULL), STRIA_OK);
        assert_memory_equal(first, again, sizeof first);
        assert_memory_equal(labels, same, sizeof labels);
        assert_true(shares[b] == loader_share(many));
    }
    assert_true(shares[0] != shares[1] && shares[1] != shares[2]);
    loader_free(alone);
    loader_free(many);
    alone = loader_of(d, "flip");
    assert_false(loader_mixes(alone));
    assert_int_equal(loader_fill(alone, NULL, 2, 0, &(sample){.image = again, .label = same}, NULL), STRIA_OK);
    assert_true(loader_share(alone) == 1);
    loader_free(alone);
    dataset_free(d);
    pool_release(workers);
}

static void refuses(void **state) {
    augment a;
    stria_error err = {0};
    (void)state;
    assert_int_equal(augment_parse("mixup 0", &a, &err), STRIA_BAD_ARGUMENT);
    assert_true(says(&err, "augmentation 'mixup': 0 is not within 0.001…1000; it is written 'mixup 0.2'"));
    assert_int_equal(augment_parse("mixop", &a, &err), STRIA_BAD_ARGUMENT);
    assert_true(says(&err, "did you mean 'mixup'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_torchvision), cmocka_unit_test(draws_shares),
                                       cmocka_unit_test(tells_the_share), cmocka_unit_test(same_bits),
                                       cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
