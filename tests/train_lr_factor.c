/* Factors of the learning rate: what a step moves is multiplied by them, for exactly the weights that a pattern names.
 */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "check.h"
#include "op/build.h"
#include "run.h"
#include "train/lr_factor.h"
#include "train/step.h"

enum { BATCH = 8, CLASSES = 3, PIXELS = 2 * 6 * 6 };

static value *layer(graph *g, const char *name, value *x, int64_t number, const char *options) {
    stria_error err = {0};
    value *y = NULL;
    CHECK(layer_build(g, name, &x, 1, &number, number != 0, options, 1, &y, &err) == STRIA_OK, "%s", err.text);
    return y;
}

static graph *network(void) {
    graph *g = NULL;
    value *x = NULL;
    CHECK(graph_new(&g, "small", NULL) == STRIA_OK, "graph");
    CHECK(graph_add_input(g, "image", STRIA_FLOAT32, &(shape){4, {1, 2, 6, 6}}, &x, NULL) == STRIA_OK, "input");
    x->symbol[0] = "batch";
    x = layer(g, "relu", layer(g, "batch_norm", layer(g, "conv", x, 8, "kernel=3 bias=0"), 0, NULL), 0, NULL);
    CHECK(graph_add_output(g, layer(g, "dense", x, CLASSES, "name=fc"), "logits", NULL) == STRIA_OK, "output");
    return g;
}

/* The states after one step. */
static void step_make(graph *model, const char *optimizer, const char *factor, state_set *states) {
    stria_error err = {0};
    recipe r = recipe_standard(NULL);
    graph *step = NULL;
    session *s = NULL;
    r.lr_factor = factor;
    CHECK(optimizer_parse(optimizer, &r.optimizer, &err) == STRIA_OK, "%s", err.text);
    CHECK(step_graph(model, BATCH, &r, &step, &err) == STRIA_OK, "%s", err.text);
    CHECK(state_set_add_graph(states, step, NULL) == STRIA_OK, "states");
    run_config config = {.ks = kernel_set_find(NULL), .optimize = true, .states = states};
    CHECK(run_new(&s, step, &config, &err) == STRIA_OK, "%s", err.text);
    float *image = session_host(s, "image");
    int64_t *labels = session_host(s, STEP_TARGET);
    for (int i = 0; i < BATCH * PIXELS; i++) image[i] = random_uniform(5, 1, (uint64_t)i) - 0.5f;
    for (int i = 0; i < BATCH; i++) labels[i] = i % CLASSES;
    *(float *)session_host(s, STEP_LR) = 0.03125f; /* powers of two: a factor of 2 or 0.25 rounds nothing */
    *(int64_t *)session_host(s, STEP_COUNT) = 0;
    CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
    session_free(s);
    graph_free(step);
}

/* How far a step moves each weight, beside the same step without factors. */
static void check_factors(const char *optimizer, const char *spec, const char *const *names, const double *wanted) {
    graph *model = network();
    state_set plain = {0}, scaled = {0};
    int parameters = 0;
    step_make(model, optimizer, NULL, &plain);
    step_make(model, optimizer, spec, &scaled);
    for (int i = 0; i < model->value_count; i++) {
        const value *v = model->values[i];
        if (v->role != ROLE_PARAMETER) continue;
        double factor = 1, moved = 0, worst = 0;
        for (int k = 0; names[k]; k++)
            if (strcmp(names[k], v->name) == 0) factor = wanted[k];
        const float *first = v->data->data, *a = state_set_find(&plain, v->name)->data,
                    *b = state_set_find(&scaled, v->name)->data;
        for (int64_t e = 0; e < shape_count(&v->shape); e++) {
            double one = (double)a[e] - (double)first[e], other = (double)b[e] - (double)first[e];
            moved = fmax(moved, fabs(one));
            worst = fmax(worst, fabs(other - factor * one));
        }
        parameters++;
        CHECK(moved > 1e-5, "%s does not move", v->name);
        CHECK(worst < 2e-7 * fmax(factor, 1), "%s, %s: %s is %g off a factor of %g", optimizer, spec, v->name, worst,
              factor);
    }
    CHECK(parameters == 5, "the network has %d parameters", parameters);
    state_set_release(&plain);
    state_set_release(&scaled);
    graph_free(model);
}

static void check_words(void) {
    static const char *const good[] = {"", "fc*=10", "fc*=10,conv1*=0.1", "a=b=2", "*=1e-3"};
    static const char *const bad[] = {"fc*",   "=2",     "fc*=",   "fc*=0",    "fc*=-1",  "fc*=1e7", "fc*=nan",
                                      "fc*=x", "fc*=2,", ",fc*=2", "a=1,,b=2", "fc*=1 2", "fc*=inf", "conv*=1="};
    stria_error err = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(lr_factor_check(good[i], &err) == STRIA_OK, "%s: %s", good[i], err.text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(lr_factor_check(bad[i], &err) == STRIA_BAD_ARGUMENT, "'%s' is taken", bad[i]);
    graph *model = network();
    CHECK(lr_factor_match("fc*=2,conv1=3", model, &err) == STRIA_OK, "%s", err.text);
    CHECK(lr_factor_match("fc*=2,cnv*=3", model, &err) == STRIA_BAD_ARGUMENT && strstr(err.text, "'cnv*'"), "%s",
          err.text);
    for (int i = 0; i < model->value_count; i++)
        model->values[i]->frozen = strncmp(model->values[i]->name, "fc", 2) == 0;
    CHECK(lr_factor_match("fc*=2", model, &err) == STRIA_BAD_ARGUMENT && strstr(err.text, "is trained"), "%s",
          err.text);
    graph_free(model);
}

int main(void) {
    static const char *const optimizers[] = {"sgd", "momentum", "adam", "rmsprop", "muon"};
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        check_factors(optimizers[i], "fc*=2", (const char *[]){"fc.weight", "fc.bias", NULL}, (double[]){2, 2});
        check_factors(
            optimizers[i], "*=2,fc=0.25,fc.bias=4",
            (const char *[]){"fc.weight", "fc.bias", "conv1.weight", "batch_norm1.scale", "batch_norm1.bias", NULL},
            (double[]){0.25, 4, 2, 2, 2});
    }
    check_words();
    return check_report();
}
