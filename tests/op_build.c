/* Layers: what they make, how their parameters begin, and the sentences with which they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "op/build.h"
#include "op/conv.h"
#include "op/init.h"
#include "op/pool.h"

typedef struct fixture {
    graph *g;
    value *image, *vector, *labels;
} fixture;

static int set_up(void **state) {
    static fixture f;
    assert_int_equal(graph_new(&f.g, "test", NULL), STRIA_OK);
    assert_int_equal(graph_add_input(f.g, "image", STRIA_FLOAT32, &(shape){4, {2, 3, 12, 10}}, &f.image, NULL),
                     STRIA_OK);
    assert_int_equal(graph_add_input(f.g, "vector", STRIA_FLOAT32, &(shape){2, {2, 7}}, &f.vector, NULL), STRIA_OK);
    assert_int_equal(graph_add_input(f.g, "labels", STRIA_INT64, &(shape){1, {2}}, &f.labels, NULL), STRIA_OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    graph_free(((fixture *)*state)->g);
    return 0;
}

/* A layer of one input and at most one number (0: none). */
static value *layer(graph *g, const char *name, value *x, int64_t number, const char *options) {
    stria_error err;
    value *y = NULL;
    if (layer_build(g, name, &x, 1, &number, number != 0, options, 1, &y, &err) != STRIA_OK) fail_msg("%s", err.text);
    return y;
}

static void assert_shape(const value *v, const char *expected) {
    char text[192];
    assert_non_null(v);
    assert_string_equal(shape_text(&v->shape, text), expected);
}

static void lenet5(void **state) {
    fixture *f = *state;
    value *x = f->image, *y;
    assert_int_equal(graph_add_input(f->g, "x", STRIA_FLOAT32, &(shape){4, {2, 1, 28, 28}}, &x, NULL), STRIA_OK);
    x = layer(f->g, "sigmoid", layer(f->g, "conv", x, 6, "kernel=5 padding=2"), 0, NULL);
    x = layer(f->g, "average_pool", x, 0, NULL);
    x = layer(f->g, "sigmoid", layer(f->g, "conv", x, 16, "kernel=5,5"), 0, NULL);
    x = layer(f->g, "average_pool", x, 0, "stride=2");
    assert_shape(x, "[2, 16, 5, 5]");
    x = layer(f->g, "sigmoid", layer(f->g, "dense", x, 120, NULL), 0, NULL);
    x = layer(f->g, "sigmoid", layer(f->g, "dense", x, 84, NULL), 0, NULL);
    x = layer(f->g, "dense", x, 10, "name=head");
    assert_shape(x, "[2, 10]");
    assert_int_equal(
        layer_build(f->g, "softmax_cross_entropy", (value *[]){x, f->labels}, 2, NULL, 0, NULL, 0, &y, NULL), 0);
    assert_shape(y, "[]");
    assert_shape(graph_find_value(f->g, "conv1.weight"), "[6, 1, 5, 5]");
    assert_shape(graph_find_value(f->g, "conv2.bias"), "[16]");
    assert_shape(graph_find_value(f->g, "dense1.weight"), "[120, 400]");
    assert_shape(graph_find_value(f->g, "head.weight"), "[10, 84]");
    assert_non_null(graph_find_node(f->g, "dense1.flatten"));
    int64_t parameters = 0;
    for (int i = 0; i < f->g->value_count; i++)
        if (f->g->values[i]->role == ROLE_PARAMETER) parameters += shape_count(&f->g->values[i]->shape);
    assert_int_equal(parameters, 61706);
    assert_int_equal(graph_check(f->g, NULL), STRIA_OK);
}

static void windows(void **state) {
    fixture *f = *state;
    assert_shape(layer(f->g, "conv", f->image, 4, "kernel=3 padding=same stride=2"), "[2, 4, 6, 5]");
    assert_shape(layer(f->g, "conv", f->image, 4, "kernel=3 padding=valid dilation=2"), "[2, 4, 8, 6]");
    assert_shape(layer(f->g, "conv", f->image, 6, "kernel=3,1 padding=1,0 stride=1,2 groups=3 bias=0"),
                 "[2, 6, 12, 5]");
    assert_shape(graph_find_value(f->g, "conv3.weight"), "[6, 1, 3, 1]");
    assert_null(graph_find_value(f->g, "conv3.bias"));
    assert_shape(layer(f->g, "max_pool", f->image, 0, NULL), "[2, 3, 6, 5]");
    assert_shape(layer(f->g, "max_pool", f->image, 0, "kernel=3 stride=2 padding=1"), "[2, 3, 6, 5]");
    assert_shape(layer(f->g, "max_pool", f->image, 0, "kernel=3 stride=2 ceil=1"), "[2, 3, 6, 5]");
    value *y = layer(f->g, "average_pool", f->image, 0, "kernel=3,2 include_pad=1 padding=1 name=mean");
    assert_string_equal(y->producer->name, "mean");
    pool_shape g = pool_shape_of(y->producer);
    assert_true(g.y.kernel == 3 && g.x.kernel == 2 && g.y.stride == 3 && g.x.stride == 2 && g.y.before == 1 &&
                g.x.after == 1 && g.include_pad);
}

static void other_layers(void **state) {
    fixture *f = *state;
    value *y;
    stria_error err;
    const int64_t sizes[3] = {0, -1, 6};
    assert_int_equal(layer_build(f->g, "reshape", &f->image, 1, sizes, 3, NULL, 0, &y, &err), STRIA_OK);
    assert_shape(y, "[2, 60, 6]");
    assert_shape(layer(f->g, "flatten", f->image, 0, NULL), "[2, 360]");
    assert_shape(layer(f->g, "softmax", f->vector, 0, NULL), "[2, 7]");
    assert_shape(layer(f->g, "global_average_pool", f->image, 0, NULL), "[2, 3, 1, 1]");
    for (const char *const *name = (const char *const[]){"add", "sub", "mul", "div", NULL}; *name; name++)
        assert_int_equal(layer_build(f->g, *name, (value *[]){f->vector, f->vector}, 2, NULL, 0, NULL, 0, &y, &err), 0);
    y = layer(f->g, "Elu", f->vector, 0, "alpha=0.5 name=soft");
    assert_string_equal(y->producer->name, "soft");
    assert_true(*(const float *)y->producer->attributes == 0.5f);
    assert_shape(layer(f->g, "Transpose", f->image, 0, "perm=0,2,3,1"), "[2, 12, 10, 3]");
}

static int64_t parameters_of(const graph *g, const char *stem) {
    int64_t count = 0;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_PARAMETER && strncmp(g->values[i]->name, stem, strlen(stem)) == 0)
            count += shape_count(&g->values[i]->shape);
    return count;
}

static void paddings(void **state) {
    fixture *f = *state;
    assert_shape(layer(f->g, "conv", f->image, 4, "kernel=3 padding=full"), "[2, 4, 14, 12]");
    assert_shape(layer(f->g, "conv", f->image, 4, "kernel=3 padding=full dilation=2"), "[2, 4, 16, 14]");
    assert_shape(layer(f->g, "conv", f->image, 4, "kernel=3 padding=1,0,2,3"), "[2, 4, 13, 11]");
    value *lower = layer(f->g, "conv", f->image, 4, "kernel=4 padding=same_lower");
    conv_shape g = conv_shape_of(lower->producer);
    assert_true(g.y.before == 2 && g.y.after == 1 && g.y.out == 12 && g.x.out == 10);
    for (const char *const *mode = (const char *const[]){"reflect", "edge", "wrap", "constant", NULL}; *mode; mode++) {
        char options[64];
        snprintf(options, sizeof options, "kernel=4 stride=2 padding=same pad_mode=%s pad_value=-1", *mode);
        value *y = layer(f->g, "conv", f->image, 4, options);
        assert_shape(y, "[2, 4, 6, 5]");
        assert_ptr_equal(y->producer->in[0]->producer->op, &op_Pad);
        assert_true(conv_shape_of(y->producer).y.before == 0);
    }
    value *flipped = layer(f->g, "conv", f->image, 4, "kernel=3 flip=1");
    assert_ptr_equal(flipped->producer->in[1]->producer->op, &op_Slice);
    assert_shape(flipped->producer->in[1], "[4, 3, 3, 3]");
    assert_int_equal(graph_check(f->g, NULL), STRIA_OK);
}

/* The lesson of every textbook: what sharing and locality save. */
static void dense_local_shared(void **state) {
    fixture *f = *state;
    assert_shape(layer(f->g, "conv", f->image, 4, "kernel=3 name=shared"), "[2, 4, 10, 8]");
    assert_shape(layer(f->g, "local_conv", f->image, 4, "kernel=3 name=local"), "[2, 4, 10, 8]");
    assert_shape(layer(f->g, "dense", f->image, 4 * 10 * 8, "name=full"), "[2, 320]");
    assert_int_equal(parameters_of(f->g, "shared."), 4 * (3 * 3 * 3 + 1));
    assert_int_equal(parameters_of(f->g, "local."), 10 * 8 * 4 * (3 * 3 * 3 + 1));
    assert_int_equal(parameters_of(f->g, "full."), 10 * 8 * 4 * (3 * 12 * 10 + 1));
}

static void other_convolutions(void **state) {
    fixture *f = *state;
    value *y =
        layer(f->g, "separable_conv", f->image, 8, "kernel=3 padding=same stride=2 multiplier=2 activation=relu");
    assert_shape(y, "[2, 8, 6, 5]");
    assert_ptr_equal(y->producer->op, &op_Relu);
    assert_shape(graph_find_value(f->g, "separable_conv1.depthwise.weight"), "[6, 1, 3, 3]");
    assert_shape(graph_find_value(f->g, "separable_conv1.pointwise.weight"), "[8, 6, 1, 1]");
    y = layer(f->g, "separable_conv", f->image, 8, "kernel=3 norm=1 bias=0 name=block");
    assert_string_equal(y->producer->name, "block.pointwise.norm");
    assert_shape(layer(f->g, "conv_transpose", f->image, 5, "kernel=4 stride=2 padding=1"), "[2, 5, 24, 20]");
    assert_shape(layer(f->g, "conv_transpose", f->image, 6, "kernel=3 stride=2,3 groups=3 output_padding=1,2"),
                 "[2, 6, 26, 32]");
    assert_shape(graph_find_value(f->g, "conv_transpose2.weight"), "[3, 2, 3, 3]");
    assert_shape(graph_find_value(f->g, "conv_transpose2.bias"), "[6]");
}

static double deviation(const value *v, double *most) {
    double sum = 0;
    int64_t count = shape_count(&v->shape);
    *most = 0;
    for (int64_t i = 0; i < count; i++) {
        double x = tensor_f64(v->data, i);
        sum += x * x;
        *most = fmax(*most, fabs(x));
    }
    return sqrt(sum / (double)count);
}

static void initialisation(void **state) {
    fixture *f = *state;
    static const struct {
        const char *init;
        double variance;
        bool uniform;
    } schemes[] = {{"glorot-uniform", 2.0 / (3 * 25 + 64 * 25), true},
                   {"glorot-normal", 2.0 / (3 * 25 + 64 * 25), false},
                   {"he-uniform", 2.0 / 75, true},
                   {"he-normal", 2.0 / 75, false},
                   {"lecun-uniform", 1.0 / 75, true},
                   {"lecun-normal", 1.0 / 75, false},
                   {"normal", 1, false},
                   {"truncated-normal", 0.773741, false}, /* 1 − 4·φ(2)/(2Φ(2) − 1) */
                   {"zeros", 0, false},
                   {"uniform", 1.0 / 3, true},
                   {"orthogonal", 1.0 / 75, false},
                   {"constant", 0, false},
                   {"constant:value=-0.25", 0.0625, false},
                   {"uniform:gain=0.1", 0.01 / 3, true},
                   {"orthogonal:gain=2", 4.0 / 75, false},
                   {"glorot-uniform:gain=4", 32.0 / (3 * 25 + 64 * 25), true},
                   {"he-normal:gain=0.5", 0.5 / 75, false}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        char options[64];
        snprintf(options, sizeof options, "kernel=5 init=%s", schemes[i].init);
        value *w = layer(f->g, "conv", f->image, 64, options)->producer->in[1];
        double most, found = deviation(w, &most), expected = sqrt(schemes[i].variance);
        assert_true(fabs(found - expected) <= 0.05 * expected);
        if (schemes[i].uniform) assert_true(most <= sqrt(3) * expected * 1.000001 && most > 0.98 * sqrt(3) * expected);
        double bias_most;
        deviation(layer(f->g, "conv", f->image, 4, "kernel=1")->producer->in[2], &bias_most);
        assert_true(bias_most == 0);
    }
    for (int i = 0; init_names[i]; i++) assert_string_equal(init_names[i], schemes[i].init);
}

/* Rows or columns are orthonormal, and another seed gives others. */
static void orthogonal(void **state) {
    fixture *f = *state;
    static const int64_t units[] = {1, 5, 7, 300};
    for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
        const value *w = layer(f->g, "dense", f->vector, units[k], "init=orthogonal:gain=1.5")->producer->in[1];
        int64_t rows = w->shape.dim[0], columns = w->shape.dim[1], n = rows < columns ? rows : columns;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t m = 0; m < (rows < columns ? columns : rows); m++)
                    sum += rows < columns ? tensor_f64(w->data, i * columns + m) * tensor_f64(w->data, j * columns + m)
                                          : tensor_f64(w->data, m * columns + i) * tensor_f64(w->data, m * columns + j);
                assert_true(fabs(sum - (i == j ? 2.25 : 0)) < 1e-6);
            }
    }
}

/* Weights depend on the seed and the name, not on what else is in the graph. */
static void seeds(void **state) {
    fixture *f = *state;
    graph *other;
    value *x, *a, *b, *c, *d;
    assert_int_equal(graph_new(&other, "other", NULL), STRIA_OK);
    assert_int_equal(graph_add_input(other, "v", STRIA_FLOAT32, &(shape){2, {9, 7}}, &x, NULL), STRIA_OK);
    a = layer(f->g, "dense", f->vector, 5, "name=q")->producer->in[1];
    b = layer(other, "dense", x, 5, "name=q")->producer->in[1];
    c = layer(other, "dense", x, 5, "name=p")->producer->in[1];
    assert_int_equal(layer_build(other, "dense", &x, 1, &(int64_t){5}, 1, "name=r", 2, &d, NULL), STRIA_OK);
    assert_memory_equal(a->data->data, b->data->data, a->data->bytes);
    assert_true(memcmp(a->data->data, c->data->data, a->data->bytes) != 0);
    assert_true(memcmp(a->data->data, d->producer->in[1]->data->data, a->data->bytes) != 0);
    graph_free(other);
}

static void mistakes_are_refused(void **state) {
    fixture *f = *state;
    static const struct {
        const char *layer;
        bool image;
        int64_t number;
        const char *options, *expected;
    } rows[] = {
        {"conv", true, 4, NULL, "layer 'conv1' (conv): option 'kernel' is missing"},
        {"conv", true, 4, "kernal=3", "layer 'conv1' (conv): there is no option 'kernal'; did you mean 'kernel'?"},
        {"conv", true, 4, "kernel", "layer 'conv1' (conv): 'kernel' is not of the form key=value"},
        {"conv", true, 4, "kernel=3,3,3",
         "layer 'conv1' (conv): option kernel is '3,3,3', expected a number of 1 or more, or 2 of them with commas"},
        {"conv", true, 4, "kernel=0",
         "layer 'conv1' (conv): option kernel is '0', expected a number of 1 or more, or 2 of them with commas"},
        {"conv", true, 4, "kernel=3,",
         "layer 'conv1' (conv): option kernel is '3,', expected a number of 1 or more, or 2 of them with commas"},
        {"conv", true, 4, "kernel=3 padding=1,2,3",
         "layer 'conv1' (conv): option padding is '1,2,3', expected P, PH,PW or TOP,LEFT,BOTTOM,RIGHT, valid, same, "
         "same_lower or full"},
        {"conv", true, 4, "kernel=3 pad_value=many",
         "layer 'conv1' (conv): option pad_value is 'many', expected a number"},
        {"conv", true, 4, "kernel=3 padding=1 pad_mode=mirror",
         "layer 'conv1.pad' (Pad): mode is 'mirror', expected constant, reflect, edge or wrap"},
        {"separable_conv", true, 4, "kernel=3 multiplier=2000000000",
         "layer 'separable_conv1' (separable_conv): 3 input channels times 2000000000 are not 1 to 2147483647 "
         "channels"},
        {"local_conv", true, 4, "kernel=13",
         "layer 'local_conv1' (local_conv): a window of 13 does not fit into the height of 12 with pads 0 and 0"},
        {"conv_transpose", true, 4, "kernel=3 output_padding=-1",
         "layer 'conv_transpose1' (conv_transpose): option output_padding is '-1', expected a number of 0 or more, or "
         "2 of them with commas"},
        {"conv", true, 4, "kernel=3 groups=2",
         "layer 'conv1' (conv): cannot divide 3 input and 4 output channels into 2 groups"},
        {"conv", true, 4, "kernel=13 name=big",
         "layer 'big' (Conv): a window of 13 does not fit into the height of 12 with pads 0 and 0"},
        {"conv", true, -4, "kernel=3", "layer 'conv1' (conv): channels is -4, expected 1 or more"},
        {"conv", true, 0, "kernel=3", "layer 'conv1' (conv): 0 numbers are given, expected one: channels"},
        {"conv", true, 4, "kernel=3 init=glorot",
         "layer 'conv1' (conv): there is no init 'glorot'; there are glorot-uniform, glorot-normal, he-uniform, "
         "he-normal, lecun-uniform, lecun-normal, normal, truncated-normal, zeros, uniform, orthogonal and constant"},
        {"conv", true, 4, "kernel=3 init=he-nomal",
         "layer 'conv1' (conv): there is no init 'he-nomal'; did you mean 'he-normal'?"},
        {"conv", true, 4, "kernel=3 init=he-normal:gain=0",
         "layer 'conv1' (conv): option init: gain is '0', expected a number above 0, up to 100"},
        {"conv", true, 4, "kernel=3 init=zeros:",
         "layer 'conv1' (conv): option init: '' is not of the form key=value (at character 7 of 'zeros:')"},
        {"conv", true, 2000000000, "kernel=2000000000",
         "layer 'conv1' (conv): parameter 'conv1.weight' of shape [2000000000, 3, 2000000000, 2000000000] is too "
         "large"},
        {"conv", false, 4, "kernel=3",
         "layer 'conv1' (conv): input is [2, 7], expected [batch, channels, height, width]"},
        {"dense", false, 4, "bias=2", "layer 'dense1' (dense): option bias is '2', expected a number from 0 to 1"},
        {"relu", false, 4, NULL, "layer 'relu1' (relu): it takes no plain numbers"},
        {"add", false, 0, NULL, "layer 'add1' (add): expected 2 inputs, not 1"},
        {"max_pool", false, 0, NULL,
         "layer 'max_pool1' (max_pool): input is [2, 7], expected [batch, channels, height, width]"},
        {"max_pol", false, 0, NULL, "there is no layer 'max_pol'; did you mean 'max_pool'?"},
        {"quux", false, 0, NULL, "there is no layer 'quux'"},
        {"Elu", false, 0, "alhpa=2", "Elu: Elu has no attribute 'alhpa'; did you mean 'alpha'?"},
        {"Concat", false, 0, NULL, "Concat: attribute 'axis' is missing"},
        {"LeakyRelu", false, 3, NULL, "LeakyRelu: it takes no plain numbers"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stria_error err = {0};
        graph *g;
        value *x, *y;
        const value *like = rows[i].image ? f->image : f->vector;
        assert_int_equal(graph_new(&g, "test", NULL), STRIA_OK);
        assert_int_equal(graph_add_input(g, "x", STRIA_FLOAT32, &like->shape, &x, NULL), STRIA_OK);
        assert_int_not_equal(
            layer_build(g, rows[i].layer, &x, 1, &rows[i].number, rows[i].number != 0, rows[i].options, 0, &y, &err),
            STRIA_OK);
        if (strcmp(err.text, rows[i].expected) != 0) fail_msg("found    %s\nexpected %s", err.text, rows[i].expected);
        /* a caller without an error is served as well */
        assert_int_not_equal(
            layer_build(g, rows[i].layer, &x, 1, &rows[i].number, rows[i].number != 0, rows[i].options, 0, &y, NULL),
            STRIA_OK);
        graph_free(g);
    }
    stria_error err;
    value *y;
    layer(f->g, "relu", f->vector, 0, "name=twice");
    assert_int_not_equal(layer_build(f->g, "tanh", &f->vector, 1, NULL, 0, "name=twice", 0, &y, &err), STRIA_OK);
    assert_string_equal(err.text, "layer 'twice' (tanh): two layers are named 'twice'");
}

/* Each allocation of a layer may fail: a status, no leak, no crash. */
static void memory_runs_out(void **state) {
    (void)state;
    for (long n = 1;; n++) {
        stria_error err = {0};
        graph *g;
        value *x, *y;
        size_t before = mem_bytes_now();
        mem_fail_at(n);
        stria_status status = graph_new(&g, "test", &err);
        if (status == STRIA_OK) {
            status = graph_add_input(g, "x", STRIA_FLOAT32, &(shape){4, {1, 2, 5, 5}}, &x, &err);
            if (status == STRIA_OK) status = layer_build(g, "conv", &x, 1, &(int64_t){3}, 1, "kernel=3", 0, &y, &err);
            if (status == STRIA_OK) status = layer_build(g, "dense", &y, 1, &(int64_t){3}, 1, NULL, 0, &y, &err);
            graph_free(g);
        }
        mem_fail_at(0);
        assert_int_equal(mem_bytes_now(), before);
        if (status == STRIA_OK) {
            assert_true(n > 10);
            return;
        }
        assert_int_equal(status, STRIA_NO_MEMORY);
    }
}

/* The n-th layer without a name is named without trying the n − 1 before it, whose trials would stay in the arena. */
static void many_without_a_name(void **state) {
    enum { MANY = 10000 };
    fixture *f = *state;
    size_t before = mem_bytes_now();
    value *y = f->vector;
    for (int i = 0; i < MANY; i++) y = layer(f->g, "relu", y, 0, NULL);
    assert_string_equal(y->producer->name, "relu10000");
    assert_true(mem_bytes_now() - before < (size_t)MANY * 1024);
    y = layer(f->g, "relu", y, 0, "name=relu10001");
    assert_string_equal(layer(f->g, "relu", y, 0, NULL)->producer->name, "relu10002");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(lenet5),
                                       TEST(windows),
                                       TEST(other_layers),
                                       TEST(paddings),
                                       TEST(dense_local_shared),
                                       TEST(other_convolutions),
                                       TEST(initialisation),
                                       TEST(orthogonal),
                                       TEST(seeds),
                                       TEST(many_without_a_name),
                                       TEST(mistakes_are_refused),
                                       TEST(memory_runs_out)};
    return cmocka_run_group_tests_name("op_build", tests, NULL, NULL);
}
