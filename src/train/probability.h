/* Logits to probabilities and back, in double. */
#ifndef TRAIN_PROBABILITY_H
#define TRAIN_PROBABILITY_H

#include <stdbool.h>
#include <stdint.h>

/* p_c = exp(x_c − most) / norm. */
typedef struct softmax {
    double most, norm;
} softmax;
softmax softmax_of(const float *logits, int64_t classes);
/* Adds softmax(logits)[classes], or with multi_label the sigmoid of each, to sums[classes]. */
void probabilities_add(const float *logits, int64_t classes, bool multi_label, double *sums);
/* probabilities[classes] of logits; the two may be the same memory. */
void probabilities_of(const float *logits, int64_t classes, bool multi_label, float *probabilities);
/* Finite logits whose probabilities are sums[classes] / count. */
void logits_of(const double *sums, int64_t classes, bool multi_label, int count, float *logits);

#endif
