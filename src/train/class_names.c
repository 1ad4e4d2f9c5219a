#include "train/class_names.h"

#include "base/memory.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the text form ---- */

static void put_name(text *t, const char *name) {
    while (*name) {
        size_t n = text_utf8_bytes(name);
        if (n == 0) text_printf(t, "\\x%02X", (uint8_t)*name);
        else if (*name == '\\') text_append(t, "\\\\", 2);
        else if (*name == '\n') text_append(t, "\\n", 2);
        else if (*name == '\r') text_append(t, "\\r", 2);
        else text_append(t, name, n);
        name += n ? n : 1;
    }
}

/* Value of two digits of a byte other than 0; 0 where there are none. */
static uint8_t hex_byte(const char *s, size_t left) {
    char digits[3] = "";
    if (left < 2) return 0;
    memcpy(digits, s, 2);
    if (strspn(digits, "0123456789abcdefABCDEF") != 2) return 0;
    return (uint8_t)strtoul(digits, NULL, 16);
}

static void take_name(text *t, const char *line, size_t length) {
    for (size_t i = 0; i < length; i++) {
        char next = line[i] == '\\' && i + 1 < length ? line[i + 1] : 0;
        uint8_t byte = next == 'x' ? hex_byte(line + i + 2, length - i - 2) : 0;
        const char *plain = next == '\\' ? "\\" : next == 'n' ? "\n" : next == 'r' ? "\r" : NULL;
        if (plain) text_append(t, plain, 1), i += 1;
        else if (byte) text_append(t, (const char *)&byte, 1), i += 3;
        else text_append(t, line + i, 1);
    }
}

stria_status class_names_store(graph *g, const char *const *names, int64_t count, stria_error *err) {
    text lines = {0};
    for (int64_t i = 0; i < count; i++) {
        if (i) text_append(&lines, "\n", 1);
        put_name(&lines, names[i]);
    }
    stria_status status = text_check(&lines, err);
    if (status == STRIA_OK) status = graph_set_metadata(g, CLASS_NAMES_KEY, text_string(&lines), err);
    text_release(&lines);
    return status;
}

/* ---- reading ---- */

/* A class's name, or one of a dataset's; `twice`: another class has the same. */
typedef struct entry {
    size_t at; /* in the text of all */
    const char *name;
    int64_t index;
    bool twice;
} entry;

static int by_name(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int by_index(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

/* Every class's name into t, each with a NUL at its end. */
static void names_take(const char *lines, int64_t classes, entry *entries, text *t) {
    for (int64_t i = 0; i < classes; i++) {
        entries[i] = (entry){.at = t->length, .index = i};
        if (lines && *lines) {
            size_t length = strcspn(lines, "\n");
            take_name(t, lines, length);
            lines += length + (lines[length] == '\n');
        } else text_printf(t, "%" PRId64, i);
        text_append(t, "", 1);
    }
}

static void repeats_mark(entry *entries, int64_t classes) {
    qsort(entries, (size_t)classes, sizeof *entries, by_name);
    for (int64_t i = 1; i < classes; i++)
        if (strcmp(entries[i].name, entries[i - 1].name) == 0) entries[i].twice = entries[i - 1].twice = true;
    qsort(entries, (size_t)classes, sizeof *entries, by_index);
}

/* One block: pointers, then what they point to. */
static stria_status names_make(const entry *entries, int64_t classes, char ***out, stria_error *err) {
    size_t bytes = 0;
    for (int64_t i = 0; i < classes; i++) bytes += strlen(entries[i].name) + (entries[i].twice ? 24 : 1);
    char **names;
    TRY(mem_new(&names, 1, (size_t)classes * sizeof *names + bytes + 1, "class names", err));
    char *to = (char *)(names + classes), *end = to + bytes + 1;
    for (int64_t i = 0; i < classes; i++) {
        const entry *e = &entries[i];
        names[i] = to;
        to += e->twice ? snprintf(to, (size_t)(end - to), "%s (%" PRId64 ")", e->name, i)
                       : snprintf(to, (size_t)(end - to), "%s", e->name);
        to++;
    }
    *out = names;
    return STRIA_OK;
}

stria_status class_names_of(const graph *g, int64_t classes, char ***out, stria_error *err) {
    const char *lines = graph_metadata(g, CLASS_NAMES_KEY);
    entry *entries;
    text t = {0};
    TRY(mem_new(&entries, (size_t)classes + 1, sizeof *entries, "class names", err));
    names_take(lines, classes, entries, &t);
    stria_status status = text_check(&t, err);
    for (int64_t i = 0; status == STRIA_OK && i < classes; i++) entries[i].name = t.data + entries[i].at;
    if (status == STRIA_OK && lines) repeats_mark(entries, classes);
    if (status == STRIA_OK) status = names_make(entries, classes, out, err);
    text_release(&t);
    mem_free(entries);
    return status;
}

/* ---- matching ---- */

/* Names of the model that only differ by the number of their class. */
static stria_status refuse(char **names, int64_t classes, const char *wanted, stria_error *err) {
    int64_t found[2] = {-1, -1};
    size_t length = strlen(wanted);
    for (int64_t i = 0; i < classes && found[1] < 0; i++) {
        char number[32];
        snprintf(number, sizeof number, " (%" PRId64 ")", i);
        if (strncmp(names[i], wanted, length) == 0 && strcmp(names[i] + length, number) == 0) found[found[0] >= 0] = i;
    }
    if (found[1] < 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "the model has no class '%s'; its %" PRId64 " class%s %s '%s'%s%s%s%s", wanted,
             classes, classes == 1 ? "" : "es", classes == 1 ? "is" : "are", names[0], classes > 1 ? ", '" : "",
             classes > 1 ? names[1] : "", classes > 1 ? "'" : "", classes > 2 ? ", …" : "");
    FAIL(err, STRIA_BAD_ARGUMENT, "the model has the class '%s' more than once: call the data's class '%s' or '%s'",
         wanted, names[found[0]], names[found[1]]);
}

static stria_status match_names(char **names, int64_t classes, const dataset *d, int64_t *permutation,
                                stria_error *err) {
    entry *sorted;
    TRY(mem_new(&sorted, (size_t)classes + 1, sizeof *sorted, "class names", err));
    for (int64_t i = 0; i < classes; i++) sorted[i] = (entry){.name = names[i], .index = i};
    qsort(sorted, (size_t)classes, sizeof *sorted, by_name);
    stria_status status = STRIA_OK;
    for (int i = 0; i < dataset_classes(d) && status == STRIA_OK; i++) {
        const char *wanted = dataset_class_name(d, i);
        int64_t low = 0, high = classes;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (strcmp(sorted[middle].name, wanted) < 0) low = middle + 1;
            else high = middle;
        }
        if (low < classes && strcmp(sorted[low].name, wanted) == 0) permutation[i] = sorted[low].index;
        else status = refuse(names, classes, wanted, err);
    }
    mem_free(sorted);
    return status;
}

stria_status class_names_match(const graph *g, int64_t classes, const dataset *d, int64_t *permutation,
                               stria_error *err) {
    char **names;
    if (graph_metadata(g, CLASS_NAMES_KEY)) {
        TRY(class_names_of(g, classes, &names, err));
        stria_status status = match_names(names, classes, d, permutation, err);
        mem_free(names);
        return status;
    }
    if (dataset_classes(d) > classes)
        FAIL(err, STRIA_BAD_SHAPE, "the data has %d class%s, the model %" PRId64, dataset_classes(d),
             text_es(dataset_classes(d)), classes);
    for (int i = 0; i < dataset_classes(d); i++) permutation[i] = i;
    return STRIA_OK;
}
