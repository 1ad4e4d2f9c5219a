/* PRelu: a ReLU with a learnt slope below zero, one per channel or as it broadcasts (He, Zhang, Ren, Sun, "Delving deep
 * into rectifiers", ICCV 2015). */
#include "op/rule.h"

/* Input i's shape broadcasts to x's. */
static stria_status check_slope(const node *n, int i, const shape *x, stria_error *err) {
    char tx[192], ts[192];
    shape both;
    if (!shape_broadcast(x, &n->in[i]->shape, &both) || !shape_equal(&both, x))
        FAIL(err, STRIA_BAD_SHAPE, "slope is %s, which does not broadcast to x's %s", shape_text(&n->in[i]->shape, ts),
             shape_text(x, tx));
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    TRY(rule_same_type(n, 0, 1, err));
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "inputs are bool, expected numbers");
    TRY(check_slope(n, 1, &n->in[0]->shape, err));
    return rule_like(n, 0, err);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    TRY(rule_floats(n, 0, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[1]->shape, "x", err));
    TRY(check_slope(n, 2, &n->in[1]->shape, err));
    return rule_like(n, 0, err);
}

/* dslope = dy · min(x, 0), summed over what shares it. */
static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *x = n->in[0], *slope = n->in[1];
    if (wanted[0]) dx[0] = build(&b, &op_PReluGradient, (value *[]){dy[0], x, slope}, 3, NULL);
    if (wanted[1]) {
        value *below = build2(&b, &op_Min, x, build_scalar(&b, x->type, 0), NULL);
        dx[1] = build_reduce_to(&b, build2(&b, &op_Mul, dy[0], below, NULL), slope);
    }
    return b.status;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0], *slope = &c->in[1], *y = &c->out[0];
    int64_t stride[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&slope->shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = strided_offset(i, &y->shape, stride);
        if (y->f) y->f[i] = x->f[i] < 0 ? slope->f[at] * x->f[i] : x->f[i];
        else if (!integer_less(x->type, x->i[i], 0)) y->i[i] = x->i[i];
        else y->i[i] = integer_wrap(y->type, (int64_t)((uint64_t)slope->i[at] * (uint64_t)x->i[i]));
    }
    return STRIA_OK;
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    const ref_tensor *dy = &c->in[0], *x = &c->in[1], *slope = &c->in[2], *dx = &c->out[0];
    int64_t stride[RANK_MAX], count = shape_count(&dx->shape);
    broadcast_strides(&slope->shape, &dx->shape, stride);
    for (int64_t i = 0; i < count; i++)
        dx->f[i] = x->f[i] > 0 ? dy->f[i] : dy->f[i] * slope->f[strided_offset(i, &dx->shape, stride)];
    return STRIA_OK;
}

static op_cost cost(const node *n) {
    return (op_cost){0, shape_count(&n->out[0]->shape)};
}

static const op_case cases[] = {{"2x3x4x5, 3x1x1", ""},
                                {"2x3x4x5, 2x3x4x5", ""},
                                {"2x3x4x5, 5", ""},
                                {"257, :", ""},
                                {"2x33x5x7, 33x1x1", ""},
                                {"4x6, 6", ""},
                                {"i32=-3,4,-5:3, i32=2:1", ""},
                                {0}};
static const op_case gradient_cases[] = {{"2x3x4x5, 2x3x4x5, 3x1x1", ""},
                                         {"2x3x4x5, 2x3x4x5, 2x3x4x5", ""},
                                         {"257, 257, 1", ""},
                                         {"2x33x5x7, 2x33x5x7, 33x1x1", ""},
                                         {0}};

const op_def op_PRelu = {
    .name = "PRelu",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = infer,
    .gradient = gradient,
    .cost = cost,
    .reference = reference,
    .cases = cases,
    .learnable_inputs = 1 << 1,
    .layouts = LAYOUT_SAME,
    .in_place = 1 << 0,
    .text = "y = x for x ≥ 0, else slope · x",
};

const op_def op_PReluGradient = {
    .name = "PReluGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = infer_gradient,
    .cost = cost,
    .reference = reference_gradient,
    .cases = gradient_cases,
    .layouts = LAYOUT_SAME,
    .in_place = 1 << 0 | 1 << 1,
    .text = "dx = dy for x ≥ 0, else dy · slope",
};
