#include "train/step.h"

#include "op/op.h"
#include "op/reduce.h"
#include "op/shape.h"
#include "train/initialize.h"
#include "train/lr_factor.h"
#include "train/norms.h"
#include "transform/transform.h"

#include <assert.h>
#include <string.h>

stria_status recipe_of(const stria_train_options *options, recipe *out, stria_error *err) {
    recipe r = {.loss = options->loss,
                .lr_factor = options->lr_factor,
                .weight_decay = options->weight_decay,
                .clip_norm = options->clip_norm,
                .clip_value = options->clip_value,
                .l1 = options->l1,
                .max_norm = options->max_norm,
                .accumulate = options->accumulate,
                .recompute = options->recompute,
                .average = options->ema};
    TRY(goal_choose(options->goal, NULL, &r.goal, err));
    if (!*r.loss) r.loss = r.goal->loss;
    TRY(optimizer_parse(options->optimizer, &r.optimizer, err));
    *out = r;
    return STRIA_OK;
}

recipe recipe_standard(const graph *model) {
    recipe r = {.goal = goal_of(model)};
    r.loss = r.goal->loss;
    stria_status status = optimizer_parse(OPTIMIZER_STANDARD, &r.optimizer, NULL);
    assert(status == STRIA_OK);
    (void)status;
    return r;
}

/* The target, the loss by it, and as outputs what is judged and the loss. */
static stria_status loss_append(graph *g, const recipe *r, value **loss, stria_error *err) {
    value *judged;
    TRY(r->goal->judged(g, &judged, err));
    TRY(r->goal->loss_build(g, judged, r, loss, err));
    g->output_count = 0;
    TRY(graph_add_output(g, judged, r->goal->output, err));
    return graph_add_output(g, *loss, STEP_LOSS, err);
}

/* The loss, whose derivatives wait until it was found finite: a loss that is not stops the step before any update. */
static value *checked(builder *b, value *loss) {
    return build2(b, &op_Mul, loss, build1(b, &op_RequireFinite, loss, NULL), NULL);
}

/* Parameters that are trained, in the graph's order. */
static int trained_parameters(const graph *g, value **list) {
    int n = 0;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_PARAMETER && !g->values[i]->frozen) list[n++] = g->values[i];
    return n;
}

/* ---- between differentiation and update ---- */

/* Changes the gradients dx[n] of x[n], of which some may be NULL. */
typedef void gradient_step(builder *b, const recipe *r, value *const *x, value **dx, int n);

/* Of the penalty l1·Σ|w|: l1·sign(w), as PyTorch's sum of abs() has it. Neither biases nor scales are penalised. */
static void l1_add(builder *b, const recipe *r, value *const *x, value **dx, int n) {
    for (int i = 0; i < n && r->l1 > 0; i++) {
        if (!dx[i] || x[i]->shape.rank < 2) continue;
        value *sign = build1(b, &op_Sign, x[i], NULL);
        dx[i] = build2(b, &op_Add, dx[i], build2(b, &op_Mul, sign, build_scalar(b, x[i]->type, r->l1), NULL), NULL);
    }
}

/* Each element to [−c, c], as PyTorch's clip_grad_value_. A NaN stays one. */
static void value_clip(builder *b, const recipe *r, value *const *x, value **dx, int n) {
    for (int i = 0; i < n && r->clip_value > 0; i++) {
        if (!dx[i]) continue;
        value *in[3] = {dx[i], build_scalar(b, x[i]->type, -r->clip_value), build_scalar(b, x[i]->type, r->clip_value)};
        dx[i] = build(b, &op_Clip, in, 3, NULL);
    }
}

/* dx · min(1, c / (‖all dx‖ + 1e-6)), as PyTorch's clip_grad_norm_ (Pascanu, Mikolov, Bengio, ICML 2013). */
static void norm_clip(builder *b, const recipe *r, value *const *x, value **dx, int n) {
    value *sum = NULL;
    (void)x;
    if (r->clip_norm == 0) return;
    for (int i = 0; i < n; i++) {
        if (!dx[i]) continue;
        value *square = build1(b, &op_ReduceSumSquare, dx[i], &(reduce_attributes){.keepdims = 0});
        sum = sum ? build2(b, &op_Add, sum, square, NULL) : square;
    }
    if (!sum) return;
    value *norm = build2(b, &op_Add, build1(b, &op_Sqrt, sum, NULL), build_scalar(b, sum->type, 1e-6), NULL);
    value *share = build2(b, &op_Div, build_scalar(b, sum->type, r->clip_norm), norm, NULL);
    value *factor = build2(b, &op_Min, share, build_scalar(b, sum->type, 1), NULL);
    for (int i = 0; i < n; i++)
        if (dx[i]) dx[i] = build2(b, &op_Mul, dx[i], factor, NULL);
}

/* In their order. */
static gradient_step *const gradient_steps[] = {l1_add, value_clip, norm_clip};

static stria_status gradients_change(graph *g, const recipe *r, value *const *x, value **dx, int n, stria_error *err) {
    builder b = {.g = g, .origin = "gradients", .err = err};
    for (size_t i = 0; i < sizeof gradient_steps / sizeof *gradient_steps; i++) {
        gradient_steps[i](&b, r, x, dx, n);
        TRY(b.status);
    }
    return STRIA_OK;
}

/* ---- after the update ---- */

/* Where the value that x is to have is written down. */
static value **next_of(graph *g, const value *x) {
    int i = 0;
    while (g->updates[i].state != x) i++;
    return &g->updates[i].next;
}

/* w·min(1, c / ‖w‖) of each unit's weights (Srivastava et al., "Dropout", JMLR 2014). */
static value *max_norm(builder *b, double most, const value *parameter, value *w) {
    int64_t axes[RANK_MAX];
    int units = weight_units(b->g, parameter);
    for (int d = 0, k = 0; d < w->shape.rank; d++)
        if (d != units) axes[k++] = d;
    value *norm =
        build2(b, &op_ReduceL2, w, build_i64(b, axes, w->shape.rank - 1), &(reduce_attributes){.keepdims = 1});
    value *share = build2(b, &op_Div, build_scalar(b, w->type, most), norm, NULL);
    return build2(b, &op_Mul, w, build2(b, &op_Min, share, build_scalar(b, w->type, 1), NULL), NULL);
}

void step_average_name(text *out, const char *parameter) {
    text_printf(out, "state/%s/average", parameter);
}

/* A state of x's shape, which begins as x, or as zeros. */
static stria_status state_like(graph *g, const value *x, const char *name, bool copied, value **out, stria_error *err) {
    tensor *first;
    TRY(tensor_new(&first, x->type, &x->shape, name, err));
    if (copied) memcpy(first->data, x->data->data, first->bytes);
    stria_status status = graph_add_state(g, name, ROLE_OPTIMIZER, first, out, err);
    tensor_release(first);
    return status;
}

static stria_status average_state(graph *g, const value *x, value **out, stria_error *err) {
    text name = {0};
    step_average_name(&name, x->name);
    stria_status status = text_check(&name, err);
    if (status == STRIA_OK) status = state_like(g, x, text_string(&name), true, out, err);
    text_release(&name);
    return status;
}

/* ---- several runs for one update ---- */

/* dx[n] become the means of the gradients of all runs since the last update; *apply says whether this one updates. */
static stria_status gradients_gather(graph *g, const recipe *r, value *const *x, value **dx, int n, value **apply,
                                     stria_error *err) {
    builder b = {.g = g, .origin = "gradients", .err = err};
    *apply = NULL;
    if (r->accumulate < 2) return STRIA_OK;
    TRY(graph_add_input(g, STEP_APPLY, STRIA_BOOL, &(shape){.rank = 0}, apply, err));
    for (int i = 0; i < n; i++) {
        value *sum;
        if (!dx[i]) continue;
        const char *name = arena_printf(&g->arena, "state/%s/gradient", x[i]->name);
        if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a training step");
        TRY(state_like(g, x[i], name, false, &sum, err));
        value *share = build2(&b, &op_Mul, dx[i], build_scalar(&b, x[i]->type, 1 / (double)r->accumulate), NULL);
        dx[i] = build2(&b, &op_Add, sum, share, NULL);
        value *in[3] = {*apply, build_filled(&b, x[i]->type, &x[i]->shape, 0), dx[i]};
        value *rest = build(&b, &op_Where, in, 3, NULL);
        TRY(b.status);
        TRY(graph_add_update(g, sum, rest, err));
    }
    return STRIA_OK;
}

/* Updates from the first-th on happen in runs that apply only. */
static stria_status updates_gate(graph *g, int first, value *apply, stria_error *err) {
    builder b = {.g = g, .origin = "updates", .err = err};
    for (int i = first; apply && i < g->update_count; i++) {
        value *in[3] = {apply, g->updates[i].next, g->updates[i].state};
        value *next = build(&b, &op_Where, in, 3, NULL);
        TRY(b.status);
        g->updates[i].next = next;
    }
    return STRIA_OK;
}

/* 1 − min(decay, (1 + t) / (10 + t)), t steps done: the first steps weigh more, as TensorFlow's
 * ExponentialMovingAverage does with num_updates. */
static value *average_share(builder *b, double decay, value *count) {
    value *t = build1(b, &op_Cast, count, &(cast_attributes){.to = STRIA_FLOAT32, .saturate = 1});
    value *early = build2(b, &op_Div, build2(b, &op_Add, t, build_scalar(b, STRIA_FLOAT32, 1), NULL),
                          build2(b, &op_Add, t, build_scalar(b, STRIA_FLOAT32, 10), NULL), NULL);
    value *keep = build2(b, &op_Min, early, build_scalar(b, STRIA_FLOAT32, decay), NULL);
    return build2(b, &op_Sub, build_scalar(b, STRIA_FLOAT32, 1), keep, NULL);
}

/* The parameters x[n] after their updates: bounded, and averaged. */
static stria_status parameters_finish(graph *g, const recipe *r, value *const *x, value *const *dx, int n, value *count,
                                      stria_error *err) {
    builder b = {.g = g, .origin = "weights", .err = err};
    value *share = r->average > 0 ? average_share(&b, r->average, count) : NULL, *average;
    TRY(b.status);
    for (int i = 0; i < n; i++) {
        if (!dx[i]) continue;
        value *next = *next_of(g, x[i]);
        if (r->max_norm > 0 && x[i]->shape.rank > 1) next = max_norm(&b, r->max_norm, x[i], next);
        TRY(b.status);
        *next_of(g, x[i]) = next;
        if (!share) continue;
        TRY(average_state(g, x[i], &average, err));
        value *move = build2(&b, &op_Mul, build2(&b, &op_Sub, next, average, NULL), share, NULL);
        value *moved = build2(&b, &op_Add, average, move, NULL);
        TRY(b.status);
        TRY(graph_add_update(g, average, moved, err));
    }
    return STRIA_OK;
}

static stria_status update_inputs_add(graph *g, update_inputs *out, stria_error *err) {
    shape scalar = {.rank = 0};
    TRY(graph_add_input(g, STEP_LR, STRIA_FLOAT32, &scalar, &out->rate, err));
    return graph_add_input(g, STEP_COUNT, STRIA_INT64, &scalar, &out->count, err);
}

/* The update of each parameter, by its factor of the rate, and whether all gradients are finite. */
static stria_status optimizers_append(graph *g, const recipe *r, const update_inputs *inputs, const double *factors,
                                      value *const *x, value *const *dx, int n, stria_error *err) {
    builder b = {.g = g, .origin = "gradients", .err = err};
    value *all = NULL, *finite;
    for (int i = 0; i < n; i++) {
        update_inputs own = *inputs;
        if (!dx[i]) continue;
        if (factors[x[i]->id] != 1)
            own.rate = build2(&b, &op_Mul, own.rate, build_scalar(&b, STRIA_FLOAT32, factors[x[i]->id]), NULL);
        TRY(b.status);
        TRY(optimizer_append(g, &r->optimizer, &own, x[i], dx[i], r->weight_decay, &finite, err));
        all = all ? build2(&b, &op_And, all, finite, NULL) : finite;
        TRY(b.status);
    }
    return all ? graph_add_output(g, all, STEP_FINITE, err) : STRIA_OK;
}

/* *forward: nodes before those of the gradients. */
static stria_status updates_append(graph *g, value *loss, const recipe *r, int *forward, stria_error *err) {
    value **x = NULL, **dx = NULL, *apply;
    double *factors = NULL; /* of the forward part's values */
    update_inputs inputs;
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&x, (size_t)g->value_count + 1, sizeof *x, "the training step", err));
    TRY_DONE(mem_new(&dx, (size_t)g->value_count + 1, sizeof *dx, "the training step", err));
    TRY_DONE(mem_new(&factors, (size_t)g->value_count + 1, sizeof *factors, "the training step", err));
    TRY_DONE(lr_factors_of(r->lr_factor ? r->lr_factor : "", g, factors, err));
    int n = trained_parameters(g, x);
    if (n == 0) TRY_DONE(error_set(err, STRIA_BAD_ARGUMENT, "model '%s' has no parameter to train", g->name));
    TRY_DONE(update_inputs_add(g, &inputs, err));
    builder b = {.g = g, .origin = "loss", .err = err};
    loss = checked(&b, loss);
    TRY_DONE(b.status);
    *forward = g->node_count;
    TRY_DONE(autodiff(g, loss, x, n, dx, err));
    TRY_DONE(gradients_gather(g, r, x, dx, n, &apply, err));
    if (r->norms) TRY_DONE(norms_append(g, x, dx, n, err));
    TRY_DONE(gradients_change(g, r, x, dx, n, err));
    int first = g->update_count;
    TRY_DONE(optimizers_append(g, r, &inputs, factors, x, dx, n, err));
    TRY_DONE(parameters_finish(g, r, x, dx, n, inputs.count, err));
    status = updates_gate(g, first, apply, err);
done:
    mem_free(x);
    mem_free(dx);
    mem_free(factors);
    return status;
}

stria_status step_graph(graph *g, int64_t batch, const recipe *r, graph **out, stria_error *err) {
    graph *step;
    value *loss;
    int forward = 0;
    TRY(picture_input_copy(g, batch, &step, err));
    stria_status status = pass_training(&step, err);
    if (status == STRIA_OK) status = pass_pad(&step, err); /* before there are gradients of a Pad */
    if (status == STRIA_OK) status = loss_append(step, r, &loss, err);
    if (status == STRIA_OK) status = updates_append(step, loss, r, &forward, err);
    if (status == STRIA_OK && r->recompute) status = pass_recompute(&step, forward, err);
    if (status == STRIA_OK) *out = step;
    else graph_free(step);
    return status;
}

step_memory step_memory_of(const graph *step) {
    step_memory m = {0};
    for (int i = 0; i < step->value_count; i++) {
        const value *v = step->values[i];
        int64_t count = shape_count(&v->shape);
        uint64_t bytes = value_bytes(v);
        if (v->kind != VALUE_STATE) continue;
        if (v->role == ROLE_PARAMETER) {
            *(v->frozen ? &m.frozen : &m.parameters) += count;
            m.parameter_bytes += bytes;
            if (!v->frozen) m.gradient_bytes += bytes;
        } else if (v->role == ROLE_OPTIMIZER) {
            m.optimizer_bytes += bytes;
        } else {
            m.buffers += count;
            m.parameter_bytes += bytes;
        }
    }
    return m;
}
