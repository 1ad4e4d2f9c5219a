/* Graphs that are written and read again are the same, ONNX's own test models among them. */
#include "onnx_file.h"

#include <dirent.h>

#include "model/model.h"
#include "op/shape.h"

static void test_round_trips(void **state) {
    static const char *const specs[] = {"lenet5", "lenet", "linear", "mlp:hidden=20x30"};
    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        graph *g;
        assert_ok(graph_load(&g, specs[i], 4, &err));
        for (int k = 0; k < 3; k++) g->values[k]->frozen = g->values[k]->kind == VALUE_STATE;
        round_trip(g);
        graph_free(g);
    }
}

/* A constant where a parameter could be, a parameter where none would be looked for, an output under another name, an
 * output that is an input. */
static void test_odd_graphs(void **state) {
    graph *g, *again;
    value *x, *c, *p;
    node *n, *m;
    tensor *t;
    text out = {0};
    (void)state;
    assert_ok(graph_new(&g, "odd", &err));
    assert_ok(tensor_new(&t, F1, &(shape){1, {4}}, "t", &err));
    assert_ok(graph_add_input(g, "x", F1, &(shape){2, {1, 4}}, &x, &err));
    x->symbol[0] = "n";
    assert_ok(graph_add_constant(g, "c", t, &c, &err));
    assert_ok(graph_add_state(g, "p", ROLE_PARAMETER, t, &p, &err));
    assert_ok(graph_add_node(g, &op_Mul, "scale", (value *[]){x, c}, 2, NULL, 0, (const char *[]){"s"}, &n, &err));
    assert_ok(graph_add_node(g, &op_Relu, "relu", (value *[]){p}, 1, NULL, 0, (const char *[]){"r"}, &m, &err));
    assert_ok(graph_add_output(g, n->out[0], "scores", &err));
    assert_ok(graph_add_output(g, n->out[0], "scores_again", &err));
    assert_ok(graph_add_output(g, m->out[0], NULL, &err));
    assert_ok(graph_add_output(g, x, NULL, &err));
    assert_ok(onnx_write(g, &out, &err));
    assert_ok(onnx_read(&again, (const uint8_t *)out.data, out.length, "again", &err));
    assert_int_equal(graph_find_value(again, "c")->kind, VALUE_CONSTANT);
    assert_int_equal(graph_find_value(again, "p")->role, ROLE_PARAMETER);
    assert_int_equal(again->output_count, 4);
    assert_string_equal(again->outputs[0]->name, "scores");
    assert_string_equal(again->outputs[1]->name, "scores_again");
    assert_ptr_equal(again->outputs[1]->producer->op, &op_Identity);
    assert_ptr_equal(again->outputs[3], again->inputs[0]);
    round_trip(again);
    graph_free(again);
    graph_free(g);
    tensor_release(t);
    text_release(&out);
}

static void test_training_stays_at_home(void **state) {
    graph *g;
    value *x, *s;
    node *n;
    tensor *t;
    text out = {0};
    (void)state;
    assert_ok(tensor_new(&t, F1, &(shape){1, {4}}, "t", &err));
    assert_ok(graph_new(&g, "g", &err));
    assert_fails(onnx_write(g, &out, &err), STRIA_BAD_ARGUMENT, "has no outputs");
    assert_ok(graph_add_state(g, "w", ROLE_PARAMETER, t, &s, &err));
    assert_ok(graph_add_input(g, "x", F1, &(shape){1, {4}}, &x, &err));
    assert_ok(graph_add_node(g, &op_ReluGradient, "back", (value *[]){x, s}, 2, NULL, 0, NULL, &n, &err));
    assert_ok(graph_add_output(g, n->out[0], NULL, &err));
    assert_fails(onnx_write(g, &out, &err), STRIA_UNSUPPORTED, "'back': operator ReluGradient of domain stria");
    assert_ok(graph_add_update(g, s, n->out[0], &err));
    assert_fails(onnx_write(g, &out, &err), STRIA_UNSUPPORTED, "'w' is assigned");
    graph_free(g);
    assert_ok(graph_new(&g, "g", &err));
    assert_ok(graph_add_state(g, "m", ROLE_OPTIMIZER, t, &s, &err));
    assert_ok(graph_add_output(g, s, NULL, &err));
    assert_fails(onnx_write(g, &out, &err), STRIA_UNSUPPORTED, "'m' is the optimiser's");
    graph_free(g);
    tensor_release(t);
    text_release(&out);
}

/* ---- ONNX's own test models ---- */

#define TEST_DATA "/usr/share/libonnx-testdata/data/"

static void read_folder(const char *folder, int *good, int *all) {
    char path[1024];
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        uint8_t *data;
        size_t size;
        graph *g = NULL;
        stria_error why = {0};
        snprintf(path, sizeof path, "%s/%s/model.onnx", folder, e->d_name);
        if (e->d_name[0] == '.' || file_read(path, 0, &data, &size, NULL) != STRIA_OK) continue;
        ++*all;
        if (onnx_read(&g, data, size, path, &why) == STRIA_OK) {
            ++*good;
            if (!g->node_count || !*g->nodes[0]->op->domain) round_trip(g);
            graph_free(g);
        } else {
            assert_true(why.text[0]);
        }
        mem_free(data);
    }
    if (dir) closedir(dir);
}

static void test_test_data(void **state) {
    static const char *const folders[] = {TEST_DATA "node", TEST_DATA "simple", TEST_DATA "pytorch-converted",
                                          TEST_DATA "pytorch-operator"};
    int good = 0, all = 0;
    (void)state;
    if (!file_is_folder(TEST_DATA)) {
        print_message("skipped: there is no " TEST_DATA " (package libonnx-testdata)\n");
        skip();
    }
    for (int i = 0; i < 4; i++) read_folder(folders[i], &good, &all);
    print_message("%d of %d models can be read\n", good, all);
    assert_true(all > 1000 && good >= 350);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_odd_graphs),
        cmocka_unit_test(test_training_stays_at_home),
        cmocka_unit_test(test_test_data),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
