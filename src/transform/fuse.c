/* Epilogues: a product followed by a bias, a residual, an activation, in this order, becomes one node. Runs after
 * differentiation, so training steps gain too, where the gradients do not read what lies between: those of ReLU,
 * sigmoid, tanh and clipping need their output only, those of an addition nothing. */
#include "transform/transform.h"

#include <assert.h>

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

/* The node that alone reads v, or NULL. */
static const node *only_reader(const uses *u, const value *v) {
    assert(v); /* an operator's required output is there */
    return u->readers[v->id] == 1 ? u->reader[v->id] : NULL;
}

/* One number a channel: [C, 1, 1] or [1, C, 1, 1] after a convolution, [n] or [1, n] after a matrix product; kept
 * between runs. */
static bool is_channel_bias(const value *bias, const value *y) {
    const int channel = 1;
    if (bias->kind == VALUE_NODE || bias->kind == VALUE_INPUT || bias->type != y->type || y->shape.rank < 2)
        return false;
    if (shape_count(&bias->shape) != y->shape.dim[channel]) return false;
    int missing = y->shape.rank - bias->shape.rank;
    return missing >= 0 && missing <= channel && bias->shape.dim[channel - missing] == y->shape.dim[channel];
}

/* The Add of a bias that alone reads the product's output, or NULL; *bias is which of its inputs. */
static const node *bias_after(const uses *u, const node *n, int *bias) {
    if (!n->op->product || n->out_count != 1 || n->in_count > 2 || n->out[0]->type != STRIA_FLOAT32 ||
        n->epilogue.bias >= 0 || n->epilogue.activation)
        return NULL;
    const node *next = only_reader(u, n->out[0]);
    if (!next || next->op != &op_Add || !shape_equal(&next->out[0]->shape, &n->out[0]->shape)) return NULL;
    *bias = next->in[0] == n->out[0];
    return is_channel_bias(next->in[*bias], n->out[0]) ? next : NULL;
}

/* Returns true if v is there before the product is computed: products take the place of the first node that fuses. */
static bool is_ready(const graph_map *m, const value *v) {
    return v->kind != VALUE_NODE || m->value[v->id];
}

/* The Add of two values of the same shape, one the last result, which it alone reads, the other a residual; NULL if
 * there is none. *residual is which of its inputs. Of two products that are added, the second takes the first. */
static const node *residual_after(const graph_map *m, const uses *u, const node *n, const node *last, int *residual) {
    if (!n->op->product || n->out_count != 1 || n->out[0]->type != STRIA_FLOAT32 || n->epilogue.residual >= 0 ||
        n->epilogue.activation)
        return NULL;
    const node *next = only_reader(u, last->out[0]);
    if (!next || next->op != &op_Add) return NULL;
    *residual = next->in[0] == last->out[0];
    const value *other = next->in[*residual];
    return shape_equal(&other->shape, &n->out[0]->shape) && is_ready(m, other) ? next : NULL;
}

/* The activation that alone reads the last result, or NULL. */
static const node *activation_after(const target *t, const uses *u, const node *n, const node *last) {
    if (n->epilogue.activation || n->out[0]->type != STRIA_FLOAT32) return NULL;
    const node *next = only_reader(u, last->out[0]);
    if (!next || next->in_count != 1 || next->out_count != 1) return NULL;
    return t->fuses(n, next->op) ? next : NULL;
}

static stria_status activation_fuse(graph_map *m, node *copy, const node *activation, stria_error *err) {
    void *attributes = arena_alloc(&m->to->arena, activation->op->attribute_bytes + 1);
    if (!attributes) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a pass");
    TRY(attributes_copy(activation->op, attributes, activation->attributes, &m->to->arena, err));
    copy->epilogue.activation = activation->op;
    copy->epilogue.activation_attributes = attributes;
    m->value[activation->out[0]->id] = copy->out[0];
    return STRIA_OK;
}

/* Makes input `which` of an Add an input of the epilogue, *index. */
static stria_status add_fuse(graph_map *m, node *copy, const node *add, int which, int *index, stria_error *err) {
    value *v;
    TRY(graph_map_value(m, add->in[which], &v, err));
    TRY(graph_append_input(m->to, copy, v, err));
    *index = copy->in_count - 1;
    m->value[add->out[0]->id] = copy->out[0];
    return STRIA_OK;
}

/* Copies n with all that fuses into it. */
static stria_status node_fuse(graph_map *m, const target *t, const uses *u, const node *n, stria_error *err) {
    int which_bias = 0, which_residual = 0;
    node *copy;
    const node *bias = bias_after(u, n, &which_bias), *last = bias ? bias : n;
    const node *residual = residual_after(m, u, n, last, &which_residual);
    if (residual) last = residual;
    const node *activation = activation_after(t, u, n, last);
    TRY(graph_map_node(m, n, &copy, err));
    if (bias) TRY(add_fuse(m, copy, bias, which_bias, &copy->epilogue.bias, err));
    if (residual) TRY(add_fuse(m, copy, residual, which_residual, &copy->epilogue.residual, err));
    return activation ? activation_fuse(m, copy, activation, err) : STRIA_OK;
}

stria_status pass_fuse(graph **g, const target *target, stria_error *err) {
    graph_map m;
    uses u = {0};
    graph *fused;
    TRY(graph_map_init(&m, *g, err));
    stria_status status = STRIA_OK;
    TRY_DONE(uses_count(&u, *g, err));
    for (int i = 0; i < (*g)->node_count; i++) {
        const node *n = (*g)->nodes[i];
        bool done_already = n->out[0] && m.value[n->out[0]->id];
        if (!done_already) TRY_DONE(node_fuse(&m, target, &u, n, err));
    }
    TRY_DONE(graph_map_finish(&m, &fused, err));
    graph_free(*g);
    *g = fused;
done:
    uses_release(&u);
    if (status != STRIA_OK) graph_map_release(&m);
    return status;
}
