/* Names of a model's classes, in its metadata and against those of a dataset. */
#ifndef TRAIN_CLASS_NAMES_H
#define TRAIN_CLASS_NAMES_H

#include "data/dataset.h"
#include "graph/graph.h"

/* One name per line, in the order of the output. In a name, a backslash is \\, a line feed \n, a carriage return \r,
 * and a byte that is not part of UTF-8 is \xHH; other backslashes stand for themselves when read. */
#define CLASS_NAMES_KEY "stria.classes"

/* Names of classes 0…classes−1, any bytes but NUL: what the metadata say, or a class's number where they give no name.
 * Names that occur more than once get the number of their class, "crane (134)", so that all of them differ. *out is one
 * block of memory (mem_free). STRIA_NO_MEMORY. */
stria_status class_names_of(const graph *g, int64_t classes, char ***out, stria_error *err);

/* Stores names[count]. STRIA_NO_MEMORY. */
stria_status class_names_store(graph *g, const char *const *names, int64_t count, stria_error *err);

/* permutation[i]: the model's class for dataset class i, matched by name, never by index, where the model has names;
 * else i. STRIA_BAD_ARGUMENT for a class that the model does not know, or knows more than once; STRIA_BAD_SHAPE for
 * more classes than a model without names has. */
stria_status class_names_match(const graph *g, int64_t classes, const dataset *d, int64_t *permutation,
                               stria_error *err);

#endif
