/* A table of text: columns as wide as their widest cell. A terminal that is too narrow gets its widest words cut ("…"),
 * and a last column of text wrapped; a file gets everything. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 12 };

typedef struct table {
    int columns;
    const char *headings; /* "name|>parameters": a column each, > aligns to the right */
    char **cells;
    int count, capacity;
} table;

void table_init(table *t, const char *headings);
void table_release(table *t);
/* Adds the next cell, row by row. A cell that finds no memory stays empty. */
void table_cell(table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(const table *t, FILE *stream);

#endif
