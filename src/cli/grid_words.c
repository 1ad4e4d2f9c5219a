/* The command line of one training of a sweep. */
#include "cli/folder.h"
#include "cli/grid.h"
#include "cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_row *row_of(const options *given, const char *name) {
    for (int i = 0; i < given->row_count; i++)
        if (strcmp(given->rows[i].name, name) == 0) return &given->rows[i];
    return NULL;
}

bool grid_may_vary(const options *given, const char *name) {
    static const char *const kept[] = {"resume", "out",  "overfit", "find-lr", "sweep", "repeat",
                                       "lang",   "seed", "threads", "workers", NULL};
    const option_row *row = row_of(given, name);
    for (int i = 0; kept[i]; i++)
        if (strcmp(kept[i], name) == 0) return false;
    return strcmp(name, "model") == 0 || (row && row->kind != OPTION_FLAG);
}

bool grid_has_axis(const grid *s, const char *name) {
    for (int i = 0; i < s->axis_count; i++)
        if (strcmp(s->axis[i].name, name) == 0) return true;
    return false;
}

void grid_words_release(grid_words *w) {
    for (int i = 0; i < w->count; i++) free(w->words[i]);
}

static void word_add(grid_words *w, const char *prefix, const char *text, size_t length) {
    size_t bytes = strlen(prefix) + length + 1;
    char *word = w->count < GRID_WORDS ? malloc(bytes) : NULL;
    w->failed |= !word;
    if (!word) return;
    snprintf(word, bytes, "%s%.*s", prefix, (int)length, text);
    w->words[w->count++] = word;
}

static void pair_add(grid_words *w, const char *name, const char *value) {
    word_add(w, "--", name, strlen(name));
    if (value && *value) word_add(w, "", value, strlen(value));
}

void grid_words_shared(const grid *s, grid_words *w, bool identity) {
    static const char *const own[] = {"sweep", "repeat", "out", "json", NULL};
    const options *given = s->given;
    for (int i = 0; i < given->operand_count && !grid_has_axis(s, "model"); i++)
        word_add(w, "", given->operands[i], strlen(given->operands[i]));
    for (int i = 0; i < given->value_count; i++) {
        const option_row *row = given->values[i].row;
        bool skipped = grid_has_axis(s, row->name) || (identity && strcmp(row->name, "threads") == 0);
        for (int k = 0; own[k]; k++) skipped |= strcmp(own[k], row->name) == 0;
        if (!skipped) pair_add(w, row->name, row->kind == OPTION_FLAG ? NULL : given->values[i].text);
    }
}

/* The last word of text[length] if it is OPTION=VALUE, else NULL. */
static const char *companion(const options *given, const char *text, size_t length) {
    size_t begin = length;
    char name[64];
    while (begin > 0 && text[begin - 1] != ' ') begin--;
    const char *equals = memchr(text + begin, '=', length - begin);
    if (begin == 0 || !equals || (size_t)(equals - text) - begin >= sizeof name) return NULL;
    snprintf(name, sizeof name, "%.*s", (int)(equals - text - (long)begin), text + begin);
    return row_of(given, name) && grid_may_vary(given, name) ? text + begin : NULL;
}

/* "adam lr=0.001": the axis' option, and those that come along. */
static void words_of_value(const grid *s, grid_words *w, const char *axis, const char *value) {
    size_t length = strlen(value);
    const char *other;
    while ((other = companion(s->given, value, length))) {
        const char *equals = strchr(other, '=');
        word_add(w, "--", other, (size_t)(equals - other));
        word_add(w, "", equals + 1, length - (size_t)(equals + 1 - value));
        length = (size_t)(other - value);
        while (length && value[length - 1] == ' ') length--;
    }
    if (strcmp(axis, "model") != 0) word_add(w, "--", axis, strlen(axis));
    word_add(w, "", value, length);
}

static void words_of_job(const grid *s, const grid_job *job, grid_words *w) {
    char folder[1300], seed[32];
    snprintf(folder, sizeof folder, "%s/%s", s->folder, job->name);
    snprintf(seed, sizeof seed, "%lld", (long long)job->seed);
    if (folder_has_checkpoint(folder)) { /* it was interrupted */
        pair_add(w, "resume", folder);
        if (option_given(s->given, "threads")) pair_add(w, "threads", option_text(s->given, "threads"));
        return;
    }
    grid_words_shared(s, w, false);
    for (int i = 0; i < s->axis_count; i++) words_of_value(s, w, s->axis[i].name, grid_value(s, job->combination, i));
    pair_add(w, "seed", seed);
    pair_add(w, "out", folder);
}

stria_status grid_words_options(const grid *s, const grid_job *job, grid_words *w, options *out, stria_error *error) {
    *w = (grid_words){.count = 0};
    options_init(out, s->given->verb);
    words_of_job(s, job, w);
    if (w->failed) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for the words of a training");
    return options_parse(out, w->count, w->words, error) ? STRIA_OK : error->status;
}
