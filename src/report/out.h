/* Text that becomes a file: a growing buffer with a sticky failure, and the escaping that makes a stranger's name
 * harmless in HTML and SVG. */
#ifndef REPORT_OUT_H
#define REPORT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. Appending never fails visibly: `failed` is set when memory ran out, and checked at the end. */
typedef struct out {
    char *data; /* terminated once something was appended; NULL before */
    size_t length, capacity;
    bool failed;
} out;

void out_release(out *o);
void out_bytes(out *o, const char *bytes, size_t length);
void out_raw(out *o, const char *text); /* markup of our own */
void out_printf(out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A name as text or as the value of a quoted attribute: & < > " ' become entities. Control characters, marks that turn
 * the direction of what follows, and bytes that are not UTF-8 become U+FFFD; tabs and line ends become a space. */
void out_text(out *o, const char *name);
/* The same without entities: for files that are not markup. */
void out_name(out *o, const char *name);
/* The same as out_text in at most `cells` cells (cells.h): "…" stands for what is left out of the middle, since names
 * that belong together differ at their ends; of fewer than 12 cells, for the end. */
void out_text_cut(out *o, const char *name, int cells);
/* A coordinate with at most two decimals. */
void out_number(out *o, double x);
/* Base64 of bytes, as data: URIs want it. */
void out_base64(out *o, const uint8_t *bytes, size_t length);

#endif
