#include "evaluate.h"

#include <stdlib.h>

#include "graph/evaluate.h"

#define PORTS 16

static stria_status sources(const graph *g, tensor **contents, stria_error *err) {
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (contents[i] || v->kind == VALUE_NODE) continue;
        if (!v->data) FAIL(err, STRIA_BAD_ARGUMENT, "input '%s' has no contents", v->name);
        contents[i] = tensor_retain(v->data);
    }
    return STRIA_OK;
}

/* + bias[channel] + residual, then the activation. */
static stria_status epilogue(const node *n, tensor **contents, stria_error *err) {
    const node_epilogue *e = &n->epilogue;
    tensor *y = contents[n->out[0]->id];
    int64_t count = shape_count(&y->shape), inner = 1;
    for (int d = 2; d < y->shape.rank; d++) inner *= y->shape.dim[d];
    for (int64_t i = 0; i < count && (e->bias >= 0 || e->residual >= 0); i++) {
        double sum = tensor_f64(y, i);
        if (e->bias >= 0) sum += tensor_f64(contents[n->in[e->bias]->id], i / inner % y->shape.dim[1]);
        if (e->residual >= 0) sum += tensor_f64(contents[n->in[e->residual]->id], i);
        tensor_put(y, i, sum);
    }
    if (!e->activation) return STRIA_OK;
    node activation = {.name = n->name,
                       .op = e->activation,
                       .in = n->out,
                       .out = n->out,
                       .in_count = 1,
                       .out_count = 1,
                       .attributes = (void *)(uintptr_t)e->activation_attributes,
                       .epilogue = {.bias = -1, .residual = -1}};
    return node_evaluate(&activation, (const void *[]){y->data}, (void *[]){y->data}, (evaluate_random){0, 0}, err);
}

static stria_status run(const node *n, tensor **contents, stria_error *err) {
    const void *in[PORTS] = {NULL};
    void *out[PORTS] = {NULL};
    if (n->in_count > PORTS || n->out_count > PORTS) FAIL(err, STRIA_UNSUPPORTED, "too many inputs");
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !(n->op->shape_inputs >> i & 1)) in[i] = contents[n->in[i]->id]->data;
    for (int i = 0; i < n->out_count; i++) {
        if (!n->out[i]) continue;
        tensor **t = &contents[n->out[i]->id];
        tensor_release(*t);
        *t = NULL;
        TRY(tensor_new(t, n->out[i]->type, &n->out[i]->shape, n->out[i]->name, err));
        out[i] = (*t)->data;
    }
    TRY(node_evaluate(n, in, out, (evaluate_random){0, 0}, err));
    return epilogue(n, contents, err);
}

stria_status graph_evaluate(const graph *g, tensor **contents, int last, stria_error *err) {
    TRY(sources(g, contents, err));
    for (int i = 0; i < g->node_count && (last < 0 || i <= last); i++) TRY(run(g->nodes[i], contents, err));
    return STRIA_OK;
}

tensor **contents_new(const graph *g) {
    return calloc((size_t)g->value_count + 1, sizeof(tensor *));
}

void contents_free(const graph *g, tensor **contents) {
    for (int i = 0; contents && i < g->value_count; i++) tensor_release(contents[i]);
    free(contents);
}
