/* Padding that becomes a window's own pads: where it may, that it does; where it may not, that it stays; the values are
 * the same. And copies follow the storage order of images. */
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "cases.h"
#include "check.h"
#include "evaluate.h"
#include "transform/transform.h"

/* x[2, 3, 9, 8] → before → Pad → op. */
typedef struct row {
    const char *pads, *mode;
    double value;
    const char *before, *op, *attributes;
    bool joins;
} row;

static const row rows[] = {
    {"0,0,1,2,0,0,2,0", "constant", 0, NULL, "Conv", "strides=2,1", true},
    {"0,0,1,2,0,0,2,0", "constant", 0, NULL, "Conv", "pads=1,0,0,1 dilations=2,1", true},
    {"0,0,1,1,0,0,1,1", "constant", 0, NULL, "Conv", "auto_pad=SAME_UPPER strides=2,2", true},
    {"0,0,1,2,0,0,2,0", "constant", 0.5, NULL, "Conv", "", false},
    {"0,0,1,2,0,0,2,0", "reflect", 0, NULL, "Conv", "", false},
    {"0,1,1,2,0,-1,2,0", "constant", 0, NULL, "Conv", "", false},
    {"0,0,-1,2,0,0,2,0", "constant", 0, NULL, "Conv", "", false},
    {"0,0,1,1,0,0,1,0", "constant", 0, NULL, "AveragePool", "kernel_shape=3,3 strides=2,2", true},
    {"0,0,1,1,0,0,1,0", "constant", 0, NULL, "AveragePool", "kernel_shape=3,3 pads=1,0,1,0 count_include_pad=1", true},
    {"0,0,1,1,0,0,1,0", "constant", 0, NULL, "AveragePool", "kernel_shape=3,3 pads=1,0,1,0", false},
    {"0,0,1,1,0,0,1,0", "constant", 0, NULL, "AveragePool", "kernel_shape=3,3 strides=2,2 ceil_mode=1", false},
    {"0,0,1,2,0,0,1,0", "constant", 0, "Relu", "MaxPool", "kernel_shape=3,3 strides=2,2", true},
    {"0,0,1,3,0,0,1,0", "constant", 0, "Relu", "MaxPool", "kernel_shape=3,3 strides=2,2", false},
    {"0,0,1,2,0,0,1,0", "constant", 0, "Neg", "MaxPool", "kernel_shape=3,3 strides=2,2", false},
    {"0,0,1,2,0,0,1,0", "constant", -INFINITY, "Neg", "MaxPool", "kernel_shape=3,3 strides=2,2", true},
};

static value *node_add(graph *g, const char *op, value *const *in, int count, const char *attributes) {
    stria_error err = {0};
    node *n;
    const op_def *def = op_find("", op);
    void *a = arena_alloc(&g->arena, def->attribute_bytes + 1);
    if (case_attributes(def, attributes, a, &g->arena, &err) != STRIA_OK ||
        graph_add_node(g, def, NULL, in, count, a, 1, NULL, &n, &err) != STRIA_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return n->out[0];
}

static value *constant(graph *g, tensor *t) {
    value *v;
    if (!t || graph_add_constant(g, NULL, t, &v, NULL) != STRIA_OK) abort();
    tensor_release(t);
    return v;
}

static graph *row_graph(const row *r) {
    graph *g;
    shape image = {4, {2, 3, 9, 8}}, weights = {4, {4, 3, 3, 3}}, list = {1, {8}}, scalar = {0};
    value *x;
    char mode[32];
    if (graph_new(&g, "pad", NULL) != STRIA_OK || graph_add_input(g, "x", STRIA_FLOAT32, &image, &x, NULL) != STRIA_OK)
        abort();
    if (r->before) x = node_add(g, r->before, &x, 1, "");
    tensor *pads = random_tensor(STRIA_INT64, &list, 0, 0, 0), *number = random_tensor(STRIA_FLOAT32, &scalar, 0, 0, 0);
    const char *at = r->pads;
    for (int i = 0; i < 8; i++) {
        char *end;
        tensor_put(pads, i, strtod(at, &end));
        at = end + 1;
    }
    tensor_put(number, 0, r->value);
    snprintf(mode, sizeof mode, "mode=%s", r->mode);
    value *in[3] = {x, constant(g, pads), constant(g, number)};
    value *y[2] = {node_add(g, "Pad", in, 3, mode), constant(g, random_tensor(STRIA_FLOAT32, &weights, -1, 1, 3))};
    value *out = node_add(g, r->op, y, strcmp(r->op, "Conv") == 0 ? 2 : 1, r->attributes);
    if (graph_add_output(g, out, "y", NULL) != STRIA_OK) abort();
    return g;
}

static tensor *result(const graph *g) {
    stria_error err = {0};
    tensor **contents = contents_new(g);
    contents[g->inputs[0]->id] = random_tensor(STRIA_FLOAT32, &g->inputs[0]->shape, -1, 1, 7);
    CHECK(graph_evaluate(g, contents, -1, &err) == STRIA_OK, "%s", err.text);
    tensor *y = tensor_retain(contents[g->outputs[0]->id]);
    contents_free(g, contents);
    return y;
}

static int count_of(const graph *g, const op_def *op) {
    int count = 0;
    for (int i = 0; i < g->node_count; i++) count += g->nodes[i]->op == op;
    return count;
}

static void row_check(const row *r) {
    stria_error err = {0};
    graph *g = row_graph(r);
    tensor *before = result(g);
    CHECK(pass_pad(&g, &err) == STRIA_OK && pass_prune(&g, &err) == STRIA_OK && graph_check(g, &err) == STRIA_OK, "%s",
          err.text);
    CHECK(count_of(g, &op_Pad) == !r->joins, "%s after Pad %s of %g (%s): %d paddings left", r->op, r->pads, r->value,
          r->attributes, count_of(g, &op_Pad));
    tensor *after = result(g);
    bool same = shape_equal(&before->shape, &after->shape);
    for (int64_t i = 0; same && i < shape_count(&before->shape); i++)
        same = fabs(tensor_f64(before, i) - tensor_f64(after, i)) < 1e-5;
    CHECK(same, "%s after Pad %s (%s): other values", r->op, r->pads, r->attributes);
    tensor_release(before);
    tensor_release(after);
    graph_free(g);
}

/* Two convolutions' results joined, split, padded and pooled: two Reorders, at the ends. */
static void layout_check(int64_t channels) {
    stria_error err = {0};
    graph *g;
    shape image = {4, {1, channels, 8, 8}}, weights = {4, {channels, channels, 3, 3}};
    value *x, *parts[2], *slice[4];
    const int64_t pads[8] = {0, 0, 1, 1, 0, 0, 1, 1}, one = 1;
    if (graph_new(&g, "follow", NULL) != STRIA_OK ||
        graph_add_input(g, "x", STRIA_FLOAT32, &image, &x, NULL) != STRIA_OK)
        abort();
    builder b = {g, "follow", STRIA_OK, &err};
    for (int i = 0; i < 2; i++) {
        value *in[2] = {x, constant(g, random_tensor(STRIA_FLOAT32, &weights, -1, 1, (uint64_t)i))};
        parts[i] = node_add(g, "Conv", in, 2, "pads=1,1,1,1");
    }
    value *joined = node_add(g, "Concat", parts, 2, "axis=1");
    slice[0] = joined, slice[1] = build_i64(&b, &one, 1), slice[2] = build_i64(&b, &(int64_t){channels + 1}, 1),
    slice[3] = build_i64(&b, &one, 1);
    value *cut = node_add(g, "Slice", slice, 4, "");
    value *padded = node_add(g, "Pad", (value *[]){cut, build_i64(&b, pads, 8)}, 2, "mode=reflect");
    value *in[2] = {padded, constant(g, random_tensor(STRIA_FLOAT32, &weights, -1, 1, 9))};
    value *y = node_add(g, "Conv", in, 2, "");
    CHECK(b.status == STRIA_OK && graph_add_output(g, y, "y", NULL) == STRIA_OK, "%s", err.text);
    tensor *before = result(g);
    CHECK(pass_layout(&g, &cpu_target, &err) == STRIA_OK, "%s", err.text);
    CHECK(count_of(g, &op_Reorder) == 2, "%d reorders", count_of(g, &op_Reorder));
    tensor *after = result(g);
    CHECK(memcmp(before->data, after->data, before->bytes) == 0, "other values");
    tensor_release(before);
    tensor_release(after);
    graph_free(g);
}

int main(void) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) row_check(&rows[i]);
    layout_check(64);
    return check_report();
}
