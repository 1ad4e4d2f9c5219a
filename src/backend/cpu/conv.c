/* Convolution, its two gradients and the transposed convolution: a rule for each family of kernel/products/conv.h,
 * which plans when the session is made. */
#include "kernel/products/conv.h"
#include "backend/cpu/cpu.h"
#include "op/conv.h"

/* Settled when the session is made. */
typedef struct prepared_conv {
    conv_plan *plan;
    epilogue epilogue; /* without its pointers */
    int bias;          /* which input; −1: none */
    int a, b;          /* which inputs the kernel reads; b −1: the packed weights */
} prepared_conv;

static enum conv_op conv_op_of(const node *n) {
    return n->op == &op_Conv ? CONV_FORWARD : n->op == &op_ConvWeightGradient ? CONV_DW : CONV_DX;
}

/* The bias, of the operator or of its epilogue; gradients have none. */
static int bias_of(const node *n) {
    if (!n->op->epilogue) return -1;
    if (n->epilogue.bias >= 0) return n->epilogue.bias;
    return node_own_inputs(n) > 2 && n->in[2] ? 2 : -1;
}

/* ---- rules ---- */

typedef bool storage_rule(const value *v);

static bool in_space(const node *n) {
    return n->in[0]->shape.rank > 4;
}

/* All image tensors of the node in one storage order, everything float32, an epilogue that the kernels know. */
static bool accept_order(const node *n, storage_rule *rule, const char *wanted, refusal *why) {
    epilogue e = {0};
    if (!epilogue_activation(n, &e)) return REFUSE(why, "no epilogue for %s", n->epilogue.activation->name);
    if (n->epilogue.bias >= 0 && node_own_inputs(n) > 2) return REFUSE(why, "a bias besides the operator's own");
    if (!all_float32(n, why)) return false;
    for (int i = 0; i < n->in_count && i < 32; i++) {
        bool image = i < node_own_inputs(n) ? n->op->image_inputs >> i & 1 : i == n->epilogue.residual;
        if (image && !rule(n->in[i]))
            return REFUSE(why, "'%.40s' is %s, not %s", n->in[i]->name, storage_name(n->in[i]), wanted);
    }
    if (!(n->op->plain_outputs & 1) && !rule(n->out[0]))
        return REFUSE(why, "'%.40s' is %s, not %s", n->out[0]->name, storage_name(n->out[0]), wanted);
    return true;
}

static bool accept_storage(const node *n, storage_rule *rule, const char *wanted, refusal *why) {
    if (in_space(n)) return REFUSE(why, "three dimensions");
    return accept_order(n, rule, wanted, why);
}

static bool accept_gemm(const node *n, refusal *why) {
    return accept_storage(n, value_is_channels_last, "channels-last", why);
}

static bool accept_batch(const node *n, refusal *why) {
    return accept_storage(n, value_is_batch_last, "batch-last", why);
}

static bool accept_depthwise(const node *n, refusal *why) {
    conv_shape s = conv_shape_of(n);
    if (s.groups == 1) return REFUSE(why, "one group");
    if (!conv_is_depthwise(&s)) return REFUSE(why, "groups of %lld channels", (long long)(s.ic / s.groups));
    return accept_gemm(n, why);
}

/* Groups of a few channels. */
static bool accept_grouped(const node *n, refusal *why) {
    conv_shape s = conv_shape_of(n);
    if (s.groups == 1) return REFUSE(why, "one group");
    if (s.ic != s.oc) return REFUSE(why, "%lld channels to %lld", (long long)s.ic, (long long)s.oc);
    return accept_gemm(n, why);
}
static bool pays_grouped(const node *n, const kernel_set *ks, refusal *why) {
    conv_shape s = conv_shape_of(n);
    if (!conv_is_grouped(ks, &s))
        return REFUSE(why, "groups of %lld channels, vectors of %d", (long long)(s.ic / s.groups), ks->lanes);
    return true;
}

/* Weight gradients of first layers: its vectors are channels out, those of the other channels in. */
static bool accept_rows(const node *n, refusal *why) {
    conv_shape s = conv_shape_of(n);
    if (!conv_merges_rows(&s))
        return REFUSE(why, "kernel %lldx%lld, %lld channels, %lld groups", (long long)s.y.kernel, (long long)s.x.kernel,
                      (long long)s.ic, (long long)s.groups);
    if (s.oc < s.ic) return REFUSE(why, "%lld channels out of %lld", (long long)s.oc, (long long)s.ic);
    return accept_gemm(n, why);
}

/* Windows that move by one pixel: of 3 × 3, or, where tiles have 2 × 2 results, of 5 × 5. */
static bool accept_winograd(const node *n, int m, refusal *why) {
    conv_shape s = conv_shape_of(n);
    if (s.y.stride != 1 || s.x.stride != 1) return REFUSE(why, "a stride");
    if (s.y.dilation != 1 || s.x.dilation != 1) return REFUSE(why, "a dilation");
    if (s.groups != 1) return REFUSE(why, "%lld groups", (long long)s.groups);
    if (!conv_is_winograd(&s, m)) return REFUSE(why, "kernel %lldx%lld", (long long)s.y.kernel, (long long)s.x.kernel);
    return accept_gemm(n, why);
}
static bool accept_winograd_4(const node *n, refusal *why) {
    return accept_winograd(n, 4, why);
}
static bool accept_winograd_2(const node *n, refusal *why) {
    return accept_winograd(n, 2, why);
}

static bool pays_winograd(const node *n, int m, const kernel_set *ks, refusal *why) {
    conv_shape s = conv_shape_of(n);
    double share = conv_winograd_share(ks, &s, m);
    if (share <= 1) return true;
    if (share > 99) return REFUSE(why, "%lld channels", (long long)s.ic);
    return REFUSE(why, "%lld channels, %lldx%lld results: %.2f times the best other way's work", (long long)s.ic,
                  (long long)s.y.out, (long long)s.x.out, share);
}
static bool pays_winograd_4(const node *n, const kernel_set *ks, refusal *why) {
    return pays_winograd(n, 4, ks, why);
}
static bool pays_winograd_2(const node *n, const kernel_set *ks, refusal *why) {
    return pays_winograd(n, 2, ks, why);
}

static bool accept_plain(const node *n, refusal *why) {
    conv_shape s = conv_shape_of(n);
    if (!conv_is_compact(&s)) return REFUSE(why, "windows that reach far beyond the image");
    return accept_storage(n, value_is_plain, "plain", why);
}

#define LINE_MOST (1 << 26) /* floats */

static bool accept_space(const node *n, refusal *why) {
    conv_shape s = conv_shape_of(n);
    if (!in_space(n)) return REFUSE(why, "two dimensions");
    if (n->epilogue.activation && conv_op_of(n) != CONV_FORWARD)
        return REFUSE(why, "no epilogue for %s", n->epilogue.activation->name);
    if (conv_space_line(&s) > LINE_MOST) return REFUSE(why, "columns of a line are more than %d numbers", LINE_MOST);
    return accept_order(n, value_is_plain, "plain", why);
}

/* ---- plan, pack, run ---- */

static stria_status prepare(const conv_kernel *kernel, impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    conv_shape s = conv_shape_of(n);
    enum conv_op op = conv_op_of(n);
    prepared_conv *c = arena_alloc(p->arena, sizeof *c);
    if (c) c->plan = conv_plan_new(&kernel[op], p->ks, &s, p->threads, p->arena);
    if (!c || !c->plan) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    epilogue_activation(n, &c->epilogue);
    c->bias = bias_of(n);
    c->a = op == CONV_DW ? 1 : 0;
    c->b = op == CONV_DW ? 0 : kernel[op].pack ? -1 : 1;
    p->scratch_bytes = c->plan->scratch_bytes;
    p->packed_bytes = c->plan->packed_floats * sizeof(float);
    *prepared = c;
    return STRIA_OK;
}

static void pack(const impl_call *c) {
    const prepared_conv *p = c->prepared;
    conv_pack(p->plan, c->in[1], c->packed, c->pool);
}

static void run(const impl_call *c) {
    const prepared_conv *p = c->prepared;
    const node_epilogue *node = &c->node->epilogue;
    epilogue e = p->epilogue;
    if (p->bias >= 0) e.bias = c->in[p->bias];
    if (node->residual >= 0) e.residual = c->in[node->residual];
    conv_data d = {.a = c->in[p->a],
                   .b = p->b < 0 ? c->packed : c->in[p->b],
                   .out = c->out[0],
                   .epilogue = &e,
                   .scratch = c->scratch};
    conv_run(p->plan, &d, c->pool);
}

/* ---- implementations ---- */

#define PREPARE(family)                                                                                                \
    static stria_status prepare_##family(impl_plan *p, void **prepared, stria_error *err) {                            \
        return prepare(conv_##family, p, prepared, err);                                                               \
    }
PREPARE(gemm)
PREPARE(rows)
PREPARE(depthwise)
PREPARE(grouped)
PREPARE(batch)
PREPARE(plain)
PREPARE(space)
PREPARE(winograd_2)
PREPARE(winograd_4)

/* Weights that are packed; weight gradients, which have none, and weights as they are. */
#define PACKED(text, family)                                                                                           \
    { .name = text, .accept = accept_##family, .prepare = prepare_##family, .pack = pack, .pack_input = 1, .run = run }
#define WEIGHT(text, family)                                                                                           \
    { .name = text, .accept = accept_##family, .prepare = prepare_##family, .run = run }

static const op_impl depthwise = PACKED("depthwise", depthwise), depthwise_weight = WEIGHT("depthwise", depthwise);
static const op_impl grouped = {.name = "grouped",
                                .accept = accept_grouped,
                                .pays = pays_grouped,
                                .prepare = prepare_grouped,
                                .pack = pack,
                                .pack_input = 1,
                                .run = run};
static const op_impl gemm = PACKED("gemm_implicit", gemm), gemm_weight = WEIGHT("gemm_implicit", gemm);
static const op_impl rows_weight = WEIGHT("gemm_rows", rows);
static const op_impl batch = PACKED("direct_batch_last", batch), batch_weight = WEIGHT("direct_batch_last", batch);
#define WINOGRAD(text, m)                                                                                              \
    {                                                                                                                  \
        .name = text, .accept = accept_winograd_##m, .pays = pays_winograd_##m, .tilewise = true,                      \
        .prepare = prepare_winograd_##m, .pack = pack, .pack_input = 1, .run = run                                     \
    }
static const op_impl winograd_4 = WINOGRAD("winograd_4x4", 4), winograd_2 = WINOGRAD("winograd_2x2", 2);
static const op_impl plain = PACKED("direct_plain", plain), space = WEIGHT("columns", space);

const op_impl *const cpu_conv[] = {&depthwise, &grouped, &winograd_4, &winograd_2,     &gemm,
                                   &plain,     &batch,   &space,      &impl_reference, NULL};
/* And the transposed convolution. */
const op_impl *const cpu_conv_data[] = {&depthwise, &grouped, &gemm, &batch, &space, &impl_reference, NULL};
const op_impl *const cpu_conv_weight[] = {&depthwise_weight, &rows_weight, &gemm_weight, &batch_weight, &space,
                                          &impl_reference,   NULL};
