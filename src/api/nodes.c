/* A model's graph, node by node. */
#include "api/api.h"
#include "graph/op_def.h"

#include <string.h>

bool stria_model_node(const stria_model *m, int index, stria_node_row *out) {
    if (index < 0 || index >= m->g->node_count) return false;
    const node *n = m->g->nodes[index];
    const stria_node_row row = {.name = n->name,
                                .op = n->op->name,
                                .domain = n->op->domain,
                                .origin = n->origin ? n->origin : "",
                                .input_count = n->in_count,
                                .output_count = n->out_count};
    return output_give(out, &row, sizeof row);
}

static const char *kind_of(const value *v) {
    if (v->kind == VALUE_INPUT) return "input";
    if (v->kind == VALUE_CONSTANT) return "constant";
    if (v->kind == VALUE_NODE) return "result";
    if (v->role == ROLE_PARAMETER) return v->frozen ? "frozen" : "parameter";
    return v->role == ROLE_STATISTIC ? "statistic" : "variable";
}

static bool operand_fill(const value *v, stria_operand *out) {
    stria_operand o = {.name = "", .kind = "absent", .node = -1};
    if (!v) return output_give(out, &o, sizeof o);
    o = (stria_operand){.name = v->name,
                        .kind = kind_of(v),
                        .node = v->kind == VALUE_NODE ? v->producer->id : -1,
                        .type = v->type,
                        .rank = v->shape.rank};
    memcpy(o.shape, v->shape.dim, (size_t)v->shape.rank * sizeof *o.shape);
    return output_give(out, &o, sizeof o);
}

bool stria_model_node_input(const stria_model *m, int index, int input, stria_operand *out) {
    if (index < 0 || index >= m->g->node_count) return false;
    const node *n = m->g->nodes[index];
    if (input < 0 || input >= n->in_count) return false;
    return operand_fill(n->in[input], out);
}

bool stria_model_node_output(const stria_model *m, int index, int output, stria_operand *out) {
    if (index < 0 || index >= m->g->node_count) return false;
    const node *n = m->g->nodes[index];
    if (output < 0 || output >= n->out_count) return false;
    return operand_fill(n->out[output], out);
}
