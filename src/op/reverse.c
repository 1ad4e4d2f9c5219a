/* ReverseSequence: the first elements of each item's sequence in the other order. It is its own gradient. */
#include "op/rule.h"

typedef struct reverse_attributes {
    int64_t batch_axis, time_axis;
} reverse_attributes;

static const attr_field fields[] = {
    ATTR(reverse_attributes, batch_axis, ATTR_INT, "1"), ATTR(reverse_attributes, time_axis, ATTR_INT, "0"), {0}};

static stria_status infer(node *n, stria_error *err) {
    const reverse_attributes *a = n->attributes;
    const shape *x = &n->in[0]->shape, *lengths = &n->in[1]->shape;
    char tx[192], tl[192];
    bool axes = (a->batch_axis == 0 && a->time_axis == 1) || (a->batch_axis == 1 && a->time_axis == 0);
    if (!axes)
        FAIL(err, STRIA_BAD_SHAPE, "batch_axis is %lld and time_axis %lld, expected 0 and 1 or 1 and 0",
             (long long)a->batch_axis, (long long)a->time_axis);
    if (x->rank < 2 || lengths->rank != 1 || lengths->dim[0] != x->dim[a->batch_axis] || n->in[1]->type != STRIA_INT64)
        FAIL(err, STRIA_BAD_SHAPE, "lengths are %s of %s, which do not fit the input's %s", dtype_name(n->in[1]->type),
             shape_text(lengths, tl), shape_text(x, tx));
    return rule_like(n, 0, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build2(&b, &op_ReverseSequence, dy[0], n->in[1], n->attributes);
    return b.status;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const reverse_attributes *a = c->attributes;
    const shape *x = &c->in[0].shape;
    int64_t steps = x->dim[a->time_axis], items = x->dim[a->batch_axis], inner = shape_span(x, 2, x->rank);
    int64_t step = a->time_axis ? inner : items * inner, item = a->time_axis ? steps * inner : inner;
    for (int64_t b = 0; b < items; b++) {
        int64_t length = c->in[1].i[b];
        if (length < 0 || length > steps)
            FAIL(err, STRIA_BAD_VALUE, "the length %lld of item %lld is outside 0 to %lld", (long long)length,
                 (long long)b, (long long)steps);
        for (int64_t t = 0; t < steps; t++)
            for (int64_t i = 0; i < inner; i++) {
                int64_t from = t < length ? length - 1 - t : t;
                ref_copy(&c->out[0], t * step + b * item + i, &c->in[0], from * step + b * item + i);
            }
    }
    return STRIA_OK;
}

static const op_case cases[] = {{"4x3, i64=4,0,2:3", ""},
                                {"3x4x2, i64=4,1,3:3", "batch_axis=0 time_axis=1"},
                                {"i64=1,2,3,4:4x1, i64=3:1", ""},
                                {0}};

const op_def op_ReverseSequence = {
    .name = "ReverseSequence",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(reverse_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_PLAIN,
    .text = "y[t, b] = x[length[b] − 1 − t, b] where t < length[b], else x[t, b]",
};
