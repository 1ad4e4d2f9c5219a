/* Batch normalisation and dropout as inference has them. */
#include "op/norm.h"

#include <math.h>

#include "op/rule.h"

static const attr_field fields[] = {ATTR(norm_attributes, epsilon, ATTR_FLOAT, "1e-5"),
                                    ATTR(norm_attributes, momentum, ATTR_FLOAT, "0.9"),
                                    ATTR(norm_attributes, training_mode, ATTR_INT, "0"),
                                    {0}};
typedef struct dropout_attributes {
    int64_t seed;
} dropout_attributes;
static const attr_field dropout_fields[] = {ATTR(dropout_attributes, seed, ATTR_INT, "0"), {0}};

static stria_status norm_infer(node *n, stria_error *err) {
    static const char *const what[5] = {"", "scale", "bias", "mean", "variance"};
    char text[192];
    const shape *x = &n->in[0]->shape;
    if (((const norm_attributes *)n->attributes)->training_mode != 0)
        FAIL(err, STRIA_UNSUPPORTED, "batch normalisation in training mode is not supported");
    TRY(rule_floats(n, 0, err));
    if (x->rank < 2) FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, …]", shape_text(x, text));
    for (int i = 1; i < 5; i++)
        if (n->in[i]->shape.rank != 1 || n->in[i]->shape.dim[0] != x->dim[1])
            FAIL(err, STRIA_BAD_SHAPE, "%s is %s, but the input has %lld channels", what[i],
                 shape_text(&n->in[i]->shape, text), (long long)x->dim[1]);
    return rule_like(n, 0, err);
}

/* A vector [channels] as it broadcasts over x. */
static value *over_channels(builder *b, value *v, int rank) {
    int64_t axes[RANK_MAX];
    for (int d = 0; d < rank - 2; d++) axes[d] = d + 1;
    return build_unsqueeze(b, v, axes, rank - 2);
}

/* Σ t over all but the channels, of like's shape [channels]. */
static value *channel_sums(builder *b, value *t, value *like, int rank) {
    return build_reshape_to(b, build_reduce_to(b, t, over_channels(b, like, rank)), like);
}

/* With r = 1/√(variance + ε), x̂ = (x − mean)·r: dx = dy·scale·r, dscale = Σ dy·x̂, dbias = Σ dy,
 * dmean = −Σ dx, dvariance = −½·r²·scale·dscale. */
static stria_status norm_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                  stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *x = n->in[0], *scale = n->in[1], *bias = n->in[2], *mean = n->in[3], *variance = n->in[4];
    int rank = x->shape.rank;
    value *epsilon = build_scalar(&b, x->type, (double)((const norm_attributes *)n->attributes)->epsilon);
    value *r =
        build1(&b, &op_Reciprocal, build1(&b, &op_Sqrt, build2(&b, &op_Add, variance, epsilon, NULL), NULL), NULL);
    value *slope = build2(&b, &op_Mul, scale, r, NULL);
    if (wanted[0] || wanted[3]) {
        value *direct = build2(&b, &op_Mul, dy[0], over_channels(&b, slope, rank), NULL);
        if (wanted[0]) dx[0] = direct;
        if (wanted[3]) dx[3] = build1(&b, &op_Neg, channel_sums(&b, direct, mean, rank), NULL);
    }
    if (wanted[1] || wanted[4]) {
        value *centred = build2(&b, &op_Sub, x, over_channels(&b, mean, rank), NULL);
        value *normal = build2(&b, &op_Mul, centred, over_channels(&b, r, rank), NULL);
        value *dscale = channel_sums(&b, build2(&b, &op_Mul, dy[0], normal, NULL), scale, rank);
        value *half = build2(&b, &op_Mul, build2(&b, &op_Mul, slope, r, NULL), build_scalar(&b, x->type, -0.5), NULL);
        if (wanted[1]) dx[1] = dscale;
        if (wanted[4]) dx[4] = build2(&b, &op_Mul, dscale, half, NULL);
    }
    if (wanted[2]) dx[2] = channel_sums(&b, dy[0], bias, rank);
    return b.status;
}

static stria_status norm_reference(const ref_call *c, stria_error *err) {
    (void)err;
    const shape *x = &c->in[0].shape;
    double epsilon = (double)((const norm_attributes *)c->attributes)->epsilon;
    int64_t count = shape_count(x), inner = shape_span(x, 2, x->rank);
    for (int64_t i = 0; i < count; i++) {
        int64_t k = i / inner % x->dim[1];
        double centred = c->in[0].f[i] - c->in[3].f[k];
        c->out[0].f[i] = centred / sqrt(c->in[4].f[k] + epsilon) * c->in[1].f[k] + c->in[2].f[k];
    }
    return STRIA_OK;
}

/* An absent or false training_mode input makes dropout the identity. */
static stria_status dropout_infer(node *n, stria_error *err) {
    int64_t training = 0;
    int count;
    TRY(rule_ints(n, 2, "training_mode", &training, 1, &count, err));
    if (count == 1 && training) FAIL(err, STRIA_UNSUPPORTED, "dropout in training mode is not supported");
    TRY(rule_float(n, 0, "input", err));
    TRY(rule_output(n, 1, STRIA_BOOL, &n->in[0]->shape, err));
    return rule_like(n, 0, err);
}

static stria_status dropout_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                     stria_error *err) {
    (void)g, (void)n, (void)err;
    if (wanted[0]) dx[0] = dy[0];
    return STRIA_OK;
}

static stria_status dropout_reference(const ref_call *c, stria_error *err) {
    (void)err;
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++) {
        c->out[0].f[i] = c->in[0].f[i];
        if (c->out_count > 1 && c->out[1].i) c->out[1].i[i] = 1;
    }
    return STRIA_OK;
}

static const op_case norm_cases[] = {
    {"2x3x4x5, 3, 3, 3, pos:3", ""}, {"4x17, 17, 17, 17, pos:17", "epsilon=0.01"}, {0}};
static const op_case dropout_cases[] = {{"2x3x4", ""}, {"2x3x4, 0.5..0.5:", "seed=3"}, {0}};

const op_def op_BatchNormalization = {
    .name = "BatchNormalization",
    .domain = "",
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(norm_attributes),
    .fields = fields,
    .infer = norm_infer,
    .gradient = norm_gradient,
    .reference = norm_reference,
    .cases = norm_cases,
    .learnable_inputs = 1 << 1 | 1 << 2,
    .statistic_inputs = 1 << 3 | 1 << 4,
    .layouts = LAYOUT_IMAGE,
    .image_inputs = 1 << 0,
    .in_place = 1 << 0,
    .text = "y = (x − mean[c]) / √(variance[c] + epsilon) · scale[c] + bias[c]",
};

const op_def op_Dropout = {
    .name = "Dropout",
    .domain = "",
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 2,
    .attribute_bytes = sizeof(dropout_attributes),
    .fields = dropout_fields,
    .infer = dropout_infer,
    .gradient = dropout_gradient,
    .reference = dropout_reference,
    .cases = dropout_cases,
    .value_inputs = 1 << 2,
    .layouts = LAYOUT_SAME,
    .in_place = 1 << 0,
    .text = "y = x (inference)",
};
