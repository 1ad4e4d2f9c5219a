/* The surest mistakes of an evaluation. */
#ifndef CLI_MISTAKES_H
#define CLI_MISTAKES_H

#include "cli/json.h"
#include "cli/options.h"

#include <stria/stria.h>

typedef struct mistake {
    int64_t index;
    int label, predicted;
    double sure, right; /* probabilities of the predicted and of the true class */
} mistake;

typedef struct mistakes {
    mistake *list; /* surest first */
    int count, most;
} mistakes;

/* Room for `most` of them. False without memory. */
bool mistakes_init(mistakes *m, int most);
void mistakes_release(mistakes *m);
/* For stria_inference_options.judge; context: a mistakes. */
void mistakes_see(int64_t index, int64_t label, const float *probabilities, int classes, void *context);
/* With the names of pictures and classes: a table on stdout, or an array. */
void mistakes_print(const mistakes *m, const options *given, const char *source, const stria_dataset *data,
                    const stria_evaluation *score);
json_t *mistakes_json(const mistakes *m, const options *given, const char *source, const stria_dataset *data,
                      const stria_evaluation *score);

#endif
