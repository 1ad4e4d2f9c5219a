/* Pooling: the maximum, mean or norm of each window, channel by channel, and the gradients. */
#include "op/pool.h"

#include <assert.h>
#include <math.h>

#include "op/rule.h"

static const attr_field max_fields[] = {
    WINDOW_FIELDS(pool_attributes, window),
    {"ceil_mode", ATTR_INT, offsetof(pool_attributes, window.ceil_mode), "0", false},
    ATTR(pool_attributes, storage_order, ATTR_INT, "0"),
    {0}};
static const attr_field average_fields[] = {
    WINDOW_FIELDS(pool_attributes, window),
    {"ceil_mode", ATTR_INT, offsetof(pool_attributes, window.ceil_mode), "0", false},
    ATTR(pool_attributes, count_include_pad, ATTR_INT, "0"),
    {0}};
static const attr_field average_gradient_fields[] = {
    WINDOW_FIELDS(pool_attributes, window),
    {"ceil_mode", ATTR_INT, offsetof(pool_attributes, window.ceil_mode), "0", false},
    ATTR(pool_attributes, count_include_pad, ATTR_INT, "0"),
    ATTR(pool_attributes, sum, ATTR_INT, "0"),
    {0}};
static const attr_field norm_fields[] = {
    WINDOW_FIELDS(pool_attributes, window),
    {"ceil_mode", ATTR_INT, offsetof(pool_attributes, window.ceil_mode), "0", false},
    ATTR(pool_attributes, p, ATTR_INT, "2"),
    {0}};
static const attr_field global_norm_fields[] = {ATTR(pool_attributes, p, ATTR_INT, "2"), {0}};

/* ---- shapes ---- */

static bool is_global(const op_def *op) {
    return op == &op_GlobalMaxPool || op == &op_GlobalAveragePool || op == &op_GlobalLpPool;
}
static bool is_norm(const op_def *op) {
    return op == &op_LpPool || op == &op_GlobalLpPool;
}
static bool is_gradient(const op_def *op) {
    return op == &op_MaxPoolGradient || op == &op_AveragePoolGradient;
}
static const shape *x_shape(const node *n) {
    return &n->in[is_gradient(n->op) ? 1 : 0]->shape;
}

static stria_status windows(window w[3], const node *n, stria_error *err) {
    char text[192];
    const shape *x = x_shape(n);
    if (x->rank < 3 || x->rank > 5)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, height, width]", shape_text(x, text));
    if (is_global(n->op))
        return window_infer(w, &(window_attributes){.auto_pad = "NOTSET"}, x->rank - 2, x->dim + 2, x->dim + 2, err);
    const pool_attributes *a = n->attributes;
    if (a->storage_order != 0 && a->storage_order != 1)
        FAIL(err, STRIA_BAD_ARGUMENT, "storage_order is %lld, expected 0 or 1", (long long)a->storage_order);
    if (a->window.kernel_shape.count != x->rank - 2)
        FAIL(err, STRIA_BAD_SHAPE, "kernel_shape has %lld entr%s, expected %d", (long long)a->window.kernel_shape.count,
             text_ies(a->window.kernel_shape.count), x->rank - 2);
    TRY(window_limit(&a->window, INT16_MAX, err)); /* taps are counted in 32 bits */
    return window_infer(w, &a->window, x->rank - 2, x->dim + 2, a->window.kernel_shape.value, err);
}

static stria_status shape_infer(pool_shape *s, const node *n, stria_error *err) {
    window w[3] = {[2] = window_single()};
    TRY(windows(w, n, err));
    const pool_attributes *a = n->op->attribute_bytes ? n->attributes : NULL;
    bool averages = n->op == &op_AveragePool || n->op == &op_AveragePoolGradient;
    *s = (pool_shape){.batch = x_shape(n)->dim[0],
                      .channels = x_shape(n)->dim[1],
                      .y = w[0],
                      .x = w[1],
                      .z = w[2],
                      .p = is_norm(n->op)                     ? a->p
                           : n->op == &op_AveragePoolGradient ? a->sum != 0
                                                              : 0,
                      .include_pad = averages && a->count_include_pad != 0};
    return STRIA_OK;
}

pool_shape pool_shape_of(const node *n) {
    pool_shape s = {0};
    stria_status status = shape_infer(&s, n, NULL);
    assert(status == STRIA_OK);
    (void)status;
    return s;
}

static shape y_shape(const node *n, const pool_shape *s) {
    shape y = {x_shape(n)->rank, {s->batch, s->channels}};
    const int64_t size[3] = {s->z.out, s->y.out, s->x.out};
    for (int d = 2; d < y.rank; d++) y.dim[d] = size[3 - y.rank + d];
    return y;
}

static stria_status infer(node *n, stria_error *err) {
    pool_shape s;
    dtype type = n->in[0]->type;
    bool bytes = n->op == &op_MaxPool && (type == STRIA_INT8 || type == STRIA_UINT8);
    if (!bytes) TRY(rule_float(n, 0, "input", err));
    TRY(shape_infer(&s, n, err));
    if (is_norm(n->op) && s.p < 1) FAIL(err, STRIA_BAD_ARGUMENT, "p is %lld, expected 1 or more", (long long)s.p);
    shape y = y_shape(n, &s);
    TRY(rule_output(n, 0, type, &y, err));
    return rule_output(n, 1, STRIA_INT64, &y, err);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    pool_shape s;
    TRY(rule_floats(n, 0, err));
    TRY(shape_infer(&s, n, err));
    shape y = y_shape(n, &s);
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the pooling's output", err));
    return rule_output(n, 0, n->in[0]->type, x_shape(n), err);
}

/* ---- gradients ---- */

/* A global pooling's one window, the whole image, is that of an ordinary one. */
static pool_attributes attributes_of(const node *n) {
    const shape *x = &n->in[0]->shape;
    if (!is_global(n->op)) return *(const pool_attributes *)n->attributes;
    return (pool_attributes){.window = {.auto_pad = "NOTSET", .kernel_shape = {x->rank - 2, x->dim + 2}}};
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    bool most = n->op == &op_MaxPool || n->op == &op_GlobalMaxPool;
    pool_attributes a = attributes_of(n);
    if (wanted[0] && dy[0])
        dx[0] = build2(&b, most ? &op_MaxPoolGradient : &op_AveragePoolGradient, dy[0], n->in[0], &a);
    return b.status;
}

static value *power(builder *b, value *x, int64_t p) {
    return p == 1 ? x : x ? build2(b, &op_Pow, x, build_scalar(b, x->type, (double)p), NULL) : NULL;
}

/* dx = sign x · |x|^(p−1) · Σ dy / y^(p−1) of the windows; where y is 0, x is, too, and gets 0. */
static stria_status norm_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                  stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *x = n->in[0], *y = n->out[0], *share = dy[0];
    int64_t p = ((const pool_attributes *)n->attributes)->p;
    pool_attributes a = attributes_of(n);
    a.sum = 1;
    if (!wanted[0] || !dy[0]) return STRIA_OK;
    if (p > 1) {
        value *zeros[3] = {build_filled(&b, y->type, &y->shape, 1), build_scalar(&b, y->type, 0), y};
        value *never_zero = build2(&b, &op_Add, y, b.status ? NULL : build(&b, &op_SelectEqual, zeros, 3, NULL), NULL);
        share = build2(&b, &op_Div, dy[0], power(&b, never_zero, p - 1), NULL);
    }
    value *sums = build2(&b, &op_AveragePoolGradient, share, x, &a), *slope = x;
    if (p != 2) slope = build1(&b, &op_Sign, x, NULL);
    if (p > 2) slope = build2(&b, &op_Mul, slope, power(&b, build1(&b, &op_Abs, x, NULL), p - 1), NULL);
    dx[0] = build2(&b, &op_Mul, slope, sums, NULL);
    return b.status;
}

/* The mean is linear: the gradient's gradient is the pooling again. */
static stria_status average_gradient_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                              stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (((const pool_attributes *)n->attributes)->sum)
        FAIL(err, STRIA_UNSUPPORTED, "the gradient of a norm has no second derivative");
    if (wanted[0]) d[0] = build1(&b, &op_AveragePool, e[0], n->attributes);
    return b.status;
}

static op_cost cost(const node *n) {
    pool_shape s = pool_shape_of(n);
    int64_t outputs = size_mul(size_mul(s.batch, s.channels), size_mul(s.z.out, size_mul(s.y.out, s.x.out)));
    return (op_cost){0, size_mul(outputs, size_mul(s.z.kernel, size_mul(s.y.kernel, s.x.kernel)))};
}

/* ---- references ---- */

/* The taps of output i's window that are in the image, `width` in each of its rows, `height` rows in each of its
 * planes; tap k is at taps_at(k) in x. */
typedef struct taps {
    int64_t first, plane_step, row_step, column_step, width, height, count;
} taps;

static taps taps_of(const pool_shape *s, int64_t i) {
    int64_t p = i / s->x.out % s->y.out, q = i % s->x.out, t, u, v;
    int64_t planes = i / (s->x.out * s->y.out), image = planes / s->z.out, r = planes % s->z.out;
    int64_t depth = window_inside(&s->z, r, &t), height = window_inside(&s->y, p, &u),
            width = window_inside(&s->x, q, &v);
    depth -= t, height -= u, width -= v;
    int64_t plane = image * s->z.in + window_at(&s->z, r, t);
    return (taps){.first = (plane * s->y.in + window_at(&s->y, p, u)) * s->x.in + window_at(&s->x, q, v),
                  .plane_step = s->z.dilation * s->y.in * s->x.in,
                  .row_step = s->y.dilation * s->x.in,
                  .column_step = s->x.dilation,
                  .width = width,
                  .height = height,
                  .count = depth * height * width};
}

static int64_t taps_at(const taps *t, int64_t k) {
    int64_t row = k / t->width;
    return t->first + row / t->height * t->plane_step + row % t->height * t->row_step + k % t->width * t->column_step;
}

/* Where output i has its maximum (the first one; a NaN wins), −1 for a window of nothing but padding. */
static int64_t argmax(const pool_shape *s, const ref_tensor *x, int64_t i) {
    int64_t best = -1;
    double most = -INFINITY;
    taps t = taps_of(s, i);
    for (int64_t k = 0; k < t.count; k++) {
        int64_t at = taps_at(&t, k);
        double v = ref_value(x, at);
        if (best < 0 || v > most || (isnan(v) && !isnan(most))) best = at, most = v;
    }
    return best;
}

/* storage_order 1 numbers the elements of an image column by column, in three dimensions along the depth first. */
static int64_t column_major(const pool_shape *s, int64_t at) {
    int64_t plane = s->y.in * s->x.in, size = s->z.in * plane;
    assert(at < 0 || (size > 0 && s->x.in > 0));
    if (at < 0) return at;
    int64_t z = at % size / plane, y = at % plane / s->x.in, x = at % s->x.in;
    return at / size * size + (x * s->y.in + y) * s->z.in + z;
}

static stria_status max_reference(const ref_call *c, stria_error *err) {
    bool columns = !is_global(c->node->op) && ((const pool_attributes *)c->attributes)->storage_order == 1;
    pool_shape s = pool_shape_of(c->node);
    ref_tensor *y = &c->out[0];
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = argmax(&s, &c->in[0], i);
        if (at >= 0) ref_copy(y, i, &c->in[0], at);
        else if (y->f) y->f[i] = -INFINITY;
        else y->i[i] = y->type == STRIA_INT8 ? INT8_MIN : 0;
        if (c->out_count > 1 && c->out[1].i) c->out[1].i[i] = columns ? column_major(&s, at) : at;
    }
    return STRIA_OK;
}

/* How many taps a mean divides by: those in the image, or in the image and its pads. */
static int64_t divisor(const pool_shape *s, int64_t i) {
    assert(s->x.out > 0 && s->y.out > 0);
    if (s->p) return 1;
    int64_t r = i / (s->x.out * s->y.out) % s->z.out, p = i / s->x.out % s->y.out, q = i % s->x.out, t, u, v;
    int64_t depth = (s->include_pad ? window_inside_padded : window_inside)(&s->z, r, &t) - t;
    int64_t height = (s->include_pad ? window_inside_padded : window_inside)(&s->y, p, &u) - u;
    int64_t width = (s->include_pad ? window_inside_padded : window_inside)(&s->x, q, &v) - v;
    return depth * height * width > 0 ? depth * height * width : 1;
}

/* The mean of a window, or for p > 0 its norm. */
static stria_status sum_reference(const ref_call *c, stria_error *err) {
    pool_shape s = pool_shape_of(c->node);
    const double *x = c->in[0].f;
    double p = (double)s.p;
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        taps t = taps_of(&s, i);
        for (int64_t k = 0; k < t.count; k++) sum += p > 0 ? pow(fabs(x[taps_at(&t, k)]), p) : x[taps_at(&t, k)];
        c->out[0].f[i] = p > 0 ? pow(sum, 1 / p) : sum / (double)divisor(&s, i);
    }
    return STRIA_OK;
}

static stria_status max_gradient_reference(const ref_call *c, stria_error *err) {
    pool_shape s = pool_shape_of(c->node);
    int64_t count = shape_count(&c->in[0].shape);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = argmax(&s, &c->in[1], i);
        if (at >= 0) c->out[0].f[at] += c->in[0].f[i];
    }
    return STRIA_OK;
}

static stria_status average_gradient_reference(const ref_call *c, stria_error *err) {
    pool_shape s = pool_shape_of(c->node);
    int64_t count = shape_count(&c->in[0].shape);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        double share = c->in[0].f[i] / (double)divisor(&s, i);
        taps t = taps_of(&s, i);
        for (int64_t k = 0; k < t.count; k++) c->out[0].f[taps_at(&t, k)] += share;
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

#define POOL_CASES                                                                                                     \
    {"2x3x8x8", "kernel_shape=2,2 strides=2,2"}, {"2x3x7x6", "kernel_shape=3,2 strides=2,1 pads=1,0,1,1"},             \
        {"1x2x9x8", "kernel_shape=3,3 dilations=2,2 pads=1,1,1,1"},                                                    \
        {"2x2x6x7", "kernel_shape=3,3 strides=2,2 ceil_mode=1"},                                                       \
        {"2x3x2x4", "kernel_shape=4,5 strides=3,2 ceil_mode=1"},                                                       \
        {"2x2x6x6", "kernel_shape=3,3 strides=2,2 auto_pad=SAME_UPPER"},                                               \
        {"2x2x6x6", "kernel_shape=2,2 strides=3,2 auto_pad=SAME_LOWER"}, {"2x17x5x5", "kernel_shape=2,2"},             \
        {"2x3x9", "kernel_shape=3 strides=2 pads=1,0"},                                                                \
        {"2x2x5x4x6", "kernel_shape=2,3,2 strides=2,1,2 pads=1,1,0,0,1,1"}, {                                          \
        "1x2x6x7x5", "kernel_shape=3,2,3 strides=2,3,1 dilations=2,1,2 ceil_mode=1"                                    \
    }

static const op_case max_cases[] = {POOL_CASES, {"3x6x12x12", "kernel_shape=2,2 strides=2,2 storage_order=0"}, {0}};
static const op_case average_cases[] = {
    POOL_CASES,
    {"2x3x7x6", "kernel_shape=3,2 strides=2,1 pads=1,0,1,1 count_include_pad=1"},
    {"1x2x5x6", "kernel_shape=3,3 strides=2,2 pads=1,1,0,1 ceil_mode=1 count_include_pad=1"},
    {0}};
static const op_case global_cases[] = {{"2x3x4x5", ""}, {"2x17x7x7", ""}, {"2x3x9", ""}, {"2x3x3x4x5", ""}, {0}};
static const op_case norm_cases[] = {POOL_CASES,
                                     {"pos:2x3x7x6", "kernel_shape=3,2 strides=2,1 pads=1,0,1,1 p=1"},
                                     {"2x19x6x6", "kernel_shape=2,2 strides=2,2 p=3"},
                                     {"1x2x6x7", "kernel_shape=3,3 strides=2,2 pads=1,1,0,1 ceil_mode=1 p=4"},
                                     {0}};
static const op_case global_norm_cases[] = {
    {"2x3x4x5", ""}, {"2x17x7x7", "p=1"}, {"2x3x9", "p=3"}, {"2x3x2x3x4", ""}, {0}};
static const op_case max_gradient_cases[] = {
    {"2x3x4x4, 2x3x8x8", "kernel_shape=2,2 strides=2,2"},
    {"2x3x4x6, 2x3x7x6", "kernel_shape=3,2 strides=2,1 pads=1,0,1,1"},
    {"1x2x7x6, 1x2x9x8", "kernel_shape=3,3 dilations=2,2 pads=1,1,1,1"},
    {"2x3x4, 2x3x9", "kernel_shape=3 strides=2 pads=1,0"},
    {"1x2x3x4x3, 1x2x5x4x6", "kernel_shape=2,3,2 strides=2,1,2 pads=1,1,0,0,1,1"},
    {0}};
static const op_case average_gradient_cases[] = {
    {"2x3x4x4, 2x3x8x8", "kernel_shape=2,2 strides=2,2"},
    {"2x3x4x6, 2x3x7x6", "kernel_shape=3,2 strides=2,1 pads=1,0,1,1 count_include_pad=1"},
    {"1x2x7x6, 1x2x9x8", "kernel_shape=3,3 dilations=2,2 pads=1,1,1,1"},
    {"2x3x4, 2x3x9", "kernel_shape=3 strides=2 pads=1,0"},
    {"1x2x3x4x3, 1x2x5x4x6", "kernel_shape=2,3,2 strides=2,1,2 pads=1,1,0,0,1,1 count_include_pad=1"},
    {0}};

#define POOL(op_name, inputs, outputs)                                                                                 \
    .name = op_name, .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = outputs, .cost = cost,               \
    .layouts = LAYOUT_IMAGE, .image_inputs = (1 << (inputs)) - 1

const op_def op_MaxPool = {
    POOL("MaxPool", 1, 2),
    .plain_outputs = 1 << 1,
    .domain = "",
    .attribute_bytes = sizeof(pool_attributes),
    .fields = max_fields,
    .infer = infer,
    .gradient = gradient,
    .reference = max_reference,
    .cases = max_cases,
    .note = "Of equal maxima the first gets the index and the gradient; NaN is greater than everything, as "
            "in PyTorch. Keras has no padding by numbers. Images have one, two or three dimensions.",
    .text = "y[b,c,p,q] = max x[b,c,p·sh+u·dh−pt,q·sw+v·dw−pl]; indices: where in x",
};

const op_def op_AveragePool = {
    POOL("AveragePool", 1, 1),
    .domain = "",
    .attribute_bytes = sizeof(pool_attributes),
    .fields = average_fields,
    .infer = infer,
    .gradient = gradient,
    .reference = sum_reference,
    .cases = average_cases,
    .note = "count_include_pad=0 unless given, as ONNX and Keras; PyTorch counts the padding unless told "
            "otherwise.",
    .text = "y[b,c,p,q] = mean x[b,c,p·sh+u·dh−pt,q·sw+v·dw−pl]",
};

const op_def op_GlobalMaxPool = {
    POOL("GlobalMaxPool", 1, 1), .domain = "",
    .fields = no_fields,         .infer = infer,
    .gradient = gradient,        .reference = max_reference,
    .cases = global_cases,       .text = "y[b,c] = max x[b,c,·,·]",
};

const op_def op_GlobalAveragePool = {
    POOL("GlobalAveragePool", 1, 1),
    .domain = "",
    .fields = no_fields,
    .infer = infer,
    .gradient = gradient,
    .reference = sum_reference,
    .cases = global_cases,
    .text = "y[b,c] = mean x[b,c,·,·]",
};

const op_def op_LpPool = {
    POOL("LpPool", 1, 1),
    .domain = "",
    .attribute_bytes = sizeof(pool_attributes),
    .fields = norm_fields,
    .infer = infer,
    .gradient = norm_gradient,
    .reference = sum_reference,
    .cases = norm_cases,
    .text = "y[b,c,p,q] = (Σ |x[b,c,p·sh+u·dh−pt,q·sw+v·dw−pl]|^p)^(1/p)",
};

const op_def op_GlobalLpPool = {
    POOL("GlobalLpPool", 1, 1),
    .domain = "",
    .attribute_bytes = sizeof(pool_attributes),
    .fields = global_norm_fields,
    .infer = infer,
    .gradient = norm_gradient,
    .reference = sum_reference,
    .cases = global_norm_cases,
    .text = "y[b,c] = (Σ |x[b,c,·,·]|^p)^(1/p)",
};

const op_def op_MaxPoolGradient = {
    POOL("MaxPoolGradient", 2, 1),
    .domain = "stria",
    .attribute_bytes = sizeof(pool_attributes),
    .fields = max_fields,
    .infer = infer_gradient,
    .reference = max_gradient_reference,
    .cases = max_gradient_cases,
    .text = "dx = Σ dy of the windows whose (first) maximum is there",
};

const op_def op_AveragePoolGradient = {
    POOL("AveragePoolGradient", 2, 1),
    .domain = "stria",
    .attribute_bytes = sizeof(pool_attributes),
    .fields = average_gradient_fields,
    .infer = infer_gradient,
    .gradient = average_gradient_gradient,
    .reference = average_gradient_reference,
    .cases = average_gradient_cases,
    .shape_inputs = 1 << 1,
    .text = "dx = Σ dy / (elements of the window) of the windows that cover it",
};
