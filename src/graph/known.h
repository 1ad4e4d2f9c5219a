/* Contents that are known before any run. Exporters write a Reshape's shape as Shape → Gather → Concat of its input;
 * once the shapes are concrete such chains are constants, and the rules that read them (value_inputs) must see them. */
#ifndef GRAPH_KNOWN_H
#define GRAPH_KNOWN_H

#include "graph/op_def.h"

#define KNOWN_MAX   1024               /* elements of a tensor: this is for shapes, axes and sizes, not for weights */
#define KNOWN_TOTAL ((int64_t)1 << 22) /* elements of all that a graph's nodes have been computed to */

/* Computes the contents of the node's outputs (value.data) if all that it reads is known and small, and *left
 * (elements) is enough for them; takes them off. A rule that refuses its contents leaves them unknown: the run will say
 * why. The only failure is STRIA_NO_MEMORY. */
stria_status node_know(node *n, int64_t *left, stria_error *err);

#endif
