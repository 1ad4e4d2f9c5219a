/* The symbolic graph: values (tensors to be) and nodes (operators applied to values), in topological order by
 * construction. It speaks ONNX's opset GRAPH_OPSET; what ONNX lacks lives in the domain "stria". This folder names no
 * operator: a node points to its rules (op_def). Everything a graph holds lives in its arena, tensors' contents are
 * counted references. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/memory.h"
#include "graph/tensor.h"

#define GRAPH_OPSET 28 /* of the default domain: the newest there is */

typedef struct node node;
typedef struct graph graph;
typedef struct op_def op_def;

typedef enum value_kind {
    VALUE_INPUT,    /* set by the caller before a run */
    VALUE_CONSTANT, /* contents in `data`, never changing */
    VALUE_STATE,    /* kept between runs; first contents in `data` */
    VALUE_NODE      /* computed by `producer` */
} value_kind;

/* The kind of a state, for reports and for its name in a checkpoint. */
typedef enum value_role {
    ROLE_NONE,
    ROLE_PARAMETER, /* trained unless frozen */
    ROLE_STATISTIC, /* running mean and variance */
    ROLE_OPTIMIZER  /* momentum and its kin */
} value_role;

/* Storage order of a dense value: dimension perm[i] is the i-th outermost in memory. Identity is ONNX order;
 * channels-last is 0,2,3,1; batch-last is 1,2,3,0. */
typedef struct layout {
    uint8_t perm[RANK_MAX];
} layout;

typedef struct value {
    int id;           /* index in graph.values */
    const char *name; /* unique in the graph, never NULL */
    value_kind kind;
    value_role role;
    bool frozen;   /* a parameter that is not trained */
    bool optional; /* an input with a default: a constant or state whose contents a session may replace, so nothing is
                    * computed from them before a run */
    dtype type;
    shape shape;                  /* concrete; a symbolic dimension holds the size it was built with */
    const char *symbol[RANK_MAX]; /* of graph inputs: the name of a dimension that may vary ("batch"), else NULL */
    layout layout;                /* identity until the layout pass */
    node *producer;
    int slot;     /* which output of the producer */
    bool updated; /* a state that an update changes */
    tensor *data; /* contents of constants, first contents of states; of a node's output where they are known */
} value;

/* Bytes of a value's elements. */
static inline size_t value_bytes(const value *v) {
    return (size_t)shape_bytes(&v->shape, v->type);
}

/* The operations that a fused node applies after its own operator, in this order: + bias, + residual, activation. */
typedef struct node_epilogue {
    int bias;                 /* index in node.in, −1: none (Conv and Gemm have ONNX's own bias input instead) */
    int residual;             /* index in node.in, −1: none */
    const op_def *activation; /* a unary operator, or NULL */
    const void *activation_attributes;
} node_epilogue;

struct node {
    int id;           /* index in graph.nodes */
    const char *name; /* unique, never NULL; keeps the name of the layer that it came from */
    const op_def *op;
    void *attributes; /* the operator's typed struct */
    int in_count, out_count;
    value **in;      /* NULL where an optional input is absent */
    value **out;     /* NULL where an optional output is absent */
    uint64_t stream; /* random_hash of the original name: keys random numbers */
    node_epilogue epilogue;
    const char *origin; /* "", or the forward node that a gradient node differentiates */
};

typedef struct update {
    value *state, *next; /* after the run, state holds what next was */
} update;

typedef struct metadata {
    const char *key, *value;
} metadata;

struct graph {
    arena arena;
    const char *name;
    value **values;
    node **nodes; /* each after the producers of its inputs */
    value **inputs, **outputs;
    const char **output_names; /* of outputs: the name the world sees; NULL entries: the value's own */
    update *updates;
    metadata *metadata;
    int value_count, node_count, input_count, output_count, update_count, metadata_count;
    int value_capacity, node_capacity, input_capacity, output_capacity, output_name_capacity, update_capacity,
        metadata_capacity;
    struct name_table *names; /* values and nodes by name */
    struct scope *scope;      /* the innermost; NULL: none */
    bool failure_named;       /* the sentence of the failure that came last begins with its layer */
    int64_t known_left;       /* elements that may still be computed ahead (known.h) */
    int64_t infer_left;       /* steps that shape rules may still take (graph.c) */
    const graph *
        copied_from; /* while a graph_map fills this graph: its names are to come, so no fresh one may be one of them */
};

stria_status graph_new(graph **out, const char *name, stria_error *err);
void graph_free(graph *g); /* accepts NULL; releases the tensors */

/* Values. Names are copied and must be new; NULL makes one ("t17"). `data` is retained; for a state NULL means zeros.
 */
stria_status graph_add_input(graph *g, const char *name, dtype type, const shape *shape, value **out, stria_error *err);
stria_status graph_add_constant(graph *g, const char *name, tensor *data, value **out, stria_error *err);
stria_status graph_add_state(graph *g, const char *name, value_role role, tensor *data, value **out, stria_error *err);

/* Appends a node: checks the number of inputs, copies `attributes` (op->attribute_bytes; NULL: defaults), infers the
 * outputs' types and shapes. name NULL: made from the operator's name. out_count 0 means op->out_min; out_names may be
 * NULL. A failure leaves the graph as it was and names the node. */
stria_status graph_add_node(graph *g, const op_def *op, const char *name, value *const *in, int in_count,
                            const void *attributes, int out_count, const char *const *out_names, node **out,
                            stria_error *err);

/* Appends an input of the epilogue, after the operator's own; the caller sets node.epilogue. */
stria_status graph_append_input(graph *g, node *n, value *v, stria_error *err);
/* Inputs of the operator itself: those of the epilogue not counted. */
int node_own_inputs(const node *n);
/* None of its results has an element: there is nothing to compute, however large its other dimensions are. */
bool node_makes_nothing(const node *n);

stria_status graph_add_output(graph *g, value *v, const char *name, stria_error *err);
void graph_remove_output(graph *g, int index);
/* The output's name stays. */
stria_status graph_replace_output(graph *g, int index, value *v, stria_error *err);
stria_status graph_add_update(graph *g, value *state, value *next, stria_error *err);
stria_status graph_set_metadata(graph *g, const char *key, const char *text, stria_error *err);
void graph_drop_metadata(graph *g, const char *key);
const char *graph_metadata(const graph *g, const char *key); /* NULL if there is none */

value *graph_find_value(const graph *g, const char *name); /* NULL if there is none */
node *graph_find_node(const graph *g, const char *name);
/* Unused names in the arena, NULL without memory: "relu", else "relu_2", …; "relu1", "relu2", … */
const char *graph_fresh_name(graph *g, const char *stem);
const char *graph_numbered_name(graph *g, const char *stem);
/* The same for a scope, whose name nothing bears: the next call gives the next number. */
const char *graph_scope_name(graph *g, const char *stem);

/* Scopes: the names of layers that are built between enter and leave begin with the scope's name and '.'; scopes nest.
 * graph_scoped_name: a layer's name in the innermost scope, NULL without memory. Leaving without a scope does nothing.
 */
stria_status graph_scope_enter(graph *g, const char *name, stria_error *err);
void graph_scope_leave(graph *g);
const char *graph_scoped_name(graph *g, const char *name);

/* Contents of a value that are known before any run (a constant that is not an optional input, or computed from
 * constants and shapes: known.h), or NULL. */
const tensor *value_contents(const value *v);

layout layout_identity(void);
layout layout_channels_last(int rank); /* identity for ranks below 3 */
layout layout_batch_last(int rank);
bool layout_equal(const layout *a, const layout *b, int rank);
bool layout_is_identity(const layout *a, int rank);
/* Element strides (pitches) of each logical dimension of a dense tensor stored so. */
void layout_pitches(const layout *l, const shape *s, int64_t stride[RANK_MAX]);

/* Copying with changes, for passes. A pass makes a new graph and walks the old one's nodes in order. */
typedef struct graph_map {
    graph *from, *to;
    value **value; /* by id in `from`: its image in `to`, or NULL */
} graph_map;

/* A new empty graph with from's name and metadata. inputs and states and constants are copied on demand by
 * graph_map_value. */
stria_status graph_map_init(graph_map *m, graph *from, stria_error *err);
/* The image of v: made now if v is an input, constant or state; a node's output must have been copied. NULL gives NULL.
 */
stria_status graph_map_value(graph_map *m, value *v, value **out, stria_error *err);
/* Copies one node (attributes, epilogue, names, layouts of outputs). */
stria_status graph_map_node(graph_map *m, const node *n, node **out, stria_error *err);
/* A composite node as the operators that it consists of; *expanded false: it builds nothing and stays to be copied. */
stria_status graph_map_expand(graph_map *m, const node *n, bool *expanded, stria_error *err);
/* Inputs (all, in order), outputs and updates; then hands the graph over and releases the map. */
stria_status graph_map_finish(graph_map *m, graph **out, stria_error *err);
void graph_map_release(graph_map *m); /* on failure: frees the unfinished graph too */

/* A copy. With input_shapes (one per graph input, NULL entries: as it is) every shape is inferred again. */
stria_status graph_copy(graph *g, const shape *const *input_shapes, graph **out, stria_error *err);

/* Checks what every pass must keep: order, types and shapes as inferred, unique names, outputs present. */
stria_status graph_check(const graph *g, stria_error *err);

#endif
