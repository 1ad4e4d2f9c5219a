#include "cli/record.h"

#include "cli/json.h"
#include "cli/score.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COMMANDS_MAX = 100, FILE_MAX = 1 << 20 };

char *record_command(const options *given) {
    size_t bytes = 64;
    for (int i = 0; i < given->word_count; i++) bytes += 9 * strlen(given->words[i]) + 40; /* of show_word */
    char *text = malloc(bytes);
    if (!text) return NULL;
    size_t length = (size_t)snprintf(text, bytes, "stria %s", given->verb->name);
    for (int i = 0; i < given->word_count; i++) {
        text[length++] = ' ';
        show_word(given->words[i], text + length, bytes - length);
        length += strlen(text + length);
    }
    return text;
}

json_t *record_read(const char *folder) {
    char path[4200];
    snprintf(path, sizeof path, "%s/run.json", folder);
    FILE *f = fopen(path, "rbe");
    char *text = f ? malloc(FILE_MAX) : NULL;
    if (f && !text) term_lost();
    size_t bytes = text ? fread(text, 1, FILE_MAX, f) : 0;
    json_t *document = bytes && bytes < FILE_MAX ? json_loadb(text, bytes, 0, NULL) : NULL;
    free(text);
    if (f) fclose(f);
    if (json_is_object(document)) return document;
    json_decref(document);
    return NULL;
}

const char *record_text(const json_t *document, const char *key) {
    const char *text = json_string_value(json_object_get(document, key));
    return text ? text : "";
}

static void set(json_t *document, const char *key, const char *text) {
    json_object_set_new(document, key, json_text(text));
}

static json_t *record_new(const char *command, int threads) {
    json_t *document = json_object();
    char now[40];
    struct tm parts;
    time_t seconds = time(NULL);
    const stria_info_row *row;
    set(document, "command", command);
    if (gmtime_r(&seconds, &parts) && strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &parts))
        set(document, "begun", now);
    for (int i = 0; (row = stria_info(i)); i++)
        if (strcmp(row->key, "version") == 0 || strcmp(row->key, "processor") == 0 || strcmp(row->key, "system") == 0 ||
            strcmp(row->key, "isa") == 0)
            set(document, row->key, row->value);
    json_object_set_new(document, "threads", json_integer(threads));
    json_object_set_new(document, "continued", json_array());
    return document;
}

/* Takes the document. */
static stria_status document_write(const char *folder, const char *name, json_t *document, stria_error *error) {
    char path[4200];
    char *text = json_whole(document, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    stria_status status = text ? stria_file_write(path, text, strlen(text), error)
                               : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for %s", name);
    free(text);
    json_decref(document);
    return status;
}

stria_status record_write(const char *folder, const options *given, int threads, stria_error *error) {
    char *command = record_command(given);
    bool resumed = option_given(given, "resume");
    json_t *document = resumed ? record_read(folder) : NULL;
    if (!command) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for run.json");
    if (!document) document = record_new(resumed ? "" : command, threads);
    json_t *list = json_object_get(document, "continued");
    if (resumed && json_array_size(list) < COMMANDS_MAX) json_array_append_new(list, json_text(command));
    free(command);
    return document_write(folder, "run.json", document, error);
}

/* A number where the row takes one, so that other programs need not read it out of text. */
static json_t *option_value_json(const stria_option_row *row, const char *text) {
    char *end = NULL;
    bool number = !row->type || strcmp(row->type, "N") == 0 || strcmp(row->type, "X") == 0;
    if (!number || !*text) return json_text(text);
    long long whole = strtoll(text, &end, 10);
    return *end ? json_number(strtod(text, NULL)) : json_integer(whole);
}

stria_status record_options(const char *folder, const stria_train_options *of, stria_error *error) {
    json_t *document = json_object();
    const stria_option_row *row;
    char value[1100];
    for (int i = 0; (row = stria_train_option(i)); i++)
        if (strcmp(row->name, "out") != 0 &&
            stria_train_option_get(of, row->name, value, sizeof value, NULL) == STRIA_OK)
            json_object_set_new(document, row->name, option_value_json(row, value));
    return document_write(folder, "options.json", document, error);
}

stria_status record_test(const char *folder, const char *data, int64_t step, const stria_evaluation *score,
                         stria_error *error) {
    json_t *document = score_json(score);
    set(document, "data", data);
    set(document, "split", "test");
    json_object_set_new(document, "step", json_integer((json_int_t)step));
    return document_write(folder, "test.json", document, error);
}
