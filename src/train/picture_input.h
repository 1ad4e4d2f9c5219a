/* A graph that takes pictures: which input is for them, and how a picture becomes its tensor. */
#ifndef TRAIN_PICTURE_INPUT_H
#define TRAIN_PICTURE_INPUT_H

#include "data/loader.h"
#include "graph/graph.h"

typedef struct picture_input {
    value *image; /* the only input, [batch, channels, height, width] */
    preprocess preprocess;
} picture_input;

/* Fails with a sentence for graphs that take something else. */
stria_status picture_input_of(const graph *g, picture_input *out, stria_error *err);

/* Sets *batch to the one that the file fixes, where it cannot be proved that others work. */
stria_status picture_input_batch(graph *g, int64_t *batch, stria_error *err);

/* A copy for this batch, all floats float32, with the model's own outputs. */
stria_status picture_input_copy(graph *g, int64_t batch, graph **out, stria_error *err);

/* The dataset's pictures as this model takes them. Refuses pictures that come out in another shape than its input's, so
 * that whoever fills the input from the loader fills it exactly. */
stria_status picture_input_loader(const picture_input *in, const dataset *d, const loader_options *options,
                                  loader **out, stria_error *err);

/* Stores in the metadata what the graph does not say yet of preprocessing, as the dataset has it; of a model that says
 * how pixels are scaled but not to what size, the size. */
stria_status picture_input_adopt(graph *g, const dataset *d, stria_error *err);

/* Stores the channels, scale, mean and std of a named preset (preprocess_preset), over those that were there. */
stria_status picture_input_preset(graph *g, const char *name, stria_error *err);

#endif
