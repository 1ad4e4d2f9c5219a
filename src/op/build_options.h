/* A layer that is being built, and its options as text. */
#ifndef OP_BUILD_OPTIONS_H
#define OP_BUILD_OPTIONS_H

#include "op/build.h"

#define LAYER_SIZE_LIMIT INT32_MAX /* of kernels, channels, units */

struct layer_call {
    graph *g;
    const layer_def *layer;
    const char *name;
    value *const *in;
    const int64_t *numbers;
    int number_count;
    const char *option[LAYER_OPTIONS]; /* as text, parallel to layer->options */
    uint64_t seed;
    value *out;
};

/* Takes the next "key=value" off *at; *key is NULL at the end. */
stria_status layer_option_next(graph *g, const char **at, const char **key, const char **text, stria_error *err);
/* All options of a layer of the table, defaults filled in; sets c->name if it is given. */
stria_status layer_options(layer_call *c, const char *options, stria_error *err);

/* An option's text. */
const char *layer_text(const layer_call *c, const char *name);
/* "3" or "3,5": one number for all `rank` (1 or 2) dimensions, or one each. */
stria_status layer_sizes(const layer_call *c, const char *name, int64_t least, int rank, int64_t out[2],
                         stria_error *err);
stria_status layer_int(const layer_call *c, const char *name, int64_t least, int64_t most, int64_t *out,
                       stria_error *err);
/* The one plain number of a layer: channels, units. */
stria_status layer_number(const layer_call *c, int64_t *out, stria_error *err);

stria_status layer_no_memory(stria_error *err);

#endif
