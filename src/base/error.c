#include "base/error.h"

#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

/* Removes a UTF-8 sequence that truncation has cut in two. */
static void trim_partial(char *line, size_t length) {
    size_t start = length;
    while (start > 0 && length - start < 3 && ((unsigned char)line[start - 1] & 0xC0) == 0x80) start--;
    if (start == 0) return;
    unsigned char lead = (unsigned char)line[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (want > 1 && length - start + 1 < want) line[start - 1] = 0;
}

/* Formats into line[size] and cleans it; returns the length. */
static size_t format_clean(char *line, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static size_t format_clean(char *line, size_t size, const char *format, va_list arguments) {
    int written = text_vformat(line, size, format, arguments);
    if (written < 0) line[0] = 0;
    if (written >= 0 && (size_t)written >= size) trim_partial(line, size - 1);
    text_mask(line);
    return strlen(line);
}

stria_status error_set(stria_error *err, stria_status status, const char *format, ...) {
    assert(status != STRIA_OK);
    if (!err) return status;
    char line[sizeof err->text]; /* the arguments may point into err->text */
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_clean(line, sizeof line, format, arguments);
    va_end(arguments);
    err->status = status;
    memcpy(err->text, line, length + 1);
    return status;
}

void error_prefix(stria_error *err, const char *format, ...) {
    if (!err) return;
    char line[sizeof err->text];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_clean(line, sizeof line, format, arguments);
    va_end(arguments);
    size_t old = strnlen(err->text, sizeof err->text - 1), room = sizeof err->text - 1 - length;
    size_t kept = old < room ? old : room;
    memmove(err->text + length, err->text, kept);
    memcpy(err->text, line, length);
    err->text[length + kept] = 0;
    if (kept < old) trim_partial(err->text, length + kept);
}
