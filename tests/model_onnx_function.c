/* Models with functions of their own: bodies stand in for calls, with the caller's names and attributes. */
#include <math.h>

#include "onnx_file.h"

#include "evaluate.h"
#include "op/unary.h"

#define FUNCTIONS 40

typedef struct body {
    Onnx__FunctionProto f;
    Onnx__NodeProto *nodes[8];
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__AttributeProto *defaults[2];
} body;

/* A function of domain "own" with these inputs and outputs. */
static body *add_function(file *f, const char *name, const char *in, const char *out, int64_t opset) {
    body *b = arena_alloc(&f->a, sizeof *b);
    onnx__function_proto__init(&b->f);
    onnx__operator_set_id_proto__init(&b->opset);
    b->f.name = arena_strdup(&f->a, name);
    b->f.domain = (char *)"own";
    b->f.input = words(f, in, &b->f.n_input);
    b->f.output = words(f, out, &b->f.n_output);
    b->f.node = b->nodes;
    b->opset.has_version = 1;
    b->opset.version = opset;
    b->opsets[0] = &b->opset;
    b->f.opset_import = b->opsets;
    b->f.n_opset_import = 1;
    b->f.attribute_proto = b->defaults;
    if (!f->model.functions) f->model.functions = arena_alloc(&f->a, sizeof(void *) * FUNCTIONS);
    f->model.functions[f->model.n_functions++] = &b->f;
    return b;
}

/* The last node of the graph moves into the body. */
static Onnx__NodeProto *into(file *f, body *b) {
    Onnx__NodeProto *n = f->nodes[--f->graph.n_node];
    b->nodes[b->f.n_node++] = n;
    return n;
}

static Onnx__NodeProto *call(file *f, const char *name, const char *in, const char *out) {
    Onnx__NodeProto *n = add_node(f, name, in, out);
    n->domain = (char *)"own";
    return n;
}

static void refer(file *f, Onnx__NodeProto *n, const char *name, const char *to, int type) {
    add_attribute(f, n, name, type)->ref_attr_name = arena_strdup(&f->a, to);
}

/* Leaky(x, scale) = LeakyRelu(x · scale) with attribute alpha, by default 0.5. */
static void add_leaky(file *f) {
    body *b = add_function(f, "Leaky", "x scale", "y", 21);
    add_node(f, "Mul", "x scale", "t"), into(f, b);
    refer(f, add_node(f, "LeakyRelu", "t", "y"), "alpha", "slope", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    Onnx__NodeProto *n = into(f, b);
    n->name = (char *)"leak";
    Onnx__AttributeProto *p = NEW(f, Onnx__AttributeProto, onnx__attribute_proto__init);
    p->name = (char *)"slope";
    p->has_type = p->has_f = 1;
    p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    p->f = 0.5f;
    b->defaults[b->f.n_attribute_proto++] = p;
}

static float alpha_of(const node *n) {
    return ((const unary_attributes *)n->attributes)->alpha;
}

/* y[i] of the graph for x = {−1, 2}. */
static double result(graph *g, const char *output, int64_t i) {
    stria_error why = {0};
    tensor **contents = contents_new(g);
    assert_int_equal(tensor_new(&contents[g->inputs[0]->id], F1, &g->inputs[0]->shape, "x", &why), STRIA_OK);
    tensor_put(contents[g->inputs[0]->id], 0, -1);
    tensor_put(contents[g->inputs[0]->id], 1, 2);
    assert_int_equal(graph_evaluate(g, contents, -1, &why), STRIA_OK);
    double y = tensor_f64(contents[graph_find_value(g, output)->id], i);
    contents_free(g, contents);
    return y;
}

static void test_calls(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_leaky(&f);
    add_input(&f, "x", F1, "2");
    ((float *)(void *)add_tensor(&f, "s", F1, DIMS(1), 4)->raw_data.data)[0] = 3;
    add_float(&f, call(&f, "Leaky", "x s", "a"), "slope", 0.25f);
    call(&f, "Leaky", "a s", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_int_equal(g->node_count, 4);
    assert_true(alpha_of(g->nodes[1]) == 0.25f && alpha_of(g->nodes[3]) == 0.5f);
    assert_string_equal(g->nodes[1]->name, "Leaky_1/leak");
    assert_string_equal(g->nodes[0]->out[0]->name, "Leaky_1/t");
    assert_int_equal(graph_find_value(g, "s")->role, ROLE_PARAMETER);
    assert_true(result(g, "y", 0) == -0.75 * 3 * 0.5 && result(g, "y", 1) == 18);
    graph_free(g);
}

/* Two deep; a body of an older opset, whose ReduceSum has its axes as an attribute; names that occur outside, too. */
static void test_nested(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_leaky(&f);
    body *b = add_function(&f, "Outer", "s x", "t", 11);
    refer(&f, call(&f, "Leaky", "x s", "u"), "slope", "steep", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    into(&f, b);
    add_ints(&f, add_node(&f, "ReduceSum", "u", "t"), "axes", DIMS(0)), into(&f, b);
    add_input(&f, "x", F1, "2");
    ((float *)(void *)add_tensor(&f, "t", F1, DIMS(1), 4)->raw_data.data)[0] = 2;
    add_float(&f, call(&f, "Outer", "t x", "u"), "steep", 0.125f);
    add_output(&f, "u");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_true(result(g, "u", 0) == -2 * 0.125 + 4);
    graph_free(g);
}

/* Optional ends left out, and outputs that are inputs or each other. */
static void test_ends(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    body *b = add_function(&f, "Ends", "x least most", "y x y2 more", 21);
    add_node(&f, "Clip", "x least most", "y"), into(&f, b);
    add_node(&f, "Neg", "y", "more"), into(&f, b);
    add_node(&f, "Identity", "y", "y2"), into(&f, b);
    add_input(&f, "x", F1, "2");
    ((float *)(void *)add_tensor(&f, "one", F1, 0, NULL, 4)->raw_data.data)[0] = 1;
    call(&f, "Ends", "x - one", "a b - c");
    add_output(&f, "a");
    add_output(&f, "b");
    add_output(&f, "c");
    assert_ok(read_file(&g, &f, &err));
    assert_true(result(g, "a", 0) == -1 && result(g, "a", 1) == 1);
    assert_true(result(g, "b", 1) == 2 && result(g, "c", 1) == -1);
    graph_free(g);
}

static void refused(file *f, stria_status code, const char *says) {
    graph *g = NULL;
    add_input(f, "x", F1, "2");
    add_output(f, "y");
    assert_fails(read_file(&g, f, &err), code, says);
}

static void test_refused(void **state) {
    file f;
    (void)state;
    file_init(&f, 21);
    body *b = add_function(&f, "Self", "x", "y", 21);
    call(&f, "Self", "x", "y"), into(&f, b);
    call(&f, "Self", "x", "y");
    refused(&f, STRIA_BAD_FILE, "function 'Self' calls itself");
    file_init(&f, 21);
    add_leaky(&f);
    call(&f, "Leaky", "x x x", "y");
    refused(&f, STRIA_BAD_FILE, "has 3 inputs and 1 output, its function has 2 and 1");
    file_init(&f, 21);
    b = add_function(&f, "Old", "x", "y", 99);
    add_node(&f, "Relu", "x", "y"), into(&f, b);
    call(&f, "Old", "x", "y");
    refused(&f, STRIA_UNSUPPORTED, "opset 99");
}

/* The body's own names are no names of the graph, even where the graph has some that look made: one is not met, and a
 * body cannot read one. */
static void test_names(void **state) {
    (void)state;
    for (int leak = 0; leak < 2; leak++) {
        file f;
        graph *g;
        file_init(&f, 21);
        body *b = add_function(&f, "Foo", "x", "y", 21);
        if (!leak) add_node(&f, "Neg", "x", "t"), into(&f, b);
        add_node(&f, "Add", "x t", "y"), into(&f, b);
        add_node(&f, "Exp", "x", "Foo_1/t");
        call(&f, "Foo", "x", "z");
        add_node(&f, "Add", "z Foo_1/t", "y");
        if (leak) {
            refused(&f, STRIA_BAD_FILE, "which nothing computes");
            continue;
        }
        add_input(&f, "x", F1, "2");
        add_output(&f, "y");
        assert_ok(read_file(&g, &f, &err));
        assert_true(fabs(result(g, "y", 1) - 7.38905609893065) < 1e-5); /* e^2 + 2 - 2 */
        graph_free(g);
    }
}

/* Calls of nothing by a long name. */
static void test_long_names(void **state) {
    static char name[4 << 20];
    file f;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    file_init(&f, 21);
    add_function(&f, name, "x", "y", 21);
    for (int i = 0; i < 20; i++) call(&f, name, "x", "y");
    refused(&f, STRIA_UNSUPPORTED, "the names in its functions are too long");
}

/* Each function calls the one below twice: 2^30 nodes, or calls of nothing, in a small file. */
static void test_bombs(void **state) {
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        file f;
        file_init(&f, 21);
        body *b = add_function(&f, "F0", "x", "y", 21);
        if (!empty) add_node(&f, "Relu", "x", "y"), into(&f, b);
        for (int i = 1; i < 31; i++) {
            char name[8], below[8];
            snprintf(name, sizeof name, "F%d", i);
            snprintf(below, sizeof below, "F%d", i - 1);
            b = add_function(&f, name, "x", "y", 21);
            call(&f, below, empty ? "" : "x", "t"), into(&f, b);
            call(&f, below, empty ? "" : "t", "y"), into(&f, b);
        }
        call(&f, "F30", "x", "y");
        refused(&f, STRIA_UNSUPPORTED,
                empty ? "its functions call each other too often" : "its functions have more than");
    }
    file f;
    file_init(&f, 21);
    for (int i = 0; i < 36; i++) {
        char name[8], below[8];
        snprintf(name, sizeof name, "F%d", i);
        snprintf(below, sizeof below, "F%d", i + 1);
        body *b = add_function(&f, name, "x", "y", 21);
        call(&f, below, "x", "y"), into(&f, b);
    }
    call(&f, "F0", "x", "y");
    refused(&f, STRIA_UNSUPPORTED, "functions call each other more than 32 deep");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls), cmocka_unit_test(test_nested),
                                       cmocka_unit_test(test_ends),  cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_long_names),
                                       cmocka_unit_test(test_bombs)};
    return cmocka_run_group_tests_name("model_onnx_function", tests, NULL, NULL);
}
