/* Convolution and its two gradients: in batch-last storage every lane is an image; in channels-last storage an implicit
 * matrix product. */
#include "backend/cpu/conv.h"

#include "kernel/conv_batch.h"
#include "kernel/conv_plain.h"
#include "op/conv.h"

stria_status conv_plan_new(impl_plan *p, conv_plan **out, stria_error *err) {
    conv_plan *c = arena_alloc(p->arena, sizeof *c);
    if (!c) FAIL(err, STRIA_NO_MEMORY, "layer '%s': not enough memory", p->node->name);
    conv_shape s = c->shape = conv_shape_of(p->node);
    c->x = (conv_pitch){s.y.in * s.x.in * s.ic, s.x.in * s.ic, s.ic};
    c->y = (conv_pitch){s.y.out * s.x.out * s.oc, s.x.out * s.oc, s.oc};
    epilogue_activation(p->node, &c->epilogue);
    unary_activation(p->node, &c->activation, &c->a, &c->b);
    *out = c;
    return STRIA_OK;
}

enum conv_op conv_op_of(const node *n) {
    return n->op == &op_Conv ? CONV_FORWARD : n->op == &op_ConvWeightGradient ? CONV_DW : CONV_DX;
}

const float *conv_bias(const impl_call *c) {
    int epilogue = c->node->epilogue.bias;
    if (!c->node->op->epilogue) return NULL; /* a gradient */
    return epilogue >= 0 ? c->in[epilogue] : node_own_inputs(c->node) > 2 ? c->in[2] : NULL;
}

epilogue conv_epilogue(const impl_call *c) {
    const conv_plan *p = c->prepared;
    const conv_pitch *result = conv_op_of(c->node) == CONV_FORWARD ? &p->y : &p->x;
    epilogue e = p->epilogue;
    e.bias = conv_bias(c);
    if (c->node->epilogue.residual >= 0) {
        e.residual = c->in[c->node->epilogue.residual];
        e.residual_pitch[0] = result->image, e.residual_pitch[1] = result->row, e.residual_pitch[2] = result->pixel;
    }
    return e;
}

bool conv_accept_storage(const node *n, conv_storage_rule *rule, const char *wanted, refusal *why) {
    if (n->epilogue.bias >= 0 && node_own_inputs(n) > 2) return REFUSE(why, "a bias besides the operator's own");
    if (!all_float32(n, why)) return false;
    for (int i = 0; i < n->in_count && i < 32; i++)
        if (n->op->image_inputs >> i & 1 && !rule(n->in[i]))
            return REFUSE(why, "'%.40s' is %s, not %s", n->in[i]->name, storage_name(n->in[i]), wanted);
    if (!(n->op->plain_outputs & 1) && !rule(n->out[0]))
        return REFUSE(why, "'%.40s' is %s, not %s", n->out[0]->name, storage_name(n->out[0]), wanted);
    return true;
}

/* ---- batch-last ---- */

bool conv_accept_batch_last(const node *n, refusal *why) {
    unary_kind kind;
    float a, b;
    if (!unary_activation(n, &kind, &a, &b)) return REFUSE(why, "no kernel for %s", n->epilogue.activation->name);
    if (n->epilogue.residual >= 0) return REFUSE(why, "a residual to add");
    return conv_accept_storage(n, value_is_batch_last, "batch-last", why);
}

stria_status conv_prepare_batch_last(impl_plan *p, void **prepared, stria_error *err) {
    conv_plan *c;
    TRY(conv_plan_new(p, &c, err));
    enum conv_op op = conv_op_of(p->node);
    int64_t floats = op == CONV_FORWARD ? conv_batch_forward_scratch(p->ks, &c->shape, p->threads)
                     : op == CONV_DX    ? conv_batch_data_scratch(p->ks, &c->shape, p->threads)
                                        : conv_batch_weight_scratch(p->ks, &c->shape, p->threads);
    p->scratch_bytes = (size_t)floats * sizeof(float);
    *prepared = c;
    return STRIA_OK;
}

static stria_status forward_batch_last(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    (void)err;
    conv_batch_forward(c->ks, c->pool, &p->shape, c->out[0], (batch_pitch){0}, c->in[0], (batch_pitch){0}, c->in[1],
                       conv_bias(c), p->activation, p->a, p->b, c->scratch);
    return STRIA_OK;
}

static stria_status data_batch_last(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    (void)err;
    conv_batch_data(c->ks, c->pool, &p->shape, c->out[0], (batch_pitch){0}, c->in[0], (batch_pitch){0}, c->in[1],
                    c->scratch);
    return STRIA_OK;
}

static stria_status weight_batch_last(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    (void)err;
    conv_batch_weight(c->ks, c->pool, &p->shape, c->out[0], NULL, c->in[1], (batch_pitch){0}, c->in[0],
                      (batch_pitch){0}, c->scratch);
    return STRIA_OK;
}

/* ---- plain ---- */

static bool accept_plain(const node *n, refusal *why) {
    epilogue e = {0};
    conv_shape s = conv_shape_of(n);
    if (!conv_is_compact(&s)) return REFUSE(why, "windows that reach far beyond the image");
    if (!epilogue_activation(n, &e)) return REFUSE(why, "no epilogue for %s", n->epilogue.activation->name);
    return conv_accept_storage(n, value_is_plain, "plain", why);
}

static stria_status prepare_plain(impl_plan *p, void **prepared, stria_error *err) {
    conv_plan *c;
    TRY(conv_plan_new(p, &c, err));
    p->scratch_bytes = conv_plain_scratch_bytes(p->ks, &c->shape, p->threads);
    p->packed_bytes = conv_plain_packed_floats(p->ks, &c->shape) * sizeof(float);
    *prepared = c;
    return STRIA_OK;
}

static void pack_plain(const impl_call *c) {
    const conv_plan *p = c->prepared;
    conv_plain_pack(c->ks, &p->shape, c->in[1], c->packed, c->pool);
}

static stria_status forward_plain(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    epilogue e = conv_epilogue(c);
    (void)err;
    conv_plain_forward(c->ks, &p->shape, c->in[0], c->packed, c->out[0], &e, c->scratch, c->pool);
    return STRIA_OK;
}

/* ---- channels-last ---- */

bool conv_accept_channels_last(const node *n, refusal *why) {
    epilogue e = {0};
    if (!epilogue_activation(n, &e)) return REFUSE(why, "no epilogue for %s", n->epilogue.activation->name);
    return conv_accept_storage(n, value_is_channels_last, "channels-last", why);
}

static stria_status prepare_channels_last(impl_plan *p, void **prepared, stria_error *err) {
    conv_plan *c;
    TRY(conv_plan_new(p, &c, err));
    enum conv_op op = conv_op_of(p->node);
    p->scratch_bytes = conv_scratch_bytes(p->ks, &c->shape, op, p->threads);
    if (op != CONV_DW) p->packed_bytes = conv_packed_floats(p->ks, &c->shape, op) * sizeof(float);
    *prepared = c;
    return STRIA_OK;
}

static void pack_forward(const impl_call *c) {
    const conv_plan *p = c->prepared;
    conv_pack(c->ks, &p->shape, CONV_FORWARD, c->in[1], c->packed, c->pool);
}

static void pack_data(const impl_call *c) {
    const conv_plan *p = c->prepared;
    conv_pack(c->ks, &p->shape, CONV_DX, c->in[1], c->packed, c->pool);
}

static stria_status forward_channels_last(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    epilogue e = conv_epilogue(c);
    (void)err;
    conv_forward(c->ks, &p->shape, c->in[0], p->x, c->packed, c->out[0], p->y, &e, c->scratch, c->pool);
    return STRIA_OK;
}

static stria_status data_channels_last(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    epilogue e = conv_epilogue(c);
    (void)err;
    conv_dx(c->ks, &p->shape, c->in[0], p->y, c->packed, c->out[0], p->x, &e, c->scratch, c->pool);
    return STRIA_OK;
}

static stria_status weight_channels_last(const impl_call *c, stria_error *err) {
    const conv_plan *p = c->prepared;
    (void)err;
    conv_dw(c->ks, &p->shape, c->in[1], p->x, c->in[0], p->y, c->out[0], false, c->scratch, c->pool);
    return STRIA_OK;
}

static const op_impl forward_batch = {.name = "direct_batch_last",
                                      .accept = conv_accept_batch_last,
                                      .prepare = conv_prepare_batch_last,
                                      .run = forward_batch_last};
static const op_impl forward_pixels = {.name = "direct_plain",
                                       .accept = accept_plain,
                                       .prepare = prepare_plain,
                                       .pack = pack_plain,
                                       .pack_input = 1,
                                       .run = forward_plain};
static const op_impl data_batch = {.name = "direct_batch_last",
                                   .accept = conv_accept_batch_last,
                                   .prepare = conv_prepare_batch_last,
                                   .run = data_batch_last};
static const op_impl weight_batch = {.name = "direct_batch_last",
                                     .accept = conv_accept_batch_last,
                                     .prepare = conv_prepare_batch_last,
                                     .run = weight_batch_last};
static const op_impl forward_gemm = {.name = "gemm_implicit",
                                     .accept = conv_accept_channels_last,
                                     .prepare = prepare_channels_last,
                                     .pack = pack_forward,
                                     .pack_input = 1,
                                     .run = forward_channels_last};
const op_impl conv_data_gemm = {.name = "gemm_implicit",
                                .accept = conv_accept_channels_last,
                                .prepare = prepare_channels_last,
                                .pack = pack_data,
                                .pack_input = 1,
                                .run = data_channels_last};
static const op_impl weight_gemm = {.name = "gemm_implicit",
                                    .accept = conv_accept_channels_last,
                                    .prepare = prepare_channels_last,
                                    .run = weight_channels_last};

const op_impl *const cpu_conv[] = {&conv_depthwise_forward, &forward_gemm,   &forward_pixels,
                                   &forward_batch,          &impl_reference, NULL};
const op_impl *const cpu_conv_data[] = {&conv_depthwise_data, &conv_data_gemm, &data_batch, &impl_reference, NULL};
const op_impl *const cpu_conv_weight[] = {&conv_depthwise_weight, &weight_gemm, &weight_batch, &impl_reference, NULL};
