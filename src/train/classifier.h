/* A graph seen as a classifier: which value holds the logits, what the classes are called, and how a picture gets in.
 * Training, evaluation and prediction start from here. */
#ifndef TRAIN_CLASSIFIER_H
#define TRAIN_CLASSIFIER_H

#include "train/output_kind.h"
#include "train/picture_input.h"

#define CLASSIFIER_LOGITS        "logits" /* output names in graphs that are made here */
#define CLASSIFIER_PROBABILITIES "probabilities"

typedef struct classifier {
    picture_input in;
    value *scores;    /* the output [batch, classes], or [batch, 1] of two classes */
    output_kind kind; /* what that holds */
    int64_t classes;  /* told apart: two where the output is one number per picture */
} classifier;

/* Fails with a sentence for graphs that are not classifiers of pictures. */
stria_status classifier_of(graph *g, classifier *out, stria_error *err);

/* A copy for this batch and for prediction, all floats float32, with one output: of a model that gives probabilities
 * they as they are, CLASSIFIER_PROBABILITIES [batch, classes]; of others the logits, CLASSIFIER_LOGITS. */
stria_status classifier_prediction(graph *g, int64_t batch, graph **out, stria_error *err);

/* The value that a loss reads of an output, in a copy of a model (picture_input_copy). */
typedef struct head {
    value *scores, *logits; /* [batch, classes]: the output itself; what makes its probabilities, or their logarithm */
    output_relation relation;
} head;
stria_status classifier_head(graph *g, value *output, head *out, stria_error *err);

/* picture_input_adopt, and class names as the dataset has them where the graph has none. Refuses a dataset whose
 * classes or channels do not fit. */
stria_status classifier_adopt(graph *g, const dataset *d, stria_error *err);

#endif
