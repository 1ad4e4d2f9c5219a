/* Batch normalisation by running statistics after a convolution or matrix product is part of it: with
 * a = scale / √(variance + ε), w′ = w·a and b′ = (b − mean)·a + bias, channel by channel. */
#include <math.h>

#include "op/conv.h"
#include "op/matmul.h"
#include "op/norm.h"
#include "transform/transform.h"

typedef struct folder {
    graph_map m;
    int *readers;      /* by value: nodes, outputs and updates that read it */
    const node **into; /* by node: the normalisation that it takes in */
    bool *gone;        /* by node: a normalisation that is in another node */
} folder;

static void readers_count(int *readers, const graph *g) {
    for (int k = 0; k < g->node_count; k++)
        for (int i = 0; i < g->nodes[k]->in_count; i++)
            if (g->nodes[k]->in[i]) readers[g->nodes[k]->in[i]->id]++;
    for (int i = 0; i < g->output_count; i++) readers[g->outputs[i]->id]++;
    for (int i = 0; i < g->update_count; i++) readers[g->updates[i].next->id]++;
}

/* The same between runs, as float32. */
static bool fixed(const value *v) {
    bool kept = v && (v->kind == VALUE_CONSTANT || (v->kind == VALUE_STATE && !v->updated));
    return kept && !v->optional && v->type == STRIA_FLOAT32 && v->data;
}

static bool fixed_norm(const node *n) {
    if (n->op != &op_BatchNormalization || !norm_given_statistics(n) || n->out_count != 1) return false;
    for (int i = 1; i < 5; i++)
        if (!fixed(n->in[i])) return false;
    return true;
}

static const value *bias_of(const node *n) {
    return n->in_count > 2 ? n->in[2] : NULL;
}

/* One number a channel, as normalisation's own vectors are: of a product also a row. */
static bool is_channel_bias(const value *b, int64_t channels) {
    const shape *s = &b->shape;
    return shape_count(s) == channels && (s->rank == 1 || (s->rank == 2 && s->dim[0] == 1));
}

static bool takes_norm(const node *n) {
    bool product = n->op == &op_Gemm && ((const gemm_attributes *)n->attributes)->beta == 1;
    if (n->op != &op_Conv && n->op != &op_ConvTranspose && !product) return false;
    if (n->epilogue.activation || n->epilogue.bias >= 0 || n->epilogue.residual >= 0) return false;
    const value *b = bias_of(n);
    return fixed(n->in[1]) && (!b || (fixed(b) && is_channel_bias(b, n->out[0]->shape.dim[1])));
}

/* How weights lie by channels of y: blocks of `channels` runs of equal length, one per channel. After `blocks` blocks,
 * the channels of the next group follow. */
typedef struct channel_order {
    int64_t run, channels, blocks, groups;
} channel_order;

static channel_order order_of(const node *n) {
    const shape *w = &n->in[1]->shape;
    int64_t inner = 1;
    if (n->op == &op_Gemm && !((const gemm_attributes *)n->attributes)->transB)
        return (channel_order){1, w->dim[1], w->dim[0], 1};
    for (int d = n->op == &op_ConvTranspose ? 2 : 1; d < w->rank; d++) inner *= w->dim[d];
    if (n->op != &op_ConvTranspose) return (channel_order){inner, w->dim[0], 1, 1};
    int64_t groups = ((const conv_transpose_attributes *)n->attributes)->conv.group;
    return (channel_order){inner, w->dim[1], w->dim[0] / groups, groups};
}

/* y = w · factor of the channel, in double; factor[groups][channels]. */
static void weights_scale(const channel_order *o, const float *w, const double *factor, float *y) {
    for (int64_t g = 0; g < o->groups; g++, factor += o->channels)
        for (int64_t b = 0; b < o->blocks; b++)
            for (int64_t c = 0; c < o->channels; c++, w += o->run, y += o->run)
                for (int64_t i = 0; i < o->run; i++) y[i] = (float)((double)w[i] * factor[c]);
}

static stria_status constant_add(folder *f, const char *stem, tensor *t, value **out, stria_error *err) {
    const char *name = arena_printf(&f->m.to->arena, "%s.normalised", stem);
    if (!name || !(name = graph_fresh_name(f->m.to, name))) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a pass");
    return graph_add_constant(f->m.to, name, t, out, err);
}

/* scale / √(variance + ε) of every channel. */
static void factors_fill(const node *norm, double *factor) {
    double epsilon = (double)((const norm_attributes *)norm->attributes)->epsilon;
    int64_t channels = shape_count(&norm->in[1]->shape);
    for (int64_t c = 0; c < channels; c++)
        factor[c] = tensor_f64(norm->in[1]->data, c) / sqrt(tensor_f64(norm->in[4]->data, c) + epsilon);
}

static stria_status weights_fold(folder *f, const node *n, const node *norm, value *in[3], stria_error *err) {
    const tensor *w = n->in[1]->data, *b = bias_of(n) ? bias_of(n)->data : NULL;
    tensor *scaled = NULL, *shifted = NULL;
    double *factor = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&factor, (size_t)shape_count(&norm->in[1]->shape) + 1, sizeof *factor, "a pass", err));
    factors_fill(norm, factor);
    TRY_DONE(tensor_raw(&scaled, STRIA_FLOAT32, &w->shape, n->in[1]->name, err));
    TRY_DONE(tensor_raw(&shifted, STRIA_FLOAT32, &norm->in[2]->shape, norm->in[2]->name, err));
    channel_order order = order_of(n);
    weights_scale(&order, w->data, factor, scaled->data);
    for (int64_t c = 0; c < shape_count(&shifted->shape); c++) {
        double centred = (b ? tensor_f64(b, c) : 0) - tensor_f64(norm->in[3]->data, c);
        tensor_put(shifted, c, centred * factor[c] + tensor_f64(norm->in[2]->data, c));
    }
    TRY_DONE(constant_add(f, n->in[1]->name, scaled, &in[1], err));
    TRY_DONE(constant_add(f, norm->in[2]->name, shifted, &in[2], err));
done:
    mem_free(factor);
    tensor_release(scaled);
    tensor_release(shifted);
    return status;
}

static stria_status node_fold(folder *f, const node *n, stria_error *err) {
    const node *norm = f->into[n->id];
    value *in[3];
    node *copy;
    TRY(graph_map_value(&f->m, n->in[0], &in[0], err));
    TRY(weights_fold(f, n, norm, in, err));
    const char *names[1] = {norm->out[0]->name};
    TRY(graph_add_node(f->m.to, n->op, n->name, in, 3, n->attributes, 1, names, &copy, err));
    copy->stream = n->stream;
    f->m.value[norm->out[0]->id] = copy->out[0];
    return STRIA_OK;
}

static void pairs_find(folder *f, const graph *g) {
    readers_count(f->readers, g);
    for (int k = 0; k < g->node_count; k++) {
        const node *norm = g->nodes[k], *before = norm->in_count ? norm->in[0] ? norm->in[0]->producer : NULL : NULL;
        if (!before || !fixed_norm(norm) || f->readers[norm->in[0]->id] != 1 || !takes_norm(before)) continue;
        f->into[before->id] = norm;
        f->gone[norm->id] = true;
    }
}

stria_status pass_fold_norm(graph **g, stria_error *err) {
    folder f = {0};
    graph *folded;
    node *copy;
    TRY(graph_map_init(&f.m, *g, err));
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&f.readers, (size_t)(*g)->value_count + 1, sizeof *f.readers, "a pass", err));
    TRY_DONE(mem_new(&f.into, (size_t)(*g)->node_count + 1, sizeof *f.into, "a pass", err));
    TRY_DONE(mem_new(&f.gone, (size_t)(*g)->node_count + 1, sizeof *f.gone, "a pass", err));
    pairs_find(&f, *g);
    for (int i = 0; i < (*g)->node_count; i++) {
        const node *n = (*g)->nodes[i];
        if (f.into[i]) TRY_DONE(node_fold(&f, n, err));
        else if (!f.gone[i]) TRY_DONE(graph_map_node(&f.m, n, &copy, err));
    }
    TRY_DONE(graph_map_finish(&f.m, &folded, err));
    graph_free(*g);
    *g = folded;
done:
    if (status != STRIA_OK) graph_map_release(&f.m);
    mem_free(f.readers);
    mem_free((void *)f.into);
    mem_free(f.gone);
    return status;
}
