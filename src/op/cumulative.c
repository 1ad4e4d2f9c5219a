/* Sums and products of what stands before each element along one axis: CumSum and CumProd. */
#include "op/rule.h"

typedef struct cumulative_attributes {
    int64_t exclusive; /* without the element itself */
    int64_t reverse;   /* of what comes after it */
} cumulative_attributes;

static const attr_field fields[] = {
    ATTR(cumulative_attributes, exclusive, ATTR_INT, "0"), ATTR(cumulative_attributes, reverse, ATTR_INT, "0"), {0}};

/* The axis is the last input: it changes no shape, so it may be computed. */
static stria_status infer(node *n, stria_error *err) {
    const value *axis = n->in[n->in_count - 1];
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "input is bool, expected numbers");
    if ((axis->type != STRIA_INT64 && axis->type != STRIA_INT32) || shape_count(&axis->shape) != 1)
        FAIL(err, STRIA_BAD_SHAPE, "the axis is %lld of %s, expected one int64", (long long)shape_count(&axis->shape),
             dtype_name(axis->type));
    if (n->in_count > 2) TRY(rule_float(n, 0, "dy", err));
    if (n->in_count > 2) TRY(rule_same_type(n, 0, 1, err));
    if (n->in_count > 2) TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[1]->shape, "x", err));
    return rule_like(n, 0, err);
}

static stria_status sum_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    cumulative_attributes back = *(const cumulative_attributes *)n->attributes;
    back.reverse = !back.reverse;
    if (wanted[0]) dx[0] = build2(&b, &op_CumSum, dy[0], n->in[1], &back);
    return b.status;
}

static stria_status product_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                     stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build(&b, &op_CumProdGradient, (value *[]){dy[0], n->in[0], n->in[1]}, 3, n->attributes);
    return b.status;
}

/* ---- references ---- */

/* Lines of `count` elements, `step` apart; those that stand before another come first in them. */
typedef struct lines {
    int64_t number, count, step, inner;
    bool backwards, exclusive;
} lines;

static stria_status lines_of(const ref_call *c, lines *l, stria_error *err) {
    const cumulative_attributes *a = c->attributes;
    const shape *x = &c->in[0].shape;
    int axis;
    if (rule_axis(c->in[c->in_count - 1].i[0], x->rank, &axis, err) != STRIA_OK) {
        if (err) err->status = STRIA_BAD_VALUE;
        return STRIA_BAD_VALUE;
    }
    l->inner = l->step = shape_span(x, axis + 1, x->rank);
    l->count = x->dim[axis];
    l->number = shape_span(x, 0, axis) * l->inner;
    l->backwards = a->reverse != 0;
    l->exclusive = a->exclusive != 0;
    return STRIA_OK;
}

/* Where the k-th element of line i is. */
static int64_t place(const lines *l, int64_t i, int64_t k) {
    int64_t at = l->backwards ? l->count - 1 - k : k;
    return (i / l->inner * l->count + at) * l->step + i % l->inner;
}

static int64_t whole(bool product, int64_t a, int64_t b) {
    return (int64_t)(product ? (uint64_t)a * (uint64_t)b : (uint64_t)a + (uint64_t)b);
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0], *y = &c->out[0];
    bool product = c->node->op == &op_CumProd;
    lines l;
    TRY(lines_of(c, &l, err));
    for (int64_t i = 0; i < l.number; i++) {
        double real = product;
        int64_t number = product;
        for (int64_t k = 0; k < l.count; k++) {
            int64_t at = place(&l, i, k);
            double before = real;
            int64_t number_before = number;
            if (x->f) real = product ? real * x->f[at] : real + x->f[at];
            else number = whole(product, number, x->i[at]);
            if (y->f) y->f[at] = l.exclusive ? before : real;
            else y->i[at] = integer_wrap(y->type, l.exclusive ? number_before : number);
        }
    }
    return STRIA_OK;
}

/* dx[j] = Σ over i that x[j] is in: dy[i] · the product without x[j] */
static stria_status product_gradient_reference(const ref_call *c, stria_error *err) {
    const double *dy = c->in[0].f, *x = c->in[1].f;
    double *dx = c->out[0].f;
    lines l;
    TRY(lines_of(c, &l, err));
    for (int64_t i = 0; i < l.number; i++)
        for (int64_t j = 0; j < l.count; j++) {
            double sum = 0, product = 1;
            for (int64_t k = 0; k < l.count; k++) {
                if (l.exclusive && k > j) sum += dy[place(&l, i, k)] * product;
                if (k != j) product *= x[place(&l, i, k)];
                if (!l.exclusive && k >= j) sum += dy[place(&l, i, k)] * product;
            }
            dx[place(&l, i, j)] = sum;
        }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {{"2x3x4, i64=1", ""},
                                {"2x3x4, i64=-1", "exclusive=1"},
                                {"2x5, i32=0:1", "reverse=1"},
                                {"7, i64=0", "exclusive=1 reverse=1"},
                                {"i64=1,2,3,-4:4, i64=0", "reverse=1"},
                                {"u8=100,100,100:3, i64=0", ""},
                                {"0x3, i64=1", ""},
                                {0}};
static const op_case gradient_cases[] = {{"2x3x4, 2x3x4, i64=1", ""}, {"5, 5, i64=0", "exclusive=1 reverse=1"}, {0}};

#define CUMULATIVE(op_name, op_domain, inputs)                                                                         \
    .name = op_name, .domain = op_domain, .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = 1,              \
    .attribute_bytes = sizeof(cumulative_attributes), .fields = fields, .infer = infer, .layouts = LAYOUT_PLAIN

const op_def op_CumSum = {CUMULATIVE("CumSum", "", 2), .gradient = sum_gradient, .reference = reference, .cases = cases,
                          .text = "y[i] = x[0] + … + x[i] along the axis"};
const op_def op_CumProd = {CUMULATIVE("CumProd", "", 2), .gradient = product_gradient, .reference = reference,
                           .cases = cases, .text = "y[i] = x[0] · … · x[i] along the axis"};
const op_def op_CumProdGradient = {CUMULATIVE("CumProdGradient", "stria", 3), .reference = product_gradient_reference,
                                   .cases = gradient_cases,
                                   .text = "dx[j] = Σ dy[i] · the product of y[i] without x[j]"};
