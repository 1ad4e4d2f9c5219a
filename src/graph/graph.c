#include "graph/graph.h"

#include "base/random.h"
#include "base/sizes.h"
#include "graph/known.h"
#include "graph/names.h"
#include "graph/op_def.h"

#include <inttypes.h>
#include <string.h>

#define INFER_TOTAL ((int64_t)1 << 24) /* steps of all shape rules of a graph, which is copied a dozen times */

static stria_status no_memory(const graph *g, stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for graph '%s'", g->name ? g->name : "");
}

stria_status graph_new(graph **out, const char *name, stria_error *err) {
    graph *g;
    TRY(mem_new(&g, 1, sizeof *g, "a graph", err));
    arena_init(&g->arena);
    g->known_left = KNOWN_TOTAL;
    g->infer_left = INFER_TOTAL;
    stria_status status = name_table_new(&g->names, err);
    if (status == STRIA_OK && !(g->name = arena_strdup(&g->arena, name ? name : "graph"))) status = no_memory(g, err);
    if (status != STRIA_OK) {
        graph_free(g);
        return status;
    }
    *out = g;
    return STRIA_OK;
}

void graph_free(graph *g) {
    if (!g) return;
    for (int i = 0; i < g->value_count; i++) tensor_release(g->values[i]->data);
    for (int i = 0; i < g->node_count; i++) attributes_release(g->nodes[i]->op, g->nodes[i]->attributes);
    name_table_free(g->names);
    mem_free(g->values);
    mem_free(g->nodes);
    mem_free(g->inputs);
    mem_free(g->outputs);
    mem_free((void *)g->output_names);
    mem_free(g->updates);
    mem_free(g->metadata);
    arena_release(&g->arena);
    mem_free(g);
}

static bool name_taken(const graph *g, const char *name) {
    for (; g; g = g->copied_from)
        if (name_table_value(g->names, name) || name_table_node(g->names, name)) return true;
    return false;
}

/* The first unused name of prefix and number, from `least` up. Numbers once found taken are not tried again. */
static const char *numbered(graph *g, const char *prefix, int least) {
    int *taken = name_table_count(g->names, &g->arena, prefix);
    if (!taken) return NULL;
    for (;; ++*taken) {
        char *name = arena_printf(&g->arena, "%s%d", prefix, least + *taken);
        if (!name || !name_taken(g, name)) return name;
    }
}

const char *graph_fresh_name(graph *g, const char *stem) {
    if (!name_taken(g, stem)) return arena_strdup(&g->arena, stem);
    const char *prefix = arena_printf(&g->arena, "%s_", stem);
    return prefix ? numbered(g, prefix, 2) : NULL;
}

const char *graph_numbered_name(graph *g, const char *stem) {
    return numbered(g, stem, 1);
}

const char *graph_scope_name(graph *g, const char *stem) {
    const char *name = numbered(g, stem, 1);
    int *taken = name_table_count(g->names, &g->arena, stem);
    if (!name || !taken) return NULL;
    ++*taken;
    return name;
}

struct scope {
    const char *prefix; /* "layer1.0." */
    struct scope *outer;
};

stria_status graph_scope_enter(graph *g, const char *name, stria_error *err) {
    struct scope *inner = arena_alloc(&g->arena, sizeof *inner);
    char *prefix = arena_printf(&g->arena, "%s%s.", g->scope ? g->scope->prefix : "", name);
    if (!inner || !prefix) FAIL(err, STRIA_NO_MEMORY, "not enough memory for scope '%s'", name);
    *inner = (struct scope){prefix, g->scope};
    g->scope = inner;
    return STRIA_OK;
}

void graph_scope_leave(graph *g) {
    if (g->scope) g->scope = g->scope->outer;
}

const char *graph_scoped_name(graph *g, const char *name) {
    return g->scope ? arena_printf(&g->arena, "%s%s", g->scope->prefix, name) : name;
}

/* A value with a copied name, registered; on failure the graph is as it was. */
static stria_status value_add(graph *g, const char *name, const char *stem, value_kind kind, value **out,
                              stria_error *err) {
    if (name && name_table_value(g->names, name)) FAIL(err, STRIA_BAD_ARGUMENT, "two tensors are named '%s'", name);
    TRY(mem_reserve(&g->values, &g->value_capacity, g->value_count + 1, sizeof *g->values, "tensors", err));
    value *v = arena_alloc(&g->arena, sizeof *v);
    const char *copy = name ? arena_strdup(&g->arena, name) : graph_fresh_name(g, stem);
    if (!v || !copy) return no_memory(g, err);
    *v = (value){.id = g->value_count, .name = copy, .kind = kind, .layout = layout_identity()};
    TRY(name_table_put_value(g->names, copy, v, err));
    g->values[g->value_count++] = v;
    *out = v;
    return STRIA_OK;
}

static void value_undo(graph *g, value *v) {
    tensor_release(v->data);
    name_table_drop_value(g->names, v->name);
    g->value_count--;
}

static stria_status list_add(void *items, int *capacity, int *count, value *v, stria_error *err) {
    value ***list = items;
    TRY(mem_reserve(list, capacity, *count + 1, sizeof **list, "graph inputs and outputs", err));
    (*list)[(*count)++] = v;
    return STRIA_OK;
}

stria_status graph_add_input(graph *g, const char *name, dtype type, const shape *shape, value **out,
                             stria_error *err) {
    value *v;
    TRY(shape_check(shape, type, err, "input '%s'", name ? name : ""));
    TRY(value_add(g, name, "input", VALUE_INPUT, &v, err));
    v->type = type;
    v->shape = *shape;
    stria_status status = list_add(&g->inputs, &g->input_capacity, &g->input_count, v, err);
    if (status != STRIA_OK) value_undo(g, v);
    else *out = v;
    return status;
}

static stria_status value_add_tensor(graph *g, const char *name, const char *stem, value_kind kind, tensor *data,
                                     value **out, stria_error *err) {
    TRY(value_add(g, name, stem, kind, out, err));
    (*out)->type = data->type;
    (*out)->shape = data->shape;
    (*out)->data = tensor_retain(data);
    return STRIA_OK;
}

stria_status graph_add_constant(graph *g, const char *name, tensor *data, value **out, stria_error *err) {
    return value_add_tensor(g, name, "constant", VALUE_CONSTANT, data, out, err);
}

stria_status graph_add_state(graph *g, const char *name, value_role role, tensor *data, value **out, stria_error *err) {
    TRY(value_add_tensor(g, name, "variable", VALUE_STATE, data, out, err));
    (*out)->role = role;
    return STRIA_OK;
}

/* ---- nodes ---- */

static stria_status inputs_check(const op_def *op, value *const *in, int in_count, stria_error *err) {
    if (in_count > op->in_max)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d input%s, but it takes at most %d", in_count, text_s(in_count), op->in_max);
    int needed = op->in_max == OP_UNBOUNDED && in_count > op->in_min ? in_count : op->in_min; /* of a list, all */
    for (int i = 0; i < needed; i++)
        if (i >= in_count || !in[i]) FAIL(err, STRIA_BAD_ARGUMENT, "input %d of %d is missing", i + 1, needed);
    return STRIA_OK;
}

static stria_status attributes_set_up(graph *g, node *n, const void *attributes, stria_error *err) {
    n->attributes = arena_alloc(&g->arena, n->op->attribute_bytes + 1);
    if (!n->attributes) return no_memory(g, err);
    if (attributes) return attributes_copy(n->op, n->attributes, attributes, &g->arena, err);
    TRY(attributes_default(n->op, n->attributes, &g->arena, err));
    for (const attr_field *f = n->op->fields; f->name; f++)
        if (f->required) FAIL(err, STRIA_BAD_ARGUMENT, "attribute '%s' is missing", f->name);
    return STRIA_OK;
}

static stria_status outputs_add(graph *g, node *n, const char *const *names, stria_error *err) {
    for (int i = 0; i < n->out_count; i++) {
        bool absent = names && names[i] && !*names[i];
        if (absent && i < n->op->out_min)
            FAIL(err, STRIA_BAD_ARGUMENT, "output %d of %d is missing", i + 1, n->op->out_min);
        if (absent) continue;
        TRY(value_add(g, names ? names[i] : NULL, n->name, VALUE_NODE, &n->out[i], err));
        n->out[i]->producer = n;
        n->out[i]->slot = i;
    }
    return STRIA_OK;
}

static stria_status outputs_infer(const node *n, stria_error *err) {
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) TRY(shape_check(&n->out[i]->shape, n->out[i]->type, err, "its result"));
    return STRIA_OK;
}

/* Most operators compute, and would take a code for a number. */
static stria_status float8_check(const op_def *op, value *const *values, int count, stria_error *err) {
    for (int i = 0; i < count && !op->float8; i++)
        if (values[i] && dtype_is_float8(values[i]->type))
            FAIL(err, STRIA_UNSUPPORTED, "%s does not compute with %s; Cast or DequantizeLinear makes float32 of it",
                 op->name, dtype_name(values[i]->type));
    return STRIA_OK;
}

static int64_t infer_work(const node *n) {
    int64_t steps = 0;
    if (n->op->infer_work) return n->op->infer_work(n);
    for (int i = 0; i < n->in_count && i < 32; i++)
        if (n->in[i] && n->op->value_inputs >> i & 1 && value_contents(n->in[i]))
            steps = size_add(steps, shape_count(&n->in[i]->shape));
    return steps;
}

/* Rules that read contents: many nodes of a small file may read one large tensor. */
static stria_status shapes_infer(graph *g, node *n, stria_error *err) {
    int64_t steps = infer_work(n);
    if (steps > g->infer_left)
        FAIL(err, STRIA_UNSUPPORTED,
             "the size of its result takes %lld steps to find, and of %lld for the whole model %lld are left",
             (long long)steps, (long long)INFER_TOTAL, (long long)g->infer_left);
    g->infer_left -= steps;
    return n->op->infer(n, err);
}

/* Fills a node that graph_add_node has allocated. Outputs that were added are undone by the caller. */
static stria_status node_fill(graph *g, node *n, value *const *in, const void *attributes, const char *const *out_names,
                              stria_error *err) {
    n->in = arena_alloc(&g->arena, sizeof(value *) * (size_t)(n->in_count + 1));
    n->out = arena_alloc(&g->arena, sizeof(value *) * (size_t)(n->out_count + 1));
    if (!n->in || !n->out) return no_memory(g, err);
    if (n->in_count) memcpy(n->in, in, sizeof(value *) * (size_t)n->in_count);
    TRY(inputs_check(n->op, in, n->in_count, err));
    TRY(float8_check(n->op, in, n->in_count, err));
    TRY(attributes_set_up(g, n, attributes, err));
    TRY(outputs_add(g, n, out_names, err));
    TRY(shapes_infer(g, n, err));
    TRY(outputs_infer(n, err));
    TRY(float8_check(n->op, n->out, n->out_count, err));
    TRY(node_know(n, &g->known_left, err));
    return name_table_put_node(g->names, n->name, n, err);
}

stria_status graph_add_node(graph *g, const op_def *op, const char *name, value *const *in, int in_count,
                            const void *attributes, int out_count, const char *const *out_names, node **out,
                            stria_error *err) {
    g->failure_named = false;
    if (name && name_table_node(g->names, name)) FAIL(err, STRIA_BAD_ARGUMENT, "two layers are named '%s'", name);
    TRY(mem_reserve(&g->nodes, &g->node_capacity, g->node_count + 1, sizeof *g->nodes, "layers", err));
    node *n = arena_alloc(&g->arena, sizeof *n);
    const char *copy = name ? arena_strdup(&g->arena, name) : graph_fresh_name(g, op->name);
    if (!n || !copy) return no_memory(g, err);
    *n = (node){.id = g->node_count,
                .name = copy,
                .op = op,
                .in_count = in_count,
                .origin = "",
                .out_count = out_count ? out_count : op->out_min,
                .stream = random_hash(copy),
                .epilogue = {.bias = -1, .residual = -1}};
    int values_before = g->value_count;
    stria_status status = node_fill(g, n, in, attributes, out_names, err);
    if (status != STRIA_OK) {
        while (g->value_count > values_before) value_undo(g, g->values[g->value_count - 1]);
        if (n->attributes) attributes_release(n->op, n->attributes);
        error_prefix(err, "layer '%s' (%s): ", n->name, n->op->name);
        g->failure_named = true;
        return status;
    }
    g->nodes[g->node_count++] = n;
    *out = n;
    return STRIA_OK;
}

int node_own_inputs(const node *n) {
    return n->in_count - (n->epilogue.bias >= 0) - (n->epilogue.residual >= 0);
}

bool node_makes_nothing(const node *n) {
    int results = 0;
    for (int i = 0; i < n->out_count; i++) {
        if (n->out[i] && shape_count(&n->out[i]->shape) > 0) return false;
        results += n->out[i] != NULL;
    }
    return results > 0;
}

stria_status graph_append_input(graph *g, node *n, value *v, stria_error *err) {
    value **in = arena_alloc(&g->arena, sizeof(value *) * (size_t)(n->in_count + 2));
    if (!in) return no_memory(g, err);
    memcpy(in, n->in, sizeof(value *) * (size_t)n->in_count);
    in[n->in_count++] = v;
    n->in = in;
    return STRIA_OK;
}

/* ---- outputs, updates, metadata ---- */

stria_status graph_add_output(graph *g, value *v, const char *name, stria_error *err) {
    const char *copy = NULL;
    if (name && !(copy = arena_strdup(&g->arena, name))) return no_memory(g, err);
    TRY(mem_reserve(&g->output_names, &g->output_name_capacity, g->output_count + 1, sizeof *g->output_names,
                    "output names", err));
    g->output_names[g->output_count] = copy;
    return list_add(&g->outputs, &g->output_capacity, &g->output_count, v, err);
}

void graph_remove_output(graph *g, int index) {
    g->output_count--;
    for (int i = index; i < g->output_count; i++) {
        g->outputs[i] = g->outputs[i + 1];
        g->output_names[i] = g->output_names[i + 1];
    }
}

stria_status graph_replace_output(graph *g, int index, value *v, stria_error *err) {
    const char **name = &g->output_names[index];
    if (!*name && !(*name = arena_strdup(&g->arena, g->outputs[index]->name))) return no_memory(g, err);
    g->outputs[index] = v;
    return STRIA_OK;
}

stria_status graph_add_update(graph *g, value *state, value *next, stria_error *err) {
    char a[192], b[192];
    if (state->kind != VALUE_STATE)
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s' is not a variable, so nothing can be assigned to it", state->name);
    if (state->type != next->type || !shape_equal(&state->shape, &next->shape))
        FAIL(err, STRIA_BAD_SHAPE, "variable '%s' is %s %s and cannot become '%s', which is %s %s", state->name,
             dtype_name(state->type), shape_text(&state->shape, a), next->name, dtype_name(next->type),
             shape_text(&next->shape, b));
    if (state->updated) FAIL(err, STRIA_BAD_ARGUMENT, "variable '%s' is assigned twice", state->name);
    TRY(mem_reserve(&g->updates, &g->update_capacity, g->update_count + 1, sizeof *g->updates, "updates", err));
    g->updates[g->update_count++] = (update){state, next};
    state->updated = true;
    return STRIA_OK;
}

void graph_drop_metadata(graph *g, const char *key) {
    int kept = 0;
    for (int i = 0; i < g->metadata_count; i++)
        if (strcmp(g->metadata[i].key, key) != 0) g->metadata[kept++] = g->metadata[i];
    g->metadata_count = kept;
}

stria_status graph_set_metadata(graph *g, const char *key, const char *text, stria_error *err) {
    const char *copy = arena_strdup(&g->arena, text);
    if (!copy) return no_memory(g, err);
    for (int i = 0; i < g->metadata_count; i++)
        if (strcmp(g->metadata[i].key, key) == 0) {
            g->metadata[i].value = copy;
            return STRIA_OK;
        }
    TRY(mem_reserve(&g->metadata, &g->metadata_capacity, g->metadata_count + 1, sizeof *g->metadata, "metadata", err));
    const char *key_copy = arena_strdup(&g->arena, key);
    if (!key_copy) return no_memory(g, err);
    g->metadata[g->metadata_count++] = (metadata){key_copy, copy};
    return STRIA_OK;
}

const char *graph_metadata(const graph *g, const char *key) {
    for (int i = 0; i < g->metadata_count; i++)
        if (strcmp(g->metadata[i].key, key) == 0) return g->metadata[i].value;
    return NULL;
}

value *graph_find_value(const graph *g, const char *name) {
    return name_table_value(g->names, name);
}
node *graph_find_node(const graph *g, const char *name) {
    return name_table_node(g->names, name);
}

const tensor *value_contents(const value *v) {
    return v && v->kind != VALUE_STATE && !v->optional ? v->data : NULL;
}
