/* Following a classifier's output backwards. Every rule answers for its operator's first result; what no rule knows
 * stays unknown. */
#include "train/output_kind.h"
#include "train/output_pattern.h"

#include "op/reduce.h"
#include "op/rule.h"
#include "op/shape.h"
#include "op/softmax.h"

#include <math.h>

#define KEEPS 1e-3 /* bounds this near to 0 and 1 cut no probability that matters (Keras: 1e-7) */

typedef struct walk {
    int left;        /* nodes that may still be looked at */
    const value *at; /* the result whose operator a rule is asked about */
} walk;

static output_finding follow(walk *w, value *v, place at);

static bool is_probability(output_holds h) {
    return h == HOLDS_SOFTMAX || h == HOLDS_HEADS || h == HOLDS_SIGMOID;
}

static output_finding found(output_holds h, value *logits) {
    return (output_finding){h, logits};
}

static output_finding unknown(void) {
    return found(HOLDS_UNKNOWN, NULL);
}

/* Any real numbers become other ones; of anything else nothing is known. */
static output_finding numbers_only(output_finding f) {
    return f.holds == HOLDS_NUMBERS ? f : unknown();
}

/* The same kind with values of its own. */
static output_finding without_logits(output_finding f) {
    return found(f.holds, NULL);
}

/* ---- operators that keep elements and their order ---- */

static output_finding follow_same(walk *w, const node *n, place at) {
    return dtype_is_float(n->in[0]->type) && dtype_is_float(n->out[0]->type) ? follow(w, n->in[0], at) : unknown();
}

static output_finding follow_view(walk *w, const node *n, place at) {
    return at.axis < 0 || shape_equal(&n->in[0]->shape, &n->out[0]->shape) ? follow(w, n->in[0], at) : unknown();
}

static int64_t perm_of(const node *n, int d) {
    const ints *perm = &((const transpose_attributes *)n->attributes)->perm;
    return perm->count ? perm->value[d] : n->in[0]->shape.rank - 1 - d;
}

/* Dimensions of more than one element stay in their order, the batch counted among them. */
static bool transpose_keeps_order(const node *n) {
    int64_t last = -1;
    for (int d = 0; d < n->in[0]->shape.rank; d++) {
        int64_t from = perm_of(n, d);
        if (from != 0 && n->in[0]->shape.dim[from] == 1) continue;
        if (from < last) return false;
        last = from;
    }
    return true;
}

static output_finding follow_transpose(walk *w, const node *n, place at) {
    if (at.axis >= 0) return follow(w, n->in[0], (place){at.classes, (int)perm_of(n, at.axis)});
    return transpose_keeps_order(n) ? follow(w, n->in[0], at) : unknown();
}

/* ---- bounds ---- */

/* x cut at `least` and `most`. Bounds inside 0…1 make of any numbers what could be probabilities or not. */
static output_finding bounded(output_finding f, double least, double most) {
    if (f.holds == HOLDS_NUMBERS) return least >= 0 && most <= 1 ? unknown() : f;
    if (!is_probability(f.holds)) return unknown();
    if (least > 1 || most < 0) return unknown();
    return least <= KEEPS && most >= 1 - KEEPS ? f : without_logits(f);
}

static output_finding follow_clip(walk *w, const node *n, place at) {
    double least = -INFINITY, most = INFINITY;
    if (n->in_count > 1 && n->in[1] && !pattern_number(n->in[1], &least)) return unknown();
    if (n->in_count > 2 && n->in[2] && !pattern_number(n->in[2], &most)) return unknown();
    return bounded(follow(w, n->in[0], at), least, most);
}

/* Min and Max with one number. */
static output_finding follow_bound(walk *w, const node *n, place at) {
    double bound;
    if (n->in_count != 2) return unknown();
    int constant = pattern_number(n->in[1], &bound) ? 1 : 0;
    if (!pattern_number(n->in[constant], &bound)) return unknown();
    bool most = n->op == &op_Min;
    return bounded(follow(w, n->in[1 - constant], at), most ? -INFINITY : bound, most ? bound : INFINITY);
}

static output_finding follow_relu(walk *w, const node *n, place at) {
    return bounded(follow(w, n->in[0], at), 0, INFINITY);
}

static output_finding follow_activation(walk *w, const node *n, place at) {
    return numbers_only(follow(w, n->in[0], at));
}

/* ---- softmax and sigmoid ---- */

/* Along the classes of one picture, and along nothing else. */
static bool over_classes(const node *n, place at) {
    softmax_geometry g = softmax_geometry_of(n);
    if (g.classes != at.classes) return false;
    return at.axis < 0 ? g.inner == 1 : g.outer == shape_span(&n->in[0]->shape, 0, at.axis);
}

static output_finding follow_softmax(walk *w, const node *n, place at) {
    bool logarithm = n->op == &op_LogSoftmax;
    if (over_classes(n, at)) return found(logarithm ? HOLDS_LOG_SOFTMAX : HOLDS_SOFTMAX, n->in[0]);
    return logarithm ? unknown() : found(HOLDS_HEADS, NULL); /* several softmaxes per picture */
}

static output_finding follow_sigmoid(walk *w, const node *n, place at) {
    return found(HOLDS_SIGMOID, n->op == &op_Sigmoid ? n->in[0] : NULL);
}

static output_finding follow_exp(walk *w, const node *n, place at) {
    output_finding f = follow(w, n->in[0], at);
    if (f.holds == HOLDS_LOG_SOFTMAX) return found(HOLDS_SOFTMAX, f.logits);
    return f.holds == HOLDS_LOG_SIGMOID ? found(HOLDS_SIGMOID, f.logits) : unknown();
}

static output_finding follow_log(walk *w, const node *n, place at) {
    output_finding f = follow(w, n->in[0], at);
    if (f.holds == HOLDS_SOFTMAX) return found(HOLDS_LOG_SOFTMAX, f.logits);
    return f.holds == HOLDS_SIGMOID ? found(HOLDS_LOG_SIGMOID, f.logits) : unknown();
}

/* x over its sum: the softmax of z where x is exp z. */
static output_finding normalised(const value *x) {
    return found(HOLDS_SOFTMAX, pattern_made_by(x, &op_Exp) ? x->producer->in[0] : NULL);
}

static output_finding follow_reciprocal(walk *w, const node *n, place at) {
    value *z = pattern_sigmoid(n->in[0]);
    return z ? found(HOLDS_SIGMOID, z) : unknown();
}

/* ---- arithmetic ---- */

/* Sums and products are any real numbers where one operand is, and no other one is known to be something else. */
static output_finding combined(walk *w, const node *n, place at) {
    output_finding all = unknown();
    for (int i = 0; i < n->in_count; i++) {
        if (!n->in[i] || value_contents(n->in[i]) || n->in[i]->kind == VALUE_STATE) continue;
        output_finding f = follow(w, n->in[i], at);
        if (f.holds == HOLDS_NUMBERS) all = f;
    }
    return all;
}

/* 1 − p is as much a probability as p. */
static output_finding follow_sub(walk *w, const node *n, place at) {
    value *x = n->in[0], *below = n->in[1];
    if (pattern_log_softmax(x, below, at)) return found(HOLDS_LOG_SOFTMAX, x);
    if (pattern_is_number(x, 1) && is_probability(follow(w, below, at).holds)) return found(HOLDS_SIGMOID, NULL);
    return combined(w, n, at);
}

static output_finding follow_div(walk *w, const node *n, place at) {
    if (pattern_share(n->in[0], n->in[1], at)) return normalised(n->in[0]);
    value *z = pattern_is_number(n->in[0], 1) ? pattern_sigmoid(n->in[1]) : NULL;
    if (z) return found(HOLDS_SIGMOID, z);
    return value_contents(n->in[1]) ? numbers_only(follow(w, n->in[0], at)) : unknown();
}

static output_finding follow_mul(walk *w, const node *n, place at) {
    for (int i = 0; i < 2; i++) {
        const value *inverse = n->in[i];
        if (pattern_made_by(inverse, &op_Reciprocal) && pattern_share(n->in[1 - i], inverse->producer->in[0], at))
            return normalised(n->in[1 - i]);
    }
    return combined(w, n, at);
}

static output_finding follow_product(walk *w, const node *n, place at) {
    return found(HOLDS_NUMBERS, NULL);
}

/* ---- means ---- */

/* The mean of several such: the same kind. */
static output_finding follow_mean(walk *w, const node *n, place at) {
    output_finding all = follow(w, n->in[0], at);
    for (int i = 1; i < n->in_count; i++)
        if (follow(w, n->in[i], at).holds != all.holds) return unknown();
    return without_logits(all);
}

static output_finding averaged(walk *w, value *x, int64_t classes, int axis) {
    if (axis < 1 || x->shape.dim[axis] != classes) return unknown();
    return without_logits(follow(w, x, (place){classes, axis}));
}

static output_finding follow_pool(walk *w, const node *n, place at) {
    return averaged(w, n->in[0], at.classes, at.axis < 0 ? 1 : at.axis);
}

/* The class dimension of what is reduced: the only one that stays, apart from the batch. */
static output_finding follow_reduce_mean(walk *w, const node *n, place at) {
    bool axis[RANK_MAX];
    const shape *x = &n->in[0]->shape;
    int classes = 0;
    if (at.axis >= 0) return unknown();
    reduce_axes_of(n, axis);
    for (int d = 1; d < x->rank; d++) {
        if (axis[d] || x->dim[d] == 1) continue;
        if (classes) return unknown();
        classes = d;
    }
    return axis[0] ? unknown() : averaged(w, n->in[0], at.classes, classes);
}

static output_finding follow_max(walk *w, const node *n, place at) {
    place inside = {1, -1};
    return numbers_only(follow(w, n->in[0], inside));
}

/* ---- parts ---- */

/* Some of a picture's scores, or those of one of its positions. */
static output_finding follow_part(walk *w, const node *n, place at) {
    if (at.axis >= 0) return unknown();
    int64_t pictures = shape_count(&w->at->shape) / (at.classes ? at.classes : 1);
    if (pictures < 1) return unknown();
    int64_t all = shape_count(&n->in[0]->shape) / pictures;
    output_finding whole = follow(w, n->in[0], (place){all, -1});
    if (whole.holds == HOLDS_SOFTMAX || whole.holds == HOLDS_LOG_SOFTMAX || all == at.classes)
        return without_logits(whole);
    return without_logits(follow(w, n->in[0], at));
}

/* 1 − p beside p, in either order. */
static bool complementary(const value *a, const value *b) {
    for (int i = 0; i < 2; i++) {
        const value *p = i ? a : b, *q = i ? b : a;
        if (pattern_made_by(q, &op_Sub) && pattern_is_number(q->producer->in[0], 1) && q->producer->in[1] == p)
            return true;
    }
    return false;
}

static output_finding follow_concat(walk *w, const node *n, place at) {
    output_finding all = unknown();
    int64_t pictures = shape_count(&n->out[0]->shape) / (at.classes ? at.classes : 1);
    if (pictures < 1 || at.axis >= 0) return unknown();
    for (int i = 0; i < n->in_count; i++) {
        output_finding f = follow(w, n->in[i], (place){shape_count(&n->in[i]->shape) / pictures, -1});
        if (n->in_count == 1) return f;
        if (f.holds == HOLDS_SOFTMAX) f.holds = HOLDS_HEADS; /* each part has its own sum */
        if (f.holds == HOLDS_LOG_SOFTMAX) return unknown();
        bool mixed = i && f.holds != all.holds;
        if (mixed && !(is_probability(f.holds) && is_probability(all.holds))) return unknown();
        all = mixed ? found(HOLDS_HEADS, NULL) : f;
    }
    if (n->in_count == 2 && at.classes == 2 && all.holds == HOLDS_SIGMOID && complementary(n->in[0], n->in[1]))
        return found(HOLDS_SOFTMAX, NULL);
    return without_logits(all);
}

/* ---- the table ---- */

static const struct rule {
    const op_def *op;
    output_finding (*follow)(walk *w, const node *n, place at);
} rules[] = {
    {&op_Identity, follow_same},
    {&op_Dropout, follow_same},
    {&op_Cast, follow_same},
    {&op_CastLike, follow_same},
    {&op_Flatten, follow_view},
    {&op_Reshape, follow_view},
    {&op_Squeeze, follow_view},
    {&op_Unsqueeze, follow_view},
    {&op_Transpose, follow_transpose},
    {&op_Clip, follow_clip},
    {&op_Min, follow_bound},
    {&op_Max, follow_bound},
    {&op_Relu, follow_relu},
    {&op_LeakyRelu, follow_activation},
    {&op_PRelu, follow_activation},
    {&op_Elu, follow_activation},
    {&op_Selu, follow_activation},
    {&op_Celu, follow_activation},
    {&op_Gelu, follow_activation},
    {&op_Swish, follow_activation},
    {&op_HardSwish, follow_activation},
    {&op_Mish, follow_activation},
    {&op_Neg, follow_activation},
    {&op_Softmax, follow_softmax},
    {&op_LogSoftmax, follow_softmax},
    {&op_Sigmoid, follow_sigmoid},
    {&op_HardSigmoid, follow_sigmoid},
    {&op_Exp, follow_exp},
    {&op_Log, follow_log},
    {&op_Reciprocal, follow_reciprocal},
    {&op_Add, combined},
    {&op_Sum, combined},
    {&op_Sub, follow_sub},
    {&op_Mul, follow_mul},
    {&op_Div, follow_div},
    {&op_Gemm, follow_product},
    {&op_MatMul, follow_product},
    {&op_Conv, follow_product},
    {&op_ConvTranspose, follow_product},
    {&op_LocallyConnected, follow_product},
    {&op_BatchNormalization, follow_product},
    {&op_LayerNormalization, follow_product},
    {&op_InstanceNormalization, follow_product},
    {&op_GroupNormalization, follow_product},
    {&op_RMSNormalization, follow_product},
    {&op_Mean, follow_mean},
    {&op_GlobalAveragePool, follow_pool},
    {&op_AveragePool, follow_pool},
    {&op_ReduceMean, follow_reduce_mean},
    {&op_GlobalMaxPool, follow_max},
    {&op_MaxPool, follow_max},
    {&op_ReduceMax, follow_max},
    {&op_Slice, follow_part},
    {&op_Gather, follow_part},
    {&op_Split, follow_part},
    {&op_Concat, follow_concat},
};

static output_finding follow(walk *w, value *v, place at) {
    const node *n = v->producer;
    if (!n || w->left-- <= 0) return unknown();
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].op == n->op && (v->slot == 0 || n->op == &op_Split)) {
            w->at = v;
            return rules[i].follow(w, n, at);
        }
    return unknown();
}

output_finding output_trace(value *v, int64_t classes) {
    walk w = {.left = OUTPUT_TRACE_MAX};
    return follow(&w, v, (place){classes, -1});
}
