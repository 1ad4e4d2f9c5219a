#include "run/plan.h"

static bool reads(const node *n, const value *v) {
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] == v) return true;
    return false;
}

static bool results_read(const graph *g, const node *n) {
    for (int k = n->id + 1; k < g->node_count; k++)
        for (int i = 0; i < n->out_count; i++)
            if (n->out[i] && reads(g->nodes[k], n->out[i])) return true;
    return false;
}

/* The state that this node's in-place outputs replace, if it is an optimiser's update whose results no node reads: it
 * may then run at any later time; else NULL. */
static const value *updated_state(const graph *g, const node *n) {
    if (!n->op->in_place_pair[0] || results_read(g, n)) return NULL;
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].next->producer == n && g->updates[i].state == n->in[n->op->in_place_pair[0] - 1])
            return g->updates[i].state;
    return NULL;
}

/* The last node that must run before update n: producers of its inputs, other readers of its state. */
static int anchor_of(const graph *g, const node *n, const value *state) {
    int anchor = -1;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && n->in[i]->producer && n->in[i]->producer->id > anchor) anchor = n->in[i]->producer->id;
    for (int k = anchor + 1; k < g->node_count; k++)
        if (g->nodes[k] != n && reads(g->nodes[k], state)) anchor = k;
    return anchor;
}

stria_status plan_schedule(plan *p, const graph *g, stria_error *err) {
    enum { NONE = -1, NO_UPDATE = -2 };
    int at = 0, *first,
        *next; /* first[k + 1]: the first update behind node k (−1 is before all); next[]: the one after */
    size_t nodes = (size_t)g->node_count + 2;
    *p = (plan){.g = g};
    TRY(mem_new(&p->order, nodes, sizeof *p->order, "the schedule", err));
    TRY(mem_new(&first, 2 * nodes, sizeof *first, "the schedule", err));
    next = first + nodes;
    for (size_t k = 0; k < nodes; k++) first[k] = NONE, next[k] = NO_UPDATE;
    for (int k = g->node_count - 1; k >= 0; k--) {
        const value *state = updated_state(g, g->nodes[k]);
        if (!state) continue;
        int slot = anchor_of(g, g->nodes[k], state) + 1;
        next[k] = first[slot];
        first[slot] = k;
    }
    for (int k = -1; k < g->node_count; k++) {
        if (k >= 0 && next[k] == NO_UPDATE) p->order[at++] = g->nodes[k];
        for (int u = first[k + 1]; u >= 0; u = next[u]) p->order[at++] = g->nodes[u];
    }
    mem_free(first);
    return STRIA_OK;
}
