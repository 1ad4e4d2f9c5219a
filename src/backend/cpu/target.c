/* What the CPU's kernels are good at, for the passes. */
#include "graph/target.h"

#include "backend/cpu/cpu.h"
#include "op/conv.h"

#define LANES_FEW      32 /* channels below which a vector of them is badly filled */
#define BATCH_MANY     16 /* images that fill a vector */
#define CHANNELS_PLAIN 16 /* input channels below which single images best stay plain (LeNet's 6 against 20) */
/* What a lone convolution must have to gain from two reorders: products for each element that it reads or writes;
 * depthwise, where they are few always, no more pixels than this. */
#define PRODUCTS_MANY 256
#define PIXELS_FEW    64

static bool few_channels(const node *n) {
    return n->in[0]->shape.dim[1] < LANES_FEW && n->out[0]->shape.dim[1] <= 2 * LANES_FEW;
}

/* Multiply-adds that fill vectors badly with channels, against all, decide for the whole graph. */
static order graph_order(const graph *g, int64_t *batch) {
    int64_t few = 0, all = 0;
    bool gradients = false;
    *batch = 0;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = g->nodes[i];
        gradients |= *n->origin != 0;
        if (n->op->layouts != LAYOUT_IMAGE || !n->op->product) continue;
        if (n->in[0]->shape.rank < 3 || n->in[0]->shape.rank > 4) continue;
        int64_t work = n->op->cost ? n->op->cost(n).multiply_adds : 0;
        all += work;
        if (few_channels(n)) few += work;
        *batch = n->in[0]->shape.dim[0];
    }
    if (all == 0) return PLAIN; /* nothing that the reorders would pay for */
    if (few * 2 <= all) return CHANNELS_LAST;
    return *batch >= BATCH_MANY ? BATCH_LAST : gradients ? CHANNELS_LAST : PLAIN;
}

static order product_order(const node *n) {
    if (n->op != &op_Conv || n->in[0]->shape.dim[1] >= CHANNELS_PLAIN) return CHANNELS_LAST;
    conv_shape s = conv_shape_of(n);
    return conv_is_compact(&s) ? PLAIN : CHANNELS_LAST;
}

static bool repays(const node *n) {
    if (n->op != &op_Conv) return true;
    conv_shape s = conv_shape_of(n);
    if (!conv_is_compact(&s)) return true;
    if (s.groups == s.oc) return s.y.out * s.x.out <= PIXELS_FEW;
    return n->op->cost(n).multiply_adds >=
           PRODUCTS_MANY * (shape_count(&n->in[0]->shape) + shape_count(&n->out[0]->shape));
}

static bool fuses(const node *n, const op_def *activation) {
    bool columns = n->op == &op_ConvTranspose && n->in_count && n->in[0]->shape.rank > 4; /* they are added up last */
    return n->op->epilogue && activation_known(activation) && !columns;
}

const target cpu_target = {
    .name = "cpu", .graph_order = graph_order, .product_order = product_order, .repays = repays, .fuses = fuses};
