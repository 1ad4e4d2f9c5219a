/* Transposed convolution: the data gradient with a bias and an activation. */
#include "backend/cpu/conv.h"

#include "kernel/conv_batch.h"

/* What stands behind the sums in batch-last storage, where a channel is one run of memory. */
typedef struct finish_task {
    const impl_call *call;
    const conv_plan *plan;
    const float *bias;
    int64_t n;
} finish_task;

static void finish_channel(void *context, int64_t channel, int worker) {
    (void)worker;
    const finish_task *t = context;
    const conv_plan *p = t->plan;
    float *y = (float *)t->call->out[0] + channel * t->n;
    for (int64_t i = 0; t->bias && i < t->n; i++) y[i] += t->bias[channel];
    if (p->activation != UNARY_identity) unary_kernel(t->call->ks, p->activation)(y, y, t->n, p->a, p->b);
}

static stria_status run_batch_last(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    const conv_shape *s = &p->shape;
    finish_task t = {c, p, conv_bias(c), s->y.in * s->x.in * s->batch};
    (void)err;
    conv_batch_data(c->ks, c->pool, s, c->out[0], (batch_pitch){0}, c->in[0], (batch_pitch){0}, c->in[1], c->scratch);
    if (t.n > 0 && (t.bias || p->activation != UNARY_identity)) pool_run(c->pool, finish_channel, &t, s->ic);
    return STRIA_OK;
}

static const op_impl transpose_batch = {.name = "direct_batch_last",
                                        .accept = conv_accept_batch_last,
                                        .prepare = conv_prepare_batch_last,
                                        .run = run_batch_last};

const op_impl *const cpu_conv_transpose[] = {&conv_depthwise_data, &conv_data_gemm, &transpose_batch, &impl_reference,
                                             NULL};
