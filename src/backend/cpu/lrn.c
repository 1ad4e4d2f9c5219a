/* Local response normalisation and Lp normalisation, in all storage orders. */
#include "kernel/rows/lrn.h"

#include "backend/cpu/cpu.h"
#include "op/lrn.h"

static bool accept(const node *n, refusal *why) {
    if (!all_float32(n, why)) return false;
    for (int i = 0; i < n->in_count; i++)
        if (!layout_equal(&n->in[i]->layout, &n->out[0]->layout, n->out[0]->shape.rank))
            return REFUSE(why, "'%.40s' is %s, but the result is %s", n->in[i]->name, storage_name(n->in[i]),
                          storage_name(n->out[0]));
    return true;
}

static stria_status prepare_lrn(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    const lrn_attributes *a = n->attributes;
    lrn_geometry g = lrn_geometry_of(n);
    lrn_options *o = arena_alloc(p->arena, sizeof *o);
    if (!o) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    *o = (lrn_options){g.batch, g.channels, g.inner, g.before, g.after, a->alpha / (float)a->size, a->beta, a->bias};
    if (!value_is_plain(n->in[0])) {
        bool channels_last = value_is_channels_last(n->in[0]);
        o->outer = channels_last ? g.batch * g.inner : 1;
        o->inner = channels_last ? 1 : g.inner * g.batch;
    }
    if (n->op == &op_LRNGradient) p->scratch_bytes = value_bytes(n->in[0]);
    *prepared = o;
    return STRIA_OK;
}

static void run_lrn(const impl_call *c) {
    lrn_run(c->ks, c->pool, c->prepared, c->out[0], c->in[0]);
}

static void run_lrn_gradient(const impl_call *c) {
    lrn_gradient(c->ks, c->pool, c->prepared, c->out[0], c->in[0], c->in[1], c->scratch);
}

/* ---- Lp: the box [outer][channels][inner] that a dense tensor is when an axis is its channels ---- */

typedef struct lp_plan {
    int64_t outer, channels, inner;
} lp_plan;

static stria_status prepare_lp(impl_plan *p, void **prepared, stria_error *err) {
    const value *x = p->node->in[0];
    lp_plan *l = arena_alloc(p->arena, sizeof *l);
    if (!l) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    int64_t axis = ((const lp_attributes *)p->node->attributes)->axis;
    if (axis < 0) axis += x->shape.rank;
    *l = (lp_plan){1, x->shape.dim[axis], 1};
    int64_t *side = &l->outer;
    for (int i = 0; i < x->shape.rank; i++) {
        if (x->layout.perm[i] == axis) side = &l->inner;
        else *side *= x->shape.dim[x->layout.perm[i]];
    }
    p->scratch_bytes = (size_t)(l->outer * l->inner) * sizeof(float);
    *prepared = l;
    return STRIA_OK;
}

static void run_lp(const impl_call *c) {
    const lp_plan *l = c->prepared;
    const lp_attributes *a = c->node->attributes;
    lp_run(c->ks, c->pool, (int)a->p, l->outer, l->channels, l->inner, c->out[0], c->in[0], c->scratch);
}

static const op_impl lrn_impl = {.name = "vector", .accept = accept, .prepare = prepare_lrn, .run = run_lrn};
static const op_impl lrn_gradient_impl = {
    .name = "vector", .accept = accept, .prepare = prepare_lrn, .run = run_lrn_gradient};
static const op_impl lp_impl = {.name = "vector", .accept = accept, .prepare = prepare_lp, .run = run_lp};

const op_impl *const cpu_lrn[] = {&lrn_impl, &impl_reference, NULL};
const op_impl *const cpu_lrn_gradient[] = {&lrn_gradient_impl, &impl_reference, NULL};
const op_impl *const cpu_lp_norm[] = {&lp_impl, &impl_reference, NULL};
