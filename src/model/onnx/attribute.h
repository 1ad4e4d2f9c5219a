/* AttributeProto ↔ the field table of an operator's attributes. */
#ifndef MODEL_ONNX_ATTRIBUTE_H
#define MODEL_ONNX_ATTRIBUTE_H

#include "graph/op_def.h"
#include "model/onnx/tensor.h"

const Onnx__AttributeProto *onnx_attribute_find(const Onnx__NodeProto *n, const char *name); /* or NULL */

/* Fills `attributes` (op->attribute_bytes) from the node's, with defaults where it has none. Lists point into n or the
 * arena. Tensors are the caller's: onnx_attributes_release. Sentences do not name the node. */
stria_status onnx_attributes_decode(const op_def *op, void *attributes, const Onnx__NodeProto *n, external_files *files,
                                    arena *a, stria_error *err);
void onnx_attributes_release(const op_def *op, void *attributes);

/* All fields that are not at their default; *list of *count, in the arena, pointing into `attributes`. */
stria_status onnx_attributes_encode(const op_def *op, const void *attributes, Onnx__AttributeProto ***list,
                                    size_t *count, arena *a, stria_error *err);

#endif
