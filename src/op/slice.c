/* Slice(x, starts, ends, axes?, steps?): y[i] = x[start + i·step] along each axis, and its gradient. */
#include <assert.h>

#include "op/rule.h"
#include "op/shape.h"

/* ONNX's clamping: a forward slice lives in [0, size], a backward one in [−1, size − 1]. */
static int64_t clamp(int64_t at, int64_t size, bool backward) {
    if (at < 0) at = at < -size ? -1 : at + size;
    if (!backward) return at < 0 ? 0 : at > size ? size : at;
    return at > size - 1 ? size - 1 : at;
}

static stria_status slice_one(int64_t size, int64_t start, int64_t end, int64_t step, int64_t *first, int64_t *count,
                              stria_error *err) {
    if (step == 0 || step == INT64_MIN) FAIL(err, STRIA_BAD_SHAPE, "a slice cannot step by %lld", (long long)step);
    bool backward = step < 0;
    *first = clamp(start, size, backward);
    /* an end below −size − 1 means "through the first element" of a backward slice */
    int64_t last = end < -size && backward ? -1 : clamp(end, size, backward);
    int64_t span = backward ? *first - last : last - *first, stride = backward ? -step : step;
    *count = span <= 0 ? 0 : (span - 1) / stride + 1;
    return STRIA_OK;
}

/* `first` is the input after which starts, ends, axes, steps stand. */
static stria_status slice_infer_geometry(const node *n, const shape *x, int first, slice_geometry *g, shape *y,
                                         stria_error *err) {
    int64_t list[4][RANK_MAX];
    int count[4];
    static const char *const what[4] = {"starts", "ends", "axes", "steps"};
    for (int k = 0; k < 4; k++) TRY(rule_ints(n, first + k, what[k], list[k], RANK_MAX, &count[k], err));
    for (int k = 1; k < 4; k++)
        if (count[k] != count[0] && count[k] >= 0)
            FAIL(err, STRIA_BAD_SHAPE, "there are %d starts and %d %s", count[0], count[k], what[k]);
    *y = *x;
    for (int d = 0; d < RANK_MAX; d++) g->start[d] = 0, g->step[d] = 1;
    for (int k = 0; k < count[0]; k++) {
        int axis;
        TRY(rule_axis(count[2] < 0 ? k : list[2][k], x->rank, &axis, err));
        g->step[axis] = count[3] < 0 ? 1 : list[3][k];
        TRY(slice_one(x->dim[axis], list[0][k], list[1][k], g->step[axis], &g->start[axis], &y->dim[axis], err));
        if (y->dim[axis] < 2) g->step[axis] = 1; /* never made: whatever a file says, products with pitches must fit */
    }
    return STRIA_OK;
}

static stria_status slice_infer(node *n, stria_error *err) {
    slice_geometry g;
    shape y;
    TRY(slice_infer_geometry(n, &n->in[0]->shape, 1, &g, &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status slice_gradient_infer(node *n, stria_error *err) {
    slice_geometry g;
    shape y;
    TRY(slice_infer_geometry(n, &n->in[1]->shape, 2, &g, &y, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the slice", err));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

slice_geometry slice_geometry_of(const node *n) {
    slice_geometry g = {0};
    shape y;
    int x = n->op == &op_Slice ? 0 : 1;
    stria_status status = slice_infer_geometry(n, &n->in[x]->shape, x + 1, &g, &y, NULL);
    assert(status == STRIA_OK);
    (void)status;
    return g;
}

static stria_status slice_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                   stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[6] = {dy[0]};
    for (int i = 0; i < n->in_count; i++) in[i + 1] = n->in[i];
    if (wanted[0]) dx[0] = build(&b, &op_SliceGradient, in, n->in_count + 1, NULL);
    return b.status;
}

/* dx is zero but where the slice was. */
static stria_status slice_gradient_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                            stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[5] = {e[0]};
    for (int i = 2; i < n->in_count; i++) in[i - 1] = n->in[i];
    if (wanted[0]) d[0] = build(&b, &op_Slice, in, n->in_count - 1, NULL);
    return b.status;
}

/* Offset in x of the slice's element i. */
static int64_t slice_offset(const slice_geometry *g, const shape *x, const shape *y, int64_t i) {
    int64_t offset = 0, stride = 1;
    for (int d = y->rank - 1; d >= 0; d--) {
        offset += (g->start[d] + i % y->dim[d] * g->step[d]) * stride;
        i /= y->dim[d];
        stride *= x->dim[d];
    }
    return offset;
}

static stria_status slice_reference(const ref_call *c, stria_error *err) {
    slice_geometry g = slice_geometry_of(c->node);
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++)
        ref_copy(&c->out[0], i, &c->in[0], slice_offset(&g, &c->in[0].shape, &c->out[0].shape, i));
    return STRIA_OK;
}

static stria_status slice_gradient_reference(const ref_call *c, stria_error *err) {
    slice_geometry g = slice_geometry_of(c->node);
    int64_t count = shape_count(&c->in[0].shape);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++)
        ref_copy(&c->out[0], slice_offset(&g, &c->out[0].shape, &c->in[0].shape, i), &c->in[0], i);
    return STRIA_OK;
}

static const op_case slice_cases[] = {{"5x6, i64=1,2:2, i64=4,100:2", ""},
                                      {"2x8x3, i64=1:1, i64=-1:1, i64=1:1, i64=3:1", ""},
                                      {"6x4, i64=-1:1, i64=-100:1, i64=0:1, i64=-2:1", ""},
                                      {0}};

static const op_case slice_gradient_cases[] = {
    {"3x4, 5x6, i64=1,2:2, i64=4,100:2", ""}, {"2x2x3, 2x8x3, i64=1:1, i64=-1:1, i64=1:1, i64=3:1", ""}, {0}};

const op_def op_Slice = {
    .name = "Slice",
    .domain = "",
    .in_min = 3,
    .in_max = 5,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = slice_infer,
    .gradient = slice_gradient,
    .cost = rule_no_cost,
    .reference = slice_reference,
    .cases = slice_cases,
    .value_inputs = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
    .layouts = LAYOUT_FOLLOW,
    .text = "y[i] = x[start + i · step], i = 0…, up to end",
};

const op_def op_SliceGradient = {
    .name = "SliceGradient",
    .domain = "stria",
    .in_min = 4,
    .in_max = 6,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = slice_gradient_infer,
    .gradient = slice_gradient_gradient,
    .cost = rule_no_cost,
    .reference = slice_gradient_reference,
    .cases = slice_gradient_cases,
    .value_inputs = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5,
    .shape_inputs = 1 << 1,
    .layouts = LAYOUT_FOLLOW,
    .text = "dx[start + i · step] = dy[i], zero elsewhere",
};
