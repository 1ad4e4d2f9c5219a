/* Conversion between element types: layout_convert and the 16-bit floats of layout.h. */
#include "kernel/layout.h"

#include <math.h>
#include <string.h>

#define CHUNK (16 << 10) /* elements of a task */
#define STRIP 256        /* elements that pass through the stack at once */

int layout_type_size(layout_type type) {
    static const int sizes[LAYOUT_TYPE_COUNT] = {4, 8, 2, 2, 1, 1, 2, 2, 4, 4, 8, 8, 1};
    return sizes[type];
}

static uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}
static float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, 4);
    return x;
}

/* Rounding to nearest even by adding half of the last kept place less one, plus that place's own bit. */
uint16_t layout_bf16_from_float(float x) {
    uint32_t u = bits_of(x);
    if (x != x) return (uint16_t)(u >> 16 | 0x40); /* a quiet NaN, whatever is cut off */
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
float layout_bf16_to_float(uint16_t h) {
    return float_of((uint32_t)h << 16);
}

uint16_t layout_f16_from_float(float x) {
    uint32_t u = bits_of(x), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and up */
    if (a < 0x38800000) /* below 2⁻¹⁴: adding ½ rounds to multiples of 2⁻²⁴ */
        return (uint16_t)(sign | (bits_of(float_of(a) + 0.5f) - bits_of(0.5f)));
    return (uint16_t)(sign | ((a - 0x38000000 + 0xfff + (a >> 13 & 1)) >> 13));
}
float layout_f16_to_float(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, a = h & 0x7fff;
    if (a >= 0x7c00) return float_of(sign | 0x7f800000 | (a & 0x3ff) << 13);
    if (a >= 0x400) return float_of(sign | ((a << 13) + 0x38000000));
    float tiny = (float)a * 0x1p-24f;
    return sign ? -tiny : tiny;
}

/* Double to float16 or bfloat16 must round once: round to odd in float first (53 ≥ 24 + 2 bits, so the second is
 * exact). */
static float float_odd(double x) {
    float f = (float)x;
    if ((double)f == x || f != f || isinf(x)) return f;
    uint32_t u = bits_of(f);
    if (u & 1) return f;
    bool away = fabs((double)f) > fabs(x);
    return float_of(away ? u - 1 : u + 1);
}

/* Every type is read into, and written from, one of: double (all floats, exactly) or 64-bit integers. */
typedef union value {
    double real;
    int64_t integer; /* unsigned 64-bit ones are kept modulo 2⁶⁴ */
} value;

static bool is_real(layout_type t) {
    return t <= LAYOUT_BF16;
}

#define READ(type, member)                                                                                             \
    for (int64_t i = 0; i < n; i++) v[i].member = ((const type *)x)[i];                                                \
    break

static void read_values(value *v, const void *x, layout_type from, int64_t n) {
    switch (from) {
    case LAYOUT_F32:
        READ(float, real);
    case LAYOUT_F64:
        READ(double, real);
    case LAYOUT_F16:
        for (int64_t i = 0; i < n; i++) v[i].real = (double)layout_f16_to_float(((const uint16_t *)x)[i]);
        break;
    case LAYOUT_BF16:
        for (int64_t i = 0; i < n; i++) v[i].real = (double)layout_bf16_to_float(((const uint16_t *)x)[i]);
        break;
    case LAYOUT_U8:
        READ(uint8_t, integer);
    case LAYOUT_I8:
        READ(int8_t, integer);
    case LAYOUT_U16:
        READ(uint16_t, integer);
    case LAYOUT_I16:
        READ(int16_t, integer);
    case LAYOUT_I32:
        READ(int32_t, integer);
    case LAYOUT_U32:
        READ(uint32_t, integer);
    case LAYOUT_I64:
        READ(int64_t, integer);
    case LAYOUT_U64:
        for (int64_t i = 0; i < n; i++) v[i].integer = (int64_t)((const uint64_t *)x)[i];
        break;
    case LAYOUT_BOOL:
        for (int64_t i = 0; i < n; i++) v[i].integer = ((const uint8_t *)x)[i] != 0;
        break;
    default:
        break;
    }
}

/* Integers as doubles (rounding once; the way from there to a narrower float goes through float_odd, which sees what
 * the double lost only above 2⁵³, where the narrower ones' ties are far coarser). */
static void to_real(value *v, layout_type from, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        v[i].real = from == LAYOUT_U64 ? (double)(uint64_t)v[i].integer : (double)v[i].integer;
}

/* Truncated; out of range saturates; NaN becomes 0. */
static void to_integer(value *v, layout_type to, int64_t n) {
    static const double low[] = {
        [LAYOUT_U8] = 0,        [LAYOUT_I8] = -128, [LAYOUT_U16] = 0,       [LAYOUT_I16] = -32768,
        [LAYOUT_I32] = -0x1p31, [LAYOUT_U32] = 0,   [LAYOUT_I64] = -0x1p63, [LAYOUT_U64] = 0};
    static const double high[] = {
        [LAYOUT_U8] = 0xff,        [LAYOUT_I8] = 127,         [LAYOUT_U16] = 0xffff, [LAYOUT_I16] = 32767,
        [LAYOUT_I32] = 0x7fffffff, [LAYOUT_U32] = 0xffffffff, [LAYOUT_I64] = 0x1p63, [LAYOUT_U64] = 0x1p64};
    for (int64_t i = 0; i < n; i++) {
        double x = v[i].real;
        if (to == LAYOUT_BOOL) v[i].integer = x != 0;
        else if (x != x) v[i].integer = 0;
        else if (x <= low[to]) v[i].integer = (int64_t)low[to];
        else if (to == LAYOUT_I64) v[i].integer = x >= high[to] ? INT64_MAX : (int64_t)x;
        else if (to == LAYOUT_U64) v[i].integer = x >= high[to] ? -1 : (int64_t)(uint64_t)x;
        else v[i].integer = (int64_t)(x >= high[to] ? high[to] : x);
    }
}

#define WRITE(type, member)                                                                                            \
    for (int64_t i = 0; i < n; i++) ((type *)y)[i] = (type)v[i].member;                                                \
    break

static void write_values(void *y, layout_type to, const value *v, int64_t n) {
    switch (to) {
    case LAYOUT_F32:
        WRITE(float, real);
    case LAYOUT_F64:
        WRITE(double, real);
    case LAYOUT_F16:
        for (int64_t i = 0; i < n; i++) ((uint16_t *)y)[i] = layout_f16_from_float(float_odd(v[i].real));
        break;
    case LAYOUT_BF16:
        for (int64_t i = 0; i < n; i++) ((uint16_t *)y)[i] = layout_bf16_from_float(float_odd(v[i].real));
        break;
    case LAYOUT_U8:
        WRITE(uint8_t, integer);
    case LAYOUT_I8:
        WRITE(int8_t, integer);
    case LAYOUT_U16:
        WRITE(uint16_t, integer);
    case LAYOUT_I16:
        WRITE(int16_t, integer);
    case LAYOUT_I32:
        WRITE(int32_t, integer);
    case LAYOUT_U32:
        WRITE(uint32_t, integer);
    case LAYOUT_I64:
        WRITE(int64_t, integer);
    case LAYOUT_U64:
        WRITE(uint64_t, integer);
    case LAYOUT_BOOL:
        for (int64_t i = 0; i < n; i++) ((uint8_t *)y)[i] = v[i].integer != 0;
        break;
    default:
        break;
    }
}

static void convert_strip(void *y, layout_type to, const void *x, layout_type from, int64_t n) {
    value v[STRIP] = {0};
    read_values(v, x, from, n);
    if (is_real(to) && !is_real(from)) to_real(v, from, n);
    if (!is_real(to) && is_real(from)) to_integer(v, to, n);
    write_values(y, to, v, n);
}

/* The conversions that training and inference do by the million, without the detour. */
static bool convert_quickly(void *y, layout_type to, const void *x, layout_type from, int64_t n) {
    if (to == from && to != LAYOUT_BOOL) memmove(y, x, (size_t)(n * layout_type_size(to)));
    else if (to == LAYOUT_F32 && from == LAYOUT_U8)
        for (int64_t i = 0; i < n; i++) ((float *)y)[i] = ((const uint8_t *)x)[i];
    else if (to == LAYOUT_F32 && from == LAYOUT_BF16)
        for (int64_t i = 0; i < n; i++) ((float *)y)[i] = layout_bf16_to_float(((const uint16_t *)x)[i]);
    else if (to == LAYOUT_BF16 && from == LAYOUT_F32)
        for (int64_t i = 0; i < n; i++) ((uint16_t *)y)[i] = layout_bf16_from_float(((const float *)x)[i]);
    else if (to == LAYOUT_F32 && from == LAYOUT_F16)
        for (int64_t i = 0; i < n; i++) ((float *)y)[i] = layout_f16_to_float(((const uint16_t *)x)[i]);
    else if (to == LAYOUT_F16 && from == LAYOUT_F32)
        for (int64_t i = 0; i < n; i++) ((uint16_t *)y)[i] = layout_f16_from_float(((const float *)x)[i]);
    else return false;
    return true;
}

typedef struct job {
    char *y;
    const char *x;
    layout_type to, from;
    int64_t n;
} job;

static void task(void *context, int64_t index, int worker) {
    const job *j = context;
    (void)worker;
    int64_t begin = index * CHUNK, end = j->n - begin < CHUNK ? j->n : begin + CHUNK;
    int64_t to_size = layout_type_size(j->to), from_size = layout_type_size(j->from);
    if (convert_quickly(j->y + begin * to_size, j->to, j->x + begin * from_size, j->from, end - begin)) return;
    for (int64_t i = begin; i < end; i += STRIP)
        convert_strip(j->y + i * to_size, j->to, j->x + i * from_size, j->from, end - i < STRIP ? end - i : STRIP);
}

void layout_convert(pool *p, void *y, layout_type to, const void *x, layout_type from, int64_t n) {
    pool_run(p, task, &(job){y, x, to, from, n}, (n + CHUNK - 1) / CHUNK);
}
