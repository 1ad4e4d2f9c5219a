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

/* A summary while it is made. All of it, the names too, is in one arena, since callers keep it longer than the model.
 */
typedef struct summary {
    stria_summary s;
    arena *memory;
    stria_layer_row *layers;
    stria_tensor_row *tensors;
    const stria_layer_row **layer_list;
    const stria_tensor_row **tensor_list;
    bool lost; /* a name, for lack of memory */
} summary;

static const char *name_keep(summary *s, const char *name) {
    const char *kept = arena_strdup(s->memory, name);
    s->lost = s->lost || !kept;
    return kept;
}

typedef struct rows {
    summary *s;
    bool *seen;   /* states by value: a layer before has counted them */
    sight *sight; /* by value of `one` */
    graph *g, *one;
    const char **names; /* of what layers are connected to, one layer's after the other's */
} rows;

/* The layers and inputs that a layer reads, without constants and states. */
static void connected_fill(rows *r, const node *n, stria_layer_row *row) {
    row->connected = r->names;
    for (int i = 0; i < n->in_count; i++) {
        const value *v = n->in[i];
        if (v && v->kind == VALUE_NODE) r->names[row->connected_count++] = name_keep(r->s, v->producer->name);
        else if (v && v->kind == VALUE_INPUT) r->names[row->connected_count++] = name_keep(r->s, v->name);
    }
    r->names += row->connected_count;
}

static void row_fill(rows *r, int k) {
    const node *n = r->g->nodes[k], *one = r->one->nodes[k];
    stria_layer_row *row = &r->s->layers[r->s->s.layer_count];
    r->s->layer_list[r->s->s.layer_count++] = row;
    *row = (stria_layer_row){.name = name_keep(r->s, n->name),
                             .type = n->op->name,
                             .output = name_keep(r->s, n->out[0]->name),
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

static stria_status rows_fill(graph *g, graph *one, summary *s, stria_error *err) {
    rows r = {.s = s, .g = g, .one = one};
    size_t edges = 0, layers = (size_t)g->node_count + 1;
    stria_status status = STRIA_OK;
    for (int k = 0; k < g->node_count; k++) edges += (size_t)g->nodes[k]->in_count;
    s->layers = arena_alloc(s->memory, layers * sizeof *s->layers);
    s->layer_list = arena_alloc(s->memory, layers * sizeof(void *));
    r.names = arena_alloc(s->memory, (edges + 1) * sizeof(void *));
    if (!s->layers || !s->layer_list || !r.names) FAIL(err, STRIA_NO_MEMORY, "no memory for the summary");
    TRY_DONE(mem_new(&r.seen, (size_t)g->value_count + 1, sizeof *r.seen, "the summary", err));
    TRY_DONE(mem_new(&r.sight, (size_t)one->value_count + 1, sizeof *r.sight, "the summary", err));
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
    size_t tensors = (size_t)g->value_count + 1;
    s->tensors = arena_alloc(s->memory, tensors * sizeof *s->tensors);
    s->tensor_list = arena_alloc(s->memory, tensors * sizeof(void *));
    if (!s->tensors || !s->tensor_list) FAIL(err, STRIA_NO_MEMORY, "no memory for the summary");
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->kind != VALUE_STATE) continue;
        stria_tensor_row *row = &s->tensors[s->s.tensor_count];
        s->tensor_list[s->s.tensor_count++] = row;
        *row = (stria_tensor_row){
            .name = name_keep(s, v->name), .role = role_text(v), .type = v->type, .rank = v->shape.rank};
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
    recipe r = recipe_standard(g);
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

static stria_status summary_fill(graph *g, graph *used, int64_t batch, summary *s, stria_error *err) {
    graph *one;
    TRY(graph_for_batch(used, 1, &one, err));
    stria_status status = rows_fill(used, one, s, err);
    graph_free(one);
    TRY(status);
    TRY(tensors_fill(g, s, err));
    if (s->lost) FAIL(err, STRIA_NO_MEMORY, "no memory for the summary's names");
    s->s.layers = s->layer_list;
    s->s.tensors = s->tensor_list;
    s->s.memory = s->memory;
    return memory_fill(g, used, batch, &s->s, err);
}

stria_status stria_summarize(const stria_model *model, int64_t batch, stria_summary *out, stria_error *err) {
    summary s = {0};
    graph *used;
    TRY(struct_check(out, "stria_summary", err));
    if (batch < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)batch);
    TRY(mem_new(&s.memory, 1, sizeof *s.memory, "the summary", err));
    stria_status status = heads_drop(model->g, &used, err);
    if (status == STRIA_OK) {
        status = summary_fill(model->g, used, batch, &s, err);
        graph_free(used);
    }
    if (status == STRIA_OK) output_give(out, &s.s, sizeof s.s);
    else arena_free(s.memory);
    return status;
}

void stria_summary_release(stria_summary *s) {
    arena_free(s->memory);
    output_give(s, &(stria_summary){0}, sizeof *s);
}
