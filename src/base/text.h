/* Text: a growing buffer with a sticky failure, names, numbers, and the nearest of several names. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/error.h"

#include <stdarg.h>

/* Zero-initialise. Appending never fails visibly: `failed` is set when memory ran out, and checked at the end. */
typedef struct text {
    char *data; /* always terminated once something was appended; NULL before */
    size_t length, capacity;
    bool failed;
} text;

void text_append(text *t, const char *bytes, size_t length);
void text_printf(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* vsnprintf in the C locale, whatever the embedding program has set: 0.5 never becomes "0,5" in a file. */
int text_vformat(char *buffer, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
/* The shortest decimal that reads back as x: 0.0005, not 0.00050000000000000001. */
void text_double(text *t, double x);
/* s as a JSON string, with its quotes. */
void text_json(text *t, const char *s);
void text_release(text *t);
/* Bytes of the UTF-8 character that `s` begins with, 1 to 4; 0 if it begins with none (RFC 3629: no surrogates, nothing
 * longer than need be, at most U+10FFFF). */
size_t text_utf8_bytes(const char *s);
/* "" for an empty buffer. */
const char *text_string(const text *t);
/* STRIA_NO_MEMORY if an append failed. */
stria_status text_check(const text *t, stria_error *err);

/* The entry of names[n] nearest to `name` by edit distance (case folded), or NULL if none is near enough to be a typing
 * mistake (distance over a third of the length, at least 1). */
const char *text_nearest(const char *name, const char *const *names, int n);

/* Whole-string numbers, decimal point whatever the locale: false unless all of `s` is one finite number in range. */
bool text_to_int(const char *s, int64_t *out);
bool text_to_double(const char *s, double *out);
/* The same, and inf, -inf and nan. */
bool text_to_real(const char *s, double *out);

/* True if `s` is longer than `ending` and ends with it, in either case: "x.npy" and "X.NPY" end with ".npy", ".npy"
 * does not. */
bool text_ends(const char *s, const char *ending);

/* Replaces in place every byte of what could drive a terminal by '?': control characters (C0, DEL, and C1 both as UTF-8
 * and as single bytes), line separators, and the marks that override the direction of text. Returns `line`. */
char *text_mask(char *line);

/* "1,234,567" into buffer; returns buffer. */
const char *text_thousands(int64_t value, char buffer[32]);
/* x for printf, which would show a NaN's sign: "-nan". */
double text_real(double x);
/* "63.4 MiB"; "512 B" */
const char *text_bytes(uint64_t bytes, char buffer[32]);

#endif
