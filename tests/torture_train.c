/* Training, going on with it and judging, by options that no other test of failing memory takes: each allocation fails
 * in turn. And a checkpoint in which an entry is missing, or says something else. */
#include "torture.h"

#include <stdlib.h>

#include <stria/stria.h>

#include "model/safetensors.h"
#include "small.h"

enum { TRIES = 220 };

static char run[400], ran[400];
static stria_dataset *train_data, *val_data;
static stria_model *model, *frozen;

typedef struct row {
    const char *options[16]; /* names and values */
    bool frozen, alone;      /* most of the network; without validation */
} row;

static stria_status options_of(const row *r, const char *out, stria_train_options *o, stria_error *err) {
    *o = stria_train_options_default();
    o->epochs = 1;
    o->batch = 20;
    o->threads = 1;
    o->out = out;
    stria_status status = STRIA_OK;
    for (int i = 0; r->options[i] && status == STRIA_OK; i += 2)
        status = stria_train_option_set(o, r->options[i], r->options[i + 1], err);
    return status;
}

static stria_status begin(const row *r, const char *out, stria_error *err) {
    stria_trainer *t = NULL;
    stria_model *trained = NULL;
    stria_train_options o;
    stria_status status = options_of(r, out, &o, err);
    if (status == STRIA_OK)
        status = stria_trainer_new(&t, r->frozen ? frozen : model, train_data, r->alone ? NULL : val_data, &o, err);
    if (status == STRIA_OK) status = stria_trainer_run(t, err);
    if (status == STRIA_OK) status = stria_trainer_model(&trained, t, err);
    stria_model_free(trained);
    stria_trainer_free(t);
    return status;
}

static stria_status train(void *what, stria_error *err) {
    small_folder_empty(run);
    return begin(what, run, err);
}

/* Of the run that was made with these options; some change. */
static const char *const changed[] = {"lr", "batch", "schedule", NULL};

static stria_status resume(void *what, stria_error *err) {
    stria_trainer *t = NULL;
    stria_train_options o = stria_train_options_default();
    (void)what;
    o.epochs = 3;
    o.batch = 30;
    o.lr = 0.05;
    o.schedule = "cosine";
    stria_status status = stria_trainer_resume_with(&t, ran, NULL, &o, changed, err);
    stria_trainer_free(t);
    return status;
}

static stria_status resume_data(void *what, stria_error *err) {
    stria_trainer *t = NULL;
    (void)what;
    stria_status status = stria_trainer_resume_data(&t, ran, train_data, val_data, NULL, err);
    stria_trainer_free(t);
    return status;
}

/* ---- judging and looking ---- */

static stria_status judge(void *what, stria_error *err) {
    stria_evaluation score = {.size = sizeof score};
    stria_inference_options o = stria_inference_options_default();
    o.batch = 7;
    o.tta = *(const int *)what;
    o.threads = 1;
    stria_status status = stria_evaluate(model, val_data, &o, &score, err);
    stria_evaluation_release(&score);
    return status;
}

static stria_status predict(void *what, stria_error *err) {
    float p[10];
    stria_predictor *predictor = NULL;
    stria_array picture = {0};
    stria_inference_options o = stria_inference_options_default();
    o.tta = *(const int *)what;
    o.threads = 1;
    stria_status status = stria_predictor_new(&predictor, model, &o, err);
    stria_view_options view = stria_view_options_default();
    if (status == STRIA_OK) status = stria_dataset_view(val_data, 1, &view, &picture, err);
    if (status == STRIA_OK) status = stria_predict_array(predictor, &picture, p, err);
    if (status == STRIA_OK) status = stria_predict_item(predictor, val_data, 1, p, err);
    stria_array_release(&picture);
    stria_predictor_free(predictor);
    return status;
}

static stria_status map(void *what, stria_error *err) {
    stria_memory_map m = {.size = sizeof m};
    stria_status status = stria_map_memory(model, 4, what != NULL, &m, err);
    stria_memory_map_release(&m);
    return status;
}

static stria_status names(void *what, stria_error *err) {
    char **list = NULL, *words = NULL;
    int count;
    (void)what;
    stria_status status = stria_model_class_names(&list, &count, model, err);
    if (status == STRIA_OK) status = stria_model_text(model, &words, err);
    stria_text_free(words);
    stria_class_names_free(list);
    return status;
}

static stria_status bench(void *what, stria_error *err) {
    stria_bench b = {.size = sizeof b};
    stria_session_options o = stria_session_options_default();
    o.batch = 2;
    o.threads = 1;
    stria_status status = stria_bench_model(model, &o, what != NULL, 1, &b, err);
    stria_bench_release(&b);
    return status;
}

/* ---- models from models ---- */

static stria_status transfer(void *what, stria_error *err) {
    stria_model *headed = NULL, *taken = NULL, *fixed = NULL, *net = NULL, *fresh = NULL, *bare = NULL;
    char *report = NULL;
    (void)what;
    stria_status status = stria_model_replace_head(&headed, model, 10, 3, err);
    if (status == STRIA_OK) status = stria_model_take_weights(&taken, headed, model, &report, err);
    if (status == STRIA_OK) status = stria_model_freeze(&fixed, taken, "all-but-head", err);
    if (status == STRIA_OK) status = stria_model_open(&net, "lenet5:size=1x12x12,classes=3", 1, err);
    if (status == STRIA_OK) status = stria_model_initialize(&fresh, net, "he-normal", 3, err);
    if (status == STRIA_OK) status = stria_model_without_heads(&bare, fixed, err);
    stria_text_free(report);
    stria_model_free(bare);
    stria_model_free(fresh);
    stria_model_free(net);
    stria_model_free(fixed);
    stria_model_free(taken);
    stria_model_free(headed);
    return status;
}

/* ---- checkpoints ---- */

static void checkpoint_check(void) {
    /* what an older version did not write, or what a run says in its own words */
    static const char *const free_to_lack[] = {"epoch.error",  "best.epoch",       "judged.step", "base.",
                                               "plateau.",     "data.val",         "data.seed",   "data.max_pixels",
                                               "data.no_exif", "data.fast_decode", "option.",     "isa",
                                               "gradients",    "checksum",         NULL};
    char path[500];
    safetensors good;
    stria_error err = {0};
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", ran);
    if (!CHECK(safetensors_read(&good, path, &err) == STRIA_OK, "%s", err.text)) return;
    for (int i = 0; i < 2 * good.metadata_count; i++) {
        stria_trainer *t = NULL;
        safetensors changed_file = good;
        safetensors_pair pairs[200], *at = &pairs[i / 2];
        if (!CHECK(good.metadata_count <= 200, "%d entries", good.metadata_count)) break;
        memcpy(pairs, good.metadata, sizeof *pairs * (size_t)good.metadata_count);
        changed_file.metadata = pairs;
        const char *key = at->key;
        if (strcmp(key, SAFETENSORS_CHECKSUM) == 0) continue;
        if (i % 2) at->value = "~";
        else *at = pairs[--changed_file.metadata_count];
        char sum[20];
        snprintf(sum, sizeof sum, "%016llx", (unsigned long long)safetensors_checksum(&changed_file));
        for (int k = 0; k < changed_file.metadata_count; k++)
            if (strcmp(pairs[k].key, SAFETENSORS_CHECKSUM) == 0) pairs[k].value = sum;
        CHECK(safetensors_write(&changed_file, path, &err) == STRIA_OK, "%s", err.text);
        size_t before = mem_bytes_now();
        stria_status status = stria_trainer_resume(&t, ran, NULL, NULL, &err);
        stria_trainer_free(t);
        bool may = false;
        for (int k = 0; free_to_lack[k]; k++) may |= strncmp(key, free_to_lack[k], strlen(free_to_lack[k])) == 0;
        const char *word = strncmp(key, "option.", 7) == 0 ? key + 7 : key;
        CHECK(status == STRIA_OK ? may : strstr(err.text, word) != NULL, "'%s' %s: status %d, '%s'", key,
              i % 2 ? "is ~" : "is missing", (int)status, err.text);
        CHECK(mem_bytes_now() == before, "'%s': %zd bytes are left", key, (ssize_t)(mem_bytes_now() - before));
    }
    CHECK(safetensors_write(&good, path, &err) == STRIA_OK, "%s", err.text);
    safetensors_release(&good);
}

static row rows[] = {
    {{"accumulate", "2", "ema", "0.9", "clip-norm", "1", "augment", "flip, crop pad 1", "class-weights", "balanced"},
     false,
     false},
    {{"lr-factor", "*=0.5", "loss", "nll", "eval-every", "1", "patience", "2", "schedule", "plateau:patience=1"},
     false,
     false},
    {{"steps", "2", "recompute", "1", "no-shuffle", "1", "optimizer", "adamw", "augment", "mixup"}, false, true},
    {{"epochs", "2", "augment", ""}, true, false},
    {{"batch", "auto", "memory", "64", "class-weights", "1,2,1,1,1,1,1,1,1,1"}, false, false},
};

static void each(torture_use *use, void *what, const char *name, bool spared) {
    stria_error err = {0};
    mem_fail_at(0);
    stria_status status = use(what, &err);
    torture_spares = spared;
    if (CHECK(status == STRIA_OK, "%s: %s", name, err.text)) torture_each(use, what, name, 1 + mem_count() / TRIES);
}

static bool ready(void) {
    stria_error err = {0};
    stria_model *headed = NULL;
    bool made = small_data_setup(NULL) == 0 && small_training(&model, &train_data, &val_data);
    snprintf(run, sizeof run, "%s/run", small_folder);
    snprintf(ran, sizeof ran, "%s/ran", small_folder);
    made = made && stria_model_replace_head(&headed, model, 10, 1, &err) == STRIA_OK &&
           stria_model_freeze(&frozen, headed, "all-but-head", &err) == STRIA_OK &&
           begin(&(row){.options = {"schedule", "plateau"}}, ran, &err) == STRIA_OK;
    stria_model_free(headed);
    return CHECK(made, "%s", err.text);
}

int main(void) {
    if (!ready()) return check_report();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) each(train, &rows[i], rows[i].options[1], i == 4);
    each(resume, NULL, "resumed otherwise", false);
    each(resume_data, NULL, "resumed with data", false);
    for (int views = STRIA_TTA_NONE; views <= STRIA_TTA_TEN_CROP; views++) {
        each(judge, &views, "judged", false);
        each(predict, &views, "predicted", false);
    }
    each(map, NULL, "memory", false);
    each(map, &rows, "memory of training", false);
    each(bench, NULL, "timed", false);
    each(bench, &rows, "training timed", false);
    each(names, NULL, "names", false);
    each(transfer, NULL, "transfer", false);
    checkpoint_check();
    stria_model_free(frozen);
    stria_model_free(model);
    stria_dataset_free(train_data);
    stria_dataset_free(val_data);
    return small_data_teardown(NULL) == 0 ? check_report() : 1;
}
