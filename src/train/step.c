#include "train/step.h"

#include "op/op.h"
#include "op/reduce.h"
#include "train/loss.h"
#include "transform/transform.h"

#include <assert.h>

stria_status recipe_of(const stria_train_options *options, recipe *out, stria_error *err) {
    recipe r = {.loss = options->loss, .weight_decay = options->weight_decay, .clip_norm = options->clip_norm};
    TRY(optimizer_parse(options->optimizer, &r.optimizer, err));
    *out = r;
    return STRIA_OK;
}

recipe recipe_standard(void) {
    recipe r = {.loss = LOSS_STANDARD};
    stria_status status = optimizer_parse(OPTIMIZER_STANDARD, &r.optimizer, NULL);
    assert(status == STRIA_OK);
    (void)status;
    return r;
}

/* The labels, the loss by them, and as outputs the main head's logits and the loss. */
static stria_status loss_append(graph *g, int64_t batch, const char *spec, value **loss, stria_error *err) {
    value *labels;
    head h;
    shape s = {.rank = 1, .dim = {batch}};
    TRY(graph_add_input(g, STEP_LABELS, STRIA_INT64, &s, &labels, err));
    TRY(loss_build(g, spec, labels, loss, err));
    TRY(classifier_head(g, g->outputs[0], &h, err));
    g->output_count = 0;
    TRY(graph_add_output(g, h.logits, CLASSIFIER_LOGITS, err));
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

/* Changes the gradients dx[n], of which some may be NULL. */
typedef void gradient_step(builder *b, const recipe *r, value **dx, int n);

/* dx · min(1, c / (‖all dx‖ + 1e-6)), as PyTorch's clip_grad_norm_ (Pascanu, Mikolov, Bengio, ICML 2013). */
static void norm_clip(builder *b, const recipe *r, value **dx, int n) {
    value *sum = NULL;
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
static gradient_step *const gradient_steps[] = {norm_clip};

static stria_status gradients_change(graph *g, const recipe *r, value **dx, int n, stria_error *err) {
    builder b = {.g = g, .origin = "gradients", .err = err};
    for (size_t i = 0; i < sizeof gradient_steps / sizeof *gradient_steps; i++) {
        gradient_steps[i](&b, r, dx, n);
        TRY(b.status);
    }
    return STRIA_OK;
}

static stria_status update_inputs_add(graph *g, update_inputs *out, stria_error *err) {
    shape scalar = {.rank = 0};
    TRY(graph_add_input(g, STEP_LR, STRIA_FLOAT32, &scalar, &out->rate, err));
    return graph_add_input(g, STEP_COUNT, STRIA_INT64, &scalar, &out->count, err);
}

static stria_status updates_append(graph *g, value *loss, const recipe *r, stria_error *err) {
    value **x = NULL, **dx = NULL;
    update_inputs inputs;
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&x, (size_t)g->value_count + 1, sizeof *x, "the training step", err));
    TRY_DONE(mem_new(&dx, (size_t)g->value_count + 1, sizeof *dx, "the training step", err));
    int n = trained_parameters(g, x);
    if (n == 0) TRY_DONE(error_set(err, STRIA_BAD_ARGUMENT, "model '%s' has no parameter to train", g->name));
    TRY_DONE(update_inputs_add(g, &inputs, err));
    builder b = {.g = g, .origin = "loss", .err = err};
    loss = checked(&b, loss);
    TRY_DONE(b.status);
    TRY_DONE(autodiff(g, loss, x, n, dx, err));
    TRY_DONE(gradients_change(g, r, dx, n, err));
    for (int i = 0; i < n; i++)
        if (dx[i]) TRY_DONE(optimizer_append(g, &r->optimizer, &inputs, x[i], dx[i], r->weight_decay, err));
done:
    mem_free(x);
    mem_free(dx);
    return status;
}

stria_status step_graph(graph *g, int64_t batch, const recipe *r, graph **out, stria_error *err) {
    graph *step;
    value *loss;
    TRY(classifier_copy(g, batch, &step, err));
    stria_status status = pass_training(&step, err);
    if (status == STRIA_OK) status = pass_pad(&step, err); /* before there are gradients of a Pad */
    if (status == STRIA_OK) status = loss_append(step, batch, r->loss, &loss, err);
    if (status == STRIA_OK) status = updates_append(step, loss, r, err);
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
