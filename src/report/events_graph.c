/* A model as TensorFlow's GraphDef, for TensorBoard's page of graphs. */
#include "report/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRAPH_NODE = 1, GRAPH_VERSIONS = 4, VERSIONS_PRODUCER = 1 };
enum { NODE_NAME = 1, NODE_OP = 2, NODE_INPUT = 3, NODE_ATTRIBUTE = 5, MAP_KEY = 1, MAP_VALUE = 2 };
enum { ATTRIBUTE_LIST = 1, LIST_SHAPE = 7, SHAPE_DIM = 2, DIM_SIZE = 1, PRODUCER = 22 };

/* The attribute by which edges show what flows: the shape of the node's first result, of one image. */
static void shape_put(out *node, const stria_operand *result) {
    out shape = {0}, list = {0}, value = {0}, entry = {0};
    for (int i = 0; i < result->rank; i++) {
        out dim = {0};
        field_varint(&dim, DIM_SIZE, (uint64_t)result->shape[i]);
        field_message(&shape, SHAPE_DIM, &dim);
    }
    field_message(&list, LIST_SHAPE, &shape);
    field_message(&value, ATTRIBUTE_LIST, &list);
    field_name(&entry, MAP_KEY, "_output_shapes");
    field_message(&entry, MAP_VALUE, &value);
    field_message(node, NODE_ATTRIBUTE, &entry);
}

static void leaf_put(out *o, const stria_operand *value, const char *op) {
    out node = {0};
    field_name(&node, NODE_NAME, value->name);
    field_name(&node, NODE_OP, op);
    shape_put(&node, value);
    field_message(o, GRAPH_NODE, &node);
}

/* What comes from no node: inputs, and parameters and constants by the nodes that read them first. */
typedef struct leaves {
    const char **seen; /* a hash table of names, which are unique pointers */
    size_t slots;      /* a power of two */
} leaves;

static bool leaf_is_new(leaves *l, const char *name) {
    size_t slot = (size_t)((uintptr_t)name * 0x9E3779B97F4A7C15u >> 20) & (l->slots - 1);
    while (l->seen[slot] && l->seen[slot] != name) slot = (slot + 1) & (l->slots - 1);
    bool fresh = !l->seen[slot];
    l->seen[slot] = name;
    return fresh;
}

static const char *leaf_op(const char *kind) {
    if (strcmp(kind, "input") == 0) return "Placeholder";
    return strcmp(kind, "constant") == 0 ? "Const" : "VariableV2";
}

static void input_put(out *o, out *node, const stria_model *model, const stria_operand *in, leaves *l) {
    stria_node_row source = {.size = sizeof source};
    if (!*in->name) return;
    if (in->node < 0) {
        if (leaf_is_new(l, in->name)) leaf_put(o, in, leaf_op(in->kind));
        field_name(node, NODE_INPUT, in->name);
        return;
    }
    stria_model_node(model, in->node, &source);
    out name = {0};
    stria_operand result = {.size = sizeof result};
    int which = 0;
    while (stria_model_node_output(model, in->node, which, &result) && result.name != in->name) which++;
    out_name(&name, source.name);
    if (which) out_printf(&name, ":%d", which);
    field_message(node, NODE_INPUT, &name);
}

static void node_put(out *o, const stria_model *model, int index, const stria_node_row *row, leaves *l) {
    out node = {0};
    stria_operand in = {.size = sizeof in}, result = {.size = sizeof result};
    field_name(&node, NODE_NAME, row->name);
    field_name(&node, NODE_OP, row->op);
    for (int i = 0; stria_model_node_input(model, index, i, &in); i++) input_put(o, &node, model, &in, l);
    if (stria_model_node_output(model, index, 0, &result)) shape_put(&node, &result);
    field_message(o, GRAPH_NODE, &node);
}

void graph_message(out *o, const stria_model *model) {
    stria_node_row row = {.size = sizeof row};
    leaves l = {.slots = 16};
    size_t operands = 0;
    out versions = {0};
    for (int i = 0; stria_model_node(model, i, &row); i++) operands += (size_t)row.input_count;
    while (l.slots < 2 * operands) l.slots *= 2;
    l.seen = calloc(l.slots, sizeof *l.seen);
    o->failed = o->failed || !l.seen;
    for (int i = 0; l.seen && stria_model_node(model, i, &row); i++) node_put(o, model, i, &row, &l);
    free(l.seen);
    field_varint(&versions, VERSIONS_PRODUCER, PRODUCER);
    field_message(o, GRAPH_VERSIONS, &versions);
}
