/* What the public header refuses: options out of range, unknown names, models, training. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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
static stria_run *run;
static stria_error err;

/* A run folder of one epoch of data in memory, without validation. */
static bool run_make(void) {
    static uint8_t pixels[20 * 64], labels[20];
    const stria_array x = {.type = STRIA_UINT8, .rank = 3, .shape = {20, 8, 8}, .data = pixels, .bytes = sizeof pixels};
    const stria_array y = {.type = STRIA_UINT8, .rank = 1, .shape = {20}, .data = labels, .bytes = sizeof labels};
    stria_train_options o = stria_train_options_default();
    stria_dataset *memory = NULL;
    stria_trainer *t = NULL;
    for (int i = 0; i < 20; i++) labels[i] = (uint8_t)(i % 10), pixels[i * 64] = (uint8_t)i;
    o.epochs = 2, o.batch = 10, o.threads = 1, o.out = "run";
    bool done = stria_dataset_from_arrays(&memory, &x, &y, NULL, 10, &err) == STRIA_OK &&
                stria_trainer_new(&t, model, memory, NULL, &o, &err) == STRIA_OK &&
                stria_trainer_run(t, &err) == STRIA_OK;
    stria_trainer_free(t);
    stria_dataset_free(memory);
    return done && stria_run_open(&run, "run", &err) == STRIA_OK;
}

static int setup(void **state) {
    stria_graph *g = stria_graph_new("plain");
    stria_value *x = stria_input(g, "x", STRIA_FLOAT32, 2, (const int64_t[]){0, 3});
    stria_output(g, stria_relu(g, x), "y");
    bool ready = small_data_setup(state) == 0 && chdir(small_folder) == 0 && (model = small_model(true, &err)) &&
                 stria_model_from_graph(&plain, g, &err) == STRIA_OK &&
                 stria_dataset_open(&data, small_data_spec, NULL, &err) == STRIA_OK &&
                 stria_session_new(&session, model, NULL, &err) == STRIA_OK &&
                 stria_predictor_new(&predictor, model, NULL, &err) == STRIA_OK && run_make();
    if (!ready) fprintf(stderr, "%s\n", err.text);
    return ready ? 0 : -1;
}

static int teardown(void **state) {
    stria_run_free(run);
    stria_predictor_free(predictor);
    stria_session_free(session);
    stria_dataset_free(data);
    stria_model_free(plain);
    stria_model_free(model);
    return small_data_teardown(state);
}

/* ---- options out of range, unknown names ---- */

#define OPTIONS(type, ...) (&(type){.size = sizeof(type), __VA_ARGS__})

CALL(view, stria_dataset_view(data, 0, a, &refused.array, e))
CALL(view_before, stria_dataset_view(data, -1, NULL, &refused.array, e))
CALL(view_after, stria_dataset_view(data, 60, NULL, &refused.array, e))
CALL(read_before, stria_dataset_read(data, -1, refused.pixels, 64, &refused.label, e))
CALL(read_after, stria_dataset_read(data, 60, NULL, 0, &refused.label, e))
CALL(read_less, stria_dataset_read(data, 0, refused.pixels, 63, &refused.label, e))
CALL(item_before, stria_predict_item(predictor, data, -1, refused.probabilities, e))
CALL(item_after, stria_predict_item(predictor, data, 60, refused.probabilities, e))
CALL(file_none, stria_predict_file(predictor, "none.png", refused.probabilities, e))
CALL(dataset, stria_dataset_open(&refused.data, small_data_spec, a, e))
CALL(dataset_spec, stria_dataset_open(&refused.data, a, NULL, e))
CALL(pair_spec, stria_dataset_open_pair(&refused.data, &refused.val, a, NULL, e))
CALL(callbacks, stria_dataset_from_callbacks(&refused.data, a, e))
CALL(pack_none, stria_dataset_pack(data, "never", 0, NULL, NULL, &refused.label, e))
CALL(fetch, stria_fetch("http://127.0.0.1:1/x", "never", a, NULL, e))
CALL(fetch_url, stria_fetch(a, "never", NULL, NULL, e))
CALL(catalog_fetch, stria_catalog_fetch("mnist", a, refused.text, sizeof refused.text, NULL, e))
CALL(catalog_name, stria_catalog_fetch(a, NULL, refused.text, sizeof refused.text, NULL, e))
CALL(catalog_find, stria_catalog_find(a, refused.text, sizeof refused.text, e))
CALL(sum_none, stria_file_sha256("none", refused.text, e))
CALL(pool, stria_thread_pool_new(&refused.pool, *(const int *)a, e))

static const refusal data_rows[] = {
    {view, OPTIONS(stria_view_options, .channels = 2), STRIA_BAD_ARGUMENT, "a picture has 1 channel or 3, not 2"},
    {view, OPTIONS(stria_view_options, .height = 5), STRIA_BAD_ARGUMENT, "looked at as 0 x 5 pixels"},
    {view, OPTIONS(stria_view_options, .height = -5, .width = -5), STRIA_BAD_ARGUMENT, "looked at as -5 x -5 pixels"},
    {view, OPTIONS(stria_view_options, .height = 1, .width = 65536), STRIA_BAD_ARGUMENT, "looked at as 65536 x 1"},
    {view, OPTIONS(stria_view_options, .augment = "flipp"), STRIA_BAD_ARGUMENT, "flipp"},
    {view_before, NULL, STRIA_BAD_ARGUMENT, "there is no image -1: the data has 60"},
    {view_after, NULL, STRIA_BAD_ARGUMENT, "there is no image 60: the data has 60"},
    {read_before, NULL, STRIA_BAD_ARGUMENT, "there is no image -1: the data has 60"},
    {read_after, NULL, STRIA_BAD_ARGUMENT, "there is no image 60: the data has 60"},
    {read_less, NULL, STRIA_BAD_SHAPE, "image 0 has 64 bytes, not 63"},
    {item_before, NULL, STRIA_BAD_ARGUMENT, "there is no image -1: the data has 60"},
    {item_after, NULL, STRIA_BAD_ARGUMENT, "there is no image 60: the data has 60"},
    {file_none, NULL, STRIA_NO_FILE, "none.png"},
    {dataset, OPTIONS(stria_dataset_options, .split = 3), STRIA_BAD_ARGUMENT, "there is no split 3 of a dataset"},
    {dataset, OPTIONS(stria_dataset_options, .limit = -1), STRIA_BAD_ARGUMENT, "a limit of -1 items"},
    {dataset, OPTIONS(stria_dataset_options, .val = 1.5), STRIA_BAD_ARGUMENT, "1.5 is not a share of the pictures"},
    {dataset, OPTIONS(stria_dataset_options, .seed = UINT64_MAX), STRIA_BAD_ARGUMENT, "the seed of the split is above"},
    {dataset_spec, "mnitst:none", STRIA_BAD_ARGUMENT, "mnitst"},
    {dataset_spec, "mnist:none", STRIA_NO_FILE, "none"},
    {pair_spec, "folder:none", STRIA_NO_FILE, "none"},
    {callbacks, NULL, STRIA_BAD_ARGUMENT, "there are no callbacks"},
    {callbacks, OPTIONS(stria_dataset_callbacks, .count = 3), STRIA_BAD_ARGUMENT, "needs label and read"},
    {pack_none, NULL, STRIA_BAD_ARGUMENT, "0 pictures per shard"},
    {fetch, OPTIONS(stria_fetch_options, .stall_seconds = 0), STRIA_BAD_ARGUMENT, "stall_seconds is 0, retry_ms 0"},
    {fetch, OPTIONS(stria_fetch_options, .stall_seconds = 1, .retry_ms = -1), STRIA_BAD_ARGUMENT, "retry_ms -1"},
    {fetch, OPTIONS(stria_fetch_options, .stall_seconds = 1, .sha256 = "12"), STRIA_BAD_ARGUMENT,
     "'12' is not a SHA-256 sum: 64 hexadecimal digits"},
    {fetch_url, "ftp://x/y", STRIA_BAD_ARGUMENT, "'ftp://x/y' is not an address that begins with http:// or https://"},
    {catalog_fetch, OPTIONS(stria_catalog_options, .stall_seconds = 0), STRIA_BAD_ARGUMENT, "stall_seconds is 0"},
    {catalog_name, "mnits", STRIA_BAD_ARGUMENT, "nothing called 'mnits' can be fetched; did you mean 'mnist'?"},
    {catalog_find, "no such thing", STRIA_BAD_ARGUMENT, "nothing called 'no such thing' can be fetched"},
    {sum_none, NULL, STRIA_NO_FILE, "none"},
    {pool, &(const int){-1}, STRIA_BAD_ARGUMENT, "threads is -1, but must be 0 (all CPUs) to 1024"},
    {pool, &(const int){1025}, STRIA_BAD_ARGUMENT, "threads is 1025, but must be 0 (all CPUs) to 1024"},
};

static void test_data(void **state) {
    (void)state;
    refusals_check(data_rows, COUNT(data_rows));
}

CALL(open_spec, stria_model_open(&refused.model, a, 0, e))
CALL(open_with, stria_model_open_with(&refused.model, "lenet5", a, NULL, e))
CALL(open_bytes, stria_model_open_bytes(&refused.model, a, 5, NULL, NULL, e))
CALL(open_known, stria_model_open_known(&refused.model, "lenet5", 0, a, &(bool){false}, 1, e))
CALL(from_no_graph, stria_model_from_graph(&refused.model, NULL, e))
CALL(graph_batch, stria_graph_from_model(&refused.graph, model, *(const int *)a, e))
CALL(save, stria_model_save(model, a, e))
CALL(save_with, stria_model_save_with(model, "never.onnx", a, e))
CALL(weights, stria_model_load_weights(model, a, NULL, e))
CALL(preprocess, stria_model_set_preprocess(model, a, e))
CALL(no_classes, stria_model_set_classes(model, NULL, 0, e))
CALL(head, stria_model_replace_head(&refused.model, model, *(const int *)a, 0, e))
CALL(head_plain, stria_model_replace_head(&refused.model, plain, 5, 0, e))
CALL(initialize, stria_model_initialize(&refused.model, model, a, 0, e))
CALL(initialize_plain, stria_model_initialize(&refused.model, plain, "he-normal", 0, e))
CALL(freeze, stria_model_freeze(&refused.model, model, a, e))
CALL(take_plain, stria_model_take_weights(&refused.model, model, plain, &refused.words, e))
CALL(classifier, stria_model_classifier(plain, &refused.classifier, e))
CALL(class_names, stria_model_class_names(&refused.names, &refused.count, plain, e))
CALL(range_plain, stria_model_check_range(plain, data, e))
CALL(session_new, stria_session_new(&refused.session, model, a, e))
CALL(session_set_none, stria_session_set(session, "none", "", 0, e))
CALL(session_set_less, stria_session_set(session, "image", "", 1, e))
CALL(session_get_none, stria_session_get(session, "none", refused.text, 4, e))
CALL(session_get_less, stria_session_get(session, "logits", refused.text, 4, e))
CALL(session_port, stria_session_port(session, "none", &refused.port, e))
CALL(summarize, stria_summarize(model, *(const int *)a, &refused.summary, e))
CALL(map, stria_map_memory(model, *(const int *)a, false, &refused.map, e))
CALL(map_plain, stria_map_memory(plain, 1, true, &refused.map, e))
CALL(bench, stria_bench_model(model, a, false, 1, &refused.bench, e))
CALL(bench_repeat, stria_bench_model(model, NULL, false, *(const int *)a, &refused.bench, e))
CALL(bench_plain, stria_bench_model(plain, NULL, true, 1, &refused.bench, e))
CALL(evaluate, stria_evaluate(model, data, a, &refused.evaluation, e))
CALL(evaluate_plain, stria_evaluate(plain, data, NULL, &refused.evaluation, e))
CALL(predictor_new, stria_predictor_new(&refused.predictor, model, a, e))
CALL(predictor_plain, stria_predictor_new(&refused.predictor, plain, NULL, e))

static const refusal model_rows[] = {
    {open_spec, "lenet6", STRIA_BAD_ARGUMENT, "did you mean 'lenet5'"},
    {open_spec, "lenet5:classes=0", STRIA_BAD_ARGUMENT, "classes"},
    {open_spec, "none.onnx", STRIA_NO_FILE, "none.onnx"},
    {open_with, OPTIONS(stria_open_options, .array_count = -2), STRIA_BAD_ARGUMENT, "-2 arrays"},
    {open_with, OPTIONS(stria_open_options, .dims = "height=3"), STRIA_BAD_ARGUMENT, "height"},
    {open_with, OPTIONS(stria_open_options, .data = NULL, .dims = "3"), STRIA_BAD_ARGUMENT, "'3'"},
    {open_bytes, "words", STRIA_BAD_FILE, "the first line of a .net file is 'stria-net 1'"},
    {open_known, &(stria_array){.type = STRIA_FLOAT32, .rank = 9, .data = &run}, STRIA_BAD_SHAPE,
     "input 0 has 9 dimensions"},
    {open_known, &(stria_array){.type = STRIA_FLOAT32, .rank = 1, .shape = {3}, .data = &run, .bytes = 8},
     STRIA_BAD_SHAPE, "input 0 has 8 bytes, its shape 12"},
    {open_known, &(stria_array){.type = 8, .rank = 1, .shape = {3}, .data = &run, .bytes = 8}, STRIA_BAD_ARGUMENT,
     "input 0 cannot be of type 8"},
    {from_no_graph, NULL, STRIA_NO_MEMORY, "there is no graph"},
    {graph_batch, &(const int){0}, STRIA_BAD_ARGUMENT, "a batch of 0 images cannot be run"},
    {save, "never.txt", STRIA_BAD_ARGUMENT, "never.txt"},
    {save, "none/x.onnx", STRIA_NO_FILE, "none/x.onnx"},
    {save_with, OPTIONS(stria_save_options, .opset = 12), STRIA_BAD_ARGUMENT, "opset 12: 13 to"},
    {save_with, OPTIONS(stria_save_options, .opset = 1000), STRIA_BAD_ARGUMENT, "opset 1000: 13 to"},
    {save_with, OPTIONS(stria_save_options, .weights = STRIA_INT8), STRIA_BAD_ARGUMENT,
     "weights are stored as float16 or bfloat16, not as int8"},
    {weights, "none.npz", STRIA_NO_FILE, "none.npz"},
    {preprocess, "torch", STRIA_BAD_ARGUMENT, "'torch'"},
    {no_classes, NULL, STRIA_BAD_ARGUMENT, "0 class names"},
    {head, &(const int){1}, STRIA_BAD_ARGUMENT, "1 class"},
    {head_plain, NULL, STRIA_BAD_SHAPE, "classifier"},
    {initialize, "best", STRIA_BAD_ARGUMENT, "'best'"},
    {initialize_plain, NULL, STRIA_BAD_ARGUMENT, "'plain' has weights already"},
    {freeze, "until:none", STRIA_BAD_ARGUMENT, "has no such layer or value"},
    {freeze, "none*", STRIA_BAD_ARGUMENT, "none*"},
    {take_plain, NULL, STRIA_BAD_ARGUMENT, "plain"},
    {classifier, NULL, STRIA_BAD_SHAPE, "classifier"},
    {class_names, NULL, STRIA_BAD_SHAPE, "classifier"},
    {range_plain, NULL, STRIA_BAD_SHAPE, "classifier"},
    {session_new, OPTIONS(stria_session_options, .batch = 0), STRIA_BAD_ARGUMENT, "a batch of 0 images cannot be run"},
    {session_new, OPTIONS(stria_session_options, .batch = 1, .isa = "z80"), STRIA_UNSUPPORTED,
     "instruction set 'z80' is not available on this machine; there are"},
    {session_new, OPTIONS(stria_session_options, .batch = 1, .threads = -1), STRIA_BAD_ARGUMENT,
     "threads is -1, but must be 0 (all CPUs) to 1024"},
    {session_set_none, NULL, STRIA_BAD_ARGUMENT, "'none'"},
    {session_set_less, NULL, STRIA_BAD_SHAPE, "'image'"},
    {session_get_none, NULL, STRIA_BAD_ARGUMENT, "'none'"},
    {session_get_less, NULL, STRIA_BAD_SHAPE, "'logits'"},
    {session_port, NULL, STRIA_BAD_ARGUMENT, "the model has no input, output or variable 'none'"},
    {summarize, &(const int){0}, STRIA_BAD_ARGUMENT, "a batch of 0 images cannot be run"},
    {map, &(const int){0}, STRIA_BAD_ARGUMENT, "a batch of 0 images cannot be run"},
    {map_plain, NULL, STRIA_BAD_SHAPE, "classifier"},
    {bench, OPTIONS(stria_session_options, .batch = -1), STRIA_BAD_ARGUMENT, "a batch of -1 images cannot be run"},
    {bench, OPTIONS(stria_session_options, .batch = 1, .isa = "z80"), STRIA_UNSUPPORTED,
     "instruction set 'z80' is not available on this machine; there are"},
    {bench, OPTIONS(stria_session_options, .batch = 1, .threads = 1025), STRIA_BAD_ARGUMENT,
     "threads is 1025, but must be 0 (all CPUs) to 1024"},
    {bench_repeat, &(const int){-1}, STRIA_BAD_ARGUMENT, "-1 repetitions are out of range 0 to 1000"},
    {bench_repeat, &(const int){1001}, STRIA_BAD_ARGUMENT, "1001 repetitions are out of range 0 to 1000"},
    {bench_plain, NULL, STRIA_BAD_SHAPE, "classifier"},
    {evaluate, OPTIONS(stria_inference_options, .batch = -1), STRIA_BAD_ARGUMENT, "a batch of -1 images cannot be run"},
    {evaluate, OPTIONS(stria_inference_options, .isa = "z80"), STRIA_UNSUPPORTED,
     "instruction set 'z80' is not available on this machine; there are"},
    {evaluate, OPTIONS(stria_inference_options, .threads = -1), STRIA_BAD_ARGUMENT,
     "threads is -1, but must be 0 (all CPUs) to 1024"},
    {evaluate, OPTIONS(stria_inference_options, .tta = 3), STRIA_BAD_ARGUMENT, "there is no test-time augmentation 3"},
    {evaluate_plain, NULL, STRIA_BAD_SHAPE, "classifier"},
    {predictor_new, OPTIONS(stria_inference_options, .batch = -1), STRIA_BAD_ARGUMENT,
     "a batch of -1 images cannot be run"},
    {predictor_new, OPTIONS(stria_inference_options, .isa = "z80"), STRIA_UNSUPPORTED,
     "instruction set 'z80' is not available on this machine; there are"},
    {predictor_new, OPTIONS(stria_inference_options, .threads = -1), STRIA_BAD_ARGUMENT,
     "threads is -1, but must be 0 (all CPUs) to 1024"},
    {predictor_new, OPTIONS(stria_inference_options, .tta = -1), STRIA_BAD_ARGUMENT,
     "there is no test-time augmentation -1"},
    {predictor_plain, NULL, STRIA_BAD_SHAPE, "classifier"},
};

static void test_models(void **state) {
    (void)state;
    refusals_check(model_rows, COUNT(model_rows));
    assert_int_equal(access("never.onnx", F_OK), -1);
}

/* ---- training ---- */

static stria_train_options standard;
static const char *const no_row[] = {"none", NULL}, *const kept_row[] = {"seed", NULL};

CALL(trainer, stria_trainer_new(&refused.trainer, model, data, NULL, a, e))
CALL(trainer_no_data, stria_trainer_new(&refused.trainer, model, NULL, NULL, NULL, e))
CALL(trainer_plain, stria_trainer_new(&refused.trainer, plain, data, NULL, NULL, e))
CALL(option_unknown, stria_train_option_set(&refused.train, a, "1", e))
CALL(option_lr, stria_train_option_set(&refused.train, "lr", a, e))
CALL(option_get, stria_train_option_get(&standard, a, refused.text, 300, e))
CALL(option_get_short, stria_train_option_get(&standard, "optimizer", refused.text, 2, e))
CALL(resume_none, stria_trainer_resume(&refused.trainer, "none", NULL, NULL, e))
CALL(resume_memory, stria_trainer_resume(&refused.trainer, "run", NULL, NULL, e))
CALL(resume_other, stria_trainer_resume(&refused.trainer, "run", small_data_spec, NULL, e))
CALL(resume_options, stria_trainer_resume(&refused.trainer, "run", small_data_spec, a, e))
CALL(resume_nothing, stria_trainer_resume_with(&refused.trainer, "run", NULL, NULL, kept_row, e))
CALL(resume_unknown, stria_trainer_resume_with(&refused.trainer, "run", small_data_spec, a, no_row, e))
CALL(resume_kept, stria_trainer_resume_with(&refused.trainer, "run", small_data_spec, a, kept_row, e))
CALL(resume_no_data, stria_trainer_resume_data(&refused.trainer, "run", NULL, NULL, NULL, e))
CALL(resume_other_data, stria_trainer_resume_data(&refused.trainer, "run", data, NULL, NULL, e))
CALL(resume_val, stria_trainer_resume_data(&refused.trainer, "run", data, data, NULL, e))
CALL(resume_folder, stria_trainer_resume_data(&refused.trainer, "none", data, NULL, NULL, e))
CALL(run_open, stria_run_open(&refused.run, "none", e))
CALL(run_data, stria_run_data("none", refused.text, 300, e))
CALL(run_data_short, stria_run_data("run", refused.text, 1, e))
CALL(run_options, stria_run_data_options("none", &refused.source, e))

#define TRAIN(...) OPTIONS(stria_train_options, .accumulate = 1, __VA_ARGS__)

static const refusal train_rows[] = {
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = -1), STRIA_BAD_ARGUMENT, "--lr: -1 is out of range"},
    {trainer, TRAIN(.epochs = 2, .lr = 0.1, .batch = -1), STRIA_BAD_ARGUMENT, "--batch: -1 is out of range"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .threads = -1), STRIA_BAD_ARGUMENT,
     "--threads: -1 is out of range"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .seed = UINT64_MAX), STRIA_BAD_ARGUMENT, "--seed"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .optimizer = "sgdd"), STRIA_BAD_ARGUMENT, "sgdd"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .loss = "none"), STRIA_BAD_ARGUMENT, "none"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .schedule = "none"), STRIA_BAD_ARGUMENT, "none"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .augment = "none such"), STRIA_BAD_ARGUMENT, "none"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .patience = 3), STRIA_BAD_ARGUMENT,
     "--patience needs validation images, and there are none"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .eval_every = 3), STRIA_BAD_ARGUMENT,
     "--eval-every needs validation images, and there are none"},
    {trainer, TRAIN(.epochs = 2, .lr = 0.1, .batch = 61), STRIA_BAD_ARGUMENT,
     "60 training images are fewer than one batch (61)"},
    {trainer, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .out = "run"), STRIA_BAD_ARGUMENT,
     "'run' holds a training already: resume it, or choose another"},
    {trainer_no_data, NULL, STRIA_BAD_ARGUMENT, "there is no training data"},
    {trainer_plain, NULL, STRIA_BAD_SHAPE, "classifier"},
    {option_unknown, "epoch", STRIA_BAD_ARGUMENT, "epochs"},
    {option_lr, "fast", STRIA_BAD_ARGUMENT, "--lr: 'fast' is not a number"},
    {option_lr, "-1", STRIA_BAD_ARGUMENT, "--lr: -1 is out of range"},
    {option_get, "none", STRIA_BAD_ARGUMENT, "there is no training option 'none'"},
    {option_get_short, NULL, STRIA_BAD_ARGUMENT, "bytes, more than 2"},
    {resume_none, NULL, STRIA_NO_FILE, "none"},
    {resume_memory, NULL, STRIA_BAD_ARGUMENT, "was in the memory of the program that began it"},
    {resume_other, NULL, STRIA_BAD_FILE, "(60 images) is not what this training began with"},
    {resume_options, TRAIN(.batch = 10, .lr = 0.1, .epochs = 1), STRIA_BAD_ARGUMENT,
     "this run already has 2 epochs; --epochs must be at least 2"},
    {resume_options, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .threads = -1), STRIA_BAD_ARGUMENT,
     "--threads: -1 is out of range"},
    {resume_options, &(const size_t){0}, STRIA_BAD_ARGUMENT, "start from stria_train_options_default()"},
    {resume_nothing, NULL, STRIA_BAD_ARGUMENT, "'seed' should change, but no options are given"},
    {resume_unknown, TRAIN(.batch = 10, .lr = 0.1, .epochs = 2), STRIA_BAD_ARGUMENT,
     "there is no training option 'none'"},
    {resume_kept, TRAIN(.epochs = 2, .batch = 10, .lr = 0.1, .seed = 77), STRIA_BAD_ARGUMENT,
     "--seed cannot change when a run is resumed"},
    {resume_no_data, NULL, STRIA_BAD_ARGUMENT, "there is no training data"},
    {resume_other_data, NULL, STRIA_BAD_FILE, "(60 images) is not what this training began with"},
    {resume_val, NULL, STRIA_BAD_ARGUMENT, "the training in 'run' began without validation data"},
    {resume_folder, NULL, STRIA_NO_FILE, "none"},
    {run_open, NULL, STRIA_NO_FILE, "none"},
    {run_data, NULL, STRIA_NO_FILE, "none"},
    {run_data_short, NULL, STRIA_BAD_ARGUMENT, "bytes, more than 1"},
    {run_options, NULL, STRIA_NO_FILE, "none"},
};

static void test_training(void **state) {
    (void)state;
    standard = stria_train_options_default();
    refusals_check(train_rows, COUNT(train_rows));
    assert_null(stria_run_text(run, "none"));
    assert_non_null(stria_run_text(run, "step"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_training),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
