/* What a training is given and what it takes up again, at the edges: pictures that do not fit, names of any length,
 * checkpoints that say what cannot be, options and arguments out of range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/safetensors.h"
#include "small.h"

static char run[512], checkpoint_path[600];
static stria_dataset *data;

static void says(stria_status status, stria_status expected, const stria_error *err, const char *words) {
    if (status != expected || !strstr(err->text, words)) fail_msg("status %d: '%s'", status, err->text);
}

static stria_train_options options_of(int64_t epochs, const char *out) {
    stria_train_options o = stria_train_options_default();
    o.epochs = epochs;
    o.batch = 10;
    o.lr = 0.01;
    o.threads = 1;
    o.out = out;
    return o;
}

static stria_status train(stria_model *m, stria_dataset *d, const char *out, stria_model **trained, stria_error *err) {
    stria_trainer *t = NULL;
    stria_train_options o = options_of(1, out);
    stria_status status = stria_trainer_new(&t, m, d, NULL, &o, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    if (status == STRIA_OK && trained) status = stria_trainer_model(trained, t, err);
    stria_trainer_free(t);
    return status;
}

static stria_status resume(int64_t epochs, stria_error *err) {
    stria_trainer *t = NULL;
    stria_train_options o = options_of(epochs, "");
    stria_status status = stria_trainer_resume(&t, run, NULL, &o, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    stria_trainer_free(t);
    return status;
}

/* Ends `run` after so many steps, or epochs; 0 of both leaves its end. Where it stands then, in steps. */
static stria_status go_on(int64_t epochs, int64_t steps, long *stands, stria_error *err) {
    stria_run *r = NULL;
    stria_trainer *t = NULL;
    stria_train_options o = options_of(epochs, "");
    o.steps = steps;
    stria_status status = stria_trainer_resume(&t, run, NULL, &o, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    stria_trainer_free(t);
    if (status == STRIA_OK) status = stria_run_open(&r, run, err);
    if (status == STRIA_OK) *stands = strtol(stria_run_text(r, "step"), NULL, 10);
    stria_run_free(r);
    return status;
}

/* A run by steps takes more of them, or epochs instead; one by epochs takes steps. An epoch has six steps. */
static void ends_change(void **state) {
    stria_error err = {0};
    stria_trainer *t = NULL;
    stria_model *m = small_model(true, &err);
    stria_train_options o = options_of(1, run);
    long stands = 0;
    (void)state;
    small_folder_empty(run);
    o.steps = 7;
    assert_int_equal(stria_trainer_new(&t, m, data, NULL, &o, &err), STRIA_OK);
    assert_int_equal(stria_trainer_run(t, &err), STRIA_OK);
    stria_trainer_free(t);
    static const struct {
        int64_t epochs, steps;
        long stands;      /* 0: it is refused */
        const char *says; /* why */
    } rows[] = {{0, 0, 7, ""},
                {0, 6, 0, "this run already has 7 steps; --steps must be at least 7"},
                {1, 0, 0, "this run has begun 2 epochs; --epochs must be at least 2"},
                {0, 8, 8, ""},
                {1, 8, 8, ""}, /* of both, the steps hold */
                {4, 0, 24, ""},
                {0, 0, 24, ""},
                {3, 0, 0, "this run already has 4 epochs; --epochs must be at least 4"},
                {0, 25, 25, ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stria_status status = go_on(rows[i].epochs, rows[i].steps, &stands, &err);
        if (!rows[i].stands) says(status, STRIA_BAD_ARGUMENT, &err, rows[i].says);
        else if (status != STRIA_OK || stands != rows[i].stands)
            fail_msg("row %zu: %ld steps, %s", i, stands, err.text);
    }
    stria_model_free(m);
}

/* ---- pictures ---- */

static stria_dataset *larger_pictures(void) {
    static uint8_t x[20 * 32 * 24];
    int64_t y[20];
    char spec[1300];
    stria_dataset *d = NULL;
    for (int i = 0; i < 20; i++) y[i] = i % 10;
    for (int i = 0; i < 20 * 32 * 24; i++) x[i] = (uint8_t)(i % 251);
    assert_true(small_npy("x.npy", "|u1", "20, 1, 32, 24", x, sizeof x));
    assert_true(small_npy("y.npy", "<i8", "20,", y, sizeof y));
    snprintf(spec, sizeof spec, "npy:%s/x.npy,%s/y.npy", small_folder, small_folder);
    assert_int_equal(stria_dataset_open(&d, spec, NULL, NULL), STRIA_OK);
    return d;
}

/* A model that says how pixels are scaled, not how pictures are sized, learns from 32 × 24 for its input of 8 × 8. */
static void larger_pictures_are_resized(void **state) {
    stria_error err = {0};
    stria_model *m = small_model(true, &err), *trained = NULL;
    stria_dataset *d = larger_pictures();
    (void)state;
    assert_int_equal(stria_model_set_metadata(m, "stria.scale", "0.5", NULL), STRIA_OK);
    stria_status status = train(m, d, "", &trained, &err);
    if (status != STRIA_OK) fail_msg("%s", err.text);
    assert_string_equal(stria_model_metadata(trained, "stria.resize"), "8x8");
    assert_string_equal(stria_model_metadata(trained, "stria.scale"), "0.5");
    stria_model_free(trained);
    stria_model_free(m);
    stria_dataset_free(d);
}

/* One that says a size which is not its input's is refused before a picture is loaded. */
static void wrong_sizes_are_refused(void **state) {
    static const char *const keys[][2] = {{"stria.resize", "16x16"}, {"stria.crop", "12x9"}};
    stria_dataset *d = larger_pictures();
    (void)state;
    for (int i = 0; i < 2; i++) {
        stria_error err = {0};
        stria_model *m = small_model(true, &err);
        assert_int_equal(stria_model_set_metadata(m, "stria.scale", "0.5", NULL), STRIA_OK);
        assert_int_equal(stria_model_set_metadata(m, keys[i][0], keys[i][1], NULL), STRIA_OK);
        says(train(m, d, "", NULL, &err), STRIA_BAD_SHAPE, &err,
             i ? "pictures come as 1x12x9, but input 'image' takes 1x8x8" : "1x16x16");
        stria_model_free(m);
    }
    stria_dataset_free(d);
}

/* ---- names ---- */

static stria_model *model_named(const char *weight) {
    stria_model *m = NULL;
    stria_graph *g = stria_graph_new("named");
    float w[64 * 10];
    for (int i = 0; i < 640; i++) w[i] = (float)(i % 7) / 50;
    stria_value *x = stria_input(g, "image", STRIA_FLOAT32, 4, (const int64_t[]){0, 1, 8, 8});
    stria_value *v = stria_variable(g, weight, STRIA_FLOAT32, 2, (const int64_t[]){64, 10}, w);
    stria_output(g, stria_matmul(g, stria_flatten(g, x), v), "logits");
    stria_error err = {0};
    if (stria_model_from_graph(&m, g, &err) != STRIA_OK) fail_msg("%s", err.text);
    return m;
}

static void names_come_back(void **state) {
    static char longest[701];
    const char *names[] = {longest, "state/w/momentum", "state/", "param/w", "graph"};
    (void)state;
    memset(longest, 'w', 700);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        stria_error err = {0};
        stria_model *m = model_named(names[i]);
        small_folder_empty(run);
        stria_status status = train(m, data, run, NULL, &err);
        if (status == STRIA_OK) status = resume(2, &err);
        if (status != STRIA_OK) fail_msg("%.20s: %s", names[i], err.text);
        stria_model_free(m);
    }
}

static void long_specs_are_refused(void **state) {
    stria_error err = {0};
    stria_dataset *d = NULL;
    stria_model *m = small_model(true, &err);
    static char spec[2000];
    (void)state;
    snprintf(spec, sizeof spec, "mnist:%s/data", small_folder);
    while (strlen(spec) < 1200) strcat(spec, "/.");
    assert_int_equal(stria_dataset_open(&d, spec, NULL, &err), STRIA_OK);
    says(train(m, d, "", NULL, &err), STRIA_BAD_ARGUMENT, &err, "the data's name has 120");
    stria_dataset_free(d);
    stria_model_free(m);
}

/* ---- positions ---- */

static void checkpoint_say(const char *key, const char *value) {
    safetensors f = {0};
    assert_int_equal(safetensors_read(&f, checkpoint_path, NULL), STRIA_OK);
    int i = 0;
    while (i < f.metadata_count && strcmp(f.metadata[i].key, key) != 0) i++;
    assert_true(i < f.metadata_count);
    const char *own = f.metadata[i].value;
    f.metadata[i].value = value;
    int sum = 0; /* a forger can do sums, too */
    while (strcmp(f.metadata[sum].key, SAFETENSORS_CHECKSUM) != 0) sum++;
    const char *old = f.metadata[sum].value;
    char checksum[32];
    snprintf(checksum, sizeof checksum, "%016llx", (unsigned long long)safetensors_checksum(&f));
    f.metadata[sum].value = checksum;
    assert_int_equal(safetensors_write(&f, checkpoint_path, NULL), STRIA_OK);
    f.metadata[i].value = own;
    f.metadata[sum].value = old;
    safetensors_release(&f);
}

static void positions_are_checked(void **state) {
    static const char *const rows[][3] = {
        {"epoch", "-1", "not a count"},
        {"epoch", "7", "the checkpoint stands at epoch 7"},
        {"epoch", "9223372036854775807", "the checkpoint stands at epoch"},
        {"batch", "7", "batch 7"},
        {"batch", "1", "batch 1"},
        {"step", "5", "step 5"},
        {"epoch.images", "10", "counts 10 images"},
        {"epoch.top1", "1", "1 right"},
        {"epoch.loss", "nan", "'epoch.loss' is 'nan', not a number"},
        {"epoch.loss", "1x", "not a number"},
        {"best.step", "7", "its best score"},
        {"best.top1", "7", "its best score, 7,"},
        {"best.top1", "x", "'best.top1' is 'x', not a number"},
        {"data.checksum", "12", "not 16 hexadecimal digits"},
        {"data.images", "60 ", "not a count"},
    };
    stria_error err = {0};
    stria_model *m = small_model(true, &err);
    uint8_t *good;
    size_t bytes;
    (void)state;
    small_folder_empty(run);
    assert_int_equal(train(m, data, run, NULL, &err), STRIA_OK);
    assert_int_equal(file_read(checkpoint_path, 0, &good, &bytes, NULL), STRIA_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        err = (stria_error){0};
        checkpoint_say(rows[i][0], rows[i][1]);
        says(resume(2, &err), STRIA_BAD_FILE, &err, rows[i][2]);
        assert_int_equal(file_write(checkpoint_path, good, bytes, NULL), STRIA_OK);
    }
    if (resume(2, &err) != STRIA_OK) fail_msg("%s", err.text);
    mem_free(good);
    stria_model_free(m);
}

/* Astray, and the checkpoint is gone: nothing is claimed of it. */
static bool checkpoint_spoil(const stria_event *e, void *context) {
    (void)context;
    if (e->kind == STRIA_EVENT_CHECKPOINT) assert_int_equal(file_write(checkpoint_path, "x", 1, NULL), STRIA_OK);
    return true;
}

static void lost_checkpoints_are_not_claimed(void **state) {
    stria_error err = {0};
    stria_model *m = small_model(false, &err);
    stria_trainer *t = NULL;
    stria_train_options o = options_of(20, run);
    (void)state;
    small_folder_empty(run);
    o.lr = 1e6;
    assert_int_equal(stria_trainer_new(&t, m, data, NULL, &o, &err), STRIA_OK);
    stria_trainer_on_event(t, checkpoint_spoil, NULL);
    says(stria_trainer_run(t, &err), STRIA_NOT_FINITE, &err, "the last checkpoint could not be restored: ");
    stria_trainer_free(t);
    stria_model_free(m);
}

/* ---- memory ---- */

static bool memory_take(const stria_event *e, void *context) {
    if (e->kind == STRIA_EVENT_START) *(stria_event *)context = *e;
    return true;
}

/* Kinds of memory are disjoint: a session of the step would hold no more than their sum. */
static void memory_is_counted_once(void **state) {
    stria_error err = {0};
    stria_model *m = small_model(true, &err);
    stria_trainer *t = NULL;
    stria_summary s = {.size = sizeof s};
    stria_event start = {0};
    stria_train_options o = options_of(1, "");
    (void)state;
    assert_int_equal(stria_trainer_new(&t, m, data, NULL, &o, &err), STRIA_OK);
    stria_trainer_on_event(t, memory_take, &start);
    assert_int_equal(stria_trainer_run(t, &err), STRIA_OK);
    assert_int_equal(start.gradient_bytes, 4 * start.parameters);
    assert_int_equal(stria_summarize(m, o.batch, &s, &err), STRIA_OK);
    uint64_t states = start.parameter_bytes + start.optimizer_bytes;
    assert_true(start.activation_bytes > 10 * 4 * 64 * 4); /* at least the convolution's result */
    assert_true(states + start.activation_bytes + start.gradient_bytes <= s.training_bytes);
    stria_summary_release(&s);
    stria_trainer_free(t);
    stria_model_free(m);
}

/* ---- options and arguments ---- */

static void options_need_their_size(void **state) {
    stria_error err = {0};
    stria_model *m = small_model(true, &err);
    stria_session *s = NULL;
    stria_predictor *p = NULL;
    stria_dataset *d = NULL;
    stria_trainer *t = NULL;
    stria_evaluation e = {.size = sizeof e};
    stria_bench b = {.size = sizeof b};
    (void)state;
#define REFUSED(call, kind) says(call, STRIA_BAD_ARGUMENT, &err, "start from stria_" kind "_options_default()")
    REFUSED(stria_session_new(&s, m, &(stria_session_options){.batch = 1}, &err), "session");
    REFUSED(stria_bench_model(m, &(stria_session_options){.batch = 1}, false, 1, &b, &err), "session");
    REFUSED(stria_evaluate(m, data, &(stria_inference_options){.batch = 1}, &e, &err), "inference");
    REFUSED(stria_predictor_new(&p, m, &(stria_inference_options){.batch = 1}, &err), "inference");
    REFUSED(stria_dataset_open(&d, small_data_spec, &(stria_dataset_options){.limit = 1}, &err), "dataset");
    REFUSED(stria_trainer_new(&t, m, data, NULL, &(stria_train_options){.epochs = 1}, &err), "train");
    stria_model_free(m);
}

/* Callers of an earlier version, whose struct ended after `batch`, and of a later one. */
static void other_sizes_are_taken(void **state) {
    struct later {
        stria_session_options known;
        char more[64];
    } o = {.known = {.size = offsetof(stria_session_options, threads), .batch = 3, .threads = -7, .isa = "none such"}};
    stria_error err = {0};
    stria_model *m = small_model(true, &err);
    stria_session *s = NULL;
    (void)state;
    if (stria_session_new(&s, m, &o.known, &err) != STRIA_OK) fail_msg("%s", err.text);
    stria_session_free(s);
    o.known = stria_session_options_default();
    o.known.size = sizeof o;
    if (stria_session_new(&s, m, &o.known, &err) != STRIA_OK) fail_msg("%s", err.text);
    stria_session_free(s);
    stria_model_free(m);
}

static void arguments_are_checked(void **state) {
    char path[600];
    float x[6] = {0};
    stria_error err = {0};
    stria_model *m = small_model(true, &err);
    stria_dataset *d = NULL;
    stria_bench b = {.size = sizeof b};
    stria_dataset_options split = stria_dataset_options_default();
    stria_session_options batch = stria_session_options_default();
    (void)state;
    snprintf(path, sizeof path, "%s/array.npy", small_folder);
    split.split = (stria_split)3;
    says(stria_dataset_open(&d, small_data_spec, &split, &err), STRIA_BAD_ARGUMENT, &err, "no split 3");
    batch.batch = 0;
    says(stria_bench_model(m, &batch, true, 1, &b, &err), STRIA_BAD_ARGUMENT, &err, "a batch of 0 images");
    stria_array a = {STRIA_FLOAT32, 2, {2, 3}, x, sizeof x};
    assert_int_equal(stria_array_write(path, &a, &err), STRIA_OK);
    a.rank = 9;
    says(stria_array_write(path, &a, &err), STRIA_BAD_SHAPE, &err, "rank 9");
    a = (stria_array){STRIA_FLOAT32, 2, {2, 4}, x, sizeof x};
    says(stria_array_write(path, &a, &err), STRIA_BAD_SHAPE, &err, "needs 32 bytes, 24");
    a.shape[0] = -1;
    says(stria_array_write(path, &a, &err), STRIA_BAD_SHAPE, &err, "the array has the impossible shape [-1, 4]");
    assert_string_equal(stria_value_name(NULL), "");
    assert_int_equal(stria_value_type(NULL), 0);
    assert_int_equal(stria_value_shape(NULL, NULL), 0);
    stria_graph_seed(NULL, 1);
    stria_model_free(m);
}

static int setup(void **state) {
    if (small_data_setup(state)) return -1;
    snprintf(run, sizeof run, "%s/run", small_folder);
    snprintf(checkpoint_path, sizeof checkpoint_path, "%s/checkpoint.safetensors", run);
    return stria_dataset_open(&data, small_data_spec, NULL, NULL) == STRIA_OK ? 0 : -1;
}

static int teardown(void **state) {
    stria_dataset_free(data);
    return small_data_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_change),
        cmocka_unit_test(larger_pictures_are_resized),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(names_come_back),
        cmocka_unit_test(long_specs_are_refused),
        cmocka_unit_test(positions_are_checked),
        cmocka_unit_test(lost_checkpoints_are_not_claimed),
        cmocka_unit_test(memory_is_counted_once),
        cmocka_unit_test(options_need_their_size),
        cmocka_unit_test(other_sizes_are_taken),
        cmocka_unit_test(arguments_are_checked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
