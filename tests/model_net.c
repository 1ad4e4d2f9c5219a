/* .net text: what it can say, what is read back, and where it says that something is wrong. */
#include "model_support.h"

#include <math.h>

#include "model/model.h"
#include "model/net.h"
#include "model/safetensors.h"
#include "op/op.h"
#include "op/shape.h"

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
        {INPUT "y = conv(x, 6, kernel=-5)", "layer 'y' (conv): option kernel is '-5', expected a number of 1 or more"},
        {INPUT "y = conv(x, 6, kernel=\"3,-5\")", "layer 'y' (conv): option kernel is '3,-5'"},
        {INPUT "y = conv_transpose(x, 3, kernel=-2)", "layer 'y' (conv_transpose): option kernel is '-2'"},
        {INPUT "y = local_conv(x, 3, kernel=-2)", "layer 'y' (local_conv): option kernel is '-2'"},
        {INPUT "y = separable_conv(x, 3, kernel=-2)", "option kernel is '-2'"},
        {INPUT "y = conv_bn_relu(x, 3, kernel=-2)", "layer 'y' (conv_bn_relu): option kernel is '-2'"},
        {INPUT "y = depthwise_separable(x, 3, kernel=-2)", "option kernel is '-2'"},
        {INPUT "y = inverted_residual(x, 3, kernel=-2)", "option kernel is '-2'"},
        {INPUT "y = inverted_residual(x, 3, expand=-2)", "option expand is '-2', expected a number from 1 to 1024"},
        {INPUT "y = bottleneck(x, 4, squeeze=-1)", "option squeeze is '-1'"},
        {INPUT "y = inception(x, 1, 1, 1, 1, 1, 1, kernel=-1)", "option kernel is '-1'"},
        {INPUT "y = conv(x, 6, kernel=5, stride=-1)", "layer 'y' (conv): option stride is '-1'"},
        {INPUT "y = conv(x, 6, kernel=5, dilation=-1)", "layer 'y' (conv): option dilation is '-1'"},
        {INPUT "y = conv(x, 6, kernel=5, groups=-1)", "layer 'y' (conv): option groups is '-1'"},
        {INPUT "y = conv_transpose(x, 6, kernel=5, output_padding=-1)", "option output_padding is '-1'"},
        {INPUT "y = separable_conv(x, 3, kernel=3, multiplier=-1)", "option multiplier is '-1'"},
        {INPUT "y = conv(x, 6.5, kernel=5)", "t.net:3:13: conv takes whole numbers (channels), not '6.5'"},
        {INPUT "y = dense(x, 1e1)", "t.net:3:14: dense takes whole numbers (units), not '1e1'"},
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
        {INPUT "c = constant(1)", "t.net:3:5: a constant needs a list, as in [1, 2], or a line tensors(FILE)"},
        {INPUT "c = constant(1, 5)", "t.net:3:17: a constant needs a list, as in [1, 2]"},
        {INPUT "tensors(a.safetensors)", "t.net:3:9: file 'a.safetensors': a model in memory has no files beside it"},
        {INPUT "c = ConstantOfShape(x, value=5)",
         "'value' is a tensor: expected a type and its numbers, as in int64:1"},
        {INPUT "c = ConstantOfShape(x, value=word:5)", "attribute 'value' is a tensor: expected a type"},
        {INPUT "c = ConstantOfShape(x, value=int64:5.5)", "attribute 'value': '5.5' is not of type int64"},
        {"stria-net 1\ns = constant(int64, 1, [2])\nc = ConstantOfShape(s, value=\"int64:5,6\")",
         "the value has 2 elements, expected one"},
        {"stria-net 1\ns = constant(int64, 1, [2])\nc = ConstantOfShape(s, value=int64:5, value=int64:)",
         "the value has 0 elements, expected one"},
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
    for (int i = 0; i < 70000; i++) text_printf(&t, ", x");
    text_printf(&t, ", axis=0)\n");
    assert_fails(net_read(&g, t.data, t.length, "t.net", 1, &err), STRIA_BAD_FILE, "more than 65536 items");
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

/* What an operator fills with, of any type, and twice the same text. */
static void test_filled(void **state) {
    static const char lines[] = "stria-net 1\n"
                                "name(filled)\n"
                                "x = input(batch x 3)\n"
                                "s = constant(int64, 2, [2, 3])\n"
                                "a = ConstantOfShape(s, value=float32:-inf)\n"
                                "b = ConstantOfShape(s, value=int64:-9223372036854775807)\n"
                                "c = ConstantOfShape(s)\n"
                                "y = Add(x, a)\n"
                                "output(y)\noutput(b)\noutput(c)\n";
    graph *g;
    text t = {0};
    (void)state;
    assert_ok(read_text(&g, lines, &err));
    assert_int_equal(graph_find_value(g, "b")->type, STRIA_INT64);
    assert_int_equal(graph_find_value(g, "c")->type, STRIA_FLOAT32);
    const tensor *b = *(tensor **)graph_find_node(g, "b")->attributes;
    assert_true(tensor_i64(b, 0) == -INT64_C(9223372036854775807));
    assert_ok(net_write(g, &t, &err));
    assert_string_equal(text_string(&t), lines);
    text_release(&t);
    graph_free(g);
}

static void file_put(const char *name, const char *words) {
    assert_ok(file_write(in_folder(name), words, strlen(words), &err));
}

/* A graph with a constant that the text cannot hold, and one that it just can. */
static void large_graph(graph **out) {
    value *x, *big, *small;
    tensor *t;
    node *n;
    assert_ok(graph_new(out, "g", &err));
    assert_ok(graph_add_input(*out, "x", STRIA_FLOAT32, &(shape){2, {3, 65537}}, &x, &err));
    assert_ok(tensor_new(&t, STRIA_FLOAT32, &(shape){1, {65537}}, "big one", &err));
    for (int64_t i = 0; i < 65537; i++) tensor_put(t, i, (double)i / 7);
    assert_ok(graph_add_constant(*out, "big one", t, &big, &err));
    tensor_release(t);
    assert_ok(tensor_new(&t, STRIA_INT8, &(shape){1, {65536}}, "small", &err));
    assert_ok(graph_add_constant(*out, "small", t, &small, &err));
    tensor_release(t);
    assert_ok(graph_add_node(*out, &op_Add, "y", (value *[]){x, big}, 2, NULL, 0, NULL, &n, &err));
    assert_ok(graph_add_output(*out, n->out[0], "y", &err));
    assert_ok(graph_add_output(*out, small, "small", &err));
}

/* The file of tensors beside the text at `path`; NULL if the text names none. Free with free. */
static char *beside(const char *path) {
    uint8_t *data;
    size_t size;
    assert_ok(file_read(path, 0, &data, &size, &err));
    char *copy = calloc(1, size + 1), *at, *name = NULL;
    memcpy(copy, data, size);
    mem_free(data);
    if ((at = strstr(copy, "\ntensors("))) {
        at[strcspn(at, ")")] = 0;
        name = strdup(at + strlen("\ntensors("));
    }
    free(copy);
    return name;
}

static void test_beside(void **state) {
    graph *g, *again;
    char path[512], other[64];
    (void)state;
    large_graph(&g);
    snprintf(path, sizeof path, "%s", in_folder("a.net"));
    assert_ok(graph_save(g, path, &err));
    char *first = beside(path);
    assert_non_null(first);
    assert_true(text_ends(first, ".safetensors") && strncmp(first, "a.", 2) == 0);
    assert_true(file_exists(in_folder(first)));
    assert_ok(graph_load(&again, path, 1, &err));
    assert_same_graph(g, again, true);
    graph_free(again);
    /* other contents go into another file: the text that is there keeps its own */
    ((float *)graph_find_value(g, "big one")->data->data)[5] = -1;
    assert_ok(graph_save(g, path, &err));
    char *second = beside(path);
    assert_string_not_equal(first, second);
    assert_ok(graph_load(&again, path, 1, &err));
    assert_same_graph(g, again, true);
    graph_free(again);
    /* a text that cannot be written leaves no file of tensors */
    assert_ok(folder_make(in_folder("f.net"), &err));
    assert_fails(graph_save(g, in_folder("f.net"), &err), STRIA_IO, "f.net");
    snprintf(other, sizeof other, "f.%.40s", strchr(second, '.') + 1);
    assert_false(file_exists(in_folder(other)));
    free(first);
    free(second);
    graph_free(g);
}

static void test_beside_refused(void **state) {
    static const struct {
        const char *lines, *words;
    } cases[] = {
        {"tensors(none.safetensors)\n", ":2:9: file 'none.safetensors', which is not there"},
        {"tensors(../t.safetensors)\n", ":2:9: file '../t.safetensors', which is not below the model's folder"},
        {"tensors(/etc/passwd)\n", ":2:9: file '/etc/passwd', which is not below the model's folder"},
        {"tensors(out.safetensors)\n", "which is not below the model's folder"},
        {"tensors(bad.net)\n", ":2:9: 'bad.net': "},
        {"tensors(\".\")\n", ":2:9: "},
        {"tensors(t.safetensors)\ntensors(t.safetensors)\n", ":3:1: the text has a file of tensors already"},
        {"tensors(t.safetensors, 2)\n", "expected tensors(FILE)"},
        {"tensors(t.safetensors)\nd = constant(3)\n", ":3:5: the file of tensors has no 'd'"},
        {"tensors(t.safetensors)\nc = constant(4)\n",
         ":3:5: 'c' is float32 [3] in the file of tensors, not float32 [4]"},
        {"tensors(t.safetensors)\nc = constant(int64, 3)\n",
         "'c' is float32 [3] in the file of tensors, not int64 [3]"},
    };
    tensor *c;
    graph *g = NULL;
    (void)state;
    assert_ok(tensor_new(&c, STRIA_FLOAT32, &(shape){1, {3}}, "c", &err));
    assert_ok(safetensors_write(&(safetensors){.entries = &(safetensors_entry){"c", c}, .entry_count = 1},
                                in_folder("t.safetensors"), &err));
    tensor_release(c);
    assert_int_equal(symlink("/etc/passwd", in_folder("out.safetensors")), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char net[512];
        snprintf(net, sizeof net, "stria-net 1\n%s", cases[i].lines);
        file_put("bad.net", net);
        stria_error err = {0};
        stria_status status = graph_load(&g, in_folder("bad.net"), 1, &err);
        if (status == STRIA_OK || !strstr(err.text, cases[i].words))
            print_error("%s\n→ %d %s\n", cases[i].lines, status, err.text);
        assert_int_not_equal(status, STRIA_OK);
        assert_non_null(strstr(err.text, cases[i].words));
    }
    file_put("good.net", "stria-net 1\ntensors(t.safetensors)\nc = constant(3)\noutput(c)\n");
    assert_ok(graph_load(&g, in_folder("good.net"), 1, &err));
    graph_free(g);
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

/* What is written is read again; what a line cannot hold is refused by the layer's name. */
static void test_wide(void **state) {
    enum { WIDE = 20000 };
    value **in = malloc(WIDE * sizeof *in), *x;
    char name[301] = {0};
    (void)state;
    assert_non_null(in);
    memset(name, 'x', sizeof name - 1);
    for (int large = 0; large < 2; large++) {
        graph *g, *again;
        node *n;
        text t = {0};
        assert_ok(graph_new(&g, "g", &err));
        assert_ok(graph_add_input(g, large ? name : "x", STRIA_FLOAT32, &(shape){1, {3}}, &x, &err));
        for (int i = 0; i < WIDE; i++) in[i] = x;
        assert_ok(graph_add_node(g, &op_Concat, "wide", in, WIDE, &(axis_attributes){0}, 0, NULL, &n, &err));
        assert_ok(graph_add_output(g, n->out[0], "y", &err));
        if (large) {
            assert_fails(net_write(g, &t, &err), STRIA_UNSUPPORTED, "layer 'wide' (Concat) is a line of 60");
        } else {
            assert_ok(net_write(g, &t, &err));
            assert_ok(net_read(&again, t.data, t.length, "again", 1, &err));
            assert_same_graph(g, again, false);
            graph_free(again);
        }
        text_release(&t);
        graph_free(g);
    }
    free(in);
}

static void test_no_memory(void **state) {
    (void)state;
    static const char lines[] =
        INPUT "c = constant(1, [2])\nf = constant(int64, 1, [2])\ne = ConstantOfShape(f, value=int64:3)\ny = conv(x, "
              "2, kernel=3)\nz = Add(y, c, name=\"a b\")\noutput(z, \"o\")\n";
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
        cmocka_unit_test(test_filled),    cmocka_unit_test(test_beside),    cmocka_unit_test(test_beside_refused),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_wide),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
