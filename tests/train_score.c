/* What a score counts: ties, NaN, the calibration error against an independent sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "train/probability.h"
#include "train/score.h"

enum { CLASSES = 3, IMAGES = 400 };

static void softmax_into(const float *x, double *p) {
    double sum = 0;
    for (int c = 0; c < CLASSES; c++) sum += exp((double)x[c]);
    for (int c = 0; c < CLASSES; c++) p[c] = exp((double)x[c]) / sum;
}

/* Bin by bin, as Guo et al. 2017 write it: Σ |B| / n · |acc(B) − conf(B)| over the bins ((m−1)/15, m/15]. */
static double error_of(const float *x, const int64_t *labels) {
    double error = 0;
    for (int m = 1; m <= 15; m++) {
        double conf = 0, acc = 0;
        int n = 0;
        for (int i = 0; i < IMAGES; i++) {
            double p[CLASSES];
            int best = 0;
            softmax_into(x + i * CLASSES, p);
            for (int c = 1; c < CLASSES; c++) best = p[c] > p[best] ? c : best;
            if (!(p[best] > (m - 1) / 15.0 && p[best] <= m / 15.0)) continue;
            n++;
            conf += p[best];
            acc += best == labels[i];
        }
        if (n) error += (double)n / IMAGES * fabs(acc / n - conf / n);
    }
    return error;
}

static void calibration(void **state) {
    static float x[IMAGES * CLASSES];
    static int64_t labels[IMAGES];
    score s;
    (void)state;
    for (int i = 0; i < IMAGES; i++) {
        for (int c = 0; c < CLASSES; c++) x[i * CLASSES + c] = (float)((i * 31 + c * 57 + i * i * c) % 97) / 20;
        labels[i] = (i * 7 + i / 3) % CLASSES;
    }
    assert_int_equal(score_init(&s, CLASSES, true, NULL), STRIA_OK);
    assert_true(score_calibration(&s) == 0); /* of nothing */
    score_add(&s, x, labels, NULL, IMAGES / 2);
    score_add(&s, x + IMAGES / 2 * CLASSES, labels + IMAGES / 2, NULL, IMAGES / 2);
    assert_true(error_of(x, labels) > 0.1);
    assert_true(fabs(score_calibration(&s) - error_of(x, labels)) < 1e-12);
    score_release(&s);
}

/* Sure and right: 0. Sure and wrong: 1. Confidence is the greatest sigmoid of several labels. */
static void extremes(void **state) {
    const float sure[2 * CLASSES] = {-1000, 1000, 0, 1000, -1000, 0}, half[CLASSES] = {-3, 0, -2};
    const int64_t right[] = {1, 0}, wrong[] = {0, 1};
    score s;
    (void)state;
    assert_int_equal(score_init(&s, CLASSES, true, NULL), STRIA_OK);
    score_add(&s, sure, right, NULL, 2);
    assert_true(score_calibration(&s) == 0);
    score_release(&s);
    assert_int_equal(score_init(&s, CLASSES, true, NULL), STRIA_OK);
    score_add(&s, sure, wrong, NULL, 2);
    assert_true(score_calibration(&s) == 1);
    score_release(&s);
    assert_int_equal(score_init(&s, CLASSES, true, NULL), STRIA_OK);
    s.multi_label = true;
    score_add(&s, half, right, NULL, 1);
    assert_true(fabs(score_calibration(&s) - 0.5) < 1e-12);
    const float nothing[CLASSES] = {NAN, NAN, NAN};
    score_add(&s, nothing, right, NULL, 1);
    assert_true(s.images == 2 && s.top1 == 1 && fabs(score_calibration(&s) - 0.5) < 1e-12);
    score_release(&s);
}

/* The mean of several views: NaN in one is NaN, and a probability of 0 stays a finite logit. */
static void averages(void **state) {
    (void)state;
    double sums[CLASSES] = {2, 0, NAN};
    float logits[CLASSES];
    for (int multi = 0; multi < 2; multi++) {
        logits_of(sums, CLASSES, multi, 4, logits);
        assert_true(fabs((double)logits[0] - (multi ? 0 : log(0.5))) < 1e-6);
        assert_true(isfinite(logits[1]) && logits[1] < -700);
        assert_true(isnan(logits[2]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(calibration), cmocka_unit_test(extremes),
                                       cmocka_unit_test(averages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
