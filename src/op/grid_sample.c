/* A picture looked at through a grid of positions, as spatial transformers do: GridSample, and AffineGrid, which makes
 * a grid of a matrix. Positions are −1 to 1 over the picture, the last dimension's first: (x, y) or (x, y, z). */
#include <math.h>
#include <string.h>

#include "op/rule.h"

typedef struct sample_attributes {
    int64_t align_corners;    /* ±1 are the centres of the outermost pixels, else their outer edges */
    const char *mode;         /* linear, nearest, cubic; before opset 20 bilinear, bicubic */
    const char *padding_mode; /* zeros, border, reflection */
} sample_attributes;

typedef struct affine_attributes {
    int64_t align_corners;
} affine_attributes;

static const attr_field sample_fields[] = {ATTR(sample_attributes, align_corners, ATTR_INT, "0"),
                                           ATTR(sample_attributes, mode, ATTR_STRING, "linear"),
                                           ATTR(sample_attributes, padding_mode, ATTR_STRING, "zeros"),
                                           {0}};
static const attr_field affine_fields[] = {ATTR(affine_attributes, align_corners, ATTR_INT, "0"), {0}};

/* ---- GridSample: shapes ---- */

typedef enum sample_mode { SAMPLE_LINEAR, SAMPLE_NEAREST, SAMPLE_CUBIC } sample_mode;
typedef enum sample_padding { PADDING_ZEROS, PADDING_BORDER, PADDING_REFLECTION } sample_padding;

static int word_find(const char *word, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0) return i;
    return -1;
}

static const char *const modes[] = {"linear", "nearest", "cubic", "bilinear", "-", "bicubic", NULL};
static const char *const paddings[] = {"zeros", "border", "reflection", NULL};

static sample_mode mode_of(const sample_attributes *a) {
    return (sample_mode)(word_find(a->mode, modes) % 3);
}

static stria_status words_check(const sample_attributes *a, int spatial, stria_error *err) {
    if (word_find(a->mode, modes) < 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "mode is '%.60s', expected linear, nearest or cubic", a->mode);
    if (word_find(a->padding_mode, paddings) < 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "padding_mode is '%.60s', expected zeros, border or reflection", a->padding_mode);
    if (spatial > 3) FAIL(err, STRIA_UNSUPPORTED, "pictures of %d dimensions, at most 3 are supported", spatial);
    return STRIA_OK;
}

/* The shape of y, from those of x and the grid. */
static stria_status sampled(const node *n, int x_at, shape *y, stria_error *err) {
    const shape *x = &n->in[x_at]->shape, *grid = &n->in[x_at + 1]->shape;
    char tx[192], tg[192];
    int spatial = x->rank - 2;
    bool fits = x->rank >= 3 && grid->rank == x->rank && grid->dim[0] == x->dim[0];
    if (!fits || grid->dim[grid->rank - 1] != spatial)
        FAIL(err, STRIA_BAD_SHAPE, "a grid of %s does not fit an input of %s", shape_text(grid, tg), shape_text(x, tx));
    TRY(words_check(n->attributes, spatial, err));
    *y = *x;
    for (int d = 0; d < spatial; d++) y->dim[2 + d] = grid->dim[1 + d];
    bool empty = shape_span(x, 2, x->rank) == 0 && shape_count(y) != 0;
    if (empty) FAIL(err, STRIA_BAD_SHAPE, "an input of %s has no pixel to sample", shape_text(x, tx));
    return STRIA_OK;
}

static stria_status sample_infer(node *n, stria_error *err) {
    shape y;
    TRY(rule_float(n, 0, "input", err));
    TRY(rule_float(n, 1, "the grid", err));
    TRY(sampled(n, 0, &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Inputs dy, x, the grid; outputs dx and the grid's gradient. */
static stria_status sample_gradient_infer(node *n, stria_error *err) {
    shape y;
    TRY(rule_floats(n, 0, err));
    TRY(sampled(n, 1, &y, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "y", err));
    TRY(rule_output(n, 0, n->in[1]->type, &n->in[1]->shape, err));
    return rule_output(n, 1, n->in[2]->type, &n->in[2]->shape, err);
}

static stria_status sample_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    node *made;
    const char *name = arena_printf(&g->arena, "%s/GridSampleGradient", n->name);
    if (!name || !(name = graph_fresh_name(g, name))) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a node name");
    TRY(graph_add_node(g, &op_GridSampleGradient, name, (value *[]){dy[0], n->in[0], n->in[1]}, 3, n->attributes,
                       wanted[1] ? 2 : 1, NULL, &made, err));
    for (int i = 0; i < 2; i++)
        if (wanted[i]) dx[i] = made->out[i];
    return STRIA_OK;
}

static op_cost sample_cost(const node *n) {
    const shape *y = &n->in[0]->shape, *like = n->op == &op_GridSample ? &n->out[0]->shape : y;
    int64_t taps = 1, each = mode_of(n->attributes) == SAMPLE_CUBIC ? 4 : 2;
    for (int d = 2; d < like->rank && mode_of(n->attributes) != SAMPLE_NEAREST; d++) taps *= each;
    return (op_cost){size_mul(shape_count(like), taps), 0};
}

/* ---- GridSample: positions ---- */

/* Along one dimension: the pixels that a position reads (−1: none, 0 stands there), how much of each, and how these
 * weights change with the grid's number. */
typedef struct taps {
    int count;
    int64_t at[4];
    double weight[4], slope[4];
} taps;

/* x between two mirrors; *turn is what a step of x becomes. */
static double reflect(double x, double low, double high, double *turn) {
    double span = high - low;
    *turn = 1;
    if (span <= 0) {
        *turn = 0;
        return low;
    }
    double beyond = x < low ? low - x : x > high ? x - high : 0, flips = floor(beyond / span);
    double rest = beyond - flips * span;
    if (beyond == 0) return x;
    bool odd = fmod(flips, 2) != 0, from_low = x < low;
    *turn = odd ? 1 : -1;
    return from_low ? (odd ? high - rest : low + rest) : (odd ? low + rest : high - rest);
}

/* The pixel at an integral position, −1 where there is none. */
static int64_t pixel(double at, int64_t size, sample_padding padding, double low, double high) {
    double turn;
    if (at >= 0 && at < (double)size) return (int64_t)at;
    if (padding == PADDING_ZEROS || isnan(at)) return -1;
    if (padding == PADDING_REFLECTION) at = reflect(at, low, high, &turn);
    if (isnan(at)) return -1; /* an infinite position has no mirror image */
    return at <= 0 ? 0 : at >= (double)size ? size - 1 : (int64_t)at;
}

/* Keys' cubic with a = −3/4, of the four pixels around a fraction. */
static void cubic(double t, double weight[4], double slope[4]) {
    const double a = -0.75;
    for (int k = 0; k < 4; k++) {
        double d = fabs(t + 1 - k), sign = t + 1 - k < 0 ? -1 : 1;
        bool near = k == 1 || k == 2;
        weight[k] = near ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
        slope[k] = sign * (near ? (3 * (a + 2) * d - 2 * (a + 3)) * d : (3 * a * d - 10 * a) * d + 8 * a);
    }
}

static taps taps_at(const sample_attributes *a, double position, int64_t size) {
    sample_padding padding = (sample_padding)word_find(a->padding_mode, paddings);
    sample_mode mode = mode_of(a);
    double n = (double)size, step = a->align_corners ? (n - 1) / 2 : n / 2, turn = 1;
    double x = a->align_corners ? (position + 1) * step : ((position + 1) * n - 1) / 2;
    double low = a->align_corners ? 0 : -0.5, high = a->align_corners ? n - 1 : n - 0.5;
    taps t = {.count = mode == SAMPLE_NEAREST ? 1 : mode == SAMPLE_LINEAR ? 2 : 4};
    if (mode == SAMPLE_NEAREST) x = nearbyint(x);
    if (padding == PADDING_BORDER && mode != SAMPLE_CUBIC) {
        if (x < 0 || x > n - 1) turn = 0;
        x = fmax(0, fmin(x, n - 1));
    }
    if (padding == PADDING_REFLECTION && mode != SAMPLE_CUBIC) x = reflect(x, low, high, &turn);
    if (mode == SAMPLE_NEAREST) {
        t.at[0] = pixel(x, size, padding, low, high);
        t.weight[0] = 1;
        return t;
    }
    double first = floor(x), fraction = x - first;
    if (mode == SAMPLE_CUBIC) cubic(fraction, t.weight, t.slope), first -= 1;
    else t.weight[0] = 1 - fraction, t.weight[1] = fraction, t.slope[0] = -1, t.slope[1] = 1;
    for (int k = 0; k < t.count; k++) {
        t.at[k] = pixel(first + k, size, padding, low, high);
        t.slope[k] *= turn * step;
    }
    return t;
}

/* ---- GridSample: references ---- */

/* The taps of one place of the grid, in all dimensions of the picture; outermost first. */
typedef struct place {
    int rank;
    taps t[3];
    const shape *x;
} place;

static place place_of(const sample_attributes *a, const shape *x, const double *grid) {
    place p = {.rank = x->rank - 2, .x = x};
    for (int d = 0; d < p.rank; d++) p.t[d] = taps_at(a, grid[p.rank - 1 - d], x->dim[2 + d]);
    return p;
}

/* Combination i of taps: the pixel's offset, −1 where it is outside; *weight its weight. `of`: the dimension whose
 * slope is taken instead, −1: none. */
static int64_t combination(const place *p, int i, int of, double *weight) {
    int64_t offset = 0;
    bool inside = true;
    *weight = 1;
    for (int d = 0; d < p->rank; d++) {
        int rest = i;
        for (int e = p->rank - 1; e > d; e--) rest /= p->t[e].count;
        const taps *t = &p->t[d];
        int k = rest % t->count;
        inside = inside && t->at[k] >= 0;
        offset = offset * p->x->dim[2 + d] + t->at[k];
        *weight *= d == of ? t->slope[k] : t->weight[k];
    }
    return inside ? offset : -1;
}

static int combinations(const place *p) {
    int count = 1;
    for (int d = 0; d < p->rank; d++) count *= p->t[d].count;
    return count;
}

static stria_status sample_reference(const ref_call *c, stria_error *err) {
    const shape *x = &c->in[0].shape, *y = &c->out[0].shape;
    int64_t pixels = shape_span(x, 2, x->rank), places = shape_span(y, 2, y->rank), channels = x->dim[1];
    for (int64_t i = 0; i < y->dim[0] * places; i++) {
        place p = place_of(c->attributes, x, c->in[1].f + i * (x->rank - 2));
        int count = combinations(&p);
        for (int64_t ch = 0; ch < channels; ch++) {
            int64_t image = i / places * channels + ch;
            double sum = 0, weight;
            for (int k = 0; k < count; k++) {
                int64_t at = combination(&p, k, -1, &weight);
                if (at >= 0) sum += weight * c->in[0].f[image * pixels + at];
            }
            c->out[0].f[image * places + i % places] = sum;
        }
    }
    return STRIA_OK;
}

static stria_status sample_gradient_reference(const ref_call *c, stria_error *err) {
    const shape *x = &c->in[1].shape, *y = &c->in[0].shape;
    int64_t pixels = shape_span(x, 2, x->rank), places = shape_span(y, 2, y->rank), channels = x->dim[1];
    int rank = x->rank - 2;
    double *dgrid = c->out_count > 1 ? c->out[1].f : NULL;
    ref_zero(&c->out[0]);
    if (dgrid) ref_zero(&c->out[1]);
    for (int64_t i = 0; i < y->dim[0] * places; i++) {
        place p = place_of(c->attributes, x, c->in[2].f + i * rank);
        for (int k = 0; k < combinations(&p); k++)
            for (int64_t ch = 0; ch < channels; ch++) {
                int64_t image = i / places * channels + ch;
                double weight, dy = c->in[0].f[image * places + i % places];
                int64_t at = combination(&p, k, -1, &weight);
                if (at < 0) continue;
                c->out[0].f[image * pixels + at] += weight * dy;
                for (int d = 0; d < rank && dgrid; d++) {
                    (void)combination(&p, k, d, &weight);
                    dgrid[i * rank + rank - 1 - d] += weight * dy * c->in[1].f[image * pixels + at];
                }
            }
    }
    return STRIA_OK;
}

/* ---- AffineGrid ---- */

static stria_status affine_shape(const node *n, int theta_at, int size_at, shape *y, stria_error *err) {
    const shape *theta = &n->in[theta_at]->shape;
    int64_t size[RANK_MAX];
    char text[192];
    int count;
    TRY(rule_ints(n, size_at, "size", size, RANK_MAX, &count, err));
    int spatial = count - 2;
    if (spatial != 2 && spatial != 3)
        FAIL(err, STRIA_BAD_SHAPE, "the input size has %d entr%s, expected 4 or 5", count, text_ies(count));
    if (theta->rank != 3 || theta->dim[0] != size[0] || theta->dim[1] != spatial || theta->dim[2] != spatial + 1)
        FAIL(err, STRIA_BAD_SHAPE, "theta is %s, expected [%lld, %d, %d]", shape_text(theta, text), (long long)size[0],
             spatial, spatial + 1);
    *y = (shape){.rank = spatial + 2, .dim = {size[0]}};
    for (int d = 0; d < spatial; d++) y->dim[1 + d] = size[2 + d];
    y->dim[spatial + 1] = spatial;
    return STRIA_OK;
}

static stria_status affine_infer(node *n, stria_error *err) {
    shape y;
    TRY(rule_float(n, 0, "theta", err));
    TRY(affine_shape(n, 0, 1, &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Inputs dy, theta, the size. */
static stria_status affine_gradient_infer(node *n, stria_error *err) {
    shape y;
    TRY(rule_float(n, 0, "dy", err));
    TRY(affine_shape(n, 1, 2, &y, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the grid", err));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

static stria_status affine_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[3] = {dy[0], n->in[0], n->in[1]};
    if (wanted[0]) dx[0] = build(&b, &op_AffineGridGradient, in, 3, n->attributes);
    return b.status;
}

/* (x, y, …, 1) of place i of a grid of the shape `y`. */
static void base_of(const shape *y, bool align, int64_t i, double base[4]) {
    int spatial = y->rank - 2;
    for (int d = spatial - 1; d >= 0; i /= y->dim[1 + d--]) {
        double n = (double)y->dim[1 + d], at = (double)(i % y->dim[1 + d]);
        base[spatial - 1 - d] = align ? (n > 1 ? 2 * at / (n - 1) - 1 : -1) : (2 * at + 1) / n - 1;
    }
    base[spatial] = 1;
}

static stria_status affine_reference(const ref_call *c, stria_error *err) {
    const shape *y = &c->out[0].shape;
    int spatial = y->rank - 2;
    int64_t places = shape_span(y, 1, y->rank - 1), count = y->dim[0] * places;
    for (int64_t i = 0; i < count; i++) {
        double base[4];
        base_of(y, ((const affine_attributes *)c->attributes)->align_corners != 0, i % places, base);
        for (int r = 0; r < spatial; r++) {
            const double *row = c->in[0].f + (i / places * spatial + r) * (spatial + 1);
            double sum = 0;
            for (int k = 0; k <= spatial; k++) sum += row[k] * base[k];
            c->out[0].f[i * spatial + r] = sum;
        }
    }
    return STRIA_OK;
}

static stria_status affine_gradient_reference(const ref_call *c, stria_error *err) {
    const shape *y = &c->in[0].shape;
    int spatial = y->rank - 2;
    int64_t places = shape_span(y, 1, y->rank - 1), count = y->dim[0] * places;
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        double base[4];
        base_of(y, ((const affine_attributes *)c->attributes)->align_corners != 0, i % places, base);
        for (int r = 0; r < spatial; r++)
            for (int k = 0; k <= spatial; k++)
                c->out[0].f[(i / places * spatial + r) * (spatial + 1) + k] += c->in[0].f[i * spatial + r] * base[k];
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case sample_cases[] = {
    {"2x3x4x5, -0.9..0.9:2x3x2x2", ""},
    {"1x2x4x5, -1.6..1.6:1x3x4x2", "align_corners=1 padding_mode=border"},
    {"1x2x4x5, -3.3..3.3:1x3x4x2", "padding_mode=reflection"},
    {"1x2x4x5, -1.4..1.4:1x3x4x2", "mode=cubic padding_mode=reflection align_corners=1"},
    {"1x2x4x5, -1.4..1.4:1x3x4x2", "mode=bicubic"},
    {"1x2x3x4x5, -1.2..1.2:1x2x3x2x3", ""},
    {"2x2x7, -1.2..1.2:2x4x1", "padding_mode=border"},
    {"1x2x4x5, f=-0.93,0.41,0.12,-0.2,0.77,1.3:1x3x1x2", "mode=nearest"},
    {0}};
static const op_case sample_gradient_cases[] = {
    {"2x3x3x2, 2x3x4x5, 2x3x2x2", ""}, {"1x2x3x4, 1x2x4x5, 1x3x4x2", "mode=cubic padding_mode=border"}, {0}};
static const op_case affine_cases[] = {{"2x2x3, i64=2,3,4,5:4", ""},
                                       {"1x2x3, i64=1,1,1,4:4", "align_corners=1"},
                                       {"2x3x4, i64=2,1,3,2,4:5", "align_corners=1"},
                                       {0}};
static const op_case affine_gradient_cases[] = {{"2x4x5x2, 2x2x3, i64=2,3,4,5:4", ""}, {0}};

#define SAMPLE(op_name, op_domain, inputs)                                                                             \
    .name = op_name, .domain = op_domain, .in_min = inputs, .in_max = inputs, .out_min = 1,                            \
    .attribute_bytes = sizeof(sample_attributes), .fields = sample_fields, .cost = sample_cost,                        \
    .layouts = LAYOUT_PLAIN
#define AFFINE(op_name, op_domain, inputs)                                                                             \
    .name = op_name, .domain = op_domain, .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = 1,              \
    .attribute_bytes = sizeof(affine_attributes), .fields = affine_fields, .layouts = LAYOUT_PLAIN

const op_def op_GridSample = {SAMPLE("GridSample", "", 2),
                              .out_max = 1,
                              .infer = sample_infer,
                              .gradient = sample_gradient,
                              .reference = sample_reference,
                              .cases = sample_cases,
                              .text = "y[…] = x at the grid's positions, by the nearest pixel, linearly or cubically"};
const op_def op_GridSampleGradient = {
    SAMPLE("GridSampleGradient", "stria", 3), .out_max = 2,
    .infer = sample_gradient_infer,           .reference = sample_gradient_reference,
    .cases = sample_gradient_cases,           .text = "dx = Σ dy · weights, dgrid = Σ dy · x · slopes of the weights"};
const op_def op_AffineGrid = {AFFINE("AffineGrid", "", 2),
                              .infer = affine_infer,
                              .gradient = affine_gradient,
                              .reference = affine_reference,
                              .cases = affine_cases,
                              .value_inputs = 1 << 1,
                              .text = "grid[n, …] = theta[n] · (x, y, …, 1)"};
const op_def op_AffineGridGradient = {AFFINE("AffineGridGradient", "stria", 3),
                                      .infer = affine_gradient_infer,
                                      .reference = affine_gradient_reference,
                                      .cases = affine_gradient_cases,
                                      .value_inputs = 1 << 2,
                                      .shape_inputs = 1 << 1,
                                      .text = "dtheta[n] = Σ dgrid · (x, y, …, 1)"};
