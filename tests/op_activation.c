/* Layers that apply a function to each element: their options, defaults included, by formulas written down here; their
 * parameters; what they refuse; memory that runs out. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "cases.h"
#include "check.h"
#include "evaluate.h"
#include "op/build.h"

static double normal_cdf(double x) {
    return 0.5 * (1 + erf(x / sqrt(2)));
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

/* The layer's function of x; a: its option. */
typedef double function(double x, double a);
static double leaky_relu(double x, double a) {
    return x < 0 ? a * x : x;
}
static double elu(double x, double a) {
    return x < 0 ? a * (exp(x) - 1) : x;
}
static double gelu(double x, double a) {
    return (void)a, x * normal_cdf(x);
}
static double gelu_tanh(double x, double a) {
    return (void)a, 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
static double swish(double x, double a) {
    return x * sigmoid(a * x);
}
static double hard_sigmoid(double x, double a) {
    return fmin(fmax(a * x + 0.5, 0), 1);
}
static double raised_sigmoid(double x, double a) {
    return fmin(fmax(a * x + 0.25, 0), 1);
}
static double clip_above(double x, double a) {
    return fmin(x, a);
}
static double clip_below(double x, double a) {
    return fmax(x, a);
}
static double clip_both(double x, double a) {
    return fmin(fmax(x, -1), a);
}
static double same(double x, double a) {
    return (void)a, x;
}
static double relu6(double x, double a) {
    return fmin(fmax(x, 0), a);
}
static double mish(double x, double a) {
    return (void)a, x * tanh(log(1 + exp(x)));
}
static double softsign(double x, double a) {
    return (void)a, x / (1 + fabs(x));
}

static const struct {
    const char *layer, *options;
    function *formula;
    double a;
} layers[] = {
    {"leaky_relu", "", leaky_relu, 0.01},
    {"leaky_relu", "alpha=0.3", leaky_relu, 0.3},
    {"prelu", "", leaky_relu, 0.25},
    {"prelu", "slope=-0.5", leaky_relu, -0.5},
    {"prelu", "slope=0.1 shared=1", leaky_relu, 0.1},
    {"elu", "", elu, 1},
    {"elu", "alpha=0.5", elu, 0.5},
    {"gelu", "", gelu, 0},
    {"gelu", "approximate=tanh", gelu_tanh, 0},
    {"silu", "", swish, 1},
    {"swish", "", swish, 1},
    {"swish", "alpha=1.7", swish, 1.7},
    {"hard_sigmoid", "", hard_sigmoid, 0.2},
    {"hard_sigmoid", "alpha=0.4 beta=0.25", raised_sigmoid, 0.4},
    {"hard_swish", "", NULL, 0},
    {"mish", "", mish, 0},
    {"softsign", "", softsign, 0},
    {"clip", "", same, 0},
    {"clip", "max=0.5", clip_above, 0.5},
    {"clip", "min=-0.5", clip_below, -0.5},
    {"clip", "min=-1 max=2", clip_both, 2},
    {"relu6", "", relu6, 6},
    {"relu6", "max=1.5", relu6, 1.5},
};

static double expected(int i, double x) {
    if (layers[i].formula) return layers[i].formula(x, layers[i].a);
    return x * fmin(fmax(x / 6 + 0.5, 0), 1);
}

/* The layer of one input of this shape; NULL with the error filled. */
static value *layer_of(graph **g, int i, const shape *s, stria_error *err) {
    value *x = NULL, *y = NULL;
    if (graph_new(g, "test", err) != STRIA_OK) return NULL;
    if (graph_add_input(*g, "x", STRIA_FLOAT32, s, &x, err) != STRIA_OK) return NULL;
    return layer_build(*g, layers[i].layer, &x, 1, NULL, 0, layers[i].options, 1, &y, err) == STRIA_OK ? y : NULL;
}

static void check_formula(int i, const shape *s) {
    stria_error err = {0};
    graph *g = NULL;
    value *y = layer_of(&g, i, s, &err);
    if (CHECK(y && shape_equal(&y->shape, s), "%s %s: %s", layers[i].layer, layers[i].options, err.text)) {
        tensor **contents = contents_new(g);
        int64_t n = shape_count(s);
        double error = 0;
        tensor *x = contents[graph_find_value(g, "x")->id] = random_tensor(STRIA_FLOAT32, s, -8, 8, 3);
        CHECK(graph_evaluate(g, contents, -1, &err) == STRIA_OK, "%s", err.text);
        for (int64_t k = 0; contents[y->id] && k < n; k++)
            error = fmax(error, fabs(tensor_f64(contents[y->id], k) - expected(i, tensor_f64(x, k))));
        CHECK(error < 1e-5, "%s %s of rank %d: off by %g", layers[i].layer, layers[i].options, s->rank, error);
        contents_free(g, contents);
    }
    graph_free(g);
}

static void check_parameters(void) {
    static const struct {
        int layer;
        shape x, slope;
    } cases[] = {{2, {4, {2, 3, 5, 4}}, {3, {3, 1, 1}}},
                 {2, {2, {2, 7}}, {1, {7}}},
                 {2, {1, {5}}, {1, {1}}},
                 {4, {4, {2, 3, 5, 4}}, {1, {1}}}};
    for (int i = 0; i < 4; i++) {
        graph *g = NULL;
        stria_error err = {0};
        value *y = layer_of(&g, cases[i].layer, &cases[i].x, &err), *slope = graph_find_value(g, "prelu1.slope");
        CHECK(y && slope && slope->role == ROLE_PARAMETER && shape_equal(&slope->shape, &cases[i].slope),
              "slopes of case %d", i);
        graph_free(g);
    }
}

static void check_refusals(void) {
    static const struct {
        const char *layer, *options, *sentence;
    } bad[] = {
        {"elu", "alpha=x", "layer 'elu1' (elu): attribute 'alpha': 'x' is not a number"},
        {"elu", "beta=1", "layer 'elu1' (elu): there is no option 'beta'"},
        {"gelu", "approximate=erf", "layer 'gelu1' (Gelu): approximate 'erf' is neither none nor tanh"},
        {"clip", "min=low", "layer 'clip1' (clip): option min is 'low', expected a number from -inf to inf"},
        {"prelu", "shared=2", "layer 'prelu1' (prelu): option shared is '2', expected a number from 0 to 1"},
        {"prelu", "slope=1e9", "layer 'prelu1' (prelu): option slope is '1e9', expected a number from -1e+06 to 1e+06"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        graph *g = NULL;
        value *x = NULL, *y = NULL;
        stria_error err = {0};
        bool made = graph_new(&g, "test", NULL) == STRIA_OK &&
                    graph_add_input(g, "x", STRIA_FLOAT32, &(shape){2, {2, 3}}, &x, NULL) == STRIA_OK;
        stria_status status = layer_build(g, bad[i].layer, &x, 1, NULL, 0, bad[i].options, 1, &y, &err);
        CHECK(made && status == STRIA_BAD_ARGUMENT && strncmp(err.text, bad[i].sentence, strlen(bad[i].sentence)) == 0,
              "%s %s: \"%s\"", bad[i].layer, bad[i].options, err.text);
        graph_free(g);
    }
}

/* Every allocation fails once; the layer is refused, the graph can still be freed. */
static void check_memory(int i) {
    for (long n = 1;; n++) {
        graph *g = NULL;
        stria_error err = {0};
        mem_fail_at(n);
        value *y = layer_of(&g, i, &(shape){4, {2, 3, 5, 4}}, &err);
        mem_fail_at(0);
        CHECK(y || err.status == STRIA_NO_MEMORY, "%s, allocation %ld: %s", layers[i].layer, n, err.text);
        graph_free(g);
        if (y) break;
    }
}

int main(void) {
    static const shape shapes[] = {{4, {2, 3, 5, 4}}, {2, {6, 9}}, {1, {31}}};
    for (int i = 0; i < (int)(sizeof layers / sizeof *layers); i++) {
        for (int s = 0; s < 3; s++) check_formula(i, &shapes[s]);
        check_memory(i);
    }
    check_parameters();
    check_refusals();
    return check_report();
}
