/* Layers of normalisation, whose scale begins as 1 and whose bias as 0, and dropout. */
#include "op/build_options.h"
#include "op/dropout.h"
#include "op/lrn.h"
#include "op/norm.h"
#include "op/rule.h"

#include <string.h>

stria_status layer_filled(const layer_call *c, const char *suffix, value_role role, const shape *s, double fill,
                          value **out, stria_error *err) {
    tensor *t;
    const char *name = arena_printf(&c->g->arena, "%s.%s", c->name, suffix);
    if (!name) return layer_no_memory(err);
    if (!dtype_is_float(c->in[0]->type))
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected a floating type", dtype_name(c->in[0]->type));
    TRY(tensor_new(&t, c->in[0]->type, s, name, err));
    for (int64_t i = 0; i < shape_count(s); i++) tensor_put(t, i, fill);
    stria_status status = graph_add_state(c->g, name, role, t, out, err);
    tensor_release(t);
    return status;
}

/* What scale and bias look like: the dimensions from axis on, or the channels. */
static stria_status parameter_shape(const layer_call *c, norm_attributes *a, shape *s, stria_error *err) {
    char words[192];
    const shape *x = &c->in[0]->shape;
    bool by_axis = c->layer->op == &op_LayerNormalization || c->layer->op == &op_RMSNormalization;
    int axis = 1;
    *s = (shape){0};
    if (by_axis) {
        TRY(layer_int(c, "axis", -RANK_MAX, RANK_MAX, &a->axis, err));
        TRY(rule_axis(a->axis, x->rank, &axis, err));
    } else if (x->rank < 2) {
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, …]", shape_text(x, words));
    }
    for (int d = axis; d < (by_axis ? x->rank : 2); d++) s->dim[s->rank++] = x->dim[d];
    return STRIA_OK;
}

/* The k-th of the option's names, for NAME.it; `standard` where the layer has no such option. */
static stria_status part(const layer_call *c, int k, const char *standard, const char **out, stria_error *err) {
    const char *names = layer_text(c, "names");
    *out = standard;
    if (!names) return STRIA_OK;
    for (; k > 0 && *names; k--) names += strcspn(names, ",") + (names[strcspn(names, ",")] == ',');
    size_t length = strcspn(names, ",");
    if (length == 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "option names is '%s', expected four names with commas", layer_text(c, "names"));
    *out = arena_printf(&c->g->arena, "%.*s", (int)length, names);
    return *out ? STRIA_OK : layer_no_memory(err);
}

/* The k-th parameter or statistic. */
static stria_status tensor_add(const layer_call *c, int k, const char *name, value_role role, const shape *s,
                               double fill, value **out, stria_error *err) {
    TRY(part(c, k, name, &name, err));
    return layer_filled(c, name, role, s, fill, out, err);
}

static stria_status add(layer_call *c, value *const *in, int count, const void *attributes, stria_error *err) {
    node *n;
    TRY(graph_add_node(c->g, c->layer->op, c->name, in, count, attributes, 0, NULL, &n, err));
    c->out = n->out[0];
    return STRIA_OK;
}

stria_status layer_build_norm(layer_call *c, stria_error *err) {
    const op_def *op = c->layer->op;
    norm_attributes a = {.stash_type = 1};
    value *in[5] = {c->in[0]};
    shape s;
    double real;
    int64_t bias = op != &op_RMSNormalization;
    int count = 2;
    TRY(parameter_shape(c, &a, &s, err));
    TRY(layer_real(c, "epsilon", 0, 1, &real, err));
    a.epsilon = (float)real;
    if (op == &op_GroupNormalization) TRY(layer_number(c, &a.num_groups, err));
    if (op == &op_LayerNormalization) TRY(layer_int(c, "bias", 0, 1, &bias, err));
    TRY(tensor_add(c, 0, "scale", ROLE_PARAMETER, &s, 1, &in[1], err));
    if (bias) TRY(tensor_add(c, 1, "bias", ROLE_PARAMETER, &s, 0, &in[count++], err));
    if (op == &op_BatchNormalization) {
        TRY(layer_real(c, "momentum", 0, 1, &real, err));
        a.momentum = (float)real;
        TRY(tensor_add(c, 2, "mean", ROLE_STATISTIC, &s, 0, &in[count++], err));
        TRY(tensor_add(c, 3, "variance", ROLE_STATISTIC, &s, 1, &in[count++], err));
    }
    return add(c, in, count, &a, err);
}

stria_status layer_build_lrn(layer_call *c, stria_error *err) {
    double alpha, beta, bias;
    lrn_attributes a;
    TRY(layer_number(c, &a.size, err));
    TRY(layer_real(c, "alpha", 0, 1e6, &alpha, err));
    TRY(layer_real(c, "beta", 0, 100, &beta, err));
    TRY(layer_real(c, "bias", 0, 1e6, &bias, err));
    a.alpha = (float)alpha, a.beta = (float)beta, a.bias = (float)bias;
    return add(c, c->in, 1, &a, err);
}

stria_status layer_build_dropout(layer_call *c, stria_error *err) {
    builder b = {c->g, NULL, STRIA_OK, err};
    double ratio;
    TRY(layer_real(c, "ratio", 0, 1, &ratio, err));
    value *share = build_scalar(&b, c->in[0]->type, ratio);
    TRY(b.status);
    return add(c, (value *[]){c->in[0], share}, 2, NULL, err);
}
