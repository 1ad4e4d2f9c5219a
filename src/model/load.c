#include "model/model.h"

#include "base/file.h"
#include "base/text.h"
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "model/zoo/zoo.h"

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
    stria_status status = untrained(net_read(out, (const char *)data, size, path, seed, err), out, err);
    mem_free(data);
    return status;
}

/* A .net file is text. Every ONNX file has control characters: its fields' tags and lengths. */
static bool is_text(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (data[i] < ' ' && data[i] != '\n' && data[i] != '\r' && data[i] != '\t') return false;
    return true;
}

/* The name of a pipe does not tell the format, the contents do. Its external weights lie in the current folder. */
static stria_status load_stream(graph **out, const char *path, uint64_t seed, const onnx_known *known,
                                stria_error *err) {
    uint8_t *data;
    size_t size;
    stria_status status;
    TRY(file_read_named(path, ONNX_BYTES_MAX, &data, &size, err));
    path = file_name_shown(path);
    if (size == 0) status = error_set(err, STRIA_BAD_FILE, "%s: it is empty", path);
    else if (is_text(data, size))
        status = untrained(net_read(out, (const char *)data, size, path, seed, err), out, err);
    else {
        status = onnx_read_known(out, data, size, NULL, known, err);
        if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    }
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

stria_status graph_load_known(graph **out, const char *spec, uint64_t seed, tensor *const *contents, bool *fixed,
                              int count, stria_error *err) {
    const onnx_known known = {contents, fixed, count};
    if (text_ends(spec, ".onnx")) return load_onnx(out, spec, file_read_named, &known, err);
    if (file_is_stream(spec)) return load_stream(out, spec, seed, &known, err);
    return graph_load(out, spec, seed, err);
}

stria_status graph_load(graph **out, const char *spec, uint64_t seed, stria_error *err) {
    if (text_ends(spec, ".onnx")) return load_onnx(out, spec, file_read_named, NULL, err);
    if (text_ends(spec, ".net")) return load_net(out, spec, seed, err);
    if (file_is_stream(spec)) return load_stream(out, spec, seed, NULL, err);
    if (is_run(spec))
        return load_run(out, spec, err); /* also one that is named like a network: what was trained is meant */
    if (zoo_has(spec)) return untrained(zoo_build(out, spec, seed, err), out, err);
    if (file_is_folder(spec)) return load_run(out, spec, err);
    if (file_exists(spec))
        FAIL(err, STRIA_BAD_ARGUMENT, "%s: not a model file: expected .onnx, .net or a run folder", spec);
    if (strchr(spec, '/')) FAIL(err, STRIA_NO_FILE, "%s: no such file or folder", spec);
    return zoo_build(out, spec, seed, err); /* fails with the nearest name */
}

stria_status graph_save(const graph *g, const char *path, stria_error *err) {
    text t = {0};
    stria_status status;
    if (text_ends(path, ".onnx")) status = onnx_write(g, &t, err);
    else if (text_ends(path, ".net")) status = net_write(g, &t, err);
    else status = error_set(err, STRIA_BAD_ARGUMENT, "not the name of a model file: expected .onnx or .net");
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    if (status == STRIA_OK) status = file_write(path, t.data, t.length, err);
    text_release(&t);
    return status;
}
