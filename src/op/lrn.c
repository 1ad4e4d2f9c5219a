/* Local response normalisation across channels. (Krizhevsky, Sutskever, Hinton, NeurIPS 2012.) Channels outside the
 * image count as 0. */
#include "op/lrn.h"

#include <math.h>

#include "op/rule.h"

static const attr_field fields[] = {ATTR(lrn_attributes, alpha, ATTR_FLOAT, "0.0001"),
                                    ATTR(lrn_attributes, beta, ATTR_FLOAT, "0.75"),
                                    ATTR(lrn_attributes, bias, ATTR_FLOAT, "1"),
                                    {"size", ATTR_INT, offsetof(lrn_attributes, size), NULL, true},
                                    {0}};

lrn_geometry lrn_geometry_of(const node *n) {
    const shape *x = &n->in[0]->shape;
    int64_t size = ((const lrn_attributes *)n->attributes)->size, channels = x->dim[1];
    lrn_geometry g = {x->dim[0], channels, shape_span(x, 2, x->rank), (size - 1) / 2, size / 2};
    if (g.before > channels) g.before = channels;
    if (g.after > channels) g.after = channels;
    return g;
}

static stria_status infer(node *n, stria_error *err) {
    char text[192];
    const shape *x = &n->in[0]->shape;
    int64_t size = ((const lrn_attributes *)n->attributes)->size;
    TRY(rule_floats(n, 0, err));
    if (x->rank < 2) FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, …]", shape_text(x, text));
    if (size < 1) FAIL(err, STRIA_BAD_SHAPE, "size is %lld, expected 1 or more", (long long)size);
    if (n->in_count > 1) TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[1]->shape, "x", err));
    return rule_like(n, 0, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build2(&b, &op_LRNGradient, dy[0], n->in[0], n->attributes);
    return b.status;
}

static op_cost cost(const node *n) {
    lrn_geometry g = lrn_geometry_of(n);
    return (op_cost){0, size_mul(g.before + g.after + 20, shape_count(&n->in[0]->shape))};
}

/* bias + alpha/size · Σ x² over the window of channel c; x at channel 0. */
static double window_sum(const lrn_geometry *g, const lrn_attributes *a, const double *x, int64_t c) {
    double sum = 0;
    for (int64_t k = c - g->before; k <= c + g->after; k++)
        if (k >= 0 && k < g->channels) sum += x[k * g->inner] * x[k * g->inner];
    return (double)a->bias + (double)a->alpha / (double)a->size * sum;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const lrn_attributes *a = c->attributes;
    lrn_geometry g = lrn_geometry_of(c->node);
    for (int64_t p = 0; p < g.batch * g.inner; p++) {
        int64_t at = p / g.inner * g.channels * g.inner + p % g.inner;
        for (int64_t k = 0; k < g.channels; k++)
            c->out[0].f[at + k * g.inner] =
                c->in[0].f[at + k * g.inner] * pow(window_sum(&g, a, c->in[0].f + at, k), -(double)a->beta);
    }
    return STRIA_OK;
}

/* With s the window's sum: dx_k = dy_k·s_k^−β − 2·alpha·beta/size · x_k · Σ_j dy_j·x_j·s_j^(−β−1) over the windows j
 * that hold k. */
static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    const lrn_attributes *a = c->attributes;
    lrn_geometry g = lrn_geometry_of(c->node);
    double beta = (double)a->beta, factor = 2 * (double)a->alpha * beta / (double)a->size;
    for (int64_t p = 0; p < g.batch * g.inner; p++) {
        int64_t at = p / g.inner * g.channels * g.inner + p % g.inner;
        const double *dy = c->in[0].f + at, *x = c->in[1].f + at;
        for (int64_t k = 0; k < g.channels; k++) {
            double sum = 0;
            for (int64_t j = k - g.after; j <= k + g.before; j++)
                if (j >= 0 && j < g.channels)
                    sum += dy[j * g.inner] * x[j * g.inner] * pow(window_sum(&g, a, x, j), -beta - 1);
            c->out[0].f[at + k * g.inner] =
                dy[k * g.inner] * pow(window_sum(&g, a, x, k), -beta) - factor * x[k * g.inner] * sum;
        }
    }
    return STRIA_OK;
}

static const op_case cases[] = {{"2x7x3x4", "size=3 alpha=0.5"},
                                {"1x5x2x2", "size=4 alpha=0.5 beta=0.5 bias=2"},
                                {"2x3x5", "size=9 alpha=1 beta=1"},
                                {"3x6x2", "size=1 alpha=0.3 beta=0.6"},
                                {0}};
static const op_case gradient_cases[] = {{"2x7x3x4, 2x7x3x4", "size=3 alpha=0.5"},
                                         {"1x5x2x2, 1x5x2x2", "size=4 alpha=0.5 beta=0.5 bias=2"},
                                         {"2x3x5, 2x3x5", "size=9 alpha=1 beta=1"},
                                         {"3x6x2, 3x6x2", "size=1 alpha=0.3 beta=0.6"},
                                         {0}};

#define LRN(op_name, op_domain, inputs)                                                                                \
    .name = op_name, .domain = op_domain, .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = 1,              \
    .attribute_bytes = sizeof(lrn_attributes), .fields = fields, .infer = infer, .cost = cost, .layouts = LAYOUT_IMAGE

const op_def op_LRN = {LRN("LRN", "", 1),
                       .gradient = gradient,
                       .reference = reference,
                       .cases = cases,
                       .image_inputs = 1 << 0,
                       .note =
                           "alpha is divided by size, as in ONNX, Caffe and PyTorch; TensorFlow and the paper of 2012 "
                           "multiply it by the sum as it stands.",
                       .text = "y = x / (bias + alpha/size · Σ x²)^beta, over `size` neighbouring channels"};
const op_def op_LRNGradient = {
    LRN("LRNGradient", "stria", 2), .reference = reference_gradient, .cases = gradient_cases,
    .image_inputs = 1 << 0 | 1 << 1,
    .text = "with s = bias + alpha/size · Σ x²: dx = dy·s^−beta − 2·alpha·beta/size · x · Σ dy·x·s^(−beta−1)"};
