/* What layers are made of: nodes and parameters under the layer's name, windows and their padding. */
#include <string.h>

#include "op/build_options.h"
#include "op/init.h"

stria_status layer_part_name(const layer_call *c, const char *suffix, const char **out, stria_error *err) {
    *out = arena_printf(&c->g->arena, "%s.%s", c->name, suffix);
    return *out ? STRIA_OK : layer_no_memory(err);
}

stria_status layer_add_named(layer_call *c, const op_def *op, const char *name, value *const *in, int count,
                             const void *attributes, value **out, stria_error *err) {
    node *n;
    TRY(graph_add_node(c->g, op, name, in, count, attributes, 0, NULL, &n, err));
    *out = n->out[0];
    return STRIA_OK;
}

stria_status layer_add(layer_call *c, value *const *in, int count, const void *attributes, stria_error *err) {
    return layer_add_named(c, c->layer->op, c->name, in, count, attributes, &c->out, err);
}

stria_status layer_parameter(layer_call *c, const char *suffix, const char *init, dtype type, const shape *s,
                             value **out, stria_error *err) {
    const char *name;
    TRY(layer_part_name(c, suffix, &name, err));
    return init_parameter(c->g, name, type, s, init, c->seed, out, err);
}

stria_status layer_parameters(layer_call *c, dtype type, const shape *weight, int64_t biases, value *wb[2],
                              stria_error *err) {
    int64_t bias;
    TRY(layer_int(c, "bias", 0, 1, &bias, err));
    TRY(layer_parameter(c, "weight", layer_text(c, "init"), type, weight, &wb[0], err));
    wb[1] = NULL;
    if (bias) TRY(layer_parameter(c, "bias", "zeros", type, &(shape){1, {biases}}, &wb[1], err));
    return STRIA_OK;
}

stria_status layer_image_rank(const layer_call *c, int *rank, stria_error *err) {
    char words[192];
    const shape *x = &c->in[0]->shape;
    if (x->rank != 3 && x->rank != 4)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, height, width]", shape_text(x, words));
    *rank = x->rank - 2;
    return STRIA_OK;
}

/* Numbers: one for all sides, one per dimension, or all beginnings and then all ends, as in TOP,LEFT,BOTTOM,RIGHT. */
static stria_status pad_numbers(const layer_call *c, int rank, int64_t pads[4], stria_error *err) {
    int64_t given[4];
    int count = layer_numbers(c, "padding", 0, 2 * rank, given);
    if (count != 1 && count != rank && count != 2 * rank)
        FAIL(err, STRIA_BAD_ARGUMENT, "option padding is '%s', expected %s, valid, same, same_lower or full",
             layer_text(c, "padding"), rank == 1 ? "P or LEFT,RIGHT" : "P, PH,PW or TOP,LEFT,BOTTOM,RIGHT");
    for (int i = 0; i < 2 * rank; i++) pads[i] = given[count == 1 ? 0 : i % count];
    return STRIA_OK;
}

static stria_status padding(const layer_call *c, int rank, window_attributes *w, layer_window_store *s,
                            stria_error *err) {
    static const char *const words[][2] = {{"valid", "NOTSET"}, {"same", "SAME_UPPER"}, {"same_lower", "SAME_LOWER"}};
    w->auto_pad = "NOTSET";
    for (int i = 0; i < 3; i++)
        if (strcmp(layer_text(c, "padding"), words[i][0]) == 0) {
            w->auto_pad = words[i][1];
            return STRIA_OK;
        }
    if (strcmp(layer_text(c, "padding"), "full") == 0)
        for (int d = 0; d < rank; d++)
            s->pads[d] = s->pads[rank + d] = (s->kernel[d] - 1) * (w->dilations.count ? s->dilation[d] : 1);
    else TRY(pad_numbers(c, rank, s->pads, err));
    w->pads = (ints){2 * rank, s->pads};
    return STRIA_OK;
}

stria_status layer_window(const layer_call *c, int rank, window_attributes *w, layer_window_store *s,
                          stria_error *err) {
    *w = (window_attributes){.kernel_shape = {rank, s->kernel}, .strides = {rank, s->stride}};
    TRY(layer_sizes(c, "kernel", 1, rank, s->kernel, err));
    if (*layer_text(c, "stride")) TRY(layer_sizes(c, "stride", 1, rank, s->stride, err));
    else memcpy(s->stride, s->kernel, sizeof s->kernel);
    if (layer_text(c, "dilation")) {
        TRY(layer_sizes(c, "dilation", 1, rank, s->dilation, err));
        w->dilations = (ints){rank, s->dilation};
    }
    return padding(c, rank, w, s, err);
}

stria_status layer_pads(const layer_call *c, int rank, window_attributes *w, layer_window_store *s, stria_error *err) {
    window one[2];
    TRY(window_infer(one, w, rank, c->in[0]->shape.dim + 2, s->kernel, err));
    for (int d = 0; d < rank; d++) {
        s->pads[d] = one[2 - rank + d].before;
        s->pads[rank + d] = one[2 - rank + d].after;
    }
    w->auto_pad = "NOTSET";
    w->pads = (ints){2 * rank, s->pads};
    return STRIA_OK;
}
