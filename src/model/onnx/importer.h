/* Shared by the parts of the import: import.c (the whole), function.c (functions become nodes), scan.c (who makes
 * what), node.c (one node), upgrade.c (opsets). */
#ifndef MODEL_ONNX_IMPORTER_H
#define MODEL_ONNX_IMPORTER_H

#include "model/dims.h"
#include "model/onnx/attribute.h"
#include "model/onnx/onnx.h"

#define OPSET_OLDEST 1
#define OPSET_NEWEST GRAPH_OPSET

typedef enum definition_kind { FROM_INPUT, FROM_INITIALIZER, FROM_NODE } definition_kind;

/* A name of the file and what gives it its value. */
typedef struct definition {
    const char *name;
    definition_kind kind;
    int index;       /* in graph.input, graph.initializer, graph.node */
    bool used;       /* by a node or as an output */
    bool optional;   /* an initialiser that is also an input: its contents are a default */
    bool decides;    /* a shape rule reads its contents, or what is computed from them */
    value_role role; /* of an initialiser that becomes a state */
    tensor *data;    /* of an initialiser */
    value *value;    /* in the graph that is being built */
} definition;

/* One side of an If, whose nodes stand among the others: they are built if the condition holds (or does not). */
typedef struct branch {
    const char *condition; /* a name of the file */
    bool side;
    int outer; /* the branch that the If itself stands in; −1: none */
} branch;

/* The graph of a branch, once it is decoded from the bytes of an attribute. */
typedef struct branch_decoded {
    const uint8_t *bytes;
    Onnx__GraphProto *graph;
} branch_decoded;

typedef struct importer {
    Onnx__ModelProto *model;
    Onnx__GraphProto *file;
    int64_t opset;   /* of ONNX's own domain, of the node at hand */
    int64_t *opsets; /* of each node, where functions have others; NULL: all the model's */
    branch *branches;
    int *branch_of; /* of each node: index in branches, −1: none; NULL: there are no branches */
    int branch_count, branch_capacity;
    branch_decoded *graphs;
    int graph_count, graph_capacity;
    size_t graph_bytes;  /* that may still be decoded */
    size_t file_tensors; /* initialisers of the file's own graph; those of branches come after */
    onnx_known known;    /* contents of inputs that are given before */
    external_files files;
    arena arena;
    definition *definitions;
    int definition_count;
    int *slots; /* hash table of definitions by name: index + 1, 0 is free */
    size_t slot_mask;
    int *order;      /* of nodes: each after those that it reads */
    graph *g;        /* being built */
    int *given;      /* of each input that is not an initialiser: the index of its contents in `known`, −1: none */
    dims_used used;  /* of known.dims */
    int64_t first;   /* size of open first dimensions */
    int64_t nominal; /* of those after the first */
    int fresh;       /* counts made-up names */
    bool all_fixed;  /* optional inputs become constants: an operator needs the contents of one */
} importer;

/* function.c: im->file with the bodies of the model's functions in place of the nodes that call them, and with the
 * nodes of both sides of each If before it. */
stria_status functions_expand(importer *im, stria_error *err);
/* branch.c. Whether the node of the file is to be built: the conditions of all branches that it stands in say so. */
stria_status branch_taken(const importer *im, int node, bool *taken, stria_error *err);
/* An If whose branches are built: its outputs are those of the side that its condition names. */
stria_status branch_join(importer *im, const Onnx__NodeProto *n, stria_error *err);
/* Which branches were taken, as one number. */
uint64_t branch_decisions(const importer *im);
/* conditions[branch_count]: by which value each branch that could be taken was decided; NULL: none of a node. */
void branch_conditions(const importer *im, const value **conditions);
/* branch_batch.c. Once the graph is built: STRIA_UNSUPPORTED where a condition follows from a batch that is open. */
stria_status branches_check(importer *im, stria_error *err);
void branches_free(importer *im);
/* import.c: of ONNX's own domain, among these. */
stria_status opset_among(Onnx__OperatorSetIdProto *const *list, size_t count, int64_t standard, int64_t *out,
                         stria_error *err);

/* scan.c */
stria_status scan_definitions(importer *im, stria_error *err);
stria_status scan_order(importer *im, stria_error *err);
void scan_roles(importer *im);
void scan_shapes(importer *im);                                    /* marks what decides shapes */
definition *definition_find(const importer *im, const char *name); /* NULL if there is none */
static inline bool name_given(const char *name) {
    return name && *name;
}

/* import.c: builds the graph again, of another size for open batches and for other open dimensions. */
stria_status import_again(importer *im, int64_t first, int64_t nominal, stria_error *err);
/* import.c: puts it into the graph, unless it is there: a branch's, when a node that is built reads it. */
stria_status import_initializer(importer *im, definition *d, stria_error *err);
/* import.c: a name fit to be shown and not yet taken in the graph; NULL without memory. */
const char *import_value_name(importer *im, const char *name);
const char *import_node_name(importer *im, const char *name);

/* upgrade.c: a node of the file in GRAPH_OPSET's words. Attributes that are inputs today are in `input`. */
typedef struct upgraded {
    Onnx__NodeProto node; /* a shallow copy */
    struct {
        const char *name; /* of the old attribute; NULL: none */
        tensor *data;
    } input[8];
    int input_count; /* 1 + the last */
} upgraded;
stria_status upgrade_node(importer *im, const Onnx__NodeProto *n, upgraded *out, stria_error *err);
void upgrade_release(upgraded *u);

/* node.c: appends one node of the file, or what stands for it, to im->g. */
stria_status import_node(importer *im, const Onnx__NodeProto *n, stria_error *err);
/* A constant of the graph; the reference to `data` is given away. */
stria_status import_constant(importer *im, const char *stem, tensor *data, value **out, stria_error *err);

/* old_operators.c: operators that have another name or other inputs today. */
stria_status old_operator_rename(importer *im, upgraded *u, stria_error *err);
/* The same file: meanings that changed. May put nodes before this one (changing in[]) and change its attributes.
 * Where a Reshape must follow, *after is its shape, as a constant; else NULL. */
stria_status old_operator_before(importer *im, upgraded *u, const char *name, value **in, int in_count, value **after,
                                 stria_error *err);

/* "'conv1' (Conv)", for sentences; a node without a name is called by its output. Returns buffer. */
const char *node_label(const Onnx__NodeProto *n, char buffer[256]);

#endif
