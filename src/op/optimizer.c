/* Optimisers' updates as ONNX's ai.onnx.preview.training defines them, for one tensor each. With beta 1, Momentum is
 * PyTorch's SGD(momentum=alpha, weight_decay=norm_coefficient, dampening=0, nesterov=mode). */
#include "op/optimizer.h"

#include <string.h>

#include "op/rule.h"

#define REQUIRED(member, kind)                                                                                         \
    { #member, kind, offsetof(momentum_attributes, member), NULL, true }
static const attr_field fields[] = {REQUIRED(alpha, ATTR_FLOAT),
                                    REQUIRED(beta, ATTR_FLOAT),
                                    REQUIRED(norm_coefficient, ATTR_FLOAT),
                                    REQUIRED(mode, ATTR_STRING),
                                    {0}};

enum { R, T, X, G, V };

static stria_status infer(node *n, stria_error *err) {
    const char *mode = ((const momentum_attributes *)n->attributes)->mode;
    char text[192];
    if (!mode || (strcmp(mode, "standard") != 0 && strcmp(mode, "nesterov") != 0))
        FAIL(err, STRIA_BAD_ARGUMENT, "mode is '%s', expected standard or nesterov", mode ? mode : "");
    TRY(rule_float(n, R, "the learning rate", err));
    if (shape_count(&n->in[R]->shape) != 1)
        FAIL(err, STRIA_BAD_SHAPE, "the learning rate is %s, expected a scalar", shape_text(&n->in[R]->shape, text));
    if (n->in[T]->type != STRIA_INT64 || shape_count(&n->in[T]->shape) != 1)
        FAIL(err, STRIA_BAD_SHAPE, "the step is %s of %s, expected one int64", shape_text(&n->in[T]->shape, text),
             dtype_name(n->in[T]->type));
    TRY(rule_floats(n, X, err));
    TRY(rule_same_shape(&n->in[G]->shape, "the gradient", &n->in[X]->shape, "the parameter", err));
    TRY(rule_same_shape(&n->in[V]->shape, "the velocity", &n->in[X]->shape, "the parameter", err));
    TRY(rule_output(n, 0, n->in[X]->type, &n->in[X]->shape, err));
    return rule_output(n, 1, n->in[V]->type, &n->in[V]->shape, err);
}

static op_cost cost(const node *n) {
    return (op_cost){0, size_mul(6, shape_count(&n->in[X]->shape))};
}

static stria_status reference(const ref_call *c, stria_error *err) {
    (void)err;
    const momentum_attributes *a = c->attributes;
    double rate = c->in[R].f[0], alpha = (double)a->alpha, beta = c->in[T].i[0] > 0 ? (double)a->beta : 1;
    bool nesterov = strcmp(a->mode, "nesterov") == 0;
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double x = c->in[X].f[i], g = (double)a->norm_coefficient * x + c->in[G].f[i];
        double v = alpha * c->in[V].f[i] + beta * g;
        c->out[0].f[i] = x - rate * (nesterov ? g + alpha * v : v);
        if (c->out_count > 1 && c->out[1].f) c->out[1].f[i] = v;
    }
    return STRIA_OK;
}

static const op_case cases[] = {
    {"pos:, i64=0, 3x4, 3x4, 3x4", "alpha=0.9 beta=0.5 norm_coefficient=0.01 mode=standard"},
    {"pos:, i64=3, 3x4, 3x4, 3x4", "alpha=0.9 beta=0.5 norm_coefficient=0.01 mode=standard"},
    {"pos:1, i64=3, 257, 257, 257", "alpha=0.9 beta=1 norm_coefficient=0 mode=nesterov"},
    {0}};

const op_def op_Momentum = {
    .name = "Momentum",
    .domain = "ai.onnx.preview.training",
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 2,
    .attribute_bytes = sizeof(momentum_attributes),
    .fields = fields,
    .infer = infer,
    .cost = cost,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, V + 1},
    .text =
        "g = norm_coefficient · x + dx; v' = alpha · v + (beta if t > 0, else 1) · g; x' = x − r · v' (nesterov: g + "
        "alpha · v')",
};
