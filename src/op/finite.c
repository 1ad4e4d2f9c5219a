/* RequireFinite(x): 1 if every element of x is finite; else the run stops. What is multiplied by it waits for the
 * check: a training's loss is looked at before anything is differentiated or updated. */
#include <math.h>

#include "base/text.h"
#include "op/rule.h"

static stria_status infer(node *n, stria_error *err) {
    shape scalar = shape_of(0, NULL);
    TRY(rule_float(n, 0, "input", err));
    return rule_output(n, 0, n->in[0]->type, &scalar, err);
}

static stria_status reference(const ref_call *c, stria_error *err) {
    int64_t count = shape_count(&c->in[0].shape);
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(c->in[0].f[i]))
            FAIL(err, STRIA_NOT_FINITE, "'%s' is %g", c->node->in[0]->name, text_real(c->in[0].f[i]));
    c->out[0].f[0] = 1;
    return STRIA_OK;
}

static const op_case cases[] = {{":", ""}, {"2x3x4", ""}, {0}};

const op_def op_RequireFinite = {
    .name = "RequireFinite",
    .domain = "stria",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = infer,
    .gradient = rule_no_gradient,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_STRIDED,
    .text = "y = 1 if every element of x is finite, else the run stops and names x",
};
