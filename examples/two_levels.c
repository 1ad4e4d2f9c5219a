/* LeNet-5 twice. The raw level: an input, variables that we fill, single operators, a gradient asked for by name, an
 * update. The layer level: layers that make their own weights. Given the same weights both compute the same bits, step
 * after step. */
#include <stria/stria.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, PIXELS = 28 * 28, CLASSES = 10, PARAMETERS = 10, STEPS = 5, LARGEST = 120 * 400 };

/* Of every parameter: its name at the layer level, its rank and shape. */
static const struct parameter {
    const char *name;
    int rank;
    int64_t shape[4];
} parameters[PARAMETERS] = {
    {"conv1.weight", 4, {6, 1, 5, 5}},  {"conv1.bias", 1, {6}},
    {"conv2.weight", 4, {16, 6, 5, 5}}, {"conv2.bias", 1, {16}},
    {"fc1.weight", 2, {120, 400}},      {"fc1.bias", 1, {120}},
    {"fc2.weight", 2, {84, 120}},       {"fc2.bias", 1, {84}},
    {"fc3.weight", 2, {10, 84}},        {"fc3.bias", 1, {10}},
};

static size_t parameter_bytes(int index) {
    size_t bytes = sizeof(float);
    for (int d = 0; d < parameters[index].rank; d++) bytes *= (size_t)parameters[index].shape[d];
    return bytes;
}

static stria_value *images(stria_graph *g) {
    return stria_input(g, "image", STRIA_FLOAT32, 4,
                       (const int64_t[]){0, 1, 28, 28}); /* 0: the batch, settled by the session */
}

/* x[batch, 1, 28, 28] → logits[batch, 10], every operator by its ONNX name. */
static stria_value *raw_network(stria_graph *g, stria_value *x) {
    stria_value *w[PARAMETERS];
    for (int i = 0; i < PARAMETERS; i++)
        w[i] = stria_variable(g, parameters[i].name, STRIA_FLOAT32, parameters[i].rank, parameters[i].shape, NULL);
    x = stria_node(g, "Conv", (stria_value *[]){x, w[0], w[1]}, 3, "kernel_shape=5,5 pads=2,2,2,2");
    x = stria_node(g, "Sigmoid", &x, 1, NULL);
    x = stria_node(g, "AveragePool", &x, 1, "kernel_shape=2,2 strides=2,2");
    x = stria_node(g, "Conv", (stria_value *[]){x, w[2], w[3]}, 3, "kernel_shape=5,5");
    x = stria_node(g, "Sigmoid", &x, 1, NULL);
    x = stria_node(g, "AveragePool", &x, 1, "kernel_shape=2,2 strides=2,2");
    x = stria_node(g, "Flatten", &x, 1, NULL);
    x = stria_node(g, "Gemm", (stria_value *[]){x, w[4], w[5]}, 3, "transB=1");
    x = stria_node(g, "Sigmoid", &x, 1, NULL);
    x = stria_node(g, "Gemm", (stria_value *[]){x, w[6], w[7]}, 3, "transB=1");
    x = stria_node(g, "Sigmoid", &x, 1, NULL);
    return stria_node(g, "Gemm", (stria_value *[]){x, w[8], w[9]}, 3, "transB=1");
}

/* The same by layers; each makes NAME.weight and NAME.bias. */
static stria_value *layer_network(stria_graph *g, stria_value *x) {
    x = stria_sigmoid(g, stria_conv(g, x, 6, "kernel=5 padding=2 name=conv1"));
    x = stria_average_pool(g, x, "kernel=2");
    x = stria_sigmoid(g, stria_conv(g, x, 16, "kernel=5 name=conv2"));
    x = stria_average_pool(g, x, "kernel=2");
    x = stria_sigmoid(g, stria_dense(g, x, 120, "name=fc1"));
    x = stria_sigmoid(g, stria_dense(g, x, 84, "name=fc2"));
    return stria_dense(g, x, CLASSES, "name=fc3");
}

/* w ← w − 0.5 · d loss / d w for every parameter, by the single operators. */
static void gradient_descent(stria_graph *g, stria_value *loss) {
    stria_value *rate = stria_constant(g, "rate", STRIA_FLOAT32, 0, NULL, &(float){0.5f});
    for (int i = 0; i < PARAMETERS; i++) {
        stria_value *w = stria_find(g, parameters[i].name), *dw = stria_gradient(g, loss, w);
        stria_value *change = stria_node(g, "Mul", (stria_value *[]){rate, dw}, 2, NULL);
        stria_assign(g, w, stria_node(g, "Sub", (stria_value *[]){w, change}, 2, NULL));
    }
}

static void check(stria_status status, const stria_error *error) {
    if (status == STRIA_OK) return;
    fprintf(stderr, "two_levels: %s\n", error->text);
    exit(1);
}

static stria_session *training_session(stria_value *(*network)(stria_graph *, stria_value *)) {
    stria_error error;
    stria_model *model;
    stria_session *session;
    stria_graph *g = stria_graph_new("lenet5");
    stria_value *logits = network(g, images(g));
    stria_value *labels = stria_input(g, "label", STRIA_INT64, 1, (const int64_t[]){0});
    stria_value *loss = stria_softmax_cross_entropy(g, logits, labels);
    gradient_descent(g, loss);
    stria_output(g, loss, "loss");
    check(stria_graph_status(g, &error), &error); /* one question for all the calls above */
    check(stria_model_from_graph(&model, g, &error), &error);
    stria_session_options options = stria_session_options_default();
    options.batch = BATCH;
    check(stria_session_new(&session, model, &options, &error), &error);
    stria_model_free(model); /* the session holds it too */
    return session;
}

/* Copies parameter `index` of one session; into `to`, or compares it there. */
static int parameter_compare(stria_session *from, stria_session *to, int index, int copy) {
    static float a[LARGEST], b[LARGEST];
    stria_error error;
    const char *name = parameters[index].name;
    size_t bytes = parameter_bytes(index);
    check(stria_session_get(from, name, a, bytes, &error), &error);
    if (copy) check(stria_session_set(to, name, a, bytes, &error), &error);
    check(stria_session_get(to, name, b, bytes, &error), &error);
    return memcmp(a, b, bytes) == 0;
}

static float step(stria_session *session, const float *image, const int64_t *label) {
    stria_error error;
    float loss;
    check(stria_session_set(session, "image", image, BATCH * PIXELS * sizeof *image, &error), &error);
    check(stria_session_set(session, "label", label, BATCH * sizeof *label, &error), &error);
    check(stria_session_run(session, &error), &error);
    check(stria_session_get(session, "loss", &loss, sizeof loss, &error), &error);
    return loss;
}

int main(void) {
    static float image[BATCH * PIXELS];
    int64_t label[BATCH];
    for (int i = 0; i < BATCH; i++) label[i] = i % CLASSES;
    for (int i = 0; i < BATCH * PIXELS; i++) image[i] = (float)(i / PIXELS % CLASSES == i % PIXELS / 28 / 2);
    stria_session *raw = training_session(raw_network), *layers = training_session(layer_network);
    int same = 1;
    for (int i = 0; i < PARAMETERS; i++) same &= parameter_compare(layers, raw, i, 1);
    for (int s = 0; s < STEPS; s++) {
        float a = step(raw, image, label), b = step(layers, image, label);
        printf("step %d: loss %.9g raw, %.9g by layers\n", s + 1, (double)a, (double)b);
        same &= a == b;
    }
    for (int i = 0; i < PARAMETERS; i++) same &= parameter_compare(layers, raw, i, 0);
    puts(same ? "the same bits at both levels" : "the levels differ");
    stria_session_free(raw);
    stria_session_free(layers);
    return same ? 0 : 1;
}
