/* Split: x cut along an axis; the opposite of Concat. */
#include <assert.h>

#include "op/rule.h"
#include "op/shape.h"

static const attr_field split_fields[] = {
    ATTR(split_attributes, axis, ATTR_INT, "0"), ATTR(split_attributes, num_outputs, ATTR_INT, "0"), {0}};

/* Parts of the sizes that the input `split` lists. */
static stria_status part_listed(const node *n, const tensor *sizes, int64_t size, int i, int64_t *part,
                                stria_error *err) {
    int64_t count = shape_count(&sizes->shape), sum = 0;
    for (int64_t k = 0; k < count; k++)
        if (tensor_i64(sizes, k) < 0 || __builtin_add_overflow(sum, tensor_i64(sizes, k), &sum))
            FAIL(err, STRIA_BAD_SHAPE, "part %lld has size %lld", (long long)k, (long long)tensor_i64(sizes, k));
    if (sum != size || count != n->out_count)
        FAIL(err, STRIA_BAD_SHAPE, "cannot split %lld entr%s into %d part%s of together %lld (%lld sizes)",
             (long long)size, text_ies(size), n->out_count, text_s(n->out_count), (long long)sum, (long long)count);
    *part = tensor_i64(sizes, i);
    return STRIA_OK;
}

/* Equal parts; with num_outputs the last may be smaller. */
static stria_status part_equal(const node *n, int64_t size, int i, int64_t *part, stria_error *err) {
    int64_t asked = ((const split_attributes *)n->attributes)->num_outputs, parts = n->out_count;
    if (asked != 0 && asked != parts)
        FAIL(err, STRIA_BAD_SHAPE, "num_outputs is %lld, but there are %lld output%s", (long long)asked,
             (long long)parts, text_s(parts));
    int64_t each = (size - 1) / parts + 1, last = size - each * (parts - 1);
    if (size == 0) each = last = 0;
    if (last < 0 || (asked == 0 && last != each))
        FAIL(err, STRIA_BAD_SHAPE, "cannot split %lld entr%s into %lld equal parts", (long long)size, text_ies(size),
             (long long)parts);
    *part = i + 1 < parts ? each : last;
    return STRIA_OK;
}

/* The shape of output i. */
static stria_status part_infer(const node *n, int i, shape *y, stria_error *err) {
    int axis;
    const value *split = rule_input(n, 1);
    const tensor *sizes = split ? value_contents(split) : NULL;
    *y = n->in[0]->shape;
    TRY(rule_axis(((const split_attributes *)n->attributes)->axis, y->rank, &axis, err));
    if (split && !sizes) FAIL(err, STRIA_UNSUPPORTED, "the input split ('%s') must be constant", split->name);
    if (!split) return part_equal(n, y->dim[axis], i, &y->dim[axis], err);
    if (sizes->shape.rank > 1 || sizes->type != STRIA_INT64)
        FAIL(err, STRIA_BAD_SHAPE, "the input split is %s of rank %d, expected int64 of rank 1",
             dtype_name(sizes->type), sizes->shape.rank);
    return part_listed(n, sizes, y->dim[axis], i, &y->dim[axis], err);
}

static stria_status split_infer(node *n, stria_error *err) {
    for (int i = 0; i < n->out_count; i++) {
        shape y;
        TRY(part_infer(n, i, &y, err));
        TRY(rule_output(n, i, n->in[0]->type, &y, err));
    }
    return STRIA_OK;
}

int64_t split_size(const node *n, int i) {
    int64_t axis = ((const split_attributes *)n->attributes)->axis;
    shape part;
    stria_status status = part_infer(n, i, &part, NULL);
    assert(status == STRIA_OK);
    (void)status;
    return part.dim[axis < 0 ? axis + part.rank : axis];
}

/* dx is the parts' gradients one after the other; zeros where there is none. */
static stria_status split_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                   stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value **parts;
    if (!wanted[0]) return STRIA_OK;
    TRY(mem_new(&parts, (size_t)n->out_count, sizeof *parts, "a gradient", err));
    for (int i = 0; i < n->out_count && b.status == STRIA_OK; i++) {
        shape part;
        b.status = part_infer(n, i, &part, err);
        parts[i] = dy[i] ? dy[i] : build_filled(&b, n->in[0]->type, &part, 0);
    }
    axis_attributes a = {((const split_attributes *)n->attributes)->axis};
    dx[0] = n->out_count == 1 ? parts[0] : build(&b, &op_Concat, parts, n->out_count, &a);
    mem_free(parts);
    return b.status;
}

static stria_status split_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    int axis;
    TRY(rule_axis(((const split_attributes *)c->attributes)->axis, x->shape.rank, &axis, err));
    int64_t outer = shape_span(&x->shape, 0, axis), row = shape_span(&x->shape, axis, x->shape.rank), before = 0;
    for (int k = 0; k < c->out_count; k++) {
        shape y;
        TRY(part_infer(c->node, k, &y, err));
        int64_t part = shape_span(&y, axis, y.rank);
        for (int64_t o = 0; o < outer && c->node->out[k]; o++)
            for (int64_t i = 0; i < part; i++) ref_copy(&c->out[k], o * part + i, x, o * row + before + i);
        before += part;
    }
    return STRIA_OK;
}

static const op_case split_cases[] = {{"2x6x4", "outputs=3 axis=1"},
                                      {"2x6x4, i64=1,3,2:3", "outputs=3 axis=1"},
                                      {"7x2", "outputs=3 num_outputs=3"},
                                      {"2x6, i64=6,0:2", "outputs=2 axis=-1"},
                                      {"2x8x5x3", "outputs=2 axis=1"},
                                      {"i64=1,2,3,4:4", "outputs=2"},
                                      {0}};

const op_def op_Split = {
    .name = "Split",
    .domain = "",
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = OP_UNBOUNDED,
    .attribute_bytes = sizeof(split_attributes),
    .fields = split_fields,
    .infer = split_infer,
    .gradient = split_gradient,
    .cost = rule_no_cost,
    .reference = split_reference,
    .cases = split_cases,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_FOLLOW,
    .text = "y₀, y₁, … = x cut along axis: into equal parts, or of the given sizes",
};
