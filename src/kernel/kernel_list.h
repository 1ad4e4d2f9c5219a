/* Every kernel that is compiled once per instruction set: KERNEL(name, (parameters)), all returning void.
 * A line here makes a field of kernel_set, a prototype per ISA and an entry of each ISA's table; the body is in
 * body/<family>.inc. TILE(name) lines are the sizes that go with the kernels: each file of isa/ defines them as macros.
 */
TILE(lanes)   /* floats in a vector */
TILE(gemm_mr) /* rows of the register tile: broadcasts */
TILE(gemm_nr) /* columns of the register tile: vectors */

/* elementwise.inc */
#define UNARY(name, needs, f, df)                                                                                      \
    KERNEL(unary_##name, (float *y, const float *x, int64_t n, float alpha, float beta))                               \
    KERNEL(gradient_##name, (float *dx, const float *dy, const float *xy, int64_t n, float alpha, float beta))
#include "kernel/unary_list.h"
#undef UNARY
#define BINARY_KERNEL(name)                                                                                            \
    KERNEL(name, (float *y, int64_t y_step, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n))
BINARY_KERNEL(binary_add)
BINARY_KERNEL(binary_sub)
BINARY_KERNEL(binary_mul)
BINARY_KERNEL(binary_div)
BINARY_KERNEL(binary_min)
BINARY_KERNEL(binary_max)
BINARY_KERNEL(binary_pow)
#undef BINARY_KERNEL
KERNEL(accumulate, (float *y, const float *x, float scale, int64_t n))
KERNEL(finite, (const float *x, int64_t n, bool *finite))

/* conv_batch.inc: arguments in conv_batch_tile.h */
TILE(batch_oc) /* channels of the register tile */
TILE(batch_ow) /* columns (weight gradient: taps) of the register tile, vectors */
KERNEL(batch_pack, (const struct batch_pack *pack))
KERNEL(batch_conv, (const struct batch_conv *conv))
KERNEL(batch_weight, (const struct batch_weight *weight))

/* gemm.inc: arguments in tile.h */
KERNEL(gemm_rows, (const struct gemm_rows *tile))
KERNEL(gemm_outer, (const struct gemm_outer *tile))
KERNEL(gemm_finish, (const struct gemm_rows *tile, const float *sums))

/* conv.inc */
KERNEL(row_copy, (float *to, int64_t to_step, const float *from, int64_t from_step, int64_t count, int64_t width))
KERNEL(panel_copy,
       (float *to, int64_t panel_floats, const float *from, int64_t from_step, int64_t count, int64_t width))
KERNEL(panel_fill, (float *to, int64_t panel_floats, int64_t count, int64_t width))

/* pool.inc: one outer index, `inner` elements */
KERNEL(window_max,
       (const struct window_shape *s, const struct window_storage *m, int64_t inner, float *y, const float *x))
KERNEL(window_average,
       (const struct window_shape *s, const struct window_storage *m, int64_t inner, float *y, const float *x))
KERNEL(window_max_gradient, (const struct window_shape *s, const struct window_storage *m, int64_t inner, float *dx,
                             const float *dy, const float *x))
KERNEL(window_average_gradient,
       (const struct window_shape *s, const struct window_storage *m, int64_t inner, float *dx, const float *dy))

/* softmax.inc */
KERNEL(softmax_row_sum, (const float *x, int64_t n, float *greatest, float *sum))
KERNEL(softmax_row, (float *y, const float *x, int64_t n, float scale, bool logarithm))
KERNEL(softmax_row_gradient, (float *dx, const float *dy, const float *y, int64_t n, bool logarithm))
KERNEL(softmax_column_sums, (const float *x, int64_t classes, int64_t pitch, int64_t n, float *greatest, float *sums))
KERNEL(softmax_columns,
       (float *y, const float *x, int64_t classes, int64_t pitch, int64_t n, const float *scales, bool logarithm))
KERNEL(softmax_columns_gradient,
       (float *dx, const float *dy, const float *y, int64_t classes, int64_t pitch, int64_t n, bool logarithm))

/* optimizer.inc */
KERNEL(momentum, (const struct momentum_options *o, float *x, float *v, const float *g, int64_t n, bool *finite))
KERNEL(adam, (const struct adam_options *o, float rate, float root, float *x, float *m, float *v, const float *g,
              int64_t n, bool *finite))

/* layout.inc */
KERNEL(transpose, (float *y, int64_t y_pitch, const float *x, int64_t x_pitch, int64_t rows, int64_t columns))

/* reduce.inc: kind is a reduce_kind */
KERNEL(reduce_line, (float *y, const float *x, int64_t n, int kind))
KERNEL(reduce_tall, (float *y, const float *x, int64_t rows, int64_t pitch, int64_t n, int kind))

/* peak.inc */
KERNEL(peak, (float *sink, int64_t rounds))
