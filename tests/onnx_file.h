/* ONNX files made by hand: a file is put together in memory and read as if it came from the disk. */
#ifndef TESTS_ONNX_FILE_H
#define TESTS_ONNX_FILE_H

#include "model_support.h"

#include "model/onnx/onnx.h"
#include "onnx.pb-c.h"

/* Everything of a file lives in one arena. */
typedef struct file {
    arena a;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__NodeProto *nodes[256];
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

static inline void file_init(file *f, int64_t opset) {
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

static inline char **words(file *f, const char *list, size_t *count) {
    char **out = arena_alloc(&f->a, sizeof *out * 16), *at = arena_strdup(&f->a, list);
    *count = 0;
    for (char *word = strtok(at, " "); word; word = strtok(NULL, " "))
        out[(*count)++] = strcmp(word, "-") ? word : (char *)"";
    return out;
}

/* add_node(f, "Conv", "x w b", "y") */
static inline Onnx__NodeProto *add_node(file *f, const char *op, const char *in, const char *out) {
    Onnx__NodeProto *n = NEW(f, Onnx__NodeProto, onnx__node_proto__init);
    n->op_type = arena_strdup(&f->a, op);
    n->input = words(f, in, &n->n_input);
    n->output = words(f, out, &n->n_output);
    n->attribute = arena_alloc(&f->a, sizeof(void *) * 8);
    f->nodes[f->graph.n_node++] = n;
    return n;
}

static inline Onnx__AttributeProto *add_attribute(file *f, Onnx__NodeProto *n, const char *name, int type) {
    Onnx__AttributeProto *p = NEW(f, Onnx__AttributeProto, onnx__attribute_proto__init);
    p->name = arena_strdup(&f->a, name);
    p->has_type = 1;
    p->type = (Onnx__AttributeProto__AttributeType)type;
    n->attribute[n->n_attribute++] = p;
    return p;
}

static inline void add_int(file *f, Onnx__NodeProto *n, const char *name, int64_t i) {
    Onnx__AttributeProto *p = add_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    p->has_i = 1;
    p->i = i;
}

static inline void add_ints(file *f, Onnx__NodeProto *n, const char *name, size_t count, const int64_t *list) {
    Onnx__AttributeProto *p = add_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    p->n_ints = count;
    p->ints = arena_copy(&f->a, list, sizeof *list * count);
}

static inline void add_float(file *f, Onnx__NodeProto *n, const char *name, float x) {
    Onnx__AttributeProto *p = add_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    p->has_f = 1;
    p->f = x;
}

static inline Onnx__TensorProto *add_tensor(file *f, const char *name, int type, size_t rank, const int64_t *dims,
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
static inline Onnx__ValueInfoProto *port(file *f, const char *name, int type, const char *dims) {
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

static inline void add_input(file *f, const char *name, int type, const char *dims) {
    f->inputs[f->graph.n_input++] = port(f, name, type, dims);
}
static inline void add_output(file *f, const char *name) {
    f->outputs[f->graph.n_output++] = port(f, name, STRIA_FLOAT32, NULL);
}

static inline void add_metadata(file *f, const char *key, const char *text) {
    Onnx__StringStringEntryProto *p = NEW(f, Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init);
    p->key = arena_strdup(&f->a, key);
    p->value = arena_strdup(&f->a, text);
    f->metadata[f->model.n_metadata_props++] = p;
}

/* Reads the file, from a buffer of just its size, and releases it. */
static inline stria_status read_file(graph **out, file *f, stria_error *err) {
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
static inline void relu_file(file *f, int64_t opset) {
    file_init(f, opset);
    add_input(f, "x", F1, "n 4");
    add_node(f, "Relu", "x", "y");
    add_output(f, "y");
}

/* Adds a product with w[4, 3], whose contents are said to lie at this place. */
static inline void external(file *f, const char *location) {
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

/* Element i of a state or constant of any type. */
static inline double at(const graph *g, const char *name, int64_t i) {
    return tensor_f64(graph_find_value(g, name)->data, i);
}

/* Written and read, the graph is the same; written again, so is the file. */
static inline void round_trip(graph *g) {
    text once = {0}, twice = {0};
    graph *again;
    assert_ok(onnx_write(g, &once, &err));
    assert_ok(onnx_read(&again, (const uint8_t *)once.data, once.length, "again", &err));
    assert_ok(graph_check(again, &err));
    assert_same_graph(g, again, true);
    for (int i = 0; i < g->metadata_count; i++)
        if (strcmp(g->metadata[i].key, "stria.frozen") != 0) /* written again, without names that are not there */
            assert_string_equal(graph_metadata(again, g->metadata[i].key), g->metadata[i].value);
    assert_ok(onnx_write(again, &twice, &err));
    assert_int_equal(once.length, twice.length);
    assert_memory_equal(once.data, twice.data, once.length);
    text_release(&once);
    text_release(&twice);
    graph_free(again);
}

#endif
