/* CenterCropPad: the middle of a tensor, cut out or with zeros around it. It is made of Pad. */
#include "op/rule.h"
#include "op/shape.h"

typedef struct crop_attributes {
    ints axes; /* none: all */
} crop_attributes;

static const attr_field fields[] = {ATTR(crop_attributes, axes, ATTR_INTS, NULL), {0}};

/* The result's shape. */
static stria_status cropped(const node *n, shape *y, stria_error *err) {
    const ints *axes = &((const crop_attributes *)n->attributes)->axes;
    int64_t sizes[RANK_MAX];
    bool seen[RANK_MAX] = {false};
    int count;
    *y = n->in[0]->shape;
    TRY(rule_ints(n, 1, "shape", sizes, RANK_MAX, &count, err));
    int64_t wanted = axes->count ? axes->count : y->rank;
    if (count != wanted)
        FAIL(err, STRIA_BAD_SHAPE, "the input shape has %d entr%s, expected %lld", count, text_ies(count),
             (long long)wanted);
    for (int k = 0; k < count; k++) {
        int axis;
        TRY(rule_axis(axes->count ? axes->value[k] : k, y->rank, &axis, err));
        if (seen[axis]) FAIL(err, STRIA_BAD_SHAPE, "axis %d is given twice", axis);
        if (sizes[k] < 0) FAIL(err, STRIA_BAD_SHAPE, "a size of %lld is asked for", (long long)sizes[k]);
        seen[axis] = true;
        y->dim[axis] = sizes[k];
    }
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    shape y;
    TRY(cropped(n, &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* The odd one of what is missing or too much is after. */
static stria_status expand(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const shape *x = &n->in[0]->shape;
    int64_t pads[2 * RANK_MAX];
    shape y;
    TRY(cropped(n, &y, err));
    for (int d = 0; d < x->rank; d++) {
        int64_t more = y.dim[d] - x->dim[d];
        pads[d] = more / 2;
        pads[x->rank + d] = more - pads[d];
    }
    out[0] = build2(&b, &op_Pad, n->in[0], build_i64(&b, pads, 2 * x->rank), NULL);
    return b.status;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const shape *x = &c->in[0].shape, *y = &c->out[0].shape;
    int64_t count = shape_count(y);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, from = 0, step = 1;
        bool inside = true;
        for (int d = y->rank - 1; d >= 0; rest /= y->dim[d--]) {
            int64_t at = rest % y->dim[d] - (y->dim[d] - x->dim[d]) / 2; /* cut towards 0, both ways */
            inside = inside && at >= 0 && at < x->dim[d];
            from += at * step;
            step *= x->dim[d];
        }
        if (inside) ref_copy(&c->out[0], i, &c->in[0], from);
    }
    return STRIA_OK;
}

static const op_case cases[] = {{"5x4, i64=2,7:2", ""}, {"2x7x3, i64=4:1", "axes=-2"}, {"6x6, i64=3,3:2", "axes=1,0"},
                                {"3, i64=0:1", ""},     {"i64=1,2,3:3, i64=6:1", ""},  {0}};

const op_def op_CenterCropPad = {
    .name = "CenterCropPad",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(crop_attributes),
    .fields = fields,
    .infer = infer,
    .cost = rule_no_cost,
    .reference = reference,
    .expand = expand,
    .cases = cases,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_PLAIN,
    .text = "y = the middle of x in the given sizes, with zeros around it where x is smaller",
};
