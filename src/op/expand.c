/* Repetition by broadcasting, and its opposite: Expand, and of domain "stria" ExpandTo, ReduceTo. */
#include "op/rule.h"
#include "op/shape.h"

static const attr_field expand_fields[] = {ATTR(expand_attributes, mean, ATTR_INT, "0"), {0}};

/* ---- shapes ---- */

/* `small` broadcasts to exactly `large`. */
static stria_status check_expands(const shape *small, const shape *large, stria_error *err) {
    char ts[192], tl[192];
    shape together;
    if (!shape_broadcast(small, large, &together) || !shape_equal(&together, large))
        FAIL(err, STRIA_BAD_SHAPE, "%s does not broadcast to %s", shape_text(small, ts), shape_text(large, tl));
    return STRIA_OK;
}

static stria_status reduce_to_infer(node *n, stria_error *err) {
    TRY(check_expands(&n->in[1]->shape, &n->in[0]->shape, err));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

static stria_status expand_to_infer(node *n, stria_error *err) {
    TRY(check_expands(&n->in[0]->shape, &n->in[1]->shape, err));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

static stria_status expand_infer(node *n, stria_error *err) {
    char tx[192], ty[192];
    shape asked = {0}, y;
    TRY(rule_ints(n, 1, "shape", asked.dim, RANK_MAX, &asked.rank, err));
    if (shape_count(&asked) < 0 || !shape_broadcast(&n->in[0]->shape, &asked, &y))
        FAIL(err, STRIA_BAD_SHAPE, "%s does not broadcast to %s", shape_text(&n->in[0]->shape, tx),
             shape_text(&asked, ty));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* ---- gradients ---- */

static stria_status reduce_to_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                       stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) d[0] = build2(&b, &op_ExpandTo, e[0], n->in[0], NULL);
    return b.status;
}

static stria_status expand_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build_reduce_to(&b, dy[0], n->in[0]);
    return b.status;
}

static stria_status expand_to_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                       stria_error *err) {
    if (((const expand_attributes *)n->attributes)->mean)
        FAIL(err, STRIA_UNSUPPORTED, "the gradient of a mean has no second derivative");
    return expand_gradient(g, n, dy, wanted, dx, err);
}

static op_cost reduce_to_cost(const node *n) {
    return (op_cost){0, shape_count(&n->in[0]->shape)};
}

/* ---- references ---- */

static stria_status reduce_to_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    ref_tensor *y = &c->out[0];
    int64_t stride[RANK_MAX], count = shape_count(&x->shape);
    broadcast_strides(&y->shape, &x->shape, stride);
    ref_zero(y);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = strided_offset(i, &x->shape, stride);
        if (y->f) y->f[at] += x->f[i];
        else y->i[at] = integer_wrap(y->type, (int64_t)((uint64_t)y->i[at] + (uint64_t)x->i[i]));
    }
    return STRIA_OK;
}

static stria_status expand_reference(const ref_call *c, stria_error *err) {
    ref_tensor *y = &c->out[0];
    int64_t stride[RANK_MAX], count = shape_count(&y->shape), have = shape_count(&c->in[0].shape);
    broadcast_strides(&c->in[0].shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++) ref_copy(y, i, &c->in[0], strided_offset(i, &y->shape, stride));
    if (c->node->op == &op_ExpandTo && ((const expand_attributes *)c->attributes)->mean && y->f)
        for (int64_t i = 0; i < count; i++) y->f[i] *= (double)have / (double)count;
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case reduce_to_cases[] = {{"2x3x4x5, 3x1x1", ""}, {"2x3x4x5, 5", ""}, {"3x4, :", ""},
                                          {"2x3, 1x3", ""},       {"65x33, 33", ""},  {0}};
static const op_case expand_to_cases[] = {
    {"3x1x1, 2x3x4x5", ""}, {"5, 2x3x4x5", ""}, {":, 3x4", ""}, {"2x1, 2x3", ""}, {0}};
static const op_case expand_cases[] = {{"3x1, i64=2,1,4:3", ""}, {"3x4, i64=1:1", ""}, {":, i64=2,3:2", ""}, {0}};

const op_def op_ReduceTo = {
    .name = "ReduceTo",
    .domain = "stria",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = reduce_to_infer,
    .gradient = reduce_to_gradient,
    .cost = reduce_to_cost,
    .reference = reduce_to_reference,
    .cases = reduce_to_cases,
    .shape_inputs = 1 << 1,
    .layouts = LAYOUT_STRIDED,
    .text = "y = Σ x over what broadcasting repeated, to the shape of `like`",
};

const op_def op_ExpandTo = {
    .name = "ExpandTo",
    .domain = "stria",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(expand_attributes),
    .fields = expand_fields,
    .infer = expand_to_infer,
    .gradient = expand_to_gradient,
    .cost = rule_no_cost,
    .reference = expand_reference,
    .cases = expand_to_cases,
    .shape_inputs = 1 << 1,
    .layouts = LAYOUT_STRIDED,
    .text = "y = x repeated to the shape of `like`; with mean=1 over how often",
};

const op_def op_Expand = {
    .name = "Expand",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = expand_infer,
    .gradient = expand_gradient,
    .cost = rule_no_cost,
    .reference = expand_reference,
    .cases = expand_cases,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_STRIDED,
    .text = "y = x repeated to the given shape",
};
