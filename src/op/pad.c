/* Pad(x, pads, value?, axes?): more entries before and after each dimension, by a constant, mirrored without the edge
 * (reflect), the edge itself, or from the other end (wrap). Negative pads crop, before anything is added. */
#include <assert.h>
#include <string.h>

#include "op/reduce.h"
#include "op/rule.h"
#include "op/shape.h"

static const attr_field pad_fields[] = {ATTR(pad_attributes, mode, ATTR_STRING, "constant"), {0}};

/* ---- geometry ---- */

static stria_status mode_read(const node *n, pad_mode *mode, stria_error *err) {
    static const char *const names[] = {"constant", "reflect", "edge", "wrap"};
    const char *given = ((const pad_attributes *)n->attributes)->mode;
    for (int i = 0; i < 4; i++)
        if (strcmp(given, names[i]) == 0) {
            *mode = (pad_mode)i;
            return STRIA_OK;
        }
    FAIL(err, STRIA_BAD_ARGUMENT, "mode is '%s', expected constant, reflect, edge or wrap", given);
}

static int64_t crop(int64_t pad) {
    return pad < 0 ? -pad : 0;
}

static stria_status dimension_pad(const pad_geometry *g, int d, int64_t size, int64_t *padded, stria_error *err) {
    int64_t before = g->before[d], after = g->after[d];
    if (before == INT64_MIN || after == INT64_MIN || __builtin_add_overflow(size, before, padded) ||
        __builtin_add_overflow(*padded, after, padded) || *padded < 0)
        FAIL(err, STRIA_BAD_SHAPE, "dimension %d of size %lld cannot be padded by %lld and %lld", d, (long long)size,
             (long long)before, (long long)after);
    if (g->mode != PAD_CONSTANT && *padded > 0 && crop(before) >= size - crop(after))
        FAIL(err, STRIA_BAD_SHAPE, "nothing is left of dimension %d of size %lld to pad with", d, (long long)size);
    return STRIA_OK;
}

/* `first` is where pads stand among the inputs; the axes stand at `axes`. */
static stria_status pad_infer_geometry(const node *n, const shape *x, int first, int axes, pad_geometry *g, shape *y,
                                       stria_error *err) {
    int64_t pads[2 * RANK_MAX], which[RANK_MAX];
    int count, some;
    bool seen[RANK_MAX] = {false};
    *g = (pad_geometry){0};
    TRY(mode_read(n, &g->mode, err));
    TRY(rule_ints(n, first, "pads", pads, 2 * RANK_MAX, &count, err));
    TRY(rule_ints(n, axes, "axes", which, RANK_MAX, &some, err));
    if (some < 0) some = x->rank;
    else
        for (int k = 0; k < some; k++) {
            int axis;
            TRY(rule_axis(which[k], x->rank, &axis, err));
            if (seen[axis]) FAIL(err, STRIA_BAD_SHAPE, "axis %lld is given twice", (long long)which[k]);
            seen[axis] = true;
        }
    if (count != 2 * some)
        FAIL(err, STRIA_BAD_SHAPE, "pads has %d entr%s, expected two for each of %d dimension%s", count,
             text_ies(count), some, text_s(some));
    *y = *x;
    for (int k = 0; k < some; k++) {
        int axis = rule_input(n, axes) ? (int)(which[k] < 0 ? which[k] + x->rank : which[k]) : k;
        g->before[axis] = pads[k];
        g->after[axis] = pads[k + some];
    }
    for (int d = 0; d < x->rank; d++) TRY(dimension_pad(g, d, x->dim[d], &y->dim[d], err));
    return STRIA_OK;
}

pad_geometry pad_geometry_of(const node *n) {
    pad_geometry g = {0};
    shape y;
    bool forward = n->op == &op_Pad;
    stria_status status = pad_infer_geometry(n, &n->in[forward ? 0 : 1]->shape, forward ? 1 : 2, 3, &g, &y, NULL);
    assert(status == STRIA_OK);
    (void)status;
    return g;
}

int64_t pad_source(const pad_geometry *g, int d, int64_t size, int64_t i) {
    int64_t first = crop(g->before[d]), left = size - first - crop(g->after[d]);
    int64_t at = i - (g->before[d] > 0 ? g->before[d] : 0);
    if (g->mode == PAD_CONSTANT) return at >= 0 && at < left ? first + at : -1;
    if (g->mode == PAD_EDGE) return first + (at < 0 ? 0 : at >= left ? left - 1 : at);
    int64_t period = g->mode == PAD_WRAP ? left : left == 1 ? 1 : 2 * (left - 1);
    at %= period;
    if (at < 0) at += period;
    return first + (at < left ? at : period - at);
}

int64_t pad_run(const pad_geometry *g, int d, int64_t size, int64_t i, int64_t *step) {
    int64_t left = size - crop(g->before[d]) - crop(g->after[d]), at = i - (g->before[d] > 0 ? g->before[d] : 0);
    *step = 0;
    if (g->mode == PAD_CONSTANT && (at < 0 || at >= left)) return at < 0 ? -at : INT64_MAX;
    if (left == 1 && g->mode != PAD_CONSTANT) return INT64_MAX;
    if (g->mode == PAD_EDGE && at < 0) return 1 - at;
    if (g->mode == PAD_EDGE && at >= left - 1) return INT64_MAX;
    *step = 1;
    if (g->mode == PAD_CONSTANT || g->mode == PAD_EDGE) return left - at;
    int64_t period = g->mode == PAD_WRAP ? left : 2 * (left - 1);
    at %= period;
    if (at < 0) at += period;
    if (g->mode == PAD_WRAP || at < left - 1) return left - at;
    *step = -1;
    return period - at + 1;
}

/* ---- rules ---- */

static stria_status pad_infer(node *n, stria_error *err) {
    pad_geometry g;
    shape y;
    TRY(pad_infer_geometry(n, &n->in[0]->shape, 1, 3, &g, &y, err));
    if (rule_input(n, 2)) {
        if (shape_count(&n->in[2]->shape) != 1)
            FAIL(err, STRIA_BAD_SHAPE, "the padding value has %lld element%s, expected one",
                 (long long)shape_count(&n->in[2]->shape), text_s(shape_count(&n->in[2]->shape)));
        TRY(rule_same_type(n, 0, 2, err));
    }
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status pad_gradient_infer(node *n, stria_error *err) {
    pad_geometry g;
    shape y;
    TRY(pad_infer_geometry(n, &n->in[1]->shape, 2, 3, &g, &y, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the padded", err));
    TRY(rule_float(n, 0, "dy", err));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

/* dy without the padding, zero where x was cropped. */
static value *padding_removed(builder *b, const node *n, value *dy) {
    pad_geometry g = pad_geometry_of(n);
    int rank = n->in[0]->shape.rank;
    int64_t pads[2 * RANK_MAX];
    for (int d = 0; d < rank; d++) pads[d] = -g.before[d], pads[d + rank] = -g.after[d];
    return build2(b, &op_Pad, dy, build_i64(b, pads, 2 * rank), NULL);
}

/* The value's gradient is what of Σ dy does not belong to x. */
static stria_status constant_gradient(builder *b, const node *n, value *dy, const bool *wanted, value **dx) {
    value *inner = padding_removed(b, n, dy);
    if (wanted[0]) dx[0] = inner;
    if (n->in_count > 2 && wanted[2]) {
        reduce_attributes all = {0, 0};
        value *rest =
            build2(b, &op_Sub, build1(b, &op_ReduceSum, dy, &all), build1(b, &op_ReduceSum, inner, &all), NULL);
        dx[2] = build_reshape_to(b, rest, n->in[2]);
    }
    return b->status;
}

static stria_status pad_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (pad_geometry_of(n).mode == PAD_CONSTANT) return constant_gradient(&b, n, dy[0], wanted, dx);
    value *in[4] = {dy[0], n->in[0], n->in[1], n->in_count > 3 ? n->in[3] : NULL};
    if (wanted[0]) dx[0] = build(&b, &op_PadGradient, in, in[3] ? 4 : 3, n->attributes);
    return b.status;
}

static stria_status pad_gradient_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                          stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[4] = {e[0], n->in[2], NULL, n->in_count > 3 ? n->in[3] : NULL};
    if (wanted[0]) d[0] = build(&b, &op_Pad, in, in[3] ? 4 : 2, n->attributes);
    return b.status;
}

/* ---- references ---- */

/* Offset in x of element i of y, or −1. */
static int64_t pad_offset(const pad_geometry *g, const shape *x, const shape *y, int64_t i) {
    int64_t offset = 0, stride = 1;
    for (int d = y->rank - 1; d >= 0; i /= y->dim[d--]) {
        int64_t from = pad_source(g, d, x->dim[d], i % y->dim[d]);
        if (from < 0) return -1;
        offset += from * stride;
        stride *= x->dim[d];
    }
    return offset;
}

static stria_status pad_reference(const ref_call *c, stria_error *err) {
    pad_geometry g = pad_geometry_of(c->node);
    const ref_tensor *number = c->in_count > 2 && (c->in[2].f || c->in[2].i) ? &c->in[2] : NULL;
    int64_t count = shape_count(&c->out[0].shape);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        int64_t from = pad_offset(&g, &c->in[0].shape, &c->out[0].shape, i);
        if (from >= 0) ref_copy(&c->out[0], i, &c->in[0], from);
        else if (number) ref_copy(&c->out[0], i, number, 0);
    }
    return STRIA_OK;
}

static stria_status pad_gradient_reference(const ref_call *c, stria_error *err) {
    pad_geometry g = pad_geometry_of(c->node);
    int64_t count = shape_count(&c->in[0].shape);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        int64_t to = pad_offset(&g, &c->out[0].shape, &c->in[0].shape, i);
        if (to >= 0) c->out[0].f[to] += c->in[0].f[i];
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case pad_cases[] = {{"2x3, i64=0,2,1,0:4", ""},
                                    {"2x3x4x5, i64=0,0,1,2,0,0,3,0:8, f=0.5", ""},
                                    {"2x3x4x5, i64=1,-1,2,-2,0,1,-1,3:8, f=-1:1", ""},
                                    {"2x3x4x5, i64=1,1,2,0:4, -, i64=-1,2:2", ""},
                                    {"2x3x4x5, i64=0,0,2,3,0,0,1,4:8", "mode=reflect"},
                                    {"2x3x4x5, i64=0,0,2,3,0,0,1,4:8", "mode=edge"},
                                    {"2x3x4x5, i64=0,0,2,3,0,0,1,4:8", "mode=wrap"},
                                    {"3x2, i64=-1,7,1,5:4", "mode=reflect"},
                                    {"3x2, i64=-1,7,1,5:4", "mode=wrap"},
                                    {"4x1, i64=1,-2,2,3:4, -, i64=1,0:2", "mode=edge"},
                                    {"3x1, i64=2,2:2, -, i64=1:1", "mode=reflect"},
                                    {"i64=1,2,3:3, i64=1,1:2, i64=7", ""},
                                    {0}};

static const op_case pad_gradient_cases[] = {{"2x3x7x12, 2x3x4x5, i64=0,0,2,3,0,0,1,4:8", "mode=reflect"},
                                             {"2x3x7x12, 2x3x4x5, i64=0,0,2,3,0,0,1,4:8", "mode=edge"},
                                             {"2x3x7x12, 2x3x4x5, i64=0,0,2,3,0,0,1,4:8", "mode=wrap"},
                                             {"3x14, 3x2, i64=-1,7,1,5:4", "mode=reflect"},
                                             {"3x4, 4x3, i64=2,-1,-1,0:4, i64=1,0:2", "mode=edge"},
                                             {0}};

const op_def op_Pad = {
    .name = "Pad",
    .domain = "",
    .in_min = 2,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(pad_attributes),
    .fields = pad_fields,
    .infer = pad_infer,
    .gradient = pad_gradient,
    .cost = rule_no_cost,
    .reference = pad_reference,
    .cases = pad_cases,
    .float8 = true,
    .value_inputs = 1 << 1 | 1 << 3,
    .layouts = LAYOUT_FOLLOW,
    .text = "y[i] = x[i − before], beyond it the value, x's mirror image, its edge, or its other end",
};

const op_def op_PadGradient = {
    .name = "PadGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(pad_attributes),
    .fields = pad_fields,
    .infer = pad_gradient_infer,
    .gradient = pad_gradient_gradient,
    .reference = pad_gradient_reference,
    .cases = pad_gradient_cases,
    .value_inputs = 1 << 2 | 1 << 3,
    .shape_inputs = 1 << 1,
    .layouts = LAYOUT_FOLLOW,
    .text = "dx[j] = Σ dy[i] over the entries i that Pad made of x[j]",
};
