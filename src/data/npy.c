/* The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * "\x93NUMPY", major, minor, header length (2 bytes in version 1, else 4), a Python dictionary, the elements. */
#include "data/npy.h"

#include <stria/model.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#define HEADER_MAX ((size_t)1 << 16) /* a dictionary for rank 8 needs under 300 bytes */

typedef struct type_row {
    const char *descr;
    int type, size;
} type_row;

static const type_row types[] = {
    {"<f4", STRIA_FLOAT32, 4}, {"<f8", STRIA_FLOAT64, 8}, {"<f2", STRIA_FLOAT16, 2}, {"|u1", STRIA_UINT8, 1},
    {"|i1", STRIA_INT8, 1},    {"<u2", STRIA_UINT16, 2},  {"<i2", STRIA_INT16, 2},   {"<u4", STRIA_UINT32, 4},
    {"<i4", STRIA_INT32, 4},   {"<u8", STRIA_UINT64, 8},  {"<i8", STRIA_INT64, 8},   {"|b1", STRIA_BOOL, 1},
};
enum { TYPES = sizeof types / sizeof *types };

/* How the elements lie in the file. */
typedef struct storage {
    const type_row *row;
    bool swapped; /* big-endian */
    bool fortran; /* first index fastest */
    size_t offset;
} storage;

/* ---- the header ---- */

typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_space(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) c->at++;
}

static bool take(cursor *c, char wanted) {
    skip_space(c);
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word) {
    size_t n = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
    c->at += n;
    return true;
}

/* A quoted string without escapes, into out[size]. */
static bool take_string(cursor *c, char *out, size_t size) {
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return false;
    char quote = *c->at++;
    size_t n = 0;
    while (c->at < c->end && *c->at != quote) {
        if (n + 1 == size || *c->at == '\\') return false;
        out[n++] = *c->at++;
    }
    out[n] = 0;
    return take(c, quote);
}

static bool take_dimension(cursor *c, int64_t *out) {
    skip_space(c);
    const char *start = c->at;
    int64_t value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (__builtin_mul_overflow(value, (int64_t)10, &value)) return false;
        if (__builtin_add_overflow(value, (int64_t)(*c->at - '0'), &value)) return false;
    }
    if (c->at == start) return false;
    *out = value;
    take(c, 'L'); /* Python 2 wrote long integers so */
    return true;
}

static stria_status take_shape(cursor *c, npy_array *a, stria_error *err) {
    a->rank = 0;
    if (!take(c, '(')) FAIL(err, STRIA_BAD_FILE, "the header's shape is not a tuple");
    while (!take(c, ')')) {
        if (a->rank == NPY_MAX_RANK)
            FAIL(err, STRIA_UNSUPPORTED, "the array has more than %d dimensions", NPY_MAX_RANK);
        if (!take_dimension(c, &a->shape[a->rank++])) FAIL(err, STRIA_BAD_FILE, "the header's shape is malformed");
        if (!take(c, ',') && !(c->at < c->end && *c->at == ')')) {
            FAIL(err, STRIA_BAD_FILE, "the header's shape is malformed");
        }
    }
    return STRIA_OK;
}

/* The first character is the byte order: '<' little, '>' big, '=' the machine's (little), '|' none. */
static stria_status take_descr(cursor *c, storage *s, stria_error *err) {
    char descr[16];
    if (!take_string(c, descr, sizeof descr)) FAIL(err, STRIA_UNSUPPORTED, "structured element types are not read");
    for (int i = 0; i < TYPES; i++) {
        const char *orders = types[i].size == 1 ? "|<>=" : "<>=";
        if (!descr[0] || !strchr(orders, descr[0]) || strcmp(descr + 1, types[i].descr + 1) != 0) continue;
        s->row = &types[i];
        s->swapped = descr[0] == '>' && types[i].size > 1;
        return STRIA_OK;
    }
    FAIL(err, STRIA_UNSUPPORTED, "element type '%s' is not read (integers, floats and booleans are)", descr);
}

static stria_status take_header(cursor *c, npy_array *a, storage *s, stria_error *err) {
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    int seen = 0;
    if (!take(c, '{')) FAIL(err, STRIA_BAD_FILE, "the header is not a dictionary");
    while (!take(c, '}')) {
        char key[32];
        if (!take_string(c, key, sizeof key) || !take(c, ':')) FAIL(err, STRIA_BAD_FILE, "the header is malformed");
        if (strcmp(key, "descr") == 0) {
            TRY(take_descr(c, s, err));
            seen |= DESCR;
        } else if (strcmp(key, "fortran_order") == 0) {
            s->fortran = take_word(c, "True");
            if (!s->fortran && !take_word(c, "False"))
                FAIL(err, STRIA_BAD_FILE, "fortran_order is neither True nor False");
            seen |= ORDER;
        } else if (strcmp(key, "shape") == 0) {
            TRY(take_shape(c, a, err));
            seen |= SHAPE;
        } else FAIL(err, STRIA_BAD_FILE, "the header has an unknown key '%s'", key);
        take(c, ',');
    }
    if (seen != (DESCR | ORDER | SHAPE)) FAIL(err, STRIA_BAD_FILE, "the header lacks descr, fortran_order or shape");
    return STRIA_OK;
}

static stria_status count_elements(npy_array *a, int size, size_t held, stria_error *err) {
    int64_t bytes = size;
    a->count = 1;
    for (int i = 0; i < a->rank; i++) {
        bool over = __builtin_mul_overflow(a->count, a->shape[i], &a->count);
        if (over || __builtin_mul_overflow(bytes, a->shape[i], &bytes)) {
            FAIL(err, STRIA_BAD_FILE, "the header claims an array larger than any memory");
        }
    }
    if ((uint64_t)bytes != held) {
        FAIL(err, STRIA_BAD_FILE, "the header claims %lld bytes of elements, the file holds %zu", (long long)bytes,
             held);
    }
    a->bytes = held;
    return STRIA_OK;
}

/* Fills everything but data. */
static stria_status parse_header(const uint8_t *bytes, size_t size, npy_array *a, storage *s, stria_error *err) {
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0) FAIL(err, STRIA_BAD_FILE, "not a .npy file");
    if (bytes[6] < 1 || bytes[6] > 3) FAIL(err, STRIA_UNSUPPORTED, ".npy version %d is not read", bytes[6]);
    size_t prefix = bytes[6] == 1 ? 10 : 12, length = (size_t)(bytes[8] | bytes[9] << 8);
    if (bytes[6] > 1 && size >= prefix) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (size < prefix || length > size - prefix) FAIL(err, STRIA_BAD_FILE, "truncated inside the header");
    if (length > HEADER_MAX) FAIL(err, STRIA_BAD_FILE, "a header of %zu bytes is not a header", length);
    cursor c = {(const char *)bytes + prefix, (const char *)bytes + prefix + length};
    TRY(take_header(&c, a, s, err));
    skip_space(&c);
    if (c.at != c.end) FAIL(err, STRIA_BAD_FILE, "the header goes on after its dictionary");
    a->type = s->row->type;
    s->offset = prefix + length;
    return count_elements(a, s->row->size, size - s->offset, err);
}

/* ---- the elements ---- */

/* from: first index fastest; to: last index fastest. */
static void reorder(const npy_array *a, const uint8_t *from, uint8_t *to) {
    size_t size = a->bytes / (size_t)a->count;
    int64_t step[NPY_MAX_RANK] = {0}, index[NPY_MAX_RANK] = {0}, at = 0, run = 1;
    for (int i = 0; i < a->rank; i++) {
        step[i] = run;
        run *= a->shape[i];
    }
    for (int64_t n = 0; n < a->count; n++) {
        memcpy(to + (size_t)n * size, from + (size_t)at * size, size);
        for (int i = a->rank - 1; i >= 0; i--) {
            at += step[i];
            if (++index[i] < a->shape[i]) break;
            at -= step[i] * a->shape[i];
            index[i] = 0;
        }
    }
}

/* Turns big-endian elements into little-endian ones, in place. */
static void swap_bytes(uint8_t *data, int64_t count, int size) {
    for (int64_t n = 0; n < count; n++, data += size)
        for (int i = 0; i < size / 2; i++) {
            uint8_t low = data[i];
            data[i] = data[size - 1 - i];
            data[size - 1 - i] = low;
        }
}

/* Takes over *bytes, a heap block, and makes it a->data. */
static stria_status adopt(uint8_t **bytes, const storage *s, npy_array *a, stria_error *err) {
    if (s->fortran && a->rank > 1 && a->count > 0) {
        TRY(mem_new(&a->data, a->bytes, 1, "an array in C order", err));
        reorder(a, *bytes + s->offset, a->data);
        mem_free(*bytes);
    } else {
        memmove(*bytes, *bytes + s->offset, a->bytes);
        a->data = *bytes;
    }
    *bytes = NULL;
    uint8_t *flags = a->data;
    if (s->swapped) swap_bytes(a->data, a->count, s->row->size);
    if (a->type == STRIA_BOOL) {
        for (int64_t i = 0; i < a->count; i++) flags[i] = flags[i] != 0;
    }
    return STRIA_OK;
}

static stria_status parse_owned(uint8_t **bytes, size_t size, npy_array *out, stria_error *err) {
    npy_array a = {0};
    storage s = {0};
    TRY(parse_header(*bytes, size, &a, &s, err));
    TRY(adopt(bytes, &s, &a, err));
    *out = a;
    return STRIA_OK;
}

stria_status npy_parse(const uint8_t *bytes, size_t size, npy_array *out, stria_error *err) {
    uint8_t *copy = NULL;
    TRY(mem_new(&copy, size ? size : 1, 1, "an array", err));
    if (size) memcpy(copy, bytes, size);
    stria_status status = parse_owned(&copy, size, out, err);
    mem_free(copy);
    return status;
}

/* The file's bytes become the array. */
static stria_status take_file(uint8_t *bytes, size_t size, const char *path, npy_array *out, stria_error *err) {
    stria_status status = parse_owned(&bytes, size, out, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    mem_free(bytes);
    return status;
}

stria_status npy_read(const char *path, npy_array *out, stria_error *err) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    TRY(file_read(path, 0, &bytes, &size, err));
    return take_file(bytes, size, path, out, err);
}

stria_status npy_read_named(const char *path, npy_array *out, stria_error *err) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    TRY(file_read_named(path, 0, &bytes, &size, err));
    return take_file(bytes, size, file_name_shown(path), out, err);
}

void npy_release(npy_array *a) {
    mem_free(a->data);
    *a = (npy_array){0};
}

static const type_row *row_of(int type) {
    for (int i = 0; i < TYPES; i++) {
        if (types[i].type == type) return &types[i];
    }
    return NULL;
}

stria_status npy_header(const npy_array *a, text *out, size_t *bytes, stria_error *err) {
    const type_row *row = row_of(a->type);
    if (!row) FAIL(err, STRIA_UNSUPPORTED, "NumPy has no element type for ONNX type %d", a->type);
    text header = {0};
    *bytes = (size_t)row->size;
    text_printf(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (", row->descr);
    for (int i = 0; i < a->rank; i++) {
        *bytes *= (size_t)a->shape[i];
        text_printf(&header, i ? ", %lld" : "%lld", (long long)a->shape[i]);
    }
    text_printf(&header, "%s), }", a->rank == 1 ? "," : "");
    while ((10 + header.length + 1) % 64 && !header.failed) text_append(&header, " ", 1);
    text_append(&header, "\n", 1);
    uint8_t prefix[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)header.length, (uint8_t)(header.length >> 8)};
    stria_status status = text_check(&header, err);
    if (status == STRIA_OK) {
        text_append(out, (const char *)prefix, sizeof prefix);
        text_append(out, header.data, header.length);
        status = text_check(out, err);
    }
    text_release(&header);
    return status;
}

stria_status npy_write(const char *path, const npy_array *a, stria_error *err) {
    text header = {0};
    size_t bytes;
    file_writer *w = NULL;
    stria_status status = npy_header(a, &header, &bytes, err);
    if (status == STRIA_UNSUPPORTED) error_prefix(err, "%s: ", path);
    TRY_DONE(status);
    TRY_DONE(file_writer_open(&w, path, err));
    TRY_DONE(file_writer_write(w, header.data, header.length, err));
    TRY_DONE(file_writer_write(w, a->data, bytes, err));
    status = file_writer_commit(w, err);
    w = NULL;
done:
    file_writer_abort(w);
    text_release(&header);
    return status;
}

/* ---- values ---- */

/* IEEE 754 binary16. */
static float half_value(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023, bits;
    if (exponent == 0) {
        float tiny = (float)fraction * 0x1p-24f;
        return sign ? -tiny : tiny;
    }
    bits = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool npy_integer(const npy_array *a, int64_t i, int64_t *out) {
    const type_row *row = row_of(a->type);
    if (!row || row->descr[1] == 'f') return false;
    uint64_t raw = 0;
    memcpy(&raw, (const uint8_t *)a->data + i * row->size, (size_t)row->size);
    int unused = 64 - 8 * row->size;
    if (row->descr[1] == 'i') *out = (int64_t)(raw << unused) >> unused; /* extends the sign */
    else *out = (int64_t)raw;
    return row->descr[1] == 'i' || raw <= INT64_MAX;
}

static float float_value(const npy_array *a, int64_t i) {
    double wide;
    uint16_t half;
    int64_t integer = 0;
    if (a->type == STRIA_FLOAT64) {
        memcpy(&wide, (const uint8_t *)a->data + (size_t)i * sizeof wide, sizeof wide);
        return (float)wide;
    }
    if (a->type == STRIA_FLOAT16) {
        memcpy(&half, (const uint8_t *)a->data + (size_t)i * sizeof half, sizeof half);
        return half_value(half);
    }
    return npy_integer(a, i, &integer) ? (float)integer : (float)(uint64_t)integer;
}

stria_status npy_to_float(npy_array *a, stria_error *err) {
    if (a->type == STRIA_FLOAT32) return STRIA_OK;
    const type_row *row = row_of(a->type);
    if (!row) FAIL(err, STRIA_UNSUPPORTED, "ONNX type %d does not turn into float32", a->type);
    /* An element is read before its place is overwritten when it is not narrower than a float. */
    uint8_t *to = a->data;
    if (row->size < 4) TRY(mem_new(&to, (size_t)a->count, sizeof(float), "an array in float32", err));
    for (int64_t i = 0; i < a->count; i++) {
        float value = float_value(a, i);
        memcpy(to + (size_t)i * sizeof value, &value, sizeof value);
    }
    if ((void *)to != a->data) mem_free(a->data);
    a->data = to;
    a->type = STRIA_FLOAT32;
    a->bytes = (size_t)a->count * sizeof(float);
    return STRIA_OK;
}

/* One picture's elements of `size` bytes: [pixels][channels] → [channels][pixels]. */
static void planes_split(const uint8_t *from, uint8_t *to, size_t pixels, size_t channels, size_t size) {
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < pixels; i++, to += size) memcpy(to, from + (i * channels + c) * size, size);
}

stria_status npy_channels_first(npy_array *a, stria_error *err) {
    uint8_t *to;
    if (a->rank != 4)
        FAIL(err, STRIA_BAD_SHAPE, "an array of %d dimensions, not [n, height, width, channels]", a->rank);
    const int64_t channels = a->shape[3];
    TRY(mem_new(&to, a->bytes + 1, 1, "an array with its channels first", err));
    size_t image = a->shape[0] ? a->bytes / (size_t)a->shape[0] : 0, pixels = (size_t)(a->shape[1] * a->shape[2]);
    size_t size = a->count ? a->bytes / (size_t)a->count : 0;
    for (int64_t n = 0; n < a->shape[0] && a->count; n++)
        planes_split((const uint8_t *)a->data + (size_t)n * image, to + (size_t)n * image, pixels, (size_t)channels,
                     size);
    mem_free(a->data);
    a->data = to;
    a->shape[3] = a->shape[2];
    a->shape[2] = a->shape[1];
    a->shape[1] = channels;
    return STRIA_OK;
}
