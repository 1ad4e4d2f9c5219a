/* Training and evaluation. Include <stria/stria.h>. */
#ifndef STRIA_TRAIN_H
#define STRIA_TRAIN_H

#include "data.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------
 * Options. One table has a row per option: its name is the command's flag, the struct's field and the checkpoint's key.
 * ------------------------------------------------------------------------------------------------------------ */

/* Texts must live as long as the options are used; a trainer copies them. NULL stands for a row's default. New fields
 * are appended, with a default of 0 or NULL. */
typedef struct stria_train_options {
    size_t size; /* sizeof(stria_train_options) */
    int64_t epochs;
    int64_t batch; /* images per step; 0: as many as fit in memory (docs/training.md); stria_trainer_options returns the
                      chosen number */
    const char *optimizer; /* "sgd:momentum=0.9", "adam" */
    const char *loss; /* "cross_entropy", "cross_entropy+cross_entropy:output=aux1,weight=0.3"; "": the goal's own */
    const char *class_weights; /* "": weight 1 for all classes; "balanced"; or a number per class: "1,2" */
    double lr;
    const char *schedule; /* "constant", "cosine", "step:every=2000", "multistep:at=0.5x0.75", "plateau:patience=5" */
    const char *augment;  /* "crop pad 4, flip": docs/augmentation.md; "": images are not changed */
    double weight_decay;
    double clip_norm;   /* maximum norm of the gradients over all parameters; 0: unlimited */
    double clip_value;  /* maximum absolute value of a gradient's element; 0: unlimited */
    double l1;          /* penalty on the absolute values of weights (not of biases) */
    double max_norm;    /* maximum norm of a unit's weights after a step; 0: unlimited */
    double ema;         /* decay of a moving average of the parameters, which is validated and saved instead of them; 0:
                           none */
    int64_t accumulate; /* batches whose gradients are averaged for one update; steps still count batches */
    int64_t patience;   /* epochs without a better validation after which training ends; 0: never */
    uint64_t seed;      /* at most 9.2e18 */
    int threads;        /* 0: all CPUs that the process may use. The result is bit-identical for any number */
    int skip_bad;       /* 1: a picture that cannot be read is skipped, and the next one of the epoch's order takes its
                           place; 0: training stops with an error */
    const char *out;    /* run folder; "": none is written */
    const stria_thread_pool *pool; /* NULL: its own threads; else `threads` is ignored. Not in the table; NULL in the
                                      result of stria_trainer_options */
    int64_t cache;      /* MiB for decoded picture files, so that later epochs do not read them again; 0: none. Does not
                           change the result */
    int64_t steps;      /* number of steps after which training ends; overrides `epochs`; 0: after `epochs` */
    int64_t eval_every; /* also validates every this many steps; 0: only at the end of every epoch */
    int recompute;      /* 1: a step computes parts of the network twice instead of keeping their results: less memory,
                           more time, the same bits */
    int no_shuffle;     /* 1: every epoch uses the training images in the dataset's order; 0: each in its own random
                           order */
    int64_t workers; /* threads that read, decode and augment pictures ahead of the steps, in addition to `threads`. 0:
                        as many as `threads`, at most one per CPU, and none if `threads` is 1; −1: none, each step makes
                        its own batch. Also none if the pixels are in memory and there is no augmentation. Does not
                        change the result */
    int64_t memory;  /* memory limit in MiB for the network and its training, without decoded images; 0: the free
                        memory */
    const char *lr_factor; /* "": none; "fc*=10,conv1*=0.1": factors of the learning rate for weights whose name, or the
                              name of a layer that reads them, matches; the last match counts */
    const char *goal;      /* "classify", or "reconstruct": the output should equal the input image. "": reconstruct if
                              the output has the input's shape, else classify; stria_trainer_options returns which */
} stria_train_options;

/* Returns every row's default. */
STRIA_API stria_train_options stria_train_options_default(void);
/* Returns the defaults, changed by the model's metadata "stria.train", for example "lr=0.2 schedule=cosine" (networks
 * of the zoo have it), which may set all options except seed, threads, skip-bad, workers, cache, memory and out. The
 * loss is binary_cross_entropy for a model with a sigmoid per class. Texts live as long as the model. STRIA_BAD_FILE
 * for invalid metadata. */
STRIA_API stria_status stria_train_options_for(const stria_model *model, stria_train_options *out, stria_error *error);
/* The same, adapted to these training images: for colour photos in files, an untrained network gets augmentation and
 * regularisation, and with few photos smoothed labels and more epochs (docs/data.md). */
STRIA_API stria_status stria_train_options_for_data(const stria_model *model, const stria_dataset *data,
                                                    stria_train_options *out, stria_error *error);

typedef struct stria_option_row {
    const char *name;     /* "weight-decay" as a flag */
    const char *type;     /* "N", "X", "TEXT", "FOLDER"; NULL: a switch, 0 or 1 */
    const char *help;     /* one line, with the range */
    const char *standard; /* the default, as text */
} stria_option_row;
/* The rows, in order; NULL past the end. */
STRIA_API const stria_option_row *stria_train_option(int index);
/* Sets one option by its row's name from text, which must live as long as the options if the option is a text.
 * STRIA_BAD_ARGUMENT for a value out of range, and for an unknown name (the sentence names the nearest). */
STRIA_API stria_status stria_train_option_set(stria_train_options *options, const char *name, const char *text,
                                              stria_error *error);
/* Writes an option's value to text[bytes], in a form that stria_train_option_set reads back exactly. STRIA_BAD_ARGUMENT
 * for an unknown name or a longer value. */
STRIA_API stria_status stria_train_option_get(const stria_train_options *options, const char *name, char *text,
                                              size_t bytes, stria_error *error);
/* Returns true if the option cannot change when a run is resumed. False for an unknown name. */
STRIA_API bool stria_train_option_kept(const char *name);

/* ---------------------------------------------------------------------------------------------------------------
 * Trainer
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_trainer stria_trainer;

typedef enum stria_event_kind {
    STRIA_EVENT_START,      /* once, before the first step, with the plan */
    STRIA_EVENT_STEP,       /* after every step */
    STRIA_EVENT_EPOCH,      /* after every epoch's validation */
    STRIA_EVENT_CHECKPOINT, /* metrics, checkpoint and models were written */
    STRIA_EVENT_END,        /* everything is written */
    STRIA_EVENT_PROGRESS,   /* after every batch of a validation, and of the search for a value that is not finite;
                               carries no data, but the callback may stop the training */
    STRIA_EVENT_EVAL /* after a validation within an epoch (eval_every), and at the end if the last of `steps` is not an
                        epoch's last: the same fields as EPOCH, for the epoch so far */
} stria_event_kind;

/* L2 norms of one trained parameter and of its gradient. */
typedef struct stria_norm {
    const char *name;
    double weight, gradient;
} stria_norm;

/* An event. Fields that do not belong to its kind are 0. */
typedef struct stria_event {
    stria_event_kind kind;
    int64_t epoch, epochs; /* epoch number, from 1, and the number of epochs */
    int64_t step, steps;   /* steps done so far, and in total */
    int64_t images;        /* number of training images */
    double loss;           /* STEP: of this batch; EPOCH: mean over the epoch */
    double top1; /* EPOCH: fraction of training images predicted correctly during training; 0 if there are no classes */
    double val_loss, val_top1; /* EPOCH; −1 without a validation set, val_top1 also without classes. EVAL has all fields
                                  of EPOCH */
    double lr;
    double seconds; /* since this process started training */
    /* START */
    int64_t parameters, frozen_parameters, buffers;
    uint64_t parameter_bytes, optimizer_bytes; /* parameters and buffers; the optimiser's states */
    uint64_t activation_bytes; /* the planned workspace (inputs, activations, their gradients, scratch) minus
                                  gradient_bytes, at least 0 */
    uint64_t gradient_bytes;   /* gradients of all trained parameters together */
    const char *isa;
    int threads;
    const char *path;     /* CHECKPOINT: the run folder */
    const char *note;     /* a sentence for the user, or NULL. START; EPOCH: about newly skipped pictures */
    int64_t skipped;      /* EPOCH: pictures of training and validation that this process could not read (skip_bad) */
    double gradient_norm; /* STEP: of all parameters' gradients together, before they are clipped or penalised */
    const stria_norm *const *norms; /* EPOCH: [norm_count], current weights, gradients of the last step. Valid during
                                       the call */
    int norm_count;
    uint64_t peak_bytes; /* EPOCH, END: peak memory of this process, 0: not known */
    double wait_share;   /* EPOCH: fraction of the steps' time since the previous epoch, 0…1, that this process waited
                            for batches; END: of all its steps */
    uint64_t loader_bytes;            /* START: memory of batches made ahead, and of decoded pictures at most (cache) */
    int loader_threads, loader_ahead; /* START: number of threads that make batches ahead, and number of these batches;
                                         0: none */
    const char *measure;     /* EPOCH: the measure of the training's goal, higher is better: "top1", or "psnr", the peak
                                signal-to-noise ratio over all images in dB */
    double score, val_score; /* EPOCH: its value during training and in the validation; NaN without a validation set */
} stria_event;

/* Called in the training thread. Returning false stops the training: the state is saved and stria_trainer_run returns
 * STRIA_INTERRUPTED, or STRIA_OK if the last epoch is complete. An interrupted validation is repeated when the training
 * resumes. */
typedef bool stria_event_callback(const stria_event *event, void *context);

/* A trainer owns a copy of the model's parameters; `model` itself does not change. val may be NULL. The datasets and
 * the model are retained. Preprocessing and class names that the model does not have are taken from the dataset and
 * stored in the trained model. options NULL: the defaults. STRIA_BAD_ARGUMENT for an option out of its row's range, a
 * run folder that holds a training or a class that the model does not have, STRIA_BAD_SHAPE for a model that is not a
 * classifier of such images, STRIA_BUSY for a run folder in which another process trains, STRIA_IO, STRIA_UNSUPPORTED
 * for a layer without a gradient. */
STRIA_API stria_status stria_trainer_new(stria_trainer **out, const stria_model *model, stria_dataset *train,
                                         stria_dataset *val, const stria_train_options *options, stria_error *error);
/* Resumes the training of a run folder. data: NULL, or the new location of the data ("mnist:DIR") if it has moved; the
 * images must be the same. options: NULL, or only `epochs`, `steps`, `threads`, `pool` and `skip_bad` are used. If
 * steps is above 0, the run ends after this many steps; else if epochs is above 0, after this many epochs, whichever of
 * the two ended it before; if both are 0, its end does not change. Fewer epochs than are done or were planned, and
 * fewer steps than are done, are refused (STRIA_BAD_ARGUMENT); skip_bad 0 keeps the run's setting. For folders only
 * file names are compared, so a picture may be replaced by another of the same name. STRIA_NO_FILE if there is no run,
 * STRIA_BAD_FILE for a damaged checkpoint or other images, STRIA_BUSY, STRIA_IO. */
STRIA_API stria_status stria_trainer_resume(stria_trainer **out, const char *folder, const char *data,
                                            const stria_train_options *options, stria_error *error);
/* The same with further changes: names[] (NULL-terminated; NULL: none) are rows of stria_train_option whose values are
 * also taken from `options`. All options may change except those of stria_train_option_kept; the result is then no
 * longer that of an uninterrupted training, which the START event's note says. A change of `batch` restarts the current
 * epoch. STRIA_BAD_ARGUMENT for a row that may not change. */
STRIA_API stria_status stria_trainer_resume_with(stria_trainer **out, const char *folder, const char *data,
                                                 const stria_train_options *options, const char *const *names,
                                                 stria_error *error);
/* The same with datasets that the caller opened, or made from arrays or callbacks; val NULL for a run without
 * validation. STRIA_BAD_ARGUMENT if the run has a validation set and `val` is NULL, or vice versa. */
STRIA_API stria_status stria_trainer_resume_data(stria_trainer **out, const char *folder, stria_dataset *train,
                                                 stria_dataset *val, const stria_train_options *options,
                                                 stria_error *error);
/* Return the training and validation images (NULL: none), which belong to the trainer. */
STRIA_API const stria_dataset *stria_trainer_train_data(const stria_trainer *trainer);
STRIA_API const stria_dataset *stria_trainer_val_data(const stria_trainer *trainer);
/* Sets the callback, replacing an earlier one. NULL: none. */
STRIA_API void stria_trainer_on_event(stria_trainer *trainer, stria_event_callback *callback, void *context);
/* Trains to the last epoch. STRIA_INTERRUPTED if the callback stopped it. STRIA_NOT_FINITE if a loss or gradient is not
 * finite: elements whose gradient is not finite keep their value; others may have been updated in that step. With a run
 * folder, the sentence names step, layer and tensor, and the states are reset to the last checkpoint (or the sentence
 * says why not); without one, it names the step, and the states stay as that step left them. STRIA_IO if a file of the
 * run folder could not be written. */
STRIA_API stria_status stria_trainer_run(stria_trainer *trainer, stria_error *error);
/* Makes a snapshot of the model with the current parameters; the caller frees it. */
STRIA_API stria_status stria_trainer_model(stria_model **out, const stria_trainer *trainer, stria_error *error);
/* Returns the trainer's options. For a resumed run these are the options that it started with, except epochs, threads,
 * the folder and options changed by stria_trainer_resume_with. Lives as long as the trainer. */
STRIA_API const stria_train_options *stria_trainer_options(const stria_trainer *trainer);
/* The run folder, "" if none. Lives as long as the trainer. */
STRIA_API const char *stria_trainer_folder(const stria_trainer *trainer);
STRIA_API void stria_trainer_free(stria_trainer *trainer); /* accepts NULL */

/* A snapshot of a run folder's checkpoint; if a training is still running, of its latest one. */
typedef struct stria_run stria_run;

/* STRIA_NO_FILE if there is no run, STRIA_BAD_FILE for a damaged checkpoint. Free with stria_run_free. */
STRIA_API stria_status stria_run_open(stria_run **out, const char *folder, stria_error *error);
/* Returns the value of a key of docs/run-folder.md ("step", "data.checksum", "option.lr") as text; NULL if it does not
 * exist. Lives as long as the run. */
STRIA_API const char *stria_run_text(const stria_run *run, const char *key);
/* Returns true if a process is training in the folder now. */
STRIA_API bool stria_run_active(const char *folder);
STRIA_API void stria_run_free(stria_run *run); /* accepts NULL */

/* Writes the spec of a run folder's training data ("fashion-mnist") to text[bytes]. STRIA_NO_FILE, STRIA_BAD_FILE,
 * STRIA_BAD_ARGUMENT if it is longer. */
STRIA_API stria_status stria_run_data(const char *folder, char *text, size_t bytes, stria_error *error);
/* Returns the options with which the run opened its training data: limit, fraction and seed of the validation split,
 * how pictures are read. With them, stria_dataset_open returns the same splits again. STRIA_NO_FILE, STRIA_BAD_FILE. */
STRIA_API stria_status stria_run_data_options(const char *folder, stria_dataset_options *out, stria_error *error);

/* ---------------------------------------------------------------------------------------------------------------
 * A model as a classifier
 * ------------------------------------------------------------------------------------------------------------ */

typedef enum stria_relation {
    STRIA_EXCLUSIVE,  /* one class is correct: probabilities sum to 1 */
    STRIA_BINARY,     /* two classes, one number per image: class 1's probability or logit */
    STRIA_MULTI_LABEL /* each class has its own probability, independent of the others */
} stria_relation;

typedef struct stria_classifier {
    size_t size;        /* sizeof(stria_classifier) */
    int classes;        /* 2 if the output is one number per image */
    bool probabilities; /* true: output 0 holds probabilities; false: logits */
    bool certain; /* false: neither the graph nor the metadata stria.output shows which, and logits are assumed; or
                     the probabilities belong to several groups of classes, and are read as those of one */
    stria_relation relation;
    bool preprocessing; /* true: the model's metadata scales pixels; false: they are divided by 255 */
    bool untrained;     /* true: the weights are still the initial ones */
} stria_classifier;

/* Returns how training, evaluation and prediction interpret the model. STRIA_BAD_SHAPE for models that are not image
 * classifiers, STRIA_BAD_ARGUMENT for invalid metadata. */
STRIA_API stria_status stria_model_classifier(const stria_model *model, stria_classifier *out, stria_error *error);
/* Returns the class names, (*out)[*count], or the classes' numbers if the model has no names; free with
 * stria_class_names_free. STRIA_BAD_SHAPE for a model that is not an image classifier, STRIA_NO_MEMORY. */
STRIA_API stria_status stria_model_class_names(char ***out, int *count, const stria_model *model, stria_error *error);
STRIA_API void stria_class_names_free(char **names); /* accepts NULL */

/* ---------------------------------------------------------------------------------------------------------------
 * Evaluation
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_class_score {
    const char *name;
    double precision, recall, f1; /* 0 where undefined */
    int64_t support;              /* images of this class */
} stria_class_score;

typedef struct stria_evaluation {
    size_t size;    /* sizeof(stria_evaluation) */
    int64_t images; /* number of evaluated images */
    double loss, top1, top5;
    int classes;
    const stria_class_score *const *class_scores; /* [classes] */
    const int64_t *confusion;                     /* [classes][classes], true class × predicted class */
    bool multi_label; /* each class has its own probability: top-1 and top-5 rank the classes by it, and loss is the
                         binary cross-entropy, averaged over the classes */
    int64_t skipped;  /* images that could not be read (skip_bad) */
    const char *skipped_first; /* the first skipped image's error; NULL: none */
    void *memory;              /* owns all that the struct points to */
    double calibration;        /* expected calibration error: the mean over images of |accuracy − mean confidence| of
                                  their bin, 15 equal bins of the predicted class's probability (Guo et al. 2017) */
    const char *goal;          /* "classify" or "reconstruct"; the latter sets only images, loss (the mean squared
                                  error), psnr and skipped, and classes is 0 */
    double psnr; /* over all images, in dB: −10·log10 of the mean squared error of values scaled to 0…1;
                    at most 200 */
} stria_evaluation;

/* Views of a picture whose probabilities are averaged. FLIP: the picture and its mirror image. TEN_CROP: the four
 * corners and the centre of both, cropped as the model crops, or, for a model that does not crop, from the picture
 * resized to 8/7 of the network's sides. */
typedef enum stria_tta { STRIA_TTA_NONE, STRIA_TTA_FLIP, STRIA_TTA_TEN_CROP } stria_tta;

/* How evaluation and prediction run a model. */
typedef struct stria_inference_options {
    size_t size;     /* sizeof(stria_inference_options) */
    int threads;     /* 0: all CPUs */
    int64_t batch;   /* images per batch; 0: automatic */
    const char *isa; /* NULL: the environment's STRIA_ISA, else the best of this machine */
    bool (*progress)(int64_t done, int64_t of, void *context); /* NULL: none; it returns false to stop with
                                                                  STRIA_INTERRUPTED */
    void *context;
    int64_t max_pixels; /* for picture files in stria_predict_file, as in stria_dataset_options; 0: the default */
    /* NULL, or called by stria_evaluate for each image in order, in the calling thread. index: in the dataset; label:
     * its class by the model's numbering; probabilities[classes]: the model's, valid during the call. */
    void (*judge)(int64_t index, int64_t label, const float *probabilities, int classes, void *context);
    void *judge_context;
    int skip_bad;                  /* 1: stria_evaluate skips pictures that cannot be read; 0: it fails at the first */
    const stria_thread_pool *pool; /* NULL: its own threads; else `threads` is ignored */
    int tta;                       /* test-time augmentation, a stria_tta; 0: none */
    int no_exif, fast_decode;      /* for predicted picture files, as in stria_dataset_options */
} stria_inference_options;

/* All CPUs, automatic batch, the best instruction set, no progress. */
STRIA_API stria_inference_options stria_inference_options_default(void);
/* Evaluates every image of the dataset once, in order. The dataset's classes are matched with the model's by name.
 * options NULL: the defaults. On success `out` owns what it points to; free it with stria_evaluation_release.
 * STRIA_BAD_ARGUMENT for a class that the model does not have, STRIA_BAD_SHAPE for a model that is not a classifier of
 * such images, STRIA_INTERRUPTED if `progress` stopped it, and the errors of reading pictures (with skip_bad
 * STRIA_BAD_FILE if no picture can be read). */
STRIA_API stria_status stria_evaluate(const stria_model *model, const stria_dataset *data,
                                      const stria_inference_options *options, stria_evaluation *out,
                                      stria_error *error);
/* Checks that the data's values have the range that the model was trained with (metadata stria.range), or one that is
 * converted to it (0…1 and 0…255 are converted to each other). Otherwise returns STRIA_BAD_ARGUMENT with a sentence to
 * show as a warning; other functions do not refuse such data. data NULL: pictures from files. Other errors: the model
 * is not a classifier. */
STRIA_API stria_status stria_model_check_range(const stria_model *model, const stria_dataset *data, stria_error *error);
/* Frees the contents and empties the struct, whose size stays set; accepts a struct that was not filled. */
STRIA_API void stria_evaluation_release(stria_evaluation *evaluation);

/* ---------------------------------------------------------------------------------------------------------------
 * Prediction: the preprocessing of the model's metadata, then a session.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_predictor stria_predictor;

/* Makes a predictor; retains the model. One thread at a time may use it; predictors of one model share its weights.
 * options NULL: the defaults; progress is ignored, batch is used by stria_predict_files only. STRIA_BAD_SHAPE for
 * models that are not image classifiers. */
STRIA_API stria_status stria_predictor_new(stria_predictor **out, const stria_model *model,
                                           const stria_inference_options *options, stria_error *error);
STRIA_API void stria_predictor_free(stria_predictor *predictor); /* accepts NULL */
/* Returns the length of the arrays of probabilities. */
STRIA_API int stria_predictor_classes(const stria_predictor *predictor);
/* Returns channels, height and width of the last predicted picture, before preprocessing; 0 before the first. */
STRIA_API void stria_predictor_picture(const stria_predictor *predictor, int64_t *channels, int64_t *height,
                                       int64_t *width);
/* The same for the index-th picture of the last stria_predict_files; 0 if it could not be read, and outside
 * 0…count−1. */
STRIA_API void stria_predictor_picture_at(const stria_predictor *predictor, int64_t index, int64_t *channels,
                                          int64_t *height, int64_t *width);
/* Never NULL: the class's number if the model has no names, "" outside 0…classes−1. Lives as long as the predictor. */
STRIA_API const char *stria_predictor_class_name(const stria_predictor *predictor, int index);
/* Write probabilities[classes], derived from the model's output (stria_classifier), for one picture file (PNG, JPEG,
 * WebP, TIFF, BMP, PNM; also a pipe, or "-" for standard input), or for one image of a dataset. STRIA_NO_FILE,
 * STRIA_BAD_FILE, STRIA_BAD_SHAPE for pictures that cannot be converted to the model's input, STRIA_BAD_ARGUMENT for an
 * index outside 0…count−1. */
STRIA_API stria_status stria_predict_file(stria_predictor *predictor, const char *path, float *probabilities,
                                          stria_error *error);
STRIA_API stria_status stria_predict_item(stria_predictor *predictor, const stria_dataset *data, int64_t index,
                                          float *probabilities, stria_error *error);
/* Predicts many files in batches (stria_inference_options.batch, 0: 16), read by all threads:
 * probabilities[count][classes], and each file's error in errors[count] (status STRIA_OK: none); the probabilities of a
 * picture with an error are undefined. Unlike stria_predict_file it refuses pipes and devices, which a folder or a list
 * may hold, without waiting for them (STRIA_BAD_FILE). The call fails only as a whole: STRIA_NO_MEMORY, also for a
 * single picture, and models that cannot be run. */
STRIA_API stria_status stria_predict_files(stria_predictor *predictor, const char *const *paths, int64_t count,
                                           float *probabilities, stria_error *errors, stria_error *error);
/* The same for one picture in memory: uint8 [1 or 3, height, width], or float32 [channels, height, width] with values
 * in the range that the model was trained with. STRIA_BAD_SHAPE for another array, STRIA_NOT_FINITE. */
STRIA_API stria_status stria_predict_array(stria_predictor *predictor, const stria_array *picture, float *probabilities,
                                           stria_error *error);
/* Preprocesses one picture, an array as in stria_predict_array, into the model's input: float32 [1, channels, height,
 * width]. Free with stria_array_release. STRIA_BAD_SHAPE for another array, a model that neither classifies images nor
 * reconstructs them, or a picture that cannot be converted to its input. */
STRIA_API stria_status stria_model_picture(const stria_model *model, const stria_array *picture, stria_array *out,
                                           stria_error *error);

#ifdef __cplusplus
}
#endif
#endif
