/* Pictures that a loader keeps between epochs, so that files are decoded once: in what memory it may take, those that
 * come first. Any number of threads; what is kept does not change. */
#ifndef DATA_KEPT_H
#define DATA_KEPT_H

#include "base/error.h"
#include "data/image.h"

typedef struct kept kept;

/* Makes a cache for this many items, with at most this many bytes of pictures. */
stria_status kept_new(kept **out, int64_t items, size_t most_bytes, stria_error *err);
void kept_free(kept *k); /* accepts NULL */

/* The item's picture or values, or NULL; as long as the loader lives. */
const image *kept_image(const kept *k, int64_t item);
const float *kept_values(const kept *k, int64_t item);
/* Takes the picture over and returns true, or does not where there is no room or somebody was faster. */
bool kept_take(kept *k, int64_t item, image *m);
/* Copies the values, where there is room. */
void kept_copy(kept *k, int64_t item, const float *values, int64_t count);

size_t kept_bytes(const kept *k); /* that are taken */

#endif
