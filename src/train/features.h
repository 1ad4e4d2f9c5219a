/* The frozen part of a model, run once over a dataset: its results are kept, and training goes on from them. */
#ifndef TRAIN_FEATURES_H
#define TRAIN_FEATURES_H

#include "run/machine.h"
#include "train/classifier.h"

#define FEATURES_MAX   ((int64_t)1 << 30) /* bytes that are kept at most */
#define FEATURES_BATCH 32                 /* of the loader that features are computed from */

/* A model cut in two where its frozen part ends. */
typedef struct features {
    graph *body; /* from the picture to the features */
    graph *rest; /* from the features, as a picture of `shape`, to the outputs; parameters keep their names */
    int shape[3];
} features;

/* Cuts where one value carries all that the rest learns from: computed from the picture by nodes that draw no random
 * numbers and read frozen variables only, and at least one of these. *found false: there is no such value. */
stria_status features_cut(graph *model, features *out, bool *found, stria_error *err);
void features_release(features *f); /* of a zeroed one, too */
/* Bytes of one item. */
int64_t features_bytes(const features *f);

/* Runs the body over the loader's first epoch (picture_input_loader of the whole model with a batch of FEATURES_BATCH,
 * not shuffled) into values[count][shape]. progress may be NULL; false stops with STRIA_INTERRUPTED. The same bits for
 * any number of threads. */
stria_status features_fill(const features *f, loader *l, const kernel_set *ks, pool *pool, float *values,
                           bool (*progress)(void *context), void *context, stria_error *err);

#endif
