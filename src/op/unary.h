/* Elementwise functions of one tensor, for rules and backends. */
#ifndef OP_UNARY_H
#define OP_UNARY_H

#include "op/op.h"

typedef struct unary_attributes {
    float alpha, beta; /* Selu: beta is its gamma */
} unary_attributes;

/* The function of one number that op computes (attributes: unary_attributes), or NULL if op is none of unary.c. */
typedef double unary_function(double x, const unary_attributes *a);
unary_function *unary_function_of(const op_def *op);

/* f' from x and y = f(x), of the operator or of its gradient; NULL if there is none. */
typedef double unary_slope(double x, double y, const unary_attributes *a);
unary_slope *unary_slope_of(const op_def *op);

/* Input 1 of the gradient operator is y if true, else x. */
bool unary_slope_reads_output(const op_def *op);

#endif
