#include "graph/evaluate.h"
#include "transform/transform.h"

/* Contents larger than this stay computed. */
#define FOLD_BYTES_MAX ((int64_t)64 << 20)

/* More operations than the reference does in a moment are left to the kernels. */
#define FOLD_WORK_MAX ((int64_t)1 << 26)

/* The results of all nodes together: a small file must not become large in memory. So many bytes, and FOLD_TIMES those
 * that the graph itself holds (float16 weights become float32, twice as many). */
#define FOLD_BYTES_TOTAL ((int64_t)16 << 20)
#define FOLD_TIMES       4
#define FOLD_WORK_TOTAL  ((int64_t)1 << 30)

typedef struct budget {
    int64_t bytes, work; /* left */
} budget;

static int64_t bytes_of(value *const *v, int count) {
    int64_t bytes = 0;
    for (int i = 0; i < count; i++)
        if (v[i]) bytes = size_add(bytes, (int64_t)value_bytes(v[i]));
    return bytes;
}

static budget budget_of(const graph *g) {
    budget b = {FOLD_BYTES_TOTAL, FOLD_WORK_TOTAL};
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->kind == VALUE_CONSTANT || v->kind == VALUE_STATE)
            b.bytes = size_add(b.bytes, size_mul(FOLD_TIMES, (int64_t)v->data->bytes));
    }
    b.work += b.bytes;
    return b;
}

static int64_t elements(value *const *v, int count) {
    int64_t n = 0;
    for (int i = 0; i < count; i++) n += v[i] ? shape_count(&v[i]->shape) : 0;
    return n;
}

/* Operations of the reference, or FOLD_WORK_MAX for what is too many. */
static int64_t work_of(const node *n) {
    op_cost cost = n->op->cost ? n->op->cost(n) : (op_cost){0, 0};
    int64_t moved = elements(n->in, n->in_count) + elements(n->out, n->out_count);
    if (cost.multiply_adds >= FOLD_WORK_MAX || cost.other >= FOLD_WORK_MAX || moved >= FOLD_WORK_MAX)
        return FOLD_WORK_MAX;
    return cost.multiply_adds + cost.other + moved;
}

#define FOLD_VALUES 16 /* inputs of a node, and outputs, at most */

/* All outputs have contents already (graph/known.h). */
static bool known(const node *n) {
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && !value_contents(n->out[i])) return false;
    return true;
}

static bool constant(const value *v) {
    return v && v->kind == VALUE_CONSTANT && !v->optional;
}

static bool foldable(const graph_map *m, const node *n, budget *left) {
    if (!n->op->reference || n->op->random || n->in_count == 0) return false;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !constant(n->in[i]) && !constant(m->value[n->in[i]->id])) return false;
    for (int i = 0; i < n->out_count; i++)
        if (bytes_of(&n->out[i], 1) > FOLD_BYTES_MAX) return false;
    int64_t work = work_of(n), bytes = bytes_of(n->out, n->out_count);
    if (work >= FOLD_WORK_MAX || work > left->work || bytes > left->bytes) return false;
    left->work -= work, left->bytes -= bytes;
    return true;
}

/* Its outputs become constants of the same names. */
static stria_status known_fold(graph_map *m, const node *n, stria_error *err) {
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) TRY(graph_add_constant(m->to, n->out[i]->name, n->out[i]->data, &m->value[n->out[i]->id], err));
    return STRIA_OK;
}

/* Runs the node on constants and makes its outputs constants of the same names. */
static stria_status node_fold(graph_map *m, const node *n, stria_error *err) {
    const void *in[FOLD_VALUES] = {0};
    tensor *result[FOLD_VALUES] = {0};
    value *v;
    stria_status status = STRIA_OK;
    for (int i = 0; i < n->in_count; i++) {
        TRY_DONE(graph_map_value(m, n->in[i], &v, err));
        in[i] = v ? v->data->data : NULL;
    }
    status = node_evaluate_new(n, in, result, err);
    if (status != STRIA_OK) error_prefix(err, "layer '%s' (%s): ", n->name, n->op->name);
    if (status != STRIA_OK) goto done;
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) TRY_DONE(graph_add_constant(m->to, n->out[i]->name, result[i], &m->value[n->out[i]->id], err));
done:
    for (int i = 0; i < FOLD_VALUES; i++) tensor_release(result[i]);
    return status;
}

stria_status pass_fold(graph **g, stria_error *err) {
    graph_map m;
    graph *folded;
    node *copy;
    budget left = budget_of(*g);
    TRY(graph_map_init(&m, *g, err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < (*g)->node_count; i++) {
        const node *n = (*g)->nodes[i];
        if (known(n)) TRY_DONE(known_fold(&m, n, err));
        else if (n->in_count <= FOLD_VALUES && n->out_count <= FOLD_VALUES && foldable(&m, n, &left))
            TRY_DONE(node_fold(&m, n, err));
        else TRY_DONE(graph_map_node(&m, n, &copy, err));
    }
    TRY_DONE(graph_map_finish(&m, &folded, err));
    graph_free(*g);
    *g = folded;
done:
    if (status != STRIA_OK) graph_map_release(&m);
    return status;
}
