/* Reorder: the same tensor in another storage order. The layout pass places it; the orders stand in the values. */
#include "op/rule.h"

static stria_status infer(node *n, stria_error *err) {
    return rule_like(n, 0, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    if (wanted[0]) dx[0] = dy[0];
    return STRIA_OK;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++) ref_copy(&c->out[0], i, &c->in[0], i);
    return STRIA_OK;
}

static const op_case cases[] = {{"2x3x4x5", ""}, {"i64=1,2,3:3", ""}, {0}};

const op_def op_Reorder = {
    .name = "Reorder",
    .domain = "stria",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = cases,
    .float8 = true,
    .layouts = LAYOUT_STRIDED,
    .text = "y = x in another storage order",
};
