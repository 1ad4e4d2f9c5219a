/* Gradients of an output: stria run --grad. */
#ifndef CLI_GRADIENT_H
#define CLI_GRADIENT_H

#include "cli/options.h"
#include "cli/tensors.h"

/* The gradients of output `of` (its elements summed, or weighed by the array in `seed`, NULL or a file) with respect to
 * `wrt` (names with commas; NULL: all floating inputs and parameters), at these inputs. The
 * gradients stand after the model's outputs, in the order of wrt; that of x is called d.x. */
stria_status gradient_run(const stria_model *model, const tensors_way *way, const tensors *inputs, const char *of,
                          const char *wrt, const char *seed, tensors *outputs, stria_error *error);

#endif
