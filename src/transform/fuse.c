/* Epilogues: a product followed by an activation becomes one node. Runs after differentiation, so training steps gain too:
 * the activations that fuse have gradients that need their output only. */
#include "transform/transform.h"

/* readers[v]: how many nodes, outputs and updates read value v; reader[v]: the last node that does. */
typedef struct uses {
    int *readers;
    const node **reader;
} uses;

static void uses_release(uses *u) {
    mem_free(u->readers);
    mem_free((void *)u->reader);
}

static stria_status uses_count(uses *u, const graph *g, stria_error *err) {
    *u = (uses){0};
    TRY(mem_new(&u->readers, (size_t)g->value_count + 1, sizeof *u->readers, "a pass", err));
    TRY(mem_new(&u->reader, (size_t)g->value_count + 1, sizeof *u->reader, "a pass", err));
    for (int k = 0; k < g->node_count; k++)
        for (int i = 0; i < g->nodes[k]->in_count; i++) {
            if (!g->nodes[k]->in[i]) continue;
            u->readers[g->nodes[k]->in[i]->id]++;
            u->reader[g->nodes[k]->in[i]->id] = g->nodes[k];
        }
    for (int i = 0; i < g->output_count; i++) u->readers[g->outputs[i]->id]++;
    for (int i = 0; i < g->update_count; i++) u->readers[g->updates[i].next->id]++;
    return STRIA_OK;
}

/* The activation that alone reads the product's output, or NULL. */
static const node *activation_after(const uses *u, const node *n) {
    if (!n->op->epilogue || n->epilogue.activation || n->out_count != 1) return NULL;
    int id = n->out[0]->id;
    const node *next = u->readers[id] == 1 ? u->reader[id] : NULL;
    return next && next->op->activation && next->in_count == 1 && next->out_count == 1 ? next : NULL;
}

static stria_status node_fuse(graph_map *m, const node *n, const node *activation, stria_error *err) {
    node *copy;
    TRY(graph_map_node(m, n, &copy, err));
    void *attributes = arena_alloc(&m->to->arena, activation->op->attribute_bytes + 1);
    if (!attributes) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a pass");
    TRY(attributes_copy(activation->op, attributes, activation->attributes, &m->to->arena, err));
    copy->epilogue.activation = activation->op;
    copy->epilogue.activation_attributes = attributes;
    m->value[activation->out[0]->id] = copy->out[0];
    return STRIA_OK;
}

stria_status pass_fuse(graph **g, stria_error *err) {
    graph_map m;
    uses u = {0};
    graph *fused;
    node *copy;
    TRY(graph_map_init(&m, *g, err));
    stria_status status = STRIA_OK;
    TRY_DONE(uses_count(&u, *g, err));
    for (int i = 0; i < (*g)->node_count; i++) {
        const node *n = (*g)->nodes[i], *activation = activation_after(&u, n);
        if (activation) TRY_DONE(node_fuse(&m, n, activation, err));
        else if (!n->out[0] || !m.value[n->out[0]->id]) TRY_DONE(graph_map_node(&m, n, &copy, err));
    }
    TRY_DONE(graph_map_finish(&m, &fused, err));
    graph_free(*g);
    *g = fused;
done:
    uses_release(&u);
    if (status != STRIA_OK) graph_map_release(&m);
    return status;
}
