/* Dropout's attributes and random numbers, for rules, backends and passes. */
#ifndef OP_DROPOUT_H
#define OP_DROPOUT_H

#include "op/op.h"

typedef struct dropout_attributes {
    int64_t seed; /* of ONNX Runtime's generator; Stria's numbers come of the session's seed */
} dropout_attributes;

/* y is x whatever the run: nothing is dropped, and nobody asks for the mask. */
bool dropout_is_identity(const node *n);

/* Share of units to drop, from the contents of ratio and training_mode (NULL: absent); refuses what is not in [0, 1].
 */
stria_status dropout_share(const double *ratio, const int64_t *training, double *share, stria_error *err);

#endif
