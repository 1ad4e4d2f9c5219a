/* From a model as it is used to one that learns: batch normalisation by the batch's own statistics, which also move the
 * running ones; dropout that drops. */
#include "op/dropout.h"
#include "op/norm.h"
#include "transform/transform.h"

enum { SCALE = 1, BIAS, MEAN, VARIANCE, INPUTS };

/* Running statistics stay as they are where they are not variables, or frozen, or scale and bias are. */
static bool learns(const node *n) {
    if (n->op != &op_BatchNormalization || !norm_given_statistics(n)) return false;
    for (int i = MEAN; i < INPUTS; i++)
        if (n->in[i]->kind != VALUE_STATE || n->in[i]->frozen) return false;
    return !(n->in[SCALE]->frozen && n->in[BIAS]->frozen);
}

/* What a statistic shared by several layers is after those before: they move it one after the other. */
static value *current(const graph *g, value *state) {
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].state == state) return g->updates[i].next;
    return state;
}

static stria_status update_bind(graph *g, value *state, value *next, stria_error *err) {
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].state == state) {
            g->updates[i].next = next;
            return STRIA_OK;
        }
    return graph_add_update(g, state, next, err);
}

static stria_status batch_norm_learn(graph_map *m, const node *n, stria_error *err) {
    norm_attributes a = *(const norm_attributes *)n->attributes;
    const char *names[INPUTS] = {n->out[0]->name};
    value *in[INPUTS], *state[INPUTS] = {NULL};
    node *made;
    a.training_mode = 1;
    for (int i = 0; i < INPUTS; i++) TRY(graph_map_value(m, n->in[i], &in[i], err));
    for (int i = MEAN; i < INPUTS; i++) {
        state[i] = in[i];
        in[i] = current(m->to, in[i]);
    }
    TRY(graph_add_node(m->to, n->op, n->name, in, INPUTS, &a, INPUTS, names, &made, err));
    for (int i = MEAN; i < INPUTS; i++) TRY(update_bind(m->to, state[i], made->out[i - MEAN + 1], err));
    m->value[n->out[0]->id] = made->out[0];
    return STRIA_OK;
}

static stria_status dropout_learn(graph_map *m, const node *n, stria_error *err) {
    builder b = {m->to, n->name, STRIA_OK, err};
    const char *names[2] = {n->out[0]->name, n->out_count > 1 && n->out[1] ? n->out[1]->name : ""};
    value *in[3] = {NULL};
    node *made;
    TRY(graph_map_value(m, n->in[0], &in[0], err));
    if (n->in_count > 1) TRY(graph_map_value(m, n->in[1], &in[1], err));
    in[2] = build_scalar(&b, STRIA_BOOL, 1);
    TRY(b.status);
    TRY(graph_add_node(m->to, n->op, n->name, in, 3, n->attributes, n->out_count, names, &made, err));
    made->stream = n->stream;
    for (int k = 0; k < n->out_count; k++)
        if (n->out[k]) m->value[n->out[k]->id] = made->out[k];
    return STRIA_OK;
}

stria_status pass_training(graph **g, stria_error *err) {
    graph_map m;
    graph *learning;
    node *copy;
    TRY(graph_map_init(&m, *g, err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < (*g)->node_count; i++) {
        const node *n = (*g)->nodes[i];
        if (learns(n)) TRY_DONE(batch_norm_learn(&m, n, err));
        else if (n->op == &op_Dropout) TRY_DONE(dropout_learn(&m, n, err));
        else TRY_DONE(graph_map_node(&m, n, &copy, err));
    }
    TRY_DONE(graph_map_finish(&m, &learning, err));
    graph_free(*g);
    *g = learning;
done:
    if (status != STRIA_OK) graph_map_release(&m);
    return status;
}
