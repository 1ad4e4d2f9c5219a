/* Softmax and LogSoftmax along one axis, and their gradients. */
#include "op/softmax.h"

#include <math.h>

#include "op/rule.h"

static const attr_field fields[] = {ATTR(axis_attributes, axis, ATTR_INT, "-1"), {0}};

softmax_geometry softmax_geometry_of(const node *n) {
    const shape *x = &n->in[0]->shape;
    int axis = 0;
    (void)rule_axis(((const axis_attributes *)n->attributes)->axis, x->rank, &axis, NULL);
    return (softmax_geometry){shape_span(x, 0, axis), x->dim[axis], shape_span(x, axis + 1, x->rank)};
}

static stria_status infer(node *n, stria_error *err) {
    int axis;
    TRY(rule_floats(n, 0, err));
    TRY(rule_axis(((const axis_attributes *)n->attributes)->axis, n->in[0]->shape.rank, &axis, err));
    if (n->in_count > 1) TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[1]->shape, "y", err));
    return rule_like(n, 0, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const op_def *op = n->op == &op_Softmax ? &op_SoftmaxGradient : &op_LogSoftmaxGradient;
    if (wanted[0]) dx[0] = build2(&b, op, dy[0], n->out[0], n->attributes);
    return b.status;
}

static op_cost cost(const node *n) {
    return (op_cost){0, size_mul(4, shape_count(&n->in[0]->shape))};
}

/* One row of elements a stride apart. */
static void softmax_row(const double *x, double *y, int64_t count, int64_t stride, bool logarithm) {
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < count; c++) most = x[c * stride] > most ? x[c * stride] : most;
    for (int64_t c = 0; c < count; c++) sum += exp(x[c * stride] - most);
    for (int64_t c = 0; c < count; c++) {
        double shifted = x[c * stride] - most;
        y[c * stride] = logarithm ? shifted - log(sum) : exp(shifted) / sum;
    }
}

/* dx = y · (dy − Σ dy·y); of the logarithm dx = dy − exp(y) · Σ dy */
static void gradient_row(const double *dy, const double *y, double *dx, int64_t count, int64_t stride, bool logarithm) {
    double sum = 0;
    for (int64_t c = 0; c < count; c++) sum += dy[c * stride] * (logarithm ? 1 : y[c * stride]);
    for (int64_t c = 0; c < count; c++) {
        double d = dy[c * stride], p = y[c * stride];
        dx[c * stride] = logarithm ? d - exp(p) * sum : p * (d - sum);
    }
}

static stria_status reference(const ref_call *c, stria_error *err) {
    softmax_geometry g = softmax_geometry_of(c->node);
    bool logarithm = c->node->op == &op_LogSoftmax || c->node->op == &op_LogSoftmaxGradient;
    for (int64_t i = 0; i < g.outer * g.inner; i++) {
        int64_t at = i / g.inner * g.classes * g.inner + i % g.inner;
        double *out = c->out[0].f + at;
        if (c->in_count > 1) gradient_row(c->in[0].f + at, c->in[1].f + at, out, g.classes, g.inner, logarithm);
        else softmax_row(c->in[0].f + at, out, g.classes, g.inner, logarithm);
    }
    return STRIA_OK;
}

static const op_case cases[] = {{"4x10", ""},      {"-30..30:3x7", ""}, {"2x3x4x5", "axis=1"},
                                {"3x4", "axis=0"}, {"33x17", ""},       {0}};
static const op_case gradient_cases[] = {
    {"4x10, pos:4x10", ""}, {"2x3x4x5, 2x3x4x5", "axis=1"}, {"3x4, 3x4", "axis=0"}, {"33x17, 33x17", ""}, {0}};

#define SOFTMAX(op_name, op_domain, inputs)                                                                            \
    .name = op_name, .domain = op_domain, .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = 1,              \
    .attribute_bytes = sizeof(axis_attributes), .fields = fields, .infer = infer, .cost = cost,                        \
    .reference = reference, .layouts = LAYOUT_STRIDED

const op_def op_Softmax = {SOFTMAX("Softmax", "", 1), .gradient = gradient, .cases = cases,
                           .text = "y = exp(x − max x) / Σ exp(x − max x)"};
const op_def op_LogSoftmax = {SOFTMAX("LogSoftmax", "", 1), .gradient = gradient, .cases = cases,
                              .text = "y = x − max x − log Σ exp(x − max x)"};
const op_def op_SoftmaxGradient = {SOFTMAX("SoftmaxGradient", "stria", 2), .cases = gradient_cases,
                                   .text = "dx = y · (dy − Σ dy·y)"};
const op_def op_LogSoftmaxGradient = {SOFTMAX("LogSoftmaxGradient", "stria", 2), .cases = gradient_cases,
                                      .text = "dx = dy − exp(y) · Σ dy"};
