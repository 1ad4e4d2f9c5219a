/* Arrays: files in, files out, other types. */
#include "api/api.h"
#include "base/file.h"
#include "base/text.h"
#include "data/npz.h"
#include "model/onnx/onnx.h"

#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

static stria_status pb_parse(const uint8_t *data, size_t size, stria_array *out, stria_error *err) {
    tensor *t;
    TRY(onnx_read_tensor(&t, NULL, data, size, err));
    *out = (stria_array){.type = t->type, .rank = t->shape.rank, .data = t->data, .bytes = t->bytes};
    memcpy(out->shape, t->shape.dim, sizeof out->shape);
    t->data = NULL; /* now the caller's */
    tensor_release(t);
    return STRIA_OK;
}

static stria_status pb_read(const char *path, stria_array *out, stria_error *err) {
    uint8_t *data;
    size_t size;
    TRY(onnx_size_check(path, err));
    TRY(file_read_named(path, ONNX_BYTES_MAX, &data, &size, err));
    stria_status status = pb_parse(data, size, out, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", file_name_shown(path));
    mem_free(data);
    return status;
}

/* Takes the data over. */
static stria_array array_of(const npy_array *a) {
    stria_array array = {.type = (stria_type)a->type, .rank = a->rank, .data = a->data, .bytes = a->bytes};
    memcpy(array.shape, a->shape, sizeof array.shape);
    return array;
}

/* The only array of a file that may hold several. */
static stria_status only_array(const char *path, stria_array *out, stria_error *err) {
    stria_named_array *list;
    int count;
    TRY(stria_arrays_read(path, &list, &count, err));
    stria_status status = STRIA_OK;
    if (count != 1) status = error_set(err, STRIA_BAD_FILE, "%s: expected one array, it holds %d", path, count);
    else {
        *out = list[0].array;
        list[0].array = (stria_array){0};
    }
    stria_arrays_release(list, count);
    return status;
}

stria_status stria_array_read(const char *path, stria_array *out, stria_error *err) {
    npy_array a;
    if (text_ends(path, ".pb")) return pb_read(path, out, err);
    bool named = text_ends(path, ".npy"); /* also a pipe of that name */
    if (!named && (text_ends(path, ".npz") || file_is_stream(path))) return only_array(path, out, err);
    TRY(npy_read_named(path, &a, err));
    *out = array_of(&a);
    return STRIA_OK;
}

/* Takes the members over, also on failure. */
static stria_status npz_take(npz_member *members, int members_count, stria_named_array **out, int *count,
                             stria_error *err) {
    stria_named_array *list;
    stria_status status = mem_new(&list, (size_t)members_count + 1, sizeof *list, "arrays", err);
    if (status == STRIA_OK) {
        for (int i = 0; i < members_count; i++) {
            snprintf(list[i].name, sizeof list[i].name, "%s", members[i].name);
            list[i].array = array_of(&members[i].array);
            members[i].array = (npy_array){0};
        }
        *out = list;
        *count = members_count;
    }
    npz_release(members, members_count);
    return status;
}

/* Takes the array over, also on failure. */
static stria_status one_take(stria_array *array, stria_named_array **out, int *count, stria_error *err) {
    stria_status status = mem_new(out, 1, sizeof **out, "an array", err);
    if (status != STRIA_OK) {
        stria_array_release(array);
        return status;
    }
    (*out)->array = *array;
    *count = 1;
    return STRIA_OK;
}

static bool begins(const uint8_t *data, size_t size, const char *magic) {
    size_t n = strlen(magic);
    return size >= n && memcmp(data, magic, n) == 0;
}

/* The name of a pipe does not tell the format, the first bytes do. */
static stria_status bytes_take(const uint8_t *data, size_t size, stria_named_array **out, int *count,
                               stria_error *err) {
    npz_member *members;
    npy_array a;
    stria_array array;
    int members_count;
    if (begins(data, size, "PK")) {
        TRY(npz_parse(data, size, &members, &members_count, err));
        return npz_take(members, members_count, out, count, err);
    }
    if (begins(data, size, "\x93NUMPY")) {
        TRY(npy_parse(data, size, &a, err));
        array = array_of(&a);
    } else {
        TRY(pb_parse(data, size, &array, err));
    }
    return one_take(&array, out, count, err);
}

static stria_status stream_take(const char *path, stria_named_array **out, int *count, stria_error *err) {
    uint8_t *data;
    size_t size;
    TRY(file_read_named(path, 0, &data, &size, err));
    stria_status status = size ? bytes_take(data, size, out, count, err)
                               : error_set(err, STRIA_BAD_FILE, "it is empty, an array is expected");
    if (status != STRIA_OK) error_prefix(err, "%s: ", file_name_shown(path));
    mem_free(data);
    return status;
}

stria_status stria_arrays_read(const char *path, stria_named_array **out, int *count, stria_error *err) {
    npz_member *members;
    stria_array array;
    int members_count;
    bool known = text_ends(path, ".npy") || text_ends(path, ".pb");
    if (text_ends(path, ".npz")) {
        TRY(npz_read(path, &members, &members_count, err));
        return npz_take(members, members_count, out, count, err);
    }
    if (!known && file_is_stream(path)) return stream_take(path, out, count, err);
    TRY(stria_array_read(path, &array, err));
    return one_take(&array, out, count, err);
}

void stria_arrays_release(stria_named_array *arrays, int count) {
    for (int i = 0; arrays && i < count; i++) stria_array_release(&arrays[i].array);
    mem_free(arrays);
}

/* ---- writing ---- */

/* `bytes` must match the shape, because this many bytes are read. */
static stria_status array_check(const stria_array *a, stria_error *err) {
    if (dtype_bytes(a->type) == 0) FAIL(err, STRIA_BAD_ARGUMENT, "an array cannot be of type %d", (int)a->type);
    if (a->rank < 0 || a->rank > STRIA_RANK_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "an array's rank %d is not in 0 to %d", a->rank, STRIA_RANK_MAX);
    shape s = shape_of(a->rank, a->shape);
    TRY(shape_check(&s, a->type, err, "the array"));
    size_t bytes = (size_t)shape_bytes(&s, a->type);
    if (bytes != a->bytes || (bytes && !a->data))
        FAIL(err, STRIA_BAD_SHAPE, "an array's shape needs %zu bytes, %zu are given", bytes, a->data ? a->bytes : 0);
    return STRIA_OK;
}

stria_status stria_array_write(const char *path, const stria_array *array, stria_error *err) {
    npy_array a = {.type = (int)array->type, .rank = array->rank, .data = array->data};
    stria_array wide = {0};
    TRY(array_check(array, err));
    if (array->type == STRIA_BFLOAT16 ||
        dtype_is_float8(array->type)) { /* NumPy has no such types; float32 holds all */
        TRY(stria_array_convert(array, STRIA_FLOAT32, &wide, err));
        a.type = (int)wide.type;
        a.data = wide.data;
    }
    memcpy(a.shape, array->shape, sizeof a.shape);
    stria_status status = npy_write(path, &a, err);
    stria_array_release(&wide);
    return status;
}

stria_status stria_array_channels_first(const stria_array *array, stria_array *out, stria_error *err) {
    TRY(array_check(array, err));
    npy_array a = {.type = (int)array->type, .rank = array->rank, .bytes = array->bytes};
    memcpy(a.shape, array->shape, sizeof a.shape);
    a.count = (int64_t)(array->bytes / dtype_bytes(array->type));
    TRY(mem_new(&a.data, array->bytes + 1, 1, "an array", err));
    memcpy(a.data, array->data, array->bytes);
    stria_status status = npy_channels_first(&a, err);
    if (status == STRIA_OK) *out = array_of(&a);
    else npy_release(&a);
    return status;
}

stria_status stria_tensor_write(const char *path, const char *name, const stria_array *array, stria_error *err) {
    text bytes = {0};
    TRY(array_check(array, err));
    const tensor t = {
        .type = array->type, .shape = shape_of(array->rank, array->shape), .data = array->data, .bytes = array->bytes};
    stria_status status = onnx_write_tensor(&t, name, &bytes, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    else status = file_write(path, bytes.data, bytes.length, err);
    text_release(&bytes);
    return status;
}

/* ---- types ---- */

stria_status stria_array_convert(const stria_array *array, stria_type type, stria_array *out, stria_error *err) {
    TRY(array_check(array, err));
    if (dtype_bytes(type) == 0) FAIL(err, STRIA_BAD_ARGUMENT, "an array cannot be of type %d", (int)type);
    int64_t count = (int64_t)(array->bytes / dtype_bytes(array->type));
    stria_array made = *array;
    void *wide = NULL;
    made.type = type;
    shape s = shape_of(array->rank, array->shape);
    TRY(shape_check(&s, type, err, "the array"));
    made.bytes = (size_t)shape_bytes(&s, type);
    stria_status status = STRIA_OK;
    made.data = NULL;
    TRY_DONE(mem_new(&made.data, made.bytes + 1, 1, "an array", err));
    TRY_DONE(mem_new(&wide, (size_t)count + 1, sizeof(double), "an array", err));
    bool from_real = dtype_is_float(array->type) || dtype_is_float8(array->type);
    bool to_real = dtype_is_float(type) || dtype_is_float8(type);
    if (from_real || (to_real && (array->type == STRIA_UINT64 || dtype_is_float8(type)))) {
        convert_to_f64(wide, array->data, array->type, count);
        convert_from_f64(made.data, type, wide, count);
    } else {
        convert_to_i64(wide, array->data, array->type, count);
        convert_from_i64(made.data, type, wide, count);
    }
    *out = made;
done:
    mem_free(wide);
    if (status != STRIA_OK) mem_free(made.data);
    return status;
}

void stria_array_release(stria_array *a) {
    mem_free(a->data);
    *a = (stria_array){0};
}
