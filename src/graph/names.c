#include "graph/names.h"

#include "base/hash.h"

#include <string.h>

typedef struct entry {
    const char *name;
    value *value;
    node *node;
    int count; /* of the names that begin so: see name_table_count */
} entry;

struct name_table {
    entry *entries;
    int capacity, used; /* capacity is a power of two */
};

stria_status name_table_new(name_table **out, stria_error *err) {
    TRY(mem_new(out, 1, sizeof **out, "names", err));
    (*out)->capacity = 64;
    stria_status status = mem_new(&(*out)->entries, 64, sizeof(entry), "names", err);
    if (status != STRIA_OK) mem_free(*out), *out = NULL;
    return status;
}

void name_table_free(name_table *t) {
    if (!t) return;
    mem_free(t->entries);
    mem_free(t);
}

/* The entry of this name, or the free one where it would go. */
static entry *find(entry *entries, int capacity, const char *name) {
    uint64_t mask = (uint64_t)capacity - 1, i = hash_name(name) & mask;
    while (entries[i].name && strcmp(entries[i].name, name) != 0) i = (i + 1) & mask;
    return &entries[i];
}

static stria_status grow(name_table *t, stria_error *err) {
    entry *bigger;
    TRY(mem_new(&bigger, (size_t)t->capacity * 2, sizeof(entry), "names", err));
    for (int i = 0; i < t->capacity; i++)
        if (t->entries[i].name) *find(bigger, t->capacity * 2, t->entries[i].name) = t->entries[i];
    mem_free(t->entries);
    t->entries = bigger;
    t->capacity *= 2;
    return STRIA_OK;
}

static stria_status slot(name_table *t, const char *name, entry **out, stria_error *err) {
    if (t->used * 2 >= t->capacity) TRY(grow(t, err));
    *out = find(t->entries, t->capacity, name);
    if (!(*out)->name) {
        (*out)->name = name;
        t->used++;
    }
    return STRIA_OK;
}

value *name_table_value(const name_table *t, const char *name) {
    return find(t->entries, t->capacity, name)->value;
}
node *name_table_node(const name_table *t, const char *name) {
    return find(t->entries, t->capacity, name)->node;
}

stria_status name_table_put_value(name_table *t, const char *name, value *v, stria_error *err) {
    entry *e;
    TRY(slot(t, name, &e, err));
    e->value = v;
    return STRIA_OK;
}

stria_status name_table_put_node(name_table *t, const char *name, node *n, stria_error *err) {
    entry *e;
    TRY(slot(t, name, &e, err));
    e->node = n;
    return STRIA_OK;
}

void name_table_drop_value(name_table *t, const char *name) {
    find(t->entries, t->capacity, name)->value = NULL;
}

int *name_table_count(name_table *t, arena *a, const char *prefix) {
    entry *e = find(t->entries, t->capacity, prefix);
    if (!e->name) {
        const char *copy = arena_strdup(a, prefix);
        if (!copy || slot(t, copy, &e, NULL) != STRIA_OK) return NULL;
    }
    return &e->count;
}
