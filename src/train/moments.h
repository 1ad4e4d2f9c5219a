/* Mean and standard deviation of the training pictures, for a network that is trained from the start. */
#ifndef TRAIN_MOMENTS_H
#define TRAIN_MOMENTS_H

#include "base/pool.h"
#include "data/dataset.h"
#include "graph/graph.h"

/* Returns true if a new network should get those of these data: it says nothing of scale, mean and std yet, and the
 * data are pictures in files. Small pictures of named datasets are scaled to 0…1, which their recipes assume. */
bool moments_wanted(const graph *g, const dataset *d);
/* Stores both as metadata, per channel, over at most 512 pictures that are spread evenly over the data, as
 * preprocessing makes them. A channel of one value alone gets std 1. */
stria_status moments_store(graph *g, const dataset *d, pool *workers, stria_error *err);

#endif
