#include "base/text.h"

#include "base/memory.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

/* ASCII only and locale-free, unlike tolower and isspace. */
static char fold(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool starts_number(const char *s) {
    return (*s >= '0' && *s <= '9') || *s == '-' || *s == '+' || *s == '.';
}

int text_vformat(char *buffer, size_t size, const char *format, va_list arguments) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), old = c ? uselocale(c) : (locale_t)0;
    int length = vsnprintf(buffer, size, format, arguments);
    if (!c) return length;
    uselocale(old);
    freelocale(c);
    return length;
}

/* Makes room for `more` bytes and the terminator. */
static bool text_reserve(text *t, size_t more) {
    if (t->failed) return false;
    if (more < t->capacity - t->length) return true; /* an empty buffer has no room for a terminator either */
    size_t need = t->length + more + 1, grown = t->capacity + t->capacity / 2;
    if (grown < need) grown = need;
    if (grown < 64) grown = 64;
    char *data = more < PTRDIFF_MAX / 2 ? mem_realloc(t->data, grown, 1) : NULL;
    t->failed = !data;
    if (!data) return false;
    t->data = data;
    t->capacity = grown;
    return true;
}

void text_append(text *t, const char *bytes, size_t length) {
    if (!text_reserve(t, length)) return;
    if (length) memcpy(t->data + t->length, bytes, length);
    t->length += length;
    t->data[t->length] = 0;
}

void text_printf(text *t, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = text_vformat(NULL, 0, format, arguments);
    if (length < 0) t->failed = true;
    if (length >= 0 && text_reserve(t, (size_t)length)) {
        text_vformat(t->data + t->length, (size_t)length + 1, format, again);
        t->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

void text_double(text *t, double x) {
    double back;
    size_t start = t->length;
    int digits = 6;
    do {
        t->length = start;
        text_printf(t, "%.*g", digits, x);
    } while (!t->failed && text_to_double(t->data + start, &back) && back != x && digits++ < 17);
}

void text_json(text *t, const char *s) {
    text_append(t, "\"", 1);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x20) text_printf(t, "\\u%04x", c);
        else if (c == '"' || c == '\\') text_printf(t, "\\%c", c);
        else text_append(t, s, 1);
    }
    text_append(t, "\"", 1);
}

void text_release(text *t) {
    mem_free(t->data);
    *t = (text){0};
}

const char *text_string(const text *t) {
    return t->data ? t->data : "";
}

stria_status text_check(const text *t, stria_error *err) {
    if (t->failed) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a text of more than %zu bytes", t->length);
    return STRIA_OK;
}

enum { NEAREST_MAX = 64 }; /* longer names are not typing mistakes of ours */

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Edit distance with swaps of neighbours counted once (optimal string alignment), case folded; lengths ≤ NEAREST_MAX.
 */
static int edit_distance(const char *a, int a_length, const char *b, int b_length) {
    int rows[3][NEAREST_MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2];
    for (int j = 0; j <= b_length; j++) above[j] = before[j] = j;
    for (int i = 1; i <= a_length; i++) {
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            char ca = fold(a[i - 1]), cb = fold(b[j - 1]);
            row[j] = least(above[j - 1] + (ca != cb), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && ca == fold(b[j - 2]) && fold(a[i - 2]) == cb)
                row[j] = least(row[j], before[j - 2] + 1);
        }
        int *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_length];
}

static bool is_alnum(char c) {
    char l = fold(c);
    return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9');
}

/* How many letters and digits both begin with, whatever stands between them. */
static int common_begin(const char *a, const char *b) {
    int count = 0;
    for (;; a++, b++, count++) {
        while (*a && !is_alnum(*a)) a++;
        while (*b && !is_alnum(*b)) b++;
        if (!*a || fold(*a) != fold(*b)) return count;
    }
}

const char *text_nearest(const char *name, const char *const *names, int n) {
    const char *nearest = NULL;
    int length = (int)strnlen(name, NEAREST_MAX + 1);
    int best = (length < 3 ? 1 : length / 3) + 1; /* the first distance that is too far */
    if (length > NEAREST_MAX) return NULL;
    for (int i = 0; i < n; i++) {
        int other = (int)strnlen(names[i], NEAREST_MAX + 1);
        if (other > NEAREST_MAX) continue;
        int distance = edit_distance(name, length, names[i], other);
        if (distance > best || (distance > 0 && distance >= (length > other ? length : other))) continue;
        if (distance == best && (!nearest || common_begin(name, names[i]) <= common_begin(name, nearest))) continue;
        best = distance;
        nearest = names[i];
    }
    return nearest;
}

bool text_to_int(const char *s, int64_t *out) {
    char *end = NULL;
    if (!starts_number(s)) return false; /* strtoll would skip spaces */
    errno = 0;
    long long value = strtoll(s, &end, 10);
    if (end == s || *end || errno == ERANGE) return false;
    *out = value;
    return true;
}

bool text_to_double(const char *s, double *out) {
    char *end = NULL;
    if (!starts_number(s)) return false;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), old = c ? uselocale(c) : (locale_t)0;
    double value = strtod(s, &end);
    if (c) {
        uselocale(old);
        freelocale(c);
    }
    if (end == s || *end || !isfinite(value)) return false; /* overflow gives an infinity */
    *out = value;
    return true;
}

bool text_to_real(const char *s, double *out) {
    bool infinite = strcmp(s, "inf") == 0, negative = strcmp(s, "-inf") == 0;
    if (!infinite && !negative && strcmp(s, "nan") != 0) return text_to_double(s, out);
    *out = infinite ? INFINITY : negative ? -INFINITY : NAN;
    return true;
}

bool text_ends(const char *s, const char *ending) {
    size_t n = strlen(s), e = strlen(ending);
    return n > e && strcasecmp(s + n - e, ending) == 0;
}

/* Bytes of the UTF-8 sequence at s, and its code point; 0 at the end and where there is none. */
static size_t utf8_decode(const char *s, uint32_t *out) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = (uint8_t)*s;
    *out = first;
    if (first < 0x80) return first ? 1 : 0;
    size_t n = first >= 0xf8 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    uint32_t code = n ? first & (0xffu >> (n + 1)) : 0;
    for (size_t i = 1; i < n; i++) {
        if (((uint8_t)s[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | ((uint8_t)s[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    if (!n || code < least[n] || code > 0x10ffff || surrogate) return 0;
    *out = code;
    return n;
}

size_t text_utf8_bytes(const char *s) {
    uint32_t code;
    return utf8_decode(s, &code);
}

static bool drives_terminal(uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

char *text_mask(char *line) {
    for (char *s = line; *s;) {
        uint32_t code; /* a byte that is not UTF-8 counts as itself: 0x80 to 0x9F are C1 in an 8-bit terminal */
        size_t n = utf8_decode(s, &code);
        if (n == 0) n = 1;
        if (drives_terminal(code)) memset(s, '?', n);
        s += n;
    }
    return line;
}

const char *text_thousands(int64_t value, char buffer[32]) {
    char digits[32];
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)size), used = 0;
    if (value < 0) buffer[used++] = '-';
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) buffer[used++] = ',';
        buffer[used++] = digits[i];
    }
    buffer[used] = 0;
    return buffer;
}

double text_real(double x) {
    return isnan(x) ? (double)NAN : x;
}

const char *text_bytes(uint64_t bytes, char buffer[32]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1023.95 && unit + 1 < sizeof units / sizeof *units; unit++) value /= 1024; /* never "1024.0 KiB" */
    unsigned tenths = (unsigned)(value * 10 + 0.5);
    if (bytes < 1024) snprintf(buffer, 32, "%u B", (unsigned)bytes);
    else snprintf(buffer, 32, "%u.%u %s", tenths / 10, tenths % 10, units[unit]);
    return buffer;
}
