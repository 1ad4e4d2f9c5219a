/* stria train: from images to a run folder. */
#include "cli/train.h"

#include "cli/folder.h"
#include "cli/json.h"
#include "cli/picture.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "cli/report.h"
#include "cli/score.h"
#include "cli/settings.h"
#include "cli/signals.h"
#include "cli/source.h"
#include "cli/tensorboard.h"
#include "cli/term.h"
#include "cli/training.h"
#include "cli/transfer.h"
#include "cli/verb.h"
#include "report/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void training_release(training *t) {
    report_free(t->report);
    stria_evaluation_release(&t->score);
    stria_trainer_free(t->trainer);
    stria_dataset_free(t->train);
    stria_dataset_free(t->val);
    stria_dataset_free(t->test);
    stria_model_free(t->model);
}

/* What the model, as it is trained, makes of the pictures. */
static void training_input(training *t) {
    stria_model *model = NULL;
    stria_error none;
    char input[96], made[64];
    progress *p = &t->progress;
    stria_status status = stria_trainer_model(&model, t->trainer, &none);
    if (status == STRIA_NO_MEMORY) term_lost();
    if (status != STRIA_OK) return;
    source_made(model, p->channels, p->height, p->width, made);
    snprintf(p->input, sizeof p->input, "%s%s%s", source_input(model, input), *made ? ": pictures are " : "", made);
    stria_model_free(model);
}

/* What the first lines say of the data and the options. */
static void training_facts(training *t) {
    const stria_dataset *train = stria_trainer_train_data(t->trainer), *val = stria_trainer_val_data(t->trainer);
    progress *p = &t->progress;
    stria_dataset_shape(train, &p->channels, &p->height, &p->width);
    p->classes = stria_dataset_classes(train);
    p->val_images = val ? stria_dataset_count(val) : 0;
    t->skip_bad = stria_trainer_options(t->trainer)->skip_bad;
    settings_text(stria_trainer_options(t->trainer), t->given, t->settings, sizeof t->settings);
    p->options = t->settings;
    p->batch = stria_trainer_options(t->trainer)->batch;
    p->by_steps = stria_trainer_options(t->trainer)->steps > 0;
    p->ordered = stria_trainer_options(t->trainer)->no_shuffle;
    training_input(t);
}

static stria_status training_begin(training *t, stria_error *error) {
    const char *model = t->given->operands[0];
    stria_status status = source_spec(t->given, model, t->data, sizeof t->data, error);
    t->division.limit = option_integer(t->given, "limit");
    t->division.pipes = true;
    if (status == STRIA_OK) status = training_data(t->given, t->data, true, &t->division, &t->train, &t->val, error);
    stria_open_options opened = stria_open_options_default();
    opened.data = t->train;
    if (status == STRIA_OK) status = source_model_with(t->given, model, &opened, NULL, &t->model, error);
    if (status == STRIA_OK) status = transfer_apply(t->given, &t->model, error);
    if (status == STRIA_OK) source_warn(t->model, true);
    if (status == STRIA_OK) status = training_options(t->given, t->model, t->train, &t->options, error);
    if (status == STRIA_OK) signals_hold(); /* what is made from here on is saved, not left half-done */
    if (status == STRIA_OK && option_given(t->given, "out")) {
        snprintf(t->folder, sizeof t->folder, "%s", t->options.out);
        status = folder_prepare(t->folder, error);
    } else if (status == STRIA_OK) {
        status = folder_claim(model, t->folder, sizeof t->folder, error);
    }
    if (status == STRIA_OK) status = stria_train_option_set(&t->options, "out", t->folder, error);
    if (status == STRIA_OK) status = stria_trainer_new(&t->trainer, t->model, t->train, t->val, &t->options, error);
    if (status == STRIA_OK) training_facts(t);
    t->progress.model = model;
    return status;
}

static stria_status training_resume(training *t, stria_error *error) {
    const char *folder = option_text(t->given, "resume");
    const char *changed[OPTION_ROWS_MAX] = {NULL};
    int count = 0;
    const stria_option_row *row;
    for (int i = 0; (row = stria_train_option(i)) && count < OPTION_ROWS_MAX - 1; i++)
        if (option_given(t->given, row->name)) changed[count++] = row->name;
    stria_status status = training_options(t->given, NULL, NULL, &t->options, error);
    if (*folder) snprintf(t->folder, sizeof t->folder, "%s", folder);
    else if (status == STRIA_OK) status = folder_newest(t->folder, sizeof t->folder, error);
    if (status == STRIA_OK && folder_has_sweep(t->folder)) {
        char word[2048];
        show_word(t->folder, word, sizeof word);
        status = source_refuse(error, STRIA_BAD_ARGUMENT,
                               "'%s' is the folder of a sweep: the same command with --sweep and --out %s goes on",
                               t->folder, word);
    }
    if (status == STRIA_OK) status = stria_run_data(t->folder, t->data, sizeof t->data, error);
    if (status == STRIA_OK) status = stria_run_data_options(t->folder, &t->division, error);
    const char *moved = option_given(t->given, "data") || option_given(t->given, "layout") ? t->data : NULL;
    if (moved && status == STRIA_OK) status = source_spec(t->given, t->folder, t->data, sizeof t->data, error);
    if (!option_given(t->given, "epochs")) t->options.epochs = 0; /* as the run has it */
    if (status == STRIA_OK)
        status = stria_trainer_resume_with(&t->trainer, t->folder, moved, count ? &t->options : NULL, changed, error);
    if (status == STRIA_OK) training_facts(t);
    t->progress.model = t->progress.resumed = t->folder;
    return status;
}

/* A report that cannot be written is said once; the training goes on. */
static void report_check(training *t, stria_status status, const stria_error *error) {
    if (status != STRIA_OK && !t->unreported) term_say("no report: %s", error->text);
    if (status != STRIA_OK) t->unreported = true;
}

static void report_make(training *t) {
    char file[1100];
    stria_error error = {0};
    stria_model *model = NULL;
    snprintf(file, sizeof file, "%s/report.html", t->folder);
    t->report = report_new(t->folder, file, report_language(t->given));
    if (!t->report) report_check(t, source_refuse(&error, STRIA_NO_MEMORY, "not enough memory for it"), &error);
    stria_status status = t->report ? stria_trainer_model(&model, t->trainer, &error) : STRIA_OK;
    if (model) status = report_model(t->report, model, &error);
    report_check(t, status, &error);
    if (model && t->report)
        report_sheet(t->report, model, stria_trainer_train_data(t->trainer), t->data,
                     stria_trainer_options(t->trainer)->augment, (uint64_t)stria_trainer_options(t->trainer)->seed);
    stria_model_free(model);
}

/* At the first checkpoint: before it, a folder that was given up would stay. */
static void report_begin(training *t) {
    stria_error error = {0};
    t->recorded = true;
    report_check(t, record_write(t->folder, t->given, t->run_threads, &error), &error);
    report_check(t, record_options(t->folder, stria_trainer_options(t->trainer), &error), &error);
    report_make(t);
}

/* All its epochs were done before; a kill may have come before run.json was written. */
static void report_late(training *t) {
    json_t *record = record_read(t->folder);
    if (record) report_make(t);
    else report_begin(t);
    json_decref(record);
}

static bool training_event(const stria_event *event, void *context) {
    training *t = context;
    stria_error error = {0};
    if (event->kind == STRIA_EVENT_START) t->run_threads = event->threads;
    if (event->kind == STRIA_EVENT_CHECKPOINT && !t->recorded) report_begin(t);
    bool written = event->kind == STRIA_EVENT_STEP || event->kind == STRIA_EVENT_CHECKPOINT;
    if (t->report && written && !t->unreported) report_check(t, report_refresh(t->report, &error), &error);
    board_event(&t->board, t->folder, t->trainer, event);
    return progress_event(event, &t->progress);
}

/* The report as it stays. */
static void report_end(training *t, page_state state) {
    stria_error error = {0};
    if (t->report && t->scored) {
        report_score(t->report, &t->score, t->test, t->data, t->tested_split);
        report_pairs(t->report, t->model, t->test, t->data, t->tested_split, t->options.augment,
                     (int)option_integer(t->given, "threads"));
    }
    board_end(&t->board, state == PAGE_COMPLETE, t->scored ? &t->score : NULL,
              t->report ? report_judged(t->report) : NULL);
    if (!t->report) return;
    report_check(t, report_write(t->report, state, &error), &error);
}

/* The split's images, read as the training read its own. */
static stria_status test_open(training *t, stria_split split, stria_error *error) {
    stria_dataset_options chosen = t->division;
    chosen.split = split;
    chosen.hold_out_val = false;
    /* not what a run folder says; nor what has been read already, as training and validation images of one source */
    chosen.pipes = split == STRIA_SPLIT_TEST && option_given(t->given, "data");
    stria_status status = stria_dataset_open(&t->test, t->data, &chosen, error);
    if (status == STRIA_OK) source_note(t->test);
    return status;
}

/* The trained model judged by the source's test images; a source may have none. */
static stria_status training_test(training *t, stria_error *error) {
    stria_error none = {0};
    stria_inference_options run = source_inference(t->given, "testing");
    run.skip_bad = t->skip_bad;
    stria_model_free(t->model);
    t->model = NULL;
    stria_status status = stria_trainer_model(&t->model, t->trainer, error);
    stria_trainer_free(t->trainer);
    t->trainer = NULL;
    if (status != STRIA_OK) return status;
    t->tested_split = "test";
    status = test_open(t, STRIA_SPLIT_TEST, &none);
    if (status == STRIA_NO_MEMORY) {
        *error = none;
        return status;
    }
    if (status != STRIA_OK) {
        term_say("no final evaluation: %s", none.text);
        if (!t->report || !t->progress.val_images) return STRIA_OK;
        t->tested_split = "val"; /* for the report */
        status = test_open(t, STRIA_SPLIT_VAL, &none);
        if (status == STRIA_NO_MEMORY) term_lost();
        if (status != STRIA_OK) return STRIA_OK;
    }
    if (t->report) report_judge(t->report, &run);
    t->score.size = sizeof t->score;
    status = stria_evaluate(t->model, t->test, &run, &t->score, error);
    t->scored = status == STRIA_OK;
    t->tested = t->scored && strcmp(t->tested_split, "test") == 0;
    if (t->tested) status = record_test(t->folder, t->data, t->progress.step, &t->score, error);
    return status;
}

static stria_status training_run(training *t, stria_error *error) {
    stria_trainer_on_event(t->trainer, training_event, t);
    signals_hold();
    stria_status status = stria_trainer_run(t->trainer, error);
    term_bar_clear();
    return status;
}

int train_with(const options *given, json_t **result) {
    training *t = calloc(1, sizeof *t);
    if (!t) return term_no_memory("a training");
    t->given = given;
    t->resumed = option_given(given, "resume");
    t->board.wanted = option_given(given, "tensorboard");
    t->progress.data = t->data;
    t->progress.quiet = result != NULL;
    stria_error error = {0};
    stria_status status = t->resumed ? training_resume(t, &error) : training_begin(t, &error);
    if (status == STRIA_OK) status = training_run(t, &error);
    if (!signals_asked()) signals_release(); /* else what comes after the first one does not cut the last words off */
    bool complete = status == STRIA_OK, json = option_given(given, "json");
    bool stopped = complete ? signals_asked() : status == STRIA_INTERRUPTED && t->progress.started;
    if (complete && !stopped && !t->report) report_late(t);
    if (complete && !stopped) status = training_test(t, &error);
    report_end(t, complete ? PAGE_COMPLETE : PAGE_STOPPED);
    if (complete && !stopped && status == STRIA_OK && !json && !result) status = training_print(t, &error);
    bool diverged = result && status == STRIA_NOT_FINITE, done = status == STRIA_OK || diverged;
    int code = stopped ? training_interrupted(t, complete) : done ? EXIT_DONE : training_failed(t, &error);
    if (code == EXIT_DONE && result) *result = training_json(t);
    else if (code == EXIT_DONE && json) code = json_finish(training_json(t));
    if (diverged && result && *result) json_object_set_new(*result, "diverged", json_true());
    training_release(t);
    free(t);
    return code;
}

static int train_run(const options *given) {
    if (!training_usage(given)) return EXIT_USAGE;
    if (option_given(given, "overfit")) return trial_overfit(given);
    if (option_given(given, "find-lr")) return trial_find_lr(given);
    if (option_given(given, "sweep")) return grid_run(given);
    return train_with(given, NULL);
}

static const option_row train_rows[] = {
    OPTION_DATA("labelled images, NAME or NAME:PATH"),
    OPTION_LAYOUT("layout of the arrays of --data npy:X.npy,Y.npy: nhwc reads [N,H,W,C]"),
    {.name = "resume",
     .kind = OPTION_OPTIONAL,
     .type = "RUN",
     .help = "resumes an interrupted run, or extends a finished one (--epochs); without RUN: the newest in runs/"},
    {.name = "out",
     .kind = OPTION_TRAINING,
     .type = "RUN",
     .help = "run folder to write; must not exist, or be empty (default runs/MODEL-N, the next N)"},
    OPTIONS_DIVISION("yes|no|X", "holds out some training images for validation if the data has no validation split; "
                                 "X: their share (default: a fifth for folders, a twelfth for others)"),
    OPTION_LIMIT("0", "at most this many images of each split, 0: all"),
    OPTION_LANG,
    OPTION_TENSORBOARD("also writes RUN/tensorboard while training; a resumed run continues it"),
    OPTIONS_READING,
    OPTION_FAST_DECODE,
    OPTIONS_TRIAL,
    OPTIONS_SWEEP,
    OPTIONS_TRANSFER,
    OPTIONS_PREPROCESS,
    OPTIONS_NETWORK,
    {0},
};

const verb verb_train = {
    .name = "train",
    .usage = "MODEL --data DATA [options]\n--resume [RUN] [options]",
    .about = "trains a network and writes a run folder: model.onnx, checkpoint, metrics, report",
    .text = "The same seed gives bit-identical results, with any number of threads and after any interruption. Ctrl-C "
            "saves the training and prints the command that resumes it. At the end, the model is evaluated on the test "
            "images of the same data. A network may define its own defaults, such as a learning rate; options on the "
            "command line override them. A built-in network with initial weights has other defaults for colour photos "
            "in files: --augment \"resized-crop scale 0.3 1, flip, colour brightness 0.2 contrast 0.2 saturation "
            "0.2\", half of its --lr, --weight-decay 0.0005 and --clip-norm 5; for fewer than 13,600 of them --loss "
            "cross_entropy:label_smoothing=0.1, and up to 200 --epochs.",
    .examples = "# LeNet-5 on Fashion-MNIST, into runs/lenet5-1\n"
                "stria train lenet5 --data fashion-mnist --epochs 5\n"
                "# find a learning rate: plots the loss of 100 rates\n"
                "stria train lenet5 --data fashion-mnist --find-lr rates.svg\n"
                "# a check: can it memorise 32 pictures?\n"
                "stria train lenet5 --data fashion-mnist --overfit 32\n"
                "# your own rate, files and folder\n"
                "stria train lenet --data mnist:data/mnist --lr 0.02 --out runs/try\n"
                "# one training per learning rate, and a table of results\n"
                "stria train mlp --data fashion-mnist --sweep \"lr=0.1,0.01\" --out grid\n"
                "# a new classifier on a trained network's features\n"
                "stria train resnet.onnx --data folder:pictures --head 2 --freeze all-but-head\n"
                "# an autoencoder that removes noise\n"
                "stria train autoencoder.net --data mnist:data/mnist --augment \"noise 0.3\"\n"
                "# resume a run, ten epochs in total\n"
                "stria train --resume runs/try --epochs 10",
    .operands_min = 0,
    .operands_max = 1,
    .training = true,
    .rows = train_rows,
    .run = train_run,
};
