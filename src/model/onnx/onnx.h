/* ONNX files: bytes ↔ graph. Since the graph speaks ONNX, reading is checking and looking up, writing is nearly a copy.
 */
#ifndef MODEL_ONNX_ONNX_H
#define MODEL_ONNX_ONNX_H

#include "base/text.h"
#include "graph/graph.h"

/* From the bytes of a ModelProto. file_name stands in sentences and says where external weights lie (NULL: the current
 * folder). Older opsets are translated to GRAPH_OPSET. Types stay what the file says.
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
} onnx_known;
stria_status onnx_read_known(graph **out, const uint8_t *data, size_t size, const char *file_name,
                             const onnx_known *known, stria_error *err);

/* Appends a ModelProto of the lowest opset that can say the graph (opset.h). Refuses what only training has: updates,
 * optimiser states, operators of domain "stria", fused nodes. */
stria_status onnx_write(const graph *g, text *out, stria_error *err);

/* A TensorProto alone, as in a .pb file of a test case. *name (mem_free) is "" if it has none; NULL: not wanted. */
stria_status onnx_read_tensor(tensor **out, char **name, const uint8_t *data, size_t size, stria_error *err);

#endif
