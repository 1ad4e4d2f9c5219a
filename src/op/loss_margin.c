/* Multi-class support-vector hinge: with the violations v[c] = max(0, margin − s[label] + s[c]) of the wrong classes c,
 *   over=sum  ℓ = Σ v[c]   (Weston, Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999)
 *   over=max  ℓ = max v[c] (Crammer, Singer, "On the algorithmic implementation of multiclass kernel-based vector
 *                           machines", JMLR 2, 2001)
 * or of v[c]² (squared=1). PyTorch's multi_margin_loss is the first over the number of classes. Of equally violating
 * classes the first has the gradient; a violation of exactly 0 has none. */
#include <math.h>
#include <string.h>

#include "op/loss.h"
#include "op/rule.h"

static const attr_field fields[] = {
    {"ignore_index", ATTR_INT, offsetof(hinge_attributes, labels.ignore_index), NO_IGNORE_TEXT, false},
    {"reduction", ATTR_STRING, offsetof(hinge_attributes, labels.reduction), "mean", false},
    ATTR(hinge_attributes, margin, ATTR_FLOAT, "1"),
    ATTR(hinge_attributes, squared, ATTR_INT, "0"),
    ATTR(hinge_attributes, over, ATTR_STRING, "sum"),
    {0}};

static stria_status infer(node *n, stria_error *err) {
    const hinge_attributes *a = n->attributes;
    if (!isfinite(a->margin))
        FAIL(err, STRIA_BAD_ARGUMENT, "margin is %g, expected a finite number", (double)a->margin);
    if (a->squared != 0 && a->squared != 1)
        FAIL(err, STRIA_BAD_ARGUMENT, "squared is %lld, expected 0 or 1", (long long)a->squared);
    if (strcmp(a->over, "sum") != 0 && strcmp(a->over, "max") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "over is '%s', expected sum or max", a->over);
    return loss_infer(n, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    return loss_gradient_by(&op_HingeLossGradient, g, n, dy, wanted, dx, err);
}

/* One wrong class: adds its loss' derivative to its own score and takes it from the label's. */
static double violation(const loss_row *r, int64_t c, double *ds) {
    const hinge_attributes *a = r->attributes;
    double v = (double)a->margin - r->scores[r->label * r->inner] + r->scores[c * r->inner];
    if (v <= 0) return 0;
    double slope = a->squared ? 2 * v : 1;
    if (ds) ds[c * r->inner] += slope, ds[r->label * r->inner] -= slope;
    return a->squared ? v * v : v;
}

static double row_loss(const loss_row *r, double *ds) {
    bool most = strcmp(((const hinge_attributes *)r->attributes)->over, "max") == 0;
    double sum = 0;
    int64_t worst = -1;
    for (int64_t c = 0; c < r->classes; c++) {
        if (c == r->label) continue;
        sum += violation(r, c, most ? NULL : ds);
        if (worst < 0 || r->scores[c * r->inner] > r->scores[worst * r->inner]) worst = c;
    }
    if (!most || worst < 0 || isnan(sum)) return sum;
    return violation(r, worst, ds);
}

static stria_status reference(const ref_call *c, stria_error *err) {
    return loss_reference_by(row_loss, c, err);
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    return loss_reference_gradient_by(row_loss, c, err);
}

static const op_case cases[] = {{"4x10, i64=3,0,9,3:4", ""},
                                {"4x10, i64=3,0,9,3:4", "over=max"},
                                {"4x37, i64=3,-1,36,0:4", "ignore_index=-1 squared=1 margin=0.5"},
                                {"4x37, i64=3,2,36,2:4", "over=max squared=1 reduction=sum"},
                                {"4x5, i64=3,2,4,2:4", "reduction=none ignore_index=2"},
                                {"2x3x4, i64=0,1,2,0,2,2,1,0:2x4", "ignore_index=1 margin=2"},
                                {"2x3x2x2, i64=0,1,2,0,2,2,1,0:2x2x2", "reduction=none over=max"},
                                {0}};

static const op_case gradient_cases[] = {{":, 4x10, i64=3,0,9,3:4", ""},
                                         {":, 4x10, i64=3,0,9,3:4", "over=max"},
                                         {":, 4x37, i64=3,-1,36,0:4", "ignore_index=-1 squared=1 margin=0.5"},
                                         {"4, 4x5, i64=3,2,4,2:4", "reduction=none over=max squared=1"},
                                         {":, 2x3x4, i64=0,1,2,0,2,2,1,0:2x4", "ignore_index=1 margin=2"},
                                         {0}};

const op_def op_HingeLoss = {
    .name = "HingeLoss",
    .domain = "stria",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(hinge_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = loss_cost,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_PLAIN,
    .text =
        "loss = mean, sum or none over b of Σ or max over c ≠ label[b] of max(0, margin − s[b][label[b]] + s[b][c]), "
        "or of its square",
};

const op_def op_HingeLossGradient = {
    .name = "HingeLossGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(hinge_attributes),
    .fields = fields,
    .infer = infer,
    .cost = loss_cost,
    .reference = reference_gradient,
    .cases = gradient_cases,
    .layouts = LAYOUT_PLAIN,
    .text = "dscores[b,c] = dloss · dv/dscores[b,c], v the violations of HingeLoss; over how many count for the mean",
};
