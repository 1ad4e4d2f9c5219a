/* The run folder's checkpoint: it alone is the truth. Tensors "param/NAME" (the model's parameters, statistics and
 * other variables, whatever their names) and "state/NAME/STATE" (what the optimiser has beside them); "graph" holds
 * the network as .net text (as ONNX bytes where that cannot say it). Scalars, options and the data's identity stand in
 * __metadata__ as text; reals in %a form, so that they come back with every bit. */
#include "base/file.h"
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "model/safetensors.h"
#include "run/machine.h"
#include "train/trainer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAM_PREFIX      "param/"
#define TEXT_NET          "stria-net"
#define CHECKPOINT_FORMAT "stria checkpoint 2"

/* A state's name in the file goes after this prefix. The optimiser's states are those that the model does not have:
 * their names begin with "state/" already, which a parameter's may too. */
static const char *prefix_of(const trainer *t, const char *name) {
    const value *v = graph_find_value(t->model, name);
    return v && v->kind == VALUE_STATE ? PARAM_PREFIX : "";
}

/* ---- writing ---- */

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
    for (int i = 0; stria_train_option(i); i++) {
        text value = {0};
        char key[64];
        train_option_text(options, i, &value);
        snprintf(key, sizeof key, "option.%s", stria_train_option(i)->name);
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
    TRY(pair_add(w, err, "format", "%s", CHECKPOINT_FORMAT));
    TRY(pair_add(w, err, "isa", "%s", kernels_name(t->ks)));
    TRY(pair_add(w, err, "data", "%s", t->source.spec));
    TRY(pair_add(w, err, "data.images", "%" PRId64, dataset_count(t->train)));
    TRY(pair_add(w, err, "data.limit", "%" PRId64, t->source.limit));
    TRY(pair_add(w, err, "data.hold_out", "%d", t->source.hold_out));
    TRY(pair_add(w, err, "data.val", "%a", t->source.val));
    TRY(pair_add(w, err, "data.seed", "%" PRIu64, t->source.seed));
    TRY(pair_add(w, err, "data.max_pixels", "%" PRId64, t->source.max_pixels));
    TRY(pair_add(w, err, "data.validated", "%d", t->val != NULL));
    TRY(pair_add(w, err, "data.checksum", "%016" PRIx64, dataset_checksum(t->train)));
    TRY(pair_add(w, err, "epoch", "%" PRId64, at->epoch));
    TRY(pair_add(w, err, "batch", "%" PRId64, at->batch));
    TRY(pair_add(w, err, "step", "%" PRId64, at->step));
    TRY(pair_add(w, err, "epoch.loss", "%a", at->epoch_score.loss));
    TRY(pair_add(w, err, "epoch.images", "%" PRId64, at->epoch_score.images));
    TRY(pair_add(w, err, "epoch.top1", "%" PRId64, at->epoch_score.top1));
    TRY(pair_add(w, err, "epoch.top5", "%" PRId64, at->epoch_score.top5));
    TRY(pair_add(w, err, "best.top1", "%a", at->best_top1));
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
        TRY_DONE(entry_add(&w, prefix_of(t, name), name, t->states.tensors[i], err));
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

/* ---- reading ---- */

static stria_status metadata_get(const checkpoint *c, const char *key, const char **out, stria_error *err) {
    *out = safetensors_metadata(c->file, key);
    if (!*out) FAIL(err, STRIA_BAD_FILE, "the checkpoint says nothing about '%s'", key);
    return STRIA_OK;
}

static stria_status count_get(const checkpoint *c, const char *key, int64_t *out, stria_error *err) {
    const char *value;
    TRY(metadata_get(c, key, &value, err));
    if (!text_to_int(value, out) || *out < 0)
        FAIL(err, STRIA_BAD_FILE, "the checkpoint's '%s' is '%s', not a count", key, value);
    return STRIA_OK;
}

static stria_status real_get(const checkpoint *c, const char *key, double *out, stria_error *err) {
    const char *value;
    TRY(metadata_get(c, key, &value, err));
    if (!text_to_double(value, out))
        FAIL(err, STRIA_BAD_FILE, "the checkpoint's '%s' is '%s', not a number", key, value);
    return STRIA_OK;
}

static stria_status options_get(checkpoint *c, stria_error *err) {
    c->options = stria_train_options_default();
    for (int i = 0; stria_train_option(i); i++) {
        char key[64];
        const char *value;
        snprintf(key, sizeof key, "option.%s", stria_train_option(i)->name);
        value = safetensors_metadata(c->file, key);
        if (value) TRY(stria_train_option_set(&c->options, stria_train_option(i)->name, value, err));
    }
    return STRIA_OK;
}

/* Sixteen hexadecimal digits. */
static stria_status checksum_get(const checkpoint *c, const char *key, uint64_t *out, stria_error *err) {
    const char *value;
    TRY(metadata_get(c, key, &value, err));
    if (strlen(value) != 16 || strspn(value, "0123456789abcdef") != 16)
        FAIL(err, STRIA_BAD_FILE, "the checkpoint's '%s' is '%s', not 16 hexadecimal digits", key, value);
    *out = strtoull(value, NULL, 16);
    return STRIA_OK;
}

/* Trainings of before this was written down held out a twelfth. */
static stria_status val_get(checkpoint *c, stria_error *err) {
    int64_t seed = 0;
    c->source.val = 1.0 / 12;
    if (safetensors_metadata(c->file, "data.val")) TRY(real_get(c, "data.val", &c->source.val, err));
    if (safetensors_metadata(c->file, "data.seed")) TRY(count_get(c, "data.seed", &seed, err));
    c->source.seed = (uint64_t)seed;
    return STRIA_OK;
}

static stria_status data_get(checkpoint *c, stria_error *err) {
    const char *value;
    int64_t flag;
    TRY(metadata_get(c, "data", &value, err));
    TRY(data_source_name(&c->source, value, err));
    TRY(checksum_get(c, "data.checksum", &c->data_checksum, err));
    TRY(count_get(c, "data.images", &c->images, err));
    TRY(count_get(c, "data.limit", &c->source.limit, err));
    TRY(count_get(c, "data.hold_out", &flag, err));
    c->source.hold_out = flag != 0;
    TRY(val_get(c, err));
    if (safetensors_metadata(c->file, "data.max_pixels"))
        TRY(count_get(c, "data.max_pixels", &c->source.max_pixels, err));
    TRY(count_get(c, "data.validated", &flag, err));
    c->validated = flag != 0;
    return STRIA_OK;
}

static stria_status graph_get(checkpoint *c, stria_error *err) {
    tensor *bytes = safetensors_find(c->file, "graph");
    if (!bytes || bytes->type != STRIA_UINT8) FAIL(err, STRIA_BAD_FILE, "the checkpoint holds no graph");
    if (bytes->bytes >= strlen(TEXT_NET) && memcmp(bytes->data, TEXT_NET, strlen(TEXT_NET)) == 0)
        return net_read(&c->model, bytes->data, bytes->bytes, "graph", c->options.seed, err);
    return onnx_read(&c->model, bytes->data, bytes->bytes, "graph", err);
}

/* The tensor PREFIXNAME; names may be of any length. */
static stria_status tensor_find(const checkpoint *c, const char *prefix, const char *name, const tensor **out,
                                stria_error *err) {
    text key = {0};
    text_printf(&key, "%s%s", prefix, name);
    stria_status status = text_check(&key, err);
    *out = status == STRIA_OK ? safetensors_find(c->file, text_string(&key)) : NULL;
    if (status == STRIA_OK && !*out)
        status = error_set(err, STRIA_BAD_FILE, "the checkpoint holds no '%s'", text_string(&key));
    text_release(&key);
    return status;
}

/* Contents of one state; types and shapes must be those of the graph. */
static stria_status tensor_get(const checkpoint *c, const char *prefix, tensor *into, const char *name,
                               stria_error *err) {
    char a[192], b[192];
    const tensor *t;
    TRY(tensor_find(c, prefix, name, &t, err));
    if (t->type != into->type || !shape_equal(&t->shape, &into->shape))
        FAIL(err, STRIA_BAD_FILE, "the checkpoint's '%s%s' is %s %s, the network's %s %s", prefix, name,
             dtype_name(t->type), shape_text(&t->shape, a), dtype_name(into->type), shape_text(&into->shape, b));
    memcpy(into->data, t->data, t->bytes);
    return STRIA_OK;
}

static stria_status format_check(const checkpoint *c, stria_error *err) {
    const char *value;
    TRY(metadata_get(c, "format", &value, err));
    if (strcmp(value, CHECKPOINT_FORMAT) == 0) return STRIA_OK;
    FAIL(err, STRIA_BAD_FILE, "the checkpoint is of format '%s', this version of Stria reads '%s'", value,
         CHECKPOINT_FORMAT);
}

static stria_status checksum_check(const checkpoint *c, stria_error *err) {
    uint64_t checksum;
    TRY(checksum_get(c, SAFETENSORS_CHECKSUM, &checksum, err));
    if (checksum != safetensors_checksum(c->file)) FAIL(err, STRIA_BAD_FILE, "its contents do not match its checksum");
    return STRIA_OK;
}

static stria_status checkpoint_load(checkpoint *c, stria_error *err) {
    TRY(options_get(c, err));
    c->batch = c->options.batch;
    TRY(metadata_get(c, "isa", &c->isa, err));
    TRY(data_get(c, err));
    TRY(graph_get(c, err));
    for (int i = 0; i < c->model->value_count; i++)
        if (c->model->values[i]->kind == VALUE_STATE)
            TRY(tensor_get(c, PARAM_PREFIX, c->model->values[i]->data, c->model->values[i]->name, err));
    return STRIA_OK;
}

/* What can be done about a damaged checkpoint. */
static void advise(stria_error *err, const char *folder) {
    char model[1100];
    if (!err) return;
    const stria_error damage = *err;
    snprintf(model, sizeof model, "%s/%s", folder, MODEL_FILE);
    bool there = file_exists(model);
    error_set(err, damage.status, "%s; the file is damaged: restore a copy of it%s%s", damage.text,
              there ? ", or begin a new training with the weights of " : "", there ? model : "");
}

stria_status checkpoint_read(checkpoint *c, const char *folder, stria_error *err) {
    char path[1100];
    *c = (checkpoint){0};
    if (strlen(folder) > OPTION_TEXT_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "the run folder's name has %zu bytes, more than %d", strlen(folder),
             OPTION_TEXT_MAX);
    snprintf(path, sizeof path, "%s/%s", folder, CHECKPOINT_FILE);
    TRY(mem_new(&c->file, 1, sizeof *c->file, "a checkpoint", err));
    stria_status status = safetensors_read(c->file, path, err);
    if (status == STRIA_UNSUPPORTED) { /* a type that no checkpoint is written with: a changed byte */
        status = STRIA_BAD_FILE;
        if (err) err->status = status;
    }
    if (status == STRIA_BAD_FILE) advise(err, folder);
    if (status == STRIA_OK) {
        status = format_check(c, err);
        if (status == STRIA_OK && (status = checksum_check(c, err)) == STRIA_BAD_FILE) advise(err, folder);
        if (status == STRIA_OK) status = checkpoint_load(c, err);
        if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    }
    if (status != STRIA_OK) {
        checkpoint_release(c);
        return status;
    }
    c->options.out = folder;
    return STRIA_OK;
}

void checkpoint_release(checkpoint *c) {
    graph_free(c->model);
    if (c->file) safetensors_release(c->file);
    mem_free(c->file);
    *c = (checkpoint){0};
}

static stria_status score_restore(const checkpoint *c, score *s, stria_error *err) {
    TRY(real_get(c, "epoch.loss", &s->loss, err));
    TRY(count_get(c, "epoch.images", &s->images, err));
    TRY(count_get(c, "epoch.top1", &s->top1, err));
    return count_get(c, "epoch.top5", &s->top5, err);
}

/* Only what this training can reach. */
static stria_status position_check(const checkpoint *c, const position *at, const trainer *t, stria_error *err) {
    int64_t batches = c->images / c->batch, steps = t->options.steps, epochs = steps ? at->epoch : t->options.epochs;
    if (steps > 0 && steps < at->step)
        FAIL(err, STRIA_BAD_ARGUMENT, "this run already has %" PRId64 " steps; --steps must be at least %" PRId64,
             at->step, at->step);
    if (at->epoch > epochs || at->batch > batches || at->base_epoch > at->epoch ||
        at->step - at->base_step != (at->epoch - at->base_epoch) * batches + at->batch)
        FAIL(err, STRIA_BAD_FILE,
             "the checkpoint stands at epoch %" PRId64 ", batch %" PRId64 ", step %" PRId64 ", which %" PRId64
             " epochs of %" PRId64 " batches do not have",
             at->epoch, at->batch, at->step, epochs, batches);
    if (at->best_top1 > 1 || at->best_step > at->step || at->best_epoch > at->epoch + 1)
        FAIL(err, STRIA_BAD_FILE, "the checkpoint has its best score, %g, at step %" PRId64 " of %" PRId64,
             text_real(at->best_top1), at->best_step, at->step);
    const score *s = &at->epoch_score;
    if (s->images != at->batch * c->batch || s->top1 > s->top5 || s->top5 > s->images)
        FAIL(err, STRIA_BAD_FILE,
             "the checkpoint counts %" PRId64 " images, %" PRId64 " right, %" PRId64 " nearly, in %" PRId64
             " batches of %" PRId64,
             s->images, s->top1, s->top5, at->batch, c->batch);
    return STRIA_OK;
}

/* A checkpoint of before there were plateaus says nothing of them. */
static stria_status plateau_get(const checkpoint *c, plateau *out, stria_error *err) {
    plateau p = plateau_start();
    if (safetensors_metadata(c->file, "plateau.factor")) {
        TRY(real_get(c, "plateau.factor", &p.factor, err));
        TRY(real_get(c, "plateau.best", &p.best, err));
        TRY(count_get(c, "plateau.waited", &p.waited, err));
        p.waited--;
        if (!(p.factor >= 0 && p.factor <= 1))
            FAIL(err, STRIA_BAD_FILE, "the checkpoint's 'plateau.factor' is %g, expected 0 to 1", text_real(p.factor));
    }
    *out = p;
    return STRIA_OK;
}

/* 0 where an older checkpoint does not say it. */
static stria_status count_get_new(const checkpoint *c, const char *key, int64_t *out, stria_error *err) {
    *out = 0;
    return safetensors_metadata(c->file, key) ? count_get(c, key, out, err) : STRIA_OK;
}

/* With batches of another size the epoch that is under way begins again, and steps are counted on from there. */
static void position_rebatch(position *at) {
    at->base_epoch = at->epoch;
    at->base_step = at->step;
    at->batch = 0;
    at->epoch_score = (score){.classes = at->epoch_score.classes, .multi_label = at->epoch_score.multi_label};
}

static stria_status position_get(const checkpoint *c, const trainer *t, position *out, stria_error *err) {
    const score *now = &t->at.epoch_score;
    position at = {.epoch_score = {.classes = now->classes, .multi_label = now->multi_label}};
    TRY(count_get(c, "epoch", &at.epoch, err));
    TRY(count_get(c, "batch", &at.batch, err));
    TRY(count_get(c, "step", &at.step, err));
    TRY(score_restore(c, &at.epoch_score, err));
    TRY(real_get(c, "best.top1", &at.best_top1, err));
    TRY(count_get(c, "best.step", &at.best_step, err));
    TRY(count_get_new(c, "best.epoch", &at.best_epoch, err));
    if (at.best_top1 >= 0 && at.best_epoch == 0) at.best_epoch = at.epoch; /* of a run that did not note it */
    TRY(count_get_new(c, "judged.step", &at.judged_step, err));
    TRY(count_get_new(c, "base.epoch", &at.base_epoch, err));
    TRY(count_get_new(c, "base.step", &at.base_step, err));
    TRY(plateau_get(c, &at.plateau, err));
    TRY(position_check(c, &at, t, err));
    if (c->batch != t->options.batch) position_rebatch(&at);
    if (c->rate_changed) at.plateau = plateau_start();
    *out = at;
    return STRIA_OK;
}

stria_status checkpoint_restore(const checkpoint *c, trainer *t, stria_error *err) {
    for (int i = 0; i < t->states.count; i++) {
        const char *name = t->states.names[i];
        TRY(tensor_get(c, prefix_of(t, name), t->states.tensors[i], name, err));
    }
    tensor_release(t->network);
    t->network = tensor_retain(safetensors_find(c->file, "graph"));
    TRY(position_get(c, t, &t->at, err));
    norms_read(&t->norms, safetensors_metadata(c->file, "gradients"));
    t->unsaved = false;
    t->mend = true;
    return STRIA_OK;
}
