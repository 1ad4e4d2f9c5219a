/* What the builder calls of a graph refuse: the first error sticks, and later calls do nothing. */
#include <stria/stria.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static stria_error err;

typedef struct building {
    stria_graph *g;
    stria_value *x, *w, *k, *p; /* [2, 3] of floats: an input, a variable; a variable of integers [2]; a picture */
} building;
typedef stria_value *build_call(const building *b);

#define BUILD(name, ...)                                                                                               \
    static stria_value *name(const building *b) {                                                                      \
        return __VA_ARGS__;                                                                                            \
    }
#define BUILD_VOID(name, ...)                                                                                          \
    static stria_value *name(const building *b) {                                                                      \
        __VA_ARGS__;                                                                                                   \
        return NULL;                                                                                                   \
    }
#define DIMS(...)                                                                                                      \
    (const int64_t[]) {                                                                                                \
        __VA_ARGS__                                                                                                    \
    }

BUILD(input_unnamed, stria_input(b->g, NULL, STRIA_FLOAT32, 1, DIMS(2)))
BUILD(input_untyped, stria_input(b->g, "i", 0, 1, DIMS(2)))
BUILD(input_rank, stria_input(b->g, "i", STRIA_FLOAT32, 9, DIMS(1)))
BUILD(input_rank_below, stria_input(b->g, "i", STRIA_FLOAT32, -1, DIMS(1)))
BUILD(input_no_dims, stria_input(b->g, "i", STRIA_FLOAT32, 2, NULL))
BUILD(input_negative, stria_input(b->g, "i", STRIA_FLOAT32, 2, DIMS(2, -5)))
BUILD(input_twice, stria_input(b->g, "x", STRIA_FLOAT32, 1, DIMS(2)))
BUILD(constant_untyped, stria_constant(b->g, "c", 8, 1, DIMS(2), NULL))
BUILD(constant_unnamed, stria_constant(b->g, NULL, 8, 1, DIMS(2), NULL))
BUILD(constant_rank, stria_constant(b->g, NULL, STRIA_INT8, 12, DIMS(2), NULL))
BUILD(constant_large, stria_constant(b->g, "c", STRIA_FLOAT64, 2, DIMS(INT64_MAX, 16), NULL))
BUILD(variable_untyped, stria_variable(b->g, "v", (stria_type)-1, 1, DIMS(2), NULL))
BUILD(variable_negative, stria_variable(b->g, "v", STRIA_FLOAT32, 1, DIMS(-2), NULL))
BUILD(variable_twice, stria_variable(b->g, "w", STRIA_FLOAT32, 1, DIMS(2), NULL))
BUILD(node_unknown, stria_node(b->g, "Rellu", &b->x, 1, NULL))
BUILD(node_no_input, stria_node(b->g, "Relu", NULL, 0, NULL))
BUILD(node_option, stria_node(b->g, "Relu", &b->x, 1, "slope=2"))
BUILD(conv_absent, stria_conv(b->g, NULL, 4, "kernel=3"))
BUILD(conv_flat, stria_conv(b->g, b->x, 4, "kernel=3"))
BUILD(conv_channels, stria_conv(b->g, b->p, 0, "kernel=3"))
BUILD(dense_units, stria_dense(b->g, b->x, -1, NULL))
BUILD(dense_init, stria_dense(b->g, b->x, 2, "init=best"))
BUILD(pool_flat, stria_max_pool(b->g, b->x, NULL))
BUILD(reshape_rank, stria_reshape(b->g, b->x, 9, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1)))
BUILD(reshape_count, stria_reshape(b->g, b->x, 1, DIMS(5)))
BUILD(add_absent, stria_add(b->g, b->x, NULL))
BUILD(add_types, stria_add(b->g, b->x, b->k))
BUILD(matmul_shapes, stria_matmul(b->g, b->x, b->w))
BUILD(loss_labels, stria_softmax_cross_entropy(b->g, b->x, b->w))
BUILD(block_flat, stria_conv_bn_relu(b->g, b->x, 4, NULL))
BUILD(block_names, stria_conv_bn_relu(b->g, b->p, 4, "names=a,b"))
BUILD(block_activation, stria_conv_bn_relu(b->g, b->p, 4, "activation=rellu"))
BUILD(residual_shortcut, stria_residual(b->g, b->p, 4, "shortcut=c"))
BUILD(residual_channels, stria_residual(b->g, b->p, 2, "shortcut=a"))
BUILD(bottleneck_squeeze, stria_bottleneck(b->g, b->p, 4, "squeeze=0"))
BUILD(separable_absent, stria_depthwise_separable(b->g, NULL, 4, NULL))
BUILD(inverted_expand, stria_inverted_residual(b->g, b->p, 4, "expand=0"))
BUILD(fire_bypass, stria_fire(b->g, b->p, 1, 2, 3, "bypass=both"))
BUILD(fire_number, stria_fire(b->g, b->p, 1, 0, 3, NULL))
BUILD(fire_flat, stria_fire(b->g, b->x, 1, 2, 3, NULL))
BUILD(inception_number, stria_inception(b->g, b->p, DIMS(1, 2, 3, 4, 5, -6), NULL))
BUILD(gradient_absent, stria_gradient(b->g, b->x, NULL))
BUILD(gradient_of_nothing, stria_gradient(b->g, NULL, b->x))
BUILD(gradient_of_integers, stria_gradient(b->g, b->k, b->k))
BUILD(guided_without, stria_gradient_guided(b->g, b->w, b->w))
BUILD_VOID(assign_absent, stria_assign(b->g, b->w, NULL))
BUILD_VOID(assign_to_none, stria_assign(b->g, NULL, b->x))
BUILD_VOID(assign_to_input, stria_assign(b->g, b->x, b->w))
BUILD_VOID(assign_shape, stria_assign(b->g, b->w, b->k))
BUILD_VOID(output_absent, stria_output(b->g, NULL, "y"))
BUILD_VOID(output_absent_unnamed, stria_output(b->g, NULL, NULL))
BUILD_VOID(remove_unknown, stria_graph_remove_output(b->g, "none"))
BUILD_VOID(remove_unnamed, stria_graph_remove_output(b->g, NULL))
BUILD_VOID(replace_unknown, stria_graph_replace_output(b->g, "none", b->x))
BUILD_VOID(replace_by_none, stria_graph_replace_output(b->g, "out", NULL))

static const struct {
    build_call *call;
    stria_status status;
    const char *says;
} build_rows[] = {
    {input_unnamed, STRIA_BAD_ARGUMENT, "an input needs a name and a type"},
    {input_untyped, STRIA_BAD_ARGUMENT, "an input needs a name and a type"},
    {input_rank, STRIA_BAD_SHAPE, "'i': rank 9 is not in 0 to 8"},
    {input_rank_below, STRIA_BAD_SHAPE, "'i': rank -1 is not in 0 to 8"},
    {input_no_dims, STRIA_BAD_SHAPE, "'i': rank 2 without dimensions"},
    {input_negative, STRIA_BAD_SHAPE, "'i': dimension 1 is -5"},
    {input_twice, STRIA_BAD_ARGUMENT, "'x'"},
    {constant_untyped, STRIA_BAD_ARGUMENT, "'c': there is no type 8"},
    {constant_unnamed, STRIA_BAD_ARGUMENT, "'a tensor': there is no type 8"},
    {constant_rank, STRIA_BAD_SHAPE, "'a tensor': rank 12 is not in 0 to 8"},
    {constant_large, STRIA_BAD_SHAPE, "c"},
    {variable_untyped, STRIA_BAD_ARGUMENT, "'v': there is no type -1"},
    {variable_negative, STRIA_BAD_SHAPE, "'v': dimension 0 is -2"},
    {variable_twice, STRIA_BAD_ARGUMENT, "'w'"},
    {node_unknown, STRIA_BAD_ARGUMENT, "there is no layer 'Rellu'"},
    {node_no_input, STRIA_BAD_ARGUMENT, "input"},
    {node_option, STRIA_BAD_ARGUMENT, "'slope'"},
    {conv_absent, STRIA_BAD_ARGUMENT, "input 1 is missing"},
    {conv_flat, STRIA_BAD_SHAPE, "expected [batch, channels, height, width]"},
    {conv_channels, STRIA_BAD_ARGUMENT, "is 0, expected 1 or more"},
    {dense_units, STRIA_BAD_ARGUMENT, "is -1, expected 1 or more"},
    {dense_init, STRIA_BAD_ARGUMENT, "'best'"},
    {pool_flat, STRIA_BAD_SHAPE, "[2, 3]"},
    {reshape_rank, STRIA_BAD_ARGUMENT, "9 sizes are given, expected 1 to 8"},
    {reshape_count, STRIA_BAD_SHAPE, "[5]"},
    {add_absent, STRIA_BAD_ARGUMENT, "input 2 is missing"},
    {add_types, STRIA_BAD_SHAPE, "int32"},
    {matmul_shapes, STRIA_BAD_SHAPE, "[2, 3]"},
    {loss_labels, STRIA_BAD_SHAPE, "labels"},
    {block_flat, STRIA_BAD_SHAPE, "expected [batch, channels, height, width]"},
    {block_names, STRIA_BAD_ARGUMENT, "option names is 'a,b', expected three names with commas"},
    {block_activation, STRIA_BAD_ARGUMENT, "'rellu'"},
    {residual_shortcut, STRIA_BAD_ARGUMENT, "option shortcut is 'c', expected a, b or none"},
    {residual_channels, STRIA_BAD_SHAPE, "shortcut a cannot make 2 channels of 3"},
    {bottleneck_squeeze, STRIA_BAD_ARGUMENT, "option squeeze is '0', expected a number from 1"},
    {separable_absent, STRIA_BAD_ARGUMENT, "input 1 is missing"},
    {inverted_expand, STRIA_BAD_ARGUMENT, "option expand is '0', expected a number from 1"},
    {fire_bypass, STRIA_BAD_ARGUMENT, "option bypass is 'both', expected none, simple or complex"},
    {fire_number, STRIA_BAD_ARGUMENT, "number 2 is 0, expected 1 or more"},
    {fire_flat, STRIA_BAD_SHAPE, "input is [2, 3], expected [batch, channels, height, width]"},
    {inception_number, STRIA_BAD_ARGUMENT, "number 6 is -6, expected 1 or more"},
    {gradient_absent, STRIA_BAD_ARGUMENT, "a gradient needs two values"},
    {gradient_of_nothing, STRIA_BAD_ARGUMENT, "a gradient needs two values"},
    {gradient_of_integers, STRIA_BAD_ARGUMENT, "'k' is int32: only floating-point values have gradients"},
    {guided_without, STRIA_UNSUPPORTED, "leads to 'w': guided backpropagation would be the gradient"},
    {assign_absent, STRIA_BAD_ARGUMENT, "an assignment needs a variable and a value"},
    {assign_to_none, STRIA_BAD_ARGUMENT, "an assignment needs a variable and a value"},
    {assign_to_input, STRIA_BAD_ARGUMENT, "'x'"},
    {assign_shape, STRIA_BAD_SHAPE, "'w'"},
    {output_absent, STRIA_BAD_ARGUMENT, "output 'y' has no value"},
    {output_absent_unnamed, STRIA_BAD_ARGUMENT, "output '' has no value"},
    {remove_unknown, STRIA_BAD_ARGUMENT, "the graph has no output 'none'"},
    {remove_unnamed, STRIA_BAD_ARGUMENT, "the graph has no output ''"},
    {replace_unknown, STRIA_BAD_ARGUMENT, "the graph has no output 'none'"},
    {replace_by_none, STRIA_BAD_ARGUMENT, "output 'out' has no value"},
};

static void build_check(size_t row) {
    building b = {.g = stria_graph_new("g")};
    stria_model *made = NULL;
    stria_error first = {0}, later = {0};
    b.x = stria_input(b.g, "x", STRIA_FLOAT32, 2, DIMS(2, 3));
    b.w = stria_variable(b.g, "w", STRIA_FLOAT32, 2, DIMS(2, 3), NULL);
    b.k = stria_variable(b.g, "k", STRIA_INT32, 1, DIMS(2), NULL);
    b.p = stria_input(b.g, "p", STRIA_FLOAT32, 4, DIMS(0, 3, 8, 8));
    stria_output(b.g, b.x, "out");
    assert_int_equal(stria_graph_status(b.g, NULL), STRIA_OK);
    assert_null(build_rows[row].call(&b));
    stria_status status = stria_graph_status(b.g, &first);
    if (status != build_rows[row].status || first.status != status || !strstr(first.text, build_rows[row].says))
        fail_msg("row %zu: %s: '%s', expected %s: '%s'", row, stria_status_name(status), first.text,
                 stria_status_name(build_rows[row].status), build_rows[row].says);
    for (size_t i = 0; i < COUNT(build_rows); i++) assert_null(build_rows[i].call(&b));
    stria_scope(b.g, "scope");
    assert_null(stria_relu(b.g, b.x));
    assert_null(stria_find(b.g, "x"));
    assert_null(stria_graph_input(b.g, 0));
    assert_null(stria_graph_parameter(b.g, 0));
    assert_int_equal(stria_model_from_graph(&made, b.g, &later), status);
    assert_null(made);
    assert_string_equal(first.text, later.text);
    stria_graph_free(b.g);
}

static void test_graphs(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(build_rows); i++) build_check(i);
    const building none = {.g = NULL};
    for (size_t i = 0; i < COUNT(build_rows); i++) assert_null(build_rows[i].call(&none));
    stria_graph_seed(NULL, 1);
    assert_int_equal(stria_graph_status(NULL, &err), STRIA_NO_MEMORY);
    assert_string_equal(err.text, "there is no graph");
    assert_string_equal(stria_value_name(NULL), "");
    assert_int_equal(stria_value_type(NULL), 0);
    assert_int_equal(stria_value_shape(NULL, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
