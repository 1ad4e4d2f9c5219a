/* Graph → graph. Each pass is one file; all keep what graph_check checks. */
#ifndef TRANSFORM_TRANSFORM_H
#define TRANSFORM_TRANSFORM_H

#include "graph/target.h"
#include "op/op.h"

/* Reverse-mode differentiation: appends to g the nodes that compute dx[i] = d(Σ y) / d x[i], of x[i]'s shape and type;
 * NULL where y does not depend on x[i]. An operator without a gradient on the way is refused by name.
 * (Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323, 1986.) */
stria_status autodiff(graph *g, value *y, value *const *x, int count, value **dx, stria_error *err);
/* Guided backpropagation: the same, but a rectifier (Relu, or Clip from 0) passes back only what is positive. Where
 * none is met between y and any x it is refused: it would be the gradient. (Springenberg, Dosovitskiy, Brox,
 * Riedmiller, "Striving for simplicity: the all convolutional net", ICLR workshop 2015, section 3.4.) */
stria_status autodiff_guided(graph *g, value *y, value *const *x, int count, value **dx, stria_error *err);

/* Passes that replace *g by a new graph; on failure *g stays as it was. */
typedef stria_status pass(graph **g, stria_error *err);

/* float16 and bfloat16 values become float32, but for inputs (cast when they come in) and outputs (rounded when they
 * leave); variables are float32 then, too. */
pass pass_precision;
/* Every floating value, inputs and outputs as well, becomes float32: how a model is trained and fed with pictures. */
pass graph_float32;
/* Expands composite operators, drops what reaches neither an output nor an update, and operators that do nothing. */
pass pass_prune;
/* Drops what reaches neither an output nor an update, and changes nothing else. */
pass pass_reach;
/* Computes what depends on constants only, by the reference (in float64). States are variables here. */
pass pass_fold;
/* Batch normalisation by fixed statistics goes into the weights and bias of the product before it. Where variables
 * change between runs other than by the graph's own updates (several programs share them), not to be used. */
pass pass_fold_norm;
/* From evaluation to training: batch normalisation by the batch's statistics, with updates of the running ones (but of
 * frozen ones), dropout that drops. */
pass pass_training;
/* Padding with zeros (a maximum: with −∞) becomes the pads of the convolution or pooling after it. */
pass pass_pad;
/* Changes a training step whose first `forward` nodes are not gradients: it computes parts of them again for the
 * gradients instead of keeping all results. The same bits in less memory and more time. */
stria_status pass_recompute(graph **g, int forward, stria_error *err);
/* Passes for the backend that will run the graph. */
/* Puts additions of a bias or a residual and activations into the epilogue of the product before them. */
stria_status pass_fuse(graph **g, const target *target, stria_error *err);
/* Chooses storage orders for image tensors and places Reorder nodes. */
stria_status pass_layout(graph **g, const target *target, stria_error *err);

#endif
