/* ONNX files: bytes ↔ graph. Since the graph speaks ONNX, reading is checking and looking up, writing is nearly a copy.
 */
#ifndef MODEL_ONNX_ONNX_H
#define MODEL_ONNX_ONNX_H

#include "base/text.h"
#include "graph/graph.h"
#include "model/dims.h"

#define ONNX_BYTES_MAX (((size_t)1 << 31) - 1) /* of a message: protobuf's limit */
/* Fails with STRIA_BAD_FILE for more bytes: "WHAT 3,221,225,472 bytes, an ONNX file holds at most …ADVICE". */
stria_status onnx_bytes_check(uint64_t bytes, const char *what, const char *advice, stria_error *err);
/* The same for a regular file, before any of it is read. */
stria_status onnx_size_check(const char *path, stria_error *err);

/* From the bytes of a ModelProto. file_name stands in sentences and says where external weights lie (NULL: the current
 * folder). Older opsets are translated to GRAPH_OPSET. Types stay what the file says.
 *
 * An initialiser that is also an input (IR version 4 and later) becomes a constant or state that is an optional input,
 * unless an operator needs its contents while the graph is built.
 *
 * A float initialiser that reaches a learnable input, also through a view, becomes a parameter, or a statistic; others
 * become constants. Metadata that decides otherwise, each a list of names with commas between: stria.parameters,
 * stria.statistics, stria.constants, stria.frozen. Dimensions that the file leaves open keep their name (or get one) in
 * value.symbol and have the nominal size 1, or 224 for those after the first where the network cannot do with 1. */
stria_status onnx_read(graph **out, const uint8_t *data, size_t size, const char *file_name, stria_error *err);

/* The same with contents of the first inputs known beforehand (NULL: not). Those that decide a shape (Reshape's shape,
 * Slice's starts, or what these are computed from) become constants and set fixed[i]; the others stay inputs, with all
 * dimensions as their contents have them. */
typedef struct onnx_known {
    tensor *const *contents;
    bool *fixed;
    int count;
    const char *const *names; /* whose contents they are: those without an input's name belong to the other inputs, in
                                 order; only open dimensions get their sizes. NULL: of the first inputs, whatever the
                                 file says of their shapes */
    bool keep_batch;          /* open first dimensions stay so */
    bool by_contents;         /* whatever the file's name ends in; model/model.h */
    bool no_files;            /* the model came from memory: weights in other files are refused */
    const char *dims;         /* well-formed sizes of open dimensions (model/dims.h) */
    dims_used *used;          /* which of them something was found for; NULL: not wanted */
} onnx_known;
stria_status onnx_read_known(graph **out, const uint8_t *data, size_t size, const char *file_name,
                             const onnx_known *known, stria_error *err);

/* Appends a ModelProto of the lowest opset that can say the graph (opset.h). Refuses what only training has: updates,
 * optimiser states, operators of domain "stria", fused nodes. */
stria_status onnx_write(const graph *g, text *out, stria_error *err);
/* The same of this opset, in whose words newer operators are spelt where that is possible; 0: the lowest. */
stria_status onnx_write_opset(const graph *g, int opset, text *out, stria_error *err);

/* A TensorProto alone, as in a .pb file of a test case. *name (mem_free) is "" if it has none; NULL: not wanted. */
stria_status onnx_read_tensor(tensor **out, char **name, const uint8_t *data, size_t size, stria_error *err);
/* Appends a TensorProto of this name ("": none). */
stria_status onnx_write_tensor(const tensor *t, const char *name, text *out, stria_error *err);

#endif
