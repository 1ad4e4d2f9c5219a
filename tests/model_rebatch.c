/* A model whose file fixes the batch is opened where that is proved right. */
#include "onnx_file.h"

#include "model/model.h"

static graph *flatten_model(int64_t batch, int64_t first) {
    file f;
    graph *g;
    char dims[32];
    snprintf(dims, sizeof dims, "%lld 2 3", (long long)batch);
    file_init(&f, 21);
    add_input(&f, "x", F1, dims);
    memcpy(add_tensor(&f, "shape", STRIA_INT64, DIMS(2), 16)->raw_data.data, (int64_t[]){first, 6}, 16);
    add_tensor(&f, "w", F1, DIMS(6, 4), 96);
    add_node(&f, "Reshape", "x shape", "r");
    add_node(&f, "MatMul", "r w", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    return g;
}

static void test_rebatch(void **state) {
    (void)state;
    static const int64_t batches[] = {1, 2, 64};
    for (int i = 0; i < 3; i++) {
        graph *g = flatten_model(batches[i], batches[i]), *open, *wide;
        assert_ok(graph_rebatch(&open, g, &err));
        assert_string_equal(open->inputs[0]->symbol[0], "batch");
        assert_int_equal(open->outputs[0]->shape.dim[0], 1);
        assert_ok(graph_copy(open, (const shape *[]){&(shape){3, {17, 2, 3}}}, &wide, &err));
        assert_true(shape_equal(&wide->outputs[0]->shape, &(shape){2, {17, 4}}));
        graph_free(wide);
        graph_free(open);
        graph_free(g);
    }
}

static void test_rebatch_refusals(void **state) {
    file f;
    graph *g, *open = NULL;
    (void)state;
    file_init(&f, 21); /* adds a constant of the batch's size */
    add_input(&f, "x", F1, "4 3");
    add_tensor(&f, "c", F1, DIMS(4, 3), 48);
    add_node(&f, "Add", "x c", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_fails(graph_rebatch(&open, g, &err), STRIA_UNSUPPORTED, "the batch is fixed");
    graph_free(g);
    file_init(&f, 21); /* mixes the images */
    add_input(&f, "x", F1, "4 3");
    add_ints(&f, add_node(&f, "Transpose", "x", "y"), "perm", DIMS(1, 0));
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_fails(graph_rebatch(&open, g, &err), STRIA_UNSUPPORTED, "the batch is fixed");
    graph_free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rebatch),
        cmocka_unit_test(test_rebatch_refusals),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
