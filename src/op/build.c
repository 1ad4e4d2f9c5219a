#include "op/build_options.h"

#include <string.h>

#include "base/text.h"
#include "op/conv.h"
#include "op/init.h"
#include "op/loss.h"
#include "op/matmul.h"
#include "op/pool.h"
#include "op/shape.h"

/* ---- parts of layers ---- */

static stria_status add_named(layer_call *c, const op_def *op, const char *name, value *const *in, int count,
                              const void *attributes, value **out, stria_error *err) {
    node *n;
    TRY(graph_add_node(c->g, op, name, in, count, attributes, 0, NULL, &n, err));
    *out = n->out[0];
    return STRIA_OK;
}

static stria_status add(layer_call *c, value *const *in, int count, const void *attributes, stria_error *err) {
    return add_named(c, c->layer->op, c->name, in, count, attributes, &c->out, err);
}

/* NAME.suffix, initialised as the option init says (biases by zeros). */
static stria_status parameter(layer_call *c, const char *suffix, const char *init, dtype type, const shape *s,
                              value **out, stria_error *err) {
    const char *name = arena_printf(&c->g->arena, "%s.%s", c->name, suffix);
    if (!name) return layer_no_memory(err);
    return init_parameter(c->g, name, type, s, init, c->seed, out, err);
}

static stria_status parameters(layer_call *c, dtype type, const shape *weight, value *wb[2], stria_error *err) {
    int64_t bias;
    TRY(layer_int(c, "bias", 0, 1, &bias, err));
    TRY(parameter(c, "weight", layer_text(c, "init"), type, weight, &wb[0], err));
    wb[1] = NULL;
    if (bias) TRY(parameter(c, "bias", "zeros", type, &(shape){1, {weight->dim[0]}}, &wb[1], err));
    return STRIA_OK;
}

static stria_status image_rank(const layer_call *c, int *rank, stria_error *err) {
    char words[192];
    const shape *x = &c->in[0]->shape;
    if (x->rank != 3 && x->rank != 4)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, height, width]", shape_text(x, words));
    *rank = x->rank - 2;
    return STRIA_OK;
}

/* The window options of a layer as attributes, whose lists live in `store`. */
typedef struct window_store {
    int64_t kernel[2], stride[2], dilation[2], pads[4];
} window_store;

static stria_status padding(const layer_call *c, int rank, window_attributes *w, window_store *s, stria_error *err) {
    const char *words = layer_text(c, "padding");
    w->auto_pad = "NOTSET";
    if (strcmp(words, "same") == 0) w->auto_pad = "SAME_UPPER";
    if (strcmp(words, "same") == 0 || strcmp(words, "valid") == 0) return STRIA_OK;
    TRY(layer_sizes(c, "padding", 0, rank, s->pads, err));
    for (int d = 0; d < rank; d++) s->pads[rank + d] = s->pads[d];
    w->pads = (ints){2 * rank, s->pads};
    return STRIA_OK;
}

static stria_status window_options(const layer_call *c, int rank, window_attributes *w, window_store *s,
                                   stria_error *err) {
    *w = (window_attributes){.kernel_shape = {rank, s->kernel}, .strides = {rank, s->stride}};
    TRY(layer_sizes(c, "kernel", 1, rank, s->kernel, err));
    if (*layer_text(c, "stride")) TRY(layer_sizes(c, "stride", 1, rank, s->stride, err));
    else memcpy(s->stride, s->kernel, sizeof s->kernel);
    return padding(c, rank, w, s, err);
}

/* ---- layers ---- */

static stria_status conv(layer_call *c, stria_error *err) {
    conv_attributes a = {0};
    window_store s;
    const shape *x = &c->in[0]->shape;
    int rank;
    int64_t channels;
    TRY(image_rank(c, &rank, err));
    TRY(layer_number(c, &channels, err));
    TRY(window_options(c, rank, &a.window, &s, err));
    TRY(layer_sizes(c, "dilation", 1, rank, s.dilation, err));
    a.window.dilations = (ints){rank, s.dilation};
    TRY(layer_int(c, "groups", 1, LAYER_SIZE_LIMIT, &a.group, err));
    if (x->dim[1] % a.group != 0 || channels % a.group != 0)
        FAIL(err, STRIA_BAD_SHAPE, "%lld input and %lld output channels do not both fit into %lld groups",
             (long long)x->dim[1], (long long)channels, (long long)a.group);
    shape weight = {x->rank, {channels, x->dim[1] / a.group, s.kernel[0], s.kernel[1]}};
    value *in[3] = {c->in[0]};
    TRY(parameters(c, c->in[0]->type, &weight, in + 1, err));
    return add(c, in, in[2] ? 3 : 2, &a, err);
}

static stria_status dense(layer_call *c, stria_error *err) {
    int64_t units;
    value *in[3] = {c->in[0]};
    TRY(layer_number(c, &units, err));
    if (in[0]->shape.rank != 2) {
        const char *name = arena_printf(&c->g->arena, "%s.flatten", c->name);
        if (!name) return layer_no_memory(err);
        TRY(add_named(c, &op_Flatten, name, c->in, 1, NULL, &in[0], err));
    }
    shape weight = {2, {units, in[0]->shape.dim[1]}};
    TRY(parameters(c, in[0]->type, &weight, in + 1, err));
    return add(c, in, in[2] ? 3 : 2, &(gemm_attributes){1, 1, 0, 1}, err);
}

static stria_status pool(layer_call *c, stria_error *err) {
    pool_attributes a = {0};
    window_store s;
    int rank;
    TRY(image_rank(c, &rank, err));
    TRY(window_options(c, rank, &a.window, &s, err));
    TRY(layer_int(c, "ceil", 0, 1, &a.window.ceil_mode, err));
    if (c->layer->op == &op_AveragePool) TRY(layer_int(c, "include_pad", 0, 1, &a.count_include_pad, err));
    return add(c, c->in, 1, &a, err);
}

static stria_status along_axis(layer_call *c, stria_error *err) { /* softmax, flatten: one attribute, axis */
    int64_t axis;
    TRY(layer_int(c, "axis", -RANK_MAX, RANK_MAX, &axis, err));
    return add(c, c->in, 1, &axis, err);
}
_Static_assert(sizeof(axis_attributes) == sizeof(int64_t) && sizeof(flatten_attributes) == sizeof(int64_t),
               "along_axis fills both with their one field");

static stria_status reshape(layer_call *c, stria_error *err) {
    builder b = {c->g, NULL, STRIA_OK, err};
    if (c->number_count < 1 || c->number_count > RANK_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d sizes are given, expected 1 to %d", c->number_count, RANK_MAX);
    value *sizes = build_i64(&b, c->numbers, c->number_count);
    TRY(b.status);
    return add(c, (value *[]){c->in[0], sizes}, 2, NULL, err);
}

static stria_status plain(layer_call *c, stria_error *err) {
    return add(c, c->in, c->layer->in, NULL, err);
}

#define BIAS                                                                                                           \
    { "bias", "1", "1: with a bias" }
#define INIT                                                                                                           \
    { "init", "glorot-uniform", "glorot-uniform, glorot-normal, he-uniform, he-normal, zeros; NAME:gain=X" }
#define WINDOW                                                                                                         \
    {"kernel", "2", "K or KH,KW"}, {"stride", "", "S or SH,SW; the kernel"},                                           \
        {"padding", "0", "P, PH,PW, same or valid"}, {                                                                 \
        "ceil", "0", "1: a last window may be cut off"                                                                 \
    }

static const layer_def layers[] = {
    {"conv",
     &op_Conv,
     1,
     "channels",
     conv,
     {{"kernel", NULL, "K or KH,KW"},
      {"stride", "1", "S or SH,SW"},
      {"padding", "0", "P, PH,PW, same or valid"},
      {"dilation", "1", "D or DH,DW"},
      {"groups", "1", "groups of channels"},
      BIAS,
      INIT},
     "convolution with its own weights"},
    {"dense", &op_Gemm, 1, "units", dense, {BIAS, INIT}, "y = x · wᵀ + b, x flattened to [batch, …]"},
    {"max_pool", &op_MaxPool, 1, NULL, pool, {WINDOW}, "maximum of each window"},
    {"average_pool",
     &op_AveragePool,
     1,
     NULL,
     pool,
     {WINDOW, {"include_pad", "0", "1: padding counts"}},
     "mean of each window"},
    {"global_max_pool", &op_GlobalMaxPool, 1, NULL, plain, {{0}}, "maximum of each channel"},
    {"global_average_pool", &op_GlobalAveragePool, 1, NULL, plain, {{0}}, "mean of each channel"},
    {"relu", &op_Relu, 1, NULL, plain, {{0}}, "max(x, 0)"},
    {"sigmoid", &op_Sigmoid, 1, NULL, plain, {{0}}, "1 / (1 + exp(−x))"},
    {"tanh", &op_Tanh, 1, NULL, plain, {{0}}, "hyperbolic tangent"},
    {"softmax", &op_Softmax, 1, NULL, along_axis, {{"axis", "-1", "which dimension sums to 1"}}, "exp x / Σ exp x"},
    {"flatten",
     &op_Flatten,
     1,
     NULL,
     along_axis,
     {{"axis", "1", "the first dimension of the second part"}},
     "[batch, everything else]"},
    {"reshape", &op_Reshape, 1, "shape", reshape, {{0}}, "another shape; 0 keeps a size, -1 takes what is left"},
    {"add", &op_Add, 2, NULL, plain, {{0}}, "a + b, with broadcasting"},
    {"sub", &op_Sub, 2, NULL, plain, {{0}}, "a − b, with broadcasting"},
    {"mul", &op_Mul, 2, NULL, plain, {{0}}, "a · b elementwise, with broadcasting"},
    {"div", &op_Div, 2, NULL, plain, {{0}}, "a / b elementwise, with broadcasting"},
    {"matmul", &op_MatMul, 2, NULL, plain, {{0}}, "matrix product"},
    {"softmax_cross_entropy",
     &op_SoftmaxCrossEntropyLoss,
     2,
     NULL,
     plain,
     {{0}},
     "mean of −log softmax(scores)[label]"},
    {0}};

const layer_def *layer_all(void) {
    return layers;
}

/* ---- the call ---- */

static const layer_def *layer_find(const char *name) {
    for (const layer_def *l = layers; l->name; l++)
        if (strcmp(l->name, name) == 0) return l;
    return NULL;
}

/* conv1, conv2, …: the first that no node, tensor or parameter has. */
static const char *numbered(graph *g, const char *stem) {
    for (int i = 1;; i++) {
        const char *name = arena_printf(&g->arena, "%s%d", stem, i);
        if (!name || (!graph_find_node(g, name) && !graph_find_value(g, name))) return name;
    }
}

static stria_status check_call(layer_call *c, int count, stria_error *err) {
    if (count != c->layer->in) FAIL(err, STRIA_BAD_ARGUMENT, "%d inputs are given, expected %d", count, c->layer->in);
    for (int i = 0; i < count; i++)
        if (!c->in[i]) FAIL(err, STRIA_BAD_ARGUMENT, "input %d is missing", i + 1);
    if (!c->layer->numbers && c->number_count > 0) FAIL(err, STRIA_BAD_ARGUMENT, "it takes no plain numbers");
    return STRIA_OK;
}

static stria_status layer_of_table(layer_call *c, int count, const char *options, stria_error *err) {
    stria_status status = layer_options(c, options, err);
    if (status == STRIA_OK && !c->name && !(c->name = numbered(c->g, c->layer->name))) status = layer_no_memory(err);
    if (status == STRIA_OK) status = check_call(c, count, err);
    if (status == STRIA_OK && graph_find_node(c->g, c->name))
        status = error_set(err, STRIA_BAD_ARGUMENT, "two layers are named '%s'", c->name);
    int before = c->g->node_count;
    if (status == STRIA_OK) status = c->layer->build(c, err);
    /* the graph names the layer itself when one of its nodes fails */
    if (status == STRIA_OK || c->g->node_count != before || !err || strncmp(err->text, "layer '", 7) == 0)
        return status;
    const char *name = c->name ? c->name : numbered(c->g, c->layer->name);
    error_prefix(err, "layer '%s' (%s): ", name ? name : "", c->layer->name);
    return status;
}

/* Any operator by its ONNX name. */
static stria_status operator_build(graph *g, const char *op_name, value *const *in, int count, const char *options,
                                   value **out, stria_error *err) {
    const op_def *op;
    const char *key, *words, *name = NULL;
    bool given[64] = {false};
    TRY(op_find_any(op_name, &op, err));
    void *attributes = arena_alloc(&g->arena, op->attribute_bytes + 1);
    if (!attributes) return layer_no_memory(err);
    TRY(attributes_default(op, attributes, &g->arena, err));
    for (;;) {
        TRY(layer_option_next(g, &options, &key, &words, err));
        if (!key) break;
        if (strcmp(key, "name") == 0) {
            name = words;
            continue;
        }
        TRY(attribute_set(op, attributes, key, words, &g->arena, err));
        for (int i = 0; i < 64 && op->fields[i].name; i++) given[i] |= strcmp(op->fields[i].name, key) == 0;
    }
    for (int i = 0; i < 64 && op->fields[i].name; i++)
        if (op->fields[i].required && !given[i])
            FAIL(err, STRIA_BAD_ARGUMENT, "attribute '%s' is missing", op->fields[i].name);
    node *n;
    TRY(graph_add_node(g, op, name, in, count, attributes, 0, NULL, &n, err));
    *out = n->out[0];
    return STRIA_OK;
}

static stria_status layer_unknown(const char *layer, stria_error *err) {
    const char *names[512];
    int count = 0;
    for (const layer_def *l = layers; l->name; l++) names[count++] = l->name;
    for (const op_def *const *op = op_all(); *op && count < 512; op++) names[count++] = (*op)->name;
    const char *near = text_nearest(layer, names, count);
    if (near) FAIL(err, STRIA_BAD_ARGUMENT, "there is no layer '%s'; did you mean '%s'?", layer, near);
    FAIL(err, STRIA_BAD_ARGUMENT, "there is no layer '%s'", layer);
}

stria_status layer_build(graph *g, const char *layer, value *const *in, int count, const int64_t *numbers,
                         int number_count, const char *options, uint64_t seed, value **out, stria_error *err) {
    const op_def *op;
    layer_call c = {
        .g = g, .layer = layer_find(layer), .in = in, .numbers = numbers, .number_count = number_count, .seed = seed};
    if (!options) options = "";
    if (c.layer) {
        TRY(layer_of_table(&c, count, options, err));
        *out = c.out;
        return STRIA_OK;
    }
    if (op_find_any(layer, &op, NULL) != STRIA_OK) return layer_unknown(layer, err);
    stria_status status = STRIA_OK;
    if (number_count > 0) status = error_set(err, STRIA_BAD_ARGUMENT, "it takes no plain numbers");
    if (status == STRIA_OK) status = operator_build(g, layer, in, count, options, out, err);
    if (status != STRIA_OK && err && strncmp(err->text, "layer '", 7) != 0) error_prefix(err, "%s: ", layer);
    return status;
}
