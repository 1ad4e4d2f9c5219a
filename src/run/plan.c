#include "run/plan.h"

#include <string.h>

/* The schedule position of each node, by its id. */
static stria_status positions(const plan *p, int **out, stria_error *err) {
    TRY(mem_new(out, (size_t)p->g->node_count + 1, sizeof **out, "the memory plan", err));
    for (int k = 0; k < p->g->node_count; k++) (*out)[p->order[k]->id] = k;
    return STRIA_OK;
}

static bool reads_contents(const node *n, int i) {
    return n->in[i] && !(i < 32 && n->op->shape_inputs >> i & 1);
}

/* last[v]: the last position that reads v; outputs and what updates copy are read at the very end. */
static void last_reads(const plan *p, int *last) {
    for (int v = 0; v < p->g->value_count; v++) last[v] = -1;
    for (int k = 0; k < p->g->node_count; k++)
        for (int i = 0; i < p->order[k]->in_count; i++)
            if (reads_contents(p->order[k], i)) last[p->order[k]->in[i]->id] = k;
    for (int i = 0; i < p->g->output_count; i++) last[p->g->outputs[i]->id] = PLAN_FOREVER;
    for (int i = 0; i < p->g->update_count; i++) /* a state that becomes another's value must not change before */
        if (p->g->updates[i].next->kind != VALUE_NODE) last[p->g->updates[i].next->id] = PLAN_FOREVER;
}

static bool same_storage(const value *a, const value *b) {
    return a->type == b->type && shape_equal(&a->shape, &b->shape) &&
           layout_equal(&a->layout, &b->layout, a->shape.rank);
}

/* A view's elements lie in memory as its input's do: both plain, or both batch-last with the batch kept. */
static bool view_possible(const node *n) {
    const value *x = n->in[0], *y = n->out[0];
    if (value_bytes(x) != value_bytes(y) || x->type != y->type) return false;
    bool x_plain = layout_is_identity(&x->layout, x->shape.rank),
         y_plain = layout_is_identity(&y->layout, y->shape.rank);
    if (x_plain || y_plain) return x_plain && y_plain;
    layout a = layout_batch_last(x->shape.rank), b = layout_batch_last(y->shape.rank);
    return layout_equal(&x->layout, &a, x->shape.rank) && layout_equal(&y->layout, &b, y->shape.rank) &&
           x->shape.dim[0] == y->shape.dim[0];
}

typedef struct aliaser {
    plan *p;
    const update **update; /* by value: the first update whose next it is, or NULL */
    int *last;             /* by value */
    int *root_last;        /* by root: of all values that share it */
} aliaser;

static void join(aliaser *a, const value *v, int root) {
    a->p->root[v->id] = root;
    if (a->last[v->id] > a->root_last[root]) a->root_last[root] = a->last[v->id];
}

/* A variable that changes at the end of the run must not be seen under another name until then. */
static bool view_allowed(const aliaser *a, const node *n) {
    if (!n->op->view || !view_possible(n)) return false;
    const value *root = a->p->g->values[a->p->root[n->in[0]->id]];
    return !(root->kind == VALUE_STATE && root->updated);
}

/* The root that output 0 of n may overwrite, or −1. */
static int overwritten(const aliaser *a, const node *n, int position) {
    for (int i = 0; i < n->in_count && i < 32; i++) {
        if (!(n->op->in_place >> i & 1) || !reads_contents(n, i) || !same_storage(n->in[i], n->out[0])) continue;
        int root = a->p->root[n->in[i]->id];
        if (a->p->g->values[root]->kind == VALUE_NODE && a->root_last[root] <= position) return root;
    }
    return -1;
}

/* True if output k of n takes the place of the state it updates: no node reads the old contents later. */
static bool updates_in_place(const aliaser *a, const node *n, int k, int position) {
    if (k >= 4 || !n->op->in_place_pair[k] || !n->out[k]) return false;
    const value *old = n->in[n->op->in_place_pair[k] - 1];
    const update *u = a->update[n->out[k]->id];
    return u && u->state == old && a->root_last[a->p->root[old->id]] <= position;
}

static void node_alias(aliaser *a, const node *n, int position) {
    for (int k = 0; k < n->out_count; k++) {
        if (!n->out[k]) continue;
        if (updates_in_place(a, n, k, position)) {
            join(a, n->out[k], n->in[n->op->in_place_pair[k] - 1]->id);
            continue;
        }
        int over = k ? -1 : view_allowed(a, n) ? a->p->root[n->in[0]->id] : overwritten(a, n, position);
        int root = over >= 0 ? over : n->out[k]->id;
        join(a, n->out[k], root);
        if (a->update[n->out[k]->id]) a->root_last[root] = PLAN_FOREVER; /* copied into its state at the end */
    }
}

/* What waits for the end of the run, and whether it must wait beside its source (a swap of two variables). */
static void updates_plan(aliaser *a) {
    plan *p = a->p;
    for (int i = 0; i < p->g->update_count; i++) {
        const update *u = &p->g->updates[i];
        int root = p->root[u->next->id];
        p->copied[i] = root != u->state->id;
        if (!p->copied[i]) continue;
        a->root_last[root] = PLAN_FOREVER;
        if (p->g->values[root]->kind == VALUE_STATE)
            p->staging[i] = (interval){p->g->node_count, PLAN_FOREVER, value_bytes(u->state), 0};
    }
}

static stria_status plan_allocate(plan *p, stria_error *err) {
    size_t values = (size_t)p->g->value_count + 1, nodes = (size_t)p->g->node_count + 1,
           updates = (size_t)p->g->update_count + 1;
    TRY(mem_new(&p->root, values, sizeof *p->root, "the memory plan", err));
    TRY(mem_new(&p->values, values, sizeof *p->values, "the memory plan", err));
    TRY(mem_new(&p->scratch, nodes, sizeof *p->scratch, "the memory plan", err));
    TRY(mem_new(&p->staging, updates, sizeof *p->staging, "the memory plan", err));
    return mem_new(&p->copied, updates, sizeof *p->copied, "the memory plan", err);
}

stria_status plan_alias(plan *p, stria_error *err) {
    aliaser a = {.p = p};
    int *position = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(plan_allocate(p, err));
    TRY_DONE(positions(p, &position, err));
    TRY_DONE(mem_new(&a.last, (size_t)p->g->value_count + 1, sizeof *a.last, "the memory plan", err));
    TRY_DONE(mem_new(&a.update, (size_t)p->g->value_count + 1, sizeof *a.update, "the memory plan", err));
    for (int i = p->g->update_count - 1; i >= 0; i--) a.update[p->g->updates[i].next->id] = &p->g->updates[i];
    TRY_DONE(mem_new(&a.root_last, (size_t)p->g->value_count + 1, sizeof *a.root_last, "the memory plan", err));
    last_reads(p, a.last);
    for (int v = 0; v < p->g->value_count; v++) {
        p->root[v] = v;
        a.root_last[v] = a.last[v];
    }
    for (int k = 0; k < p->g->node_count; k++) node_alias(&a, p->order[k], k);
    updates_plan(&a);
    for (int v = 0; v < p->g->value_count; v++) {
        const value *value_v = p->g->values[v];
        if (p->root[v] != v || (value_v->kind != VALUE_NODE && value_v->kind != VALUE_INPUT)) continue;
        bool input = value_v->kind == VALUE_INPUT;
        int first = input ? 0 : position[value_v->producer->id];
        int last = input ? PLAN_FOREVER : a.root_last[v] > first ? a.root_last[v] : first;
        p->values[v] = (interval){first, last, value_bytes(value_v) + 1, 0};
    }
done:
    mem_free((void *)a.update);
    mem_free(a.last);
    mem_free(a.root_last);
    mem_free(position);
    return status;
}

void plan_release(plan *p) {
    mem_free((void *)p->order);
    mem_free(p->root);
    mem_free(p->values);
    mem_free(p->scratch);
    mem_free(p->staging);
    mem_free(p->copied);
}
