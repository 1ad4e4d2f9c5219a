#include "train/probability.h"

#include <float.h>
#include <math.h>

softmax softmax_of(const float *x, int64_t classes) {
    softmax s = {-INFINITY, 0};
    for (int64_t c = 0; c < classes; c++) s.most = fmax(s.most, (double)x[c]);
    for (int64_t c = 0; c < classes; c++) s.norm += exp((double)x[c] - s.most);
    return s;
}

static double probability(const softmax *s, bool multi_label, float x) {
    return multi_label ? 1 / (1 + exp(-(double)x)) : exp((double)x - s->most) / s->norm;
}

void probabilities_add(const float *logits, int64_t classes, bool multi_label, double *sums) {
    softmax s = softmax_of(logits, classes);
    for (int64_t c = 0; c < classes; c++) sums[c] += probability(&s, multi_label, logits[c]);
}

void probabilities_of(const float *logits, int64_t classes, bool multi_label, float *probabilities) {
    softmax s = softmax_of(logits, classes);
    for (int64_t c = 0; c < classes; c++) probabilities[c] = (float)probability(&s, multi_label, logits[c]);
}

void logits_of(const double *sums, int64_t classes, bool multi_label, int count, float *logits) {
    for (int64_t c = 0; c < classes; c++) {
        double mean = sums[c] / count, p = isnan(mean) ? mean : fmax(mean, DBL_MIN);
        logits[c] = (float)(multi_label ? log(p) - log(fmax(1 - p, DBL_MIN)) : log(p));
    }
}
