/* The zoo's networks, and models by what the user calls them. */
#include "model_support.h"

#include "model/model.h"
#include "model/zoo/zoo.h"

static int64_t parameter_count(const graph *g) {
    int64_t n = 0;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_PARAMETER) n += shape_count(&g->values[i]->shape);
    return n;
}

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        int64_t parameters, classes, channels;
    } cases[] = {
        {"lenet5", 61706, 10, 1},
        {"lenet", 431080, 10, 1},
        {"linear", 7850, 10, 1},
        {"mlp", 335114, 10, 1},
        {"linear:classes=7", 5495, 7, 1},
        {"mlp:hidden=128", 101770, 10, 1},
        {"mlp:hidden=32x8,classes=2", 25402, 2, 1},
        {"linear:size=3x32x32", 30730, 10, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g;
        assert_ok(zoo_build(&g, cases[i].spec, 1, &err));
        assert_ok(graph_check(g, &err));
        assert_int_equal(parameter_count(g), cases[i].parameters);
        assert_int_equal(g->input_count, 1);
        assert_string_equal(g->inputs[0]->name, "image");
        assert_string_equal(g->inputs[0]->symbol[0], "batch");
        assert_int_equal(g->inputs[0]->shape.dim[1], cases[i].channels);
        assert_string_equal(g->outputs[0]->name, "logits");
        assert_int_equal(g->outputs[0]->shape.rank, 2);
        assert_int_equal(g->outputs[0]->shape.dim[1], cases[i].classes);
        assert_string_equal(graph_metadata(g, "stria.output"), "logits");
        graph_free(g);
    }
}

static void test_seeds(void **state) {
    graph *a, *b, *c;
    (void)state;
    assert_ok(zoo_build(&a, "linear", 5, &err));
    assert_ok(zoo_build(&b, "linear", 5, &err));
    assert_ok(zoo_build(&c, "linear", 6, &err));
    const tensor *x = graph_find_value(a, "logits.weight")->data;
    assert_memory_equal(x->data, graph_find_value(b, "logits.weight")->data->data, x->bytes);
    assert_memory_not_equal(x->data, graph_find_value(c, "logits.weight")->data->data, x->bytes);
    graph_free(a);
    graph_free(b);
    graph_free(c);
}

static void test_wrong_specs(void **state) {
    (void)state;
    static const struct {
        const char *spec, *words;
    } cases[] = {
        {"lenet6", "did you mean 'lenet5'?"},
        {"lenet5:clases=3", "did you mean 'classes'?"},
        {"lenet5:hidden=3", "no option 'hidden'"},
        {"mlp:hidden=", "option hidden is ''"},
        {"mlp:hidden=3x", "option hidden is '3x'"},
        {"mlp:classes=0", "option classes is '0'"},
        {"mlp:classes=99999999999999999999", "option classes"},
        {"mlp:size=28x28", "option size is '28x28'"},
        {"mlp:size", "not of the form key=value"},
        {"", "there is no network ''"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g = NULL;
        assert_fails(graph_load(&g, cases[i].spec, 0, &err), STRIA_BAD_ARGUMENT, cases[i].words);
        assert_null(g);
    }
    graph *g = NULL;
    assert_fails(graph_load(&g, "lenet:size=1x4x4", 0, &err), STRIA_BAD_SHAPE, "conv1");
}

static void test_names(void **state) {
    int n = 0;
    (void)state;
    for (const char *const *name = zoo_names(); *name; name++, n++) {
        graph *g;
        assert_non_null(zoo_about(*name));
        assert_true(zoo_has(*name));
        assert_ok(zoo_build(&g, *name, 0, &err));
        assert_string_equal(g->name, *name);
        graph_free(g);
    }
    assert_int_equal(n, 4);
    assert_null(zoo_about("nothing"));
    assert_false(zoo_has("lenet55"));
}

static void test_load_and_save(void **state) {
    graph *g, *h = NULL;
    (void)state;
    assert_ok(graph_load(&g, "mlp:hidden=9", 3, &err));
    assert_ok(folder_make(in_folder("run"), &err));
    assert_fails(graph_load(&h, in_folder("run"), 0, &err), STRIA_NO_FILE, "has no model.onnx");
    assert_ok(graph_save(g, in_folder("run/best.onnx"), &err));
    assert_ok(graph_load(&h, in_folder("run"), 0, &err));
    assert_same_graph(g, h, true);
    graph_free(h);
    assert_ok(graph_save(g, in_folder("m.net"), &err));
    assert_ok(graph_load(&h, in_folder("m.net"), 3, &err));
    assert_same_graph(g, h, true); /* the same seed and names, hence the same first weights */
    graph_free(h);
    h = NULL;
    assert_fails(graph_save(g, in_folder("m.h5"), &err), STRIA_BAD_ARGUMENT, ".onnx or .net");
    assert_ok(file_write(in_folder("m.h5"), "x", 1, &err));
    assert_fails(graph_load(&h, in_folder("m.h5"), 0, &err), STRIA_BAD_ARGUMENT,
                 "expected .onnx, .net or a run folder");
    assert_fails(graph_load(&h, in_folder("no.onnx"), 0, &err), STRIA_NO_FILE, "no.onnx");
    assert_fails(graph_load(&h, in_folder("no"), 0, &err), STRIA_NO_FILE, "no such file");
    graph_free(g);
}

static void test_no_memory(void **state) {
    (void)state;
    size_t before = mem_bytes_now();
    for (long n = 1;; n++) {
        graph *g = NULL;
        mem_fail_at(n);
        stria_status status = zoo_build(&g, "lenet5", 0, NULL);
        mem_fail_at(0);
        if (status == STRIA_OK) {
            graph_free(g);
            assert_true(n > 20);
            break;
        }
        assert_int_equal(status, STRIA_NO_MEMORY);
        assert_int_equal(mem_bytes_now(), before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_seeds),         cmocka_unit_test(test_wrong_specs),
        cmocka_unit_test(test_names), cmocka_unit_test(test_load_and_save), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
