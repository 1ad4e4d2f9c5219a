/* What goes wrong while a training runs: every write fails once, files may not grow, a folder may not be written,
 * numbers go astray. A sentence that says so, nothing half-written, and whatever was there before can still be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stria/stria.h>

#include "base/file.h"
#include "base/memory.h"
#include "small.h"

static char run[512], saved[512];
static stria_model *model;
static stria_dataset *train_data, *val_data;

static stria_status train(double lr, int64_t epochs, stria_error *err) {
    stria_trainer *t = NULL;
    stria_train_options options = stria_train_options_default();
    options.epochs = epochs;
    options.batch = 10;
    options.lr = lr;
    options.threads = 1;
    options.out = run;
    stria_status status = stria_trainer_new(&t, model, train_data, val_data, &options, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    stria_trainer_free(t);
    return status;
}

static stria_status resume(int64_t epochs, stria_error *err) {
    stria_trainer *t = NULL;
    stria_train_options options = stria_train_options_default();
    options.epochs = epochs;
    options.threads = 1;
    stria_status status = stria_trainer_resume(&t, run, NULL, &options, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    stria_trainer_free(t);
    return status;
}

static void no_leavings(void) {
    DIR *folder = opendir(run);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (strstr(entry->d_name, ".tmp")) fail_msg("%s is left", entry->d_name);
    if (folder) closedir(folder);
}

static bool has_checkpoint(void) {
    char path[600];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", run);
    return file_exists(path);
}

/* Whatever a failed training left: it goes on, or begins. */
static void goes_on(long n) {
    stria_error err = {0};
    no_leavings();
    stria_status status = has_checkpoint() ? resume(2, &err) : train(0.01, 2, &err);
    if (status != STRIA_OK) fail_msg("after write %ld failed: %s", n, err.text);
}

static void writes_fail(void **state) {
    stria_status status = STRIA_IO;
    long n = 1;
    (void)state;
    for (; status != STRIA_OK; n++) {
        stria_error err = {0};
        small_folder_empty(run);
        file_fail_at(n);
        status = train(0.01, 1, &err);
        file_fail_at(0);
        if (status == STRIA_OK) break;
        bool told = strstr(err.text, "cannot write '") || strstr(err.text, "cannot make folder '");
        if (status != STRIA_IO || !told || !strstr(err.text, run) || !strstr(err.text, "no space"))
            fail_msg("write %ld: status %d, '%s'", n, status, err.text);
        goes_on(n);
    }
    assert_true(n > 10);
}

/* The old file stays, byte for byte. */
static void save_fails(void **state) {
    uint8_t *before, *after;
    size_t before_bytes, after_bytes;
    stria_status status = STRIA_IO;
    (void)state;
    assert_int_equal(stria_model_save(model, saved, NULL), STRIA_OK);
    assert_int_equal(file_read(saved, 0, &before, &before_bytes, NULL), STRIA_OK);
    for (long n = 1; status != STRIA_OK; n++) {
        stria_error err = {0};
        file_fail_at(n);
        status = stria_model_save(model, saved, &err);
        file_fail_at(0);
        assert_true(status == STRIA_OK || (status == STRIA_IO && strstr(err.text, saved)));
        assert_int_equal(file_read(saved, 0, &after, &after_bytes, NULL), STRIA_OK);
        assert_int_equal(after_bytes, before_bytes);
        assert_memory_equal(after, before, before_bytes);
        mem_free(after);
    }
    mem_free(before);
}

/* The system refuses: a file may have 512 bytes. */
static void files_may_not_grow(void **state) {
    struct rlimit before, small;
    stria_error err = {0};
    (void)state;
    small_folder_empty(run);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 512;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    stria_status status = train(0.01, 1, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, STRIA_IO);
    assert_non_null(strstr(err.text, "checkpoint.safetensors"));
    assert_false(has_checkpoint());
    no_leavings();
}

static void folder_may_not_be_written(void **state) {
    stria_error err = {0};
    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root may write everywhere\n");
        skip();
    }
    small_folder_empty(run);
    assert_int_equal(mkdir(run, 0555), 0);
    assert_int_equal(train(0.01, 1, &err), STRIA_IO);
    assert_non_null(strstr(err.text, run));
    assert_int_equal(chmod(run, 0755), 0);
}

/* A file stands where the folder should. */
static void folder_is_a_file(void **state) {
    stria_error err = {0};
    (void)state;
    small_folder_empty(run);
    assert_int_equal(file_write(run, "x", 1, NULL), STRIA_OK);
    assert_int_equal(train(0.01, 1, &err), STRIA_IO);
    assert_non_null(strstr(err.text, run));
    small_folder_empty(run);
}

/* ---- numbers that go astray ---- */

static void parameters_are_finite(void) {
    stria_model *m = NULL;
    stria_session *s = NULL;
    float w[100];
    assert_int_equal(stria_model_open(&m, run, 0, NULL), STRIA_OK);
    assert_int_equal(stria_session_new(&s, m, NULL, NULL), STRIA_OK);
    assert_int_equal(stria_session_get(s, "conv1.weight", w, sizeof w, NULL), STRIA_OK);
    for (int i = 0; i < 100; i++) assert_true(isfinite(w[i]));
    stria_session_free(s);
    stria_model_free(m);
}

/* Without rectifiers, which would die and stay finite. */
static void rate_is_too_high(void **state) {
    stria_error err = {0};
    stria_model *whole = model;
    (void)state;
    small_folder_empty(run);
    model = small_model(false, &err);
    stria_status status = train(1e6, 20, &err);
    stria_model_free(model);
    model = whole;
    assert_int_equal(status, STRIA_NOT_FINITE);
    if (!strstr(err.text, "step ") || !strstr(err.text, "lr ") || !strstr(err.text, "layer '") ||
        !strstr(err.text, "holds ") || !strstr(err.text, "the last good checkpoint is kept in") ||
        !strstr(err.text, run))
        fail_msg("it says: %s", err.text);
    parameters_are_finite();
    no_leavings();
    assert_int_equal(resume(20, &err), STRIA_NOT_FINITE); /* it goes on, and astray in the same way */
    parameters_are_finite();
}

/* Twenty pictures as real numbers; the thirteenth holds a NaN: it is found before anything is trained. */
static void data_holds_nan(void **state) {
    static float x[20 * 64];
    int64_t y[20];
    char spec[1300];
    stria_error err = {0};
    stria_dataset *d = NULL;
    (void)state;
    for (int i = 0; i < 20; i++) y[i] = i % 10;
    for (int i = 0; i < 20 * 64; i++) x[i] = (float)(i % 17) / 17;
    x[12 * 64 + 5] = NAN;
    assert_true(small_npy("x.npy", "<f4", "20, 1, 8, 8", x, sizeof x));
    assert_true(small_npy("y.npy", "<i8", "20,", y, sizeof y));
    snprintf(spec, sizeof spec, "npy:%s/x.npy,%s/y.npy", small_folder, small_folder);
    assert_int_equal(stria_dataset_open(&d, spec, NULL, &err), STRIA_NOT_FINITE);
    if (!strstr(err.text, "x.npy") || !strstr(err.text, "NaN") || !strstr(err.text, "12"))
        fail_msg("it says: %s", err.text);
}

static void classes_do_not_fit(void **state) {
    stria_error err = {0};
    stria_model *whole = model;
    (void)state;
    small_folder_empty(run);
    assert_int_equal(stria_model_open(&model, "linear:size=1x8x8,classes=3", 1, NULL), STRIA_OK);
    stria_status status = train(0.01, 1, &err);
    stria_model_free(model);
    model = whole;
    assert_int_equal(status, STRIA_BAD_SHAPE);
    assert_non_null(strstr(err.text, "10 classes"));
    assert_false(has_checkpoint());
}

static int setup(void **state) {
    if (small_data_setup(state)) return -1;
    snprintf(run, sizeof run, "%s/run", small_folder);
    snprintf(saved, sizeof saved, "%s/saved.onnx", small_folder);
    return small_training(&model, &train_data, &val_data) ? 0 : -1;
}

static int teardown(void **state) {
    stria_dataset_free(train_data);
    stria_dataset_free(val_data);
    stria_model_free(model);
    return small_data_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fail),        cmocka_unit_test(save_fails),
        cmocka_unit_test(files_may_not_grow), cmocka_unit_test(folder_may_not_be_written),
        cmocka_unit_test(folder_is_a_file),   cmocka_unit_test(rate_is_too_high),
        cmocka_unit_test(data_holds_nan),     cmocka_unit_test(classes_do_not_fit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
