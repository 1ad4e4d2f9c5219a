/* Dropout: in training, units are set to zero at random and the others scaled up, so that the mean stays. (Srivastava
 * et al., "Dropout", JMLR 15, 2014.) Its gradient is dropout of dy with the same random numbers: nothing is kept. */
#include "op/dropout.h"

#include "op/rule.h"

static const attr_field fields[] = {ATTR(dropout_attributes, seed, ATTR_INT, "0"), {0}};

static stria_status scalar_check(const node *n, int i, const char *what, bool real, stria_error *err) {
    char text[192];
    const value *v = rule_input(n, i);
    if (!v) return STRIA_OK;
    if (real) TRY(rule_float(n, i, what, err));
    if (!real && v->type != STRIA_BOOL)
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, expected bool", what, dtype_name(v->type));
    if (shape_count(&v->shape) != 1 || v->shape.rank > 1)
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, expected a scalar", what, shape_text(&v->shape, text));
    return STRIA_OK;
}

stria_status dropout_share(const double *ratio, const int64_t *training, double *share, stria_error *err) {
    *share = training && *training ? ratio ? *ratio : 0.5 : 0;
    if (!(*share >= 0 && *share <= 1)) FAIL(err, STRIA_BAD_VALUE, "ratio is %g, expected 0 to 1", *share);
    return STRIA_OK;
}

random_key dropout_key_of(const node *n, uint64_t seed, uint64_t step) {
    uint64_t own = (uint64_t)((const dropout_attributes *)n->attributes)->seed;
    return random_step_key(seed ^ own * 0x9e3779b97f4a7c15u, n->stream, step); /* 2⁶⁴ / φ spreads small seeds */
}

static stria_status infer(node *n, stria_error *err) {
    double share, ratio = 0;
    const int64_t training = 1;
    TRY(rule_float(n, 0, "input", err));
    TRY(scalar_check(n, 1, "ratio", true, err));
    TRY(scalar_check(n, 2, "training_mode", false, err));
    const tensor *t = n->in_count > 1 ? value_contents(n->in[1]) : NULL;
    if (t) ratio = tensor_f64(t, 0);
    TRY(dropout_share(&ratio, &training, &share, err));
    TRY(rule_output(n, 1, STRIA_BOOL, &n->in[0]->shape, err));
    return rule_like(n, 0, err);
}

bool dropout_is_identity(const node *n) {
    if (n->op != &op_Dropout || (n->out_count > 1 && n->out[1])) return false;
    if (n->in_count < 3 || !n->in[2]) return true;
    const tensor *training = value_contents(n->in[2]);
    return training && tensor_i64(training, 0) == 0;
}

/* The same units of dy: a node with the same stream. */
static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (!wanted[0] || !dy[0]) return STRIA_OK;
    value *in[3] = {dy[0], n->in_count > 1 ? n->in[1] : NULL, n->in_count > 2 ? n->in[2] : NULL};
    dx[0] = build(&b, &op_Dropout, in, n->in_count, n->attributes);
    if (dx[0]) dx[0]->producer->stream = n->stream;
    return b.status;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    double share;
    int64_t count = shape_count(&c->out[0].shape);
    TRY(dropout_share(c->in_count > 1 ? c->in[1].f : NULL, c->in_count > 2 ? c->in[2].i : NULL, &share, err));
    random_key key = dropout_key_of(c->node, c->seed, c->step);
    uint64_t dropped = random_threshold(share);
    double scale = share < 1 ? 1 / (1 - share) : 0;
    for (int64_t i = 0; i < count; i++) {
        bool kept = random_word(key, (uint64_t)i) >= dropped;
        c->out[0].f[i] = c->in[0].f[i] * (kept ? scale : 0);
        if (c->out_count > 1 && c->out[1].i) c->out[1].i[i] = kept;
    }
    return STRIA_OK;
}

static op_cost cost(const node *n) {
    return (op_cost){0, size_mul(4, shape_count(&n->in[0]->shape))};
}

static const op_case cases[] = {{"2x3x4", ""},
                                {"2x3x4, 0.5..0.5:", "seed=3"},
                                {"2x3x4x5, 0.5..0.5:, bool=1", ""},
                                {"3x5x2x3, 0.25..0.25:, bool=1", ""},
                                {"7x9, -, bool=1", ""},
                                {"2x8, 0..0:, bool=1", ""},
                                {"2x8, 1..1:, bool=1", ""},
                                {"2x8, 0.5..0.5:, bool=0", ""},
                                {0}};

const op_def op_Dropout = {
    .name = "Dropout",
    .domain = "",
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 2,
    .attribute_bytes = sizeof(dropout_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = cost,
    .reference = reference,
    .cases = cases,
    .random = true,
    .layouts = LAYOUT_SAME,
    .in_place = 1 << 0,
    .note = "Kept units are scaled by 1 / (1 - ratio) while training, so that nothing is done at inference, "
            "as in every framework of today; the texts of 2012 and 2014 scale at inference instead.",
    .text = "y = x; in training mode x · mask / (1 − ratio), mask 0 with probability ratio",
};
