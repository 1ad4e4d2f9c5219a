/* What the implementations of convolutions share. */
#ifndef BACKEND_CPU_CONV_H
#define BACKEND_CPU_CONV_H

#include "backend/cpu/cpu.h"
#include "kernel/conv.h"
#include "op/conv.h"

/* Settled when the session is made. Of a ConvTranspose, shape is that of the convolution whose data gradient it is: x
 * is its result. */
typedef struct conv_plan {
    conv_shape shape;
    conv_pitch x, y;
    epilogue epilogue; /* without its bias pointer */
    unary_kind activation;
    float a, b;
} conv_plan;

stria_status conv_plan_new(impl_plan *p, conv_plan **out, stria_error *err);
/* The matrix product or sweep that computes the node. */
enum conv_op conv_op_of(const node *n);

/* The plan's epilogue with this call's bias and residual, which lies like the result. */
epilogue conv_epilogue(const impl_call *c);
/* The bias, of the operator or of its epilogue; NULL if there is none. */
const float *conv_bias(const impl_call *c);

typedef bool conv_storage_rule(const value *v);
/* All image tensors of the node in one storage order, everything float32. */
bool conv_accept_storage(const node *n, conv_storage_rule *rule, const char *wanted, refusal *why);
/* Channels-last, with an activation that the products' epilogue knows. */
bool conv_accept_channels_last(const node *n, refusal *why);

bool conv_accept_batch_last(const node *n, refusal *why);
stria_status conv_prepare_batch_last(impl_plan *p, void **prepared, stria_error *err);

/* The data gradient in channels-last storage, which is the transposed convolution, too. */
extern const op_impl conv_data_gemm;
/* conv_depthwise.c */
extern const op_impl conv_depthwise_forward, conv_depthwise_data, conv_depthwise_weight;

#endif
