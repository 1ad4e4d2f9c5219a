/* Every system call that writes a run folder is failed, and the process is killed before it, in turn, from the first to
 * the last; then the same command or --resume is done again. What is there at the end is, to the byte, what an
 * undisturbed training leaves: checkpoint, model.onnx, best.onnx, and the lines but for their seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stria/stria.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/safetensors.h"
#include "small.h"

enum { EPOCHS = 4, BATCH = 10, CALLS_MAX = 400 };

static char whole[512], run[512];
static stria_model *model;
static stria_dataset *train_data, *val_data;

static bool has(const char *folder, const char *name) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return file_exists(path);
}

static stria_status begin(const char *folder, stria_error *err) {
    stria_trainer *t = NULL;
    stria_train_options options = stria_train_options_default();
    options.epochs = EPOCHS;
    options.batch = BATCH;
    options.lr = 0.3;
    options.threads = 1;
    options.out = folder;
    stria_status status = stria_trainer_new(&t, model, train_data, val_data, &options, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    stria_trainer_free(t);
    return status;
}

static stria_status go_on(const char *folder, stria_error *err) {
    stria_trainer *t = NULL;
    stria_status status = stria_trainer_resume(&t, folder, NULL, NULL, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    stria_trainer_free(t);
    return status;
}

static stria_status train(const char *folder, stria_error *err) {
    return has(folder, "checkpoint.safetensors") ? go_on(folder, err) : begin(folder, err);
}

/* ---- what a folder holds ---- */

static uint8_t *content(const char *folder, const char *name, size_t *bytes) {
    char path[600];
    uint8_t *data = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file_read(path, 0, &data, bytes, NULL) != STRIA_OK) fail_msg("%s cannot be read", path);
    return data;
}

static void same_bytes(const char *name, const char *when, long n) {
    size_t a_bytes, b_bytes;
    uint8_t *a = content(whole, name, &a_bytes), *b = content(run, name, &b_bytes);
    if (a_bytes != b_bytes || memcmp(a, b, a_bytes) != 0) fail_msg("%s %ld: %s differs", when, n, name);
    mem_free(a);
    mem_free(b);
}

/* All tensors, and all metadata but those that name the folder and their sum. */
static void same_checkpoint(const char *when, long n) {
    safetensors a, b;
    char path[600];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", whole);
    assert_int_equal(safetensors_read(&a, path, NULL), STRIA_OK);
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", run);
    assert_int_equal(safetensors_read(&b, path, NULL), STRIA_OK);
    assert_int_equal(a.entry_count, b.entry_count);
    for (int i = 0; i < a.entry_count; i++) {
        const tensor *x = a.entries[i].data, *y = safetensors_find(&b, a.entries[i].name);
        if (!y || x->bytes != y->bytes || memcmp(x->data, y->data, x->bytes) != 0)
            fail_msg("%s %ld: the checkpoint's '%s' differs", when, n, a.entries[i].name);
    }
    for (int i = 0; i < a.metadata_count; i++) {
        const char *key = a.metadata[i].key, *other = safetensors_metadata(&b, key);
        if (strcmp(key, SAFETENSORS_CHECKSUM) == 0 || strcmp(key, "option.out") == 0) continue;
        if (!other || strcmp(other, a.metadata[i].value) != 0)
            fail_msg("%s %ld: '%s' is '%s', not '%s'", when, n, key, other ? other : "(none)", a.metadata[i].value);
    }
    safetensors_release(&a);
    safetensors_release(&b);
}

/* A line up to its seconds. */
static size_t line_length(const uint8_t *line, const uint8_t *end) {
    const char *seconds = ", \"seconds\":";
    for (size_t i = 0; line + i + strlen(seconds) < end && line[i] != '\n'; i++)
        if (memcmp(line + i, seconds, strlen(seconds)) == 0) return i;
    return 0;
}

static void same_lines(const char *when, long n) {
    size_t a_bytes, b_bytes;
    uint8_t *a = content(whole, "metrics.jsonl", &a_bytes), *b = content(run, "metrics.jsonl", &b_bytes);
    const uint8_t *x = a, *y = b, *x_end = a + a_bytes, *y_end = b + b_bytes;
    for (int line = 1; x < x_end || y < y_end; line++) {
        size_t length = line_length(x, x_end);
        if (!length || line_length(y, y_end) != length || memcmp(x, y, length) != 0)
            fail_msg("%s %ld: line %d of metrics.jsonl differs", when, n, line);
        x = (const uint8_t *)memchr(x, '\n', (size_t)(x_end - x)) + 1;
        y = (const uint8_t *)memchr(y, '\n', (size_t)(y_end - y)) + 1;
    }
    mem_free(a);
    mem_free(b);
}

static void same(const char *when, long n) {
    same_bytes("model.onnx", when, n);
    same_bytes("best.onnx", when, n);
    same_lines(when, n);
    same_checkpoint(when, n);
}

/* ---- the n-th call ---- */

static long calls, at_call;

static bool kill_here(const char *call, const char *path) {
    (void)call, (void)path;
    if (++calls == at_call) raise(SIGKILL);
    return false;
}

static void each_call_fails(void **state) {
    (void)state;
    for (long n = 1; n < CALLS_MAX; n++) {
        stria_error err = {0};
        small_folder_empty(run);
        file_fail_at(n);
        stria_status status = train(run, &err);
        file_fail_at(0);
        if (status == STRIA_OK) {
            assert_true(n > 60);
            return;
        }
        assert_int_equal(status, STRIA_IO);
        if (train(run, &err) != STRIA_OK) fail_msg("after call %ld failed: %s", n, err.text);
        same("after a failure of call", n);
    }
    fail_msg("more than %d calls", CALLS_MAX);
}

/* The child's process is killed; true: it ended by itself, before that call. */
static bool killed_at(long n) {
    pid_t child = fork();
    if (child == 0) {
        calls = 0;
        at_call = n;
        file_on_call(kill_here);
        _exit(train(run, NULL) == STRIA_OK ? 0 : 3);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    if (WIFEXITED(result)) assert_int_equal(WEXITSTATUS(result), 0);
    return WIFEXITED(result);
}

static void each_call_kills(void **state) {
    (void)state;
    for (long n = 1; n < CALLS_MAX; n++) {
        stria_error err = {0};
        small_folder_empty(run);
        bool ended = killed_at(n);
        if (!ended && train(run, &err) != STRIA_OK) fail_msg("after a kill at call %ld: %s", n, err.text);
        same("after a kill at call", n);
        if (ended) {
            assert_true(n > 60);
            return;
        }
    }
    fail_msg("more than %d calls", CALLS_MAX);
}

/* Whatever happens while it goes on, it goes on again: killed every few calls until it is through. */
static void many_kills(void **state) {
    (void)state;
    small_folder_empty(run);
    for (long n = 31; n < CALLS_MAX && !killed_at(n); n++) continue;
    same("after many kills", 0);
}

/* The same trainer once more, after each failure: nothing is lost and no line comes twice. */
static void a_trainer_runs_again(void **state) {
    (void)state;
    for (long n = 1, last = 0; !last && n < CALLS_MAX; n++) {
        stria_error err = {0};
        stria_trainer *t = NULL;
        stria_train_options options = stria_train_options_default();
        small_folder_empty(run);
        options.epochs = EPOCHS, options.batch = BATCH, options.lr = 0.3, options.threads = 1;
        options.out = run;
        assert_int_equal(stria_trainer_new(&t, model, train_data, val_data, &options, &err), STRIA_OK);
        file_fail_at(n);
        last = stria_trainer_run(t, &err) == STRIA_OK;
        file_fail_at(0);
        if (!last && stria_trainer_run(t, &err) != STRIA_OK) fail_msg("again after call %ld: %s", n, err.text);
        stria_trainer_free(t);
        same("again after call", n);
    }
}

/* ---- a damaged checkpoint ---- */

static void each_changed_byte_is_refused(void **state) {
    char path[600];
    size_t bytes;
    stria_error err = {0};
    (void)state;
    small_folder_empty(run);
    assert_int_equal(begin(run, &err), STRIA_OK);
    uint8_t *data = content(run, "checkpoint.safetensors", &bytes);
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", run);
    for (size_t i = 0; i < bytes; i += i < 64 ? 1 : 97) {
        if (data[i] == ' ') continue; /* what fills up the header says nothing */
        data[i] ^= 1;
        assert_int_equal(file_write(path, data, bytes, NULL), STRIA_OK);
        stria_status status = go_on(run, &err);
        if (status != STRIA_BAD_FILE || !strstr(err.text, path))
            fail_msg("byte %zu of %zu changed: status %d, '%s'", i, bytes, status, err.text);
        data[i] ^= 1;
    }
    data[bytes - 1] ^= 0x80;
    assert_int_equal(file_write(path, data, bytes, NULL), STRIA_OK);
    assert_int_equal(go_on(run, &err), STRIA_BAD_FILE);
    if (!strstr(err.text,
                "do not match its checksum; the file is damaged: restore a copy of it, or begin a new training"))
        fail_msg("it says: %s", err.text);
    mem_free(data);
}

/* ---- links that a stranger put there ---- */

static void links_are_not_followed(void **state) {
    static const char *const names[] = {"checkpoint.safetensors", "model.onnx", "best.onnx", "metrics.jsonl", "lock"};
    char path[600], target[600];
    (void)state;
    snprintf(target, sizeof target, "%s/precious", small_folder);
    for (int i = 1; i < 5; i++) { /* a checkpoint, even a link, is a training */
        stria_error err = {0};
        size_t bytes;
        small_folder_empty(run);
        assert_int_equal(mkdir(run, 0777), 0);
        assert_int_equal(file_write(target, "precious", 8, NULL), STRIA_OK);
        snprintf(path, sizeof path, "%s/%s", run, names[i]);
        assert_int_equal(symlink(target, path), 0);
        stria_status status = begin(run, &err);
        bool refused = strcmp(names[i], "lock") == 0;
        if (refused) assert_non_null(strstr(err.text, "is a symbolic link"));
        if ((status != STRIA_OK) != refused) fail_msg("%s a link: %s", names[i], err.text);
        uint8_t *data = content(small_folder, "precious", &bytes);
        if (bytes != 8 || memcmp(data, "precious", 8) != 0) fail_msg("%s: what the link names has changed", names[i]);
        mem_free(data);
    }
}

/* What is not a run's own stays, whatever it is called. */
static void strangers_files_stay(void **state) {
    static const char *const theirs[] = {"notes.1-2.tmp", "model.onnx.tmp", "model.onnx.1.tmp",
                                         "checkpoint.safetensors.bak", "best.onnx.x-1.tmp"};
    static const char *const ours[] = {"model.onnx.1-2.tmp", "checkpoint.safetensors.77-0.tmp",
                                       "metrics.jsonl.9-9.tmp"};
    char path[600];
    stria_error err = {0};
    (void)state;
    small_folder_empty(run);
    assert_int_equal(mkdir(run, 0777), 0);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", run, theirs[i]);
        assert_int_equal(file_write(path, "x", 1, NULL), STRIA_OK);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", run, ours[i]);
        assert_int_equal(file_write(path, "x", 1, NULL), STRIA_OK);
    }
    if (begin(run, &err) != STRIA_OK) fail_msg("%s", err.text);
    for (int i = 0; i < 5; i++) assert_true(has(run, theirs[i]));
    for (int i = 0; i < 3; i++) assert_false(has(run, ours[i]));
}

static int setup(void **state) {
    stria_error err = {0};
    if (small_data_setup(state)) return -1;
    snprintf(run, sizeof run, "%s/run", small_folder);
    snprintf(whole, sizeof whole, "%s/whole", small_folder);
    if (!small_training(&model, &train_data, &val_data)) return -1;
    if (begin(whole, &err) == STRIA_OK) return 0;
    print_error("%s\n", err.text);
    return -1;
}

static int teardown(void **state) {
    stria_dataset_free(train_data);
    stria_dataset_free(val_data);
    stria_model_free(model);
    return small_data_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_fails),
        cmocka_unit_test(each_call_kills),
        cmocka_unit_test(many_kills),
        cmocka_unit_test(a_trainer_runs_again),
        cmocka_unit_test(each_changed_byte_is_refused),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(strangers_files_stay),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
