/* The run folder's checkpoint, written: checkpoint.c says what is in it, and reads it. */
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "model/safetensors.h"
#include "run/machine.h"
#include "train/checkpoint_format.h"
#include "train/options.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A state's name in the file goes after this prefix. The optimiser's states are those that the model does not have:
 * their names begin with "state/" already, which a parameter's may too. */
const char *checkpoint_prefix(const trainer *t, const char *name) {
    const value *v = graph_find_value(t->model, name);
    return v && v->kind == VALUE_STATE ? PARAM_PREFIX : "";
}

typedef struct writing {
    safetensors file;
    arena arena;
    int entry_capacity, pair_capacity;
} writing;

static stria_status entry_add(writing *w, const char *prefix, const char *name, tensor *data, stria_error *err) {
    TRY(mem_reserve(&w->file.entries, &w->entry_capacity, w->file.entry_count + 1, sizeof *w->file.entries,
                    "a checkpoint", err));
    char *full = arena_printf(&w->arena, "%s%s", prefix, name);
    if (!full) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a checkpoint");
    w->file.entries[w->file.entry_count++] = (safetensors_entry){full, data};
    return STRIA_OK;
}

__attribute__((format(printf, 4, 5))) static stria_status pair_add(writing *w, stria_error *err, const char *key,
                                                                   const char *format, ...) {
    va_list arguments, again;
    TRY(mem_reserve(&w->file.metadata, &w->pair_capacity, w->file.metadata_count + 1, sizeof *w->file.metadata,
                    "a checkpoint", err));
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = text_vformat(NULL, 0, format, arguments);
    char *copy = length < 0 ? NULL : arena_alloc(&w->arena, (size_t)length + 1),
         *key_copy = arena_strdup(&w->arena, key);
    if (copy) text_vformat(copy, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    if (!copy || !key_copy) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a checkpoint");
    w->file.metadata[w->file.metadata_count++] = (safetensors_pair){key_copy, copy};
    return STRIA_OK;
}

static stria_status options_add(writing *w, const stria_train_options *options, stria_error *err) {
    for (int i = 0; train_option_row(i); i++) {
        text value = {0};
        char key[64];
        train_option_text(options, i, &value);
        snprintf(key, sizeof key, "option.%s", train_option_row(i)->name);
        stria_status status = text_check(&value, err);
        if (status == STRIA_OK) status = pair_add(w, err, key, "%s", text_string(&value));
        text_release(&value);
        TRY(status);
    }
    return STRIA_OK;
}

static stria_status norms_add(writing *w, const trainer *t, stria_error *err) {
    text words = {0};
    norms_write(&t->norms, &words);
    stria_status status = text_check(&words, err);
    if (status == STRIA_OK) status = pair_add(w, err, "gradients", "%s", text_string(&words));
    text_release(&words);
    return status;
}

static stria_status position_add(writing *w, const trainer *t, stria_error *err) {
    const position *at = &t->at;
    char best[32];
    TRY(pair_add(w, err, "format", "%s", CHECKPOINT_FORMAT));
    TRY(pair_add(w, err, "isa", "%s", kernels_name(t->ks)));
    TRY(pair_add(w, err, "data", "%s", t->source.spec));
    TRY(pair_add(w, err, "data.images", "%" PRId64, dataset_count(t->train)));
    TRY(pair_add(w, err, "data.limit", "%" PRId64, t->source.limit));
    TRY(pair_add(w, err, "data.hold_out", "%d", t->source.hold_out));
    TRY(pair_add(w, err, "data.val", "%a", t->source.val));
    TRY(pair_add(w, err, "data.seed", "%" PRIu64, t->source.seed));
    TRY(pair_add(w, err, "data.max_pixels", "%" PRId64, t->source.max_pixels));
    TRY(pair_add(w, err, "data.no_exif", "%d", t->source.no_exif));
    TRY(pair_add(w, err, "data.fast_decode", "%d", t->source.fast_decode));
    TRY(pair_add(w, err, "data.validated", "%d", t->val != NULL));
    TRY(pair_add(w, err, "data.checksum", "%016" PRIx64, dataset_checksum(t->train)));
    TRY(pair_add(w, err, "epoch", "%" PRId64, at->epoch));
    TRY(pair_add(w, err, "batch", "%" PRId64, at->batch));
    TRY(pair_add(w, err, "step", "%" PRId64, at->step));
    TRY(pair_add(w, err, "epoch.loss", "%a", at->epoch_score.loss));
    TRY(pair_add(w, err, "epoch.images", "%" PRId64, at->epoch_score.images));
    TRY(pair_add(w, err, "epoch.top1", "%" PRId64, at->epoch_score.top1));
    TRY(pair_add(w, err, "epoch.top5", "%" PRId64, at->epoch_score.top5));
    TRY(pair_add(w, err, "epoch.error", "%a", at->epoch_score.error));
    snprintf(best, sizeof best, "best.%s", t->goal->measure);
    TRY(pair_add(w, err, best, "%a", at->best));
    TRY(pair_add(w, err, "plateau.factor", "%a", at->plateau.factor));
    TRY(pair_add(w, err, "plateau.best", "%a", at->plateau.best));
    TRY(pair_add(w, err, "plateau.waited", "%" PRId64, at->plateau.waited + 1));
    TRY(pair_add(w, err, "best.step", "%" PRId64, at->best_step));
    TRY(pair_add(w, err, "best.epoch", "%" PRId64, at->best_epoch));
    TRY(norms_add(w, t, err));
    TRY(pair_add(w, err, "judged.step", "%" PRId64, at->judged_step));
    TRY(pair_add(w, err, "base.epoch", "%" PRId64, at->base_epoch));
    return pair_add(w, err, "base.step", "%" PRId64, at->base_step);
}

/* Text does not tell an input's default from a constant. */
static bool has_optional(const graph *g) {
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->optional) return true;
    return false;
}

/* The graph as text, or as ONNX bytes. What a text says of a state (that it is filled with one number) depends on its
 * contents, so it is made only once in a training. */
static stria_status network_make(const graph *g, tensor **out, stria_error *err) {
    text bytes = {0};
    stria_status status = has_optional(g) ? STRIA_UNSUPPORTED : net_write(g, &bytes, err);
    if (status == STRIA_UNSUPPORTED || status == STRIA_BAD_ARGUMENT) {
        text_release(&bytes);
        status = onnx_write(g, &bytes, err);
    }
    if (status == STRIA_OK) status = text_check(&bytes, err);
    if (status == STRIA_OK)
        status = tensor_new(out, STRIA_UINT8, &(shape){.rank = 1, .dim = {(int64_t)bytes.length}}, "graph", err);
    if (status == STRIA_OK) memcpy((*out)->data, bytes.data, bytes.length);
    text_release(&bytes);
    return status;
}

stria_status checkpoint_write(trainer *t, stria_error *err) {
    writing w = {0};
    char path[1100];
    stria_status status = STRIA_OK;
    snprintf(path, sizeof path, "%s/%s", t->options.out, CHECKPOINT_FILE);
    for (int i = 0; i < t->states.count; i++) {
        const char *name = t->states.names[i];
        TRY_DONE(entry_add(&w, checkpoint_prefix(t, name), name, t->states.tensors[i], err));
    }
    if (!t->network) TRY_DONE(network_make(t->model, &t->network, err));
    TRY_DONE(entry_add(&w, "", "graph", t->network, err));
    TRY_DONE(position_add(&w, t, err));
    TRY_DONE(options_add(&w, &t->options, err));
    TRY_DONE(pair_add(&w, err, SAFETENSORS_CHECKSUM, "%016" PRIx64, safetensors_checksum(&w.file)));
    TRY_DONE(safetensors_write(&w.file, path, err));
done:
    mem_free(w.file.entries);
    mem_free(w.file.metadata);
    arena_release(&w.arena);
    return status;
}
