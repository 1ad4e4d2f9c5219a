/* Inputs with a default: initialisers that an ONNX file lists as inputs too. */
#include "onnx_file.h"

#include <stria/stria.h>
#include <stria/testing.h>

/* y = reshape(relu(x · a × w + b), shape): a constant, a parameter and what decides a shape, each an input too. */
static void optional_file(file *f, int64_t ir_version) {
    static const float w[8] = {1, 0, 0, 1, 1, 0, 0, 1}, a = 2, b[2] = {0, 0};
    static const int64_t s[2] = {-1, 1};
    file_init(f, 13);
    f->model.has_ir_version = 1;
    f->model.ir_version = ir_version;
    add_input(f, "x", F1, "n 4");
    add_input(f, "a", F1, "1");
    add_input(f, "w", F1, "4 2");
    add_input(f, "shape", STRIA_INT64, "2");
    memcpy(add_tensor(f, "a", F1, DIMS(1), sizeof a)->raw_data.data, &a, sizeof a);
    memcpy(add_tensor(f, "w", F1, DIMS(4, 2), sizeof w)->raw_data.data, w, sizeof w);
    memcpy(add_tensor(f, "b", F1, DIMS(2), sizeof b)->raw_data.data, b, sizeof b);
    memcpy(add_tensor(f, "shape", STRIA_INT64, DIMS(2), sizeof s)->raw_data.data, s, sizeof s);
    add_node(f, "Mul", "a a", "aa"); /* would be folded */
    add_node(f, "Div", "aa a", "a1");
    add_node(f, "Mul", "x a1", "xa");
    add_node(f, "Gemm", "xa w b", "g");
    add_node(f, "Relu", "g", "r");
    add_node(f, "Reshape", "r shape", "y");
    add_output(f, "y");
}

static void save(file *f, const char *name) {
    size_t size = onnx__model_proto__get_packed_size(&f->model);
    uint8_t *data = malloc(size);
    onnx__model_proto__pack(&f->model, data);
    assert_ok(file_write(in_folder(name), data, size, &err));
    free(data);
    arena_release(&f->a);
}

static void gives(stria_session *s, float first, float second) {
    float y[2];
    assert_ok(stria_session_run(s, &err));
    assert_ok(stria_session_get(s, "y", y, sizeof y, &err));
    assert_true(y[0] == first && y[1] == second);
}

/* A session begins with the defaults; what is set holds until it is set again, and other sessions do not see it. */
static void sessions_run(const stria_model *m) {
    static const float x[4] = {1, 2, 3, 4}, a = 10, twos[8] = {2, 2, 2, 2, 2, 2, 2, 2};
    for (int way = 0; way < 3; way++) {
        stria_session_options options = stria_session_options_default();
        stria_session *s, *other;
        stria_port port = {.size = sizeof port};
        options.optimize = way != 1;
        const stria_testing_options testing = {.size = sizeof testing, .reference = way == 2};
        assert_ok(stria_session_new_testing(&s, m, &options, &testing, &err));
        assert_ok(stria_session_new_testing(&other, m, &options, &testing, &err));
        assert_ok(stria_session_set(s, "x", x, sizeof x, &err));
        assert_ok(stria_session_set(other, "x", x, sizeof x, &err));
        gives(s, 8, 12); /* 2 (1 + 3), 2 (2 + 4) */
        assert_ok(stria_session_port(s, "a", &port, &err));
        assert_int_equal(port.rank, 1);
        assert_ok(stria_session_set(s, "a", &a, sizeof a, &err));
        gives(s, 40, 60);
        assert_ok(stria_session_set(s, "w", twos, sizeof twos, &err));
        gives(s, 200, 200);
        gives(other, 8, 12);
        assert_fails(stria_session_set(s, "a", &a, 2, &err), STRIA_BAD_SHAPE, "'a' is float32 [1], 4 bytes, not 2");
        assert_fails(stria_session_set(s, "b", &a, sizeof a, &err), STRIA_BAD_SHAPE, "");
        stria_session_free(s);
        stria_session_free(other);
    }
}

static void test_set(void **state) {
    file f;
    stria_model *m, *again;
    (void)state;
    optional_file(&f, 4);
    save(&f, "optional.onnx");
    assert_ok(stria_model_open(&m, in_folder("optional.onnx"), 0, &err));
    assert_int_equal(stria_model_input_count(m), 1);
    assert_int_equal(stria_model_optional_input_count(m), 2); /* not what decides a shape */
    assert_string_equal(stria_model_optional_input(m, 0)->name, "a");
    assert_string_equal(stria_model_optional_input(m, 1)->name, "w");
    assert_int_equal(stria_model_optional_input(m, 1)->shape[1], 2);
    sessions_run(m);
    assert_ok(stria_model_save(m, in_folder("again.onnx"), &err));
    assert_ok(stria_model_open(&again, in_folder("again.onnx"), 0, &err));
    assert_int_equal(stria_model_optional_input_count(again), 2);
    sessions_run(again);
    stria_model_free(m);
    stria_model_free(again);
    optional_file(&f, 3); /* lists every initialiser, and means nothing by it */
    save(&f, "old.onnx");
    assert_ok(stria_model_open(&m, in_folder("old.onnx"), 0, &err));
    assert_int_equal(stria_model_optional_input_count(m), 0);
    stria_model_free(m);
}

/* Normalisation is not folded into weights that may change, float16 is set as float16, and an input that nothing reads
 * once the model is optimised can still be set. */
static void test_passes(void **state) {
    static const float ones[4] = {1, 1, 1, 1}, scale[1] = {3};
    static const uint16_t half[1] = {0x3C00}, two[1] = {0x4000}; /* 1 and 2 */
    file f;
    stria_model *m;
    stria_session *s;
    uint16_t z[1];
    (void)state;
    file_init(&f, 15);
    f.model.has_ir_version = 1;
    f.model.ir_version = 8;
    add_input(&f, "x", F1, "n 1 1 1");
    add_input(&f, "scale", F1, "1");
    add_input(&f, "h", STRIA_FLOAT16, "1");
    add_input(&f, "ratio", F1, "");
    memcpy(add_tensor(&f, "scale", F1, DIMS(1), 4)->raw_data.data, scale, 4);
    memcpy(add_tensor(&f, "h", STRIA_FLOAT16, DIMS(1), 2)->raw_data.data, half, 2);
    memcpy(add_tensor(&f, "ratio", F1, 0, NULL, 4)->raw_data.data, &(float){0.5f}, 4);
    memcpy(add_tensor(&f, "w", F1, DIMS(1, 1, 1, 1), 4)->raw_data.data, ones, 4);
    memcpy(add_tensor(&f, "zero", F1, DIMS(1), 4)->raw_data.data, &(float){0}, 4);
    memcpy(add_tensor(&f, "one", F1, DIMS(1), 4)->raw_data.data, ones, 4);
    add_node(&f, "Conv", "x w", "c");
    add_float(&f, add_node(&f, "BatchNormalization", "c scale zero zero one", "n"), "epsilon", 0);
    add_node(&f, "Dropout", "n ratio", "d");
    add_node(&f, "Relu", "d", "y");
    add_output(&f, "y");
    add_node(&f, "Add", "h h", "z");
    add_output(&f, "z");
    f.outputs[1]->type->tensor_type->elem_type = STRIA_FLOAT16;
    save(&f, "passes.onnx");
    assert_ok(stria_model_open(&m, in_folder("passes.onnx"), 0, &err));
    assert_int_equal(stria_model_optional_input_count(m), 3);
    assert_ok(stria_session_new(&s, m, NULL, &err));
    float x = 2, y, five = 5;
    assert_ok(stria_session_set(s, "x", &x, sizeof x, &err));
    assert_ok(stria_session_run(s, &err));
    assert_ok(stria_session_get(s, "y", &y, sizeof y, &err));
    assert_ok(stria_session_get(s, "z", z, sizeof z, &err));
    assert_true(y == 6);
    assert_int_equal(z[0], two[0]);
    assert_ok(stria_session_set(s, "scale", &five, sizeof five, &err));
    assert_ok(stria_session_set(s, "h", two, sizeof two, &err));
    assert_ok(stria_session_set(s, "ratio", &five, sizeof five, &err));
    assert_ok(stria_session_run(s, &err));
    assert_ok(stria_session_get(s, "y", &y, sizeof y, &err));
    assert_ok(stria_session_get(s, "z", z, sizeof z, &err));
    assert_true(y == 10);
    assert_int_equal(z[0], 0x4400);
    stria_session_free(s);
    stria_model_free(m);
}

/* A training keeps which inputs have a default, also when it goes on from its checkpoint. */
static void test_train(void **state) {
    static const float w[8] = {1, 0, 0, 1, 1, 0, 0, 1};
    static const char *const classes[] = {"data", "data/a", "data/b"};
    char path[64], spec[600], run[600];
    file f;
    stria_model *m;
    stria_dataset *data;
    stria_trainer *t;
    stria_train_options options = stria_train_options_default();
    (void)state;
    file_init(&f, 13);
    f.model.has_ir_version = 1;
    f.model.ir_version = 8;
    add_input(&f, "x", F1, "n 1 2 2");
    add_input(&f, "w", F1, "4 2");
    memcpy(add_tensor(&f, "w", F1, DIMS(4, 2), sizeof w)->raw_data.data, w, sizeof w);
    add_node(&f, "Flatten", "x", "flat");
    add_node(&f, "MatMul", "flat w", "y");
    add_output(&f, "y");
    save(&f, "train.onnx");
    for (int i = 0; i < 3; i++) assert_ok(folder_make(in_folder(classes[i]), &err));
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%d.pgm", classes[1 + i % 2], i);
        assert_ok(file_write(in_folder(path), i % 2 ? "P5 2 2 255\nabcd" : "P5 2 2 255\ndcba", 15, &err));
    }
    snprintf(spec, sizeof spec, "folder:%s", in_folder("data"));
    options.epochs = 1, options.batch = 2;
    snprintf(run, sizeof run, "%s", in_folder("run"));
    options.out = run;
    assert_ok(stria_model_open(&m, in_folder("train.onnx"), 0, &err));
    assert_ok(stria_dataset_open(&data, spec, NULL, &err));
    for (int round = 0; round < 2; round++) {
        if (round == 0) assert_ok(stria_trainer_new(&t, m, data, NULL, &options, &err));
        else assert_ok(stria_trainer_resume(&t, options.out, NULL, &options, &err));
        assert_ok(stria_trainer_run(t, &err));
        stria_trainer_free(t);
        stria_model_free(m);
        assert_ok(stria_model_open(&m, options.out, 0, &err));
        assert_int_equal(stria_model_optional_input_count(m), 1);
        assert_string_equal(stria_model_optional_input(m, 0)->name, "w");
        options.epochs++;
    }
    stria_model_free(m);
    stria_dataset_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_set), cmocka_unit_test(test_passes),
                                       cmocka_unit_test(test_train)};
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
