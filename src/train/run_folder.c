#include "train/run_folder.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/onnx/onnx.h"
#include "train/trainer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

stria_status run_folder_take(trainer *t, stria_error *err) {
    static const char *const names[] = {CHECKPOINT_FILE, MODEL_FILE,   BEST_FILE, METRICS_FILE, REPORT_FILE,
                                        RECORD_FILE,     OPTIONS_FILE, TEST_FILE, RESULTS_FILE, NULL};
    if (!*t->options.out) return STRIA_OK;
    if (t->lock >= 0 && t->owner != (int64_t)getpid())
        FAIL(err, STRIA_BUSY, "'%s' belongs to process %" PRId64 ", from which this one was forked", t->options.out,
             t->owner);
    if (t->lock >= 0) return STRIA_OK;
    TRY(folder_make(t->options.out, err));
    TRY(folder_sync_name(t->options.out, err)); /* whoever made it */
    TRY(file_lock(t->options.out, &t->lock, err));
    t->owner = (int64_t)getpid();
    folder_tidy(t->options.out, names);
    return STRIA_OK;
}

void run_folder_leave(trainer *t) {
    if (t->lock < 0) return;
    if (t->owner == (int64_t)getpid()) file_unlock(t->lock);
    else file_lock_forget(t->lock);
    t->lock = -1;
}

/* The model as an ONNX file's bytes, with the states as they are now; of the best one its measure goes into the
 * metadata. */
static stria_status model_bytes(const trainer *t, bool best, text *out, stria_error *err) {
    char key[64], number[32];
    graph *g;
    TRY(trainer_model(t, &g, err));
    stria_status status = STRIA_OK;
    if (best) {
        snprintf(key, sizeof key, "stria.val_%s", t->goal->measure);
        snprintf(number, sizeof number, "%.9g", t->at.best);
        status = graph_set_metadata(g, key, number, err);
    }
    if (status == STRIA_OK) status = onnx_write(g, out, err);
    if (status == STRIA_OK) status = text_check(out, err);
    graph_free(g);
    return status;
}

/* A file that cannot be read does not hold them, and is written again. */
static stria_status file_holds(const char *path, const text *bytes, bool *same, stria_error *err) {
    uint8_t *data;
    size_t size;
    *same = false;
    if (!file_exists(path)) return STRIA_OK;
    stria_error why = {0};
    stria_status status = file_read(path, bytes->length, &data, &size, &why);
    if (status == STRIA_NO_MEMORY) return error_set(err, status, "%s", why.text);
    if (status != STRIA_OK) return STRIA_OK;
    *same = size == bytes->length && memcmp(data, bytes->data, size) == 0;
    mem_free(data);
    return STRIA_OK;
}

static stria_status model_write(const trainer *t, const char *name, bool best, bool mend, stria_error *err) {
    char path[1100];
    text bytes = {0};
    snprintf(path, sizeof path, "%s/%s", t->options.out, name);
    bool same = false;
    stria_status status = model_bytes(t, best, &bytes, err);
    if (status == STRIA_OK && mend) status = file_holds(path, &bytes, &same, err);
    if (status == STRIA_OK && !same) status = file_replace(path, bytes.data, bytes.length, err);
    text_release(&bytes);
    return status;
}

/* best.onnx is that of the states as they are if no step was made since the best validation. If one was, it was written
 * before: no later checkpoint is begun until it is. */
static stria_status models_write(const trainer *t, bool mend, stria_error *err) {
    const position *at = &t->at;
    if (at->best_step > 0 && at->best_step == at->step) TRY(model_write(t, BEST_FILE, true, mend, err));
    return model_write(t, MODEL_FILE, false, mend, err);
}

stria_status run_folder_save(trainer *t, stria_error *err) {
    if (!*t->options.out) return STRIA_OK;
    TRY(metrics_flush(&t->metrics, true, err));
    TRY(checkpoint_write(t, err));
    TRY(models_write(t, false, err));
    t->unsaved = false;
    return STRIA_OK;
}

stria_status run_folder_mend(trainer *t, stria_error *err) {
    TRY(metrics_open(&t->metrics, t->options.out, &(metrics_reach){t->at.step, t->at.epoch, t->at.judged_step}, err));
    if (*t->options.out && t->at.step > 0) TRY(models_write(t, true, err)); /* at step 0 the first checkpoint is next */
    t->mend = false;
    return STRIA_OK;
}
