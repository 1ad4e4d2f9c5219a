/* Conversion between element types: convert_elements and the 16-bit floats of convert.h. */
#include "kernel/elements/convert.h"

#include <math.h>
#include <string.h>

#define CHUNK (16 << 10) /* elements of a task */
#define STRIP 256        /* elements that pass through the stack at once */

int element_bytes(element_type type) {
    static const int sizes[ELEMENT_TYPES] = {4, 8, 2, 2, 1, 1, 2, 2, 4, 4, 8, 8, 1};
    return sizes[type];
}

/* Double to float16 or bfloat16 must round once: round to odd in float first (53 ≥ 24 + 2 bits, so the second is
 * exact). */
static float float_odd(double x) {
    float f = (float)x;
    if ((double)f == x || f != f || isinf(x)) return f;
    uint32_t u = convert_bits(f);
    if (u & 1) return f;
    bool away = fabs((double)f) > fabs(x);
    return convert_float(away ? u - 1 : u + 1);
}

/* Every type is read into, and written from, one of: double (all floats, exactly) or 64-bit integers. */
typedef union value {
    double real;
    int64_t integer; /* unsigned 64-bit ones are kept modulo 2⁶⁴ */
} value;

static bool is_real(element_type t) {
    return t <= ELEMENT_BF16;
}

#define READ(type, member)                                                                                             \
    for (int64_t i = 0; i < n; i++) v[i].member = ((const type *)x)[i];                                                \
    break

static void read_values(value *v, const void *x, element_type from, int64_t n) {
    switch (from) {
    case ELEMENT_F32:
        READ(float, real);
    case ELEMENT_F64:
        READ(double, real);
    case ELEMENT_F16:
        for (int64_t i = 0; i < n; i++) v[i].real = (double)f16_to_float(((const uint16_t *)x)[i]);
        break;
    case ELEMENT_BF16:
        for (int64_t i = 0; i < n; i++) v[i].real = (double)bf16_to_float(((const uint16_t *)x)[i]);
        break;
    case ELEMENT_U8:
        READ(uint8_t, integer);
    case ELEMENT_I8:
        READ(int8_t, integer);
    case ELEMENT_U16:
        READ(uint16_t, integer);
    case ELEMENT_I16:
        READ(int16_t, integer);
    case ELEMENT_I32:
        READ(int32_t, integer);
    case ELEMENT_U32:
        READ(uint32_t, integer);
    case ELEMENT_I64:
        READ(int64_t, integer);
    case ELEMENT_U64:
        for (int64_t i = 0; i < n; i++) v[i].integer = (int64_t)((const uint64_t *)x)[i];
        break;
    case ELEMENT_BOOL:
        for (int64_t i = 0; i < n; i++) v[i].integer = ((const uint8_t *)x)[i] != 0;
        break;
    default:
        break;
    }
}

/* Integers as doubles (rounding once; the way from there to a narrower float goes through float_odd, which sees what
 * the double lost only above 2⁵³, where the narrower ones' ties are far coarser). */
static void to_real(value *v, element_type from, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        v[i].real = from == ELEMENT_U64 ? (double)(uint64_t)v[i].integer : (double)v[i].integer;
}

/* Truncated; out of range saturates; NaN becomes 0. */
static void to_integer(value *v, element_type to, int64_t n) {
    static const double low[] = {
        [ELEMENT_U8] = 0,        [ELEMENT_I8] = -128, [ELEMENT_U16] = 0,       [ELEMENT_I16] = -32768,
        [ELEMENT_I32] = -0x1p31, [ELEMENT_U32] = 0,   [ELEMENT_I64] = -0x1p63, [ELEMENT_U64] = 0};
    static const double high[] = {
        [ELEMENT_U8] = 0xff,        [ELEMENT_I8] = 127,         [ELEMENT_U16] = 0xffff, [ELEMENT_I16] = 32767,
        [ELEMENT_I32] = 0x7fffffff, [ELEMENT_U32] = 0xffffffff, [ELEMENT_I64] = 0x1p63, [ELEMENT_U64] = 0x1p64};
    for (int64_t i = 0; i < n; i++) {
        double x = v[i].real;
        if (to == ELEMENT_BOOL) v[i].integer = x != 0;
        else if (x != x) v[i].integer = 0;
        else if (x <= low[to]) v[i].integer = (int64_t)low[to];
        else if (to == ELEMENT_I64) v[i].integer = x >= high[to] ? INT64_MAX : (int64_t)x;
        else if (to == ELEMENT_U64) v[i].integer = x >= high[to] ? -1 : (int64_t)(uint64_t)x;
        else v[i].integer = (int64_t)(x >= high[to] ? high[to] : x);
    }
}

#define WRITE(type, member)                                                                                            \
    for (int64_t i = 0; i < n; i++) ((type *)y)[i] = (type)v[i].member;                                                \
    break

static void write_values(void *y, element_type to, const value *v, int64_t n) {
    switch (to) {
    case ELEMENT_F32:
        WRITE(float, real);
    case ELEMENT_F64:
        WRITE(double, real);
    case ELEMENT_F16:
        for (int64_t i = 0; i < n; i++) ((uint16_t *)y)[i] = f16_from_float(float_odd(v[i].real));
        break;
    case ELEMENT_BF16:
        for (int64_t i = 0; i < n; i++) ((uint16_t *)y)[i] = bf16_from_float(float_odd(v[i].real));
        break;
    case ELEMENT_U8:
        WRITE(uint8_t, integer);
    case ELEMENT_I8:
        WRITE(int8_t, integer);
    case ELEMENT_U16:
        WRITE(uint16_t, integer);
    case ELEMENT_I16:
        WRITE(int16_t, integer);
    case ELEMENT_I32:
        WRITE(int32_t, integer);
    case ELEMENT_U32:
        WRITE(uint32_t, integer);
    case ELEMENT_I64:
        WRITE(int64_t, integer);
    case ELEMENT_U64:
        WRITE(uint64_t, integer);
    case ELEMENT_BOOL:
        for (int64_t i = 0; i < n; i++) ((uint8_t *)y)[i] = v[i].integer != 0;
        break;
    default:
        break;
    }
}

static void convert_strip(void *y, element_type to, const void *x, element_type from, int64_t n) {
    value v[STRIP] = {0};
    read_values(v, x, from, n);
    if (is_real(to) && !is_real(from)) to_real(v, from, n);
    if (!is_real(to) && is_real(from)) to_integer(v, to, n);
    write_values(y, to, v, n);
}

typedef struct job {
    const kernel_set *ks;
    char *y;
    const char *x;
    element_type to, from;
    int64_t n;
} job;

static void task(void *context, int64_t index, int worker) {
    const job *j = context;
    int64_t begin = index * CHUNK, end = j->n - begin < CHUNK ? j->n : begin + CHUNK;
    int64_t to_size = element_bytes(j->to), from_size = element_bytes(j->from);
    bool known = false;
    j->ks->convert(j->y + begin * to_size, (int)j->to, j->x + begin * from_size, (int)j->from, end - begin, &known);
    if (known) return;
    for (int64_t i = begin; i < end; i += STRIP)
        convert_strip(j->y + i * to_size, j->to, j->x + i * from_size, j->from, end - i < STRIP ? end - i : STRIP);
}

void convert_elements(const kernel_set *ks, pool *p, void *y, element_type to, const void *x, element_type from,
                      int64_t n) {
    pool_run(p, task, &(job){ks, y, x, to, from, n}, (n + CHUNK - 1) / CHUNK);
}
