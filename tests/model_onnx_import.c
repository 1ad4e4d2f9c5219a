/* What files mean: roles, names, types, constants, tensors alone, inputs known beforehand. */
#include "onnx_file.h"

#include "transform/transform.h"

static void test_roles(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 13);
    add_input(&f, "x", F1, "n 2 3 3");
    add_input(&f, "w0", F1, "2 2 1 1");     /* as IR versions below 4 list initialisers */
    add_tensor(&f, "w0", F1, DIMS(18), 72); /* seen through a Reshape */
    add_tensor(&f, "shape", STRIA_INT64, DIMS(4), 32)->raw_data.data[0] = 1;
    ((int64_t *)(void *)f.tensors[1]->raw_data.data)[1] = 2;
    ((int64_t *)(void *)f.tensors[1]->raw_data.data)[2] = 3;
    ((int64_t *)(void *)f.tensors[1]->raw_data.data)[3] = 3;
    add_tensor(&f, "scale", F1, DIMS(1), 4);
    add_tensor(&f, "mean", F1, DIMS(1), 4);
    add_tensor(&f, "unused", F1, DIMS(1), 4);
    add_tensor(&f, "kept", F1, DIMS(1), 4);
    add_node(&f, "Conv", "x w", "c");
    add_node(&f, "Reshape", "w0 shape", "w"); /* out of order */
    add_node(&f, "BatchNormalization", "c scale scale mean mean", "b");
    add_node(&f, "Relu", "kept", "k");
    add_output(&f, "b");
    add_output(&f, "k");
    add_metadata(&f, "stria.frozen", "scale,nothing");
    add_metadata(&f, "stria.parameters", "kept");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_int_equal(g->input_count, 1);
    assert_int_equal(graph_find_value(g, "w0")->role, ROLE_PARAMETER);
    assert_false(graph_find_value(g, "w0")->frozen);
    assert_int_equal(graph_find_value(g, "shape")->kind, VALUE_CONSTANT);
    assert_int_equal(graph_find_value(g, "scale")->role, ROLE_PARAMETER);
    assert_true(graph_find_value(g, "scale")->frozen);
    assert_int_equal(graph_find_value(g, "mean")->role, ROLE_STATISTIC);
    assert_int_equal(graph_find_value(g, "kept")->role, ROLE_PARAMETER);
    assert_null(graph_find_value(g, "unused"));
    assert_string_equal(g->inputs[0]->symbol[0], "n");
    round_trip(g);
    graph_free(g);
}

static void test_names(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_input(&f, "x\n", F1, "- 2");
    add_node(&f, "Relu", "x\n", "a\xff")->name = (char *)"same";
    add_node(&f, "Relu", "a\xff", "a\xfe")->name = (char *)"same";
    add_node(&f, "Relu", "a\xfe", "\xc3\xa9");
    add_node(&f, "Relu", "\xc3\xa9", "z");
    add_output(&f, "z");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_string_equal(g->inputs[0]->name, "x?");
    assert_string_equal(g->inputs[0]->symbol[0], "batch");
    assert_string_equal(g->nodes[0]->out[0]->name, "a?");
    assert_string_not_equal(g->nodes[1]->out[0]->name, "a?");
    assert_string_equal(g->nodes[2]->out[0]->name, "\xc3\xa9");
    assert_string_equal(g->nodes[0]->name, "same");
    assert_string_not_equal(g->nodes[1]->name, "same");
    graph_free(g);
}

static void test_open_sizes(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_input(&f, "x", F1, "n 1 height width");
    add_tensor(&f, "w", F1, DIMS(2, 1, 5, 5), 200);
    add_node(&f, "Conv", "x w", "c");
    add_node(&f, "GlobalAveragePool", "c", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_int_equal(g->inputs[0]->shape.dim[0], 1);
    assert_true(g->inputs[0]->shape.dim[2] >= 5);
    assert_string_equal(g->inputs[0]->symbol[3], "width");
    graph_free(g);
}

static void test_types(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_input(&f, "x", STRIA_FLOAT16, "2");
    memcpy(add_tensor(&f, "half", STRIA_FLOAT16, DIMS(2), 4)->raw_data.data, (uint16_t[]){0x3c00, 0xc100}, 4);
    memcpy(add_tensor(&f, "brain", STRIA_BFLOAT16, DIMS(2), 4)->raw_data.data, (uint16_t[]){0x3f80, 0xc040}, 4);
    memcpy(add_tensor(&f, "double", STRIA_FLOAT64, DIMS(2), 16)->raw_data.data, (double[]){0.1, -3}, 16);
    Onnx__TensorProto *t = add_tensor(&f, "typed_half", STRIA_FLOAT16, DIMS(2), 0);
    t->n_int32_data = 2;
    t->int32_data = (int32_t[]){0x3c00, 0xc100};
    t = add_tensor(&f, "typed_float", F1, DIMS(2), 0);
    t->n_float_data = 2;
    t->float_data = (float[]){1.5f, -2};
    add_node(&f, "Add", "x half", "a");
    add_node(&f, "Add", "a typed_half", "b");
    add_node(&f, "Neg", "brain", "c");
    add_node(&f, "Neg", "double", "d");
    add_node(&f, "Neg", "typed_float", "e");
    add_int(&f, add_node(&f, "Cast", "e", "y"), "to", STRIA_FLOAT16);
    add_output(&f, "b");
    add_output(&f, "c");
    add_output(&f, "d");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    static const dtype wanted[4] = {STRIA_FLOAT16, STRIA_BFLOAT16, STRIA_FLOAT64, STRIA_FLOAT16};
    assert_int_equal(g->inputs[0]->type, STRIA_FLOAT16);
    for (int i = 0; i < 4; i++) assert_int_equal(g->outputs[i]->type, wanted[i]);
    assert_true(at(g, "half", 0) == 1 && at(g, "half", 1) == -2.5);
    assert_true(at(g, "brain", 0) == 1 && at(g, "brain", 1) == -3);
    assert_true(at(g, "double", 0) == 0.1 && at(g, "double", 1) == -3);
    assert_true(at(g, "typed_half", 1) == -2.5);
    assert_true(at(g, "typed_float", 0) == 1.5);
    round_trip(g);

    /* Inside, 16-bit floats become float32; what comes in and goes out does not. */
    assert_ok(pass_precision(&g, &err));
    assert_ok(graph_check(g, &err));
    assert_int_equal(g->inputs[0]->type, STRIA_FLOAT16);
    for (int i = 0; i < 4; i++) assert_int_equal(g->outputs[i]->type, wanted[i]);
    assert_int_equal(graph_find_value(g, "half")->type, F1);
    assert_int_equal(graph_find_value(g, "a")->type, F1);
    assert_int_equal(graph_find_value(g, "d")->type, STRIA_FLOAT64);
    assert_true(at(g, "half", 1) == -2.5 && at(g, "brain", 1) == -3);

    assert_ok(graph_float32(&g, &err));
    assert_ok(graph_check(g, &err));
    assert_int_equal(g->inputs[0]->type, F1);
    for (int i = 0; i < 4; i++) assert_int_equal(g->outputs[i]->type, F1);
    graph_free(g);
}

static void test_constants(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_input(&f, "x", F1, "n 6");
    add_ints(&f, add_node(&f, "Constant", "", "shape"), "value_ints", DIMS(-1, 2, 3));
    add_float(&f, add_node(&f, "Constant", "", "two"), "value_float", 2);
    add_node(&f, "Reshape", "x shape", "r");
    add_node(&f, "Mul", "r two", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_int_equal(g->node_count, 2);
    assert_int_equal(graph_find_value(g, "two")->kind, VALUE_CONSTANT);
    assert_true(shape_equal(&g->outputs[0]->shape, &(shape){3, {1, 2, 3}}));
    round_trip(g);
    graph_free(g);
}

/* ---- tensors alone, inputs known beforehand ---- */

static void test_tensor_file(void **state) {
    Onnx__TensorProto p = ONNX__TENSOR_PROTO__INIT;
    tensor *t;
    char *name;
    uint8_t data[64];
    (void)state;
    p.name = (char *)"x";
    p.has_data_type = 1;
    p.data_type = STRIA_FLOAT64;
    p.n_dims = 1;
    p.dims = (int64_t[]){2};
    p.n_double_data = 2;
    p.double_data = (double[]){0.5, 1e300};
    size_t size = onnx__tensor_proto__pack(&p, data);
    assert_ok(onnx_read_tensor(&t, &name, data, size, &err));
    assert_string_equal(name, "x");
    assert_int_equal(t->type, STRIA_FLOAT64);
    assert_true(((double *)t->data)[1] == 1e300);
    mem_free(name);
    tensor_release(t);
    assert_fails(onnx_read_tensor(&t, NULL, data, size - 1, &err), STRIA_BAD_FILE, "truncated");
}

static void test_known_inputs(void **state) {
    file f;
    graph *g = NULL;
    tensor *t;
    (void)state;
    for (int known = 0; known < 2; known++) {
        file_init(&f, 21);
        add_input(&f, "x", F1, "2 3");
        add_input(&f, "shape", STRIA_INT64, "1");
        add_node(&f, "Reshape", "x shape", "y");
        add_output(&f, "y");
        if (!known) {
            assert_fails(read_file(&g, &f, &err), STRIA_UNSUPPORTED, "must be constant");
            continue;
        }
        assert_ok(tensor_new(&t, STRIA_INT64, &(shape){1, {1}}, "t", &err));
        *(int64_t *)t->data = 6;
        size_t size = onnx__model_proto__get_packed_size(&f.model);
        uint8_t *data = malloc(size);
        onnx__model_proto__pack(&f.model, data);
        bool fixed[2] = {false};
        tensor *floats;
        assert_ok(tensor_new(&floats, STRIA_FLOAT32, &(shape){2, {2, 3}}, "x", &err));
        onnx_known both = {.contents = (tensor *[]){floats, t}, .fixed = fixed, .count = 2};
        assert_ok(onnx_read_known(&g, data, size, "k", &both, &err));
        tensor_release(floats);
        assert_int_equal(g->input_count, 1); /* x decides no shape */
        assert_true(!fixed[0] && fixed[1]);
        assert_int_equal(g->outputs[0]->shape.rank, 1);
        free(data);
        tensor_release(t);
        arena_release(&f.a);
    }
    graph_free(g);
}

/* Contents by name: a shape that an input decides, of another integer type; an image whose open sizes they close. */
static void test_named_inputs(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        file f;
        graph *g;
        tensor *image, *wanted;
        bool fixed[2] = {false};
        dims_used used = 0;
        stria_error why = {0};
        file_init(&f, 13);
        add_input(&f, "x", F1, "n 2 h w");
        add_input(&f, "s", STRIA_INT64, "2");
        add_node(&f, "Reshape", "x s", "y");
        add_output(&f, "y");
        size_t size = onnx__model_proto__get_packed_size(&f.model);
        uint8_t *data = arena_alloc(&f.a, size);
        onnx__model_proto__pack(&f.model, data);
        assert_ok(tensor_new(&image, F1, &(shape){4, {3, 2, 4, 5}}, "x", &why));
        assert_ok(tensor_new(&wanted, STRIA_INT32, &(shape){1, {2}}, "s", &why));
        ((int32_t *)wanted->data)[0] = -1, ((int32_t *)wanted->data)[1] = 10;
        onnx_known known = {.contents = (tensor *[]){wanted, image},
                            .fixed = fixed,
                            .count = 2,
                            .names = (const char *[]){"s", k == 1 ? "x" : ""},
                            .keep_batch = k == 1,
                            .dims = k == 2   ? "depth=3"
                                    : k == 3 ? "h=4"
                                             : NULL,
                            .used = &used};
        stria_status status = onnx_read_known(&g, data, size, "k", &known, &why);
        if (status != STRIA_OK) fail_msg("%s", why.text);
        assert_int_equal(used, k == 3);
        assert_true(fixed[0] && !fixed[1] && g->input_count == 1);
        const shape *x = &g->inputs[0]->shape, *y = &g->outputs[0]->shape;
        assert_true(x->dim[0] == (k == 1 ? 1 : 3) && x->dim[2] == 4 && x->dim[3] == 5);
        assert_true(!g->inputs[0]->symbol[2] && (g->inputs[0]->symbol[0] != NULL) == (k == 1));
        assert_true(y->rank == 2 && y->dim[0] == (k == 1 ? 4 : 12) && y->dim[1] == 10);
        graph_free(g);
        tensor_release(image);
        tensor_release(wanted);
        arena_release(&f.a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles),        cmocka_unit_test(test_names),        cmocka_unit_test(test_open_sizes),
        cmocka_unit_test(test_types),        cmocka_unit_test(test_constants),    cmocka_unit_test(test_tensor_file),
        cmocka_unit_test(test_known_inputs), cmocka_unit_test(test_named_inputs),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
