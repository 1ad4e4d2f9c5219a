#include "cli/table.h"

#include "cli/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    NARROWEST = 12,        /* that the first or last column of text becomes */
    NARROWEST_INNER = 8,   /* that one between becomes */
    NARROWEST_HEADING = 9, /* that a heading of numbers becomes */
    EASY = 14,
    EASY_INNER = 10 /* what most names and shapes need */
};

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

/* How narrow a table may become: every column by itself. */
typedef struct narrowing {
    int *width;
    int cells[TABLE_COLUMNS_MAX]; /* the widest cell, heading apart */
    int longest;                  /* word of the last column */
    int excess;                   /* columns of the terminal that the table takes too many */
} narrowing;

/* Takes columns from the widest of those among from … to − 1 that are of this kind and wider than least. */
static void narrow(narrowing *n, const bool *right, bool numbers, int from, int to, int least) {
    while (n->excess > 0) {
        int at = -1;
        for (int c = from; c < to; c++) {
            int stays = numbers && n->cells[c] > least ? n->cells[c] : least;
            if (right[c] == numbers && n->width[c] > stays && (at < 0 || n->width[c] > n->width[at])) at = c;
        }
        if (at < 0) return;
        n->width[at]--;
        n->excess--;
    }
}

/* Narrows columns until the table fits, little by little, those first where least is lost: headings of numbers, a last
 * column that wraps, texts in the middle; names stand first and last. */
static void widths_fit(narrowing *n, const bool *right, int columns, int limit) {
    int last = columns - 1;
    n->excess = 2 * last - limit;
    for (int c = 0; c < columns; c++) n->excess += n->width[c];
    const struct {
        bool numbers;
        int from, to, least;
    } order[] = {{true, 0, last, NARROWEST_HEADING},
                 {false, last, columns, n->longest > 2 * NARROWEST ? n->longest : 2 * NARROWEST},
                 {false, 1, last, NARROWEST},
                 {false, last, columns, n->longest > NARROWEST ? n->longest : NARROWEST},
                 {false, 0, 1, EASY},
                 {false, 1, last, EASY_INNER},
                 {false, last, columns, EASY},
                 {false, 1, last, NARROWEST_INNER},
                 {false, 0, columns, NARROWEST}};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        narrow(n, right, order[i].numbers, order[i].from, order[i].to, order[i].least);
}

/* The most columns that a word of the cell takes. */
static int longest_word(const char *cell) {
    int most = 0;
    for (const char *word = cell; *word; word += strspn(word, " ")) {
        int length = (int)strcspn(word, " "), columns = text_columns_of(word, length);
        if (columns > most) most = columns;
        word += length;
    }
    return most;
}

/* Wrapped between words. A word that is wider than the column ends its line with "…". */
static void last_print(FILE *stream, const char *cell, int from, int width) {
    if (longest_word(cell) <= width) {
        text_wrap(stream, cell, from, from + width);
        return;
    }
    for (const char *word = cell; *word; word += strspn(word, " ")) {
        int length = (int)strcspn(word, " ");
        if (word != cell) fprintf(stream, "\n%*s", from, "");
        if (text_columns_of(word, length) <= width) fprintf(stream, "%.*s", length, word);
        else fprintf(stream, "%.*s%s", text_fit(word, width - text_columns(term_cut())), word, term_cut());
        word += length;
    }
    fputc('\n', stream);
}

static void row_print(FILE *stream, char *const *cells, const int *width, const bool *right, int columns) {
    int from = 0;
    for (int c = 0; c < columns; c++) {
        const char *cell = cells[c] ? cells[c] : "";
        bool last = c == columns - 1;
        if (last && !right[c]) last_print(stream, cell, from, width[c]);
        else cell_print(stream, cell, width[c], right[c], last);
        from += width[c] + 2;
    }
    if (right[columns - 1]) fputc('\n', stream);
}

/* Measures the cells. */
static void widths_find(const table *t, narrowing *n) {
    for (int i = 0; i < t->count; i++) {
        int c = i % t->columns, length = t->cells[i] ? text_columns(t->cells[i]) : 0;
        int word = t->cells[i] && c == t->columns - 1 ? longest_word(t->cells[i]) : 0;
        if (length > n->cells[c]) n->cells[c] = length;
        if (word > n->longest) n->longest = word;
    }
    for (int c = 0; c < t->columns; c++)
        if (n->cells[c] > n->width[c]) n->width[c] = n->cells[c];
}

void table_print(const table *t, FILE *stream) {
    char copy[256];
    const char *headings[TABLE_COLUMNS_MAX];
    int width[TABLE_COLUMNS_MAX] = {0}, columns = t->columns;
    bool right[TABLE_COLUMNS_MAX] = {false};
    narrowing n = {.width = width};
    snprintf(copy, sizeof copy, "%s", t->headings);
    headings_split(t, copy, headings, right, width);
    widths_find(t, &n);
    if (isatty(fileno(stream))) widths_fit(&n, right, columns, term_width(stream));
    fputs(term_begin(stream, STYLE_BOLD), stream);
    for (int c = 0; c < columns; c++) cell_print(stream, headings[c], width[c], right[c], c == columns - 1);
    fprintf(stream, "%s\n", term_end(stream));
    for (int i = 0; i + columns <= t->count; i += columns) row_print(stream, t->cells + i, width, right, columns);
}
