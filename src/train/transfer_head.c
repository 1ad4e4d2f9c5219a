/* A new classifier in place of a network's own. */
#include "op/init.h"
#include "op/matmul.h"
#include "op/op.h"
#include "op/rule.h"
#include "train/class_names.h"
#include "train/classifier.h"
#include "train/heads.h"
#include "train/transfer.h"
#include "transform/transform.h"

#include <inttypes.h>

#define HEAD        "head"
#define HEAD_INIT   "normal:gain=0.01" /* as torchvision begins the last layers of SqueezeNet and MobileNet */
#define CLASSES_MAX (1 << 24)

static bool is_product(const node *n) {
    return n->op == &op_Conv || n->op == &op_Gemm || n->op == &op_MatMul;
}

/* The one input that is computed from the pictures; NULL where there are several, or none. */
static value *only_input(const node *n) {
    value *found = NULL;
    for (int i = 0; i < n->in_count; i++) {
        value *v = n->in[i];
        if (!v || v->data || (v->kind != VALUE_NODE && v->kind != VALUE_INPUT)) continue;
        if (found && found != v) return NULL;
        found = v;
    }
    return found;
}

stria_status last_product_find(graph *g, last_product *out, stria_error *err) {
    classifier c;
    TRY(classifier_of(g, &c, err));
    last_product found = {0};
    const value *v = c.kind.logits ? c.kind.logits : c.scores;
    while (v && v->kind == VALUE_NODE && !is_product(v->producer)) {
        const op_def *op = v->producer->op;
        found.maximum |= op == &op_GlobalMaxPool || op == &op_MaxPool || op == &op_ReduceMax;
        v = only_input(v->producer);
    }
    if (!v || v->kind != VALUE_NODE || only_input(v->producer) != v->producer->in[0])
        FAIL(err, STRIA_UNSUPPORTED,
             "model '%s': output '%s' does not come from one last product with weights (Conv, Gemm or MatMul)", g->name,
             c.scores->name);
    found.product = v->producer;
    *out = found;
    return STRIA_OK;
}

/* NAME.weight of this shape, and NAME.bias. */
static stria_status parameters_make(graph *g, const char *name, dtype type, const shape *weight, uint64_t seed,
                                    value *wb[2], stria_error *err) {
    shape bias = {.rank = 1, .dim = {weight->dim[0]}};
    const char *w = arena_printf(&g->arena, "%s.weight", name), *b = arena_printf(&g->arena, "%s.bias", name);
    if (!w || !b) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a new classifier");
    TRY(init_parameter(g, w, type, weight, HEAD_INIT, seed, &wb[0], err));
    return init_parameter(g, b, type, &bias, "zeros", seed, &wb[1], err);
}

/* A name that neither a node nor "NAME.weight" bears: "head", else "head2", … */
static const char *head_name(graph *g) {
    const char *name = HEAD;
    for (int i = 2; name; i++) {
        const char *weight = arena_printf(&g->arena, "%s.weight", name);
        const char *bias = arena_printf(&g->arena, "%s.bias", name);
        if (!weight || !bias) return NULL;
        if (!graph_find_node(g, name) && !graph_find_value(g, name) && !graph_find_value(g, weight) &&
            !graph_find_value(g, bias))
            return name;
        name = arena_printf(&g->arena, "%s%d", HEAD, i);
    }
    return NULL;
}

static stria_status conv_make(graph *g, const node *old, const char *name, int64_t classes, uint64_t seed, value **y,
                              stria_error *err) {
    value *in[3] = {old->in[0]};
    shape weight = old->in[1]->shape;
    node *made;
    if (weight.dim[1] != in[0]->shape.dim[1])
        FAIL(err, STRIA_UNSUPPORTED, "model '%s': its last layer '%s' is a convolution in groups", g->name, old->name);
    weight.dim[0] = classes;
    TRY(parameters_make(g, name, in[0]->type, &weight, seed, &in[1], err));
    TRY(graph_add_node(g, &op_Conv, name, in, 3, old->attributes, 1, (const char *[]){name}, &made, err));
    *y = made->out[0];
    return STRIA_OK;
}

static stria_status dense_make(graph *g, const node *old, const char *name, int64_t classes, uint64_t seed, value **y,
                               stria_error *err) {
    value *x = old->in[0], *in[3] = {x};
    const gemm_attributes *was = old->op == &op_Gemm ? old->attributes : NULL;
    node *made;
    if (x->shape.rank != 2 || (was && was->transA))
        FAIL(err, STRIA_UNSUPPORTED, "model '%s': its last layer '%s' does not take [batch, numbers]", g->name,
             old->name);
    shape weight = {.rank = 2, .dim = {classes, x->shape.dim[1]}};
    TRY(parameters_make(g, name, x->type, &weight, seed, &in[1], err));
    gemm_attributes a = {.alpha = 1, .beta = 1, .transB = 1};
    TRY(graph_add_node(g, &op_Gemm, name, in, 3, &a, 1, (const char *[]){name}, &made, err));
    *y = made->out[0];
    return STRIA_OK;
}

/* [batch, classes, …] → [batch, classes] by the positions' mean or maximum. */
static value *positions_join(builder *b, value *y, bool maximum) {
    bool several = y && y->shape.rank > 2 && shape_span(&y->shape, 2, y->shape.rank) != 1;
    if (several) y = build1(b, maximum ? &op_GlobalMaxPool : &op_GlobalAveragePool, y, NULL);
    return y && y->shape.rank > 2 ? build1(b, &op_Flatten, y, NULL) : y;
}

static stria_status head_append(graph *g, int64_t classes, uint64_t seed, stria_error *err) {
    last_product last;
    value *y = NULL;
    TRY(last_product_find(g, &last, err));
    const char *name = head_name(g);
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a new classifier");
    if (last.product->op == &op_Conv) TRY(conv_make(g, last.product, name, classes, seed, &y, err));
    else TRY(dense_make(g, last.product, name, classes, seed, &y, err));
    builder b = {.g = g, .origin = name, .err = err};
    y = positions_join(&b, y, last.maximum);
    TRY(b.status);
    g->output_count = 0;
    return graph_add_output(g, y, CLASSIFIER_LOGITS, err);
}

stria_status head_replace(graph *g, int64_t classes, uint64_t seed, graph **out, stria_error *err) {
    graph *copy;
    if (classes < 2 || classes > CLASSES_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "a classifier of %" PRId64 " classes; expected 2 to %d", classes, CLASSES_MAX);
    TRY(heads_drop(g, &copy, err));
    stria_status status = head_append(copy, classes, seed, err);
    if (status == STRIA_OK) status = pass_reach(&copy, err);
    if (status != STRIA_OK) {
        graph_free(copy);
        return status;
    }
    graph_drop_metadata(copy, CLASS_NAMES_KEY);
    graph_drop_metadata(copy, KEY_OUTPUT);
    *out = copy;
    return STRIA_OK;
}
