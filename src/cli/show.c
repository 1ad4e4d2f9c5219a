/* Numbers and words as people read them. */
#include "cli/term.h"

#include "report/cells.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *show_count(int64_t value, char text[32]) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value), out = 0;
    for (int i = 0; i < length; i++) {
        text[out++] = digits[i];
        if (digits[i] != '-' && (length - i) % 3 == 1 && i + 1 < length) text[out++] = ',';
    }
    text[out] = 0;
    return text;
}

const char *show_many(int64_t count, const char *thing, char text[64]) {
    char number[32];
    size_t length = strlen(thing);
    bool ess = length > 1 && strcmp(thing + length - 2, "ss") == 0;
    snprintf(text, 64, "%s %s%s", show_count(count, number), thing, count == 1 ? "" : ess ? "es" : "s");
    return text;
}

const char *show_bytes(uint64_t bytes, char text[32]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1024 && unit < 6; unit++) value /= 1024;
    snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

double show_real(double x) {
    return isnan(x) ? (double)NAN : x;
}

const char *show_time(double seconds, char text[32]) {
    long long whole = seconds > 0 && seconds < 1e9 ? (long long)(seconds + 0.5) : 0;
    if (whole >= 3600) snprintf(text, 32, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    else snprintf(text, 32, "%lld:%02lld", whole / 60, whole % 60);
    return text;
}

/* Bytes of the UTF-8 sequence at s, and its code point; 0 if there is none. */
static int utf8_decode(const unsigned char *s, unsigned *code) {
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = *s < 0x80 ? 1 : (*s & 0xE0) == 0xC0 ? 2 : (*s & 0xF0) == 0xE0 ? 3 : (*s & 0xF8) == 0xF0 ? 4 : 0;
    if (n == 0) return 0;
    *code = n == 1 ? *s : *s & (0xFFu >> (n + 1));
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        *code = *code << 6 | (s[i] & 0x3Fu);
    }
    bool surrogate = *code >= 0xD800 && *code < 0xE000;
    return *code >= least[n] && *code <= 0x10FFFF && !surrogate ? n : 0;
}

/* C0, DEL, C1, line separators, and the marks that override the direction of text. */
static bool drives_terminal(unsigned code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

int show_character(const char *text, unsigned *code) {
    unsigned found;
    int n = utf8_decode((const unsigned char *)text, &found);
    if (n == 0) { /* a byte that is not UTF-8 counts as itself */
        found = (unsigned char)*text;
        n = 1;
    }
    *code = *text && drives_terminal(found) ? found : UINT_MAX;
    return n;
}

static char *clean(char *text, bool lines) {
    unsigned code;
    for (char *c = text; *c;) {
        int n = show_character(c, &code);
        if (code != UINT_MAX && !(lines && code == '\n')) memset(c, '?', (size_t)n);
        c += n;
    }
    return text;
}

char *text_clean(char *text) {
    return clean(text, false);
}

char *text_clean_lines(char *text) {
    return clean(text, true);
}

const char *show_name(const char *name) {
    static char *held[8]; /* as many as one call of printf shows */
    static unsigned next;
    char **copy = &held[next++ % 8];
    free(*copy);
    *copy = strdup(name);
    if (!*copy) term_lost();
    return *copy ? text_clean(*copy) : "?";
}

const char *show_word(const char *word, char *text, size_t size) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=@%+-";
    if (*word && word[strspn(word, plain)] == 0) {
        snprintf(text, size, "%s", word);
        return text;
    }
    size_t out = 0;
    if (size > 2) text[out++] = '\'';
    for (int n; *word && out + 32 < size; word += n) {
        unsigned code;
        n = show_character(word, &code);
        if (code != UINT_MAX) { /* an ANSI-C quoted piece between two others */
            out += (size_t)snprintf(text + out, size - out, "'$'");
            for (int i = 0; i < n; i++)
                out += (size_t)snprintf(text + out, size - out, "\\x%02x", (unsigned char)word[i]);
            out += (size_t)snprintf(text + out, size - out, "''");
        } else if (*word == '\'') out += (size_t)snprintf(text + out, size - out, "'\\''");
        else out += (size_t)snprintf(text + out, size - out, "%.*s", n, word);
    }
    snprintf(text + out, size - out, "'");
    return text;
}

int text_columns(const char *text) {
    return cells_of(text);
}

char *text_format(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = malloc((size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    if (!text) term_lost();
    return text ? text_clean(text) : NULL;
}
