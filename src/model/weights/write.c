/* A graph's parameters and statistics as a file: contiguous, under their names. */
#include "base/memory.h"
#include "base/text.h"
#include "data/npz.h"
#include "model/safetensors.h"
#include "model/weights/weights.h"

bool weights_writes(const char *path) {
    return text_ends(path, ".safetensors") || text_ends(path, ".npz");
}

/* The states that are weights; NULL past the last. */
static const value *weight_next(const graph *g, int *at) {
    while (*at < g->value_count) {
        const value *v = g->values[(*at)++];
        if (v->kind == VALUE_STATE && (v->role == ROLE_PARAMETER || v->role == ROLE_STATISTIC)) return v;
    }
    return NULL;
}

static stria_status safetensors_save(const graph *g, const char *path, const file_judge *judge, stria_error *err) {
    safetensors file = {0};
    int at = 0;
    TRY(mem_new(&file.entries, (size_t)g->value_count + 1, sizeof *file.entries, "weights", err));
    for (const value *v; (v = weight_next(g, &at));)
        file.entries[file.entry_count++] = (safetensors_entry){v->name, v->data};
    stria_status status = safetensors_write_judged(&file, path, judge, err);
    mem_free(file.entries);
    return status;
}

static stria_status npz_save(const graph *g, const char *path, const file_judge *judge, stria_error *err) {
    npz_member *members;
    int at = 0, count = 0;
    TRY(mem_new(&members, (size_t)g->value_count + 1, sizeof *members, "weights", err));
    for (const value *v; (v = weight_next(g, &at));) {
        npz_member *m = &members[count++];
        *m = (npz_member){.name = (char *)(uintptr_t)v->name,
                          .array = {.type = (int)v->type, .rank = v->shape.rank, .data = v->data->data}};
        for (int d = 0; d < v->shape.rank; d++) m->array.shape[d] = v->shape.dim[d];
    }
    stria_status status = npz_write(path, members, count, judge, err);
    mem_free(members);
    return status;
}

stria_status weights_write(const graph *g, const char *path, const file_judge *judge, stria_error *err) {
    return text_ends(path, ".npz") ? npz_save(g, path, judge, err) : safetensors_save(g, path, judge, err);
}
