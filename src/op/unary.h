/* Elementwise functions of one tensor, for rules and backends. */
#ifndef OP_UNARY_H
#define OP_UNARY_H

#include "op/op.h"

typedef struct unary_attributes {
    float alpha, beta;       /* Selu: beta is its gamma; Shrink: lambd and bias; Clamp: min and max */
    const char *approximate; /* Gelu: "none" or "tanh" */
} unary_attributes;

/* Returns true if a Gelu uses the approximation by tanh. */
bool unary_gelu_by_tanh(const unary_attributes *a);

/* Input 1 of the gradient operator is y if true, else x. */
bool unary_slope_reads_output(const op_def *op);

#endif
