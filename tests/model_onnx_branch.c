/* If: one side is built, the one that its condition names while the model is prepared. */
#include "onnx_file.h"

#include "evaluate.h"
#include "model/model.h"

/* The nodes and tensors of the file from these on become the graph of a branch. */
static void into_branch(file *f, Onnx__NodeProto *n, const char *key, size_t nodes, size_t tensors,
                        const char *output) {
    Onnx__GraphProto g;
    onnx__graph_proto__init(&g);
    g.node = f->nodes + nodes;
    g.n_node = f->graph.n_node - nodes;
    g.initializer = f->tensors + tensors;
    g.n_initializer = f->graph.n_initializer - tensors;
    Onnx__ValueInfoProto *out = port(f, output, F1, NULL);
    g.output = &out;
    g.n_output = 1;
    size_t size = onnx__graph_proto__get_packed_size(&g);
    uint8_t *bytes = arena_alloc(&f->a, size + 1);
    onnx__graph_proto__pack(&g, bytes);
    f->graph.n_node = nodes;
    f->graph.n_initializer = tensors;
    Onnx__AttributeProto *p = add_attribute(f, n, key, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH);
    p->has_g = 1;
    p->g = (ProtobufCBinaryData){size, bytes};
}

static void add_number(file *f, const char *name, float x) {
    ((float *)(void *)add_tensor(f, name, F1, DIMS(1), 4)->raw_data.data)[0] = x;
}

static void add_whole(file *f, const char *name, int64_t x) {
    ((int64_t *)(void *)add_tensor(f, name, STRIA_INT64, DIMS(1), 8)->raw_data.data)[0] = x;
}

/* y = condition ? x · 2 : x + 3, both with names t and w of their own; the If is the last node. */
static Onnx__NodeProto *add_if(file *f, const char *condition, const char *x, const char *y) {
    Onnx__NodeProto *n = NEW(f, Onnx__NodeProto, onnx__node_proto__init);
    n->op_type = (char *)"If";
    n->input = words(f, condition, &n->n_input);
    n->output = words(f, y, &n->n_output);
    n->attribute = arena_alloc(&f->a, sizeof(void *) * 8);
    size_t nodes = f->graph.n_node, tensors = f->graph.n_initializer;
    char in[32];
    snprintf(in, sizeof in, "%s w", x);
    add_number(f, "w", 2);
    add_node(f, "Mul", in, "t");
    into_branch(f, n, "then_branch", nodes, tensors, "t");
    add_number(f, "w", 3);
    add_node(f, "Add", in, "t");
    into_branch(f, n, "else_branch", nodes, tensors, "t");
    f->nodes[f->graph.n_node++] = n;
    return n;
}

/* c: dimension `axis` of x is 4. */
static void add_condition(file *f, int64_t axis) {
    add_whole(f, "axis", axis);
    add_whole(f, "four", 4);
    add_node(f, "Shape", "x", "shape");
    add_node(f, "Gather", "shape axis", "size");
    add_node(f, "Equal", "size four", "c");
}

static double first(graph *g, const char *output) {
    tensor **contents = contents_new(g);
    assert_ok(tensor_new(&contents[g->inputs[0]->id], F1, &g->inputs[0]->shape, "x", &err));
    tensor_put(contents[g->inputs[0]->id], 0, 10);
    assert_ok(graph_evaluate(g, contents, -1, &err));
    double y = tensor_f64(contents[graph_find_value(g, output)->id], 0);
    contents_free(g, contents);
    return y;
}

static void test_shapes(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        file f;
        graph *g;
        file_init(&f, 18);
        add_input(&f, "x", F1, k ? "n 5" : "n 4");
        add_condition(&f, 1);
        add_if(&f, "c", "x", "y");
        add_output(&f, "y");
        assert_ok(read_file(&g, &f, &err));
        assert_ok(graph_check(g, &err));
        assert_string_equal(g->outputs[0]->name, "y");
        assert_true(first(g, "y") == (k ? 13 : 20));
        round_trip(g);
        graph_free(g);
    }
}

/* A branch in a branch, which reads a value of the outer one; the side not taken has an operator that nobody knows. */
static void test_nested(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 18);
    add_input(&f, "x", F1, "2 4");
    add_condition(&f, 1);
    Onnx__NodeProto *outer = add_if(&f, "c", "x", "y");
    f.graph.n_node--;
    outer->n_attribute = 0;
    size_t nodes = f.graph.n_node, tensors = f.graph.n_initializer;
    add_node(&f, "Neg", "x", "u");
    add_if(&f, "c", "u", "v");
    into_branch(&f, outer, "then_branch", nodes, tensors, "v");
    add_node(&f, "Nonsense", "x", "v");
    into_branch(&f, outer, "else_branch", nodes, tensors, "v");
    f.nodes[f.graph.n_node++] = outer;
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_true(first(g, "y") == -20);
    graph_free(g);
}

/* The condition is an input: refused, unless it is given. */
static void test_given(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++) {
        file f;
        graph *g;
        tensor *c, *list[1];
        stria_error why;
        bool fixed[1] = {false};
        file_init(&f, 18);
        add_input(&f, "c", STRIA_BOOL, "");
        add_input(&f, "x", F1, "1");
        add_if(&f, "c", "x", "y");
        add_output(&f, "y");
        size_t size = onnx__model_proto__get_packed_size(&f.model);
        uint8_t *data = arena_alloc(&f.a, size);
        onnx__model_proto__pack(&f.model, data);
        assert_ok(tensor_new(&c, STRIA_BOOL, &(shape){0}, "c", &err));
        tensor_put(c, 0, k);
        list[0] = c;
        onnx_known known = {.contents = list, .fixed = fixed, .count = 1};
        if (k == 2) {
            assert_int_equal(onnx_read(&g, data, size, "t.onnx", &why), STRIA_UNSUPPORTED);
            assert_non_null(strstr(why.text, "condition 'c' depends on data"));
        } else {
            assert_ok(onnx_read_known(&g, data, size, "t.onnx", &known, &err));
            assert_true(fixed[0] && g->input_count == 1 && first(g, "y") == (k ? 20 : 13));
            graph_free(g);
        }
        tensor_release(c);
        arena_release(&f.a);
    }
}

static void refused(file *f, stria_status status, const char *says) {
    graph *g;
    stria_error why;
    assert_int_equal(read_file(&g, f, &why), status);
    if (!strstr(why.text, says)) fail_msg("'%s' does not say '%s'", why.text, says);
}

static void read_and_release(file *f, graph **g) {
    assert_ok(read_file(g, f, &err));
    assert_ok(graph_check(*g, &err));
}

/* x of so many pictures, in words; c: its dimension `axis` compares with `number` so. */
static void compared(file *f, const char *dims, int64_t axis, const char *comparison, int64_t number) {
    file_init(f, 18);
    add_input(f, "x", F1, dims);
    add_whole(f, "axis", axis);
    add_whole(f, "number", number);
    add_node(f, "Shape", "x", "shape");
    add_node(f, "Gather", "shape axis", "size");
    add_node(f, comparison, "size number", "c");
    add_if(f, "c", "x", "y");
    add_output(f, "y");
}

/* An open batch may become any number: no comparison with it decides, whichever batches it is the same for. */
static void test_any_batch(void **state) {
    static const struct {
        const char *comparison;
        int64_t number;
    } rows[] = {{"Equal", 7}, {"Equal", 1}, {"Greater", 100000}, {"Less", 100000}, {"GreaterOrEqual", 0}, {"Equal", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        file f;
        graph *g, *wide;
        compared(&f, "n 4", 0, rows[i].comparison, rows[i].number);
        refused(&f, STRIA_UNSUPPORTED, "depends on the batch");
        compared(&f, "n 4", 1, rows[i].comparison, rows[i].number); /* which the other dimension does not */
        read_and_release(&f, &g);
        double y = first(g, "y");
        assert_null(graph_metadata(g, "stria.conditions"));
        assert_ok(graph_copy(g, (const shape *[]){&(shape){2, {7, 4}}}, &wide, &err));
        assert_true(first(wide, "y") == y);
        graph_free(wide);
        graph_free(g);
    }
}

/* Of a fixed batch an If is decided; then the batch cannot be opened, as that of others can. */
static void test_fixed_batch(void **state) {
    (void)state;
    for (int axis = 0; axis < 2; axis++)
        for (int64_t number = 3; number <= 7; number++) {
            file f;
            graph *g, *open;
            stria_error why;
            compared(&f, "4 5", axis, "Equal", number);
            read_and_release(&f, &g);
            assert_true(first(g, "y") == (number == 4 + axis ? 20 : 13));
            stria_status status = graph_rebatch(&open, g, &why);
            if (axis) {
                assert_int_equal(status, STRIA_OK);
                assert_true(first(open, "y") == first(g, "y"));
                graph_free(open);
            } else {
                assert_int_equal(status, STRIA_UNSUPPORTED);
                assert_string_equal(why.text, "the batch is fixed: 'c' depends on it, and an If was decided by that");
            }
            round_trip(g);
            graph_free(g);
        }
}

/* Sizes that are moved, put together and computed with keep apart what follows from the batch and what does not. */
static void test_flow(void **state) {
    static const struct {
        const char *op, *in; /* makes z of the shape s [n, 4], of b and d (its parts), of sum (both together) */
        bool decided;
    } rows[] = {
        {"Identity", "d", true},        {"Identity", "b", false}, {"Squeeze", "d", true},
        {"Unsqueeze", "b axis", false}, {"Add", "d d", true},     {"Add", "d b", false},
        {"Mul", "d four", true},        {"Mul", "b zero", false}, {"Reshape", "d four0", true},
        {"Expand", "d one", true},      {"Expand", "d b", false}, {"Max", "d b", false},
        {"ReduceProd", "s", false},     {"Size", "x", false},     {"Size", "s", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        file f;
        graph *g = NULL;
        stria_error why = {0};
        file_init(&f, 18);
        add_input(&f, "x", F1, "n 4");
        add_whole(&f, "zero", 0);
        add_whole(&f, "one", 1);
        add_whole(&f, "four", 4);
        add_whole(&f, "four0", -1);
        add_whole(&f, "axis", 0);
        add_node(&f, "Shape", "x", "s0");
        add_node(&f, "Concat", "s0 four", "s1");
        f.nodes[1]->n_attribute = 0;
        add_int(&f, f.nodes[1], "axis", 0);
        add_node(&f, "Slice", "s1 zero two", "s");
        add_whole(&f, "two", 2);
        add_node(&f, "Gather", "s one", "d");
        add_node(&f, "Gather", "s zero", "b");
        add_node(&f, rows[i].op, rows[i].in, "z");
        add_node(&f, "ReduceMax", "z", "most");
        add_node(&f, "Equal", "most four", "c");
        add_if(&f, "c", "x", "y");
        add_output(&f, "y");
        stria_status status = read_file(&g, &f, &why);
        if (status != (rows[i].decided ? STRIA_OK : STRIA_UNSUPPORTED))
            fail_msg("%s %s: %s", rows[i].op, rows[i].in, why.text);
        if (!rows[i].decided && !strstr(why.text, "depends on")) fail_msg("%s: %s", rows[i].op, why.text);
        graph_free(g);
    }
}

static file *with_if(file *f, int64_t axis) {
    file_init(f, 18);
    add_input(f, "x", F1, "n 4");
    add_condition(f, axis);
    add_if(f, "c", "x", "y");
    add_output(f, "y");
    return f;
}

static void test_refused(void **state) {
    file f;
    (void)state;
    with_if(&f, 0); /* the batch is 1 today and may be 4 tomorrow */
    ((int64_t *)(void *)f.tensors[1]->raw_data.data)[0] = 2;
    refused(&f, STRIA_UNSUPPORTED, "depends on the batch");
    Onnx__NodeProto *n = with_if(&f, 1)->nodes[3];
    n->n_attribute = 1;
    refused(&f, STRIA_BAD_FILE, "has no else_branch");
    n = with_if(&f, 1)->nodes[3];
    n->attribute[0]->g.len /= 2;
    refused(&f, STRIA_BAD_FILE, "then_branch: truncated or corrupt");
    n = with_if(&f, 1)->nodes[3];
    n->output = words(&f, "y z", &n->n_output);
    refused(&f, STRIA_BAD_FILE, "1 outputs, expected none and 2");
    with_if(&f, 1)->nodes[3]->input[0] = (char *)"x";
    refused(&f, STRIA_UNSUPPORTED, "condition 'x' depends on data");
    with_if(&f, 1)->nodes[3]->input[0] = (char *)"size";
    refused(&f, STRIA_BAD_FILE, "is not a single bool");
    with_if(&f, 1)->nodes[3]->input[0] = (char *)"y"; /* its own result */
    refused(&f, STRIA_BAD_FILE, "need each other's results");
    file_init(&f, 18);
    add_input(&f, "x", F1, "n 4");
    add_node(&f, "Loop", "- - x", "y");
    add_output(&f, "y");
    refused(&f, STRIA_UNSUPPORTED, "does not run operator 'Loop'");
}

/* Branches in branches in branches: a sentence, and no stack or memory that grows with the file. */
static void test_deep(void **state) {
    file f;
    (void)state;
    file_init(&f, 18);
    add_input(&f, "x", F1, "2 4");
    add_condition(&f, 1);
    add_if(&f, "c", "x", "y");
    for (int depth = 0; depth < 40; depth++) {
        Onnx__NodeProto *outer = add_if(&f, "c", "x", "y");
        f.graph.n_node--;
        outer->n_attribute = 0;
        into_branch(&f, outer, "then_branch", 3, 2, "y");
        add_node(&f, "Identity", "x", "y");
        into_branch(&f, outer, "else_branch", 3, 2, "y");
        f.nodes[f.graph.n_node++] = outer;
    }
    add_output(&f, "y");
    refused(&f, STRIA_UNSUPPORTED, "in each other more than 32 deep");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes),      cmocka_unit_test(test_nested),
                                       cmocka_unit_test(test_given),       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_deep),        cmocka_unit_test(test_any_batch),
                                       cmocka_unit_test(test_fixed_batch), cmocka_unit_test(test_flow)};
    return cmocka_run_group_tests_name("model_onnx_branch", tests, NULL, NULL);
}
