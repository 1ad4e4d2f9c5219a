/* Other initial weights for `train` than the network's own. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include "cli/options.h"

#define TRANSFER_GROUP "initial weights"
#define OPTIONS_TRANSFER                                                                                               \
    {.name = "init",                                                                                                   \
     .kind = OPTION_TEXT,                                                                                              \
     .type = "KIND",                                                                                                   \
     .group = TRANSFER_GROUP,                                                                                          \
     .help = "initial weights of a new network's convolutions and dense layers: glorot-, he- or lecun-uniform or "     \
             "-normal, normal, truncated-normal, uniform or orthogonal, each with :gain=X; constant:value=X, zeros"},  \
        {.name = "from",                                                                                               \
         .kind = OPTION_TEXT,                                                                                          \
         .type = "MODEL",                                                                                              \
         .group = TRANSFER_GROUP,                                                                                      \
         .help = "takes the weights of another model whose names and shapes match, and lists those that do not"},      \
        {.name = "head",                                                                                               \
         .kind = OPTION_INTEGER,                                                                                       \
         .type = "N",                                                                                                  \
         .minimum = 2,                                                                                                 \
         .maximum = 1 << 24,                                                                                           \
         .group = TRANSFER_GROUP,                                                                                      \
         .help = "replaces the last layer with weights, and the layers after it, by a new one for N classes"},         \
    {                                                                                                                  \
        .name = "freeze", .kind = OPTION_TEXT, .type = "WHAT", .group = TRANSFER_GROUP,                                \
        .help = "weights to freeze: all-but-head, until:LAYER, names with * and ? joined by commas "                   \
                "(\"conv1*,bn1*\"), or none"                                                                           \
    }

/* Replaces *model by what --init, --head, --from and --freeze make of it, in this order; says what was taken. */
stria_status transfer_apply(const options *given, stria_model **model, stria_error *error);

#endif
