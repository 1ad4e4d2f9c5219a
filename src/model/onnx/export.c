/* Graph → ONNX. All parts of the message live in one arena and point into the graph; weights are copied once, into
 * `out`. */
#include "model/onnx/attribute.h"
#include "model/onnx/onnx.h"
#include "model/onnx/opset.h"
#include "model/onnx/wire.h"

#include "op/shape.h"

#include <string.h>

typedef struct exporter {
    const graph *g;
    arena arena;
    const char **name;   /* by value: as the file calls it */
    value_role *implied; /* by value: the role that reading would give an initialiser */
    int opset;
    bool *inlined; /* by value: a constant that only attributes hold */
    graph *other;  /* the graph at other sizes of its open dimensions; NULL: it cannot be had */
    Onnx__GraphProto *graph;
    Onnx__ModelProto *model;
} exporter;

static stria_status no_memory(stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory to write a model");
}

/* Allocates count pointers to zeroed structs. */
static void *list_new(exporter *e, size_t count, size_t size) {
    char **list = arena_alloc(&e->arena, sizeof *list * (count + 1)), *items = arena_alloc(&e->arena, size * count + 1);
    for (size_t i = 0; list && items && i < count; i++) list[i] = items + i * size;
    return items ? list : NULL;
}

static char *unconst(const char *s) {
    return (char *)(uintptr_t)s;
}

/* ---- what cannot be written ---- */

static stria_status check_node(const node *n, stria_error *err) {
    if (*n->op->domain)
        FAIL(err, STRIA_UNSUPPORTED, "layer '%s': operator %s of domain %s belongs to training, not to a model",
             n->name, n->op->name, n->op->domain);
    if (node_own_inputs(n) != n->in_count || n->epilogue.activation)
        FAIL(err, STRIA_UNSUPPORTED, "layer '%s' (%s) is fused with others", n->name, n->op->name);
    return STRIA_OK;
}

static stria_status check_exportable(const graph *g, stria_error *err) {
    if (g->update_count)
        FAIL(err, STRIA_UNSUPPORTED, "variable '%s' is assigned on every run; this file format cannot express that",
             g->updates[0].state->name);
    if (!g->output_count) FAIL(err, STRIA_BAD_ARGUMENT, "graph '%s' has no outputs", g->name);
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_OPTIMIZER)
            FAIL(err, STRIA_UNSUPPORTED, "'%s' is the optimiser's and belongs to training, not to a model",
                 g->values[i]->name);
    return STRIA_OK;
}

/* Once they are spelt out. */
static stria_status check_nodes(const graph *g, stria_error *err) {
    for (int i = 0; i < g->node_count; i++) TRY(check_node(g->nodes[i], err));
    return STRIA_OK;
}

/* ---- names ---- */

/* Outputs have names of their own: the value takes it where it can; else an Identity node will stand between, which is
 * when this leaves the value's own name. */
static stria_status names_choose(exporter *e, stria_error *err) {
    const graph *g = e->g;
    e->name = arena_alloc(&e->arena, sizeof *e->name * (size_t)(g->value_count + 1));
    if (!e->name) return no_memory(err);
    for (int i = 0; i < g->value_count; i++) e->name[i] = g->values[i]->name;
    for (int i = 0; i < g->output_count; i++) {
        const value *v = g->outputs[i], *other = g->output_names[i] ? graph_find_value(g, g->output_names[i]) : NULL;
        if (!g->output_names[i] || other == v) continue;
        if (other) FAIL(err, STRIA_BAD_ARGUMENT, "output '%s' is not the tensor '%s'", g->output_names[i], other->name);
        if (v->kind == VALUE_NODE && e->name[v->id] == v->name) e->name[v->id] = g->output_names[i];
    }
    return STRIA_OK;
}

static const char *output_name(const exporter *e, int i) {
    return e->g->output_names[i] ? e->g->output_names[i] : e->g->outputs[i]->name;
}

static bool needs_identity(const exporter *e, int i) {
    return strcmp(e->name[e->g->outputs[i]->id], output_name(e, i)) != 0;
}

/* ---- roles ---- */

static const value *behind_views(const value *v) {
    while (v && v->kind == VALUE_NODE &&
           (v->producer->op->view || v->producer->op == &op_Transpose || v->producer->op == &op_Cast))
        v = v->producer->in[0];
    return v;
}

static stria_status roles_imply(exporter *e, stria_error *err) {
    const graph *g = e->g;
    e->implied = arena_alloc(&e->arena, sizeof *e->implied * (size_t)(g->value_count + 1));
    if (!e->implied) return no_memory(err);
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->in_count && k < 32; k++) {
            const op_def *op = g->nodes[i]->op;
            bool learnable = (op->learnable_inputs >> k) & 1, statistic = (op->statistic_inputs >> k) & 1;
            const value *v = learnable || statistic ? behind_views(g->nodes[i]->in[k]) : NULL;
            if (!v || e->implied[v->id] == ROLE_PARAMETER || !dtype_is_float(v->type)) continue;
            e->implied[v->id] = learnable ? ROLE_PARAMETER : ROLE_STATISTIC;
        }
    return STRIA_OK;
}

/* A constant that would come back as a parameter is written as a Constant node, which never does. */
static bool as_node(const exporter *e, const value *v) {
    return v->kind == VALUE_CONSTANT && e->implied[v->id] != ROLE_NONE && !e->inlined[v->id];
}

static bool as_initializer(const exporter *e, const value *v) {
    return v->kind == VALUE_STATE || (v->kind == VALUE_CONSTANT && !as_node(e, v) && !e->inlined[v->id]);
}

static stria_status inlined_find(exporter *e, stria_error *err) {
    e->inlined = arena_alloc(&e->arena, sizeof *e->inlined * (size_t)(e->g->value_count + 1));
    if (!e->inlined) return no_memory(err);
    opset_inlined(e->g, e->opset, e->inlined);
    return STRIA_OK;
}

/* ---- tensors, nodes ---- */

static stria_status initializers_write(exporter *e, stria_error *err) {
    const graph *g = e->g;
    size_t count = 0;
    for (int i = 0; i < g->value_count; i++) count += as_initializer(e, g->values[i]);
    e->graph->initializer = list_new(e, count, sizeof(Onnx__TensorProto));
    int64_t *dims = arena_alloc(&e->arena, sizeof *dims * RANK_MAX * (count + 1));
    if (!e->graph->initializer || !dims) return no_memory(err);
    for (int i = 0; i < g->value_count; i++) {
        if (!as_initializer(e, g->values[i])) continue;
        size_t k = e->graph->n_initializer++;
        onnx_tensor_encode(e->graph->initializer[k], g->values[i]->data, e->name[i], dims + k * RANK_MAX);
    }
    return STRIA_OK;
}

static Onnx__NodeProto *node_next(exporter *e, const char *name, const char *op) {
    Onnx__NodeProto *p = e->graph->node[e->graph->n_node++];
    onnx__node_proto__init(p);
    p->name = unconst(name);
    p->op_type = unconst(op);
    return p;
}

static bool strings_new(exporter *e, size_t count, char ***list, size_t *n) {
    *list = arena_alloc(&e->arena, sizeof **list * (count + 1));
    *n = count;
    return *list != NULL;
}

static stria_status constant_write(exporter *e, const value *v, stria_error *err) {
    constant_attributes a = {.value = v->data, .value_int = INT64_MIN};
    Onnx__NodeProto *p = node_next(e, v->name, "Constant");
    if (!strings_new(e, 1, &p->output, &p->n_output)) return no_memory(err);
    p->output[0] = unconst(e->name[v->id]);
    return onnx_attributes_encode(&op_Constant, &a, &p->attribute, &p->n_attribute, &e->arena, err);
}

static stria_status node_write(exporter *e, const node *n, stria_error *err) {
    Onnx__NodeProto *p = node_next(e, n->name, n->op->name);
    if (!strings_new(e, (size_t)n->in_count, &p->input, &p->n_input) ||
        !strings_new(e, (size_t)n->out_count, &p->output, &p->n_output))
        return no_memory(err);
    for (int i = 0; i < n->in_count; i++) p->input[i] = unconst(n->in[i] ? e->name[n->in[i]->id] : "");
    for (int i = 0; i < n->out_count; i++) p->output[i] = unconst(n->out[i] ? e->name[n->out[i]->id] : "");
    TRY(onnx_attributes_encode(n->op, n->attributes, &p->attribute, &p->n_attribute, &e->arena, err));
    const tensor *axes = opset_axes_attribute(n, e->opset);
    return axes && !opset_axes_write(p, axes, &e->arena) ? no_memory(err) : STRIA_OK;
}

static stria_status identity_write(exporter *e, int i, stria_error *err) {
    Onnx__NodeProto *p = node_next(e, output_name(e, i), "Identity");
    if (!strings_new(e, 1, &p->input, &p->n_input) || !strings_new(e, 1, &p->output, &p->n_output))
        return no_memory(err);
    p->input[0] = unconst(e->name[e->g->outputs[i]->id]);
    p->output[0] = unconst(output_name(e, i));
    return STRIA_OK;
}

static stria_status nodes_write(exporter *e, stria_error *err) {
    const graph *g = e->g;
    size_t most = (size_t)g->node_count + (size_t)g->value_count + (size_t)g->output_count;
    if (!(e->graph->node = list_new(e, most, sizeof(Onnx__NodeProto)))) return no_memory(err);
    for (int i = 0; i < g->value_count; i++)
        if (as_node(e, g->values[i])) TRY(constant_write(e, g->values[i], err));
    for (int i = 0; i < g->node_count; i++) TRY(node_write(e, g->nodes[i], err));
    for (int i = 0; i < g->output_count; i++)
        if (needs_identity(e, i)) TRY(identity_write(e, i, err));
    return STRIA_OK;
}

/* ---- inputs and outputs ---- */

/* The graph once more with every open dimension of another size, so that the outputs show which of theirs depend on it.
 * A graph that does not fit at other sizes has no `other`, and the outputs' dimensions are left open. */
static stria_status other_sizes(exporter *e, stria_error *err) {
    graph *g = (graph *)(uintptr_t)e->g; /* copying reads it only */
    shape *sizes = arena_alloc(&e->arena, sizeof *sizes * (size_t)(g->input_count + 1));
    const shape **list = arena_alloc(&e->arena, sizeof *list * (size_t)(g->input_count + 1));
    if (!sizes || !list) return no_memory(err);
    for (int i = 0; i < g->input_count; i++) {
        sizes[i] = g->inputs[i]->shape;
        list[i] = &sizes[i];
        for (int k = 0; k < sizes[i].rank; k++)
            if (g->inputs[i]->symbol[k]) sizes[i].dim[k] += k ? 32 : 1;
    }
    stria_status status = graph_copy(g, list, &e->other, NULL);
    if (status != STRIA_OK) e->other = NULL;
    return status == STRIA_NO_MEMORY ? no_memory(err) : STRIA_OK;
}

/* The name of an input's dimension that went from `one` to `two` as this dimension of an output did. */
static const char *symbol_find(const exporter *e, int64_t one, int64_t two) {
    for (int i = 0; i < e->g->input_count; i++)
        for (int k = 0; k < e->g->inputs[i]->shape.rank; k++)
            if (e->g->inputs[i]->symbol[k] && e->g->inputs[i]->shape.dim[k] == one &&
                e->other->inputs[i]->shape.dim[k] == two)
                return e->g->inputs[i]->symbol[k];
    return NULL;
}

static void output_dimension(const exporter *e, Onnx__TensorShapeProto__Dimension *d, const value *v, int i, int k) {
    if (!e->other) return; /* it may depend on an input's size: left open */
    int64_t one = v->shape.dim[k], two = e->other->outputs[i]->shape.dim[k];
    d->has_dim_value = one == two;
    d->dim_value = one;
    if (one != two) d->dim_param = unconst(symbol_find(e, one, two));
}

static void input_dimension(Onnx__TensorShapeProto__Dimension *d, const value *v, int k) {
    d->has_dim_value = !v->symbol[k];
    d->dim_value = v->shape.dim[k];
    d->dim_param = unconst(v->symbol[k]);
}

/* Fills name, type and rank; the dimensions are the caller's. */
static stria_status port_write(exporter *e, Onnx__ValueInfoProto *p, const value *v, const char *name,
                               stria_error *err) {
    size_t rank = (size_t)v->shape.rank;
    onnx__value_info_proto__init(p);
    p->name = unconst(name);
    p->type = arena_alloc(&e->arena, sizeof *p->type);
    if (!p->type) return no_memory(err);
    onnx__type_proto__init(p->type);
    Onnx__TypeProto__Tensor *t = p->type->tensor_type = arena_alloc(&e->arena, sizeof *t);
    if (!t) return no_memory(err);
    onnx__type_proto__tensor__init(t);
    t->has_elem_type = 1;
    t->elem_type = (int32_t)v->type;
    if (!(t->shape = arena_alloc(&e->arena, sizeof *t->shape))) return no_memory(err);
    onnx__tensor_shape_proto__init(t->shape);
    t->shape->n_dim = rank;
    t->shape->dim = list_new(e, rank, sizeof(Onnx__TensorShapeProto__Dimension));
    if (!t->shape->dim) return no_memory(err);
    for (size_t k = 0; k < rank; k++) onnx__tensor_shape_proto__dimension__init(t->shape->dim[k]);
    return STRIA_OK;
}

static bool as_optional(const exporter *e, const value *v) {
    return v->optional && as_initializer(e, v);
}

static size_t optional_count(const exporter *e) {
    size_t count = 0;
    for (int i = 0; i < e->g->value_count; i++) count += as_optional(e, e->g->values[i]);
    return count;
}

/* Initialisers that are inputs too; before IR version 4 that means nothing. */
static stria_status optional_write(exporter *e, stria_error *err) {
    for (int i = 0; i < e->g->value_count; i++) {
        const value *v = e->g->values[i];
        if (!as_optional(e, v)) continue;
        Onnx__ValueInfoProto *p = e->graph->input[e->graph->n_input++];
        TRY(port_write(e, p, v, e->name[i], err));
        for (int k = 0; k < v->shape.rank; k++) input_dimension(p->type->tensor_type->shape->dim[k], v, k);
        if (e->model->ir_version < 4) e->model->ir_version = 4;
    }
    return STRIA_OK;
}

static stria_status ports_write(exporter *e, stria_error *err) {
    const graph *g = e->g;
    e->graph->n_output = (size_t)g->output_count;
    e->graph->input = list_new(e, (size_t)g->input_count + optional_count(e), sizeof(Onnx__ValueInfoProto));
    e->graph->output = list_new(e, e->graph->n_output, sizeof(Onnx__ValueInfoProto));
    if (!e->graph->input || !e->graph->output) return no_memory(err);
    for (int i = 0; i < g->input_count; i++) {
        const value *v = g->inputs[i];
        TRY(port_write(e, e->graph->input[i], v, v->name, err));
        for (int k = 0; k < v->shape.rank; k++)
            input_dimension(e->graph->input[i]->type->tensor_type->shape->dim[k], v, k);
    }
    e->graph->n_input = (size_t)g->input_count;
    TRY(optional_write(e, err));
    for (int i = 0; i < g->output_count; i++) {
        const value *v = g->outputs[i];
        TRY(port_write(e, e->graph->output[i], v, output_name(e, i), err));
        for (int k = 0; k < v->shape.rank; k++)
            output_dimension(e, e->graph->output[i]->type->tensor_type->shape->dim[k], v, i, k);
    }
    return STRIA_OK;
}

/* ---- metadata ---- */

static const char *const list_keys[] = {"stria.parameters", "stria.statistics", "stria.frozen"};
#define LISTS (sizeof list_keys / sizeof *list_keys)

/* Returns true if a state stands in the list: where reading would not find out by itself. */
static bool listed(const exporter *e, const value *v, size_t list) {
    if (v->kind != VALUE_STATE) return false;
    if (list == 2) return v->frozen;
    return v->role == (list ? ROLE_STATISTIC : ROLE_PARAMETER) && v->role != e->implied[v->id];
}

static stria_status list_write(exporter *e, size_t list, text *t, stria_error *err) {
    for (int i = 0; i < e->g->value_count; i++) {
        const value *v = e->g->values[i];
        if (!listed(e, v, list)) continue;
        if (strchr(v->name, ','))
            FAIL(err, STRIA_UNSUPPORTED, "'%s' cannot stand in %s: it has a comma", v->name, list_keys[list]);
        text_printf(t, "%s%s", t->length ? "," : "", e->name[i]);
    }
    return text_check(t, err);
}

static stria_status metadata_add(exporter *e, const char *key, const char *content, stria_error *err) {
    Onnx__StringStringEntryProto *p = e->model->metadata_props[e->model->n_metadata_props++];
    onnx__string_string_entry_proto__init(p);
    p->key = unconst(key);
    p->value = arena_strdup(&e->arena, content);
    return p->value ? STRIA_OK : no_memory(err);
}

static stria_status metadata_write(exporter *e, stria_error *err) {
    const graph *g = e->g;
    e->model->metadata_props = list_new(e, (size_t)g->metadata_count + LISTS, sizeof(Onnx__StringStringEntryProto));
    if (!e->model->metadata_props) return no_memory(err);
    for (int i = 0; i < g->metadata_count; i++) {
        bool is_list = false;
        for (size_t k = 0; k < LISTS; k++) is_list = is_list || strcmp(g->metadata[i].key, list_keys[k]) == 0;
        if (!is_list) TRY(metadata_add(e, g->metadata[i].key, g->metadata[i].value, err));
    }
    for (size_t k = 0; k < LISTS; k++) {
        text t = {0};
        stria_status status = list_write(e, k, &t, err);
        if (status == STRIA_OK && t.length) status = metadata_add(e, list_keys[k], t.data, err);
        text_release(&t);
        TRY(status);
    }
    return STRIA_OK;
}

/* ---- the whole ---- */

static stria_status model_new(exporter *e, stria_error *err) {
    Onnx__OperatorSetIdProto *opset = arena_alloc(&e->arena, sizeof *opset);
    Onnx__OperatorSetIdProto **opsets = arena_alloc(&e->arena, sizeof *opsets);
    e->graph = arena_alloc(&e->arena, sizeof *e->graph);
    e->model = arena_alloc(&e->arena, sizeof *e->model);
    if (!opset || !opsets || !e->graph || !e->model) return no_memory(err);
    onnx__graph_proto__init(e->graph);
    onnx__model_proto__init(e->model);
    onnx__operator_set_id_proto__init(opset);
    opset->domain = unconst("");
    opset->has_version = e->model->has_ir_version = 1;
    opset->version = e->opset;
    opsets[0] = opset;
    e->graph->name = unconst(*e->g->name ? e->g->name : "graph"); /* the standard wants one */
    e->model->ir_version = opset_ir_version((int)opset->version);
    e->model->opset_import = opsets;
    e->model->n_opset_import = 1;
    e->model->producer_name = unconst("stria");
    e->model->producer_version = unconst(STRIA_VERSION);
    e->model->graph = e->graph;
    return STRIA_OK;
}

static stria_status export(exporter *e, text *out, stria_error *err) {
    TRY(check_nodes(e->g, err));
    TRY(model_new(e, err));
    TRY(names_choose(e, err));
    TRY(roles_imply(e, err));
    TRY(inlined_find(e, err));
    TRY(initializers_write(e, err));
    TRY(nodes_write(e, err));
    TRY(other_sizes(e, err));
    TRY(ports_write(e, err));
    TRY(metadata_write(e, err));
    return wire_pack(&e->model->base, "the model takes", out, err);
}

stria_status onnx_write_opset(const graph *g, int opset, text *out, stria_error *err) {
    graph *spelt;
    TRY(check_exportable(g, err));
    TRY(opset_spell(g, opset, &spelt, err));
    exporter e = {.g = spelt, .opset = opset ? opset : opset_needed(spelt)};
    arena_init(&e.arena);
    stria_status status = e.opset ? export(&e, out, err) : no_memory(err);
    graph_free(e.other);
    graph_free(spelt);
    arena_release(&e.arena);
    return status;
}

stria_status onnx_write(const graph *g, text *out, stria_error *err) {
    return onnx_write_opset(g, 0, out, err);
}
