#include "op/build_options.h"

#include <string.h>

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
            "glorot-uniform, glorot-normal, he-uniform, he-normal, lecun-uniform, lecun-normal, normal, "              \
            "truncated-normal, uniform, orthogonal; NAME:gain=X; zeros, constant:value=X"                              \
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

#define BLOCK                                                                                                          \
    {"stride", "1", "S or SH,SW"}, {"init", "he-normal", "first weights, as of conv"}, {                               \
        "epsilon", "0.00001", "added to the variance"                                                                  \
    }
#define BLOCK_ACTIVATION(standard)                                                                                     \
    { "activation", standard, "a layer after each normalisation, as relu; none" }
#define BLOCK_ZERO_LAST                                                                                                \
    { "zero_last", "0", "1: the last normalisation's scale begins as 0, the block as its shortcut" }
#define BLOCK_SHORTCUT                                                                                                 \
    {"shortcut", "b",                                                                                                  \
     "where size or channels change: a (every S-th pixel, zeros), b (a 1x1 convolution); none: no sum"},               \
        BLOCK_ZERO_LAST

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
    {"conv_bn_relu",
     &op_Conv,
     1,
     "channels",
     layer_block_conv,
     {{"kernel", "3", "K or KH,KW"},
      {"padding", "", "as of conv; half the kernel"},
      {"groups", "1", "groups of channels"},
      BLOCK,
      BLOCK_ACTIVATION("relu"),
      {"norm", "1", "0: a bias instead of normalisation"},
      {"names", "conv,bn,relu", "of its three layers"}},
     "convolution, batch normalisation, activation"},
    {"residual",
     &op_Add,
     1,
     "channels",
     layer_block_residual,
     {BLOCK, BLOCK_ACTIVATION("relu"), BLOCK_SHORTCUT},
     "f(x) + x, f two 3×3 convolutions with normalisation"},
    {"bottleneck",
     &op_Add,
     1,
     "channels",
     layer_block_bottleneck,
     {BLOCK,
      BLOCK_ACTIVATION("relu"),
      BLOCK_SHORTCUT,
      {"squeeze", "", "channels between; a quarter"},
      {"style", "torchvision", "keras: the first convolution strides, not the 3×3 one, and all have biases"}},
     "f(x) + x, f a 1×1 convolution to fewer channels, a 3×3 one, a 1×1 one"},
    {"depthwise_separable",
     &op_Conv,
     1,
     "channels",
     layer_block_separable,
     {{"kernel", "3", "K or KH,KW"}, {"padding", "", "as of conv; half the kernel"}, BLOCK, BLOCK_ACTIVATION("relu")},
     "a depthwise, then a pointwise convolution, each with normalisation and activation"},
    {"inverted_residual",
     &op_Add,
     1,
     "channels",
     layer_block_inverted,
     {{"kernel", "3", "K or KH,KW"},
      {"padding", "", "as of conv; half the kernel"},
      {"expand", "6", "channels between, of each input channel"},
      BLOCK,
      BLOCK_ACTIVATION("relu6"),
      BLOCK_ZERO_LAST},
     "1×1 to more channels, depthwise, 1×1 to few without activation; + x where shapes agree"},
    {"fire",
     &op_Concat,
     1,
     "squeeze, 1x1 and 3x3 channels",
     layer_block_fire,
     {{"bypass", "none", "none, simple (+ x), complex (+ a 1x1 convolution of x)"},
      {"init", "he-uniform", "first weights, as of conv"},
      BLOCK_ACTIVATION("relu")},
     "1×1 to few channels, then 1×1 and 3×3 beside each other"},
    {"inception",
     &op_Concat,
     1,
     "1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5 and pool channels",
     layer_block_inception,
     {{"kernel", "5", "of the third branch"},
      {"norm", "1", "0: biases instead of normalisation"},
      {"init", "he-normal", "first weights, as of conv"},
      {"epsilon", "0.001", "added to the variance"},
      BLOCK_ACTIVATION("relu")},
     "1×1, 3×3, 5×5 and pooling branches beside each other"},
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
