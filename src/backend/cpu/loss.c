/* Softmax cross-entropy from logits and integer labels. */
#include "op/loss.h"

#include "backend/cpu/cpu.h"
#include "kernel/softmax.h"

#include <inttypes.h>

typedef struct loss_plan {
    int64_t batch, classes, inner, ignored;
    bool mean;
} loss_plan;

static bool accept_logits(const node *n, const value *scores, const value *labels, const value *weights, refusal *why) {
    loss_geometry g = loss_geometry_of(n);
    if (scores->type != STRIA_FLOAT32) return REFUSE(why, "scores are %s", dtype_name(scores->type));
    if (labels->type != STRIA_INT64) return REFUSE(why, "labels are %s", dtype_name(labels->type));
    if (!value_is_plain(labels)) return REFUSE(why, "labels are %s", storage_name(labels));
    if (weights) return REFUSE(why, "class weights");
    if (g.none) return REFUSE(why, "a loss per image");
    if (!value_is_plain(scores) && !(scores->shape.rank == 2 && value_is_batch_last(scores)))
        return REFUSE(why, "scores are %s", storage_name(scores));
    return true;
}

static bool accept(const node *n, refusal *why) {
    if (n->out_count > 1 && n->out[1]) return REFUSE(why, "logarithms of the probabilities are wanted too");
    return accept_logits(n, n->in[0], n->in[1], n->in_count > 2 ? n->in[2] : NULL, why);
}

static bool accept_gradient(const node *n, refusal *why) {
    const value *scores = n->in[1];
    if (!layout_equal(&scores->layout, &n->out[0]->layout, scores->shape.rank))
        return REFUSE(why, "scores are %s, their gradient is %s", storage_name(scores), storage_name(n->out[0]));
    return accept_logits(n, scores, n->in[2], n->in_count > 3 ? n->in[3] : NULL, why);
}

static stria_status plan_new(impl_plan *p, const value *scores, void **prepared, stria_error *err) {
    loss_plan *l = arena_alloc(p->arena, sizeof *l);
    if (!l) FAIL(err, STRIA_NO_MEMORY, "layer '%s': not enough memory", p->node->name);
    loss_geometry g = loss_geometry_of(p->node);
    *l = (loss_plan){g.batch, g.classes, g.inner, ((const loss_attributes *)p->node->attributes)->ignore_index, g.mean};
    if (!value_is_plain(scores)) l->inner = l->batch, l->batch = 1;
    p->scratch_bytes = (size_t)(l->batch * l->inner) * sizeof(float);
    *prepared = l;
    return STRIA_OK;
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    return plan_new(p, p->node->in[0], prepared, err);
}

static stria_status prepare_gradient(impl_plan *p, void **prepared, stria_error *err) {
    return plan_new(p, p->node->in[1], prepared, err);
}

static stria_status run(const impl_call *c, stria_error *err) {
    const loss_plan *l = c->prepared;
    const int64_t *labels = c->in[1];
    cross_entropy_result r =
        cross_entropy_run(c->ks, c->pool, c->scratch, c->in[0], labels, l->ignored, l->batch, l->classes, l->inner);
    if (r.bad >= 0)
        FAIL(err, STRIA_BAD_ARGUMENT,
             "layer '%s': label %" PRId64 " of image %" PRId64 " is outside the %" PRId64 " classes", c->node->name,
             labels[r.bad], r.bad, l->classes);
    *(float *)c->out[0] = (float)(l->mean ? r.sum / (double)r.counted : r.sum);
    return STRIA_OK;
}

static stria_status run_gradient(const impl_call *c, stria_error *err) {
    const loss_plan *l = c->prepared;
    const int64_t *labels = c->in[2];
    float scale = *(const float *)c->in[0];
    int64_t counted = 0;
    (void)err;
    for (int64_t i = 0; i < l->batch * l->inner; i++) counted += labels[i] != l->ignored;
    if (l->mean) scale /= (float)counted;
    cross_entropy_gradient(c->ks, c->pool, c->out[0], c->in[1], labels, l->ignored, scale, NULL, l->batch, l->classes,
                           l->inner);
    return STRIA_OK;
}

static const op_impl loss_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run};
static const op_impl gradient_impl = {
    .name = "vector", .accept = accept_gradient, .prepare = prepare_gradient, .run = run_gradient};

const op_impl *const cpu_cross_entropy[] = {&loss_impl, &impl_reference, NULL};
const op_impl *const cpu_cross_entropy_gradient[] = {&gradient_impl, &impl_reference, NULL};
