/* Attributes as data: the field table drives defaults, text, copying and equality. */
#include "base/text.h"
#include "graph/op_def.h"

#include <string.h>

static void *field_at(void *attributes, const attr_field *f) {
    return (char *)attributes + f->offset;
}
static const void *field_of(const void *attributes, const attr_field *f) {
    return (const char *)attributes + f->offset;
}

static stria_status no_memory(stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for attributes");
}

/* "1,2,3" → count numbers; each goes through put(index, text). */
static int64_t list_count(const char *text) {
    if (!*text) return 0;
    int64_t n = 1;
    for (; *text; text++) n += *text == ',';
    return n;
}

static stria_status number_parse(const char *item, size_t length, const char *name, double *real, int64_t *whole,
                                 stria_error *err) {
    char buffer[64];
    if (length < sizeof buffer) {
        memcpy(buffer, item, length);
        buffer[length] = 0;
        if (whole ? text_to_int(buffer, whole) : text_to_real(buffer, real)) return STRIA_OK;
    }
    FAIL(err, STRIA_BAD_ARGUMENT, "attribute '%s': '%.*s' is not %s number", name, (int)(length < 60 ? length : 60),
         item, whole ? "a whole" : "a");
}

static stria_status list_parse(const attr_field *f, void *to, const char *text, arena *a, stria_error *err) {
    int64_t n = list_count(text);
    size_t size = f->kind == ATTR_INTS ? sizeof(int64_t) : sizeof(float);
    void *data = arena_alloc(a, (size_t)n * size + 1);
    if (!data) return no_memory(err);
    for (int64_t i = 0; i < n; i++) {
        size_t length = strcspn(text, ",");
        double real = 0;
        if (f->kind == ATTR_INTS) TRY(number_parse(text, length, f->name, NULL, (int64_t *)data + i, err));
        else TRY(number_parse(text, length, f->name, &real, NULL, err));
        if (f->kind == ATTR_FLOATS) ((float *)data)[i] = (float)real;
        text += length + 1;
    }
    if (f->kind == ATTR_INTS) *(ints *)to = (ints){n, data};
    else *(floats *)to = (floats){n, data};
    return STRIA_OK;
}

/* "Sigmoid,Tanh" */
static stria_status words_parse(void *to, const char *text, arena *a, stria_error *err) {
    int64_t n = list_count(text);
    char **words = arena_alloc(a, ((size_t)n + 1) * sizeof *words);
    if (!words) return no_memory(err);
    for (int64_t i = 0; i < n; i++) {
        size_t length = strcspn(text, ",");
        if (!(words[i] = arena_alloc(a, length + 1))) return no_memory(err);
        memcpy(words[i], text, length);
        text += length + 1;
    }
    *(strings *)to = (strings){n, (const char *const *)words};
    return STRIA_OK;
}

static stria_status words_copy(strings *x, arena *a, stria_error *err) {
    const char **words = arena_alloc(a, ((size_t)x->count + 1) * sizeof *words);
    if (!words) return no_memory(err);
    for (int64_t i = 0; i < x->count; i++)
        if (!(words[i] = arena_strdup(a, x->value[i]))) return no_memory(err);
    x->value = words;
    return STRIA_OK;
}

static bool words_equal(const strings *x, const strings *y) {
    if (x->count != y->count) return false;
    for (int64_t i = 0; i < x->count; i++)
        if (strcmp(x->value[i], y->value[i]) != 0) return false;
    return true;
}

/* "int64:1,2,3" */
static stria_status tensor_from_text(const attr_field *f, tensor **to, const char *text, arena *a, stria_error *err) {
    const char *colon = strchr(text, ':');
    char *at = arena_strdup(a, text), *numbers = at + (colon ? colon - text + 1 : 0);
    if (!at) return no_memory(err);
    if (colon) numbers[-1] = 0;
    dtype type = colon ? dtype_from_name(at) : 0;
    if (!type)
        FAIL(err, STRIA_BAD_ARGUMENT, "attribute '%s' is a tensor: expected a type and its numbers, as in int64:1,2",
             f->name);
    int64_t n = list_count(numbers);
    tensor *t;
    TRY(tensor_new(&t, type, &(shape){1, {n}}, f->name, err));
    for (int64_t i = 0; i < n; i++) {
        size_t length = strcspn(numbers, ",");
        numbers[length] = 0;
        if (!tensor_parse(t, i, numbers)) {
            tensor_release(t);
            FAIL(err, STRIA_BAD_ARGUMENT, "attribute '%s': '%.60s' is not of type %s", f->name, numbers,
                 dtype_name(type));
        }
        numbers += length + 1;
    }
    tensor_release(*to);
    *to = t;
    return STRIA_OK;
}

static stria_status field_parse(const attr_field *f, void *to, const char *text, arena *a, stria_error *err) {
    double real;
    switch (f->kind) {
    case ATTR_INT:
        return number_parse(text, strlen(text), f->name, NULL, to, err);
    case ATTR_FLOAT:
        TRY(number_parse(text, strlen(text), f->name, &real, NULL, err));
        *(float *)to = (float)real;
        return STRIA_OK;
    case ATTR_STRING: {
        const char *copy = arena_strdup(a, text);
        if (!copy) return no_memory(err);
        *(const char **)to = copy;
        return STRIA_OK;
    }
    case ATTR_INTS:
    case ATTR_FLOATS:
        return list_parse(f, to, text, a, err);
    case ATTR_STRINGS:
        return words_parse(to, text, a, err);
    case ATTR_TENSOR:
        return tensor_from_text(f, to, text, a, err);
    }
    return STRIA_OK;
}

stria_status attributes_default(const op_def *op, void *attributes, arena *a, stria_error *err) {
    memset(attributes, 0, op->attribute_bytes);
    for (const attr_field *f = op->fields; f->name; f++)
        if (f->standard) TRY(field_parse(f, field_at(attributes, f), f->standard, a, err));
    return STRIA_OK;
}

stria_status attribute_set(const op_def *op, void *attributes, const char *name, const char *text, arena *a,
                           stria_error *err) {
    const char *names[64];
    int n = 0;
    for (const attr_field *f = op->fields; f->name; f++) {
        if (strcmp(f->name, name) == 0) return field_parse(f, field_at(attributes, f), text, a, err);
        if (n < 64) names[n++] = f->name;
    }
    const char *nearest = text_nearest(name, names, n);
    FAIL(err, STRIA_BAD_ARGUMENT, "%s has no attribute '%s'%s%s%s", op->name, name, nearest ? "; did you mean '" : "",
         nearest ? nearest : "", nearest ? "'?" : "");
}

stria_status attributes_copy(const op_def *op, void *to, const void *from, arena *a, stria_error *err) {
    if (op->attribute_bytes) memcpy(to, from, op->attribute_bytes);
    for (const attr_field *f = op->fields; f->name; f++) {
        void *p = field_at(to, f);
        if (f->kind == ATTR_STRING && *(const char **)p) {
            if (!(*(const char **)p = arena_strdup(a, *(const char **)p))) return no_memory(err);
        } else if (f->kind == ATTR_INTS) {
            ints *x = p;
            if (!(x->value = arena_copy(a, x->value, (size_t)x->count * sizeof *x->value))) return no_memory(err);
        } else if (f->kind == ATTR_FLOATS) {
            floats *x = p;
            if (!(x->value = arena_copy(a, x->value, (size_t)x->count * sizeof *x->value))) return no_memory(err);
        } else if (f->kind == ATTR_STRINGS) {
            TRY(words_copy(p, a, err));
        } else if (f->kind == ATTR_TENSOR) {
            tensor_retain(*(tensor **)p);
        }
    }
    return STRIA_OK;
}

void attributes_release(const op_def *op, void *attributes) {
    for (const attr_field *f = op->fields; f->name; f++)
        if (f->kind == ATTR_TENSOR) {
            tensor **t = field_at(attributes, f);
            tensor_release(*t);
            *t = NULL;
        }
}

static bool tensors_equal(const tensor *a, const tensor *b) {
    if (!a || !b) return a == b;
    return a->type == b->type && shape_equal(&a->shape, &b->shape) && memcmp(a->data, b->data, a->bytes) == 0;
}

static bool field_equal(const attr_field *f, const void *p, const void *q) {
    const ints *i = p, *j = q;
    const floats *x = p, *y = q;
    const char *s = "", *t = "";
    switch (f->kind) {
    case ATTR_INT:
        return *(const int64_t *)p == *(const int64_t *)q;
    case ATTR_FLOAT:
        return memcmp(p, q, sizeof(float)) == 0;
    case ATTR_STRING:
        if (*(const char *const *)p) s = *(const char *const *)p;
        if (*(const char *const *)q) t = *(const char *const *)q;
        return strcmp(s, t) == 0;
    case ATTR_INTS:
        return i->count == j->count && (!i->count || !memcmp(i->value, j->value, (size_t)i->count * 8));
    case ATTR_FLOATS:
        return x->count == y->count && (!x->count || !memcmp(x->value, y->value, (size_t)x->count * 4));
    case ATTR_STRINGS:
        return words_equal(p, q);
    case ATTR_TENSOR:
        return tensors_equal(*(tensor *const *)p, *(tensor *const *)q);
    }
    return false;
}

bool attributes_equal(const op_def *op, const void *a, const void *b) {
    for (const attr_field *f = op->fields; f->name; f++)
        if (!field_equal(f, field_of(a, f), field_of(b, f))) return false;
    return true;
}
