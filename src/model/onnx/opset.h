/* The lowest opset that can say a graph. */
#ifndef MODEL_ONNX_OPSET_H
#define MODEL_ONNX_OPSET_H

#include "graph/op_def.h"

#define OPSET_WRITTEN 21 /* at least: what every reader of today has */

/* Nodes, and values of newer types, may ask for more. */
int opset_needed(const graph *g);
/* The version of the file format that belongs to it. */
int opset_ir_version(int opset);

#endif
