/* Transposed convolution: y = ∂T/∂x of the trilinear form in conv.c, the data gradient of a convolution, here with a
 * bias. What it calls x is that convolution's y, and what it gives is that convolution's x; the weights
 * w[ic, oc/groups, kh, kw] are the same. So its gradients are Conv and ConvWeightGradient. */
#include "op/conv.h"
#include "op/rule.h"

static const attr_field fields[] = {WINDOW_FIELDS(conv_transpose_attributes, conv.window),
                                    {"group", ATTR_INT, offsetof(conv_transpose_attributes, conv.group), "1", false},
                                    ATTR(conv_transpose_attributes, output_padding, ATTR_INTS, NULL),
                                    ATTR(conv_transpose_attributes, output_shape, ATTR_INTS, NULL),
                                    {0}};

/* ---- shapes ---- */

static stria_status check_channels(const shape *x, const shape *w, int64_t group, stria_error *err) {
    if (group < 1) FAIL(err, STRIA_BAD_SHAPE, "group is %lld, expected 1 or more", (long long)group);
    if (x->dim[1] != w->dim[0])
        FAIL(err, STRIA_BAD_SHAPE, "input has %lld channel%s, weights expect %lld", (long long)x->dim[1],
             text_s(x->dim[1]), (long long)w->dim[0]);
    if (x->dim[1] % group != 0)
        FAIL(err, STRIA_BAD_SHAPE, "cannot divide %lld input channel%s into %lld group%s", (long long)x->dim[1],
             text_s(x->dim[1]), (long long)group, text_s(group));
    return STRIA_OK;
}

/* ONNX leaves it open whether output_shape counts batch and channels too; exporters write both. */
static ints spatial(const ints *output_shape, int rank) {
    if (output_shape->count != rank + 2) return *output_shape;
    return (ints){rank, output_shape->value + 2};
}

stria_status conv_transpose_infer_shape(conv_shape *s, const conv_transpose_attributes *a, const shape *x,
                                        const shape *w, stria_error *err) {
    window slides[3] = {[2] = window_single()};
    TRY(conv_check_ranks(x, w, err));
    TRY(check_channels(x, w, a->conv.group, err));
    ints size = spatial(&a->output_shape, x->rank - 2);
    TRY(window_transpose_infer(slides, &a->conv.window, &a->output_padding, &size, x->rank - 2, x->dim + 2, w->dim + 2,
                               err));
    TRY(conv_check_kernel(&a->conv, w, err));
    *s = (conv_shape){.batch = x->dim[0],
                      .ic = size_mul(w->dim[1], a->conv.group),
                      .oc = x->dim[1],
                      .groups = a->conv.group,
                      .y = slides[0],
                      .x = slides[1],
                      .z = slides[2]};
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    conv_shape s;
    char text[192];
    const shape *x = &n->in[0]->shape;
    TRY(rule_floats(n, 0, err));
    TRY(conv_transpose_infer_shape(&s, n->attributes, x, &n->in[1]->shape, err));
    if (rule_input(n, 2)) {
        const shape *b = &n->in[2]->shape;
        if (b->rank != 1 || b->dim[0] != s.ic)
            FAIL(err, STRIA_BAD_SHAPE, "bias is %s, expected [%lld]", shape_text(b, text), (long long)s.ic);
    }
    shape y = conv_image_shape(&s, x->rank);
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* ---- gradients ---- */

/* Along one dimension: the part of the result that windows reach, and the pads with which a convolution slides over
 * just that. */
typedef struct reached {
    int64_t size, before, after;
} reached;

static reached reached_by(const window *w) {
    int64_t reach = window_span(w, w->out) - w->before;
    return (reached){.size = int64_min(reach, w->in), .before = w->before, .after = int64_max(reach - w->in, 0)};
}

/* dy without the end that no window reaches (output_padding). */
static value *crop(builder *b, value *dy, const int64_t *size) {
    int64_t start[3] = {0}, axes[3] = {2, 3, 4};
    int rank = dy->shape.rank - 2;
    bool whole = true;
    for (int d = 0; d < rank; d++) whole &= size[d] == dy->shape.dim[2 + d];
    if (whole) return dy;
    value *in[4] = {dy, build_i64(b, start, rank), build_i64(b, size, rank), build_i64(b, axes, rank)};
    return build(b, &op_Slice, in, 4, NULL);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *x = n->in[0], *w = n->in[1];
    const conv_transpose_attributes *a = n->attributes;
    conv_shape s = conv_shape_of(n);
    int rank = x->shape.rank - 2;
    window windows[3] = {s.y, s.x, s.z};
    int64_t size[3], pads[6];
    bool nothing = shape_count(&x->shape) == 0; /* of x arrives */
    for (int d = 0; d < rank; d++) {
        reached r = reached_by(window_along(windows, rank, d));
        size[d] = r.size, pads[d] = r.before, pads[rank + d] = r.after;
        nothing = nothing || r.size <= 0;
    }
    if (rule_input(n, 2) && wanted[2]) dx[2] = conv_bias_gradient(&b, dy[0]);
    if (nothing) return b.status;
    conv_attributes conv = {.window = {.auto_pad = "NOTSET",
                                       .strides = a->conv.window.strides,
                                       .dilations = a->conv.window.dilations,
                                       .pads = {2 * rank, pads}},
                            .group = a->conv.group};
    if (!wanted[0] && !wanted[1]) return b.status;
    value *part = crop(&b, dy[0], size);
    if (wanted[0]) dx[0] = build2(&b, &op_Conv, part, w, &conv);
    if (wanted[1]) dx[1] = build(&b, &op_ConvWeightGradient, (value *[]){x, part, w}, 3, &conv);
    return b.status;
}

/* ---- reference and definition ---- */

static stria_status reference(const ref_call *c, stria_error *err) {
    conv_shape s = conv_shape_of(c->node);
    ref_zero(&c->out[0]);
    conv_walk(&s, c->out[0].f, c->in[1].f, c->in[0].f, PART_X);
    if (c->in_count > 2 && c->in[2].f) conv_add_bias(&c->out[0], c->in[2].f);
    return STRIA_OK;
}

static const op_case cases[] = {{"2x3x4x5, 3x4x3x3, 4", ""},
                                {"1x4x3x3, 4x3x3x2, 3", "strides=2,3 pads=1,0,2,1"},
                                {"2x4x5x4, 4x1x3x3, 4", "group=4 strides=2,2 pads=1,1,1,1 output_padding=1,1"},
                                {"2x6x3x4, 6x2x3x3", "group=2 strides=2,2 pads=1,1,1,1 output_padding=1,0"},
                                {"1x2x4x3, 2x3x2x3, 3", "dilations=2,3"},
                                {"1x2x3x4, 2x2x2x2, 2", "dilations=3,3 output_padding=2,1 pads=0,1,1,0"},
                                {"1x2x3x3, 2x3x2x2, 3", "strides=3,3 output_padding=4,2"},
                                {"1x2x3x3, 2x3x3x3", "auto_pad=SAME_UPPER strides=2,2"},
                                {"1x2x3x4, 2x2x4x3", "auto_pad=SAME_LOWER strides=3,2"},
                                {"1x2x3x3, 2x2x3x3", "output_shape=10,8 strides=3,2 output_padding=1,1"},
                                {"1x2x3x3, 2x2x1x1", "output_shape=8,7 strides=2,2"},
                                {"2x3x5, 3x2x4, 2", "strides=2 pads=1,2"},
                                {"1x2x1x1, 2x17x5x5, 17", ""},
                                {"1x4x2x3x2, 4x3x3x2x2, 3", "strides=2,1,3 pads=1,0,0,0,1,1"},
                                {"1x4x2x3x2, 4x2x2x2x3", "group=2 strides=2,2,1 output_padding=1,0,0 dilations=1,2,1"},
                                {0}};

const op_def op_ConvTranspose = {
    .name = "ConvTranspose",
    .domain = "",
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(conv_transpose_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = conv_cost,
    .reference = reference,
    .cases = cases,
    .learnable_inputs = 1 << 1 | 1 << 2,
    .layouts = LAYOUT_IMAGE,
    .image_inputs = 1 << 0,
    .product = true,
    .epilogue = true,
    .text = "y[b,o,i,j] = bias[o] + Σ x[b,c,p,q] · w[c,o,u,v] where p·sh+u·dh−pt = i and q·sw+v·dw−pl = j",
};
