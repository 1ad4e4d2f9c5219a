/* What a diverging step names: the user's layer, the loss, a parameter's gradient or its update, and never a node that
 * training added; a norm that overflows where its gradient is finite is no divergence. */
#include <string.h>

#include "check.h"
#include "model/net.h"
#include "run.h"
#include "train/divergence.h"
#include "train/step.h"

static const struct step_case {
    const char *what, *loss;
    float x, weight, rate;
    double clip;
    const char *says; /* NULL: nothing */
} cases[] = {
    {"all finite", "cross_entropy", 1, 0, 1, 0, NULL},
    {"a gradient of 5e29, whose square is none", "cross_entropy", 1e30f, 0, 1, 0, NULL},
    {"the same, clipped", "cross_entropy", 1e30f, 0, 1, 1, NULL},
    {"the layer", "cross_entropy", 3e38f, 10, 1, 0, "layer 'y' (Gemm): 'y' holds inf at element 0"},
    {"the loss", "squared_error", 1e20f, 10, 1, 0, "the loss"},
    {"the gradient", "cross_entropy:weight=10", 3e38f, 0, 1, 0,
     "the gradient of parameter 'y.weight' holds -inf at element 0"},
    {"the update", "cross_entropy", 1e30f, 0, 1e10f, 0, "'y.weight' after its update would hold inf at element 0"},
};

static session *step_of(const struct step_case *c, graph **model) {
    static const char net[] = "stria-net 1\nx = input(4x1x1x1)\nf = flatten(x)\ny = dense(f, 2)\noutput(y)\n";
    stria_error err = {0};
    graph *step = NULL;
    session *s = NULL;
    recipe r = {.goal = &goal_classify, .loss = c->loss, .clip_norm = c->clip, .norms = true};
    run_config config = {.ks = kernel_sets()[0], .optimize = true};
    stria_status status = net_read(model, net, strlen(net), "one", 0, &err);
    if (status == STRIA_OK) {
        float *weight = graph_find_value(*model, "y.weight")->data->data;
        weight[0] = weight[1] = c->weight;
        status = optimizer_parse("sgd", &r.optimizer, &err);
    }
    if (status == STRIA_OK) status = step_graph(*model, 4, &r, &step, &err);
    if (status == STRIA_OK) status = run_new(&s, step, &config, &err);
    CHECK(status == STRIA_OK, "%s: %s", c->what, err.text);
    graph_free(step);
    return s;
}

static void check_case(const struct step_case *c) {
    graph *model = NULL;
    stria_error err = {0};
    session *s = step_of(c, &model);
    if (s) {
        divergence d = {.model = model, .step = session_program(s)->g};
        float *x = session_host(s, "x");
        for (int i = 0; i < 4; i++) x[i] = c->x;
        memset(session_host(s, STEP_TARGET), 0, 4 * sizeof(int64_t));
        *(float *)session_host(s, STEP_LR) = c->rate;
        *(int64_t *)session_host(s, STEP_COUNT) = 0;
        stria_status status = session_run_watched(s, divergence_watch, &d, &err);
        CHECK(status == (c->says ? STRIA_NOT_FINITE : STRIA_OK), "%s: status %d, %s", c->what, (int)status, err.text);
        CHECK(!c->says || strstr(err.text, c->says), "%s: %s", c->what, err.text);
    }
    session_free(s);
    graph_free(model);
}

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_case(&cases[i]);
    return check_report();
}
