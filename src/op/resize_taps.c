/* Which elements of x make an element of a resized y along one dimension, and their weights. */
#include <math.h>

#include "op/resize.h"

#include "base/sizes.h"

bool resize_keeps(const resize_geometry *g, int d) {
    const resize_axis *a = &g->axis[d];
    bool whole = g->coordinates != RESIZE_TF_CROP_AND_RESIZE || (a->from == 0 && a->to == 1);
    return a->in == a->out && a->scale == 1 && whole && g->coordinates != RESIZE_TF_HALF_PIXEL_FOR_NN;
}

/* Minification widens the filter, so that it covers all of x. */
static double filter_scale(const resize_geometry *g, int d) {
    return g->antialias && g->axis[d].scale < 1 ? g->axis[d].scale : 1;
}

/* The first tap, counted from the element before the position: −(half of them) + 1. */
static double first_tap(const resize_geometry *g, int d) {
    return floor((g->mode == RESIZE_CUBIC ? -2 : -1) / filter_scale(g, d)) + 1;
}

int64_t resize_taps_most(const resize_geometry *g, int d) {
    return g->mode == RESIZE_NEAREST ? 1 : (int64_t)fmin(2 - 2 * first_tap(g, d), (double)SIZE_BYTES_MAX);
}

/* In float32, as ONNX Runtime, OpenVINO and tract compute it: for the nearest element the rounding of a position that
 * lies on the border between two decides. */
static double position_float(const resize_geometry *g, const resize_axis *a, int64_t index) {
    float q = (float)index, in = (float)a->in, out = (float)a->out, scale = (float)a->scale;
    float half = (q + 0.5f) / scale - 0.5f, from = (float)a->from, to = (float)a->to;
    switch (g->coordinates) {
    case RESIZE_HALF_PIXEL:
        return (double)half;
    case RESIZE_HALF_PIXEL_SYMMETRIC: { /* rounded once */
        double adjust = (double)(out / (scale * in)), exact = ((double)index + 0.5) / (double)scale - 0.5;
        return (double)(float)((double)a->in / 2 * (1 - adjust) + exact);
    }
    case RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? (double)half : 0;
    case RESIZE_TF_HALF_PIXEL_FOR_NN:
        return (double)((q + 0.5f) / scale);
    case RESIZE_ALIGN_CORNERS:
        return out == 1 ? 0 : (double)(q * (in - 1) / (out - 1));
    case RESIZE_ASYMMETRIC:
        return (double)(q / scale);
    case RESIZE_TF_CROP_AND_RESIZE:
        if (out == 1) return (double)((from + to) / 2 * (in - 1));
        return (double)(from * (in - 1) + q * (to - from) * (in - 1) / (out - 1));
    }
    return 0;
}

static double position(const resize_geometry *g, const resize_axis *a, int64_t index) {
    if (g->mode == RESIZE_NEAREST) return position_float(g, a, index);
    double q = (double)index, in = (double)a->in, out = (double)a->out, length = a->scale * in;
    double half = (q + 0.5) / a->scale - 0.5;
    switch (g->coordinates) {
    case RESIZE_HALF_PIXEL:
        return half;
    case RESIZE_HALF_PIXEL_SYMMETRIC:
        return half + in / 2 * (1 - out / length);
    case RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? half : 0;
    case RESIZE_TF_HALF_PIXEL_FOR_NN:
        return (q + 0.5) / a->scale;
    case RESIZE_ALIGN_CORNERS:
        return out == 1 ? 0 : q * (in - 1) / (out - 1);
    case RESIZE_ASYMMETRIC:
        return q / a->scale;
    case RESIZE_TF_CROP_AND_RESIZE:
        if (a->out == 1) return (a->from + a->to) / 2 * (in - 1);
        return a->from * (in - 1) + q * (a->to - a->from) * (in - 1) / (out - 1);
    }
    return 0;
}

static int64_t clamp(double index, const resize_axis *a) {
    double last = (double)a->in - 1;
    return (int64_t)(index > last ? last : index > 0 ? index : 0);
}

/* The element for the position, `rest` after `below`. */
static double nearest(const resize_geometry *g, double below, double rest) {
    if (g->rounding == RESIZE_FLOOR) return below;
    if (g->rounding == RESIZE_CEIL) return rest > 0 ? below + 1 : below;
    return g->rounding == RESIZE_ROUND_PREFER_CEIL ? below + (rest >= 0.5) : below + (rest > 0.5);
}

/* The filters at distance x: a triangle, or Keys' cubic with the coefficient a. */
static double filter(const resize_geometry *g, double x) {
    double a = g->cubic;
    x = fabs(x);
    if (g->mode == RESIZE_LINEAR) return x < 1 ? 1 - x : 0;
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

bool resize_outside(const resize_geometry *g, int d, int64_t q) {
    const resize_axis *a = &g->axis[d];
    double at = position(g, a, q);
    return g->coordinates == RESIZE_TF_CROP_AND_RESIZE && !(at >= 0 && at <= (double)a->in - 1);
}

int64_t resize_taps(const resize_geometry *g, int d, int64_t q, int64_t *index, double *weight) {
    const resize_axis *a = &g->axis[d];
    double at = position(g, a, q), below = floor(at), rest = at - below, sum = 0;
    double scale = filter_scale(g, d), first = first_tap(g, d);
    int64_t count = 0, most = resize_taps_most(g, d);
    if (resize_outside(g, d, q)) return 0;
    if (g->mode == RESIZE_NEAREST) {
        index[0] = clamp(nearest(g, below, rest), a);
        weight[0] = 1;
        return 1;
    }
    if (rest == 0) below -= 1, rest = 1; /* of an even number of taps around an element, more lie before it */
    for (int64_t t = 0; t < most; t++) {
        double from = below + first + (double)t, w = filter(g, (first + (double)t - rest) * scale);
        if (w == 0 || (g->exclude_outside && (from < 0 || from >= (double)a->in))) continue;
        index[count] = clamp(from, a);
        weight[count++] = w;
        sum += w;
    }
    bool whole = (!g->antialias && !g->exclude_outside) || sum == 0;
    for (int64_t t = 0; t < count && !whole; t++) weight[t] /= sum;
    return count;
}
