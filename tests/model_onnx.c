/* ONNX files: round trips, what old and odd files mean, what is refused and how it is said. */
#include "model_support.h"

#include <dirent.h>
#include <math.h>

#include "model/model.h"
#include "model/onnx/onnx.h"
#include "model/onnx/tensor.h"
#include "onnx.pb-c.h"
#include "op/norm.h"
#include "op/op.h"
#include "op/shape.h"

/* ---- files made by hand: everything lives in one arena ---- */

typedef struct file {
    arena a;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__NodeProto *nodes[16];
    Onnx__TensorProto *tensors[16];
    Onnx__ValueInfoProto *inputs[4], *outputs[4];
    Onnx__StringStringEntryProto *metadata[4];
} file;

#define NEW(f, type, init)                                                                                             \
    __extension__({                                                                                                    \
        type *p_ = arena_alloc(&(f)->a, sizeof *p_);                                                                   \
        init(p_);                                                                                                      \
        p_;                                                                                                            \
    })

static void file_init(file *f, int64_t opset) {
    memset(f, 0, sizeof *f);
    onnx__model_proto__init(&f->model);
    onnx__graph_proto__init(&f->graph);
    onnx__operator_set_id_proto__init(&f->opset);
    f->opset.has_version = 1;
    f->opset.version = opset;
    f->opsets[0] = &f->opset;
    f->model.opset_import = f->opsets;
    f->model.n_opset_import = 1;
    f->model.graph = &f->graph;
    f->model.metadata_props = f->metadata;
    f->graph.node = f->nodes;
    f->graph.initializer = f->tensors;
    f->graph.input = f->inputs;
    f->graph.output = f->outputs;
}

static char **words(file *f, const char *list, size_t *count) {
    char **out = arena_alloc(&f->a, sizeof *out * 16), *at = arena_strdup(&f->a, list);
    *count = 0;
    for (char *word = strtok(at, " "); word; word = strtok(NULL, " "))
        out[(*count)++] = strcmp(word, "-") ? word : (char *)"";
    return out;
}

/* add_node(f, "Conv", "x w b", "y") */
static Onnx__NodeProto *add_node(file *f, const char *op, const char *in, const char *out) {
    Onnx__NodeProto *n = NEW(f, Onnx__NodeProto, onnx__node_proto__init);
    n->op_type = arena_strdup(&f->a, op);
    n->input = words(f, in, &n->n_input);
    n->output = words(f, out, &n->n_output);
    n->attribute = arena_alloc(&f->a, sizeof(void *) * 8);
    f->nodes[f->graph.n_node++] = n;
    return n;
}

static Onnx__AttributeProto *add_attribute(file *f, Onnx__NodeProto *n, const char *name, int type) {
    Onnx__AttributeProto *p = NEW(f, Onnx__AttributeProto, onnx__attribute_proto__init);
    p->name = arena_strdup(&f->a, name);
    p->has_type = 1;
    p->type = (Onnx__AttributeProto__AttributeType)type;
    n->attribute[n->n_attribute++] = p;
    return p;
}

static void add_int(file *f, Onnx__NodeProto *n, const char *name, int64_t i) {
    Onnx__AttributeProto *p = add_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    p->has_i = 1;
    p->i = i;
}

static void add_ints(file *f, Onnx__NodeProto *n, const char *name, size_t count, const int64_t *list) {
    Onnx__AttributeProto *p = add_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    p->n_ints = count;
    p->ints = arena_copy(&f->a, list, sizeof *list * count);
}

static void add_float(file *f, Onnx__NodeProto *n, const char *name, float x) {
    Onnx__AttributeProto *p = add_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    p->has_f = 1;
    p->f = x;
}

static Onnx__TensorProto *add_tensor(file *f, const char *name, int type, size_t rank, const int64_t *dims,
                                     size_t bytes) {
    Onnx__TensorProto *t = NEW(f, Onnx__TensorProto, onnx__tensor_proto__init);
    t->name = arena_strdup(&f->a, name);
    t->has_data_type = 1;
    t->data_type = type;
    t->n_dims = rank;
    t->dims = arena_copy(&f->a, dims, sizeof *dims * rank);
    t->has_raw_data = bytes > 0;
    t->raw_data = (ProtobufCBinaryData){bytes, arena_alloc(&f->a, bytes + 1)};
    f->tensors[f->graph.n_initializer++] = t;
    return t;
}

/* Dimensions in words: "n 3 4"; NULL: no shape. */
static Onnx__ValueInfoProto *port(file *f, const char *name, int type, const char *dims) {
    Onnx__ValueInfoProto *v = NEW(f, Onnx__ValueInfoProto, onnx__value_info_proto__init);
    v->name = arena_strdup(&f->a, name);
    v->type = NEW(f, Onnx__TypeProto, onnx__type_proto__init);
    v->type->tensor_type = NEW(f, Onnx__TypeProto__Tensor, onnx__type_proto__tensor__init);
    v->type->tensor_type->has_elem_type = 1;
    v->type->tensor_type->elem_type = type;
    if (!dims) return v;
    Onnx__TensorShapeProto *s = v->type->tensor_type->shape =
        NEW(f, Onnx__TensorShapeProto, onnx__tensor_shape_proto__init);
    size_t count;
    char **list = words(f, dims, &count);
    s->dim = arena_alloc(&f->a, sizeof(void *) * (count + 1));
    s->n_dim = count;
    for (size_t i = 0; i < count; i++) {
        s->dim[i] = NEW(f, Onnx__TensorShapeProto__Dimension, onnx__tensor_shape_proto__dimension__init);
        if (strspn(list[i], "0123456789-") == strlen(list[i])) {
            s->dim[i]->has_dim_value = *list[i] != 0;
            s->dim[i]->dim_value = strtoll(list[i], NULL, 10);
        } else s->dim[i]->dim_param = list[i];
    }
    return v;
}

static void add_input(file *f, const char *name, int type, const char *dims) {
    f->inputs[f->graph.n_input++] = port(f, name, type, dims);
}
static void add_output(file *f, const char *name) {
    f->outputs[f->graph.n_output++] = port(f, name, STRIA_FLOAT32, NULL);
}

static void add_metadata(file *f, const char *key, const char *text) {
    Onnx__StringStringEntryProto *p = NEW(f, Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init);
    p->key = arena_strdup(&f->a, key);
    p->value = arena_strdup(&f->a, text);
    f->metadata[f->model.n_metadata_props++] = p;
}

/* Reads the file, from a buffer of just its size, and releases it. */
static stria_status read_file(graph **out, file *f, stria_error *err) {
    size_t size = onnx__model_proto__get_packed_size(&f->model);
    uint8_t *data = malloc(size ? size : 1);
    onnx__model_proto__pack(&f->model, data);
    stria_status status = onnx_read(out, data, size, "t.onnx", err);
    free(data);
    arena_release(&f->a);
    return status;
}

#define F1 STRIA_FLOAT32
#define DIMS(...)                                                                                                      \
    sizeof((int64_t[]){__VA_ARGS__}) / 8, (const int64_t[]) {                                                          \
        __VA_ARGS__                                                                                                    \
    }

/* x → Relu → y, to which a case adds something. */
static void relu_file(file *f, int64_t opset) {
    file_init(f, opset);
    add_input(f, "x", F1, "n 4");
    add_node(f, "Relu", "x", "y");
    add_output(f, "y");
}

/* ---- round trips ---- */

static void round_trip(graph *g) {
    text once = {0}, twice = {0};
    graph *again;
    assert_ok(onnx_write(g, &once, &err));
    assert_ok(onnx_read(&again, (const uint8_t *)once.data, once.length, "again", &err));
    assert_ok(graph_check(again, &err));
    assert_same_graph(g, again, true);
    for (int i = 0; i < g->metadata_count; i++)
        if (strcmp(g->metadata[i].key, "stria.frozen") != 0) /* written anew, without names that are not there */
            assert_string_equal(graph_metadata(again, g->metadata[i].key), g->metadata[i].value);
    assert_ok(onnx_write(again, &twice, &err));
    assert_int_equal(once.length, twice.length);
    assert_memory_equal(once.data, twice.data, once.length);
    text_release(&once);
    text_release(&twice);
    graph_free(again);
}

static void test_round_trips(void **state) {
    static const char *const specs[] = {"lenet5", "lenet", "linear", "mlp:hidden=20x30"};
    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        graph *g;
        assert_ok(graph_load(&g, specs[i], 4, &err));
        for (int k = 0; k < 3; k++) g->values[k]->frozen = g->values[k]->kind == VALUE_STATE;
        round_trip(g);
        graph_free(g);
    }
}

/* A constant where a parameter could be, a parameter where none would be looked for, an output under another name, an
 * output that is an input. */
static void test_odd_graphs(void **state) {
    graph *g, *again;
    value *x, *c, *p;
    node *n, *m;
    tensor *t;
    text out = {0};
    (void)state;
    assert_ok(graph_new(&g, "odd", &err));
    assert_ok(tensor_new(&t, F1, &(shape){1, {4}}, "t", &err));
    assert_ok(graph_add_input(g, "x", F1, &(shape){2, {1, 4}}, &x, &err));
    x->symbol[0] = "n";
    assert_ok(graph_add_constant(g, "c", t, &c, &err));
    assert_ok(graph_add_state(g, "p", ROLE_PARAMETER, t, &p, &err));
    assert_ok(graph_add_node(g, &op_Mul, "scale", (value *[]){x, c}, 2, NULL, 0, (const char *[]){"s"}, &n, &err));
    assert_ok(graph_add_node(g, &op_Relu, "relu", (value *[]){p}, 1, NULL, 0, (const char *[]){"r"}, &m, &err));
    assert_ok(graph_add_output(g, n->out[0], "scores", &err));
    assert_ok(graph_add_output(g, n->out[0], "scores_again", &err));
    assert_ok(graph_add_output(g, m->out[0], NULL, &err));
    assert_ok(graph_add_output(g, x, NULL, &err));
    assert_ok(onnx_write(g, &out, &err));
    assert_ok(onnx_read(&again, (const uint8_t *)out.data, out.length, "again", &err));
    assert_int_equal(graph_find_value(again, "c")->kind, VALUE_CONSTANT);
    assert_int_equal(graph_find_value(again, "p")->role, ROLE_PARAMETER);
    assert_int_equal(again->output_count, 4);
    assert_string_equal(again->outputs[0]->name, "scores");
    assert_string_equal(again->outputs[1]->name, "scores_again");
    assert_ptr_equal(again->outputs[1]->producer->op, &op_Identity);
    assert_ptr_equal(again->outputs[3], again->inputs[0]);
    round_trip(again);
    graph_free(again);
    graph_free(g);
    tensor_release(t);
    text_release(&out);
}

static void test_training_stays_at_home(void **state) {
    graph *g;
    value *x, *s;
    node *n;
    tensor *t;
    text out = {0};
    (void)state;
    assert_ok(tensor_new(&t, F1, &(shape){1, {4}}, "t", &err));
    assert_ok(graph_new(&g, "g", &err));
    assert_fails(onnx_write(g, &out, &err), STRIA_BAD_ARGUMENT, "has no outputs");
    assert_ok(graph_add_state(g, "w", ROLE_PARAMETER, t, &s, &err));
    assert_ok(graph_add_input(g, "x", F1, &(shape){1, {4}}, &x, &err));
    assert_ok(graph_add_node(g, &op_ReluGradient, "back", (value *[]){x, s}, 2, NULL, 0, NULL, &n, &err));
    assert_ok(graph_add_output(g, n->out[0], NULL, &err));
    assert_fails(onnx_write(g, &out, &err), STRIA_UNSUPPORTED, "'back': operator ReluGradient of domain stria");
    assert_ok(graph_add_update(g, s, n->out[0], &err));
    assert_fails(onnx_write(g, &out, &err), STRIA_UNSUPPORTED, "'w' is assigned");
    graph_free(g);
    assert_ok(graph_new(&g, "g", &err));
    assert_ok(graph_add_state(g, "m", ROLE_OPTIMIZER, t, &s, &err));
    assert_ok(graph_add_output(g, s, NULL, &err));
    assert_fails(onnx_write(g, &out, &err), STRIA_UNSUPPORTED, "'m' is the optimiser's");
    graph_free(g);
    tensor_release(t);
    text_release(&out);
}

/* ---- what files mean ---- */

static void test_roles(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 13);
    add_input(&f, "x", F1, "n 2 3 3");
    add_input(&f, "w0", F1, "2 2 1 1");     /* as IR versions below 4 list initialisers */
    add_tensor(&f, "w0", F1, DIMS(18), 72); /* seen through a Reshape */
    add_tensor(&f, "shape", STRIA_INT64, DIMS(4), 32)->raw_data.data[0] = 1;
    ((int64_t *)(void *)f.tensors[1]->raw_data.data)[1] = 2;
    ((int64_t *)(void *)f.tensors[1]->raw_data.data)[2] = 3;
    ((int64_t *)(void *)f.tensors[1]->raw_data.data)[3] = 3;
    add_tensor(&f, "scale", F1, DIMS(1), 4);
    add_tensor(&f, "mean", F1, DIMS(1), 4);
    add_tensor(&f, "unused", F1, DIMS(1), 4);
    add_tensor(&f, "kept", F1, DIMS(1), 4);
    add_node(&f, "Conv", "x w", "c");
    add_node(&f, "Reshape", "w0 shape", "w"); /* out of order */
    add_node(&f, "BatchNormalization", "c scale scale mean mean", "b");
    add_node(&f, "Relu", "kept", "k");
    add_output(&f, "b");
    add_output(&f, "k");
    add_metadata(&f, "stria.frozen", "scale,nothing");
    add_metadata(&f, "stria.parameters", "kept");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_int_equal(g->input_count, 1);
    assert_int_equal(graph_find_value(g, "w0")->role, ROLE_PARAMETER);
    assert_false(graph_find_value(g, "w0")->frozen);
    assert_int_equal(graph_find_value(g, "shape")->kind, VALUE_CONSTANT);
    assert_int_equal(graph_find_value(g, "scale")->role, ROLE_PARAMETER);
    assert_true(graph_find_value(g, "scale")->frozen);
    assert_int_equal(graph_find_value(g, "mean")->role, ROLE_STATISTIC);
    assert_int_equal(graph_find_value(g, "kept")->role, ROLE_PARAMETER);
    assert_null(graph_find_value(g, "unused"));
    assert_string_equal(g->inputs[0]->symbol[0], "n");
    round_trip(g);
    graph_free(g);
}

static void test_names(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_input(&f, "x\n", F1, "- 2");
    add_node(&f, "Relu", "x\n", "a\xff")->name = (char *)"same";
    add_node(&f, "Relu", "a\xff", "a\xfe")->name = (char *)"same";
    add_node(&f, "Relu", "a\xfe", "\xc3\xa9");
    add_node(&f, "Relu", "\xc3\xa9", "z");
    add_output(&f, "z");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_string_equal(g->inputs[0]->name, "x?");
    assert_string_equal(g->inputs[0]->symbol[0], "batch");
    assert_string_equal(g->nodes[0]->out[0]->name, "a?");
    assert_string_not_equal(g->nodes[1]->out[0]->name, "a?");
    assert_string_equal(g->nodes[2]->out[0]->name, "\xc3\xa9");
    assert_string_equal(g->nodes[0]->name, "same");
    assert_string_not_equal(g->nodes[1]->name, "same");
    graph_free(g);
}

static void test_open_sizes(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_input(&f, "x", F1, "n 1 height width");
    add_tensor(&f, "w", F1, DIMS(2, 1, 5, 5), 200);
    add_node(&f, "Conv", "x w", "c");
    add_node(&f, "GlobalAveragePool", "c", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_int_equal(g->inputs[0]->shape.dim[0], 1);
    assert_true(g->inputs[0]->shape.dim[2] >= 5);
    assert_string_equal(g->inputs[0]->symbol[3], "width");
    graph_free(g);
}

static float at(const graph *g, const char *name, int64_t i) {
    return ((const float *)graph_find_value(g, name)->data->data)[i];
}

static void test_types(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_input(&f, "x", STRIA_FLOAT16, "2");
    memcpy(add_tensor(&f, "half", STRIA_FLOAT16, DIMS(2), 4)->raw_data.data, (uint16_t[]){0x3c00, 0xc100}, 4);
    memcpy(add_tensor(&f, "brain", STRIA_BFLOAT16, DIMS(2), 4)->raw_data.data, (uint16_t[]){0x3f80, 0xc040}, 4);
    memcpy(add_tensor(&f, "double", STRIA_FLOAT64, DIMS(2), 16)->raw_data.data, (double[]){0.1, -3}, 16);
    Onnx__TensorProto *t = add_tensor(&f, "typed_half", STRIA_FLOAT16, DIMS(2), 0);
    t->n_int32_data = 2;
    t->int32_data = (int32_t[]){0x3c00, 0xc100};
    t = add_tensor(&f, "typed_float", F1, DIMS(2), 0);
    t->n_float_data = 2;
    t->float_data = (float[]){1.5f, -2};
    add_node(&f, "Add", "x half", "a");
    add_node(&f, "Add", "a brain", "b");
    add_node(&f, "Add", "b double", "c");
    add_node(&f, "Add", "c typed_half", "d");
    add_node(&f, "Add", "d typed_float", "e");
    add_int(&f, add_node(&f, "Cast", "e", "y"), "to", STRIA_FLOAT16);
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_int_equal(g->inputs[0]->type, F1);
    assert_int_equal(g->outputs[0]->type, F1);
    assert_true(at(g, "half", 0) == 1 && at(g, "half", 1) == -2.5f);
    assert_true(at(g, "brain", 0) == 1 && at(g, "brain", 1) == -3);
    assert_true(at(g, "double", 0) == 0.1f && at(g, "double", 1) == -3);
    assert_true(at(g, "typed_half", 1) == -2.5f);
    assert_true(at(g, "typed_float", 0) == 1.5f);
    graph_free(g);
}

static void test_constants(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 21);
    add_input(&f, "x", F1, "n 6");
    add_ints(&f, add_node(&f, "Constant", "", "shape"), "value_ints", DIMS(-1, 2, 3));
    add_float(&f, add_node(&f, "Constant", "", "two"), "value_float", 2);
    add_node(&f, "Reshape", "x shape", "r");
    add_node(&f, "Mul", "r two", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_int_equal(g->node_count, 2);
    assert_int_equal(graph_find_value(g, "two")->kind, VALUE_CONSTANT);
    assert_true(shape_equal(&g->outputs[0]->shape, &(shape){3, {1, 2, 3}}));
    round_trip(g);
    graph_free(g);
}

/* ---- opsets ---- */

static void test_old_opsets(void **state) {
    file f;
    graph *g;
    (void)state;
    relu_file(&f, 7);
    add_float(&f, add_node(&f, "Dropout", "y", "d mask"), "ratio", 0.25f);
    add_ints(&f, add_node(&f, "Unsqueeze", "d", "u"), "axes", DIMS(0, 3));
    add_ints(&f, add_node(&f, "ReduceMean", "u", "m"), "axes", DIMS(1));
    Onnx__NodeProto *slice = add_node(&f, "Slice", "m", "s");
    add_ints(&f, slice, "starts", DIMS(1));
    add_ints(&f, slice, "ends", DIMS(3));
    add_ints(&f, slice, "axes", DIMS(2));
    add_output(&f, "s");
    assert_ok(read_file(&g, &f, &err));
    assert_ok(graph_check(g, &err));
    assert_int_equal(g->node_count, 5);
    assert_int_equal(g->nodes[1]->in_count, 2);
    assert_int_equal(g->nodes[1]->out_count, 1); /* nobody reads the mask */
    assert_true(tensor_f64(value_contents(g->nodes[1]->in[1]), 0) == 0.25);
    assert_true(shape_equal(&g->outputs[1]->shape, &(shape){4, {1, 1, 2, 1}}));
    round_trip(g);
    graph_free(g);
}

static graph *softmax_of(int64_t opset, const char *dims, int64_t axis) {
    file f;
    graph *g = NULL;
    file_init(&f, opset);
    add_input(&f, "x", F1, dims);
    Onnx__NodeProto *n = add_node(&f, "Softmax", "x", "y");
    if (axis != 99) add_int(&f, n, "axis", axis);
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_string_equal(g->outputs[0]->name, "y");
    assert_true(shape_equal(&g->outputs[0]->shape, &g->inputs[0]->shape));
    return g;
}

static void test_old_softmax(void **state) {
    (void)state;
    static const struct {
        int64_t opset;
        const char *dims;
        int64_t axis;
        int nodes;
        int64_t axis_now;
    } cases[] = {
        {11, "n 5", 99, 1, 1},   {11, "n 5 1 1", 1, 1, 1}, {11, "n 5 4", 2, 1, 2},
        {11, "n 5 4", -1, 1, 2}, {11, "n 5 4", 99, 3, -1}, {11, "2 5 4", 0, 3, -1},
        {13, "n 5 4", 1, 1, 1},  {13, "n 5 4", 99, 1, -1}, {11, "n 5 4 3", 2, 3, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g = softmax_of(cases[i].opset, cases[i].dims, cases[i].axis);
        assert_int_equal(g->node_count, cases[i].nodes);
        const node *n = g->nodes[cases[i].nodes == 3];
        assert_int_equal(((const axis_attributes *)n->attributes)->axis, cases[i].axis_now);
        graph_free(g);
    }
    graph *g = softmax_of(11, "n 5 4", 1), *wide; /* the batch stays open */
    assert_ok(graph_copy(g, (const shape *[]){&(shape){3, {7, 5, 4}}}, &wide, &err));
    assert_int_equal(wide->outputs[0]->shape.dim[0], 7);
    graph_free(wide);
    graph_free(g);
}

static void test_old_broadcast(void **state) {
    file f;
    graph *g;
    (void)state;
    file_init(&f, 6);
    add_input(&f, "x", F1, "2 3 4 5");
    add_tensor(&f, "b", F1, DIMS(3), 12);
    Onnx__NodeProto *n = add_node(&f, "Add", "x b", "y");
    add_int(&f, n, "broadcast", 1);
    add_int(&f, n, "axis", 1);
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_true(shape_equal(&g->nodes[1]->in[1]->shape, &(shape){3, {3, 1, 1}}));
    assert_int_equal(graph_find_value(g, "b")->role, ROLE_PARAMETER);
    graph_free(g);
}

static void test_spatial(void **state) {
    file f;
    graph *g = NULL;
    (void)state;
    for (int spatial = 0; spatial < 2; spatial++) {
        file_init(&f, 8);
        add_input(&f, "x", F1, "n 1 2 2");
        add_tensor(&f, "s", F1, DIMS(1), 4);
        add_int(&f, add_node(&f, "BatchNormalization", "x s s s s", "y m v sm sv"), "spatial", spatial);
        add_output(&f, "y");
        if (spatial) assert_ok(read_file(&g, &f, &err));
        else assert_fails(read_file(&g, &f, &err), STRIA_UNSUPPORTED, "attribute 'spatial' of opset 8 may only be 1");
    }
    graph_free(g);
}

/* ---- refusals ---- */

static void unknown_operator(file *f) {
    add_node(f, "Convv", "y", "z")->name = (char *)"first";
}
static void foreign_domain(file *f) {
    add_node(f, "FusedConv", "y", "z")->domain = (char *)"com.microsoft";
}
static void control_flow(file *f) {
    add_attribute(f, add_node(f, "If", "y", "z"), "then_branch", 5)->has_g = 1;
}
static void cycle(file *f) {
    add_node(f, "Relu", "q", "p"), add_node(f, "Relu", "p", "q");
}
static void missing(file *f) {
    add_node(f, "Relu", "nowhere", "p");
}
static void twice(file *f) {
    add_node(f, "Relu", "x", "y");
}
static void no_output(file *f) {
    add_output(f, "nowhere");
}
static void no_operator(file *f) {
    add_node(f, "", "x", "p");
}
static void wrong_attribute(file *f) {
    add_float(f, add_node(f, "Flatten", "y", "z"), "axis", 1);
}
static void unknown_attribute(file *f) {
    add_int(f, add_node(f, "Flatten", "y", "z"), "axes", 1);
}
static void missing_attribute(file *f) {
    add_node(f, "Concat", "y y", "z");
}
static void missing_input(file *f) {
    add_node(f, "Add", "y", "z");
}
static void bad_shape(file *f) {
    add_tensor(f, "w", F1, DIMS(5, 3), 60), add_node(f, "MatMul", "y w", "z");
}
static void short_tensor(file *f) {
    add_tensor(f, "w", F1, DIMS(4, 3), 44), add_node(f, "MatMul", "y w", "z");
}
static void long_tensor(file *f) {
    add_tensor(f, "w", F1, DIMS(4, 3), 49), add_node(f, "MatMul", "y w", "z");
}
static void huge_tensor(file *f) {
    add_tensor(f, "w", F1, DIMS(1 << 20, 1 << 20, 1 << 20, 1 << 20), 4), add_node(f, "Relu", "w", "z");
}
static void negative_tensor(file *f) {
    add_tensor(f, "w", F1, DIMS(-1), 4), add_node(f, "Relu", "w", "z");
}
static void large_rank(file *f) {
    add_tensor(f, "w", F1, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1), 4), add_node(f, "Relu", "w", "z");
}
static void float8(file *f) {
    add_tensor(f, "w", 17, DIMS(1), 1), add_node(f, "Relu", "w", "z");
}
static void string_input(file *f) {
    add_input(f, "s", 8, "1");
}
static void any_rank(file *f) {
    add_input(f, "s", 1, NULL);
}
static void huge_input(file *f) {
    add_input(f, "s", 1, "4611686018427387904 4");
}
static void sequence(file *f) {
    add_input(f, "s", 1, "1");
    f->inputs[1]->type->tensor_type = NULL;
    f->inputs[1]->type->has_sequence_type = 1;
}
static void old(file *f) {
    f->opset.version = 0;
}
static void new (file *f) {
    f->opset.version = 999;
}
static void no_graph(file *f) {
    f->model.graph = NULL;
}
static void no_outputs(file *f) {
    f->graph.n_output = 0;
}
static void sparse(file *f) {
    f->graph.n_sparse_initializer = 1;
    f->graph.sparse_initializer = arena_alloc(&f->a, sizeof(ProtobufCBinaryData));
}
static void external(file *f, const char *location) {
    Onnx__TensorProto *t = add_tensor(f, "w", F1, DIMS(4, 3), 0);
    Onnx__StringStringEntryProto *p = NEW(f, Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init);
    p->key = (char *)"location";
    p->value = arena_strdup(&f->a, location);
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t->n_external_data = 1;
    t->external_data = arena_copy(&f->a, &p, sizeof p);
    add_node(f, "MatMul", "y w", "z");
}
static void external_up(file *f) {
    external(f, "a/../../b");
}
static void external_root(file *f) {
    external(f, "/etc/passwd");
}
static void external_none(file *f) {
    external(f, "no-such-file.bin");
}

static void test_refusals(void **state) {
    static const struct {
        void (*change)(file *f);
        const char *words;
    } cases[] = {
        {unknown_operator, "t.onnx: node 'first' (Convv): Stria has no operator 'Convv' of domain 'ai.onnx', opset 21; "
                           "the nearest is 'Conv'"},
        {foreign_domain, "no operator 'FusedConv' of domain 'com.microsoft'"},
        {control_flow, "no operator 'If'"},
        {cycle, "need each other's results"},
        {missing, "node 'p' (Relu) reads 'nowhere', which nothing computes"},
        {twice, "two tensors are named 'y'"},
        {no_output, "output 'nowhere' is computed by nothing"},
        {no_operator, "node 'p' () has no operator"},
        {wrong_attribute, "node 'z' (Flatten): attribute 'axis' is not an integer"},
        {unknown_attribute, "attribute 'axes' is not known; the nearest is 'axis'"},
        {missing_attribute, "node 'z' (Concat): attribute 'axis' is missing"},
        {missing_input, "input 2 of 2 is missing"},
        {bad_shape, "layer 'MatMul' (MatMul)"},
        {short_tensor, "tensor 'w' of shape [4, 3] needs 12 elements, the file has 11"},
        {long_tensor, "tensor 'w' of shape [4, 3] needs 12 elements, the file has more than 12"},
        {huge_tensor, "tensor 'w' has the impossible shape"},
        {negative_tensor, "tensor 'w' has the impossible shape [-1]"},
        {large_rank, "tensor 'w' has 9 dimensions"},
        {float8, "tensor 'w' has elements of type float8e4m3fn (17)"},
        {string_input, "input 's' has elements of type string (8)"},
        {any_rank, "input 's' may have any number of dimensions"},
        {huge_input, "input 's' has the impossible shape"},
        {sequence, "input 's' is not a tensor"},
        {old, "opset 0; Stria reads 1 to 28"},
        {new, "opset 999; Stria reads 1 to 28"},
        {no_graph, "it holds no graph"},
        {no_outputs, "its graph has no outputs"},
        {sparse, "sparse initialisers"},
        {external_up, "tensor 'w' lies in 'a/../../b', which is not below the model's folder"},
        {external_root, "tensor 'w' lies in '/etc/passwd'"},
        {external_none, "no-such-file.bin"},
    };
    (void)state;
    size_t before = mem_bytes_now();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file f;
        graph *g = NULL;
        stria_error err = {0};
        relu_file(&f, 21);
        cases[i].change(&f);
        stria_status status = read_file(&g, &f, &err);
        if (status == STRIA_OK || !strstr(err.text, cases[i].words))
            print_error("case %zu: %d %s\n", i, status, err.text);
        assert_int_not_equal(status, STRIA_OK);
        assert_non_null(strstr(err.text, cases[i].words));
        assert_null(g);
        assert_int_equal(mem_bytes_now(), before);
    }
}

static void test_external(void **state) {
    file f;
    graph *g;
    float numbers[13];
    (void)state;
    for (int i = 0; i < 13; i++) numbers[i] = (float)i;
    assert_ok(folder_make(in_folder("sub"), &err));
    assert_ok(file_write(in_folder("sub/w.bin"), numbers, sizeof numbers, &err));
    relu_file(&f, 21);
    external(&f, "sub/w.bin");
    Onnx__StringStringEntryProto *both[2] = {f.tensors[0]->external_data[0],
                                             &(Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT};
    both[1]->key = (char *)"offset";
    both[1]->value = (char *)"4";
    f.tensors[0]->external_data = both;
    f.tensors[0]->n_external_data = 2;
    add_output(&f, "z");
    size_t size = onnx__model_proto__get_packed_size(&f.model);
    uint8_t *data = malloc(size);
    onnx__model_proto__pack(&f.model, data);
    assert_ok(file_write(in_folder("m.onnx"), data, size, &err));
    assert_ok(graph_load(&g, in_folder("m.onnx"), 0, &err));
    assert_true(at(g, "w", 0) == 1 && at(g, "w", 11) == 12);
    graph_free(g);
    g = NULL;
    both[1]->value = (char *)"8"; /* 44 bytes are left */
    onnx__model_proto__pack(&f.model, data);
    assert_fails(onnx_read(&g, data, size, in_folder("m.onnx"), &err), STRIA_BAD_FILE,
                 "needs 12 elements, the file has 11");
    free(data);
    arena_release(&f.a);
}

/* Two tensors of 48 bytes in files at these places. */
static stria_status two_places(const char *first, const char *second, stria_error *err) {
    file f;
    graph *g = NULL;
    relu_file(&f, 21);
    external(&f, first);
    Onnx__TensorProto *t = add_tensor(&f, "v", F1, DIMS(4, 3), 0);
    Onnx__StringStringEntryProto p = *f.tensors[0]->external_data[0], *place = &p;
    p.value = (char *)(uintptr_t)second;
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t->n_external_data = 1;
    t->external_data = &place;
    add_node(&f, "MatMul", "y v", "zz");
    add_output(&f, "z");
    add_output(&f, "zz");
    size_t size = onnx__model_proto__get_packed_size(&f.model);
    uint8_t *data = malloc(size);
    onnx__model_proto__pack(&f.model, data);
    stria_status status = onnx_read(&g, data, size, in_folder("m.onnx"), err);
    graph_free(g);
    free(data);
    arena_release(&f.a);
    return status;
}

/* One file by whatever path is one file, and the paths that leave the folder by a link are as bad as "..". */
static void test_external_paths(void **state) {
    char beside[512], below[512];
    external_files files = {.model_file = beside};
    external_file *a, *b;
    float numbers[12] = {0};
    (void)state;
    snprintf(beside, sizeof beside, "%s/m.onnx", model_folder);
    snprintf(below, sizeof below, "%s/model/m.onnx", model_folder);
    size_t before = mem_bytes_now();
    assert_ok(folder_make(in_folder("model/sub"), &err));
    assert_ok(file_write(in_folder("outside.bin"), numbers, sizeof numbers, &err));
    assert_ok(file_write(in_folder("a.bin"), numbers, sizeof numbers, &err));
    assert_int_equal(symlink("a.bin", in_folder("b.bin")) | symlink("../../outside.bin", in_folder("model/sub/out")) |
                         symlink("..", in_folder("model/up")),
                     0);
    assert_ok(two_places("a.bin", "outside.bin", &err));
    assert_ok(two_places("a.bin", "./a.bin", &err)); /* twice is tolerated: tied weights */
    static const char *const names[] = {"a.bin", "./a.bin", ".//a.bin", "b.bin", "model/../a.bin"};
    for (int i = 0; i < 5; i++) {
        stria_error err = {0};
        stria_status status = external_open(i ? &b : &a, &files, names[i], "w", &err);
        assert_int_equal(status, i < 4 ? STRIA_OK : STRIA_BAD_FILE);
        if (i && i < 4) assert_ptr_equal(a, b);
    }
    assert_int_equal(files.count, 1);
    assert_ok(external_open(&b, &files, "outside.bin", "w", &err));
    assert_int_equal(files.count, 2);
    external_files_release(&files);
    files.model_file = below;
    assert_fails(external_open(&b, &files, "sub/out", "w", &err), STRIA_BAD_FILE, "not below the model's folder");
    assert_fails(external_open(&b, &files, "up/a.bin", "w", &err), STRIA_BAD_FILE, "not below the model's folder");
    assert_fails(external_open(&b, &files, "sub/none", "w", &err), STRIA_NO_FILE, "'sub/none', which is not there");
    external_files_release(&files);
    assert_int_equal(mem_bytes_now(), before);
}

/* Six tensors that are the whole of one file, by three paths in turn. */
static void test_external_overlap(void **state) {
    static const char *const locations[] = {"o.bin", "./o.bin", ".//o.bin"};
    char beside[512];
    external_files files = {.model_file = beside};
    Onnx__StringStringEntryProto p = ONNX__STRING_STRING_ENTRY_PROTO__INIT, *place = &p;
    Onnx__TensorProto t = ONNX__TENSOR_PROTO__INIT;
    float numbers[12] = {0};
    int read = 0;
    (void)state;
    snprintf(beside, sizeof beside, "%s/m.onnx", model_folder);
    assert_ok(file_write(in_folder("o.bin"), numbers, sizeof numbers, &err));
    p.key = (char *)"location";
    t.name = (char *)"w";
    t.has_data_type = t.has_data_location = 1;
    t.data_type = F1;
    t.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t.n_dims = t.n_external_data = 1;
    t.dims = (int64_t[]){12};
    t.external_data = &place;
    stria_error err = {0};
    for (; read < 6; read++) {
        tensor *out = NULL;
        p.value = (char *)(uintptr_t)locations[read % 3];
        if (onnx_tensor_decode(&out, &t, false, &files, &err) != STRIA_OK) break;
        tensor_release(out);
    }
    assert_int_equal(read, 2);
    assert_int_equal(err.status, STRIA_BAD_FILE);
    assert_non_null(strstr(err.text, "overlap"));
    external_files_release(&files);
}

/* ---- damage ---- */

static void small_model(text *out) {
    graph *g;
    assert_ok(graph_load(&g, "mlp:hidden=3,size=1x2x2,classes=2", 0, &err));
    assert_ok(onnx_write(g, out, &err));
    graph_free(g);
}

static void damaged(const uint8_t *data, size_t size) {
    graph *g = NULL;
    stria_error why = {0};
    if (onnx_read(&g, data, size, "d.onnx", &why) == STRIA_OK) {
        assert_ok(graph_check(g, &err));
        graph_free(g);
    } else {
        assert_true(why.text[0]);
    }
}

static void test_damage(void **state) {
    text t = {0};
    (void)state;
    small_model(&t);
    size_t before = mem_bytes_now();
    for (size_t i = 0; i < t.length; i++) {
        uint8_t *cut = malloc(i ? i : 1);
        memcpy(cut, t.data, i);
        damaged(cut, i);
        free(cut);
        for (int bit = 0; bit < 8; bit++) {
            t.data[i] = (char)(t.data[i] ^ 1 << bit);
            damaged((const uint8_t *)t.data, t.length);
            t.data[i] = (char)(t.data[i] ^ 1 << bit);
        }
    }
    assert_int_equal(mem_bytes_now(), before);
    text_release(&t);
}

static void test_no_memory(void **state) {
    text t = {0}, out = {0};
    graph *g = NULL;
    (void)state;
    small_model(&t);
    for (int what = 0; what < 2; what++)
        for (long n = 1;; n++) {
            size_t before = mem_bytes_now();
            mem_fail_at(n);
            stria_status status =
                what ? onnx_write(g, &out, NULL) : onnx_read(&g, (const uint8_t *)t.data, t.length, NULL, NULL);
            mem_fail_at(0);
            if (status == STRIA_OK) break;
            text_release(&out);
            assert_int_equal(status, STRIA_NO_MEMORY);
            assert_int_equal(mem_bytes_now(), before);
        }
    assert_memory_equal(t.data, out.data, t.length);
    graph_free(g);
    text_release(&out);
    text_release(&t);
}

/* Many empty nodes, each two bytes in the file, and one sub-message given again and again. */
static void test_bombs(void **state) {
    enum { COUNT = 1 << 20 };
    uint8_t *data = malloc(2 * COUNT + 16), head[] = {0x3a, 0x80, 0x80, 0x80, 0x01};
    graph *g = NULL;
    (void)state;
    memcpy(data, head, sizeof head);
    for (size_t i = 0; i < COUNT; i++) data[5 + 2 * i] = 0x0a, data[6 + 2 * i] = 0;
    assert_fails(onnx_read(&g, data, 5 + 2 * COUNT, "b", &err), STRIA_BAD_FILE, "");
    for (size_t i = 0; i < COUNT; i++) data[2 * i] = 0x3a, data[2 * i + 1] = 0;
    assert_fails(onnx_read(&g, data, 2 * COUNT, "b", &err), STRIA_BAD_FILE,
                 "corrupt at byte 2 of 2097152: field 'graph'");
    free(data);
}

/* ---- tensors alone, inputs known beforehand ---- */

static void test_tensor_file(void **state) {
    Onnx__TensorProto p = ONNX__TENSOR_PROTO__INIT;
    tensor *t;
    char *name;
    uint8_t data[64];
    (void)state;
    p.name = (char *)"x";
    p.has_data_type = 1;
    p.data_type = STRIA_FLOAT64;
    p.n_dims = 1;
    p.dims = (int64_t[]){2};
    p.n_double_data = 2;
    p.double_data = (double[]){0.5, 1e300};
    size_t size = onnx__tensor_proto__pack(&p, data);
    assert_ok(onnx_read_tensor(&t, &name, data, size, &err));
    assert_string_equal(name, "x");
    assert_int_equal(t->type, STRIA_FLOAT64);
    assert_true(((double *)t->data)[1] == 1e300);
    mem_free(name);
    tensor_release(t);
    assert_fails(onnx_read_tensor(&t, NULL, data, size - 1, &err), STRIA_BAD_FILE, "truncated");
}

static void test_known_inputs(void **state) {
    file f;
    graph *g = NULL;
    tensor *t;
    (void)state;
    for (int known = 0; known < 2; known++) {
        file_init(&f, 21);
        add_input(&f, "x", F1, "2 3");
        add_input(&f, "shape", STRIA_INT64, "1");
        add_node(&f, "Reshape", "x shape", "y");
        add_output(&f, "y");
        if (!known) {
            assert_fails(read_file(&g, &f, &err), STRIA_UNSUPPORTED, "must be constant");
            continue;
        }
        assert_ok(tensor_new(&t, STRIA_INT64, &(shape){1, {1}}, "t", &err));
        *(int64_t *)t->data = 6;
        size_t size = onnx__model_proto__get_packed_size(&f.model);
        uint8_t *data = malloc(size);
        onnx__model_proto__pack(&f.model, data);
        bool fixed[2] = {false};
        tensor *floats;
        assert_ok(tensor_new(&floats, STRIA_FLOAT32, &(shape){2, {2, 3}}, "x", &err));
        onnx_known both = {(tensor *[]){floats, t}, fixed, 2};
        assert_ok(onnx_read_known(&g, data, size, "k", &both, &err));
        tensor_release(floats);
        assert_int_equal(g->input_count, 1); /* x decides no shape */
        assert_true(!fixed[0] && fixed[1]);
        assert_int_equal(g->outputs[0]->shape.rank, 1);
        free(data);
        tensor_release(t);
        arena_release(&f.a);
    }
    graph_free(g);
}

/* ---- opening a fixed batch ---- */

static graph *flatten_model(int64_t batch, int64_t first) {
    file f;
    graph *g;
    char dims[32];
    snprintf(dims, sizeof dims, "%lld 2 3", (long long)batch);
    file_init(&f, 21);
    add_input(&f, "x", F1, dims);
    memcpy(add_tensor(&f, "shape", STRIA_INT64, DIMS(2), 16)->raw_data.data, (int64_t[]){first, 6}, 16);
    add_tensor(&f, "w", F1, DIMS(6, 4), 96);
    add_node(&f, "Reshape", "x shape", "r");
    add_node(&f, "MatMul", "r w", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    return g;
}

static void test_rebatch(void **state) {
    (void)state;
    static const int64_t batches[] = {1, 2, 64};
    for (int i = 0; i < 3; i++) {
        graph *g = flatten_model(batches[i], batches[i]), *open, *wide;
        assert_ok(graph_rebatch(&open, g, &err));
        assert_string_equal(open->inputs[0]->symbol[0], "batch");
        assert_int_equal(open->outputs[0]->shape.dim[0], 1);
        assert_ok(graph_copy(open, (const shape *[]){&(shape){3, {17, 2, 3}}}, &wide, &err));
        assert_true(shape_equal(&wide->outputs[0]->shape, &(shape){2, {17, 4}}));
        graph_free(wide);
        graph_free(open);
        graph_free(g);
    }
}

static void test_rebatch_refusals(void **state) {
    file f;
    graph *g, *open = NULL;
    (void)state;
    file_init(&f, 21); /* adds a constant of the batch's size */
    add_input(&f, "x", F1, "4 3");
    add_tensor(&f, "c", F1, DIMS(4, 3), 48);
    add_node(&f, "Add", "x c", "y");
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_fails(graph_rebatch(&open, g, &err), STRIA_UNSUPPORTED, "the batch is fixed");
    graph_free(g);
    file_init(&f, 21); /* mixes the images */
    add_input(&f, "x", F1, "4 3");
    add_ints(&f, add_node(&f, "Transpose", "x", "y"), "perm", DIMS(1, 0));
    add_output(&f, "y");
    assert_ok(read_file(&g, &f, &err));
    assert_fails(graph_rebatch(&open, g, &err), STRIA_UNSUPPORTED, "the batch is fixed");
    graph_free(g);
}

/* ---- ONNX's own test models ---- */

#define TEST_DATA "/usr/share/libonnx-testdata/data/"

static void read_folder(const char *folder, int *good, int *all) {
    char path[1024];
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        uint8_t *data;
        size_t size;
        graph *g = NULL;
        stria_error why = {0};
        snprintf(path, sizeof path, "%s/%s/model.onnx", folder, e->d_name);
        if (e->d_name[0] == '.' || file_read(path, 0, &data, &size, NULL) != STRIA_OK) continue;
        ++*all;
        if (onnx_read(&g, data, size, path, &why) == STRIA_OK) {
            ++*good;
            if (!g->node_count || !*g->nodes[0]->op->domain) round_trip(g);
            graph_free(g);
        } else {
            assert_true(why.text[0]);
        }
        mem_free(data);
    }
    if (dir) closedir(dir);
}

static void test_test_data(void **state) {
    static const char *const folders[] = {TEST_DATA "node", TEST_DATA "simple", TEST_DATA "pytorch-converted",
                                          TEST_DATA "pytorch-operator"};
    int good = 0, all = 0;
    (void)state;
    if (!file_is_folder(TEST_DATA)) {
        print_message("skipped: there is no " TEST_DATA " (package libonnx-testdata)\n");
        skip();
    }
    for (int i = 0; i < 4; i++) read_folder(folders[i], &good, &all);
    print_message("%d of %d models can be read\n", good, all);
    assert_true(all > 1000 && good >= 350);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_odd_graphs),
        cmocka_unit_test(test_training_stays_at_home),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_open_sizes),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_old_opsets),
        cmocka_unit_test(test_old_softmax),
        cmocka_unit_test(test_old_broadcast),
        cmocka_unit_test(test_spatial),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_external),
        cmocka_unit_test(test_external_paths),
        cmocka_unit_test(test_external_overlap),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_tensor_file),
        cmocka_unit_test(test_known_inputs),
        cmocka_unit_test(test_rebatch),
        cmocka_unit_test(test_rebatch_refusals),
        cmocka_unit_test(test_test_data),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
