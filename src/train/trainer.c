#include "train/trainer.h"

#include "base/sizes.h"
#include "base/text.h"
#include "model/model.h"
#include "train/class_weights.h"
#include "train/lr_factor.h"
#include "train/memory.h"
#include "train/moments.h"
#include "transform/transform.h"

#include <string.h>

/* The name under which the states hold the moving average of a variable, in the arena; NULL where there is none. */
static stria_status average_name(const trainer *t, const value *v, arena *a, const char **out, stria_error *err) {
    text name = {0};
    *out = NULL;
    step_average_name(&name, v->name);
    bool held = !name.failed && state_set_find(&t->states, name.data);
    if (held) *out = arena_strdup(a, name.data);
    bool failed = name.failed || (held && !*out);
    text_release(&name);
    if (failed) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the averages of the weights");
    return STRIA_OK;
}

/* Parameters that have a moving average get its name, so that a program takes their contents from there. */
static stria_status averages_use(const trainer *t, graph *g, stria_error *err) {
    for (int i = 0; i < g->value_count; i++) {
        value *v = g->values[i];
        const char *average = NULL;
        if (v->kind == VALUE_STATE) TRY(average_name(t, v, &g->arena, &average, err));
        if (average) v->name = average;
    }
    return STRIA_OK;
}

/* The step's session, on the states that it and validation share. */
static stria_status step_session(trainer *t, graph *step, stria_error *err) {
    program *p;
    program_config made = {.ks = t->ks, .threads = pool_threads(t->pool), .optimize = true, .shared = true};
    session_config config = {.pool = t->pool, .states = &t->states, .seed = t->options.seed};
    TRY(program_new(&p, step, &made, t->pool, err));
    stria_status status = memory_check(t, p, err);
    if (status == STRIA_OK) status = session_new(&t->step, p, &config, err);
    program_release(p);
    return status;
}

evaluator_config trainer_validation(trainer *t) {
    return (evaluator_config){.goal = t->goal,
                              .batch = VALIDATION_BATCH,
                              .room = VALIDATION_ROOM,
                              .skip_bad = t->options.skip_bad,
                              .keep_bytes = (size_t)t->options.cache << 18,
                              .ks = t->ks,
                              .pool = t->pool,
                              .workers = loader_workers(t->options.workers, pool_threads(t->pool)),
                              .states = &t->states};
}

static stria_status validation_make(trainer *t, stria_error *err) {
    evaluator_config config = trainer_validation(t);
    if (!t->val) return STRIA_OK;
    TRY(graph_copy(t->learns, NULL, &t->judged, err));
    TRY(averages_use(t, t->judged, err));
    return evaluator_new(&t->validation, t->judged, t->features[1] ? t->features[1] : t->val, &config, err);
}

/* Options that are for classes. */
static stria_status classes_none(const trainer *t, stria_error *err) {
    const char *said = *t->options.class_weights ? "--class-weights is" : "mixup and cutmix, which mix labels, are";
    if (!*t->options.class_weights && !loader_mixes(t->loader)) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "%s for classes; goal %s has none", said, t->goal->name);
}

static stria_status step_make(trainer *t, stria_error *err) {
    recipe r;
    graph *step = NULL;
    double *weights = NULL;
    TRY(recipe_of(&t->options, &r, err));
    TRY(schedule_parse(t->options.schedule, &t->schedule, err));
    if (!t->job.classes) TRY(classes_none(t, err));
    TRY(class_weights_of(t->options.class_weights, t->train, t->job.permutation, t->job.classes, &weights, err));
    r.class_weights = weights;
    r.shares = loader_mixes(t->loader) || t->job.shares;
    r.norms = true;
    stria_status status = step_graph(t->learns, t->options.batch, &r, &step, err);
    if (status == STRIA_OK) status = memory_states_check(t, step, err);
    if (status == STRIA_OK) status = state_set_add_graph(&t->states, step, err);
    if (status == STRIA_OK) status = validation_make(t, err); /* with the averages among the states */
    if (status == STRIA_OK) status = step_session(t, step, err);
    if (status == STRIA_OK) status = norms_find(&t->norms, t->step, &t->states, err);
    graph_free(step);
    mem_free(weights);
    return status;
}

static stria_status loader_make(trainer *t, stria_error *err) {
    const dataset *d = t->features[0] ? t->features[0] : t->train;
    TRY(goal_job_init(&t->job, t->goal, t->learns, d, t->options.batch, err));
    TRY(goal_score(&t->job, false, &t->at.epoch_score, err));
    if (dataset_count(t->train) < t->options.batch)
        FAIL(err, STRIA_BAD_ARGUMENT, "%lld training images are fewer than one batch (%lld); use a smaller --batch",
             (long long)dataset_count(t->train), (long long)t->options.batch);
    augment changes;
    TRY(augment_parse(t->options.augment, &changes, err));
    loader_options options = {.batch = t->options.batch,
                              .seed = t->options.seed,
                              .shuffle = !t->options.no_shuffle,
                              .drop_last = true,
                              .augment = &changes,
                              .target = t->job.taken.target != NULL,
                              .keep_bytes = (size_t)t->options.cache << 20,
                              .threads = loader_workers(t->options.workers, pool_threads(t->pool)),
                              .bad = t->options.skip_bad ? BAD_REPLACED : BAD_FAILS};
    return picture_input_loader(&t->job.in, d, &options, &t->loader, err);
}

/* Where nothing random comes before what is trained, the frozen part is cut off, as far as its results may be kept.
 * What is decided here follows from the model, the data and the options alone. */
static stria_status frozen_cut(trainer *t, stria_error *err) {
    bool found = false;
    int64_t items = dataset_count(t->train) + (t->val ? dataset_count(t->val) : 0);
    t->learns = t->model;
    if (*t->options.augment || t->options.skip_bad || t->goal->of_pixels) return STRIA_OK;
    TRY(features_cut(t->model, &t->cut, &found, err));
    if (found && features_bytes(&t->cut) > FEATURES_MAX / items) features_release(&t->cut);
    if (!t->cut.rest) return STRIA_OK;
    t->learns = t->cut.rest;
    const dataset *of[2] = {t->train, t->val};
    picture_input in;
    TRY(picture_input_of(t->model, &in, err));
    for (int i = 0; i < 2 && of[i]; i++) {
        TRY(picture_input_loader(&in, of[i], &(loader_options){.batch = FEATURES_BATCH}, &t->feature_loader[i], err));
        TRY(dataset_of_values(&t->features[i], of[i], t->cut.shape, &t->feature_values[i], err));
    }
    return state_set_add_graph(&t->states, t->model, err); /* the checkpoint has all of it */
}

static bool features_progress(void *context) {
    trainer *t = context;
    if (t->callback && !t->callback(&(stria_event){.kind = STRIA_EVENT_PROGRESS}, t->context)) t->stop_asked = true;
    return !t->stop_asked;
}

stria_status trainer_features(trainer *t, stria_error *err) {
    for (int i = 0; i < 2; i++) {
        if (!t->feature_loader[i]) continue;
        TRY(features_fill(&t->cut, t->feature_loader[i], t->ks, t->pool, t->feature_values[i], features_progress, t,
                          err));
        loader_free(t->feature_loader[i]);
        t->feature_loader[i] = NULL;
    }
    return STRIA_OK;
}

static stria_status trainer_make(trainer *t, graph *model, stria_error *err) {
    TRY(graph_copy(model, NULL, &t->model, err));
    TRY(graph_float32(&t->model, err)); /* parameters of any type are trained as float32, and saved so */
    TRY(goal_choose(t->options.goal, t->model, &t->goal, err));
    t->options.goal = t->goal->name;
    if (!*t->options.loss) t->options.loss = t->goal->loss;
    bool plain = !t->goal->of_pixels && moments_wanted(t->model, t->train);
    TRY(t->goal->adopt(t->model, t->train, err));
    if (plain) TRY(moments_store(t->model, t->train, t->pool, err));
    graph_drop_metadata(t->model, MODEL_WEIGHTS);
    if (t->options.patience > 0 && !t->val)
        FAIL(err, STRIA_BAD_ARGUMENT, "--patience needs validation images, and there are none");
    if (t->options.eval_every > 0 && !t->val)
        FAIL(err, STRIA_BAD_ARGUMENT, "--eval-every needs validation images, and there are none");
    TRY(lr_factor_match(t->options.lr_factor, t->model, err));
    TRY(frozen_cut(t, err));
    TRY(memory_batch(t, err));
    TRY(loader_make(t, err));
    return step_make(t, err);
}

stria_status data_source_name(data_source *s, const char *spec, stria_error *err) {
    if (strlen(spec) >= sizeof s->spec)
        FAIL(err, STRIA_BAD_ARGUMENT, "the data's name has %zu bytes; a training keeps %zu", strlen(spec),
             sizeof s->spec - 1);
    memcpy(s->spec, spec, strlen(spec) + 1);
    return STRIA_OK;
}

stria_status trainer_new(trainer **out, graph *model, const dataset *train, const dataset *val,
                         const data_source *source, const stria_train_options *options, const kernel_set *ks,
                         pool *pool, stria_error *err) {
    trainer *t;
    TRY(mem_new(&t, 1, sizeof *t, "a trainer", err));
    *t = (trainer){.options = *options,
                   .train = train,
                   .val = val,
                   .source = *source,
                   .ks = ks,
                   .pool = pool_retain(pool),
                   .at.best = -1,
                   .at.plateau = plateau_start(),
                   .unsaved = true,
                   .mend = true,
                   .lock = -1};
    stria_status status = train_options_keep(&t->options, &t->texts, err);
    if (status == STRIA_OK) status = trainer_make(t, model, err);
    if (status == STRIA_OK) *out = t;
    else trainer_free(t);
    return status;
}

void trainer_free(trainer *t) {
    if (!t) return;
    run_folder_leave(t);
    metrics_release(&t->metrics);
    evaluator_free(t->validation);
    norms_release(&t->norms);
    session_free(t->step);
    state_set_release(&t->states);
    loader_free(t->loader);
    score_release(&t->at.epoch_score);
    goal_job_release(&t->job);
    tensor_release(t->network);
    graph_free(t->judged);
    features_release(&t->cut);
    for (int i = 0; i < 2; i++) loader_free(t->feature_loader[i]), dataset_free(t->features[i]);
    graph_free(t->model);
    pool_release(t->pool);
    arena_release(&t->texts);
    mem_free(t);
}

/* The contents of a copied model's state become those of the training. */
static stria_status contents_take(const trainer *t, graph *g, value *v, stria_error *err) {
    const char *average;
    tensor *copy;
    TRY(average_name(t, v, &g->arena, &average, err));
    const tensor *now = state_set_find(&t->states, average ? average : v->name);
    if (!now) return STRIA_OK;
    TRY(tensor_raw(&copy, v->type, &v->shape, v->name, err));
    memcpy(copy->data, now->data, now->bytes);
    tensor_release(v->data);
    v->data = copy;
    return STRIA_OK;
}

stria_status trainer_model(const trainer *t, graph **out, stria_error *err) {
    graph *copy;
    TRY(graph_copy(t->model, NULL, &copy, err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < copy->value_count && status == STRIA_OK; i++)
        if (copy->values[i]->kind == VALUE_STATE) status = contents_take(t, copy, copy->values[i], err);
    if (status == STRIA_OK) *out = copy;
    else graph_free(copy);
    return status;
}
