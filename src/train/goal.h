/* The purpose of a training. A goal defines the loss of a step, the fields that it needs from the data, and the measure
 * of an output; the graph of a step, the loop, evaluation and checkpoints are the same for all goals. One file each,
 * goal_<name>.c. */
#ifndef TRAIN_GOAL_H
#define TRAIN_GOAL_H

#include "base/pool.h"
#include "train/picture_input.h"
#include "train/score.h"

typedef struct goal goal;
struct recipe;

/* A goal at work with one model and one dataset: batches of pictures, and what their outputs should be. */
typedef struct goal_job {
    const goal *goal;
    const dataset *data;
    picture_input in;     /* of the graph, which outlives it */
    int64_t batch;        /* the most pictures per run */
    sample taken;         /* of the last batch, but for the image; labels are the model's classes, −1: none */
    float *shares;        /* of the last batch, [batch][classes], where the data's labels are shares; else NULL */
    int64_t *permutation; /* the model's class for each class of the data; NULL: as the data count them */
    int64_t classes;      /* of the output; 0: it has none */
    bool multi_label;     /* each class has its own probability */
} goal_job;

struct goal {
    const char *name;    /* as --goal has it */
    const char *loss;    /* what a step minimises, train/loss.h, where nothing else is said */
    const char *measure; /* what `measured` is, in files and events; more is better */
    double most;         /* that it can be */
    bool of_pixels;     /* targets are made of the pictures: they are not replaced by features, nor scaled by moments */
    const char *output; /* of graphs that are made here: what is judged */
    /* Stores in the model what the dataset says and it does not yet. Refuses what does not fit. */
    stria_status (*adopt)(graph *model, const dataset *d, stria_error *err);
    /* Makes what the job needs of this graph and dataset. */
    stria_status (*begin)(goal_job *j, graph *g, const dataset *d, stria_error *err);
    /* The value that is evaluated, in a copy of a model with its own outputs. */
    stria_status (*judged)(graph *copy, value **out, stria_error *err);
    /* The loss of a step, by an input STEP_TARGET that it adds. */
    stria_status (*loss_build)(graph *step, value *judged, const struct recipe *r, value **loss, stria_error *err);
    /* Writes what was taken into that input. l: whose batch it was. */
    void (*feed)(goal_job *j, const loader *l, void *target);
    /* Adds n outputs to the score, against what was taken. */
    void (*count)(const goal_job *j, const float *output, int64_t n, score *s);
    double (*measured)(const score *s);
};

extern const goal goal_classify, goal_reconstruct;

/* By name; "": the one that the model's output is for, reconstruct where it has the input's shape, else classify.
 * model NULL: classify. STRIA_BAD_ARGUMENT for another name. */
stria_status goal_choose(const char *name, const graph *model, const goal **out, stria_error *err);
const goal *goal_of(const graph *model);
stria_status goal_check(const char *name, stria_error *err);

/* The job of this graph and this dataset, which outlive it. */
stria_status goal_job_init(goal_job *j, const goal *goal, graph *g, const dataset *d, int64_t batch, stria_error *err);
void goal_job_release(goal_job *j); /* accepts zeros */

/* Loads a batch: pictures to `image`, the rest into j->taken. */
stria_status goal_take(goal_job *j, loader *l, pool *workers, int64_t epoch, int64_t batch, float *image,
                       stria_error *err);

/* A score with nothing in it yet; detail: with the confusion matrix and the bins, where there are classes. */
stria_status goal_score(const goal_job *j, bool detail, score *out, stria_error *err);

/* A copy of a model for this batch, all floats float32, whose only output is what is judged, goal.output. */
stria_status goal_graph(const goal *goal, graph *g, int64_t batch, graph **out, stria_error *err);

#endif
