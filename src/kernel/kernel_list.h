/* Every kernel that is compiled once per instruction set: KERNEL(name, (parameters)), all returning void.
 * A line here makes a field of kernel_set, a prototype per ISA and an entry of each ISA's table; the body is in
 * <room>/<family>.inc. TILE(name) lines are the sizes that go with the kernels: each file of isa/ defines them as
 * macros.
 */
TILE(lanes)   /* floats in a vector */
TILE(gemm_mr) /* rows of the register tile: broadcasts */
TILE(gemm_nr) /* columns of the register tile: vectors */

/* elementwise.inc */
#define UNARY(name, needs, f, df)                                                                                      \
    KERNEL(unary_##name, (float *y, const float *x, int64_t n, float alpha, float beta))                               \
    KERNEL(gradient_##name, (float *dx, const float *dy, const float *xy, int64_t n, float alpha, float beta))
#include "kernel/elements/unary_list.h"
#undef UNARY
KERNEL(accumulate, (float *y, const float *x, float scale, int64_t n))
KERNEL(finite, (const float *x, int64_t n, bool *finite))

/* map.inc: arguments in map.h */
#define MAP(name, operands, y, a, b, c, f) KERNEL(map_##name, (const struct map_block *block))
#include "kernel/elements/map_int_list.h"
#include "kernel/elements/map_list.h"
#undef MAP

/* conv_batch.inc: arguments in conv_batch_tile.h */
TILE(batch_oc) /* channels of the register tile */
TILE(batch_ow) /* columns (weight gradient: taps) of the register tile, vectors */
KERNEL(batch_pack, (const struct batch_pack *pack))
KERNEL(batch_conv, (const struct batch_conv *conv))
KERNEL(batch_weight, (const struct batch_weight *weight))

/* gemm.inc: arguments in tile.h */
KERNEL(gemm_rows, (const struct gemm_rows *tile))
KERNEL(gemm_outer, (const struct gemm_outer *tile))
KERNEL(gemm_points, (const struct gemm_points *products))
KERNEL(gemm_finish, (const struct gemm_rows *tile, const float *sums))

/* conv.inc */
KERNEL(row_copy, (float *to, int64_t to_step, const float *from, int64_t from_step, int64_t count, int64_t width))
KERNEL(panel_copy,
       (float *to, int64_t panel_floats, const float *from, int64_t from_step, int64_t count, int64_t width))
KERNEL(panel_fill, (float *to, int64_t panel_floats, int64_t count, int64_t width))

/* conv_plain.inc: arguments in conv_plain_tile.h */
KERNEL(pixels_store, (const struct pixels_sums *sums))
KERNEL(pixels_rows, (const struct pixels_rows *rows))

/* conv_winograd.inc: arguments in conv_winograd_tile.h */
KERNEL(winograd_input, (const struct winograd_input *tile))
KERNEL(winograd_output, (const struct winograd_output *tile))

/* conv_depthwise.inc: arguments in conv_depthwise_tile.h */
KERNEL(depthwise_row, (const struct depthwise_row *row))
KERNEL(depthwise_weight, (const struct depthwise_weight *weight))
KERNEL(depthwise_reduce,
       (float *dw, const float *part, int64_t part_pitch, int64_t parts, int64_t taps, int64_t channels))

/* stream.inc */
KERNEL(stream_end, (void))

/* pool.inc: one outer index, `inner` elements */
KERNEL(window_max,
       (const struct pool_shape *s, const struct window_storage *m, int64_t inner, float *y, const float *x))
KERNEL(window_average,
       (const struct pool_shape *s, const struct window_storage *m, int64_t inner, float *y, const float *x))
KERNEL(window_max_indices, (const struct pool_shape *s, const struct window_storage *m, int64_t inner, float *y,
                            const struct window_indices *to, int64_t plane, const float *x))
KERNEL(window_norm,
       (const struct pool_shape *s, const struct window_storage *m, int64_t inner, float *y, const float *x))
KERNEL(window_max_gradient, (const struct pool_shape *s, const struct window_storage *m, int64_t inner, float *dx,
                             const float *dy, const float *x))
KERNEL(window_average_gradient,
       (const struct pool_shape *s, const struct window_storage *m, int64_t inner, float *dx, const float *dy))

/* softmax.inc */
KERNEL(softmax_row_sum, (const float *x, int64_t n, float *greatest, float *sum))
KERNEL(softmax_row, (float *y, const float *x, int64_t n, float scale, bool logarithm))
KERNEL(softmax_row_gradient, (float *dx, const float *dy, const float *y, int64_t n, bool logarithm))
KERNEL(softmax_column_sums, (const float *x, int64_t classes, int64_t pitch, int64_t n, float *greatest, float *sums))
KERNEL(softmax_columns,
       (float *y, const float *x, int64_t classes, int64_t pitch, int64_t n, const float *scales, bool logarithm))
KERNEL(softmax_columns_gradient,
       (float *dx, const float *dy, const float *y, int64_t classes, int64_t pitch, int64_t n, bool logarithm))

/* loss.inc */
KERNEL(target_sums, (const float *x, const float *q, const float *w, int64_t n, float top, float keep, float spread,
                     float *total, float *dot))
KERNEL(target_subtract, (float *dx, const float *q, const float *w, int64_t n, float keep, float spread))
KERNEL(hinge_sums, (const float *x, int64_t n, float base, bool squared, float *sum, float *greatest))
KERNEL(hinge_slopes, (float *dx, const float *x, int64_t n, float base, bool squared, float scale, float *sum))
#define PAIR(name, f, dx, dt)                                                                                          \
    KERNEL(pair_##name, (float *y, const float *x, const float *t, int64_t n, float factor, float delta))              \
    KERNEL(pair_##name##_sum, (const float *x, const float *t, int64_t n, float delta, float *sum))                    \
    KERNEL(pair_##name##_slope, (float *d, const float *dy, int64_t dy_step, const float *x, const float *t,           \
                                 int64_t n, float factor, float delta, bool by_target))
#include "kernel/rows/pair_list.h"
#undef PAIR

/* norm.inc: arguments in norm_matrix.h */
KERNEL(norm_row_moments, (const float *x, int64_t n, bool centred, double *mean, double *m2))
KERNEL(norm_column_moments,
       (const float *x, int64_t rows, int64_t pitch, int64_t n, bool centred, double *mean, double *m2))
KERNEL(norm_apply, (const struct norm_matrix *m, float *y, const float *x))
KERNEL(norm_gradient, (const struct norm_matrix *m, float *dx, const float *dy, const float *x))
KERNEL(norm_row_sums, (const struct norm_matrix *m, double *sums, double *products, const float *dy, const float *x))
KERNEL(norm_column_sums, (const struct norm_matrix *m, double *sums, double *products, const float *dy, const float *x))

/* lrn.inc */
KERNEL(lrn, (float *y, const float *x, int64_t n, int64_t pitch, int64_t before, int64_t after, float alpha, float beta,
             float bias))
KERNEL(lrn_terms, (float *dx, float *t, const float *dy, const float *x, int64_t n, int64_t pitch, int64_t before,
                   int64_t after, float alpha, float beta, float bias))
KERNEL(lrn_gather, (float *dx, const float *x, const float *t, int64_t n, int64_t pitch, int64_t before, int64_t after,
                    float factor))

/* dropout.inc: arguments in dropout.h */
KERNEL(dropout_line,
       (const struct dropout *d, float *y, uint8_t *mask, const float *x, int64_t n, uint64_t first, uint64_t step))
KERNEL(dropout_rows, (const struct dropout *d, float *y, uint8_t *mask, const float *x, int64_t n, int64_t pitch,
                      uint64_t first, uint64_t step))

/* optimizer.inc */
KERNEL(momentum, (const struct momentum_options *o, float *x, float *v, const float *g, int64_t n, bool *finite))
KERNEL(adam, (const struct adam_options *o, float *x, float *m, float *v, const float *g, int64_t n, bool *finite))
KERNEL(velocity, (const struct velocity_options *o, float *x, float *v, const float *g, int64_t n, bool *finite))
KERNEL(lion, (const struct lion_options *o, float *x, float *m, const float *g, int64_t n, bool *finite))
KERNEL(adadelta,
       (const struct adadelta_options *o, float *x, float *h, float *s, const float *g, int64_t n, bool *finite))
KERNEL(ftrl, (const struct ftrl_options *o, float *x, float *h, float *z, const float *g, int64_t n, bool *finite))
KERNEL(lamb_moments, (const struct lamb_options *o, const float *x, float *m, float *v, const float *g, int64_t n,
                      double sums[2], bool *finite))
KERNEL(lamb, (const struct lamb_options *o, float *x, const float *m, const float *v, const float *g, int64_t n))
KERNEL(square, (const struct square_options *o, float *x, float *h, const float *g, int64_t n, bool *finite))

/* layout.inc */
KERNEL(transpose, (float *y, int64_t y_pitch, const float *x, int64_t x_pitch, int64_t rows, int64_t columns))

/* convert.inc: to and from are element_types; *known: there is a loop for them, and it ran */
KERNEL(convert, (void *y, int to, const void *x, int from, int64_t n, bool *known))

/* reduce.inc: kind is one of the first seven of reduce_kind */
KERNEL(reduce_line, (float *y, const float *x, int64_t n, int kind, float shift))
KERNEL(reduce_tall, (float *y, const float *x, int64_t rows, int64_t pitch, int64_t n, int kind, const float *shifts))

/* arg.inc */
KERNEL(arg_line, (int64_t * y, const float *x, int64_t n, bool least, bool last))
KERNEL(arg_tall, (int32_t * y, const float *x, int64_t rows, int64_t pitch, int64_t n, bool least, bool last))

/* resize.inc */
KERNEL(resize_row,
       (float *y, const float *x, const int32_t *index, const float *weight, int64_t taps, int64_t pitch, int64_t n))
KERNEL(resize_columns, (float *y, const float *x, const struct resize_table *c, int64_t inner, float outside))

/* peak.inc */
KERNEL(peak, (float *sink, int64_t rounds))
