/* Writing by index: ScatterElements and ScatterND put updates where GatherElements and GatherND would read, into a copy
 * of x; `reduction` says what happens where something stands already. Without one, the last of equal indices stays. */
#include <math.h>
#include <string.h>

#include "op/gather.h"
#include "op/rule.h"
#include "op/shape.h"

static const attr_field elements_fields[] = {
    ATTR(scatter_attributes, axis, ATTR_INT, "0"), ATTR(scatter_attributes, reduction, ATTR_STRING, "none"), {0}};
static const attr_field tuples_fields[] = {ATTR(scatter_attributes, reduction, ATTR_STRING, "none"), {0}};

static const char *const reductions[] = {"none", "add", "mul", "max", "min"};

scatter_reduction scatter_reduction_of(const node *n) {
    int i = 0;
    while (i < 4 && strcmp(((const scatter_attributes *)n->attributes)->reduction, reductions[i]) != 0) i++;
    return (scatter_reduction)i;
}

/* ---- shapes ---- */

static stria_status check(const node *n, const shape *updates, stria_error *err) {
    const char *given = ((const scatter_attributes *)n->attributes)->reduction;
    scatter_reduction reduction = scatter_reduction_of(n);
    TRY(picks_check_indices(n->in[1], err));
    TRY(rule_same_type(n, 0, 2, err));
    TRY(rule_same_shape(&n->in[2]->shape, "updates", updates, "what is indexed", err));
    if (strcmp(given, reductions[reduction]) != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "reduction is '%s', expected none, add, mul, max or min", given);
    return STRIA_OK;
}

static stria_status elements_infer(node *n, stria_error *err) {
    char tx[192], ti[192];
    const shape *x = &n->in[0]->shape, *indices = &n->in[1]->shape;
    int axis;
    TRY(rule_axis(((const scatter_attributes *)n->attributes)->axis, x->rank, &axis, err));
    bool fits = x->rank == indices->rank;
    for (int d = 0; fits && d < x->rank; d++) fits = d == axis || indices->dim[d] <= x->dim[d];
    if (!fits)
        FAIL(err, STRIA_BAD_SHAPE, "indices are %s, which do not fit the input's %s", shape_text(indices, ti),
             shape_text(x, tx));
    TRY(check(n, indices, err));
    return rule_like(n, 0, err);
}

static stria_status tuples_infer(node *n, stria_error *err) {
    char tx[192], ti[192];
    const shape *x = &n->in[0]->shape, *indices = &n->in[1]->shape;
    int64_t count = indices->rank ? indices->dim[indices->rank - 1] : 0;
    if (count < 1 || count > x->rank || indices->rank - 1 + x->rank - count > RANK_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "indices %s do not fit the input's %s", shape_text(indices, ti), shape_text(x, tx));
    shape updates = {0};
    for (int d = 0; d < indices->rank - 1; d++) updates.dim[updates.rank++] = indices->dim[d];
    for (int64_t d = count; d < x->rank; d++) updates.dim[updates.rank++] = x->dim[d];
    TRY(check(n, &updates, err));
    return rule_like(n, 0, err);
}

/* ---- gradients ---- */

typedef struct scatter {
    builder *b;
    const node *n;
} scatter;

/* What stands in v where the updates went. */
static value *read_back(const scatter *s, value *v) {
    if (!v) return NULL;
    if (s->n->op == &op_ScatterND) return build2(s->b, &op_GatherND, v, s->n->in[1], NULL);
    axis_attributes a = {((const scatter_attributes *)s->n->attributes)->axis};
    return build2(s->b, &op_GatherElements, v, s->n->in[1], &a);
}

static value *write(const scatter *s, value *x, value *updates, const char *reduction) {
    if (!x || !updates) return NULL;
    scatter_attributes a = {((const scatter_attributes *)s->n->attributes)->axis, reduction};
    return build(s->b, s->n->op, (value *[]){x, s->n->in[1], updates}, 3, &a);
}

static value *filled_like(const scatter *s, value *x, double number) {
    return build2(s->b, &op_ExpandTo, build_scalar(s->b, x->type, number), x, NULL);
}

/* v where p = q, else 0 */
static value *where_equal(const scatter *s, value *v, value *p, value *q) {
    return v && p && q ? build(s->b, &op_SelectEqual, (value *[]){v, p, q}, 3, NULL) : NULL;
}

/* y = x · Π u: dx = dy · Π u, and du = dy · x · the product of the other u of its place. With t that of all, zeros
 * counted as 1, and z the number of zeros: t/u where z = 0, t at the zero where z = 1, else 0 (as ReduceProd). */
static void product_gradient(const scatter *s, value *dy, value **dx) {
    const node *n = s->n;
    builder *b = s->b;
    value *x = n->in[0], *u = n->in[2], *ones = filled_like(s, x, 1), *one = build_scalar(b, x->type, 1);
    dx[0] = build2(b, &op_Mul, dy, write(s, ones, u, "mul"), NULL);
    value *zero = build_scalar(b, u->type, 0), *zeros = where_equal(s, filled_like(s, u, 1), zero, u);
    value *safe = build2(b, &op_Add, u, zeros, NULL);
    value *all = build2(b, &op_Mul, write(s, ones, safe, "mul"), build2(b, &op_Mul, dy, x, NULL), NULL);
    value *z = read_back(s, write(s, filled_like(s, x, 0), zeros, "add")), *t = read_back(s, all);
    value *at_zero = build2(b, &op_Mul, zeros, where_equal(s, t, one, z), NULL);
    value *others = build2(b, &op_Div, where_equal(s, t, zero, z), safe, NULL);
    dx[2] = build2(b, &op_Add, others, at_zero, NULL);
}

/* y = the greatest (least) of x and the u: all that equal it share dy. */
static void choice_gradient(const scatter *s, value *dy, value **dx) {
    const node *n = s->n;
    builder *b = s->b;
    value *y = n->out[0], *u = n->in[2], *chosen = where_equal(s, filled_like(s, n->in[0], 1), n->in[0], y);
    value *updates = where_equal(s, filled_like(s, u, 1), u, read_back(s, y));
    value *each = build2(b, &op_Div, dy, write(s, chosen, updates, "add"), NULL);
    dx[0] = build2(b, &op_Mul, each, chosen, NULL);
    dx[2] = build2(b, &op_Mul, read_back(s, each), updates, NULL);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    scatter s = {&b, n};
    scatter_reduction reduction = scatter_reduction_of(n);
    if (reduction == SCATTER_MUL) product_gradient(&s, dy[0], dx);
    else if (reduction == SCATTER_MAX || reduction == SCATTER_MIN) choice_gradient(&s, dy[0], dx);
    else {
        if (wanted[0])
            dx[0] = reduction == SCATTER_ADD ? dy[0] : write(&s, dy[0], filled_like(&s, n->in[2], 0), "none");
        if (wanted[2]) dx[2] = read_back(&s, dy[0]);
    }
    return b.status;
}

/* ---- reference ---- */

static double real(scatter_reduction reduction, double y, double u) {
    if (reduction == SCATTER_ADD) return y + u;
    if (reduction == SCATTER_MUL) return y * u;
    if (reduction == SCATTER_NONE) return u;
    if (isnan(y) || isnan(u)) return NAN;
    return reduction == SCATTER_MAX ? fmax(y, u) : fmin(y, u);
}

static int64_t whole(scatter_reduction reduction, dtype type, int64_t y, int64_t u) {
    bool greater = integer_less(type, y, u);
    if (reduction == SCATTER_ADD) return integer_wrap(type, (int64_t)((uint64_t)y + (uint64_t)u));
    if (reduction == SCATTER_MUL) return integer_wrap(type, (int64_t)((uint64_t)y * (uint64_t)u));
    if (reduction == SCATTER_NONE) return u;
    return greater == (reduction == SCATTER_MAX) ? u : y;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    picks p = picks_of(c->node);
    scatter_reduction reduction = scatter_reduction_of(c->node);
    ref_tensor *y = &c->out[0];
    int64_t rows = shape_count(&p.rows), count = shape_count(&y->shape), to;
    for (int64_t i = 0; i < count; i++) ref_copy(y, i, &c->in[0], i);
    for (int64_t r = 0; r < rows; r++) {
        TRY(picks_offset(&p, c->in[1].i, r, &to, err));
        for (int64_t i = to, u = r * p.inner; i < to + p.inner; i++, u++)
            if (y->f) y->f[i] = real(reduction, y->f[i], c->in[2].f[u]);
            else y->i[i] = whole(reduction, y->type, y->i[i], c->in[2].i[u]);
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case elements_cases[] = {{"3x3, i64=1,0,2,0,2,1:2x3, 2x3", ""},
                                         {"1x5, i32=1,3:1x2, 1x2", "axis=1"},
                                         {"2x3x4, i64=1,-1,2,0,0,2,1,1:2x1x4, 2x1x4", "axis=1 reduction=add"},
                                         {"1x5, i64=1,1:1x2, 1x2", "axis=1 reduction=add"},
                                         {"pos:2x5, i64=1,1,4,4:2x2, pos:2x2", "axis=1 reduction=mul"},
                                         {"3x5, i64=1,-4,4,4:2x2, 2x2", "axis=1 reduction=max"},
                                         {"3x5, i64=1,1,2,2:2x2, 2x2", "reduction=min"},
                                         {"i64=5,6,7:3, i64=2,2:2, i64=1,9:2", "reduction=add"},
                                         {0}};
static const op_case tuples_cases[] = {{"8, i64=4,3,1,7:4x1, 4", ""},
                                       {"4x4x4, i64=0,2:2x1, 2x4x4", ""},
                                       {"4x3x2, i64=0,2,0,2:2x2, 2x2", "reduction=add"},
                                       {"pos:4x3x2, i64=0,2,1,-1:2x2, pos:2x2", "reduction=mul"},
                                       {"4x3, i64=0,2,0:3x1, 3x3", "reduction=max"},
                                       {"4x3, i32=0,2,0:3x1, 3x3", "reduction=min"},
                                       {0}};

#define SCATTER(op_name)                                                                                               \
    .name = op_name, .domain = "", .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1,                               \
    .attribute_bytes = sizeof(scatter_attributes), .gradient = gradient, .cost = rule_no_cost, .reference = reference, \
    .layouts = LAYOUT_PLAIN, .in_place = 1 << 0

const op_def op_ScatterElements = {
    SCATTER("ScatterElements"),
    .fields = elements_fields,
    .infer = elements_infer,
    .cases = elements_cases,
    .text =
        "y = x; y[…, indices[…, i, …], …] = updates[…, i, …], or added, multiplied, compared with what stands there",
};

const op_def op_ScatterND = {
    SCATTER("ScatterND"),
    .fields = tuples_fields,
    .infer = tuples_infer,
    .cases = tuples_cases,
    .text =
        "y = x; y[indices[i, 0], indices[i, 1], …] = updates[i], or added, multiplied, compared with what stands there",
};
