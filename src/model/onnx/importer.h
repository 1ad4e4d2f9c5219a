/* What the parts of the import share: import.c (the whole), function.c (functions become nodes), scan.c (who makes
 * what), node.c (one node), upgrade.c (opsets). */
#ifndef MODEL_ONNX_IMPORTER_H
#define MODEL_ONNX_IMPORTER_H

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
    bool decides;    /* a shape rule reads its contents, or what is computed from them */
    value_role role; /* of an initialiser that becomes a state */
    tensor *data;    /* of an initialiser */
    value *value;    /* in the graph that is being built */
} definition;

typedef struct importer {
    Onnx__ModelProto *model;
    Onnx__GraphProto *file;
    int64_t opset;    /* of ONNX's own domain, of the node at hand */
    int64_t *opsets;  /* of each node, where functions have others; NULL: all the model's */
    onnx_known known; /* contents of inputs that are given before */
    external_files files;
    arena arena;
    definition *definitions;
    int definition_count;
    int *slots; /* hash table of definitions by name: index + 1, 0 is free */
    size_t slot_mask;
    int *order;      /* of nodes: each after those that it reads */
    graph *g;        /* being built */
    int64_t nominal; /* size of open dimensions after the first */
    int fresh;       /* counts made-up names */
} importer;

/* function.c: im->file with the bodies of the model's functions in place of the nodes that call them. */
stria_status functions_expand(importer *im, stria_error *err);
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
