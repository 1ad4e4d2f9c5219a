#include "api/api.h"
#include "base/file.h"
#include "base/text.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "train/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options: rows of train/options.c ---- */

const stria_option_row *stria_train_option(int index) {
    return train_option_row(index);
}

stria_status stria_train_option_set(stria_train_options *options, const char *name, const char *value,
                                    stria_error *err) {
    return train_option_set(options, name, value, err);
}

stria_train_options stria_train_options_default(void) {
    return train_options_default();
}

bool stria_train_option_kept(const char *name) {
    return train_option_kept(name);
}

/* ---- trainers ---- */

/* What photos of their own may undergo without becoming another class: docs/augmentation.md. */
#define PHOTO_STEPS "resized-crop scale 0.3 1, flip, colour brightness 0.2 contrast 0.2 saturation 0.2"

struct stria_trainer {
    trainer *t;
    pool *pool;
    stria_dataset *train, *val; /* retained */
    stria_event_callback *callback;
    void *context;
    char note[320];
};

static bool on_event(const stria_event *event, void *context) {
    stria_trainer *s = context;
    stria_event e = *event;
    if (e.kind == STRIA_EVENT_START && *s->note) e.note = s->note;
    return !s->callback || s->callback(&e, s->context);
}

static stria_status setup(stria_trainer *s, graph *model, const data_source *source, const stria_train_options *options,
                          stria_error *err) {
    const kernel_set *ks;
    TRY(machine_kernels(NULL, &ks, err));
    TRY(pool_take(&s->pool, options->pool, options->threads, err));
    TRY(trainer_new(&s->t, model, s->train->d, s->val ? s->val->d : NULL, source, options, ks, s->pool, err));
    s->t->options.pool = NULL; /* the caller's handle may go away */
    s->t->callback = on_event;
    s->t->context = s;
    return run_folder_take(s->t, err);
}

static stria_status trainer_alloc(stria_trainer **out, const stria_dataset *train, const stria_dataset *val,
                                  stria_error *err) {
    TRY(mem_new(out, 1, sizeof **out, "a trainer", err));
    (*out)->train = dataset_retain(train);
    (*out)->val = dataset_retain(val);
    return STRIA_OK;
}

/* A folder that holds a training already is not written over. */
static stria_status folder_check(const char *folder, stria_error *err) {
    char path[1100];
    snprintf(path, sizeof path, "%s/%s", folder, CHECKPOINT_FILE);
    if (*folder && file_exists(path))
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s' holds a training already: resume it, or choose another folder", folder);
    return STRIA_OK;
}

/* Says which class validates that no training image has. */
static stria_status note_lacking(stria_trainer *s, stria_error *err) {
    const dataset *train = s->train->d, *val = s->val ? s->val->d : NULL;
    int64_t *has;
    int classes = dataset_classes(train), lacking = -1, count = 0;
    if (!val || dataset_classes(val) != classes) return STRIA_OK;
    TRY(mem_new(&has, (size_t)classes + 1, sizeof *has, "the classes of the data", err));
    for (int64_t i = 0; i < dataset_count(train); i++) has[dataset_label(train, i)] = -1;
    for (int64_t i = 0; i < dataset_count(val); i++) {
        int64_t *n = &has[dataset_label(val, i)];
        if (*n >= 0) ++*n;
    }
    for (int c = classes - 1; c >= 0; c--)
        if (has[c] > 0) lacking = c, count++;
    char others[48] = "";
    if (count > 1)
        snprintf(others, sizeof others, " (nor of %d other%s that validate%s)", count - 1, count == 2 ? "" : "s",
                 count == 2 ? "s" : "");
    if (count)
        snprintf(s->note, sizeof s->note, "no training image is of class '%.100s'%s, but %lld validation image%s",
                 dataset_class_name(val, lacking), others, (long long)has[lacking],
                 has[lacking] == 1 ? " is" : "s are");
    mem_free(has);
    return STRIA_OK;
}

stria_status stria_trainer_new(stria_trainer **out, const stria_model *model, stria_dataset *train, stria_dataset *val,
                               const stria_train_options *options, stria_error *err) {
    stria_train_options o = stria_train_options_default();
    stria_trainer *s;
    data_source source = {.limit = 0};
    TRY(options_take(&o, sizeof o, options, "train", err));
    TRY(train_options_check(&o, err));
    if (!train) FAIL(err, STRIA_BAD_ARGUMENT, "there is no training data");
    TRY(data_source_name(&source, train->spec, err));
    TRY(folder_check(o.out, err));
    TRY(trainer_alloc(&s, train, val, err));
    source.limit = train->options.limit;
    source.hold_out = train->options.hold_out_val;
    source.val = train->options.val;
    source.seed = train->options.seed;
    source.max_pixels = train->options.max_pixels;
    source.no_exif = train->options.no_exif;
    source.fast_decode = train->options.fast_decode;
    stria_status status = setup(s, model->g, &source, &o, err);
    if (status == STRIA_OK) status = folder_check(o.out, err); /* again, under the lock */
    if (status == STRIA_OK) status = note_lacking(s, err);
    if (status == STRIA_OK) *out = s;
    else stria_trainer_free(s);
    return status;
}

stria_status stria_train_options_for(const stria_model *model, stria_train_options *out, stria_error *err) {
    stria_train_options o = stria_train_options_default();
    classifier c;
    bool multi_label = classifier_of(model->g, &c, NULL) == STRIA_OK && c.kind.relation == OUTPUT_MULTI_LABEL;
    const goal *goal = goal_of(model->g);
    o.goal = goal->name;
    o.loss = multi_label ? "binary_cross_entropy" : goal->loss;
    if (model->recipe) TRY(train_options_recipe(&o, model->recipe, model->recipe_bytes, err));
    *out = o;
    return STRIA_OK;
}

/* Fewer are learnt by heart if nothing is done about it. */
enum { PHOTOS_ENOUGH = 13600, EPOCHS_MOST = 20 };
#define FEW_LOSS "cross_entropy:label_smoothing=0.1"

/* Of 680 pictures 200 epochs, of 13,600 and more the usual 10. */
static int64_t photo_epochs(int64_t images, int64_t usual) {
    int64_t epochs = usual * PHOTOS_ENOUGH / (images > 0 ? images : 1);
    return epochs < usual ? usual : epochs > EPOCHS_MOST * usual ? EPOCHS_MOST * usual : epochs;
}

stria_status stria_train_options_for_data(const stria_model *model, const stria_dataset *data, stria_train_options *out,
                                          stria_error *err) {
    stria_train_options o;
    classifier c;
    TRY(stria_train_options_for(model, &o, err));
    bool photos = !dataset_uniform(data->d) && dataset_channels(data->d) == 3;
    bool fresh = graph_metadata(model->g, MODEL_WEIGHTS) != NULL;
    if (photos && fresh && classifier_of(model->g, &c, NULL) == STRIA_OK && c.in.image->shape.dim[1] == 3) {
        o.augment = PHOTO_STEPS;
        o.lr /= 2;
        if (o.weight_decay < 0.0005) o.weight_decay = 0.0005;
        if (o.clip_norm == 0) o.clip_norm = 5;
        o.epochs = photo_epochs(dataset_count(data->d), o.epochs);
        bool few = dataset_count(data->d) < PHOTOS_ENOUGH;
        if (few && strcmp(o.loss, "cross_entropy") == 0) o.loss = FEW_LOSS;
    }
    *out = o;
    return STRIA_OK;
}

stria_status stria_train_option_get(const stria_train_options *options, const char *name, char *out, size_t bytes,
                                    stria_error *err) {
    const stria_option_row *row;
    for (int i = 0; (row = stria_train_option(i)); i++) {
        if (strcmp(row->name, name) != 0) continue;
        text value = {0};
        train_option_text(options, i, &value);
        stria_status status = text_check(&value, err);
        if (status == STRIA_OK && value.length >= bytes)
            status = error_set(err, STRIA_BAD_ARGUMENT, "--%s has %zu bytes, more than %zu", name, value.length, bytes);
        if (status == STRIA_OK) memcpy(out, text_string(&value), value.length + 1);
        text_release(&value);
        return status;
    }
    FAIL(err, STRIA_BAD_ARGUMENT, "there is no training option '%s'", name);
}

/* ---- going on ---- */

static stria_status data_open(const checkpoint *c, const char *spec, stria_dataset **train, stria_dataset **val,
                              stria_error *err) {
    stria_dataset_options o = run_data_options(&c->source);
    if (c->validated && o.hold_out_val) return stria_dataset_open_pair(train, val, spec, &o, err);
    TRY(stria_dataset_open(train, spec, &o, err));
    o.split = STRIA_SPLIT_VAL;
    return c->validated ? stria_dataset_open(val, spec, &o, err) : STRIA_OK;
}

static stria_status data_same(const checkpoint *c, const stria_dataset *train, stria_error *err) {
    if (dataset_checksum(train->d) != c->data_checksum || dataset_count(train->d) != c->images)
        FAIL(err, STRIA_BAD_FILE,
             "the data at '%s' (%lld image%s) is not what this training began with ('%s', %lld image%s)",
             dataset_path(train->d), (long long)dataset_count(train->d), text_s(dataset_count(train->d)),
             c->source.spec, (long long)c->images, text_s(c->images));
    return STRIA_OK;
}

/* A run by steps may end after an epoch instead, if it is not past that one. */
static stria_status epochs_instead(checkpoint *c, int64_t epochs, stria_error *err) {
    const char *epoch = safetensors_metadata(c->file, "epoch"), *batch = safetensors_metadata(c->file, "batch");
    int64_t whole = epoch ? strtoll(epoch, NULL, 10) : 0, begun = batch && strtoll(batch, NULL, 10) > 0;
    if (whole < INT64_MAX && whole + begun > epochs)
        FAIL(err, STRIA_BAD_ARGUMENT, "this run has begun %" PRId64 " epochs; --epochs must be at least %" PRId64,
             whole + begun, whole + begun);
    c->options.steps = 0;
    return STRIA_OK;
}

/* Where it is to end: of both, the steps hold. checkpoint_restore refuses fewer of them than there are. */
static stria_status end_change(checkpoint *c, const stria_train_options *to, stria_error *err) {
    if (to->steps > 0) {
        c->options.steps = to->steps;
    } else if (to->epochs && c->options.steps > 0) {
        TRY(epochs_instead(c, to->epochs, err));
    } else if (to->epochs && to->epochs < c->options.epochs) {
        FAIL(err, STRIA_BAD_ARGUMENT, "this run already has %" PRId64 " epochs; --epochs must be at least %" PRId64,
             c->options.epochs, c->options.epochs);
    }
    if (to->epochs) c->options.epochs = to->epochs;
    return STRIA_OK;
}

static stria_status options_extend(checkpoint *c, const stria_train_options *options, stria_error *err) {
    stria_train_options o = c->options;
    TRY(options_take(&o, sizeof o, options, "train", err));
    TRY(end_change(c, &o, err));
    c->options.threads = o.threads;
    if (o.skip_bad) c->options.skip_bad = o.skip_bad;
    c->options.pool = o.pool;
    return train_options_check(&c->options, err);
}

/* Options of which a training that goes on may have other values and makes the same steps. */
static bool same_bits(const char *name) {
    static const char *const names[] = {"steps", "eval-every", "cache", "workers", "recompute", "skip-bad", "memory"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* Takes the named options over; `changed` lists those that differ from the run's. */
static stria_status options_change(checkpoint *c, const stria_train_options *options, const char *const *names,
                                   char *changed, size_t size, stria_error *err) {
    char was[1100], is[1100];
    for (size_t used = 0; names && *names; names++) {
        TRY(stria_train_option_get(&c->options, *names, was, sizeof was, err));
        TRY(stria_train_option_get(options, *names, is, sizeof is, err));
        if (strcmp(was, is) == 0 || strcmp(*names, "threads") == 0 || strcmp(*names, "epochs") == 0) continue;
        if (stria_train_option_kept(*names))
            FAIL(err, STRIA_BAD_ARGUMENT, "--%s cannot change when a run is resumed", *names);
        train_option_take(&c->options, options, *names);
        if (same_bits(*names)) continue;
        c->rate_changed |= strcmp(*names, "lr") == 0 || strcmp(*names, "schedule") == 0;
        used += (size_t)snprintf(changed + used, used < size ? size - used : 0, "%s%s", used ? ", " : "", *names);
        if (used >= size) used = size - 1;
    }
    return STRIA_OK;
}

static void note_add(stria_trainer *s, const checkpoint *c, const char *changed) {
    bool other = strcmp(c->isa, kernels_name(s->t->ks)) != 0;
    if (other)
        snprintf(s->note, sizeof s->note,
                 "began with %.30s, continues with %.30s: the result will not be bit-identical", c->isa,
                 kernels_name(s->t->ks));
    else if (*changed)
        snprintf(s->note, sizeof s->note,
                 "changed: %s; the result will not be bit-identical to that of a training without a break", changed);
}

static stria_status resume(stria_trainer **out, const checkpoint *c, stria_dataset *train, stria_dataset *val,
                           const char *changed, stria_error *err) {
    stria_trainer *s;
    data_source source = c->source;
    TRY(data_same(c, train, err));
    TRY(data_source_name(&source, train->spec, err));
    TRY(trainer_alloc(&s, train, val, err));
    stria_status status = setup(s, c->model, &source, &c->options, err);
    if (status == STRIA_OK) status = checkpoint_restore(c, s->t, err);
    if (status == STRIA_OK) note_add(s, c, changed);
    if (status == STRIA_OK) *out = s;
    else stria_trainer_free(s);
    return status;
}

stria_status stria_trainer_resume(stria_trainer **out, const char *folder, const char *data,
                                  const stria_train_options *options, stria_error *err) {
    return stria_trainer_resume_with(out, folder, data, options, NULL, err);
}

stria_status stria_trainer_resume_with(stria_trainer **out, const char *folder, const char *data,
                                       const stria_train_options *options, const char *const *names, stria_error *err) {
    char changed[160] = "";
    checkpoint c;
    if (names && *names && !options)
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s' should change, but no options are given", *names);
    stria_dataset *train = NULL, *val = NULL;
    TRY(checkpoint_read(&c, folder, err));
    stria_status status = options_extend(&c, options, err);
    if (status == STRIA_OK) status = options_change(&c, options, names, changed, sizeof changed, err);
    if (status == STRIA_OK && !data && strcmp(c.source.spec, DATA_IN_MEMORY) == 0)
        status = error_set(err, STRIA_BAD_ARGUMENT,
                           "the data of the training in '%s' was in the memory of the program that began it: only that "
                           "program can go on (stria_trainer_resume_data)",
                           folder);
    if (status == STRIA_OK) status = data_open(&c, data ? data : c.source.spec, &train, &val, err);
    if (status == STRIA_OK) status = resume(out, &c, train, val, changed, err);
    stria_dataset_free(train);
    stria_dataset_free(val);
    checkpoint_release(&c);
    return status;
}

stria_status stria_trainer_resume_data(stria_trainer **out, const char *folder, stria_dataset *train,
                                       stria_dataset *val, const stria_train_options *options, stria_error *err) {
    checkpoint c;
    if (!train) FAIL(err, STRIA_BAD_ARGUMENT, "there is no training data");
    TRY(checkpoint_read(&c, folder, err));
    stria_status status = options_extend(&c, options, err);
    if (status == STRIA_OK && c.validated != (val != NULL))
        status = error_set(err, STRIA_BAD_ARGUMENT, "the training in '%s' began %s validation data", folder,
                           c.validated ? "with" : "without");
    if (status == STRIA_OK) status = resume(out, &c, train, val, "", err);
    checkpoint_release(&c);
    return status;
}

const stria_dataset *stria_trainer_train_data(const stria_trainer *s) {
    return s->train;
}
const stria_dataset *stria_trainer_val_data(const stria_trainer *s) {
    return s->val;
}

/* ---- using ---- */

void stria_trainer_on_event(stria_trainer *s, stria_event_callback *callback, void *context) {
    s->callback = callback;
    s->context = context;
}

stria_status stria_trainer_run(stria_trainer *s, stria_error *err) {
    return trainer_run(s->t, err);
}

stria_status stria_trainer_model(stria_model **out, const stria_trainer *s, stria_error *err) {
    graph *g;
    TRY(trainer_model(s->t, &g, err));
    return model_wrap(out, g, err);
}

const stria_train_options *stria_trainer_options(const stria_trainer *s) {
    return &s->t->options;
}

const char *stria_trainer_folder(const stria_trainer *s) {
    return s->t->options.out;
}

void stria_trainer_free(stria_trainer *s) {
    if (!s) return;
    trainer_free(s->t);
    stria_dataset_free(s->train);
    stria_dataset_free(s->val);
    pool_release(s->pool);
    mem_free(s);
}
