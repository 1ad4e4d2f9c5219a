/* Softmax and sigmoid written out in other operators, as exporters leave them. */
#ifndef TRAIN_OUTPUT_PATTERN_H
#define TRAIN_OUTPUT_PATTERN_H

#include "op/op.h"

/* Where a picture's scores lie in a value. */
typedef struct place {
    int64_t classes; /* scores per picture */
    int axis; /* along this dimension and maybe others (positions that are averaged later); −1: one after the other */
} place;

/* v is known and has one element, which goes to *x. */
bool pattern_number(const value *v, double *x);
bool pattern_is_number(const value *v, double x);
/* v is the first result of such a node; NULL is not. */
bool pattern_made_by(const value *v, const op_def *op);

/* x, which is never negative, over `sum` is a share of a picture's classes: sum is Σ x over them. */
bool pattern_share(const value *x, const value *sum, place at);
/* x − below is log softmax x: below is log Σ exp x over a picture's classes. */
bool pattern_log_softmax(const value *x, const value *below, place at);
/* 1 / below is the sigmoid of z: below is 1 + exp(−z). Returns z, or NULL. */
value *pattern_sigmoid(const value *below);

#endif
