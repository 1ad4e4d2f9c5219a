/* Concat: its inputs one after the other along an axis. */
#include "op/rule.h"
#include "op/shape.h"

static const attr_field concat_fields[] = {{"axis", ATTR_INT, offsetof(axis_attributes, axis), NULL, true}, {0}};

static stria_status concat_infer(node *n, stria_error *err) {
    char tx[192], ty[192];
    int axis;
    shape y = n->in[0]->shape;
    TRY(rule_axis(((const axis_attributes *)n->attributes)->axis, y.rank, &axis, err));
    for (int i = 1; i < n->in_count; i++) {
        const shape *x = &n->in[i]->shape;
        TRY(rule_same_type(n, 0, i, err));
        bool fits = x->rank == y.rank;
        for (int d = 0; fits && d < y.rank; d++) fits = d == axis || x->dim[d] == y.dim[d];
        if (!fits || __builtin_add_overflow(y.dim[axis], x->dim[axis], &y.dim[axis]))
            FAIL(err, STRIA_BAD_SHAPE, "cannot join %s and %s along axis %d", shape_text(&n->in[0]->shape, ty),
                 shape_text(x, tx), axis);
    }
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status concat_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    int axis;
    TRY(rule_axis(((const axis_attributes *)n->attributes)->axis, n->out[0]->shape.rank, &axis, err));
    int64_t from = 0, which = axis;
    for (int i = 0; i < n->in_count; i++) {
        int64_t to = from + n->in[i]->shape.dim[axis];
        if (wanted[i]) {
            value *in[4] = {dy[0], build_i64(&b, &from, 1), build_i64(&b, &to, 1), build_i64(&b, &which, 1)};
            dx[i] = build(&b, &op_Slice, in, 4, NULL);
        }
        from = to;
    }
    return b.status;
}

static stria_status concat_reference(const ref_call *c, stria_error *err) {
    const shape *y = &c->out[0].shape;
    int axis;
    TRY(rule_axis(((const axis_attributes *)c->attributes)->axis, y->rank, &axis, err));
    int64_t outer = shape_span(y, 0, axis), row = shape_span(y, axis, y->rank), before = 0;
    for (int k = 0; k < c->in_count; k++) {
        int64_t part = shape_span(&c->in[k].shape, axis, y->rank);
        for (int64_t o = 0; o < outer; o++)
            for (int64_t i = 0; i < part; i++) ref_copy(&c->out[0], o * row + before + i, &c->in[k], o * part + i);
        before += part;
    }
    return STRIA_OK;
}

static const op_case concat_cases[] = {{"2x3x4, 2x5x4", "axis=1"},
                                       {"2x3, 1x3, 4x3", "axis=0"},
                                       {"2x3x4, 2x3x1", "axis=-1"},
                                       {"i64=1:1, i64=2,3:2", "axis=0"},
                                       {0}};

const op_def op_Concat = {
    .name = "Concat",
    .domain = "",
    .in_min = 1,
    .in_max = OP_UNBOUNDED,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(axis_attributes),
    .fields = concat_fields,
    .infer = concat_infer,
    .gradient = concat_gradient,
    .cost = rule_no_cost,
    .reference = concat_reference,
    .cases = concat_cases,
    .layouts = LAYOUT_FOLLOW,
    .text = "y = the inputs one after the other along axis",
};
