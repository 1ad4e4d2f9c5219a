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

/* A composite's outputs become those of the operators that it consists of. One that builds nothing stays as it is. */
static stria_status node_expand(graph_map *m, const node *n, bool *expanded, stria_error *err) {
    node copy = *n;
    value **in, *out[16] = {0};
    if (n->out_count > 16)
        FAIL(err, STRIA_UNSUPPORTED, "layer '%s' (%s): too many outputs to expand", n->name, n->op->name);
    TRY(mem_new(&in, (size_t)n->in_count + 1, sizeof *in, "a pass", err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < n->in_count; i++) TRY_DONE(graph_map_value(m, n->in[i], &in[i], err));
    copy.in = in;
    TRY_DONE(n->op->expand(m->to, &copy, out, err));
    *expanded = out[0] != NULL;
    for (int i = 0; i < n->out_count && *expanded; i++)
        if (n->out[i]) m->value[n->out[i]->id] = out[i];
done:
    mem_free(in);
    return status;
}

/* Identity, and dropout when nothing is dropped, stand for their input (graph outputs keep their own names beside the
 * value). */
static stria_status node_prune(graph_map *m, const node *n, stria_error *err) {
    node *copy;
    bool expanded = false;
    if (n->op->expand) TRY(node_expand(m, n, &expanded, err));
    if (expanded) return STRIA_OK;
    if (n->op != &op_Identity && !dropout_is_identity(n)) return graph_map_node(m, n, &copy, err);
    return graph_map_value(m, n->in[0], &m->value[n->out[0]->id], err);
}

/* An output that is a variable under another name is a read like any other: it shows what the variable held when the
 * run began, so it must be a copy. */
static stria_status outputs_copy(graph *g, stria_error *err) {
    for (int i = 0; i < g->output_count; i++) {
        node *copy;
        value *v = g->outputs[i];
        const char *name = g->output_names[i] ? g->output_names[i] : v->name;
        if (!graph_updates(g, v) || strcmp(name, v->name) == 0) continue;
        TRY(graph_add_node(g, &op_Identity, NULL, &v, 1, NULL, 1, NULL, &copy, err));
        g->outputs[i] = copy->out[0];
    }
    return STRIA_OK;
}

stria_status pass_prune(graph **g, stria_error *err) {
    graph_map m;
    bool *live = NULL;
    graph *pruned;
    TRY(graph_map_init(&m, *g, err));
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&live, (size_t)(*g)->node_count + 1, sizeof *live, "a pass", err));
    live_mark(*g, live);
    for (int i = 0; i < (*g)->node_count; i++)
        if (live[i]) TRY_DONE(node_prune(&m, (*g)->nodes[i], err));
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
