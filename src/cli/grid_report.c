/* What came of a sweep: a table, a picture, JSON. */
#include "cli/grid.h"

#include "report/measure.h"

#include "cli/runs_picture.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512 };

static bool diverged(const grid_job *job) {
    return json_is_true(json_object_get(job->result, "diverged"));
}

spread grid_spread(const grid *s, int combination, const char *key) {
    spread p = {0};
    double squares = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < s->job_count; i++) {
            const json_t *x = json_object_get(s->jobs[i].result, key);
            if (s->jobs[i].combination != combination || !json_is_number(x) || diverged(&s->jobs[i])) continue;
            if (pass == 0) p.count++, p.mean += json_number_value(x);
            else squares += (json_number_value(x) - p.mean / p.count) * (json_number_value(x) - p.mean / p.count);
        }
    if (p.count > 0) p.mean /= p.count;
    if (p.count > 1) p.deviation = sqrt(squares / (p.count - 1));
    return p;
}

static int diverged_count(const grid *s, int combination) {
    int count = 0;
    for (int i = 0; i < s->job_count; i++) count += s->jobs[i].combination == combination && diverged(&s->jobs[i]);
    return count;
}

/* ---- the table ---- */

static void cell_spread(table *t, spread p, double factor, int digits, const char *unit) {
    if (p.count == 0) table_cell(t, "%s", "");
    else if (p.count == 1) table_cell(t, "%.*f%s", digits, factor * p.mean, unit);
    else table_cell(t, "%.*f ± %.*f%s", digits, factor * p.mean, digits, factor * p.deviation, unit);
}

/* What the numbers of the table are. */
static void means_say(const grid *s, bool any_diverged) {
    char folder[2100], line[4400];
    const char *without = any_diverged ? ", without those that diverged" : "";
    show_word(s->folder, folder, sizeof folder);
    int length =
        s->repeat > 1 ? snprintf(line, sizeof line, "mean ± deviation over %d seeds%s; ", s->repeat, without) : 0;
    snprintf(line + length, sizeof line - (size_t)length, "%s/sweep.csv has each training, %s/sweep.svg the curves",
             folder, folder);
    putchar('\n');
    term_wrap(stdout, text_clean(line), 0);
}

/* "val_top1", and of test. */
static const char *score_key(const char *measure, int test, char key[32]) {
    snprintf(key, 32, "%s_%s", test ? "test" : "val", measure);
    return key;
}

/* Of what diverged there is a column only where something did: terminals are narrow. */
void grid_table_show(const grid *s) {
    char headings[TEXT_MAX] = "", key[32];
    const char *measure = grid_measure(s);
    bool any_diverged = false, shares = measure_is_share(measure);
    table t;
    for (int c = 0; c < s->combinations; c++) any_diverged |= diverged_count(s, c) > 0;
    for (int i = 0; i < s->axis_count; i++)
        snprintf(headings + strlen(headings), sizeof headings - strlen(headings), "%s|", s->axis[i].name);
    snprintf(headings + strlen(headings), sizeof headings - strlen(headings), ">runs|%s>loss|>val %s|>test %s|>seconds",
             any_diverged ? ">diverged|" : "", measure_title(measure), measure_title(measure));
    table_init(&t, headings);
    for (int c = 0; c < s->combinations; c++) {
        for (int i = 0; i < s->axis_count; i++) table_cell(&t, "%s", show_name(grid_value(s, c, i)));
        table_cell(&t, "%d", s->repeat);
        if (any_diverged) table_cell(&t, "%d", diverged_count(s, c));
        cell_spread(&t, grid_spread(s, c, "train_loss"), 1, 4, "");
        for (int k = 0; k < 2; k++)
            cell_spread(&t, grid_spread(s, c, score_key(measure, k, key)), shares ? 100 : 1, 2, shares ? " %" : " dB");
        spread seconds = grid_spread(s, c, "seconds");
        if (seconds.count) table_cell(&t, "%.1f", seconds.mean);
        else table_cell(&t, "%s", "");
    }
    table_print(&t, stdout);
    table_release(&t);
    means_say(s, any_diverged);
}

/* ---- sweep.csv ---- */

/* In quotes where it must be (RFC 4180). */
static void cell_text(out *o, const char *text) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        out_raw(o, text);
        return;
    }
    out_raw(o, "\"");
    for (; *text; text++) out_printf(o, *text == '"' ? "\"%c" : "%c", *text);
    out_raw(o, "\"");
}

static void cell_number(out *o, const json_t *x) {
    out_raw(o, ",");
    if (json_is_number(x)) out_printf(o, "%.9g", json_number_value(x));
}

static void csv_write(out *o, const grid *s) {
    char val[32], test[32];
    const char *const keys[] = {
        "epochs", "steps", "train_loss", score_key(grid_measure(s), 0, val), score_key(grid_measure(s), 1, test),
        "seconds"};
    enum { KEYS = sizeof keys / sizeof *keys };
    out_raw(o, "run");
    for (int i = 0; i < s->axis_count; i++) out_printf(o, ",%s", s->axis[i].name);
    out_raw(o, ",seed");
    for (int k = 0; k < KEYS; k++) out_printf(o, ",%s", keys[k]);
    out_raw(o, ",diverged\n");
    for (int i = 0; i < s->job_count; i++) {
        const grid_job *job = &s->jobs[i];
        out_raw(o, job->name);
        for (int a = 0; a < s->axis_count; a++) {
            out_raw(o, ",");
            cell_text(o, grid_value(s, job->combination, a));
        }
        out_printf(o, ",%lld", (long long)job->seed);
        for (int k = 0; k < KEYS; k++) cell_number(o, json_object_get(job->result, keys[k]));
        out_printf(o, ",%d\n", diverged(job));
    }
}

/* ---- sweep.svg ---- */

/* The mean over the seeds, with a band from the least to the greatest, as far as all of them go. */
static void history_join(history *sum, const history *one) {
    series_join(&sum->loss, &one->loss);
    series_join(&sum->rate, &one->rate);
    series_join(&sum->epoch_loss, &one->epoch_loss);
    series_join(&sum->val_loss, &one->val_loss);
    series_join(&sum->score, &one->score);
    sum->decibels = one->decibels;
    series_join(&sum->val_score, &one->val_score);
}

/* Trainings that diverged count only where all did: a mean would end with the first of them. */
static stria_status combination_read(const grid *s, int combination, history *sum, stria_error *error) {
    bool all_diverged = diverged_count(s, combination) == s->repeat;
    stria_status status = STRIA_OK;
    for (int i = 0; i < s->job_count && status == STRIA_OK; i++) {
        char folder[1300];
        if (s->jobs[i].combination != combination || (diverged(&s->jobs[i]) && !all_diverged)) continue;
        history *one = history_new();
        if (!one) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
        snprintf(folder, sizeof folder, "%s/%s", s->folder, s->jobs[i].name);
        status = history_read(one, folder, error);
        if (status == STRIA_OK) history_join(sum, one);
        free(one);
    }
    return status;
}

/* "lr=0.1 (1 of 3 diverged)", of one seed "lr=0.1 (diverged)", into text. */
static const char *curve_name(const grid *s, int combination, char *text, size_t size) {
    int count = diverged_count(s, combination);
    grid_label(s, combination, text, size);
    size_t length = strlen(text);
    if (count && s->repeat == 1) snprintf(text + length, size - length, " (diverged)");
    else if (count) snprintf(text + length, size - length, " (%d of %d diverged)", count, s->repeat);
    return text;
}

/* The first RUNS_MAX combinations. */
static stria_status svg_write(out *o, const grid *s, stria_error *error) {
    char labels[RUNS_MAX][TEXT_MAX];
    runs_curve curves[RUNS_MAX] = {0};
    history *sums[RUNS_MAX] = {0};
    int count = s->combinations < RUNS_MAX ? s->combinations : RUNS_MAX;
    stria_status status = STRIA_OK;
    for (int c = 0; c < count && status == STRIA_OK; c++) {
        sums[c] = history_new();
        status = sums[c] ? combination_read(s, c, sums[c], error)
                         : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
        curves[c] = (runs_curve){curve_name(s, c, labels[c], sizeof labels[c]), sums[c]};
    }
    if (status == STRIA_OK) runs_picture(o, curves, count, WORDS_ENGLISH, false);
    for (int c = 0; c < count; c++) free(sums[c]);
    return status;
}

static stria_status file_finish(const grid *s, const char *name, out *o, stria_status status, stria_error *error) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    if (status == STRIA_OK)
        status = o->failed ? source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", path)
                           : stria_file_write(path, o->data, o->length, error);
    out_release(o);
    return status;
}

stria_status grid_files_write(const grid *s, stria_error *error) {
    out csv = {0}, svg = {0};
    csv_write(&csv, s);
    stria_status status = file_finish(s, "sweep.csv", &csv, STRIA_OK, error);
    return status == STRIA_OK ? file_finish(s, "sweep.svg", &svg, svg_write(&svg, s, error), error) : status;
}

/* ---- JSON ---- */

static json_t *spread_json(spread p) {
    if (p.count == 0) return json_null();
    return json_pack("{s:o,s:o,s:i}", "mean", json_number(p.mean), "deviation", json_number(p.deviation), "runs",
                     p.count);
}

json_t *grid_document(const grid *s) {
    json_t *list = json_array(), *runs = json_array();
    char val[32], test[32];
    score_key(grid_measure(s), 0, val);
    score_key(grid_measure(s), 1, test);
    for (int c = 0; c < s->combinations; c++) {
        json_t *options = json_object();
        for (int i = 0; i < s->axis_count; i++)
            json_object_set_new(options, s->axis[i].name, json_text(grid_value(s, c, i)));
        json_array_append_new(
            list, json_pack("{s:o,s:i,s:i,s:o,s:o,s:o}", "options", options, "runs", s->repeat, "diverged",
                            diverged_count(s, c), "train_loss", spread_json(grid_spread(s, c, "train_loss")), val,
                            spread_json(grid_spread(s, c, val)), test, spread_json(grid_spread(s, c, test))));
    }
    for (int i = 0; i < s->job_count; i++) json_array_append(runs, s->jobs[i].result);
    return json_pack("{s:o,s:o,s:o}", "folder", json_text(s->folder), "combinations", list, "runs", runs);
}
