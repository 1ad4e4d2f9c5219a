#include "model/safetensors.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors lie in the file as they lie in memory");

#define HEADER_MAX     ((uint64_t)100 * 1000 * 1000) /* as the reference implementation limits it */
#define LENGTH_BYTES   8
#define DATA_ALIGNMENT 64 /* of the first tensor in the file; the header is padded with spaces */

static const struct {
    dtype type;
    const char *name;
} dtypes[] = {
    {STRIA_FLOAT64, "F64"},
    {STRIA_FLOAT32, "F32"},
    {STRIA_FLOAT16, "F16"},
    {STRIA_BFLOAT16, "BF16"},
    {STRIA_INT64, "I64"},
    {STRIA_INT32, "I32"},
    {STRIA_INT16, "I16"},
    {STRIA_INT8, "I8"},
    {STRIA_UINT64, "U64"},
    {STRIA_UINT32, "U32"},
    {STRIA_UINT16, "U16"},
    {STRIA_UINT8, "U8"},
    {STRIA_BOOL, "BOOL"},
    {STRIA_FLOAT8E4M3FN, "F8_E4M3"},
    {STRIA_FLOAT8E4M3FNUZ, "F8_E4M3FNUZ"},
    {STRIA_FLOAT8E5M2, "F8_E5M2"},
    {STRIA_FLOAT8E5M2FNUZ, "F8_E5M2FNUZ"},
    {STRIA_FLOAT8E8M0, "F8_E8M0"},
};
#define DTYPES (int)(sizeof dtypes / sizeof *dtypes)

/* ---- reading ---- */

typedef struct span {
    uint64_t begin, end;
} span;

static stria_status entry_type(const json_t *o, const char *name, dtype *out, stria_error *err) {
    const char *text = json_string_value(json_object_get(o, "dtype"));
    for (int i = 0; text && i < DTYPES; i++)
        if (strcmp(text, dtypes[i].name) == 0) {
            *out = dtypes[i].type;
            return STRIA_OK;
        }
    FAIL(err, text ? STRIA_UNSUPPORTED : STRIA_BAD_FILE, "tensor '%s': dtype '%s' is not known", name,
         text ? text : "");
}

static stria_status entry_shape(const json_t *o, const char *name, shape *out, stria_error *err) {
    const json_t *dims = json_object_get(o, "shape");
    if (!json_is_array(dims)) FAIL(err, STRIA_BAD_FILE, "tensor '%s' has no shape", name);
    size_t rank = json_array_size(dims);
    if (rank > RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "tensor '%s' has %zu dimensions, at most %d are possible", name, rank, RANK_MAX);
    *out = (shape){.rank = (int)rank};
    for (size_t i = 0; i < rank; i++) {
        const json_t *d = json_array_get(dims, i);
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            FAIL(err, STRIA_BAD_FILE, "tensor '%s': dimension %zu is not a size", name, i);
        out->dim[i] = json_integer_value(d);
    }
    return STRIA_OK;
}

static stria_status entry_span(const json_t *o, const char *name, uint64_t available, span *out, stria_error *err) {
    const json_t *offsets = json_object_get(o, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        FAIL(err, STRIA_BAD_FILE, "tensor '%s' has no data_offsets", name);
    json_int_t b = json_integer_value(begin), e = json_integer_value(end);
    if (b < 0 || e < b || (uint64_t)e > available)
        FAIL(err, STRIA_BAD_FILE, "tensor '%s': bytes %lld to %lld are outside the file's %llu", name, (long long)b,
             (long long)e, (unsigned long long)available);
    *out = (span){(uint64_t)b, (uint64_t)e};
    return STRIA_OK;
}

/* What the header says of one tensor. */
typedef struct place {
    dtype type;
    shape shape;
    span span;
} place;

static stria_status place_decode(place *p, const char *name, const json_t *o, uint64_t available, stria_error *err) {
    char text[192];
    TRY(entry_type(o, name, &p->type, err));
    TRY(entry_shape(o, name, &p->shape, err));
    TRY(entry_span(o, name, available, &p->span, err));
    int64_t count = shape_count(&p->shape);
    uint64_t bytes = p->span.end - p->span.begin, each = dtype_bytes(p->type);
    if (count < 0 || (uint64_t)count > bytes / each || (uint64_t)count * each != bytes)
        FAIL(err, STRIA_BAD_FILE, "tensor '%s': %s %s does not take %llu bytes", name, dtype_name(p->type),
             shape_text(&p->shape, text), (unsigned long long)bytes);
    return STRIA_OK;
}

static stria_status entry_fill(safetensors_entry *e, const char *name, const place *p, const uint8_t *data,
                               stria_error *err) {
    uint64_t bytes = p->span.end - p->span.begin;
    if (!(e->name = mem_strdup(name))) FAIL(err, STRIA_NO_MEMORY, "not enough memory for tensor '%s'", name);
    TRY(tensor_raw(&e->data, p->type, &p->shape, name, err));
    if (bytes) memcpy(e->data->data, data + p->span.begin, (size_t)bytes);
    return STRIA_OK;
}

static stria_status metadata_decode(safetensors *out, const json_t *o, stria_error *err) {
    if (!o || json_is_null(o)) return STRIA_OK;
    if (!json_is_object(o)) FAIL(err, STRIA_BAD_FILE, "__metadata__ is not an object");
    TRY(mem_new(&out->metadata, json_object_size(o) + 1, sizeof *out->metadata, "metadata", err));
    const char *key;
    json_t *text;
    json_object_foreach((json_t *)(uintptr_t)o, key, text) {
        if (!json_is_string(text)) FAIL(err, STRIA_BAD_FILE, "metadata '%s' is not a string", key);
        safetensors_pair *p = &out->metadata[out->metadata_count++];
        p->key = mem_strdup(key);
        p->value = mem_strdup(json_string_value(text));
        if (!p->key || !p->value) FAIL(err, STRIA_NO_MEMORY, "not enough memory for metadata '%s'", key);
    }
    return STRIA_OK;
}

static int span_compare(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The tensors must tile the data: two that overlap, or unused bytes, are signs of a forged file. */
static stria_status spans_check(span *spans, int n, uint64_t available, stria_error *err) {
    uint64_t at = 0;
    qsort(spans, (size_t)n, sizeof *spans, span_compare);
    for (int i = 0; i < n; at = spans[i++].end)
        if (spans[i].begin != at)
            FAIL(err, STRIA_BAD_FILE, "tensors %s at byte %llu of the data",
                 spans[i].begin < at ? "overlap" : "leave a hole", (unsigned long long)at);
    if (at != available)
        FAIL(err, STRIA_BAD_FILE, "the tensors take %llu bytes, the file has %llu", (unsigned long long)at,
             (unsigned long long)available);
    return STRIA_OK;
}

static bool is_metadata(const char *name) {
    return strcmp(name, "__metadata__") == 0;
}

/* Looks at every tensor before memory is taken for any: entries that share bytes could ask for far more than the file
 * has. */
static stria_status header_check(const json_t *header, uint64_t available, stria_error *err) {
    stria_status status = STRIA_OK;
    span *spans = NULL;
    int n = 0;
    const char *name;
    json_t *o;
    TRY(mem_new(&spans, json_object_size(header) + 1, sizeof *spans, "a safetensors header", err));
    json_object_foreach((json_t *)(uintptr_t)header, name, o) {
        place p;
        if (is_metadata(name)) continue;
        TRY_DONE(place_decode(&p, name, o, available, err));
        spans[n++] = p.span;
    }
    status = spans_check(spans, n, available, err);
done:
    mem_free(spans);
    return status;
}

static stria_status header_decode(safetensors *out, const json_t *header, const uint8_t *data, uint64_t available,
                                  stria_error *err) {
    const char *name;
    json_t *o;
    TRY(header_check(header, available, err));
    TRY(mem_new(&out->entries, json_object_size(header) + 1, sizeof *out->entries, "a safetensors header", err));
    TRY(metadata_decode(out, json_object_get(header, "__metadata__"), err));
    json_object_foreach((json_t *)(uintptr_t)header, name, o) {
        place p;
        if (is_metadata(name)) continue;
        TRY(place_decode(&p, name, o, available, err));
        TRY(entry_fill(&out->entries[out->entry_count++], name, &p, data, err));
    }
    return STRIA_OK;
}

static uint64_t header_length(const uint8_t *data) {
    uint64_t n = 0;
    for (int i = 0; i < LENGTH_BYTES; i++) n |= (uint64_t)data[i] << (8 * i);
    return n;
}

/* A header of real tensors nests three deep and spends some bytes on each item; one that is all brackets and commas
 * would take thirty times its size as JSON values. */
static bool header_plausible(const uint8_t *text, uint64_t length) {
    uint64_t items = 0, depth = 0;
    bool quoted = false;
    for (uint64_t i = 0; i < length; i++) {
        uint8_t c = text[i];
        if (c == '\\' && quoted) i++;
        else if (c == '"') quoted = !quoted;
        if (quoted) continue;
        if (c == '{' || c == '[') depth++;
        if ((c == '}' || c == ']') && depth) depth--;
        items += c == '{' || c == '[' || c == ',';
        if (depth > 3) return false;
    }
    return items <= length / 4 + 16;
}

/* Blanks may stand before the brace. */
static bool header_begins(const uint8_t *text, uint64_t length) {
    uint64_t i = 0;
    while (i < length && (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t')) i++;
    return i < length && text[i] == '{';
}

stria_status safetensors_decode(safetensors *out, const uint8_t *data, size_t size, stria_error *err) {
    safetensors file = {0};
    if (size < LENGTH_BYTES + 2) FAIL(err, STRIA_BAD_FILE, "%zu bytes are too few for a safetensors file", size);
    uint64_t length = header_length(data);
    if (length > HEADER_MAX || length > size - LENGTH_BYTES || !header_begins(data + LENGTH_BYTES, length))
        FAIL(err, STRIA_BAD_FILE, "not a safetensors file: its header would take %llu of %zu bytes",
             (unsigned long long)length, size);
    if (!header_plausible(data + LENGTH_BYTES, length))
        FAIL(err, STRIA_BAD_FILE, "its header does not describe tensors");
    json_error_t why;
    json_t *header = json_loadb((const char *)data + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!header && (json_error_code(&why) == json_error_out_of_memory || !*why.text)) /* not said of the first buffer */
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for its header");
    if (!header) FAIL(err, STRIA_BAD_FILE, "its header is not JSON: %s at byte %d", why.text, why.position);
    size_t start = LENGTH_BYTES + (size_t)length;
    stria_status status = header_decode(&file, header, data + start, size - start, err);
    json_decref(header);
    if (status == STRIA_OK) *out = file;
    else safetensors_release(&file);
    return status;
}

stria_status safetensors_read(safetensors *out, const char *path, stria_error *err) {
    uint8_t *data;
    size_t size;
    TRY(file_read(path, 0, &data, &size, err));
    stria_status status = safetensors_decode(out, data, size, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    mem_free(data);
    return status;
}

void safetensors_release(safetensors *file) {
    for (int i = 0; i < file->entry_count; i++) {
        mem_free((void *)(uintptr_t)file->entries[i].name);
        tensor_release(file->entries[i].data);
    }
    for (int i = 0; i < file->metadata_count; i++) {
        mem_free((void *)(uintptr_t)file->metadata[i].key);
        mem_free((void *)(uintptr_t)file->metadata[i].value);
    }
    mem_free(file->entries);
    mem_free(file->metadata);
    *file = (safetensors){0};
}

tensor *safetensors_find(const safetensors *file, const char *name) {
    for (int i = 0; i < file->entry_count; i++)
        if (strcmp(file->entries[i].name, name) == 0) return file->entries[i].data;
    return NULL;
}

const char *safetensors_metadata(const safetensors *file, const char *key) {
    for (int i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    return NULL;
}

/* ---- writing ---- */

static const char *type_name(dtype type) {
    for (int i = 0; i < DTYPES; i++)
        if (dtypes[i].type == type) return dtypes[i].name;
    return NULL;
}

static json_t *entry_header(const tensor *t, uint64_t begin) {
    json_t *dims = json_array();
    for (int i = 0; dims && i < t->shape.rank; i++) json_array_append_new(dims, json_integer(t->shape.dim[i]));
    if (json_array_size(dims) != (size_t)t->shape.rank) { /* no memory on the way */
        json_decref(dims);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", type_name(t->type), "shape", dims, "data_offsets",
                     (json_int_t)begin, (json_int_t)begin + (json_int_t)t->bytes);
}

/* Takes the member over, also when it fails; NULL, jansson had no memory for it. */
static stria_status member_add(json_t *object, const char *name, json_t *member, stria_error *err) {
    bool twice = json_object_get(object, name) != NULL;
    if (member && !twice && json_object_set_new_nocheck(object, name, member) == 0) return STRIA_OK;
    if (twice) json_decref(member);
    if (twice) FAIL(err, STRIA_BAD_ARGUMENT, "'%s' stands twice in a safetensors file", name);
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for a safetensors header");
}

/* Without overlong forms and surrogates. jansson checks too, but says no more than that something failed. */
static bool is_utf8(const char *text) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (const uint8_t *p = (const uint8_t *)text; *p; p++) {
        int more = *p < 0x80 ? 0 : *p < 0xc0 ? -1 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : *p < 0xf8 ? 3 : -1;
        if (more < 0) return false;
        uint32_t c = more ? *p & (0x3fu >> more) : *p;
        for (int i = 0; i < more; i++) {
            if ((*++p & 0xc0) != 0x80) return false;
            c = c << 6 | (*p & 0x3fu);
        }
        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return false;
    }
    return true;
}

static stria_status utf8_check(const char *what, const char *text, stria_error *err) {
    if (is_utf8(text)) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "%s of a safetensors file is not UTF-8: '%s'", what, text);
}

static stria_status header_build(const safetensors *file, json_t *header, stria_error *err) {
    json_t *metadata = json_object();
    uint64_t at = 0;
    if (!metadata || json_object_set_new(header, "__metadata__", metadata))
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for a safetensors header");
    for (int i = 0; i < file->metadata_count; i++) {
        const safetensors_pair *p = &file->metadata[i];
        TRY(utf8_check("a key", p->key, err));
        TRY(utf8_check("a value", p->value, err));
        TRY(member_add(metadata, p->key, json_string_nocheck(p->value), err));
    }
    for (int i = 0; i < file->entry_count; i++) {
        TRY(utf8_check("a name", file->entries[i].name, err));
        const tensor *t = file->entries[i].data;
        TRY(member_add(header, file->entries[i].name, entry_header(t, at), err));
        at += t->bytes;
    }
    return STRIA_OK;
}

static stria_status file_fill(file_writer *w, const safetensors *file, const char *header, stria_error *err) {
    static const char spaces[DATA_ALIGNMENT + 1] = "                                                                ";
    size_t length = strlen(header), padding = (size_t) - (LENGTH_BYTES + length) % DATA_ALIGNMENT;
    uint64_t total = length + padding;
    if (total > HEADER_MAX) FAIL(err, STRIA_BAD_ARGUMENT, "a safetensors header of %zu bytes is too long", length);
    TRY(file_writer_write(w, &total, LENGTH_BYTES, err));
    TRY(file_writer_write(w, header, length, err));
    TRY(file_writer_write(w, spaces, padding, err));
    for (int i = 0; i < file->entry_count; i++)
        TRY(file_writer_write(w, file->entries[i].data->data, file->entries[i].data->bytes, err));
    return STRIA_OK;
}

static int text_sink(const char *bytes, size_t length, void *out) {
    text_append(out, bytes, length);
    return 0;
}

stria_status safetensors_write_judged(const safetensors *file, const char *path, const file_judge *judge,
                                      stria_error *err) {
    stria_status status = STRIA_OK;
    file_writer *w = NULL;
    text t = {0};
    json_t *header = json_object();
    if (!header) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a safetensors header");
    TRY_DONE(header_build(file, header, err));
    if (json_dump_callback(header, text_sink, &t, JSON_COMPACT))
        TRY_DONE(error_set(err, STRIA_NO_MEMORY, "not enough memory for a safetensors header"));
    TRY_DONE(text_check(&t, err));
    TRY_DONE(file_writer_replace(&w, path, err));
    file_writer_ask(w, judge);
    TRY_DONE(file_fill(w, file, t.data, err));
    status = file_writer_commit(w, err);
    w = NULL;
done:
    file_writer_abort(w);
    text_release(&t);
    json_decref(header);
    return status;
}

stria_status safetensors_write(const safetensors *file, const char *path, stria_error *err) {
    return safetensors_write_judged(file, path, NULL, err);
}
