#include "cli/ranking.h"

#include "cli/picture.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool as_json(const ranking *r) {
    return r->list || r->lines;
}

void ranking_release(ranking *r) {
    free(r->probabilities);
    free(r->best);
    json_decref(r->list);
    out_release(&r->csv);
    free(r->skipped_first);
    stria_predictor_free(r->predictor);
}

stria_status ranking_init(ranking *r, const options *given, const stria_model *model, stria_error *error) {
    stria_inference_options run = source_inference(given, "predicting");
    stria_status status = stria_predictor_new(&r->predictor, model, &run, error);
    if (status != STRIA_OK) return status;
    stria_classifier c = {.size = sizeof c};
    r->model = model;
    status = stria_model_classifier(model, &c, error);
    if (status != STRIA_OK) return status;
    r->untrained = c.untrained;
    r->classes = stria_predictor_classes(r->predictor);
    r->top = (int)option_integer(given, "top");
    if (r->top > r->classes) r->top = r->classes;
    r->probabilities = malloc(((size_t)r->classes + 1) * sizeof *r->probabilities);
    r->best = malloc(((size_t)r->top + 1) * sizeof *r->best);
    if (r->probabilities && r->best) return STRIA_OK;
    return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d classes", r->classes);
}

static json_t *ranking_json(const ranking *r) {
    json_t *list = json_array();
    class_best(r->probabilities, r->classes, r->top, r->best);
    for (int k = 0; k < r->top; k++)
        json_array_append_new(list, json_pack("{s:i,s:o,s:o}", "class", r->best[k], "name",
                                              json_text(stria_predictor_class_name(r->predictor, r->best[k])),
                                              "probability", json_number((double)r->probabilities[r->best[k]])));
    return list;
}

/* From column `from` on; cut at a terminal's edge. */
static void class_print(const char *name, int from) {
    int room = isatty(fileno(stdout)) ? term_width(stdout) - from : INT_MAX;
    if (text_columns(name) > room) text_pad(stdout, name, room, false);
    else fputs(name, stdout);
}

static void ranking_print(const ranking *r) {
    class_best(r->probabilities, r->classes, r->top, r->best);
    for (int k = 0; k < r->top; k++) {
        printf("  %s%5.1f %%  ", k == 0 ? term_begin(stdout, STYLE_BOLD) : "",
               100 * (double)r->probabilities[r->best[k]]);
        class_print(show_name(stria_predictor_class_name(r->predictor, r->best[k])), 11);
        puts(k == 0 ? term_end(stdout) : "");
    }
}

/* ---- rows ---- */

/* A field of RFC 4180: quoted where it must be. */
static void csv_field(out *o, const char *text, char end) {
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted) out_raw(o, "\"");
    for (; *text; text++) out_bytes(o, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    if (quoted) out_raw(o, "\"");
    out_bytes(o, &end, 1);
}

static void csv_heading(ranking *r) {
    out_raw(&r->csv, "image,label,error");
    for (int k = 1; k <= r->top; k++) out_printf(&r->csv, ",class%d,probability%d", k, k);
    out_raw(&r->csv, "\n");
}

/* image, label, error, then class and probability of the best ones; without an error r->best is set. */
static void csv_row(ranking *r, const char *image, const char *label, const char *error) {
    out *o = &r->csv;
    if (!r->table) return;
    if (!o->length) csv_heading(r);
    csv_field(o, image, ',');
    csv_field(o, label, ',');
    csv_field(o, error, r->top ? ',' : '\n');
    for (int k = 0; k < r->top; k++) {
        char end = k + 1 < r->top ? ',' : '\n';
        csv_field(o, *error ? "" : stria_predictor_class_name(r->predictor, r->best[k]), ',');
        if (!*error) out_printf(o, "%.6g", (double)r->probabilities[r->best[k]]);
        out_bytes(o, &end, 1);
    }
}

/* The document of one picture, now or later. */
static void json_give(ranking *r, json_t *entry) {
    if (!r->lines) {
        json_array_append_new(r->list, entry);
        return;
    }
    json_finish(entry);
    fflush(stdout);
}

static stria_status picture_skip(ranking *r, const char *image, bool named, stria_error *error) {
    size_t size = strlen(image) + strlen(error->text) + 3;
    if (r->skipped++) return STRIA_OK;
    r->skipped_first = malloc(size);
    if (!r->skipped_first) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a name");
    snprintf(r->skipped_first, size, "%s%s%s", named ? "" : image, named ? "" : ": ", error->text);
    return STRIA_OK;
}

stria_status skipped_say(const ranking *r, stria_error *error) {
    char count[32];
    bool one = r->skipped == 1;
    if (r->skipped && !r->told)
        return source_refuse(error, STRIA_BAD_FILE,
                             "none of the %s picture%s can be read, the first because of this: %s",
                             show_count(r->skipped, count), show_s(r->skipped), r->skipped_first);
    if (r->skipped)
        term_say("warning: %s picture%s cannot be read and %s skipped%s: %s", show_count(r->skipped, count),
                 show_s(r->skipped), one ? "is" : "are", one ? "" : ", the first", r->skipped_first);
    return STRIA_OK;
}

/* A sentence has '?' for what could drive a terminal, and is cut where a path is longer than it. */
static bool names_picture(const stria_error *error, const char *image) {
    bool cut = strlen(error->text) + 4 >= sizeof error->text;
    for (const char *s = error->text; *s; s++) {
        size_t k = 0;
        while (image[k] && (s[k] == image[k] || (s[k] == '?' && ((unsigned char)image[k] < ' ' || image[k] == 0x7F ||
                                                                 (unsigned char)image[k] >= 0x80))))
            k++;
        if (!image[k] || (cut && !s[k])) return true;
    }
    return false;
}

stria_status picture_failed(ranking *r, const char *image, stria_error *error) {
    if (!source_one_picture(error->status)) return error->status;
    bool named = names_picture(error, image) || strstr(error->text, "standard input"); /* as "-" is called */
    if (r->skip_bad) return picture_skip(r, image, named, error);
    term_say("%s%s%s", named ? "" : image, named ? "" : ": ", error->text);
    if (as_json(r)) json_give(r, json_pack("{s:o,s:o}", "image", json_text(image), "error", json_text(error->text)));
    csv_row(r, image, "", error->text);
    r->failed++;
    return STRIA_OK;
}

void answers_warn(ranking *r, int64_t channels, int64_t height, int64_t width) {
    if (!r->warned) source_warn(r->model, false);
    r->warned = true;
    if (!r->warned_made && channels) r->warned_made = source_warn_made(r->model, channels, height, width);
}

static json_t *picture_json(const ranking *r, const char *image) {
    return json_pack("{s:o,s:o,s:b}", "image", json_text(image), "predictions", ranking_json(r), "untrained",
                     r->untrained);
}

void picture_tell(ranking *r, const char *image) {
    class_best(r->probabilities, r->classes, r->top, r->best);
    if (as_json(r)) json_give(r, picture_json(r, image));
    else {
        printf("%s%s\n", r->told ? "\n" : "", show_name(image));
        ranking_print(r);
    }
    csv_row(r, image, "", "");
    r->told++;
}

void labelled_say(ranking *r, const char *image, const stria_dataset *data, int64_t label) {
    class_best(r->probabilities, r->classes, r->top, r->best);
    bool right = class_matches(r->predictor, r->best[0], data, label);
    if (!r->warned) {
        int64_t channels, height, width;
        stria_dataset_shape(data, &channels, &height, &width);
        answers_warn(r, channels, height, width);
    }
    const char *truth = stria_dataset_class_name(data, (int)label);
    r->told++;
    csv_row(r, image, truth, "");
    if (as_json(r)) {
        json_t *entry = picture_json(r, image);
        json_object_set_new(entry, "label", json_text(truth));
        json_object_set_new(entry, "right", json_boolean(right));
        json_give(r, entry);
        return;
    }
    printf("%s  true: %s  predicted: %s  %.1f %%%s\n", show_name(image), show_name(truth),
           show_name(stria_predictor_class_name(r->predictor, r->best[0])), 100 * (double)r->probabilities[r->best[0]],
           right ? "" : "  wrong");
}

int ranking_finish(ranking *r, int code) {
    json_t *list = r->list;
    r->list = NULL;
    if (code == EXIT_DONE && r->failed) code = EXIT_FAILED;
    if (list && (code == EXIT_DONE || json_array_size(list) > 0)) {
        int written = json_finish(list);
        return code == EXIT_DONE ? written : code;
    }
    json_decref(list);
    return code;
}

stria_status csv_write(const options *given, ranking *r, stria_status work, stria_error *error) {
    const char *file = option_text(given, "csv");
    if (!r->table || (work != STRIA_OK && !r->csv.length && !r->csv.failed)) return STRIA_OK;
    if (!r->csv.length) csv_heading(r);
    if (r->csv.failed) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", file);
    return stria_file_write(file, r->csv.data, r->csv.length, error);
}
