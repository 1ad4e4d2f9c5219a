#include "train/initialize.h"

#include "model/model.h"
#include "op/init.h"
#include "op/matmul.h"
#include "op/op.h"

#include <string.h>

int weight_units(const graph *g, const value *w) {
    for (int i = 0; i < g->node_count; i++) {
        const node *n = g->nodes[i];
        if (n->in_count < 2 || n->in[1] != w) continue;
        if (n->op == &op_MatMul) return w->shape.rank - 1;
        if (n->op == &op_Gemm) return ((const gemm_attributes *)n->attributes)->transB ? 0 : 1;
        return n->op == &op_ConvTranspose ? 1 : 0;
    }
    return 0;
}

/* Returns true if w is the kernel of a convolution or the matrix of a product. */
static bool is_kernel(const graph *g, const value *w) {
    static const op_def *const products[] = {&op_Conv, &op_ConvTranspose, &op_Gemm, &op_MatMul};
    if (w->role != ROLE_PARAMETER || w->frozen || w->shape.rank < 2) return false;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = g->nodes[i];
        if (n->in_count < 2 || n->in[1] != w) continue;
        for (size_t k = 0; k < sizeof products / sizeof *products; k++)
            if (n->op == products[k]) return n->op != &op_MatMul || w->shape.rank == 2;
    }
    return false;
}

static stria_status kernel_draw(const graph *g, value *w, const char *init, uint64_t seed, stria_error *err) {
    shape fans = w->shape; /* units first */
    tensor *t;
    if (weight_units(g, w) == 1) fans.dim[0] = w->shape.dim[1], fans.dim[1] = w->shape.dim[0];
    TRY(init_draw(&t, w->name, w->type, &w->shape, &fans, init, seed, err));
    tensor_release(w->data);
    w->data = t;
    return STRIA_OK;
}

stria_status weights_initialize(graph *g, const char *init, uint64_t seed, stria_error *err) {
    const char *trained = graph_metadata(g, MODEL_WEIGHTS);
    int drawn = 0;
    TRY(init_check(init, err));
    if (!trained || strcmp(trained, MODEL_UNTRAINED) != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "--init is for a new network, and '%s' has weights already", g->name);
    for (int i = 0; i < g->value_count; i++) {
        if (!is_kernel(g, g->values[i])) continue;
        TRY(kernel_draw(g, g->values[i], init, seed, err));
        drawn++;
    }
    if (!drawn) FAIL(err, STRIA_BAD_ARGUMENT, "--init: '%s' has no convolution and no product with weights", g->name);
    return STRIA_OK;
}
