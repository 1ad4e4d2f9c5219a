/* The planned workspace, piece by piece. */
#include "api/api.h"
#include "graph/op_def.h"
#include "run/program.h"
#include "train/heads.h"
#include "train/step.h"

#include <stdlib.h>
#include <string.h>

/* While a map is made of a program. */
typedef struct mapping {
    const program *p;
    stria_memory_map *map;
    arena *memory; /* of all that the map points to */
    const stria_memory_block **blocks;
    bool *of_parameter; /* by value: the gradient of a parameter, as the optimiser reads it */
} mapping;

/* Values of a state's shape that the node of its update reads beside it. */
static void parameter_gradients_find(mapping *m) {
    const graph *g = m->p->g;
    for (int i = 0; i < g->update_count; i++) {
        const value *state = g->updates[i].state, *next = g->updates[i].next;
        if (state->role != ROLE_PARAMETER || next->kind != VALUE_NODE) continue;
        for (int k = 0; k < next->producer->in_count; k++) {
            const value *in = next->producer->in[k];
            if (in && in->kind == VALUE_NODE && shape_equal(&in->shape, &state->shape))
                m->of_parameter[m->p->plan.root[in->id]] = true;
        }
    }
}

static const char *kind_of(const mapping *m, const value *v) {
    if (v->kind == VALUE_INPUT) return "input";
    if (m->of_parameter[v->id]) return "parameter gradient";
    return v->producer->origin && *v->producer->origin ? "gradient" : "activation";
}

static stria_status no_memory(stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for the memory map");
}

static stria_status block_add(mapping *m, const char *name, const char *kind, const interval *i, stria_error *err) {
    if (!i->bytes) return STRIA_OK;
    stria_memory_map *map = m->map;
    const char *copy = arena_strdup(m->memory, name);
    stria_memory_block *block = arena_alloc(m->memory, sizeof *block);
    int end = map->node_count > 0 ? map->node_count - 1 : 0;
    if (!copy || !block) return no_memory(err);
    *block = (stria_memory_block){
        copy, kind, i->offset, i->bytes, i->first < end ? i->first : end, i->last < end ? i->last : end};
    m->blocks[map->block_count++] = block;
    return STRIA_OK;
}

static stria_status blocks_fill(mapping *m, stria_error *err) {
    const program *p = m->p;
    const graph *g = p->g;
    size_t most = (size_t)g->value_count + (size_t)g->node_count + (size_t)g->update_count + 1;
    m->blocks = arena_alloc(m->memory, most * sizeof(void *));
    if (!m->blocks) return no_memory(err);
    for (int v = 0; v < g->value_count; v++)
        if (p->plan.values[v].bytes)
            TRY(block_add(m, g->values[v]->name, kind_of(m, g->values[v]), &p->plan.values[v], err));
    for (int k = 0; k < g->node_count; k++)
        TRY(block_add(m, p->nodes[k].node->name, "scratch", &p->plan.scratch[k], err));
    for (int i = 0; i < g->update_count; i++)
        TRY(block_add(m, g->updates[i].state->name, "update", &p->plan.staging[i], err));
    return STRIA_OK;
}

/* What is in use while each node runs. */
static stria_status peak_find(stria_memory_map *map, stria_error *err) {
    int64_t *change, used = 0;
    TRY(mem_new(&change, (size_t)map->node_count + 2, sizeof *change, "the memory map", err));
    for (int i = 0; i < map->block_count; i++) {
        change[map->blocks[i]->first] += (int64_t)map->blocks[i]->bytes;
        change[map->blocks[i]->last + 1] -= (int64_t)map->blocks[i]->bytes;
    }
    for (int k = 0; k < map->node_count; k++) {
        used += change[k];
        if ((uint64_t)used > map->peak_bytes) map->peak_bytes = (uint64_t)used, map->peak = k;
    }
    mem_free(change);
    return STRIA_OK;
}

static int largest_first(const void *a, const void *b) {
    const stria_memory_block *x = *(const stria_memory_block *const *)a, *y = *(const stria_memory_block *const *)b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    return x->first != y->first ? x->first - y->first : x->offset < y->offset ? -1 : x->offset > y->offset;
}

static stria_status map_fill(mapping *m, stria_error *err) {
    const program *p = m->p;
    stria_memory_map *map = m->map;
    map->workspace_bytes = p->plan.workspace_bytes;
    map->node_count = map->backward = p->g->node_count;
    const char **nodes = arena_alloc(m->memory, ((size_t)map->node_count + 1) * sizeof *nodes);
    if (!nodes) return no_memory(err);
    map->nodes = nodes;
    for (int k = map->node_count - 1; k >= 0; k--) {
        const node *n = p->nodes[k].node;
        nodes[k] = arena_strdup(m->memory, n->name);
        if (!nodes[k]) return no_memory(err);
        if (n->origin && *n->origin) map->backward = k;
    }
    TRY(mem_new(&m->of_parameter, (size_t)p->g->value_count + 1, sizeof *m->of_parameter, "the memory map", err));
    parameter_gradients_find(m);
    TRY(blocks_fill(m, err));
    qsort(m->blocks, (size_t)map->block_count, sizeof *m->blocks, largest_first);
    map->blocks = m->blocks;
    return peak_find(map, err);
}

static stria_status graph_make(const stria_model *model, int64_t batch, bool train, graph **out, stria_error *err) {
    recipe r = recipe_standard(model->g);
    graph *used;
    if (train) return step_graph(model->g, batch, &r, out, err);
    TRY(heads_drop(model->g, &used, err));
    stria_status status = graph_for_batch(used, batch, out, err);
    graph_free(used);
    return status;
}

stria_status stria_map_memory(const stria_model *model, int64_t batch, bool train, stria_memory_map *out,
                              stria_error *err) {
    program_config config = {.optimize = true, .plan_only = true};
    stria_memory_map map = {0};
    program *p = NULL;
    graph *g;
    TRY(struct_check(out, "stria_memory_map", err));
    if (batch < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)batch);
    TRY(machine_kernels(NULL, &config.ks, err));
    TRY(graph_make(model, batch, train, &g, err));
    stria_status status = program_new(&p, g, &config, NULL, err);
    graph_free(g);
    mapping m = {.p = p, .map = &map};
    if (status == STRIA_OK) status = mem_new(&m.memory, 1, sizeof *m.memory, "the memory map", err);
    if (status == STRIA_OK) status = map_fill(&m, err);
    mem_free(m.of_parameter);
    program_release(p);
    map.memory = m.memory;
    if (status == STRIA_OK) output_give(out, &map, sizeof map);
    else arena_free(m.memory);
    return status;
}

void stria_memory_map_release(stria_memory_map *map) {
    arena_free(map->memory);
    output_give(map, &(stria_memory_map){0}, sizeof *map);
}
