/* ONNX → graph. The file is decoded, its functions are expanded (function.c), it is searched (scan.c), its initialisers
 * become tensors once, and then the graph is built node by node; a second time with larger open dimensions if the first
 * did not fit. */
#include "model/onnx/importer.h"
#include "model/onnx/onnx.h"

#include "base/file.h"
#include "model/onnx/wire.h"

#include <stdio.h>
#include <string.h>

#define METADATA_MAX   1000
#define NOMINAL_LARGER 224 /* for networks whose pictures may have any size, but not 1 × 1 */

/* ---- names ---- */

/* Bytes of a UTF-8 sequence at s, 0 if there is none that may be shown. */
static int utf8_length(const unsigned char *s) {
    static const unsigned least[] = {0, 0x20, 0x80, 0x800, 0x10000};
    int n = s[0] < 0x80                   ? 1
            : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
            : (s[0] & 0xf0) == 0xe0       ? 3
            : (s[0] & 0xf8) == 0xf0       ? 4
                                          : 0;
    unsigned code = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if (!n || code < least[n] || code > 0x10ffff || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000))
        return 0;
    return n;
}

/* A copy in which everything that is not printable UTF-8 is '?'. */
static char *printable(arena *a, const char *name) {
    char *copy = arena_strdup(a, name);
    for (char *s = copy; s && *s;) {
        int n = utf8_length((const unsigned char *)s);
        if (!n) *s = '?';
        s += n ? n : 1;
    }
    return copy;
}

/* The counter makes this linear, however many names collide. */
#define FRESH_NAME(find)                                                                                               \
    char *safe = printable(&im->arena, *name ? name : "?");                                                            \
    const char *fresh = safe;                                                                                          \
    while (fresh && find(im->g, fresh)) fresh = arena_printf(&im->arena, "%s_%d", safe, ++im->fresh);                  \
    return fresh

const char *import_value_name(importer *im, const char *name) {
    FRESH_NAME(graph_find_value);
}
const char *import_node_name(importer *im, const char *name) {
    FRESH_NAME(graph_find_node);
}

/* ---- the model ---- */

stria_status opset_among(Onnx__OperatorSetIdProto *const *list, size_t count, int64_t standard, int64_t *out,
                         stria_error *err) {
    *out = standard;
    for (size_t i = 0; i < count; i++)
        if (!name_given(list[i]->domain) || strcmp(list[i]->domain, "ai.onnx") == 0) *out = list[i]->version;
    if (*out < OPSET_OLDEST || *out > OPSET_NEWEST)
        FAIL(err, STRIA_UNSUPPORTED, "opset %lld; Stria reads %d to %d", (long long)*out, OPSET_OLDEST, OPSET_NEWEST);
    return STRIA_OK;
}

static stria_status initializers_decode(importer *im, stria_error *err) {
    for (int i = 0; i < im->definition_count; i++) {
        definition *d = &im->definitions[i];
        if (d->kind != FROM_INITIALIZER || !d->used) continue;
        Onnx__TensorProto *p = im->file->initializer[d->index];
        TRY(onnx_tensor_decode(&d->data, p, &im->files, err));
        if ((size_t)d->index >= im->file_tensors) continue; /* a branch's, which may be expanded twice */
        mem_free(p->raw_data.data);                         /* it is the model's largest part, and copied */
        p->raw_data = (ProtobufCBinaryData){0, NULL};
    }
    external_files_release(&im->files);
    return STRIA_OK;
}

/* ---- inputs and outputs ---- */

static stria_status input_symbol(importer *im, value *v, int i, const char *name, stria_error *err) {
    if (name_given(name)) v->symbol[i] = printable(&im->g->arena, name);
    else if (i == 0) v->symbol[i] = "batch";
    else v->symbol[i] = arena_printf(&im->g->arena, "%s_%d", v->name, i);
    if (!v->symbol[i]) FAIL(err, STRIA_NO_MEMORY, "not enough memory for input '%s'", v->name);
    return STRIA_OK;
}

static stria_status input_type(const Onnx__ValueInfoProto *p, const Onnx__TypeProto__Tensor **out, dtype *type,
                               stria_error *err) {
    const Onnx__TypeProto *t = p->type;
    if (t && (t->has_sequence_type || t->has_map_type || t->has_optional_type || t->has_sparse_tensor_type))
        FAIL(err, STRIA_UNSUPPORTED, "input '%s' is not a tensor but a sequence, map, optional or sparse tensor",
             p->name);
    if (!t || !t->tensor_type) FAIL(err, STRIA_BAD_FILE, "input '%s' has no type", p->name);
    *out = t->tensor_type;
    TRY(onnx_type(t->tensor_type->elem_type, type, "input", p->name, err));
    if (!t->tensor_type->shape) FAIL(err, STRIA_UNSUPPORTED, "input '%s' may have any number of dimensions", p->name);
    if (t->tensor_type->shape->n_dim > RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "input '%s' has %zu dimensions, at most %d are possible", p->name,
             t->tensor_type->shape->n_dim, RANK_MAX);
    return STRIA_OK;
}

static bool dimension_open(const Onnx__TensorShapeProto__Dimension *d) {
    return name_given(d->dim_param) || d->dim_value <= 0;
}

static bool is_input(const importer *im, const char *name) {
    const definition *d = definition_find(im, name);
    return d && (d->kind == FROM_INPUT || d->optional);
}

/* Which contents belong to which input. */
static stria_status given_match(importer *im, stria_error *err) {
    const onnx_known *k = &im->known;
    int position = 0, next = 0;
    TRY(mem_new(&im->given, im->file->n_input + 1, sizeof *im->given, "the model's inputs", err));
    for (int i = 0; i < im->definition_count; i++) {
        const definition *d = &im->definitions[i];
        int *given = &im->given[position];
        if (d->kind != FROM_INPUT) continue;
        *given = !k->names && position < k->count ? position : -1;
        for (int c = 0; k->names && c < k->count && *given < 0; c++)
            if (k->contents[c] && strcmp(k->names[c], d->name) == 0) *given = c;
        while (k->names && *given < 0 && next < k->count && (!k->contents[next] || is_input(im, k->names[next])))
            next++;
        if (k->names && *given < 0 && next < k->count) *given = next++;
        if (*given >= 0 && !k->contents[*given]) *given = -1;
        position++;
    }
    return STRIA_OK;
}

/* A constant of the type that the file says: NumPy makes int64 of what should be int32. */
static stria_status import_given(importer *im, definition *d, const tensor *known, dtype type, stria_error *err) {
    tensor *t;
    if (known->type == type)
        return import_constant(im, d->name, tensor_retain((tensor *)(uintptr_t)known), &d->value, err);
    TRY(tensor_new(&t, type, &known->shape, d->name, err));
    int64_t count = shape_count(&known->shape);
    for (int64_t i = 0; i < count; i++) tensor_put(t, i, tensor_f64(known, i));
    return import_constant(im, d->name, t, &d->value, err);
}

/* The size that a user gives dimension i, which the file leaves open; -1: none. */
static int64_t given_size(importer *im, const definition *d, const Onnx__TensorShapeProto__Dimension *dim, int i,
                          const tensor *known, int rank) {
    char symbol[300];
    int64_t size = -1;
    snprintf(symbol, sizeof symbol, "%s_%d", d->name, i);
    const char *called = name_given(dim->dim_param) ? dim->dim_param : i ? symbol : "batch";
    if (known && known->shape.rank == rank && !(i == 0 && im->known.keep_batch)) size = known->shape.dim[i];
    if (dims_find(im->known.dims, called, d->name, i, &size, &im->used)) return size;
    return size;
}

/* position: among the inputs that are not initialisers. */
static stria_status import_input(importer *im, definition *d, int position, stria_error *err) {
    const Onnx__ValueInfoProto *p = im->file->input[d->index];
    tensor *known = im->given[position] >= 0 ? im->known.contents[im->given[position]] : NULL;
    const Onnx__TypeProto__Tensor *t;
    dtype type;
    if (known && d->decides && !im->known.names) {
        im->known.fixed[im->given[position]] = true;
        return import_constant(im, p->name, tensor_retain(known), &d->value, err);
    }
    TRY(input_type(p, &t, &type, err));
    if (known && d->decides) {
        im->known.fixed[im->given[position]] = true;
        return import_given(im, d, known, type, err);
    }
    shape s = {.rank = (int)t->shape->n_dim};
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = !dimension_open(t->shape->dim[i]) ? t->shape->dim[i]->dim_value : i ? im->nominal : im->first;
    bool closed[RANK_MAX] = {false};
    if (known && !im->known.names)
        s = known->shape; /* whatever the file says: what does not fit, an operator refuses */
    for (int i = 0; i < s.rank && (!known || im->known.names); i++) {
        int64_t size = dimension_open(t->shape->dim[i]) ? given_size(im, d, t->shape->dim[i], i, known, s.rank) : -1;
        closed[i] = size >= 0;
        if (closed[i]) s.dim[i] = size;
    }
    char text[192];
    if (shape_count(&s) < 0)
        FAIL(err, STRIA_BAD_FILE, "input '%s' has the impossible shape %s", p->name, shape_text(&s, text));
    const char *name = import_value_name(im, p->name);
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for input '%s'", p->name);
    TRY(graph_add_input(im->g, name, type, &s, &d->value, err));
    for (int i = 0; i < s.rank && (!known || im->known.names); i++)
        if (!closed[i] && dimension_open(t->shape->dim[i]))
            TRY(input_symbol(im, d->value, i, t->shape->dim[i]->dim_param, err));
    return STRIA_OK;
}

static bool has_open_sizes(const graph *g) {
    for (int i = 0; i < g->input_count; i++)
        for (int k = 1; k < g->inputs[i]->shape.rank; k++)
            if (g->inputs[i]->symbol[k]) return true;
    return false;
}

stria_status import_initializer(importer *im, definition *d, stria_error *err) {
    if (!d->used || d->value) return STRIA_OK;
    const char *name = import_value_name(im, d->name);
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for tensor '%s'", d->name);
    if (d->role == ROLE_NONE) TRY(graph_add_constant(im->g, name, d->data, &d->value, err));
    else TRY(graph_add_state(im->g, name, d->role, d->data, &d->value, err));
    d->value->optional = d->optional && !d->decides && !im->all_fixed;
    return STRIA_OK;
}

/* ---- metadata ---- */

static stria_status import_metadata(importer *im, stria_error *err) {
    if (im->model->n_metadata_props > METADATA_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "%zu entries of metadata are too many", im->model->n_metadata_props);
    for (size_t i = 0; i < im->model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *e = im->model->metadata_props[i];
        const char *key = e->key ? printable(&im->arena, e->key) : "", *text = e->value ? e->value : "";
        if (!key) FAIL(err, STRIA_NO_MEMORY, "not enough memory for metadata");
        TRY(graph_set_metadata(im->g, key, text, err));
    }
    return STRIA_OK;
}

static const char *metadata_find(const importer *im, const char *key) {
    for (size_t i = 0; i < im->model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *e = im->model->metadata_props[i];
        if (e->key && e->value && strcmp(e->key, key) == 0) return e->value;
    }
    return "";
}

/* The next name of a list with commas, copied; NULL at the end or without memory. */
static char *list_next(importer *im, const char **list) {
    size_t n = strcspn(*list, ",");
    char *name = n ? arena_alloc(&im->arena, n + 1) : NULL;
    if (name) memcpy(name, *list, n);
    *list += n + ((*list)[n] == ',');
    return name;
}

static void roles_from_metadata(importer *im, const char *key, value_role role) {
    const char *list = metadata_find(im, key);
    while (*list) {
        definition *d = definition_find(im, list_next(im, &list));
        if (d && d->kind == FROM_INITIALIZER && dtype_is_float((dtype)im->file->initializer[d->index]->data_type))
            d->role = role;
    }
}

static void freeze_from_metadata(importer *im) {
    const char *list = metadata_find(im, "stria.frozen");
    while (*list) {
        definition *d = definition_find(im, list_next(im, &list));
        if (d && d->value && d->value->kind == VALUE_STATE) d->value->frozen = true;
    }
}

/* ---- the whole ---- */

static stria_status build(importer *im, stria_error *err) {
    const char *name = printable(&im->arena, name_given(im->file->name) ? im->file->name : "graph");
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a graph");
    int inputs = 0;
    TRY(graph_new(&im->g, name, err));
    for (int i = 0; i < im->definition_count; i++) {
        if (im->definitions[i].kind == FROM_INPUT) TRY(import_input(im, &im->definitions[i], inputs++, err));
        bool own = im->definitions[i].kind == FROM_INITIALIZER && (size_t)im->definitions[i].index < im->file_tensors;
        if (own) TRY(import_initializer(im, &im->definitions[i], err));
    }
    for (size_t i = 0; i < im->file->n_node; i++) {
        int k = im->order[i];
        bool taken;
        if (im->opsets) im->opset = im->opsets[k];
        TRY(branch_taken(im, k, &taken, err));
        if (taken) TRY(import_node(im, im->file->node[k], err));
    }
    for (size_t i = 0; i < im->file->n_output; i++) {
        const definition *d = definition_find(im, im->file->output[i]->name);
        if (!d || !d->value) FAIL(err, STRIA_BAD_FILE, "output '%s' is not computed", im->file->output[i]->name);
        TRY(graph_add_output(im->g, d->value, NULL, err));
    }
    TRY(import_metadata(im, err));
    freeze_from_metadata(im);
    return STRIA_OK;
}

stria_status import_again(importer *im, int64_t first, int64_t nominal, stria_error *err) {
    graph_free(im->g);
    im->g = NULL;
    im->first = first;
    im->nominal = nominal;
    for (int i = 0; i < im->definition_count; i++) im->definitions[i].value = NULL;
    return build(im, err);
}

static stria_status build_twice(importer *im, stria_error *err) {
    stria_error again;
    stria_status status = import_again(im, 1, 1, err);
    if (status == STRIA_OK || status == STRIA_NO_MEMORY || !im->g || !has_open_sizes(im->g)) return status;
    stria_status larger = import_again(im, 1, NOMINAL_LARGER, &again);
    if (larger == STRIA_NO_MEMORY) FAIL(err, larger, "%s", again.text);
    return larger == STRIA_OK ? STRIA_OK : status;
}

static bool has_optional(const importer *im) {
    for (int i = 0; i < im->definition_count; i++)
        if (im->definitions[i].optional) return true;
    return false;
}

static stria_status import(importer *im, stria_error *err) {
    im->file = im->model->graph;
    if (!im->file) FAIL(err, STRIA_BAD_FILE, "it holds no graph");
    if (im->file->n_sparse_initializer) FAIL(err, STRIA_UNSUPPORTED, "sparse initialisers are not supported");
    if (!im->file->n_output) FAIL(err, STRIA_BAD_FILE, "its graph has no outputs");
    TRY(opset_among(im->model->opset_import, im->model->n_opset_import, 1, &im->opset, err));
    im->file_tensors = im->file->n_initializer;
    TRY(functions_expand(im, err));
    TRY(scan_definitions(im, err));
    TRY(scan_order(im, err));
    scan_roles(im);
    scan_shapes(im);
    TRY(given_match(im, err));
    roles_from_metadata(im, "stria.parameters", ROLE_PARAMETER);
    roles_from_metadata(im, "stria.statistics", ROLE_STATISTIC);
    TRY(initializers_decode(im, err));
    stria_status status = build_twice(im, err);
    if (status != STRIA_OK && status != STRIA_NO_MEMORY && has_optional(im)) {
        im->all_fixed = true; /* an operator may need contents that shape rules do not */
        status = build_twice(im, err);
    }
    if (im->known.used) *im->known.used = im->used;
    return status == STRIA_OK ? branches_check(im, err) : status;
}

static void importer_release(importer *im) {
    for (int i = 0; i < im->definition_count; i++) tensor_release(im->definitions[i].data);
    external_files_release(&im->files);
    mem_free(im->definitions);
    mem_free(im->slots);
    mem_free(im->order);
    mem_free(im->opsets);
    mem_free(im->given);
    branches_free(im);
    wire_free(im->model);
    arena_release(&im->arena);
}

stria_status onnx_bytes_check(uint64_t bytes, const char *what, const char *advice, stria_error *err) {
    char have[32], most[32];
    if (bytes <= ONNX_BYTES_MAX) return STRIA_OK;
    FAIL(err, STRIA_BAD_FILE, "%s %s bytes, an ONNX file holds at most %s%s", what,
         text_thousands((int64_t)bytes, have), text_thousands((int64_t)ONNX_BYTES_MAX, most), advice);
}

stria_status onnx_size_check(const char *path, stria_error *err) {
    stria_status status =
        onnx_bytes_check(file_bytes(path), "it has", ": save the model with its weights as external data", err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    return status;
}

stria_status onnx_read(graph **out, const uint8_t *data, size_t size, const char *file_name, stria_error *err) {
    return onnx_read_known(out, data, size, file_name, NULL, err);
}

stria_status onnx_read_known(graph **out, const uint8_t *data, size_t size, const char *file_name,
                             const onnx_known *known, stria_error *err) {
    importer im = {.known = known ? *known : (onnx_known){0},
                   .files = {.model_file = file_name, .none = known && known->no_files},
                   .graph_bytes = wire_budget(size)};
    arena_init(&im.arena);
    stria_status status = wire_unpack(&onnx__model_proto__descriptor, data, size, &im.model, err);
    if (status == STRIA_BAD_FILE) error_prefix(err, "not an ONNX model, or a damaged one: ");
    if (status == STRIA_OK) status = import(&im, err);
    if (status == STRIA_OK) *out = im.g;
    else {
        graph_free(im.g);
        error_prefix(err, "%s: ", file_name ? file_name : "ONNX model");
        if (status == STRIA_BAD_ARGUMENT) status = STRIA_BAD_FILE; /* the file's words, not the caller's */
        if (err) err->status = status;
    }
    importer_release(&im);
    return status;
}
