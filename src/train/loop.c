/* The training loop. Everything else that training can do is graph passes and callbacks, never branches in here. */
#include "base/clock.h"
#include "run/machine.h"
#include "train/divergence.h"
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHECKPOINT_SECONDS 60

static int64_t batches(const trainer *t) {
    return loader_batches(t->loader);
}
static int64_t steps_in_all(const trainer *t) {
    return t->options.steps > 0 ? t->options.steps
                                : t->at.base_step + batches(t) * (t->options.epochs - t->at.base_epoch);
}

int64_t trainer_epochs(const trainer *t, const position *at) {
    int64_t steps = t->options.steps - at->base_step, batches = loader_batches(t->loader);
    return t->options.steps > 0 ? at->base_epoch + (steps + batches - 1) / batches : t->options.epochs;
}

/* No step is left to be made. */
static bool stepped(const trainer *t) {
    return t->at.step >= steps_in_all(t);
}

/* The event of a validation is still to come: after every eval_every steps, and after the last one. An epoch's last
 * step has its own. */
static bool judge_due(const trainer *t) {
    int64_t every = t->options.eval_every;
    bool wanted = (every > 0 && t->at.step % every == 0) || stepped(t);
    return wanted && t->at.batch > 0 && t->at.batch < batches(t) && t->at.judged_step != t->at.step;
}

static bool complete(const trainer *t) {
    return stepped(t) && t->at.batch < batches(t) && !judge_due(t);
}

/* What every event has. */
static void fill(const trainer *t, stria_event *e) {
    e->epochs = trainer_epochs(t, &t->at);
    e->step = t->at.step;
    e->steps = steps_in_all(t);
    e->seconds = clock_seconds() - t->started;
}

/* The callback may ask to stop. */
static void tell(trainer *t, stria_event *e) {
    fill(t, e);
    if (t->callback && !t->callback(e, t->context)) t->stop_asked = true;
}

/* A step's or an epoch's event, and its line. */
static stria_status tell_and_note(trainer *t, stria_event *e, stria_error *err) {
    fill(t, e);
    TRY(metrics_add(&t->metrics, e, err));
    tell(t, e);
    return STRIA_OK;
}

static void tell_start(trainer *t) {
    const program *p = session_program(t->step);
    step_memory m = step_memory_of(p->g), whole = step_memory_of(t->model);
    uint64_t workspace = p->plan.workspace_bytes; /* gradients of parameters live in it too */
    tell(t, &(stria_event){.kind = STRIA_EVENT_START,
                           .epoch = t->at.epoch + 1,
                           .images = dataset_count(t->train),
                           .parameters = m.parameters,
                           .frozen_parameters = whole.frozen,
                           .buffers = whole.buffers,
                           .parameter_bytes = whole.parameter_bytes,
                           .optimizer_bytes = m.optimizer_bytes,
                           .activation_bytes = workspace > m.gradient_bytes ? workspace - m.gradient_bytes : 0,
                           .gradient_bytes = m.gradient_bytes,
                           .loader_bytes = loader_most_bytes(t->loader) +
                                           (t->validation ? evaluator_loader_bytes(t->validation) : 0),
                           .loader_threads = loader_threads(t->loader),
                           .loader_ahead = loader_ahead(t->loader),
                           .isa = kernels_name(t->ks),
                           .threads = pool_threads(t->pool)});
}

static double lr_now(const trainer *t) {
    return t->at.plateau.factor * schedule_lr(&t->schedule, t->options.lr, t->at.step, steps_in_all(t));
}

/* Loads the batch at the trainer's position into the step's inputs. */
static stria_status batch_load(trainer *t, stria_error *err) {
    float lr = (float)lr_now(t);
    double before = clock_seconds();
    TRY(goal_take(&t->job, t->loader, t->pool, t->at.epoch, t->at.batch, session_host(t->step, t->job.in.image->name),
                  err));
    t->waited += clock_seconds() - before;
    t->goal->feed(&t->job, t->loader, session_host(t->step, STEP_TARGET));
    TRY(session_write(t->step, STEP_LR, &lr, sizeof lr, err));
    int64_t gathered = t->options.accumulate, updates = t->at.step / gathered;
    bool apply = t->at.step % gathered == gathered - 1;
    TRY(session_write(t->step, STEP_COUNT, &updates, sizeof updates, err));
    if (gathered > 1) TRY(session_write(t->step, STEP_APPLY, &apply, sizeof apply, err));
    session_step_set(t->step, (uint64_t)t->at.step);
    return STRIA_OK;
}

/* watched: it fails where the first value that is not finite appears. */
static stria_status step_run(trainer *t, bool watched, double *loss, stria_error *err) {
    divergence d = {.model = t->model, .step = session_program(t->step)->g};
    double before = clock_seconds();
    TRY(batch_load(t, err));
    if (watched) TRY(session_run_watched(t->step, divergence_watch, &d, err));
    else TRY(session_run(t->step, err));
    t->stepped += clock_seconds() - before;
    float now;
    TRY(session_read(t->step, STEP_LOSS, &now, sizeof now, err));
    *loss = (double)now;
    if (!isfinite(*loss)) FAIL(err, STRIA_NOT_FINITE, "the loss is %g", text_real(*loss));
    const bool *finite = session_host(t->step, STEP_FINITE);
    if (finite && !*finite) FAIL(err, STRIA_NOT_FINITE, "a gradient is not finite");
    t->goal->count(&t->job, session_host(t->step, t->goal->output), t->options.batch, &t->at.epoch_score);
    t->at.step++;
    t->at.batch++;
    t->unsaved = true;
    return STRIA_OK;
}

static void epoch_next(trainer *t) {
    t->at.epoch++;
    t->at.batch = 0;
    score_restart(&t->at.epoch_score);
}

static void tell_progress(trainer *t) {
    tell(t, &(stria_event){.kind = STRIA_EVENT_PROGRESS, .epoch = t->at.epoch + 1});
}

/* Steps up to bad_step again with every tensor looked at; `first` names the first bad one. */
static void steps_repeat(trainer *t, int64_t bad_step, stria_error *first) {
    stria_status status = STRIA_OK;
    double loss;
    while (status == STRIA_OK && t->at.step <= bad_step && !t->stop_asked) {
        status = step_run(t, true, &loss, first);
        if (status == STRIA_OK && t->at.batch == batches(t)) epoch_next(t);
        tell_progress(t);
    }
}

/* Back to the run folder's checkpoint, again to the bad step, and back once more: the states stay the checkpoint's,
 * good ones. */
static stria_status checkpoint_repeat(trainer *t, int64_t bad_step, stria_error *first, stria_error *err) {
    checkpoint c;
    TRY(checkpoint_read(&c, t->options.out, err));
    c.rate_changed = c.options.lr != t->options.lr || strcmp(c.options.schedule, t->options.schedule) != 0;
    stria_status status = checkpoint_restore(&c, t, err);
    if (status == STRIA_OK) {
        steps_repeat(t, bad_step, first);
        status = checkpoint_restore(&c, t, err);
    }
    checkpoint_release(&c);
    return status;
}

/* After a value that is not finite: says where the first one is. Without a run folder there is nothing to go back to:
 * then the states are what the bad step left (elements whose gradient was not finite are as before it). */
static stria_status not_finite_find(trainer *t, stria_error *err) {
    int64_t bad_step = t->at.step, epoch = t->at.epoch + 1, batch = t->at.batch + 1;
    double rate = lr_now(t);
    stria_error first = {0}, back = {0};
    bool folder = *t->options.out;
    metrics_flush(&t->metrics, false, NULL); /* they show how it came about, until the training goes on */
    if (folder) checkpoint_repeat(t, bad_step, &first, &back);
    FAIL(err, STRIA_NOT_FINITE,
         "training diverged at step %" PRId64 " (epoch %" PRId64 ", batch %" PRId64 ", lr %g): %s%s%s", bad_step + 1,
         epoch, batch, rate, first.status == STRIA_NOT_FINITE ? first.text : "a gradient or the loss is not finite",
         !folder       ? ""
         : back.status ? "; the last checkpoint could not be restored: "
                       : "; the last good checkpoint is kept in ",
         back.status ? back.text : t->options.out);
}

static stria_status checkpoint_now(trainer *t, stria_error *err) {
    t->checkpointed = clock_seconds();
    if (!*t->options.out) return STRIA_OK;
    TRY(run_folder_save(t, err));
    tell(t, &(stria_event){.kind = STRIA_EVENT_CHECKPOINT, .epoch = t->at.epoch, .path = t->options.out});
    return STRIA_OK;
}

static bool validation_progress(int64_t done, int64_t of, void *context) {
    trainer *t = context;
    tell_progress(t);
    return !t->stop_asked || done == of;
}

/* Into the epoch's event. Stopped on the way, it leaves the epoch without its end: that is made up for when the
 * training goes on. */
static stria_status validate(trainer *t, stria_event *e, stria_error *err) {
    score v;
    TRY(metrics_flush(&t->metrics, false, err)); /* it may take long */
    TRY(goal_score(evaluator_job(t->validation), false, &v, err));
    TRY(evaluator_run(t->validation, &v, validation_progress, t, err));
    e->val_loss = v.loss / (double)v.images;
    e->val_score = t->goal->measured(&v);
    if (t->at.best_step > 0 && e->val_score <= t->at.best) return STRIA_OK;
    t->at.best = e->val_score;
    t->at.best_step = t->at.step;
    t->at.best_epoch = t->at.epoch + 1;
    return STRIA_OK;
}

/* Pictures that were left out until now; a note where there are more than at the last epoch's end. */
static void skipped_tell(trainer *t, stria_event *e) {
    const char *first = NULL, *of_val = NULL;
    e->skipped = loader_bad_count(t->loader, &first);
    if (t->validation) e->skipped += evaluator_skipped(t->validation, &of_val);
    if (e->skipped == t->skipped) return;
    t->skipped = e->skipped;
    bool one = e->skipped == 1;
    snprintf(t->skipped_note, sizeof t->skipped_note, "%" PRId64 " picture%s cannot be read and %s skipped%s: %s",
             e->skipped, one ? "" : "s", one ? "is" : "are", one ? "" : ", the first", first ? first : of_val);
    e->note = t->skipped_note;
}

/* Share of the time that steps waited for their batches. */
static double wait_share(double waited, double stepped) {
    return stepped > 0 ? waited / stepped : 0;
}

static void machine_tell(trainer *t, stria_event *e) {
    e->peak_bytes = machine_peak_rss();
    e->wait_share = wait_share(t->waited - t->judged_waited, t->stepped - t->judged_stepped);
    t->judged_waited = t->waited;
    t->judged_stepped = t->stepped;
}

/* What was seen of the epoch, and a validation. STRIA_INTERRUPTED where that was stopped. */
static stria_status judge(trainer *t, stria_event *e, stria_error *err) {
    const score *s = &t->at.epoch_score;
    e->epoch = t->at.epoch + 1;
    e->images = s->images;
    e->val_loss = -1;
    e->val_score = NAN;
    e->measure = t->goal->measure;
    e->loss = s->loss / (double)s->images;
    e->score = t->goal->measured(s);
    e->lr = lr_now(t);
    if (t->validation) TRY(validate(t, e, err));
    bool classes = t->job.classes > 0;
    e->top1 = classes ? e->score : 0;
    e->val_top1 = classes && t->validation ? e->val_score : -1;
    skipped_tell(t, e);
    machine_tell(t, e);
    norms_weigh(&t->norms);
    e->norms = t->norms.row;
    e->norm_count = t->norms.count;
    t->at.judged_step = t->at.step;
    t->unsaved = true;
    return STRIA_OK;
}

/* Within an epoch: the validation and its event, and a checkpoint of a model that is the best one. */
static stria_status epoch_judge(trainer *t, stria_error *err) {
    stria_event e = {.kind = STRIA_EVENT_EVAL};
    stria_status status = judge(t, &e, err);
    if (status == STRIA_INTERRUPTED) return STRIA_OK;
    TRY(status);
    TRY(tell_and_note(t, &e, err));
    return t->validation && t->at.best_step == t->at.step ? checkpoint_now(t, err) : STRIA_OK;
}

/* Runs the rest of the current epoch, until a callback asks to stop. */
static stria_status epoch_run(trainer *t, stria_error *err) {
    for (;;) {
        if (judge_due(t)) TRY(epoch_judge(t, err));
        if (clock_seconds() - t->checkpointed > CHECKPOINT_SECONDS) TRY(checkpoint_now(t, err));
        if (t->at.batch == batches(t) || stepped(t) || t->stop_asked) return STRIA_OK;
        double lr = lr_now(t), loss;
        stria_status status = step_run(t, false, &loss, err);
        if (status == STRIA_NOT_FINITE) return not_finite_find(t, err);
        TRY(status);
        stria_event e = {.kind = STRIA_EVENT_STEP,
                         .epoch = t->at.epoch + 1,
                         .loss = loss,
                         .lr = lr,
                         .gradient_norm = norms_take(&t->norms)};
        TRY(tell_and_note(t, &e, err));
    }
}

/* Validation, the epoch's event, a checkpoint. */
static stria_status epoch_end(trainer *t, stria_error *err) {
    stria_event e = {.kind = STRIA_EVENT_EPOCH};
    stria_status status = judge(t, &e, err);
    if (status == STRIA_INTERRUPTED) return STRIA_OK;
    TRY(status);
    schedule_plateau(&t->schedule, &t->at.plateau, t->options.lr, t->validation ? e.val_loss : e.loss);
    epoch_next(t); /* first: a line is made once, even if it cannot be written now */
    TRY(tell_and_note(t, &e, err));
    return checkpoint_now(t, err);
}

/* --patience epochs in a row were not better than the best one. */
static bool stops_early(const trainer *t) {
    return t->options.patience > 0 && t->validation && t->at.batch == 0 && t->at.best_step > 0 &&
           t->at.epoch - t->at.best_epoch >= t->options.patience;
}

/* After the last epoch, or where the callback said stop. */
static stria_status finish(trainer *t, stria_error *err) {
    if (t->unsaved) TRY(checkpoint_now(t, err));
    if (!complete(t) && !stops_early(t))
        FAIL(err, STRIA_INTERRUPTED, "stopped at step %" PRId64 " of %" PRId64, t->at.step, steps_in_all(t));
    tell(t, &(stria_event){.kind = STRIA_EVENT_END,
                           .epoch = t->at.epoch,
                           .peak_bytes = machine_peak_rss(),
                           .wait_share = wait_share(t->waited, t->stepped)});
    return STRIA_OK;
}

static stria_status train(trainer *t, stria_error *err) {
    t->started = clock_seconds();
    t->waited = t->stepped = t->judged_waited = t->judged_stepped = 0;
    t->stop_asked = false;
    TRY(run_folder_take(t, err));
    if (t->mend) TRY(run_folder_mend(t, err));
    tell_start(t);
    if ((t->at.step == 0 || t->unsaved) && !t->stop_asked) TRY(checkpoint_now(t, err));
    stria_status status = complete(t) ? STRIA_OK : trainer_features(t, err);
    if (status != STRIA_OK && status != STRIA_INTERRUPTED) return status;
    t->checkpointed = clock_seconds();
    while (!complete(t) && !t->stop_asked && !stops_early(t)) {
        TRY(epoch_run(t, err));
        if (!t->stop_asked && t->at.batch == batches(t)) TRY(epoch_end(t, err));
    }
    return finish(t, err);
}

/* Afterwards no thread reads the caller's data. */
stria_status trainer_run(trainer *t, stria_error *err) {
    stria_status status = train(t, err);
    loader_rest(t->loader);
    return status;
}
