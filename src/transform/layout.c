/* Storage orders. Meaning stays NCHW; memory is channels-last, so that channels are the vector lanes, or batch-last
 * where channels are few and images many: then every lane is an image. A convolution stays plain, so that the pixels of
 * a row are the lanes, where channels and images are few (a digit to be read), or where two reorders would be for it
 * alone. Conversions are Reorder nodes; each order of a value is made once. */
#include "transform/transform.h"

typedef struct layouter {
    graph_map m;
    const target *target;
    order images; /* what image tensors get; PLAIN: each operator as image_order says */
    int64_t batch;
    int *readers;               /* by value of the old graph: nodes that read it in the order of images */
    value *(*versions)[ORDERS]; /* by value of the old graph: its copies in each order */
    stria_error *err;
} layouter;

static layout order_layout(order o, int rank) {
    return o == CHANNELS_LAST ? layout_channels_last(rank)
           : o == BATCH_LAST  ? layout_batch_last(rank)
                              : layout_identity();
}

/* The order of a new value. */
static order order_of(const value *v) {
    if (layout_is_identity(&v->layout, v->shape.rank)) return PLAIN;
    layout batch_last = layout_batch_last(v->shape.rank);
    return layout_equal(&v->layout, &batch_last, v->shape.rank) ? BATCH_LAST : CHANNELS_LAST;
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

/* Copies: as the first input of the output's rank that is not plain; they take the others in any order. */
static order follow_order(layouter *l, const node *n) {
    int rank = n->out[0] ? n->out[0]->shape.rank : n->in[0]->shape.rank;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && n->in[i]->shape.rank == rank && order_now(l, n->in[i]) != PLAIN) return order_now(l, n->in[i]);
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

/* A convolution that two reorders would be for, which would cost more than they gain: it reads what is plain, and
 * nobody reads its result as an image. */
static bool lone(layouter *l, const node *n) {
    if (n->op != &op_Conv || order_now(l, n->in[0]) != PLAIN) return false;
    return l->readers[n->in[0]->id] == 1 && l->readers[n->out[0]->id] == 0 && !l->target->repays(n);
}

/* Of an operator on images. Poolings and normalisations follow what they read. */
static order image_order(layouter *l, const node *n) {
    if (n->in[0]->shape.rank > 4 || lone(l, n)) return PLAIN; /* no target has another order for three dimensions */
    if (l->images != PLAIN) return l->images;
    return n->op->product ? l->target->product_order(n) : order_now(l, n->in[0]);
}

/* The order that input i must have, given what the outputs get. */
static order input_order(layouter *l, const node *n, int i, order outputs) {
    switch (n->op->layouts) {
    case LAYOUT_IMAGE:
        return i < 32 && n->op->image_inputs >> i & 1 ? outputs : PLAIN;
    case LAYOUT_SAME:
        return shape_equal(&n->in[i]->shape, &n->out[0]->shape) ? outputs : PLAIN;
    case LAYOUT_STRIDED:
    case LAYOUT_FOLLOW:
        return order_now(l, n->in[i]);
    case LAYOUT_KEEP_BATCH:
        return i == 0 ? outputs : PLAIN;
    case LAYOUT_PLAIN:
        break;
    }
    return PLAIN;
}

static order output_order(layouter *l, const node *n) {
    switch (n->op->layouts) {
    case LAYOUT_IMAGE:
        return image_order(l, n);
    case LAYOUT_SAME:
        return same_order(l, n);
    case LAYOUT_STRIDED:
        return strided_order(l, n);
    case LAYOUT_FOLLOW:
        return follow_order(l, n);
    case LAYOUT_KEEP_BATCH:
        return keep_batch_order(l, n);
    case LAYOUT_PLAIN:
        break;
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

static void readers_count(layouter *l, const graph *g) {
    for (int i = 0; i < g->node_count; i++) {
        const node *n = g->nodes[i];
        if (n->op->layouts == LAYOUT_PLAIN || n->op->layouts == LAYOUT_KEEP_BATCH) continue;
        for (int k = 0; k < n->in_count; k++)
            if (n->in[k]) l->readers[n->in[k]->id]++;
    }
}

stria_status pass_layout(graph **g, const target *target, stria_error *err) {
    layouter l = {.target = target, .err = err};
    graph *done_graph;
    TRY(graph_map_init(&l.m, *g, err));
    stria_status status = STRIA_OK;
    l.images = target->graph_order(*g, &l.batch);
    TRY_DONE(mem_new(&l.versions, (size_t)(*g)->value_count + 1, sizeof *l.versions, "a pass", err));
    TRY_DONE(mem_new(&l.readers, (size_t)(*g)->value_count + 1, sizeof *l.readers, "a pass", err));
    readers_count(&l, *g);
    for (int i = 0; i < (*g)->node_count; i++) TRY_DONE(node_layout(&l, (*g)->nodes[i]));
    TRY_DONE(ends_layout(&l));
    TRY_DONE(graph_map_finish(&l.m, &done_graph, err));
    graph_free(*g);
    *g = done_graph;
done:
    if (status != STRIA_OK) graph_map_release(&l.m);
    mem_free(l.versions);
    mem_free(l.readers);
    return status;
}
