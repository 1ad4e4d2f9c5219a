/* How good predictions are: counted from logits on the host, in a fixed order. */
#ifndef TRAIN_SCORE_H
#define TRAIN_SCORE_H

#include "base/error.h"

typedef struct score {
    int64_t classes, images, top1, top5;
    bool multi_label;   /* each class has its own probability: the loss is the binary cross-entropy */
    double loss;        /* sum over the images: −log softmax, or the mean over classes of −log sigmoid */
    int64_t *confusion; /* [classes][classes], true × predicted; NULL: not counted */
} score;

stria_status score_init(score *s, int64_t classes, bool confusion, stria_error *err);
void score_release(score *s);
/* logits[n][classes], labels[n] in 0…classes−1, or −1: not counted. Ties go to the lower class; a NaN logit never wins.
 */
void score_add(score *s, const float *logits, const int64_t *labels, int64_t n);

#endif
