/* RoiAlign: each region of a picture, sampled between its pixels at places spread evenly over output_height ×
 * output_width bins; of a bin's samples the mean, or the largest of their weighted pixels, as ONNX Runtime takes it. */
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "op/rule.h"

typedef struct roi_attributes {
    const char *coordinate_transformation_mode; /* half_pixel, output_half_pixel */
    const char *mode;                           /* avg, max */
    int64_t output_height, output_width;
    int64_t sampling_ratio; /* samples of a bin along each side; 0: as many as the bin has pixels, rounded up */
    float spatial_scale;    /* from the regions' coordinates to the picture's */
} roi_attributes;

static const attr_field fields[] = {ATTR(roi_attributes, coordinate_transformation_mode, ATTR_STRING, "half_pixel"),
                                    ATTR(roi_attributes, mode, ATTR_STRING, "avg"),
                                    ATTR(roi_attributes, output_height, ATTR_INT, "1"),
                                    ATTR(roi_attributes, output_width, ATTR_INT, "1"),
                                    ATTR(roi_attributes, sampling_ratio, ATTR_INT, "0"),
                                    ATTR(roi_attributes, spatial_scale, ATTR_FLOAT, "1"),
                                    {0}};

/* Samples of a bin along one side: a region from a stranger may be as large as it likes. */
#define SAMPLES_MAX 4096

/* ---- shapes ---- */

static stria_status attributes_check(const roi_attributes *a, stria_error *err) {
    const char *c = a->coordinate_transformation_mode;
    if (strcmp(c, "half_pixel") != 0 && strcmp(c, "output_half_pixel") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT,
             "coordinate_transformation_mode is '%.60s', expected half_pixel or output_half_pixel", c);
    if (strcmp(a->mode, "avg") != 0 && strcmp(a->mode, "max") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "mode is '%.60s', expected avg or max", a->mode);
    if (a->output_height < 1 || a->output_width < 1 || a->sampling_ratio < 0 || a->sampling_ratio > SAMPLES_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "%lld x %lld bins of %lld samples a side are asked for",
             (long long)a->output_height, (long long)a->output_width, (long long)a->sampling_ratio);
    return STRIA_OK;
}

static stria_status pooled(const node *n, int at, shape *y, stria_error *err) {
    const shape *x = &n->in[at]->shape, *rois = &n->in[at + 1]->shape, *items = &n->in[at + 2]->shape;
    const roi_attributes *a = n->attributes;
    char tx[192], tr[192], ti[192];
    TRY(rule_float(n, at, "input", err));
    TRY(rule_same_type(n, at, at + 1, err));
    TRY(attributes_check(a, err));
    bool fits =
        x->rank == 4 && rois->rank == 2 && rois->dim[1] == 4 && items->rank == 1 && items->dim[0] == rois->dim[0];
    if (!fits || n->in[at + 2]->type != STRIA_INT64)
        FAIL(err, STRIA_BAD_SHAPE,
             "the input is %s, the regions %s, the pictures that they are of %s, expected [n, c, h, w], [r, 4], [r]",
             shape_text(x, tx), shape_text(rois, tr), shape_text(items, ti));
    if (x->dim[2] == 0 || x->dim[3] == 0) FAIL(err, STRIA_BAD_SHAPE, "an input of %s has no pixels", shape_text(x, tx));
    *y = (shape){4, {rois->dim[0], x->dim[1], a->output_height, a->output_width}};
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    shape y;
    TRY(pooled(n, 0, &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Inputs dy, x, the regions, their pictures. */
static stria_status gradient_infer(node *n, stria_error *err) {
    shape y;
    TRY(pooled(n, 1, &y, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "y", err));
    return rule_output(n, 0, n->in[1]->type, &n->in[1]->shape, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[4] = {dy[0], n->in[0], n->in[1], n->in[2]};
    if (wanted[0]) dx[0] = build(&b, &op_RoiAlignGradient, in, 4, n->attributes);
    return b.status;
}

static op_cost cost(const node *n) {
    const shape *y = n->op == &op_RoiAlign ? &n->out[0]->shape : &n->in[0]->shape;
    int64_t ratio = int64_max(1, ((const roi_attributes *)n->attributes)->sampling_ratio);
    return (op_cost){size_mul(size_mul(shape_count(y), ratio * ratio), 4), 0};
}

/* ---- references ---- */

typedef struct region {
    double start[2], bin[2]; /* along height and width: where it begins, how large its bins are */
    int64_t samples[2];
} region;

static stria_status region_of(const roi_attributes *a, const double *roi, region *r, stria_error *err) {
    bool half = strcmp(a->coordinate_transformation_mode, "half_pixel") == 0;
    double scale = (double)a->spatial_scale, shift = half ? 0.5 : 0;
    for (int d = 0; d < 2; d++) {
        double begin = roi[1 - d] * scale - shift, size = roi[3 - d] * scale - shift - begin;
        double bins = (double)(d ? a->output_width : a->output_height);
        if (!half) size = fmax(size, 1);
        r->start[d] = begin;
        r->bin[d] = size / bins;
        double samples = a->sampling_ratio ? (double)a->sampling_ratio : ceil(r->bin[d]);
        if (!(samples <= SAMPLES_MAX))
            FAIL(err, STRIA_BAD_VALUE, "a region is %g pixels long, which would be more than %d samples a bin", size,
                 SAMPLES_MAX);
        r->samples[d] = samples > 0 ? (int64_t)samples : 0;
    }
    return STRIA_OK;
}

/* The four pixels around (at[0], at[1]); false: it is outside. */
static bool corners(const double position[2], const shape *x, int64_t at[4], double weight[4]) {
    int64_t low[2], high[2];
    double part[2];
    for (int d = 0; d < 2; d++) {
        int64_t last = x->dim[2 + d] - 1;
        double p = position[d];
        if (!(p >= -1 && p <= (double)(last + 1))) return false;
        p = fmax(p, 0);
        low[d] = int64_min((int64_t)p, last);
        high[d] = int64_min(low[d] + 1, last);
        part[d] = low[d] == last ? 0 : p - (double)low[d];
    }
    for (int k = 0; k < 4; k++) {
        at[k] = (k & 2 ? high[0] : low[0]) * x->dim[3] + (k & 1 ? high[1] : low[1]);
        weight[k] = (k & 2 ? part[0] : 1 - part[0]) * (k & 1 ? part[1] : 1 - part[1]);
    }
    return true;
}

/* Value of a bin of picture x; *best: the pixel that the largest is of, and its weight (max only). With dx, dy is added
 * to the pixels' gradients instead. */
static double bin_value(const roi_attributes *a, const region *r, const int64_t bin[2], const double *x, const shape *s,
                        double *dx, double dy) {
    bool largest = strcmp(a->mode, "max") == 0, found = false;
    double sum = 0, best_weight = 0;
    int64_t count = int64_max(1, r->samples[0] * r->samples[1]), best = -1;
    for (int64_t i = 0; i < r->samples[0] * r->samples[1]; i++) {
        int64_t sample[2] = {i / r->samples[1], i % r->samples[1]}, at[4];
        double position[2], weight[4];
        for (int d = 0; d < 2; d++)
            position[d] = r->start[d] + (double)bin[d] * r->bin[d] +
                          ((double)sample[d] + 0.5) * r->bin[d] / (double)r->samples[d];
        bool inside = corners(position, s, at, weight);
        for (int k = 0; k < 4 && inside && !largest; k++) {
            sum += weight[k] * x[at[k]] / (double)count;
            if (dx) dx[at[k]] += weight[k] * dy / (double)count;
        }
        for (int k = 0; k < 4 && largest; k++) {
            double v = inside ? weight[k] * x[at[k]] : 0;
            if (found && !(v > sum)) continue;
            found = true, sum = v, best = inside ? at[k] : -1, best_weight = inside ? weight[k] : 0;
        }
    }
    if (largest && dx && best >= 0) dx[best] += best_weight * dy;
    return sum;
}

/* in[first] is x; with dy, the gradient goes to out[0], else y. */
static stria_status regions(const ref_call *c, int first, const double *dy, stria_error *err) {
    const roi_attributes *a = c->attributes;
    const ref_tensor *x = &c->in[first], *rois = &c->in[first + 1], *items = &c->in[first + 2];
    int64_t pixels = size_mul(x->shape.dim[2], x->shape.dim[3]), channels = x->shape.dim[1];
    int64_t bins = size_mul(a->output_height, a->output_width);
    for (int64_t r = 0; r < rois->shape.dim[0]; r++) {
        region where;
        int64_t item = items->i[r];
        if (item < 0 || item >= x->shape.dim[0])
            FAIL(err, STRIA_BAD_VALUE, "region %lld is of picture %lld, there are %lld", (long long)r, (long long)item,
                 (long long)x->shape.dim[0]);
        TRY(region_of(a, rois->f + r * 4, &where, err));
        for (int64_t i = 0; i < channels * bins; i++) {
            int64_t image = (item * channels + i / bins) * pixels, at = r * channels * bins + i;
            int64_t bin[2] = {i % bins / a->output_width, i % a->output_width};
            double *dx = dy ? c->out[0].f + image : NULL;
            double v = bin_value(a, &where, bin, x->f + image, &x->shape, dx, dy ? dy[at] : 0);
            if (!dy) c->out[0].f[at] = v;
        }
    }
    return STRIA_OK;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    return regions(c, 0, NULL, err);
}

static stria_status gradient_reference(const ref_call *c, stria_error *err) {
    ref_zero(&c->out[0]);
    return regions(c, 1, c->in[0].f, err);
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {
    {"2x2x6x5, f=0.3,0.2,3.9,4.1,-2,1,7.5,2.5:2x4, i64=1,0:2", "output_height=2 output_width=3"},
    {"1x3x6x5, f=0.3,0.2,3.9,4.1:1x4, i64=0:1",
     "output_height=2 output_width=2 sampling_ratio=3 coordinate_transformation_mode=output_half_pixel "
     "spatial_scale=0.5"},
    {"1x2x6x5, f=0.3,0.2,3.9,4.1:1x4, i64=0:1", "output_height=2 output_width=2 sampling_ratio=2 mode=max"},
    {"1x2x6x5, 0x4, i64=:0", ""},
    {0}};
static const op_case gradient_cases[] = {
    {"2x2x2x3, 2x2x6x5, f=0.3,0.2,3.9,4.1,-2,1,7.5,2.5:2x4, i64=1,0:2", "output_height=2 output_width=3"},
    {"1x2x2x2, 1x2x6x5, f=0.3,0.2,3.9,4.1:1x4, i64=0:1", "output_height=2 output_width=2 sampling_ratio=2 mode=max"},
    {0}};

#define ROI(op_name, op_domain, inputs)                                                                                \
    .name = op_name, .domain = op_domain, .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = 1,              \
    .attribute_bytes = sizeof(roi_attributes), .fields = fields, .cost = cost, .layouts = LAYOUT_PLAIN

const op_def op_RoiAlign = {ROI("RoiAlign", "", 3),
                            .infer = infer,
                            .gradient = gradient,
                            .reference = reference,
                            .cases = cases,
                            .text = "y[r, c, i, j] = the mean (largest) of x at the places of bin (i, j) of region r",
                            .note = "The regions get no gradient, as in torchvision."};
const op_def op_RoiAlignGradient = {ROI("RoiAlignGradient", "stria", 4), .infer = gradient_infer,
                                    .reference = gradient_reference, .cases = gradient_cases,
                                    .text = "dx = Σ dy · the weights with which the bins read x"};
