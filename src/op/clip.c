/* Clip: both bounds are optional inputs. Where they are known before the run, as in ReLU6, a session runs Clamp
 * instead, a row of unary_rows.h that may stand in a product's epilogue; else a Max and a Min. */
#include <math.h>

#include "op/rule.h"
#include "op/unary.h"

static stria_status infer(node *n, stria_error *err) {
    static const char *const name[3] = {"input", "min", "max"};
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "input is bool, expected numbers");
    for (int i = 1; i < 3; i++) {
        if (!rule_input(n, i)) continue;
        TRY(rule_same_type(n, 0, i, err));
        if (shape_count(&n->in[i]->shape) != 1)
            FAIL(err, STRIA_BAD_SHAPE, "%s has %lld element%s, expected one", name[i],
                 (long long)shape_count(&n->in[i]->shape), text_s(shape_count(&n->in[i]->shape)));
    }
    return rule_like(n, 0, err);
}

/* Bound i is absent, or a float whose contents are known; then *out is it. */
static bool known_bound(const node *n, int i, float absent, float *out) {
    const value *v = rule_input(n, i);
    const tensor *t = v ? value_contents(v) : NULL;
    *out = t ? (float)tensor_f64(t, 0) : absent;
    return (!v || t) && n->in[0]->type == STRIA_FLOAT32 && !isnan(*out);
}

/* A bound of one element, under rank 0, so that it does not add dimensions. */
static value *scalar(builder *b, value *v) {
    return v->shape.rank == 0 ? v : build2(b, &op_Reshape, v, build_i64(b, NULL, 0), NULL);
}

static stria_status expand(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    unary_attributes a = {0};
    value *y = n->in[0];
    bool least = known_bound(n, 1, -INFINITY, &a.alpha), most = known_bound(n, 2, INFINITY, &a.beta);
    if (least && most) {
        out[0] = build1(&b, &op_Clamp, y, &a);
        return b.status;
    }
    if (rule_input(n, 1)) y = build2(&b, &op_Max, y, scalar(&b, n->in[1]), NULL);
    if (rule_input(n, 2) && y) y = build2(&b, &op_Min, y, scalar(&b, n->in[2]), NULL);
    out[0] = y;
    return b.status;
}

/* d where y has not reached bound i (Greater than min, Less than max); else 0. */
static value *inside(builder *b, const node *n, int i, value *d) {
    if (!rule_input(n, i) || !d) return d;
    value *c = build2(b, i == 1 ? &op_Greater : &op_Less, n->out[0], scalar(b, n->in[i]), NULL);
    value *in[3] = {c, d, build_scalar(b, d->type, 0)};
    return c && in[2] ? build(b, &op_Where, in, 3, NULL) : NULL;
}

/* dx = dy inside the bounds, 0 at them; the bounds' gradients are what falls on them. */
static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    unary_attributes a = {0};
    bool least = known_bound(n, 1, -INFINITY, &a.alpha), most = known_bound(n, 2, INFINITY, &a.beta);
    if (wanted[0] && least && most) dx[0] = build2(&b, &op_ClampGradient, dy[0], n->out[0], &a);
    else if (wanted[0]) dx[0] = inside(&b, n, 2, inside(&b, n, 1, dy[0]));
    for (int i = 1; i < n->in_count; i++) {
        if (!wanted[i]) continue;
        value *in[3] = {dy[0], scalar(&b, n->in[i]), n->out[0]};
        if (in[1]) dx[i] = build_reduce_to(&b, build(&b, &op_SelectEqual, in, 3, NULL), in[1]);
        dx[i] = build_reshape_to(&b, dx[i], n->in[i]);
    }
    return b.status;
}

/* The bound's element, or NULL. */
static const ref_tensor *bound(const ref_call *c, int i) {
    return i < c->in_count && (c->in[i].f || c->in[i].i) ? &c->in[i] : NULL;
}

/* min(max(x, least), most): NaN where one of them is. */
static double clip_real(double x, const ref_tensor *least, const ref_tensor *most) {
    if (least && !(x >= least->f[0])) x = isnan(x) ? x : least->f[0];
    if (most && !(x <= most->f[0])) x = isnan(x) ? x : most->f[0];
    return x;
}

static int64_t clip_whole(int64_t x, const ref_tensor *least, const ref_tensor *most) {
    if (least && integer_less(least->type, x, least->i[0])) x = least->i[0];
    if (most && integer_less(most->type, most->i[0], x)) x = most->i[0];
    return x;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0], *y = &c->out[0], *least = bound(c, 1), *most = bound(c, 2);
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++)
        if (y->f) y->f[i] = clip_real(x->f[i], least, most);
        else y->i[i] = clip_whole(x->i[i], least, most);
    return STRIA_OK;
}

static op_cost cost(const node *n) {
    return (op_cost){0, shape_count(&n->out[0]->shape)};
}

static const op_case cases[] = {
    {"2x3x4x5, f=-0.5, f=0.25", ""}, {"257, -, f=0.25:1", ""},           {"2x3x4, f=-0.25", ""},      {"2x3x4", ""},
    {"5, f=0.5, f=-0.5", ""},        {"i64=-3,2,9:3, i64=0, i64=6", ""}, {"u8=3,200:2, -, u8=6", ""}, {0}};

const op_def op_Clip = {
    .name = "Clip",
    .domain = "",
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = infer,
    .gradient = gradient,
    .cost = cost,
    .reference = reference,
    .expand = expand,
    .cases = cases,
    .layouts = LAYOUT_SAME,
    .in_place = 1 << 0,
    .text = "y = min(max(x, least), most), least and most being the inputs min and max; dx = 0 at them",
};
