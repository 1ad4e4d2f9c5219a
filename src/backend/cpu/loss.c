/* Losses: of scores against labels (row by row), and of two tensors. */
#include "op/loss.h"

#include "backend/cpu/cpu.h"
#include "kernel/rows/loss.h"
#include "kernel/rows/softmax.h"

#include <inttypes.h>
#include <string.h>

static stria_status allocate(impl_plan *p, size_t bytes, void **prepared, stria_error *err) {
    *prepared = arena_alloc(p->arena, bytes);
    if (!*prepared) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    return STRIA_OK;
}

static stria_status labels_check(const int64_t *labels, int64_t count, int64_t ignored, int64_t classes,
                                 stria_error *err) {
    for (int64_t i = 0; i < count; i++)
        if ((labels[i] < 0 || labels[i] >= classes) && (labels[i] != ignored || ignored == NO_IGNORE_INDEX))
            FAIL(err, STRIA_BAD_VALUE, "label %" PRId64 " at position %" PRId64 " is outside the %" PRId64 " classes",
                 labels[i], i, classes);
    return STRIA_OK;
}

static const value *optional(const node *n, int i) {
    return i < n->in_count ? n->in[i] : NULL;
}

/* ---- softmax cross-entropy of labels, in every order of the scores ---- */

/* Channels-last scores are rows of classes like those of rank 2; batch-last ones are columns whose positions are
 * turned: position r·images + n of the scores is the labels' n·pixels + r. */
typedef struct softmax_loss {
    int64_t batch, classes, inner, ignored;
    int64_t images, pixels; /* of turned positions; else pixels is 1 */
    bool mean, none;
    size_t labels_bytes; /* of the scratch: turned labels before the losses */
} softmax_loss;

static bool accept_logits(const value *scores, const value *labels, const value *losses, refusal *why) {
    if (scores->type != STRIA_FLOAT32) return REFUSE(why, "scores are %s", dtype_name(scores->type));
    if (labels->type != STRIA_INT64) return REFUSE(why, "labels are %s", dtype_name(labels->type));
    if (!value_is_plain(labels)) return REFUSE(why, "labels are %s", storage_name(labels));
    if (!value_is_plain(losses)) return REFUSE(why, "losses are %s", storage_name(losses));
    return true;
}

static bool accept(const node *n, refusal *why) {
    const value *scores = n->in[0];
    if (n->out_count > 1 && n->out[1] && !layout_equal(&scores->layout, &n->out[1]->layout, scores->shape.rank))
        return REFUSE(why, "scores are %s, their logarithms are %s", storage_name(scores), storage_name(n->out[1]));
    return accept_logits(scores, n->in[1], n->out[0], why);
}

static bool accept_gradient(const node *n, refusal *why) {
    const value *scores = n->in[1];
    if (!layout_equal(&scores->layout, &n->out[0]->layout, scores->shape.rank))
        return REFUSE(why, "scores are %s, their gradient is %s", storage_name(scores), storage_name(n->out[0]));
    return accept_logits(scores, n->in[2], n->in[0], why);
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    const value *scores = n->in[loss_scores_of(n)];
    TRY(allocate(p, sizeof(softmax_loss), prepared, err));
    softmax_loss *l = *prepared;
    loss_geometry g = loss_geometry_of(n);
    size_t positions = (size_t)(g.batch * g.inner);
    *l = (softmax_loss){g.batch, g.classes, g.inner, ((const loss_attributes *)n->attributes)->ignore_index, g.batch, 1,
                        g.mean,  g.none,    0};
    if (!value_is_plain(scores)) {
        bool rows = value_is_channels_last(scores);
        l->batch = rows ? g.batch * g.inner : 1, l->inner = rows ? 1 : g.batch * g.inner;
        if (!rows) l->pixels = g.inner;
    }
    if (l->pixels > 1) l->labels_bytes = (positions * sizeof(int64_t) + 63) / 64 * 64;
    p->scratch_bytes = l->labels_bytes + positions * sizeof(float);
    return STRIA_OK;
}

/* Where the labels have position i of the scores. */
static int64_t label_position(const softmax_loss *l, int64_t i) {
    return l->pixels == 1 ? i : i % l->images * l->pixels + i / l->images;
}

/* Labels in the order of the scores' positions. */
static const int64_t *labels_turned(const softmax_loss *l, const int64_t *labels, void *scratch) {
    int64_t *turned = scratch;
    if (l->pixels == 1) return labels;
    for (int64_t i = 0; i < l->batch * l->inner; i++) turned[i] = labels[label_position(l, i)];
    return turned;
}

static stria_status check(const impl_call *c, stria_error *err) {
    const softmax_loss *l = c->prepared;
    return labels_check(c->in[loss_scores_of(c->node) + 1], l->batch * l->inner, l->ignored, l->classes, err);
}

/* What the labels weigh together. */
static class_loss counted(const softmax_loss *l, const int64_t *labels, const float *weights) {
    return (class_loss){.labels = labels,
                        .weights = weights,
                        .ignored = l->ignored,
                        .batch = l->batch,
                        .classes = l->classes,
                        .inner = l->inner};
}

static void run(const impl_call *c) {
    const softmax_loss *l = c->prepared;
    const int64_t *labels = labels_turned(l, c->in[1], c->scratch);
    const float *weights = optional(c->node, 2) ? c->in[2] : NULL;
    float *losses = (float *)(void *)((char *)c->scratch + l->labels_bytes), *each = l->none ? c->out[0] : NULL;
    cross_entropy_result r =
        cross_entropy_run(c->ks, c->pool, losses, c->in[0], labels, l->ignored, l->batch, l->classes, l->inner);
    double weight = (double)r.counted;
    if (weights) {
        class_loss count = counted(l, labels, weights);
        weight = class_loss_count(&count).weight;
        r.sum = 0;
        for (int64_t i = 0; i < l->batch * l->inner; i++)
            if (labels[i] != l->ignored) losses[i] *= weights[labels[i]], r.sum += (double)losses[i];
    }
    for (int64_t i = 0; each && i < l->batch * l->inner; i++) each[label_position(l, i)] = losses[i];
    if (!l->none) *(float *)c->out[0] = (float)(l->mean ? r.sum / weight : r.sum);
    if (c->node->out_count > 1 && c->node->out[1])
        softmax_run(c->ks, c->pool, true, c->out[1], c->in[0], l->batch, l->classes, l->inner);
}

static void run_gradient(const impl_call *c) {
    const softmax_loss *l = c->prepared;
    const float *dloss = c->in[0], *weights = optional(c->node, 3) ? c->in[3] : NULL;
    const int64_t *labels = labels_turned(l, c->in[2], c->scratch);
    class_loss count = counted(l, labels, weights);
    class_loss_result r = class_loss_count(&count);
    float *scales = (float *)(void *)((char *)c->scratch + l->labels_bytes);
    float scale = l->none ? 1 : *dloss / (float)(l->mean ? r.weight : 1);
    for (int64_t i = 0; (weights || l->none) && i < l->batch * l->inner; i++) {
        scales[i] = labels[i] == l->ignored || !weights ? 1 : weights[labels[i]];
        if (l->none) scales[i] *= dloss[label_position(l, i)];
    }
    cross_entropy_gradient(c->ks, c->pool, c->out[0], c->in[1], labels, l->ignored, scale,
                           weights || l->none ? scales : NULL, l->batch, l->classes, l->inner);
}

static const op_impl loss_impl = {.name = "vector", .accept = accept, .prepare = prepare, .check = check, .run = run};
static const op_impl gradient_impl = {
    .name = "vector", .accept = accept_gradient, .prepare = prepare, .check = check, .run = run_gradient};

const op_impl *const cpu_cross_entropy[] = {&loss_impl, &impl_reference, NULL};
const op_impl *const cpu_cross_entropy_gradient[] = {&gradient_impl, &impl_reference, NULL};

/* ---- the check of a loss ---- */

static bool accept_finite(const node *n, refusal *why) {
    return all_float32(n, why);
}

static stria_status check_finite(const impl_call *c, stria_error *err) {
    const value *x = c->node->in[0];
    bool finite;
    c->ks->finite(c->in[0], shape_count(&x->shape), &finite);
    if (!finite) FAIL(err, STRIA_NOT_FINITE, "'%s' is not finite", x->name);
    return STRIA_OK;
}

static void run_finite(const impl_call *c) {
    *(float *)c->out[0] = 1;
}

static const op_impl finite_impl = {
    .name = "vector", .accept = accept_finite, .check = check_finite, .run = run_finite};

const op_impl *const cpu_finite[] = {&finite_impl, &impl_reference, NULL};

/* ---- the other losses of scores, plain ---- */

typedef struct class_plan {
    class_loss loss; /* without its tensors */
    bool mean, none;
    size_t losses_bytes; /* of the scratch: before the kernel's own */
} class_plan;

static bool accept_class(const node *n, refusal *why) {
    int first = loss_scores_of(n);
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && i != first + 1 && n->in[i]->type != STRIA_FLOAT32)
            return REFUSE(why, "input %d is %s", i + 1, dtype_name(n->in[i]->type));
    dtype labels = n->in[first + 1]->type;
    if (labels != STRIA_INT64 && labels != STRIA_FLOAT32) return REFUSE(why, "labels are %s", dtype_name(labels));
    return true;
}

static stria_status prepare_class(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    TRY(allocate(p, sizeof(class_plan), prepared, err));
    class_plan *c = *prepared;
    loss_geometry g = loss_geometry_of(n);
    const loss_attributes *a = n->attributes;
    class_loss l = {.kind = CLASS_CROSS_ENTROPY, .ignored = a->ignore_index};
    l.batch = g.batch, l.classes = g.classes, l.inner = g.inner;
    if (n->op == &op_HingeLoss || n->op == &op_HingeLossGradient) {
        const hinge_attributes *h = n->attributes;
        l.kind = CLASS_HINGE, l.margin = h->margin, l.squared = h->squared != 0,
        l.greatest = strcmp(h->over, "max") == 0;
    } else if (n->op == &op_CrossEntropyLoss || n->op == &op_CrossEntropyLossGradient) {
        l.smoothing = ((const cross_entropy_attributes *)n->attributes)->label_smoothing;
    } else {
        l.kind = CLASS_LOG_LIKELIHOOD;
    }
    *c = (class_plan){l, g.mean, g.none, ((size_t)(g.batch * g.inner) * sizeof(float) + 63) / 64 * 64};
    p->scratch_bytes = c->losses_bytes + class_loss_scratch_bytes(&l, p->threads);
    return STRIA_OK;
}

static class_loss class_loss_of(const impl_call *c) {
    class_loss l = ((const class_plan *)c->prepared)->loss;
    int first = loss_scores_of(c->node);
    bool hard = c->node->in[first + 1]->type == STRIA_INT64;
    l.x = c->in[first];
    l.labels = hard ? c->in[first + 1] : NULL;
    l.targets = hard ? NULL : c->in[first + 1];
    l.weights = optional(c->node, first + 2) ? c->in[first + 2] : NULL;
    return l;
}

static stria_status check_class(const impl_call *c, stria_error *err) {
    class_loss l = class_loss_of(c);
    return l.labels ? labels_check(l.labels, l.batch * l.inner, l.ignored, l.classes, err) : STRIA_OK;
}

/* What divides the mean: the labels' weights; the hinge has none. */
static void run_class(const impl_call *c) {
    const class_plan *plan = c->prepared;
    class_loss l = class_loss_of(c);
    float *losses = plan->none ? c->out[0] : c->scratch;
    class_loss_result r = class_loss_run(c->ks, c->pool, &l, losses, (char *)c->scratch + plan->losses_bytes);
    if (!plan->none) *(float *)c->out[0] = (float)(plan->mean ? r.sum / r.weight : r.sum);
}

static void run_class_gradient(const impl_call *c) {
    const class_plan *plan = c->prepared;
    class_loss l = class_loss_of(c);
    class_loss_result r = class_loss_count(&l);
    const float *dloss = c->in[0];
    class_loss_gradient(c->ks, c->pool, &l, plan->none ? 1 : *dloss / (float)(plan->mean ? r.weight : 1),
                        plan->none ? dloss : NULL, c->out[0], (char *)c->scratch + plan->losses_bytes);
}

#define CLASS_LOSS(run_it)                                                                                             \
    { .name = "vector", .accept = accept_class, .prepare = prepare_class, .check = check_class, .run = run_it }
static const op_impl class_impl = CLASS_LOSS(run_class);
static const op_impl class_gradient_impl = CLASS_LOSS(run_class_gradient);

const op_impl *const cpu_class_loss[] = {&class_impl, &impl_reference, NULL};
const op_impl *const cpu_class_loss_gradient[] = {&class_gradient_impl, &impl_reference, NULL};

/* ---- losses of two tensors, plain ---- */

static bool accept_pair(const node *n, refusal *why) {
    return all_float32(n, why);
}

static stria_status prepare_pair(impl_plan *p, void **prepared, stria_error *err) {
    int64_t count = shape_count(&p->node->in[0]->shape);
    TRY(allocate(p, sizeof(pair_geometry), prepared, err));
    *(pair_geometry *)*prepared = pair_geometry_of(p->node);
    p->scratch_bytes = (size_t)(count / PAIR_LOSS_CHUNK + 1) * sizeof(float);
    return STRIA_OK;
}

static pair_loss_kind kernel_of(pair_kind kind) {
    static const pair_loss_kind kernels[] = {[PAIR_SQUARED] = PAIR_LOSS_squared, [PAIR_ABSOLUTE] = PAIR_LOSS_absolute,
                                             [PAIR_HUBER] = PAIR_LOSS_huber,     [PAIR_BINARY] = PAIR_LOSS_binary,
                                             [PAIR_KL] = PAIR_LOSS_kl,           [PAIR_KL_LOG] = PAIR_LOSS_kl_log};
    return kernels[kind];
}

static void run_pair(const impl_call *c) {
    const pair_geometry *g = c->prepared;
    int64_t n = shape_count(&c->node->in[0]->shape);
    if (g->none)
        pair_loss_each(c->ks, c->pool, kernel_of(g->kind), c->out[0], c->in[0], c->in[1], n, (float)g->factor,
                       (float)g->delta);
    else
        *(float *)c->out[0] = (float)(g->factor * pair_loss_sum(c->ks, c->pool, kernel_of(g->kind), c->scratch,
                                                                c->in[0], c->in[1], n, (float)g->delta));
}

static void run_pair_gradient(const impl_call *c) {
    const pair_geometry *g = c->prepared;
    const pair_attributes *a = c->node->attributes;
    pair_loss_gradient(c->ks, c->pool, kernel_of(g->kind), a->of == 1, c->out[0], c->in[0], g->none ? 1 : 0, c->in[1],
                       c->in[2], shape_count(&c->node->in[1]->shape), (float)g->factor, (float)g->delta);
}

static const op_impl pair_impl = {.name = "vector", .accept = accept_pair, .prepare = prepare_pair, .run = run_pair};
static const op_impl pair_gradient_impl = {
    .name = "vector", .accept = accept_pair, .prepare = prepare_pair, .run = run_pair_gradient};

const op_impl *const cpu_pair_loss[] = {&pair_impl, &impl_reference, NULL};
const op_impl *const cpu_pair_loss_gradient[] = {&pair_gradient_impl, &impl_reference, NULL};
