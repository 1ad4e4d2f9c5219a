/* Training options as rows of one table: flag, field, range and checkpoint key are said once. */
#ifndef TRAIN_OPTIONS_H
#define TRAIN_OPTIONS_H

#include "base/text.h"
#include <stria/train.h>

/* Appends the option's value as the text that stria_train_option_set reads back exactly. */
void train_option_text(const stria_train_options *options, int index, text *out);

/* Every field in its row's range, for callers who set them directly. */
stria_status train_options_check(const stria_train_options *options, stria_error *err);

/* Sets what a recipe like "lr=0.2 schedule=cosine" says: the settings that suit a network, which its metadata keeps
 * under TRAIN_RECIPE. It may not say where to write, nor seed and threads. */
#define TRAIN_RECIPE "stria.train"
stria_status train_options_recipe(stria_train_options *options, const char *recipe, stria_error *err);

/* What optimizer="sgd:momentum=0.9,nesterov=1" says. */
typedef struct optimizer_options {
    double momentum;
    bool nesterov;
} optimizer_options;
stria_status optimizer_parse(const char *spec, optimizer_options *out, stria_error *err);

/* What schedule="cosine:warmup=100,floor=0.001" says. */
typedef struct schedule {
    bool cosine; /* else constant */
    double warmup, floor;
} schedule;
stria_status schedule_parse(const char *spec, schedule *out, stria_error *err);

/* The learning rate of one step: lr, or by the cosine floor + (lr − floor)·(1 + cos(π·t/T))/2 (Loshchilov and Hutter,
 * "SGDR", ICLR 2017, without restarts); in the first `warmup` steps it grows evenly to lr. */
double schedule_lr(const schedule *s, double lr, int64_t step, int64_t steps);

#endif
