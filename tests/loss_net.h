/* A network with two heads, and its training step on four pictures, whose numbers are those of golden_torch.py. */
#ifndef TESTS_LOSS_NET_H
#define TESTS_LOSS_NET_H

#include <string.h>

#include "check.h"
#include "model/net.h"
#include "run.h"
#include "train/step.h"

static const char net[] = "stria-net 1\n"
                          "x = input(4x1x4x4)\n"
                          "f = flatten(x)\n"
                          "h = dense(f, 6)\n"
                          "t = tanh(h)\n"
                          "y = dense(t, 3)\n"
                          "a = dense(t, 3)\n"
                          "p = softmax(a)\n"
                          "output(y)\n"
                          "output(p, aux)\n";

/* The k-th tensor's numbers, as golden_torch.py draws them. */
static void draw(float *x, int k, int64_t count) {
    for (int64_t i = 0; i < count; i++) x[i] = (float)((i * 37 + k * 11) % 61 - 30) / 64;
}

static session *step_of(recipe r) {
    stria_error err = {0};
    graph *model = NULL, *step = NULL;
    session *s = NULL;
    run_config config = {.ks = kernel_sets()[0], .optimize = true};
    static const int64_t labels[4] = {0, 2, 1, 1};
    r.goal = &goal_classify;
    stria_status status = net_read(&model, net, strlen(net), "heads", 0, &err);
    for (int i = 0, k = 1; status == STRIA_OK && i < model->value_count; i++) {
        value *v = model->values[i];
        if (v->role == ROLE_PARAMETER) draw(v->data->data, k++, shape_count(&v->shape));
    }
    if (status == STRIA_OK) status = optimizer_parse("sgd", &r.optimizer, &err);
    if (status == STRIA_OK) status = step_graph(model, 4, &r, &step, &err);
    if (status == STRIA_OK) status = run_new(&s, step, &config, &err);
    CHECK(status == STRIA_OK, "%s: %s", r.loss, err.text);
    graph_free(model);
    graph_free(step);
    if (!s) return NULL;
    draw(session_host(s, "x"), 0, 64);
    memcpy(session_host(s, STEP_TARGET), labels, sizeof labels);
    *(float *)session_host(s, STEP_LR) = 1;
    *(int64_t *)session_host(s, STEP_COUNT) = 0;
    return s;
}

#endif
