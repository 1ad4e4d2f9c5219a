#include "run/states.h"

#include <string.h>

void state_set_release(state_set *s) {
    for (int i = 0; i < s->count; i++) tensor_release(s->tensors[i]);
    mem_free((void *)s->names);
    mem_free(s->tensors);
    arena_release(&s->arena);
    *s = (state_set){0};
}

static int find(const state_set *s, const char *name) {
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->names[i], name) == 0) return i;
    return -1;
}

tensor *state_set_find(const state_set *s, const char *name) {
    int i = find(s, name);
    return i < 0 ? NULL : s->tensors[i];
}

stria_status state_set_put(state_set *s, const char *name, tensor *t, stria_error *err) {
    int i = find(s, name);
    if (i >= 0) {
        tensor_retain(t);
        tensor_release(s->tensors[i]);
        s->tensors[i] = t;
        return STRIA_OK;
    }
    TRY(mem_reserve(&s->names, &s->name_capacity, s->count + 1, sizeof *s->names, "states", err));
    TRY(mem_reserve(&s->tensors, &s->capacity, s->count + 1, sizeof *s->tensors, "states", err));
    char *copy = arena_strdup(&s->arena, name);
    if (!copy) FAIL(err, STRIA_NO_MEMORY, "not enough memory for states");
    s->names[s->count] = copy;
    s->tensors[s->count++] = tensor_retain(t);
    return STRIA_OK;
}

stria_status state_set_add_graph(state_set *s, const graph *g, stria_error *err) {
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        tensor *copy;
        if (v->kind != VALUE_STATE || state_set_find(s, v->name)) continue;
        TRY(tensor_raw(&copy, v->type, &v->shape, v->name, err));
        memcpy(copy->data, v->data->data, copy->bytes);
        stria_status status = state_set_put(s, v->name, copy, err);
        tensor_release(copy);
        TRY(status);
    }
    return STRIA_OK;
}
