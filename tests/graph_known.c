/* Shapes that a graph computes itself, as exporters write them: Shape → Gather → Unsqueeze → Concat → Reshape. They are
 * known when the graph is built, follow other input shapes, and leave nothing to run. */
#include <string.h>

#include "check.h"
#include "op/op.h"
#include "op/shape.h"
#include "transform/transform.h"

static value *int_constant(graph *g, const char *name, int rank, int64_t count, const int64_t *contents) {
    tensor *t;
    value *v = NULL;
    stria_error err = {0};
    shape s = shape_of(rank, &count);
    if (!CHECK(tensor_new(&t, STRIA_INT64, &s, name, &err) == STRIA_OK, "%s", err.text)) return NULL;
    memcpy(t->data, contents, t->bytes);
    CHECK(graph_add_constant(g, name, t, &v, &err) == STRIA_OK, "%s", err.text);
    tensor_release(t);
    return v;
}

static value *add(graph *g, const op_def *op, const char *name, value *const *in, int count, const void *attributes) {
    node *n;
    stria_error err = {0};
    if (!CHECK(graph_add_node(g, op, name, in, count, attributes, 0, NULL, &n, &err) == STRIA_OK, "%s", err.text))
        return NULL;
    return n->out[0];
}

/* y = Reshape(x, [Shape(x)[0], −1]): Flatten as PyTorch's x.view(x.size(0), -1) is exported. */
static graph *flatten_by_shape(int64_t batch) {
    graph *g;
    value *x;
    stria_error err = {0};
    shape s = {.rank = 4, .dim = {batch, 3, 4, 5}};
    CHECK(graph_new(&g, "view", &err) == STRIA_OK, "%s", err.text);
    CHECK(graph_add_input(g, "x", STRIA_FLOAT32, &s, &x, &err) == STRIA_OK, "%s", err.text);
    value *zero = int_constant(g, "zero", 0, 1, (int64_t[]){0}), *axes = int_constant(g, "axes", 1, 1, (int64_t[]){0}),
          *rest = int_constant(g, "rest", 1, 1, (int64_t[]){-1});
    value *sizes = add(g, &op_Shape, "sizes", (value *[]){x}, 1, NULL);
    value *size = add(g, &op_Gather, "size", (value *[]){sizes, zero}, 2, NULL);
    value *front = add(g, &op_Unsqueeze, "front", (value *[]){size, axes}, 2, NULL);
    value *target = add(g, &op_Concat, "target", (value *[]){front, rest}, 2, &(axis_attributes){0});
    value *y = add(g, &op_Reshape, "view", (value *[]){x, target}, 2, NULL);
    CHECK(graph_add_output(g, y, "y", &err) == STRIA_OK, "%s", err.text);
    return g;
}

static void shapes_follow(void) {
    stria_error err = {0};
    graph *g = flatten_by_shape(2), *other = NULL;
    const shape *y = &g->outputs[0]->shape, larger = {.rank = 4, .dim = {7, 3, 2, 5}};
    CHECK(y->rank == 2 && y->dim[0] == 2 && y->dim[1] == 60, "rank %d, %lld × %lld", y->rank, (long long)y->dim[0],
          (long long)y->dim[1]);
    CHECK(graph_copy(g, (const shape *[]){&larger}, &other, &err) == STRIA_OK, "%s", err.text);
    graph_free(g);
    y = &other->outputs[0]->shape;
    CHECK(y->rank == 2 && y->dim[0] == 7 && y->dim[1] == 30, "rank %d, %lld × %lld", y->rank, (long long)y->dim[0],
          (long long)y->dim[1]);
    graph_free(other);
}

static void nothing_left_to_run(void) {
    stria_error err = {0};
    graph *g = flatten_by_shape(2);
    CHECK(pass_fold(&g, &err) == STRIA_OK && pass_prune(&g, &err) == STRIA_OK, "%s", err.text);
    CHECK(g->node_count == 1 && g->nodes[0]->op == &op_Reshape, "%d nodes", g->node_count);
    graph_free(g);
}

/* What an input decides stays unknown; so do states, which change. */
static void values_stay_unknown(void) {
    stria_error err = {0};
    graph *g;
    value *x, *s;
    tensor *t;
    shape three = {.rank = 1, .dim = {3}};
    CHECK(graph_new(&g, "unknown", &err) == STRIA_OK, "%s", err.text);
    CHECK(graph_add_input(g, "x", STRIA_INT64, &three, &x, &err) == STRIA_OK, "%s", err.text);
    CHECK(tensor_new(&t, STRIA_INT64, &three, "s", &err) == STRIA_OK, "%s", err.text);
    CHECK(graph_add_state(g, "s", ROLE_NONE, t, &s, &err) == STRIA_OK, "%s", err.text);
    tensor_release(t);
    CHECK(!value_contents(add(g, &op_Neg, "a", (value *[]){x}, 1, NULL)), "an input's contents are known");
    CHECK(!value_contents(add(g, &op_Neg, "b", (value *[]){s}, 1, NULL)), "a variable's contents are known");
    CHECK(value_contents(add(g, &op_Shape, "c", (value *[]){s}, 1, NULL)) != NULL, "a variable's shape is not known");
    graph_free(g);
}

int main(void) {
    shapes_follow();
    nothing_left_to_run();
    values_stay_unknown();
    return check_report();
}
