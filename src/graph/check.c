/* What every pass must keep. */
#include "graph/names.h"
#include "graph/op_def.h"

static stria_status node_check(const graph *g, const node *n, int position, stria_error *err) {
    if (n->id != position)
        FAIL(err, STRIA_BAD_ARGUMENT, "layer '%s' stands at %d but says %d", n->name, position, n->id);
    if (name_table_node(g->names, n->name) != n) FAIL(err, STRIA_BAD_ARGUMENT, "layer '%s' is not registered", n->name);
    for (int i = 0; i < n->in_count; i++) {
        const value *v = n->in[i];
        if (!v) continue;
        if (v->id >= g->value_count || g->values[v->id] != v)
            FAIL(err, STRIA_BAD_ARGUMENT, "layer '%s': input '%s' is of another graph", n->name, v->name);
        if (v->kind == VALUE_NODE && v->producer->id >= position)
            FAIL(err, STRIA_BAD_ARGUMENT, "layer '%s' reads '%s' before it is computed", n->name, v->name);
    }
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && (n->out[i]->producer != n || n->out[i]->slot != i || shape_count(&n->out[i]->shape) < 0))
            FAIL(err, STRIA_BAD_ARGUMENT, "layer '%s': output '%s' is inconsistent", n->name, n->out[i]->name);
    return STRIA_OK;
}

static stria_status value_check(const graph *g, const value *v, int position, stria_error *err) {
    if (v->id != position || name_table_value(g->names, v->name) != v)
        FAIL(err, STRIA_BAD_ARGUMENT, "tensor '%s' is not registered", v->name);
    if ((v->kind == VALUE_CONSTANT || v->kind == VALUE_STATE) &&
        (!v->data || v->data->type != v->type || !shape_equal(&v->data->shape, &v->shape)))
        FAIL(err, STRIA_BAD_ARGUMENT, "tensor '%s' has contents of another type or shape", v->name);
    if ((v->kind == VALUE_NODE) != (v->producer != NULL))
        FAIL(err, STRIA_BAD_ARGUMENT, "tensor '%s' has no layer that computes it", v->name);
    return STRIA_OK;
}

stria_status graph_check(const graph *g, stria_error *err) {
    for (int i = 0; i < g->value_count; i++) TRY(value_check(g, g->values[i], i, err));
    for (int i = 0; i < g->node_count; i++) TRY(node_check(g, g->nodes[i], i, err));
    for (int i = 0; i < g->output_count; i++)
        if (!g->outputs[i] || g->values[g->outputs[i]->id] != g->outputs[i])
            FAIL(err, STRIA_BAD_ARGUMENT, "output %d is of another graph", i);
    return STRIA_OK;
}
