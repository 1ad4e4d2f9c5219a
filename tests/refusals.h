/* Tables of calls that must be refused: each row is one call with one wrong argument. */
#ifndef TESTS_REFUSALS_H
#define TESTS_REFUSALS_H

#include <stria/stria.h>

typedef stria_status refusal_call(const void *argument, stria_error *err);

typedef struct refusal {
    refusal_call *call;
    const void *argument; /* the wrong one, or NULL */
    stria_status status;
    const char *says; /* a fragment of the sentence */
} refusal;

/* Where refused calls were to put their results. Sizes are right, every other byte is the same pattern. */
typedef struct refusal_outputs {
    stria_array array;
    stria_named_array *arrays;
    int count;
    stria_thread_pool *pool;
    stria_dataset *data, *val;
    stria_graph *graph;
    stria_model *model;
    stria_session *session;
    stria_predictor *predictor;
    stria_trainer *trainer;
    stria_run *run;
    stria_train_options train;
    stria_dataset_options source;
    stria_port port;
    stria_classifier classifier;
    stria_evaluation evaluation;
    stria_summary summary;
    stria_memory_map map;
    stria_bench bench;
    char **names;
    char *words, text[300];
    int64_t label;
    uint8_t pixels[64];
    float probabilities[16];
} refusal_outputs;
extern refusal_outputs refused;

/* Every row, with an error and without one: the status, the words, outputs that stay as they were, and no memory that
 * stays behind. */
void refusals_check(const refusal *rows, size_t count);

#endif
