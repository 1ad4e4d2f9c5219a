/* The weight of each class in the loss (--class-weights). */
#ifndef TRAIN_CLASS_WEIGHTS_H
#define TRAIN_CLASS_WEIGHTS_H

#include "data/dataset.h"

/* "": all alike. "balanced": images / (classes · images of this class), as scikit-learn has it, so that every class
 * counts the same in all. Else a number above 0 for each class of the data, in its order: "1,2.5,1". */
stria_status class_weights_check(const char *spec, stria_error *err);

/* For the model's classes[count], of which permutation[] gives those of the data's; others get 1. *out is NULL where
 * all count alike, else the caller frees it. STRIA_BAD_ARGUMENT for another number of weights than the data has
 * classes. */
stria_status class_weights_of(const char *spec, const dataset *d, const int64_t *permutation, int64_t count,
                              double **out, stria_error *err);

#endif
