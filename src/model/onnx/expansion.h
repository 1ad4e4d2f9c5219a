/* Shared by function.c and branch.c: they replace nodes that stand for others before the rest of the import sees the
 * file. */
#ifndef MODEL_ONNX_EXPANSION_H
#define MODEL_ONNX_EXPANSION_H

#include "model/onnx/importer.h"

#define DEPTH_MAX 32 /* of calls and branches in each other */

typedef struct expansion {
    importer *im;
    Onnx__NodeProto **nodes;
    int node_capacity, opset_capacity, branch_capacity, count, calls, depth;
    int branch; /* that the nodes at hand stand in, −1: none */
    int64_t words, work;
    size_t bytes;
    char *between; /* a prefix and a name: more slashes than any name of the file has in a row, so that none is met */
    const Onnx__FunctionProto *stack[DEPTH_MAX]; /* NULL: a branch */
    Onnx__TensorProto **tensors;                 /* initialisers of branches */
    int tensor_count, tensor_capacity;
} expansion;

/* A call or a branch: names of the body → names outside. */
typedef struct scope {
    const Onnx__FunctionProto *f; /* NULL: a branch, or the graph itself */
    const Onnx__NodeProto *call;
    const char *prefix;
    int64_t opset;
    const struct scope *outer; /* of a branch, whose nodes read what is there; else NULL */
    const char **own;          /* of a branch: the names that it makes, sorted */
    size_t own_count;
} scope;

/* function.c */
stria_status expansion_no_memory(const expansion *e, stria_error *err);
/* Counts names that are gone through or copied; fails where they are more than a file may cost. */
stria_status expansion_words(expansion *e, size_t count, stria_error *err);
stria_status expansion_spend(expansion *e, size_t comparisons, stria_error *err);
char *expansion_outside(expansion *e, const scope *s, const char *name);
stria_status expansion_node_map(expansion *e, const scope *s, const Onnx__NodeProto *from, Onnx__NodeProto **out,
                                stria_error *err);
stria_status expansion_node(expansion *e, const scope *s, Onnx__NodeProto *n, stria_error *err);
stria_status expansion_append(expansion *e, Onnx__NodeProto *n, int64_t opset, stria_error *err);
/* The most slashes in a row in names of these nodes, with those in their branches. */
stria_status expansion_slashes(importer *im, Onnx__NodeProto *const *nodes, size_t count, int depth, size_t *most,
                               stria_error *err);

/* branch.c */
int branch_name_order(const void *a, const void *b);
bool branch_is_if(const Onnx__NodeProto *n);
/* The graph that an attribute holds, decoded; it lives as long as the importer. */
stria_status branch_graph(importer *im, const Onnx__NodeProto *n, const char *key, Onnx__GraphProto **out,
                          stria_error *err);
/* Both branches of an If, then the If itself. Names of its inputs and outputs are already those of the graph. */
stria_status branch_expand(expansion *e, const scope *s, Onnx__NodeProto *n, stria_error *err);

#endif
