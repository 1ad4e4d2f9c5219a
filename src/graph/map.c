/* Copying graphs with changes: what every pass is made of. */
#include "graph/op_def.h"

#include <assert.h>
#include <string.h>

#define EXPAND_OUTPUTS 16 /* of a composite operator, at most */

stria_status graph_map_init(graph_map *m, graph *from, stria_error *err) {
    *m = (graph_map){.from = from};
    stria_status status = graph_new(&m->to, from->name, err);
    if (status == STRIA_OK) m->to->copied_from = from;
    if (status == STRIA_OK)
        status = mem_new(&m->value, (size_t)from->value_count + 1, sizeof *m->value, "a copy of the graph", err);
    for (int i = 0; status == STRIA_OK && i < from->metadata_count; i++)
        status = graph_set_metadata(m->to, from->metadata[i].key, from->metadata[i].value, err);
    if (status != STRIA_OK) graph_map_release(m);
    return status;
}

void graph_map_release(graph_map *m) {
    graph_free(m->to);
    mem_free(m->value);
    m->to = NULL;
    m->value = NULL;
}

static stria_status source_copy(graph_map *m, const value *v, value **out, stria_error *err) {
    if (v->kind == VALUE_INPUT) TRY(graph_add_input(m->to, v->name, v->type, &v->shape, out, err));
    else if (v->kind == VALUE_CONSTANT) TRY(graph_add_constant(m->to, v->name, v->data, out, err));
    else TRY(graph_add_state(m->to, v->name, v->role, v->data, out, err));
    (*out)->frozen = v->frozen;
    (*out)->optional = v->optional;
    for (int i = 0; i < v->shape.rank; i++)
        if (v->symbol[i] && !((*out)->symbol[i] = arena_strdup(&m->to->arena, v->symbol[i])))
            FAIL(err, STRIA_NO_MEMORY, "not enough memory for a copy of the graph");
    return STRIA_OK;
}

stria_status graph_map_value(graph_map *m, value *v, value **out, stria_error *err) {
    *out = NULL;
    if (!v) return STRIA_OK;
    if (!m->value[v->id] && v->kind != VALUE_NODE) TRY(source_copy(m, v, &m->value[v->id], err));
    *out = m->value[v->id];
    return STRIA_OK;
}

/* The epilogue's own copy of its attributes: `from` may be freed. */
static stria_status epilogue_copy(graph_map *m, const node *n, node *copy, stria_error *err) {
    const op_def *activation = n->epilogue.activation;
    copy->epilogue = n->epilogue;
    if (!activation) return STRIA_OK;
    void *attributes = arena_alloc(&m->to->arena, activation->attribute_bytes + 1);
    if (!attributes) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a copy of the graph");
    copy->epilogue.activation_attributes = attributes;
    return attributes_copy(activation, attributes, n->epilogue.activation_attributes, &m->to->arena, err);
}

stria_status graph_map_node(graph_map *m, const node *n, node **out, stria_error *err) {
    stria_status status = STRIA_OK;
    value **in = NULL;
    const char **names = NULL;
    TRY_DONE(mem_new(&in, (size_t)n->in_count + 1, sizeof *in, "a copy of the graph", err));
    TRY_DONE(mem_new(&names, (size_t)n->out_count + 1, sizeof *names, "a copy of the graph", err));
    for (int i = 0; i < n->in_count; i++) TRY_DONE(graph_map_value(m, n->in[i], &in[i], err));
    for (int i = 0; i < n->out_count; i++) names[i] = n->out[i] ? n->out[i]->name : "";
    node *copy;
    int own = node_own_inputs(n);
    TRY_DONE(graph_add_node(m->to, n->op, n->name, in, own, n->attributes, n->out_count, names, &copy, err));
    for (int i = own; i < n->in_count; i++) TRY_DONE(graph_append_input(m->to, copy, in[i], err));
    TRY_DONE(epilogue_copy(m, n, copy, err));
    copy->stream = n->stream;
    if (!(copy->origin = arena_strdup(&m->to->arena, n->origin)))
        TRY_DONE(error_set(err, STRIA_NO_MEMORY, "not enough memory for a copy of the graph"));
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) {
            m->value[n->out[i]->id] = copy->out[i];
            copy->out[i]->layout = n->out[i]->layout;
        }
    *out = copy;
done:
    mem_free(in);
    mem_free((void *)names);
    return status;
}

stria_status graph_map_expand(graph_map *m, const node *n, bool *expanded, stria_error *err) {
    node copy = *n;
    value **in, *out[EXPAND_OUTPUTS] = {0};
    if (n->out_count > EXPAND_OUTPUTS)
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

/* All inputs, in their old order; those that the pass itself added come last. */
static stria_status inputs_finish(graph_map *m, stria_error *err) {
    value *v;
    int at = 0;
    for (int i = 0; i < m->from->input_count; i++) TRY(graph_map_value(m, m->from->inputs[i], &v, err));
    for (int i = 0; i < m->from->input_count; i++) {
        v = m->value[m->from->inputs[i]->id];
        int now = at;
        while (now < m->to->input_count && m->to->inputs[now] != v) now++;
        if (now == m->to->input_count) continue; /* no input any more */
        for (; now > at; now--) m->to->inputs[now] = m->to->inputs[now - 1];
        m->to->inputs[at++] = v;
    }
    return STRIA_OK;
}

stria_status graph_map_finish(graph_map *m, graph **out, stria_error *err) {
    value *v, *next;
    graph *from = m->from;
    TRY(inputs_finish(m, err));
    for (int i = 0; i < from->output_count; i++) {
        TRY(graph_map_value(m, from->outputs[i], &v, err));
        TRY(graph_add_output(m->to, v, from->output_names[i] ? from->output_names[i] : from->outputs[i]->name, err));
    }
    for (int i = 0; i < from->update_count; i++) {
        TRY(graph_map_value(m, from->updates[i].state, &v, err));
        TRY(graph_map_value(m, from->updates[i].next, &next, err));
        TRY(graph_add_update(m->to, v, next, err));
    }
    for (int i = 0; i < from->value_count; i++) /* optional inputs stay, as inputs do, when nothing reads them */
        if (from->values[i]->optional) TRY(graph_map_value(m, from->values[i], &v, err));
    m->to->copied_from = NULL;
    *out = m->to;
    m->to = NULL;
    graph_map_release(m);
    return STRIA_OK;
}

/* Inputs in their order, with other shapes where given. */
static stria_status inputs_copy(graph_map *m, const shape *const *input_shapes, stria_error *err) {
    for (int i = 0; i < m->from->input_count; i++) {
        value *v;
        TRY(graph_map_value(m, m->from->inputs[i], &v, err));
        assert(v);
        if (!input_shapes || !input_shapes[i]) continue;
        TRY(shape_check(input_shapes[i], v->type, err, "input '%s'", v->name));
        v->shape = *input_shapes[i];
    }
    return STRIA_OK;
}

stria_status graph_copy(graph *g, const shape *const *input_shapes, graph **out, stria_error *err) {
    graph_map m;
    node *n;
    TRY(graph_map_init(&m, g, err));
    stria_status status = inputs_copy(&m, input_shapes, err);
    for (int i = 0; status == STRIA_OK && i < g->node_count; i++) status = graph_map_node(&m, g->nodes[i], &n, err);
    /* States that no node reads are still states of the model. */
    for (int i = 0; status == STRIA_OK && i < g->value_count; i++) {
        value *v;
        if (g->values[i]->kind == VALUE_STATE) status = graph_map_value(&m, g->values[i], &v, err);
    }
    if (status == STRIA_OK) status = graph_map_finish(&m, out, err);
    if (status != STRIA_OK) graph_map_release(&m);
    return status;
}
