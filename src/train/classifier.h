/* A graph seen as a classifier: which input takes the picture, which value holds the logits, what the classes are
 * called, how a picture becomes a tensor. Training, evaluation and prediction start from here. */
#ifndef TRAIN_CLASSIFIER_H
#define TRAIN_CLASSIFIER_H

#include "data/loader.h"
#include "graph/graph.h"
#include "train/output_kind.h"

#define CLASSIFIER_LOGITS        "logits" /* output names in graphs that are made here */
#define CLASSIFIER_PROBABILITIES "probabilities"

typedef struct classifier {
    value *image;     /* the input [batch, channels, height, width] */
    value *scores;    /* the output [batch, classes], or [batch, 1] of two classes */
    output_kind kind; /* what that holds */
    int64_t classes;  /* told apart: two where the output is one number per picture */
    preprocess preprocess;
} classifier;

/* Fails with a sentence for graphs that are not classifiers of pictures. */
stria_status classifier_of(graph *g, classifier *out, stria_error *err);

/* Sets *batch to the one that the file fixes, where it cannot be proved that others work. */
stria_status classifier_batch(graph *g, int64_t *batch, stria_error *err);

/* A copy for this batch, all floats float32, whose only output is the logits [batch, classes], CLASSIFIER_LOGITS. */
stria_status classifier_graph(graph *g, int64_t batch, graph **out, stria_error *err);
/* The same for prediction: a model that gives probabilities gives them as they are, as CLASSIFIER_PROBABILITIES; of
 * others there are the logits. */
stria_status classifier_prediction(graph *g, int64_t batch, graph **out, stria_error *err);

/* The same copy with the model's own outputs, for training: what a loss reads of one of them is its head. */
typedef struct head {
    value *scores, *logits; /* [batch, classes]: the output itself; what makes its probabilities, or their logarithm */
    output_relation relation;
} head;
stria_status classifier_copy(graph *g, int64_t batch, graph **out, stria_error *err);
stria_status classifier_head(graph *g, value *output, head *out, stria_error *err);

/* The dataset's pictures as this model (c: classifier_of it) takes them. Refuses pictures that come out in another
 * shape than its input's, so that whoever fills the input from the loader fills it exactly. */
stria_status classifier_loader(const classifier *c, const dataset *d, const loader_options *options, loader **out,
                               stria_error *err);

/* Stores in the metadata what the graph does not say yet: preprocessing and class names as the dataset has them; of a
 * model that says how pixels are scaled but not to what size, the size. Refuses a dataset whose classes or channels do
 * not fit. */
stria_status classifier_adopt(graph *g, const dataset *d, stria_error *err);

/* Stores the channels, scale, mean and std of a named preset (preprocess_preset), over those that were there. */
stria_status classifier_preset(graph *g, const char *name, stria_error *err);

#endif
