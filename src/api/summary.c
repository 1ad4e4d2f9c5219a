/* What a model is made of, and what it costs. */
#include "api/api.h"
#include "api/sight.h"
#include "graph/op_def.h"
#include "train/heads.h"
#include "train/step.h"

#include <string.h>

/* Elements of the states that this node is the first to read. */
static int64_t own_parameters(const node *n, bool *seen) {
    int64_t count = 0;
    for (int i = 0; i < n->in_count; i++) {
        const value *v = n->in[i];
        if (!v || v->kind != VALUE_STATE || v->role != ROLE_PARAMETER || seen[v->id]) continue;
        seen[v->id] = true;
        count += shape_count(&v->shape);
    }
    return count;
}

static int64_t multiply_adds(const node *n) {
    return n->op->cost ? n->op->cost(n).multiply_adds : 0;
}

/* ---- rows ---- */

/* A summary while it is made: its rows, which are pointed to once they do not move any more. */
typedef struct summary {
    stria_summary s;
    stria_layer_row *layers;
    stria_tensor_row *tensors;
    const char **connected; /* what the layers' `connected` point into */
} summary;

typedef struct rows {
    summary *s;
    bool *seen;   /* states by value: a layer before has counted them */
    sight *sight; /* by value of `one` */
    graph *g, *one;
    const char **names; /* of what layers are connected to, one layer's after the other's */
} rows;

/* The layers and inputs that a layer reads, as far as they are no constants and states. */
static void connected_fill(rows *r, const node *n, stria_layer_row *row) {
    row->connected = r->names;
    for (int i = 0; i < n->in_count; i++) {
        const value *v = n->in[i];
        if (v && v->kind == VALUE_NODE) r->names[row->connected_count++] = v->producer->name;
        else if (v && v->kind == VALUE_INPUT) r->names[row->connected_count++] = v->name;
    }
    r->names += row->connected_count;
}

static void row_fill(rows *r, int k) {
    const node *n = r->g->nodes[k], *one = r->one->nodes[k];
    stria_layer_row *row = &r->s->layers[r->s->s.layer_count++];
    *row = (stria_layer_row){.name = n->name,
                             .type = n->op->name,
                             .output = n->out[0]->name,
                             .rank = one->out[0]->shape.rank,
                             .parameters = own_parameters(n, r->seen),
                             .multiply_adds = multiply_adds(one)};
    memcpy(row->output_shape, one->out[0]->shape.dim, sizeof row->output_shape);
    row->windows = sight_windows(one, row->window) ? 2 : 0;
    sight_of(one, r->sight);
    memcpy(row->receptive_field, r->sight[one->out[0]->id].field, sizeof row->receptive_field);
    memcpy(row->receptive_stride, r->sight[one->out[0]->id].stride, sizeof row->receptive_stride);
    connected_fill(r, n, row);
    r->s->s.multiply_adds = size_add(r->s->s.multiply_adds, row->multiply_adds);
}

/* g: the model's graph, whose names live on. */
static stria_status rows_fill(graph *g, graph *one, summary *s, stria_error *err) {
    rows r = {.s = s, .g = g, .one = one};
    size_t edges = 0;
    stria_status status = STRIA_OK;
    for (int k = 0; k < g->node_count; k++) edges += (size_t)g->nodes[k]->in_count;
    TRY_DONE(mem_new(&s->layers, (size_t)g->node_count + 1, sizeof *s->layers, "the summary", err));
    TRY_DONE(mem_new(&s->connected, edges + 1, sizeof *s->connected, "the summary", err));
    TRY_DONE(mem_new(&r.seen, (size_t)g->value_count + 1, sizeof *r.seen, "the summary", err));
    TRY_DONE(mem_new(&r.sight, (size_t)one->value_count + 1, sizeof *r.sight, "the summary", err));
    r.names = s->connected;
    for (int i = 0; i < one->input_count; i++)
        if (one->inputs[i]->shape.rank == 4) r.sight[one->inputs[i]->id] = (sight){{1, 1}, {1, 1}};
    for (int k = 0; k < g->node_count; k++) row_fill(&r, k);
done:
    mem_free(r.seen);
    mem_free(r.sight);
    return status;
}

static const char *role_text(const value *v) {
    if (v->role == ROLE_PARAMETER) return v->frozen ? "frozen" : "parameter";
    return v->role == ROLE_STATISTIC ? "statistic" : "variable";
}

static stria_status tensors_fill(const graph *g, summary *s, stria_error *err) {
    TRY(mem_new(&s->tensors, (size_t)g->value_count + 1, sizeof *s->tensors, "the summary", err));
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->kind != VALUE_STATE) continue;
        stria_tensor_row *row = &s->tensors[s->s.tensor_count++];
        *row = (stria_tensor_row){.name = v->name, .role = role_text(v), .type = v->type, .rank = v->shape.rank};
        memcpy(row->shape, v->shape.dim, sizeof row->shape);
    }
    return STRIA_OK;
}

/* Workspace and packed weights of a program, without allocating them. */
static stria_status program_bytes(graph *g, uint64_t *bytes, stria_error *err) {
    program_config config = {.optimize = true, .plan_only = true};
    program *p;
    TRY(machine_kernels(NULL, &config.ks, err));
    TRY(program_new(&p, g, &config, NULL, err));
    *bytes = p->plan.workspace_bytes + p->packed_bytes + p->own_bytes;
    program_release(p);
    return STRIA_OK;
}

static void states_count(const graph *g, stria_summary *s, uint64_t *bytes) {
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        int64_t count = shape_count(&v->shape);
        if (v->kind != VALUE_STATE) continue;
        *bytes += value_bytes(v);
        *(v->role == ROLE_PARAMETER ? &s->parameters : &s->buffers) += count;
        if (v->role == ROLE_PARAMETER && v->frozen) s->frozen += count;
    }
}

/* g: the whole model; used: without auxiliary heads. */
static stria_status memory_fill(graph *g, graph *used, int64_t batch, stria_summary *s, stria_error *err) {
    graph *forward, *step;
    uint64_t states = 0, unused = 0;
    stria_summary whole = {0};
    stria_error reason;
    recipe r = recipe_standard();
    TRY(graph_for_batch(used, batch, &forward, err));
    stria_status status = program_bytes(forward, &s->inference_bytes, err);
    graph_free(forward);
    TRY(status);
    states_count(used, s, &states);
    states_count(g, &whole, &unused);
    s->auxiliary = whole.parameters - s->parameters;
    s->inference_bytes += states;
    status = step_graph(g, batch, &r, &step, &reason);
    if (status == STRIA_NO_MEMORY) FAIL(err, status, "%s", reason.text);
    if (status != STRIA_OK) return STRIA_OK; /* what is not a classifier of pictures has no training step of its own */
    status = program_bytes(step, &s->training_bytes, err);
    step_memory m = step_memory_of(step);
    s->training_bytes += m.parameter_bytes + m.optimizer_bytes;
    graph_free(step);
    return status;
}

/* The model's own node or value of a name in a copy, since what a summary names lives as long as the model. */
static void names_keep(const graph *g, summary *s) {
    for (int i = 0; i < s->s.layer_count; i++) {
        const node *n = graph_find_node(g, s->layers[i].name);
        s->layers[i].name = n->name;
        s->layers[i].output = n->out[0]->name;
        for (int k = 0; k < s->layers[i].connected_count; k++) {
            const char **name = (const char **)(uintptr_t)&s->layers[i].connected[k];
            const node *from = graph_find_node(g, *name);
            *name = from ? from->name : graph_find_value(g, *name)->name;
        }
    }
}

/* The rows and the lists of pointers to them in one block, which the caller frees as summary.memory. */
static stria_status rows_list(summary *s, stria_error *err) {
    size_t layers = (size_t)s->s.layer_count, tensors = (size_t)s->s.tensor_count, names = 0;
    for (size_t i = 0; i < layers; i++) names += (size_t)s->layers[i].connected_count;
    stria_layer_row *layer;
    TRY(mem_new(&layer, 1,
                layers * (sizeof *layer + sizeof layer) + tensors * (sizeof *s->tensors + sizeof layer) +
                    names * sizeof *s->connected + 1,
                "the summary", err));
    stria_tensor_row *tensor = (stria_tensor_row *)(void *)(layer + layers);
    const stria_layer_row **layer_list = (const stria_layer_row **)(void *)(tensor + tensors);
    const stria_tensor_row **tensor_list = (const stria_tensor_row **)(void *)(layer_list + layers);
    const char **connected = (const char **)(void *)(tensor_list + tensors);
    for (size_t i = 0; i < layers; i++) {
        layer[i] = s->layers[i];
        for (int k = 0; k < layer[i].connected_count; k++) connected[k] = layer[i].connected[k];
        layer[i].connected = connected;
        connected += layer[i].connected_count;
        layer_list[i] = &layer[i];
    }
    for (size_t i = 0; i < tensors; i++) tensor[i] = s->tensors[i], tensor_list[i] = &tensor[i];
    s->s.layers = layer_list;
    s->s.tensors = tensor_list;
    s->s.memory = layer;
    return STRIA_OK;
}

static stria_status summary_fill(graph *g, graph *used, int64_t batch, summary *s, stria_error *err) {
    graph *one;
    TRY(graph_for_batch(used, 1, &one, err));
    stria_status status = rows_fill(used, one, s, err);
    graph_free(one);
    TRY(status);
    names_keep(g, s);
    TRY(tensors_fill(g, s, err));
    TRY(memory_fill(g, used, batch, &s->s, err));
    return rows_list(s, err);
}

stria_status stria_summarize(const stria_model *model, int64_t batch, stria_summary *out, stria_error *err) {
    summary s = {0};
    graph *used;
    TRY(output_check(out, "stria_summary", err));
    if (batch < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)batch);
    TRY(heads_drop(model->g, &used, err));
    stria_status status = summary_fill(model->g, used, batch, &s, err);
    graph_free(used);
    if (status == STRIA_OK) output_give(out, &s.s, sizeof s.s);
    mem_free(s.layers);
    mem_free((void *)s.connected);
    mem_free(s.tensors);
    return status;
}

void stria_summary_release(stria_summary *s) {
    mem_free(s->memory);
    output_give(s, &(stria_summary){0}, sizeof *s);
}
