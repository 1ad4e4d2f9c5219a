/* Operators that give the same elements another shape, and those that speak of shapes and types. */
#include "op/shape.h"

#include <math.h>

#include "op/rule.h"

static const attr_field flatten_fields[] = {ATTR(flatten_attributes, axis, ATTR_INT, "1"), {0}};
static const attr_field reshape_fields[] = {ATTR(reshape_attributes, allowzero, ATTR_INT, "0"), {0}};
static const attr_field shape_fields[] = {
    ATTR(shape_attributes, start, ATTR_INT, "0"), ATTR(shape_attributes, end, ATTR_INT, "9223372036854775807"), {0}};

/* ---- shapes ---- */

static stria_status flatten_infer(node *n, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    int64_t axis = ((const flatten_attributes *)n->attributes)->axis;
    if (axis < -x->rank || axis > x->rank)
        FAIL(err, STRIA_BAD_SHAPE, "axis %lld is out of range for a tensor of rank %d", (long long)axis, x->rank);
    int split = (int)(axis < 0 ? axis + x->rank : axis);
    shape y = shape_of(2, (int64_t[]){shape_span(x, 0, split), shape_span(x, split, x->rank)});
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* What the entries of Reshape's second input mean: 0 keeps the input's size (unless allowzero), −1 takes what is left.
 */
static stria_status reshape_resolve(shape *y, const shape *x, bool allowzero, stria_error *err) {
    char tx[192], ty[192];
    int64_t known = 1, count = shape_count(x);
    int open = -1;
    shape asked = *y;
    for (int d = 0; d < y->rank; d++) {
        if (y->dim[d] == 0 && !allowzero) {
            if (d >= x->rank)
                FAIL(err, STRIA_BAD_SHAPE, "cannot reshape %s to %s: dimension %d has no size to keep",
                     shape_text(x, tx), shape_text(&asked, ty), d);
            y->dim[d] = x->dim[d];
        }
        if (y->dim[d] == -1 && open < 0) open = d;
        else if (y->dim[d] < 0 || __builtin_mul_overflow(known, y->dim[d], &known))
            FAIL(err, STRIA_BAD_SHAPE, "cannot reshape %s to %s", shape_text(x, tx), shape_text(&asked, ty));
    }
    if (open >= 0 && known > 0 && count % known == 0) y->dim[open] = count / known;
    if (shape_count(y) != count)
        FAIL(err, STRIA_BAD_SHAPE, "cannot reshape %s (%lld element%s) to %s", shape_text(x, tx), (long long)count,
             text_s(count), shape_text(&asked, ty));
    return STRIA_OK;
}

static stria_status reshape_infer(node *n, stria_error *err) {
    shape y = {0};
    TRY(rule_ints(n, 1, "shape", y.dim, RANK_MAX, &y.rank, err));
    TRY(reshape_resolve(&y, &n->in[0]->shape, ((const reshape_attributes *)n->attributes)->allowzero != 0, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status reshape_to_infer(node *n, stria_error *err) {
    char tx[192], ty[192];
    const shape *x = &n->in[0]->shape, *y = &n->in[1]->shape;
    if (shape_count(x) != shape_count(y))
        FAIL(err, STRIA_BAD_SHAPE, "cannot reshape %s to %s", shape_text(x, tx), shape_text(y, ty));
    return rule_output(n, 0, n->in[0]->type, y, err);
}

static stria_status identity_infer(node *n, stria_error *err) {
    return rule_like(n, 0, err);
}

static stria_status squeeze_infer(node *n, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    bool axis[RANK_MAX], given;
    shape y = {0};
    TRY(rule_axes(n, 1, x->rank, axis, &given, err));
    for (int d = 0; d < x->rank; d++) {
        if (axis[d] && x->dim[d] != 1)
            FAIL(err, STRIA_BAD_SHAPE, "cannot squeeze dimension %d, its size is %lld", d, (long long)x->dim[d]);
        if (given ? !axis[d] : x->dim[d] != 1) y.dim[y.rank++] = x->dim[d];
    }
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status unsqueeze_infer(node *n, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    bool axis[RANK_MAX], given;
    int64_t list[RANK_MAX];
    int count;
    shape y = {0};
    TRY(rule_ints(n, 1, "axes", list, RANK_MAX, &count, err));
    y.rank = x->rank + count;
    if (y.rank > RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "the result would have rank %d, at most %d is supported", y.rank, RANK_MAX);
    TRY(rule_axes(n, 1, y.rank, axis, &given, err));
    for (int d = 0, from = 0; d < y.rank; d++) y.dim[d] = axis[d] ? 1 : x->dim[from++];
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static int64_t clamp_axis(int64_t axis, int rank) {
    if (axis < 0) axis += rank;
    return axis < 0 ? 0 : axis > rank ? rank : axis;
}

static stria_status shape_infer(node *n, stria_error *err) {
    const shape_attributes *a = n->attributes;
    int rank = n->in[0]->shape.rank;
    int64_t count = clamp_axis(a->end, rank) - clamp_axis(a->start, rank);
    shape y = shape_of(1, (int64_t[]){count < 0 ? 0 : count});
    return rule_output(n, 0, STRIA_INT64, &y, err);
}

/* ---- gradient, cost, reference ---- */

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build_reshape_to(&b, dy[0], n->in[0]);
    return b.status;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++) ref_copy(&c->out[0], i, &c->in[0], i);
    return STRIA_OK;
}

static stria_status shape_reference(const ref_call *c, stria_error *err) {
    const shape *x = &c->in[0].shape;
    int64_t first = clamp_axis(((const shape_attributes *)c->attributes)->start, x->rank);
    for (int64_t i = 0; i < c->out[0].shape.dim[0]; i++) c->out[0].i[i] = x->dim[first + i];
    return STRIA_OK;
}

static stria_status size_infer(node *n, stria_error *err) {
    shape y = {0};
    return rule_output(n, 0, STRIA_INT64, &y, err);
}

static stria_status size_reference(const ref_call *c, stria_error *err) {
    c->out[0].i[0] = shape_count(&c->in[0].shape);
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case flatten_cases[] = {
    {"2x3x4x5", ""}, {"2x3x4", "axis=2"}, {"2x3", "axis=0"}, {"4x3x2", "axis=-1"}, {0}};
static const op_case reshape_cases[] = {{"2x3x4, i64=0,-1:2", ""},     {"2x3x4, i64=4,6:2", ""},
                                        {"2x3x4, i64=2,0,2,-1:4", ""}, {"6, i64=-1,1,3:3", "allowzero=1"},
                                        {"1x1, i64=:0", ""},           {0}};
static const op_case reshape_to_cases[] = {{"2x3x4, 2x12", ""}, {"2x12, 2x3x2x2", ""}, {0}};
static const op_case identity_cases[] = {{"2x3x4x5", ""}, {"i64=1,2:2", ""}, {0}};
static const op_case squeeze_cases[] = {{"2x1x4x1", ""}, {"2x1x4x1, i64=-1:1", ""}, {"2x1x4x1, i64=1,3:2", ""}, {0}};
static const op_case unsqueeze_cases[] = {{"2x4, i64=1:1", ""}, {"2x4, i64=0,-1:2", ""}, {0}};
static const op_case size_cases[] = {{"2x3x4", ""}, {":", ""}, {"0x3", ""}, {0}};
static const op_case shape_cases[] = {{"2x3x4", ""}, {"2x3x4", "start=1"}, {"2x3x4", "start=-2 end=-1"}, {0}};

const op_def op_Flatten = {
    .name = "Flatten",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(flatten_attributes),
    .fields = flatten_fields,
    .infer = flatten_infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = flatten_cases,
    .float8 = true,
    .layouts = LAYOUT_KEEP_BATCH,
    .view = true,
    .text = "y[i, j] = x, the dimensions before axis in i, the others in j",
};

const op_def op_Reshape = {
    .name = "Reshape",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(reshape_attributes),
    .fields = reshape_fields,
    .infer = reshape_infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = reshape_cases,
    .float8 = true,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_KEEP_BATCH,
    .view = true,
    .text = "y = x under the given shape; 0 keeps a size, −1 takes what is left",
};

const op_def op_ReshapeTo = {
    .name = "ReshapeTo",
    .domain = "stria",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = reshape_to_infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = reshape_to_cases,
    .shape_inputs = 1 << 1,
    .layouts = LAYOUT_KEEP_BATCH,
    .view = true,
    .text = "y = x under the shape of `like`",
};

const op_def op_Identity = {
    .name = "Identity",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = identity_infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = identity_cases,
    .float8 = true,
    .layouts = LAYOUT_SAME,
    .view = true,
    .text = "y = x",
};

const op_def op_Squeeze = {
    .name = "Squeeze",
    .domain = "",
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = squeeze_infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = squeeze_cases,
    .float8 = true,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_KEEP_BATCH,
    .view = true,
    .text = "y = x without the dimensions of size 1 (all, or the given axes)",
};

const op_def op_Unsqueeze = {
    .name = "Unsqueeze",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = unsqueeze_infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = unsqueeze_cases,
    .float8 = true,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_KEEP_BATCH,
    .view = true,
    .text = "y = x with new dimensions of size 1 at the given axes",
};

const op_def op_Shape = {
    .name = "Shape",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(shape_attributes),
    .fields = shape_fields,
    .infer = shape_infer,
    .gradient = rule_no_gradient,
    .cost = rule_no_cost,
    .reference = shape_reference,
    .cases = shape_cases,
    .float8 = true,
    .shape_inputs = 1 << 0,
    .layouts = LAYOUT_STRIDED,
    .text = "y = the sizes of x's dimensions start…end−1",
};

const op_def op_Size = {
    .name = "Size",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = size_infer,
    .gradient = rule_no_gradient,
    .cost = rule_no_cost,
    .reference = size_reference,
    .cases = size_cases,
    .float8 = true,
    .shape_inputs = 1 << 0,
    .layouts = LAYOUT_STRIDED,
    .text = "y = how many elements x has",
};
