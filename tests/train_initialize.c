/* --init: every scheme on the weights of every kind of layer, by its formula; what is no such weight stays; weights
 * depend on seed and name alone. Blocks that begin as their shortcuts. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "model/model.h"
#include "op/build.h"
#include "run.h"
#include "train/initialize.h"

static value *layer(graph *g, const char *name, value *x, int64_t number, const char *options) {
    stria_error err = {0};
    value *y = NULL;
    CHECK(layer_build(g, name, &x, 1, &number, number != 0, options, 1, &y, &err) == STRIA_OK, "%s", err.text);
    return y;
}

static graph *begin(value **x, int64_t channels, int64_t side) {
    graph *g = NULL;
    CHECK(graph_new(&g, "new", NULL) == STRIA_OK, "graph");
    CHECK(graph_add_input(g, "image", STRIA_FLOAT32, &(shape){4, {1, channels, side, side}}, x, NULL) == STRIA_OK,
          "input");
    CHECK(graph_set_metadata(g, MODEL_WEIGHTS, MODEL_UNTRAINED, NULL) == STRIA_OK, "metadata");
    return g;
}

/* deeper: with a layer more at the end. */
static graph *network(bool deeper) {
    value *x;
    graph *g = begin(&x, 16, 8);
    x = layer(g, "batch_norm", layer(g, "conv", x, 32, "name=a kernel=5 padding=2 groups=2"), 0, NULL);
    x = layer(g, "conv_transpose", x, 64, "name=b kernel=3 padding=1");
    x = layer(g, "dense", x, 20, "name=c");
    if (deeper) x = layer(g, "dense", x, 6, "name=d");
    CHECK(graph_add_output(g, x, "logits", NULL) == STRIA_OK, "output");
    return g;
}

static void check_schemes(void) {
    static const struct {
        const char *name;
        double in, out;
    } weights[] = {{"a.weight", 8 * 25, 32 * 25}, {"b.weight", 32 * 9, 64 * 9}, {"c.weight", 64 * 64, 20}};
    static const char *const inits[] = {
        "glorot-uniform",   "glorot-normal",       "he-uniform",       "he-normal:gain=0.5",
        "lecun-uniform",    "lecun-normal",        "normal:gain=0.01", "truncated-normal:gain=0.02",
        "uniform:gain=0.3", "constant:value=0.125"};
    for (size_t k = 0; k < sizeof inits / sizeof *inits; k++) {
        stria_error err = {0};
        graph *g = network(false);
        CHECK(weights_initialize(g, inits[k], 3, &err) == STRIA_OK, "%s", err.text);
        for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
            double in = weights[w].in, out = weights[w].out, squares = 0, sum = 0;
            double wanted[] = {2 / (in + out), 2 / (in + out), 2 / in,          0.5 / in, 1 / in,
                               1 / in,         1e-4,           4e-4 * 0.773741, 0.03,     0.015625};
            const value *v = graph_find_value(g, weights[w].name);
            int64_t n = shape_count(&v->shape);
            for (int64_t i = 0; i < n; i++)
                squares += tensor_f64(v->data, i) * tensor_f64(v->data, i), sum += tensor_f64(v->data, i);
            double slack = 6 * wanted[k] * sqrt(2.0 / (double)n); /* deviations of a normal sample's variance */
            CHECK(fabs(squares / (double)n - wanted[k]) < slack, "%s of %s: mean square %g, not %g", inits[k],
                  weights[w].name, squares / (double)n, wanted[k]);
            CHECK(k == 9 || fabs(sum / (double)n) < 6 * sqrt(wanted[k] / (double)n), "%s of %s: mean %g", inits[k],
                  weights[w].name, sum / (double)n);
        }
        graph_free(g);
    }
}

static bool same(const graph *a, const graph *b, const char *name) {
    const value *x = graph_find_value(a, name), *y = graph_find_value(b, name);
    return x && y && memcmp(x->data->data, y->data->data, x->data->bytes) == 0;
}

static void check_names(void) {
    static const char *const others[] = {"a.bias", "c.bias", "batch_norm1.scale", "batch_norm1.bias"};
    static const char *const drawn[] = {"a.weight", "b.weight", "c.weight"};
    graph *plain = network(false), *g = network(false), *deep = network(true), *seeded = network(false);
    CHECK(weights_initialize(g, "orthogonal", 7, NULL) == STRIA_OK, "init");
    CHECK(weights_initialize(deep, "orthogonal", 7, NULL) == STRIA_OK, "init");
    CHECK(weights_initialize(seeded, "orthogonal", 8, NULL) == STRIA_OK, "init");
    for (int i = 0; i < 4; i++) CHECK(same(plain, g, others[i]), "%s is drawn anew", others[i]);
    for (int i = 0; i < 3; i++) {
        CHECK(!same(plain, g, drawn[i]), "%s is not drawn anew", drawn[i]);
        CHECK(same(deep, g, drawn[i]), "%s depends on another layer", drawn[i]);
        CHECK(!same(seeded, g, drawn[i]), "%s does not depend on the seed", drawn[i]);
    }
    graph_free(plain);
    graph_free(deep);
    graph_free(seeded);
    graph_free(g);
}

static void check_refusals(void) {
    stria_error err = {0};
    value *x;
    graph *g = network(false);
    CHECK(weights_initialize(g, "he-norml", 0, &err) == STRIA_BAD_ARGUMENT && strstr(err.text, "'he-normal'"), "%s",
          err.text);
    CHECK(weights_initialize(g, "constant:gain=2", 0, &err) == STRIA_BAD_ARGUMENT, "a constant has a gain");
    CHECK(weights_initialize(g, "zeros:gain=2", 0, &err) == STRIA_BAD_ARGUMENT, "zeros have a gain");
    CHECK(weights_initialize(g, "constant:value=nan", 0, &err) == STRIA_BAD_ARGUMENT, "a constant is no number");
    graph_drop_metadata(g, MODEL_WEIGHTS);
    CHECK(weights_initialize(g, "he-normal", 0, &err) == STRIA_BAD_ARGUMENT && strstr(err.text, "has weights already"),
          "%s", err.text);
    graph_free(g);
    g = begin(&x, 2, 4);
    CHECK(graph_add_output(g, layer(g, "batch_norm", x, 0, NULL), "y", NULL) == STRIA_OK, "output");
    CHECK(weights_initialize(g, "he-normal", 0, &err) == STRIA_BAD_ARGUMENT && strstr(err.text, "no convolution"), "%s",
          err.text);
    graph_free(g);
    g = begin(&x, 73, 8);
    CHECK(graph_add_output(g, layer(g, "dense", x, 4672, "name=w"), "y", NULL) == STRIA_OK, "output");
    CHECK(weights_initialize(g, "orthogonal", 0, &err) == STRIA_UNSUPPORTED && strstr(err.text, "too many"), "%s",
          err.text);
    graph_free(g);
}

/* With zero_last=1 a block is its shortcut: relu(x), or with an inverted residual x itself. */
static void check_zero_last(void) {
    static const char *const blocks[] = {"residual", "bottleneck", "inverted_residual"};
    for (int k = 0; k < 3; k++)
        for (int zero = 0; zero < 2; zero++) {
            value *x;
            session *s = NULL;
            graph *g = begin(&x, 8, 5);
            run_config config = {.ks = kernel_set_find(NULL), .optimize = true};
            x = layer(g, blocks[k], x, 8, zero ? "zero_last=1" : "");
            CHECK(graph_add_output(g, x, "y", NULL) == STRIA_OK, "output");
            CHECK(run_new(&s, g, &config, NULL) == STRIA_OK, "session");
            float *image = session_host(s, "image"), copy[200], worst = 0;
            for (int i = 0; i < 200; i++) copy[i] = image[i] = (float)((i * 37) % 19) / 9 - 1;
            CHECK(session_run(s, NULL) == STRIA_OK, "run");
            const float *y = session_host(s, "y");
            for (int i = 0; i < 200; i++) worst = fmaxf(worst, fabsf(y[i] - (k < 2 ? fmaxf(copy[i], 0) : copy[i])));
            CHECK(zero ? worst == 0 : worst > 0.01f, "%s, zero_last=%d: %g off its shortcut", blocks[k], zero,
                  (double)worst);
            session_free(s);
            graph_free(g);
        }
}

/* Without a sum the block would begin at 0, and so would its gradient: the scale stays 1. */
static void check_zero_last_alone(void) {
    static const char *const blocks[] = {"residual", "bottleneck"};
    for (int k = 0; k < 2; k++) {
        value *x, *y;
        graph *g = begin(&x, 8, 5);
        y = layer(g, blocks[k], x, 8, "zero_last=1 shortcut=none");
        if (!CHECK(y && y->producer->op == &op_Relu, "%s", blocks[k])) continue;
        const tensor *scale = y->producer->in[0]->producer->in[1]->data;
        CHECK(tensor_f64(scale, 0) == 1, "%s: the last scale begins as %g", blocks[k], tensor_f64(scale, 0));
        graph_free(g);
    }
}

int main(void) {
    check_zero_last_alone();
    check_schemes();
    check_names();
    check_refusals();
    check_zero_last();
    return check_report();
}
