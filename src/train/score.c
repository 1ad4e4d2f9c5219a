#include "train/score.h"

#include "base/memory.h"
#include "train/probability.h"

#include <math.h>

stria_status score_init(score *s, int64_t classes, bool confusion, stria_error *err) {
    *s = (score){.classes = classes};
    if (!confusion) return STRIA_OK;
    return mem_new(&s->confusion, (size_t)classes * (size_t)classes, sizeof *s->confusion, "the confusion matrix", err);
}

void score_release(score *s) {
    mem_free(s->confusion);
    s->confusion = NULL;
}

void score_restart(score *s) {
    *s = (score){.classes = s->classes, .multi_label = s->multi_label};
}

/* What the labels give of the logits: Σ share_c · x_c. */
static double labelled(const float *x, int64_t classes, int64_t label, const float *shares) {
    double sum = 0;
    if (!shares) return (double)x[label];
    for (int64_t c = 0; c < classes; c++)
        if (shares[c] > 0) sum += (double)shares[c] * (double)x[c]; /* a share of 0 of −∞ is 0 */
    return sum;
}

/* log Σ exp(x_c) − Σ share_c · x_c, in double: of shares that sum to 1. */
static double cross_entropy(const float *x, int64_t classes, double labelled) {
    softmax s = softmax_of(x, classes);
    return log(s.norm) + s.most - labelled;
}

/* Mean over c of log(1 + exp(x_c)) − share_c · x_c, in double. */
static double binary_cross_entropy(const float *x, int64_t classes, double labelled) {
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) sum += fmax((double)x[c], 0) + log1p(exp(-fabs((double)x[c])));
    return (sum - labelled) / (double)classes;
}

/* The probability of the class with the greatest logit. */
static double sure_of(const float *x, int64_t classes, int64_t best, bool multi_label) {
    return multi_label ? 1 / (1 + exp(-(double)x[best])) : 1 / softmax_of(x, classes).norm;
}

static void bin_add(score *s, const float *x, int64_t best, bool right) {
    double sure = sure_of(x, s->classes, best, s->multi_label);
    if (!isfinite(sure)) return;
    int i = (int)ceil(sure * SCORE_BINS) - 1;
    score_bin *b = &s->bins[i < 0 ? 0 : i < SCORE_BINS ? i : SCORE_BINS - 1];
    b->images++;
    b->right += right;
    b->sure += sure;
}

double score_calibration(const score *s) {
    double sum = 0;
    int64_t images = 0;
    for (int i = 0; i < SCORE_BINS; i++) {
        sum += fabs((double)s->bins[i].right - s->bins[i].sure);
        images += s->bins[i].images;
    }
    return images ? sum / (double)images : 0;
}

void score_add(score *s, const float *logits, const int64_t *labels, const float *shares, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const float *x = logits + i * s->classes;
        int64_t label = labels[i], best = 0, better = 0;
        if (label < 0) continue;
        for (int64_t c = 0; c < s->classes; c++) {
            if (x[c] > x[best] || isnan(x[best])) best = c;
            better += x[c] > x[label] || (x[c] == x[label] && c < label);
        }
        bool comparable = !isnan(x[label]);
        s->images++;
        s->top1 += best == label && comparable;
        s->top5 += better < 5 && comparable;
        double given = labelled(x, s->classes, label, shares ? shares + i * s->classes : NULL);
        s->loss += (s->multi_label ? binary_cross_entropy : cross_entropy)(x, s->classes, given);
        if (!s->confusion) continue;
        s->confusion[label * s->classes + best]++;
        bin_add(s, x, best, best == label);
    }
}
