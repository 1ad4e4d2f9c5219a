/* Running a model over a dataset. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "run/session.h"
#include "train/goal.h"

typedef struct evaluator evaluator;

typedef struct evaluator_config {
    const goal *goal;
    int64_t batch; /* images per batch, as far as the model and the dataset allow */
    size_t room;   /* bytes that these may take: the batch is halved until it does not need more; 0: any */
    const kernel_set *ks;
    size_t keep_bytes; /* memory for pictures, so that later runs read no files (loader.h) */
    tta_kind tta;      /* probabilities are the means over these views of each picture */
    bool skip_bad;     /* pictures that cannot be read are left out, instead of ending it */
    pool *pool;        /* retained; NULL: one thread */
    int workers;       /* threads that load pictures ahead (loader.h) */
    state_set *states; /* NULL: the graph's own; else those of a training, which must outlive it */
} evaluator_config;

/* The number of images per run, and, of a config with a room, what they write then (evaluator_bytes, but for a last,
 * smaller batch). The batch is halved while that is more than the room, as far as the model leaves the choice. */
stria_status evaluator_fit(graph *g, const dataset *d, const evaluator_config *config, int64_t *batch, size_t *bytes,
                           stria_error *err);

/* Makes one program for full batches and one for a last batch that is smaller, and keeps them. The graph and the
 * dataset must outlive it. */
stria_status evaluator_new(evaluator **out, graph *g, const dataset *d, const evaluator_config *config,
                           stria_error *err);
void evaluator_free(evaluator *e); /* accepts NULL */

/* All images once, in order, into s (of goal_score).
 * progress may be NULL; false stops with STRIA_INTERRUPTED. STRIA_BAD_FILE where all are left out. */
stria_status evaluator_run(evaluator *e, score *s, bool (*progress)(int64_t done, int64_t of, void *context),
                           void *context, stria_error *err);
/* Shown every image of a run: its index, the model's class of its label, its logits[classes]. NULL: nobody. */
typedef void evaluator_judge(int64_t index, int64_t label, const float *logits, void *context);
void evaluator_on_image(evaluator *e, evaluator_judge *judge, void *context);
/* loader_bad_count of its pictures. */
int64_t evaluator_skipped(const evaluator *e, const char **first);
size_t evaluator_bytes(const evaluator *e);        /* that its runs write, pictures apart */
size_t evaluator_loader_bytes(const evaluator *e); /* pictures: loader_most_bytes */
const goal_job *evaluator_job(const evaluator *e); /* for goal_score */

#endif
