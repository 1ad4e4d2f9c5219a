/* 8-bit floats: types that are stored and converted, never computed with. As ONNX's Cast defines them: Micikevicius et
 * al., "FP8 Formats for Deep Learning" (E4M3FN, E5M2), Noune et al., "8-bit Numerical Formats for Deep Neural Networks"
 * (…FNUZ: no infinities, no −0), OCP Microscaling Formats 1.0 (E8M0: powers of two, for scales). */
#ifndef GRAPH_FLOAT8_H
#define GRAPH_FLOAT8_H

#include "graph/tensor.h"

typedef enum float8_round { FLOAT8_UP, FLOAT8_DOWN, FLOAT8_NEAREST } float8_round;

/* ONNX's attributes of a conversion. */
typedef struct float8_rule {
    bool saturate;      /* what is too large becomes the largest number; else infinity where there is one, or NaN */
    float8_round round; /* of E8M0 only: the others round to nearest, halves to even */
} float8_rule;

/* The value of a code; a double holds every one exactly. */
double float8_value(dtype type, uint8_t code);
/* The code for x. E8M0 has neither zero nor signs: 0 becomes its least number if it saturates, else NaN; a number below
 * zero, which the standard leaves open, becomes NaN. */
uint8_t float8_code(dtype type, double x, float8_rule rule);

#endif
