/* Deformable convolution (Dai et al., "Deformable Convolutional Networks", 2017; with a mask, Zhu et al., version 2):
 * each tap of each window is moved by an offset of its own, and reads between pixels, linearly; outside the picture are
 * zeros. It is made of DeformColumns, what all windows see as a matrix, and a matrix product with the weights. */
#include <math.h>

#include "op/conv.h"
#include "op/rule.h"

typedef struct deform_attributes {
    window_attributes window; /* of DeformColumns always with the kernel's shape */
    int64_t group, offset_group;
} deform_attributes;

static const attr_field fields[] = {
    {"kernel_shape", ATTR_INTS, offsetof(deform_attributes, window.kernel_shape), NULL, false},
    {"strides", ATTR_INTS, offsetof(deform_attributes, window.strides), NULL, false},
    {"pads", ATTR_INTS, offsetof(deform_attributes, window.pads), NULL, false},
    {"dilations", ATTR_INTS, offsetof(deform_attributes, window.dilations), NULL, false},
    ATTR(deform_attributes, group, ATTR_INT, "1"),
    ATTR(deform_attributes, offset_group, ATTR_INT, "1"),
    {0}};

/* ---- shapes ---- */

typedef struct deform_shape {
    int64_t batch, channels, taps, offset_groups;
    window w[2];
} deform_shape;

static int64_t places_of(const deform_shape *s) {
    return s->w[0].out * s->w[1].out;
}

static stria_status map_check(const shape *map, const char *what, const deform_shape *s, int64_t of_tap,
                              stria_error *err) {
    shape wanted = {4, {s->batch, size_mul(s->offset_groups, size_mul(s->taps, of_tap)), s->w[0].out, s->w[1].out}};
    char got[192], want[192];
    if (shape_equal(map, &wanted)) return STRIA_OK;
    FAIL(err, STRIA_BAD_SHAPE, "%s is %s, expected %s", what, shape_text(map, got), shape_text(&wanted, want));
}

/* Of the inputs x, offset and mask at these places (mask: -1 or absent: none), for a kernel of this size. */
static stria_status deform_infer(deform_shape *s, const node *n, int x_at, const int64_t *kernel, int offset_at,
                                 int mask_at, stria_error *err) {
    const deform_attributes *a = n->attributes;
    const shape *x = &n->in[x_at]->shape;
    window_attributes slide = a->window;
    char text[192];
    if (x->rank != 4)
        FAIL(err, x->rank == 3 || x->rank == 5 ? STRIA_UNSUPPORTED : STRIA_BAD_SHAPE,
             "input is %s, expected [batch, channels, height, width]", shape_text(x, text));
    slide.auto_pad = "NOTSET";
    TRY(window_limit(&slide, INT16_MAX, err));
    TRY(window_infer(s->w, &slide, 2, x->dim + 2, kernel, err));
    s->batch = x->dim[0], s->channels = x->dim[1];
    s->taps = size_mul(kernel[0], kernel[1]);
    s->offset_groups = a->offset_group;
    if (a->offset_group < 1 || s->channels % a->offset_group != 0)
        FAIL(err, STRIA_BAD_SHAPE, "cannot divide %lld channel%s into %lld groups of offsets", (long long)s->channels,
             text_s(s->channels), (long long)a->offset_group);
    TRY(map_check(&n->in[offset_at]->shape, "the offset", s, 2, err));
    return rule_input(n, mask_at) ? map_check(&n->in[mask_at]->shape, "the mask", s, 1, err) : STRIA_OK;
}

static stria_status columns_shape(deform_shape *s, const node *n, int x_at, stria_error *err) {
    const ints *kernel = &((const deform_attributes *)n->attributes)->window.kernel_shape;
    if (kernel->count != 2)
        FAIL(err, STRIA_BAD_SHAPE, "kernel_shape has %lld entr%s, expected 2", (long long)kernel->count,
             text_ies(kernel->count));
    return deform_infer(s, n, x_at, kernel->value, x_at + 1, x_at + 2, err);
}

static shape columns_of(const deform_shape *s) {
    return (shape){3, {s->batch, size_mul(s->channels, s->taps), places_of(s)}};
}

static stria_status columns_infer(node *n, stria_error *err) {
    deform_shape s;
    TRY(rule_floats(n, 0, err));
    TRY(columns_shape(&s, n, 0, err));
    shape y = columns_of(&s);
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Inputs dy, x, offset, mask; outputs the gradients of the last three. An absent mask is all ones. */
static stria_status columns_gradient_infer(node *n, stria_error *err) {
    deform_shape s;
    TRY(rule_floats(n, 0, err));
    TRY(columns_shape(&s, n, 1, err));
    shape y = columns_of(&s);
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the matrix of columns", err));
    shape mask = {4, {s.batch, s.offset_groups * s.taps, s.w[0].out, s.w[1].out}};
    TRY(rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err));
    TRY(rule_output(n, 1, n->in[0]->type, &n->in[2]->shape, err));
    return rule_output(n, 2, n->in[0]->type, &mask, err);
}

static stria_status conv_check(deform_shape *s, const node *n, stria_error *err) {
    const deform_attributes *a = n->attributes;
    const shape *x = &n->in[0]->shape, *w = &n->in[1]->shape;
    conv_attributes like = {.window = a->window, .group = a->group};
    conv_shape plain;
    like.window.auto_pad = "NOTSET";
    TRY(conv_infer_shape(&plain, &like, x, w, err));
    TRY(deform_infer(s, n, 0, w->dim + 2, 2, 4, err));
    const value *bias = rule_input(n, 3);
    char text[192];
    if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != w->dim[0]))
        FAIL(err, STRIA_BAD_SHAPE, "bias is %s, expected [%lld]", shape_text(&bias->shape, text), (long long)w->dim[0]);
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    deform_shape s;
    TRY(rule_floats(n, 0, err));
    TRY(conv_check(&s, n, err));
    shape y = {4, {s.batch, n->in[1]->shape.dim[0], s.w[0].out, s.w[1].out}};
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static op_cost cost(const node *n) {
    int64_t taps = shape_span(&n->in[1]->shape, 1, 4);
    return (op_cost){size_mul(shape_count(&n->out[0]->shape), taps), 0};
}

static op_cost columns_cost(const node *n) {
    const value *y = n->op == &op_DeformColumns ? n->out[0] : n->in[0];
    return (op_cost){size_mul(4, shape_count(&y->shape)), 0};
}

/* ---- expansion ---- */

static value *reshape(builder *b, value *x, int64_t p, int64_t q, int64_t r, int64_t s) {
    return build2(b, &op_Reshape, x, build_i64(b, (int64_t[]){p, q, r, s}, 4), NULL);
}

/* y[b, g] = w[g] · columns[b, g] */
static stria_status expand(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    deform_shape s;
    TRY(conv_check(&s, n, err));
    const shape *w = &n->in[1]->shape;
    deform_attributes a = *(const deform_attributes *)n->attributes;
    int64_t groups = a.group, rows = s.channels / groups * s.taps, each = w->dim[0] / groups, places = places_of(&s);
    a.window.kernel_shape = (ints){2, w->dim + 2};
    value *in[3] = {n->in[0], n->in[2], rule_input(n, 4)};
    value *columns = build(&b, &op_DeformColumns, in, in[2] ? 3 : 2, &a);
    columns = reshape(&b, columns, s.batch, groups, rows, places);
    value *y = build2(&b, &op_MatMul, reshape(&b, n->in[1], 1, groups, each, rows), columns, NULL);
    y = reshape(&b, y, s.batch, w->dim[0], s.w[0].out, s.w[1].out);
    value *bias = rule_input(n, 3);
    if (bias) y = build2(&b, &op_Add, y, reshape(&b, bias, 1, w->dim[0], 1, 1), NULL);
    out[0] = y;
    return b.status;
}

static stria_status columns_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                     stria_error *err) {
    node *made;
    bool mask = rule_input(n, 2) != NULL;
    value *in[4] = {dy[0], n->in[0], n->in[1], mask ? n->in[2] : NULL};
    const char *name = arena_printf(&g->arena, "%s/DeformColumnsGradient", n->name);
    if (!name || !(name = graph_fresh_name(g, name))) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a node name");
    TRY(graph_add_node(g, &op_DeformColumnsGradient, name, in, mask ? 4 : 3, n->attributes, mask ? 3 : 2, NULL, &made,
                       err));
    for (int i = 0; i < (mask ? 3 : 2); i++)
        if (wanted[i]) dx[i] = made->out[i];
    return STRIA_OK;
}

/* ---- references ---- */

/* The four pixels around a position: offsets in the channel (-1: outside), weights, and how these change with y and x.
 */
typedef struct corners {
    int64_t at[4];
    double weight[4], by_y[4], by_x[4];
} corners;

static corners corners_of(const deform_shape *s, double y, double x) {
    corners c;
    int64_t height = s->w[0].in, width = s->w[1].in;
    double top = floor(y), left = floor(x), below = y - top, right = x - left;
    for (int k = 0; k < 4; k++) {
        double row = top + k / 2, column = left + k % 2, v = k / 2 ? below : 1 - below, h = k % 2 ? right : 1 - right;
        bool inside = row >= 0 && row < (double)height && column >= 0 && column < (double)width; /* not for NaN */
        c.at[k] = inside ? (int64_t)row * width + (int64_t)column : -1;
        c.weight[k] = v * h;
        c.by_y[k] = (k / 2 ? 1 : -1) * h;
        c.by_x[k] = (k % 2 ? 1 : -1) * v;
    }
    return c;
}

/* Of one tap at one place: its entry in the mask, and in the offset for y; that for x is one plane further. */
typedef struct tap_place {
    int64_t mask, offset, plane;
    corners c;
} tap_place;

static tap_place place_of(const deform_shape *s, const double *offset, int64_t image, int64_t group, int64_t tap,
                          int64_t place) {
    int64_t places = places_of(s), u = tap / s->w[1].kernel, v = tap % s->w[1].kernel;
    tap_place t = {.plane = places, .mask = ((image * s->offset_groups + group) * s->taps + tap) * places + place};
    t.offset = 2 * (t.mask - place) + place;
    double y = (double)window_at(&s->w[0], place / s->w[1].out, u) + offset[t.offset];
    double x = (double)window_at(&s->w[1], place % s->w[1].out, v) + offset[t.offset + places];
    t.c = corners_of(s, y, x);
    return t;
}

static const double *optional(const ref_call *c, int at) {
    return at < c->in_count ? c->in[at].f : NULL;
}

static double value_at(const corners *c, const double *channel) {
    double sum = 0;
    for (int k = 0; k < 4; k++)
        if (c->at[k] >= 0) sum += c->weight[k] * channel[c->at[k]];
    return sum;
}

static stria_status columns_reference(const ref_call *c, stria_error *err) {
    deform_shape s;
    TRY(columns_shape(&s, c->node, 0, err));
    const double *mask = optional(c, 2);
    int64_t places = places_of(&s), pixels = s.w[0].in * s.w[1].in, rows = s.batch * s.channels * s.taps;
    for (int64_t i = 0; i < rows * places; i++) {
        int64_t row = i / places, channel = row / s.taps, group = channel % s.channels / (s.channels / s.offset_groups);
        tap_place t = place_of(&s, c->in[1].f, channel / s.channels, group, row % s.taps, i % places);
        c->out[0].f[i] = value_at(&t.c, c->in[0].f + channel * pixels) * (mask ? mask[t.mask] : 1);
    }
    return STRIA_OK;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    deform_shape s;
    TRY(conv_check(&s, c->node, err));
    const double *bias = optional(c, 3), *mask = optional(c, 4);
    int64_t groups = ((const deform_attributes *)c->attributes)->group, count = shape_count(&c->out[0].shape);
    int64_t places = places_of(&s), pixels = s.w[0].in * s.w[1].in, oc = c->out[0].shape.dim[1];
    int64_t each = s.channels / groups, of_offset = s.channels / s.offset_groups;
    for (int64_t i = 0; i < count; i++) {
        int64_t image = i / places / oc, o = i / places % oc, first = o / (oc / groups) * each;
        double sum = bias ? bias[o] : 0;
        for (int64_t k = 0; k < each * s.taps; k++) {
            int64_t channel = first + k / s.taps;
            tap_place t = place_of(&s, c->in[2].f, image, channel / of_offset, k % s.taps, i % places);
            double x = value_at(&t.c, c->in[0].f + (image * s.channels + channel) * pixels);
            sum += c->in[1].f[o * each * s.taps + k] * x * (mask ? mask[t.mask] : 1);
        }
        c->out[0].f[i] = sum;
    }
    return STRIA_OK;
}

static stria_status columns_gradient_reference(const ref_call *c, stria_error *err) {
    deform_shape s;
    TRY(columns_shape(&s, c->node, 1, err));
    const double *x = c->in[1].f, *mask = optional(c, 3);
    double *doffset = c->out_count > 1 ? c->out[1].f : NULL, *dmask = c->out_count > 2 ? c->out[2].f : NULL;
    int64_t places = places_of(&s), pixels = s.w[0].in * s.w[1].in, rows = s.batch * s.channels * s.taps;
    for (int i = 0; i < c->out_count; i++)
        if (c->out[i].f) ref_zero(&c->out[i]);
    for (int64_t i = 0; i < rows * places; i++) {
        int64_t row = i / places, channel = row / s.taps, group = channel % s.channels / (s.channels / s.offset_groups);
        tap_place t = place_of(&s, c->in[2].f, channel / s.channels, group, row % s.taps, i % places);
        double dy = c->in[0].f[i], scale = mask ? mask[t.mask] : 1;
        for (int k = 0; k < 4; k++) {
            if (t.c.at[k] < 0) continue;
            double pixel = x[channel * pixels + t.c.at[k]];
            if (c->out[0].f) c->out[0].f[channel * pixels + t.c.at[k]] += dy * scale * t.c.weight[k];
            if (doffset) doffset[t.offset] += dy * scale * t.c.by_y[k] * pixel;
            if (doffset) doffset[t.offset + t.plane] += dy * scale * t.c.by_x[k] * pixel;
            if (dmask) dmask[t.mask] += dy * t.c.weight[k] * pixel;
        }
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {
    {"2x3x5x4, 4x3x3x2, 0.1..0.9:2x12x3x3, 4, 0.2..1.5:2x6x3x3", ""},
    {"1x4x5x6, 6x2x2x2, -1.9..-1.1:1x16x3x3, -, 1x8x3x3", "group=2 offset_group=2 strides=2,2 pads=1,0,0,1"},
    {"1x2x6x5, 3x2x2x3, 2.1..2.9:1x12x6x3, 3", "dilations=2,2 pads=1,1,1,1 kernel_shape=2,3"},
    {"1x2x4x4, 3x2x1x1, 0.1..0.4:1x2x4x4", ""},
    {0}};
static const op_case columns_cases[] = {
    {"2x3x5x4, 0.1..0.9:2x12x3x3, 0.2..1.5:2x6x3x3", "kernel_shape=3,2"},
    {"1x4x5x6, -1.9..-1.1:1x16x3x3", "kernel_shape=2,2 offset_group=2 strides=2,2 pads=1,0,0,1"},
    {0}};
static const op_case columns_gradient_cases[] = {
    {"2x18x9, 2x3x5x4, 0.1..0.9:2x12x3x3, 0.2..1.5:2x6x3x3", "kernel_shape=3,2"},
    {"1x16x9, 1x4x5x6, -1.9..-1.1:1x16x3x3", "kernel_shape=2,2 offset_group=2 strides=2,2 pads=1,0,0,1"},
    {0}};

const op_def op_DeformConv = {
    .name = "DeformConv",
    .domain = "",
    .in_min = 3,
    .in_max = 5,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(deform_attributes),
    .fields = fields,
    .infer = infer,
    .cost = cost,
    .reference = reference,
    .expand = expand,
    .cases = cases,
    .learnable_inputs = 1 << 1 | 1 << 3,
    .layouts = LAYOUT_PLAIN,
    .note = "Version 1 without a mask, version 2 with one. Images have two dimensions.",
    .text = "y[b,o,p] = bias[o] + Σ x[b,c,p·s+u·d−pad+offset[b,g,u,p]] · mask[b,g,u,p] · w[o,c,u], read between pixels",
};

const op_def op_DeformColumns = {
    .name = "DeformColumns",
    .domain = "stria",
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(deform_attributes),
    .fields = fields,
    .infer = columns_infer,
    .gradient = columns_gradient,
    .cost = columns_cost,
    .reference = columns_reference,
    .cases = columns_cases,
    .layouts = LAYOUT_PLAIN,
    .text = "columns[b,(c,u),p] = x[b,c,p·s+u·d−pad+offset[b,g,u,p]] · mask[b,g,u,p]",
};

const op_def op_DeformColumnsGradient = {
    .name = "DeformColumnsGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 4,
    .out_min = 1,
    .out_max = 3,
    .attribute_bytes = sizeof(deform_attributes),
    .fields = fields,
    .infer = columns_gradient_infer,
    .cost = columns_cost,
    .reference = columns_gradient_reference,
    .cases = columns_gradient_cases,
    .layouts = LAYOUT_PLAIN,
    .text = "dx, doffset, dmask of DeformColumns",
};
