/* Shared by shape rules and references. Sentences need not name the node: the caller does. */
#ifndef OP_RULE_H
#define OP_RULE_H

#include "op/op.h"

/* ---- shape rules ---- */

/* Input i of the operator itself (not of its epilogue); NULL if absent. */
value *rule_input(const node *n, int i);
/* Sets type and shape of output i, if it is there; refuses a shape whose elements cannot be counted. */
stria_status rule_output(node *n, int i, dtype type, const shape *s, stria_error *err);
/* Output 0 is like input i. */
stria_status rule_like(node *n, int i, stria_error *err);
/* Input i, called `what`, is of a floating type. */
stria_status rule_float(const node *n, int i, const char *what, stria_error *err);
/* Inputs i and j have the same type. */
stria_status rule_same_type(const node *n, int i, int j, stria_error *err);
/* All present inputs from `first` on are floating and of one type. */
stria_status rule_floats(const node *n, int first, stria_error *err);
/* Inputs have one shape, as gradients and the values they belong to. */
stria_status rule_same_shape(const shape *a, const char *what_a, const shape *b, const char *what_b, stria_error *err);
/* An axis of a tensor of this rank; negative ones count from the end. */
stria_status rule_axis(int64_t axis, int rank, int *out, stria_error *err);
/* The shape to which all inputs from `first` on broadcast, in both directions. */
stria_status rule_broadcast(const node *n, int first, shape *y, stria_error *err);
/* Contents of value input i as integers: at most `max`, of rank 0 or 1. Absent: count −1. */
stria_status rule_ints(const node *n, int i, const char *what, int64_t *out, int max, int *count, stria_error *err);
/* A set of axes, from the value input i; *given says whether there were any. */
stria_status rule_axes(const node *n, int i, int rank, bool axis[RANK_MAX], bool *given, stria_error *err);

/* The cost of what only moves elements. */
op_cost rule_no_cost(const node *n);

/* ---- gradient rules ---- */

/* Zero everywhere: of operators whose output does not vary with their inputs. */
op_gradient rule_no_gradient;

/* dy summed over what broadcasting repeated, to the shape of x: ReduceTo, or dy itself. */
value *build_reduce_to(builder *b, value *dy, value *x);
/* x under the shape of `like` (ReshapeTo), or x itself. */
value *build_reshape_to(builder *b, value *x, value *like);
/* x with new dimensions of 1 (Unsqueeze), at these axes of the result. */
value *build_unsqueeze(builder *b, value *x, const int64_t *axes, int count);

/* ---- references ---- */

/* Row-major element strides of `from`, lined up with the trailing dimensions of `to`; 0 where it repeats. */
void broadcast_strides(const shape *from, const shape *to, int64_t stride[RANK_MAX]);
/* Offset, by strides, of the row-major index-th element of s. */
int64_t strided_offset(int64_t index, const shape *s, const int64_t stride[RANK_MAX]);
/* An integer reduced to the range of its type, as the machine wraps. */
int64_t integer_wrap(dtype type, int64_t x);
/* a < b, as numbers of the type. */
bool integer_less(dtype type, int64_t a, int64_t b);
/* The number that x stands for: a uint64 of 2^63 or more is held as a negative int64, an 8-bit float as its code. */
double integer_value(dtype type, int64_t x);
/* x without its fraction, saturated to the range of the type; 0 for NaN; of 8-bit floats the code. */
int64_t integer_of(dtype type, double x);
/* Product of the dimensions in [from, to). */
int64_t shape_span(const shape *s, int from, int to);
/* Element i as a real number. */
double ref_value(const ref_tensor *t, int64_t i);
/* Copies element `from` of x to element `to` of y, of the same kind. */
void ref_copy(ref_tensor *y, int64_t to, const ref_tensor *x, int64_t from);

void ref_zero(ref_tensor *t);
/* Stores an element of a floating result that may not be wanted. */
static inline void ref_put(const ref_call *c, int result, int64_t i, double x) {
    if (result < c->out_count && c->out[result].f) c->out[result].f[i] = x;
}

/* An attribute-free operator's field table. */
extern const attr_field no_fields[];

#endif
