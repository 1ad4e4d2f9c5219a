#include "api/explain.h"

#include "graph/op_def.h"

static const char *storage_of(const value *v) {
    layout batch_last = layout_batch_last(v->shape.rank);
    if (layout_is_identity(&v->layout, v->shape.rank)) return "plain";
    return layout_equal(&v->layout, &batch_last, v->shape.rank) ? "batch-last" : "channels-last";
}

/* The operator and what is fused into it. */
static const char *op_text(const node *n, arena *a) {
    const char *op = n->op->name;
    if (n->epilogue.bias >= 0) op = arena_printf(a, "%s+Add", op);
    if (op && n->epilogue.residual >= 0) op = arena_printf(a, "%s+Add", op);
    if (op && n->epilogue.activation) op = arena_printf(a, "%s+%s", op, n->epilogue.activation->name);
    return op ? op : "";
}

static const stria_refusal **refusals_list(const program_node *p, arena *a) {
    size_t room = (size_t)p->refusal_count + 1;
    stria_refusal *rows = arena_alloc(a, sizeof *rows * room);
    const stria_refusal **list = arena_alloc(a, sizeof *list * room);
    if (!rows || !list) return NULL;
    for (int i = 0; i < p->refusal_count; i++) {
        rows[i] = (stria_refusal){p->list[i]->name, p->refusals[i].reason};
        list[i] = &rows[i];
    }
    return list;
}

stria_explained_node *explain_program(const program *program, arena *a) {
    int n = program->g->node_count;
    stria_explained_node *list = arena_alloc(a, sizeof *list * (size_t)(n + 1));
    for (int k = 0; list && k < n; k++) {
        const program_node *p = &program->nodes[k];
        const stria_refusal **refusals = refusals_list(p, a);
        if (!refusals) return NULL;
        list[k] = (stria_explained_node){
            p->node->name, op_text(p->node, a), p->impl->name, storage_of(p->node->out[0]), p->refusal_count, refusals};
    }
    return list;
}
