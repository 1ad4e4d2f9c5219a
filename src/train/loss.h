/* The training loss: a weighted sum of losses, each of one output of the model. */
#ifndef TRAIN_LOSS_H
#define TRAIN_LOSS_H

#include "train/classifier.h"

#define LOSS_STANDARD "cross_entropy"

/* A spec is terms joined by +, each NAME[:key=value,…]: a loss of the table below with its layer's options, and
 *   output=NAME or NUMBER  of the model it judges: the first unless said; others are auxiliary heads
 *   weight=X               in the sum: 1 unless said
 *   label_smoothing=X      the share of each label that all classes get evenly: 0 unless said; not of hinge
 * as in cross_entropy:label_smoothing=0.1+cross_entropy:output=aux1,weight=0.3. */
stria_status loss_check(const char *spec, stria_error *err);

/* From a copy of a model (picture_input_copy) whose labels are int64 [batch], or float32 [batch, classes] for shares of
 * classes, which hinge does not take: the scalar that spec means. class_weights: NULL, or what the loss of each class's
 * pictures counts; a mean is then divided by the weights' sum (ONNX, PyTorch). A smoothed label's weights are those of
 * all classes in cross_entropy, as PyTorch has it, and its own class's elsewhere. */
stria_status loss_build(graph *g, const char *spec, const double *class_weights, value *labels, value **loss,
                        stria_error *err);

/* The same where outputs are values and the target has their shape: squared_error, absolute_error, huber, euclidean,
 * and binary_cross_entropy of an output of sigmoids, where targets are 0…1 (unit). STRIA_BAD_ARGUMENT for what is for
 * classes. */
stria_status loss_build_values(graph *g, const char *spec, bool unit, value *target, value **loss, stria_error *err);

#endif
