/* Batch normalisation folded into the product before it: Gemm with every form of C that broadcasts, of which only a row
 * is a bias of the channels; each way in which weights lie by channels. Optimised and reference sessions agree. */
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

/* A product of x[3,8] or of images and, if c is given, its bias. */
typedef struct form {
    const op_def *op;
    const char *attributes;
    shape x, w;
    int64_t channels; /* of y */
} form;

static const form gemm_form = {&op_Gemm, "", {.rank = 2, .dim = {3, 8}}, {.rank = 2, .dim = {8, 3}}, 3};

/* y = BatchNormalization(product(x, w, c)). */
static graph *product_and_norm(const form *f, const shape *c) {
    graph *g;
    value *x;
    node *product, *norm;
    stria_error err = {0};
    arena a = {0};
    void *attributes = calloc(1, f->op->attribute_bytes + 1);
    shape each = {.rank = 1, .dim = {f->channels}};
    if (!attributes || case_attributes(f->op, f->attributes, attributes, &a, &err) != STRIA_OK) abort();
    CHECK(graph_new(&g, "fold", &err) == STRIA_OK, "%s", err.text);
    CHECK(graph_add_input(g, "x", STRIA_FLOAT32, &f->x, &x, &err) == STRIA_OK, "%s", err.text);
    value *in[] = {x, constant(g, "w", &f->w, -1, 1), c ? constant(g, "c", c, -1, 2) : NULL};
    CHECK(graph_add_node(g, f->op, "product", in, c ? 3 : 2, attributes, 1, NULL, &product, &err) == STRIA_OK, "%s",
          err.text);
    value *norms[] = {product->out[0], constant(g, "scale", &each, 0.5, 3), constant(g, "bias", &each, -1, 4),
                      constant(g, "mean", &each, -1, 5), constant(g, "variance", &each, 0.5, 6)};
    CHECK(graph_add_node(g, &op_BatchNormalization, "norm", norms, 5, NULL, 1, NULL, &norm, &err) == STRIA_OK, "%s",
          err.text);
    CHECK(graph_add_output(g, norm->out[0], "y", &err) == STRIA_OK, "%s", err.text);
    free(attributes);
    arena_release(&a);
    return g;
}

enum { RESULTS_MAX = 1024 };

/* Returns how many nodes ran; fills y and its count. */
static int run(graph *g, bool reference, float y[RESULTS_MAX], int64_t *count) {
    stria_error err = {0};
    session *s = NULL;
    const value *v;
    run_config config = {.ks = kernel_sets()[0], .optimize = true, .reference = reference};
    if (!CHECK(run_new(&s, g, &config, &err) == STRIA_OK, "%s", err.text)) return 0;
    float *x = run_memory(s, "x", &v);
    for (int64_t i = 0; i < shape_count(&v->shape); i++) x[i] = (float)(i % 7) - 3;
    CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
    const float *got = run_memory(s, "y", &v);
    *count = shape_count(&v->shape);
    if (*count > RESULTS_MAX) abort();
    memcpy(y, got, (size_t)*count * sizeof *y);
    int nodes = run_nodes(s);
    session_free(s);
    return nodes;
}

static void fold_check(const form *f, const shape *c, bool folds) {
    char text[192], bias[192] = "none";
    float want[RESULTS_MAX] = {0}, got[RESULTS_MAX] = {0};
    int64_t count = 0;
    graph *g = product_and_norm(f, c);
    shape_text(&f->w, text);
    if (c) shape_text(c, bias);
    int all = run(g, true, want, &count), left = run(g, false, got, &count);
    CHECK(all >= 2 && all - left == folds, "%s %s, c %s: %d nodes of %d", f->op->name, text, bias, left, all);
    for (int64_t k = 0; k < count; k++)
        CHECK(fabsf(want[k] - got[k]) < 1e-4f, "%s %s, c %s: element %lld should be %g and is %g", f->op->name, text,
              bias, (long long)k, (double)want[k], (double)got[k]);
    graph_free(g);
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
    static const form forms[] = {
        {&op_Gemm, "transB=1", {.rank = 2, .dim = {3, 8}}, {.rank = 2, .dim = {5, 8}}, 5},
        {&op_Conv, "", {.rank = 4, .dim = {2, 3, 6, 5}}, {.rank = 4, .dim = {4, 3, 3, 2}}, 4},
        {&op_Conv, "group=2", {.rank = 4, .dim = {2, 6, 6, 5}}, {.rank = 4, .dim = {4, 3, 3, 2}}, 4},
        {&op_Conv, "group=4", {.rank = 3, .dim = {2, 4, 9}}, {.rank = 3, .dim = {8, 1, 3}}, 8},
        {&op_ConvTranspose, "", {.rank = 4, .dim = {2, 3, 4, 3}}, {.rank = 4, .dim = {3, 5, 3, 2}}, 5},
        {&op_ConvTranspose, "group=2", {.rank = 4, .dim = {2, 6, 4, 3}}, {.rank = 4, .dim = {6, 3, 3, 2}}, 6}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) fold_check(&gemm_form, &rows[i].c, rows[i].folds);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        fold_check(&forms[i], &(shape){.rank = 1, .dim = {forms[i].channels}}, true);
        if (forms[i].op != &op_Gemm) fold_check(&forms[i], NULL, true);
    }
    return check_report();
}
