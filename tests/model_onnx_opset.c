/* Files of old opsets mean what they meant then. */
#include "onnx_file.h"

#include "model/onnx/opset.h"
#include "op/shape.h"
#include "transform/transform.h"

#include <math.h>

static void test_old_opsets(void **state) {
    file f;
    graph *g;
    (void)state;
    relu_file(&f, 7);
    add_float(&f, add_node(&f, "Dropout", "y", "d mask"), "ratio", 0.25f);
    add_ints(&f, add_node(&f, "Unsqueeze", "d", "u"), "axes", DIMS(0, 3));
    add_ints(&f, add_node(&f, "ReduceMean", "u", "m"), "axes", DIMS(1));
    Onnx__NodeProto *slice = add_node(&f, "Slice", "m", "s");
    add_ints(&f, slice, "starts", DIMS(1));
    add_ints(&f, slice, "ends", DIMS(3));
    add_ints(&f, slice, "axes", DIMS(2));
    add_output(&f, "s");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_int_equal(g->node_count, 5);
    assert_int_equal(g->nodes[1]->in_count, 2);
    assert_int_equal(g->nodes[1]->out_count, 1); /* nobody reads the mask */
    assert_true(tensor_f64(value_contents(g->nodes[1]->in[1]), 0) == 0.25);
    assert_true(shape_equal(&g->outputs[1]->shape, &(shape){4, {1, 1, 2, 1}}));
    round_trip(g);
    graph_free(g);
}

static graph *softmax_of(int64_t opset, const char *dims, int64_t axis) {
    file f;
    graph *g = NULL;
    file_init(&f, opset);
    add_input(&f, "x", F1, dims);
    Onnx__NodeProto *n = add_node(&f, "Softmax", "x", "y");
    if (axis != 99) add_int(&f, n, "axis", axis);
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_string_equal(g->outputs[0]->name, "y");
    assert_true(shape_equal(&g->outputs[0]->shape, &g->inputs[0]->shape));
    return g;
}

static void test_old_softmax(void **state) {
    (void)state;
    static const struct {
        int64_t opset;
        const char *dims;
        int64_t axis;
        int nodes;
        int64_t axis_now;
    } cases[] = {
        {11, "n 5", 99, 1, 1},   {11, "n 5 1 1", 1, 1, 1}, {11, "n 5 4", 2, 1, 2},
        {11, "n 5 4", -1, 1, 2}, {11, "n 5 4", 99, 3, -1}, {11, "2 5 4", 0, 3, -1},
        {13, "n 5 4", 1, 1, 1},  {13, "n 5 4", 99, 1, -1}, {11, "n 5 4 3", 2, 3, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g = softmax_of(cases[i].opset, cases[i].dims, cases[i].axis);
        assert_int_equal(g->node_count, cases[i].nodes);
        const node *n = g->nodes[cases[i].nodes == 3];
        assert_int_equal(((const axis_attributes *)n->attributes)->axis, cases[i].axis_now);
        graph_free(g);
    }
    graph *g = softmax_of(11, "n 5 4", 1), *wide; /* the batch stays open */
    assert_ok(graph_copy(g, (const shape *[]){&(shape){3, {7, 5, 4}}}, &wide, &err));
    assert_int_equal(wide->outputs[0]->shape.dim[0], 7);
    graph_free(wide);
    graph_free(g);
}

/* What a node gives for constant inputs, all of them folded: `count` floats. */
static void evaluated(graph *g, const float *want, int64_t count) {
    assert_ok(pass_fold(&g, &err));
    const tensor *y = value_contents(g->outputs[0]);
    assert_non_null(y);
    assert_int_equal(shape_count(&y->shape), count);
    for (int64_t i = 0; i < count; i++) assert_true(fabs(tensor_f64(y, i) - (double)want[i]) < 1e-6);
    graph_free(g);
}

/* Before 11, nearest elements lay above along axes that shrink and below along those that grow: ONNX Runtime 1.32's
 * numbers for 0…5 as [1, 1, 2, 3]. */
static void test_old_resize(void **state) {
    static const float x[6] = {0, 1, 2, 3, 4, 5}, scales[4] = {1, 1, 0.5f, 1.5f}, want[4] = {0, 0, 1, 2};
    file f;
    graph *g;
    (void)state;
    file_init(&f, 10);
    memcpy(add_tensor(&f, "x", F1, DIMS(1, 1, 2, 3), sizeof x)->raw_data.data, x, sizeof x);
    memcpy(add_tensor(&f, "s", F1, DIMS(4), sizeof scales)->raw_data.data, scales, sizeof scales);
    add_node(&f, "Resize", "x s", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_int_equal(g->node_count, 2);
    evaluated(g, want, 4);
}

/* Windows along the depth of a volume alone, as PyTorch exports LocalResponseNorm. */
static void test_depth_pooling(void **state) {
    static const float x[6] = {1, 2, 3, 4, 5, 6}, want[6] = {2, 3, 3, 4, 4, 5}; /* depth 3 of 2 pixels, padded by 1 */
    file f;
    graph *g;
    (void)state;
    file_init(&f, 19);
    memcpy(add_tensor(&f, "x", F1, DIMS(1, 1, 3, 1, 2), sizeof x)->raw_data.data, x, sizeof x);
    Onnx__NodeProto *n = add_node(&f, "AveragePool", "x", "y");
    add_ints(&f, n, "kernel_shape", DIMS(3, 1, 1));
    add_ints(&f, n, "pads", DIMS(1, 0, 0, 1, 0, 0));
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_true(shape_equal(&g->outputs[0]->shape, &(shape){5, {1, 1, 3, 1, 2}}));
    evaluated(g, want, 6);

    file_init(&f, 19);
    add_input(&f, "x", F1, "1 1 3 4 4");
    add_ints(&f, add_node(&f, "MaxPool", "x", "y"), "kernel_shape", DIMS(2, 2, 2));
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_true(shape_equal(&g->outputs[0]->shape, &(shape){5, {1, 1, 2, 3, 3}}));
    graph_free(g);
}

static void test_old_broadcast(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 6);
    add_input(&f, "x", F1, "2 3 4 5");
    add_tensor(&f, "b", F1, DIMS(3), 12);
    Onnx__NodeProto *n = add_node(&f, "Add", "x b", "y");
    add_int(&f, n, "broadcast", 1);
    add_int(&f, n, "axis", 1);
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_true(shape_equal(&g->nodes[1]->in[1]->shape, &(shape){3, {3, 1, 1}}));
    assert_int_equal(graph_find_value(g, "b")->role, ROLE_PARAMETER);
    graph_free(g);
}

static void test_spatial(void **state) {
    file f;
    graph *g = NULL;
    (void)state;
    for (int spatial = 0; spatial < 2; spatial++) {
        file_init(&f, 8);
        add_input(&f, "x", F1, "n 1 2 2");
        add_tensor(&f, "s", F1, DIMS(1), 4);
        add_int(&f, add_node(&f, "BatchNormalization", "x s s s s", "y m v sm sv"), "spatial", spatial);
        add_output(&f, "y");
        if (spatial) assert_ok(read_file(&g, &f, &err));
        else assert_fails(read_file(&g, &f, &err), STRIA_UNSUPPORTED, "attribute 'spatial' of opset 8 may only be 1");
    }
    graph_free(g);
}

static void add_text(file *f, Onnx__NodeProto *n, const char *name, const char *text) {
    Onnx__AttributeProto *p = add_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    p->has_s = 1;
    p->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)arena_strdup(&f->a, text)};
}

/* The opset in which ONNX got each operator, type and attribute (onnx.defs of the package's 1.23 says the same). */
static void test_lowest_opset(void **state) {
    static const struct {
        const char *op;
        int type, opset;
        const char *in, *dims; /* inputs; dimensions of x */
        const char *attribute, *text;
    } rows[] = {
        {"Relu", STRIA_FLOAT32, 13, "x", "2 3", NULL, NULL},
        {"Relu", STRIA_FLOAT16, 13, "x", "2 3", NULL, NULL},
        {"Relu", STRIA_FLOAT64, 13, "x", "2 3", NULL, NULL},
        {"Elu", STRIA_BFLOAT16, 22, "x", "2 3", NULL, NULL},
        {"RMSNormalization", STRIA_FLOAT32, 23, "x s", "2 3", NULL, NULL},
        {"RMSNormalization", STRIA_BFLOAT16, 23, "x s", "2 3", NULL, NULL},
        {"Swish", STRIA_FLOAT32, 24, "x", "2 3", NULL, NULL},
        {"TopK", STRIA_FLOAT16, 13, "x k", "2 3", NULL, NULL},
        {"TopK", STRIA_BFLOAT16, 24, "x k", "2 3", NULL, NULL},
        {"Range", STRIA_FLOAT64, 13, "a a b", "2", NULL, NULL},
        {"Range", STRIA_INT64, 13, "a a b", "2", NULL, NULL},
        {"Range", STRIA_FLOAT16, 27, "a a b", "2", NULL, NULL},
        {"Range", STRIA_BFLOAT16, 27, "a a b", "2", NULL, NULL},
        {"BitShift", STRIA_UINT64, 13, "x x", "2 3", "direction", "LEFT"},
        {"BitShift", STRIA_INT8, 28, "x x", "2 3", "direction", "LEFT"},
        {"BitShift", STRIA_INT64, 28, "x x", "2 3", "direction", "LEFT"},
        {"Celu", STRIA_FLOAT32, 13, "x", "2 3", NULL, NULL},
        {"Celu", STRIA_FLOAT64, 28, "x", "2 3", NULL, NULL},
        {"Celu", STRIA_FLOAT16, 28, "x", "2 3", NULL, NULL},
        {"OneHot", STRIA_FLOAT16, 13, "k k v", "2 3", NULL, NULL},
        {"OneHot", STRIA_BFLOAT16, 28, "k k v", "2 3", NULL, NULL},
        {"SpaceToDepth", STRIA_FLOAT32, 13, "x", "1 4 2 2", NULL, NULL},
        {"SpaceToDepth", STRIA_FLOAT32, 13, "x", "1 4 2 2", "mode", "DCR"},
        {"SpaceToDepth", STRIA_FLOAT32, 28, "x", "1 4 2 2", "mode", "CRD"},
        {"HardSwish", STRIA_FLOAT32, 14, "x", "2 3", NULL, NULL},
        {"Add", STRIA_INT32, 13, "x x", "2 3", NULL, NULL},
        {"Add", STRIA_INT8, 14, "x x", "2 3", NULL, NULL},
        {"Mish", STRIA_FLOAT32, 18, "x", "2 3", NULL, NULL},
        {"Gelu", STRIA_FLOAT32, 20, "x", "2 3", NULL, NULL},
        {"LayerNormalization", STRIA_FLOAT32, 17, "x s", "2 3", NULL, NULL},
        {"ReduceMax", STRIA_FLOAT32, 13, "x", "2 3", NULL, NULL},
        {"Transpose", STRIA_FLOAT32, 13, "x", "2 3", NULL, NULL},
        {"Shape", STRIA_FLOAT8E4M3FN, 19, "x", "2 3", NULL, NULL},
        {"Transpose", STRIA_FLOAT8E5M2FNUZ, 21, "x", "2 3", NULL, NULL},
        {"Transpose", STRIA_FLOAT8E8M0, 24, "x", "2 3", NULL, NULL},
        {"CastLike", STRIA_FLOAT32, 15, "x k", "2 3", NULL, NULL},
        {"CastLike", STRIA_FLOAT8E5M2, 19, "x k", "2 3", NULL, NULL},
        {"CastLike", STRIA_FLOAT32, 24, "x k", "2 3", "round_mode", "down"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t one = 1;
        size_t bytes = dtype_bytes((dtype)rows[i].type);
        file f;
        graph *g = NULL;
        file_init(&f, GRAPH_OPSET);
        add_input(&f, "x", rows[i].type, rows[i].dims);
        add_tensor(&f, "s", rows[i].type, DIMS(3), 3 * bytes);
        add_tensor(&f, "v", rows[i].type, DIMS(2), 2 * bytes);
        memcpy(add_tensor(&f, "k", STRIA_INT64, DIMS(1), 8)->raw_data.data, &one, 8);
        add_tensor(&f, "a", rows[i].type, 0, NULL, bytes);
        memset(add_tensor(&f, "b", rows[i].type, 0, NULL, bytes)->raw_data.data, 1, bytes);
        Onnx__NodeProto *n = add_node(&f, rows[i].op, rows[i].in, strcmp(rows[i].op, "TopK") ? "y" : "y at");
        if (strcmp(rows[i].op, "SpaceToDepth") == 0) add_int(&f, n, "blocksize", 2);
        if (rows[i].attribute) add_text(&f, n, rows[i].attribute, rows[i].text);
        add_output(&f, "y");
        assert_ok(read_file(&g, &f, &err));
        if (opset_needed(g) != rows[i].opset)
            fail_msg("%s of type %d: opset %d, expected %d", rows[i].op, rows[i].type, opset_needed(g), rows[i].opset);
        graph_free(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_opsets),   cmocka_unit_test(test_old_softmax),   cmocka_unit_test(test_old_broadcast),
        cmocka_unit_test(test_old_resize),   cmocka_unit_test(test_depth_pooling), cmocka_unit_test(test_spatial),
        cmocka_unit_test(test_lowest_opset),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
