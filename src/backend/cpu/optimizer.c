/* Parameter updates in one pass, in place where the plan could arrange it. */
#include "op/optimizer.h"

#include "backend/cpu/cpu.h"
#include "kernel/optimizer.h"

#include <string.h>

static bool accept_momentum(const node *n, refusal *why) {
    if (n->in_count != 5) return REFUSE(why, "%d inputs: more than one tensor", n->in_count);
    if (n->out_count < 2 || !n->out[0] || !n->out[1]) return REFUSE(why, "a result is not wanted");
    if (n->in[0]->type != STRIA_FLOAT32 || n->in[2]->type != STRIA_FLOAT32) return REFUSE(why, "not float32");
    for (int i = 3; i < 5; i++)
        if (!layout_equal(&n->in[i]->layout, &n->in[2]->layout, n->in[2]->shape.rank))
            return REFUSE(why, "'%.40s' is stored in another order", n->in[i]->name);
    return true;
}

static stria_status run_momentum(const impl_call *c, stria_error *err) {
    const momentum_attributes *t = c->node->attributes;
    const value *x = c->node->in[2];
    size_t bytes = value_bytes(x);
    momentum_options o = {.lr = *(const float *)c->in[0],
                          .alpha = t->alpha,
                          .norm_coefficient = t->norm_coefficient,
                          .beta = *(const int64_t *)c->in[1] > 0 ? t->beta : 1,
                          .nesterov = strcmp(t->mode, "nesterov") == 0};
    if (c->out[0] != c->in[2]) memcpy(c->out[0], c->in[2], bytes);
    if (c->out[1] != c->in[4]) memcpy(c->out[1], c->in[4], bytes);
    if (!momentum_update(c->ks, c->pool, &o, c->out[0], c->out[1], c->in[3], shape_count(&x->shape)))
        FAIL(err, STRIA_NOT_FINITE, "the gradient of '%s' is not finite", x->name);
    return STRIA_OK;
}

static const op_impl momentum_impl = {.name = "vector", .accept = accept_momentum, .run = run_momentum};

const op_impl *const cpu_momentum[] = {&momentum_impl, &impl_reference, NULL};
