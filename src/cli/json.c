#include "cli/json.h"

#include "cli/term.h"
#include "cli/verb.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *json_memory(size_t bytes) {
    void *p = malloc(bytes);
    if (!p) term_lost();
    return p;
}

void json_begin(void) {
    json_set_alloc_funcs(json_memory, free);
}

char *json_whole(const json_t *document, size_t flags) {
    char *text = document ? json_dumps(document, flags) : NULL;
    if (!term_has_lost()) return text;
    free(text);
    return NULL;
}

json_t *json_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_share(double value) {
    return value >= 0 ? json_number(value) : json_null();
}

/* Bytes of the UTF-8 character at s as Jansson sees it, 0 if there is none. */
static size_t character_bytes(const char *s) {
    for (size_t n = 1; n <= 4 && s[n - 1]; n++) {
        json_t *one = json_stringn(s, n);
        json_decref(one);
        if (one) return n;
    }
    return 0;
}

json_t *json_text(const char *text) {
    json_t *string = json_string(text);
    if (string) return string;
    char *copy = malloc(4 * strlen(text) + 1), *to = copy;
    if (!copy) {
        term_lost();
        return NULL;
    }
    while (*text) {
        size_t n = character_bytes(text);
        if (n) memcpy(to, text, n);
        else snprintf(to, 5, "\\x%02X", (unsigned char)*text);
        to += n ? n : 4;
        text += n ? n : 1;
    }
    *to = 0;
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
    char *text = json_whole(document, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(document);
    if (!text) {
        term_lost();
        return EXIT_FAILED;
    }
    escaped_print(text);
    putchar('\n');
    free(text);
    return EXIT_DONE; /* whether stdout took it is asked once, at the end */
}
