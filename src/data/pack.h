/* A dataset as WebDataset shards (source_wds.c reads them). */
#ifndef DATA_PACK_H
#define DATA_PACK_H

#include "data/dataset.h"

typedef bool pack_progress(int64_t done, int64_t of, void *context);

/* PREFIX-000000.tar and so on, each atomically, with at most per_shard pictures, in an order that (seed 0) mixes the
 * classes: KEY.jpg as the file is, or .pgm/.ppm of pictures that no file holds alone, and KEY.cls with the class's
 * number; classes.txt beside them. *shards: how many there are. STRIA_BAD_ARGUMENT for measured values and pictures of
 * other channels than 1 and 3, STRIA_BAD_FILE where a classes.txt names others, STRIA_INTERRUPTED where progress (NULL:
 * none) says so, and errors of reading and writing. */
stria_status dataset_pack(const dataset *d, const char *prefix, int64_t per_shard, pack_progress *progress,
                          void *context, int64_t *shards, stria_error *err);

#endif
