/* If: a node with a graph for each side. Both graphs' nodes stand in the file before it (function.c), and while the
 * graph is built, those of the side that the condition names are built, and no others: the condition must be known
 * then, because it follows from constants, from shapes or from an input that is given. Names of a side get a prefix,
 * others are those outside. */
#include "model/onnx/expansion.h"

#include "model/onnx/wire.h"
#include "op/op.h"

#include <stdlib.h>
#include <string.h>

static const char *const sides[2] = {"else_branch", "then_branch"};

bool branch_is_if(const Onnx__NodeProto *n) {
    bool own = !name_given(n->domain) || strcmp(n->domain, "ai.onnx") == 0;
    return own && n->op_type && strcmp(n->op_type, "If") == 0;
}

void branches_free(importer *im) {
    for (int i = 0; i < im->graph_count; i++) wire_free(im->graphs[i].graph);
    mem_free(im->graphs);
    mem_free(im->branches);
    mem_free(im->branch_of);
}

/* ---- decoding ---- */

#define GRAPHS_MAX 4096

/* Found by its bytes: an If of a function that is called twice is decoded once for all. */
static stria_status decode(importer *im, const ProtobufCBinaryData *bytes, Onnx__GraphProto **out, stria_error *err) {
    static uint8_t none;
    const uint8_t *data = bytes->data ? bytes->data : &none;
    for (int i = 0; i < im->graph_count; i++)
        if (im->graphs[i].bytes == bytes->data) {
            *out = im->graphs[i].graph;
            return STRIA_OK;
        }
    if (im->graph_count == GRAPHS_MAX) FAIL(err, STRIA_UNSUPPORTED, "more than %d branches", GRAPHS_MAX);
    TRY(mem_reserve(&im->graphs, &im->graph_capacity, im->graph_count + 1, sizeof *im->graphs, "branches", err));
    TRY(wire_unpack_within(&onnx__graph_proto__descriptor, data, bytes->len, &im->graph_bytes, out, err));
    im->graphs[im->graph_count++] = (branch_decoded){bytes->data, *out};
    return STRIA_OK;
}

stria_status branch_graph(importer *im, const Onnx__NodeProto *n, const char *key, Onnx__GraphProto **out,
                          stria_error *err) {
    char label[256];
    const Onnx__AttributeProto *p = onnx_attribute_find(n, key);
    if (!p || !p->has_g) FAIL(err, STRIA_BAD_FILE, "node %s has no %s", node_label(n, label), key);
    stria_status status = decode(im, &p->g, out, err);
    if (status != STRIA_OK) error_prefix(err, "node %s: %s: ", node_label(n, label), key);
    return status;
}

/* ---- both sides into the file ---- */

int branch_name_order(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static stria_status names_list(expansion *e, const Onnx__GraphProto *g, scope *s, stria_error *err) {
    size_t count = g->n_initializer;
    for (size_t i = 0; i < g->n_node; i++) count += g->node[i]->n_output;
    TRY(expansion_words(e, count + 8 * g->n_initializer, err)); /* a copy of an initialiser is that much larger */
    s->own = arena_alloc(&e->im->arena, (count + 1) * sizeof *s->own);
    if (!s->own) return expansion_no_memory(e, err);
    for (size_t i = 0; i < g->n_initializer; i++)
        if (name_given(g->initializer[i]->name)) s->own[s->own_count++] = g->initializer[i]->name;
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            if (name_given(g->node[i]->output[k])) s->own[s->own_count++] = g->node[i]->output[k];
    qsort(s->own, s->own_count, sizeof *s->own, branch_name_order);
    return STRIA_OK;
}

static stria_status tensor_add(expansion *e, const scope *s, const Onnx__TensorProto *from, stria_error *err) {
    Onnx__TensorProto *copy = arena_copy(&e->im->arena, from, sizeof *from);
    if (!copy || !(copy->name = expansion_outside(e, s, from->name))) return expansion_no_memory(e, err);
    TRY(mem_reserve(&e->tensors, &e->tensor_capacity, e->tensor_count + 1, sizeof(void *), "branches", err));
    e->tensors[e->tensor_count++] = copy;
    return STRIA_OK;
}

static stria_status side_check(const expansion *e, const Onnx__NodeProto *n, const Onnx__GraphProto *g, int side,
                               stria_error *err) {
    char label[256];
    if (e->depth == DEPTH_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "node %s: branches stand in each other more than %d deep", node_label(n, label),
             DEPTH_MAX);
    if (g->n_input || g->n_output != n->n_output)
        FAIL(err, STRIA_BAD_FILE, "node %s: %s has %zu inputs and %zu outputs, expected none and %zu",
             node_label(n, label), sides[side], g->n_input, g->n_output, n->n_output);
    if (g->n_sparse_initializer)
        FAIL(err, STRIA_UNSUPPORTED, "node %s: sparse initialisers are not supported", node_label(n, label));
    return STRIA_OK;
}

/* The nodes of one side; out[] gets what its outputs are called outside. */
static stria_status side_expand(expansion *e, const scope *outer, Onnx__NodeProto *n, int side, char **out,
                                stria_error *err) {
    Onnx__GraphProto *g;
    importer *im = e->im;
    scope s = {.opset = outer->opset, .outer = outer};
    TRY(branch_graph(im, n, sides[side], &g, err));
    TRY(side_check(e, n, g, side, err));
    TRY(names_list(e, g, &s, err));
    s.prefix = arena_printf(&im->arena, "%s_%d", name_given(n->name) ? n->name : "If", ++e->calls);
    if (!s.prefix) return expansion_no_memory(e, err);
    TRY(mem_reserve(&im->branches, &im->branch_capacity, im->branch_count + 1, sizeof *im->branches, "branches", err));
    im->branches[im->branch_count] = (branch){n->input[0], side, e->branch};
    int before = e->branch;
    e->branch = im->branch_count++;
    e->stack[e->depth++] = NULL;
    for (size_t i = 0; i < g->n_initializer; i++) TRY(tensor_add(e, &s, g->initializer[i], err));
    for (size_t i = 0; i < g->n_node; i++) {
        Onnx__NodeProto *inner;
        TRY(expansion_node_map(e, &s, g->node[i], &inner, err));
        TRY(expansion_node(e, &s, inner, err));
    }
    for (size_t k = 0; k < g->n_output; k++)
        if (!(out[k] = expansion_outside(e, &s, g->output[k]->name))) return expansion_no_memory(e, err);
    e->depth--;
    e->branch = before;
    return STRIA_OK;
}

/* The If that stays reads its condition, the outputs of its else and those of its then branch. */
stria_status branch_expand(expansion *e, const scope *s, Onnx__NodeProto *n, stria_error *err) {
    char label[256];
    size_t outputs = n->n_output;
    if (n->n_input != 1 || !name_given(n->input[0]) || !outputs)
        FAIL(err, STRIA_BAD_FILE, "node %s has %zu inputs and %zu outputs, expected 1 and some", node_label(n, label),
             n->n_input, outputs);
    char **in = arena_alloc(&e->im->arena, sizeof *in * (2 * outputs + 1));
    Onnx__NodeProto *join = arena_copy(&e->im->arena, n, sizeof *n);
    if (!in || !join) return expansion_no_memory(e, err);
    in[0] = n->input[0];
    for (int side = 0; side < 2; side++) TRY(side_expand(e, s, n, side, in + 1 + (size_t)side * outputs, err));
    join->input = in;
    join->n_input = 2 * outputs + 1;
    join->n_attribute = 0;
    return expansion_append(e, join, s->opset, err);
}

/* ---- while the graph is built ---- */

static stria_status decide(const importer *im, const char *condition, bool *out, stria_error *err) {
    const definition *d = definition_find(im, condition);
    const tensor *t = d && d->value ? value_contents(d->value) : NULL;
    if (!t)
        FAIL(err, STRIA_UNSUPPORTED,
             "its condition '%s' depends on data; Stria decides an If while the model is prepared, from constants, "
             "shapes "
             "or a given input",
             condition);
    if (t->type != STRIA_BOOL || shape_count(&t->shape) != 1)
        FAIL(err, STRIA_BAD_FILE, "its condition '%s' is not a single bool", condition);
    *out = tensor_i64(t, 0) != 0;
    return STRIA_OK;
}

/* Outer branches first: the condition of one that is not taken may depend on anything. */
static stria_status taken_from(const importer *im, int index, bool *taken, stria_error *err) {
    const branch *b = &im->branches[index];
    bool holds;
    *taken = true;
    if (b->outer >= 0) TRY(taken_from(im, b->outer, taken, err));
    if (!*taken) return STRIA_OK;
    TRY(decide(im, b->condition, &holds, err));
    *taken = holds == b->side;
    return STRIA_OK;
}

stria_status branch_taken(const importer *im, int node, bool *taken, stria_error *err) {
    *taken = true;
    if (!im->branch_of || im->branch_of[node] < 0) return STRIA_OK;
    stria_status status = taken_from(im, im->branch_of[node], taken, err);
    if (status != STRIA_OK) error_prefix(err, "operator 'If' around '%s': ", im->file->node[node]->op_type);
    return status;
}

/* The chosen value under the If's name. */
static stria_status output_add(importer *im, const char *name, value *v, stria_error *err) {
    const char *node_name = import_node_name(im, name), *value_name = import_value_name(im, name);
    node *made;
    if (!node_name || !value_name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a name");
    TRY(graph_add_node(im->g, &op_Identity, node_name, &v, 1, NULL, 1, &value_name, &made, err));
    definition_find(im, name)->value = made->out[0];
    return STRIA_OK;
}

stria_status branch_join(importer *im, const Onnx__NodeProto *n, stria_error *err) {
    bool holds;
    TRY(decide(im, n->input[0], &holds, err));
    for (size_t k = 0; k < n->n_output; k++) {
        definition *from = definition_find(im, n->input[1 + k + (holds ? n->n_output : 0)]);
        if (from && from->kind == FROM_INITIALIZER) TRY(import_initializer(im, from, err));
        if (!from || !from->value) FAIL(err, STRIA_BAD_FILE, "its branch has no output %zu", k);
        if (name_given(n->output[k])) TRY(output_add(im, n->output[k], from->value, err));
    }
    return STRIA_OK;
}

uint64_t branch_decisions(const importer *im) {
    uint64_t bits = 0;
    for (int i = 0; i < im->branch_count; i++) {
        bool taken;
        if (taken_from(im, i, &taken, NULL) == STRIA_OK && taken) bits = (bits << 7 | bits >> 57) ^ (uint64_t)(i + 1);
    }
    return bits;
}

void branch_conditions(const importer *im, const value **conditions) {
    for (int i = 0; i < im->branch_count; i++) {
        const branch *b = &im->branches[i];
        const definition *d = definition_find(im, b->condition);
        bool taken = true;
        if (b->outer >= 0 && taken_from(im, b->outer, &taken, NULL) != STRIA_OK) taken = false;
        conditions[i] = taken && d && d->value && d->value->kind == VALUE_NODE ? d->value : NULL;
    }
}
