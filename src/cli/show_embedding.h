/* stria show MODEL embedding: where a network puts images, in two dimensions. */
#ifndef CLI_SHOW_EMBEDDING_H
#define CLI_SHOW_EMBEDDING_H

#include "cli/options.h"

/* Returns the exit code. */
int show_embedding(const options *given);

#define SHOW_EMBEDDING_GROUP "embedding"
#define SHOW_EMBEDDING_ROWS                                                                                            \
    {.name = "data",                                                                                                   \
     .kind = OPTION_TEXT,                                                                                              \
     .type = "DATA",                                                                                                   \
     .group = SHOW_EMBEDDING_GROUP,                                                                                    \
     .help = "the images (default: the run folder's)"},                                                                \
        {.name = "split",                                                                                              \
         .kind = OPTION_CHOICE,                                                                                        \
         .type = "SPLIT",                                                                                              \
         .standard = "test",                                                                                           \
         .choices = "train|val|test",                                                                                  \
         .group = SHOW_EMBEDDING_GROUP,                                                                                \
         .help = "which images"},                                                                                      \
        {.name = "limit",                                                                                              \
         .kind = OPTION_INTEGER,                                                                                       \
         .type = "N",                                                                                                  \
         .standard = "500",                                                                                            \
         .minimum = 3,                                                                                                 \
         .maximum = 3000,                                                                                              \
         .group = SHOW_EMBEDDING_GROUP,                                                                                \
         .help = "at most this many images"},                                                                          \
        {.name = "method",                                                                                             \
         .kind = OPTION_CHOICE,                                                                                        \
         .type = "HOW",                                                                                                \
         .standard = "pca",                                                                                            \
         .choices = "pca|tsne",                                                                                        \
         .group = SHOW_EMBEDDING_GROUP,                                                                                \
         .help = "principal components, or t-SNE, which keeps neighbours together"},                                   \
    {                                                                                                                  \
        .name = "perplexity", .kind = OPTION_REAL, .type = "X", .standard = "30", .group = SHOW_EMBEDDING_GROUP,       \
        .help = "tsne: approximate number of neighbours of each image"                                                 \
    }

#endif
