/* Batch normalisation and dropout from end to end: a network with both learns; its running statistics move and are what
 * evaluation uses; a training that is interrupted, threaded or stored otherwise drops the same units; inference folds
 * normalisation into the product before it. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "check.h"
#include "op/build.h"
#include "run.h"
#include "train/classifier.h"
#include "train/step.h"
#include "transform/transform.h"

enum { BATCH = 16, STEPS = 60, CLASSES = 3, PIXELS = 2 * 6 * 6 };

static pool *pools[4];

static value *layer(graph *g, const char *name, value *x, int64_t number, const char *options) {
    stria_error err = {0};
    value *y = NULL;
    CHECK(layer_build(g, name, &x, 1, &number, number != 0, options, 1, &y, &err) == STRIA_OK, "%s", err.text);
    return y;
}

/* conv, batch_norm, relu, dropout, dense. */
static graph *network(void) {
    graph *g = NULL;
    value *x = NULL;
    CHECK(graph_new(&g, "small", NULL) == STRIA_OK, "graph");
    CHECK(graph_add_input(g, "image", STRIA_FLOAT32, &(shape){4, {1, 2, 6, 6}}, &x, NULL) == STRIA_OK, "input");
    x->symbol[0] = "batch";
    x = layer(g, "relu", layer(g, "batch_norm", layer(g, "conv", x, 8, "kernel=3 padding=1 bias=0"), 0, NULL), 0, NULL);
    x = layer(g, "dense", layer(g, "dropout", x, 0, "ratio=0.25"), CLASSES, NULL);
    CHECK(graph_add_output(g, x, "logits", NULL) == STRIA_OK, "output");
    return g;
}

/* Images whose brightness says the class. */
static void batch_fill(float *image, int64_t *labels, int step) {
    for (int i = 0; i < BATCH; i++) {
        labels[i] = (i * 7 + step) % CLASSES;
        for (int k = 0; k < PIXELS; k++)
            image[i * PIXELS + k] =
                3 + (float)labels[i] + random_uniform(5, (uint64_t)step, (uint64_t)(i * PIXELS + k)) - 0.5f;
    }
}

static session *session_make(graph *g, int threads, bool optimize, state_set *states) {
    stria_error err = {0};
    session *s = NULL;
    run_config config = {.ks = kernel_set_find(NULL), .pool = pools[threads], .optimize = optimize};
    config.seed = 3, config.states = states;
    CHECK(run_new(&s, g, &config, &err) == STRIA_OK, "%s", err.text);
    return s;
}

static float step_run(session *s, const char *image, int step) {
    stria_error err = {0};
    batch_fill(session_host(s, image), session_host(s, STEP_TARGET), step);
    *(float *)session_host(s, STEP_LR) = 0.05f;
    *(int64_t *)session_host(s, STEP_COUNT) = step;
    session_step_set(s, (uint64_t)step);
    CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
    return *(const float *)session_host(s, STEP_LOSS);
}

static void states_copy(state_set *to, const state_set *from) {
    for (int i = 0; i < from->count; i++) {
        tensor *t = NULL;
        CHECK(tensor_new(&t, from->tensors[i]->type, &from->tensors[i]->shape, "copy", NULL) == STRIA_OK, "copy");
        memcpy(t->data, from->tensors[i]->data, t->bytes);
        CHECK(state_set_put(to, from->names[i], t, NULL) == STRIA_OK, "copy");
        tensor_release(t);
    }
}

static bool states_equal(const state_set *a, const state_set *b) {
    for (int i = 0; i < a->count; i++) {
        const tensor *t = state_set_find(b, a->names[i]);
        if (!t || memcmp(t->data, a->tensors[i]->data, t->bytes) != 0) return false;
    }
    return a->count == b->count;
}

/* Scores of one image: alone and among others, by the running statistics. */
static void check_evaluation(graph *model, state_set *states) {
    float alone[CLASSES], image[BATCH * PIXELS];
    int64_t labels[BATCH];
    batch_fill(image, labels, 1);
    for (int64_t batch = 1; batch <= BATCH; batch += BATCH - 1) {
        graph *g = NULL;
        CHECK(goal_graph(&goal_classify, model, batch, &g, NULL) == STRIA_OK, "evaluation");
        session *s = session_make(g, 1, true, states);
        memcpy(session_host(s, "image"), image, (size_t)(batch * PIXELS) * sizeof *image);
        CHECK(session_run(s, NULL) == STRIA_OK, "evaluation");
        const float *logits = session_host(s, CLASSIFIER_LOGITS);
        for (int c = 0; c < CLASSES; c++)
            CHECK(batch == 1 || fabsf(alone[c] - logits[c]) < 1e-4f, "class %d: %g among others, %g alone", c,
                  (double)logits[c], (double)alone[c]);
        memcpy(alone, logits, sizeof alone);
        session_free(s);
        graph_free(g);
    }
}

static void check_training(void) {
    stria_error err = {0};
    recipe r = recipe_standard(NULL);
    graph *model = network(), *step = NULL;
    state_set states = {0}, other = {0}, halfway = {0};
    CHECK(step_graph(model, BATCH, &r, &step, &err) == STRIA_OK, "%s", err.text);
    CHECK(state_set_add_graph(&states, step, NULL) == STRIA_OK && state_set_add_graph(&other, step, NULL) == STRIA_OK,
          "states");
    session *s = session_make(step, 1, true, &states), *threaded = session_make(step, 3, true, &other);
    float first = 0, last = 0;
    for (int t = 0; t < STEPS; t++) {
        if (t == STEPS / 2) states_copy(&halfway, &states);
        float loss = step_run(s, "image", t), same = step_run(threaded, "image", t);
        CHECK(memcmp(&loss, &same, sizeof loss) == 0, "step %d: loss %g with one thread, %g with three", t,
              (double)loss, (double)same);
        if (t < 5) first += loss / 5;
        if (t >= STEPS - 5) last += loss / 5;
    }
    CHECK(last < first / 2, "the loss falls from %g to %g only", (double)first, (double)last);
    CHECK(states_equal(&states, &other), "other states with three threads");
    session *resumed = session_make(step, 1, true, &halfway);
    for (int t = STEPS / 2; t < STEPS; t++) step_run(resumed, "image", t);
    CHECK(states_equal(&states, &halfway), "other states after going on halfway");
    const tensor *mean = state_set_find(&states, "batch_norm1.mean"),
                 *variance = state_set_find(&states, "batch_norm1.variance");
    CHECK(mean && fabs(tensor_f64(mean, 0)) > 0.1, "the running mean has moved");
    CHECK(variance && fabs(tensor_f64(variance, 0) - 1) > 1e-3, "so has the running variance");
    check_evaluation(model, &states);
    session_free(s), session_free(threaded), session_free(resumed);
    state_set_release(&states), state_set_release(&other), state_set_release(&halfway);
    graph_free(step), graph_free(model);
}

/* A frozen normalisation keeps its statistics. */
static void check_frozen(void) {
    graph *model = network();
    graph_find_value(model, "batch_norm1.mean")->frozen = true;
    CHECK(pass_training(&model, NULL) == STRIA_OK, "pass");
    CHECK(model->update_count == 0, "%d updates", model->update_count);
    graph_free(model);
}

/* conv + batch_norm + relu become one node, which gives what the three did. */
static void check_fold(void) {
    graph *model = network(), *g = NULL;
    const char *const names[] = {"batch_norm1.scale", "batch_norm1.bias", "batch_norm1.mean", "batch_norm1.variance"};
    for (int k = 0; k < 4; k++) {
        value *v = graph_find_value(model, names[k]);
        for (int64_t c = 0; c < 8; c++)
            tensor_put(v->data, c, 0.5 + (double)random_uniform(9, (uint64_t)k, (uint64_t)c));
    }
    CHECK(goal_graph(&goal_classify, model, 4, &g, NULL) == STRIA_OK, "graph");
    session *folded = session_make(g, 1, true, NULL), *plain = session_make(g, 1, false, NULL);
    int nodes = 0;
    for (int k = 0; k < run_nodes(folded); k++)
        nodes += run_node(folded, k)->node->op == &op_BatchNormalization || run_node(folded, k)->node->op == &op_Relu ||
                 run_node(folded, k)->node->op == &op_Dropout;
    CHECK(nodes == 0, "%d nodes of three are left", nodes);
    float image[BATCH * PIXELS];
    int64_t labels[BATCH];
    batch_fill(image, labels, 2);
    session *const both[2] = {folded, plain};
    for (int k = 0; k < 2; k++) {
        memcpy(session_host(both[k], "image"), image, 4 * PIXELS * sizeof *image);
        CHECK(session_run(both[k], NULL) == STRIA_OK, "run");
    }
    const float *a = session_host(folded, CLASSIFIER_LOGITS), *b = session_host(plain, CLASSIFIER_LOGITS);
    for (int i = 0; i < 4 * CLASSES; i++)
        CHECK(fabsf(a[i] - b[i]) < 1e-4f * (1 + fabsf(b[i])), "score %d: %g folded, %g plain", i, (double)a[i],
              (double)b[i]);
    session_free(folded), session_free(plain);
    graph_free(g), graph_free(model);
}

/* The share that falls, and the mean that stays; other steps and nodes drop other units. */
static void check_dropout(void) {
    enum { N = 100000 };
    graph *g = NULL;
    value *x = NULL, *ratio = NULL, *training = NULL, *shares[2] = {NULL};
    CHECK(graph_new(&g, "dropout", NULL) == STRIA_OK &&
              graph_add_input(g, "x", STRIA_FLOAT32, &(shape){1, {N}}, &x, NULL) == STRIA_OK,
          "x");
    builder b = {g, NULL, STRIA_OK, NULL};
    ratio = build_scalar(&b, STRIA_FLOAT32, 0.3), training = build_scalar(&b, STRIA_BOOL, 1);
    for (int k = 0; k < 2; k++) {
        shares[k] = build(&b, &op_Dropout, (value *[]){x, ratio, training}, 3, NULL);
        CHECK(shares[k] && graph_add_output(g, shares[k], k ? "second" : "first", NULL) == STRIA_OK, "dropout");
    }
    session *s = session_make(g, 1, true, NULL);
    float *in = session_host(s, "x"), before[64];
    for (int i = 0; i < N; i++) in[i] = 1;
    for (int step = 0; step < 2; step++) {
        session_step_set(s, (uint64_t)step);
        CHECK(session_run(s, NULL) == STRIA_OK, "run");
        const float *first = session_host(s, "first"), *second = session_host(s, "second");
        double sum = 0, fallen = 0;
        for (int i = 0; i < N; i++) sum += (double)first[i], fallen += first[i] == 0;
        CHECK(fabs(sum / N - 1) < 0.01 && fabs(fallen / N - 0.3) < 0.01, "mean %g, %g fall", sum / N, fallen / N);
        CHECK(memcmp(first, second, sizeof before) != 0, "two layers drop the same units");
        CHECK(step == 0 || memcmp(first, before, sizeof before) != 0, "two steps drop the same units");
        memcpy(before, first, sizeof before);
    }
    session_free(s);
    graph_free(g);
}

int main(void) {
    for (int threads = 1; threads < 4; threads++)
        if (pool_new(&pools[threads], threads, NULL) != STRIA_OK) return 1;
    check_training();
    check_frozen();
    check_fold();
    check_dropout();
    for (int threads = 1; threads < 4; threads++) pool_release(pools[threads]);
    return check_report();
}
