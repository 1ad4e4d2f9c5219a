/* stria report: the report of a run that was trained before, or is training now. */
#include "cli/report.h"

#include "cli/json.h"
#include "cli/source.h"
#include "cli/tensorboard.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

/* One run on its way to its report. */
typedef struct reporting {
    const options *given;
    const char *folder;
    char file[4200], spec[4096], events[4300];
    report *report;
    stria_model *model;
    stria_dataset *data;
    stria_evaluation score;
    bool scored;
} reporting;

static void reporting_release(reporting *r) {
    report_free(r->report);
    stria_evaluation_release(&r->score);
    stria_dataset_free(r->data);
    stria_model_free(r->model);
}

/* The run's own data, or --data; the split that was asked for, or the first of test and val that there is. */
static stria_status data_open(reporting *r, const stria_run *run, const char **split, stria_error *error) {
    static const char *const names[] = {"train", "val", "test"};
    const char *limit = stria_run_text(run, "data.limit"), *said = option_text(r->given, "data");
    snprintf(r->spec, sizeof r->spec, "%s", said ? said : stria_run_text(run, "data"));
    int64_t most = option_given(r->given, "limit") ? option_integer(r->given, "limit")
                   : limit                         ? strtoll(limit, NULL, 10)
                                                   : 0;
    stria_split first = source_split(r->given);
    stria_status status = source_data(r->given, r->spec, first, most, &r->data, error);
    *split = names[first];
    if (status != STRIA_OK && status != STRIA_NO_MEMORY && !option_given(r->given, "split") && !said) {
        stria_error none;
        if (source_data(r->given, r->spec, STRIA_SPLIT_VAL, most, &r->data, &none) != STRIA_OK) return status;
        *split = names[STRIA_SPLIT_VAL];
        return STRIA_OK;
    }
    return status;
}

static stria_status score(reporting *r, const stria_run *run, stria_error *error) {
    const char *split = "";
    stria_inference_options options = source_inference(r->given, "evaluating");
    stria_status status = data_open(r, run, &split, error);
    if (status != STRIA_OK && status != STRIA_NO_MEMORY && !option_given(r->given, "data")) {
        term_say("%s: without an evaluation: %s", r->folder, error->text);
        return STRIA_OK;
    }
    if (status == STRIA_OK) {
        report_judge(r->report, &options);
        r->score.size = sizeof r->score;
        status = stria_evaluate(r->model, r->data, &options, &r->score, error);
    }
    if (status != STRIA_OK) return status;
    r->scored = true;
    report_score(r->report, &r->score, r->data, r->spec, split);
    report_pairs(r->report, r->model, r->data, r->spec, split, stria_run_text(run, "option.augment"),
                 (int)option_integer(r->given, "threads"));
    return STRIA_OK;
}

/* Event files of the whole log, in the place of those that are there; evaluated: what report_one found. */
static stria_status board_write(reporting *r, page_state state, stria_error *error) {
    if (state == PAGE_RUNNING)
        return source_refuse(error, STRIA_BUSY,
                             "%s: a training runs there; stria train --tensorboard writes while it runs", r->folder);
    tensorboard *t = tensorboard_new(r->folder, true, 0);
    if (!t) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s/tensorboard'", r->folder);
    int threads = (int)option_integer(r->given, "threads");
    stria_status status = r->model ? tensorboard_begin(t, r->model, error) : STRIA_OK;
    if (status == STRIA_OK) status = tensorboard_log(t, true, error);
    if (status == STRIA_OK && r->model) status = tensorboard_weights(t, r->model, NULL, threads, error);
    if (status == STRIA_OK && r->scored) tensorboard_score(t, &r->score, report_judged(r->report));
    if (status == STRIA_OK) status = tensorboard_end(t, state == PAGE_COMPLETE, error);
    if (status == STRIA_OK) snprintf(r->events, sizeof r->events, "%s", tensorboard_file(t));
    tensorboard_free(t);
    return status;
}

/* Complete where all epochs are done. */
static page_state state_of(const reporting *r, const stria_run *run) {
    const char *epoch = stria_run_text(run, "epoch"), *of = stria_run_text(run, "option.epochs");
    if (stria_run_active(r->folder)) return PAGE_RUNNING;
    return epoch && of && strtoll(epoch, NULL, 10) >= strtoll(of, NULL, 10) ? PAGE_COMPLETE : PAGE_STOPPED;
}

/* The training pictures as the training saw them; where the data is gone, there are none. */
static void sheet_make(reporting *r, const stria_run *run) {
    stria_dataset_options both = stria_dataset_options_default();
    stria_dataset *train = NULL, *val = NULL;
    const char *limit = stria_run_text(run, "data.limit"), *seed = stria_run_text(run, "option.seed");
    const char *spec = stria_run_text(run, "data"), *held = stria_run_text(run, "data.hold_out");
    stria_error none;
    both.limit = limit ? strtoll(limit, NULL, 10) : 0;
    stria_status status = !spec                            ? STRIA_NO_FILE
                          : held && strcmp(held, "0") != 0 ? stria_dataset_open_pair(&train, &val, spec, &both, &none)
                                                           : stria_dataset_open(&train, spec, &both, &none);
    if (status == STRIA_NO_MEMORY) term_lost();
    if (status == STRIA_OK)
        report_sheet(r->report, r->model, train, spec, stria_run_text(run, "option.augment"),
                     seed ? strtoull(seed, NULL, 10) : 0);
    stria_dataset_free(train);
    stria_dataset_free(val);
}

static stria_status report_one(reporting *r, const stria_run *run, page_state state, stria_error *error) {
    stria_error none;
    r->report = report_new(r->folder, r->file, report_language(r->given));
    if (!r->report) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a report");
    stria_status status = stria_model_open(&r->model, r->folder, 0, &none);
    if (status != STRIA_OK) term_say("%s: without its network: %s", r->folder, none.text);
    status = r->model ? report_model(r->report, r->model, error) : STRIA_OK;
    bool evaluates = r->model && state != PAGE_RUNNING && !option_given(r->given, "no-eval");
    if (status == STRIA_OK && r->model && !option_given(r->given, "no-eval")) sheet_make(r, run);
    if (status == STRIA_OK && evaluates) status = score(r, run, error);
    if (status == STRIA_OK) status = report_write(r->report, state, error);
    if (status == STRIA_OK && option_given(r->given, "tensorboard")) status = board_write(r, state, error);
    return status;
}

static json_t *report_json(const reporting *r, page_state state) {
    static const char *const names[] = {
        [PAGE_RUNNING] = "running", [PAGE_COMPLETE] = "complete", [PAGE_STOPPED] = "stopped"};
    const history *h = report_history(r->report);
    return json_pack("{s:o,s:o,s:I,s:s,s:I,s:I,s:o,s:o,s:o}", "run", json_text(r->folder), "file", json_text(r->file),
                     "bytes", (json_int_t)report_bytes(r->report), "state", names[state], "step", (json_int_t)h->step,
                     "epoch", (json_int_t)h->epoch, "images", r->scored ? json_integer(r->score.images) : json_null(),
                     r->scored && !r->score.classes ? "psnr" : "top1",
                     !r->scored ? json_null() : json_number(r->score.classes ? r->score.top1 : r->score.psnr),
                     "tensorboard", *r->events ? json_text(r->events) : json_null());
}

static int report_folder(const options *given, const char *folder, const char *file, json_t *list) {
    char bytes[32];
    stria_run *run = NULL;
    stria_error error = {0};
    reporting *r = calloc(1, sizeof *r);
    if (!r) return term_no_memory("a report");
    r->given = given;
    r->folder = folder;
    if (file) snprintf(r->file, sizeof r->file, "%s", file);
    else snprintf(r->file, sizeof r->file, "%s/report.html", folder);
    page_state state = PAGE_STOPPED;
    stria_status status = stria_run_open(&run, folder, &error);
    if (status == STRIA_OK) state = state_of(r, run);
    if (status == STRIA_OK) status = report_one(r, run, state, &error);
    int code = status == STRIA_OK ? EXIT_DONE : term_fail(&error);
    if (status == STRIA_OK && option_given(given, "json")) json_array_append_new(list, report_json(r, state));
    else if (status == STRIA_OK) printf("%s  %s\n", show_name(r->file), show_bytes(report_bytes(r->report), bytes));
    if (status == STRIA_OK && *r->events && !option_given(given, "json")) puts(show_name(r->events));
    stria_run_free(run);
    reporting_release(r);
    free(r);
    return code;
}

static int report_run(const options *given) {
    const char *file = option_text(given, "out");
    if (file && given->operand_count > 1) {
        term_say("report: --out names one file, but %d runs are given; each writes its own report.html without it",
                 given->operand_count);
        return EXIT_USAGE;
    }
    json_t *list = json_array();
    int code = EXIT_DONE;
    for (int i = 0; i < given->operand_count; i++) {
        int own = report_folder(given, given->operands[i], file, list);
        if (own != EXIT_DONE) code = own;
    }
    if (option_given(given, "json") && code == EXIT_DONE) return json_finish(json_pack("{s:o}", "reports", list));
    json_decref(list);
    return code;
}

static const option_row report_rows[] = {
    {.name = "out", .kind = OPTION_TEXT, .type = "FILE", .help = "where to write it (default RUN/report.html)"},
    OPTION_LANG,
    OPTION_DATA("what to evaluate it on (default: the run's own data)"),
    {.name = "split",
     .kind = OPTION_CHOICE,
     .type = "SPLIT",
     .standard = "test",
     .choices = "train|val|test",
     .help = "which images; val if there is no test split"},
    {.name = "limit",
     .kind = OPTION_INTEGER,
     .type = "N",
     .maximum = INT64_MAX,
     .help = "at most this many images, 0: all (default: as in training)"},
    {.name = "no-eval", .kind = OPTION_FLAG, .help = "writes only curves, network and settings, without evaluating"},
    OPTION_TENSORBOARD("also writes the run's log, settings, network, weights and pictures to RUN/tensorboard"),
    OPTION_BATCH(NULL, "images per batch (default: automatic)"),
    OPTIONS_READING,
    OPTION_FAST_DECODE,
    OPTIONS_DIVISION("X", "validation share of data without a validation split (default: the run folder's)"),
    {0},
};

const verb verb_report = {
    .name = "report",
    .usage = "RUN… [--out FILE] [options]",
    .about = "writes report.html of a run: curves, confusion matrix, mistakes, network",
    .text = "report.html is one file without external links, with a light and a dark theme, for screens of any width "
            "and for print. A training writes it automatically, refreshes it while it runs, and evaluates at its end. "
            "This verb writes it again: after a training that was killed, in another language, or on other data. While "
            "a training runs, the page updates itself every few seconds.",
    .examples = "# write it again, with an evaluation of the run's test images\n"
                "stria report runs/lenet5-1\n"
                "# in Chinese, to another file\n"
                "stria report runs/lenet5-1 --lang zh --out lenet5.html\n"
                "# the curves of all runs, without evaluating\n"
                "stria report runs/* --no-eval\n"
                "# for TensorBoard: tensorboard --logdir runs\n"
                "stria report runs/lenet5-1 --tensorboard",
    .operands_min = 1,
    .operands_max = 1000,
    .rows = report_rows,
    .run = report_run,
};
