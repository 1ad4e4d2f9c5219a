/* Elements that contents choose: NonZero says where x is not 0, Compress keeps what a list of bools marks. The result's
 * size follows from the contents, so these must be known before a run: constants, or an input that is given. */
#include "op/rule.h"
#include "op/shape.h"

typedef struct compress_attributes {
    int64_t axis; /* WHOLE: of all elements in one row */
} compress_attributes;

#define WHOLE INT64_MIN

static const attr_field compress_fields[] = {ATTR(compress_attributes, axis, ATTR_INT, "-9223372036854775808"), {0}};

static stria_status contents_known(const node *n, int i, const char *what, const tensor **out, stria_error *err) {
    *out = value_contents(n->in[i]);
    if (!*out)
        FAIL(err, STRIA_UNSUPPORTED,
             "the size of its result depends on %s ('%s'), which must be constant: Stria plans every size before a run",
             what, n->in[i]->name);
    return STRIA_OK;
}

/* ---- NonZero ---- */

static bool is_set(const tensor *t, int64_t i) {
    return dtype_is_float(t->type) ? tensor_f64(t, i) != 0 : tensor_i64(t, i) != 0;
}

static stria_status nonzero_infer(node *n, stria_error *err) {
    const tensor *x;
    TRY(contents_known(n, 0, "the input", &x, err));
    int64_t count = shape_count(&x->shape), set = 0;
    for (int64_t i = 0; i < count; i++) set += is_set(x, i);
    shape y = {2, {x->shape.rank ? x->shape.rank : 1, set}};
    return rule_output(n, 0, STRIA_INT64, &y, err);
}

/* Dimension d of the k-th in row-major order. */
static stria_status nonzero_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    int64_t count = shape_count(&x->shape), set = c->out[0].shape.dim[1], at = 0;
    for (int64_t i = 0; i < count && at < set; i++) {
        if (x->f ? x->f[i] == 0 : x->i[i] == 0) continue;
        int64_t rest = i;
        if (x->shape.rank == 0) c->out[0].i[at] = 0;
        for (int d = x->shape.rank - 1; d >= 0; rest /= x->shape.dim[d--])
            c->out[0].i[d * set + at] = rest % x->shape.dim[d];
        at++;
    }
    return STRIA_OK;
}

/* ---- Compress ---- */

static stria_status compressed(const node *n, int *axis, int64_t *set, const tensor **marks, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    int64_t asked = ((const compress_attributes *)n->attributes)->axis;
    char text[192];
    *axis = -1;
    if (asked != WHOLE) TRY(rule_axis(asked, x->rank, axis, err));
    TRY(contents_known(n, 1, "the condition", marks, err));
    int64_t length = *axis < 0 ? shape_count(x) : x->dim[*axis], count = shape_count(&(*marks)->shape);
    if ((*marks)->type != STRIA_BOOL || (*marks)->shape.rank != 1 || count > length)
        FAIL(err, STRIA_BAD_SHAPE, "the condition is %s of %s, expected at most %lld bools",
             shape_text(&(*marks)->shape, text), dtype_name((*marks)->type), (long long)length);
    *set = 0;
    for (int64_t i = 0; i < count; i++) *set += tensor_i64(*marks, i) != 0;
    return STRIA_OK;
}

static stria_status compress_infer(node *n, stria_error *err) {
    const tensor *marks;
    shape y = n->in[0]->shape;
    int axis;
    int64_t set;
    TRY(compressed(n, &axis, &set, &marks, err));
    if (axis < 0) y = shape_of(1, &set);
    else y.dim[axis] = set;
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Gather at the places that are marked. */
static stria_status compress_expand(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const tensor *marks;
    int axis;
    int64_t set, at = 0, *places, whole = -1;
    TRY(compressed(n, &axis, &set, &marks, err));
    TRY(mem_new(&places, (size_t)set + 1, sizeof *places, "places", err));
    for (int64_t i = 0; at < set; i++)
        if (tensor_i64(marks, i)) places[at++] = i;
    value *x = n->in[0];
    if (axis < 0) x = build2(&b, &op_Reshape, x, build_i64(&b, &whole, 1), NULL);
    out[0] = build2(&b, &op_Gather, x, build_i64(&b, places, set), &(axis_attributes){axis < 0 ? 0 : axis});
    mem_free(places);
    return b.status;
}

static stria_status compress_reference(const ref_call *c, stria_error *err) {
    const tensor *marks;
    int axis;
    int64_t set, at = 0;
    const shape *x = &c->in[0].shape;
    TRY(compressed(c->node, &axis, &set, &marks, err));
    int64_t length = axis < 0 ? shape_count(x) : x->dim[axis], outer = axis < 0 ? 1 : shape_span(x, 0, axis);
    int64_t inner = axis < 0 ? 1 : shape_span(x, axis + 1, x->rank), count = shape_count(&marks->shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < count; i++)
            for (int64_t k = 0; k < inner && tensor_i64(marks, i); k++)
                ref_copy(&c->out[0], at++, &c->in[0], (o * length + i) * inner + k);
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case nonzero_cases[] = {{"f=0,1,0,-2,0,3:2x3", ""}, {"bool=0,1,1:3", ""}, {"i64=5", ""},
                                        {"i64=0,0:2", ""},          {"u8=:0", ""},        {0}};
static const op_case compress_cases[] = {{"3x2, bool=0,1,1:3", "axis=0"},
                                         {"3x2, bool=0,1:2", "axis=-1"},
                                         {"3x2, bool=0,1,0,0,1:5", ""},
                                         {"i64=1,2,3:3, bool=0,0:2", ""},
                                         {0}};

#define CHOSEN(op_name, inputs)                                                                                        \
    .name = op_name, .domain = "", .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = 1,                     \
    .cost = rule_no_cost, .layouts = LAYOUT_PLAIN

const op_def op_NonZero = {
    CHOSEN("NonZero", 1),           .fields = no_fields,
    .infer = nonzero_infer,         .gradient = rule_no_gradient,
    .reference = nonzero_reference, .cases = nonzero_cases,
    .value_inputs = 1 << 0,         .text = "y[d, k] = index d of the k-th element that is not 0"};
const op_def op_Compress = {CHOSEN("Compress", 2),
                            .attribute_bytes = sizeof(compress_attributes),
                            .fields = compress_fields,
                            .infer = compress_infer,
                            .reference = compress_reference,
                            .expand = compress_expand,
                            .cases = compress_cases,
                            .value_inputs = 1 << 1,
                            .text = "y = the entries of x along the axis that the condition marks"};
