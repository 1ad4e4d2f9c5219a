/* How good predictions are: counted from logits on the host, in a fixed order. */
#ifndef TRAIN_SCORE_H
#define TRAIN_SCORE_H

#include "base/error.h"

enum { SCORE_BINS = 15 }; /* of confidences, as in Guo et al., "On calibration of modern neural networks", ICML 2017 */

/* Images whose predicted class has a probability in (b/15, (b+1)/15]. */
typedef struct score_bin {
    int64_t images, right;
    double sure; /* sum of these probabilities */
} score_bin;

typedef struct score {
    int64_t classes, images, top1, top5;
    bool multi_label; /* each class has its own probability: the loss is the binary cross-entropy */
    double error;     /* sum over the images: mean square error as a share of the range of values, without classes */
    double loss; /* sum over the images: the cross-entropy of softmax with the label, or the mean over classes of that
                    of sigmoids */
    int64_t *confusion; /* [classes][classes], true × predicted; NULL: not counted, nor are the bins */
    score_bin bins[SCORE_BINS];
} score;

stria_status score_init(score *s, int64_t classes, bool confusion, stria_error *err);
void score_release(score *s);
/* Nothing is counted yet, and no confusion. */
void score_restart(score *s);
/* logits[n][classes], labels[n] in 0…classes−1, or −1: not counted. Ties go to the lower class; a NaN logit never wins.
 * shares[n][classes] of classes, by which the loss goes then; NULL: the label's is 1. */
void score_add(score *s, const float *logits, const int64_t *labels, const float *shares, int64_t n);
/* Expected calibration error: the mean over images of |accuracy − mean confidence| of their bin. Needs the bins. */
double score_calibration(const score *s);

#endif
