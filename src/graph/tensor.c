#include "graph/tensor.h"

#include "base/memory.h"
#include "base/text.h"
#include "graph/float8.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [STRIA_FLOAT32] = {"float32", 4},
    [STRIA_UINT8] = {"uint8", 1},
    [STRIA_INT8] = {"int8", 1},
    [STRIA_UINT16] = {"uint16", 2},
    [STRIA_INT16] = {"int16", 2},
    [STRIA_INT32] = {"int32", 4},
    [STRIA_INT64] = {"int64", 8},
    [STRIA_BOOL] = {"bool", 1},
    [STRIA_FLOAT16] = {"float16", 2},
    [STRIA_FLOAT64] = {"float64", 8},
    [STRIA_UINT32] = {"uint32", 4},
    [STRIA_UINT64] = {"uint64", 8},
    [STRIA_BFLOAT16] = {"bfloat16", 2},
    [STRIA_FLOAT8E4M3FN] = {"float8e4m3fn", 1},
    [STRIA_FLOAT8E4M3FNUZ] = {"float8e4m3fnuz", 1},
    [STRIA_FLOAT8E5M2] = {"float8e5m2", 1},
    [STRIA_FLOAT8E5M2FNUZ] = {"float8e5m2fnuz", 1},
    [STRIA_FLOAT8E8M0] = {"float8e8m0", 1},
};

static bool dtype_known(dtype t) {
    return (unsigned)t < sizeof dtypes / sizeof *dtypes && dtypes[t].name;
}

size_t dtype_bytes(dtype t) {
    return dtype_known(t) ? dtypes[t].bytes : 0;
}

const char *dtype_name(dtype t) {
    return dtype_known(t) ? dtypes[t].name : "unknown type";
}

bool dtype_is_float(dtype t) {
    return t == STRIA_FLOAT32 || t == STRIA_FLOAT16 || t == STRIA_FLOAT64 || t == STRIA_BFLOAT16;
}

bool dtype_is_float8(dtype t) {
    return (t >= STRIA_FLOAT8E4M3FN && t <= STRIA_FLOAT8E5M2FNUZ) || t == STRIA_FLOAT8E8M0;
}

dtype dtype_from_name(const char *name) {
    for (unsigned t = 0; t < sizeof dtypes / sizeof *dtypes; t++)
        if (dtypes[t].name && strcmp(dtypes[t].name, name) == 0) return (dtype)t;
    return (dtype)0;
}

shape shape_of(int rank, const int64_t *dim) {
    shape s = {.rank = rank};
    for (int i = 0; i < rank; i++) s.dim[i] = dim[i];
    return s;
}

bool shape_equal(const shape *a, const shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

int64_t shape_count(const shape *s) {
    int64_t n = 1;
    bool empty = false;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] < 0) return -1;
        if (s->dim[i] == 0) empty = true;
        else if (__builtin_mul_overflow(n, s->dim[i], &n)) return -1;
    }
    return empty ? 0 : n;
}

int64_t shape_bytes(const shape *s, dtype type) {
    int64_t count = shape_count(s), bytes;
    if (count < 0 || !dtype_known(type) || __builtin_mul_overflow(count, (int64_t)dtype_bytes(type), &bytes)) return -1;
    return bytes <= SIZE_BYTES_MAX ? bytes : -1;
}

stria_status shape_check(const shape *s, dtype type, stria_error *err, const char *what, ...) {
    char text[192], name[300];
    va_list arguments;
    if (shape_bytes(s, type) >= 0) return STRIA_OK;
    va_start(arguments, what);
    text_vformat(name, sizeof name, what, arguments);
    va_end(arguments);
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] < 0) FAIL(err, STRIA_BAD_SHAPE, "%s has the impossible shape %s", name, shape_text(s, text));
    FAIL(err, STRIA_BAD_SHAPE, "%s is too large: %s %s has more bytes than a process can address", name,
         dtype_name(type), shape_text(s, text));
}

const char *shape_text(const shape *s, char buffer[192]) {
    int n = 0;
    buffer[n++] = '[';
    for (int i = 0; i < s->rank; i++)
        n += snprintf(buffer + n, (size_t)(190 - n), "%s%" PRId64, i ? ", " : "", s->dim[i]);
    buffer[n++] = ']';
    buffer[n] = 0;
    return buffer;
}

bool shape_broadcast(const shape *a, const shape *b, shape *out) {
    shape s = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 1; i <= s.rank; i++) {
        int64_t p = i <= a->rank ? a->dim[a->rank - i] : 1, q = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (p != q && p != 1 && q != 1) return false;
        s.dim[s.rank - i] = p == 1 ? q : p;
    }
    *out = s;
    return true;
}

stria_status tensor_raw(tensor **out, dtype type, const shape *shape, const char *what, stria_error *err) {
    char text[192], size[32];
    TRY(shape_check(shape, type, err, "%s", what));
    int64_t bytes = shape_bytes(shape, type);
    tensor *t = mem_zalloc(1, sizeof *t);
    if (t) t->data = mem_alloc((size_t)bytes);
    if (!t || !t->data) {
        mem_free(t);
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for %s %s (%s)", what, shape_text(shape, text),
             text_bytes((uint64_t)bytes, size));
    }
    t->type = type;
    t->shape = *shape;
    t->bytes = (size_t)bytes;
    t->references = 1;
    *out = t;
    return STRIA_OK;
}

stria_status tensor_new(tensor **out, dtype type, const shape *shape, const char *what, stria_error *err) {
    TRY(tensor_raw(out, type, shape, what, err));
    memset((*out)->data, 0, (*out)->bytes);
    return STRIA_OK;
}

tensor *tensor_retain(tensor *t) {
    if (t) __atomic_add_fetch(&t->references, 1, __ATOMIC_RELAXED);
    return t;
}

void tensor_release(tensor *t) {
    if (!t || __atomic_sub_fetch(&t->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    mem_free(t->data);
    mem_free(t);
}

/* ---- conversions ---- */

static double f16_to_f64(uint16_t h) {
    uint32_t bits = (uint32_t)(h & 0x7fff) << 13; /* exponent and fraction in float32's places */
    float x;
    memcpy(&x, &bits, sizeof x);
    double y = (h & 0x7c00) != 0x7c00 ? (double)x * 0x1p112 : h & 1023 ? (double)NAN : (double)INFINITY;
    return h >> 15 ? -y : y;
}

static uint16_t f64_to_f16(double x) {
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    x = fabs(x);
    if (isnan(x)) return (uint16_t)(sign | 0x7e00);
    if (x >= 65520) return (uint16_t)(sign | 0x7c00);
    if (x < 0x1p-14) return (uint16_t)(sign | (uint32_t)nearbyint(x * 0x1p24)); /* zero and denormals */
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits += (1ull << 41) - 1 + (bits >> 42 & 1); /* to nearest even; a carry runs over into the exponent, rightly */
    return (uint16_t)(sign | (uint32_t)((bits >> 42) - ((1023 - 15) << 10)));
}

static double bf16_to_f64(uint16_t h) {
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static uint16_t f64_to_bf16(double x) {
    float f = (float)x;
    uint32_t u;
    memcpy(&u, &f, 4);
    if (isnan(f)) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

#define FLOAT8                                                                                                         \
    case STRIA_FLOAT8E4M3FN:                                                                                           \
    case STRIA_FLOAT8E4M3FNUZ:                                                                                         \
    case STRIA_FLOAT8E5M2:                                                                                             \
    case STRIA_FLOAT8E5M2FNUZ:                                                                                         \
    case STRIA_FLOAT8E8M0

/* One typed element; every conversion goes through these three. */
static double get_f64(const void *p, dtype t, int64_t i) {
    switch (t) {
    case STRIA_FLOAT32:
        return ((const float *)p)[i];
    case STRIA_FLOAT64:
        return ((const double *)p)[i];
    case STRIA_FLOAT16:
        return f16_to_f64(((const uint16_t *)p)[i]);
    case STRIA_BFLOAT16:
        return bf16_to_f64(((const uint16_t *)p)[i]);
    case STRIA_UINT8:
        return ((const uint8_t *)p)[i];
    case STRIA_INT8:
        return ((const int8_t *)p)[i];
    case STRIA_UINT16:
        return ((const uint16_t *)p)[i];
    case STRIA_INT16:
        return ((const int16_t *)p)[i];
    case STRIA_INT32:
        return ((const int32_t *)p)[i];
    case STRIA_UINT32:
        return ((const uint32_t *)p)[i];
    case STRIA_INT64:
        return (double)((const int64_t *)p)[i];
    case STRIA_UINT64:
        return (double)((const uint64_t *)p)[i];
    case STRIA_BOOL:
        return ((const uint8_t *)p)[i] != 0;
    FLOAT8:
        return float8_value(t, ((const uint8_t *)p)[i]);
    }
    return 0;
}

static int64_t f64_to_i64(double x) {
    if (isnan(x)) return 0;
    if (x >= 9223372036854775808.0) return INT64_MAX;
    if (x <= -9223372036854775808.0) return INT64_MIN;
    return (int64_t)x;
}

static int64_t get_i64(const void *p, dtype t, int64_t i) {
    if (t == STRIA_INT64) return ((const int64_t *)p)[i];
    if (t == STRIA_UINT64) return (int64_t)((const uint64_t *)p)[i];
    if (dtype_is_float8(t)) return ((const uint8_t *)p)[i];
    return f64_to_i64(get_f64(p, t, i));
}

static void put_i64(void *p, dtype t, int64_t i, int64_t x) {
#define CLAMP(low, high) (x < (low) ? (low) : x > (high) ? (high) : x)
    switch (t) {
    case STRIA_INT64:
        ((int64_t *)p)[i] = x;
        break;
    case STRIA_UINT64:
        ((uint64_t *)p)[i] = (uint64_t)x;
        break;
    case STRIA_INT32:
        ((int32_t *)p)[i] = (int32_t)CLAMP(INT32_MIN, INT32_MAX);
        break;
    case STRIA_UINT32:
        ((uint32_t *)p)[i] = (uint32_t)CLAMP(0, (int64_t)UINT32_MAX);
        break;
    case STRIA_INT16:
        ((int16_t *)p)[i] = (int16_t)CLAMP(INT16_MIN, INT16_MAX);
        break;
    case STRIA_UINT16:
        ((uint16_t *)p)[i] = (uint16_t)CLAMP(0, UINT16_MAX);
        break;
    case STRIA_INT8:
        ((int8_t *)p)[i] = (int8_t)CLAMP(INT8_MIN, INT8_MAX);
        break;
    case STRIA_UINT8:
        ((uint8_t *)p)[i] = (uint8_t)CLAMP(0, UINT8_MAX);
        break;
    FLOAT8:
        ((uint8_t *)p)[i] = (uint8_t)x;
        break;
    case STRIA_BOOL:
        ((uint8_t *)p)[i] = x != 0;
        break;
    case STRIA_FLOAT32:
        ((float *)p)[i] = (float)x;
        break;
    case STRIA_FLOAT64:
        ((double *)p)[i] = (double)x;
        break;
    case STRIA_FLOAT16:
        ((uint16_t *)p)[i] = f64_to_f16((double)x);
        break;
    case STRIA_BFLOAT16:
        ((uint16_t *)p)[i] = f64_to_bf16((double)x);
        break;
    }
#undef CLAMP
}

static void put_f64(void *p, dtype t, int64_t i, double x) {
    switch (t) {
    case STRIA_FLOAT32:
        ((float *)p)[i] = (float)x;
        break;
    case STRIA_FLOAT64:
        ((double *)p)[i] = x;
        break;
    case STRIA_FLOAT16:
        ((uint16_t *)p)[i] = f64_to_f16(x);
        break;
    case STRIA_BFLOAT16:
        ((uint16_t *)p)[i] = f64_to_bf16(x);
        break;
    case STRIA_BOOL:
        ((uint8_t *)p)[i] = x != 0;
        break;
    FLOAT8:
        ((uint8_t *)p)[i] = float8_code(t, x, (float8_rule){.saturate = true});
        break;
    case STRIA_UINT64:
        ((uint64_t *)p)[i] = !(x > 0) ? 0 : x >= 0x1p64 ? UINT64_MAX : (uint64_t)x;
        break;
    default:
        put_i64(p, t, i, f64_to_i64(x));
        break;
    }
}

double tensor_f64(const tensor *t, int64_t i) {
    return get_f64(t->data, t->type, i);
}
int64_t tensor_i64(const tensor *t, int64_t i) {
    return get_i64(t->data, t->type, i);
}
void tensor_put(tensor *t, int64_t i, double value) {
    put_f64(t->data, t->type, i, value);
}

bool tensor_parse(tensor *t, int64_t i, const char *text) {
    int64_t whole;
    double real;
    if (!dtype_is_float(t->type) && text_to_int(text, &whole)) {
        put_i64(t->data, t->type, i, whole);
        return true;
    }
    if (!text_to_real(text, &real) || !dtype_is_float(t->type)) return false;
    tensor_put(t, i, real);
    return true;
}

void convert_to_f64(double *dst, const void *src, dtype from, int64_t count) {
    for (int64_t i = 0; i < count; i++) dst[i] = get_f64(src, from, i);
}

void convert_from_f64(void *dst, dtype to, const double *src, int64_t count) {
    for (int64_t i = 0; i < count; i++) put_f64(dst, to, i, src[i]);
}

void convert_to_i64(int64_t *dst, const void *src, dtype from, int64_t count) {
    for (int64_t i = 0; i < count; i++) dst[i] = get_i64(src, from, i);
}

void convert_from_i64(void *dst, dtype to, const int64_t *src, int64_t count) {
    for (int64_t i = 0; i < count; i++) put_i64(dst, to, i, src[i]);
}
