/* What the public header refuses: arrays, pictures, data, models, sessions, predictions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <stria/testing.h>

#include "refusals.h"
#include "small.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))
#define CALL(name, ...)                                                                                                \
    static stria_status name(const void *a, stria_error *e) {                                                          \
        (void)a;                                                                                                       \
        return __VA_ARGS__;                                                                                            \
    }

static stria_model *model, *plain; /* plain: no classifier of pictures */
static stria_dataset *data;
static stria_session *session;
static stria_predictor *predictor;
static stria_error err;

static bool plain_make(void) {
    stria_graph *g = stria_graph_new("plain");
    stria_value *x = stria_input(g, "x", STRIA_FLOAT32, 2, (const int64_t[]){0, 3});
    stria_output(g, stria_relu(g, x), "y");
    return stria_model_from_graph(&plain, g, &err) == STRIA_OK;
}

static int setup(void **state) {
    if (small_data_setup(state) != 0) return -1;
    bool ready = (model = small_model(true, &err)) && plain_make() &&
                 stria_dataset_open(&data, small_data_spec, NULL, &err) == STRIA_OK &&
                 stria_session_new(&session, model, NULL, &err) == STRIA_OK &&
                 stria_predictor_new(&predictor, model, NULL, &err) == STRIA_OK && chdir(small_folder) == 0;
    if (!ready) fprintf(stderr, "%s\n", err.text);
    return ready ? 0 : -1;
}

static int teardown(void **state) {
    stria_predictor_free(predictor);
    stria_session_free(session);
    stria_dataset_free(data);
    stria_model_free(plain);
    stria_model_free(model);
    return small_data_teardown(state);
}

/* ---- arrays and pictures ---- */

static uint8_t bytes[256];

CALL(array_write, stria_array_write("never.npy", a, e))
CALL(tensor_write, stria_tensor_write("never.pb", "x", a, e))
CALL(array_convert, stria_array_convert(a, STRIA_FLOAT64, &refused.array, e))
CALL(channels_first, stria_array_channels_first(a, &refused.array, e))

static const refusal array_rows[] = {
    {NULL, &(stria_array){.type = 0}, STRIA_BAD_ARGUMENT, "an array cannot be of type 0"},
    {NULL, &(stria_array){.type = 8}, STRIA_BAD_ARGUMENT, "an array cannot be of type 8"},
    {NULL, &(stria_array){.type = STRIA_UINT8, .rank = -1}, STRIA_BAD_SHAPE, "rank -1 is not in 0 to 8"},
    {NULL, &(stria_array){.type = STRIA_UINT8, .rank = 9}, STRIA_BAD_SHAPE, "rank 9 is not in 0 to 8"},
    {NULL, &(stria_array){.type = STRIA_UINT8, .rank = 1, .shape = {-4}, .data = bytes, .bytes = 4}, STRIA_BAD_SHAPE,
     "the array"},
    {NULL, &(stria_array){.type = STRIA_FLOAT32, .rank = 2, .shape = {INT64_MAX, 8}, .data = bytes, .bytes = 4},
     STRIA_BAD_SHAPE, "the array"},
    {NULL, &(stria_array){.type = STRIA_FLOAT32, .rank = 2, .shape = {2, 3}, .data = bytes, .bytes = 20},
     STRIA_BAD_SHAPE, "an array's shape needs 24 bytes, 20 are given"},
    {NULL, &(stria_array){.type = STRIA_FLOAT32, .rank = 2, .shape = {2, 3}, .bytes = 24}, STRIA_BAD_SHAPE,
     "an array's shape needs 24 bytes, 0 are given"},
};

static void test_arrays(void **state) {
    static refusal_call *const calls[] = {array_write, tensor_write, array_convert, channels_first};
    (void)state;
    for (size_t k = 0; k < COUNT(calls); k++)
        for (size_t i = 0; i < COUNT(array_rows); i++) {
            refusal row = array_rows[i];
            row.call = calls[k];
            refusals_check(&row, 1);
        }
    assert_int_equal(access("never.npy", F_OK), -1);
    assert_int_equal(access("never.pb", F_OK), -1);
}

static const stria_array flat = {.type = STRIA_UINT8, .rank = 2, .shape = {2, 3}, .data = bytes, .bytes = 6};
static const stria_array cube = {.type = STRIA_UINT8, .rank = 3, .shape = {1, 2, 3}, .data = bytes, .bytes = 6};

CALL(convert_to_none, stria_array_convert(&flat, 15, &refused.array, e))
CALL(write_nowhere, stria_array_write("none/x.npy", &flat, e))
CALL(tensor_nowhere, stria_tensor_write("none/x.pb", "", &flat, e))
CALL(array_read, stria_array_read(a, &refused.array, e))
CALL(arrays_read, stria_arrays_read(a, &refused.arrays, &refused.count, e))

static void test_array_files(void **state) {
    static const refusal rows[] = {
        {convert_to_none, NULL, STRIA_BAD_ARGUMENT, "an array cannot be of type 15"},
        {channels_first, &flat, STRIA_BAD_SHAPE, "an array of 2 dimensions, not [n, height, width, channels]"},
        {write_nowhere, NULL, STRIA_NO_FILE, "none/x.npy"},
        {tensor_nowhere, NULL, STRIA_NO_FILE, "none/x.pb"},
        {array_read, "none.npy", STRIA_NO_FILE, "none.npy"},
        {array_read, "none.npz", STRIA_NO_FILE, "none.npz"},
        {array_read, "none.pb", STRIA_NO_FILE, "none.pb"},
        {array_read, "words.npy", STRIA_BAD_FILE, "words.npy"},
        {array_read, "words.npz", STRIA_BAD_FILE, "words.npz"},
        {array_read, "words.pb", STRIA_BAD_FILE, "words.pb"},
        {arrays_read, "none.npy", STRIA_NO_FILE, "none.npy"},
        {arrays_read, "none.npz", STRIA_NO_FILE, "none.npz"},
        {arrays_read, "words.npz", STRIA_BAD_FILE, "words.npz"},
        {arrays_read, "words.pb", STRIA_BAD_FILE, "words.pb"},
    };
    (void)state;
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"words.npy", "words.npz", "words.pb"};
        assert_int_equal(stria_file_write(names[i], "words", 5, &err), STRIA_OK);
    }
    refusals_check(rows, COUNT(rows));
}

/* Standard input tells its format by its first bytes. */
CALL(input_read, stria_array_read("-", &refused.array, e))
CALL(inputs_read, stria_arrays_read("-", &refused.arrays, &refused.count, e))

static void test_array_streams(void **state) {
    static const struct {
        const char *contents, *says;
    } rows[] = {
        {"", "it is empty, an array is expected"},
        {"words", "standard input: corrupt at byte 1 of 5"},
        {"PK\3\4 no archive", "standard input: not a zip archive, or truncated"},
        {"\x93NUMPY\1", "standard input: not a .npy file"},
    };
    (void)state;
    int before = dup(STDIN_FILENO);
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        const char *contents = rows[i / 2].contents;
        const refusal row = {i % 2 ? inputs_read : input_read, NULL, STRIA_BAD_FILE, rows[i / 2].says};
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], contents, strlen(contents)), strlen(contents));
        close(ends[1]);
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        refusals_check(&row, 1);
    }
    dup2(before, STDIN_FILENO);
    close(before);
}

CALL(picture_write, stria_picture_write("never.png", a, e))
CALL(picture_write_as, stria_picture_write(a, &cube, e))
CALL(picture_read, stria_picture_read(a, &refused.array, e))
CALL(picture_decode, stria_picture_decode(a, 6, 0, &refused.array, e))
CALL(picture_bounded, stria_picture_decode(a, 6, -1, &refused.array, e))
CALL(predict_array, stria_predict_array(predictor, a, refused.probabilities, e))
CALL(model_picture, stria_model_picture(model, a, &refused.array, e))
CALL(plain_picture, stria_model_picture(plain, a, &refused.array, e))

static const float infinite[] = {1, INFINITY};

#define PICTURE(of, ...) (&(stria_array){.type = of, .data = bytes, __VA_ARGS__})

static const refusal picture_rows[] = {
    {picture_write, PICTURE(STRIA_INT8, .rank = 3, .shape = {1, 2, 3}, .bytes = 6), STRIA_BAD_SHAPE,
     "a picture is uint8 [1 or 3, height, width]"},
    {picture_write, &flat, STRIA_BAD_SHAPE, "a picture is uint8 [1 or 3, height, width]"},
    {picture_write, PICTURE(STRIA_UINT8, .rank = 3, .shape = {2, 2, 3}, .bytes = 12), STRIA_BAD_SHAPE,
     "a picture is uint8 [1 or 3, height, width]"},
    {picture_write, PICTURE(STRIA_UINT8, .rank = 3, .shape = {1, 0, 3}), STRIA_BAD_SHAPE,
     "a picture of 3 x 0 pixels: a side has 1 to 65535"},
    {picture_write, PICTURE(STRIA_UINT8, .rank = 3, .shape = {1, 1, 65536}, .bytes = 65536), STRIA_BAD_SHAPE,
     "a picture of 65536 x 1 pixels: a side has 1 to 65535"},
    {picture_write, PICTURE(STRIA_UINT8, .rank = 3, .shape = {3, 2, 3}, .bytes = 6), STRIA_BAD_SHAPE,
     "a picture's shape needs 18 bytes, 6 are given"},
    {picture_write, &(stria_array){.type = STRIA_UINT8, .rank = 3, .shape = {1, 2, 3}, .bytes = 6}, STRIA_BAD_SHAPE,
     "a picture's shape needs 6 bytes, 0 are given"},
    {picture_write_as, "never.gif", STRIA_BAD_ARGUMENT, "never.gif"},
    {picture_write_as, "none/x.png", STRIA_NO_FILE, "none/x.png"},
    {picture_read, "none.png", STRIA_NO_FILE, "none.png"},
    {picture_read, "words.npy", STRIA_BAD_FILE, "words.npy: not a PNG, JPEG, WebP, TIFF, BMP or PNM picture"},
    {picture_decode, "P5 2 2", STRIA_BAD_FILE, "P"},
    {picture_decode, "words.", STRIA_BAD_FILE, "not a PNG, JPEG, WebP, TIFF, BMP or PNM picture"},
    {picture_bounded, "P5 2 2", STRIA_BAD_ARGUMENT, "at most -1 pixels"},
    {predict_array, &flat, STRIA_BAD_SHAPE, "a picture is uint8 [1 or 3, height, width]"},
    {predict_array, PICTURE(STRIA_FLOAT32, .rank = 2, .shape = {2, 2}, .bytes = 16), STRIA_BAD_SHAPE,
     "a picture of values is float32 [channels, height, width]"},
    {predict_array, PICTURE(STRIA_FLOAT32, .rank = 3, .shape = {0, 2, 2}), STRIA_BAD_SHAPE,
     "a picture of values is float32 [channels, height, width]"},
    {predict_array, PICTURE(STRIA_FLOAT32, .rank = 3, .shape = {65537, 1, 1}, .bytes = 262148), STRIA_BAD_SHAPE,
     "a picture of values is float32 [channels, height, width]"},
    {predict_array, PICTURE(STRIA_FLOAT32, .rank = 3, .shape = {1, 2, 2}, .bytes = 12), STRIA_BAD_SHAPE,
     "a picture's shape needs 16 bytes, 12 are given"},
    {predict_array,
     &(stria_array){
         .type = STRIA_FLOAT32, .rank = 3, .shape = {1, 1, 2}, .data = (void *)(uintptr_t)infinite, .bytes = 8},
     STRIA_NOT_FINITE, "value 1 of the picture is not finite"},
    {predict_array, PICTURE(STRIA_FLOAT32, .rank = 3, .shape = {2, 2, 2}, .bytes = 32), STRIA_BAD_SHAPE,
     "the picture becomes 2x2x2, but input 'image' takes 1x8x8"},
    {model_picture, &flat, STRIA_BAD_SHAPE, "a picture is uint8 [1 or 3, height, width]"},
    {plain_picture, &cube, STRIA_BAD_SHAPE, "classifier"},
};

static void test_pictures(void **state) {
    (void)state;
    refusals_check(picture_rows, COUNT(picture_rows));
    assert_int_equal(access("never.png", F_OK), -1);
}

/* ---- structs that say their size ---- */

CALL(open_sized, stria_model_open_with(&refused.model, "lenet5", a, NULL, e))
CALL(bytes_sized, stria_model_open_bytes(&refused.model, "x", 1, a, NULL, e))
CALL(save_sized, stria_model_save_with(model, "never.onnx", a, e))
CALL(session_sized, stria_session_new(&refused.session, model, a, e))
CALL(testing_sized, stria_session_new_testing(&refused.session, model, NULL, a, e))
CALL(dataset_sized, stria_dataset_open(&refused.data, small_data_spec, a, e))
CALL(pair_sized, stria_dataset_open_pair(&refused.data, &refused.val, small_data_spec, a, e))
CALL(callbacks_sized, stria_dataset_from_callbacks(&refused.data, a, e))
CALL(view_sized, stria_dataset_view(data, 0, a, &refused.array, e))
CALL(fetch_sized, stria_fetch("http://127.0.0.1:1/x", "never", a, NULL, e))
CALL(catalog_sized, stria_catalog_fetch("mnist", a, refused.text, sizeof refused.text, NULL, e))
CALL(train_sized, stria_trainer_new(&refused.trainer, model, data, NULL, a, e))
CALL(evaluate_sized, stria_evaluate(model, data, a, &refused.evaluation, e))
CALL(predictor_sized, stria_predictor_new(&refused.predictor, model, a, e))
CALL(bench_sized, stria_bench_model(model, a, false, 1, &refused.bench, e))

static void test_option_sizes(void **state) {
    static const size_t sizes[] = {0, 1, sizeof(size_t)};
    static const struct {
        refusal_call *call;
        const char *says;
    } rows[] = {
        {open_sized, "start from stria_open_options_default()"},
        {bytes_sized, "start from stria_open_options_default()"},
        {save_sized, "start from stria_save_options_default()"},
        {session_sized, "start from stria_session_options_default()"},
        {testing_sized, "begin with {.size = sizeof(stria_testing_options)}"},
        {dataset_sized, "start from stria_dataset_options_default()"},
        {pair_sized, "start from stria_dataset_options_default()"},
        {callbacks_sized, "begin with {.size = sizeof(stria_dataset_callbacks)}"},
        {view_sized, "start from stria_view_options_default()"},
        {fetch_sized, "start from stria_fetch_options_default()"},
        {catalog_sized, "start from stria_catalog_options_default()"},
        {train_sized, "start from stria_train_options_default()"},
        {evaluate_sized, "start from stria_inference_options_default()"},
        {predictor_sized, "start from stria_inference_options_default()"},
        {bench_sized, "start from stria_session_options_default()"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(sizes); k++) {
            char says[160];
            const refusal row = {rows[i].call, &sizes[k], STRIA_BAD_ARGUMENT, says};
            bool options = strncmp(rows[i].says, "start", 5) == 0;
            snprintf(says, sizeof says, "%s, not %zu: %s", options ? "options need their size" : "needs its size",
                     sizes[k], rows[i].says);
            refusals_check(&row, 1);
        }
}

CALL(port_sized, stria_session_port(session, "logits", (stria_port *)(uintptr_t)a, e))
CALL(classifier_sized, stria_model_classifier(model, (stria_classifier *)(uintptr_t)a, e))
CALL(evaluation_sized, stria_evaluate(model, data, NULL, (stria_evaluation *)(uintptr_t)a, e))
CALL(summary_sized, stria_summarize(model, 1, (stria_summary *)(uintptr_t)a, e))
CALL(map_sized, stria_map_memory(model, 1, false, (stria_memory_map *)(uintptr_t)a, e))
CALL(bench_filled, stria_bench_model(model, NULL, false, 1, (stria_bench *)(uintptr_t)a, e))

static void test_output_sizes(void **state) {
    static const struct {
        refusal_call *call;
        const char *type;
    } rows[] = {
        {port_sized, "stria_port"},
        {classifier_sized, "stria_classifier"},
        {evaluation_sized, "stria_evaluation"},
        {summary_sized, "stria_summary"},
        {map_sized, "stria_memory_map"},
        {bench_filled, "stria_bench"},
    };
    static const size_t sizes[] = {0, sizeof(size_t)};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(sizes); k++) {
            char says[160];
            const refusal row = {rows[i].call, &sizes[k], STRIA_BAD_ARGUMENT, says};
            snprintf(says, sizeof says, "a %s needs its size, not %zu: begin with {.size = sizeof(%s)}", rows[i].type,
                     sizes[k], rows[i].type);
            refusals_check(&row, 1);
        }
    union {
        size_t size;
        stria_catalog_entry entry;
        stria_operator op;
        stria_node_row node;
        stria_operand operand;
    } none = {.size = 0};
    assert_false(stria_catalog(0, &none.entry));
    assert_false(stria_operator_get(0, &none.op));
    assert_false(stria_model_node(model, 0, &none.node));
    assert_false(stria_model_node_input(model, 0, 0, &none.operand));
    assert_false(stria_model_node_output(model, 0, 0, &none.operand));
}

/* Past both ends of lists. */
static void test_ends(void **state) {
    static const int ends[] = {-1, 1 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        int at = ends[i];
        stria_operator op = {.size = sizeof op};
        stria_node_row node = {.size = sizeof node};
        stria_operand operand = {.size = sizeof operand};
        stria_catalog_entry entry = {.size = sizeof entry};
        const char *words;
        assert_false(stria_operator_get(at, &op));
        assert_null(stria_operator_implementation(at, 0));
        assert_null(stria_operator_implementation(0, at));
        assert_false(stria_model_node(model, at, &node));
        assert_false(stria_model_node_input(model, at, 0, &operand));
        assert_false(stria_model_node_input(model, 0, at, &operand));
        assert_false(stria_model_node_output(model, at, 0, &operand));
        assert_false(stria_model_node_output(model, 0, at, &operand));
        assert_false(stria_catalog(at, &entry));
        assert_false(stria_augmentation(at, &words, &words, &words));
        assert_null(stria_info(at));
        assert_null(stria_train_option(at));
        assert_null(stria_model_input(model, at));
        assert_null(stria_model_output(model, at));
        assert_null(stria_model_optional_input(model, at));
        assert_null(stria_session_explain(session, at));
        assert_null(stria_dataset_file(data, at));
        assert_string_equal(stria_dataset_class_name(data, at), "");
        assert_string_equal(stria_predictor_class_name(predictor, at), "");
        int64_t shape[3] = {7, 7, 7};
        stria_predictor_picture_at(predictor, at, &shape[0], &shape[1], &shape[2]);
        assert_true(shape[0] == 0 && shape[1] == 0 && shape[2] == 0);
        assert_true(op.name == NULL && node.name == NULL && operand.name == NULL && entry.name == NULL);
    }
    assert_null(stria_dataset_about("none"));
    assert_null(stria_zoo_about("none"));
    assert_null(stria_model_metadata(model, "none"));
    assert_false(stria_train_option_kept("none"));
    assert_false(stria_run_active("none"));
    assert_false(stria_picture_named("x.npy"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays),   cmocka_unit_test(test_array_files),  cmocka_unit_test(test_array_streams),
        cmocka_unit_test(test_pictures), cmocka_unit_test(test_option_sizes), cmocka_unit_test(test_output_sizes),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
