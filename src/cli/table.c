#include "cli/table.h"

#include "cli/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void table_init(table *t, const char *headings) {
    *t = (table){.columns = 1, .headings = headings};
    for (const char *c = headings; *c; c++) t->columns += *c == '|';
}

void table_release(table *t) {
    for (int i = 0; i < t->count; i++) free(t->cells[i]);
    free(t->cells);
    *t = (table){0};
}

void table_cell(table *t, const char *format, ...) {
    if (t->count == t->capacity) {
        int capacity = t->capacity ? 2 * t->capacity : 64;
        char **cells = realloc(t->cells, (size_t)capacity * sizeof *cells);
        if (!cells) return;
        t->cells = cells;
        t->capacity = capacity;
    }
    va_list arguments;
    char cell[1024]; /* longer ones are cut */
    va_start(arguments, format);
    vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    t->cells[t->count++] = strdup(text_clean(cell));
}

static void cell_print(FILE *stream, const char *cell, int width, bool right, bool last) {
    int gap = width - text_columns(cell);
    fprintf(stream, "%*s%s%*s%s", right ? gap : 0, "", cell, right || last ? 0 : gap, "", last ? "" : "  ");
}

/* Splits the headings into copy; whether a column aligns to the right, and how wide its heading is. */
static void headings_split(const table *t, char *copy, const char **headings, bool *right, int *width) {
    for (int c = 0; c < t->columns; c++) {
        size_t length = strcspn(copy, "|");
        bool last = !copy[length];
        copy[length] = 0;
        right[c] = *copy == '>';
        headings[c] = copy + right[c];
        width[c] = text_columns(headings[c]);
        copy += length + !last;
    }
}

void table_print(const table *t, FILE *stream) {
    char copy[256];
    const char *headings[TABLE_COLUMNS_MAX];
    int width[TABLE_COLUMNS_MAX] = {0}, columns = t->columns;
    bool right[TABLE_COLUMNS_MAX] = {false};
    snprintf(copy, sizeof copy, "%s", t->headings);
    headings_split(t, copy, headings, right, width);
    for (int i = 0; i < t->count; i++) {
        int length = t->cells[i] ? text_columns(t->cells[i]) : 0;
        if (length > width[i % columns]) width[i % columns] = length;
    }
    fputs(term_begin(stream, STYLE_BOLD), stream);
    for (int c = 0; c < columns; c++) cell_print(stream, headings[c], width[c], right[c], c == columns - 1);
    fprintf(stream, "%s\n", term_end(stream));
    for (int i = 0; i < t->count; i++) {
        int c = i % columns;
        cell_print(stream, t->cells[i] ? t->cells[i] : "", width[c], right[c], c == columns - 1);
        if (c == columns - 1) fputc('\n', stream);
    }
}
