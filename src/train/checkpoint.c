/* The run folder's checkpoint: it alone is the truth. Tensors "param/NAME" (the model's parameters, statistics and
 * other variables, whatever their names) and "state/NAME/STATE" (what the optimiser has beside them); "graph" holds
 * the network as .net text (as ONNX bytes where that cannot say it). Scalars, options and the data's identity stand in
 * __metadata__ as text; reals in %a form, so that they come back with every bit. */
#include "base/file.h"
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "model/safetensors.h"
#include "train/checkpoint_format.h"
#include "train/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* 0 where an older checkpoint does not say it. */
static stria_status count_get_new(const checkpoint *c, const char *key, int64_t *out, stria_error *err) {
    *out = 0;
    return safetensors_metadata(c->file, key) ? count_get(c, key, out, err) : STRIA_OK;
}

static stria_status real_get(const checkpoint *c, const char *key, double *out, stria_error *err) {
    const char *value;
    TRY(metadata_get(c, key, &value, err));
    if (!text_to_double(value, out))
        FAIL(err, STRIA_BAD_FILE, "the checkpoint's '%s' is '%s', not a number", key, value);
    return STRIA_OK;
}

static stria_status options_get(checkpoint *c, stria_error *err) {
    c->options = train_options_default();
    for (int i = 0; train_option_row(i); i++) {
        char key[64];
        const char *value;
        snprintf(key, sizeof key, "option.%s", train_option_row(i)->name);
        value = safetensors_metadata(c->file, key);
        if (value) TRY(train_option_set(&c->options, train_option_row(i)->name, value, err));
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
    TRY(count_get_new(c, "data.seed", &seed, err));
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
    TRY(count_get_new(c, "data.max_pixels", &c->source.max_pixels, err));
    TRY(count_get_new(c, "data.no_exif", &flag, err));
    c->source.no_exif = flag != 0;
    TRY(count_get_new(c, "data.fast_decode", &flag, err));
    c->source.fast_decode = flag != 0;
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
    if (safetensors_metadata(c->file, "epoch.error")) TRY(real_get(c, "epoch.error", &s->error, err));
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
    if (at->best > t->goal->most || at->best_step > at->step || at->best_epoch > at->epoch + 1)
        FAIL(err, STRIA_BAD_FILE, "the checkpoint has its best score, %g, at step %" PRId64 " of %" PRId64,
             text_real(at->best), at->best_step, at->step);
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

/* With batches of another size the epoch that is under way begins again, and steps are counted on from there. */
static void position_rebatch(position *at) {
    at->base_epoch = at->epoch;
    at->base_step = at->step;
    at->batch = 0;
    score_restart(&at->epoch_score);
}

static stria_status position_get(const checkpoint *c, const trainer *t, position *out, stria_error *err) {
    char best[32];
    position at = {.epoch_score = t->at.epoch_score};
    score_restart(&at.epoch_score);
    snprintf(best, sizeof best, "best.%s", t->goal->measure);
    TRY(count_get(c, "epoch", &at.epoch, err));
    TRY(count_get(c, "batch", &at.batch, err));
    TRY(count_get(c, "step", &at.step, err));
    TRY(score_restore(c, &at.epoch_score, err));
    TRY(real_get(c, best, &at.best, err));
    TRY(count_get(c, "best.step", &at.best_step, err));
    TRY(count_get_new(c, "best.epoch", &at.best_epoch, err));
    if (at.best_step > 0 && at.best_epoch == 0) at.best_epoch = at.epoch; /* of a run that did not note it */
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
        TRY(tensor_get(c, checkpoint_prefix(t, name), t->states.tensors[i], name, err));
    }
    tensor_release(t->network);
    t->network = tensor_retain(safetensors_find(c->file, "graph"));
    TRY(position_get(c, t, &t->at, err));
    norms_read(&t->norms, safetensors_metadata(c->file, "gradients"));
    t->unsaved = false;
    t->mend = true;
    return STRIA_OK;
}
