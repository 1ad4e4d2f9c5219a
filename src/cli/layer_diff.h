/* Two models on the same input, layer by layer. */
#ifndef CLI_LAYER_DIFF_H
#define CLI_LAYER_DIFF_H

#include "cli/compare.h"

typedef struct layer_pair {
    char a[128], b[128]; /* the names of the layer in both models */
    char op[64];         /* in A; "output" for an output of the model */
    int rank;
    int64_t shape[STRIA_RANK_MAX];
    compared found; /* B's numbers against A's */
} layer_pair;

typedef struct layer_diff {
    bool passed; /* every pair, and as many outputs */
    bool outputs_passed;
    int count, output_count; /* layers in A's order, then the outputs */
    layer_pair *pairs;       /* [count + output_count] */
    char **alone[2];         /* names of the layers of A and of B without a counterpart */
    int alone_count[2];
} layer_diff;

/* Runs both, each on its own inputs, with every result between the layers kept. The bound is a layer's: rtol is a share
 * of its largest value. Outputs are compared by name where both have the same names, else by position. */
stria_status layer_diff_run(const stria_model *a, const tensors *xa, const stria_model *b, const tensors *xb,
                            const tensors_way *way, const compare_bound *bound, layer_diff *out, stria_error *error);
void layer_diff_release(layer_diff *diff);
/* The first pair that does not pass; NULL: all do. */
const layer_pair *layer_diff_first(const layer_diff *diff);
/* A table of at most 80 columns: all layers, or (most > 0) the `most` layers with the largest relative differences;
 * with outputs, if wanted. */
void layer_diff_print(const layer_diff *diff, int most, bool outputs);
/* "they first differ in layer 'conv2' (Conv), at [0, 3, 1]: 0.5 and 0.25"; nothing where they do not. */
void layer_diff_print_first(const layer_diff *diff);
/* Puts "layers", "outputs", "first", "unmatched" into the document. */
void layer_diff_json(const layer_diff *diff, json_t *document);

#endif
