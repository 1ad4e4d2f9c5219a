/* Optimisers' updates of one tensor. Inputs: the rate, the steps done so far, the parameter, its gradient, the states;
 * outputs: the parameter and the states after the step, and whether the gradient is finite; where it is not, both stay
 * as they are. Momentum and Adagrad are those of ONNX's
 * ai.onnx.preview.training: with beta 1, Momentum is PyTorch's SGD(momentum=alpha, weight_decay=norm_coefficient,
 * dampening=0, nesterov=mode), and Adagrad is PyTorch's Adagrad(lr_decay=decay_factor). AdamUpdate and RMSPropUpdate
 * are PyTorch's Adam, AdamW and RMSprop. */
#include "op/optimizer.h"

#include <math.h>
#include <string.h>

#include "op/rule.h"

enum { R = UPDATE_RATE, T = UPDATE_COUNT, X = UPDATE_PARAMETER, G = UPDATE_GRADIENT, S = UPDATE_STATE };

/* ---- what all have in common ---- */

stria_status optimizer_infer(node *n, stria_error *err) {
    char text[192];
    TRY(rule_float(n, R, "the learning rate", err));
    if (shape_count(&n->in[R]->shape) != 1)
        FAIL(err, STRIA_BAD_SHAPE, "the learning rate is %s, expected a scalar", shape_text(&n->in[R]->shape, text));
    if (n->in[T]->type != STRIA_INT64 || shape_count(&n->in[T]->shape) != 1)
        FAIL(err, STRIA_BAD_SHAPE, "the step is %s of %s, expected one int64", shape_text(&n->in[T]->shape, text),
             dtype_name(n->in[T]->type));
    TRY(rule_floats(n, X, err));
    TRY(rule_same_shape(&n->in[G]->shape, "the gradient", &n->in[X]->shape, "the parameter", err));
    TRY(rule_output(n, 0, n->in[X]->type, &n->in[X]->shape, err));
    for (int i = S; i < n->op->in_max; i++) {
        TRY(rule_same_shape(&n->in[i]->shape, "a state", &n->in[X]->shape, "the parameter", err));
        TRY(rule_output(n, i - S + 1, n->in[i]->type, &n->in[i]->shape, err));
    }
    return rule_output(n, update_finite(n->op), STRIA_BOOL, &(shape){.rank = 0}, err);
}

void optimizer_put(const ref_call *c, int64_t i, double x, double first, double second) {
    const double next[3] = {x, first, second};
    for (int k = 0; k < update_finite(c->node->op); k++)
        ref_put(c, k, i, isfinite(c->in[G].f[i]) ? next[k] : c->in[k ? S + k - 1 : X].f[i]);
}

stria_status optimizer_told(const ref_call *c) {
    int told = update_finite(c->node->op);
    bool finite = true;
    for (int64_t i = 0; i < shape_count(&c->in[G].shape); i++) finite = finite && isfinite(c->in[G].f[i]);
    if (c->out_count > told && c->out[told].i) c->out[told].i[0] = finite;
    return STRIA_OK;
}

#define FIELD(type, member, kind, standard)                                                                            \
    { #member, kind, offsetof(type, member), standard, false }

/* ---- Momentum ---- */

#define REQUIRED(member, kind)                                                                                         \
    { #member, kind, offsetof(momentum_attributes, member), NULL, true }
static const attr_field fields[] = {REQUIRED(alpha, ATTR_FLOAT),
                                    REQUIRED(beta, ATTR_FLOAT),
                                    REQUIRED(norm_coefficient, ATTR_FLOAT),
                                    REQUIRED(mode, ATTR_STRING),
                                    {0}};

static stria_status infer(node *n, stria_error *err) {
    const char *mode = ((const momentum_attributes *)n->attributes)->mode;
    if (!mode || (strcmp(mode, "standard") != 0 && strcmp(mode, "nesterov") != 0))
        FAIL(err, STRIA_BAD_ARGUMENT, "mode is '%s', expected standard or nesterov", mode ? mode : "");
    return optimizer_infer(n, err);
}

static op_cost cost(const node *n) {
    return (op_cost){0, size_mul(6, shape_count(&n->in[X]->shape))};
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const momentum_attributes *a = c->attributes;
    double rate = c->in[R].f[0], alpha = (double)a->alpha, beta = c->in[T].i[0] > 0 ? (double)a->beta : 1;
    bool nesterov = strcmp(a->mode, "nesterov") == 0;
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double x = c->in[X].f[i], g = (double)a->norm_coefficient * x + c->in[G].f[i];
        double v = alpha * c->in[S].f[i] + beta * g;
        optimizer_put(c, i, x - rate * (nesterov ? g + alpha * v : v), v, 0);
    }
    return optimizer_told(c);
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
    .out_max = 3,
    .attribute_bytes = sizeof(momentum_attributes),
    .fields = fields,
    .infer = infer,
    .cost = cost,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1},
    .text =
        "g = norm_coefficient · x + dx; v' = alpha · v + (beta if t > 0, else 1) · g; x' = x − r · v' (nesterov: g + "
        "alpha · v')",
};

/* ---- AdamUpdate ---- */

static const attr_field adam_fields[] = {
    FIELD(adam_attributes, beta1, ATTR_FLOAT, "0.9"),    FIELD(adam_attributes, beta2, ATTR_FLOAT, "0.999"),
    FIELD(adam_attributes, epsilon, ATTR_FLOAT, "1e-8"), FIELD(adam_attributes, weight_decay, ATTR_FLOAT, "0"),
    FIELD(adam_attributes, decoupled, ATTR_INT, "0"),    {0}};

adam_step adam_step_of(const adam_attributes *a, double rate, int64_t done) {
    double t = (double)done + 1, decay = (double)a->weight_decay;
    return (adam_step){.keep = a->decoupled ? 1 - rate * decay : 1,
                       .decay = a->decoupled ? 0 : decay,
                       .rate = rate / (1 - pow((double)a->beta1, t)),
                       .root = 1 / sqrt(1 - pow((double)a->beta2, t))};
}

static op_cost adam_cost(const node *n) {
    return (op_cost){0, size_mul(14, shape_count(&n->in[X]->shape))};
}

static stria_status adam_reference(const ref_call *c, stria_error *err) {
    const adam_attributes *a = c->attributes;
    adam_step s = adam_step_of(a, c->in[R].f[0], c->in[T].i[0]);
    double beta1 = (double)a->beta1, beta2 = (double)a->beta2;
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double x = c->in[X].f[i], g = c->in[G].f[i] + s.decay * x;
        double m = beta1 * c->in[S].f[i] + (1 - beta1) * g, v = beta2 * c->in[S + 1].f[i] + (1 - beta2) * g * g;
        optimizer_put(c, i, s.keep * x - s.rate * m / (sqrt(v) * s.root + (double)a->epsilon), m, v);
    }
    return optimizer_told(c);
}

static const op_case adam_cases[] = {
    {"pos:, i64=0, 3x4, 3x4, 3x4, pos:3x4", ""},
    {"pos:, i64=3, 3x4, 3x4, 3x4, pos:3x4", "beta1=0.5 beta2=0.75 epsilon=0.01 weight_decay=0.125"},
    {"pos:1, i64=999, 257, 257, 257, pos:257", "weight_decay=0.125 decoupled=1"},
    {0}};

const op_def op_AdamUpdate = {
    .name = "AdamUpdate",
    .domain = "stria",
    .in_min = 6,
    .in_max = 6,
    .out_min = 1,
    .out_max = 4,
    .attribute_bytes = sizeof(adam_attributes),
    .fields = adam_fields,
    .infer = optimizer_infer,
    .cost = adam_cost,
    .reference = adam_reference,
    .cases = adam_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1, S + 2},
    .text = "g = dx + λ · x; m' = β1 · m + (1 − β1) · g; v' = β2 · v + (1 − β2) · g²; "
            "x' = x − r / (1 − β1^t) · m' / (√v' / √(1 − β2^t) + ε), t counted from 1; decoupled: g = dx, and x − r · "
            "λ · x "
            "in place of x",
    .note = "ε is outside the corrected root, as in PyTorch; ONNX's Adam has it inside the correction and none at the "
            "first step",
};

/* ---- RMSPropUpdate ---- */

static const attr_field rmsprop_fields[] = {FIELD(rmsprop_attributes, alpha, ATTR_FLOAT, "0.99"),
                                            FIELD(rmsprop_attributes, epsilon, ATTR_FLOAT, "1e-8"),
                                            FIELD(rmsprop_attributes, norm_coefficient, ATTR_FLOAT, "0"),
                                            {0}};

static op_cost square_cost(const node *n) {
    return (op_cost){0, size_mul(9, shape_count(&n->in[X]->shape))};
}

/* h' = keep · h + share · g², x' = x − rate · g / (√h' + epsilon) */
static void square_step(const ref_call *c, double decay, double keep, double share, double rate, double epsilon) {
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double x = c->in[X].f[i], g = c->in[G].f[i] + decay * x, h = keep * c->in[S].f[i] + share * g * g;
        optimizer_put(c, i, x - rate * g / (sqrt(h) + epsilon), h, 0);
    }
}

static stria_status rmsprop_reference(const ref_call *c, stria_error *err) {
    const rmsprop_attributes *a = c->attributes;
    double alpha = (double)a->alpha;
    square_step(c, (double)a->norm_coefficient, alpha, 1 - alpha, c->in[R].f[0], (double)a->epsilon);
    return optimizer_told(c);
}

static const op_case rmsprop_cases[] = {
    {"pos:, i64=0, 3x4, 3x4, pos:3x4", ""},
    {"pos:1, i64=3, 257, 257, pos:257", "alpha=0.5 epsilon=0.01 norm_coefficient=0.125"},
    {0}};

const op_def op_RMSPropUpdate = {
    .name = "RMSPropUpdate",
    .domain = "stria",
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 3,
    .attribute_bytes = sizeof(rmsprop_attributes),
    .fields = rmsprop_fields,
    .infer = optimizer_infer,
    .cost = square_cost,
    .reference = rmsprop_reference,
    .cases = rmsprop_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1},
    .text = "g = norm_coefficient · x + dx; h' = α · h + (1 − α) · g²; x' = x − r · g / (√h' + ε)",
    .note = "ε is outside the root, as in PyTorch; TensorFlow has it inside",
};

/* ---- Adagrad ---- */

static const attr_field adagrad_fields[] = {FIELD(adagrad_attributes, decay_factor, ATTR_FLOAT, "0"),
                                            FIELD(adagrad_attributes, epsilon, ATTR_FLOAT, "1e-6"),
                                            FIELD(adagrad_attributes, norm_coefficient, ATTR_FLOAT, "0"),
                                            {0}};

double adagrad_rate(const adagrad_attributes *a, double rate, int64_t done) {
    return rate / (1 + (double)done * (double)a->decay_factor);
}

static stria_status adagrad_reference(const ref_call *c, stria_error *err) {
    const adagrad_attributes *a = c->attributes;
    double rate = adagrad_rate(a, c->in[R].f[0], c->in[T].i[0]);
    square_step(c, (double)a->norm_coefficient, 1, 1, rate, (double)a->epsilon);
    return optimizer_told(c);
}

static const op_case adagrad_cases[] = {
    {"pos:, i64=0, 3x4, 3x4, pos:3x4", ""},
    {"pos:1, i64=3, 257, 257, pos:257", "decay_factor=0.25 epsilon=0.01 norm_coefficient=0.125"},
    {0}};

const op_def op_Adagrad = {
    .name = "Adagrad",
    .domain = "ai.onnx.preview.training",
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 3,
    .attribute_bytes = sizeof(adagrad_attributes),
    .fields = adagrad_fields,
    .infer = optimizer_infer,
    .cost = square_cost,
    .reference = adagrad_reference,
    .cases = adagrad_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1},
    .text =
        "g = norm_coefficient · x + dx; h' = h + g²; x' = x − r / (1 + t · decay_factor) · g / (√h' + ε), t counted "
        "from 0",
};
