/* Layers that convolve. */
#include <string.h>

#include "base/text.h"
#include "op/build_options.h"
#include "op/conv.h"
#include "op/init.h"
#include "op/shape.h"

/* Channels of the result, the window and the groups of a layer. */
static stria_status conv_options(const layer_call *c, int *rank, int64_t *channels, conv_attributes *a,
                                 layer_window_store *s, stria_error *err) {
    TRY(layer_image_rank(c, rank, err));
    TRY(layer_number(c, channels, err));
    TRY(layer_window(c, *rank, &a->window, s, err));
    a->group = 1;
    if (!layer_text(c, "groups")) return STRIA_OK;
    TRY(layer_int(c, "groups", 1, LAYER_SIZE_LIMIT, &a->group, err));
    if (c->in[0]->shape.dim[1] % a->group != 0 || *channels % a->group != 0)
        FAIL(err, STRIA_BAD_SHAPE, "cannot divide %lld input and %lld output channel%s into %lld group%s",
             (long long)c->in[0]->shape.dim[1], (long long)*channels, text_s(*channels), (long long)a->group,
             text_s(a->group));
    return STRIA_OK;
}

/* The input with padding of another kind than zeros; the window then slides over that without any. */
static stria_status pad_input(layer_call *c, int rank, window_attributes *w, layer_window_store *s, value **x,
                              stria_error *err) {
    builder b = {c->g, c->name, STRIA_OK, err};
    const char *mode = layer_text(c, "pad_mode"), *name;
    double fill;
    if (!text_to_double(layer_text(c, "pad_value"), &fill))
        FAIL(err, STRIA_BAD_ARGUMENT, "option pad_value is '%s', expected a number", layer_text(c, "pad_value"));
    if (strcmp(mode, "constant") == 0 && fill == 0) return STRIA_OK;
    TRY(layer_pads(c, rank, w, s, err));
    int64_t pads[8] = {0};
    for (int d = 0; d < rank; d++) {
        pads[2 + d] = s->pads[d];
        pads[4 + rank + d] = s->pads[rank + d];
    }
    value *in[3] = {*x, build_i64(&b, pads, 2 * (rank + 2)), build_scalar(&b, (*x)->type, fill)};
    TRY(b.status);
    TRY(layer_part_name(c, "pad", &name, err));
    memset(s->pads, 0, sizeof s->pads);
    return layer_add_named(c, &op_Pad, name, in, strcmp(mode, "constant") == 0 ? 3 : 2, &(pad_attributes){mode}, x,
                           err);
}

/* True convolution: the kernel turned over in all of its dimensions. */
static stria_status flip_weight(layer_call *c, int rank, value **w, stria_error *err) {
    static const int64_t start[2] = {-1, -1}, end[2] = {INT64_MIN + 1, INT64_MIN + 1}, axes[2] = {2, 3};
    builder b = {c->g, c->name, STRIA_OK, err};
    int64_t flip;
    const char *name;
    TRY(layer_int(c, "flip", 0, 1, &flip, err));
    if (!flip) return STRIA_OK;
    value *in[5] = {*w, build_i64(&b, start, rank), build_i64(&b, end, rank), build_i64(&b, axes, rank),
                    build_i64(&b, start, rank)};
    TRY(b.status);
    TRY(layer_part_name(c, "flip", &name, err));
    return layer_add_named(c, &op_Slice, name, in, 5, NULL, w, err);
}

stria_status layer_conv(layer_call *c, stria_error *err) {
    conv_attributes a = {0};
    layer_window_store s;
    int rank;
    int64_t channels;
    TRY(conv_options(c, &rank, &channels, &a, &s, err));
    value *in[3] = {c->in[0]};
    shape weight = {rank + 2, {channels, in[0]->shape.dim[1] / a.group, s.kernel[0], s.kernel[1]}};
    TRY(pad_input(c, rank, &a.window, &s, &in[0], err));
    TRY(layer_parameters(c, in[0]->type, &weight, channels, in + 1, err));
    TRY(flip_weight(c, rank, &in[1], err));
    return layer_add(c, in, in[2] ? 3 : 2, &a, err);
}

stria_status layer_conv_transpose(layer_call *c, stria_error *err) {
    conv_transpose_attributes a = {0};
    layer_window_store s;
    int rank;
    int64_t channels, more[2];
    TRY(conv_options(c, &rank, &channels, &a.conv, &s, err));
    TRY(layer_sizes(c, "output_padding", 0, rank, more, err));
    a.output_padding = (ints){rank, more};
    value *in[3] = {c->in[0]};
    shape weight = {rank + 2, {in[0]->shape.dim[1], channels / a.conv.group, s.kernel[0], s.kernel[1]}};
    TRY(layer_parameters(c, in[0]->type, &weight, channels, in + 1, err));
    return layer_add(c, in, in[2] ? 3 : 2, &a, err);
}

/* One positions' weights are [oc, ic, kh, kw], which their first contents are drawn for; in memory they are w[oh, ow,
 * kh, kw, ic, oc]. */
stria_status layer_local_conv(layer_call *c, stria_error *err) {
    conv_attributes a = {0};
    layer_window_store s;
    window w[2];
    int rank;
    int64_t channels, bias;
    const char *name;
    TRY(conv_options(c, &rank, &channels, &a, &s, err));
    value *in[3] = {c->in[0]};
    const shape *x = &in[0]->shape;
    TRY(window_infer(w, &a.window, rank, x->dim + 2, s.kernel, err));
    TRY(layer_int(c, "bias", 0, 1, &bias, err));
    TRY(layer_part_name(c, "weight", &name, err));
    shape fans = {rank + 2, {channels, x->dim[1], s.kernel[0], s.kernel[1]}};
    shape weight = {6, {w[0].out, w[1].out, w[0].kernel, w[1].kernel, x->dim[1], channels}};
    shape biases = {3, {w[0].out, w[1].out, channels}};
    if (rank == 1) weight = (shape){4, {w[1].out, w[1].kernel, x->dim[1], channels}};
    if (rank == 1) biases = (shape){2, {w[1].out, channels}};
    TRY(init_parameter_of(c->g, name, in[0]->type, &weight, &fans, layer_text(c, "init"), c->seed, &in[1], err));
    if (bias) TRY(layer_parameter(c, "bias", "zeros", in[0]->type, &biases, &in[2], err));
    return layer_add(c, in, in[2] ? 3 : 2, &a.window, err);
}

/* ---- separable: layers of the table, one after the other ---- */

/* A layer NAME.suffix after *x; NAME already has the scope's name in it. */
static stria_status append(layer_call *c, const char *layer, const char *suffix, int64_t number, const char *options,
                           value **x, stria_error *err) {
    const char *all = arena_printf(&c->g->arena, "name=%s.%s %s", c->name, suffix, options);
    if (!all) return layer_no_memory(err);
    struct scope *outer = c->g->scope;
    c->g->scope = NULL;
    stria_status status = layer_build(c->g, layer, x, 1, &number, number != 0, all, c->seed, x, err);
    c->g->scope = outer;
    return status;
}

/* What follows each of the two: normalisation, activation. */
static stria_status append_finish(layer_call *c, const char *part, value **x, stria_error *err) {
    int64_t norm;
    const char *activation = layer_text(c, "activation");
    const char *norm_name = arena_printf(&c->g->arena, "%s.norm", part);
    const char *activation_name = arena_printf(&c->g->arena, "%s.activation", part);
    if (!norm_name || !activation_name) return layer_no_memory(err);
    TRY(layer_int(c, "norm", 0, 1, &norm, err));
    if (norm) TRY(append(c, "batch_norm", norm_name, 0, "", x, err));
    return *activation ? append(c, activation, activation_name, 0, "", x, err) : STRIA_OK;
}

stria_status layer_separable_conv(layer_call *c, stria_error *err) {
    int rank;
    int64_t channels, multiplier;
    value *x = c->in[0];
    TRY(layer_image_rank(c, &rank, err));
    TRY(layer_number(c, &channels, err));
    TRY(layer_int(c, "multiplier", 1, LAYER_SIZE_LIMIT, &multiplier, err));
    long long groups = x->shape.dim[1];
    if (groups < 1 || groups > LAYER_SIZE_LIMIT / multiplier)
        FAIL(err, STRIA_BAD_SHAPE, "%lld input channels times %lld are not 1 to %d channels", groups,
             (long long)multiplier, LAYER_SIZE_LIMIT);
    const char *common = arena_printf(&c->g->arena, "bias=%s init=%s", layer_text(c, "bias"), layer_text(c, "init"));
    const char *deep = arena_printf(&c->g->arena, "kernel=%s stride=%s padding=%s dilation=%s groups=%lld %s",
                                    layer_text(c, "kernel"), layer_text(c, "stride"), layer_text(c, "padding"),
                                    layer_text(c, "dilation"), groups, common ? common : "");
    const char *point = arena_printf(&c->g->arena, "kernel=1 %s", common ? common : "");
    if (!common || !deep || !point) return layer_no_memory(err);
    TRY(append(c, "conv", "depthwise", groups * multiplier, deep, &x, err));
    TRY(append_finish(c, "depthwise", &x, err));
    TRY(append(c, "conv", "pointwise", channels, point, &x, err));
    TRY(append_finish(c, "pointwise", &x, err));
    c->out = x;
    return STRIA_OK;
}
