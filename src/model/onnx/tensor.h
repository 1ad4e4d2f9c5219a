/* TensorProto ↔ tensor. */
#ifndef MODEL_ONNX_TENSOR_H
#define MODEL_ONNX_TENSOR_H

#include "graph/tensor.h"
#include "model/external.h"

#include "onnx.pb-c.h"

/* Our name for an ONNX type. Refuses what Stria has not, by name. */
stria_status onnx_type(int32_t onnx, dtype *out, const char *what, const char *name, stria_error *err);

/* files NULL: external data is refused. */
stria_status onnx_tensor_decode(tensor **out, const Onnx__TensorProto *p, external_files *files, stria_error *err);

/* Points into t and `name`; `p->dims` is the caller's to provide (t->shape.rank numbers). */
void onnx_tensor_encode(Onnx__TensorProto *p, const tensor *t, const char *name, int64_t *dims);

#endif
