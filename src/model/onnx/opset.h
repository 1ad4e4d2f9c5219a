/* The lowest opset that can say a graph, and graphs spelt for an opset. */
#ifndef MODEL_ONNX_OPSET_H
#define MODEL_ONNX_OPSET_H

#include "graph/op_def.h"

struct Onnx__NodeProto;

#define OPSET_WRITTEN 13 /* at least: older ones say lists of axes otherwise */

/* Nodes, and values of newer types, may ask for more. 0: not enough memory to tell. */
int opset_needed(const graph *g);
int opset_of_node(const node *n);
/* The version of the file format that belongs to it. */
int opset_ir_version(int opset);

/* A copy for a file of this opset (0: the lowest, with Swish and RMSNormalization spelt out, which few programs know):
 * composites of ours become what they consist of, operators that the opset lacks their formulas, where we have one;
 * auto_pad becomes pads where the sizes of the windows' input are fixed. STRIA_UNSUPPORTED, with the layer's name, for
 * what the opset cannot say. spell.c */
stria_status opset_spell(const graph *g, int opset, graph **out, stria_error *err);

/* The axes of a Reduce operator whose opset wants them as an attribute, if they are known: NULL where they stand as an
 * input. */
const tensor *opset_axes_attribute(const node *n, int opset);
/* By value: constants all of whose uses are such lists. */
void opset_inlined(const graph *g, int opset, bool *inlined);
/* Puts the list into the message, in place of the input; false: no memory. */
bool opset_axes_write(struct Onnx__NodeProto *p, const tensor *axes, arena *a);

#endif
