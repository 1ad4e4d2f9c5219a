#include "run/programs.h"

#include "base/lock.h"

struct programs {
    lock lock;
    int references; /* atomic */
    program *first; /* under the lock, like next of each */
};

/* What a program in a list was made for. */
struct program_entry {
    programs *list;
    program *next;
    program_wish wish;
    bool forgotten; /* the model has changed since */
};

stria_status programs_new(programs **out, stria_error *err) {
    TRY(mem_new(out, 1, sizeof **out, "programs", err));
    (*out)->references = 1;
    return STRIA_OK;
}

void programs_release(programs *list) {
    if (list && __atomic_sub_fetch(&list->references, 1, __ATOMIC_ACQ_REL) == 0) mem_free(list);
}

static bool same(const program_wish *a, const program_wish *b) {
    const program_config *x = &a->config, *y = &b->config;
    return a->make == b->make && a->batch == b->batch && x->ks == y->ks && x->threads == y->threads &&
           x->optimize == y->optimize && x->reference == y->reference && x->shared == y->shared &&
           x->plan_only == y->plan_only && x->skip == y->skip;
}

static program *find(const programs *list, const program_wish *wish) {
    program *p = list->first;
    while (p && (p->entry->forgotten || !same(&p->entry->wish, wish))) p = p->entry->next;
    return p;
}

static stria_status program_add(programs *list, graph *model, const program_wish *wish, pool *workers, program **out,
                                stria_error *err) {
    graph *g;
    struct program_entry *entry;
    TRY(mem_new(&entry, 1, sizeof *entry, "a program", err));
    stria_status status = wish->make(model, wish->batch, &g, err);
    if (status == STRIA_OK) {
        status = program_new(out, g, &wish->config, workers, err);
        graph_free(g);
    }
    if (status != STRIA_OK) {
        mem_free(entry);
        return status;
    }
    *entry = (struct program_entry){.list = list, .next = list->first, .wish = *wish};
    __atomic_add_fetch(&list->references, 1, __ATOMIC_RELAXED);
    (*out)->entry = entry;
    list->first = *out;
    return STRIA_OK;
}

stria_status programs_take(programs *list, graph *model, const program_wish *wish, pool *workers, program **out,
                           stria_error *err) {
    stria_status status = STRIA_OK;
    lock_take(&list->lock);
    program *found = find(list, wish);
    if (found) *out = program_retain(found);
    else status = program_add(list, model, wish, workers, out, err);
    lock_leave(&list->lock);
    return status;
}

void programs_forget(programs *list) {
    lock_take(&list->lock);
    for (program *p = list->first; p; p = p->entry->next) p->entry->forgotten = true;
    lock_leave(&list->lock);
}

/* Gives one reference back unless it is the last. */
static bool one_of_many(program *p) {
    int references = __atomic_load_n(&p->references, __ATOMIC_ACQUIRE);
    while (references > 1)
        if (__atomic_compare_exchange_n(&p->references, &references, references - 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return true;
    return false;
}

static void unlink_entry(programs *list, const program *p) {
    program **at = &list->first;
    while (*at != p) at = &(*at)->entry->next;
    *at = p->entry->next;
}

bool programs_leave(program *p) {
    struct program_entry *entry = p->entry;
    if (one_of_many(p)) return false;
    if (!entry) return __atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL) == 0;
    programs *list = entry->list;
    lock_take(&list->lock); /* nobody finds it meanwhile */
    bool last = __atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL) == 0;
    if (last) unlink_entry(list, p);
    lock_leave(&list->lock);
    if (!last) return false;
    mem_free(entry);
    programs_release(list);
    return true;
}
