/* A report's parts, collected and written. */
#include "cli/record.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/term.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FACTS_MAX = 24, CONTINUED_SHOWN = 5 };

struct report {
    char folder[4096], file[4200], options[2048], speed[32], threads[16], evaluated_on[4200];
    words_language language;
    history *history;
    judge judge;
    sheet sheet;
    pairs pairs;
    net net;
    stria_summary summary;
    stria_model *model; /* the summary's names are its own */
    const stria_evaluation *score;
    stria_run *run;
    json_t *record;
    page_fact facts[FACTS_MAX];
    int fact_count;
    int64_t epochs, batch;
    bool judged, drawn;
    double next; /* when the next refresh is due */
    size_t bytes;
};

report *report_new(const char *folder, const char *file, words_language language) {
    report *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->history = history_new();
    r->language = language;
    snprintf(r->folder, sizeof r->folder, "%s", folder);
    snprintf(r->file, sizeof r->file, "%s", file);
    if (r->history) return r;
    report_free(r);
    return NULL;
}

void report_free(report *r) {
    if (!r) return;
    free(r->history);
    judge_release(&r->judge);
    sheet_release(&r->sheet);
    pairs_release(&r->pairs);
    net_release(&r->net);
    stria_summary_release(&r->summary);
    stria_model_free(r->model);
    stria_run_free(r->run);
    json_decref(r->record);
    free(r);
}

stria_status report_model(report *r, const stria_model *model, stria_error *error) {
    if (r->drawn) return STRIA_OK;
    stria_status status = net_make(&r->net, model, NET_AUTO, PAGE_BOXES_MAX, error);
    r->drawn = status == STRIA_OK;
    r->summary.size = sizeof r->summary;
    if (status == STRIA_OK) status = stria_summarize(model, 1, &r->summary, error);
    return status;
}

void report_sheet(report *r, const stria_model *model, const stria_dataset *train, const char *spec,
                  const char *augment, uint64_t seed) {
    char name[4200];
    snprintf(name, sizeof name, "%.*s/train", (int)strcspn(spec, ":"), spec);
    sheet_read(&r->sheet, model, train, name, augment, seed);
}

void report_judge(report *r, stria_inference_options *options) {
    judge_release(&r->judge);
    options->judge = judge_see;
    options->judge_context = &r->judge;
    r->judged = true;
}

void report_score(report *r, const stria_evaluation *score, const stria_dataset *data, const char *spec,
                  const char *split) {
    char name[4200];
    r->score = score;
    snprintf(r->evaluated_on, sizeof r->evaluated_on, "%s, %s", spec, split);
    snprintf(name, sizeof name, "%.*s/%s", (int)strcspn(spec, ":"), spec, split);
    if (r->judged) judge_pictures(&r->judge, data, name);
}

void report_pairs(report *r, const stria_model *model, const stria_dataset *data, const char *spec, const char *split,
                  const char *augment, int threads) {
    char name[4200];
    snprintf(name, sizeof name, "%.*s/%s", (int)strcspn(spec, ":"), spec, split);
    pairs_read(&r->pairs, model, data, name, augment, 0, threads);
}

/* ---- facts ---- */

static void fact(report *r, const char *name, const char *value, bool code) {
    if (value && *value && r->fact_count < FACTS_MAX) r->facts[r->fact_count++] = (page_fact){name, value, code};
}

static const char *run_text(const report *r, const char *key) {
    return r->run ? stria_run_text(r->run, key) : NULL;
}

static int64_t run_number(const report *r, const char *key) {
    const char *text = run_text(r, key);
    return text ? (int64_t)strtoll(text, NULL, 10) : 0;
}

/* "epochs 5, batch 64, …" of the options that decide the result. */
static void options_print(report *r) {
    const stria_option_row *row;
    size_t length = 0;
    for (int i = 0; (row = stria_train_option(i)); i++) {
        char key[80];
        snprintf(key, sizeof key, "option.%s", row->name);
        const char *value = run_text(r, key);
        bool other =
            strcmp(row->name, "out") == 0 || strcmp(row->name, "threads") == 0 || strcmp(row->name, "seed") == 0;
        if (!value || !*value || other || length >= sizeof r->options) continue;
        length += (size_t)snprintf(r->options + length, sizeof r->options - length, "%s%s %s", length ? ", " : "",
                                   row->name, value);
    }
}

static void continued(report *r) {
    const json_t *list = json_object_get(r->record, "continued");
    size_t count = json_array_size(list), first = count > CONTINUED_SHOWN ? count - CONTINUED_SHOWN : 0;
    for (size_t i = first; i < count; i++) fact(r, "continued with", json_string_value(json_array_get(list, i)), true);
}

/* What the checkpoint and run.json say; read once. Without a checkpoint there is only the latter. */
static void facts_read(report *r) {
    if (r->run) return;
    stria_status status = stria_run_open(&r->run, r->folder, NULL);
    if (status == STRIA_NO_MEMORY) term_lost();
    if (status != STRIA_OK) return;
    r->record = record_read(r->folder);
    r->epochs = run_number(r, "option.epochs");
    r->batch = run_number(r, "option.batch");
    json_int_t threads = json_integer_value(json_object_get(r->record, "threads"));
    if (threads > 0) snprintf(r->threads, sizeof r->threads, "%d", (int)threads);
    options_print(r);
}

static void facts_fill(report *r) {
    facts_read(r);
    r->fact_count = 0;
    fact(r, "command", record_text(r->record, "command"), true);
    continued(r);
    fact(r, "seed", run_text(r, "option.seed"), false);
    fact(r, "options", r->options, false);
    fact(r, "data", run_text(r, "data"), false);
    fact(r, "data checksum", run_text(r, "data.checksum"), true);
    fact(r, "training images", run_text(r, "data.images"), false);
    fact(r, "processor", record_text(r->record, "processor"), false);
    fact(r, "system", record_text(r->record, "system"), false);
    fact(r, "instruction set", run_text(r, "isa"), false);
    fact(r, "threads", r->threads, false);
    fact(r, "version", record_text(r->record, "version"), false);
    fact(r, "begun", record_text(r->record, "begun"), false);
    const history *h = r->history;
    if (h->seconds > 0 && r->batch > 0) {
        snprintf(r->speed, sizeof r->speed, "%.4g", (double)h->step * (double)r->batch / h->seconds);
        fact(r, "images per second", r->speed, false);
    }
}

/* ---- writing ---- */

stria_status report_write(report *r, page_state state, stria_error *error) {
    out o = {0};
    stria_status status = history_read(r->history, r->folder, error);
    if (status != STRIA_OK) return status;
    facts_fill(r);
    page p = {.language = r->language,
              .state = state,
              .title = r->folder,
              .history = r->history,
              .epochs = r->epochs,
              .score = r->score,
              .evaluated_on = r->evaluated_on,
              .judge = report_judged(r),
              .sheet = r->sheet.count ? &r->sheet : NULL,
              .pairs = r->pairs.count ? &r->pairs : NULL,
              .net = r->drawn ? &r->net : NULL,
              .summary = r->summary.layer_count ? &r->summary : NULL,
              .facts = r->facts,
              .fact_count = r->fact_count};
    page_write(&o, &p);
    if (o.failed || r->sheet.lost || r->judge.lost || r->pairs.lost)
        status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", r->file);
    else status = stria_file_write(r->file, o.data, o.length, error);
    r->bytes = o.length;
    out_release(&o);
    return status;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

stria_status report_refresh(report *r, stria_error *error) {
    double begin = seconds_now();
    if (begin < r->next) return STRIA_OK;
    stria_status status = report_write(r, PAGE_RUNNING, error);
    double cost = seconds_now() - begin;
    r->next =
        begin + (cost * 100 > 5 ? cost * 100 : 5); /* at most a hundredth of the time, every five seconds at most */
    return status;
}

const judge *report_judged(const report *r) {
    return r->judged && r->score ? &r->judge : NULL;
}

size_t report_bytes(const report *r) {
    return r->bytes;
}

const history *report_history(const report *r) {
    return r->history;
}

words_language report_language(const options *given) {
    return strcmp(option_text(given, "lang"), "zh") == 0 ? WORDS_CHINESE : WORDS_ENGLISH;
}
