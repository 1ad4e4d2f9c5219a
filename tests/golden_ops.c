/* The references against PyTorch and ONNX Runtime: the files in golden/, which golden_torch.py and golden_runtime.py
 * wrote and explain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "evaluate.h"
#include "op/build.h"
#include "op/reduce.h"
#include "transform/transform.h"

#define TOLERANCE 1e-10
#define PORTS     9

typedef struct golden {
    char op[64], attributes[256];
    int in_count;
    double tolerance;
    tensor *in[PORTS], *out[PORTS], *dy, *dx[PORTS];
    bool constant[PORTS];
} golden;

static int cases_read, gradients_read;

/* ---- reading ---- */

static tensor *read_tensor(FILE *f, dtype type) {
    shape s;
    tensor *t = NULL;
    assert_int_equal(fscanf(f, "%d", &s.rank), 1);
    assert_in_range(s.rank, 0, RANK_MAX);
    for (int d = 0; d < s.rank; d++) {
        long long size;
        assert_int_equal(fscanf(f, "%lld", &size), 1);
        s.dim[d] = size;
    }
    assert_int_equal(tensor_new(&t, type, &s, "golden", NULL), STRIA_OK);
    int64_t count = shape_count(&s);
    for (int64_t i = 0; i < count; i++) {
        double v;
        assert_int_equal(fscanf(f, "%lf", &v), 1);
        tensor_put(t, i, v);
    }
    return t;
}

/* "INDEX SHAPE numbers" into one of the slots. */
static void read_slot(FILE *f, tensor *slot[PORTS]) {
    int i;
    assert_int_equal(fscanf(f, "%d", &i), 1);
    assert_in_range(i, 0, PORTS - 1);
    slot[i] = read_tensor(f, STRIA_FLOAT64);
}

static void read_input(FILE *f, golden *g, bool constant) {
    char kind[16];
    assert_int_equal(fscanf(f, "%15s", kind), 1);
    assert_in_range(g->in_count, 0, PORTS - 1);
    g->constant[g->in_count] = constant;
    dtype named = dtype_from_name(kind);
    g->in[g->in_count++] = read_tensor(f, named ? named : strcmp(kind, "int") == 0 ? STRIA_INT64 : STRIA_FLOAT64);
}

/* The next case, or false at the end of the file. */
static bool read_case(FILE *f, golden *g) {
    char word[32];
    *g = (golden){.tolerance = TOLERANCE};
    while (fscanf(f, "%31s", word) == 1) {
        if (strcmp(word, "#") == 0) (void)!fscanf(f, "%*[^\n]");
        else if (strcmp(word, "case") == 0) assert_int_equal(fscanf(f, "%63s", g->op), 1);
        else if (strcmp(word, "attributes") == 0) assert_int_equal(fscanf(f, " %255[^\n]", g->attributes), 1);
        else if (strcmp(word, "tolerance") == 0) assert_int_equal(fscanf(f, "%lf", &g->tolerance), 1);
        else if (strcmp(word, "in") == 0) read_input(f, g, false);
        else if (strcmp(word, "const") == 0) read_input(f, g, true);
        else if (strcmp(word, "none") == 0) g->in_count++;
        else if (strcmp(word, "out") == 0) read_slot(f, g->out);
        else if (strcmp(word, "dy") == 0) g->dy = read_tensor(f, STRIA_FLOAT64);
        else if (strcmp(word, "dx") == 0) read_slot(f, g->dx);
        else if (strcmp(word, "end") == 0) return true;
        else fail_msg("unknown word '%s'", word);
    }
    return false;
}

static void golden_release(golden *g) {
    for (int i = 0; i < PORTS; i++) {
        tensor_release(g->in[i]);
        tensor_release(g->out[i]);
        tensor_release(g->dx[i]);
    }
    tensor_release(g->dy);
}

/* ---- comparing ---- */

static void compare(const golden *g, const char *what, int i, const tensor *have, const tensor *want) {
    char a[192], b[192];
    if (!shape_equal(&have->shape, &want->shape))
        fail_msg("%s (%s): %s %d is %s, expected %s", g->op, g->attributes, what, i, shape_text(&have->shape, a),
                 shape_text(&want->shape, b));
    int64_t count = shape_count(&want->shape);
    for (int64_t k = 0; k < count; k++) {
        double x = tensor_f64(have, k), y = tensor_f64(want, k);
        if (x != y && !(isnan(x) && isnan(y)) && !(fabs(x - y) <= g->tolerance * fmax(1, fabs(y))))
            fail_msg("%s (%s): %s %d at %lld is %.15g, expected %.15g", g->op, g->attributes, what, i, (long long)k, x,
                     y);
    }
}

/* With as many outputs as PyTorch gives. */
static node *build_parts(graph *gr, const op_def *op, const golden *g, value *const *in) {
    stria_error err;
    node *n = NULL;
    int count = 0;
    while (count < PORTS && g->out[count]) count++;
    void *attributes = arena_alloc(&gr->arena, op->attribute_bytes + 1);
    if (case_attributes(op, g->attributes, attributes, &gr->arena, &err) != STRIA_OK ||
        graph_add_node(gr, op, NULL, in, g->in_count, attributes, count, NULL, &n, &err) != STRIA_OK)
        fail_msg("%s (%s): %s", g->op, g->attributes, err.text);
    return n;
}

static node *build_node(graph *gr, const golden *g, value **in) {
    stria_error err;
    value *y;
    for (int i = 0; i < g->in_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "in%d", i);
        in[i] = NULL;
        if (!g->in[i]) continue;
        stria_status status = g->constant[i]
                                  ? graph_add_constant(gr, name, g->in[i], &in[i], &err)
                                  : graph_add_input(gr, name, g->in[i]->type, &g->in[i]->shape, &in[i], &err);
        assert_int_equal(status, STRIA_OK);
    }
    const op_def *op = op_find("", g->op);
    if (op && op->out_max == OP_UNBOUNDED) return build_parts(gr, op, g, in);
    if (layer_build(gr, g->op, in, g->in_count, NULL, 0, g->attributes, 0, &y, &err) != STRIA_OK)
        fail_msg("%s (%s): %s", g->op, g->attributes, err.text);
    node *n = y->producer, *all;
    int outputs = 1;
    while (outputs < PORTS && g->out[outputs]) outputs++;
    if (outputs == 1) return n;
    /* again, with its optional outputs */
    if (graph_add_node(gr, n->op, NULL, in, g->in_count, n->attributes, outputs, NULL, &all, &err) != STRIA_OK)
        fail_msg("%s: %s", g->op, err.text);
    return all;
}

/* L = Σ y · dy, whose gradients are dx. */
static void build_gradients(graph *gr, const golden *g, const node *n, value *const *in, value **dx) {
    stria_error err = {0};
    builder b = {gr, NULL, STRIA_OK, &err};
    value *dy, *x[PORTS], *found[PORTS];
    int count = 0;
    assert_int_equal(graph_add_constant(gr, "dy", g->dy, &dy, &err), STRIA_OK);
    value *loss = build1(&b, &op_ReduceSum, build2(&b, &op_Mul, n->out[0], dy, NULL), &(reduce_attributes){0, 0});
    if (b.status != STRIA_OK) fail_msg("%s", err.text);
    for (int i = 0; i < g->in_count; i++)
        if (g->dx[i]) x[count++] = in[i];
    if (autodiff(gr, loss, x, count, found, &err) != STRIA_OK) fail_msg("%s: %s", g->op, err.text);
    for (int i = 0, k = 0; i < g->in_count; i++) dx[i] = g->dx[i] ? found[k++] : NULL;
}

static void check_gradient(const golden *g, int i, const value *dx, tensor **contents) {
    tensor *zero = NULL;
    if (!dx) assert_int_equal(tensor_new(&zero, STRIA_FLOAT64, &g->dx[i]->shape, "zeros", NULL), STRIA_OK);
    compare(g, "gradient", i, dx ? contents[dx->id] : zero, g->dx[i]);
    tensor_release(zero);
    gradients_read++;
}

static void check_case(const golden *g) {
    stria_error err;
    graph *gr;
    value *in[PORTS], *dx[PORTS] = {NULL};
    assert_int_equal(graph_new(&gr, "golden", &err), STRIA_OK);
    node *n = build_node(gr, g, in);
    if (g->dy) build_gradients(gr, g, n, in, dx);
    tensor **contents = contents_new(gr);
    for (int i = 0; i < g->in_count; i++)
        if (in[i]) contents[in[i]->id] = tensor_retain(g->in[i]);
    if (graph_evaluate(gr, contents, -1, &err) != STRIA_OK) fail_msg("%s: %s", g->op, err.text);
    for (int i = 0; i < PORTS; i++)
        if (g->out[i]) compare(g, "output", i, contents[n->out[i]->id], g->out[i]);
    for (int i = 0; i < g->in_count; i++)
        if (g->dx[i]) check_gradient(g, i, dx[i], contents);
    contents_free(gr, contents);
    graph_free(gr);
    cases_read++;
}

/* An optimiser's steps. in: rate, first parameter, gradients [steps, n]; out: parameter and states after all steps. */
enum { RATE, COUNT, PARAMETER, GRADIENT, OPTIMIZER_STATE, OPTIMIZER_INPUTS = 6 };

static bool is_optimizer(const op_def *op) {
    return op && op->in_place_pair[0] == PARAMETER + 1;
}

static void steps_run(const golden *g, graph *gr, const node *all, tensor *const *put, tensor **contents) {
    int64_t n = shape_count(&put[PARAMETER]->shape);
    stria_error err;
    for (int64_t t = 0; t < g->in[2]->shape.dim[0]; t++) {
        tensor_put(put[COUNT], 0, (double)t);
        for (int64_t i = 0; i < n; i++) tensor_put(put[GRADIENT], i, tensor_f64(g->in[2], t * n + i));
        assert_int_equal(graph_evaluate(gr, contents, -1, &err), STRIA_OK);
        for (int k = 0; k < all->out_count; k++)
            for (int64_t i = 0; i < n; i++)
                tensor_put(put[k ? OPTIMIZER_STATE + k - 1 : PARAMETER], i, tensor_f64(contents[all->out[k]->id], i));
    }
}

static void check_optimizer(const golden *g, const op_def *op) {
    stria_error err;
    graph *gr;
    value *in[OPTIMIZER_INPUTS], *y;
    tensor *put[OPTIMIZER_INPUTS] = {[RATE] = tensor_retain(g->in[0]), [PARAMETER] = tensor_retain(g->in[1])};
    shape scalar = shape_of(0, NULL), *x = &g->in[1]->shape;
    int inputs = op->in_max;
    assert_int_equal(tensor_new(&put[COUNT], STRIA_INT64, &scalar, "step", &err), STRIA_OK);
    for (int i = GRADIENT; i < inputs; i++)
        assert_int_equal(tensor_new(&put[i], STRIA_FLOAT64, x, "dx", &err), STRIA_OK);
    assert_int_equal(graph_new(&gr, "optimizer", &err), STRIA_OK);
    for (int i = 0; i < inputs; i++)
        assert_int_equal(graph_add_input(gr, NULL, put[i]->type, &put[i]->shape, &in[i], &err), STRIA_OK);
    if (layer_build(gr, g->op, in, inputs, NULL, 0, g->attributes, 0, &y, &err) != STRIA_OK) fail_msg("%s", err.text);
    node *all;
    assert_int_equal(
        graph_add_node(gr, op, NULL, in, inputs, y->producer->attributes, op->out_max - 1, NULL, &all, &err), 0);
    tensor **contents = contents_new(gr);
    for (int i = 0; i < inputs; i++) contents[in[i]->id] = tensor_retain(put[i]);
    steps_run(g, gr, all, put, contents);
    for (int i = 0; i < all->out_count; i++) compare(g, "output", i, contents[all->out[i]->id], g->out[i]);
    contents_free(gr, contents);
    graph_free(gr);
    for (int i = 0; i < inputs; i++) tensor_release(put[i]);
    cases_read++;
}

static void check_file(void **state) {
    const char *source = getenv("SOURCE"), *name = *state;
    char path[1024];
    golden g;
    snprintf(path, sizeof path, "%s/tests/golden/%s.txt", source ? source : ".", name);
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("cannot open %s", path);
    int before = cases_read;
    while (read_case(f, &g)) {
        const op_def *op = NULL;
        op_find_any(g.op, &op, NULL);
        if (is_optimizer(op)) check_optimizer(&g, op);
        else check_case(&g);
        golden_release(&g);
    }
    golden_release(&g);
    fclose(f);
    assert_true(cases_read > before);
}

#define FILE_TEST(file)                                                                                                \
    { file, check_file, NULL, NULL, (void *)(uintptr_t)file }

int main(void) {
    const struct CMUnitTest tests[] = {FILE_TEST("conv"),           FILE_TEST("conv_transpose"), FILE_TEST("space"),
                                       FILE_TEST("conv_depthwise"), FILE_TEST("conv_local"),     FILE_TEST("pool"),
                                       FILE_TEST("reduce"),         FILE_TEST("pool_windows"),   FILE_TEST("resize"),
                                       FILE_TEST("matmul"),         FILE_TEST("elementwise"),    FILE_TEST("shape"),
                                       FILE_TEST("loss"),           FILE_TEST("momentum"),       FILE_TEST("optimizer"),
                                       FILE_TEST("norm"),           FILE_TEST("move"),           FILE_TEST("recurrent"),
                                       FILE_TEST("sample"),         FILE_TEST("quantized"),      FILE_TEST("chosen")};
    int failed = cmocka_run_group_tests_name("golden_ops", tests, NULL, NULL);
    printf("%d cases, %d gradients\n", cases_read, gradients_read);
    return failed;
}
