/* The training loss: specs that are refused, a two-head model whose gradients must be PyTorch's of the weighted sum
 * (tests/golden/loss_heads.txt by golden_torch.py), and a loss that is not finite, which updates nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "loss_net.h"
#include "model/model.h"
#include "model/net.h"
#include "op/op.h"
#include "op/shape.h"
#include "train/loss.h"

static void check_specs(void) {
    static const struct {
        const char *spec, *says;
    } bad[] = {{"crossentropy", "did you mean 'cross_entropy'"},
               {"cross_entropy:margin=1", "--loss: there is no option 'margin'; there are reduction"},
               {"hinge:margin", "not of the form key=value"},
               {"hinge:weight=x", "weight is 'x'"},
               {"hinge:label_smoothing=0.1", "hinge takes one class for each picture"},
               {"squared_error:label_smoothing=1.5", "label_smoothing is '1.5'"},
               {"hinge+", "there is no loss ''"}};
    stria_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(loss_check(bad[i].spec, &err) != STRIA_OK, "'%s' is taken", bad[i].spec);
        CHECK(strstr(err.text, bad[i].says), "'%s': %s", bad[i].spec, err.text);
    }
    CHECK(loss_check("", &err) == STRIA_OK, "the goal's own loss: %s", err.text);
    CHECK(loss_check("cross_entropy:label_smoothing=0.1+hinge:weight=1e+3,output=aux1+nll", &err) == STRIA_OK, "%s",
          err.text);
}

static session *step_new(const char *spec) {
    return step_of((recipe){.loss = spec});
}

/* Without momentum, the optimiser's state is the gradient. */
static void check_heads(void) {
    const char *source = getenv("SOURCE");
    char path[512];
    double want;
    stria_error err = {0};
    session *s = step_new("cross_entropy:label_smoothing=0.125+hinge:output=aux,weight=0.3+"
                          "squared_error:output=2,weight=0.5");
    snprintf(path, sizeof path, "%s/tests/golden/loss_heads.txt", source ? source : ".");
    FILE *f = fopen(path, "r");
    if (!CHECK(f && s, "cannot open %s", path)) return;
    CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
    double loss = (double)*(const float *)session_host(s, STEP_LOSS);
    CHECK(fscanf(f, "%lf", &want) == 1 && fabs(loss - want) < 1e-6, "the loss is %g, PyTorch's %g", loss, want);
    const graph *g = session_program(s)->g;
    int parameters = 0;
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        char name[128];
        if (v->role != ROLE_PARAMETER) continue;
        parameters++;
        snprintf(name, sizeof name, "state/%s/momentum", v->name);
        const float *dx = session_host(s, name);
        for (int64_t k = 0; dx && k < shape_count(&v->shape); k++)
            CHECK(fscanf(f, "%lf", &want) == 1 && fabs((double)dx[k] - want) < 1e-6, "d %s[%d] is %g, PyTorch's %g",
                  v->name, (int)k, (double)dx[k], want);
    }
    CHECK(parameters == 6, "%d parameters", parameters);
    fclose(f);
    session_free(s);
}

/* All gradients, one after the other, as the optimiser got them: without momentum its state. */
static int gradients_get(recipe r, double out[256]) {
    stria_error err = {0};
    r.loss = "cross_entropy";
    session *s = step_of(r);
    int count = 0;
    if (!s) return 0;
    CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
    const graph *g = session_program(s)->g;
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->role != ROLE_OPTIMIZER) continue;
        const float *dx = session_host(s, v->name);
        for (int64_t k = 0; k < shape_count(&v->shape); k++) out[count++] = (double)dx[k];
    }
    session_free(s);
    return count;
}

/* Gradients whose common norm is too great keep their direction; others stay as they are, to the bit. */
static void check_clipping(void) {
    double free[256], clipped[256], loose[256], norm = 0;
    int n = gradients_get((recipe){0}, free);
    for (int i = 0; i < n; i++) norm += free[i] * free[i];
    norm = sqrt(norm);
    CHECK(n > 100 && norm > 0.1, "%d gradients of norm %g", n, norm);
    CHECK(gradients_get((recipe){.clip_norm = norm / 4}, clipped) == n &&
              gradients_get((recipe){.clip_norm = norm * 2}, loose) == n,
          "their number");
    for (int i = 0; i < n; i++) {
        CHECK(fabs(clipped[i] - free[i] * (norm / 4) / (norm + 1e-6)) <= 1e-6 * norm, "gradient %d: %g of %g", i,
              clipped[i], free[i]);
        CHECK(loose[i] == free[i], "gradient %d: %g, not %g", i, loose[i], free[i]);
    }
}

/* Each element is limited, and each weight, but no bias, is drawn to 0 by the L1 penalty. */
static void check_elements(void) {
    double free[256], limited[256], penalised[256], most = 0;
    int n = gradients_get((recipe){0}, free), changed = 0, kept = 0;
    for (int i = 0; i < n; i++) most = fmax(most, fabs(free[i]));
    CHECK(gradients_get((recipe){.clip_value = most / 3}, limited) == n, "their number");
    CHECK(gradients_get((recipe){.l1 = 0.25}, penalised) == n, "their number");
    for (int i = 0; i < n; i++) {
        double want = fmin(fmax(free[i], -most / 3), most / 3), more = fabs(penalised[i] - free[i]);
        CHECK(fabs(limited[i] - want) < 1e-6, "gradient %d: %g of %g", i, limited[i], free[i]);
        CHECK(more == 0 || fabs(more - 0.25) < 1e-6, "gradient %d: %g, with the penalty %g", i, free[i], penalised[i]);
        changed += more > 0;
        kept += more == 0;
    }
    CHECK(changed > kept && kept > 0, "%d weights and %d biases", changed, kept);
}

/* Norms of units are bounded after a step; the average of a parameter moves as 1 − min(d, (1 + t)/(10 + t)) says. */
static void check_finish(void) {
    stria_error err = {0};
    session *s = step_of((recipe){.loss = "cross_entropy", .max_norm = 0.5, .average = 0.99});
    if (!s) return;
    const graph *g = session_program(s)->g;
    int bounded = 0, averaged = 0;
    float before[64];
    for (int t = 0; t < 3; t++) {
        *(int64_t *)session_host(s, STEP_COUNT) = t;
        const value *first = NULL;
        for (int i = 0; i < g->value_count && !first; i++)
            if (g->values[i]->role == ROLE_PARAMETER && shape_count(&g->values[i]->shape) <= 64) first = g->values[i];
        char name[128];
        snprintf(name, sizeof name, "state/%s/average", first->name);
        int64_t count = shape_count(&first->shape);
        memcpy(before, session_host(s, name), (size_t)count * sizeof *before);
        CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
        const float *x = session_host(s, first->name), *average = session_host(s, name);
        double share = 1 - fmin(0.99, (1.0 + t) / (10.0 + t));
        for (int64_t k = 0; k < count; k++, averaged++) {
            double want = (double)before[k] + share * ((double)x[k] - (double)before[k]);
            CHECK(fabs((double)average[k] - want) < 1e-6, "step %d: %g, not %g", t, (double)average[k], want);
        }
    }
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->role != ROLE_PARAMETER || v->shape.rank < 2) continue;
        const float *w = session_host(s, v->name);
        int64_t rows = v->shape.dim[0], columns = shape_count(&v->shape) / rows;
        for (int64_t r = 0; r < rows; r++) {
            double norm = 0;
            for (int64_t k = 0; k < columns; k++) norm += (double)w[r * columns + k] * (double)w[r * columns + k];
            CHECK(sqrt(norm) < 0.5 + 1e-5, "%s: unit %d has norm %g", v->name, (int)r, sqrt(norm));
            bounded += sqrt(norm) > 0.5 - 1e-5;
        }
    }
    CHECK(bounded > 0 && averaged > 0, "%d units at their bound, %d averages", bounded, averaged);
    session_free(s);
}

/* The units of a MatMul's weights are its columns. */
static void check_matmul_units(void) {
    stria_error err = {0};
    graph *model = NULL, *step = NULL;
    session *s = NULL;
    tensor *first = NULL;
    value *x, *w;
    builder b = {.err = &err};
    stria_status status = graph_new(&model, "units", &err);
    if (status == STRIA_OK) status = graph_add_input(model, "x", STRIA_FLOAT32, &(shape){4, {4, 3, 1, 1}}, &x, &err);
    if (status == STRIA_OK) status = tensor_new(&first, STRIA_FLOAT32, &(shape){2, {3, 5}}, "w", &err);
    for (int i = 0; first && i < 15; i++) ((float *)first->data)[i] = i % 5 == 2 ? 0.125f : 1;
    if (status == STRIA_OK) status = graph_add_state(model, "w", ROLE_PARAMETER, first, &w, &err);
    b.g = model;
    value *y = status == STRIA_OK
                   ? build2(&b, &op_MatMul, build1(&b, &op_Flatten, x, &(flatten_attributes){1}), w, NULL)
                   : NULL;
    if (y) status = graph_add_output(model, y, "y", &err);
    recipe r = {.goal = &goal_classify, .loss = "cross_entropy", .max_norm = 0.5};
    if (y && status == STRIA_OK) status = optimizer_parse("sgd", &r.optimizer, &err);
    if (y && status == STRIA_OK) status = step_graph(model, 4, &r, &step, &err);
    if (step) status = run_new(&s, step, &(run_config){.ks = kernel_sets()[0], .optimize = true}, &err);
    if (CHECK(status == STRIA_OK && s, "%s", err.text)) {
        memset(session_host(s, "x"), 0, 12 * sizeof(float)); /* so that the gradient is 0 */
        memset(session_host(s, STEP_TARGET), 0, 4 * sizeof(int64_t));
        *(float *)session_host(s, STEP_LR) = 1;
        *(int64_t *)session_host(s, STEP_COUNT) = 0;
        CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
        const float *now = session_host(s, "w");
        for (int i = 0; i < 15; i++) {
            double want = i % 5 == 2 ? 0.125 : 0.5 / sqrt(3);
            CHECK(fabs((double)now[i] - want) < 1e-6, "w[%d] is %g, not %g", i, (double)now[i], want);
        }
    }
    session_free(s);
    graph_free(model);
    graph_free(step);
    tensor_release(first);
}

/* All parameters, one after the other. */
static int parameters_get(const session *s, double out[256]) {
    const graph *g = session_program(s)->g;
    int count = 0;
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->role != ROLE_PARAMETER) continue;
        const float *x = session_host(s, v->name);
        for (int64_t k = 0; k < shape_count(&v->shape); k++) out[count++] = (double)x[k];
    }
    return count;
}

/* Two runs with other pictures, of which the second applies, are one step by the mean of their gradients. */
static void check_accumulation(void) {
    stria_error err = {0};
    double sum[256], first[256], second[256], before[256], between[256], after[256];
    recipe r = {.goal = &goal_classify, .loss = "cross_entropy", .accumulate = 2};
    session *one = step_of((recipe){.loss = "cross_entropy"}), *two = step_of(r);
    if (!one || !two) return;
    int n = parameters_get(one, before);
    CHECK(session_run(one, &err) == STRIA_OK && parameters_get(one, first) == n, "%s", err.text);
    session_free(one);
    one = step_of((recipe){.loss = "cross_entropy"});
    if (!one) return;
    draw(session_host(one, "x"), 5, 64);
    CHECK(session_run(one, &err) == STRIA_OK && parameters_get(one, second) == n, "%s", err.text);
    for (int i = 0; i < n; i++) sum[i] = before[i] + ((first[i] - before[i]) + (second[i] - before[i])) / 2;
    *(bool *)session_host(two, STEP_APPLY) = false;
    CHECK(session_run(two, &err) == STRIA_OK && parameters_get(two, between) == n, "%s", err.text);
    draw(session_host(two, "x"), 5, 64);
    *(bool *)session_host(two, STEP_APPLY) = true;
    CHECK(session_run(two, &err) == STRIA_OK && parameters_get(two, after) == n, "%s", err.text);
    for (int i = 0; i < n; i++) {
        CHECK(between[i] == before[i], "parameter %d changes before the update: %g, %g", i, before[i], between[i]);
        CHECK(fabs(after[i] - sum[i]) < 1e-6, "parameter %d is %g, not %g", i, after[i], sum[i]);
    }
    for (int k = 0; k < run_nodes(two); k++)
        CHECK(run_node(two, k)->impl != &impl_reference, "%s runs by the reference", run_node(two, k)->node->name);
    session_free(one);
    session_free(two);
}

/* Weights of classes: the mean is of weights times losses, over the weights' sum. */
static void check_class_weights(void) {
    static const double weights[3] = {0.5, 3, 2}, ones[3] = {1, 1, 1};
    static const int labels[4] = {0, 2, 1, 1}; /* step_of's */
    static const char *const specs[] = {"cross_entropy", "nll"};
    for (int k = 0; k < 2; k++) {
        stria_error err = {0};
        double sum = 0, all = 0;
        session *s = step_of((recipe){.loss = specs[k], .class_weights = weights}), *even;
        if (!s) return;
        CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", specs[k], err.text);
        const float *z = session_host(s, CLASSIFIER_LOGITS);
        for (int b = 0; b < 4; b++) {
            double total = 0;
            for (int c = 0; c < 3; c++) total += exp((double)z[b * 3 + c]);
            sum += weights[labels[b]] * (log(total) - (double)z[b * 3 + labels[b]]);
            all += weights[labels[b]];
        }
        double loss = (double)*(const float *)session_host(s, STEP_LOSS);
        CHECK(fabs(loss - sum / all) < 1e-6, "%s: %g, not %g", specs[k], loss, sum / all);
        for (int i = 0; i < run_nodes(s); i++)
            CHECK(run_node(s, i)->impl != &impl_reference, "%s runs by the reference", run_node(s, i)->node->name);
        session_free(s);
        s = step_of((recipe){.loss = specs[k], .class_weights = ones});
        even = step_new(specs[k]);
        CHECK(session_run(s, &err) == STRIA_OK && session_run(even, &err) == STRIA_OK, "%s", err.text);
        CHECK(*(const float *)session_host(s, STEP_LOSS) == *(const float *)session_host(even, STEP_LOSS),
              "%s: weights of 1 change the loss", specs[k]);
        session_free(s);
        session_free(even);
    }
}

/* Every loss trains; each number is that of its layer. */
static void check_names(void) {
    static const char *const specs[] = {"cross_entropy",
                                        "nll",
                                        "hinge:over=max,squared=1",
                                        "squared_error",
                                        "euclidean",
                                        "absolute_error",
                                        "huber:delta=0.5,smooth=1",
                                        "binary_cross_entropy",
                                        "kl_divergence"};
    double loss[9] = {0};
    for (int i = 0; i < 9; i++) {
        stria_error err = {0};
        session *s = step_new(specs[i]);
        if (!s) continue;
        CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", specs[i], err.text);
        loss[i] = (double)*(const float *)session_host(s, STEP_LOSS);
        for (int k = 0; k < run_nodes(s); k++)
            CHECK(run_node(s, k)->impl != &impl_reference, "%s: %s runs by the reference", specs[i],
                  run_node(s, k)->node->name);
        session_free(s);
    }
    CHECK(fabs(loss[0] - loss[1]) < 1e-6 && fabs(loss[0] - loss[8]) < 1e-6,
          "of sure labels cross-entropy, likelihood and divergence are one: %g, %g, %g", loss[0], loss[1], loss[8]);
    CHECK(fabs(loss[4] - loss[3] * 3 / 2) < 1e-6, "Euclidean %g, mean squared %g", loss[4], loss[3]);
}

/* Nothing is updated by a loss that is not finite. */
static void check_not_finite(void) {
    stria_error err = {0};
    session *s = step_new("cross_entropy");
    if (!s) return;
    const graph *g = session_program(s)->g;
    float before[6];
    int k = 0;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_PARAMETER) before[k++] = *(float *)session_host(s, g->values[i]->name);
    ((float *)session_host(s, "x"))[5] = NAN;
    CHECK(session_run(s, &err) == STRIA_NOT_FINITE && strstr(err.text, "loss"), "%s", err.text);
    k = 0;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_PARAMETER)
            CHECK(before[k++] == *(float *)session_host(s, g->values[i]->name), "%s was updated", g->values[i]->name);
    session_free(s);
}

int main(void) {
    check_specs();
    check_heads();
    check_clipping();
    check_elements();
    check_finish();
    check_matmul_units();
    check_accumulation();
    check_class_weights();
    check_names();
    check_not_finite();
    return check_report();
}
