/* Resize: y is x sampled at other positions, dimension by dimension, by the nearest element or by a filter over its
 * neighbours; and its gradient, the transpose. Beyond the edges x goes on as it ends. */
#include "op/resize.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "op/rule.h"

static const attr_field fields[] = {ATTR(resize_attributes, antialias, ATTR_INT, "0"),
                                    ATTR(resize_attributes, axes, ATTR_INTS, NULL),
                                    ATTR(resize_attributes, coordinate_transformation_mode, ATTR_STRING, "half_pixel"),
                                    ATTR(resize_attributes, cubic_coeff_a, ATTR_FLOAT, "-0.75"),
                                    ATTR(resize_attributes, exclude_outside, ATTR_INT, "0"),
                                    ATTR(resize_attributes, extrapolation_value, ATTR_FLOAT, "0"),
                                    ATTR(resize_attributes, keep_aspect_ratio_policy, ATTR_STRING, "stretch"),
                                    ATTR(resize_attributes, mode, ATTR_STRING, "nearest"),
                                    ATTR(resize_attributes, nearest_mode, ATTR_STRING, "round_prefer_floor"),
                                    {0}};

#define SIZE_MOST 0x1p31 /* of a dimension */

/* ---- shapes ---- */

static bool is_gradient(const node *n) {
    return n->op == &op_ResizeGradient;
}

static stria_status choice(const char *what, const char *text, const char *const *names, int *out, stria_error *err) {
    for (*out = 0; names[*out]; ++*out)
        if (strcmp(text, names[*out]) == 0) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "%s is '%s', expected %s, … or %s", what, text, names[0], names[*out - 1]);
}

static stria_status choices(resize_geometry *g, const resize_attributes *a, int *policy, stria_error *err) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {
        "half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn",
        "align_corners", "asymmetric",           "tf_crop_and_resize", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    int mode, where, rounding;
    TRY(choice("mode", a->mode, modes, &mode, err));
    TRY(choice("coordinate_transformation_mode", a->coordinate_transformation_mode, coordinates, &where, err));
    TRY(choice("nearest_mode", a->nearest_mode, roundings, &rounding, err));
    TRY(choice("keep_aspect_ratio_policy", a->keep_aspect_ratio_policy, policies, policy, err));
    *g = (resize_geometry){.mode = (resize_mode)mode,
                           .coordinates = (resize_coordinates)where,
                           .rounding = (resize_rounding)rounding,
                           .cubic = (double)a->cubic_coeff_a,
                           .outside = (double)a->extrapolation_value,
                           .antialias = a->antialias != 0 && mode != RESIZE_NEAREST,
                           .exclude_outside = a->exclude_outside != 0};
    return STRIA_OK;
}

/* The resized dimensions in the order of scales, sizes and roi. */
static stria_status axes_of(const resize_attributes *a, int rank, int axes[RANK_MAX], int *count, stria_error *err) {
    bool given[RANK_MAX] = {false};
    *count = a->axes.count ? (int)a->axes.count : rank;
    if (a->axes.count > rank)
        FAIL(err, STRIA_BAD_SHAPE, "axes has %lld entr%s for rank %d", (long long)a->axes.count,
             text_ies(a->axes.count), rank);
    for (int i = 0; i < *count; i++) {
        axes[i] = i;
        if (a->axes.count) TRY(rule_axis(a->axes.value[i], rank, &axes[i], err));
        if (given[axes[i]]) FAIL(err, STRIA_BAD_SHAPE, "axis %d is given twice", axes[i]);
        given[axes[i]] = true;
    }
    return STRIA_OK;
}

/* Contents of input i as `want` numbers; absent or empty: *given is false. */
static stria_status numbers(const node *n, int i, const char *what, int want, double *out, bool *given,
                            stria_error *err) {
    *given = false;
    if (!rule_input(n, i)) return STRIA_OK;
    const tensor *t = value_contents(n->in[i]);
    if (!t) FAIL(err, STRIA_UNSUPPORTED, "the input %s ('%s') must be constant", what, n->in[i]->name);
    int64_t have = shape_count(&t->shape);
    if (have == 0) return STRIA_OK;
    if (have != want)
        FAIL(err, STRIA_BAD_SHAPE, "%s has %lld entr%s, expected %d", what, (long long)have, text_ies(have), want);
    for (int k = 0; k < want; k++) out[k] = dtype_is_float(t->type) ? tensor_f64(t, k) : (double)tensor_i64(t, k);
    *given = true;
    return STRIA_OK;
}

/* out = ⌊in · scale⌋ in float32, as exporters count; of a crop in · (to − from) · scale. */
static stria_status scaled(resize_geometry *g, const int *axes, int count, const double *scales, stria_error *err) {
    for (int i = 0; i < count; i++) {
        resize_axis *a = &g->axis[axes[i]];
        double part = g->coordinates == RESIZE_TF_CROP_AND_RESIZE ? a->to - a->from : 1;
        double out = floor((double)((float)((double)a->in * part) * (float)scales[i]));
        if (!(scales[i] > 0 && isfinite(scales[i]) && out >= 0 && out < SIZE_MOST))
            FAIL(err, STRIA_BAD_SHAPE, "cannot resize %lld element%s by %g", (long long)a->in, text_s(a->in),
                 scales[i]);
        a->out = (int64_t)out;
        a->scale = scales[i];
    }
    return STRIA_OK;
}

/* policy 0: sizes as given; 1 (2): one scale for all, so that none gets larger (smaller) than given. */
static stria_status sized(resize_geometry *g, const int *axes, int count, const double *sizes, int policy,
                          stria_error *err) {
    double common = 0;
    for (int i = 0; i < count; i++) {
        resize_axis *a = &g->axis[axes[i]];
        if (!(sizes[i] >= 0 && sizes[i] < SIZE_MOST) || (a->in == 0 && sizes[i] != 0))
            FAIL(err, STRIA_BAD_SHAPE, "cannot resize %lld element%s to %.0f", (long long)a->in, text_s(a->in),
                 sizes[i]);
        a->scale = a->in > 0 ? sizes[i] / (double)a->in : 1;
        a->out = (int64_t)sizes[i];
        if (i == 0 || (policy == 1 ? a->scale < common : a->scale > common)) common = a->scale;
    }
    for (int i = 0; i < count && policy != 0; i++) {
        resize_axis *a = &g->axis[axes[i]];
        double out = floor(common * (double)a->in + 0.5);
        if (!(out < SIZE_MOST))
            FAIL(err, STRIA_BAD_SHAPE, "cannot resize %lld element%s by %g", (long long)a->in, text_s(a->in), common);
        a->scale = common;
        a->out = (int64_t)out;
    }
    return STRIA_OK;
}

/* x's dimensions resized as attributes and the inputs roi, scales, sizes (from `first` on) say. */
static stria_status geometry(resize_geometry *g, const node *n, stria_error *err) {
    const shape *x = &n->in[is_gradient(n) ? 1 : 0]->shape;
    int first = is_gradient(n) ? 2 : 1, axes[RANK_MAX], count, policy;
    double roi[2 * RANK_MAX], scales[RANK_MAX], sizes[RANK_MAX];
    bool cropped, by_scale, by_size;
    TRY(choices(g, n->attributes, &policy, err));
    TRY(axes_of(n->attributes, x->rank, axes, &count, err));
    TRY(numbers(n, first + 1, "scales", count, scales, &by_scale, err));
    TRY(numbers(n, first + 2, "sizes", count, sizes, &by_size, err));
    if (by_scale == by_size && x->rank > 0) FAIL(err, STRIA_BAD_SHAPE, "give scales or sizes, and not both");
    g->rank = x->rank;
    for (int d = 0; d < x->rank; d++) g->axis[d] = (resize_axis){x->dim[d], x->dim[d], 1, 0, 1};
    if (g->coordinates == RESIZE_TF_CROP_AND_RESIZE) {
        TRY(numbers(n, first, "roi", 2 * count, roi, &cropped, err));
        for (int i = 0; i < count && cropped; i++) {
            if (!(isfinite(roi[i]) && isfinite(roi[i + count])))
                FAIL(err, STRIA_BAD_SHAPE, "roi reaches from %g to %g", roi[i], roi[i + count]);
            g->axis[axes[i]].from = roi[i], g->axis[axes[i]].to = roi[i + count];
        }
    }
    return by_scale ? scaled(g, axes, count, scales, err) : sized(g, axes, count, sizes, policy, err);
}

/* No filter is much wider than x (only a scale that belongs to a far larger crop could ask for that). */
static stria_status check_filters(const resize_geometry *g, stria_error *err) {
    for (int d = 0; d < g->rank; d++) {
        const resize_axis *a = &g->axis[d];
        if (a->out > 0 && g->antialias && a->scale * ((double)a->in + 1) < 0.25)
            FAIL(err, STRIA_BAD_SHAPE, "cannot resize %lld element%s by %g to %lld", (long long)a->in, text_s(a->in),
                 a->scale, (long long)a->out);
    }
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    resize_geometry g;
    shape y = {0};
    TRY(geometry(&g, n, err));
    TRY(check_filters(&g, err));
    y.rank = g.rank;
    for (int d = 0; d < g.rank; d++) y.dim[d] = g.axis[d].out;
    if (n->in[0]->type == STRIA_BOOL && g.mode != RESIZE_NEAREST)
        FAIL(err, STRIA_BAD_SHAPE, "input is bool, which only mode nearest can resize");
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    resize_geometry g;
    shape y = {0};
    TRY(rule_float(n, 0, "dy", err));
    TRY(geometry(&g, n, err));
    TRY(check_filters(&g, err));
    y.rank = g.rank;
    for (int d = 0; d < g.rank; d++) y.dim[d] = g.axis[d].out;
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the resized tensor", err));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

resize_geometry resize_geometry_of(const node *n) {
    resize_geometry g = {0};
    (void)geometry(&g, n, NULL);
    return g;
}

/* ---- gradient ---- */

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[5] = {dy[0], n->in[0]};
    for (int i = 1; i < n->in_count; i++) in[i + 1] = n->in[i];
    if (wanted[0] && dy[0]) dx[0] = build(&b, &op_ResizeGradient, in, n->in_count + 1, n->attributes);
    return b.status;
}

/* It is linear: the gradient's gradient resizes again. */
static stria_status gradient_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                      stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    resize_attributes a = *(const resize_attributes *)n->attributes;
    value *in[4] = {e[0]};
    a.extrapolation_value = 0;
    for (int i = 2; i < n->in_count; i++) in[i - 1] = n->in[i];
    if (wanted[0] && e[0]) d[0] = build(&b, &op_Resize, in, n->in_count - 1, &a);
    return b.status;
}

static op_cost cost(const node *n) {
    resize_geometry g = resize_geometry_of(n);
    int64_t taps = 0, count = shape_count(&n->in[0]->shape), results = shape_count(&n->out[0]->shape);
    for (int d = 0; d < g.rank; d++)
        if (!resize_keeps(&g, d)) taps = size_add(taps, resize_taps_most(&g, d));
    return (op_cost){0, size_mul(count > results ? count : results, taps)};
}

/* ---- references ---- */

/* One dimension of *x, whose sizes are in s: resized, or for the gradient sent back. Replaces *x. */
static stria_status pass(double **x, shape *s, const resize_geometry *g, int d, bool back, stria_error *err) {
    int64_t outer = shape_span(s, 0, d), inner = shape_span(s, d + 1, s->rank), from = s->dim[d];
    int64_t to = back ? g->axis[d].in : g->axis[d].out, most = resize_taps_most(g, d);
    double *y = NULL, *weight = NULL;
    int64_t *index = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&y, (size_t)(outer * to * inner) + 1, sizeof *y, "a resize", err));
    TRY_DONE(mem_new(&weight, (size_t)most, sizeof *weight, "a resize", err));
    TRY_DONE(mem_new(&index, (size_t)most, sizeof *index, "a resize", err));
    for (int64_t q = 0; q < g->axis[d].out; q++) {
        int64_t taps = resize_taps(g, d, q, index, weight);
        for (int64_t t = 0; t < taps; t++)
            for (int64_t i = 0; i < outer * inner; i++) {
                int64_t at_y = back ? index[t] : q, at_x = back ? q : index[t];
                y[(i / inner * to + at_y) * inner + i % inner] +=
                    weight[t] * (*x)[(i / inner * from + at_x) * inner + i % inner];
            }
    }
    mem_free(*x);
    *x = y;
    y = NULL;
    s->dim[d] = to;
done:
    mem_free(y);
    mem_free(weight);
    mem_free(index);
    return status;
}

/* Along some dimension, this element of y lies outside of the crop. */
static bool is_outside(const resize_geometry *g, const shape *y, int64_t i) {
    for (int d = y->rank - 1; d >= 0; i /= y->dim[d--])
        if (resize_outside(g, d, i % y->dim[d])) return true;
    return false;
}

/* The standard does not say how a mean becomes an integer. As in ONNX Runtime 1.32, linear interpolation of integers
 * cuts the fraction off and antialiasing rounds; cubic, which ONNX Runtime has for floats only, rounds as PyTorch's
 * does. All saturate. */
static void result_put(const resize_geometry *g, ref_tensor *y, const double *from, bool back) {
    bool truncates = g->mode == RESIZE_LINEAR && !g->antialias;
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++) {
        double v = !back && is_outside(g, &y->shape, i) ? g->outside : from[i];
        if (y->f) y->f[i] = v;
        else y->i[i] = integer_of(y->type, truncates ? v : rint(v));
    }
}

/* Integers of the nearest element are moved, not computed: a double would round those beyond 2^53. */
static void nearest_integers(const resize_geometry *g, const ref_tensor *x, const ref_tensor *y) {
    int64_t count = shape_count(&y->shape), index;
    double weight;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0, step = 1, rest = i;
        for (int d = g->rank - 1; d >= 0; step *= x->shape.dim[d], rest /= y->shape.dim[d--]) {
            index = rest % y->shape.dim[d];
            if (!resize_keeps(g, d)) (void)resize_taps(g, d, index, &index, &weight);
            at += index * step;
        }
        y->i[i] = is_outside(g, &y->shape, i) ? integer_of(y->type, g->outside) : x->i[at];
    }
}

static stria_status reference(const ref_call *c, stria_error *err) {
    resize_geometry g = resize_geometry_of(c->node);
    bool back = is_gradient(c->node);
    shape s = c->in[0].shape;
    int64_t count = shape_count(&s);
    double *x = NULL;
    stria_status status = STRIA_OK;
    if (g.mode == RESIZE_NEAREST && c->in[0].i) {
        nearest_integers(&g, &c->in[0], &c->out[0]);
        return STRIA_OK;
    }
    TRY_DONE(mem_new(&x, (size_t)count + 1, sizeof *x, "a resize", err));
    for (int64_t i = 0; i < count; i++) x[i] = ref_value(&c->in[0], i);
    for (int d = 0; d < g.rank; d++)
        if (!resize_keeps(&g, d)) TRY_DONE(pass(&x, &s, &g, d, back, err));
    result_put(&g, &c->out[0], x, back);
done:
    mem_free(x);
    return status;
}

/* ---- cases and definitions ---- */

#define HALF  "coordinate_transformation_mode=half_pixel"
#define ALIGN "coordinate_transformation_mode=align_corners"
#define ASYM  "coordinate_transformation_mode=asymmetric"
#define CROP  "coordinate_transformation_mode=tf_crop_and_resize"
static const op_case cases[] = {
    {"2x3x4x5, -, f=1,1,2,2:4", ""},
    {"2x3x4x5, -, -, i64=2,3,7,4:4", "nearest_mode=floor " ASYM},
    {"1x2x5x4, -, -, i64=3,9:2", "axes=2,3 nearest_mode=ceil " ALIGN},
    {"2x3x4x5, -, f=1,1,2,2:4", "mode=linear"},
    {"2x17x4x5, -, f=1,1,0.6,1.7:4", "mode=linear " ALIGN},
    {"2x3x8x9, -, -, i64=3,4:2", "mode=linear axes=-2,-1 antialias=1"},
    {"2x3x4x5, -, -, i64=2,3,7,3:4", "mode=cubic"},
    {"1x2x9x7, -, f=0.4,0.5:2", "mode=cubic axes=2,3 antialias=1 exclude_outside=1 cubic_coeff_a=-0.5"},
    {"1x2x4x4, -, f=2,0.8:2", "mode=cubic axes=3,2 exclude_outside=1 " ASYM},
    {"1x1x4x4, f=0,0,0.4,0.6,1,1,1.2,1.7:8, -, i64=1,1,3,3:4", "mode=linear extrapolation_value=10 " CROP},
    {"2x3x5, -, f=1,1,2.5:3", "mode=linear coordinate_transformation_mode=half_pixel_symmetric"},
    {"4x6, -, -, i64=7,5:2", "mode=linear keep_aspect_ratio_policy=not_larger"},
    {"2x3x4x5, -, -, i64=3,4,6,7:4", "mode=linear coordinate_transformation_mode=pytorch_half_pixel"},
    {"2x3x4x5, -, f=1,1,1,1:4", ""},
    {0}};
static const op_case gradient_cases[] = {
    {"2x3x8x10, 2x3x4x5, -, f=1,1,2,2:4", ""},
    {"2x3x8x10, 2x3x4x5, -, f=1,1,2,2:4", "mode=linear"},
    {"2x3x2x8, 2x3x4x5, -, f=1,1,0.6,1.7:4", "mode=linear " ALIGN},
    {"2x3x7x3, 2x3x4x5, -, -, i64=2,3,7,3:4", "mode=cubic"},
    {"2x3x3x4, 2x3x8x9, -, -, i64=3,4:2", "mode=linear axes=-2,-1 antialias=1"},
    {"1x1x3x3, 1x1x4x4, f=0,0,0.4,0.6,1,1,1.2,1.7:8, -, i64=1,1,3,3:4", "mode=linear extrapolation_value=10 " CROP},
    {0}};

#define RESIZE(op_name, first)                                                                                         \
    .name = op_name, .in_min = first, .in_max = first + 3, .out_min = 1, .out_max = 1,                                 \
    .attribute_bytes = sizeof(resize_attributes), .fields = fields, .cost = cost, .reference = reference,              \
    .value_inputs = 7 << (first), .layouts = LAYOUT_IMAGE, .image_inputs = 1 << 0

const op_def op_Resize = {
    RESIZE("Resize", 1), .domain = "",
    .infer = infer,      .gradient = gradient,
    .cases = cases,      .text = "y[…,q,…] = Σ weight(q,i) · x[…,i,…], along one dimension after the other"};
const op_def op_ResizeGradient = {RESIZE("ResizeGradient", 2),
                                  .domain = "stria",
                                  .infer = infer_gradient,
                                  .gradient = gradient_gradient,
                                  .cases = gradient_cases,
                                  .shape_inputs = 1 << 1,
                                  .text = "dx[…,i,…] = Σ weight(q,i) · dy[…,q,…], along one dimension after the other"};
