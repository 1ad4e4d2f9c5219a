/* The optimisers' attributes, for rules and backends. */
#ifndef OP_OPTIMIZER_H
#define OP_OPTIMIZER_H

#include "op/op.h"

typedef struct momentum_attributes {
    float alpha;            /* momentum: weight of the old velocity */
    float beta;             /* weight of the gradient after the first step (1 − PyTorch's dampening) */
    float norm_coefficient; /* weight decay */
    const char *mode;       /* standard, nesterov */
} momentum_attributes;

typedef struct adam_attributes {
    float beta1, beta2; /* weights of the old mean and of the old mean square */
    float epsilon;      /* added to the root */
    float weight_decay;
    int64_t decoupled; /* 1: the decay shrinks the parameter (AdamW); 0: it is part of the gradient (L2) */
} adam_attributes;

typedef struct rmsprop_attributes {
    float alpha;   /* weight of the old mean square */
    float epsilon; /* added to the root */
    float norm_coefficient;
} rmsprop_attributes;

typedef struct adagrad_attributes {
    float decay_factor; /* of the rate, by steps */
    float epsilon;      /* added to the root */
    float norm_coefficient;
} adagrad_attributes;

/* Numbers that a step has in common, in double: what the reference and the kernels multiply by. */
typedef struct adam_step {
    double keep;  /* of the parameter: 1, or 1 − r·λ where the decay is decoupled */
    double decay; /* of the parameter into the gradient */
    double rate;  /* r / (1 − β1^t) */
    double root;  /* 1 / √(1 − β2^t) */
} adam_step;
/* `done`: steps before this one. */
adam_step adam_step_of(const adam_attributes *a, double rate, int64_t done);

/* r / (1 + done · decay_factor) */
double adagrad_rate(const adagrad_attributes *a, double rate, int64_t done);

#endif
