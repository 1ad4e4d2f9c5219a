/* The input of every kind of training: a model, options and pictures, from the command line. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include "cli/json.h"
#include "cli/options.h"

/* The library's options, those that suit the model (NULL: none) and the number of images (train NULL: unknown) before
 * those that are given. */
stria_status training_options(const options *given, const stria_model *model, const stria_dataset *train,
                              stria_train_options *out, stria_error *error);
/* Training and, if it validates and --val does not say none, validation images. Of `division` the limit and pipes
 * count; the rest becomes what the options say of parts and files. */
stria_status training_data(const options *given, const char *data, bool validates, stria_dataset_options *division,
                           stria_dataset **train, stria_dataset **val, stria_error *error);

/* Opens everything that one training of several needs, and gives it up again, without a word and without a trace. All
 * of them read the data, so pipes are refused. The pictures (zeroed; the caller frees them) are opened again only if
 * other ones are asked for than the last time.
 */
typedef struct training_pictures {
    char key[4096]; /* what was asked for */
    stria_dataset *train, *val;
} training_pictures;
stria_status training_rehearse(const options *given, training_pictures *pictures, stria_error *error);

/* Says what is wrong with the options of `stria train` together; false then. */
bool training_usage(const options *given);

/* ---- train.c ---- */

/* `stria train` with these options; returns the exit code. result NULL: as the user sees it. Else only the bar is seen;
 * where it returns EXIT_DONE, *result is what --json would print, with "diverged" where a loss or gradient was not
 * finite. */
int train_with(const options *given, json_t **result);

/* ---- grid.c: a grid of trainings ---- */

#define OPTIONS_SWEEP                                                                                                  \
    {.name = "sweep",                                                                                                  \
     .kind = OPTION_TEXT,                                                                                              \
     .type = "GRID",                                                                                                   \
     .help = "trains each combination, for example \"optimizer=sgd,adam; lr=0.1,0.01\", into --out; the same command " \
             "resumes the sweep"},                                                                                     \
    {                                                                                                                  \
        .name = "repeat", .kind = OPTION_INTEGER, .type = "N", .minimum = 1, .maximum = 1000,                          \
        .help = "trainings per combination of --sweep, each with its own seed (default 1)"                             \
    }

/* Exit code. */
int grid_run(const options *given);

/* ---- trial.c: trainings that leave no run ---- */

#define OPTIONS_TRIAL                                                                                                  \
    {.name = "overfit",                                                                                                \
     .kind = OPTION_INTEGER,                                                                                           \
     .type = "N",                                                                                                      \
     .minimum = 1,                                                                                                     \
     .maximum = 1 << 24,                                                                                               \
     .help = "checks, instead of training, whether the network can memorise N pictures (in 200 epochs, or --epochs)"}, \
    {                                                                                                                  \
        .name = "find-lr", .kind = OPTION_OPTIONAL, .type = "FILE.svg",                                                \
        .help = "instead of training, tries 100 learning rates from 1e-6 to 10 for one step each, suggests one, and "  \
                "plots the losses to FILE.svg"                                                                         \
    }

/* Exit codes. */
int trial_overfit(const options *given);
int trial_find_lr(const options *given);

#endif
