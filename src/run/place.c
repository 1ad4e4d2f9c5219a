/* Offsets in the workspace: the largest interval first, each at the lowest offset where it overlaps no earlier one in
 * both time and space. A segment tree over the schedule's positions finds those that live at the same time, so that
 * long networks are planned in about n·log n steps; where nearly all live at once, the number of steps is bounded. */
#include "run/plan.h"

#include <stdlib.h>
#include <string.h>

/* Steps after which the rest of the intervals lie one after another. */
#define STEPS_MAX ((int64_t)1 << 28)

typedef struct entry {
    int interval; /* in placer.list */
    int next;     /* in placer.entries; −1: the last */
} entry;

typedef struct placer {
    interval **list;
    int *placed; /* indices of list in the order of their offsets */
    bool *live;  /* by index: shares a position with the one that is placed */
    int placed_count;
    int count, leaves; /* leaves: positions, a power of two */
    int *covering;     /* by tree node: the first entry of the intervals that cover its positions, −1: none */
    int *starting;     /* by position: the same for the intervals that start there */
    entry *entries;
    int entry_count, entry_capacity;
    int *living; /* those found for the one that is placed */
    int64_t steps;
} placer;

static int by_size(const void *a, const void *b) {
    const interval *x = *(interval *const *)a, *y = *(interval *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

static int last_position(const placer *p, const interval *x) {
    return x->last < p->leaves ? x->last : p->leaves - 1;
}

static stria_status entry_add(placer *p, int *first, int index, stria_error *err) {
    TRY(mem_reserve(&p->entries, &p->entry_capacity, p->entry_count + 1, sizeof *p->entries, "the memory plan", err));
    p->entries[p->entry_count] = (entry){index, *first};
    *first = p->entry_count++;
    return STRIA_OK;
}

/* Adds list[index] to the tree nodes whose positions together are its own. */
static stria_status placed_add(placer *p, int index, stria_error *err) {
    const interval *x = p->list[index];
    TRY(entry_add(p, &p->starting[x->first], index, err));
    for (int low = x->first + p->leaves, high = last_position(p, x) + p->leaves + 1; low < high; low /= 2, high /= 2) {
        if (low & 1) TRY(entry_add(p, &p->covering[low++], index, err));
        if (high & 1) TRY(entry_add(p, &p->covering[--high], index, err));
    }
    return STRIA_OK;
}

static int entries_take(placer *p, int first, int found) {
    for (int e = first; e >= 0; e = p->entries[e].next, p->steps++) p->living[found++] = p->entries[e].interval;
    return found;
}

/* Fills living with the placed intervals that share a position with x: those that cover its first one, and those that
 * start at a later one. Returns how many. */
static int living_find(placer *p, const interval *x) {
    int found = 0;
    for (int k = x->first + p->leaves; k; k /= 2) found = entries_take(p, p->covering[k], found);
    for (int t = x->first + 1; t <= last_position(p, x); t++, p->steps++)
        found = entries_take(p, p->starting[t], found);
    return found;
}

/* The lowest offset at which x overlaps none of those found: gaps are looked for from below, in the order of offsets.
 */
static size_t lowest_fit(placer *p, const interval *x, int found) {
    size_t offset = 0;
    for (int i = 0; i < found; i++) p->live[p->living[i]] = true;
    for (int i = 0, seen = 0; i < p->placed_count && seen < found; i++, p->steps++) {
        const interval *y = p->list[p->placed[i]];
        if (!p->live[p->placed[i]]) continue;
        if (offset + x->bytes <= y->offset) break;
        seen++;
        if (y->offset + y->bytes > offset) offset = y->offset + y->bytes;
    }
    for (int i = 0; i < found; i++) p->live[p->living[i]] = false;
    return offset;
}

/* Keeps `placed` in the order of offsets; of equal ones the earlier comes first. */
static void order_add(placer *p, int index) {
    int low = 0, high = p->placed_count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (p->list[p->placed[middle]]->offset <= p->list[index]->offset) low = middle + 1;
        else high = middle;
    }
    memmove(p->placed + low + 1, p->placed + low, (size_t)(p->placed_count - low) * sizeof *p->placed);
    p->placed[low] = index;
    p->placed_count++;
}

static stria_status place_all(placer *p, plan *of, stria_error *err) {
    for (int i = 0; i < p->count; i++) {
        interval *x = p->list[i];
        if (p->steps > STEPS_MAX) {
            x->offset = of->workspace_bytes;
        } else {
            x->offset = lowest_fit(p, x, living_find(p, x));
            order_add(p, i);
            TRY(placed_add(p, i, err));
        }
        size_t end;
        if (__builtin_add_overflow(x->offset, x->bytes, &end) || end > SIZE_BYTES_MAX)
            FAIL(err, STRIA_BAD_SHAPE, "the network's results together have more bytes than a process can address");
        if (end > of->workspace_bytes) of->workspace_bytes = end;
    }
    return STRIA_OK;
}

static int gather(interval **list, interval *from, int count, int n) {
    for (int i = 0; i < count; i++) {
        if (!from[i].bytes) continue;
        from[i].bytes = (from[i].bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
        list[n++] = &from[i];
    }
    return n;
}

static stria_status placer_init(placer *p, plan *of, stria_error *err) {
    const graph *g = of->g;
    size_t most = (size_t)g->value_count + (size_t)g->node_count + (size_t)g->update_count + 1;
    p->leaves = 1;
    while (p->leaves < g->node_count + 2) p->leaves *= 2;
    TRY(mem_new(&p->list, most, sizeof *p->list, "the memory plan", err));
    TRY(mem_new(&p->placed, most, sizeof *p->placed, "the memory plan", err));
    TRY(mem_new(&p->live, most, sizeof *p->live, "the memory plan", err));
    TRY(mem_new(&p->living, most, sizeof *p->living, "the memory plan", err));
    TRY(mem_new(&p->covering, 2 * (size_t)p->leaves, sizeof *p->covering, "the memory plan", err));
    TRY(mem_new(&p->starting, (size_t)p->leaves, sizeof *p->starting, "the memory plan", err));
    memset(p->covering, -1, 2 * (size_t)p->leaves * sizeof *p->covering);
    memset(p->starting, -1, (size_t)p->leaves * sizeof *p->starting);
    p->count = gather(p->list, of->values, g->value_count, 0);
    p->count = gather(p->list, of->scratch, g->node_count, p->count);
    p->count = gather(p->list, of->staging, g->update_count, p->count);
    qsort(p->list, (size_t)p->count, sizeof *p->list, by_size);
    return STRIA_OK;
}

stria_status plan_place(plan *of, stria_error *err) {
    placer p = {0};
    stria_status status = placer_init(&p, of, err);
    if (status == STRIA_OK) status = place_all(&p, of, err);
    mem_free(p.list);
    mem_free(p.living);
    mem_free(p.placed);
    mem_free(p.live);
    mem_free(p.covering);
    mem_free(p.starting);
    mem_free(p.entries);
    return status;
}
