/* Padding before a window: Pad of the spatial dimensions becomes the convolution's or the pooling's own pads, where the
 * value is what they pad with anyway. Run before differentiation or after: the gradient of Pad stays what it is. */
#include "transform/transform.h"

#include <math.h>

#include "op/conv.h"
#include "op/pool.h"
#include "op/shape.h"

/* Pads a window operator by the padding before it. */
typedef struct padding {
    const node *pad, *n;
    pad_geometry g;
    double value;
} padding;

/* Never below zero, so that the greatest of them and zeros is the greatest of them. */
static bool non_negative(const value *v) {
    static const op_def *const ops[] = {&op_Relu, &op_Sigmoid, &op_HardSigmoid, &op_Softplus, &op_Exp, &op_Abs};
    for (size_t i = 0; v->producer && i < sizeof ops / sizeof *ops; i++)
        if (v->producer->op == ops[i]) return true;
    return false;
}

/* An unread value counts as zero, one that varies as none at all (NaN). */
static double pad_value(const node *pad) {
    if (pad->in_count < 3 || !pad->in[2]) return 0;
    const tensor *t = value_contents(pad->in[2]);
    return t ? tensor_f64(t, 0) : NAN;
}

static bool spatial_only(const padding *p) {
    for (int d = 0; d < p->pad->out[0]->shape.rank; d++)
        if (d < 2 ? p->g.before[d] != 0 || p->g.after[d] != 0 : p->g.before[d] < 0 || p->g.after[d] < 0) return false;
    return true;
}

static bool conv_takes(const padding *p) {
    return p->value == 0;
}

/* The average over a window that overhangs counts the padding, so all of the padding must count. */
static bool average_takes(const padding *p) {
    pool_shape s = pool_shape_of(p->n);
    bool none = s.y.before == 0 && s.x.before == 0 && s.y.after == 0 && s.x.after == 0;
    return p->value == 0 && (none || s.include_pad);
}

/* Padding never is the greatest; zeros are only where nothing else is, and then the windows must not lie in padding
 * alone. Indices count the padding. */
static bool max_takes(const padding *p) {
    pool_shape s = pool_shape_of(p->n);
    const pad_geometry *a = &p->g;
    int last = p->pad->out[0]->shape.rank - 1;
    bool inside = s.y.dilation == 1 && s.x.dilation == 1 && s.x.before + a->before[last] < s.x.kernel &&
                  s.x.after + a->after[last] < s.x.kernel;
    if (last == 3) inside = inside && s.y.before + a->before[2] < s.y.kernel && s.y.after + a->after[2] < s.y.kernel;
    bool zero = p->value == 0 && inside && non_negative(p->pad->in[0]);
    bool least = p->value < 0 && isinf(p->value);
    return (zero || least) && (p->n->out_count < 2 || !p->n->out[1]);
}

/* A row: the operator, when its padding may be another's, where its window stands in its attributes. */
static const struct taker {
    const op_def *op;
    bool (*takes)(const padding *p);
} takers[] = {{&op_Conv, conv_takes}, {&op_AveragePool, average_takes}, {&op_MaxPool, max_takes}};

static const struct taker *taker_of(const node *n, padding *p) {
    const node *pad = n->in_count ? n->in[0]->producer : NULL;
    *p = (padding){.pad = pad, .n = n};
    if (!pad || pad->op != &op_Pad || n->in[0]->shape.rank < 3 || n->in[0]->shape.rank > 4) return NULL;
    p->g = pad_geometry_of(pad);
    p->value = pad_value(pad);
    if (p->g.mode != PAD_CONSTANT || !spatial_only(p)) return NULL;
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
        if (takers[i].op == n->op) return takers[i].takes(p) ? &takers[i] : NULL;
    return NULL;
}

/* The window's pads and the padding's together: [pt, pl, pb, pr], or [pl, pr] of one dimension. */
static stria_status pads_join(graph_map *m, const padding *p, window_attributes *w, stria_error *err) {
    int rank = p->pad->out[0]->shape.rank - 2;
    window own[2];
    if (p->n->op == &op_Conv) {
        conv_shape s = conv_shape_of(p->n);
        own[0] = s.y, own[1] = s.x;
    } else {
        pool_shape s = pool_shape_of(p->n);
        own[0] = s.y, own[1] = s.x;
    }
    int64_t *pads = arena_alloc(&m->to->arena, 4 * sizeof *pads);
    if (!pads) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a pass");
    for (int k = 0; k < rank; k++) {
        pads[k] = own[2 - rank + k].before + p->g.before[2 + k];
        pads[k + rank] = own[2 - rank + k].after + p->g.after[2 + k];
    }
    w->auto_pad = "NOTSET";
    w->pads = (ints){2 * rank, pads};
    return STRIA_OK;
}

/* Copies the node with the padding's input and pads; with ceil_mode the last windows could differ. */
static stria_status node_pad(graph_map *m, const node *n, const padding *p, stria_error *err) {
    node joined = *n, *copy;
    value *in[3] = {p->pad->in[0], n->in_count > 1 ? n->in[1] : NULL, n->in_count > 2 ? n->in[2] : NULL};
    conv_attributes conv;
    pool_attributes pool;
    if (n->op == &op_Conv) {
        conv = *(const conv_attributes *)n->attributes;
        joined.attributes = &conv;
        TRY(pads_join(m, p, &conv.window, err));
    } else {
        pool = *(const pool_attributes *)n->attributes;
        joined.attributes = &pool;
        if (n->op == &op_AveragePool) pool.count_include_pad = 1;
        TRY(pads_join(m, p, &pool.window, err));
    }
    joined.in = in;
    return graph_map_node(m, &joined, &copy, err);
}

static bool ceils(const node *n) {
    return n->op != &op_Conv && ((const pool_attributes *)n->attributes)->window.ceil_mode != 0;
}

stria_status pass_pad(graph **g, stria_error *err) {
    graph_map m;
    graph *joined;
    TRY(graph_map_init(&m, *g, err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < (*g)->node_count; i++) {
        const node *n = (*g)->nodes[i];
        node *copy;
        padding p;
        if (n->in_count <= 3 && taker_of(n, &p) && !ceils(n)) TRY_DONE(node_pad(&m, n, &p, err));
        else TRY_DONE(graph_map_node(&m, n, &copy, err));
    }
    TRY_DONE(graph_map_finish(&m, &joined, err));
    graph_free(*g);
    *g = joined;
done:
    if (status != STRIA_OK) graph_map_release(&m);
    return status;
}
