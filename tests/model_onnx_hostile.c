/* Odd, damaged and hostile files: what is refused and how it is said. */
#include "onnx_file.h"

#include "model/model.h"

static void unknown_operator(file *f) {
    add_node(f, "Convv", "y", "z")->name = (char *)"first";
}
static void foreign_domain(file *f) {
    add_node(f, "FusedConv", "y", "z")->domain = (char *)"com.microsoft";
}
static void control_flow(file *f) {
    add_attribute(f, add_node(f, "If", "y", "z"), "then_branch", 5)->has_g = 1;
}
static void cycle(file *f) {
    add_node(f, "Relu", "q", "p"), add_node(f, "Relu", "p", "q");
}
static void missing(file *f) {
    add_node(f, "Relu", "nowhere", "p");
}
static void twice(file *f) {
    add_node(f, "Relu", "x", "y");
}
static void no_output(file *f) {
    add_output(f, "nowhere");
}
static void no_operator(file *f) {
    add_node(f, "", "x", "p");
}
static void wrong_attribute(file *f) {
    add_float(f, add_node(f, "Flatten", "y", "z"), "axis", 1);
}
static void unknown_attribute(file *f) {
    add_int(f, add_node(f, "Flatten", "y", "z"), "axes", 1);
}
static void missing_attribute(file *f) {
    add_node(f, "Concat", "y y", "z");
}
static void missing_input(file *f) {
    add_node(f, "Add", "y", "z");
}
static void bad_shape(file *f) {
    add_tensor(f, "w", F1, DIMS(5, 3), 60), add_node(f, "MatMul", "y w", "z");
}
static void short_tensor(file *f) {
    add_tensor(f, "w", F1, DIMS(4, 3), 44), add_node(f, "MatMul", "y w", "z");
}
static void long_tensor(file *f) {
    add_tensor(f, "w", F1, DIMS(4, 3), 49), add_node(f, "MatMul", "y w", "z");
}
static void huge_tensor(file *f) {
    add_tensor(f, "w", F1, DIMS(1 << 20, 1 << 20, 1 << 20, 1 << 20), 4), add_node(f, "Relu", "w", "z");
}
static void negative_tensor(file *f) {
    add_tensor(f, "w", F1, DIMS(-1), 4), add_node(f, "Relu", "w", "z");
}
static void large_rank(file *f) {
    add_tensor(f, "w", F1, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1), 4), add_node(f, "Relu", "w", "z");
}
static void float8(file *f) {
    add_tensor(f, "w", 17, DIMS(1), 1), add_node(f, "Relu", "w", "z");
}
static void float4(file *f) {
    add_tensor(f, "w", 23, DIMS(1), 1), add_node(f, "Relu", "w", "z");
}
static void string_input(file *f) {
    add_input(f, "s", 8, "1");
}
static void any_rank(file *f) {
    add_input(f, "s", 1, NULL);
}
static void huge_input(file *f) {
    add_input(f, "s", 1, "4611686018427387904 4");
}
static void sequence(file *f) {
    add_input(f, "s", 1, "1");
    f->inputs[1]->type->tensor_type = NULL;
    f->inputs[1]->type->has_sequence_type = 1;
}
static void old(file *f) {
    f->opset.version = 0;
}
static void new (file *f) {
    f->opset.version = 999;
}
static void no_graph(file *f) {
    f->model.graph = NULL;
}
static void no_outputs(file *f) {
    f->graph.n_output = 0;
}
static void sparse(file *f) {
    f->graph.n_sparse_initializer = 1;
    f->graph.sparse_initializer = arena_alloc(&f->a, sizeof(ProtobufCBinaryData));
}
static void external_up(file *f) {
    external(f, "a/../../b");
}
static void external_root(file *f) {
    external(f, "/etc/passwd");
}
static void external_none(file *f) {
    external(f, "no-such-file.bin");
}

static void test_refusals(void **state) {
    static const struct {
        void (*change)(file *f);
        const char *words;
    } cases[] = {
        {unknown_operator, "t.onnx: node 'first' (Convv): Stria has no operator 'Convv' of domain 'ai.onnx', opset 21; "
                           "the nearest is 'Conv'"},
        {foreign_domain, "no operator 'FusedConv' of domain 'com.microsoft'"},
        {control_flow, "node 'z' (If) has no else_branch"},
        {cycle, "need each other's results"},
        {missing, "node 'p' (Relu) reads 'nowhere', which nothing computes"},
        {twice, "two tensors are named 'y'"},
        {no_output, "output 'nowhere' is computed by nothing"},
        {no_operator, "node 'p' () has no operator"},
        {wrong_attribute, "node 'z' (Flatten): attribute 'axis' is not an integer"},
        {unknown_attribute, "attribute 'axes' is not known; the nearest is 'axis'"},
        {missing_attribute, "node 'z' (Concat): attribute 'axis' is missing"},
        {missing_input, "input 2 of 2 is missing"},
        {bad_shape, "layer 'MatMul' (MatMul)"},
        {short_tensor, "tensor 'w' of shape [4, 3] needs 12 elements, the file has 11"},
        {long_tensor, "tensor 'w' of shape [4, 3] needs 12 elements, the file has more than 12"},
        {huge_tensor, "tensor 'w' has the impossible shape"},
        {negative_tensor, "tensor 'w' has the impossible shape [-1]"},
        {large_rank, "tensor 'w' has 9 dimensions"},
        {float8, "Relu does not compute with float8e4m3fn; Cast or DequantizeLinear makes float32 of it"},
        {float4, "tensor 'w' has elements of type float4e2m1 (23)"},
        {string_input, "input 's' has elements of type string (8)"},
        {any_rank, "input 's' may have any number of dimensions"},
        {huge_input, "input 's' has the impossible shape"},
        {sequence, "input 's' is not a tensor"},
        {old, "opset 0; Stria reads 1 to 28"},
        {new, "opset 999; Stria reads 1 to 28"},
        {no_graph, "it holds no graph"},
        {no_outputs, "its graph has no outputs"},
        {sparse, "sparse initialisers"},
        {external_up, "tensor 'w' lies in 'a/../../b', which is not below the model's folder"},
        {external_root, "tensor 'w' lies in '/etc/passwd'"},
        {external_none, "no-such-file.bin"},
    };
    (void)state;
    size_t before = mem_bytes_now();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file f;
        graph *g = NULL;
        stria_error err = {0};
        relu_file(&f, 21);
        cases[i].change(&f);
        stria_status status = read_file(&g, &f, &err);
        if (status == STRIA_OK || !strstr(err.text, cases[i].words))
            print_error("case %zu: %d %s\n", i, status, err.text);
        assert_int_not_equal(status, STRIA_OK);
        assert_int_not_equal(status, STRIA_BAD_ARGUMENT); /* those are the caller's words */
        assert_int_equal(status, err.status);
        assert_non_null(strstr(err.text, cases[i].words));
        assert_null(g);
        assert_int_equal(mem_bytes_now(), before);
    }
}

/* ---- damage ---- */

static void small_model(text *out) {
    graph *g;
    assert_ok(graph_load(&g, "mlp:hidden=3,size=1x2x2,classes=2", 0, &err));
    assert_ok(onnx_write(g, out, &err));
    graph_free(g);
}

static void damaged(const uint8_t *data, size_t size) {
    graph *g = NULL;
    stria_error why = {0};
    if (onnx_read(&g, data, size, "d.onnx", &why) == STRIA_OK) {
        assert_ok(graph_check(g, &err));
        graph_free(g);
    } else {
        assert_true(why.text[0]);
    }
}

static void test_damage(void **state) {
    text t = {0};
    (void)state;
    small_model(&t);
    size_t before = mem_bytes_now();
    for (size_t i = 0; i < t.length; i++) {
        uint8_t *cut = malloc(i ? i : 1);
        memcpy(cut, t.data, i);
        damaged(cut, i);
        free(cut);
        for (int bit = 0; bit < 8; bit++) {
            t.data[i] = (char)(t.data[i] ^ 1 << bit);
            damaged((const uint8_t *)t.data, t.length);
            t.data[i] = (char)(t.data[i] ^ 1 << bit);
        }
    }
    assert_int_equal(mem_bytes_now(), before);
    text_release(&t);
}

static void test_no_memory(void **state) {
    text t = {0}, out = {0};
    graph *g = NULL;
    (void)state;
    small_model(&t);
    for (int what = 0; what < 2; what++)
        for (long n = 1;; n++) {
            size_t before = mem_bytes_now();
            mem_fail_at(n);
            stria_status status =
                what ? onnx_write(g, &out, NULL) : onnx_read(&g, (const uint8_t *)t.data, t.length, NULL, NULL);
            mem_fail_at(0);
            if (status == STRIA_OK) break;
            text_release(&out);
            assert_int_equal(status, STRIA_NO_MEMORY);
            assert_int_equal(mem_bytes_now(), before);
        }
    assert_memory_equal(t.data, out.data, t.length);
    graph_free(g);
    text_release(&out);
    text_release(&t);
}

/* Many empty nodes, each two bytes in the file, and one sub-message given again and again. */
static void test_bombs(void **state) {
    enum { COUNT = 1 << 20 };
    uint8_t *data = malloc(2 * COUNT + 16), head[] = {0x3a, 0x80, 0x80, 0x80, 0x01};
    graph *g = NULL;
    (void)state;
    memcpy(data, head, sizeof head);
    for (size_t i = 0; i < COUNT; i++) data[5 + 2 * i] = 0x0a, data[6 + 2 * i] = 0;
    assert_fails(onnx_read(&g, data, 5 + 2 * COUNT, "b", &err), STRIA_BAD_FILE, "");
    for (size_t i = 0; i < COUNT; i++) data[2 * i] = 0x3a, data[2 * i + 1] = 0;
    assert_fails(onnx_read(&g, data, 2 * COUNT, "b", &err), STRIA_BAD_FILE,
                 "corrupt at byte 2 of 2097152: field 'graph'");
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_bombs),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
