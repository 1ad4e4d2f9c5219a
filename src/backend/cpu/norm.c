/* Batch, layer, instance, group and root-mean-square normalisation, and their gradients: rows and columns as the
 * storage order has them (kernel/rows/norm.h). */
#include "kernel/rows/norm.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "op/norm.h"

typedef struct norm_plan {
    norm_shape shape;
    size_t moments_at; /* of the scratch: mean and variance, after what the kernels want */
    int64_t sets;
    unary_kind activation;
    float a, b;
} norm_plan;

/* ---- shapes ---- */

static norm_shape shape_of_plain(const norm_geometry *g) {
    norm_shape s = {.outer = g->batch, .rows = g->groups * g->channels, .columns = g->inner};
    s.join = g->channels, s.across = g->across, s.shared = true, s.repeat = 1;
    if (g->shared || (g->across && g->inner == 1)) { /* rows are normalised; columns are channels */
        s = (norm_shape){.outer = 1, .rows = g->batch * g->groups, .columns = g->channels};
        if (g->across) s.rows = g->batch, s.columns = g->groups, s.by_column = true;
        s.join = s.repeat = 1, s.column_parameters = true;
    }
    return s;
}

static norm_shape shape_of_channels_last(const norm_geometry *g) {
    norm_shape s = {.outer = g->batch, .rows = g->inner, .columns = g->groups * g->channels};
    if (g->across) s.outer = 1, s.rows *= g->batch;
    s.by_column = s.column_parameters = true, s.join = g->channels, s.repeat = 1;
    return s;
}

static norm_shape shape_of_batch_last(const norm_geometry *g) {
    norm_shape s = {.outer = g->groups, .rows = g->channels * g->inner, .columns = g->batch};
    s.by_column = true, s.join = 1, s.repeat = g->inner, s.shared = g->shared;
    if (!g->across) return s;
    return (norm_shape){.outer = 1, .rows = g->groups, .columns = g->inner * g->batch, .join = 1, .repeat = 1};
}

static norm_shape storage_of(const node *n, const value *x) {
    norm_geometry g = norm_geometry_of(n);
    norm_shape s = value_is_plain(x)           ? shape_of_plain(&g)
                   : value_is_channels_last(x) ? shape_of_channels_last(&g)
                                               : shape_of_batch_last(&g);
    s.centred = g.centred;
    s.epsilon = (float)g.epsilon;
    return s;
}

/* ---- accepting ---- */

static bool accept_parameters(const node *n, int first, refusal *why) {
    norm_geometry g = norm_geometry_of(n);
    for (int i = first; i < first + 2 && i < node_own_inputs(n); i++)
        if (n->in[i] && shape_count(&n->in[i]->shape) != norm_parameters(&g))
            return REFUSE(why, "'%.40s' is broadcast", n->in[i]->name);
    return true;
}

static bool accept(const node *n, refusal *why) {
    unary_kind kind;
    float a, b;
    if (!all_float32(n, why)) return false;
    if (n->epilogue.bias >= 0 || n->epilogue.residual >= 0) return REFUSE(why, "a bias or residual to add");
    if (!unary_activation(n, &kind, &a, &b)) return REFUSE(why, "no kernel for %s", n->epilogue.activation->name);
    return accept_parameters(n, 1, why);
}

/* Batch-last storage would permute parameters of all dimensions. */
static bool accept_layer(const node *n, refusal *why) {
    norm_geometry g = norm_geometry_of(n);
    if (!value_is_plain(n->in[0]) && !value_is_batch_last(n->in[0])) return REFUSE(why, "stored channels-last");
    if (!value_is_plain(n->in[0]) && g.batch != n->in[0]->shape.dim[0])
        return REFUSE(why, "the batch is normalised too, but stored last");
    return accept(n, why);
}

static bool accept_gradient(const node *n, refusal *why) {
    return all_float32(n, why);
}

/* ---- preparing ---- */

static stria_status plan_new(impl_plan *p, const value *x, norm_plan **out, stria_error *err) {
    *out = arena_alloc(p->arena, sizeof **out);
    if (!*out) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    **out = (norm_plan){.shape = storage_of(p->node, x)};
    (*out)->sets = norm_set_count(&(*out)->shape);
    return STRIA_OK;
}

static void scratch_book(impl_plan *p, norm_plan *plan, size_t bytes) {
    plan->moments_at = bytes;
    p->scratch_bytes = bytes + 2 * (size_t)plan->sets * sizeof(float);
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    norm_plan *plan;
    TRY(plan_new(p, p->node->in[0], &plan, err));
    unary_activation(p->node, &plan->activation, &plan->a, &plan->b);
    scratch_book(p, plan, norm_scratch_bytes(&plan->shape));
    *prepared = plan;
    return STRIA_OK;
}

static stria_status prepare_gradient(impl_plan *p, void **prepared, stria_error *err) {
    norm_plan *plan;
    TRY(plan_new(p, p->node->in[1], &plan, err));
    size_t forward = norm_scratch_bytes(&plan->shape), backward = norm_backward_scratch_bytes(&plan->shape);
    scratch_book(p, plan, forward > backward ? forward : backward);
    *prepared = plan;
    return STRIA_OK;
}

/* ---- running ---- */

static void *argument(const impl_call *c, int i) {
    return i < node_own_inputs(c->node) ? c->in[i] : NULL;
}

static float *result(const impl_call *c, int k) {
    return k < c->node->out_count ? c->out[k] : NULL;
}

/* y by x's own moments, which go where somebody wants them, else into the scratch. */
static void run_own(const impl_call *c, float **mean, float **variance) {
    const norm_plan *p = c->prepared;
    float *moments = (float *)(void *)((char *)c->scratch + p->moments_at);
    norm_activation *f = p->activation ? unary_kernel(c->ks, p->activation) : NULL;
    if (!*mean) *mean = moments;
    if (!*variance) *variance = moments + p->sets;
    norm_run(c->ks, c->pool, &p->shape, c->out[0], c->in[0], *mean, *variance, argument(c, 1), argument(c, 2), f, p->a,
             p->b, c->scratch);
}

/* running = momentum · old + (1 − momentum) · batch's. `running` may be `old`. */
static void running_update(float *running, const float *old, const float *batch, float momentum, int64_t n) {
    for (int64_t i = 0; running && i < n; i++) running[i] = momentum * old[i] + (1 - momentum) * batch[i];
}

static void copy(float *to, const float *from, int64_t n) {
    if (to && to != from) memcpy(to, from, (size_t)n * sizeof *to);
}

static void run_batch(const impl_call *c) {
    const norm_plan *p = c->prepared;
    const norm_attributes *a = c->node->attributes;
    int64_t channels = c->node->in[3]->shape.dim[0];
    if (norm_given_statistics(c->node)) {
        norm_activation *f = p->activation ? unary_kernel(c->ks, p->activation) : NULL;
        norm_forward(c->ks, c->pool, &p->shape, c->out[0], c->in[0], c->in[3], c->in[4], c->in[1], c->in[2], f, p->a,
                     p->b, c->scratch);
        for (int k = 1; k < 5; k++) copy(result(c, k), c->in[k % 2 ? 3 : 4], channels);
        return;
    }
    float *mean = result(c, 3), *variance = result(c, 4);
    run_own(c, &mean, &variance);
    running_update(result(c, 1), c->in[3], mean, a->momentum, channels);
    running_update(result(c, 2), c->in[4], variance, a->momentum, channels);
}

static void run_layer(const impl_call *c) {
    const norm_plan *p = c->prepared;
    float *mean = result(c, 1), *variance = NULL, *root = result(c, 2);
    run_own(c, &mean, &variance);
    for (int64_t i = 0; root && i < p->sets; i++) root[i] = 1 / sqrtf(variance[i] + p->shape.epsilon);
}

static void run_image(const impl_call *c) {
    float *mean = NULL, *variance = NULL;
    run_own(c, &mean, &variance);
}

static void run_gradient(const impl_call *c) {
    const norm_plan *p = c->prepared;
    const float *mean = argument(c, 3), *variance = argument(c, 4);
    float *moments = (float *)(void *)((char *)c->scratch + p->moments_at);
    if (!mean) {
        norm_statistics(c->ks, c->pool, &p->shape, c->in[1], moments, moments + p->sets, c->scratch);
        mean = moments, variance = moments + p->sets;
    }
    norm_backward(c->ks, c->pool, &p->shape, norm_given_statistics(c->node), c->out[0], result(c, 1), result(c, 2),
                  c->in[0], c->in[1], mean, variance, c->in[2], c->scratch);
}

#define IMPL(symbol, accepts, prepares, runs)                                                                          \
    static const op_impl symbol##_impl = {.name = "vector", .accept = accepts, .prepare = prepares, .run = runs};      \
    const op_impl *const cpu_##symbol[] = {&symbol##_impl, &impl_reference, NULL}
IMPL(batch_norm, accept, prepare, run_batch);
IMPL(layer_norm, accept_layer, prepare, run_layer);
IMPL(image_norm, accept, prepare, run_image);
IMPL(norm_gradient, accept_gradient, prepare_gradient, run_gradient);
