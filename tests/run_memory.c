/* What is not asked for is not touched: planning a large network leaves its workspace alone, and folding constants has
 * an end, however many nodes there are. */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "op/op.h"
#include "run.h"
#include "transform/transform.h"

#define MIB ((int64_t)1 << 20)

/* Bytes of this process that are in memory. */
static int64_t resident(void) {
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*s %lld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static value *numbers(graph *g, const char *name, int64_t count, const int64_t *list) {
    tensor *t = NULL;
    value *v = NULL;
    stria_error err = {0};
    shape s = shape_of(1, &count);
    if (!CHECK(tensor_new(&t, STRIA_INT64, &s, name, &err) == STRIA_OK, "%s", err.text)) return NULL;
    memcpy(t->data, list, t->bytes);
    CHECK(graph_add_constant(g, name, t, &v, &err) == STRIA_OK, "%s", err.text);
    tensor_release(t);
    return v;
}

static value *node_of(graph *g, const op_def *op, value *a, value *b) {
    node *n = NULL;
    stria_error err = {0};
    CHECK(graph_add_node(g, op, NULL, (value *[]){a, b}, b ? 2 : 1, NULL, 1, NULL, &n, &err) == STRIA_OK, "%s",
          err.text);
    return n ? n->out[0] : NULL;
}

static graph *graph_empty(void) {
    graph *g = NULL;
    stria_error err = {0};
    CHECK(graph_new(&g, "large", &err) == STRIA_OK, "%s", err.text);
    return g;
}

/* x of one element, repeated to 1 GiB. */
static void workspace_untouched(void) {
    graph *g = graph_empty();
    stria_error err = {0};
    session *s = NULL;
    value *x = NULL;
    shape one = shape_of(1, (int64_t[]){1});
    CHECK(graph_add_input(g, "x", STRIA_FLOAT32, &one, &x, &err) == STRIA_OK, "%s", err.text);
    value *y = node_of(g, &op_Expand, x, numbers(g, "size", 1, (int64_t[]){256 * MIB}));
    CHECK(y && graph_add_output(g, y, "y", &err) == STRIA_OK, "%s", err.text);
    int64_t before = resident();
    CHECK(run_new(&s, g, &(run_config){.ks = kernel_sets()[0], .optimize = true}, &err) == STRIA_OK, "%s", err.text);
    CHECK(session_program(s)->plan.workspace_bytes >= (size_t)(1024 * MIB), "%zu bytes",
          session_program(s)->plan.workspace_bytes);
    CHECK(resident() - before < 64 * MIB, "%lld MiB are touched", (long long)((resident() - before) / MIB));
    session_free(s);
    graph_free(g);
}

static int64_t constant_bytes(const graph *g) {
    int64_t bytes = 0;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_CONSTANT) bytes += (int64_t)g->values[i]->data->bytes;
    return bytes;
}

/* 100 tensors of 8 MiB are 800 MiB; what lies on them is computed from few of them. */
static void folding_ends(void) {
    graph *g = graph_empty();
    stria_error err = {0};
    value *size = numbers(g, "size", 1, (int64_t[]){2 * MIB}), *sum = NULL;
    for (int i = 0; i < 100; i++) {
        value *v = node_of(g, &op_ConstantOfShape, size, NULL);
        sum = sum ? node_of(g, &op_Add, sum, v) : v;
    }
    CHECK(graph_add_output(g, sum, "y", &err) == STRIA_OK, "%s", err.text);
    CHECK(pass_fold(&g, &err) == STRIA_OK, "%s", err.text);
    CHECK(constant_bytes(g) > 0 && constant_bytes(g) <= 257 * MIB, "%lld MiB", (long long)(constant_bytes(g) / MIB));
    CHECK(graph_check(g, &err) == STRIA_OK, "%s", err.text);
    graph_free(g);
}

/* 10,000 lists of 1000 numbers would be known while the graph is built. */
static void knowing_ends(void) {
    graph *g = graph_empty();
    value *size = numbers(g, "size", 1, (int64_t[]){1000});
    int64_t known = 0;
    for (int i = 0; i < 10000; i++) {
        const value *v = node_of(g, &op_ConstantOfShape, size, NULL);
        known += v && value_contents(v);
    }
    CHECK(known > 1000 && known < 5000, "%lld are known", (long long)known);
    graph_free(g);
}

int main(void) {
    workspace_untouched();
    folding_ends();
    knowing_ends();
    return check_report();
}
