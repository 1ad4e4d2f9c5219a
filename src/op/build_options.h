/* A layer that is being built, and its options as text. */
#ifndef OP_BUILD_OPTIONS_H
#define OP_BUILD_OPTIONS_H

#include "base/spec.h"
#include "op/build.h"
#include "op/window.h"

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

/* Copies the next pair of a list of options into the arena; *key is NULL at the end. */
stria_status layer_option_next(graph *g, spec *s, const char **key, const char **text, stria_error *err);
/* All options of a layer of the table, defaults filled in; sets c->name if it is given. */
stria_status layer_options(layer_call *c, const char *options, stria_error *err);

/* An option's text; NULL if the layer has no such option. */
const char *layer_text(const layer_call *c, const char *name);
/* "3" or "3,5": one number for all `rank` (1 or 2) dimensions, or one each. */
stria_status layer_sizes(const layer_call *c, const char *name, int64_t least, int rank, int64_t out[2],
                         stria_error *err);
/* "3,5,7": how many numbers of `least` or more, at most `most`; 0 if it is not that. */
int layer_numbers(const layer_call *c, const char *name, int64_t least, int most, int64_t *out);
stria_status layer_int(const layer_call *c, const char *name, int64_t least, int64_t most, int64_t *out,
                       stria_error *err);
/* The one plain number of a layer: channels, units. */
stria_status layer_number(const layer_call *c, int64_t *out, stria_error *err);

stria_status layer_no_memory(stria_error *err);

/* ---- parts of layers (build_parts.c) ---- */

/* "NAME.suffix", in the arena. */
stria_status layer_part_name(const layer_call *c, const char *suffix, const char **out, stria_error *err);
stria_status layer_add_named(layer_call *c, const op_def *op, const char *name, value *const *in, int count,
                             const void *attributes, value **out, stria_error *err);
/* The layer's own operator, which gives c->out. */
stria_status layer_add(layer_call *c, value *const *in, int count, const void *attributes, stria_error *err);

/* NAME.suffix, initialised as `init` says. */
stria_status layer_parameter(layer_call *c, const char *suffix, const char *init, dtype type, const shape *s,
                             value **out, stria_error *err);
/* The weights, as the option init says, and unless the option bias says 0 so many biases (else NULL). */
stria_status layer_parameters(layer_call *c, dtype type, const shape *weight, int64_t biases, value *wb[2],
                              stria_error *err);

/* Spatial dimensions of the input, 1 or 2. */
stria_status layer_image_rank(const layer_call *c, int *rank, stria_error *err);

/* The options kernel, stride, dilation (if the layer has it) and padding as attributes, whose lists live in the store.
 */
typedef struct layer_window_store {
    int64_t kernel[2], stride[2], dilation[2], pads[4];
} layer_window_store;
stria_status layer_window(const layer_call *c, int rank, window_attributes *w, layer_window_store *s, stria_error *err);
/* The pads, whatever words gave them. */
stria_status layer_pads(const layer_call *c, int rank, window_attributes *w, layer_window_store *s, stria_error *err);

/* build_conv.c */
stria_status layer_conv(layer_call *c, stria_error *err);
stria_status layer_conv_transpose(layer_call *c, stria_error *err);
stria_status layer_separable_conv(layer_call *c, stria_error *err);
stria_status layer_local_conv(layer_call *c, stria_error *err);

/* ---- build_block.c: several layers in a scope that is called like the block ---- */

stria_status layer_block_conv(layer_call *c, stria_error *err);
stria_status layer_block_residual(layer_call *c, stria_error *err);
stria_status layer_block_bottleneck(layer_call *c, stria_error *err);
stria_status layer_block_separable(layer_call *c, stria_error *err);
stria_status layer_block_inverted(layer_call *c, stria_error *err);
stria_status layer_block_fire(layer_call *c, stria_error *err);
stria_status layer_block_inception(layer_call *c, stria_error *err);

/* ---- build_activation.c ---- */

stria_status layer_build_activation(layer_call *c, stria_error *err);
stria_status layer_build_clip(layer_call *c, stria_error *err);
stria_status layer_build_prelu(layer_call *c, stria_error *err);

/* ---- build_norm.c: normalisations by their operator, and dropout ---- */

stria_status layer_build_norm(layer_call *c, stria_error *err);
stria_status layer_build_lrn(layer_call *c, stria_error *err);
stria_status layer_build_dropout(layer_call *c, stria_error *err);
/* NAME.suffix of the input's type, filled with one number. */
stria_status layer_filled(const layer_call *c, const char *suffix, value_role role, const shape *s, double fill,
                          value **out, stria_error *err);
/* An option that is a real number in [least, most]. */
stria_status layer_real(const layer_call *c, const char *name, double least, double most, double *out,
                        stria_error *err);

#endif
