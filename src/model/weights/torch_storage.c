#include "model/weights/torch_storage.h"

#include <stdlib.h>
#include <string.h>

static int key_compare(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int storage_compare(const void *a, const void *b) {
    const torch_storage *x = a, *y = b;
    return key_compare(x->key, x->key_length, y->key, y->key_length);
}

void torch_storages_sort(torch_storages *s) {
    if (s->count) qsort(s->items, (size_t)s->count, sizeof *s->items, storage_compare);
}

torch_storage *torch_storages_find(const torch_storages *s, const char *key, size_t length) {
    torch_storage wanted = {.key = (const uint8_t *)key, .key_length = length};
    return s->count ? bsearch(&wanted, s->items, (size_t)s->count, sizeof wanted, storage_compare) : NULL;
}

void torch_storages_release(torch_storages *s) {
    for (int i = 0; i < s->count; i++) mem_free(s->items[i].owned);
    mem_free(s->items);
    *s = (torch_storages){0};
}

dtype torch_type(const pickle_value *global) {
    static const struct {
        dtype type;
        const char *storage, *name;
    } types[] = {{STRIA_FLOAT32, "torch.FloatStorage", "torch.float32"},
                 {STRIA_FLOAT64, "torch.DoubleStorage", "torch.float64"},
                 {STRIA_FLOAT16, "torch.HalfStorage", "torch.float16"},
                 {STRIA_BFLOAT16, "torch.BFloat16Storage", "torch.bfloat16"},
                 {STRIA_INT64, "torch.LongStorage", "torch.int64"},
                 {STRIA_INT32, "torch.IntStorage", "torch.int32"},
                 {STRIA_INT16, "torch.ShortStorage", "torch.int16"},
                 {STRIA_INT8, "torch.CharStorage", "torch.int8"},
                 {STRIA_UINT8, "torch.ByteStorage", "torch.uint8"},
                 {STRIA_BOOL, "torch.BoolStorage", "torch.bool"},
                 {STRIA_UINT16, "", "torch.uint16"},
                 {STRIA_UINT32, "", "torch.uint32"},
                 {STRIA_UINT64, "", "torch.uint64"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (pickle_is(global, PICKLE_GLOBAL, types[i].storage) || pickle_is(global, PICKLE_GLOBAL, types[i].name))
            return types[i].type;
    return 0;
}

static stria_status numbers(const pickle_value *tuple, int64_t *out, const char *what, const char *name,
                            stria_error *err) {
    for (int i = 0; i < tuple->count; i++) {
        const pickle_value *v = tuple->items[i];
        if (v->kind != PICKLE_INT || v->integer < 0)
            FAIL(err, STRIA_BAD_FILE, "tensor '%s': its %s is not a list of sizes", name, what);
        out[i] = v->integer;
    }
    return STRIA_OK;
}

/* Strides of dimensions of one element reach nowhere, and may be any number: they are 0 here. */
static void strides_settle(const shape *s, int64_t *stride) {
    for (int d = 0; d < s->rank; d++)
        if (s->dim[d] == 1) stride[d] = 0;
}

/* The last element that the view reaches, counted from its first; −1: none, since it is empty; INT64_MAX: too far. */
static int64_t view_end(const shape *s, const int64_t *stride) {
    int64_t end = 0;
    for (int d = 0; d < s->rank; d++) {
        if (s->dim[d] == 0) return -1;
        end = size_add(end, size_mul(s->dim[d] - 1, stride[d]));
    }
    return end;
}

static bool is_dense(const shape *s, const int64_t *stride) {
    int64_t expected = 1;
    for (int d = s->rank - 1; d >= 0; d--) {
        if (s->dim[d] != 1 && stride[d] != expected) return false;
        expected *= s->dim[d];
    }
    return true;
}

static void view_copy(uint8_t *to, const uint8_t *from, const shape *s, const int64_t *stride, size_t each) {
    int64_t at[RANK_MAX] = {0}, count = shape_count(s), place = 0;
    for (int64_t i = 0; i < count; i++) {
        memcpy(to + (size_t)i * each, from + (size_t)place * each, each);
        for (int d = s->rank - 1; d >= 0; d--) {
            place += stride[d];
            if (++at[d] < s->dim[d]) break;
            place -= at[d] * stride[d];
            at[d] = 0;
        }
    }
}

/* Any other byte is true, too, and is 1 here. */
static void truths_settle(uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) bytes[i] = bytes[i] != 0;
}

stria_status torch_view(weights *w, const torch_storage *from, dtype type, int64_t offset, const pickle_value *size,
                        const pickle_value *stride, const char *name, tensor **out, stria_error *err) {
    shape s = {.rank = size->count};
    int64_t strides[RANK_MAX], each = (int64_t)dtype_bytes(type), elements = (int64_t)(from->bytes / (uint64_t)each);
    char text[192];
    if (s.rank > RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "tensor '%s' has %d dimensions, at most %d are possible", name, s.rank, RANK_MAX);
    if (stride->count != s.rank)
        FAIL(err, STRIA_BAD_FILE, "tensor '%s' has %d dimensions and %d strides", name, s.rank, stride->count);
    TRY(numbers(size, s.dim, "size", name, err));
    TRY(numbers(stride, strides, "stride", name, err));
    TRY(shape_check(&s, type, err, "tensor '%s'", name));
    strides_settle(&s, strides);
    int64_t end = view_end(&s, strides);
    if (offset < 0 || (end >= 0 && (size_add(end, offset) >= elements)))
        FAIL(err, STRIA_BAD_FILE, "tensor '%s': %s %s at element %lld is outside of its storage of %lld", name,
             dtype_name(type), shape_text(&s, text), (long long)offset, (long long)elements);
    stria_status status = weights_charge(w, (uint64_t)shape_bytes(&s, type), err);
    if (status != STRIA_OK) {
        error_prefix(err, "tensor '%s': ", name);
        return status;
    }
    TRY(tensor_raw(out, type, &s, name, err));
    if (end < 0) return STRIA_OK; /* empty, at whatever offset */
    const uint8_t *first = from->data + offset * each;
    if (is_dense(&s, strides)) memcpy((*out)->data, first, (*out)->bytes);
    else view_copy((*out)->data, first, &s, strides, (size_t)each);
    if (type == STRIA_BOOL) truths_settle((*out)->data, (*out)->bytes);
    return STRIA_OK;
}
