/* Which layer of one model is which of another. */
#ifndef CLI_LAYER_MATCH_H
#define CLI_LAYER_MATCH_H

#include "cli/compare.h"

/* A result of a node. Names belong to the model. */
typedef struct layer_result {
    const tensor *t;
    const char *op;
    int other; /* its counterpart among the other model's; -1: none */
} layer_result;

typedef struct layer_results {
    layer_result *items; /* in the order of the nodes */
    int count;
} layer_results;

/* Results are those that layers_open shows after the model's own outputs, `tensors` what they came to. */
stria_status layer_results_list(layer_results *out, const stria_model *model, const tensors *results,
                                stria_error *error);
void layer_results_release(layer_results *list);
/* Sets `other` of both: first those of one name and shape; then of the rest those of one shape in an order that both
 * keep, as many as possible of the same numbers, then of nearly the same, then of the same operator. */
stria_status layer_match(layer_results *a, layer_results *b, const compare_bound *bound, stria_error *error);

#endif
