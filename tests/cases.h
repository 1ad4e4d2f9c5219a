/* The operators' own test cases (op_def.cases) as graphs with contents: for every test that goes over operators ×
 * cases.
 *
 * inputs: items separated by ", ", each [prefix:]shape, "-" for an absent one:
 *   2x3x4          floats, uniform in [−1, 1)          :        a scalar
 *   pos:2x3        uniform in [0.5, 1.5)               a..b:2x3 uniform in [a, b)
 *   i64=1,2,3:3    these contents; also u64=, i32=, u8=, bool=, f8= (codes of float8e4m3fn), f=; without ":shape" a
 * scalar f64:2x3        of that type, in [0, 2); also i64, f16, u8, bool ?…             no constant, though the shape
 * rule wants to know its contents attributes: "name=text name=text"; "outputs=3" is how many an operator with any
 * number of outputs has. */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

#include "op/op.h"

#define CASE_INPUTS 12

typedef struct case_graph {
    graph *g;
    node *n;                       /* the only node; all of its optional outputs are there */
    tensor *contents[CASE_INPUTS]; /* of n->in[i]; NULL if absent */
} case_graph;

/* Floats are of float_type; their contents depend on the operator, the case and the input only. Inputs that the shape
 * rule reads (value_inputs) are constants, the others graph inputs, in order. A failure releases everything. */
stria_status case_new(case_graph *c, const op_def *op, const op_case *text, dtype float_type, stria_error *err);
void case_release(case_graph *c);

/* Attributes from their text. */
stria_status case_attributes(const op_def *op, const char *text, void *attributes, arena *a, stria_error *err);

/* "Conv (2x3x4x4, …; pads=1,1,1,1)", in static storage. */
const char *case_name(const op_def *op, const op_case *text);

/* Uniform numbers in [low, high) from the stream. */
tensor *random_tensor(dtype type, const shape *s, double low, double high, uint64_t stream);

#endif
