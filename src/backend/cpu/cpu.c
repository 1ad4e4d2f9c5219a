#include "backend/cpu/cpu.h"

#include "op/unary.h"

const op_impl *const *backend_cpu(const op_def *op) {
    static const struct {
        const op_def *op;
        const op_impl *const *list;
    } lists[] = {
#define CPU(symbol, list) {&op_##symbol, list},
#include "backend/cpu/cpu_list.h"
#undef CPU
    };
    static const op_impl *const none[] = {&impl_reference, NULL};
    unary_kind kind;
    float a, b;
    bool gradient;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i].op == op) return lists[i].list;
    if (unary_op_of(op, NULL, &kind, &a, &b, &gradient)) return gradient ? cpu_unary_gradient : cpu_unary;
    return none;
}

/* The operators of unary.c that kernels compute, with where their parameters come from. */
typedef enum unary_parameters { NO_PARAMETERS, ALPHA, ALPHA_BETA } unary_parameters;

static const struct {
    const op_def *op, *gradient;
    unary_kind kind;
    unary_parameters parameters;
} unary_ops[] = {
    {&op_Relu, &op_ReluGradient, UNARY_relu, NO_PARAMETERS},
    {&op_Sigmoid, &op_SigmoidGradient, UNARY_sigmoid, NO_PARAMETERS},
    {&op_Tanh, &op_TanhGradient, UNARY_tanh, NO_PARAMETERS},
    {&op_Exp, &op_ExpGradient, UNARY_exp, NO_PARAMETERS},
    {&op_Log, &op_LogGradient, UNARY_log, NO_PARAMETERS},
    {&op_Neg, &op_NegGradient, UNARY_neg, NO_PARAMETERS},
    {&op_Abs, &op_AbsGradient, UNARY_abs, NO_PARAMETERS},
    {&op_Sqrt, &op_SqrtGradient, UNARY_sqrt, NO_PARAMETERS},
    {&op_Reciprocal, &op_ReciprocalGradient, UNARY_reciprocal, NO_PARAMETERS},
    {&op_Erf, &op_ErfGradient, UNARY_erf, NO_PARAMETERS},
    {&op_LeakyRelu, &op_LeakyReluGradient, UNARY_leaky_relu, ALPHA},
    {&op_ThresholdedRelu, &op_ThresholdedReluGradient, UNARY_thresholded_relu, ALPHA},
    {&op_Elu, &op_EluGradient, UNARY_elu, ALPHA},
    {&op_Selu, &op_SeluGradient, UNARY_selu, ALPHA_BETA},
    {&op_Celu, &op_CeluGradient, UNARY_celu, ALPHA},
    {&op_HardSigmoid, &op_HardSigmoidGradient, UNARY_hard_sigmoid, ALPHA_BETA},
    {&op_HardSwish, &op_HardSwishGradient, UNARY_hard_swish, NO_PARAMETERS},
    {&op_Softplus, &op_SoftplusGradient, UNARY_softplus, NO_PARAMETERS},
    {&op_Softsign, &op_SoftsignGradient, UNARY_softsign, NO_PARAMETERS},
    {&op_Mish, &op_MishGradient, UNARY_mish, NO_PARAMETERS},
    {&op_Swish, &op_SwishGradient, UNARY_swish, ALPHA},
    {&op_Gelu, &op_GeluGradient, UNARY_gelu, NO_PARAMETERS},
    {&op_Shrink, &op_ShrinkGradient, UNARY_shrink, ALPHA_BETA},
    {&op_Clamp, &op_ClampGradient, UNARY_clip, ALPHA_BETA},
    {&op_Sin, &op_SinGradient, UNARY_sin, NO_PARAMETERS},
    {&op_Cos, &op_CosGradient, UNARY_cos, NO_PARAMETERS},
    {&op_Tan, &op_TanGradient, UNARY_tan, NO_PARAMETERS},
    {&op_Asin, &op_AsinGradient, UNARY_asin, NO_PARAMETERS},
    {&op_Acos, &op_AcosGradient, UNARY_acos, NO_PARAMETERS},
    {&op_Atan, &op_AtanGradient, UNARY_atan, NO_PARAMETERS},
    {&op_Sinh, &op_SinhGradient, UNARY_sinh, NO_PARAMETERS},
    {&op_Cosh, &op_CoshGradient, UNARY_cosh, NO_PARAMETERS},
    {&op_Asinh, &op_AsinhGradient, UNARY_asinh, NO_PARAMETERS},
    {&op_Acosh, &op_AcoshGradient, UNARY_acosh, NO_PARAMETERS},
    {&op_Atanh, &op_AtanhGradient, UNARY_atanh, NO_PARAMETERS},
    {&op_Floor, NULL, UNARY_floor, NO_PARAMETERS},
    {&op_Ceil, NULL, UNARY_ceil, NO_PARAMETERS},
    {&op_Round, NULL, UNARY_round, NO_PARAMETERS},
    {&op_Sign, NULL, UNARY_sign, NO_PARAMETERS},
};

bool unary_op_of(const op_def *op, const void *attributes, unary_kind *kind, float *a, float *b, bool *gradient) {
    for (size_t i = 0; i < sizeof unary_ops / sizeof *unary_ops; i++) {
        if (unary_ops[i].op != op && unary_ops[i].gradient != op) continue;
        const unary_attributes *t = unary_ops[i].parameters == NO_PARAMETERS ? NULL : attributes;
        bool by_tanh = unary_ops[i].op == &op_Gelu && attributes && unary_gelu_by_tanh(attributes);
        *kind = by_tanh ? UNARY_gelu_tanh : unary_ops[i].kind;
        *a = t ? t->alpha : 0;
        *b = t && unary_ops[i].parameters == ALPHA_BETA ? t->beta : 0;
        *gradient = unary_ops[i].gradient == op;
        return true;
    }
    return false;
}

bool unary_activation(const node *n, unary_kind *kind, float *a, float *b) {
    bool gradient = false;
    *kind = UNARY_identity;
    *a = *b = 0;
    return !n->epilogue.activation ||
           (unary_op_of(n->epilogue.activation, n->epilogue.activation_attributes, kind, a, b, &gradient) && !gradient);
}

/* What the epilogues of products compute. */
static enum activation activation_of(const op_def *op) {
    static const struct {
        const op_def *op;
        enum activation activation;
    } known[] = {{&op_Relu, ACTIVATION_RELU},
                 {&op_Sigmoid, ACTIVATION_SIGMOID},
                 {&op_Tanh, ACTIVATION_TANH},
                 {&op_LeakyRelu, ACTIVATION_LEAKY_RELU},
                 {&op_Clamp, ACTIVATION_CLIP},
                 {&op_Swish, ACTIVATION_SWISH},
                 {&op_HardSigmoid, ACTIVATION_HARD_SIGMOID},
                 {&op_HardSwish, ACTIVATION_HARD_SWISH}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].op == op) return known[i].activation;
    return ACTIVATION_NONE;
}

bool activation_known(const op_def *op) {
    return activation_of(op) != ACTIVATION_NONE;
}

bool epilogue_activation(const node *n, epilogue *e) {
    e->activation = ACTIVATION_NONE;
    if (!n->epilogue.activation) return true;
    const unary_attributes *t = n->epilogue.activation_attributes;
    e->activation = activation_of(n->epilogue.activation);
    e->alpha = e->activation == ACTIVATION_HARD_SWISH ? 1.0f / 6 : t->alpha;
    e->beta = e->activation == ACTIVATION_HARD_SWISH ? 0.5f : t->beta;
    return e->activation != ACTIVATION_NONE;
}

bool all_float32(const node *n, refusal *why) {
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && n->in[i]->type != STRIA_FLOAT32)
            return REFUSE(why, "input %d is %s", i + 1, dtype_name(n->in[i]->type));
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && n->out[i]->type != STRIA_FLOAT32)
            return REFUSE(why, "output %d is %s", i + 1, dtype_name(n->out[i]->type));
    return true;
}

const char *storage_name(const value *v) {
    return value_is_plain(v) ? "plain" : value_is_channels_last(v) ? "channels-last" : "batch-last";
}
