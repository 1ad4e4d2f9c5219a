/* Softmax cross-entropy from scores (logits), numerically stable:
 *   log p[b, c] = s[b, c] − max s[b] − log Σ exp(s[b] − max s[b]),   ℓ[b] = −w[label] · log p[b, label],
 * reduced by none, Σ ℓ, or the weighted mean Σ ℓ / Σ w[label]. Positions whose label is ignore_index count nothing. */
#include "op/loss.h"

#include <math.h>
#include <string.h>

#include "op/rule.h"
#include "op/shape.h"

static const attr_field fields[] = {ATTR(loss_attributes, ignore_index, ATTR_INT, "-9223372036854775808"),
                                    ATTR(loss_attributes, reduction, ATTR_STRING, "mean"),
                                    {0}};

/* ---- shapes ---- */

static int scores_of(const node *n) {
    return n->op == &op_SoftmaxCrossEntropyLoss ? 0 : 1;
}

static stria_status check_labels(const value *scores, const value *labels, stria_error *err) {
    char ts[192], tl[192];
    const shape *s = &scores->shape;
    if (labels->type != STRIA_INT64 && labels->type != STRIA_INT32)
        FAIL(err, STRIA_BAD_SHAPE, "labels are %s, expected int32 or int64", dtype_name(labels->type));
    if (s->rank < 2) FAIL(err, STRIA_BAD_SHAPE, "scores are %s, expected [batch, classes]", shape_text(s, ts));
    shape expected = shape_of(s->rank - 1, s->dim);
    for (int d = 1; d < expected.rank; d++) expected.dim[d] = s->dim[d + 1];
    if (!shape_equal(&expected, &labels->shape))
        FAIL(err, STRIA_BAD_SHAPE, "labels are %s, but scores are %s", shape_text(&labels->shape, tl),
             shape_text(s, ts));
    return STRIA_OK;
}

static stria_status check_inputs(const node *n, stria_error *err) {
    int first = scores_of(n);
    const value *scores = n->in[first], *weights = n->in_count > first + 2 ? n->in[first + 2] : NULL;
    const char *reduction = ((const loss_attributes *)n->attributes)->reduction;
    TRY(rule_float(n, first, "scores", err));
    TRY(check_labels(scores, n->in[first + 1], err));
    if (weights) {
        char text[192];
        TRY(rule_same_type(n, first, first + 2, err));
        if (weights->shape.rank != 1 || weights->shape.dim[0] != scores->shape.dim[1])
            FAIL(err, STRIA_BAD_SHAPE, "class weights are %s, but there are %lld classes",
                 shape_text(&weights->shape, text), (long long)scores->shape.dim[1]);
    }
    if (strcmp(reduction, "none") != 0 && strcmp(reduction, "mean") != 0 && strcmp(reduction, "sum") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "reduction is '%s', expected none, mean or sum", reduction);
    return STRIA_OK;
}

loss_geometry loss_geometry_of(const node *n) {
    const shape *s = &n->in[scores_of(n)]->shape;
    const char *reduction = ((const loss_attributes *)n->attributes)->reduction;
    return (loss_geometry){s->dim[0], s->dim[1], shape_span(s, 2, s->rank), strcmp(reduction, "mean") == 0,
                           strcmp(reduction, "none") == 0};
}

static shape loss_shape(const node *n) {
    return loss_geometry_of(n).none ? n->in[scores_of(n) + 1]->shape : shape_of(0, NULL);
}

static stria_status infer(node *n, stria_error *err) {
    TRY(check_inputs(n, err));
    shape loss = loss_shape(n);
    TRY(rule_output(n, 0, n->in[0]->type, &loss, err));
    return rule_output(n, 1, n->in[0]->type, &n->in[0]->shape, err);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    TRY(rule_same_type(n, 0, 1, err));
    TRY(check_inputs(n, err));
    shape loss = loss_shape(n);
    TRY(rule_same_shape(&n->in[0]->shape, "dloss", &loss, "the loss", err));
    return rule_output(n, 0, n->in[1]->type, &n->in[1]->shape, err);
}

/* ---- gradient ---- */

/* What output 1, log softmax along the classes, adds to the scores' gradient. */
static value *log_prob_part(builder *b, const node *n, value *dlog_prob) {
    if (!dlog_prob) return NULL;
    return build2(b, &op_LogSoftmaxGradient, dlog_prob, n->out[1], &(axis_attributes){1});
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (!wanted[0]) return STRIA_OK;
    if (dy[0]) {
        value *in[4] = {dy[0], n->in[0], n->in[1], n->in_count > 2 ? n->in[2] : NULL};
        dx[0] = build(&b, &op_SoftmaxCrossEntropyLossGradient, in, n->in_count + 1, n->attributes);
    }
    value *more = log_prob_part(&b, n, n->out_count > 1 ? dy[1] : NULL);
    if (more) dx[0] = dx[0] ? build2(&b, &op_Add, dx[0], more, NULL) : more;
    return b.status;
}

static op_cost cost(const node *n) {
    return (op_cost){0, size_mul(4, shape_count(&n->in[scores_of(n)]->shape))};
}

/* ---- reference ---- */

/* max + log Σ exp(s − max) over the classes of one position. */
static double log_sum(const double *s, const loss_geometry *g) {
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < g->classes; c++) most = s[c * g->inner] > most ? s[c * g->inner] : most;
    if (isinf(most)) most = 0; /* keeps ∞ − ∞ out; the sum says what is the matter */
    for (int64_t c = 0; c < g->classes; c++) sum += exp(s[c * g->inner] - most);
    return most + log(sum);
}

/* The weight of position i: 0 if it is ignored. */
static stria_status weight_at(const ref_call *c, int first, const loss_geometry *g, int64_t i, double *w,
                              stria_error *err) {
    int64_t label = c->in[first + 1].i[i];
    *w = 0;
    if (label == ((const loss_attributes *)c->attributes)->ignore_index && label != NO_IGNORE_INDEX) return STRIA_OK;
    if (label < 0 || label >= g->classes)
        FAIL(err, STRIA_BAD_ARGUMENT, "label %lld at position %lld is outside the %lld classes", (long long)label,
             (long long)i, (long long)g->classes);
    const double *weights = c->in_count > first + 2 ? c->in[first + 2].f : NULL;
    *w = weights ? weights[label] : 1;
    return STRIA_OK;
}

/* Where the scores of position i begin. */
static int64_t position(const loss_geometry *g, int64_t i) {
    return i / g->inner * g->classes * g->inner + i % g->inner;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    loss_geometry g = loss_geometry_of(c->node);
    double total = 0, weights = 0;
    double *log_prob = c->out_count > 1 ? c->out[1].f : NULL;
    for (int64_t i = 0; i < g.batch * g.inner; i++) {
        double w;
        TRY(weight_at(c, 0, &g, i, &w, err));
        const double *s = c->in[0].f + position(&g, i);
        double norm = log_sum(s, &g);
        double loss = w == 0 ? 0 : -w * (s[c->in[1].i[i] * g.inner] - norm);
        if (g.none) c->out[0].f[i] = loss;
        total += loss;
        weights += w;
        for (int64_t k = 0; log_prob && k < g.classes; k++)
            log_prob[position(&g, i) + k * g.inner] = s[k * g.inner] - norm;
    }
    if (!g.none) c->out[0].f[0] = g.mean ? total / weights : total;
    return STRIA_OK;
}

/* ds[b, c] = dℓ · w[label] · (p[b, c] − [c = label]), over Σ w for the mean */
static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    loss_geometry g = loss_geometry_of(c->node);
    double weights = 0, w;
    for (int64_t i = 0; i < g.batch * g.inner; i++) {
        TRY(weight_at(c, 1, &g, i, &w, err));
        weights += w;
    }
    for (int64_t i = 0; i < g.batch * g.inner; i++) {
        TRY(weight_at(c, 1, &g, i, &w, err));
        const double *s = c->in[1].f + position(&g, i);
        double norm = log_sum(s, &g), scale = w * c->in[0].f[g.none ? i : 0] / (g.mean ? weights : 1);
        for (int64_t k = 0; k < g.classes; k++)
            c->out[0].f[position(&g, i) + k * g.inner] =
                w == 0 ? 0 : scale * (exp(s[k * g.inner] - norm) - (k == c->in[2].i[i] ? 1 : 0));
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {{"4x10, i64=3,0,9,3:4", ""},
                                {"4x5, i64=3,0,4,3:4, pos:5", ""},
                                {"4x5, i64=3,-1,4,3:4, pos:5", "ignore_index=-1"},
                                {"4x5, i64=3,2,4,2:4", "ignore_index=2 reduction=sum"},
                                {"4x5, i64=3,2,4,2:4, pos:5", "reduction=none"},
                                {"2x3x4, i64=0,1,2,0,2,2,1,0:2x4, pos:3", "ignore_index=1"},
                                {"2x3x2x2, i64=0,1,2,0,2,2,1,0:2x2x2", "reduction=none"},
                                {0}};

static const op_case gradient_cases[] = {{":, 4x10, i64=3,0,9,3:4", ""},
                                         {":, 4x5, i64=3,-1,4,3:4, pos:5", "ignore_index=-1"},
                                         {":, 4x5, i64=3,2,4,2:4", "ignore_index=2 reduction=sum"},
                                         {"4, 4x5, i64=3,2,4,2:4, pos:5", "reduction=none"},
                                         {":, 2x3x4, i64=0,1,2,0,2,2,1,0:2x4, pos:3", "ignore_index=1"},
                                         {0}};

const op_def op_SoftmaxCrossEntropyLoss = {
    .name = "SoftmaxCrossEntropyLoss",
    .domain = "",
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 2,
    .attribute_bytes = sizeof(loss_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = cost,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_STRIDED,
    .text =
        "loss = mean, sum or none over b of −w[label[b]] · log softmax(scores[b])[label[b]]; log_prob = log softmax",
};

const op_def op_SoftmaxCrossEntropyLossGradient = {
    .name = "SoftmaxCrossEntropyLossGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(loss_attributes),
    .fields = fields,
    .infer = infer_gradient,
    .cost = cost,
    .reference = reference_gradient,
    .cases = gradient_cases,
    .layouts = LAYOUT_STRIDED,
    .text = "dscores[b,c] = dloss · w[label[b]] · (softmax(scores[b])[c] − [c = label[b]]), over Σ w for the mean",
};
