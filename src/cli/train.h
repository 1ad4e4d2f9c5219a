/* A training of stria train, and what it says when it ends. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include "cli/json.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tensorboard.h"

/* Everything that one training holds. */
typedef struct training {
    const options *given;
    bool resumed;
    char folder[1024], data[4096], settings[1024];
    stria_train_options options;
    stria_model *model;
    stria_dataset *train, *val, *test;
    stria_trainer *trainer;
    stria_evaluation score;
    bool tested;
    bool scored; /* the score is there, of this split: test, or val where there is no test */
    const char *tested_split;
    stria_dataset_options division; /* limit, validation share, bound on pixels: the test has the same */
    bool skip_bad;                  /* so has this */
    progress progress;
    report *report; /* NULL before the first checkpoint */
    board board;
    bool recorded, unreported; /* run.json is written; the report failed once, which was said */
    int run_threads;
} training;

/* ---- train_end.c ---- */

/* The document of --json; NULL if there is no memory. */
json_t *training_json(const training *t);
/* The test's score and pictures, what was written, and commands to try next. */
stria_status training_print(const training *t, stria_error *error);
/* After a signal; complete: it came after the last step. Exit code. */
int training_interrupted(const training *t, bool complete);
/* Says what went wrong, and what can be done with a training that has begun: it is not lost. Frees the trainer. Exit
 * code. */
int training_failed(training *t, const stria_error *error);

#endif
