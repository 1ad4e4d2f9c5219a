/* Whatever a program does with the library, every allocation of it fails once: STRIA_NO_MEMORY and a sentence, nothing
 * leaked, nothing half done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stria/stria.h>

#include "base/memory.h"
#include "small.h"

typedef stria_status scenario(stria_error *err);

static char onnx[512], net[512], run[512], other[512];

/* ---- models and sessions ---- */

static stria_status model_use(const char *spec, stria_error *err) {
    stria_model *m = NULL;
    stria_status status = stria_model_open(&m, spec, 1, err);
    stria_model_free(m);
    return status;
}

static stria_status open_zoo(stria_error *err) {
    return model_use("lenet5:size=1x12x12,classes=3", err);
}
static stria_status open_onnx(stria_error *err) {
    return model_use(onnx, err);
}
static stria_status open_net(stria_error *err) {
    return model_use(net, err);
}

static stria_status save_both(stria_error *err) {
    stria_model *m = NULL;
    stria_status status = stria_model_open(&m, onnx, 1, err);
    if (status == STRIA_OK) status = stria_model_save(m, onnx, err);
    if (status == STRIA_OK) status = stria_model_save(m, net, err);
    stria_model_free(m);
    return status;
}

static stria_status session_use(stria_error *err) {
    float x[3 * 64] = {0}, y[3 * 10];
    stria_model *m = NULL;
    stria_session *s = NULL;
    stria_session_options options = stria_session_options_default();
    options.batch = 3;
    options.threads = 2;
    stria_status status = stria_model_open(&m, onnx, 1, err);
    if (status == STRIA_OK) status = stria_session_new(&s, m, &options, err);
    if (status == STRIA_OK) status = stria_session_set(s, "image", x, sizeof x, err);
    if (status == STRIA_OK) status = stria_session_run(s, err);
    if (status == STRIA_OK) status = stria_session_get(s, "logits", y, sizeof y, err);
    stria_session_free(s);
    stria_model_free(m);
    return status;
}

static stria_status inspect(stria_error *err) {
    stria_model *m = NULL;
    stria_summary summary = {.size = sizeof summary};
    stria_status status = stria_model_open(&m, onnx, 1, err);
    if (status == STRIA_OK) status = stria_summarize(m, 4, &summary, err);
    stria_summary_release(&summary);
    stria_model_free(m);
    return status;
}

/* ---- data and training ---- */

static stria_status data_open(stria_dataset **out, stria_split split, stria_error *err) {
    stria_dataset_options options = stria_dataset_options_default();
    options.split = split;
    options.hold_out_val = true;
    return stria_dataset_open(out, small_data_spec, &options, err);
}

static stria_status data_use(stria_error *err) {
    stria_dataset *d = NULL;
    stria_status status = data_open(&d, STRIA_SPLIT_TEST, err);
    stria_dataset_free(d);
    return status;
}

static stria_status judge(stria_error *err) {
    float p[10];
    stria_model *m = NULL;
    stria_dataset *d = NULL;
    stria_predictor *predictor = NULL;
    stria_evaluation score = {.size = sizeof score};
    stria_inference_options options = stria_inference_options_default();
    options.batch = 5;
    stria_status status = stria_model_open(&m, run, 1, err);
    if (status == STRIA_OK) status = data_open(&d, STRIA_SPLIT_TEST, err);
    if (status == STRIA_OK) status = stria_evaluate(m, d, &options, &score, err);
    if (status == STRIA_OK) status = stria_predictor_new(&predictor, m, &options, err);
    if (status == STRIA_OK) status = stria_predict_item(predictor, d, 0, p, err);
    stria_predictor_free(predictor);
    stria_evaluation_release(&score);
    stria_dataset_free(d);
    stria_model_free(m);
    return status;
}

static stria_status train_into(const char *folder, stria_error *err) {
    stria_model *m = NULL, *trained = NULL;
    stria_dataset *train = NULL, *val = NULL;
    stria_trainer *t = NULL;
    stria_train_options options = stria_train_options_default();
    options.epochs = 1;
    options.batch = 16;
    options.threads = 2;
    options.out = folder;
    stria_status status = stria_model_open(&m, onnx, 1, err);
    if (status == STRIA_OK) status = data_open(&train, STRIA_SPLIT_TRAIN, err);
    if (status == STRIA_OK) status = data_open(&val, STRIA_SPLIT_VAL, err);
    if (status == STRIA_OK) status = stria_trainer_new(&t, m, train, val, &options, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    if (status == STRIA_OK) status = stria_trainer_model(&trained, t, err);
    stria_model_free(trained);
    stria_trainer_free(t);
    stria_dataset_free(train);
    stria_dataset_free(val);
    stria_model_free(m);
    return status;
}

static stria_status train(stria_error *err) {
    small_folder_empty(other);
    return train_into(other, err);
}

static stria_status resume(stria_error *err) {
    stria_trainer *t = NULL;
    stria_status status = stria_trainer_resume(&t, run, NULL, NULL, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    stria_trainer_free(t);
    return status;
}

/* ---- failing ---- */

static void fail_at(scenario *use, long n, long of, size_t before) {
    stria_error err = {0};
    mem_fail_at(n);
    stria_status status = use(&err);
    mem_fail_at(0);
    if (status != STRIA_NO_MEMORY || err.status != status || !strstr(err.text, "memory"))
        fail_msg("allocation %ld of %ld: status %d, '%s'", n, of, status, err.text);
    if (mem_bytes_now() != before)
        fail_msg("allocation %ld of %ld: %zu bytes are leaked", n, of, mem_bytes_now() - before);
}

static void each(scenario *use) {
    stria_error err = {0};
    assert_int_equal(use(&err), STRIA_OK); /* what is made once and kept is made now */
    size_t before = mem_bytes_now();
    mem_fail_at(0);
    if (use(&err) != STRIA_OK) fail_msg("%s", err.text);
    long allocations = mem_count();
    assert_true(allocations > 5);
    assert_int_equal(mem_bytes_now(), before);
    for (long n = 1; n <= allocations; n++) fail_at(use, n, allocations, before);
    if (use(&err) != STRIA_OK) fail_msg("afterwards: %s", err.text);
    print_message("%ld allocations.\n", allocations);
}

static int setup(void **state) {
    if (small_data_setup(state)) return -1;
    snprintf(onnx, sizeof onnx, "%s/small.onnx", small_folder);
    snprintf(net, sizeof net, "%s/small.net", small_folder);
    snprintf(run, sizeof run, "%s/run", small_folder);
    snprintf(other, sizeof other, "%s/other", small_folder);
    stria_error err = {0};
    stria_model *m = small_model(true, &err);
    bool ready = m && stria_model_save(m, onnx, &err) == STRIA_OK && stria_model_save(m, net, &err) == STRIA_OK &&
                 train_into(run, &err) == STRIA_OK;
    if (!ready) print_error("%s\n", err.text);
    stria_model_free(m);
    return ready ? 0 : -1;
}

#define SCENARIO(name)                                                                                                 \
    static void fails_##name(void **state) {                                                                           \
        (void)state;                                                                                                   \
        each(name);                                                                                                    \
    }
SCENARIO(open_zoo)
SCENARIO(open_onnx)
SCENARIO(open_net)
SCENARIO(save_both)
SCENARIO(session_use)
SCENARIO(inspect)
SCENARIO(data_use)
SCENARIO(judge)
SCENARIO(train)
SCENARIO(resume)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fails_open_zoo),  cmocka_unit_test(fails_open_onnx), cmocka_unit_test(fails_open_net),
        cmocka_unit_test(fails_save_both), cmocka_unit_test(fails_inspect),   cmocka_unit_test(fails_session_use),
        cmocka_unit_test(fails_data_use),  cmocka_unit_test(fails_judge),     cmocka_unit_test(fails_train),
        cmocka_unit_test(fails_resume),
    };
    return cmocka_run_group_tests(tests, setup, small_data_teardown);
}
