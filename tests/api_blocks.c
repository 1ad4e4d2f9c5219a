/* Blocks, the text of a model, auxiliary heads and what a summary says of layers, through the public header. */
#include <stria/stria.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static stria_error err;

static void assert_text(const char *text, const char *words) {
    if (!strstr(text, words)) fail_msg("'%s' is not in '%s'", words, text);
}

static stria_graph *graph(stria_value **x, int64_t channels, int64_t side) {
    stria_graph *g = stria_graph_new("blocks");
    assert_non_null(g);
    *x = stria_input(g, "image", STRIA_FLOAT32, 4, (int64_t[]){0, channels, side, side});
    return g;
}

static void shape_check(const stria_graph *g, const stria_value *v, int64_t channels, int64_t side) {
    int64_t shape[STRIA_RANK_MAX];
    if (!v && stria_graph_status(g, &err) != STRIA_OK) fail_msg("%s", err.text);
    assert_int_equal(stria_value_shape(v, shape), 4);
    assert_int_equal(shape[1], channels);
    assert_int_equal(shape[2], side);
    assert_int_equal(shape[3], side);
}

static int64_t parameters(const stria_graph *g) {
    int64_t sum = 0;
    for (int i = 0; stria_graph_parameter(g, i); i++) {
        int64_t shape[STRIA_RANK_MAX], n = 1;
        int rank = stria_value_shape(stria_graph_parameter(g, i), shape);
        for (int d = 0; d < rank; d++) n *= shape[d];
        sum += n;
    }
    return sum;
}

static void test_elements(void **state) {
    (void)state;
    const float in[2] = {3, 1};
    float out[2];
    stria_graph *g = stria_graph_new("elements");
    stria_value *x = stria_input(g, "x", STRIA_FLOAT32, 2, (int64_t[]){0, 2});
    stria_output(g, stria_softmax(g, stria_div(g, stria_mul(g, x, x), x)), "y"); /* of x itself */
    stria_model *m = NULL;
    stria_session *s = NULL;
    if (stria_model_from_graph(&m, g, &err) != STRIA_OK) fail_msg("%s", err.text);
    assert_int_equal(stria_session_new(&s, m, NULL, &err), STRIA_OK);
    assert_int_equal(stria_session_set(s, "x", in, sizeof in, &err), STRIA_OK);
    assert_int_equal(stria_session_run(s, &err), STRIA_OK);
    assert_int_equal(stria_session_get(s, "y", out, sizeof out, &err), STRIA_OK);
    assert_float_equal(out[0], 0.880797078f, 1e-6); /* 1 / (1 + e⁻²) */
    assert_float_equal(out[1], 0.119202922f, 1e-6);
    stria_session_free(s);
    stria_model_free(m);
}

/* Results and parameters counted by hand. */
static void test_blocks(void **state) {
    static const int64_t channels[6] = {4, 3, 6, 2, 5, 1};
    (void)state;
    stria_value *x;
    stria_graph *g = graph(&x, 8, 9);
    shape_check(g, stria_conv_bn_relu(g, x, 5, "name=a kernel=1,3 stride=2"), 5, 5);
    assert_int_equal(parameters(g), 8 * 5 * 3 + 2 * 5);
    assert_non_null(stria_find(g, "a.conv.weight"));
    assert_non_null(stria_find(g, "a.bn.running_var"));
    assert_string_equal(stria_value_name(stria_find(g, "a.relu")), "a.relu");
    int64_t before = parameters(g);
    shape_check(g, stria_conv_bn_relu(g, x, 5, "name=b norm=0 activation=none names=0,1,2"), 5, 9);
    assert_int_equal(parameters(g) - before, 8 * 5 * 9 + 5);
    assert_non_null(stria_find(g, "b.0.bias"));
    before = parameters(g);
    shape_check(g, stria_residual(g, x, 8, NULL), 8, 9);
    assert_int_equal(parameters(g) - before, 2 * (8 * 8 * 9 + 16));
    before = parameters(g);
    shape_check(g, stria_residual(g, x, 12, "stride=2 name=r"), 12, 5);
    assert_int_equal(parameters(g) - before, 8 * 12 * 9 + 12 * 12 * 9 + 8 * 12 + 3 * 24);
    assert_non_null(stria_find(g, "r.downsample.0.weight"));
    before = parameters(g);
    shape_check(g, stria_residual(g, x, 12, "stride=2 shortcut=a"), 12, 5);
    shape_check(g, stria_residual(g, x, 12, "stride=2 shortcut=none"), 12, 5);
    assert_int_equal(parameters(g) - before, 2 * (8 * 12 * 9 + 12 * 12 * 9 + 2 * 24));
    before = parameters(g);
    shape_check(g, stria_bottleneck(g, x, 16, "squeeze=3"), 16, 9);
    assert_int_equal(parameters(g) - before, 8 * 3 + 3 * 3 * 9 + 3 * 16 + 8 * 16 + 2 * (3 + 3 + 16 + 16));
    before = parameters(g);
    shape_check(g, stria_bottleneck(g, x, 16, "squeeze=3 style=keras"), 16, 9); /* and biases */
    assert_int_equal(parameters(g) - before, 8 * 3 + 3 * 3 * 9 + 3 * 16 + 8 * 16 + 3 * (3 + 3 + 16 + 16));
    before = parameters(g);
    shape_check(g, stria_depthwise_separable(g, x, 6, "kernel=5 stride=2"), 6, 5);
    assert_int_equal(parameters(g) - before, 8 * 25 + 8 * 6 + 2 * (8 + 6));
    before = parameters(g);
    shape_check(g, stria_inverted_residual(g, x, 8, "expand=2 name=i"), 8, 9);
    assert_int_equal(parameters(g) - before, 8 * 16 + 16 * 9 + 16 * 8 + 2 * (16 + 16 + 8));
    assert_non_null(stria_find(g, "i.conv.2.weight"));
    assert_non_null(stria_find(g, "i.add1"));
    before = parameters(g);
    shape_check(g, stria_fire(g, x, 2, 3, 5, "bypass=simple name=f"), 8, 9);
    assert_int_equal(parameters(g) - before, 8 * 2 + 2 + 2 * 3 + 3 + 2 * 5 * 9 + 5);
    shape_check(g, stria_fire(g, x, 2, 3, 4, "bypass=complex"), 7, 9);
    before = parameters(g);
    shape_check(g, stria_inception(g, x, channels, "name=n norm=0"), 16, 9);
    assert_int_equal(parameters(g) - before,
                     8 * 4 + 4 + 8 * 3 + 3 + 3 * 6 * 9 + 6 + 8 * 2 + 2 + 2 * 5 * 25 + 5 + 8 * 1 + 1);
    assert_non_null(stria_find(g, "n.branch2.1.conv.weight"));
    assert_int_equal(stria_graph_status(g, &err), STRIA_OK);
    stria_graph_free(g);
}

/* In a scope, names of blocks begin with the scope's, once. */
static void test_scopes(void **state) {
    (void)state;
    stria_value *x;
    stria_graph *g = graph(&x, 4, 6);
    stria_scope(g, "stage1");
    stria_residual(g, x, 4, NULL);
    x = stria_residual(g, x, 4, NULL);
    x = stria_node(g, "separable_conv", &x, 1, "kernel=3");
    assert_null(x); /* it needs channels: the error sticks */
    stria_graph_free(g);
    g = graph(&x, 4, 6);
    stria_scope(g, "stage1");
    x = stria_residual(g, x, 4, NULL);
    x = stria_residual(g, x, 4, NULL);
    x = stria_fire(g, x, 2, 2, 2, "name=fire");
    stria_scope(g, NULL);
    stria_relu(g, x);
    assert_int_equal(stria_graph_status(g, &err), STRIA_OK);
    assert_non_null(stria_find(g, "stage1.residual1.conv1.weight"));
    assert_non_null(stria_find(g, "stage1.residual2.bn2.bias"));
    assert_non_null(stria_find(g, "stage1.fire.squeeze.weight"));
    assert_non_null(stria_find(g, "relu1"));
    stria_graph_free(g);
}

static void test_refused(void **state) {
    static const struct {
        const char *layer, *options, *words;
    } cases[] = {
        {"residual", "shortcut=c", "option shortcut is 'c', expected a, b or none"},
        {"residual", "stride=0", "option stride is '0'"},
        {"residual", "activation=rleu", "there is no layer 'rleu'; did you mean 'relu'?"},
        {"bottleneck", "squeeze=0", "option squeeze is '0'"},
        {"bottleneck", "style=caffe", "option style is 'caffe', expected torchvision or keras"},
        {"inverted_residual", "expand=0", "option expand is '0'"},
        {"conv_bn_relu", "names=a,b", "option names is 'a,b', expected three names with commas"},
        {"conv_bn_relu", "kernel=99 padding=0", "does not fit"},
        {"conv_bn_relu", "init=he", "there is no init 'he'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stria_value *x, *y;
        stria_graph *g = graph(&x, 4, 6);
        if (strcmp(cases[i].layer, "residual") == 0) y = stria_residual(g, x, 6, cases[i].options);
        else if (strcmp(cases[i].layer, "bottleneck") == 0) y = stria_bottleneck(g, x, 6, cases[i].options);
        else if (strcmp(cases[i].layer, "conv_bn_relu") == 0) y = stria_conv_bn_relu(g, x, 6, cases[i].options);
        else y = stria_inverted_residual(g, x, 6, cases[i].options);
        assert_null(y);
        assert_int_not_equal(stria_graph_status(g, &err), STRIA_OK);
        assert_text(err.text, cases[i].words);
        stria_graph_free(g);
    }
    stria_value *x;
    stria_graph *g = graph(&x, 4, 6);
    assert_null(stria_fire(g, x, 2, 0, 2, NULL));
    stria_graph_status(g, &err);
    assert_text(err.text, "number 2 is 0, expected 1 or more (squeeze, 1x1 and 3x3 channels)");
    stria_graph_free(g);
    g = graph(&x, 4, 6);
    assert_null(stria_fire(g, x, 2, 3, 3, "bypass=simple"));
    assert_int_equal(stria_graph_status(g, &err), STRIA_BAD_SHAPE);
    stria_graph_free(g);
}

/* Writes text into a file and opens it. */
static stria_status text_open(const char *text, stria_model **out) {
    char path[] = "/tmp/stria-blocks-XXXXXX.net";
    int file = mkstemps(path, 4);
    assert_true(file >= 0);
    FILE *f = fdopen(file, "w");
    fputs(text, f);
    fclose(f);
    stria_status status = stria_model_open(out, path, 1, &err);
    remove(path);
    return status;
}

#define NET "stria-net 1\nx = input(batch x 8 x 9 x 9)\n"

/* Blocks in text, and no block that makes more parameters than the text may ask for. */
static void test_text(void **state) {
    static const char *const greedy[] = {
        "y = fire(x, 100000, 100000, 100000)\n",
        "y = residual(x, 100000)\n",
        "y = bottleneck(x, 8, squeeze=100000)\n",
        "y = depthwise_separable(x, 8, kernel=100000)\n",
        "y = inverted_residual(x, 100000, expand=1000)\n",
        "y = inception(x, 30000, 30000, 30000, 30000, 30000, 30000)\n",
        "y = conv_bn_relu(x, 9223372036854775807)\n",
    };
    stria_model *m = NULL, *again = NULL;
    char *text, *second;
    (void)state;
    assert_int_equal(text_open(NET "y = fire(x, 2, 3, 4)\nz = inverted_residual(y, 7)\noutput(z)\n", &m), STRIA_OK);
    assert_int_equal(stria_model_output(m, 0)->shape[1], 7);
    assert_int_equal(stria_model_text(m, &text, &err), STRIA_OK);
    assert_text(text, "y.squeeze.weight = parameter(2 x 8 x 1 x 1");
    assert_int_equal(text_open(text, &again), STRIA_OK);
    assert_int_equal(stria_model_text(again, &second, &err), STRIA_OK);
    assert_string_equal(text, second);
    stria_text_free(text);
    stria_text_free(second);
    stria_model_free(m);
    stria_model_free(again);
    for (size_t i = 0; i < sizeof greedy / sizeof *greedy; i++) {
        char whole[256];
        snprintf(whole, sizeof whole, NET "%soutput(y)\n", greedy[i]);
        assert_int_not_equal(text_open(whole, &m), STRIA_OK);
        assert_text(err.text, "more than 268,435,456 parameters");
    }
}

static const stria_layer_row *row(const stria_summary *s, const char *name) {
    for (int i = 0; i < s->layer_count; i++)
        if (strcmp(s->layers[i]->name, name) == 0) return s->layers[i];
    fail_msg("there is no layer '%s'", name);
    return NULL;
}

/* Receptive fields: of VGG's stages those of the literature (6, 16, 44, 100, 212 after the poolings). */
static void test_summary(void **state) {
    static const struct {
        const char *layer;
        int64_t field, stride;
    } cases[] = {{"features.0", 3, 1},     {"features.4", 6, 2},     {"features.9", 16, 4}, {"features.16", 44, 8},
                 {"features.23", 100, 16}, {"features.30", 212, 32}, {"classifier.0", 0, 0}};
    stria_model *m;
    stria_summary s = {.size = sizeof s};
    (void)state;
    assert_int_equal(stria_model_open(&m, "vgg16:dense=16,classes=4", 1, &err), STRIA_OK);
    assert_int_equal(stria_summarize(m, 1, &s, &err), STRIA_OK);
    stria_model_free(m); /* a summary needs its model no more */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int d = 0; d < 2; d++) {
            assert_int_equal(row(&s, cases[i].layer)->receptive_field[d], cases[i].field);
            assert_int_equal(row(&s, cases[i].layer)->receptive_stride[d], cases[i].stride);
        }
    assert_int_equal(row(&s, "features.0")->windows, 2);
    assert_int_equal(row(&s, "features.0")->window[1].in, 224);
    assert_int_equal(row(&s, "features.0")->window[1].before, 1);
    assert_int_equal(row(&s, "features.0")->connected_count, 1);
    assert_string_equal(row(&s, "features.0")->connected[0], "image");
    assert_string_equal(row(&s, "features.1")->connected[0], "features.0");
    assert_int_equal(s.frozen, 0);
    assert_int_equal(s.auxiliary, 0);
    stria_summary_release(&s);
}

/* Only what works position by position keeps a receptive field; sums over the picture, and what nobody knows, see all.
 */
static void test_sight(void **state) {
    static const struct {
        const char *layer;
        int64_t field, stride;
    } cases[] = {{"a", 3, 1},       {"act", 3, 1},  {"cat", 5, 1},   {"channels", 5, 1}, {"space", 0, 0},
                 {"running", 0, 0}, {"gate", 0, 0}, {"group", 0, 0}, {"framed", 3, 1},   {"after", 5, 2}};
    stria_model *m;
    stria_summary s = {.size = sizeof s};
    (void)state;
    assert_int_equal(text_open("stria-net 1\nx = input(batch x 4 x 8 x 8)\n"
                               "a = conv(x, 4, kernel=3, padding=1)\n"
                               "act = Relu(a)\n"
                               "b = conv(act, 4, kernel=3, padding=1)\n"
                               "cat = Concat(act, b, axis=1)\n"
                               "channels = Softmax(cat, axis=1)\n"
                               "space = Softmax(cat, axis=3)\n"
                               "which = constant(int64, scalar, [2])\n"
                               "running = CumSum(a, which)\n"
                               "pool = GlobalAveragePool(a)\n"
                               "gate = Mul(a, pool)\n"
                               "one = constant(4, [1, 1, 1, 1])\n"
                               "group = InstanceNormalization(a, one, one)\n"
                               "pads = constant(int64, 8, [0, 0, 1, 1, 0, 0, 1, 1])\n"
                               "framed = Pad(a, pads)\n"
                               "after = conv(framed, 2, kernel=3, stride=2)\n"
                               "output(after)\n",
                               &m),
                     STRIA_OK);
    assert_int_equal(stria_summarize(m, 1, &s, &err), STRIA_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int d = 0; d < 2; d++) {
            assert_int_equal(row(&s, cases[i].layer)->receptive_field[d], cases[i].field);
            assert_int_equal(row(&s, cases[i].layer)->receptive_stride[d], cases[i].stride);
        }
    stria_summary_release(&s);
    stria_model_free(m);
}

/* A summary and inference leave the heads out, training has them. */
static void test_heads(void **state) {
    stria_model *m, *used;
    stria_summary s = {.size = sizeof s};
    (void)state;
    assert_int_equal(stria_model_open(&m, "googlenet", 1, &err), STRIA_OK);
    assert_int_equal(stria_summarize(m, 1, &s, &err), STRIA_OK);
    assert_int_equal(s.parameters, 6998552);
    assert_int_equal(s.auxiliary, 6379728);
    assert_int_equal(row(&s, "inception4a.concat")->connected_count, 4);
    assert_string_equal(row(&s, "inception4a.concat")->connected[2], "inception4a.branch3.1.relu");
    for (int i = 0; i < s.layer_count; i++) assert_true(strncmp(s.layers[i]->name, "aux", 3) != 0);
    stria_summary_release(&s);
    assert_int_equal(stria_model_without_heads(&used, m, &err), STRIA_OK);
    assert_int_equal(stria_model_output_count(m), 3);
    assert_int_equal(stria_model_output_count(used), 1);
    assert_null(stria_model_metadata(used, "stria.auxiliary"));
    assert_string_equal(stria_model_metadata(used, "stria.train"), "lr=0.005 weight-decay=0.0002");
    assert_non_null(strstr(stria_model_metadata(m, "stria.train"), "output=aux2"));
    assert_int_equal(stria_summarize(used, 1, &s, &err), STRIA_OK);
    assert_int_equal(s.parameters, 6998552);
    assert_int_equal(s.auxiliary, 0);
    stria_summary_release(&s);
    stria_train_options options;
    assert_int_equal(stria_train_options_for(m, &options, &err), STRIA_OK);
    assert_text(options.loss, "cross_entropy:output=aux1,weight=0.3");
    stria_model_free(used);
    stria_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements), cmocka_unit_test(test_blocks), cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_text),   cmocka_unit_test(test_summary),
        cmocka_unit_test(test_sight),    cmocka_unit_test(test_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
