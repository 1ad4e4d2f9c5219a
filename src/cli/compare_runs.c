/* stria compare: several runs in one table and one picture. */
#include "cli/json.h"
#include "cli/runs_picture.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"
#include "report/measure.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct compared_run {
    const char *folder;
    char *name; /* the last parts of the folder's name, as many as tell it from the others */
    history *history;
    stria_run *run;
} compared_run;

static void runs_release(compared_run *runs, int count) {
    for (int i = 0; i < count; i++) {
        free(runs[i].name);
        free(runs[i].history);
        stria_run_free(runs[i].run);
    }
}

static stria_status run_read(compared_run *r, const char *folder, stria_error *error) {
    r->folder = folder;
    r->history = history_new();
    if (!r->history) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory to compare runs");
    stria_status status = stria_run_open(&r->run, folder, error);
    return status == STRIA_OK ? history_read(r->history, folder, error) : status;
}

/* The last `parts` of a folder's name: "b/c" of "a/b/c/" for 2. */
static char *parts_last(const char *folder, int parts) {
    size_t length = strlen(folder), begin;
    while (length > 1 && folder[length - 1] == '/') length--;
    for (begin = length; begin > 0 && (folder[begin - 1] != '/' || --parts > 0);) begin--;
    return strndup(folder + begin, length - begin);
}

static bool is_alone(const compared_run *runs, int count, int which) {
    for (int k = 0; k < count; k++)
        if (k != which && strcmp(runs[k].name, runs[which].name) == 0) return false;
    return true;
}

/* Names become longer until no two are the same. A folder that is given twice keeps its whole name. */
static stria_status names_set(compared_run *runs, int count, stria_error *error) {
    enum { PARTS_MAX = 64 };
    bool alike = true;
    for (int parts = 1; alike && parts <= PARTS_MAX; parts++) {
        bool longer[RUNS_MAX];
        alike = false;
        for (int i = 0; i < count; i++) longer[i] = parts == 1 || !is_alone(runs, count, i);
        for (int i = 0; i < count; i++) {
            if (!longer[i]) continue;
            free(runs[i].name);
            runs[i].name = parts_last(runs[i].folder, parts);
            if (!runs[i].name) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory to compare runs");
        }
        for (int i = 0; i < count; i++) alike = alike || !is_alone(runs, count, i);
    }
    return STRIA_OK;
}

static const char *option_of(const compared_run *r, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "option.%s", name);
    const char *text = stria_run_text(r->run, key);
    return text ? text : "";
}

/* ---- the table ---- */

static void cell_score(table *t, const history *h, double value) {
    char text[32];
    if (h->val_score.points) table_cell(t, "%s", measure_text(history_measure(h), value, text));
    else table_cell(t, "%s", "");
}

static void table_show(const compared_run *runs, int count) {
    table t;
    char headings[128];
    int decibels = 0;
    for (int i = 0; i < count; i++) decibels += runs[i].history->decibels;
    snprintf(headings, sizeof headings, "run|>epochs|>steps|>time|>loss|>val loss|>val %s|>best|lr|optimizer",
             decibels == 0       ? measure_title("top1")
             : decibels == count ? measure_title("psnr")
                                 : "score");
    table_init(&t, headings);
    for (int i = 0; i < count; i++) {
        const history *h = runs[i].history;
        char time[32];
        table_cell(&t, "%s", runs[i].name);
        table_cell(&t, "%" PRId64, h->epoch);
        table_cell(&t, "%" PRId64, h->step);
        table_cell(&t, "%s", show_time(h->seconds, time));
        if (h->epoch_loss.points) table_cell(&t, "%.4f", h->epoch_loss.last_y);
        else table_cell(&t, "%s", "");
        if (h->val_loss.points) table_cell(&t, "%.4f", h->val_loss.last_y);
        else table_cell(&t, "%s", "");
        cell_score(&t, h, h->val_score.last_y);
        cell_score(&t, h, h->val_score.best_y);
        table_cell(&t, "%s", option_of(&runs[i], "lr"));
        table_cell(&t, "%s", option_of(&runs[i], "optimizer"));
    }
    table_print(&t, stdout);
    table_release(&t);
}

static json_t *last_json(const series *s) {
    return s->points ? json_number(s->last_y) : json_null();
}

static json_t *runs_json(const compared_run *runs, int count, const char *file) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        const history *h = runs[i].history;
        json_t *one = json_pack(
            h->decibels ? "{s:o,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:n,s:n}" : "{s:o,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "run",
            json_text(runs[i].folder), "epochs", (json_int_t)h->epoch, "steps", (json_int_t)h->step, "seconds",
            json_number(h->seconds), "train_loss", last_json(&h->epoch_loss), "val_loss", last_json(&h->val_loss),
            h->decibels ? "val_psnr" : "val_top1", last_json(&h->val_score),
            h->decibels ? "best_val_psnr" : "best_val_top1",
            h->val_score.points ? json_number(h->val_score.best_y) : json_null(), "val_top1", "best_val_top1");
        for (int k = 0; k < 4; k++) {
            static const char *const names[] = {"lr", "optimizer", "batch", "seed"};
            json_object_set_new(one, names[k], json_text(option_of(&runs[i], names[k])));
        }
        json_array_append_new(list, one);
    }
    return json_pack("{s:o,s:o}", "runs", list, "file", file ? json_text(file) : json_null());
}

/* ---- the picture ---- */

static stria_status picture_write(const options *given, const compared_run *runs, int count, const char *file,
                                  stria_error *error) {
    out o = {0};
    bool chinese = strcmp(option_text(given, "lang"), "zh") == 0;
    runs_curve curves[RUNS_MAX];
    for (int i = 0; i < count; i++) curves[i] = (runs_curve){runs[i].name, runs[i].history};
    runs_picture(&o, curves, count, chinese ? WORDS_CHINESE : WORDS_ENGLISH, option_given(given, "log"));
    stria_status status = o.failed ? source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", file)
                                   : stria_file_write(file, o.data, o.length, error);
    out_release(&o);
    return status;
}

static int compare_run(const options *given) {
    compared_run runs[RUNS_MAX] = {0};
    stria_error error = {0};
    stria_status status = STRIA_OK;
    const char *file = option_text(given, "out");
    int count = 0;
    if (given->operand_count > RUNS_MAX) {
        term_say("compare: %d runs are given, %d at most", given->operand_count, RUNS_MAX);
        return EXIT_USAGE;
    }
    if (file && !source_ends(file, ".svg")) {
        term_say("compare: '%s' does not end in .svg", file);
        return EXIT_USAGE;
    }
    while (status == STRIA_OK && count < given->operand_count) {
        status = run_read(&runs[count], given->operands[count], &error);
        count++;
    }
    if (status == STRIA_OK) status = names_set(runs, count, &error);
    if (status == STRIA_OK && file) status = picture_write(given, runs, count, file, &error);
    int code = EXIT_DONE;
    if (status != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "json")) code = json_finish(runs_json(runs, count, file));
    else table_show(runs, count);
    runs_release(runs, count);
    return code;
}

static const option_row compare_rows[] = {
    {.name = "out",
     .kind = OPTION_TEXT,
     .type = "FILE.svg",
     .help = "also writes a picture: losses, accuracy and learning rate over steps"},
    {.name = "log", .kind = OPTION_FLAG, .help = "draws losses on a logarithmic axis"},
    {.name = "lang",
     .kind = OPTION_CHOICE,
     .type = "LANG",
     .standard = "en",
     .choices = "en|zh",
     .help = "language of the picture"},
    {0},
};

const verb verb_compare = {
    .name = "compare",
    .usage = "RUN… [--out FILE.svg]",
    .about = "compares runs: a table, and one picture of their curves",
    .text = "The figures come from metrics.jsonl: the last validation, and the best one. For runs without validation, "
            "the accuracy on the training images is drawn.",
    .examples = "# a table\n"
                "stria compare runs/lenet5-1 runs/lenet5-2\n"
                "# and a picture\n"
                "stria compare runs/* --out compare.svg",
    .operands_min = 1,
    .operands_max = 1000,
    .rows = compare_rows,
    .run = compare_run,
};
