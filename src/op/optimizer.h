/* The optimisers' attributes, for rules and backends. */
#ifndef OP_OPTIMIZER_H
#define OP_OPTIMIZER_H

#include "op/op.h"

/* Inputs of every update; then come further states. Outputs: the parameter, the states, and, at update_finite, whether
 * every element of the gradient is finite (bool, a scalar). An element whose gradient is not finite leaves parameter
 * and states as they are; of operators that look at a whole tensor see there. */
enum { UPDATE_RATE, UPDATE_COUNT, UPDATE_PARAMETER, UPDATE_GRADIENT, UPDATE_STATE };

static inline int update_finite(const op_def *op) {
    return op->in_max - UPDATE_STATE + 1;
}

/* For references: stores element i of the parameter and of up to two states, as far as its gradient is finite. */
void optimizer_put(const ref_call *c, int64_t i, double x, double first, double second);
/* For references: stores the output at update_finite, if it is wanted. */
stria_status optimizer_told(const ref_call *c);

/* The shape rule of them all. */
stria_status optimizer_infer(node *n, stria_error *err);

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

typedef struct velocity_attributes {
    float alpha; /* momentum: weight of the old velocity */
    float weight_decay;
    int64_t nesterov;
} velocity_attributes;

typedef struct adadelta_attributes {
    float rho;     /* weight of the old mean squares */
    float epsilon; /* inside the roots */
    float norm_coefficient;
} adadelta_attributes;

typedef struct nadam_attributes {
    float beta1, beta2, epsilon;
    float momentum_decay; /* how fast beta1 comes to its full value */
    float weight_decay;   /* part of the gradient */
} nadam_attributes;

typedef struct lion_attributes {
    float beta1; /* weight of the mean in the step */
    float beta2; /* weight of the old mean in the new one */
    float weight_decay;
} lion_attributes;

typedef struct ftrl_attributes {
    float l1, l2, beta;
    float norm_coefficient;
} ftrl_attributes;

typedef struct lamb_attributes {
    float beta1, beta2, epsilon;
    float weight_decay;
} lamb_attributes;

typedef struct muon_attributes {
    float momentum;
    float weight_decay;
    int64_t nesterov, steps; /* steps of the Newton–Schulz iteration */
} muon_attributes;

/* Numbers that a step has in common, in double: what the reference and the kernels multiply by. */
typedef struct adam_step {
    double keep;  /* of the parameter: 1, or 1 − r·λ where the decay is decoupled */
    double decay; /* of the parameter into the gradient */
    double rate;  /* r / (1 − β1^t) */
    double root;  /* 1 / √(1 − β2^t) */
} adam_step;
/* `done`: steps before this one. */
adam_step adam_step_of(const adam_attributes *a, double rate, int64_t done);

/* NAdam's: x' = x − (gradient · g + mean · m) / (√v · root + ε) */
typedef struct nadam_step {
    double gradient, mean, root;
} nadam_step;
nadam_step nadam_step_of(const nadam_attributes *a, double rate, int64_t done);

/* r / (1 + done · decay_factor) */
double adagrad_rate(const adagrad_attributes *a, double rate, int64_t done);

#endif
