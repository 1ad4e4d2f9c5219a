/* Newer operators in the words of older opsets. */
#include "model/onnx/opset.h"

#include "op/conv.h"
#include "op/norm.h"
#include "op/pool.h"
#include "op/reduce.h"
#include "op/rule.h"
#include "op/unary.h"

#include <math.h>
#include <string.h>

typedef stria_status spelling(graph *g, const node *n, value **out, stria_error *err);

static bool sizes_open(const graph *g) {
    for (int i = 0; i < g->input_count; i++)
        for (int d = 1; d < g->inputs[i]->shape.rank; d++)
            if (g->inputs[i]->symbol[d]) return true;
    return false;
}

static value *scaled(builder *b, value *x, double by) {
    value *c = build_scalar(b, x ? x->type : STRIA_FLOAT32, by);
    return x && c ? build2(b, &op_Mul, x, c, NULL) : NULL;
}

static value *plus(builder *b, value *x, double c) {
    value *v = build_scalar(b, x ? x->type : STRIA_FLOAT32, c);
    return x && v ? build2(b, &op_Add, x, v, NULL) : NULL;
}

/* x · sigmoid(α x) */
static stria_status swish(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    float alpha = ((const unary_attributes *)n->attributes)->alpha;
    value *x = n->in[0], *inner = alpha == 1 ? x : scaled(&b, x, (double)alpha);
    value *s = inner ? build1(&b, &op_Sigmoid, inner, NULL) : NULL;
    out[0] = s ? build2(&b, &op_Mul, x, s, NULL) : NULL;
    return b.status;
}

/* x · tanh(log(1 + exp x)) */
static stria_status mish(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *s = build1(&b, &op_Softplus, n->in[0], NULL), *t = s ? build1(&b, &op_Tanh, s, NULL) : NULL;
    out[0] = t ? build2(&b, &op_Mul, n->in[0], t, NULL) : NULL;
    return b.status;
}

/* x · min(max(x / 6 + 1/2, 0), 1) */
static stria_status hard_swish(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    unary_attributes a = {.alpha = 1.0f / 6, .beta = 0.5f};
    value *s = build1(&b, &op_HardSigmoid, n->in[0], &a);
    out[0] = s ? build2(&b, &op_Mul, n->in[0], s, NULL) : NULL;
    return b.status;
}

/* x/2 · (1 + erf(x / √2)), or by tanh(√(2/π) (x + 0.044715 x³)) */
static stria_status gelu(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *x = n->in[0], *f;
    if (unary_gelu_by_tanh(n->attributes)) {
        value *square = build2(&b, &op_Mul, x, x, NULL), *cube = square ? build2(&b, &op_Mul, square, x, NULL) : NULL;
        value *bent = scaled(&b, cube, 0.044715), *sum = bent ? build2(&b, &op_Add, x, bent, NULL) : NULL;
        value *inner = scaled(&b, sum, sqrt(2 / M_PI));
        f = inner ? build1(&b, &op_Tanh, inner, NULL) : NULL;
    } else {
        value *inner = scaled(&b, x, sqrt(0.5));
        f = inner ? build1(&b, &op_Erf, inner, NULL) : NULL;
    }
    value *half = scaled(&b, x, 0.5), *one = plus(&b, f, 1);
    out[0] = half && one ? build2(&b, &op_Mul, half, one, NULL) : NULL;
    return b.status;
}

/* The axes from `axis` to the last. */
static value *axes_from(builder *b, const value *x, int64_t axis) {
    int64_t axes[RANK_MAX], rank = x->shape.rank, first = axis < 0 ? axis + rank : axis;
    for (int64_t d = first; d < rank; d++) axes[d - first] = d;
    return build_i64(b, axes, rank - first);
}

/* x / √(mean over the last axes of x² + ε) · scale */
static stria_status rms_norm(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const norm_attributes *a = n->attributes;
    reduce_attributes reduce = {.keepdims = 1};
    value *square = build2(&b, &op_Mul, n->in[0], n->in[0], NULL), *list = axes_from(&b, n->in[0], a->axis);
    value *mean = square && list ? build2(&b, &op_ReduceMean, square, list, &reduce) : NULL;
    value *sum = plus(&b, mean, (double)a->epsilon), *root = sum ? build1(&b, &op_Sqrt, sum, NULL) : NULL;
    value *normal = root ? build2(&b, &op_Div, n->in[0], root, NULL) : NULL;
    out[0] = normal ? build2(&b, &op_Mul, normal, n->in[1], NULL) : NULL;
    return b.status;
}

/* (x − mean) / √(variance + ε) over the last axes, · scale + bias; also the mean and 1 / √(variance + ε) */
static stria_status layer_norm(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const norm_attributes *a = n->attributes;
    reduce_attributes reduce = {.keepdims = 1};
    value *list = axes_from(&b, n->in[0], a->axis);
    value *mean = list ? build2(&b, &op_ReduceMean, n->in[0], list, &reduce) : NULL;
    value *rest = mean ? build2(&b, &op_Sub, n->in[0], mean, NULL) : NULL;
    value *square = rest ? build2(&b, &op_Mul, rest, rest, NULL) : NULL;
    value *variance = square ? build2(&b, &op_ReduceMean, square, list, &reduce) : NULL;
    value *sum = plus(&b, variance, (double)a->epsilon), *root = sum ? build1(&b, &op_Sqrt, sum, NULL) : NULL;
    value *normal = root ? build2(&b, &op_Div, rest, root, NULL) : NULL;
    value *y = normal ? build2(&b, &op_Mul, normal, n->in[1], NULL) : NULL;
    if (y && n->in_count > 2 && n->in[2]) y = build2(&b, &op_Add, y, n->in[2], NULL);
    out[0] = y;
    if (n->out_count > 1 && n->out[1]) out[1] = mean;
    if (n->out_count > 2 && n->out[2] && root) out[2] = build1(&b, &op_Reciprocal, root, NULL);
    return b.status;
}

/* A value per channel [c] as [c, 1, …], as many dimensions as x has after the batch. */
static value *per_channel(builder *b, value *v, int rank) {
    int64_t axes[RANK_MAX];
    for (int d = 0; d + 2 < rank; d++) axes[d] = d + 1;
    return rank > 2 ? build_unsqueeze(b, v, axes, rank - 2) : v;
}

/* InstanceNormalization of [n, groups, rest], as PyTorch's exporter writes it; then · scale + bias per channel. The way
 * back is x's shape: by numbers after the batch, or asked for where sizes are open. */
static stria_status group_norm(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const norm_attributes *a = n->attributes;
    value *x = n->in[0];
    int rank = x->shape.rank;
    int64_t groups = a->num_groups, to[] = {0, groups, -1}, back[RANK_MAX] = {0};
    shape of = {1, {groups}};
    norm_attributes instance = {.epsilon = a->epsilon};
    for (int d = 1; d < rank; d++) back[d] = x->shape.dim[d];
    value *in[] = {NULL, build_filled(&b, x->type, &of, 1), build_filled(&b, x->type, &of, 0)};
    value *sizes = build_i64(&b, to, 3);
    in[0] = sizes ? build2(&b, &op_Reshape, x, sizes, NULL) : NULL;
    value *y = in[0] && in[1] && in[2] ? build(&b, &op_InstanceNormalization, in, 3, &instance) : NULL;
    bool open = sizes_open(g->copied_from ? g->copied_from : g);
    value *as = !y ? NULL : open ? build1(&b, &op_Shape, x, NULL) : build_i64(&b, back, rank);
    y = as ? build2(&b, &op_Reshape, y, as, NULL) : NULL;
    value *scale = per_channel(&b, n->in[1], rank), *bias = per_channel(&b, n->in[2], rank);
    y = y && scale ? build2(&b, &op_Mul, y, scale, NULL) : NULL;
    out[0] = y && bias ? build2(&b, &op_Add, y, bias, NULL) : NULL;
    return b.status;
}

static const struct {
    const op_def *op;
    spelling *spell;
    int above; /* spelt out where no opset is asked for and the operator needs more than this one */
} spellings[] = {{&op_Swish, swish, 23},
                 {&op_RMSNormalization, rms_norm, 22},
                 {&op_Mish, mish, 99},
                 {&op_HardSwish, hard_swish, 99},
                 {&op_Gelu, gelu, 99},
                 {&op_LayerNormalization, layer_norm, 99},
                 {&op_GroupNormalization, group_norm, 99}};

/* How a node is spelt for the opset (0: the lowest); NULL: as it is. */
static spelling *spelling_of(const node *n, int opset) {
    if (*n->op->domain) return n->op->expand;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (n->op == spellings[i].op) {
            int needed = opset_of_node(n);
            return (opset ? needed > opset : needed > spellings[i].above) ? spellings[i].spell : NULL;
        }
    return NULL;
}

static stria_status node_spell(graph_map *m, const node *n, spelling *spell, bool *done, stria_error *err) {
    node copy = *n;
    op_def op = *n->op;
    op.expand = spell;
    copy.op = &op;
    return graph_map_expand(m, &copy, done, err);
}

/* ---- padding ---- */

/* The window attributes of a node that has some, with its windows; NULL: it has none. */
static window_attributes *windows_of(const node *n, window w[3]) {
    static const op_def *const pools[] = {&op_MaxPool, &op_AveragePool, &op_LpPool};
    if (n->op == &op_Conv) {
        conv_shape s = conv_shape_of(n);
        w[0] = s.y, w[1] = s.x, w[2] = s.z;
        return &((conv_attributes *)n->attributes)->window;
    }
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        if (n->op == pools[i]) {
            pool_shape s = pool_shape_of(n);
            w[0] = s.y, w[1] = s.x, w[2] = s.z;
            return &((pool_attributes *)n->attributes)->window;
        }
    return NULL;
}

/* Says SAME and VALID by numbers: some programs pad the other side. `n` belongs to the copy. */
static stria_status pads_say(graph *g, node *n, stria_error *err) {
    window w[3];
    window_attributes *a = windows_of(n, w);
    if (!a || strcmp(a->auto_pad, "NOTSET") == 0) return STRIA_OK;
    int rank = n->in[0]->shape.rank - 2;
    if (rank < 1 || rank > 3) return STRIA_OK;
    int64_t *pads = arena_alloc(&g->arena, 6 * sizeof *pads);
    if (!pads) FAIL(err, STRIA_NO_MEMORY, "not enough memory for pads");
    for (int d = 0; d < rank; d++) {
        pads[d] = window_along(w, rank, d)->before;
        pads[rank + d] = window_along(w, rank, d)->after;
    }
    a->auto_pad = "NOTSET";
    a->pads = (ints){2 * rank, pads};
    return STRIA_OK;
}

/* ---- the whole ---- */

static stria_status nodes_spell(graph_map *m, const graph *g, int opset, bool fixed, stria_error *err) {
    for (int i = 0; i < g->node_count; i++) {
        const node *n = g->nodes[i];
        spelling *spell = spelling_of(n, opset);
        bool done = false;
        node *copy;
        if (spell) TRY(node_spell(m, n, spell, &done, err));
        if (done) continue;
        TRY(graph_map_node(m, n, &copy, err));
        if (fixed) TRY(pads_say(m->to, copy, err));
    }
    for (int i = 0; i < g->value_count; i++) { /* also those that nothing uses */
        value *v;
        if (g->values[i]->kind == VALUE_STATE) TRY(graph_map_value(m, g->values[i], &v, err));
    }
    return STRIA_OK;
}

stria_status opset_spell(const graph *g, int opset, graph **out, stria_error *err) {
    graph_map m;
    TRY(graph_map_init(&m, (graph *)(uintptr_t)g, err)); /* which only reads it */
    stria_status status = nodes_spell(&m, g, opset, !sizes_open(g), err);
    if (status == STRIA_OK) status = graph_map_finish(&m, out, err);
    if (status != STRIA_OK) {
        graph_map_release(&m);
        return status;
    }
    for (int i = 0; opset && i < (*out)->node_count; i++) {
        const node *n = (*out)->nodes[i];
        int needed = opset_of_node(n);
        if (needed > 0 && needed <= opset) continue;
        status = needed ? error_set(err, STRIA_UNSUPPORTED, "layer '%s' (%s) needs opset %d, not %d", n->name,
                                    n->op->name, needed, opset)
                        : error_set(err, STRIA_NO_MEMORY, "not enough memory to write the model");
        graph_free(*out);
        *out = NULL;
        return status;
    }
    return STRIA_OK;
}
