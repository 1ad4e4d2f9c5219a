/* What `train` begins with besides a network's own weights. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include "cli/options.h"

#define TRANSFER_GROUP "what a training begins with"
#define OPTIONS_TRANSFER                                                                                               \
    {.name = "init",                                                                                                   \
     .kind = OPTION_TEXT,                                                                                              \
     .type = "KIND",                                                                                                   \
     .group = TRANSFER_GROUP,                                                                                          \
     .help = "first weights of a new network's convolutions and dense layers: glorot-, he- or lecun-uniform or "       \
             "-normal, normal, truncated-normal, uniform or orthogonal, each with :gain=X; constant:value=X, zeros"},  \
        {.name = "from",                                                                                               \
         .kind = OPTION_TEXT,                                                                                          \
         .type = "MODEL",                                                                                              \
         .group = TRANSFER_GROUP,                                                                                      \
         .help = "takes the weights of another model that fit by name and shape, and says which do not"},              \
        {.name = "head",                                                                                               \
         .kind = OPTION_INTEGER,                                                                                       \
         .type = "N",                                                                                                  \
         .minimum = 2,                                                                                                 \
         .maximum = 1 << 24,                                                                                           \
         .group = TRANSFER_GROUP,                                                                                      \
         .help = "replaces the last layer with weights, and what is after it, by a new one for N classes"},            \
    {                                                                                                                  \
        .name = "freeze", .kind = OPTION_TEXT, .type = "WHAT", .group = TRANSFER_GROUP,                                \
        .help = "weights that stay as they are: all-but-head, until:LAYER, names with * and ? joined by commas as "    \
                "\"conv1*,bn1*\", or none"                                                                             \
    }

/* Replaces *model by what --init, --head, --from and --freeze make of it, in this order; says what was taken. */
stria_status transfer_apply(const options *given, stria_model **model, stria_error *error);

#endif
