#include "model/onnx/tensor.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/onnx/onnx.h"
#include "model/onnx/wire.h"

#include <inttypes.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data lies in the file as it lies in memory");

/* TensorProto.DataType's names, for those that are refused. */
static const char *const type_names[] = {
    "undefined", "float32",    "uint8",      "int8",         "uint16",         "int16",      "int32",
    "int64",     "string",     "bool",       "float16",      "float64",        "uint32",     "uint64",
    "complex64", "complex128", "bfloat16",   "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz",
    "uint4",     "int4",       "float4e2m1", "float8e8m0",   "uint2",          "int2",
};

stria_status onnx_type(int32_t onnx, dtype *out, const char *what, const char *name, stria_error *err) {
    const int known = (int)(sizeof type_names / sizeof *type_names);
    if (onnx <= 0 || onnx >= known || !dtype_bytes((dtype)onnx))
        FAIL(err, STRIA_UNSUPPORTED, "%s '%s' has elements of type %s (%d), which Stria does not compute with", what,
             name, onnx >= 0 && onnx < known ? type_names[onnx] : "unknown", (int)onnx);
    *out = (dtype)onnx;
    return STRIA_OK;
}

/* ---- where the elements are ---- */

/* count elements of type `stored` at data, or in another file; TensorProto keeps small types one to an int32. */
typedef struct elements {
    const void *data;
    size_t count;
    dtype stored;
    bool external;
    uint64_t offset; /* in the file of external data that is open */
} elements;

static elements typed_elements(const Onnx__TensorProto *p, dtype type) {
    if (type == STRIA_FLOAT32) return (elements){p->float_data, p->n_float_data, type, false, 0};
    if (type == STRIA_FLOAT64) return (elements){p->double_data, p->n_double_data, type, false, 0};
    if (type == STRIA_INT64) return (elements){p->int64_data, p->n_int64_data, type, false, 0};
    if (type == STRIA_UINT32 || type == STRIA_UINT64)
        return (elements){p->uint64_data, p->n_uint64_data, STRIA_UINT64, false, 0};
    return (elements){p->int32_data, p->n_int32_data, STRIA_INT32, false, 0};
}

/* Opens the file of external data and finds the tensor's place in it. */
static stria_status external_place(const Onnx__TensorProto *p, external_files *files, const char *name, uint64_t *place,
                                   size_t *bytes, stria_error *err) {
    const char *location = "";
    int64_t offset = 0, length = -1;
    for (size_t i = 0; i < p->n_external_data; i++) {
        const char *key = p->external_data[i]->key, *value = p->external_data[i]->value;
        bool good = key && value;
        if (good && strcmp(key, "location") == 0) location = value;
        else if (good && strcmp(key, "offset") == 0) good = text_to_int(value, &offset);
        else if (good && strcmp(key, "length") == 0) good = text_to_int(value, &length) && length >= 0;
        if (!good) FAIL(err, STRIA_BAD_FILE, "tensor '%s' has a corrupt place of external data", name);
    }
    if (!files) FAIL(err, STRIA_UNSUPPORTED, "tensor '%s' lies in another file, '%s'", name, location);
    external_file *file;
    TRY(external_open(&file, files, location, name, err));
    if (offset < 0 || (uint64_t)offset > file->size ||
        (length >= 0 && (uint64_t)length > file->size - (uint64_t)offset))
        FAIL(err, STRIA_BAD_FILE, "tensor '%s': %" PRId64 " bytes from byte %" PRId64 " are outside '%s' (%zu bytes)",
             name, length, offset, location, file->size);
    *place = (uint64_t)offset;
    *bytes = length < 0 ? file->size - (size_t)offset : (size_t)length;
    file->used += *bytes;
    if (file->used / 2 > file->size)
        FAIL(err, STRIA_BAD_FILE, "tensor '%s': the tensors in '%s' overlap", name, location);
    return STRIA_OK;
}

/* Finds the elements and checks that there are exactly `count`. */
static stria_status elements_find(const Onnx__TensorProto *p, dtype type, int64_t count, external_files *files,
                                  const char *name, elements *out, stria_error *err) {
    bool external = p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    size_t bytes = p->raw_data.len;
    uint64_t place = 0;
    if (external) TRY(external_place(p, files, name, &place, &bytes, err));
    bool raw = external || bytes > 0;
    if (raw) *out = (elements){external ? NULL : p->raw_data.data, bytes / dtype_bytes(type), type, external, place};
    else *out = typed_elements(p, type);
    bool whole = !raw || bytes % dtype_bytes(type) == 0;
    char text[192];
    shape s = shape_of((int)p->n_dims, p->dims);
    if (!whole || out->count != (uint64_t)count)
        FAIL(err, STRIA_BAD_FILE, "tensor '%s' of shape %s needs %" PRId64 " elements, the file has %s%zu", name,
             shape_text(&s, text), count, whole ? "" : "more than ", out->count);
    return STRIA_OK;
}

/* ---- conversion ---- */

/* 16-bit floats stored one to an int32 are bit patterns. */
static void bits_narrow(uint16_t *dst, const int32_t *src, size_t count) {
    for (size_t i = 0; i < count; i++) dst[i] = (uint16_t)src[i];
}

static void bool_normalize(uint8_t *x, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] = x[i] != 0;
}

static stria_status elements_store(tensor *t, const elements *e, const external_files *files, const char *name,
                                   stria_error *err) {
    if (!e->count) return STRIA_OK;
    bool half = t->type == STRIA_FLOAT16 || t->type == STRIA_BFLOAT16;
    if (e->external) TRY(external_read(files, name, e->offset, t->data, t->bytes, err));
    else if (e->stored == t->type) memcpy(t->data, e->data, t->bytes);
    else if (half) bits_narrow(t->data, e->data, e->count);
    else {
        int64_t *wide = NULL;
        TRY(mem_new(&wide, e->count, sizeof *wide, "a tensor", err));
        convert_to_i64(wide, e->data, e->stored, (int64_t)e->count);
        convert_from_i64(t->data, t->type, wide, (int64_t)e->count);
        mem_free(wide);
    }
    if (t->type == STRIA_BOOL) bool_normalize(t->data, e->count);
    return STRIA_OK;
}

stria_status onnx_tensor_decode(tensor **out, const Onnx__TensorProto *p, external_files *files, stria_error *err) {
    const char *name = p->name ? p->name : "";
    dtype type;
    TRY(onnx_type(p->data_type, &type, "tensor", name, err));
    if (p->segment) FAIL(err, STRIA_UNSUPPORTED, "tensor '%s' is stored in segments", name);
    if (p->n_dims > RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "tensor '%s' has %zu dimensions, at most %d are possible", name, p->n_dims,
             RANK_MAX);
    shape s = shape_of((int)p->n_dims, p->dims);
    int64_t count = shape_count(&s);
    char text[192];
    if (count < 0) FAIL(err, STRIA_BAD_FILE, "tensor '%s' has the impossible shape %s", name, shape_text(&s, text));
    elements e;
    TRY(elements_find(p, type, count, files, name, &e, err));
    tensor *t;
    TRY(tensor_raw(&t, type, &s, name, err));
    stria_status status = elements_store(t, &e, files, name, err);
    if (status == STRIA_OK) *out = t;
    else tensor_release(t);
    return status;
}

void onnx_tensor_encode(Onnx__TensorProto *p, const tensor *t, const char *name, int64_t *dims) {
    onnx__tensor_proto__init(p);
    memcpy(dims, t->shape.dim, sizeof *dims * (size_t)t->shape.rank);
    p->n_dims = (size_t)t->shape.rank;
    p->dims = dims;
    p->has_data_type = p->has_raw_data = 1;
    p->data_type = (int32_t)t->type;
    p->name = (char *)(uintptr_t)name;
    p->raw_data = (ProtobufCBinaryData){t->bytes, t->data};
}

stria_status onnx_read_tensor(tensor **out, char **name, const uint8_t *data, size_t size, stria_error *err) {
    Onnx__TensorProto *p;
    TRY(wire_unpack(&onnx__tensor_proto__descriptor, data, size, &p, err));
    tensor *t = NULL;
    stria_status status = onnx_tensor_decode(&t, p, NULL, err);
    char *copy = status == STRIA_OK && name ? mem_strdup(p->name ? p->name : "") : NULL;
    if (status == STRIA_OK && name && !copy) status = error_set(err, STRIA_NO_MEMORY, "not enough memory for a name");
    wire_free(p);
    if (status != STRIA_OK) {
        tensor_release(t);
        return status;
    }
    *out = t;
    if (name) *name = copy;
    return STRIA_OK;
}

stria_status onnx_write_tensor(const tensor *t, const char *name, text *out, stria_error *err) {
    Onnx__TensorProto p;
    int64_t dims[RANK_MAX];
    onnx_tensor_encode(&p, t, name, dims);
    return wire_pack(&p.base, "the tensor takes", out, err);
}
