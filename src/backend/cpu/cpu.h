/* Helpers that the CPU implementations share. */
#ifndef BACKEND_CPU_CPU_H
#define BACKEND_CPU_CPU_H

#include "backend/backend.h"
#include "kernel/elements/elementwise.h"
#include "kernel/products/epilogue.h"
#include "op/op.h"

#define CPU(symbol, list) extern const op_impl *const list[];
#include "backend/cpu/cpu_list.h"
#undef CPU
extern const op_impl *const cpu_unary[], *const cpu_unary_gradient[];
extern const op_impl impl_chunks; /* elementwise operators of any type, without vectors */

/* The vector kernel of an elementwise operator or of its gradient, with its parameters; false: it has none. */
bool unary_op_of(const op_def *op, const void *attributes, unary_kind *kind, float *a, float *b, bool *gradient);

/* Returns true if the epilogues of products compute this activation. */
bool activation_known(const op_def *op);
/* The node's activation as a kernel epilogue (bias and residual untouched); false if no epilogue computes it. */
bool epilogue_activation(const node *n, epilogue *e);
/* The node's activation as a unary kernel (identity if it has none); false if there is none. */
bool unary_activation(const node *n, unary_kind *kind, float *a, float *b);

/* Refuses unless all present inputs and outputs are float32. */
bool all_float32(const node *n, refusal *why);
/* Strides of an operand over the result's dimensions in their storage order; 0 where it repeats. */
void operand_strides(const value *v, const value *y, int64_t *stride);
/* "plain", "channels-last", "batch-last" */
const char *storage_name(const value *v);

#endif
