/* Training and evaluation. Include <stria/stria.h>. */
#ifndef STRIA_TRAIN_H
#define STRIA_TRAIN_H

#include "data.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------
 * Options. Every option is a row of one table: its name is the command's flag, the struct's field and the checkpoint's
 * key.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_train_options {
    size_t size; /* sizeof(stria_train_options) */
    int64_t epochs;
    int64_t batch;
    char optimizer[64]; /* "sgd:momentum=0.9" */
    char loss[256];     /* "cross_entropy", "cross_entropy+cross_entropy:output=aux1,weight=0.3" */
    double lr;
    char schedule[64]; /* "constant", "cosine" */
    double weight_decay;
    uint64_t seed;  /* at most 9.2e18 */
    int threads;    /* 0: all CPUs that the process may use. Does not change a bit of the result */
    char out[1024]; /* run folder; "": none is written */
} stria_train_options;

/* Every row's default. */
STRIA_API stria_train_options stria_train_options_default(void);
/* The defaults, changed to what suits this model where it says so in its metadata "stria.train", as in "lr=0.2
 * schedule=cosine" (networks of the zoo do): epochs, batch, optimizer, lr, schedule, weight-decay. STRIA_BAD_FILE where
 * the metadata says something else. */
STRIA_API stria_status stria_train_options_for(const stria_model *model, stria_train_options *out, stria_error *error);

typedef struct stria_option_row {
    const char *name;     /* "weight-decay" as a flag */
    const char *type;     /* "N", "X", "TEXT", "FOLDER" */
    const char *help;     /* one line, with the range */
    const char *standard; /* the default, as text */
} stria_option_row;
/* The rows, in order; NULL past the end. */
STRIA_API const stria_option_row *stria_train_option(int index);
/* Sets one option by its row's name from text. STRIA_BAD_ARGUMENT for what is out of range, and for an unknown name,
 * with the nearest. */
STRIA_API stria_status stria_train_option_set(stria_train_options *options, const char *name, const char *text,
                                              stria_error *error);

/* ---------------------------------------------------------------------------------------------------------------
 * Trainer
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_trainer stria_trainer;

typedef enum stria_event_kind {
    STRIA_EVENT_START,      /* once, before the first step: the plan */
    STRIA_EVENT_STEP,       /* after every step */
    STRIA_EVENT_EPOCH,      /* after every epoch's validation */
    STRIA_EVENT_CHECKPOINT, /* a checkpoint was written */
    STRIA_EVENT_END         /* everything is written */
} stria_event_kind;

/* What a callback sees. Fields that do not belong to the kind are 0. */
typedef struct stria_event {
    stria_event_kind kind;
    int64_t epoch, epochs;     /* of epoch e of E, from 1 */
    int64_t step, steps;       /* done so far, in all */
    int64_t images;            /* of the training set */
    double loss;               /* of this step's batch; EPOCH: mean of the epoch */
    double top1;               /* EPOCH: share of training images right, as seen while training */
    double val_loss, val_top1; /* EPOCH; −1 without a validation set */
    double lr;
    double seconds; /* since this process began to train */
    /* START */
    int64_t parameters, frozen_parameters, buffers;
    uint64_t parameter_bytes, optimizer_bytes; /* parameters and buffers; the optimiser's states */
    uint64_t activation_bytes; /* the planned workspace (inputs, activations, their gradients, scratch) less
                                  gradient_bytes, at least 0 */
    uint64_t gradient_bytes;   /* gradients of the parameters that are trained, all of them at once */
    const char *isa;
    int threads;
    const char *path; /* CHECKPOINT: the run folder */
    const char *note; /* START: what the user should know, or NULL */
} stria_event;

/* Called in the training thread. Returning false asks to stop: the state is saved and stria_trainer_run returns
 * STRIA_INTERRUPTED. */
typedef bool stria_event_callback(const stria_event *event, void *context);

/* A trainer owns a copy of the model's parameters; `model` itself does not change. val may be NULL. The datasets and
 * the model are retained. Preprocessing and class names that the model does not have yet are taken from the dataset and
 * stored in it. options NULL: the defaults. STRIA_BAD_ARGUMENT for an option out of its row's range, a run folder that
 * holds a training or a class that the model does not know, STRIA_BAD_SHAPE for a model that is no classifier of such
 * pictures, STRIA_BUSY for a run folder that another process trains in, STRIA_IO, STRIA_UNSUPPORTED for a layer without
 * a gradient. */
STRIA_API stria_status stria_trainer_new(stria_trainer **out, const stria_model *model, stria_dataset *train,
                                         stria_dataset *val, const stria_train_options *options, stria_error *error);
/* Goes on with a run folder. data: NULL, or where the data is now ("mnist:DIR") if it has moved: the same images are
 * checked for. options: NULL, or only `epochs` and `threads` are taken from it. Epochs may grow; fewer than the run has
 * are refused (STRIA_BAD_ARGUMENT), 0 leaves them. STRIA_NO_FILE where there is no run, STRIA_BAD_FILE for a damaged
 * checkpoint or other images, STRIA_BUSY, STRIA_IO. */
STRIA_API stria_status stria_trainer_resume(stria_trainer **out, const char *folder, const char *data,
                                            const stria_train_options *options, stria_error *error);
/* The images that it trains on and validates with (NULL: none). They belong to the trainer. */
STRIA_API const stria_dataset *stria_trainer_train_data(const stria_trainer *trainer);
STRIA_API const stria_dataset *stria_trainer_val_data(const stria_trainer *trainer);
/* One callback; it replaces an earlier one. NULL: none. */
STRIA_API void stria_trainer_on_event(stria_trainer *trainer, stria_event_callback *callback, void *context);
/* Trains to the last epoch. STRIA_INTERRUPTED when the callback said stop. STRIA_NOT_FINITE when a loss or gradient is
 * not finite: elements whose gradient is not finite keep their value, others of that step may have been updated. With a
 * run folder the sentence names step, layer and tensor and the states are those of the last checkpoint again (or the
 * sentence says why not); without one it names the step, and the states are what that step left. STRIA_IO when a file
 * of the run folder could not be written. */
STRIA_API stria_status stria_trainer_run(stria_trainer *trainer, stria_error *error);
/* A snapshot of the model with the parameters as they are now; the caller frees it. */
STRIA_API stria_status stria_trainer_model(const stria_trainer *trainer, stria_model **out, stria_error *error);
/* The run folder, "" if none. Lives as long as the trainer. */
STRIA_API const char *stria_trainer_folder(const stria_trainer *trainer);
STRIA_API void stria_trainer_free(stria_trainer *trainer); /* accepts NULL */

/* The spec of the training data of a run folder ("fashion-mnist"), into text[bytes]. STRIA_NO_FILE, STRIA_BAD_FILE,
 * STRIA_BAD_ARGUMENT if it is longer. */
STRIA_API stria_status stria_run_data(const char *folder, char *text, size_t bytes, stria_error *error);

/* ---------------------------------------------------------------------------------------------------------------
 * Evaluation
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_class_score {
    const char *name;
    double precision, recall, f1; /* 0 where undefined */
    int64_t support;              /* images of this class */
} stria_class_score;

typedef struct stria_evaluation {
    int64_t images;
    double loss, top1, top5;
    int classes;
    stria_class_score *class_scores; /* [classes] */
    int64_t *confusion;              /* [classes][classes], true class × predicted class */
} stria_evaluation;

/* How evaluation and prediction run a model. */
typedef struct stria_inference_options {
    size_t size;     /* sizeof(stria_inference_options) */
    int threads;     /* 0: all CPUs */
    int64_t batch;   /* images at once, 0: chosen */
    const char *isa; /* NULL: the best of this machine, or the environment's STRIA_ISA */
    bool (*progress)(int64_t done, int64_t of, void *context); /* NULL: none; false stops with STRIA_INTERRUPTED */
    void *context;
} stria_inference_options;

/* All CPUs, a batch that is chosen, the best instruction set, no progress. */
STRIA_API stria_inference_options stria_inference_options_default(void);
/* Runs every image of the dataset once, in order, and counts. The dataset's classes are matched with the model's by
 * name. options NULL: the defaults. On success `out` owns arrays: stria_evaluation_release. STRIA_BAD_ARGUMENT for a
 * class that the model does not know, STRIA_BAD_SHAPE for a model that is no classifier of such pictures,
 * STRIA_INTERRUPTED when `progress` said stop, and the errors of reading pictures. */
STRIA_API stria_status stria_evaluate(const stria_model *model, const stria_dataset *data,
                                      const stria_inference_options *options, stria_evaluation *out,
                                      stria_error *error);
STRIA_API void stria_evaluation_release(stria_evaluation *evaluation); /* frees its arrays */

/* ---------------------------------------------------------------------------------------------------------------
 * Prediction: a session behind the preprocessing that the model carries in its metadata.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_predictor stria_predictor;

/* A session for one picture at a time; retains the model. One thread at a time. options NULL: the defaults; batch and
 * progress do not matter. STRIA_BAD_SHAPE for models that are no classifiers of pictures. */
STRIA_API stria_status stria_predictor_new(stria_predictor **out, const stria_model *model,
                                           const stria_inference_options *options, stria_error *error);
STRIA_API void stria_predictor_free(stria_predictor *predictor); /* accepts NULL */
/* Length of the arrays of probabilities. */
STRIA_API int stria_predictor_classes(const stria_predictor *predictor);
/* Never NULL: the class's number where the model has no names, "" outside 0…classes−1. Lives as long as the predictor.
 */
STRIA_API const char *stria_predictor_class_name(const stria_predictor *predictor, int index);
/* Probabilities [classes] for one picture file (PNG, JPEG, BMP, PNM; also a pipe, or "-"), or one image of a dataset.
 * STRIA_NO_FILE, STRIA_BAD_FILE, STRIA_BAD_SHAPE for pictures that do not become the model's input, STRIA_BAD_ARGUMENT
 * for an index outside 0…count−1. */
STRIA_API stria_status stria_predict_file(stria_predictor *predictor, const char *path, float *probabilities,
                                          stria_error *error);
STRIA_API stria_status stria_predict_item(stria_predictor *predictor, const stria_dataset *data, int64_t index,
                                          float *probabilities, stria_error *error);

#ifdef __cplusplus
}
#endif
#endif
