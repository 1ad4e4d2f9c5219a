/* Elements of tensors of any type as numbers and as text. */
#include "cli/tensors.h"
#include "cli/term.h"

#include <math.h>
#include <string.h>

int64_t tensor_count(const stria_array *array) {
    int64_t count = 1;
    for (int d = 0; d < array->rank; d++) count *= array->shape[d];
    return count;
}

static double from_half(uint16_t half) {
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double value = exponent == 31  ? (fraction ? NAN : INFINITY)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(fraction + 1024, exponent - 25);
    return half & 0x8000 ? -value : value;
}

static double from_bfloat(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

static double from_float8(const stria_array *array, int64_t i) {
    stria_array code = {.type = array->type, .data = (uint8_t *)array->data + i, .bytes = 1}, wide;
    double value = NAN;
    if (stria_array_convert(&code, STRIA_FLOAT64, &wide, NULL) != STRIA_OK) return value;
    memcpy(&value, wide.data, sizeof value);
    stria_array_release(&wide);
    return value;
}

double tensor_value(const stria_array *array, int64_t i) {
    switch (array->type) {
    case STRIA_FLOAT32:
        return (double)((const float *)array->data)[i];
    case STRIA_FLOAT64:
        return ((const double *)array->data)[i];
    case STRIA_UINT8:
    case STRIA_BOOL:
        return ((const uint8_t *)array->data)[i];
    case STRIA_INT8:
        return ((const int8_t *)array->data)[i];
    case STRIA_UINT16:
        return ((const uint16_t *)array->data)[i];
    case STRIA_INT16:
        return ((const int16_t *)array->data)[i];
    case STRIA_INT32:
        return ((const int32_t *)array->data)[i];
    case STRIA_INT64:
        return (double)((const int64_t *)array->data)[i];
    case STRIA_UINT32:
        return ((const uint32_t *)array->data)[i];
    case STRIA_UINT64:
        return (double)((const uint64_t *)array->data)[i];
    case STRIA_FLOAT16:
        return from_half(((const uint16_t *)array->data)[i]);
    case STRIA_FLOAT8E4M3FN:
    case STRIA_FLOAT8E4M3FNUZ:
    case STRIA_FLOAT8E5M2:
    case STRIA_FLOAT8E5M2FNUZ:
    case STRIA_FLOAT8E8M0:
        return from_float8(array, i);
    case STRIA_BFLOAT16:
        return from_bfloat(((const uint16_t *)array->data)[i]);
    }
    return NAN;
}

/* A row is what the last dimension counts; columns are aligned where there are several rows. */
void tensor_print(FILE *stream, const tensor *t) {
    enum { ROWS = 8, COLUMNS = 12 };
    int64_t count = tensor_count(&t->array), width = t->array.rank ? t->array.shape[t->array.rank - 1] : 1;
    int64_t rows = width > 0 ? count / width : 0, columns = width < COLUMNS ? width : COLUMNS;
    int wide = 0;
    for (int64_t r = 0; rows > 1 && r < rows && r < ROWS; r++)
        for (int64_t c = 0; c < columns; c++) {
            int length = snprintf(NULL, 0, "%.6g", show_real(tensor_value(&t->array, r * width + c)));
            if (length > wide) wide = length;
        }
    for (int64_t r = 0; r < rows && r < ROWS; r++) {
        fputs(" ", stream);
        for (int64_t c = 0; c < columns; c++)
            fprintf(stream, " %*.6g", wide, show_real(tensor_value(&t->array, r * width + c)));
        fprintf(stream, "%s\n", width > columns ? " …" : "");
    }
    if (rows > ROWS) fprintf(stream, "  … %lld row%s in all\n", (long long)rows, show_s(rows));
}
