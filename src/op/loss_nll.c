/* Negative log-likelihood of log-probabilities: ℓ[b] = −w[label] · logp[b, label]; reductions and ignored labels as of
 * softmax cross-entropy (loss.c). */
#include "op/loss.h"

static const attr_field fields[] = {ATTR(loss_attributes, ignore_index, ATTR_INT, NO_IGNORE_TEXT),
                                    ATTR(loss_attributes, reduction, ATTR_STRING, "mean"),
                                    {0}};

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    return loss_gradient_by(&op_NegativeLogLikelihoodLossGradient, g, n, dy, wanted, dx, err);
}

static double row_loss(const loss_row *r, double *ds) {
    if (ds) ds[r->label * r->inner] = -r->weight;
    return -r->weight * r->scores[r->label * r->inner];
}

static stria_status reference(const ref_call *c, stria_error *err) {
    return loss_reference_by(row_loss, c, err);
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    return loss_reference_gradient_by(row_loss, c, err);
}

static const op_case cases[] = {{"4x10, i64=3,0,9,3:4", ""},
                                {"4x5, i64=3,-1,4,3:4, pos:5", "ignore_index=-1"},
                                {"4x5, i64=3,2,4,2:4", "ignore_index=2 reduction=sum"},
                                {"4x5, i64=3,2,4,2:4, pos:5", "reduction=none"},
                                {"2x3x4, i64=0,1,2,0,2,2,1,0:2x4, pos:3", "ignore_index=1"},
                                {"2x3x2x2, i64=0,1,2,0,2,2,1,0:2x2x2", "reduction=none"},
                                {0}};

static const op_case gradient_cases[] = {{":, 4x10, i64=3,0,9,3:4", ""},
                                         {":, 4x5, i64=3,-1,4,3:4, pos:5", "ignore_index=-1"},
                                         {"4, 4x5, i64=3,2,4,2:4, pos:5", "reduction=none"},
                                         {":, 2x3x4, i64=0,1,2,0,2,2,1,0:2x4, pos:3", "ignore_index=1"},
                                         {0}};

const op_def op_NegativeLogLikelihoodLoss = {
    .name = "NegativeLogLikelihoodLoss",
    .domain = "",
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(loss_attributes),
    .fields = fields,
    .infer = loss_infer,
    .gradient = gradient,
    .cost = loss_cost,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_PLAIN,
    .text =
        "loss = mean (over Σ w), sum or none over b of −w[label[b]] · input[b][label[b]], input = log-probabilities",
};

const op_def op_NegativeLogLikelihoodLossGradient = {
    .name = "NegativeLogLikelihoodLossGradient",
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
    .layouts = LAYOUT_PLAIN,
    .text = "dinput[b,c] = −dloss · w[label[b]] · [c = label[b]], over Σ w for the mean",
};
