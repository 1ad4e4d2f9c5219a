/* Constants whose contents .net text does not hold: they lie in one .safetensors file beside it, under their names. */
#include "model/net_reader.h"

#include "base/file.h"
#include "model/external.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- reading ---- */

/* Every look-up goes through the file's names, so both are few. */
#define NAMES_MAX   65536
#define LOOK_UP_MAX 4096

static stria_status tensors_decode(net_reader *r, external_files *files, const char *location, stria_error *err) {
    external_file *file;
    uint8_t *data;
    TRY(external_open(&file, files, location, NULL, err));
    TRY(mem_new(&data, file->size + 1, 1, "tensors", err));
    stria_status status = external_read(files, NULL, 0, data, file->size, err);
    if (status == STRIA_OK) {
        status = safetensors_decode(&r->tensors, data, file->size, err);
        if (status != STRIA_OK) error_prefix(err, "'%s': ", location);
    }
    mem_free(data);
    if (status == STRIA_OK && r->tensors.entry_count > NAMES_MAX)
        FAIL(err, STRIA_BAD_FILE, "'%s' has %d tensors, a text's file at most %d", location, r->tensors.entry_count,
             NAMES_MAX);
    return status;
}

stria_status net_call_tensors(net_reader *r, const net_statement *s, stria_error *err) {
    if (s->result_count || s->argument_count != 1 || s->arguments[0].key)
        FAIL_AT(r, &s->call, "expected tensors(FILE)");
    if (r->has_tensors) FAIL_AT(r, &s->call, "the text has a file of tensors already");
    external_files files = {.model_file = r->path, .none = !r->path};
    r->column = s->arguments[0].column;
    r->has_tensors = true;
    stria_status status = tensors_decode(r, &files, s->arguments[0].text, err);
    external_files_release(&files);
    return status;
}

stria_status net_tensor_find(net_reader *r, const net_statement *s, dtype type, const shape *dims, tensor **out,
                             stria_error *err) {
    char found[192], wanted[192];
    const char *name = s->results[0].text;
    if (!r->has_tensors)
        FAIL_AT(r, &s->call, "a constant needs a list, as in [1, 2], or a line tensors(FILE) above that has it");
    if (r->looked_up++ >= LOOK_UP_MAX) FAIL_AT(r, &s->call, "more than %d constants without a list", LOOK_UP_MAX);
    tensor *t = safetensors_find(&r->tensors, name);
    if (!t) FAIL_AT(r, &s->call, "the file of tensors has no '%s'", name);
    if (t->type != type || !shape_equal(&t->shape, dims))
        FAIL_AT(r, &s->call, "'%s' is %s %s in the file of tensors, not %s %s", name, dtype_name(t->type),
                shape_text(&t->shape, found), dtype_name(type), shape_text(dims, wanted));
    *out = tensor_retain(t);
    return STRIA_OK;
}

/* ---- writing ---- */

bool net_is_large(const value *v) {
    return v->kind == VALUE_CONSTANT && shape_count(&v->shape) > NET_CONSTANT_MAX;
}

/* The entries are the caller's memory, their names and tensors the graph's. */
static stria_status large_find(const graph *g, safetensors *out, stria_error *err) {
    *out = (safetensors){0};
    TRY(mem_new(&out->entries, (size_t)g->value_count + 1, sizeof *out->entries, "constants", err));
    for (int i = 0; i < g->value_count; i++)
        if (net_is_large(g->values[i]))
            out->entries[out->entry_count++] = (safetensors_entry){g->values[i]->name, g->values[i]->data};
    if (out->entry_count <= LOOK_UP_MAX) return STRIA_OK;
    mem_free(out->entries);
    FAIL(err, STRIA_UNSUPPORTED, "%d constants have more than %d elements each, text can name %d", out->entry_count,
         NET_CONSTANT_MAX, LOOK_UP_MAX);
}

/* FOLDER/MODEL.net → FOLDER/MODEL.SUM.safetensors. The sum of the contents keeps files of other texts from being
 * overwritten, so that a text that is there keeps its own whatever happens. */
static stria_status beside_name(text *out, const char *path, const safetensors *tensors, stria_error *err) {
    size_t length = strlen(path);
    if (text_ends(path, ".net")) length -= 4;
    text_printf(out, "%.*s.%08" PRIx32 ".safetensors", (int)length, path, (uint32_t)safetensors_checksum(tensors));
    return text_check(out, err);
}

static stria_status text_save(const graph *g, const char *file, const char *path, const file_judge *judge,
                              stria_error *err) {
    text t = {0};
    stria_status status = net_write_beside(g, file, &t, err);
    if (status == STRIA_OK) status = file_write_judged(path, t.data, t.length, judge, err);
    text_release(&t);
    return status;
}

stria_status net_save(const graph *g, const char *path, const file_judge *judge, stria_error *err) {
    safetensors large;
    text name = {0};
    TRY(large_find(g, &large, err));
    stria_status status = STRIA_OK;
    if (!large.entry_count) status = text_save(g, NULL, path, judge, err);
    else if ((status = beside_name(&name, path, &large, err)) == STRIA_OK) {
        const char *slash = strrchr(name.data, '/');
        bool was_there = file_exists(name.data);
        status = safetensors_write(&large, name.data, err);
        if (status == STRIA_OK) status = text_save(g, slash ? slash + 1 : name.data, path, judge, err);
        if (status != STRIA_OK && !was_there) unlink(name.data);
    }
    mem_free(large.entries);
    text_release(&name);
    return status;
}
