/* Numbers and words as people read them. */
#include "cli/term.h"

#include <math.h>
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

const char *show_word(const char *word, char *text, size_t size) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=@%+-";
    if (*word && word[strspn(word, plain)] == 0) {
        snprintf(text, size, "%s", word);
        return text;
    }
    size_t out = 0;
    if (size > 2) text[out++] = '\'';
    for (; *word && out + 6 < size; word++)
        if (*word == '\'') out += (size_t)snprintf(text + out, size - out, "'\\''");
        else text[out++] = *word;
    snprintf(text + out, size - out, "'");
    return text;
}

char *text_clean(char *text) {
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
    return text;
}

int text_columns(const char *text) {
    int columns = 0;
    for (; *text; text++) columns += (*text & 0xC0) != 0x80;
    return columns;
}

char *text_copy(const char *text) {
    char *copy = strdup(text);
    return copy ? text_clean(copy) : NULL;
}
