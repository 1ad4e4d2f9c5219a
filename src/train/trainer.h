/* The trainer: a model, a dataset, an optimiser; epochs, events, checkpoints. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "run/session.h"
#include "train/evaluate.h"
#include "train/features.h"
#include "train/metrics.h"
#include "train/norms.h"
#include "train/run_folder.h"
#include "train/schedule.h"
#include "train/step.h"

/* Where a training stands: with the states and the options, all that a checkpoint holds. */
typedef struct position {
    int64_t epoch, batch, step;    /* complete epochs, complete batches of the current one, steps in all */
    score epoch_score;             /* of the current epoch, as seen while training */
    double best;                   /* of the best validation so far, what the goal measures */
    int64_t best_step;             /* steps at that time, 0: none yet */
    int64_t best_epoch;            /* the epoch that it was made after, from 1 */
    int64_t judged_step;           /* steps at the time of the last validation, or of the last one's event */
    int64_t base_epoch, base_step; /* where steps are counted from: 0, or where the size of batches changed */
    plateau plateau;
} position;

/* Where the pictures came from, so that a resumed training finds them again. */
typedef struct data_source {
    char spec[1024];
    int64_t limit;
    bool hold_out;      /* train leaves out what val is */
    double val;         /* the share of it; 0: the source's default */
    uint64_t seed;      /* of what is chosen at random */
    int64_t max_pixels; /* of a picture's file; 0: the default limits */
    bool no_exif, fast_decode;
} data_source;

/* Sets the spec; refuses one that is too long to be found again. */
stria_status data_source_name(data_source *s, const char *spec, stria_error *err);

typedef struct trainer {
    graph *model; /* own copy, with preprocessing and class names; its states' contents are where training began */
    stria_train_options options;
    arena texts; /* of the options */
    const goal *goal;
    schedule schedule; /* of the options */
    graph *judged;     /* what validation runs: the model, by the averages of its weights where there are any */
    const dataset *train, *val; /* val may be NULL */
    features cut;               /* its frozen part, whose results are kept; zeroed: everything runs in each step */
    dataset *features[2];       /* what it makes of train and val; NULL without it */
    float *feature_values[2];   /* their contents */
    loader *feature_loader[2];  /* their pictures, until features are computed; NULL after */
    graph *learns;              /* what steps run and are made of: cut.rest, or the model */
    data_source source;         /* as the user said it, for the checkpoint */
    const kernel_set *ks;
    pool *pool;
    state_set states;
    tensor *network; /* the checkpoint's text of the graph: made once, and taken over when going on */
    session *step;
    norms norms; /* of the step */
    evaluator *validation;
    loader *loader;
    goal_job job; /* of learns and what it learns from */
    position at;
    stria_event_callback *callback;
    void *context;
    bool stop_asked;                      /* the callback said so */
    double started, checkpointed;         /* seconds of a clock that never goes back */
    double waited, stepped;               /* seconds in this process: for batches, and of steps with them */
    double judged_waited, judged_stepped; /* of these, those that an event has told */
    metrics metrics;
    int64_t skipped;                              /* pictures, as the last epoch's event said */
    char skipped_note[sizeof(stria_error) + 128]; /* its sentence */
    bool unsaved;                                 /* something was trained that the run folder does not have */
    bool mend;     /* the run folder may have more or less than the states: to be seen to before the next step */
    int lock;      /* of the run folder, −1: none */
    int64_t owner; /* the process that took the lock */
} trainer;

/* Copies the graph (its states' contents with it) and takes what the dataset says into its metadata. The datasets must
 * outlive the trainer; ks and pool too (the pool is retained). Writes nothing yet. */
stria_status trainer_new(trainer **out, graph *model, const dataset *train, const dataset *val,
                         const data_source *source, const stria_train_options *options, const kernel_set *ks,
                         pool *pool, stria_error *err);
void trainer_free(trainer *t); /* accepts NULL */
/* How its validation runs. */
evaluator_config trainer_validation(trainer *t);

/* Trains to the last epoch. Calls the callback in this thread. STRIA_INTERRUPTED, with everything saved, if the
 * callback stopped it earlier. */
stria_status trainer_run(trainer *t, stria_error *err);

/* The epochs of a training that stands at `at`, the last of which may not be whole (options.steps). */
int64_t trainer_epochs(const trainer *t, const position *at);

/* The features of the frozen part, where it is cut off: computed once. STRIA_INTERRUPTED when the callback said stop.
 */
stria_status trainer_features(trainer *t, stria_error *err);

/* A copy of the model with the parameters as they are now. */
stria_status trainer_model(const trainer *t, graph **out, stria_error *err);

/* ---- checkpoint.c, checkpoint_write.c ---- */

stria_status checkpoint_write(trainer *t, stria_error *err);

/* The contents of a run folder's checkpoint, before there is a trainer. `file` owns the texts of the options; the
 * caller owns that of the folder. */
typedef struct checkpoint {
    graph *model;
    stria_train_options options;
    data_source source;
    bool validated; /* there was a validation set */
    uint64_t data_checksum;
    int64_t images;    /* of the training set */
    int64_t batch;     /* images a step until now; options.batch may be another from here on */
    bool rate_changed; /* options.lr or options.schedule is another from here on: a plateau's factor starts again */
    const char *isa;
    struct safetensors *file;
} checkpoint;

stria_status checkpoint_read(checkpoint *c, const char *folder, stria_error *err);
void checkpoint_release(checkpoint *c);
/* Puts a trainer that was made from c's model and options where the checkpoint stands; with batches of another size, at
 * the beginning of the epoch. */
stria_status checkpoint_restore(const checkpoint *c, trainer *t, stria_error *err);

#endif
