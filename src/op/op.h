/* The registry of operators, and what the rules in op/ share. */
#ifndef OP_OP_H
#define OP_OP_H

#include "graph/op_def.h"

/* All operators, NULL-terminated, in the order of op_list.h. */
const op_def *const *op_all(void);
/* By domain ("" or "ai.onnx" is ONNX's) and name; NULL if there is none. */
const op_def *op_find(const char *domain, const char *name);
/* By name in any domain, ONNX's first; fails with the nearest name. */
stria_status op_find_any(const char *name, const op_def **out, stria_error *err);

#define OP(symbol) extern const op_def op_##symbol;
#include "op/op_list.h"
#undef OP

/* Builder calls for gradient rules and passes: the first error sticks in `status`, NULL flows through. */
typedef struct builder {
    graph *g;
    const char *origin; /* stems of names */
    stria_status status;
    stria_error *err;
} builder;

/* One node of `count` inputs, its first output. attributes NULL: defaults. */
value *build(builder *b, const op_def *op, value *const *in, int count, const void *attributes);
value *build1(builder *b, const op_def *op, value *x, const void *attributes);
value *build2(builder *b, const op_def *op, value *x, value *y, const void *attributes);
value *build_scalar(builder *b, dtype type, double x);                     /* a constant of rank 0 */
value *build_i64(builder *b, const int64_t *x, int64_t count);             /* a constant of rank 1 */
value *build_filled(builder *b, dtype type, const shape *shape, double x); /* a constant */

#endif
