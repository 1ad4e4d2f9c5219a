/* Cross-entropy from scores against labels or soft labels, with label smoothing ε and class weights w:
 *   a[c] = w[c] · ((1−ε)·q[c] + ε/classes),   ℓ = −Σ a[c] · log p[c],   p = softmax(scores);
 * of soft labels q[c] is the target, whose mean is over the positions; of a label q[c] = [c = label] with w[label] in
 * place of w[c], and the mean is over Σ w[label]. That is PyTorch's cross_entropy. A class with a[c] = 0 counts
 * nothing, whatever its score. (Szegedy et al., "Rethinking the Inception architecture", CVPR 2016.) */
#include <math.h>

#include "op/loss.h"
#include "op/rule.h"

static const attr_field fields[] = {
    {"ignore_index", ATTR_INT, offsetof(cross_entropy_attributes, labels.ignore_index), NO_IGNORE_TEXT, false},
    {"reduction", ATTR_STRING, offsetof(cross_entropy_attributes, labels.reduction), "mean", false},
    ATTR(cross_entropy_attributes, label_smoothing, ATTR_FLOAT, "0"),
    {0}};

static stria_status infer(node *n, stria_error *err) {
    float smoothing = ((const cross_entropy_attributes *)n->attributes)->label_smoothing;
    if (!(smoothing >= 0 && smoothing <= 1))
        FAIL(err, STRIA_BAD_ARGUMENT, "label_smoothing is %g, expected 0 to 1", (double)smoothing);
    return loss_infer(n, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    return loss_gradient_by(&op_CrossEntropyLossGradient, g, n, dy, wanted, dx, err);
}

/* ds[c] = p[c] · Σ a − a[c] */
static double row_loss(const loss_row *r, double *ds) {
    double smoothing = (double)((const cross_entropy_attributes *)r->attributes)->label_smoothing, loss = 0, total = 0;
    double norm = loss_log_sum(r->scores, r->classes, r->inner);
    for (int64_t c = 0; c < r->classes; c++) {
        double w = r->weights ? r->weights[c] : 1, share = r->targets ? r->targets[c * r->inner] : c == r->label;
        double a = w * ((1 - smoothing) * share + smoothing / (double)r->classes);
        if (a != 0) loss -= a * (r->scores[c * r->inner] - norm);
        if (ds) ds[c * r->inner] = -a;
        total += a;
    }
    for (int64_t c = 0; ds && c < r->classes; c++) ds[c * r->inner] += total * exp(r->scores[c * r->inner] - norm);
    return loss;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    return loss_reference_by(row_loss, c, err);
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    return loss_reference_gradient_by(row_loss, c, err);
}

static const op_case cases[] = {{"4x10, i64=3,0,9,3:4", ""},
                                {"4x10, i64=3,0,9,3:4, pos:10", "label_smoothing=0.25"},
                                {"4x37, i64=3,-1,36,0:4", "ignore_index=-1 label_smoothing=0.1"},
                                {"4x37, pos:4x37", ""},
                                {"4x10, pos:4x10, pos:10", "label_smoothing=0.25"},
                                {"4x5, pos:4x5", "reduction=none"},
                                {"2x3x4, i64=0,1,2,0,2,2,1,0:2x4, pos:3", "ignore_index=1 label_smoothing=0.5"},
                                {"2x3x2x2, pos:2x3x2x2", "reduction=sum"},
                                {"-10000..10000:3x1000, pos:3x1000", ""},
                                {0}};

static const op_case gradient_cases[] = {
    {":, 4x10, i64=3,0,9,3:4, pos:10", "label_smoothing=0.25"},
    {":, 4x37, i64=3,-1,36,0:4", "ignore_index=-1 label_smoothing=0.1"},
    {":, 4x37, pos:4x37", ""},
    {"4, 4x5, pos:4x5, pos:5", "reduction=none label_smoothing=0.25"},
    {":, 2x3x4, i64=0,1,2,0,2,2,1,0:2x4, pos:3", "ignore_index=1 label_smoothing=0.5"},
    {":, 2x3x2x2, pos:2x3x2x2", "reduction=sum"},
    {0}};

const op_def op_CrossEntropyLoss = {
    .name = "CrossEntropyLoss",
    .domain = "stria",
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(cross_entropy_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = loss_cost,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_PLAIN,
    .text = "loss = mean, sum or none of −Σ a[c] · log softmax(scores)[c], a[c] = w[c] · ((1 − label_smoothing) · "
            "label[c] + label_smoothing / classes); labels are classes or shares of them",
};

const op_def op_CrossEntropyLossGradient = {
    .name = "CrossEntropyLossGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(cross_entropy_attributes),
    .fields = fields,
    .infer = infer,
    .cost = loss_cost,
    .reference = reference_gradient,
    .cases = gradient_cases,
    .layouts = LAYOUT_PLAIN,
    .text =
        "dscores[b,c] = dloss · (softmax(scores[b])[c] · Σ a − a[c]), a as in CrossEntropyLoss; over Σ w[label] or the "
        "positions for the mean",
};
