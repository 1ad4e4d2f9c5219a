/* Locally connected layers: with the same weights at every position they are the convolution. */
#include "cases.h"
#include "check.h"
#include "evaluate.h"
#include "op/conv.h"

#include <math.h>

enum { BATCH = 2, IC = 3, OC = 4, H = 7, W = 6, K = 3, OH = 4, OW = 3 }; /* stride 2, pads 1 */

/* w[p][q][u][v][c][o] = kernel[o][c][u][v] */
static tensor *repeated(const tensor *kernel) {
    tensor *t = NULL;
    int64_t at = 0;
    if (tensor_new(&t, STRIA_FLOAT64, &(shape){6, {OH, OW, K, K, IC, OC}}, "w", NULL) != STRIA_OK) return NULL;
    for (int64_t position = 0; position < OH * OW; position++)
        for (int64_t tap = 0; tap < K * K; tap++)
            for (int64_t c = 0; c < IC; c++)
                for (int64_t o = 0; o < OC; o++) tensor_put(t, at++, tensor_f64(kernel, (o * IC + c) * K * K + tap));
    return t;
}

static value *window_node(graph *g, const op_def *op, value *x, tensor *w, stria_error *err) {
    static const int64_t strides[2] = {2, 2}, pads[4] = {1, 1, 1, 1};
    const conv_attributes a = {{.auto_pad = "NOTSET", .strides = {2, strides}, .pads = {4, pads}}, 1};
    value *in[2] = {x, NULL};
    node *n = NULL;
    if (w && graph_add_constant(g, NULL, w, &in[1], err) == STRIA_OK &&
        graph_add_node(g, op, NULL, in, 2, op == &op_Conv ? (const void *)&a : &a.window, 1, NULL, &n, err) == STRIA_OK)
        return n->out[0];
    return NULL;
}

int main(void) {
    stria_error err = {0};
    graph *g = NULL;
    value *x = NULL;
    shape size = {4, {BATCH, IC, H, W}}, kernel_size = {4, {OC, IC, K, K}};
    tensor *kernel = random_tensor(STRIA_FLOAT64, &kernel_size, -1, 1, 1), *unshared = repeated(kernel);
    CHECK(graph_new(&g, "local", &err) == STRIA_OK && graph_add_input(g, "x", STRIA_FLOAT64, &size, &x, &err) == 0,
          "%s", err.text);
    value *shared = window_node(g, &op_Conv, x, kernel, &err);
    value *local = window_node(g, &op_LocallyConnected, x, unshared, &err);
    if (CHECK(shared && local && shape_equal(&shared->shape, &local->shape), "%s", err.text)) {
        tensor **contents = contents_new(g);
        contents[x->id] = random_tensor(STRIA_FLOAT64, &size, -1, 1, 2);
        CHECK(graph_evaluate(g, contents, -1, &err) == STRIA_OK, "%s", err.text);
        for (int64_t i = 0; i < shape_count(&shared->shape); i++) {
            double a = tensor_f64(contents[shared->id], i), b = tensor_f64(contents[local->id], i);
            CHECK(fabs(a - b) < 1e-12, "element %lld: %g shared, %g unshared", (long long)i, a, b);
        }
        contents_free(g, contents);
    }
    tensor_release(kernel);
    tensor_release(unshared);
    graph_free(g);
    return check_report();
}
