/* Losses of two tensors x and t of one shape: the sum of f(x, t) over the elements, its mean, its mean over the first
 * dimension (batchmean) or none, times `scale`. Each row below is one loss and its derivatives by x and t.
 * Caffe's Euclidean loss is SquaredErrorLoss with reduction=batchmean scale=0.5: 1/(2N)·Σ (x − t)².
 * Products 0 · ∞ and 0 · log 0 are 0 here: a sure and right answer costs nothing. */
#include <math.h>
#include <string.h>

#include "op/loss.h"
#include "op/rule.h"

static const attr_field squared_fields[] = {
    ATTR(pair_attributes, reduction, ATTR_STRING, "mean"), ATTR(pair_attributes, scale, ATTR_FLOAT, "1"), {0}};
static const attr_field huber_fields[] = {ATTR(pair_attributes, reduction, ATTR_STRING, "mean"),
                                          ATTR(pair_attributes, scale, ATTR_FLOAT, "1"),
                                          ATTR(pair_attributes, delta, ATTR_FLOAT, "1"),
                                          ATTR(pair_attributes, smooth, ATTR_INT, "0"),
                                          {0}};
static const attr_field kl_fields[] = {ATTR(pair_attributes, reduction, ATTR_STRING, "batchmean"),
                                       ATTR(pair_attributes, scale, ATTR_FLOAT, "1"),
                                       ATTR(pair_attributes, log_target, ATTR_INT, "0"),
                                       {0}};
static const attr_field gradient_fields[] = {ATTR(pair_attributes, reduction, ATTR_STRING, "mean"),
                                             ATTR(pair_attributes, scale, ATTR_FLOAT, "1"),
                                             ATTR(pair_attributes, delta, ATTR_FLOAT, "1"),
                                             ATTR(pair_attributes, smooth, ATTR_INT, "0"),
                                             ATTR(pair_attributes, log_target, ATTR_INT, "0"),
                                             ATTR(pair_attributes, of, ATTR_INT, "0"),
                                             {0}};

/* ---- the losses ---- */

static double product(double a, double b) {
    return a == 0 || b == 0 ? 0 : a * b;
}

static double squared(double x, double t, double delta) {
    return (x - t) * (x - t);
}
static double squared_dx(double x, double t, double delta) {
    return 2 * (x - t);
}
static double squared_dt(double x, double t, double delta) {
    return -squared_dx(x, t, delta);
}

static double absolute(double x, double t, double delta) {
    return fabs(x - t);
}
static double absolute_dx(double x, double t, double delta) {
    return x > t ? 1 : x < t ? -1 : x == t ? 0 : x - t;
}
static double absolute_dt(double x, double t, double delta) {
    return -absolute_dx(x, t, delta);
}

static double huber(double x, double t, double delta) {
    double a = fabs(x - t);
    return a < delta ? a * a / 2 : delta * (a - delta / 2);
}
static double huber_dx(double x, double t, double delta) {
    double d = x - t;
    return d > delta ? delta : d < -delta ? -delta : d;
}
static double huber_dt(double x, double t, double delta) {
    return -huber_dx(x, t, delta);
}

/* log(1 + e^−|x|) + |x| · (x > 0 ? 1 − t : t), with 0·∞ = 0 and so finite where the answer is right */
static double binary(double x, double t, double delta) {
    return log1p(exp(-fabs(x))) + (x > 0 ? product(x, 1 - t) : product(-x, t));
}
static double binary_dx(double x, double t, double delta) {
    return (x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))) - t;
}
static double binary_dt(double x, double t, double delta) {
    return -x;
}

static double kl(double x, double t, double delta) {
    return product(t, log(t) - x);
}
static double kl_dx(double x, double t, double delta) {
    return -t;
}
static double kl_dt(double x, double t, double delta) {
    return log(t) + 1 - x;
}

static double kl_log(double x, double t, double delta) {
    return product(exp(t), t - x);
}
static double kl_log_dx(double x, double t, double delta) {
    return -exp(t);
}
static double kl_log_dt(double x, double t, double delta) {
    return product(exp(t), t - x + 1);
}

typedef double pair_rule(double x, double t, double delta);
static const struct {
    const op_def *op, *gradient;
    pair_rule *f, *dx, *dt;
} pairs[] = {
    [PAIR_SQUARED] = {&op_SquaredErrorLoss, &op_SquaredErrorLossGradient, squared, squared_dx, squared_dt},
    [PAIR_ABSOLUTE] = {&op_AbsoluteErrorLoss, &op_AbsoluteErrorLossGradient, absolute, absolute_dx, absolute_dt},
    [PAIR_HUBER] = {&op_HuberLoss, &op_HuberLossGradient, huber, huber_dx, huber_dt},
    [PAIR_BINARY] = {&op_BinaryCrossEntropyLoss, &op_BinaryCrossEntropyLossGradient, binary, binary_dx, binary_dt},
    [PAIR_KL] = {&op_KullbackLeiblerLoss, &op_KullbackLeiblerLossGradient, kl, kl_dx, kl_dt},
    [PAIR_KL_LOG] = {NULL, NULL, kl_log, kl_log_dx, kl_log_dt},
};

pair_geometry pair_geometry_of(const node *n) {
    const pair_attributes *a = n->attributes;
    pair_geometry g = {.none = strcmp(a->reduction, "none") == 0, .delta = (double)a->delta};
    const shape *x = &n->in[loss_scores_of(n)]->shape;
    double over = strcmp(a->reduction, "mean") == 0        ? (double)shape_count(x)
                  : strcmp(a->reduction, "batchmean") == 0 ? (double)x->dim[0]
                                                           : 1;
    g.gradient = loss_scores_of(n) == 1;
    while (n->op != pairs[g.kind].op && n->op != pairs[g.kind].gradient) g.kind++;
    if (g.kind == PAIR_KL && a->log_target) g.kind = PAIR_KL_LOG;
    g.factor = (double)a->scale / over / (g.kind == PAIR_HUBER && a->smooth ? g.delta : 1);
    return g;
}

/* ---- rules ---- */

static stria_status check(const node *n, stria_error *err) {
    const pair_attributes *a = n->attributes;
    int first = loss_scores_of(n);
    TRY(rule_floats(n, 0, err));
    TRY(rule_same_shape(&n->in[first]->shape, "the input", &n->in[first + 1]->shape, "the target", err));
    TRY(loss_reduction_check(a->reduction, true, err));
    if (strcmp(a->reduction, "batchmean") == 0 && n->in[first]->shape.rank == 0)
        FAIL(err, STRIA_BAD_SHAPE, "reduction is batchmean, but the input is a scalar");
    if (!isfinite(a->scale)) FAIL(err, STRIA_BAD_ARGUMENT, "scale is %g, expected a finite number", (double)a->scale);
    if ((n->op == &op_HuberLoss || n->op == &op_HuberLossGradient) && !(a->delta > 0 && isfinite(a->delta)))
        FAIL(err, STRIA_BAD_ARGUMENT, "delta is %g, expected a number above 0", (double)a->delta);
    return STRIA_OK;
}

static shape loss_shape(const node *n) {
    return pair_geometry_of(n).none ? n->in[loss_scores_of(n)]->shape : shape_of(0, NULL);
}

static stria_status infer(node *n, stria_error *err) {
    TRY(check(n, err));
    shape loss = loss_shape(n);
    return rule_output(n, 0, n->in[0]->type, &loss, err);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    const pair_attributes *a = n->attributes;
    TRY(check(n, err));
    if (a->of != 0 && a->of != 1) FAIL(err, STRIA_BAD_ARGUMENT, "of is %lld, expected 0 or 1", (long long)a->of);
    shape loss = loss_shape(n);
    TRY(rule_same_shape(&n->in[0]->shape, "dloss", &loss, "the loss", err));
    return rule_like(n, 1, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    pair_attributes a = *(const pair_attributes *)n->attributes;
    const op_def *op = pairs[pair_geometry_of(n).kind == PAIR_KL_LOG ? PAIR_KL : pair_geometry_of(n).kind].gradient;
    for (a.of = 0; a.of < 2; a.of++)
        if (wanted[a.of]) dx[a.of] = build(&b, op, (value *[]){dy[0], n->in[0], n->in[1]}, 3, &a);
    return b.status;
}

static op_cost cost(const node *n) {
    return (op_cost){0, size_mul(3, shape_count(&n->in[loss_scores_of(n)]->shape))};
}

static stria_status reference(const ref_call *c, stria_error *err) {
    pair_geometry g = pair_geometry_of(c->node);
    int64_t count = shape_count(&c->in[0].shape);
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double loss = pairs[g.kind].f(c->in[0].f[i], c->in[1].f[i], g.delta);
        if (g.none) c->out[0].f[i] = g.factor * loss;
        sum += loss;
    }
    if (!g.none) c->out[0].f[0] = count ? g.factor * sum : NAN;
    return STRIA_OK;
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    pair_geometry g = pair_geometry_of(c->node);
    int64_t count = shape_count(&c->in[1].shape);
    bool by_x = ((const pair_attributes *)c->attributes)->of == 0;
    for (int64_t i = 0; i < count; i++)
        c->out[0].f[i] = g.factor * c->in[0].f[g.none ? i : 0] *
                         (by_x ? pairs[g.kind].dx : pairs[g.kind].dt)(c->in[1].f[i], c->in[2].f[i], g.delta);
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {{"4x10, 4x10", ""},
                                {"2x3x5x4, 2x3x5x4", "reduction=batchmean scale=0.5"},
                                {"7x3, 7x3", "reduction=none"},
                                {"65x33, 65x33", "reduction=sum"},
                                {":, :", ""},
                                {0}};
static const op_case huber_cases[] = {{"-3..3:4x10, 4x10", ""},
                                      {"4x17, 4x17", "delta=0.25 smooth=1"},
                                      {"-3..3:7x3, 7x3", "reduction=none delta=0.5"},
                                      {0}};
static const op_case binary_cases[] = {{"-9..9:4x10, 0..1:4x10", ""},
                                       {"4x17, 0..1:4x17", "reduction=none"},
                                       {"-10000..10000:4x17, 0..1:4x17", "reduction=sum"},
                                       {0}};
static const op_case kl_cases[] = {{"4x10, pos:4x10", ""},
                                   {"4x17, 4x17", "log_target=1 reduction=mean"},
                                   {"-4..-1:4x17, pos:4x17", "reduction=none scale=2"},
                                   {0}};
static const op_case gradient_cases[] = {{":, 4x10, pos:4x10", ""},
                                         {":, 2x3x5x4, pos:2x3x5x4", "reduction=batchmean of=1"},
                                         {"7x3, 7x3, pos:7x3", "reduction=none"},
                                         {":, 65x33, pos:65x33", "reduction=sum of=1"},
                                         {":, -10..10:4x17, 4x17", "log_target=1 delta=2 smooth=1"},
                                         {":, -10..10:4x17, 4x17", "log_target=1 delta=2 of=1"},
                                         {0}};

#define LOSS(op_name, op_fields, op_cases, words)                                                                      \
    const op_def op_##op_name = {                                                                                      \
        .name = #op_name,                                                                                              \
        .domain = "stria",                                                                                             \
        .in_min = 2,                                                                                                   \
        .in_max = 2,                                                                                                   \
        .out_min = 1,                                                                                                  \
        .out_max = 1,                                                                                                  \
        .attribute_bytes = sizeof(pair_attributes),                                                                    \
        .fields = op_fields,                                                                                           \
        .infer = infer,                                                                                                \
        .gradient = gradient,                                                                                          \
        .cost = cost,                                                                                                  \
        .reference = reference,                                                                                        \
        .cases = op_cases,                                                                                             \
        .layouts = LAYOUT_PLAIN,                                                                                       \
        .text = "loss = scale · mean, batchmean, sum or none of " words,                                               \
    };                                                                                                                 \
    const op_def op_##op_name##Gradient = {                                                                            \
        .name = #op_name "Gradient",                                                                                   \
        .domain = "stria",                                                                                             \
        .in_min = 3,                                                                                                   \
        .in_max = 3,                                                                                                   \
        .out_min = 1,                                                                                                  \
        .out_max = 1,                                                                                                  \
        .attribute_bytes = sizeof(pair_attributes),                                                                    \
        .fields = gradient_fields,                                                                                     \
        .infer = infer_gradient,                                                                                       \
        .cost = cost,                                                                                                  \
        .reference = reference_gradient,                                                                               \
        .cases = gradient_cases,                                                                                       \
        .layouts = LAYOUT_PLAIN,                                                                                       \
        .text = "dloss times the derivative by x (of=0) or t (of=1) of " words,                                        \
    }

LOSS(SquaredErrorLoss, squared_fields, cases, "(x − t)²");
LOSS(AbsoluteErrorLoss, squared_fields, cases, "|x − t|");
LOSS(HuberLoss, huber_fields, huber_cases,
     "½(x − t)² where |x − t| < delta, delta·(|x − t| − ½delta) elsewhere; over delta if smooth=1 (smooth L1)");
LOSS(BinaryCrossEntropyLoss, squared_fields, binary_cases,
     "−t·log σ(x) − (1 − t)·log(1 − σ(x)), from logits: max(x, 0) − x·t + log(1 + e^−|x|)");
LOSS(KullbackLeiblerLoss, kl_fields, kl_cases,
     "t·(log t − x), x log-probabilities, t probabilities (their logarithms if log_target=1)");
