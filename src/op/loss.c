/* Softmax cross-entropy from scores (logits), numerically stable:
 *   log p[b, c] = s[b, c] − max s[b] − log Σ exp(s[b] − max s[b]),   ℓ[b] = −w[label] · log p[b, label],
 * reduced by none, Σ ℓ, or the weighted mean Σ ℓ / Σ w[label]. Positions whose label is ignore_index count nothing.
 * Before it: what all losses of scores against labels share. */
#include "op/loss.h"

#include <math.h>
#include <string.h>

#include "op/rule.h"
#include "op/shape.h"

static const attr_field fields[] = {ATTR(loss_attributes, ignore_index, ATTR_INT, NO_IGNORE_TEXT),
                                    ATTR(loss_attributes, reduction, ATTR_STRING, "mean"),
                                    {0}};

/* ---- shapes ---- */

static const op_def *const gradients[] = {&op_SoftmaxCrossEntropyLossGradient,
                                          &op_NegativeLogLikelihoodLossGradient,
                                          &op_CrossEntropyLossGradient,
                                          &op_HingeLossGradient,
                                          &op_SquaredErrorLossGradient,
                                          &op_AbsoluteErrorLossGradient,
                                          &op_HuberLossGradient,
                                          &op_BinaryCrossEntropyLossGradient,
                                          &op_KullbackLeiblerLossGradient};

int loss_scores_of(const node *n) {
    for (size_t i = 0; i < sizeof gradients / sizeof *gradients; i++)
        if (gradients[i] == n->op) return 1; /* dloss comes first */
    return 0;
}

static bool soft(const value *labels) {
    return dtype_is_float(labels->type);
}

static stria_status check_labels(const value *scores, const value *labels, stria_error *err) {
    char ts[192], tl[192];
    const shape *s = &scores->shape;
    if (labels->type != STRIA_INT64 && labels->type != STRIA_INT32)
        FAIL(err, STRIA_BAD_SHAPE, "labels are %s, expected int32 or int64", dtype_name(labels->type));
    shape expected = shape_of(s->rank - 1, s->dim);
    for (int d = 1; d < expected.rank; d++) expected.dim[d] = s->dim[d + 1];
    if (!shape_equal(&expected, &labels->shape))
        FAIL(err, STRIA_BAD_SHAPE, "labels are %s, but scores are %s", shape_text(&labels->shape, tl),
             shape_text(s, ts));
    return STRIA_OK;
}

/* Soft labels, a share for each class, are for CrossEntropyLoss only. */
static stria_status check_targets(const node *n, int first, stria_error *err) {
    const value *labels = n->in[first + 1];
    if (!soft(labels) || (n->op != &op_CrossEntropyLoss && n->op != &op_CrossEntropyLossGradient))
        return check_labels(n->in[first], labels, err);
    TRY(rule_same_type(n, first, first + 1, err));
    return rule_same_shape(&labels->shape, "the soft labels' shape", &n->in[first]->shape, "the scores'", err);
}

stria_status loss_reduction_check(const char *reduction, bool batchmean, stria_error *err) {
    static const char *const known[] = {"none", "mean", "sum", "batchmean"};
    for (int i = 0; i < (batchmean ? 4 : 3); i++)
        if (strcmp(reduction, known[i]) == 0) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "reduction is '%s', expected none, mean%s sum%s", reduction, batchmean ? "," : " or",
         batchmean ? " or batchmean" : "");
}

static stria_status check_inputs(const node *n, stria_error *err) {
    char text[192];
    int first = loss_scores_of(n);
    const value *scores = n->in[first], *weights = n->in_count > first + 2 ? n->in[first + 2] : NULL;
    TRY(rule_float(n, first, "scores", err));
    if (scores->shape.rank < 2)
        FAIL(err, STRIA_BAD_SHAPE, "scores are %s, expected [batch, classes]", shape_text(&scores->shape, text));
    TRY(check_targets(n, first, err));
    if (weights) {
        TRY(rule_same_type(n, first, first + 2, err));
        if (weights->shape.rank != 1 || weights->shape.dim[0] != scores->shape.dim[1])
            FAIL(err, STRIA_BAD_SHAPE, "class weights are %s, but there are %lld class%s",
                 shape_text(&weights->shape, text), (long long)scores->shape.dim[1], text_es(scores->shape.dim[1]));
    }
    return loss_reduction_check(((const loss_attributes *)n->attributes)->reduction, false, err);
}

loss_geometry loss_geometry_of(const node *n) {
    const shape *s = &n->in[loss_scores_of(n)]->shape;
    const char *reduction = ((const loss_attributes *)n->attributes)->reduction;
    return (loss_geometry){s->dim[0], s->dim[1], shape_span(s, 2, s->rank), strcmp(reduction, "mean") == 0,
                           strcmp(reduction, "none") == 0};
}

static shape loss_shape(const node *n) {
    const shape *s = &n->in[loss_scores_of(n)]->shape;
    shape positions = shape_of(s->rank - 1, s->dim);
    for (int d = 1; d < positions.rank; d++) positions.dim[d] = s->dim[d + 1];
    return loss_geometry_of(n).none ? positions : shape_of(0, NULL);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    TRY(rule_same_type(n, 0, 1, err));
    TRY(check_inputs(n, err));
    shape loss = loss_shape(n);
    TRY(rule_same_shape(&n->in[0]->shape, "dloss", &loss, "the loss", err));
    return rule_output(n, 0, n->in[1]->type, &n->in[1]->shape, err);
}

stria_status loss_infer(node *n, stria_error *err) {
    if (loss_scores_of(n) == 1) return infer_gradient(n, err);
    TRY(check_inputs(n, err));
    shape loss = loss_shape(n);
    TRY(rule_output(n, 0, n->in[0]->type, &loss, err));
    return rule_output(n, 1, n->in[0]->type, &n->in[0]->shape, err);
}

/* ---- gradient ---- */

stria_status loss_gradient_by(const op_def *op, graph *g, const node *n, value *const *dy, const bool *wanted,
                              value **dx, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    for (int i = 1; i < n->in_count; i++)
        if (wanted[i])
            FAIL(err, STRIA_UNSUPPORTED, "%s of a loss are data: it has no gradient by them",
                 i == 1 ? "labels" : "class weights");
    if (!wanted[0] || !dy[0]) return STRIA_OK;
    value *in[4] = {dy[0], n->in[0], n->in[1], n->in_count > 2 ? n->in[2] : NULL};
    dx[0] = build(&b, op, in, n->in_count + 1, n->attributes);
    return b.status;
}

/* What output 1, log softmax along the classes, adds to the scores' gradient. */
static value *log_prob_part(builder *b, const node *n, value *dlog_prob) {
    if (!dlog_prob) return NULL;
    return build2(b, &op_LogSoftmaxGradient, dlog_prob, n->out[1], &(axis_attributes){1});
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    TRY(loss_gradient_by(&op_SoftmaxCrossEntropyLossGradient, g, n, dy, wanted, dx, err));
    value *more = log_prob_part(&b, n, wanted[0] && n->out_count > 1 ? dy[1] : NULL);
    if (more) dx[0] = dx[0] ? build2(&b, &op_Add, dx[0], more, NULL) : more;
    return b.status;
}

op_cost loss_cost(const node *n) {
    return (op_cost){0, size_mul(4, shape_count(&n->in[loss_scores_of(n)]->shape))};
}

/* ---- reference ---- */

double loss_log_sum(const double *s, int64_t classes, int64_t inner) {
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < classes; c++) most = s[c * inner] > most ? s[c * inner] : most;
    if (isinf(most)) most = 0; /* keeps ∞ − ∞ out; the sum says what is the matter */
    for (int64_t c = 0; c < classes; c++) sum += exp(s[c * inner] - most);
    return most + log(sum);
}

/* Where the scores of position i begin. */
static int64_t position(const loss_geometry *g, int64_t i) {
    return i / g->inner * g->classes * g->inner + i % g->inner;
}

/* Position i of a call whose scores are input `first`. */
static stria_status row_at(const ref_call *c, int first, const loss_geometry *g, int64_t i, loss_row *r,
                           stria_error *err) {
    const ref_tensor *labels = &c->in[first + 1];
    int64_t ignored = ((const loss_attributes *)c->attributes)->ignore_index;
    bool hard = !labels->f;
    *r = (loss_row){.scores = c->in[first].f + position(g, i),
                    .targets = labels->f ? labels->f + position(g, i) : NULL,
                    .weights = c->in_count > first + 2 ? c->in[first + 2].f : NULL,
                    .classes = g->classes,
                    .inner = g->inner,
                    .label = hard ? labels->i[i] : -1,
                    .weight = hard ? 0 : 1,
                    .attributes = c->attributes};
    r->ignored = hard && r->label == ignored && ignored != NO_IGNORE_INDEX;
    if (!hard || r->ignored) return STRIA_OK;
    if (r->label < 0 || r->label >= g->classes)
        FAIL(err, STRIA_BAD_VALUE, "label %lld at position %lld is outside the %lld class%s", (long long)r->label,
             (long long)i, (long long)g->classes, text_es(g->classes));
    r->weight = r->weights ? r->weights[r->label] : 1;
    return STRIA_OK;
}

stria_status loss_reference_by(loss_row_rule *rule, const ref_call *c, stria_error *err) {
    loss_geometry g = loss_geometry_of(c->node);
    double total = 0, weights = 0;
    for (int64_t i = 0; i < g.batch * g.inner; i++) {
        loss_row r;
        TRY(row_at(c, 0, &g, i, &r, err));
        double loss = r.ignored ? 0 : rule(&r, NULL);
        if (g.none) c->out[0].f[i] = loss;
        total += loss;
        weights += r.weight;
    }
    if (!g.none) c->out[0].f[0] = g.mean ? total / weights : total;
    return STRIA_OK;
}

stria_status loss_reference_gradient_by(loss_row_rule *rule, const ref_call *c, stria_error *err) {
    loss_geometry g = loss_geometry_of(c->node);
    loss_row r;
    double weights = 0;
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < g.batch * g.inner; i++) {
        TRY(row_at(c, 1, &g, i, &r, err));
        weights += r.weight;
    }
    for (int64_t i = 0; i < g.batch * g.inner; i++) {
        TRY(row_at(c, 1, &g, i, &r, err));
        if (r.ignored) continue;
        double *ds = c->out[0].f + position(&g, i), scale = c->in[0].f[g.none ? i : 0] / (g.mean ? weights : 1);
        rule(&r, ds);
        for (int64_t k = 0; k < g.classes; k++) ds[k * g.inner] *= scale;
    }
    return STRIA_OK;
}

/* ds[c] = w[label] · (p[c] − [c = label]) */
static double row_loss(const loss_row *r, double *ds) {
    double norm = loss_log_sum(r->scores, r->classes, r->inner);
    for (int64_t c = 0; ds && c < r->classes; c++)
        ds[c * r->inner] = r->weight * (exp(r->scores[c * r->inner] - norm) - (c == r->label ? 1 : 0));
    return -r->weight * (r->scores[r->label * r->inner] - norm);
}

static stria_status reference(const ref_call *c, stria_error *err) {
    loss_geometry g = loss_geometry_of(c->node);
    double *log_prob = c->out_count > 1 ? c->out[1].f : NULL;
    for (int64_t i = 0; log_prob && i < g.batch * g.inner; i++) {
        const double *s = c->in[0].f + position(&g, i);
        double norm = loss_log_sum(s, g.classes, g.inner);
        for (int64_t k = 0; k < g.classes; k++) log_prob[position(&g, i) + k * g.inner] = s[k * g.inner] - norm;
    }
    return loss_reference_by(row_loss, c, err);
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    return loss_reference_gradient_by(row_loss, c, err);
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {{"4x10, i64=3,0,9,3:4", ""},
                                {"4x5, i64=3,0,4,3:4, pos:5", ""},
                                {"4x5, i64=3,-1,4,3:4, pos:5", "ignore_index=-1"},
                                {"4x5, i64=3,2,4,2:4", "ignore_index=2 reduction=sum"},
                                {"4x5, i64=3,2,4,2:4, pos:5", "reduction=none"},
                                {"2x3x4, i64=0,1,2,0,2,2,1,0:2x4, pos:3", "ignore_index=1"},
                                {"2x3x2x2, i64=0,1,2,0,2,2,1,0:2x2x2", "reduction=none"},
                                {"2x3x2x2, i64=0,1,2,0,2,2,1,0:2x2x2, pos:3", "ignore_index=0"},
                                {"-10000..10000:3x1000, i64=0,999,17:3", ""},
                                {0}};

static const op_case gradient_cases[] = {{":, 4x10, i64=3,0,9,3:4", ""},
                                         {":, 4x5, i64=3,-1,4,3:4, pos:5", "ignore_index=-1"},
                                         {":, 4x5, i64=3,2,4,2:4", "ignore_index=2 reduction=sum"},
                                         {"4, 4x5, i64=3,2,4,2:4, pos:5", "reduction=none"},
                                         {":, 2x3x4, i64=0,1,2,0,2,2,1,0:2x4, pos:3", "ignore_index=1"},
                                         {":, 2x3x2x2, i64=0,1,2,0,2,2,1,0:2x2x2, pos:3", "ignore_index=0"},
                                         {"2x2x2, 2x3x2x2, i64=0,1,2,0,2,2,1,0:2x2x2", "reduction=none"},
                                         {":, -10000..10000:3x1000, i64=0,999,17:3", ""},
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
    .infer = loss_infer,
    .gradient = gradient,
    .cost = loss_cost,
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
    .infer = loss_infer,
    .cost = loss_cost,
    .reference = reference_gradient,
    .cases = gradient_cases,
    .layouts = LAYOUT_STRIDED,
    .text = "dscores[b,c] = dloss · w[label[b]] · (softmax(scores[b])[c] − [c = label[b]]), over Σ w for the mean",
};
