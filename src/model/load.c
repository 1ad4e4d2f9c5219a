#include "model/model.h"

#include "base/file.h"
#include "base/spec.h"
#include "base/text.h"
#include "data/catalog.h"
#include "model/dims.h"
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "model/weights/weights.h"
#include "model/zoo/zoo.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define NET_MAX ((size_t)64 << 20)

/* How a model file is read: one that the user named may be a pipe, one that was found in a folder may not. */
typedef stria_status (*reader)(const char *path, size_t max_bytes, uint8_t **data, size_t *size, stria_error *err);

static stria_status load_onnx(graph **out, const char *path, reader read, const onnx_known *known, stria_error *err) {
    uint8_t *data;
    size_t size;
    TRY(onnx_size_check(path, err));
    TRY(read(path, ONNX_BYTES_MAX, &data, &size, err));
    stria_status status = onnx_read_known(out, data, size, path, known, err);
    mem_free(data);
    return status;
}

/* A network that was just made says that nothing has trained it. */
static stria_status mark_untrained(graph *g, stria_error *err) {
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_STATE && g->values[i]->role == ROLE_PARAMETER && !g->values[i]->frozen)
            return graph_set_metadata(g, MODEL_WEIGHTS, MODEL_UNTRAINED, err);
    return STRIA_OK;
}

/* The same once it is built. */
static stria_status untrained(stria_status built, graph **out, stria_error *err) {
    if (built != STRIA_OK) return built;
    stria_status status = mark_untrained(*out, err);
    if (status == STRIA_OK) return STRIA_OK;
    graph_free(*out);
    *out = NULL;
    return status;
}

static stria_status load_net(graph **out, const char *path, uint64_t seed, stria_error *err) {
    uint8_t *data;
    size_t size;
    TRY(file_read_named(path, NET_MAX, &data, &size, err));
    stria_status status = untrained(net_read_file(out, (const char *)data, size, path, seed, err), out, err);
    mem_free(data);
    return status;
}

/* A .net file is text. Every ONNX file has control characters: its fields' tags and lengths. */
static bool is_text(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (data[i] < ' ' && data[i] != '\n' && data[i] != '\r' && data[i] != '\t') return false;
    return true;
}

/* A trained model by its name in the catalog, where that is the name of nothing else: *e (NULL: it is not), and the
 * file that was fetched. */
static stria_status fetched_find(const char *spec, const catalog_entry **e, char path[PATH_MAX], stria_error *err) {
    *e = catalog_named(spec);
    if (*e && ((*e)->kind != CATALOG_MODEL || file_exists(spec) || zoo_has(spec))) *e = NULL;
    return *e ? catalog_find(*e, path, PATH_MAX, err) : STRIA_OK;
}

/* What the catalog knows of its pictures and the file does not say. */
static stria_status fetched_tell(const catalog_entry *e, graph *g, stria_error *err) {
    spec s = spec_open_list(e->name, e->preprocess ? e->preprocess : "");
    bool more;
    stria_status status;
    while ((status = spec_next(&s, &more, err)) == STRIA_OK && more) {
        text key = {0}, value = {0};
        text_printf(&key, "stria.%.*s", (int)s.key.length, s.key.at);
        text_printf(&value, "%.*s", (int)s.value.length, s.value.at);
        status = text_check(&key, err);
        if (status == STRIA_OK) status = text_check(&value, err);
        if (status == STRIA_OK && !graph_metadata(g, key.data))
            status = graph_set_metadata(g, key.data, value.data, err);
        text_release(&key);
        text_release(&value);
        if (status != STRIA_OK) return status;
    }
    return status;
}

static stria_status load_fetched(graph **out, const catalog_entry *e, const char *path, const onnx_known *known,
                                 stria_error *err) {
    TRY(load_onnx(out, path, file_read, known, err));
    stria_status status = fetched_tell(e, *out, err);
    if (status == STRIA_OK) return STRIA_OK;
    graph_free(*out);
    *out = NULL;
    return status;
}

/* By the contents; `path` for sentences, and where a text's tensors lie unless it is_stream. */
static stria_status load_contents(graph **out, const uint8_t *data, size_t size, const char *path, bool is_stream,
                                  uint64_t seed, const onnx_known *known, stria_error *err) {
    if (size == 0) FAIL(err, STRIA_BAD_FILE, "%s: it is empty", path);
    if (is_text(data, size)) {
        stria_status (*read)(graph **, const char *, size_t, const char *, uint64_t, stria_error *) =
            is_stream ? net_read : net_read_file;
        return untrained(read(out, (const char *)data, size, path, seed, err), out, err);
    }
    stria_status status = onnx_read_known(out, data, size, NULL, known, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    return status;
}

/* The name of a pipe does not tell the format, the contents do. Its external weights lie in the current folder. */
static stria_status load_stream(graph **out, const char *path, uint64_t seed, const onnx_known *known,
                                stria_error *err) {
    uint8_t *data;
    size_t size;
    TRY(file_read_named(path, ONNX_BYTES_MAX, &data, &size, err));
    stria_status status = load_contents(out, data, size, file_name_shown(path), file_is_stream(path), seed, known, err);
    mem_free(data);
    return status;
}

static stria_status load_run(graph **out, const char *folder, stria_error *err) {
    static const char *const files[] = {"model.onnx", "best.onnx"};
    stria_status status = STRIA_NO_FILE;
    for (int i = 0; i < 2 && status == STRIA_NO_FILE; i++) {
        text path = {0};
        text_printf(&path, "%s/%s", folder, files[i]);
        status = text_check(&path, err);
        if (status == STRIA_OK)
            status = file_exists(path.data) ? load_onnx(out, path.data, file_read, NULL, err) : STRIA_NO_FILE;
        text_release(&path);
    }
    if (status == STRIA_NO_FILE) FAIL(err, STRIA_NO_FILE, "%s: the folder has no model.onnx", folder);
    return status;
}

/* A folder with a checkpoint in it. */
static bool is_run(const char *spec) {
    char path[4200];
    int length = snprintf(path, sizeof path, "%s/checkpoint.safetensors", spec);
    return length < (int)sizeof path && file_exists(path);
}

/* Which contents are those of input i: of its name, else the first without one; −1: none. */
static int known_of(const graph *g, const onnx_known *known, int i) {
    int unnamed = 0;
    for (int c = 0; known->names && c < known->count; c++)
        if (known->contents[c] && strcmp(known->names[c], g->inputs[i]->name) == 0) return c;
    for (int k = 0; k < i && known->names; k++) {
        bool named = false;
        for (int c = 0; c < known->count; c++) named = named || strcmp(known->names[c], g->inputs[k]->name) == 0;
        unnamed += !named;
    }
    for (int c = 0; known->names && c < known->count; c++) {
        const value *v = graph_find_value(g, known->names[c]);
        if (!known->contents[c] || (v && v->kind == VALUE_INPUT)) continue;
        if (unnamed-- == 0) return c;
    }
    return -1;
}

/* Closes open dimensions that reading did not close: for models that are not ONNX files. */
static stria_status close_open(graph **g, const onnx_known *known, stria_error *err) {
    shape *shapes;
    const shape **pointers = NULL;
    graph *sized = NULL;
    bool changes = false;
    int inputs = (*g)->input_count;
    TRY(mem_new(&shapes, (size_t)inputs + 1, sizeof *shapes, "shapes", err));
    stria_status status = mem_new(&pointers, (size_t)inputs + 1, sizeof *pointers, "shapes", err);
    for (int i = 0; i < inputs && status == STRIA_OK; i++) {
        value *v = (*g)->inputs[i];
        int c = known_of(*g, known, i);
        const tensor *t = c >= 0 ? known->contents[c] : NULL;
        shapes[i] = v->shape, pointers[i] = &shapes[i];
        for (int d = 0; d < v->shape.rank; d++) {
            int64_t size = -1;
            if (!v->symbol[d]) continue;
            if (t && t->shape.rank == v->shape.rank && !(d == 0 && known->keep_batch)) size = t->shape.dim[d];
            dims_find(known->dims, v->symbol[d], v->name, d, &size, known->used);
            changes = changes || size >= 0;
            if (size >= 0) shapes[i].dim[d] = size;
            else shapes[i].dim[d] = -shapes[i].dim[d]; /* stays open */
        }
    }
    for (int i = 0; i < inputs && status == STRIA_OK; i++)
        for (int d = 0; d < shapes[i].rank; d++)
            if (shapes[i].dim[d] < 0) shapes[i].dim[d] = -shapes[i].dim[d];
            else (*g)->inputs[i]->symbol[d] = NULL; /* now, or it never was */
    if (status == STRIA_OK && changes) status = graph_copy(*g, pointers, &sized, err);
    if (sized) {
        graph_free(*g);
        *g = sized;
    }
    mem_free(shapes);
    mem_free((void *)pointers);
    return status;
}

bool graph_is_built_in(const char *spec) {
    return !text_ends(spec, ".onnx") && !text_ends(spec, ".net") && !is_run(spec) && !file_is_stream(spec) &&
           zoo_has(spec);
}

/* After reading: sizes of dimensions that it left open, and whether all that were said were open. */
static stria_status known_finish(graph **out, const onnx_known *known, bool onnx, stria_error *err) {
    stria_status status = onnx ? STRIA_OK : close_open(out, known, err);
    if (status == STRIA_OK) status = dims_check_used(known->dims, *known->used, *out, err);
    if (status == STRIA_OK) return STRIA_OK;
    graph_free(*out);
    *out = NULL;
    return status;
}

stria_status graph_load_bytes(graph **out, const void *data, size_t size, uint64_t seed, const onnx_known *known,
                              stria_error *err) {
    dims_used used = 0;
    onnx_known all = *known;
    all.used = &used;
    all.no_files = true;
    TRY(dims_check(known->dims, err));
    TRY(onnx_bytes_check(size, "it has", "", err));
    TRY(load_contents(out, data, size, "the model", true, seed, &all, err));
    return known_finish(out, &all, false, err);
}

stria_status graph_load_known(graph **out, const char *spec, uint64_t seed, const onnx_known *known, stria_error *err) {
    dims_used used = 0;
    onnx_known all = *known;
    stria_status status;
    all.used = &used;
    TRY(dims_check(known->dims, err));
    const catalog_entry *e;
    char path[PATH_MAX];
    TRY(fetched_find(spec, &e, path, err));
    bool onnx = e || (!known->by_contents && text_ends(spec, ".onnx"));
    if (e) status = load_fetched(out, e, path, &all, err);
    else if (known->by_contents) status = load_stream(out, spec, seed, &all, err);
    else if (onnx) status = load_onnx(out, spec, file_read_named, &all, err);
    else if (!text_ends(spec, ".net") && file_is_stream(spec)) status = load_stream(out, spec, seed, &all, err);
    else status = graph_load(out, spec, seed, err);
    return status == STRIA_OK ? known_finish(out, &all, onnx, err) : status;
}

/* The trained model whose name is nearest, if it is nearer than all networks'. */
static const char *trained_nearest(const char *spec) {
    enum { NAMES = 256 };
    const char *names[NAMES], *nearest;
    const catalog_entry *e;
    int count = 0;
    for (const char *const *zoo = zoo_names(); zoo[count] && count < NAMES; count++) names[count] = zoo[count];
    for (int i = 0; count < NAMES && (e = catalog_at(i)); i++)
        if (e->kind == CATALOG_MODEL) names[count++] = e->name;
    nearest = text_nearest(spec, names, count);
    return nearest && (e = catalog_named(nearest)) && e->kind == CATALOG_MODEL && !zoo_has(nearest) ? nearest : NULL;
}

stria_status graph_load(graph **out, const char *spec, uint64_t seed, stria_error *err) {
    if (text_ends(spec, ".onnx")) return load_onnx(out, spec, file_read_named, NULL, err);
    if (text_ends(spec, ".net")) return load_net(out, spec, seed, err);
    if (file_is_stream(spec)) return load_stream(out, spec, seed, NULL, err);
    if (is_run(spec))
        return load_run(out, spec, err); /* also one that is named like a network: what was trained is meant */
    if (zoo_has(spec)) return untrained(zoo_build(out, spec, seed, err), out, err);
    const catalog_entry *e;
    char path[PATH_MAX];
    TRY(fetched_find(spec, &e, path, err));
    if (e) return load_fetched(out, e, path, NULL, err);
    if (file_is_folder(spec)) return load_run(out, spec, err);
    if (file_exists(spec))
        FAIL(err, STRIA_BAD_ARGUMENT, "%s: not a model file: expected .onnx, .net or a run folder", spec);
    if (strchr(spec, '/')) FAIL(err, STRIA_NO_FILE, "%s: no such file or folder", spec);
    const char *trained = trained_nearest(spec);
    if (trained) FAIL(err, STRIA_BAD_ARGUMENT, "there is no model '%s'; did you mean '%s'?", spec, trained);
    return zoo_build(out, spec, seed, err); /* fails with the nearest name */
}

stria_status graph_save(const graph *g, const char *path, stria_error *err) {
    return graph_save_with(g, path, &(graph_saving){0}, err);
}

static stria_status saving_check(const char *path, const graph_saving *how, stria_error *err) {
    if (how->opset && !text_ends(path, ".onnx"))
        FAIL(err, STRIA_BAD_ARGUMENT, "%s: an opset belongs to .onnx files only", path);
    if (how->weights && text_ends(path, ".net"))
        FAIL(err, STRIA_BAD_ARGUMENT, "%s: a .net file holds no weights, so they have no type", path);
    if (how->weights == STRIA_BFLOAT16 && text_ends(path, ".npz"))
        FAIL(err, STRIA_UNSUPPORTED, "%s: NumPy has no bfloat16; .safetensors and .onnx do", path);
    return STRIA_OK;
}

static stria_status save(const graph *g, const char *path, const graph_saving *how, stria_error *err) {
    text t = {0};
    stria_status status;
    if (weights_writes(path)) return weights_write(g, path, &how->judge, err);
    if (text_ends(path, ".net")) {
        status = net_save(g, path, &how->judge, err);
        if (status == STRIA_UNSUPPORTED) error_prefix(err, "%s: ", path);
        return status;
    }
    if (text_ends(path, ".onnx")) status = onnx_write_opset(g, how->opset, &t, err);
    else
        status = error_set(err, STRIA_BAD_ARGUMENT,
                           "not the name of a model file: expected .onnx, .net, .safetensors or .npz");
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    if (status == STRIA_OK) status = file_write_judged(path, t.data, t.length, &how->judge, err);
    text_release(&t);
    return status;
}

stria_status graph_save_with(const graph *g, const char *path, const graph_saving *how, stria_error *err) {
    graph *narrow = NULL;
    text report = {0};
    TRY(saving_check(path, how, err));
    if (!how->weights) return save(g, path, how, err);
    stria_status status = graph_narrow(&narrow, g, how->weights, how->report ? how->report : &report, err);
    if (status == STRIA_OK) status = save(narrow, path, how, err);
    graph_free(narrow);
    text_release(&report);
    return status;
}
