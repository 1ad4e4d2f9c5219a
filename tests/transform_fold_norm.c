/* Batch normalisation folded into the product before it: Gemm with every form of C that broadcasts, of which only a row
 * is a bias of the channels. Optimised and reference sessions agree. */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "check.h"
#include "run.h"

static value *constant(graph *g, const char *name, const shape *s, double low, uint64_t stream) {
    stria_error err = {0};
    value *v = NULL;
    tensor *t = random_tensor(STRIA_FLOAT32, s, low, low + 1, stream);
    CHECK(t && graph_add_constant(g, name, t, &v, &err) == STRIA_OK, "%s", err.text);
    tensor_release(t);
    return v;
}

/* y = BatchNormalization(Gemm(x[3,8], w[8,3], c)). */
static graph *product_and_norm(const shape *c, value **x) {
    graph *g;
    node *product, *norm;
    stria_error err = {0};
    shape images = {.rank = 2, .dim = {3, 8}}, weights = {.rank = 2, .dim = {8, 3}}, three = {.rank = 1, .dim = {3}};
    CHECK(graph_new(&g, "fold", &err) == STRIA_OK, "%s", err.text);
    CHECK(graph_add_input(g, "x", STRIA_FLOAT32, &images, x, &err) == STRIA_OK, "%s", err.text);
    value *in[] = {*x, constant(g, "w", &weights, -1, 1), constant(g, "c", c, -1, 2)};
    CHECK(graph_add_node(g, &op_Gemm, "product", in, 3, NULL, 1, NULL, &product, &err) == STRIA_OK, "%s", err.text);
    value *norms[] = {product->out[0], constant(g, "scale", &three, 0.5, 3), constant(g, "bias", &three, -1, 4),
                      constant(g, "mean", &three, -1, 5), constant(g, "variance", &three, 0.5, 6)};
    CHECK(graph_add_node(g, &op_BatchNormalization, "norm", norms, 5, NULL, 1, NULL, &norm, &err) == STRIA_OK, "%s",
          err.text);
    CHECK(graph_add_output(g, norm->out[0], "y", &err) == STRIA_OK, "%s", err.text);
    return g;
}

static int run(graph *g, bool reference, float y[9]) {
    stria_error err = {0};
    session *s = NULL;
    const value *v;
    run_config config = {.ks = kernel_sets()[0], .optimize = true, .reference = reference};
    if (!CHECK(run_new(&s, g, &config, &err) == STRIA_OK, "%s", err.text)) return 0;
    float *x = run_memory(s, "x", &v);
    for (int i = 0; i < 24; i++) x[i] = (float)(i % 7) - 3;
    CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
    memcpy(y, run_memory(s, "y", &v), 9 * sizeof *y);
    int nodes = run_nodes(s);
    session_free(s);
    return nodes;
}

int main(void) {
    static const struct {
        shape c;
        bool folds;
    } rows[] = {{{.rank = 1, .dim = {3}}, true},
                {{.rank = 2, .dim = {1, 3}}, true},
                {{.rank = 2, .dim = {3, 1}}, false},
                {{.rank = 2, .dim = {3, 3}}, false},
                {{.rank = 0}, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[192];
        float want[9] = {0}, got[9] = {0};
        value *x;
        graph *g = product_and_norm(&rows[i].c, &x);
        shape_text(&rows[i].c, text);
        int all = run(g, true, want), left = run(g, false, got);
        CHECK(all == 2 && left == (rows[i].folds ? 1 : 2), "c %s: %d nodes of %d", text, left, all);
        for (int k = 0; k < 9; k++)
            CHECK(fabsf(want[k] - got[k]) < 1e-4f, "c %s: element %d should be %g and is %g", text, k, (double)want[k],
                  (double)got[k]);
        graph_free(g);
    }
    return check_report();
}
