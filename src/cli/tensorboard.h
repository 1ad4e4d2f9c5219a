/* RUN/tensorboard: a run's log, settings, network, weights and pictures as TensorBoard's event files. */
#ifndef CLI_TENSORBOARD_H
#define CLI_TENSORBOARD_H

#include "report/judge.h"

#include <stria/stria.h>

typedef struct tensorboard tensorboard;

/* Returns true if the run has such files already. */
bool tensorboard_exists(const char *folder);
/* rewrite: all that the log says is written, in the place of the files that are there. Otherwise a training goes on
 * after `step` steps: files that are there stay, the next one continues them; where there is none, it begins with what
 * the log says. Call it before the log grows. NULL when there is no memory. */
tensorboard *tensorboard_new(const char *folder, bool rewrite, int64_t step);
void tensorboard_free(tensorboard *t); /* accepts NULL; what was not written is lost */
/* Settings and network, unless earlier files have them. The run's checkpoint must be there. */
stria_status tensorboard_begin(tensorboard *t, const stria_model *model, stria_error *error);
/* Adds the new lines of the log. now: writes the file immediately, otherwise at most once a second. */
stria_status tensorboard_log(tensorboard *t, bool now, stria_error *error);
/* Histograms of the model's parameters, at the log's last step; and of their gradients, of the mean cross-entropy of up
 * to TENSORBOARD_IMAGES images of data (NULL: none), which are spread over it, as inference computes them. Models whose
 * classes do not exclude each other have no gradients here. */
enum { TENSORBOARD_IMAGES = 32 };
stria_status tensorboard_weights(tensorboard *t, const stria_model *model, const stria_dataset *data, int threads,
                                 stria_error *error);
/* Adds an evaluation: confusion matrix, the worst mistakes and the most confident hits. */
void tensorboard_score(tensorboard *t, const stria_evaluation *score, const judge *j);
/* The last words, and everything written. */
stria_status tensorboard_end(tensorboard *t, bool complete, stria_error *error);
/* The file that is written. Lives as long as t. */
const char *tensorboard_file(const tensorboard *t);

/* ---- tensorboard_weights.c ---- */

/* A parameter, or its gradient, as the run before left it. */
typedef void weights_take(const char *name, bool gradient, const float *x, size_t count, void *context);
stria_status weights_each(const stria_model *model, const stria_dataset *data, int64_t images, int threads,
                          weights_take *take, void *context, stria_error *error);

/* ---- tensorboard_train.c ---- */

/* A training that writes them while it runs: `wanted`, or because the run has such files already. Zero-initialise. What
 * goes wrong is said once; the training goes on. */
typedef struct board {
    tensorboard *files;
    bool wanted, begun, failed, epoch; /* epoch: one ended, whose weights are to be written */
    int threads;
} board;
void board_event(board *b, const char *folder, const stria_trainer *trainer, const stria_event *event);
/* score and j: of an evaluation, or NULL. Releases it. */
void board_end(board *b, bool complete, const stria_evaluation *score, const judge *j);

#endif
