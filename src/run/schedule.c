#include "run/plan.h"

/* The last two nodes, by id, that read each value; NONE where there is none. */
typedef struct readers {
    int last, before;
} readers;

enum { NONE = -1, NO_UPDATE = -2 };

static stria_status readers_find(const graph *g, readers **out, stria_error *err) {
    TRY(mem_new(out, (size_t)g->value_count + 1, sizeof **out, "the schedule", err));
    for (int v = 0; v < g->value_count; v++) (*out)[v] = (readers){NONE, NONE};
    for (int k = 0; k < g->node_count; k++)
        for (int i = 0; i < g->nodes[k]->in_count; i++) {
            readers *r = g->nodes[k]->in[i] ? &(*out)[g->nodes[k]->in[i]->id] : NULL;
            if (r && r->last != k) *r = (readers){k, r->last};
        }
    return STRIA_OK;
}

static bool results_read(const readers *r, const node *n) {
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && r[n->out[i]->id].last != NONE) return true;
    return false;
}

/* states[k]: the state that the in-place outputs of node k replace, if it is an optimiser's update whose results no
 * node reads: it may then run at any later time; else NULL. */
static void updated_states(const graph *g, const readers *r, const value **states) {
    for (int i = 0; i < g->update_count; i++) {
        const update *u = &g->updates[i];
        const node *n = u->next->producer;
        if (!n || states[n->id] || !n->op->in_place_pair[0] || results_read(r, n)) continue;
        if (u->state == n->in[n->op->in_place_pair[0] - 1]) states[n->id] = u->state;
    }
}

/* The last node that must run before update n: producers of its inputs, other readers of its state. */
static int anchor_of(const readers *r, const node *n, const value *state) {
    int anchor = r[state->id].last == n->id ? r[state->id].before : r[state->id].last;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && n->in[i]->producer && n->in[i]->producer->id > anchor) anchor = n->in[i]->producer->id;
    return anchor;
}

/* first[k + 1]: the first update after node k (−1 is before all); next[]: the one after it. */
static void schedule_fill(plan *p, const graph *g, const readers *r, const value *const *states, int *first,
                          int *next) {
    int at = 0;
    for (int k = 0; k < g->node_count + 2; k++) first[k] = NONE, next[k] = NO_UPDATE;
    for (int k = g->node_count - 1; k >= 0; k--) {
        if (!states[k]) continue;
        int slot = anchor_of(r, g->nodes[k], states[k]) + 1;
        next[k] = first[slot];
        first[slot] = k;
    }
    for (int k = -1; k < g->node_count; k++) {
        if (k >= 0 && next[k] == NO_UPDATE) p->order[at++] = g->nodes[k];
        for (int u = first[k + 1]; u >= 0; u = next[u]) p->order[at++] = g->nodes[u];
    }
}

stria_status plan_schedule(plan *p, const graph *g, stria_error *err) {
    int *first = NULL;
    readers *r = NULL;
    const value **states = NULL;
    size_t nodes = (size_t)g->node_count + 2;
    stria_status status = STRIA_OK;
    *p = (plan){.g = g};
    TRY_DONE(mem_new(&p->order, nodes, sizeof *p->order, "the schedule", err));
    TRY_DONE(mem_new(&first, 2 * nodes, sizeof *first, "the schedule", err));
    TRY_DONE(mem_new(&states, nodes, sizeof *states, "the schedule", err));
    TRY_DONE(readers_find(g, &r, err));
    updated_states(g, r, states);
    schedule_fill(p, g, r, states, first, first + nodes);
done:
    mem_free(r);
    mem_free((void *)states);
    mem_free(first);
    return status;
}
