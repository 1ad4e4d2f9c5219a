/* .net text: what it can say, what is read back, and where it says that something is wrong. */
#include "model_support.h"

#include <math.h>

#include "model/net.h"
#include "op/op.h"

static stria_status read_text(graph **out, const char *lines, stria_error *err) {
    return net_read(out, lines, strlen(lines), "t.net", 1, err);
}

#define INPUT "stria-net 1\nx = input(batch x 1 x 8 x 8)\n"

static void test_layers(void **state) {
    graph *g;
    (void)state;
    assert_ok(read_text(&g,
                        "stria-net 1 # LeNet-like\n"
                        "\n"
                        "name(\"small net\")\t# quoted\r\n"
                        "x = input(float32, batch x 1x8 x 8)\n"
                        "a = conv(x, 4, kernel=[3,5], padding=same, bias=0)\n"
                        "b=relu(a)\n"
                        "c = max_pool(b, kernel=2, name=pool)\n"
                        "d = reshape(c, 0, -1)\n"
                        "y = dense(d, 3)\n"
                        "metadata(stria.output, logits)\n"
                        "output(y, scores)",
                        &err));
    assert_string_equal(g->name, "small net");
    assert_string_equal(g->inputs[0]->symbol[0], "batch");
    assert_null(g->inputs[0]->symbol[1]);
    assert_int_equal(g->node_count, 5);
    assert_ptr_equal(g->nodes[0]->op, &op_Conv);
    assert_int_equal(g->nodes[0]->in_count, 2);
    assert_non_null(graph_find_value(g, "a.weight"));
    assert_non_null(graph_find_node(g, "pool"));
    assert_string_equal(g->output_names[0], "scores");
    assert_true(shape_equal(&g->outputs[0]->shape, &(shape){2, {1, 3}}));
    assert_string_equal(graph_metadata(g, "stria.output"), "logits");
    graph_free(g);
}

static void test_operators(void **state) {
    graph *g;
    (void)state;
    assert_ok(read_text(&g,
                        "stria-net 1\n"
                        "\"0\" = input(n x 2 x height:9 x width:9)\n"
                        "w = parameter(3x2x3x3, init=he-normal)\n"
                        "b = parameter(3, fill=0.5, frozen=1)\n"
                        "v = statistic(3, fill=1)\n"
                        "/y:0 = Conv(\"0\", w, b, pads=[1,1,1,1], name=\"conv 1\")\n"
                        "s = constant(int64, 2, [0, -1])\n"
                        "r = Reshape(/y:0, s)\n"
                        "z = Add(r, r)\n",
                        &err));
    const value *b = graph_find_value(g, "b");
    assert_true(b->frozen && b->role == ROLE_PARAMETER);
    assert_true(tensor_f64(b->data, 2) == 0.5);
    assert_int_equal(graph_find_value(g, "v")->role, ROLE_STATISTIC);
    assert_true(tensor_f64(graph_find_value(g, "v")->data, 0) == 1);
    assert_int_equal(graph_find_value(g, "s")->kind, VALUE_CONSTANT);
    assert_int_equal(tensor_i64(graph_find_value(g, "s")->data, 1), -1);
    assert_non_null(graph_find_node(g, "conv 1"));
    assert_true(shape_equal(&graph_find_value(g, "z")->shape, &(shape){2, {1, 243}}));
    assert_string_equal(g->inputs[0]->symbol[2], "height");
    assert_string_equal(g->outputs[0]->name, "z"); /* the last one, since there is no output() */
    text t = {0};
    graph *again;
    assert_ok(net_write(g, &t, &err));
    assert_ok(net_read(&again, t.data, t.length, "again", 1, &err));
    assert_same_graph(g, again, false); /* weights are not in the text */
    text_release(&t);
    graph_free(again);
    graph_free(g);
}

static void test_sentences(void **state) {
    static const struct {
        const char *lines, *words;
    } cases[] = {
        {"", "t.net:1:1: the first line"},
        {"stria-net 10\n", "t.net:1:1: the first line"},
        {"stria-net 1\n# only\n", "the network is empty"},
        {INPUT "y = rellu(x)", "t.net:3:5: there is no layer or operator 'rellu'; did you mean 'relu'?"},
        {INPUT "y = relu(xx)", "t.net:3:10: no line above defines 'xx'; did you mean 'x'?"},
        {INPUT "y = relu(-)", "input 1 is missing"},
        {INPUT "y = relu(x, 3)", "t.net:3:13: relu takes no numbers"},
        {INPUT "y = relu(x, x)", "t.net:3:13: relu takes 1 value"},
        {INPUT "y = conv(x, 4, kernl=3)", "did you mean 'kernel'?"},
        {INPUT "y = conv(x, 4)", "option 'kernel' is missing"},
        {INPUT "y = conv(x, 4, kernel=9)", "a window of 9 does not fit"},
        {INPUT "x = relu(x)", "t.net:3:1: 'x' is there already"},
        {INPUT "y = relu(x)\ny = relu(y)", "t.net:4:"},
        {INPUT "y = Conv(x)", "input 2 of 2 is missing"},
        {INPUT "y = Relu(x, alpha=1)", "t.net:3:13: Relu has no attribute 'alpha'"},
        {INPUT "y, z = Relu(x)", "Relu makes 1 value, not 2"},
        {INPUT "relu(x)", "a layer makes one value: NAME = relu(…)"},
        {INPUT "y = Concat(x)", "t.net:3:5: Concat needs axis=…"},
        {INPUT "y = relu(x", "t.net:3:11: expected ',' before the end of the line"},
        {INPUT "y = relu x", "expected '('"},
        {INPUT "y relu(x)", "expected"},
        {INPUT "y = relu(x) x", "t.net:3:13: only a comment may follow ')'"},
        {INPUT "y = \"relu\"(x)", "expected a layer or an operator"},
        {INPUT "y = relu(\"x)", "expected '\"' before the end of the line"},
        {INPUT "y = relu(\"\\q\")", "'\\q' is not known"},
        {INPUT "y = conv(x, 2000000000, kernel=30000)", "more than 268,435,456 parameters"},
        {INPUT "y = dense(x, 100000000)", "more than 268,435,456 parameters"},
        {INPUT "y = conv(x, -6, kernel=5)", "layer 'y' (conv): channels is -6, expected 1 or more"},
        {INPUT "y = dense(x, 0)", "layer 'y' (dense): units is 0, expected 1 or more"},
        {INPUT "y = conv(x, 6, kernal=5)", "layer 'y' (conv): there is no option 'kernal'; did you mean 'kernel'?"},
        {INPUT "y = lrn(x, 0)", "layer 'y' (lrn): size is 0, expected 1 or more"},
        {INPUT "y = group_norm(x, 2000000001)", "layer 'y' (GroupNormalization): cannot divide"},
        {INPUT "p = parameter(100000 x 100000)", "more than 268,435,456 parameters"},
        {INPUT "p = parameter(3 x n)", "'n' is not a size"},
        {INPUT "p = parameter(3 y 3)", "expected 'x' or ','"},
        {INPUT "p = parameter(4, 5)", "parameter takes no '5' here"},
        {INPUT "p = parameter(4, fil=5)", "parameter has no option 'fil'"},
        {INPUT "p = parameter()", "parameter needs a shape"},
        {INPUT "p = parameter(1x1x1x1x1x1x1x1x1)", "more than 8 dimensions"},
        {INPUT "p = parameter(9000000000000000000 x 9000000000000000000)", "too many elements"},
        {INPUT "c = constant(2, [1])", "t.net:3:17: 1 number for 2 elements"},
        {INPUT "c = constant(int64, 1, [1.5])", "'1.5' is not of type int64"},
        {INPUT "c = constant(1, [])", "0 numbers for 1 element"},
        {INPUT "output(y)", "no line above defines 'y'"},
        {INPUT "output(-)", "an output cannot be absent"},
        {INPUT "metadata(a)", "expected metadata(KEY, TEXT)"},
        {"stria-net 1\nx = input(a:b)\n", "'a:b' is not a size"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g = NULL;
        stria_error err = {0};
        stria_status status = read_text(&g, cases[i].lines, &err);
        if (status == STRIA_OK || !strstr(err.text, cases[i].words))
            print_error("%s\n→ %d %s\n", cases[i].lines, status, err.text);
        assert_int_not_equal(status, STRIA_OK);
        assert_non_null(strstr(err.text, cases[i].words));
        assert_null(g);
    }
    graph *g = NULL;
    assert_fails(net_read(&g, "stria-net 1\nx\0y", 15, "t.net", 1, &err), STRIA_BAD_FILE, "zero byte");
}

/* Long lines and many lines end in a sentence or a graph, soon. */
static void test_limits(void **state) {
    text t = {0};
    graph *g = NULL;
    (void)state;
    text_printf(&t, "stria-net 1\nx = input(4)\ny = Concat(x");
    for (int i = 0; i < 5000; i++) text_printf(&t, ", x");
    text_printf(&t, ", axis=0)\n");
    assert_fails(net_read(&g, t.data, t.length, "t.net", 1, &err), STRIA_BAD_FILE, "more than 4096 items");
    text_release(&t);
    text_printf(&t, "stria-net 1\nx = input(4)\ny0 = Relu(x)\n");
    for (int i = 1; i < 20000; i++) text_printf(&t, "y%d = Relu(y%d)\n", i, i - 1);
    assert_ok(net_read(&g, t.data, t.length, "t.net", 1, &err));
    assert_int_equal(g->node_count, 20000);
    graph_free(g);
    text_release(&t);
    text_printf(&t, "stria-net 1\n%*s", 5 << 20, "x");
    assert_fails(net_read(&g, t.data, t.length, "t.net", 1, &err), STRIA_BAD_FILE, "longer than");
    text_release(&t);
}

static void test_infinite(void **state) {
    static const char *const refused[] = {"infinity", "INF", "-nan", "1e999", ""};
    graph *g, *again;
    text t = {0};
    (void)state;
    assert_ok(read_text(&g,
                        "stria-net 1\n"
                        "x = input(batch x 3)\n"
                        "c = constant(float64, 3, [inf, -inf, nan])\n"
                        "h = constant(float16, scalar, [-inf])\n"
                        "e = Elu(x, alpha=inf)\n"
                        "output(e)\noutput(c)\noutput(h)\n",
                        &err));
    for (int round = 0; round < 2; round++) {
        const tensor *c = graph_find_value(g, "c")->data;
        assert_true(tensor_f64(c, 0) > 1e308 && tensor_f64(c, 1) < -1e308 && isnan(tensor_f64(c, 2)));
        assert_true(tensor_f64(graph_find_value(g, "h")->data, 0) < -1e308);
        assert_ok(net_write(g, &t, &err));
        assert_non_null(strstr(t.data, "alpha=inf"));
        assert_ok(net_read(&again, t.data, t.length, "again", 1, &err));
        text_release(&t);
        graph_free(g);
        g = again;
    }
    graph_free(g);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char net[128];
        snprintf(net, sizeof net, "stria-net 1\nc = constant(1, [%s])\n", refused[i]);
        assert_fails(read_text(&g, net, &err), STRIA_BAD_FILE, "");
    }
    assert_fails(read_text(&g, "stria-net 1\nc = constant(int64, 1, [inf])\n", &err), STRIA_BAD_FILE,
                 "'inf' is not of type int64");
}

static void test_unsayable(void **state) {
    graph *g;
    value *v, *x;
    node *n;
    tensor *big;
    text t = {0};
    (void)state;
    assert_ok(graph_new(&g, "g", &err));
    assert_ok(tensor_new(&big, STRIA_FLOAT32, &(shape){1, {100000}}, "big", &err));
    assert_ok(graph_add_constant(g, "big", big, &v, &err));
    assert_fails(net_write(g, &t, &err), STRIA_UNSUPPORTED, "constant 'big' has 100000 elements");
    graph_free(g);
    assert_ok(graph_new(&g, "g", &err));
    assert_ok(graph_add_state(g, "momentum", ROLE_OPTIMIZER, big, &v, &err));
    assert_fails(net_write(g, &t, &err), STRIA_UNSUPPORTED, "'momentum' is the optimiser's");
    graph_free(g);
    assert_ok(graph_new(&g, "g", &err));
    assert_ok(graph_add_input(g, "x", STRIA_FLOAT32, &(shape){1, {3}}, &x, &err));
    assert_ok(graph_add_node(g, &op_ReluGradient, NULL, (value *[]){x, x}, 2, NULL, 0, NULL, &n, &err));
    assert_fails(net_write(g, &t, &err), STRIA_UNSUPPORTED, "belongs to training");
    text_release(&t);
    tensor_release(big);
    graph_free(g);
}

static void test_no_memory(void **state) {
    (void)state;
    static const char lines[] =
        INPUT "c = constant(1, [2])\ny = conv(x, 2, kernel=3)\nz = Add(y, c, name=\"a b\")\noutput(z, \"o\")\n";
    size_t before = mem_bytes_now();
    for (long k = 1;; k++) {
        graph *g = NULL;
        mem_fail_at(k);
        stria_status status = read_text(&g, lines, NULL);
        mem_fail_at(0);
        if (status == STRIA_OK) {
            graph_free(g);
            break;
        }
        assert_int_equal(status, STRIA_NO_MEMORY);
        assert_int_equal(mem_bytes_now(), before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),    cmocka_unit_test(test_operators), cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_infinite),  cmocka_unit_test(test_unsayable),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
