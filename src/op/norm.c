#include "op/norm.h"

#include <math.h>

#include "op/rule.h"

/* ---- geometry ---- */

static const op_def *const gradients[] = {&op_BatchNormalizationGradient, &op_LayerNormalizationGradient,
                                          &op_RMSNormalizationGradient, &op_InstanceNormalizationGradient,
                                          &op_GroupNormalizationGradient};

static bool is_gradient(const node *n) {
    for (size_t i = 0; i < sizeof gradients / sizeof *gradients; i++)
        if (gradients[i] == n->op) return true;
    return false;
}

static bool of(const node *n, const op_def *op, const op_def *gradient) {
    return n->op == op || n->op == gradient;
}

bool norm_given_statistics(const node *n) {
    return of(n, &op_BatchNormalization, &op_BatchNormalizationGradient) &&
           !((const norm_attributes *)n->attributes)->training_mode;
}

/* Statistics over the dimensions from `axis` on, which the parameters have too. */
static void geometry_of_axis(norm_geometry *g, const shape *x, int64_t axis) {
    int split = 0;
    (void)rule_axis(axis, x->rank, &split, NULL);
    g->batch = split > 0 ? x->dim[0] : 1;
    g->groups = split > 0 ? shape_span(x, 1, split) : 1;
    g->channels = shape_span(x, split, x->rank);
    g->shared = true;
}

norm_geometry norm_geometry_of(const node *n) {
    const norm_attributes *a = n->attributes;
    const shape *x = &n->in[is_gradient(n)]->shape;
    norm_geometry g = {.inner = 1, .centred = true, .epsilon = (double)a->epsilon};
    if (of(n, &op_LayerNormalization, &op_LayerNormalizationGradient) ||
        of(n, &op_RMSNormalization, &op_RMSNormalizationGradient)) {
        g.centred = of(n, &op_LayerNormalization, &op_LayerNormalizationGradient);
        geometry_of_axis(&g, x, a->axis);
        return g;
    }
    g.batch = x->dim[0];
    g.groups = norm_channels(x);
    g.channels = 1;
    g.inner = shape_span(x, 2, x->rank);
    g.across = of(n, &op_BatchNormalization, &op_BatchNormalizationGradient);
    if (of(n, &op_GroupNormalization, &op_GroupNormalizationGradient)) {
        g.groups = a->num_groups;
        g.channels = x->dim[1] / a->num_groups;
    }
    return g;
}

int64_t norm_channels(const shape *x) {
    return x->rank > 1 ? x->dim[1] : 1;
}

int64_t norm_sets(const norm_geometry *g) {
    return g->across ? g->groups : g->batch * g->groups;
}

int64_t norm_set_size(const norm_geometry *g) {
    return g->channels * g->inner * (g->across ? g->batch : 1);
}

int64_t norm_parameters(const norm_geometry *g) {
    return g->shared ? g->channels : g->groups * g->channels;
}

/* ---- shape rules ---- */

stria_status norm_vector_check(const node *n, int i, const char *what, int64_t channels, stria_error *err) {
    char text[192];
    const value *v = rule_input(n, i);
    if (!v) return STRIA_OK;
    TRY(rule_float(n, i, what, err));
    if (v->shape.rank != 1 || v->shape.dim[0] != channels)
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, but the input has %lld channel%s", what, shape_text(&v->shape, text),
             (long long)channels, text_s(channels));
    return STRIA_OK;
}

stria_status norm_gradient_infer(node *n, stria_error *err) {
    TRY(rule_floats(n, 0, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[1]->shape, "x", err));
    for (int i = 1; i < 3; i++) TRY(rule_output(n, i, n->in[2]->type, &n->in[2]->shape, err));
    return rule_like(n, 1, err);
}

op_cost norm_cost(const node *n) {
    return (op_cost){0, size_mul(is_gradient(n) ? 12 : 7, shape_count(&n->in[0]->shape))};
}

/* ---- gradient rules ---- */

void norm_build_gradient(builder *b, const node *n, const op_def *op, value *const *in, int count, const bool *wanted,
                         value **dx) {
    bool bias = n->in_count > 2 && n->in[2] && wanted[2];
    node *made = NULL;
    if (b->status != STRIA_OK || !(wanted[0] || wanted[1] || bias)) return;
    int outputs = bias ? 3 : wanted[1] ? 2 : 1;
    const char *stem = arena_printf(&b->g->arena, "%s/%s", n->name, op->name);
    const char *name = stem ? graph_fresh_name(b->g, stem) : NULL;
    if (!name) b->status = error_set(b->err, STRIA_NO_MEMORY, "not enough memory for a node name");
    if (b->status == STRIA_OK)
        b->status = graph_add_node(b->g, op, name, in, count, n->attributes, outputs, NULL, &made, b->err);
    if (b->status != STRIA_OK) return;
    for (int i = 0; i < outputs; i++)
        if (wanted[i]) dx[i] = made->out[i];
}

value *norm_build_through_moments(builder *b, value *dx, value *x, value *mean, value *dmean, value *dvariance,
                                  int64_t m) {
    value *slope = dmean;
    if (!dx || (!dmean && !dvariance)) return dx;
    if (dvariance) {
        value *centred = build2(b, &op_Sub, x, mean, NULL), *two = build_scalar(b, x->type, 2);
        slope = build2(b, &op_Mul, build2(b, &op_Mul, centred, two, NULL), dvariance, NULL);
        if (dmean) slope = build2(b, &op_Add, slope, dmean, NULL);
    }
    value *share = build2(b, &op_Mul, slope, build_scalar(b, x->type, 1 / (double)m), NULL);
    return build2(b, &op_Add, dx, share, NULL);
}

/* ---- references ---- */

/* One element's place: which set, which parameter. */
typedef struct place {
    int64_t set, parameter;
} place;

static place place_of(const norm_geometry *g, int64_t element) {
    int64_t c = element / g->inner % g->channels, k = element / g->inner / g->channels % g->groups,
            n = element / g->inner / g->channels / g->groups;
    return (place){g->across ? k : n * g->groups + k, g->shared ? c : k * g->channels + c};
}

static int64_t elements(const norm_geometry *g) {
    return g->batch * g->groups * g->channels * g->inner;
}

void norm_ref_moments(const norm_geometry *g, const double *x, double *mean, double *variance) {
    int64_t count = elements(g), sets = norm_sets(g);
    double m = (double)norm_set_size(g);
    for (int64_t s = 0; s < sets; s++) mean[s] = variance[s] = 0;
    for (int64_t i = 0; i < count && g->centred; i++) mean[place_of(g, i).set] += x[i];
    for (int64_t s = 0; s < sets && g->centred; s++) mean[s] /= m;
    for (int64_t i = 0; i < count; i++) {
        int64_t s = place_of(g, i).set;
        variance[s] += (x[i] - mean[s]) * (x[i] - mean[s]);
    }
    for (int64_t s = 0; s < sets; s++) variance[s] /= m;
}

void norm_ref_apply(const norm_geometry *g, double *y, const double *x, const double *mean, const double *variance,
                    const double *scale, const double *bias) {
    int64_t count = elements(g);
    for (int64_t i = 0; i < count; i++) {
        place p = place_of(g, i);
        double normal = (x[i] - mean[p.set]) / sqrt(variance[p.set] + g->epsilon);
        y[i] = normal * (scale ? scale[p.parameter] : 1) + (bias ? bias[p.parameter] : 0);
    }
}

/* With dŷ = dy·scale and means over the set: dx = (dŷ − mean dŷ − x̂·mean(dŷ·x̂)) / √(variance + ε). */
static void backward_x(const norm_geometry *g, bool given, const double *dy, const double *x, const double *mean,
                       const double *variance, const double *scale, double *sums, double *dx) {
    int64_t count = elements(g), sets = norm_sets(g);
    double m = (double)norm_set_size(g), *products = sums + sets;
    for (int64_t s = 0; s < 2 * sets; s++) sums[s] = 0;
    for (int64_t i = 0; i < count && !given; i++) {
        place p = place_of(g, i);
        double d = dy[i] * (scale ? scale[p.parameter] : 1);
        sums[p.set] += g->centred ? d : 0;
        products[p.set] += d * (x[i] - mean[p.set]) / sqrt(variance[p.set] + g->epsilon);
    }
    for (int64_t i = 0; i < count; i++) {
        place p = place_of(g, i);
        double r = 1 / sqrt(variance[p.set] + g->epsilon), d = dy[i] * (scale ? scale[p.parameter] : 1);
        dx[i] = r * (d - sums[p.set] / m - (x[i] - mean[p.set]) * r * products[p.set] / m);
    }
}

static void backward_parameters(const norm_geometry *g, const double *dy, const double *x, const double *mean,
                                const double *variance, double *dscale, double *dbias) {
    int64_t count = elements(g), parameters = norm_parameters(g);
    for (int64_t p = 0; p < parameters; p++) {
        if (dscale) dscale[p] = 0;
        if (dbias) dbias[p] = 0;
    }
    for (int64_t i = 0; i < count; i++) {
        place p = place_of(g, i);
        if (dscale) dscale[p.parameter] += dy[i] * (x[i] - mean[p.set]) / sqrt(variance[p.set] + g->epsilon);
        if (dbias) dbias[p.parameter] += dy[i];
    }
}

stria_status norm_ref_backward(const norm_geometry *g, bool given, const double *dy, const double *x,
                               const double *mean, const double *variance, const double *scale, double *dx,
                               double *dscale, double *dbias, stria_error *err) {
    double *sums;
    TRY(mem_new(&sums, 2 * (size_t)norm_sets(g) + 1, sizeof *sums, "the reference", err));
    if (dx) backward_x(g, given, dy, x, mean, variance, scale, sums, dx);
    backward_parameters(g, dy, x, mean, variance, dscale, dbias);
    mem_free(sums);
    return STRIA_OK;
}

stria_status norm_ref_moments_new(const norm_geometry *g, const double *x, double **mean, stria_error *err) {
    TRY(mem_new(mean, 2 * (size_t)norm_sets(g) + 1, sizeof **mean, "the reference", err));
    norm_ref_moments(g, x, *mean, *mean + norm_sets(g));
    return STRIA_OK;
}

stria_status norm_reference(const ref_call *c, stria_error *err) {
    norm_geometry g = norm_geometry_of(c->node);
    double *mean;
    TRY(norm_ref_moments_new(&g, c->in[0].f, &mean, err));
    norm_ref_apply(&g, c->out[0].f, c->in[0].f, mean, mean + norm_sets(&g), c->in[1].f,
                   c->in_count > 2 ? c->in[2].f : NULL);
    mem_free(mean);
    return STRIA_OK;
}

stria_status norm_gradient_reference(const ref_call *c, stria_error *err) {
    norm_geometry g = norm_geometry_of(c->node);
    const double *x = c->in[1].f;
    double *mean;
    TRY(norm_ref_moments_new(&g, x, &mean, err));
    stria_status status =
        norm_ref_backward(&g, false, c->in[0].f, x, mean, mean + norm_sets(&g), c->in[2].f, c->out[0].f,
                          c->out_count > 1 ? c->out[1].f : NULL, c->out_count > 2 ? c->out[2].f : NULL, err);
    mem_free(mean);
    return status;
}
