/* The terminal: what it can show, messages, a bar, signals, and whether stdout took everything. */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <stria/stria.h>

#include <stdarg.h>
#include <stdio.h>

/* Call it first: it sets up the locale, signals (cli/signals.h) and descriptors 0 to 2. */
void term_init(void);
/* Returns true if a signal that was held asks to stop. */
bool term_stopped(void);
/* Memory ran out and something is not shown: term_finish says so. */
void term_lost(void);
bool term_has_lost(void);
/* Flushes stdout. False if anything of it was lost; then this was said on stderr, unless the reader just went away. */
bool term_finish(void);

bool term_colour(FILE *stream); /* a terminal, no NO_COLOR, and TERM is not "dumb" */
bool term_utf8(void);
const char *term_times(void); /* "×" or "x" */
const char *term_arrow(void); /* "→" or "->" */
const char *term_cut(void);   /* "…" or "...", after text that was cut */
int term_width(FILE *stream); /* columns; 80 where stream is not a terminal */

typedef enum term_style { STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD } term_style;
/* The sequence that begins, or ends, a style on the stream: "" where it shows no colours. */
const char *term_begin(FILE *stream, term_style style);
const char *term_end(FILE *stream);

/* "stria: SENTENCE" on stderr. */
void term_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* While it is on, term_say says nothing: for a rehearsal of what will be said later. */
void term_hush(bool on);
/* The same for an error; returns the exit code that it deserves: 2 for the user's words, else 1. */
int term_fail(const stria_error *error);

/* "not enough memory for WHAT"; returns EXIT_FAILED. */
int term_no_memory(const char *what);

/* A bar on stderr, on a terminal only, at most ten times a second: "label ████░░░░ tail". */
void term_bar(const char *label, double share, const char *tail);
void term_bar_clear(void);
/* For stria_inference_options.progress; context: the label. Stops on a signal. */
bool term_progress(int64_t done, int64_t of, void *context);

/* "1,234,567", "63.4 MiB", "0:42" into text; they return text. */
const char *show_count(int64_t value, char text[32]);
/* The ending of a noun after a number: "%d image%s", "%d class%s". */
static inline const char *show_s(int64_t count) {
    return count == 1 ? "" : "s";
}
static inline const char *show_es(int64_t count) {
    return count == 1 ? "" : "es";
}
/* "1 image", "2 images"; the plural ends in s. Returns text. */
const char *show_many(int64_t count, const char *thing, char text[64]);
const char *show_bytes(uint64_t bytes, char text[32]);
const char *show_time(double seconds, char text[32]);
/* x for printf, which would show a NaN's sign: "-nan". */
double show_real(double x);
/* A word as a shell takes it, quoted where it must be; returns text. */
const char *show_word(const char *word, char *text, size_t size);
/* Replaces characters that could control a terminal by '?', because names may come from untrusted files. text_clean
 * changes text in place and returns it; show_name returns a copy, which eight further calls leave alone. Every name
 * that is printed goes through one of the two; JSON has escapes instead (json_finish). */
char *text_clean(char *text);
char *text_clean_lines(char *text); /* the same, but line feeds stay */
/* Returns the cleaned output of printf, of any length; free it. NULL if there is no memory, after a call of
 * term_lost. */
char *text_format(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
const char *show_name(const char *name);
/* Bytes of the character at text; *code is its code point if it could drive a terminal, otherwise UINT_MAX. */
int show_character(const char *text, unsigned *code);
/* Columns that UTF-8 text takes: two of a Chinese character, none of a combining mark (report/cells.h). */
int text_columns(const char *text);
int text_columns_of(const char *text, int length); /* of its first `length` bytes, whole characters */
/* Bytes of the longest beginning of the text, in whole characters, that takes at most this many columns. */
int text_fit(const char *text, int columns);
/* Prints text in exactly `width` columns, blanks before it if it aligns to the right, else after it; what is wider is
 * cut and ends in "…". */
void text_pad(FILE *stream, const char *text, int width, bool right);
/* Prints text that begins in column `from`, broken between words so that lines end by column `width` and begin at
 * `from`, and a line feed. */
void text_wrap(FILE *stream, const char *text, int from, int width);
/* The same, by the width of a terminal; elsewhere it is one line. */
void term_wrap(FILE *stream, const char *text, int from);

#endif
