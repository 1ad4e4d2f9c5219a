/* Storage orders. Meaning stays NCHW; memory is channels-last, so that channels are the vector lanes, or batch-last where
 * channels are few and images many: then every lane is an image. Conversions are Reorder nodes; each order of a value is
 * made once. */
#include "transform/transform.h"

#define LANES_FEW 32 /* channels below which a vector of them is badly filled */

typedef enum order { PLAIN, CHANNELS_LAST, BATCH_LAST, ORDERS } order;

typedef struct layouter {
    graph_map m;
    order images;  /* what image tensors get */
    int64_t batch;
    value *(*versions)[ORDERS]; /* by value of the old graph: its copies in each order */
    stria_error *err;
} layouter;

static layout order_layout(order o, int rank) {
    return o == CHANNELS_LAST ? layout_channels_last(rank) : o == BATCH_LAST ? layout_batch_last(rank) : layout_identity();
}

/* The order of a new value. */
static order order_of(const value *v) {
    if (layout_is_identity(&v->layout, v->shape.rank)) return PLAIN;
    layout batch_last = layout_batch_last(v->shape.rank);
    return layout_equal(&v->layout, &batch_last, v->shape.rank) ? BATCH_LAST : CHANNELS_LAST;
}

/* Multiply-adds that fill vectors badly with channels, against all, decide for the whole graph. */
static order order_choose(const graph *g, int64_t *batch) {
    int64_t few = 0, all = 0;
    *batch = 0;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = g->nodes[i];
        if (n->op->layouts != LAYOUT_IMAGE || !n->op->learnable_inputs || n->in[0]->shape.rank < 3) continue;
        const shape *x = &n->in[0]->shape, *y = &n->out[0]->shape;
        int64_t work = n->op->cost ? n->op->cost(n).multiply_adds : 0;
        all += work;
        if (x->dim[1] < LANES_FEW && y->dim[1] <= 2 * LANES_FEW) few += work;
        *batch = x->dim[0];
    }
    return *batch >= 16 && few * 2 > all ? BATCH_LAST : CHANNELS_LAST;
}

/* An old value's copy in the given order, by a Reorder node if there is none yet. */
static stria_status version(layouter *l, value *old, order o, value **out) {
    *out = NULL;
    if (!old) return STRIA_OK;
    value **known = l->versions[old->id];
    value *base;
    node *copy;
    TRY(graph_map_value(&l->m, old, &base, l->err));
    layout wanted = order_layout(o, old->shape.rank);
    if (layout_equal(&base->layout, &wanted, old->shape.rank)) {
        *out = base;
        return STRIA_OK;
    }
    if (!known[o]) {
        TRY(graph_add_node(l->m.to, &op_Reorder, NULL, &base, 1, NULL, 1, NULL, &copy, l->err));
        copy->out[0]->layout = wanted;
        known[o] = copy->out[0];
    }
    *out = known[o];
    return STRIA_OK;
}

static order order_now(layouter *l, const value *old) {
    const value *v = l->m.value[old->id];
    return v ? order_of(v) : PLAIN;
}

/* Elementwise: all full-sized inputs follow the first one that is not plain. */
static order same_order(layouter *l, const node *n) {
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && shape_equal(&n->in[i]->shape, &n->out[0]->shape) && order_now(l, n->in[i]) != PLAIN)
            return order_now(l, n->in[i]);
    return PLAIN;
}

/* Matrix products, reductions: batch-last goes through where dimension 0 stays the batch. */
static order strided_order(layouter *l, const node *n) {
    const shape *y = &n->out[0]->shape;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && order_now(l, n->in[i]) == BATCH_LAST && y->rank > 1 && y->dim[0] == l->batch) return BATCH_LAST;
    return PLAIN;
}

static order keep_batch_order(layouter *l, const node *n) {
    const shape *x = &n->in[0]->shape, *y = &n->out[0]->shape;
    bool kept = x->rank > 0 && y->rank > 0 && x->dim[0] == y->dim[0];
    return kept && order_now(l, n->in[0]) == BATCH_LAST ? BATCH_LAST : PLAIN;
}

/* The order that input i must have, given what the outputs get. */
static order input_order(layouter *l, const node *n, int i, order outputs) {
    switch (n->op->layouts) {
    case LAYOUT_IMAGE: return i < 32 && n->op->image_inputs >> i & 1 ? l->images : PLAIN;
    case LAYOUT_SAME: return shape_equal(&n->in[i]->shape, &n->out[0]->shape) ? outputs : PLAIN;
    case LAYOUT_STRIDED: return order_now(l, n->in[i]);
    case LAYOUT_KEEP_BATCH: return i == 0 ? outputs : PLAIN;
    case LAYOUT_PLAIN: break;
    }
    return PLAIN;
}

static order output_order(layouter *l, const node *n) {
    switch (n->op->layouts) {
    case LAYOUT_IMAGE: return l->images;
    case LAYOUT_SAME: return same_order(l, n);
    case LAYOUT_STRIDED: return strided_order(l, n);
    case LAYOUT_KEEP_BATCH: return keep_batch_order(l, n);
    case LAYOUT_PLAIN: break;
    }
    return PLAIN;
}

/* Copies the node, then gives its inputs the orders that it wants. */
static stria_status node_layout(layouter *l, const node *n) {
    order outputs = output_order(l, n);
    node *copy;
    value **in;
    TRY(mem_new(&in, (size_t)n->in_count + 1, sizeof *in, "a pass", l->err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < n->in_count; i++) {
        bool residual = i == n->epilogue.residual;
        if (n->in[i]) TRY_DONE(version(l, n->in[i], residual ? outputs : input_order(l, n, i, outputs), &in[i]));
    }
    TRY_DONE(graph_map_node(&l->m, n, &copy, l->err));
    for (int i = 0; i < n->in_count; i++) copy->in[i] = in[i];
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && !(i < 32 && n->op->plain_outputs >> i & 1))
            copy->out[i]->layout = order_layout(outputs, n->out[i]->shape.rank);
done:
    mem_free(in);
    return status;
}

/* What the world reads, and what is kept, is plain: graph outputs and updates are renamed to plain versions. */
static stria_status ends_layout(layouter *l) {
    graph *from = l->m.from;
    value *plain;
    for (int i = 0; i < from->output_count; i++) {
        TRY(version(l, from->outputs[i], PLAIN, &plain));
        l->m.value[from->outputs[i]->id] = plain;
    }
    for (int i = 0; i < from->update_count; i++) {
        TRY(version(l, from->updates[i].next, PLAIN, &plain));
        l->m.value[from->updates[i].next->id] = plain;
    }
    return STRIA_OK;
}

stria_status pass_layout(graph **g, stria_error *err) {
    layouter l = {.err = err};
    graph *done_graph;
    TRY(graph_map_init(&l.m, *g, err));
    stria_status status = STRIA_OK;
    l.images = order_choose(*g, &l.batch);
    TRY_DONE(mem_new(&l.versions, (size_t)(*g)->value_count + 1, sizeof *l.versions, "a pass", err));
    for (int i = 0; i < (*g)->node_count; i++) TRY_DONE(node_layout(&l, (*g)->nodes[i]));
    TRY_DONE(ends_layout(&l));
    TRY_DONE(graph_map_finish(&l.m, &done_graph, err));
    graph_free(*g);
    *g = done_graph;
done:
    if (status != STRIA_OK) graph_map_release(&l.m);
    mem_free(l.versions);
    return status;
}
