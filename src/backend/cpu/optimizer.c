/* Parameter updates in one pass, in place where the plan could arrange it. */
#include "op/optimizer.h"

#include "backend/cpu/cpu.h"
#include "kernel/elements/optimizer.h"

#include <math.h>
#include <string.h>

enum {
    RATE = UPDATE_RATE,
    COUNT = UPDATE_COUNT,
    PARAMETER = UPDATE_PARAMETER,
    GRADIENT = UPDATE_GRADIENT,
    STATE
}; /* inputs; results are the parameter and the states */

static bool accept(const node *n, refusal *why) {
    if (n->in_count != n->op->in_max) return REFUSE(why, "%d inputs: more than one tensor", n->in_count);
    for (int i = 0; i < update_finite(n->op); i++)
        if (i >= n->out_count || !n->out[i]) return REFUSE(why, "a result is not wanted");
    if (n->in[RATE]->type != STRIA_FLOAT32 || n->in[PARAMETER]->type != STRIA_FLOAT32)
        return REFUSE(why, "not float32");
    for (int i = GRADIENT; i < n->in_count; i++)
        if (!layout_equal(&n->in[i]->layout, &n->in[PARAMETER]->layout, n->in[PARAMETER]->shape.rank))
            return REFUSE(why, "'%.40s' is stored in another order", n->in[i]->name);
    return true;
}

/* What an update reads and writes. */
typedef struct operands {
    float *x, *state[2];
    const float *g;
    int64_t n;
} operands;

/* Results start as copies where the plan could not put them into the old ones' place. */
static operands operands_of(const impl_call *c) {
    const value *x = c->node->in[PARAMETER];
    operands u = {.g = c->in[GRADIENT], .n = shape_count(&x->shape)};
    for (int k = 0; k < update_finite(c->node->op); k++) {
        const void *old = c->in[k ? STATE + k - 1 : PARAMETER];
        if (c->out[k] != old) memcpy(c->out[k], old, value_bytes(x));
        *(k ? &u.state[k - 1] : &u.x) = c->out[k];
    }
    return u;
}

static float rate_of(const impl_call *c) {
    return *(const float *)c->in[RATE];
}
static int64_t count_of(const impl_call *c) {
    return *(const int64_t *)c->in[COUNT];
}

static void tell(const impl_call *c, bool finite) {
    int told = update_finite(c->node->op);
    if (c->node->out_count > told && c->node->out[told]) *(uint8_t *)c->out[told] = finite;
}

static void run_momentum(const impl_call *c) {
    const momentum_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    momentum_options o = {.lr = rate_of(c),
                          .alpha = a->alpha,
                          .norm_coefficient = a->norm_coefficient,
                          .beta = count_of(c) > 0 ? a->beta : 1,
                          .nesterov = strcmp(a->mode, "nesterov") == 0};
    tell(c, momentum_update(c->ks, c->pool, &o, u.x, u.state[0], u.g, u.n));
}

static void run_adam(const impl_call *c) {
    const adam_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    adam_step s = adam_step_of(a, (double)rate_of(c), count_of(c));
    adam_options o = {.keep = (float)s.keep,
                      .decay = (float)s.decay,
                      .beta1 = a->beta1,
                      .share1 = (float)(1 - (double)a->beta1),
                      .beta2 = a->beta2,
                      .share2 = (float)(1 - (double)a->beta2),
                      .lr = (float)s.rate,
                      .root = (float)s.root,
                      .epsilon = a->epsilon};
    tell(c, adam_update(c->ks, c->pool, &o, u.x, u.state[0], u.state[1], u.g, u.n));
}

static void run_rmsprop(const impl_call *c) {
    const rmsprop_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    square_options o = {.decay = a->norm_coefficient,
                        .keep = a->alpha,
                        .share = (float)(1 - (double)a->alpha),
                        .lr = rate_of(c),
                        .epsilon = a->epsilon};
    tell(c, square_update(c->ks, c->pool, &o, u.x, u.state[0], u.g, u.n));
}

static void run_adagrad(const impl_call *c) {
    const adagrad_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    square_options o = {.decay = a->norm_coefficient,
                        .keep = 1,
                        .share = 1,
                        .lr = (float)adagrad_rate(a, (double)rate_of(c), count_of(c)),
                        .epsilon = a->epsilon};
    tell(c, square_update(c->ks, c->pool, &o, u.x, u.state[0], u.g, u.n));
}

static void run_velocity(const impl_call *c) {
    const velocity_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    velocity_options o = {.lr = rate_of(c),
                          .alpha = a->alpha,
                          .keep = (float)(1 - (double)rate_of(c) * (double)a->weight_decay),
                          .nesterov = a->nesterov != 0};
    tell(c, velocity_update(c->ks, c->pool, &o, u.x, u.state[0], u.g, u.n));
}

static void run_adadelta(const impl_call *c) {
    const adadelta_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    adadelta_options o = {.decay = a->norm_coefficient,
                          .lr = rate_of(c),
                          .rho = a->rho,
                          .share = (float)(1 - (double)a->rho),
                          .epsilon = a->epsilon};
    tell(c, adadelta_update(c->ks, c->pool, &o, u.x, u.state[0], u.state[1], u.g, u.n));
}

static void run_nadam(const impl_call *c) {
    const nadam_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    nadam_step s = nadam_step_of(a, (double)rate_of(c), count_of(c));
    adam_options o = {.keep = 1,
                      .decay = a->weight_decay,
                      .beta1 = a->beta1,
                      .share1 = (float)(1 - (double)a->beta1),
                      .beta2 = a->beta2,
                      .share2 = (float)(1 - (double)a->beta2),
                      .lr = (float)s.mean,
                      .root = (float)s.root,
                      .epsilon = a->epsilon,
                      .look = (float)s.gradient};
    tell(c, adam_update(c->ks, c->pool, &o, u.x, u.state[0], u.state[1], u.g, u.n));
}

static void run_lion(const impl_call *c) {
    const lion_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    lion_options o = {.lr = rate_of(c),
                      .keep = (float)(1 - (double)rate_of(c) * (double)a->weight_decay),
                      .beta1 = a->beta1,
                      .share1 = (float)(1 - (double)a->beta1),
                      .beta2 = a->beta2,
                      .share2 = (float)(1 - (double)a->beta2)};
    tell(c, lion_update(c->ks, c->pool, &o, u.x, u.state[0], u.g, u.n));
}

static void run_ftrl(const impl_call *c) {
    const ftrl_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    ftrl_options o = {.decay = a->norm_coefficient,
                      .inverse = (float)(1 / (double)rate_of(c)),
                      .l1 = a->l1,
                      .l2 = 2 * a->l2,
                      .beta = a->beta};
    tell(c, ftrl_update(c->ks, c->pool, &o, u.x, u.state[0], u.state[1], u.g, u.n));
}

/* Its partial sums. */
static stria_status prepare_lamb(impl_plan *p, void **prepared, stria_error *err) {
    p->scratch_bytes = 2 * sizeof(double) * (size_t)lamb_sums(shape_count(&p->node->in[PARAMETER]->shape));
    return STRIA_OK;
}

static void run_lamb(const impl_call *c) {
    const lamb_attributes *a = c->node->attributes;
    operands u = operands_of(c);
    double t = (double)count_of(c) + 1;
    lamb_options o = {.lr = rate_of(c),
                      .beta1 = a->beta1,
                      .share1 = (float)(1 - (double)a->beta1),
                      .beta2 = a->beta2,
                      .share2 = (float)(1 - (double)a->beta2),
                      .first = (float)(1 / (1 - pow((double)a->beta1, t))),
                      .root = (float)(1 / sqrt(1 - pow((double)a->beta2, t))),
                      .epsilon = a->epsilon,
                      .decay = a->weight_decay};
    tell(c, lamb_update(c->ks, c->pool, &o, u.x, u.state[0], u.state[1], u.g, u.n, c->scratch));
}

#define OPTIMIZER(word)                                                                                                \
    static const op_impl word##_impl = {.name = "vector", .accept = accept, .run = run_##word};                        \
    const op_impl *const cpu_##word[] = {&word##_impl, &impl_reference, NULL};
OPTIMIZER(momentum)
OPTIMIZER(adam)
OPTIMIZER(rmsprop)
OPTIMIZER(adagrad)
OPTIMIZER(velocity)
OPTIMIZER(adadelta)
OPTIMIZER(nadam)
OPTIMIZER(lion)
OPTIMIZER(ftrl)
static const op_impl lamb_impl = {.name = "vector", .accept = accept, .prepare = prepare_lamb, .run = run_lamb};
const op_impl *const cpu_lamb[] = {&lamb_impl, &impl_reference, NULL};
