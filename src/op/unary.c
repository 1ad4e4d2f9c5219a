/* Elementwise functions of one tensor and their gradients, from the table in unary_rows.h. */
#include "op/unary.h"

#include <math.h>
#include <string.h>

#include "op/rule.h"

static double sigmoid(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double softplus(double x) {
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

bool unary_gelu_by_tanh(const unary_attributes *a) {
    return strcmp(a->approximate, "tanh") == 0;
}
static double gelu_gate(double x, const unary_attributes *a) {
    return unary_gelu_by_tanh(a) ? tanh(0.79788456080286536 * (x + 0.044715 * x * x * x))
                                 : erf(x * 0.70710678118654752);
}
static double gelu(double x, const unary_attributes *a) {
    return 0.5 * x * (1 + gelu_gate(x, a));
}
/* d/dx √(2/π) · (x + 0.044715 x³) = √(2/π) · (1 + 0.134145 x²) */
static double gelu_slope(double x, const unary_attributes *a) {
    double t = gelu_gate(x, a), steep = 0.79788456080286536 * exp(-0.5 * x * x);
    if (unary_gelu_by_tanh(a)) steep = (1 - t * t) * 0.79788456080286536 * (1 + 0.134145 * x * x);
    return 0.5 * (1 + t) + 0.5 * x * steep;
}

static const attr_field alpha_001[] = {ATTR(unary_attributes, alpha, ATTR_FLOAT, "0.01"), {0}};
static const attr_field alpha_1[] = {ATTR(unary_attributes, alpha, ATTR_FLOAT, "1"), {0}};
static const attr_field hard_fields[] = {
    ATTR(unary_attributes, alpha, ATTR_FLOAT, "0.2"), ATTR(unary_attributes, beta, ATTR_FLOAT, "0.5"), {0}};
static const attr_field gelu_fields[] = {ATTR(unary_attributes, approximate, ATTR_STRING, "none"), {0}};
static const attr_field shrink_fields[] = {{"lambd", ATTR_FLOAT, offsetof(unary_attributes, alpha), "0.5", false},
                                           {"bias", ATTR_FLOAT, offsetof(unary_attributes, beta), "0", false},
                                           {0}};
static const attr_field clamp_fields[] = {{"min", ATTR_FLOAT, offsetof(unary_attributes, alpha), "0", false},
                                          {"max", ATTR_FLOAT, offsetof(unary_attributes, beta), "6", false},
                                          {0}};
static const attr_field selu_fields[] = {
    ATTR(unary_attributes, alpha, ATTR_FLOAT, "1.67326319217681884765625"),
    {"gamma", ATTR_FLOAT, offsetof(unary_attributes, beta), "1.05070102214813232421875", false},
    {0}};

/* ---- the rows as functions ---- */

#define UNARY(name, fields, f, df, reads, cases, formula)                                                              \
    static double f_##name(double x, const unary_attributes *a) {                                                      \
        (void)a;                                                                                                       \
        return f;                                                                                                      \
    }                                                                                                                  \
    static double df_##name(double x, double y, const unary_attributes *a) {                                           \
        (void)x, (void)y, (void)a;                                                                                     \
        return df;                                                                                                     \
    }
#define UNARY_FLAT(name, f, formula)                                                                                   \
    static double f_##name(double x, const unary_attributes *a) {                                                      \
        (void)a;                                                                                                       \
        return f;                                                                                                      \
    }
#include "op/unary_rows.h"
#undef UNARY
#undef UNARY_FLAT

typedef enum slope_reads { X, Y } slope_reads;

typedef struct unary_row {
    const op_def *op, *gradient;
    double (*f)(double x, const unary_attributes *a);
    double (*df)(double x, double y, const unary_attributes *a); /* NULL: there is none */
    slope_reads reads;
} unary_row;

static const unary_row rows[] = {
#define UNARY(name, fields, f, df, reads, cases, formula)                                                              \
    {&op_##name, &op_##name##Gradient, f_##name, df_##name, reads},
#define UNARY_FLAT(name, f, formula) {&op_##name, NULL, f_##name, NULL, X},
#include "op/unary_rows.h"
#undef UNARY
#undef UNARY_FLAT
};

static const unary_row *row_of(const op_def *op) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].op == op || rows[i].gradient == op) return &rows[i];
    return NULL;
}

bool unary_slope_reads_output(const op_def *op) {
    const unary_row *r = row_of(op);
    return r && r->reads == Y;
}

/* ---- rules ---- */

/* ONNX lets these work on integers. */
static bool takes_integers(const op_def *op) {
    return op == &op_Relu || op == &op_Neg || op == &op_Abs || op == &op_Sign || op == &op_Shrink;
}

static stria_status check_attributes(const node *n, stria_error *err) {
    const char *way = ((const unary_attributes *)n->attributes)->approximate;
    if ((n->op == &op_Gelu || n->op == &op_GeluGradient) && strcmp(way, "none") != 0 && strcmp(way, "tanh") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "approximate '%.40s' is neither none nor tanh", way);
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    if (!takes_integers(n->op) || n->in[0]->type == STRIA_BOOL) TRY(rule_float(n, 0, "input", err));
    TRY(check_attributes(n, err));
    return rule_like(n, 0, err);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    TRY(rule_floats(n, 0, err));
    TRY(check_attributes(n, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[1]->shape, unary_slope_reads_output(n->op) ? "y" : "x", err));
    return rule_like(n, 0, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const unary_row *r = row_of(n->op);
    if (wanted[0] && r->gradient)
        dx[0] = build2(&b, r->gradient, dy[0], r->reads == Y ? n->out[0] : n->in[0], n->attributes);
    return b.status;
}

static op_cost cost(const node *n) {
    return (op_cost){0, shape_count(&n->out[0]->shape)};
}

static int64_t integer_function(const unary_row *r, dtype type, int64_t x, const unary_attributes *a) {
    const op_def *op = r->op;
    bool negative = integer_less(type, x, 0);
    if (op == &op_Shrink) return integer_of(type, r->f(integer_value(type, x), a));
    if (op == &op_Sign) return negative ? -1 : x != 0;
    if (op == &op_Relu) return negative ? 0 : x;
    return op == &op_Neg || negative ? (int64_t)(0 - (uint64_t)x) : x;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const unary_row *r = row_of(c->node->op);
    const ref_tensor *x = &c->in[0], *y = &c->out[0];
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++)
        if (y->f) y->f[i] = r->f(x->f[i], c->attributes);
        else y->i[i] = integer_wrap(y->type, integer_function(r, y->type, x->i[i], c->attributes));
    return STRIA_OK;
}

/* dx = dy · f'(x or y) */
static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    const unary_row *r = row_of(c->node->op);
    const double *dy = c->in[0].f, *saved = c->in[1].f;
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++) c->out[0].f[i] = dy[i] * r->df(saved[i], saved[i], c->attributes);
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

#define UNARY(name, fields, f, df, reads, cases, formula) static const op_case cases_##name[] = {cases, {0}};
#define UNARY_FLAT(name, f, formula)                      static const op_case cases_##name[] = {CASES(""), {0}};
#define CASES(attributes)                                                                                              \
    {"3x4x5", attributes}, {"2x3x4x5", attributes}, {                                                                  \
        "257", attributes                                                                                              \
    }
#define RANGE(range)                                                                                                   \
    {range ":3x4x5", ""}, {                                                                                            \
        range ":257", ""                                                                                               \
    }
#define CASES2(one, other) CASES(one), CASES(other)
#include "op/unary_rows.h"
#undef UNARY
#undef UNARY_FLAT
#undef CASES
#undef RANGE

/* The same of dy and what f' reads. */
#define UNARY(name, fields, f, df, reads, cases, formula) static const op_case gradient_cases_##name[] = {cases, {0}};
#define UNARY_FLAT(name, f, formula)
#define CASES(attributes)                                                                                              \
    {"3x4x5, 3x4x5", attributes}, {"2x3x4x5, 2x3x4x5", attributes}, {                                                  \
        "257, 257", attributes                                                                                         \
    }
#define RANGE(range)                                                                                                   \
    {"3x4x5, " range ":3x4x5", ""}, {                                                                                  \
        "257, " range ":257", ""                                                                                       \
    }
#include "op/unary_rows.h"
#undef UNARY
#undef UNARY_FLAT

/* The operator, and its gradient where it is not zero. */
#define FORWARD(op_domain, op_name, table, formula)                                                                    \
    const op_def op_##op_name = {                                                                                      \
        .name = #op_name,                                                                                              \
        .domain = op_domain,                                                                                           \
        .in_min = 1,                                                                                                   \
        .in_max = 1,                                                                                                   \
        .out_min = 1,                                                                                                  \
        .out_max = 1,                                                                                                  \
        .attribute_bytes = sizeof(unary_attributes),                                                                   \
        .fields = table,                                                                                               \
        .infer = infer,                                                                                                \
        .gradient = gradient,                                                                                          \
        .cost = cost,                                                                                                  \
        .reference = reference,                                                                                        \
        .cases = cases_##op_name,                                                                                      \
        .layouts = LAYOUT_SAME,                                                                                        \
        .in_place = 1 << 0,                                                                                            \
        .text = formula,                                                                                               \
    };
#define BACKWARD(op_name, table, reads, formula)                                                                       \
    const op_def op_##op_name##Gradient = {                                                                            \
        .name = #op_name "Gradient",                                                                                   \
        .domain = "stria",                                                                                             \
        .in_min = 2,                                                                                                   \
        .in_max = 2,                                                                                                   \
        .out_min = 1,                                                                                                  \
        .out_max = 1,                                                                                                  \
        .attribute_bytes = sizeof(unary_attributes),                                                                   \
        .fields = table,                                                                                               \
        .infer = infer_gradient,                                                                                       \
        .cost = cost,                                                                                                  \
        .reference = reference_gradient,                                                                               \
        .cases = gradient_cases_##op_name,                                                                             \
        .layouts = LAYOUT_SAME,                                                                                        \
        .in_place = 1 << 0 | 1 << 1,                                                                                   \
        .text = "dx = dy · f'(" reads_##reads ") of " formula,                                                         \
    };
#define reads_X "x"
#define reads_Y "y"
#define UNARY(op_name, table, f, df, reads, tests, formula)                                                            \
    FORWARD("", op_name, table, formula) BACKWARD(op_name, table, reads, formula)
#define UNARY_OURS(op_name, table, f, df, reads, tests, formula)                                                       \
    FORWARD("stria", op_name, table, formula) BACKWARD(op_name, table, reads, formula)
#define UNARY_FLAT(op_name, f, formula) FORWARD("", op_name, no_fields, formula)
#include "op/unary_rows.h"
