/* Trainings that leave no run: learning a few pictures by heart, and trying learning rates. */
#include "cli/json.h"
#include "cli/signals.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/training.h"
#include "cli/transfer.h"
#include "cli/verb.h"
#include "report/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RATES = 100, OVERFIT_EPOCHS = 200 };
#define RATE_FIRST  1e-6
#define RATE_LAST   10.0
#define RATE_WORSE  4.0 /* times the least loss: the sweep ends */
#define RATE_SMOOTH 0.9 /* weight of the losses before, as in fastai's finder */

typedef struct trial {
    const options *given;
    char data[4096];
    stria_model *model;
    stria_dataset *train;
    stria_train_options options;
    stria_trainer *trainer;
    /* overfit: */
    int64_t epochs;
    double loss, top1;
    /* find-lr: */
    char schedule[64];
    int count;
    double rate[RATES], losses[RATES], smooth[RATES];
} trial;

static void trial_release(trial *t) {
    stria_trainer_free(t->trainer);
    stria_dataset_free(t->train);
    stria_model_free(t->model);
    free(t);
}

/* Model, pictures without a part to validate, options without a folder. */
static stria_status trial_open(trial *t, int64_t limit, stria_error *error) {
    const char *model = t->given->operands[0];
    stria_dataset_options division = stria_dataset_options_default();
    stria_open_options opened = stria_open_options_default();
    division.limit = limit;
    division.pipes = true;
    stria_status status = source_spec(t->given, model, t->data, sizeof t->data, error);
    if (status == STRIA_OK) status = training_data(t->given, t->data, false, &division, &t->train, NULL, error);
    opened.data = t->train;
    if (status == STRIA_OK) status = source_model_with(t->given, model, &opened, NULL, &t->model, error);
    if (status == STRIA_OK) status = transfer_apply(t->given, &t->model, error);
    if (status == STRIA_OK) status = training_options(t->given, t->model, t->train, &t->options, error);
    if (status != STRIA_OK) return status;
    t->options.out = "";
    t->options.patience = t->options.eval_every = 0;
    if (t->options.batch > stria_dataset_count(t->train)) t->options.batch = stria_dataset_count(t->train);
    return STRIA_OK;
}

static stria_status trial_train(trial *t, stria_event_callback *callback, stria_error *error) {
    stria_status status = stria_trainer_new(&t->trainer, t->model, t->train, NULL, &t->options, error);
    if (status != STRIA_OK) return status;
    stria_trainer_on_event(t->trainer, callback, t);
    signals_hold();
    status = stria_trainer_run(t->trainer, error);
    term_bar_clear();
    return status;
}

/* ---- by heart ---- */

static bool overfit_event(const stria_event *event, void *context) {
    trial *t = context;
    char label[64];
    if (event->kind == STRIA_EVENT_EPOCH || event->kind == STRIA_EVENT_EVAL) {
        t->epochs = event->epoch;
        t->loss = event->loss;
        t->top1 = event->top1;
        snprintf(label, sizeof label, "%.1f %% known", 100 * event->top1);
        term_bar(label, (double)event->epoch / (double)event->epochs, "");
    }
    return !term_stopped() && t->top1 < 1;
}

static int overfit_say(const trial *t) {
    char images[64], epochs[64];
    bool known = t->top1 >= 1;
    int64_t count = stria_dataset_count(t->train);
    if (option_given(t->given, "json")) {
        int code =
            json_finish(json_pack("{s:b,s:I,s:I,s:o,s:o}", "known", known, "images", (json_int_t)count, "epochs",
                                  (json_int_t)t->epochs, "top1", json_number(t->top1), "loss", json_number(t->loss)));
        return known ? code : EXIT_FAILED;
    }
    show_many(count, "picture", images);
    show_many(t->epochs, "epoch", epochs);
    if (known) printf("%s known by heart after %s: network, loss and rate can learn\n", images, epochs);
    else
        printf("%.1f %% of %s known after %s, loss %.4f: check the learning rate (--find-lr), the labels and the "
               "network\n",
               100 * t->top1, images, epochs, t->loss);
    return known ? EXIT_DONE : EXIT_FAILED;
}

int trial_overfit(const options *given) {
    stria_error error = {0};
    trial *t = calloc(1, sizeof *t);
    if (!t) return term_no_memory("a trial");
    t->given = given;
    stria_status status = trial_open(t, option_integer(given, "overfit"), &error);
    if (status == STRIA_OK && strcmp(t->options.goal, "reconstruct") == 0)
        status = source_refuse(&error, STRIA_BAD_ARGUMENT, "--overfit counts classes; goal reconstruct has none");
    if (status == STRIA_OK) {
        t->options.augment = "";
        if (!option_given(given, "epochs")) t->options.epochs = OVERFIT_EPOCHS;
        if (!option_given(given, "schedule")) t->options.schedule = "constant";
        status = trial_train(t, overfit_event, &error);
    }
    bool ended = status == STRIA_OK || (status == STRIA_INTERRUPTED && t->top1 >= 1);
    int code = ended ? overfit_say(t) : term_fail(&error);
    trial_release(t);
    return code;
}

/* ---- rates ---- */

static bool rate_event(const stria_event *event, void *context) {
    trial *t = context;
    if (event->kind != STRIA_EVENT_STEP) return !term_stopped();
    int i = t->count++;
    double before = i ? t->smooth[i - 1] * (1 - pow(RATE_SMOOTH, i)) : 0, least = INFINITY;
    t->rate[i] = event->lr;
    t->losses[i] = event->loss;
    t->smooth[i] =
        (RATE_SMOOTH * before + (1 - RATE_SMOOTH) * event->loss) / (1 - pow(RATE_SMOOTH, i + 1)); /* as Adam's mean */
    for (int k = 0; k <= i; k++) least = fmin(least, t->smooth[k]);
    term_bar("rates", (double)t->count / RATES, "");
    return !term_stopped() && t->count < RATES && t->smooth[i] <= RATE_WORSE * least;
}

/* Where the smoothed loss falls fastest, over the logarithm of the rate; −1: nowhere. */
static int rate_steepest(const trial *t) {
    int best = -1;
    double fall = 0;
    for (int i = 1; i + 1 < t->count; i++) {
        double here = t->smooth[i - 1] - t->smooth[i + 1];
        if (!(here > fall)) continue;
        fall = here;
        best = i;
    }
    return best;
}

static stria_status rates_draw(const trial *t, const char *path, stria_error *error) {
    out o = {0};
    series *raw = calloc(2, sizeof *raw), *smooth = raw + 1;
    if (!raw) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
    for (int i = 0; i < t->count; i++) {
        series_add(raw, log10(t->rate[i]), t->losses[i]);
        series_add(smooth, log10(t->rate[i]), t->smooth[i]);
    }
    const plot_curve curves[2] = {{"loss of a batch", raw}, {"smoothed", smooth}};
    plot p = {.title = "loss by learning rate",
              .x_title = "logarithm (base 10) of the learning rate",
              .width = 720,
              .height = 380,
              .log = true,
              .curves = curves,
              .count = 2};
    plot_curves(&o, &p, true);
    stria_status status = o.failed ? source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture")
                                   : stria_file_write(path, o.data, o.length, error);
    out_release(&o);
    free(raw);
    return status;
}

static int rates_say(const trial *t) {
    int best = rate_steepest(t);
    if (option_given(t->given, "json")) {
        json_t *rates = json_array();
        for (int i = 0; i < t->count; i++)
            json_array_append_new(rates, json_pack("{s:o,s:o,s:o}", "lr", json_number(t->rate[i]), "loss",
                                                   json_number(t->losses[i]), "smooth", json_number(t->smooth[i])));
        return json_finish(
            json_pack("{s:o,s:o}", "lr", best < 0 ? json_null() : json_number(t->rate[best]), "rates", rates));
    }
    printf("learning rate   loss   smoothed\n");
    for (int i = 0; i < t->count; i += 5) printf("%13.3g %6.3f %10.3f\n", t->rate[i], t->losses[i], t->smooth[i]);
    if (best < 0) printf("the loss does not decrease at any rate: check the labels and the network\n");
    else printf("the loss falls fastest at a rate of %.2g: --lr %.2g\n", t->rate[best], t->rate[best]);
    return EXIT_DONE;
}

int trial_find_lr(const options *given) {
    stria_error error = {0};
    const char *path = option_text(given, "find-lr");
    trial *t = calloc(1, sizeof *t);
    if (!t) return term_no_memory("a trial");
    t->given = given;
    if (*path && !source_ends(path, ".svg")) {
        term_say("train: --find-lr: '%s' does not end in .svg", path);
        trial_release(t);
        return EXIT_USAGE;
    }
    stria_status status = trial_open(t, option_integer(given, "limit"), &error);
    if (status == STRIA_OK) {
        t->options.lr = RATE_FIRST;
        t->options.epochs = RATES; /* at least as many steps */
        t->options.steps = 0;
        snprintf(t->schedule, sizeof t->schedule, "exponential:every=1,gamma=%.9f",
                 pow(RATE_LAST / RATE_FIRST, 1.0 / (RATES - 1)));
        t->options.schedule = t->schedule;
        status = trial_train(t, rate_event, &error);
    }
    bool ended = status == STRIA_OK || status == STRIA_NOT_FINITE || (status == STRIA_INTERRUPTED && !signals_asked());
    if (ended && *path) status = rates_draw(t, path, &error);
    else if (ended) status = STRIA_OK;
    int code = status == STRIA_OK ? rates_say(t) : term_fail(&error);
    trial_release(t);
    return code;
}
