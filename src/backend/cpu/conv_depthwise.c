/* Depthwise convolution and its gradients in channels-last storage (kernel/conv_depthwise.h). */
#include "kernel/conv_depthwise.h"

#include "backend/cpu/conv.h"
#include "op/op.h"

static bool accept(const node *n, refusal *why) {
    conv_shape s = conv_shape_of(n);
    if (!conv_is_depthwise(&s)) {
        if (s.groups == 1) return REFUSE(why, "one group");
        return REFUSE(why, "groups of %lld channels", (long long)(s.ic / s.groups));
    }
    return conv_accept_channels_last(n, why);
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    conv_plan *c;
    TRY(conv_plan_new(p, &c, err));
    enum conv_op op = conv_op_of(p->node);
    p->scratch_bytes = depthwise_scratch_bytes(p->ks, &c->shape, op);
    p->packed_bytes = depthwise_packed_floats(p->ks, &c->shape, op) * sizeof(float);
    *prepared = c;
    return STRIA_OK;
}

static void pack(const impl_call *c) {
    const conv_plan *p = c->prepared;
    depthwise_pack(c->ks, &p->shape, conv_op_of(c->node), c->in[1], c->packed);
}

static stria_status forward(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    epilogue e = conv_epilogue(c);
    (void)err;
    depthwise_forward(c->ks, &p->shape, c->in[0], p->x, c->packed, c->out[0], p->y, &e, c->scratch, c->pool);
    return STRIA_OK;
}

static stria_status data(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    epilogue e = conv_epilogue(c);
    (void)err;
    depthwise_dx(c->ks, &p->shape, c->in[0], p->y, c->packed, c->out[0], p->x, &e, c->scratch, c->pool);
    return STRIA_OK;
}

static stria_status weight(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    (void)err;
    depthwise_dw(c->ks, &p->shape, c->in[1], p->x, c->in[0], p->y, c->out[0], c->scratch, c->pool);
    return STRIA_OK;
}

const op_impl conv_depthwise_forward = {
    .name = "depthwise", .accept = accept, .prepare = prepare, .pack = pack, .pack_input = 1, .run = forward};
const op_impl conv_depthwise_data = {
    .name = "depthwise", .accept = accept, .prepare = prepare, .pack = pack, .pack_input = 1, .run = data};
const op_impl conv_depthwise_weight = {.name = "depthwise", .accept = accept, .prepare = prepare, .run = weight};
