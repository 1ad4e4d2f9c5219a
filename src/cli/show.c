/* Numbers and words as people read them. */
#include "cli/term.h"

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

char *text_copy(const char *text) {
    char *copy = strdup(text);
    return copy ? text_clean(copy) : NULL;
}

char *text_format(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = malloc((size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text ? text_clean(text) : NULL;
}
