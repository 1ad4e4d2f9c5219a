#include "cli/table.h"

#include "cli/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NARROWEST = 12 }; /* that a column of text becomes */

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
        if (!cells) {
            term_lost();
            return;
        }
        t->cells = cells;
        t->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    t->cells[t->count++] = text_format(format, arguments);
    va_end(arguments);
}

static void cell_print(FILE *stream, const char *cell, int width, bool right, bool last) {
    if (last && !right && text_columns(cell) <= width) fputs(cell, stream); /* no blanks at the end of a line */
    else text_pad(stream, cell, width, right);
    fputs(last ? "" : "  ", stream);
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

/* Narrows the widest columns of text until the table fits. */
static void widths_fit(int *width, const bool *right, int columns, int limit) {
    int total = 2 * (columns - 1);
    for (int c = 0; c < columns; c++) total += width[c];
    while (total > limit) {
        int widest = -1;
        for (int c = 0; c < columns; c++)
            if (!right[c] && width[c] > NARROWEST && (widest < 0 || width[c] > width[widest])) widest = c;
        if (widest < 0) return;
        width[widest]--;
        total--;
    }
}

static void row_print(FILE *stream, char *const *cells, const int *width, const bool *right, int columns) {
    int from = 0;
    for (int c = 0; c < columns; c++) {
        const char *cell = cells[c] ? cells[c] : "";
        bool last = c == columns - 1;
        if (last && !right[c]) text_wrap(stream, cell, from, from + width[c]);
        else cell_print(stream, cell, width[c], right[c], last);
        from += width[c] + 2;
    }
    if (right[columns - 1]) fputc('\n', stream);
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
    if (isatty(fileno(stream))) widths_fit(width, right, columns, term_width(stream));
    fputs(term_begin(stream, STYLE_BOLD), stream);
    for (int c = 0; c < columns; c++) cell_print(stream, headings[c], width[c], right[c], c == columns - 1);
    fprintf(stream, "%s\n", term_end(stream));
    for (int i = 0; i + columns <= t->count; i += columns) row_print(stream, t->cells + i, width, right, columns);
}
