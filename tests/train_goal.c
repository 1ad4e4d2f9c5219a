/* The step of a network that gives pictures back: its loss against its formula, its gradients against differences. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "model/net.h"
#include "run.h"
#include "train/step.h"

enum { BATCH = 2, SIZE = 16 };

static const char net[] = "stria-net 1\n"
                          "x = input(batch x 1 x 4 x 4)\n"
                          "c = conv(x, 2, kernel=3, padding=1)\n"
                          "t = tanh(c)\n"
                          "z = conv(t, 1, kernel=3, padding=1)\n"
                          "y = sigmoid(z)\n"
                          "output(y)\n";

static session *step_of(const char *loss, double rate) {
    stria_error err = {0};
    graph *model = NULL, *step = NULL;
    session *s = NULL;
    recipe r = {.goal = &goal_reconstruct, .loss = loss};
    run_config config = {.ks = kernel_sets()[0], .optimize = true};
    stria_status status = net_read(&model, net, strlen(net), "auto", 3, &err);
    if (status == STRIA_OK) status = optimizer_parse("sgd", &r.optimizer, &err);
    if (status == STRIA_OK) status = step_graph(model, BATCH, &r, &step, &err);
    if (status == STRIA_OK) status = run_new(&s, step, &config, &err);
    CHECK(status == STRIA_OK, "%s: %s", loss, err.text);
    graph_free(model);
    graph_free(step);
    if (!s) return NULL;
    float *x = session_host(s, "x"), *target = session_host(s, STEP_TARGET);
    for (int i = 0; i < BATCH * SIZE; i++) x[i] = (float)(i * 7 % 16) / 16, target[i] = (float)(i * 5 % 16) / 16;
    *(float *)session_host(s, STEP_LR) = (float)rate;
    return s;
}

static double loss_run(session *s) {
    stria_error err = {0};
    CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
    return (double)*(float *)session_host(s, STEP_LOSS);
}

static double formula(session *s, const char *loss) {
    const float *y = session_host(s, "reconstruction"), *t = session_host(s, STEP_TARGET);
    double sum = 0;
    for (int i = 0; i < BATCH * SIZE; i++) {
        double e = (double)y[i] - (double)t[i];
        if (strcmp(loss, "squared_error") == 0) sum += e * e;
        else if (strcmp(loss, "absolute_error") == 0) sum += fabs(e);
        else sum -= (double)t[i] * log((double)y[i]) + (1 - (double)t[i]) * log(1 - (double)y[i]);
    }
    return sum / (BATCH * SIZE);
}

/* With rate 1 a step of plain SGD moves each weight by its gradient. */
static void check_gradient(const char *loss, const char *name) {
    session *still = step_of(loss, 0), *moved = step_of(loss, 1);
    if (!still || !moved) return;
    float *w = session_host(still, name), *v = session_host(moved, name);
    double value = loss_run(still), worst = 0;
    CHECK(fabs(value - formula(still, loss)) < 1e-6, "%s is %g, not %g", loss, value, formula(still, loss));
    loss_run(moved);
    for (int i = 0; i < 18; i++) {
        const float was = w[i], h = 1.0F / 64;
        double gradient = (double)was - (double)v[i];
        w[i] = was + h;
        double above = loss_run(still);
        w[i] = was - h;
        double difference = (above - loss_run(still)) / (2 * (double)h);
        w[i] = was;
        worst = fmax(worst, fabs(gradient - difference));
    }
    CHECK(worst < 2e-4, "%s: the gradient of %s differs by %g", loss, name, worst);
    session_free(still);
    session_free(moved);
}

/* The score of a picture that is wrong by 0.1 in each value of 0…1 is 20 dB; a NaN is as bad as can be. */
static void check_score(void) {
    float target[SIZE] = {0}, output[SIZE];
    value image = {.shape = {.rank = 4, .dim = {1, 1, 4, 4}}};
    int64_t label = 0;
    goal_job j = {.goal = &goal_reconstruct, .in = {&image, preprocess_default()}};
    j.taken.target = target, j.taken.label = &label;
    score s = {0};
    for (int i = 0; i < SIZE; i++) output[i] = 0.1F;
    goal_reconstruct.count(&j, output, 1, &s);
    CHECK(s.images == 1 && fabs(s.loss - 0.01) < 1e-8, "a loss of %g", s.loss);
    CHECK(fabs(goal_reconstruct.measured(&s) - 20) < 1e-5, "%g dB", goal_reconstruct.measured(&s));
    j.in.preprocess.stds = 1, j.in.preprocess.std[0] = 0.5; /* values of 0…2: half the share of the range */
    s = (score){0};
    goal_reconstruct.count(&j, output, 1, &s);
    CHECK(fabs(goal_reconstruct.measured(&s) - 26.0206) < 1e-4, "%g dB", goal_reconstruct.measured(&s));
    label = -1; /* it could not be read */
    goal_reconstruct.count(&j, output, 1, &s);
    CHECK(s.images == 1, "%lld images", (long long)s.images);
    label = 0, output[3] = NAN;
    goal_reconstruct.count(&j, output, 1, &s);
    CHECK(goal_reconstruct.measured(&s) == -200, "%g dB of a NaN", goal_reconstruct.measured(&s));
    s = (score){.images = 1};
    CHECK(goal_reconstruct.measured(&s) == 200, "%g dB of what is equal", goal_reconstruct.measured(&s));
}

int main(void) {
    static const char *const losses[] = {"squared_error", "absolute_error", "binary_cross_entropy"};
    for (int i = 0; i < 3; i++) {
        check_gradient(losses[i], "c.weight");
        check_gradient(losses[i], "z.weight");
    }
    check_score();
    return check_report();
}
