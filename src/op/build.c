#include "op/build_options.h"

#include <string.h>

#include "base/text.h"
#include "op/conv.h"
#include "op/init.h"
#include "op/loss.h"
#include "op/matmul.h"
#include "op/pool.h"
#include "op/shape.h"

/* ---- layers ---- */

static stria_status dense(layer_call *c, stria_error *err) {
    int64_t units;
    value *in[3] = {c->in[0]};
    TRY(layer_number(c, &units, err));
    if (in[0]->shape.rank != 2) {
        const char *name = arena_printf(&c->g->arena, "%s.flatten", c->name);
        if (!name) return layer_no_memory(err);
        TRY(layer_add_named(c, &op_Flatten, name, c->in, 1, NULL, &in[0], err));
    }
    shape weight = {2, {units, in[0]->shape.dim[1]}};
    TRY(layer_parameters(c, in[0]->type, &weight, units, in + 1, err));
    return layer_add(c, in, in[2] ? 3 : 2, &(gemm_attributes){1, 1, 0, 1}, err);
}

static stria_status pool(layer_call *c, stria_error *err) {
    pool_attributes a = {0};
    layer_window_store s;
    int rank;
    TRY(layer_image_rank(c, &rank, err));
    TRY(layer_window(c, rank, &a.window, &s, err));
    TRY(layer_int(c, "ceil", 0, 1, &a.window.ceil_mode, err));
    if (c->layer->op == &op_AveragePool) TRY(layer_int(c, "include_pad", 0, 1, &a.count_include_pad, err));
    return layer_add(c, c->in, 1, &a, err);
}

static stria_status along_axis(layer_call *c, stria_error *err) { /* softmax, flatten: one attribute, axis */
    int64_t axis;
    TRY(layer_int(c, "axis", -RANK_MAX, RANK_MAX, &axis, err));
    return layer_add(c, c->in, 1, &axis, err);
}
_Static_assert(sizeof(axis_attributes) == sizeof(int64_t) && sizeof(flatten_attributes) == sizeof(int64_t),
               "along_axis fills both with their one field");

static stria_status reshape(layer_call *c, stria_error *err) {
    builder b = {c->g, NULL, STRIA_OK, err};
    if (c->number_count < 1 || c->number_count > RANK_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d sizes are given, expected 1 to %d", c->number_count, RANK_MAX);
    value *sizes = build_i64(&b, c->numbers, c->number_count);
    TRY(b.status);
    return layer_add(c, (value *[]){c->in[0], sizes}, 2, NULL, err);
}

/* A loss whose options are its operator's attributes; "" leaves the operator's default. Cross-entropy of labels without
 * smoothing is ONNX's own operator. */
static stria_status loss(layer_call *c, stria_error *err) {
    const op_def *op = c->layer->op;
    bool hard = op == &op_CrossEntropyLoss && !dtype_is_float(c->in[1]->type);
    if (hard && !*layer_text(c, "label_smoothing")) op = &op_SoftmaxCrossEntropyLoss;
    void *attributes = arena_alloc(&c->g->arena, op->attribute_bytes);
    if (!attributes) return layer_no_memory(err);
    TRY(attributes_default(op, attributes, &c->g->arena, err));
    for (int i = 0; i < LAYER_OPTIONS && c->layer->options[i].name; i++)
        if (*c->option[i])
            TRY(attribute_set(op, attributes, c->layer->options[i].name, c->option[i], &c->g->arena, err));
    return layer_add_named(c, op, c->name, c->in, 2, attributes, &c->out, err);
}

static stria_status plain(layer_call *c, stria_error *err) {
    return layer_add(c, c->in, c->layer->in, NULL, err);
}

#define BIAS                                                                                                           \
    { "bias", "1", "1: with a bias" }
#define INIT                                                                                                           \
    {                                                                                                                  \
        "init", "glorot-uniform",                                                                                      \
            "glorot-uniform, glorot-normal, he-uniform, he-normal, truncated-normal, zeros; NAME:gain=X"               \
    }
#define EPSILON                                                                                                        \
    { "epsilon", "0.00001", "added to the variance" }
#define AXIS                                                                                                           \
    { "axis", "-1", "the first normalised dimension" }
#define LABEL_LOSS                                                                                                     \
    {"reduction", "", "mean, sum or none; mean"}, {                                                                    \
        "ignore_index", "", "a label that counts nothing"                                                              \
    }
#define PAIR_LOSS                                                                                                      \
    {"reduction", "", "mean, batchmean, sum or none; mean"}, {                                                         \
        "scale", "", "the loss times it; 1"                                                                            \
    }
#define PADDING_TEXT "P, PH,PW, TOP,LEFT,BOTTOM,RIGHT, valid, same, same_lower or full"
#define KERNEL_STRIDE                                                                                                  \
    {"kernel", NULL, "K or KH,KW"}, {"stride", "1", "S or SH,SW"}, {                                                   \
        "padding", "0", PADDING_TEXT                                                                                   \
    }
#define DILATION                                                                                                       \
    { "dilation", "1", "D or DH,DW" }
#define PAD                                                                                                            \
    {"pad_mode", "constant", "what padding holds: constant, reflect, edge or wrap"}, {                                 \
        "pad_value", "0", "the constant"                                                                               \
    }
#define WINDOW                                                                                                         \
    {"kernel", "2", "K or KH,KW"}, {"stride", "", "S or SH,SW; the kernel"}, {"padding", "0", PADDING_TEXT}, {         \
        "ceil", "0", "1: a last window may be cut off"                                                                 \
    }

static const layer_def layers[] = {
    {"conv",
     &op_Conv,
     1,
     "channels",
     layer_conv,
     {KERNEL_STRIDE,
      DILATION,
      {"groups", "1", "groups of channels"},
      BIAS,
      INIT,
      PAD,
      {"flip", "0", "1: true convolution, the kernel turned over"}},
     "convolution with its own weights (cross-correlation, as networks have it)"},
    {"conv_transpose",
     &op_ConvTranspose,
     1,
     "channels",
     layer_conv_transpose,
     {KERNEL_STRIDE,
      DILATION,
      {"groups", "1", "groups of channels"},
      {"output_padding", "0", "P or PH,PW: rows and columns that the result has in addition"},
      BIAS,
      INIT},
     "transposed convolution: what a convolution's gradient does to its input"},
    {"separable_conv",
     &op_Conv,
     1,
     "channels",
     layer_separable_conv,
     {KERNEL_STRIDE,
      DILATION,
      {"multiplier", "1", "results of each input channel"},
      BIAS,
      INIT,
      {"norm", "0", "1: batch normalisation after both convolutions"},
      {"activation", "", "a layer after both, such as relu; none"}},
     "a depthwise convolution, then a pointwise one"},
    {"local_conv",
     &op_LocallyConnected,
     1,
     "channels",
     layer_local_conv,
     {KERNEL_STRIDE, DILATION, BIAS, INIT},
     "a convolution whose positions have weights of their own"},
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
    {"leaky_relu",
     &op_LeakyRelu,
     1,
     NULL,
     layer_build_activation,
     {{"alpha", "0.01", "the slope below 0"}},
     "x, below 0 alpha · x"},
    {"prelu",
     &op_PRelu,
     1,
     NULL,
     layer_build_prelu,
     {{"slope", "0.25", "first slope"}, {"shared", "0", "1: one slope for all channels"}},
     "x, below 0 slope · x with a learnt slope of each channel"},
    {"clip",
     &op_Clip,
     1,
     NULL,
     layer_build_clip,
     {{"min", "", "the least value"}, {"max", "", "the greatest"}},
     "min(max(x, least), most)"},
    {"relu6",
     &op_Clip,
     1,
     NULL,
     layer_build_clip,
     {{"min", "0", "the least value"}, {"max", "6", "the greatest"}},
     "min(max(x, 0), 6)"},
    {"elu",
     &op_Elu,
     1,
     NULL,
     layer_build_activation,
     {{"alpha", "1", "of the limit −alpha"}},
     "x, below 0 alpha · (exp x − 1)"},
    {"selu", &op_Selu, 1, NULL, plain, {{0}}, "γ · x, below 0 γ · α · (exp x − 1), which keeps mean 0 and variance 1"},
    {"gelu", &op_Gelu, 1, NULL, layer_build_activation, {{"approximate", "none", "none or tanh"}}, "x · Φ(x)"},
    {"silu", &op_Swish, 1, NULL, plain, {{0}}, "x · sigmoid x"},
    {"swish",
     &op_Swish,
     1,
     NULL,
     layer_build_activation,
     {{"alpha", "1", "of x in the sigmoid"}},
     "x · sigmoid(alpha · x)"},
    {"hard_sigmoid",
     &op_HardSigmoid,
     1,
     NULL,
     layer_build_activation,
     {{"alpha", "0.2", "the slope"}, {"beta", "0.5", "the value at 0"}},
     "min(max(alpha · x + beta, 0), 1)"},
    {"hard_swish", &op_HardSwish, 1, NULL, plain, {{0}}, "x · min(max(x / 6 + 1/2, 0), 1)"},
    {"mish", &op_Mish, 1, NULL, plain, {{0}}, "x · tanh(log(1 + exp x))"},
    {"softplus", &op_Softplus, 1, NULL, plain, {{0}}, "log(1 + exp x)"},
    {"softsign", &op_Softsign, 1, NULL, plain, {{0}}, "x / (1 + |x|)"},
    {"softmax", &op_Softmax, 1, NULL, along_axis, {{"axis", "-1", "which dimension sums to 1"}}, "exp x / Σ exp x"},
    {"flatten",
     &op_Flatten,
     1,
     NULL,
     along_axis,
     {{"axis", "1", "the first dimension of the second part"}},
     "[batch, everything else]"},
    {"reshape", &op_Reshape, 1, "shape", reshape, {{0}}, "another shape; 0 keeps a size, -1 takes what is left"},
    {"batch_norm",
     &op_BatchNormalization,
     1,
     NULL,
     layer_build_norm,
     {EPSILON,
      {"momentum", "0.9", "weight of the old statistics"},
      {"names", "scale,bias,mean,variance", "of its parameters and statistics"}},
     "each channel by the batch's mean and deviation; running ones in evaluation"},
    {"layer_norm",
     &op_LayerNormalization,
     1,
     NULL,
     layer_build_norm,
     {AXIS, EPSILON, BIAS},
     "the dimensions from axis on by their mean and deviation"},
    {"rms_norm",
     &op_RMSNormalization,
     1,
     NULL,
     layer_build_norm,
     {AXIS, EPSILON},
     "the dimensions from axis on by their root mean square"},
    {"instance_norm",
     &op_InstanceNormalization,
     1,
     NULL,
     layer_build_norm,
     {EPSILON},
     "each channel of each image by its mean and deviation"},
    {"group_norm",
     &op_GroupNormalization,
     1,
     "groups",
     layer_build_norm,
     {EPSILON},
     "each group of channels of each image by its mean and deviation"},
    {"lrn",
     &op_LRN,
     1,
     "size",
     layer_build_lrn,
     {{"alpha", "0.0001", "of Σ x²"}, {"beta", "0.75", "the power"}, {"bias", "1", "added to it"}},
     "x / (bias + alpha/size · Σ x²)^beta over neighbouring channels"},
    {"dropout",
     &op_Dropout,
     1,
     NULL,
     layer_build_dropout,
     {{"ratio", "0.5", "share of units that are dropped"}},
     "units fall at random in training"},
    {"add", &op_Add, 2, NULL, plain, {{0}}, "a + b, with broadcasting"},
    {"sub", &op_Sub, 2, NULL, plain, {{0}}, "a − b, with broadcasting"},
    {"mul", &op_Mul, 2, NULL, plain, {{0}}, "a · b elementwise, with broadcasting"},
    {"maximum", &op_Max, 2, NULL, plain, {{0}}, "the greater of a and b, with broadcasting"},
    {"minimum", &op_Min, 2, NULL, plain, {{0}}, "the lesser of a and b, with broadcasting"},
    {"div", &op_Div, 2, NULL, plain, {{0}}, "a / b elementwise, with broadcasting"},
    {"matmul", &op_MatMul, 2, NULL, plain, {{0}}, "matrix product"},
    {"softmax_cross_entropy",
     &op_SoftmaxCrossEntropyLoss,
     2,
     NULL,
     plain,
     {{0}},
     "mean of −log softmax(scores)[label]"},
    {"cross_entropy",
     &op_CrossEntropyLoss,
     2,
     NULL,
     loss,
     {LABEL_LOSS, {"label_smoothing", "", "share of the label that all classes get evenly, 0…1; 0"}},
     "softmax cross-entropy of scores with labels or soft labels"},
    {"nll", &op_NegativeLogLikelihoodLoss, 2, NULL, loss, {LABEL_LOSS}, "mean of −log-probabilities[label]"},
    {"hinge",
     &op_HingeLoss,
     2,
     NULL,
     loss,
     {LABEL_LOSS,
      {"margin", "", "by which the label's score must lead; 1"},
      {"squared", "", "1: violations squared; 0"},
      {"over", "", "sum (Weston–Watkins) or max (Crammer–Singer) of the wrong classes; sum"}},
     "multi-class support-vector loss of scores with labels"},
    {"squared_error", &op_SquaredErrorLoss, 2, NULL, loss, {PAIR_LOSS}, "mean of (x − t)²"},
    {"euclidean",
     &op_SquaredErrorLoss,
     2,
     NULL,
     loss,
     {{"reduction", "batchmean", "as of squared_error"}, {"scale", "0.5", "the loss times it"}},
     "1/(2·batch) · Σ (x − t)², as Caffe has it"},
    {"absolute_error", &op_AbsoluteErrorLoss, 2, NULL, loss, {PAIR_LOSS}, "mean of |x − t|"},
    {"huber",
     &op_HuberLoss,
     2,
     NULL,
     loss,
     {PAIR_LOSS, {"delta", "", "where squares become lines; 1"}, {"smooth", "", "1: over delta (smooth L1); 0"}},
     "mean of Huber's loss of x − t"},
    {"binary_cross_entropy",
     &op_BinaryCrossEntropyLoss,
     2,
     NULL,
     loss,
     {PAIR_LOSS},
     "mean of −t·log σ(x) − (1 − t)·log(1 − σ(x))"},
    {"kl_divergence",
     &op_KullbackLeiblerLoss,
     2,
     NULL,
     loss,
     {{"reduction", "", "batchmean, mean, sum or none; batchmean"},
      {"scale", "", "the loss times it; 1"},
      {"log_target", "", "1: t are logarithms; 0"}},
     "Σ t·(log t − x) / batch, x log-probabilities"},
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

static stria_status check_call(layer_call *c, int count, stria_error *err) {
    if (count != c->layer->in)
        FAIL(err, STRIA_BAD_ARGUMENT, "expected %d input%s, not %d", c->layer->in, text_s(c->layer->in), count);
    for (int i = 0; i < count; i++)
        if (!c->in[i]) FAIL(err, STRIA_BAD_ARGUMENT, "input %d is missing", i + 1);
    if (!c->layer->numbers && c->number_count > 0) FAIL(err, STRIA_BAD_ARGUMENT, "it takes no plain numbers");
    return STRIA_OK;
}

/* The name that was given, in its scope, or the next number of the layer's kind there; NULL without memory. */
static const char *name_of(const layer_call *c) {
    const char *name = graph_scoped_name(c->g, c->name ? c->name : c->layer->name);
    return c->name || !name ? name : graph_numbered_name(c->g, name);
}

static stria_status layer_of_table(layer_call *c, int count, const char *options, stria_error *err) {
    stria_status status = layer_options(c, options, err);
    c->name = name_of(c);
    if (status == STRIA_OK && !c->name) status = layer_no_memory(err);
    if (status == STRIA_OK) status = check_call(c, count, err);
    if (status == STRIA_OK && graph_find_node(c->g, c->name))
        status = error_set(err, STRIA_BAD_ARGUMENT, "two layers are named '%s'", c->name);
    int before = c->g->node_count;
    if (status == STRIA_OK) status = c->layer->build(c, err);
    /* the graph names the layer itself when one of its nodes fails */
    if (status == STRIA_OK || c->g->node_count != before || !err || strncmp(err->text, "layer '", 7) == 0)
        return status;
    error_prefix(err, "layer '%s' (%s): ", c->name ? c->name : "", c->layer->name);
    return status;
}

/* Any operator by its ONNX name. */
static stria_status operator_build(graph *g, const char *op_name, value *const *in, int count, const char *options,
                                   value **out, stria_error *err) {
    const op_def *op;
    const char *key, *words, *name = NULL;
    bool given[64] = {false};
    spec pairs = spec_open_list("", options);
    TRY(op_find_any(op_name, &op, err));
    void *attributes = arena_alloc(&g->arena, op->attribute_bytes + 1);
    if (!attributes) return layer_no_memory(err);
    TRY(attributes_default(op, attributes, &g->arena, err));
    for (;;) {
        TRY(layer_option_next(g, &pairs, &key, &words, err));
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
    if (g->scope) name = name ? graph_scoped_name(g, name) : graph_fresh_name(g, graph_scoped_name(g, op_name));
    if (g->scope && !name) return layer_no_memory(err);
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
