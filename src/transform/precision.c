/* Types that are computed with: float16 and bfloat16 are stored, float32 computes. Inside the graph every such value
 * becomes float32; inputs are cast when they come in, outputs rounded when they leave, nothing is rounded between. */
#include "op/shape.h"
#include "transform/transform.h"

typedef struct widener {
    graph_map m;
    bool ports; /* float64 too, and inputs and outputs themselves: no casts */
    stria_error *err;
} widener;

static bool widens(const widener *w, dtype t) {
    return t == STRIA_FLOAT16 || t == STRIA_BFLOAT16 || (w->ports && t == STRIA_FLOAT64);
}

static stria_status cast_append(widener *w, value *v, dtype to, value **out) {
    node *n;
    cast_attributes a = {.to = (int64_t)to, .saturate = 1};
    TRY(graph_add_node(w->m.to, &op_Cast, NULL, &v, 1, &a, 1, NULL, &n, w->err));
    *out = n->out[0];
    return STRIA_OK;
}

/* Contents of a constant or state as float32. */
static stria_status contents_widen(widener *w, value *v) {
    tensor *wide;
    if (!v->data) return STRIA_OK;
    TRY(tensor_raw(&wide, STRIA_FLOAT32, &v->shape, v->name, w->err));
    int64_t count = shape_count(&v->shape);
    for (int64_t i = 0; i < count; i++) ((float *)wide->data)[i] = (float)tensor_f64(v->data, i);
    tensor_release(v->data);
    v->data = wide;
    return STRIA_OK;
}

/* Makes the float32 image of an input, constant or state, unless it is there. */
static stria_status source_widen(widener *w, value *old) {
    value *v;
    if (!old || old->kind == VALUE_NODE || w->m.value[old->id]) return STRIA_OK;
    TRY(graph_map_value(&w->m, old, &v, w->err));
    if (!widens(w, old->type)) return STRIA_OK;
    if ((old->kind == VALUE_INPUT || old->optional) && !w->ports)
        return cast_append(w, v, STRIA_FLOAT32, &w->m.value[old->id]);
    v->type = STRIA_FLOAT32;
    return contents_widen(w, v);
}

/* A cast to a stored type is one to float32; of operators whose attributes name the type, the result is cast. */
static stria_status node_widen(widener *w, const node *n) {
    node changed = *n, *copy;
    cast_attributes cast;
    for (int i = 0; i < n->in_count; i++) TRY(source_widen(w, n->in[i]));
    if (n->op == &op_Cast) {
        cast = *(const cast_attributes *)n->attributes;
        if (widens(w, (dtype)cast.to)) cast.to = STRIA_FLOAT32;
        changed.attributes = &cast;
    }
    TRY(graph_map_node(&w->m, &changed, &copy, w->err));
    for (int i = 0; i < copy->out_count; i++)
        if (copy->out[i] && widens(w, copy->out[i]->type))
            TRY(cast_append(w, copy->out[i], STRIA_FLOAT32, &w->m.value[n->out[i]->id]));
    return STRIA_OK;
}

/* Outputs leave in the type that the model says. */
static stria_status outputs_narrow(widener *w) {
    const graph *from = w->m.from;
    for (int i = 0; i < from->output_count; i++) {
        const value *old = from->outputs[i];
        value **v = &w->m.value[old->id];
        TRY(source_widen(w, from->outputs[i]));
        if (!w->ports && widens(w, old->type) && (*v)->type != old->type) TRY(cast_append(w, *v, old->type, v));
    }
    return STRIA_OK;
}

static bool any_widens(const widener *w, const graph *g) {
    for (int i = 0; i < g->value_count; i++)
        if (widens(w, g->values[i]->type)) return true;
    return false;
}

static stria_status widen(graph **g, bool ports, stria_error *err) {
    widener w = {.ports = ports, .err = err};
    graph *wide;
    if (!any_widens(&w, *g)) return STRIA_OK;
    TRY(graph_map_init(&w.m, *g, err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < (*g)->input_count; i++) TRY_DONE(source_widen(&w, (*g)->inputs[i]));
    for (int i = 0; i < (*g)->node_count; i++) TRY_DONE(node_widen(&w, (*g)->nodes[i]));
    for (int i = 0; i < (*g)->value_count; i++)
        if ((*g)->values[i]->kind == VALUE_STATE) TRY_DONE(source_widen(&w, (*g)->values[i]));
    TRY_DONE(outputs_narrow(&w));
    TRY_DONE(graph_map_finish(&w.m, &wide, err));
    graph_free(*g);
    *g = wide;
done:
    if (status != STRIA_OK) graph_map_release(&w.m);
    return status;
}

stria_status pass_precision(graph **g, stria_error *err) {
    return widen(g, false, err);
}

stria_status graph_float32(graph **g, stria_error *err) {
    return widen(g, true, err);
}
