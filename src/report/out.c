#include "report/out.h"

#include "report/cells.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void out_release(out *o) {
    free(o->data);
    *o = (out){0};
}

/* Room for `more` bytes and a terminator. */
static bool reserve(out *o, size_t more) {
    if (o->failed) return false;
    if (more < o->capacity - o->length) return true;
    size_t need = o->length + more + 1, capacity = o->capacity ? o->capacity : 4096;
    while (capacity < need && capacity < SIZE_MAX / 2) capacity *= 2;
    char *data = capacity >= need ? realloc(o->data, capacity) : NULL;
    o->failed = !data;
    if (!data) return false;
    o->data = data;
    o->capacity = capacity;
    return true;
}

void out_bytes(out *o, const char *bytes, size_t length) {
    if (!reserve(o, length)) return;
    memcpy(o->data + o->length, bytes, length);
    o->length += length;
    o->data[o->length] = 0;
}

void out_raw(out *o, const char *text) {
    out_bytes(o, text, strlen(text));
}

void out_printf(out *o, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length > 0 && reserve(o, (size_t)length)) {
        vsnprintf(o->data + o->length, (size_t)length + 1, format, again);
        o->length += (size_t)length;
    }
    va_end(again);
}

/* Characters that a reader cannot see but that change what the reader sees, or that XML forbids. */
static bool is_harmful(uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || (c & 0xFFFE) == 0xFFFE ||
           c == CELLS_NO_CHARACTER;
}

static void escape(out *o, const char *bytes, size_t length, uint32_t c) {
    switch (c) {
    case '&':
        out_raw(o, "&amp;");
        break;
    case '<':
        out_raw(o, "&lt;");
        break;
    case '>':
        out_raw(o, "&gt;");
        break;
    case '"':
        out_raw(o, "&quot;");
        break;
    case '\'':
        out_raw(o, "&#39;");
        break;
    case '\t':
    case '\n':
    case '\r':
        out_raw(o, " ");
        break;
    default:
        if (is_harmful(c)) out_raw(o, "\xEF\xBF\xBD");
        else out_bytes(o, bytes, length);
    }
}

void out_text(out *o, const char *name) {
    while (*name) {
        uint32_t c;
        size_t length = cells_character(name, &c);
        escape(o, name, length, c);
        name += length;
    }
}

void out_name(out *o, const char *name) {
    while (*name) {
        uint32_t c;
        size_t length = cells_character(name, &c);
        if (c == '\t' || c == '\n' || c == '\r') out_raw(o, " ");
        else if (is_harmful(c)) out_raw(o, "\xEF\xBF\xBD");
        else out_bytes(o, name, length);
        name += length;
    }
}

/* The characters of name from cell `from` on that end by cell `to`. */
static void cells_take(out *o, const char *name, int from, int to) {
    for (int at = 0; *name;) {
        uint32_t c;
        size_t length = cells_character(name, &c);
        int end = at + cells_width(c);
        if (at >= from && end <= to) escape(o, name, length, c);
        at = end;
        name += length;
    }
}

void out_text_cut(out *o, const char *name, int cells) {
    int whole = cells_of(name), tail = cells < 12 ? 0 : (cells - 1) / 2;
    if (whole <= cells) {
        out_text(o, name);
        return;
    }
    cells_take(o, name, 0, cells - 1 - tail);
    out_raw(o, "…");
    if (tail) cells_take(o, name, whole - tail, whole);
}

void out_number(out *o, double x) {
    char text[40];
    if (!isfinite(x) || fabs(x) > 1e9) x = 0; /* nothing is drawn there */
    int length = snprintf(text, sizeof text, "%.2f", x);
    while (length > 1 && text[length - 1] == '0') length--;
    if (text[length - 1] == '.') length--;
    text[length] = 0;
    out_raw(o, strcmp(text, "-0") == 0 ? "0" : text);
}

void out_base64(out *o, const uint8_t *bytes, size_t length) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t n = length - i < 3 ? length - i : 3;
        uint32_t bits = (uint32_t)bytes[i] << 16;
        if (n > 1) bits |= (uint32_t)bytes[i + 1] << 8;
        if (n > 2) bits |= bytes[i + 2];
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], n > 1 ? digits[bits >> 6 & 63] : '=',
                        n > 2 ? digits[bits & 63] : '='};
        out_bytes(o, four, 4);
    }
}
