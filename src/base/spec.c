#include "base/spec.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

#define SHOWN       80  /* bytes of a stranger's word in a sentence */
#define NAMES_SHOWN 240 /* bytes of all names of a table in a sentence */

/* Arguments for "%.*s". */
#define WORD(w) (int)((w).length < SHOWN ? (w).length : SHOWN), (w).at

/* "--loss: ", or nothing. */
#define WHAT(s) (s)->what, *(s)->what ? ": " : ""

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The bytes up to one of `stops`, or to the end. */
static spec_word word_until(const char *at, const char *end, const char *stops) {
    size_t n = 0;
    while (at + n < end && !strchr(stops, at[n])) n++;
    return (spec_word){at, n};
}

/* The end of the term that begins at `at`. */
static const char *term_end(const char *at) {
    while (*at && !(*at == '+' && !(at[1] >= '0' && at[1] <= '9'))) at++;
    return at;
}

static void term_begin(spec *s, const char *at, const char *end) {
    s->name = word_until(at, end, ":");
    s->at = at + s->name.length;
    s->end = end;
}

spec spec_open(const char *what, const char *text) {
    spec s = {.what = what, .text = text};
    term_begin(&s, text, text + strlen(text));
    return s;
}

spec spec_open_sum(const char *what, const char *text) {
    spec s = {.what = what, .text = text};
    term_begin(&s, text, term_end(text));
    return s;
}

bool spec_next_term(spec *s) {
    if (!*s->end) return false;
    const char *next = s->end + 1; /* after the '+' */
    term_begin(s, next, term_end(next));
    return true;
}

spec spec_open_list(const char *what, const char *text) {
    return (spec){.what = what, .text = text, .at = text, .end = text + strlen(text), .list = true};
}

/* The next piece between separators; false at the end of the term. */
static bool piece_next(spec *s, spec_word *piece) {
    if (s->list)
        while (s->at < s->end && is_blank(*s->at)) s->at++;
    if (s->at >= s->end) return false;
    if (!s->list) s->at++; /* ':' or ',' */
    *piece = word_until(s->at, s->end, s->list ? " \t\n\r" : ",");
    s->at += piece->length;
    return true;
}

static stria_status pair_refuse(const spec *s, spec_word piece, stria_error *err) {
    if (piece.at == s->text && s->at == s->end)
        FAIL(err, STRIA_BAD_ARGUMENT, "%s%s'%.*s' is not of the form key=value", WHAT(s), WORD(piece));
    FAIL(err, STRIA_BAD_ARGUMENT, "%s%s'%.*s' is not of the form key=value (at character %lld of '%.*s')", WHAT(s),
         WORD(piece), (long long)(piece.at - s->text) + 1, 2 * SHOWN, s->text);
}

stria_status spec_next(spec *s, bool *more, stria_error *err) {
    spec_word piece;
    *more = piece_next(s, &piece);
    if (!*more) return STRIA_OK;
    s->key = word_until(piece.at, piece.at + piece.length, "=");
    if (s->key.length == 0 || s->key.length == piece.length) return pair_refuse(s, piece, err);
    s->value = (spec_word){s->key.at + s->key.length + 1, piece.length - s->key.length - 1};
    return STRIA_OK;
}

bool spec_is(spec_word w, const char *text) {
    return strlen(text) == w.length && memcmp(text, w.at, w.length) == 0;
}

bool spec_copy(spec_word w, char *buffer, size_t bytes) {
    bool fits = w.length < bytes;
    if (fits) memcpy(buffer, w.at, w.length);
    buffer[fits ? w.length : 0] = 0;
    return fits;
}

/* ---- rows ---- */

static const char *row_name(const void *rows, size_t row_bytes, int i) {
    return *(const char *const *)(const void *)((const char *)rows + (size_t)i * row_bytes);
}

/* "; there are sgd, adam and rmsprop"; "" where that is too long to read. */
static void names_list(const void *rows, size_t row_bytes, int count, char list[NAMES_SHOWN + 1]) {
    text all = {0};
    for (int i = 0; i < count; i++)
        text_printf(&all, "%s%s",
                    i            ? i + 1 < count ? ", " : " and "
                    : count == 1 ? "; there is "
                                 : "; there are ",
                    row_name(rows, row_bytes, i));
    *list = 0;
    if (all.data && !all.failed && all.length <= NAMES_SHOWN) memcpy(list, all.data, all.length + 1);
    text_release(&all);
}

static const char *row_nearest(spec_word w, const void *rows, size_t row_bytes, int count) {
    const char *best = NULL;
    char name[NAMES_SHOWN];
    if (!spec_copy(w, name, sizeof name)) return NULL;
    for (int i = 0; i < count; i++) {
        const char *row = row_name(rows, row_bytes, i), *pair[2] = {best ? best : row, row};
        const char *nearer = text_nearest(name, pair, 2);
        if (nearer) best = nearer;
    }
    return best;
}

stria_status spec_choose(const spec *s, const char *noun, spec_word w, const void *rows, size_t row_bytes, int count,
                         int *index, stria_error *err) {
    char list[NAMES_SHOWN + 1];
    int known = 0;
    for (; known < count && row_name(rows, row_bytes, known); known++)
        if (spec_is(w, row_name(rows, row_bytes, known))) {
            *index = known;
            return STRIA_OK;
        }
    const char *near = row_nearest(w, rows, row_bytes, known);
    if (near)
        FAIL(err, STRIA_BAD_ARGUMENT, "%s%sthere is no %s '%.*s'; did you mean '%s'?", WHAT(s), noun, WORD(w), near);
    names_list(rows, row_bytes, known, list);
    FAIL(err, STRIA_BAD_ARGUMENT, "%s%sthere is no %s '%.*s'%s", WHAT(s), noun, WORD(w), list);
}

/* ---- values ---- */

stria_status spec_real(const spec *s, double low, double below, double *out, stria_error *err) {
    char number[64];
    double x;
    if (spec_copy(s->value, number, sizeof number) && text_to_double(number, &x) && x >= low && x < below) {
        *out = x;
        return STRIA_OK;
    }
    if (below == (double)INFINITY)
        FAIL(err, STRIA_BAD_ARGUMENT, "%s%s%.*s is '%.*s', expected a number of %g or more", WHAT(s), WORD(s->key),
             WORD(s->value), low);
    FAIL(err, STRIA_BAD_ARGUMENT, "%s%s%.*s is '%.*s', expected a number from %g to below %g", WHAT(s), WORD(s->key),
         WORD(s->value), low, below);
}

stria_status spec_positive(const spec *s, double most, double *out, stria_error *err) {
    char number[64];
    double x;
    if (!spec_copy(s->value, number, sizeof number) || !text_to_double(number, &x) || !(x > 0 && x <= most))
        FAIL(err, STRIA_BAD_ARGUMENT, "%s%s%.*s is '%.*s', expected a number above 0, up to %g", WHAT(s), WORD(s->key),
             WORD(s->value), most);
    *out = x;
    return STRIA_OK;
}

stria_status spec_flag(const spec *s, bool *out, stria_error *err) {
    bool one = spec_is(s->value, "1");
    if (!one && !spec_is(s->value, "0"))
        FAIL(err, STRIA_BAD_ARGUMENT, "%s%s%.*s is '%.*s', expected 0 or 1", WHAT(s), WORD(s->key), WORD(s->value));
    *out = one;
    return STRIA_OK;
}
