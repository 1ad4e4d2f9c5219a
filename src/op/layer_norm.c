/* Normalisations by an image's own mean and variance: layer (Ba, Kiros, Hinton, 2016), instance (Ulyanov et al., 2016),
 * group (Wu, He, ECCV 2018), and by the root mean square alone (Zhang, Sennrich, NeurIPS 2019). */
#include <math.h>

#include "op/norm.h"
#include "op/reduce.h"
#include "op/rule.h"

static const attr_field layer_fields[] = {ATTR(norm_attributes, axis, ATTR_INT, "-1"),
                                          ATTR(norm_attributes, epsilon, ATTR_FLOAT, "1e-5"),
                                          ATTR(norm_attributes, stash_type, ATTR_INT, "1"),
                                          {0}};
static const attr_field instance_fields[] = {ATTR(norm_attributes, epsilon, ATTR_FLOAT, "1e-5"), {0}};
static const attr_field group_fields[] = {ATTR(norm_attributes, epsilon, ATTR_FLOAT, "1e-5"),
                                          {"num_groups", ATTR_INT, offsetof(norm_attributes, num_groups), NULL, true},
                                          ATTR(norm_attributes, stash_type, ATTR_INT, "1"),
                                          {0}};

/* ---- shapes ---- */

static int axis_of(const node *n, const shape *x) {
    int axis = 0;
    (void)rule_axis(((const norm_attributes *)n->attributes)->axis, x->rank, &axis, NULL);
    return axis;
}

/* Scale and bias broadcast over x and are the same before the axis. */
static stria_status layer_parameter_check(const node *n, int i, const char *what, stria_error *err) {
    char tv[192], tx[192];
    const shape *x = &n->in[0]->shape;
    shape tail = {x->rank - axis_of(n, x), {0}}, together;
    for (int d = 0; d < tail.rank; d++) tail.dim[d] = x->dim[x->rank - tail.rank + d];
    if (!rule_input(n, i)) return STRIA_OK;
    shape v = n->in[i]->shape, kept = v;
    for (; kept.rank > tail.rank && kept.dim[0] == 1; kept.rank--)
        for (int d = 0; d + 1 < kept.rank; d++) kept.dim[d] = kept.dim[d + 1];
    if (!shape_broadcast(&kept, &tail, &together) || !shape_equal(&together, &tail))
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, which does not broadcast to the normalised dimensions of %s", what,
             shape_text(&v, tv), shape_text(x, tx));
    return STRIA_OK;
}

static stria_status layer_infer(node *n, stria_error *err) {
    int axis;
    shape x = n->in[0]->shape, sets = x;
    TRY(rule_floats(n, 0, err));
    TRY(rule_axis(((const norm_attributes *)n->attributes)->axis, x.rank, &axis, err));
    TRY(layer_parameter_check(n, 1, "scale", err));
    TRY(layer_parameter_check(n, 2, "bias", err));
    for (int d = axis; d < x.rank; d++) sets.dim[d] = 1;
    dtype type = n->in[0]->type == STRIA_FLOAT64 ? STRIA_FLOAT64 : STRIA_FLOAT32;
    for (int k = 1; k < 3; k++) TRY(rule_output(n, k, type, &sets, err));
    return rule_like(n, 0, err);
}

/* Of the gradients: scale has all of the normalised dimensions. */
static stria_status layer_gradient_infer(node *n, stria_error *err) {
    int axis;
    const shape *x = &n->in[1]->shape, *scale = &n->in[2]->shape;
    TRY(rule_axis(((const norm_attributes *)n->attributes)->axis, x->rank, &axis, err));
    if (shape_count(scale) != shape_span(x, axis, x->rank))
        FAIL(err, STRIA_BAD_SHAPE, "scale has %lld element%s, expected %lld", (long long)shape_count(scale),
             text_s(shape_count(scale)), (long long)shape_span(x, axis, x->rank));
    return norm_gradient_infer(n, err);
}

static stria_status image_check(const node *n, int x_input, stria_error *err) {
    char text[192];
    const shape *x = &n->in[x_input]->shape;
    TRY(rule_floats(n, 0, err));
    if (x->rank < 2) FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, …]", shape_text(x, text));
    return norm_vector_check(n, x_input + 1, "scale", x->dim[1], err);
}

static stria_status instance_infer(node *n, stria_error *err) {
    TRY(image_check(n, 0, err));
    TRY(norm_vector_check(n, 2, "bias", n->in[0]->shape.dim[1], err));
    return rule_like(n, 0, err);
}

static stria_status instance_gradient_infer(node *n, stria_error *err) {
    TRY(image_check(n, 1, err));
    return norm_gradient_infer(n, err);
}

static stria_status groups_check(const node *n, const shape *x, stria_error *err) {
    int64_t groups = ((const norm_attributes *)n->attributes)->num_groups;
    if (groups < 1 || x->dim[1] % groups != 0)
        FAIL(err, STRIA_BAD_SHAPE, "cannot divide %lld channel%s into %lld group%s", (long long)x->dim[1],
             text_s(x->dim[1]), (long long)groups, text_s(groups));
    return STRIA_OK;
}

static stria_status group_infer(node *n, stria_error *err) {
    TRY(image_check(n, 0, err));
    TRY(groups_check(n, &n->in[0]->shape, err));
    return instance_infer(n, err);
}

static stria_status group_gradient_infer(node *n, stria_error *err) {
    TRY(image_check(n, 1, err));
    TRY(groups_check(n, &n->in[1]->shape, err));
    return norm_gradient_infer(n, err);
}

/* ---- gradients ---- */

static stria_status image_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                   stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const op_def *op =
        n->op == &op_InstanceNormalization ? &op_InstanceNormalizationGradient : &op_GroupNormalizationGradient;
    value *in[3] = {dy[0], n->in[0], n->in[1]};
    norm_build_gradient(&b, n, op, in, 3, wanted, dx);
    return b.status;
}

/* The scale over all normalised dimensions, where it is broadcast. */
static value *full_scale(builder *b, const node *n) {
    const shape *x = &n->in[0]->shape;
    int axis = axis_of(n, x), rank = x->rank - axis;
    if (shape_count(&n->in[1]->shape) == shape_span(x, axis, x->rank)) return n->in[1];
    return build2(b, &op_Expand, n->in[1], build_i64(b, x->dim + axis, rank), NULL);
}

/* A parameter's gradient under its own shape. */
static value *parameter_gradient(builder *b, value *full, value *parameter) {
    if (!full || shape_equal(&full->shape, &parameter->shape)) return full;
    if (shape_count(&full->shape) == shape_count(&parameter->shape)) return build_reshape_to(b, full, parameter);
    return build_reduce_to(b, full, parameter);
}

/* From dy of the outputs mean and r = 1/√(variance + ε), whose d/dvariance is −½·r³. */
static void layer_statistics(builder *b, const node *n, value *const *dy, value **dx) {
    value *dmean = n->out_count > 1 ? dy[1] : NULL, *dr = n->out_count > 2 ? dy[2] : NULL, *dvariance = NULL,
          *mean = n->out_count > 1 ? n->out[1] : NULL, *x = n->in[0];
    norm_geometry g = norm_geometry_of(n);
    if (!dmean && !dr) return;
    if (dr) {
        value *r = n->out[2], *cube = build2(b, &op_Mul, build2(b, &op_Mul, r, r, NULL), r, NULL);
        value *half = build_scalar(b, r->type, -0.5);
        dvariance = build2(b, &op_Mul, build2(b, &op_Mul, cube, half, NULL), dr, NULL);
    }
    if (!dx[0]) dx[0] = build_filled(b, x->type, &x->shape, 0);
    if (dvariance && !mean) {
        int64_t axes[RANK_MAX];
        int axis = axis_of(n, &x->shape), count = x->shape.rank - axis;
        for (int d = 0; d < count; d++) axes[d] = axis + d;
        mean = build2(b, &op_ReduceMean, x, build_i64(b, axes, count), NULL);
    }
    dx[0] = norm_build_through_moments(b, dx[0], x, mean, dmean, dvariance, norm_set_size(&g));
}

static stria_status layer_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                   stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    bool layer = n->op == &op_LayerNormalization;
    value *in[3] = {dy[0], n->in[0], full_scale(&b, n)};
    if (dy[0])
        norm_build_gradient(&b, n, layer ? &op_LayerNormalizationGradient : &op_RMSNormalizationGradient, in, 3, wanted,
                            dx);
    for (int i = 1; i < n->in_count; i++)
        if (dx[i]) dx[i] = parameter_gradient(&b, dx[i], n->in[i]);
    if (layer && wanted[0]) layer_statistics(&b, n, dy, dx);
    return b.status;
}

/* ---- references ---- */

/* A parameter over all normalised dimensions; NULL if it is absent. */
static stria_status expanded(const ref_call *c, int i, double **out, stria_error *err) {
    const shape *x = &c->in[0].shape;
    int64_t stride[RANK_MAX];
    *out = NULL;
    if (i >= c->in_count || !c->in[i].f) return STRIA_OK;
    shape tail = {0}, v = c->in[i].shape;
    for (int d = axis_of(c->node, x); d < x->rank; d++) tail.dim[tail.rank++] = x->dim[d];
    for (; v.rank > tail.rank; v.rank--)
        for (int d = 0; d + 1 < v.rank; d++) v.dim[d] = v.dim[d + 1];
    int64_t count = shape_count(&tail);
    TRY(mem_new(out, (size_t)count + 1, sizeof **out, "the reference", err));
    broadcast_strides(&v, &tail, stride);
    for (int64_t k = 0; k < count; k++) (*out)[k] = c->in[i].f[strided_offset(k, &tail, stride)];
    return STRIA_OK;
}

static stria_status layer_reference(const ref_call *c, stria_error *err) {
    norm_geometry g = norm_geometry_of(c->node);
    double *mean = NULL, *scale = NULL, *bias = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(norm_ref_moments_new(&g, c->in[0].f, &mean, err));
    TRY_DONE(expanded(c, 1, &scale, err));
    TRY_DONE(expanded(c, 2, &bias, err));
    const double *variance = mean + norm_sets(&g);
    norm_ref_apply(&g, c->out[0].f, c->in[0].f, mean, variance, scale, bias);
    for (int64_t s = 0; s < norm_sets(&g); s++) {
        if (c->out_count > 1 && c->out[1].f) c->out[1].f[s] = mean[s];
        if (c->out_count > 2 && c->out[2].f) c->out[2].f[s] = 1 / sqrt(variance[s] + g.epsilon);
    }
done:
    mem_free(mean);
    mem_free(scale);
    mem_free(bias);
    return status;
}

/* ---- cases and definitions ---- */

static const op_case layer_cases[] = {{"3x4x5, 5, 5", ""},
                                      {"2x3x4x5, 4x5, 4x5", "axis=2"},
                                      {"2x3x4x5, 3x1x5", "axis=1"},
                                      {"6x7, 6x7, 7", "axis=0 epsilon=0.1"},
                                      {"4x33, 33, 33", "axis=-1"},
                                      {"2x3x4x2, 3x4x2, 3x4x2", "axis=-3"},
                                      {0}};
static const op_case layer_gradient_cases[] = {{"3x4x5, 3x4x5, 5", ""},
                                               {"2x3x4x5, 2x3x4x5, 4x5", "axis=2"},
                                               {"2x3x4x2, 2x3x4x2, 3x4x2", "axis=1"},
                                               {"6x7, 6x7, 6x7", "axis=0 epsilon=0.1"},
                                               {"4x33, 4x33, 33", ""},
                                               {0}};
static const op_case rms_cases[] = {{"3x4x5, 5", ""},
                                    {"2x3x4x5, 4x5", "axis=2"},
                                    {"2x3x4x5, 3x1x5", "axis=1"},
                                    {"6x7, 6x7", "axis=0 epsilon=0.1"},
                                    {0}};
static const op_case image_cases[] = {
    {"2x3x4x5, 3, 3", ""}, {"3x2x9, 2, 2", "epsilon=0.01"}, {"1x5x3x3, 5, 5", ""}, {0}};
static const op_case image_gradient_cases[] = {{"2x3x4x5, 2x3x4x5, 3", ""}, {"3x2x9, 3x2x9, 2", "epsilon=0.01"}, {0}};
static const op_case group_cases[] = {{"2x6x4x5, 6, 6", "num_groups=3"},
                                      {"2x4x3x3, 4, 4", "num_groups=1"},
                                      {"2x4x3x3, 4, 4", "num_groups=4"},
                                      {"3x6, 6, 6", "num_groups=2 epsilon=0.01"},
                                      {0}};
static const op_case group_gradient_cases[] = {{"2x6x4x5, 2x6x4x5, 6", "num_groups=3"},
                                               {"2x4x3x3, 2x4x3x3, 4", "num_groups=1"},
                                               {"3x6, 3x6, 6", "num_groups=2 epsilon=0.01"},
                                               {0}};

#define NORM(op_name, inputs_min, inputs_max, outputs, table, rule)                                                    \
    .name = op_name, .domain = "", .in_min = inputs_min, .in_max = inputs_max, .out_min = 1, .out_max = outputs,       \
    .attribute_bytes = sizeof(norm_attributes), .fields = table, .infer = rule, .cost = norm_cost,                     \
    .learnable_inputs = 1 << 1 | 1 << 2, .in_place = 1 << 0
#define NORM_GRADIENT(op_name, table, rule)                                                                            \
    .name = op_name, .domain = "stria", .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 3,                          \
    .attribute_bytes = sizeof(norm_attributes), .fields = table, .infer = rule, .cost = norm_cost,                     \
    .reference = norm_gradient_reference, .plain_outputs = 1 << 1 | 1 << 2, .in_place = 1 << 0 | 1 << 1
#define IMAGE(inputs) .layouts = LAYOUT_IMAGE, .image_inputs = inputs

const op_def op_LayerNormalization = {
    NORM("LayerNormalization", 2, 3, 3, layer_fields, layer_infer),
    .gradient = layer_gradient,
    .reference = layer_reference,
    .cases = layer_cases,
    .layouts = LAYOUT_KEEP_BATCH,
    .text = "y = (x − mean) / √(variance + epsilon) · scale + bias, over the dimensions from axis on"};
const op_def op_RMSNormalization = {NORM("RMSNormalization", 2, 2, 1, layer_fields, layer_infer),
                                    .gradient = layer_gradient,
                                    .reference = layer_reference,
                                    .cases = rms_cases,
                                    .layouts = LAYOUT_KEEP_BATCH,
                                    .text = "y = x / √(mean x² + epsilon) · scale, over the dimensions from axis on"};
const op_def op_InstanceNormalization = {
    NORM("InstanceNormalization", 3, 3, 1, instance_fields, instance_infer),
    .gradient = image_gradient,
    .reference = norm_reference,
    .cases = image_cases,
    IMAGE(1 << 0),
    .text = "y = (x − mean) / √(variance + epsilon) · scale[c] + bias[c], over each channel of each image"};
const op_def op_GroupNormalization = {
    NORM("GroupNormalization", 3, 3, 1, group_fields, group_infer),
    .gradient = image_gradient,
    .reference = norm_reference,
    .cases = group_cases,
    IMAGE(1 << 0),
    .text = "y = (x − mean) / √(variance + epsilon) · scale[c] + bias[c], over each group of channels of each image"};

const op_def op_LayerNormalizationGradient = {
    NORM_GRADIENT("LayerNormalizationGradient", layer_fields, layer_gradient_infer), .cases = layer_gradient_cases,
    .layouts = LAYOUT_PLAIN,
    .text = "with dŷ = dy·scale: dx = (dŷ − mean dŷ − x̂·mean(dŷ·x̂)) / √(variance + epsilon), dscale = Σ dy·x̂, dbias = "
            "Σ dy"};
const op_def op_RMSNormalizationGradient = {
    NORM_GRADIENT("RMSNormalizationGradient", layer_fields, layer_gradient_infer), .cases = layer_gradient_cases,
    .layouts = LAYOUT_PLAIN,
    .text = "with dŷ = dy·scale: dx = (dŷ − x̂·mean(dŷ·x̂)) / √(mean x² + epsilon), dscale = Σ dy·x̂"};
const op_def op_InstanceNormalizationGradient = {
    NORM_GRADIENT("InstanceNormalizationGradient", instance_fields, instance_gradient_infer),
    .cases = image_gradient_cases, IMAGE(1 << 0 | 1 << 1),
    .text = "with dŷ = dy·scale: dx = (dŷ − mean dŷ − x̂·mean(dŷ·x̂)) / √(variance + epsilon), dscale = Σ dy·x̂, dbias = "
            "Σ dy"};
const op_def op_GroupNormalizationGradient = {
    NORM_GRADIENT("GroupNormalizationGradient", group_fields, group_gradient_infer), .cases = group_gradient_cases,
    IMAGE(1 << 0 | 1 << 1),
    .text = "with dŷ = dy·scale: dx = (dŷ − mean dŷ − x̂·mean(dŷ·x̂)) / √(variance + epsilon), dscale = Σ dy·x̂, dbias = "
            "Σ dy"};
