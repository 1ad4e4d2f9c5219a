/* The graph's own edges: elements of every type at the ends of its range, attributes as text, calls that are refused,
 * and a checker that finds each thing that a pass must keep. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "graph/names.h"
#include "op/op.h"

/* ---- elements ---- */

/* Each type gets NaN, ±infinity, ±2^40 and ±1.5 as doubles, and ±2^40 and −1 as integers. */
static void elements_check(void) {
    static const double from[] = {NAN, INFINITY, -INFINITY, 0x1p40, -0x1p40, 1.5, -1.5};
    static const int64_t whole[] = {(int64_t)1 << 40, -((int64_t)1 << 40), -1};
    static const struct {
        dtype type;
        double of_double[7], of_whole[3];
    } rows[] = {
        {STRIA_FLOAT32, {NAN, INFINITY, -INFINITY, 0x1p40, -0x1p40, 1.5, -1.5}, {0x1p40, -0x1p40, -1}},
        {STRIA_FLOAT64, {NAN, INFINITY, -INFINITY, 0x1p40, -0x1p40, 1.5, -1.5}, {0x1p40, -0x1p40, -1}},
        {STRIA_FLOAT16, {NAN, INFINITY, -INFINITY, INFINITY, -INFINITY, 1.5, -1.5}, {INFINITY, -INFINITY, -1}},
        {STRIA_BFLOAT16, {NAN, INFINITY, -INFINITY, 0x1p40, -0x1p40, 1.5, -1.5}, {0x1p40, -0x1p40, -1}},
        {STRIA_INT64, {0, 0x1p63, -0x1p63, 0x1p40, -0x1p40, 1, -1}, {0x1p40, -0x1p40, -1}},
        {STRIA_UINT64, {0, 0x1p64, 0, 0x1p40, 0, 1, 0}, {0x1p40, 0x1p64 - 0x1p40, 0x1p64}},
        {STRIA_INT32, {0, INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, 1, -1}, {INT32_MAX, INT32_MIN, -1}},
        {STRIA_UINT32, {0, UINT32_MAX, 0, UINT32_MAX, 0, 1, 0}, {UINT32_MAX, 0, 0}},
        {STRIA_INT16, {0, INT16_MAX, INT16_MIN, INT16_MAX, INT16_MIN, 1, -1}, {INT16_MAX, INT16_MIN, -1}},
        {STRIA_UINT16, {0, UINT16_MAX, 0, UINT16_MAX, 0, 1, 0}, {UINT16_MAX, 0, 0}},
        {STRIA_INT8, {0, INT8_MAX, INT8_MIN, INT8_MAX, INT8_MIN, 1, -1}, {INT8_MAX, INT8_MIN, -1}},
        {STRIA_UINT8, {0, UINT8_MAX, 0, UINT8_MAX, 0, 1, 0}, {UINT8_MAX, 0, 0}},
        {STRIA_BOOL, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1}},
        {STRIA_FLOAT8E5M2, {NAN, 57344, -57344, 57344, -57344, 1.5, -1.5}, {0, 0, NAN}}, /* codes 0, 0 and 255 */
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        uint64_t typed[7];
        double back[7];
        int64_t whole_back[3];
        convert_from_f64(typed, rows[r].type, from, 7);
        convert_to_f64(back, typed, rows[r].type, 7);
        for (int i = 0; i < 7; i++)
            CHECK(back[i] == rows[r].of_double[i] || (isnan(back[i]) && isnan(rows[r].of_double[i])),
                  "%s of %g is %g, not %g", dtype_name(rows[r].type), from[i], back[i], rows[r].of_double[i]);
        convert_from_i64(typed, rows[r].type, whole, 3);
        convert_to_f64(back, typed, rows[r].type, 3);
        for (int i = 0; i < 3; i++)
            CHECK(back[i] == rows[r].of_whole[i] || (isnan(back[i]) && isnan(rows[r].of_whole[i])),
                  "%s of %lld is %g, not %g", dtype_name(rows[r].type), (long long)whole[i], back[i],
                  rows[r].of_whole[i]);
        convert_to_i64(whole_back, typed, rows[r].type, 3);
        CHECK(rows[r].type != STRIA_INT64 || memcmp(whole_back, whole, sizeof whole) == 0, "int64 stays as it is");
    }
    double ends[3] = {0x1p70, -0x1p70, NAN};
    int64_t as_whole[3];
    convert_to_i64(as_whole, ends, STRIA_FLOAT64, 3);
    CHECK(as_whole[0] == INT64_MAX && as_whole[1] == INT64_MIN && as_whole[2] == 0, "%lld", (long long)as_whole[0]);
    CHECK(strcmp(dtype_name(99), "unknown type") == 0 && dtype_bytes(99) == 0, "type 99");
    CHECK(shape_bytes(&(shape){1, {4}}, 99) == -1 && shape_bytes(&(shape){1, {-4}}, STRIA_INT8) == -1 &&
              shape_bytes(&(shape){2, {INT64_MAX, 2}}, STRIA_INT8) == -1 &&
              shape_bytes(&(shape){1, {INT64_MAX}}, STRIA_FLOAT32) == -1,
          "bytes of impossible shapes");
}

/* ---- attributes ---- */

static void attributes_check(void) {
    static const char digits[] = "1234567890123456789012345678901234567890123456789012345678901234567890";
    const struct {
        const op_def *op;
        const char *name, *text, *says;
    } rows[] = {
        {&op_Conv, "group", "2", NULL},
        {&op_Conv, "group", "two", "attribute 'group': 'two' is not a whole number"},
        {&op_Conv, "group", digits, "is not a whole number"},
        {&op_Conv, "pads", "1,1,1,1", NULL},
        {&op_Conv, "pads", "", NULL},
        {&op_Conv, "pads", "1,x", "attribute 'pads': 'x' is not a whole number"},
        {&op_Conv, "pad", "1", "Conv has no attribute 'pad'; did you mean 'pads'?"},
        {&op_Conv, "zzzzzzzzz", "1", "Conv has no attribute 'zzzzzzzzz'"},
        {&op_Elu, "alpha", "0.5", NULL},
        {&op_Elu, "alpha", "half", "attribute 'alpha': 'half' is not a number"},
        {&op_Relu, "alpha", "1", "Relu has no attribute 'alpha'"},
        {&op_LSTM, "activations", "Sigmoid,Tanh,Tanh", NULL},
        {&op_LSTM, "activation_alpha", "0.5,1", NULL},
        {&op_LSTM, "activation_alpha", "0.5,one", "attribute 'activation_alpha': 'one' is not a number"},
        {&op_ConstantOfShape, "value", "int64:1", NULL},
        {&op_ConstantOfShape, "value", "1", "attribute 'value' is a tensor: expected a type and its numbers"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena a = {0};
        stria_error err = {0};
        const op_def *op = rows[i].op;
        void *plain = arena_alloc(&a, op->attribute_bytes + 1), *set = arena_alloc(&a, op->attribute_bytes + 1),
             *copy = arena_alloc(&a, op->attribute_bytes + 1);
        CHECK(attributes_default(op, plain, &a, &err) == STRIA_OK && attributes_default(op, set, &a, &err) == STRIA_OK,
              "%s", err.text);
        CHECK(attributes_equal(op, plain, set), "%s: defaults differ", op->name);
        stria_status status = attribute_set(op, set, rows[i].name, rows[i].text, &a, &err);
        if (rows[i].says)
            CHECK(status == STRIA_BAD_ARGUMENT && strstr(err.text, rows[i].says), "'%s' does not say '%s'", err.text,
                  rows[i].says);
        else {
            CHECK(status == STRIA_OK, "%s", err.text);
            CHECK(attributes_copy(op, copy, set, &a, &err) == STRIA_OK && attributes_equal(op, copy, set), "%s: a copy",
                  op->name);
            CHECK(attributes_equal(op, plain, set) == !*rows[i].text, "%s: %s", op->name, rows[i].name);
            attributes_release(op, copy);
        }
        attributes_release(op, set);
        arena_release(&a);
    }
}

/* ---- a graph ---- */

typedef struct small {
    graph *g, *other;
    value *x, *c, *state, *y, *z, *foreign;
    node *relu, *neg;
} small;

static bool small_make(small *s) {
    stria_error err = {0};
    tensor *t = NULL;
    shape two = {1, {2}};
    bool made = graph_new(&s->g, "small", &err) == STRIA_OK && graph_new(&s->other, "other", &err) == STRIA_OK &&
                graph_add_input(s->g, "x", STRIA_FLOAT32, &two, &s->x, &err) == STRIA_OK &&
                graph_add_input(s->other, "foreign", STRIA_FLOAT32, &two, &s->foreign, &err) == STRIA_OK &&
                tensor_new(&t, STRIA_FLOAT32, &two, "t", &err) == STRIA_OK &&
                graph_add_constant(s->g, "c", t, &s->c, &err) == STRIA_OK &&
                graph_add_state(s->g, "state", ROLE_PARAMETER, t, &s->state, &err) == STRIA_OK &&
                graph_add_node(s->g, &op_Relu, "relu", &s->x, 1, NULL, 1, NULL, &s->relu, &err) == STRIA_OK &&
                graph_add_node(s->g, &op_Neg, "neg", s->relu->out, 1, NULL, 1, NULL, &s->neg, &err) == STRIA_OK &&
                graph_add_output(s->g, s->neg->out[0], "y", &err) == STRIA_OK;
    tensor_release(t);
    return CHECK(made, "%s", err.text);
}

static void small_free(small *s) {
    graph_free(s->g);
    graph_free(s->other);
}

#define REFUSED(call, wants, words)                                                                                    \
    do {                                                                                                               \
        stria_error err_ = {0}, *err = &err_;                                                                          \
        stria_status status_ = (call);                                                                                 \
        CHECK(status_ == (wants) && strstr(err_.text, words), "status %d, '%s'", (int)status_, err_.text);             \
    } while (0)

static void calls_check(void) {
    small s;
    node *n;
    value *v, *two[2];
    if (!small_make(&s)) return;
    two[0] = two[1] = s.x;
    int values = s.g->value_count, nodes = s.g->node_count;
    REFUSED(graph_add_node(s.g, &op_Relu, "a", two, 2, NULL, 1, NULL, &n, err), STRIA_BAD_ARGUMENT,
            "layer 'a' (Relu): 2 inputs, but it takes at most 1");
    REFUSED(graph_add_node(s.g, &op_Add, "a", two, 1, NULL, 1, NULL, &n, err), STRIA_BAD_ARGUMENT,
            "layer 'a' (Add): input 2 of 2 is missing");
    REFUSED(graph_add_node(s.g, &op_Concat, "a", two, 2, NULL, 1, NULL, &n, err), STRIA_BAD_ARGUMENT,
            "layer 'a' (Concat): attribute 'axis' is missing");
    REFUSED(graph_add_node(s.g, &op_Relu, "relu", two, 1, NULL, 1, NULL, &n, err), STRIA_BAD_ARGUMENT,
            "two layers are named 'relu'");
    REFUSED(graph_add_node(s.g, &op_Relu, "a", two, 1, NULL, 1, (const char *[]){""}, &n, err), STRIA_BAD_ARGUMENT,
            "layer 'a' (Relu): output 1 of 1 is missing");
    REFUSED(graph_add_node(s.g, &op_Relu, "a", two, 1, NULL, 1, (const char *[]){"x"}, &n, err), STRIA_BAD_ARGUMENT,
            "'x'");
    REFUSED(graph_add_input(s.g, "x", STRIA_FLOAT32, &s.x->shape, &v, err), STRIA_BAD_ARGUMENT, "'x'");
    REFUSED(graph_add_update(s.g, s.x, s.x, err), STRIA_BAD_ARGUMENT,
            "'x' is not a variable, so nothing can be assigned to it");
    CHECK(s.g->value_count == values && s.g->node_count == nodes, "%d values, %d layers", s.g->value_count,
          s.g->node_count);
    stria_error none = {0};
    CHECK(graph_add_input(s.g, "wide", STRIA_FLOAT32, &(shape){2, {2, 1}}, &v, &none) == STRIA_OK, "%s", none.text);
    REFUSED(graph_add_update(s.g, s.state, v, err), STRIA_BAD_SHAPE,
            "variable 'state' is float32 [2] and cannot become 'wide', which is float32 [2, 1]");
    CHECK(graph_add_update(s.g, s.state, s.x, &none) == STRIA_OK, "%s", none.text);
    REFUSED(graph_add_update(s.g, s.state, s.x, err), STRIA_BAD_ARGUMENT, "variable 'state' is assigned twice");
    small_free(&s);
}

/* What is broken by hand is found, and what is mended is right again. */
#define BROKEN(thing, bad, words)                                                                                      \
    do {                                                                                                               \
        __typeof__(thing) kept_ = (thing);                                                                             \
        (thing) = (bad);                                                                                               \
        REFUSED(graph_check(s.g, err), STRIA_BAD_ARGUMENT, words);                                                     \
        (thing) = kept_;                                                                                               \
        CHECK(graph_check(s.g, NULL) == STRIA_OK, "mended after '%s'", words);                                         \
    } while (0)

static void checker_check(void) {
    small s;
    if (!small_make(&s)) return;
    BROKEN(s.relu->id, 1, "layer 'relu' stands at 0 but says 1");
    BROKEN(s.relu->name, "other", "layer 'other' is not registered");
    BROKEN(s.relu->in[0], s.foreign, "layer 'relu': input 'foreign' is of another graph");
    BROKEN(s.relu->in[0], s.neg->out[0], "layer 'relu' reads 'neg' before it is computed");
    BROKEN(s.relu->out[0]->producer, s.neg, "layer 'relu': output 'relu' is inconsistent");
    BROKEN(s.relu->out[0]->slot, 1, "layer 'relu': output 'relu' is inconsistent");
    BROKEN(s.relu->out[0]->shape.dim[0], -1, "layer 'relu': output 'relu' is inconsistent");
    BROKEN(s.x->id, 3, "tensor 'x' is not registered");
    BROKEN(s.x->name, "other", "tensor 'other' is not registered");
    BROKEN(s.c->data, NULL, "tensor 'c' has contents of another type or shape");
    BROKEN(s.state->type, STRIA_INT8, "tensor 'state' has contents of another type or shape");
    BROKEN(s.c->shape.dim[0], 3, "tensor 'c' has contents of another type or shape");
    BROKEN(s.x->producer, s.relu, "tensor 'x' has no layer that computes it");
    BROKEN(s.relu->out[0]->producer, NULL, "tensor 'relu' has no layer that computes it");
    BROKEN(s.g->outputs[0], NULL, "output 0 is of another graph");
    BROKEN(s.g->outputs[0], s.foreign, "output 0 is of another graph");
    small_free(&s);
}

int main(void) {
    elements_check();
    attributes_check();
    calls_check();
    checker_check();
    return check_report();
}
