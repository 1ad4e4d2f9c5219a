/* More optimisers' updates of one tensor, element by element, in the form of optimizer.c: SGD as Keras has it, Adadelta
 * and NAdam as PyTorch, Lion and Ftrl as their papers and Keras. */
#include "op/optimizer.h"

#include <math.h>

#include "op/rule.h"

enum { R = UPDATE_RATE, T = UPDATE_COUNT, X = UPDATE_PARAMETER, G = UPDATE_GRADIENT, S = UPDATE_STATE };

#define FIELD(type, member, kind, standard)                                                                            \
    { #member, kind, offsetof(type, member), standard, false }

/* ---- VelocityUpdate ---- */

static const attr_field velocity_fields[] = {FIELD(velocity_attributes, alpha, ATTR_FLOAT, "0"),
                                             FIELD(velocity_attributes, weight_decay, ATTR_FLOAT, "0"),
                                             FIELD(velocity_attributes, nesterov, ATTR_INT, "0"),
                                             {0}};

static op_cost velocity_cost(const node *n) {
    return (op_cost){0, size_mul(5, shape_count(&n->in[X]->shape))};
}

static stria_status velocity_reference(const ref_call *c, stria_error *err) {
    const velocity_attributes *a = c->attributes;
    double rate = c->in[R].f[0], alpha = (double)a->alpha, keep = 1 - rate * (double)a->weight_decay;
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double g = c->in[G].f[i], v = alpha * c->in[S].f[i] - rate * g;
        optimizer_put(c, i, keep * c->in[X].f[i] + (a->nesterov ? alpha * v - rate * g : v), v, 0);
    }
    return optimizer_told(c);
}

static const op_case velocity_cases[] = {{"pos:, i64=0, 3x4, 3x4, 3x4", "alpha=0.875"},
                                         {"pos:1, i64=3, 257, 257, 257", "alpha=0.875 weight_decay=0.125 nesterov=1"},
                                         {0}};

const op_def op_VelocityUpdate = {
    .name = "VelocityUpdate",
    .domain = "stria",
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 3,
    .attribute_bytes = sizeof(velocity_attributes),
    .fields = velocity_fields,
    .infer = optimizer_infer,
    .cost = velocity_cost,
    .reference = velocity_reference,
    .cases = velocity_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1},
    .text = "v' = alpha · v − r · dx; x' = x − r · λ · x + v' (nesterov: + alpha · v' − r · dx)",
    .note = "the rate is part of the velocity, as in Keras: a change of rate acts in the steps to come; Momentum has "
            "PyTorch's",
};

/* ---- AdadeltaUpdate ---- */

static const attr_field adadelta_fields[] = {FIELD(adadelta_attributes, rho, ATTR_FLOAT, "0.9"),
                                             FIELD(adadelta_attributes, epsilon, ATTR_FLOAT, "1e-6"),
                                             FIELD(adadelta_attributes, norm_coefficient, ATTR_FLOAT, "0"),
                                             {0}};

static op_cost adadelta_cost(const node *n) {
    return (op_cost){0, size_mul(12, shape_count(&n->in[X]->shape))};
}

static stria_status adadelta_reference(const ref_call *c, stria_error *err) {
    const adadelta_attributes *a = c->attributes;
    double rate = c->in[R].f[0], rho = (double)a->rho, epsilon = (double)a->epsilon;
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double x = c->in[X].f[i], g = c->in[G].f[i] + (double)a->norm_coefficient * x;
        double h = rho * c->in[S].f[i] + (1 - rho) * g * g, old = c->in[S + 1].f[i];
        double move = sqrt(old + epsilon) / sqrt(h + epsilon) * g;
        optimizer_put(c, i, x - rate * move, h, rho * old + (1 - rho) * move * move);
    }
    return optimizer_told(c);
}

static const op_case adadelta_cases[] = {
    {"pos:, i64=0, 3x4, 3x4, pos:3x4, pos:3x4", "epsilon=0.01"},
    {"pos:1, i64=3, 257, 257, pos:257, pos:257", "rho=0.5 epsilon=0.01 norm_coefficient=0.125"},
    {0}};

const op_def op_AdadeltaUpdate = {
    .name = "AdadeltaUpdate",
    .domain = "stria",
    .in_min = 6,
    .in_max = 6,
    .out_min = 1,
    .out_max = 4,
    .attribute_bytes = sizeof(adadelta_attributes),
    .fields = adadelta_fields,
    .infer = optimizer_infer,
    .cost = adadelta_cost,
    .reference = adadelta_reference,
    .cases = adadelta_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1, S + 2},
    .text = "g = norm_coefficient · x + dx; h' = ρ · h + (1 − ρ) · g²; d = √(s + ε) / √(h' + ε) · g; s' = ρ · s + (1 − "
            "ρ) · d²; "
            "x' = x − r · d",
    .note = "states: h, then s; PyTorch's, which is the paper's (Zeiler, 2012) with r = 1",
};

/* ---- NAdamUpdate ---- */

static const attr_field nadam_fields[] = {FIELD(nadam_attributes, beta1, ATTR_FLOAT, "0.9"),
                                          FIELD(nadam_attributes, beta2, ATTR_FLOAT, "0.999"),
                                          FIELD(nadam_attributes, epsilon, ATTR_FLOAT, "1e-8"),
                                          FIELD(nadam_attributes, momentum_decay, ATTR_FLOAT, "0.004"),
                                          FIELD(nadam_attributes, weight_decay, ATTR_FLOAT, "0"),
                                          {0}};

/* μ_t = β1 · (1 − 0.96^(t·ψ) / 2); the product of all so far, which soon is 0 beside 1. */
nadam_step nadam_step_of(const nadam_attributes *a, double rate, int64_t done) {
    double beta = (double)a->beta1, decay = pow(0.96, (double)a->momentum_decay), power = 1, product = 1;
    int64_t steps = 0;
    for (; steps <= done && product > 1e-20 && power > 1e-17; steps++) {
        power *= decay;
        product *= beta * (1 - 0.5 * power);
    }
    if (steps <= done && power <= 1e-17) product *= pow(beta, (double)(done + 1 - steps)); /* the rest are all beta */
    double t = (double)done + 1, mu = beta * (1 - 0.5 * pow(0.96, t * (double)a->momentum_decay));
    double next = beta * (1 - 0.5 * pow(0.96, (t + 1) * (double)a->momentum_decay));
    return (nadam_step){.gradient = rate * (1 - mu) / (1 - product),
                        .mean = rate * next / (1 - product * next),
                        .root = 1 / sqrt(1 - pow((double)a->beta2, t))};
}

static op_cost nadam_cost(const node *n) {
    return (op_cost){0, size_mul(16, shape_count(&n->in[X]->shape))};
}

static stria_status nadam_reference(const ref_call *c, stria_error *err) {
    const nadam_attributes *a = c->attributes;
    nadam_step s = nadam_step_of(a, c->in[R].f[0], c->in[T].i[0]);
    double beta1 = (double)a->beta1, beta2 = (double)a->beta2;
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double x = c->in[X].f[i], g = c->in[G].f[i] + (double)a->weight_decay * x;
        double m = beta1 * c->in[S].f[i] + (1 - beta1) * g, v = beta2 * c->in[S + 1].f[i] + (1 - beta2) * g * g;
        optimizer_put(c, i, x - (s.gradient * g + s.mean * m) / (sqrt(v) * s.root + (double)a->epsilon), m, v);
    }
    return optimizer_told(c);
}

static const op_case nadam_cases[] = {
    {"pos:, i64=0, 3x4, 3x4, 3x4, pos:3x4", ""},
    {"pos:1, i64=7, 257, 257, 257, pos:257", "beta1=0.5 beta2=0.75 epsilon=0.01 momentum_decay=0.5 weight_decay=0.125"},
    {0}};

const op_def op_NAdamUpdate = {
    .name = "NAdamUpdate",
    .domain = "stria",
    .in_min = 6,
    .in_max = 6,
    .out_min = 1,
    .out_max = 4,
    .attribute_bytes = sizeof(nadam_attributes),
    .fields = nadam_fields,
    .infer = optimizer_infer,
    .cost = nadam_cost,
    .reference = nadam_reference,
    .cases = nadam_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1, S + 2},
    .text = "g = dx + λ · x; m' = β1 · m + (1 − β1) · g; v' = β2 · v + (1 − β2) · g²; μ_t = β1 · (1 − 0.96^(t·ψ)/2); "
            "x' = x − r · ((1 − μ_t) / (1 − Πμ) · g + μ_{t+1} / (1 − μ_{t+1} · Πμ) · m') / (√v' / √(1 − β2^t) + ε), Πμ "
            "= μ_1 ⋯ μ_t",
    .note = "ψ is momentum_decay, t counts from 1; PyTorch's (Dozat, 2016). Keras' has another product",
};

/* ---- LionUpdate ---- */

static const attr_field lion_fields[] = {FIELD(lion_attributes, beta1, ATTR_FLOAT, "0.9"),
                                         FIELD(lion_attributes, beta2, ATTR_FLOAT, "0.99"),
                                         FIELD(lion_attributes, weight_decay, ATTR_FLOAT, "0"),
                                         {0}};

static op_cost lion_cost(const node *n) {
    return (op_cost){0, size_mul(8, shape_count(&n->in[X]->shape))};
}

static stria_status lion_reference(const ref_call *c, stria_error *err) {
    const lion_attributes *a = c->attributes;
    double rate = c->in[R].f[0], beta1 = (double)a->beta1, beta2 = (double)a->beta2;
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double g = c->in[G].f[i], m = c->in[S].f[i], move = beta1 * m + (1 - beta1) * g;
        double sign = (move > 0) - (move < 0);
        optimizer_put(c, i, (1 - rate * (double)a->weight_decay) * c->in[X].f[i] - rate * sign,
                      beta2 * m + (1 - beta2) * g, 0);
    }
    return optimizer_told(c);
}

static const op_case lion_cases[] = {{"pos:, i64=0, 3x4, 3x4, 3x4", ""},
                                     {"pos:1, i64=3, 257, 257, 257", "beta1=0.5 beta2=0.75 weight_decay=0.125"},
                                     {0}};

const op_def op_LionUpdate = {
    .name = "LionUpdate",
    .domain = "stria",
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 3,
    .attribute_bytes = sizeof(lion_attributes),
    .fields = lion_fields,
    .infer = optimizer_infer,
    .cost = lion_cost,
    .reference = lion_reference,
    .cases = lion_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1},
    .text = "x' = x − r · (sign(β1 · m + (1 − β1) · dx) + λ · x); m' = β2 · m + (1 − β2) · dx",
    .note = "Chen et al., 2023, and Keras",
};

/* ---- FtrlUpdate ---- */

static const attr_field ftrl_fields[] = {FIELD(ftrl_attributes, l1, ATTR_FLOAT, "0"),
                                         FIELD(ftrl_attributes, l2, ATTR_FLOAT, "0"),
                                         FIELD(ftrl_attributes, beta, ATTR_FLOAT, "0"),
                                         FIELD(ftrl_attributes, norm_coefficient, ATTR_FLOAT, "0"),
                                         {0}};

static op_cost ftrl_cost(const node *n) {
    return (op_cost){0, size_mul(14, shape_count(&n->in[X]->shape))};
}

static stria_status ftrl_reference(const ref_call *c, stria_error *err) {
    const ftrl_attributes *a = c->attributes;
    double rate = c->in[R].f[0], l1 = (double)a->l1;
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        double x = c->in[X].f[i], g = c->in[G].f[i] + (double)a->norm_coefficient * x;
        double old = c->in[S].f[i], h = old + g * g;
        double z = c->in[S + 1].f[i] + g - (sqrt(h) - sqrt(old)) / rate * x;
        double slope = (sqrt(h) + (double)a->beta) / rate + 2 * (double)a->l2;
        if (rate == 0) optimizer_put(c, i, c->in[X].f[i], old, c->in[S + 1].f[i]);
        else optimizer_put(c, i, slope > 0 ? (fmin(fmax(z, -l1), l1) - z) / slope : c->in[X].f[i], h, z);
    }
    return optimizer_told(c);
}

static const op_case ftrl_cases[] = {
    {"pos:, i64=0, 3x4, 3x4, pos:3x4, 3x4", ""},
    {"pos:1, i64=3, 257, 257, pos:257, 257", "l1=0.5 l2=0.25 beta=1 norm_coefficient=0.125"},
    {"f=0.1:, i64=0, f=3,3:2, f=0,0:2, f=0,0.5:2, f=0,0:2", ""},   /* no gradient yet: nothing to divide by */
    {"f=0:, i64=2, f=3,3:2, f=1,0:2, f=0.1,0.5:2, f=0.5,0:2", ""}, /* a rate of 0 changes nothing */
    {0}};

const op_def op_FtrlUpdate = {
    .name = "FtrlUpdate",
    .domain = "stria",
    .in_min = 6,
    .in_max = 6,
    .out_min = 1,
    .out_max = 4,
    .attribute_bytes = sizeof(ftrl_attributes),
    .fields = ftrl_fields,
    .infer = optimizer_infer,
    .cost = ftrl_cost,
    .reference = ftrl_reference,
    .cases = ftrl_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1, S + 2},
    .text =
        "g = dx + norm_coefficient · x; h' = h + g²; z' = z + g − (√h' − √h) / r · x; x' = (clip(z', −l1, l1) − z') / "
        "((√h' + beta) / r + 2 · l2); x stays where the divisor is 0, and all stays where r is",
    .note = "states: h, then z; FTRL-Proximal (McMahan et al., KDD 2013) and Keras, whose h begins as 0.1",
};
