#include "api/sight.h"

#include "base/sizes.h"
#include "op/conv.h"
#include "op/op.h"
#include "op/pool.h"
#include "op/shape.h"

static stria_window window_row(const window *w) {
    return (stria_window){w->in, w->before, w->after, w->kernel, w->dilation, w->stride, w->out};
}

bool sight_windows(const node *n, stria_window out[2]) {
    if (n->in_count < 1 || !n->in[0] || n->in[0]->shape.rank != 4 || n->out[0]->shape.rank != 4) return false;
    if (n->op == &op_Conv) {
        conv_shape s = conv_shape_of(n);
        out[0] = window_row(&s.y), out[1] = window_row(&s.x);
    } else if (n->op == &op_MaxPool || n->op == &op_AveragePool || n->op == &op_LpPool) {
        pool_shape s = pool_shape_of(n);
        out[0] = window_row(&s.y), out[1] = window_row(&s.x);
    } else {
        return false;
    }
    return true;
}

/* Operators whose result at a position depends on the inputs at that position only, where the sides are kept: each
 * element by itself, statistics that are given, and pieces along other dimensions. */
static bool by_position(const op_def *op) {
#define UNARY(name, ...)      &op_##name,
#define UNARY_FLAT(name, ...) &op_##name,
    static const op_def *const known[] = {
#include "op/unary_rows.h"
        &op_Add,
        &op_Sub,
        &op_Mul,
        &op_Div,
        &op_Pow,
        &op_Min,
        &op_Max,
        &op_Sum,
        &op_Mean,
        &op_Mod,
        &op_Clip,
        &op_PRelu,
        &op_Equal,
        &op_Less,
        &op_LessOrEqual,
        &op_Greater,
        &op_GreaterOrEqual,
        &op_IsNaN,
        &op_IsInf,
        &op_And,
        &op_Or,
        &op_Xor,
        &op_Not,
        &op_BitwiseAnd,
        &op_BitwiseOr,
        &op_BitwiseXor,
        &op_BitwiseNot,
        &op_BitShift,
        &op_Where,
        &op_Identity,
        &op_Cast,
        &op_CastLike,
        &op_Dropout,
        &op_BatchNormalization,
        &op_LRN,
        &op_QuantizeLinear,
        &op_DequantizeLinear,
        &op_Concat,
        &op_Split,
        &op_Slice,
        &op_Pad,
        &op_Expand,
        &op_Tile,
        &op_RequireFinite,
    };
#undef UNARY
#undef UNARY_FLAT
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (op == known[i]) return true;
    return false;
}

/* Normalised over the channels of each position. */
static bool over_channels(const node *n) {
    if (n->op != &op_Softmax && n->op != &op_LogSoftmax && n->op != &op_Hardmax) return false;
    int64_t axis = ((const axis_attributes *)n->attributes)->axis;
    return axis == 1 || axis == -3;
}

/* Returns true if the sides of an image are kept. */
static bool same_sides(const value *x, const value *y) {
    return x->shape.rank == 4 && y->shape.rank == 4 && x->shape.dim[2] == y->shape.dim[2] &&
           x->shape.dim[3] == y->shape.dim[3];
}

/* Values that see most win, as the branches of a sum. */
static void sight_join(sight *s, const sight *x) {
    for (int d = 0; d < 2; d++) {
        if (!s->stride[d] || !x->stride[d]) s->field[d] = s->stride[d] = 0;
        if (x->field[d] > s->field[d] && s->stride[d]) s->field[d] = x->field[d];
    }
}

/* r + (k − 1)·dilation·j and j·stride for a window on an element that sees r pixels, j apart (Dumoulin, Visin, "A guide
 * to convolution arithmetic for deep learning", 2016). */
static void sight_widen(sight *s, const stria_window w[2]) {
    for (int d = 0; d < 2; d++) {
        if (!s->stride[d]) continue;
        s->field[d] = size_add(s->field[d], size_mul((w[d].kernel - 1) * w[d].dilation, s->stride[d]));
        s->stride[d] = size_mul(s->stride[d], w[d].stride);
    }
}

void sight_of(const node *n, sight *by_value) {
    stria_window w[2];
    sight s = {{0, 0}, {0, 0}};
    bool slides = sight_windows(n, w), keeps = by_position(n->op) || over_channels(n), first = true;
    for (int i = 0; i < n->in_count; i++) {
        const value *x = n->in[i];
        if (!x || (x->kind != VALUE_INPUT && x->kind != VALUE_NODE)) continue;
        bool passes = slides || (keeps && (n->op == &op_Pad || same_sides(x, n->out[0])));
        sight seen = passes ? by_value[x->id] : (sight){{0, 0}, {0, 0}};
        if (first) s = seen;
        else sight_join(&s, &seen);
        first = false;
    }
    if (slides) sight_widen(&s, w);
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) by_value[n->out[i]->id] = s;
}
