#include "model/onnx/attribute.h"

#include "base/text.h"

#include <string.h>

/* By attr_kind: the standard's word for it, for sentences and for the discriminator. */
static const struct {
    Onnx__AttributeProto__AttributeType type;
    const char *word;
} kinds[] = {
    [ATTR_INT] = {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, "an integer"},
    [ATTR_FLOAT] = {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, "a float"},
    [ATTR_STRING] = {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, "a string"},
    [ATTR_INTS] = {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, "a list of integers"},
    [ATTR_FLOATS] = {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, "a list of floats"},
    [ATTR_STRINGS] = {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS, "a list of strings"},
    [ATTR_TENSOR] = {ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR, "a tensor"},
};

static void *field_at(void *attributes, const attr_field *f) {
    return (char *)attributes + f->offset;
}

const Onnx__AttributeProto *onnx_attribute_find(const Onnx__NodeProto *n, const char *name) {
    for (size_t i = 0; i < n->n_attribute; i++)
        if (n->attribute[i]->name && strcmp(n->attribute[i]->name, name) == 0) return n->attribute[i];
    return NULL;
}

/* ---- reading ---- */

/* Files of the first IR version have no discriminator; there, what is present counts. */
static bool holds(const Onnx__AttributeProto *p, attr_kind kind) {
    if (p->has_type && p->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED) return p->type == kinds[kind].type;
    switch (kind) {
    case ATTR_INT:
        return p->has_i;
    case ATTR_FLOAT:
        return p->has_f;
    case ATTR_STRING:
        return p->has_s;
    case ATTR_INTS:
        return p->n_ints > 0;
    case ATTR_FLOATS:
        return p->n_floats > 0;
    case ATTR_STRINGS:
        return p->n_strings > 0;
    case ATTR_TENSOR:
        return p->t != NULL;
    }
    return false;
}

static stria_status text_decode(const attr_field *f, const ProtobufCBinaryData *from, const char **out, arena *a,
                                stria_error *err) {
    char *copy = arena_alloc(a, from->len + 1);
    if (!copy) FAIL(err, STRIA_NO_MEMORY, "not enough memory for attribute '%s'", f->name);
    if (from->len) memcpy(copy, from->data, from->len);
    if (strlen(copy) != from->len) FAIL(err, STRIA_BAD_FILE, "attribute '%s' is not text", f->name);
    *out = copy;
    return STRIA_OK;
}

static stria_status texts_decode(const attr_field *f, const Onnx__AttributeProto *p, strings *out, arena *a,
                                 stria_error *err) {
    const char **words = arena_alloc(a, (p->n_strings + 1) * sizeof *words);
    if (!words) FAIL(err, STRIA_NO_MEMORY, "not enough memory for attribute '%s'", f->name);
    for (size_t i = 0; i < p->n_strings; i++) TRY(text_decode(f, &p->strings[i], &words[i], a, err));
    *out = (strings){(int64_t)p->n_strings, words};
    return STRIA_OK;
}

static stria_status field_decode(const attr_field *f, void *to, const Onnx__AttributeProto *p, external_files *files,
                                 arena *a, stria_error *err) {
    if (!holds(p, f->kind)) FAIL(err, STRIA_BAD_FILE, "attribute '%s' is not %s", f->name, kinds[f->kind].word);
    switch (f->kind) {
    case ATTR_INT:
        *(int64_t *)to = p->i;
        return STRIA_OK;
    case ATTR_FLOAT:
        *(float *)to = p->f;
        return STRIA_OK;
    case ATTR_INTS:
        *(ints *)to = (ints){(int64_t)p->n_ints, p->ints};
        return STRIA_OK;
    case ATTR_FLOATS:
        *(floats *)to = (floats){(int64_t)p->n_floats, p->floats};
        return STRIA_OK;
    case ATTR_STRING:
        return text_decode(f, &p->s, to, a, err);
    case ATTR_STRINGS:
        return texts_decode(f, p, to, a, err);
    case ATTR_TENSOR:
        break;
    }
    tensor_release(*(tensor **)to);
    *(tensor **)to = NULL;
    if (!p->t) FAIL(err, STRIA_BAD_FILE, "attribute '%s' is not a tensor", f->name);
    return onnx_tensor_decode(to, p->t, files, err);
}

static const attr_field *field_find(const op_def *op, const char *name) {
    for (const attr_field *f = op->fields; f->name; f++)
        if (strcmp(f->name, name) == 0) return f;
    return NULL;
}

static stria_status unknown(const op_def *op, const char *name, stria_error *err) {
    const char *names[64];
    int n = 0;
    for (const attr_field *f = op->fields; f->name && n < 64; f++) names[n++] = f->name;
    const char *nearest = text_nearest(name, names, n);
    FAIL(err, STRIA_UNSUPPORTED, "attribute '%s' is not known%s%s%s", name, nearest ? "; the nearest is '" : "",
         nearest ? nearest : "", nearest ? "'" : "");
}

static stria_status fields_decode(const op_def *op, void *attributes, const Onnx__NodeProto *n, external_files *files,
                                  arena *a, stria_error *err) {
    for (size_t i = 0; i < n->n_attribute; i++) {
        const Onnx__AttributeProto *p = n->attribute[i];
        const char *name = p->name ? p->name : "";
        const attr_field *f = field_find(op, name);
        if (!f) return unknown(op, name, err);
        if (p->ref_attr_name && *p->ref_attr_name)
            FAIL(err, STRIA_UNSUPPORTED, "attribute '%s' refers to a function's attribute", name);
        TRY(field_decode(f, field_at(attributes, f), p, files, a, err));
    }
    for (const attr_field *f = op->fields; f->name; f++)
        if (f->required && !onnx_attribute_find(n, f->name))
            FAIL(err, STRIA_BAD_FILE, "attribute '%s' is missing", f->name);
    return STRIA_OK;
}

stria_status onnx_attributes_decode(const op_def *op, void *attributes, const Onnx__NodeProto *n, external_files *files,
                                    arena *a, stria_error *err) {
    TRY(attributes_default(op, attributes, a, err));
    stria_status status = fields_decode(op, attributes, n, files, a, err);
    if (status != STRIA_OK) onnx_attributes_release(op, attributes);
    return status;
}

void onnx_attributes_release(const op_def *op, void *attributes) {
    for (const attr_field *f = op->fields; f->name; f++)
        if (f->kind == ATTR_TENSOR) {
            tensor_release(*(tensor **)field_at(attributes, f));
            *(tensor **)field_at(attributes, f) = NULL;
        }
}

/* ---- writing ---- */

static bool tensor_encode(Onnx__AttributeProto *p, const tensor *t, arena *a) {
    int64_t *dims = arena_alloc(a, sizeof *dims * RANK_MAX);
    p->t = arena_alloc(a, sizeof *p->t);
    if (!dims || !p->t) return false;
    onnx_tensor_encode(p->t, t, NULL, dims);
    return true;
}

static bool texts_encode(Onnx__AttributeProto *p, const strings *from, arena *a) {
    p->n_strings = (size_t)from->count;
    p->strings = arena_alloc(a, (p->n_strings + 1) * sizeof *p->strings);
    for (size_t i = 0; p->strings && i < p->n_strings; i++)
        p->strings[i] = (ProtobufCBinaryData){strlen(from->value[i]), (uint8_t *)(uintptr_t)from->value[i]};
    return p->strings != NULL;
}

static bool field_encode(Onnx__AttributeProto *p, const attr_field *f, const void *from, arena *a) {
    onnx__attribute_proto__init(p);
    p->name = (char *)(uintptr_t)f->name;
    p->has_type = 1;
    p->type = kinds[f->kind].type;
    switch (f->kind) {
    case ATTR_INT:
        p->has_i = 1, p->i = *(const int64_t *)from;
        break;
    case ATTR_FLOAT:
        p->has_f = 1, p->f = *(const float *)from;
        break;
    case ATTR_STRING:
        p->has_s = 1;
        p->s.data = (uint8_t *)(uintptr_t) * (const char *const *)from;
        p->s.len = strlen((const char *)p->s.data);
        break;
    case ATTR_INTS:
        p->n_ints = (size_t)((const ints *)from)->count;
        p->ints = (int64_t *)(uintptr_t)((const ints *)from)->value;
        break;
    case ATTR_FLOATS:
        p->n_floats = (size_t)((const floats *)from)->count;
        p->floats = (float *)(uintptr_t)((const floats *)from)->value;
        break;
    case ATTR_STRINGS:
        return texts_encode(p, from, a);
    case ATTR_TENSOR:
        return tensor_encode(p, *(tensor *const *)from, a);
    }
    return true;
}

/* The value that stands for "not given" where a field has no default: zero, none, empty. */
static bool is_absent(const attr_field *f, const void *p) {
    switch (f->kind) {
    case ATTR_INT:
        return *(const int64_t *)p == 0;
    case ATTR_FLOAT:
        return *(const float *)p == 0;
    case ATTR_STRING:
        return !*(const char *const *)p;
    case ATTR_INTS:
        return ((const ints *)p)->count == 0;
    case ATTR_FLOATS:
        return ((const floats *)p)->count == 0;
    case ATTR_STRINGS:
        return ((const strings *)p)->count == 0;
    case ATTR_TENSOR:
        return !*(tensor *const *)p;
    }
    return true;
}

/* Returns true if one field differs from its default: compared by an operator of that one field. */
static bool is_default(const op_def *op, const attr_field *f, const void *attributes, const void *defaults) {
    attr_field one[2] = {*f, {0}};
    op_def single = *op;
    single.fields = one;
    if (f->required) return false;
    return f->standard ? attributes_equal(&single, attributes, defaults)
                       : is_absent(f, (const char *)attributes + f->offset);
}

/* Written even at their default, as PyTorch does: several programs do not know it. */
static bool is_spelt(const op_def *op, const attr_field *f) {
    static const char *const pairs[][2] = {{"Resize", "mode"},
                                           {"Resize", "coordinate_transformation_mode"},
                                           {"Resize", "nearest_mode"},
                                           {"Pad", "mode"},
                                           {"DepthToSpace", "mode"},
                                           {"Conv", "group"},
                                           {"ConvTranspose", "group"},
                                           {"Softmax", "axis"},
                                           {"LogSoftmax", "axis"},
                                           {"Flatten", "axis"},
                                           {"LayerNormalization", "axis"},
                                           {"LayerNormalization", "epsilon"},
                                           {"BatchNormalization", "epsilon"},
                                           {"BatchNormalization", "momentum"},
                                           {"InstanceNormalization", "epsilon"},
                                           {"LeakyRelu", "alpha"},
                                           {"Elu", "alpha"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(op->name, pairs[i][0]) == 0 && strcmp(f->name, pairs[i][1]) == 0) return true;
    return false;
}

stria_status onnx_attributes_encode(const op_def *op, const void *attributes, Onnx__AttributeProto ***list,
                                    size_t *count, arena *a, stria_error *err) {
    size_t n = 0;
    for (const attr_field *f = op->fields; f->name; f++) n++;
    void *defaults = arena_alloc(a, op->attribute_bytes + 1);
    Onnx__AttributeProto **p = arena_alloc(a, sizeof *p * (n + 1));
    if (!defaults || !p) FAIL(err, STRIA_NO_MEMORY, "not enough memory for attributes");
    TRY(attributes_default(op, defaults, a, err));
    *count = 0;
    for (const attr_field *f = op->fields; f->name; f++) {
        if (is_default(op, f, attributes, defaults) && !is_spelt(op, f)) continue;
        if (!(p[*count] = arena_alloc(a, sizeof **p)) ||
            !field_encode(p[*count], f, (const char *)attributes + f->offset, a))
            FAIL(err, STRIA_NO_MEMORY, "not enough memory for attribute '%s'", f->name);
        ++*count;
    }
    *list = p;
    return STRIA_OK;
}
