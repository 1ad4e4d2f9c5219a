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

/* Texts live as long as the options are used; a trainer copies them. NULL is a row's default. Later fields are
 * appended, with a default of 0 or NULL. */
typedef struct stria_train_options {
    size_t size; /* sizeof(stria_train_options) */
    int64_t epochs;
    int64_t batch; /* images per step; 0: as many as the memory holds (docs/training.md), which the trainer's own
                      options then say */
    const char *optimizer; /* "sgd:momentum=0.9", "adam" */
    const char *loss; /* "cross_entropy", "cross_entropy+cross_entropy:output=aux1,weight=0.3"; "": the goal's own */
    const char
        *class_weights; /* "": all classes count alike; "balanced", or a number for each class of the data: "1,2" */
    double lr;
    const char *schedule; /* "constant", "cosine", "step:every=2000", "multistep:at=0.5x0.75", "plateau:patience=5" */
    const char *augment;  /* "crop pad 4, flip": docs/augmentation.md; "": pictures are taken as they are */
    double weight_decay;
    double clip_norm;   /* most that the gradients' norm over all parameters may be; 0: unlimited */
    double clip_value;  /* most that an element of a gradient may be; 0: unlimited */
    double l1;          /* penalty on the absolute values of weights (not of biases) */
    double max_norm;    /* most that the norm of a unit's weights may be after a step; 0: unlimited */
    double ema;         /* decay of a moving average of the parameters, which is then validated and saved; 0: none */
    int64_t accumulate; /* batches whose gradients are averaged for one update; steps are still counted by batches */
    int64_t patience;   /* epochs without a better validation after which training ends; 0: never */
    uint64_t seed;      /* at most 9.2e18 */
    int threads;        /* 0: all CPUs that the process may use. Does not change a bit of the result */
    int skip_bad;       /* 1: a picture that cannot be read is left out, and the next one of the epoch's order takes its
                           place; 0: training stops at it */
    const char *out;    /* run folder; "": none is written */
    const stria_thread_pool *pool; /* NULL: threads of its own; else `threads` does not matter. No row; NULL in what
                                      stria_trainer_options gives */
    int64_t cache; /* MiB for decoded pictures of files, so that later epochs read no files; 0: none. No bit changes */
    int64_t steps; /* training ends after so many steps instead of after `epochs`; 0: after `epochs` */
    int64_t eval_every; /* also validates after every so many steps; 0: at the end of every epoch only */
    int recompute;      /* 1: a step computes parts of the network twice instead of keeping their results: less memory,
                           more time, the same bits */
    int no_shuffle;     /* 1: every epoch takes the training images in the dataset's order; 0: in an order of its own */
    int64_t workers; /* threads that read, decode and change pictures ahead of the steps, beside `threads`. 0: as many
                        as these, at most one per CPU, and none where `threads` is 1; −1: none, each step makes its
                        own batch. None either where pixels lie in memory and no change is random. No bit changes */
    int64_t memory;  /* MiB that the network and its training may take, pictures apart; 0: what is free */
    const char *lr_factor; /* "": none; "fc*=10,conv1*=0.1": factors of the rate for weights whose name, or the name of
                              a layer that reads them, matches; of several that match, the last */
    const char *goal;      /* "classify", or "reconstruct": the network gives pictures back. "": what its output is for,
                              reconstruct where that has the input's shape; the trainer's own options say which */
} stria_train_options;

/* Every row's default. */
STRIA_API stria_train_options stria_train_options_default(void);
/* The defaults, changed to what suits this model where it says so in its metadata "stria.train", as in "lr=0.2
 * schedule=cosine" (networks of the zoo do): all but seed, threads, skip-bad and out; and the loss binary_cross_entropy
 * of a model whose classes have a sigmoid each. Texts live as long as the model. STRIA_BAD_FILE where the metadata says
 * something else. */
STRIA_API stria_status stria_train_options_for(const stria_model *model, stria_train_options *out, stria_error *error);
/* The same with what suits these training images: a network that has not been trained yet gets random changes to colour
 * photos in files, penalties against learning them by heart, and of few photos smoothed labels and more epochs
 * (docs/data.md). */
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
/* Sets one option by its row's name from text, which must live as long as the options if the option is one.
 * STRIA_BAD_ARGUMENT for what is out of range, and for an unknown name, with the nearest. */
STRIA_API stria_status stria_train_option_set(stria_train_options *options, const char *name, const char *text,
                                              stria_error *error);
/* An option's value as the text that stria_train_option_set reads back exactly, into text[bytes]. STRIA_BAD_ARGUMENT
 * for an unknown name or a value that is longer. */
STRIA_API stria_status stria_train_option_get(const stria_train_options *options, const char *name, char *text,
                                              size_t bytes, stria_error *error);
/* Whether a run keeps this option's value for good, since it decides its states or its place. False for an unknown
 * name. */
STRIA_API bool stria_train_option_kept(const char *name);

/* ---------------------------------------------------------------------------------------------------------------
 * Trainer
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_trainer stria_trainer;

typedef enum stria_event_kind {
    STRIA_EVENT_START,      /* once, before the first step: the plan */
    STRIA_EVENT_STEP,       /* after every step */
    STRIA_EVENT_EPOCH,      /* after every epoch's validation */
    STRIA_EVENT_CHECKPOINT, /* lines, checkpoint and models were written */
    STRIA_EVENT_END,        /* everything is written */
    STRIA_EVENT_PROGRESS,   /* after every batch of a validation, and of the search for a value that is not finite:
                              nothing to tell, but it may be asked to stop */
    STRIA_EVENT_EVAL /* after a validation within an epoch (eval_every), and where the last of `steps` is not an epoch's
                        last: the same fields as EPOCH, of the epoch until then */
} stria_event_kind;

/* Of one parameter that is trained: the Euclidean norms of its contents and of its gradient. */
typedef struct stria_norm {
    const char *name;
    double weight, gradient;
} stria_norm;

/* What a callback sees. Fields that do not belong to the kind are 0. */
typedef struct stria_event {
    stria_event_kind kind;
    int64_t epoch, epochs; /* of epoch e of E, from 1 */
    int64_t step, steps;   /* done so far, in all */
    int64_t images;        /* of the training set */
    double loss;           /* of this step's batch; EPOCH: mean of the epoch */
    double top1; /* EPOCH: share of training images right, as seen while training; 0 where there are no classes */
    double val_loss, val_top1; /* EPOCH; −1 without a validation set, the second also without classes. Fields of EPOCH
                                  are EVAL's too */
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
    const char *path;     /* CHECKPOINT: the run folder */
    const char *note;     /* what the user should know, or NULL. START; EPOCH: of pictures newly left out */
    int64_t skipped;      /* EPOCH: pictures of training and validation that this process could not read (skip_bad) */
    double gradient_norm; /* STEP: of all parameters' gradients together, before they are clipped or penalised */
    const stria_norm *const *norms; /* EPOCH: [norm_count], weights as they are now, gradients of the last step. Valid
                                       during the call */
    int norm_count;
    uint64_t peak_bytes;   /* EPOCH, END: the most memory that this process has held, 0: not known */
    double wait_share;     /* EPOCH: share of the steps' time, 0…1, since the one before that this process waited for
                              their batches; END: of all its steps */
    uint64_t loader_bytes; /* START: batches that are made ahead, and the most that decoded pictures may take (cache) */
    int loader_threads, loader_ahead; /* START: threads that make batches ahead, and how many batches; 0: none */
    const char *measure;     /* EPOCH: how the training's goal measures outputs, more is better: "top1"; "psnr", the
                                peak signal-to-noise ratio of all pictures together in dB */
    double score, val_score; /* EPOCH: by it, while training and in the validation; NaN without a validation set */
} stria_event;

/* Called in the training thread. Returning false asks to stop: the state is saved and stria_trainer_run returns
 * STRIA_INTERRUPTED, or STRIA_OK where the last epoch is complete. A validation that is stopped is done again when the
 * training goes on. */
typedef bool stria_event_callback(const stria_event *event, void *context);

/* A trainer owns a copy of the model's parameters; `model` itself does not change. val may be NULL. The datasets and
 * the model are retained. Preprocessing and class names that the model does not have yet are taken from the dataset and
 * stored in it. options NULL: the defaults. STRIA_BAD_ARGUMENT for an option out of its row's range, a run folder that
 * holds a training or a class that the model does not know, STRIA_BAD_SHAPE for a model that is not a classifier of
 * such pictures, STRIA_BUSY for a run folder that another process trains in, STRIA_IO, STRIA_UNSUPPORTED for a layer
 * without a gradient. */
STRIA_API stria_status stria_trainer_new(stria_trainer **out, const stria_model *model, stria_dataset *train,
                                         stria_dataset *val, const stria_train_options *options, stria_error *error);
/* Goes on with a run folder. data: NULL, or where the data is now ("mnist:DIR") if it has moved: the same images are
 * checked for. options: NULL, or only `epochs`, `steps`, `threads`, `pool` and `skip_bad` are taken from it. With steps
 * above 0 the run ends after so many, else with epochs above 0 after those, whichever it ended by before; 0 of both
 * leaves its end. Fewer epochs than it has, or was to have, and fewer steps than it has are refused
 * (STRIA_BAD_ARGUMENT); skip_bad 0 leaves what the run has. Of a folder the names are checked, so that a picture may be
 * replaced by another of its name. STRIA_NO_FILE where there is no run, STRIA_BAD_FILE for a damaged checkpoint or
 * other images, STRIA_BUSY, STRIA_IO. */
STRIA_API stria_status stria_trainer_resume(stria_trainer **out, const char *folder, const char *data,
                                            const stria_train_options *options, stria_error *error);
/* The same with further changes: names[] (NULL-terminated; NULL: none) are rows of stria_train_option whose values are
 * taken from options too. All but those that are kept (stria_train_option_kept) may change; then the result is no
 * longer that of an uninterrupted training, which the START event's note says. With another batch the epoch that was
 * under way begins again. STRIA_BAD_ARGUMENT for a row that may not change. */
STRIA_API stria_status stria_trainer_resume_with(stria_trainer **out, const char *folder, const char *data,
                                                 const stria_train_options *options, const char *const *names,
                                                 stria_error *error);
/* The same with datasets that the caller opened, or made of arrays or a source; val NULL for a run without validation.
 * STRIA_BAD_ARGUMENT where the run has a validation set and there is none, or the other way round. */
STRIA_API stria_status stria_trainer_resume_data(stria_trainer **out, const char *folder, stria_dataset *train,
                                                 stria_dataset *val, const stria_train_options *options,
                                                 stria_error *error);
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
STRIA_API stria_status stria_trainer_model(stria_model **out, const stria_trainer *trainer, stria_error *error);
/* Its options: of a run folder that goes on, those that it began with, but for epochs, threads and the folder. Lives as
 * long as the trainer. */
STRIA_API const stria_train_options *stria_trainer_options(const stria_trainer *trainer);
/* The run folder, "" if none. Lives as long as the trainer. */
STRIA_API const char *stria_trainer_folder(const stria_trainer *trainer);
STRIA_API void stria_trainer_free(stria_trainer *trainer); /* accepts NULL */

/* What a run folder's checkpoint says, read once; of a training that is still running, what it said last. */
typedef struct stria_run stria_run;

/* STRIA_NO_FILE where there is no run, STRIA_BAD_FILE for a damaged checkpoint. Free with stria_run_free. */
STRIA_API stria_status stria_run_open(stria_run **out, const char *folder, stria_error *error);
/* The text of a key of docs/run-folder.md ("step", "data.checksum", "option.lr"); NULL if there is none. Lives as long
 * as the run. */
STRIA_API const char *stria_run_text(const stria_run *run, const char *key);
/* Whether a process trains in the folder now. */
STRIA_API bool stria_run_active(const char *folder);
STRIA_API void stria_run_free(stria_run *run); /* accepts NULL */

/* The spec of the training data of a run folder ("fashion-mnist"), into text[bytes]. STRIA_NO_FILE, STRIA_BAD_FILE,
 * STRIA_BAD_ARGUMENT if it is longer. */
STRIA_API stria_status stria_run_data(const char *folder, char *text, size_t bytes, stria_error *error);
/* How the run opened its training data: limit, share and seed of the validation part, how pictures are read. With them
 * stria_dataset_open gives the same splits again. STRIA_NO_FILE, STRIA_BAD_FILE. */
STRIA_API stria_status stria_run_data_options(const char *folder, stria_dataset_options *out, stria_error *error);

/* ---------------------------------------------------------------------------------------------------------------
 * What a model is as a classifier
 * ------------------------------------------------------------------------------------------------------------ */

typedef enum stria_relation {
    STRIA_EXCLUSIVE,  /* one class is right: probabilities sum to 1 */
    STRIA_BINARY,     /* two classes, told apart by one number per picture: class 1's probability or its logit */
    STRIA_MULTI_LABEL /* each class has its own probability, independent of the others */
} stria_relation;

typedef struct stria_classifier {
    size_t size;        /* sizeof(stria_classifier) */
    int classes;        /* 2 where the output is one number per picture */
    bool probabilities; /* output 0 holds probabilities; else logits */
    bool certain;       /* false: neither the graph nor the metadata stria.output says which; logits are assumed */
    stria_relation relation;
    bool preprocessing; /* the model says how pixels are scaled; else they are divided by 255 */
    bool untrained;     /* its weights are those that it was made with */
} stria_classifier;

/* How training, evaluation and prediction read the model. STRIA_BAD_SHAPE for models that are not classifiers of
 * pictures, STRIA_BAD_ARGUMENT for metadata that cannot be understood. */
STRIA_API stria_status stria_model_classifier(const stria_model *model, stria_classifier *out, stria_error *error);
/* The names of its classes, (*out)[*count], or their numbers where the model has no names; free with
 * stria_class_names_free. STRIA_BAD_SHAPE for what is not a classifier of pictures, STRIA_NO_MEMORY. */
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
    int64_t images; /* that were judged */
    double loss, top1, top5;
    int classes;
    const stria_class_score *const *class_scores; /* [classes] */
    const int64_t *confusion;                     /* [classes][classes], true class × predicted class */
    bool multi_label; /* each class has its own probability: then top-1 and top-5 are by the greatest of them, and loss
                         is the binary cross-entropy, averaged over the classes */
    int64_t skipped;  /* images that could not be read (skip_bad) */
    const char *skipped_first; /* what is wrong with the first of them; NULL: none */
    void *memory;              /* of all that it points to */
    double calibration;        /* expected calibration error: the mean over images of |accuracy − mean confidence| of
                                  their bin, 15 equal bins of the predicted class's probability (Guo et al. 2017) */
    const char *goal;          /* "classify" or "reconstruct"; of the latter count images, loss (the mean square error),
                                  psnr and skipped, classes is 0 */
    double psnr;               /* of all images together, in dB: −10·log10 of the mean square error where values have
                                  the range 0 to 1; at most 200 */
} stria_evaluation;

/* Views of a picture whose probabilities are averaged: it and its mirror image; or four corners and the middle of both,
 * cropped as the model crops, or of the picture resized to 8/7 of the network's sides. */
typedef enum stria_tta { STRIA_TTA_NONE, STRIA_TTA_FLIP, STRIA_TTA_TEN_CROP } stria_tta;

/* How evaluation and prediction run a model. */
typedef struct stria_inference_options {
    size_t size;     /* sizeof(stria_inference_options) */
    int threads;     /* 0: all CPUs */
    int64_t batch;   /* images at once, 0: chosen */
    const char *isa; /* NULL: the best of this machine, or the environment's STRIA_ISA */
    bool (*progress)(int64_t done, int64_t of, void *context); /* NULL: none; false stops with STRIA_INTERRUPTED */
    void *context;
    int64_t max_pixels; /* of a picture's file in stria_predict_file, as in stria_dataset_options; 0: the default */
    /* NULL, or what stria_evaluate calls for each image in order, in the calling thread. index: in the dataset; label:
     * its class as the model counts; probabilities[classes]: the model's, valid during the call. */
    void (*judge)(int64_t index, int64_t label, const float *probabilities, int classes, void *context);
    void *judge_context;
    int skip_bad; /* 1: stria_evaluate leaves out pictures that cannot be read; 0: it fails at the first */
    const stria_thread_pool *pool; /* NULL: threads of its own; else `threads` does not matter */
    int tta;                       /* test-time augmentation, a stria_tta; 0: none */
    int no_exif, fast_decode;      /* of pictures' files that are predicted, as in stria_dataset_options */
} stria_inference_options;

/* All CPUs, a batch that is chosen, the best instruction set, no progress. */
STRIA_API stria_inference_options stria_inference_options_default(void);
/* Runs every image of the dataset once, in order, and counts. The dataset's classes are matched with the model's by
 * name. options NULL: the defaults. On success `out` owns what it points to: stria_evaluation_release.
 * STRIA_BAD_ARGUMENT for a class that the model does not know, STRIA_BAD_SHAPE for a model that is not a classifier of
 * such pictures, STRIA_INTERRUPTED when `progress` said stop, and the errors of reading pictures (with skip_bad
 * STRIA_BAD_FILE where no picture can be read). */
STRIA_API stria_status stria_evaluate(const stria_model *model, const stria_dataset *data,
                                      const stria_inference_options *options, stria_evaluation *out,
                                      stria_error *error);
/* Whether the data's values have the range that the model was trained with (metadata stria.range) or are converted to
 * it, which is done between 0…1 and 0…255. Otherwise STRIA_BAD_ARGUMENT with a sentence that is worth a warning:
 * nothing refuses such data. data NULL: pictures from files. Other errors: the model is not a classifier. */
STRIA_API stria_status stria_model_check_range(const stria_model *model, const stria_dataset *data, stria_error *error);
/* Frees what it points to, and leaves a struct of the same size; accepts one that was not filled. */
STRIA_API void stria_evaluation_release(stria_evaluation *evaluation);

/* ---------------------------------------------------------------------------------------------------------------
 * Prediction: a session after the preprocessing that the model carries in its metadata.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_predictor stria_predictor;

/* A session for one picture at a time; retains the model. One thread at a time; predictors of one model share its
 * weights. options NULL: the defaults; batch and progress do not matter. STRIA_BAD_SHAPE for models that are no
 * classifiers of pictures. */
STRIA_API stria_status stria_predictor_new(stria_predictor **out, const stria_model *model,
                                           const stria_inference_options *options, stria_error *error);
STRIA_API void stria_predictor_free(stria_predictor *predictor); /* accepts NULL */
/* Length of the arrays of probabilities. */
STRIA_API int stria_predictor_classes(const stria_predictor *predictor);
/* Channels, height, width of the picture that it predicted last, as it came; 0 before the first. */
STRIA_API void stria_predictor_picture(const stria_predictor *predictor, int64_t *channels, int64_t *height,
                                       int64_t *width);
/* The same of the index-th picture of the last stria_predict_files; 0 of one that could not be judged, and outside
 * 0…count−1. */
STRIA_API void stria_predictor_picture_at(const stria_predictor *predictor, int64_t index, int64_t *channels,
                                          int64_t *height, int64_t *width);
/* Never NULL: the class's number where the model has no names, "" outside 0…classes−1. Lives as long as the predictor.
 */
STRIA_API const char *stria_predictor_class_name(const stria_predictor *predictor, int index);
/* Probabilities [classes] as the model's output makes them (stria_classifier), for one picture file (PNG, JPEG, WebP,
 * TIFF, BMP, PNM; also a pipe, or "-" for standard input), or one image of a dataset. STRIA_NO_FILE, STRIA_BAD_FILE,
 * STRIA_BAD_SHAPE for pictures that do not become the model's input, STRIA_BAD_ARGUMENT for an index outside
 * 0…count−1. */
STRIA_API stria_status stria_predict_file(stria_predictor *predictor, const char *path, float *probabilities,
                                          stria_error *error);
STRIA_API stria_status stria_predict_item(stria_predictor *predictor, const stria_dataset *data, int64_t index,
                                          float *probabilities, stria_error *error);
/* Many files in batches (stria_inference_options.batch, 0: 16), read by all threads: probabilities[count][classes], and
 * what is wrong with each in errors[count] (status STRIA_OK: nothing); the probabilities of such a picture mean
 * nothing. Unlike stria_predict_file it refuses pipes and devices, which a folder or a list may hold, without waiting
 * for them (STRIA_BAD_FILE). Fails only for the whole: STRIA_NO_MEMORY, also of one picture, and models that cannot be
 * run. */
STRIA_API stria_status stria_predict_files(stria_predictor *predictor, const char *const *paths, int64_t count,
                                           float *probabilities, stria_error *errors, stria_error *error);
/* The same for one picture in memory: uint8 [1 or 3, height, width], or float32 [channels, height, width] of values as
 * the model was trained with. STRIA_BAD_SHAPE for another array, STRIA_NOT_FINITE. */
STRIA_API stria_status stria_predict_array(stria_predictor *predictor, const stria_array *picture, float *probabilities,
                                           stria_error *error);
/* The model's input for one picture, an array as of stria_predict_array, as prediction makes it: float32 [1, channels,
 * height, width]. Free with stria_array_release. STRIA_BAD_SHAPE for another array, a model that neither
 * classifies pictures nor gives them back, or a picture that does not become its input. */
STRIA_API stria_status stria_model_picture(const stria_model *model, const stria_array *picture, stria_array *out,
                                           stria_error *error);

#ifdef __cplusplus
}
#endif
#endif
