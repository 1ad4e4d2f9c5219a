#include "cli/json.h"

#include "cli/term.h"
#include "cli/verb.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *json_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_share(double value) {
    return value >= 0 ? json_number(value) : json_null();
}

json_t *json_text(const char *text) {
    json_t *string = json_string(text);
    if (string) return string;
    char *copy = strdup(text);
    if (!copy) return NULL;
    for (char *c = copy; *c; c++)
        if (*c & 0x80) *c = '?';
    string = json_string(copy);
    free(copy);
    return string;
}

json_t *json_shape(int rank, const int64_t *shape) {
    json_t *array = json_array();
    for (int i = 0; i < rank; i++) json_array_append_new(array, json_integer(shape[i]));
    return array;
}

/* Jansson escapes C0; DEL, C1 and the other characters that could drive a terminal stand in strings only. */
static void escaped_print(const char *text) {
    const char *from = text;
    unsigned code;
    for (int n; *text; text += n) {
        n = show_character(text, &code);
        if (code == UINT_MAX) continue;
        fwrite(from, 1, (size_t)(text - from), stdout);
        printf("\\u%04x", code);
        from = text + n;
    }
    fputs(from, stdout);
}

int json_finish(json_t *document) {
    if (!document) {
        term_say("out of memory while writing JSON");
        return EXIT_FAILED;
    }
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(document);
    if (!text) return json_finish(NULL);
    escaped_print(text);
    putchar('\n');
    free(text);
    return EXIT_DONE; /* whether stdout took it is asked once, at the end */
}
