#include "model/weights/pickle_inside.h"

static pickle_value none = {.kind = PICKLE_NONE},
                    truth[2] = {{.kind = PICKLE_BOOL}, {.kind = PICKLE_BOOL, .integer = 1}};

static stria_status push_text(machine *m, uint64_t length) {
    const uint8_t *p;
    if (length > INT32_MAX) return pickle_cut(m);
    TRY(pickle_take(m, (size_t)length, &p));
    return pickle_push_new(m, (pickle_value){.kind = PICKLE_TEXT, .count = (int)length, .text = (const char *)p});
}

stria_status do_none(machine *m, int x) {
    return pickle_push(m, &none);
}

stria_status do_bool(machine *m, int x) {
    return pickle_push(m, &truth[x]);
}

/* x bytes; four are signed. */
stria_status do_int(machine *m, int x) {
    uint64_t n;
    TRY(pickle_number(m, x, &n));
    return pickle_push_new(m, (pickle_value){.kind = PICKLE_INT, .integer = x == 4 ? (int32_t)n : (int64_t)n});
}

/* An integer in x bytes of length and as many little-endian, signed. */
stria_status do_long(machine *m, int x) {
    uint64_t length, n = 0;
    const uint8_t *p;
    TRY(pickle_number(m, x, &length));
    if (length > m->size) return pickle_cut(m);
    TRY(pickle_take(m, (size_t)length, &p));
    if (length > 8) return pickle_push_new(m, (pickle_value){.kind = PICKLE_BIG});
    for (size_t i = length; i-- > 0;) n = n << 8 | p[i];
    if (length > 0 && length < 8 && p[length - 1] & 0x80) n |= ~(uint64_t)0 << (8 * length);
    return pickle_push_new(m, (pickle_value){.kind = PICKLE_INT, .integer = (int64_t)n});
}

/* 'I' and 'L': decimal text; x: the 'L' after it. */
stria_status do_decimal(machine *m, int x) {
    char digits[32] = "";
    const char *at;
    size_t length;
    int64_t n;
    TRY(pickle_line(m, &at, &length));
    if (x && length && at[length - 1] == 'L') length--;
    if (length < sizeof digits) memcpy(digits, at, length);
    if (!x && length == 2 && (memcmp(at, "00", 2) == 0 || memcmp(at, "01", 2) == 0)) return do_bool(m, at[1] - '0');
    if (!text_to_int(digits, &n)) return pickle_push_new(m, (pickle_value){.kind = PICKLE_BIG});
    return pickle_push_new(m, (pickle_value){.kind = PICKLE_INT, .integer = n});
}

stria_status do_real(machine *m, int x) {
    uint64_t bits = 0;
    double value;
    for (int i = 0; i < 8; i++) {
        uint64_t byte;
        TRY(pickle_number(m, 1, &byte));
        bits = bits << 8 | byte;
    }
    memcpy(&value, &bits, sizeof value);
    return pickle_push_new(m, (pickle_value){.kind = PICKLE_REAL, .real = value});
}

stria_status do_decimal_real(machine *m, int x) {
    char digits[64] = "";
    const char *at;
    size_t length;
    double value = 0;
    TRY(pickle_line(m, &at, &length));
    if (length < sizeof digits) memcpy(digits, at, length);
    text_to_double(digits, &value);
    return pickle_push_new(m, (pickle_value){.kind = PICKLE_REAL, .real = value});
}

/* x bytes of length and the text. */
stria_status do_text(machine *m, int x) {
    uint64_t length;
    TRY(pickle_number(m, x, &length));
    return push_text(m, length);
}

/* A line; x: in quotes. Escapes stay as they are. */
stria_status do_text_line(machine *m, int x) {
    const char *at;
    size_t length;
    TRY(pickle_line(m, &at, &length));
    if (x && length >= 2) at++, length -= 2;
    return pickle_push_new(m, (pickle_value){.kind = PICKLE_TEXT, .count = (int)length, .text = at});
}
