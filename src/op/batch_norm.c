/* Batch normalisation: every channel by its own mean and variance, those of the batch in training mode, else running
 * ones. (Ioffe, Szegedy, "Batch normalization", ICML 2015.) ONNX's momentum weighs the old value, and the running
 * variance is the population's. */
#include "op/norm.h"

#include <math.h>

#include "op/reduce.h"
#include "op/rule.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE, INPUTS };                                 /* inputs */
enum { Y, RUNNING_MEAN, RUNNING_VARIANCE, BATCH_MEAN, BATCH_VARIANCE, OUTPUTS }; /* outputs; ONNX has the first three */

static const attr_field fields[] = {ATTR(norm_attributes, epsilon, ATTR_FLOAT, "1e-5"),
                                    ATTR(norm_attributes, momentum, ATTR_FLOAT, "0.9"),
                                    ATTR(norm_attributes, training_mode, ATTR_INT, "0"),
                                    {0}};
static const attr_field gradient_fields[] = {
    ATTR(norm_attributes, epsilon, ATTR_FLOAT, "1e-5"), ATTR(norm_attributes, training_mode, ATTR_INT, "0"), {0}};

static stria_status infer(node *n, stria_error *err) {
    static const char *const what[INPUTS] = {"input", "scale", "bias", "mean", "variance"};
    const shape *x = &n->in[X]->shape;
    TRY(rule_float(n, X, what[X], err));
    if (x->rank < 1) FAIL(err, STRIA_BAD_SHAPE, "input is a scalar, expected [batch, channels, …]");
    for (int i = SCALE; i < INPUTS; i++) TRY(norm_vector_check(n, i, what[i], norm_channels(x), err));
    for (int k = RUNNING_MEAN; k < OUTPUTS; k++) TRY(rule_output(n, k, n->in[MEAN]->type, &n->in[MEAN]->shape, err));
    return rule_like(n, X, err);
}

/* ---- gradient ---- */

/* A vector [channels] as it broadcasts over x. */
static value *over_channels(builder *b, value *v, int rank) {
    int64_t axes[RANK_MAX];
    for (int d = 0; d < rank - 2; d++) axes[d] = d + 1;
    return rank > 2 ? build_unsqueeze(b, v, axes, rank - 2) : v;
}

static value *add(builder *b, value *a, value *c) {
    return !a ? c : !c ? a : build2(b, &op_Add, a, c, NULL);
}

static value *times(builder *b, value *a, double factor) {
    return a ? build2(b, &op_Mul, a, build_scalar(b, a->type, factor), NULL) : NULL;
}

static value *batch_mean(builder *b, const node *n) {
    int64_t axes[RANK_MAX] = {0};
    int rank = n->in[X]->shape.rank;
    if (n->out_count > BATCH_MEAN && n->out[BATCH_MEAN]) return n->out[BATCH_MEAN];
    for (int d = 2; d < rank; d++) axes[d - 1] = d;
    return build2(b, &op_ReduceMean, n->in[X], build_i64(b, axes, rank - 1), &(reduce_attributes){0, 0});
}

/* Gradients of the running statistics (k = 0: mean, 1: variance) reach the old values and the batch's. */
static void training_statistics(builder *b, const node *n, value *const *dy, const bool *wanted, value **dx) {
    double momentum = (double)((const norm_attributes *)n->attributes)->momentum;
    value *moment[2] = {NULL, NULL};
    int rank = n->in[X]->shape.rank;
    norm_geometry g = norm_geometry_of(n);
    for (int k = 0; k < 2; k++) {
        value *running = n->out_count > RUNNING_MEAN + k ? dy[RUNNING_MEAN + k] : NULL,
              *batch = n->out_count > BATCH_MEAN + k ? dy[BATCH_MEAN + k] : NULL;
        if (wanted[MEAN + k]) dx[MEAN + k] = times(b, running, momentum);
        value *all = add(b, times(b, running, 1 - momentum), batch);
        moment[k] = all ? over_channels(b, all, rank) : NULL;
    }
    if (!wanted[X] || (!moment[0] && !moment[1])) return;
    value *mean = moment[1] ? over_channels(b, batch_mean(b, n), rank) : NULL;
    if (!dx[X]) dx[X] = build_filled(b, n->in[X]->type, &n->in[X]->shape, 0);
    dx[X] = norm_build_through_moments(b, dx[X], n->in[X], mean, moment[0], moment[1], norm_set_size(&g));
}

/* Of given statistics, with r = 1/√(variance + ε): dmean = −scale·r·dbias, dvariance = −½·scale·r²·dscale. */
static void given_statistics(builder *b, const node *n, value *const *dy, const bool *wanted, value *dscale,
                             value *dbias, value **dx) {
    value *epsilon = build_scalar(b, n->in[VARIANCE]->type, (double)((const norm_attributes *)n->attributes)->epsilon);
    value *deviation = build1(b, &op_Sqrt, build2(b, &op_Add, n->in[VARIANCE], epsilon, NULL), NULL);
    value *r = build1(b, &op_Reciprocal, deviation, NULL), *slope = build2(b, &op_Mul, n->in[SCALE], r, NULL);
    for (int k = 0; k < 2; k++) {
        value *direct = k ? times(b, build2(b, &op_Mul, build2(b, &op_Mul, slope, r, NULL), dscale, NULL), -0.5)
                          : times(b, build2(b, &op_Mul, slope, dbias, NULL), -1);
        for (int out = RUNNING_MEAN + k; out < n->out_count; out += 2) direct = add(b, direct, dy[out]);
        if (wanted[MEAN + k]) dx[MEAN + k] = direct;
    }
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    bool given = norm_given_statistics(n), statistics = given && (wanted[MEAN] || wanted[VARIANCE]);
    bool saved = n->out_count > BATCH_VARIANCE && n->out[BATCH_MEAN] && n->out[BATCH_VARIANCE];
    bool parts[3] = {wanted[X], wanted[SCALE] || statistics, wanted[BIAS] || statistics};
    value *made[3] = {NULL};
    value *in[5] = {dy[Y], n->in[X], n->in[SCALE],
                    given   ? n->in[MEAN]
                    : saved ? n->out[BATCH_MEAN]
                            : NULL,
                    given   ? n->in[VARIANCE]
                    : saved ? n->out[BATCH_VARIANCE]
                            : NULL};
    if (dy[Y]) norm_build_gradient(&b, n, &op_BatchNormalizationGradient, in, given || saved ? 5 : 3, parts, made);
    for (int i = X; i <= BIAS; i++)
        if (wanted[i]) dx[i] = made[i];
    if (!given) training_statistics(&b, n, dy, wanted, dx);
    else if (statistics) given_statistics(&b, n, dy, wanted, made[SCALE], made[BIAS], dx);
    return b.status;
}

static stria_status infer_gradient(node *n, stria_error *err) {
    char text[192];
    const shape *x = &n->in[1]->shape;
    bool training = ((const norm_attributes *)n->attributes)->training_mode != 0;
    if (x->rank < 1) FAIL(err, STRIA_BAD_SHAPE, "x is %s, expected [batch, channels, …]", shape_text(x, text));
    TRY(norm_vector_check(n, 2, "scale", norm_channels(x), err));
    TRY(norm_vector_check(n, 3, "mean", norm_channels(x), err));
    TRY(norm_vector_check(n, 4, "variance", norm_channels(x), err));
    bool given = rule_input(n, 3) && rule_input(n, 4);
    if (!given && (!training || rule_input(n, 3) || rule_input(n, 4)))
        FAIL(err, STRIA_BAD_ARGUMENT, "mean and variance are missing");
    return norm_gradient_infer(n, err);
}

/* ---- references ---- */

static void running_store(const ref_call *c, const double *const now[2]) {
    const norm_attributes *a = c->attributes;
    int64_t channels = c->in[MEAN].shape.dim[0];
    double old = (double)a->momentum;
    bool given = norm_given_statistics(c->node);
    for (int k = RUNNING_MEAN; k < c->out_count; k++) {
        const double *batch = now[(k - RUNNING_MEAN) % 2], *before = c->in[MEAN + (k - RUNNING_MEAN) % 2].f;
        for (int64_t i = 0; c->out[k].f && i < channels; i++)
            c->out[k].f[i] = k >= BATCH_MEAN || given ? batch[i] : before[i] * old + batch[i] * (1 - old);
    }
}

static stria_status reference(const ref_call *c, stria_error *err) {
    norm_geometry g = norm_geometry_of(c->node);
    double *moments = NULL;
    const double *now[2] = {c->in[MEAN].f, c->in[VARIANCE].f};
    if (!norm_given_statistics(c->node)) {
        TRY(norm_ref_moments_new(&g, c->in[X].f, &moments, err));
        now[0] = moments, now[1] = moments + g.groups;
    }
    norm_ref_apply(&g, c->out[Y].f, c->in[X].f, now[0], now[1], c->in[SCALE].f, c->in[BIAS].f);
    running_store(c, now);
    mem_free(moments);
    return STRIA_OK;
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    norm_geometry g = norm_geometry_of(c->node);
    if (c->in_count < 5 || !c->in[3].f) return norm_gradient_reference(c, err);
    return norm_ref_backward(&g, norm_given_statistics(c->node), c->in[0].f, c->in[1].f, c->in[3].f, c->in[4].f,
                             c->in[2].f, c->out[0].f, c->out_count > 1 ? c->out[1].f : NULL,
                             c->out_count > 2 ? c->out[2].f : NULL, err);
}

static const op_case cases[] = {{"2x3x4x5, 3, 3, 3, pos:3", ""},
                                {"4x17, 17, 17, 17, pos:17", "epsilon=0.01"},
                                {"5, 1, 1, 1, pos:1", ""},
                                {"3x5x4x3, 5, 5, 5, pos:5", "training_mode=1 momentum=0.75"},
                                {"3x5x4x3, 5, 5, 5, pos:5", "training_mode=1 momentum=1"},
                                {"6x3, 3, 3, 3, pos:3", "training_mode=1"},
                                {"2x2x9, 2, 2, 2, pos:2", "training_mode=1 epsilon=0.001"},
                                {0}};
static const op_case gradient_cases[] = {{"5, 5, 1, 1, pos:1", ""},
                                         {"2x3x4x5, 2x3x4x5, 3, 3, pos:3", ""},
                                         {"4x17, 4x17, 17, 17, pos:17", "epsilon=0.01"},
                                         {"3x5x4x3, 3x5x4x3, 5", "training_mode=1"},
                                         {"3x5x4x3, 3x5x4x3, 5, 5, pos:5", "training_mode=1"},
                                         {"6x3, 6x3, 3", "training_mode=1"},
                                         {0}};

const op_def op_BatchNormalization = {
    .name = "BatchNormalization",
    .domain = "",
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = OUTPUTS,
    .attribute_bytes = sizeof(norm_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = norm_cost,
    .reference = reference,
    .cases = cases,
    .learnable_inputs = 1 << SCALE | 1 << BIAS,
    .statistic_inputs = 1 << MEAN | 1 << VARIANCE,
    .layouts = LAYOUT_IMAGE,
    .image_inputs = 1 << X,
    .plain_outputs = 1 << RUNNING_MEAN | 1 << RUNNING_VARIANCE | 1 << BATCH_MEAN | 1 << BATCH_VARIANCE,
    .in_place = 1 << X,
    .in_place_pair = {0, MEAN + 1, VARIANCE + 1},
    .epilogue = true,
    .note = "momentum weights the old value: 0.9, as ONNX; Keras has 0.99, PyTorch's 0.1 is the weight of "
            "the new one. The running variance is the population's, as ONNX and Keras; PyTorch's is n / (n - "
            "1) times as large. epsilon is added to the variance, inside the root: 1e-5, as PyTorch; Keras "
            "has 1e-3.",
    .text =
        "y = (x − mean[c]) / √(variance[c] + epsilon) · scale[c] + bias[c]; in training mode with the batch's mean and "
        "variance, and running = momentum · running + (1 − momentum) · batch's",
};

const op_def op_BatchNormalizationGradient = {
    .name = "BatchNormalizationGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 5,
    .out_min = 1,
    .out_max = 3,
    .attribute_bytes = sizeof(norm_attributes),
    .fields = gradient_fields,
    .infer = infer_gradient,
    .cost = norm_cost,
    .reference = reference_gradient,
    .cases = gradient_cases,
    .layouts = LAYOUT_IMAGE,
    .image_inputs = 1 << 0 | 1 << 1,
    .plain_outputs = 1 << 1 | 1 << 2,
    .in_place = 1 << 0 | 1 << 1,
    .text = "dx = scale[c] / √(variance[c] + epsilon) · (dy − mean dy − x̂ · mean(dy·x̂)), dscale = Σ dy·x̂, dbias = Σ dy",
};
