/* Dropout's attributes and random numbers, for rules, backends and passes. */
#ifndef OP_DROPOUT_H
#define OP_DROPOUT_H

#include "base/random.h"
#include "op/op.h"

typedef struct dropout_attributes {
    int64_t seed; /* mixed into the session's; other numbers than those of other programs with the same seed */
} dropout_attributes;

/* y always equals x: nothing is dropped, and the mask is not used. */
bool dropout_is_identity(const node *n);

/* Of one run, with the attribute `seed` mixed in. */
random_key dropout_key_of(const node *n, uint64_t seed, uint64_t step);

/* Share of units to drop, from the contents of ratio and training_mode (NULL: absent); refuses what is not in [0, 1].
 */
stria_status dropout_share(const double *ratio, const int64_t *training, double *share, stria_error *err);

#endif
