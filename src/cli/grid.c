/* stria train --sweep: a training for each combination of a grid. */
#include "cli/grid.h"

#include "cli/folder.h"
#include "cli/signals.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/training.h"
#include "cli/verb.h"
#include "report/history.h"
#include "report/measure.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 512 };

static void grid_release(grid *s) {
    json_decref(s->document);
    free(s->jobs);
    free(s->text);
}

static stria_status no_memory(stria_error *error) {
    return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a sweep");
}

/* ---- the grid ---- */

/* Without blanks at both ends, in place. */
static char *trimmed(char *text) {
    while (isspace((unsigned char)*text)) text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1])) text[--length] = 0;
    return text;
}

/* Every combination is there once: an option of its own, and values of their own. */
static stria_status axis_check_new(const grid *s, const grid_axis *axis, const char *value, stria_error *error) {
    for (int i = 0; i < axis->count; i++)
        if (strcmp(axis->values[i], value) == 0)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "--sweep: %s has the value %s twice%s", axis->name, value,
                                 s->repeat > 1 ? "" : "; --repeat N trains each combination from N seeds");
    return STRIA_OK;
}

/* "optimizer=sgd,adam", or with bars where values hold commas. */
static stria_status axis_read(grid *s, char *text, stria_error *error) {
    grid_axis *axis = &s->axis[s->axis_count];
    char *equals = strchr(text, '='), *rest, *value;
    if (s->axis_count == GRID_AXES)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--sweep: more than %d options", GRID_AXES);
    if (!equals)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--sweep: '%s' is not of the form OPTION=VALUE,VALUE,…", text);
    *equals = 0;
    *axis = (grid_axis){.name = trimmed(text)};
    if (!grid_may_vary(s->given, axis->name))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--sweep: '%s' is not an option of a training with a value",
                             axis->name);
    if (grid_has_axis(s, axis->name))
        return source_refuse(error, STRIA_BAD_ARGUMENT,
                             "--sweep: %s stands there twice; all its values go together: %s=VALUE,VALUE", axis->name,
                             axis->name);
    const char *between = strchr(equals + 1, '|') ? "|" : ","; /* before strsep cuts the text */
    for (rest = equals + 1; (value = strsep(&rest, between));) {
        value = trimmed(value);
        if (!*value) return source_refuse(error, STRIA_BAD_ARGUMENT, "--sweep: %s has an empty value", axis->name);
        if (axis->count == GRID_VALUES)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "--sweep: more than %d values of %s", GRID_VALUES,
                                 axis->name);
        stria_status status = axis_check_new(s, axis, value, error);
        if (status != STRIA_OK) return status;
        axis->values[axis->count++] = value;
    }
    s->axis_count++;
    return STRIA_OK;
}

static stria_status grid_read(grid *s, stria_error *error) {
    char *rest, *part;
    s->repeat = option_given(s->given, "repeat") ? (int)option_integer(s->given, "repeat") : 1;
    s->combinations = 1;
    rest = s->text = strdup(option_text(s->given, "sweep"));
    if (!rest) return no_memory(error);
    while ((part = strsep(&rest, ";"))) {
        stria_status status = *trimmed(part) ? axis_read(s, trimmed(part), error) : STRIA_OK;
        if (status != STRIA_OK) return status;
    }
    for (int i = 0; i < s->axis_count; i++)
        if ((s->combinations *= s->axis[i].count) > GRID_RUNS) break;
    if (s->axis_count == 0) return source_refuse(error, STRIA_BAD_ARGUMENT, "--sweep: there is nothing in it");
    if (s->combinations > GRID_RUNS / s->repeat)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--sweep: more than %d trainings", GRID_RUNS);
    return STRIA_OK;
}

const char *grid_value(const grid *s, int combination, int axis) {
    for (int i = s->axis_count - 1; i > axis; i--) combination /= s->axis[i].count;
    return s->axis[axis].values[combination % s->axis[axis].count];
}

const char *grid_label(const grid *s, int combination, char *text, size_t size) {
    size_t length = 0;
    for (int i = 0; i < s->axis_count && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s=%s", i ? " " : "", s->axis[i].name,
                                   grid_value(s, combination, i));
    return text;
}

/* "003-adam-0.001-seed1": characters that shells and file systems take as they are. */
static void job_name(const grid *s, grid_job *job) {
    char *text = job->name;
    size_t size = sizeof job->name - 32, length = (size_t)snprintf(text, size, "%03d", job->combination + 1);
    for (int i = 0; i < s->axis_count && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "-%s", grid_value(s, job->combination, i));
    if (length >= size) length = size - 1;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(".-+_", text[i])) text[i] = '_';
    snprintf(text + length, 32, "-seed%lld", (long long)job->seed);
}

static stria_status jobs_make(grid *s, stria_error *error) {
    int64_t seed = option_integer(s->given, "seed");
    s->job_count = s->combinations * s->repeat;
    s->jobs = calloc((size_t)s->job_count, sizeof *s->jobs);
    if (!s->jobs) return no_memory(error);
    for (int i = 0; i < s->job_count; i++) {
        s->jobs[i] = (grid_job){.combination = i % s->combinations, .seed = seed + i / s->combinations};
        job_name(s, &s->jobs[i]);
    }
    return STRIA_OK;
}

/* ---- all combinations, before the first training ---- */

/* The sentence, with the combination that it is about. */
static void combination_name(const grid *s, int combination, stria_error *error) {
    char label[TEXT_MAX], text[sizeof error->text];
    snprintf(text, sizeof text, "%s", error->text);
    grid_label(s, combination, label, sizeof label);
    source_say(error, error->status, "%s: %s", label, text);
}

/* Every combination's model, pictures and options are right before the first is trained. One that has begun was. */
static stria_status jobs_check(const grid *s, stria_error *error) {
    stria_status status = STRIA_OK;
    training_pictures pictures = {.train = NULL};
    for (int i = 0; i < s->combinations && status == STRIA_OK; i++) {
        grid_words w;
        options one;
        status = grid_words_options(s, &s->jobs[i], &w, &one, error);
        if (status == STRIA_OK && !option_given(&one, "resume")) {
            term_bar("looking at the combinations", (double)i / s->combinations, "");
            status = training_rehearse(&one, &pictures, error);
            if (status != STRIA_OK) combination_name(s, s->jobs[i].combination, error);
        }
        options_release(&one);
        grid_words_release(&w);
    }
    stria_dataset_free(pictures.train);
    stria_dataset_free(pictures.val);
    term_bar_clear();
    return status;
}

/* ---- sweep.json ---- */

/* The grid and what all its trainings share, as one text: a folder belongs to one of them. */
static json_t *identity(const grid *s) {
    grid_words w = {.count = 0};
    json_t *list = json_array();
    grid_words_shared(s, &w, true);
    for (int i = 0; i < w.count; i++) json_array_append_new(list, json_text(w.words[i]));
    grid_words_release(&w);
    return json_pack("{s:o,s:o}", "sweep", json_text(option_text(s->given, "sweep")), "options", list);
}

/* sweep.json of an earlier call; NULL and STRIA_OK: there is none. */
static stria_status document_read(const char *path, json_t **out, stria_error *error) {
    json_error_t why;
    *out = json_load_file(path, 0, &why);
    if (!*out && json_error_code(&why) == json_error_cannot_open_file && access(path, F_OK) != 0) return STRIA_OK;
    if (!*out && json_error_code(&why) == json_error_cannot_open_file)
        return source_refuse(error, STRIA_IO, "cannot open '%s'", path);
    if (!*out && (json_error_code(&why) == json_error_out_of_memory || !*why.text)) /* not said of the first buffer */
        return source_refuse(error, STRIA_NO_MEMORY, "not enough memory to read '%s'", path);
    if (!*out) return source_refuse(error, STRIA_BAD_FILE, "'%s' is not JSON: line %d: %s", path, why.line, why.text);
    if (json_is_object(json_object_get(*out, "results"))) return STRIA_OK;
    json_decref(*out);
    *out = NULL;
    return source_refuse(error, STRIA_BAD_FILE, "'%s' is not a file of stria train --sweep: it lacks results", path);
}

static stria_status document_open(grid *s, stria_error *error) {
    char path[1200];
    json_t *was = NULL;
    snprintf(path, sizeof path, "%s/sweep.json", s->folder);
    stria_status status = document_read(path, &was, error);
    if (status != STRIA_OK) return status;
    json_t *is = identity(s);
    if (was && is && !json_equal(json_object_get(was, "identity"), is)) {
        json_decref(is);
        json_decref(was);
        return source_refuse(error, STRIA_BAD_ARGUMENT,
                             "'%s' holds another sweep; choose another folder, or give the same options", s->folder);
    }
    s->document = was || !is ? was : json_pack("{s:O,s:{}}", "identity", is, "results");
    json_decref(is);
    if (!is || !s->document) return no_memory(error);
    for (int i = 0; i < s->job_count; i++)
        s->jobs[i].result = json_object_get(json_object_get(s->document, "results"), s->jobs[i].name);
    return was ? STRIA_OK : folder_prepare(s->folder, error);
}

static stria_status document_write(const grid *s, stria_error *error) {
    char path[1200];
    char *text = json_whole(s->document, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    snprintf(path, sizeof path, "%s/sweep.json", s->folder);
    stria_status status = source_make_folder(s->folder, error);
    if (status == STRIA_OK)
        status = text ? stria_file_write(path, text, strlen(text), error)
                      : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", path);
    free(text);
    return status;
}

/* ---- training ---- */

static const char *measure_of(const json_t *result) {
    const char *measure = json_string_value(json_object_get(result, "measure"));
    return measure && strcmp(measure, "psnr") == 0 ? "psnr" : "top1";
}

const char *grid_measure(const grid *s) {
    for (int i = 0; i < s->job_count; i++)
        if (strcmp(measure_of(s->jobs[i].result), "top1") != 0) return measure_of(s->jobs[i].result);
    return "top1";
}

/* "validation 97.50 %, " of the result's key "val_top1"; "" where there is none. */
static const char *score_say(const json_t *result, const char *split, const char *word, char line[48]) {
    char key[32], text[32];
    snprintf(key, sizeof key, "%s_%s", split, measure_of(result));
    const json_t *x = json_object_get(result, key);
    *line = 0;
    if (json_is_number(x))
        snprintf(line, 48, "%s %s, ", word, measure_text(measure_of(result), json_number_value(x), text));
    return line;
}

static void job_say(const grid *s, int index) {
    const grid_job *job = &s->jobs[index];
    char label[TEXT_MAX], line[TEXT_MAX + 256], val[48], test[48], time[32];
    const json_t *r = job->result;
    bool diverged = json_is_true(json_object_get(r, "diverged"));
    snprintf(line, sizeof line, "%s seed %lld: %s%s%s%s",
             text_clean((char *)grid_label(s, job->combination, label, sizeof label)), (long long)job->seed,
             diverged ? "diverged, " : "", diverged ? "" : score_say(r, "val", "validation", val),
             diverged ? "" : score_say(r, "test", "test", test),
             show_time(json_number_value(json_object_get(r, "seconds")), time));
    term_wrap(stderr, line, fprintf(stderr, "%d/%d  ", index + 1, s->job_count));
}

/* A process that went on with a training saw only its own part, or nothing of one that was complete: the log has all.
 */
static stria_status result_complete(const grid *s, const grid_job *job, json_t *result, stria_error *error) {
    char folder[1300];
    history *h = history_new();
    if (!h) return no_memory(error);
    snprintf(folder, sizeof folder, "%s/%s", s->folder, job->name);
    stria_status status = history_read(h, folder, error);
    bool lost = status != STRIA_OK;
    if (!lost && h->epoch_loss.points)
        lost = json_object_set_new(result, "train_loss", json_number(h->epoch_loss.last_y)) != 0;
    if (!lost && h->val_score.points)
        lost = h->decibels ? json_object_set_new(result, "val_psnr", json_number(h->val_score.last_y)) != 0
                           : json_object_set_new(result, "val_top1", json_share(h->val_score.last_y)) != 0;
    if (!lost) lost = json_object_set_new(result, "seconds", json_number(h->seconds)) != 0;
    free(h);
    return lost && status == STRIA_OK ? no_memory(error) : status;
}

/* Trains what was not trained yet. Returns the exit code of the first training that ended otherwise than it should. */
static int jobs_run(grid *s, stria_error *error) {
    int code = EXIT_DONE;
    for (int i = 0; i < s->job_count && code == EXIT_DONE; i++) {
        grid_words w;
        options one;
        json_t *result = NULL;
        if (s->jobs[i].result) continue;
        stria_status status = grid_words_options(s, &s->jobs[i], &w, &one, error);
        code = status == STRIA_OK ? train_with(&one, &result) : term_fail(error);
        bool resumed = option_given(&one, "resume");
        options_release(&one);
        grid_words_release(&w);
        if (code != EXIT_DONE) break;
        if (result && resumed) status = result_complete(s, &s->jobs[i], result, error);
        if (status != STRIA_OK) {
            json_decref(result);
            return term_fail(error);
        }
        if (!result || json_object_set_new(json_object_get(s->document, "results"), s->jobs[i].name, result) != 0)
            return term_no_memory("the results of a sweep");
        s->jobs[i].result = result;
        job_say(s, i);
        if (document_write(s, error) != STRIA_OK) code = term_fail(error);
    }
    return code;
}

static stria_status grid_begin(grid *s, stria_error *error) {
    stria_status status = grid_read(s, error);
    snprintf(s->folder, sizeof s->folder, "%s", option_text(s->given, "out")); /* options_parse refused a longer one */
    if (status == STRIA_OK) status = jobs_make(s, error);
    if (status == STRIA_OK) status = jobs_check(s, error);
    if (status != STRIA_OK) return status;
    status = document_open(s, error);
    return status == STRIA_OK ? document_write(s, error) : status;
}

int grid_run(const options *given) {
    grid s = {.given = given};
    stria_error error = {0};
    char folder[2100];
    if (!option_given(given, "out")) {
        term_say("train: --sweep needs --out FOLDER, for the trainings and their results");
        return EXIT_USAGE;
    }
    stria_status status = grid_begin(&s, &error);
    int code = status == STRIA_OK ? jobs_run(&s, &error) : term_fail(&error);
    if (status == STRIA_OK && code != EXIT_DONE)
        term_say(signals_asked() ? "what was trained is kept; the same command with --out %s goes on"
                                 : "what was trained is kept; when the cause is removed, the same command with --out "
                                   "%s goes on; with other values it needs another folder",
                 show_word(s.folder, folder, sizeof folder));
    if (code == EXIT_DONE && grid_files_write(&s, &error) != STRIA_OK) code = term_fail(&error);
    if (code == EXIT_DONE && option_given(given, "json")) code = json_finish(grid_document(&s));
    else if (code == EXIT_DONE) grid_table_show(&s);
    grid_release(&s);
    return code;
}
