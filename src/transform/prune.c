#include "op/dropout.h"
#include "transform/transform.h"

#include <string.h>

/* Marks nodes from which an output or an update can be reached. */
static void live_mark(const graph *g, bool *live) {
    for (int i = 0; i < g->output_count; i++)
        if (g->outputs[i]->producer) live[g->outputs[i]->producer->id] = true;
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].next->producer) live[g->updates[i].next->producer->id] = true;
    for (int k = g->node_count - 1; k >= 0; k--)
        for (int i = 0; live[k] && i < g->nodes[k]->in_count; i++) {
            const value *v = g->nodes[k]->in[i];
            if (v && v->producer) live[v->producer->id] = true;
        }
}

/* Identity, a cast to the type that is there, and dropout when nothing is dropped stand for their input (graph outputs
 * keep their own names beside the value). */
static stria_status node_prune(graph_map *m, const node *n, stria_error *err) {
    node *copy;
    bool expanded = false;
    if (n->op->expand) TRY(graph_map_expand(m, n, &expanded, err));
    if (expanded) return STRIA_OK;
    bool same =
        n->op == &op_Identity || dropout_is_identity(n) || (n->op == &op_Cast && n->in[0]->type == n->out[0]->type);
    if (!same) return graph_map_node(m, n, &copy, err);
    return graph_map_value(m, n->in[0], &m->value[n->out[0]->id], err);
}

/* An output that is a variable under another name is a read like any other: it shows what the variable held when the
 * run began, so it must be a copy. */
static stria_status outputs_copy(graph *g, stria_error *err) {
    for (int i = 0; i < g->output_count; i++) {
        node *copy;
        value *v = g->outputs[i];
        const char *name = g->output_names[i] ? g->output_names[i] : v->name;
        if (!v->updated || strcmp(name, v->name) == 0) continue;
        TRY(graph_add_node(g, &op_Identity, NULL, &v, 1, NULL, 1, NULL, &copy, err));
        g->outputs[i] = copy->out[0];
    }
    return STRIA_OK;
}

static stria_status node_keep(graph_map *m, const node *n, stria_error *err) {
    node *copy;
    return graph_map_node(m, n, &copy, err);
}

/* The graph of what is live, each node as `take` puts it there. */
static stria_status live_copy(graph **g, stria_status (*take)(graph_map *m, const node *n, stria_error *err),
                              stria_error *err) {
    graph_map m;
    bool *live = NULL;
    graph *pruned;
    TRY(graph_map_init(&m, *g, err));
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&live, (size_t)(*g)->node_count + 1, sizeof *live, "a pass", err));
    live_mark(*g, live);
    for (int i = 0; i < (*g)->node_count; i++)
        if (live[i]) TRY_DONE(take(&m, (*g)->nodes[i], err));
    TRY_DONE(graph_map_finish(&m, &pruned, err));
    status = outputs_copy(pruned, err);
    graph_free(status == STRIA_OK ? *g : pruned);
    if (status != STRIA_OK) goto done;
    *g = pruned;
done:
    if (status != STRIA_OK) graph_map_release(&m);
    mem_free(live);
    return status;
}

stria_status pass_prune(graph **g, stria_error *err) {
    return live_copy(g, node_prune, err);
}

stria_status pass_reach(graph **g, stria_error *err) {
    return live_copy(g, node_keep, err);
}
