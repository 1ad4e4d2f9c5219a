/* Training options as rows of one table: flag, field, range and checkpoint key are said once. */
#ifndef TRAIN_OPTIONS_H
#define TRAIN_OPTIONS_H

#include "base/memory.h"
#include "base/text.h"
#include <stria/train.h>

/* ---- stria/train.h's functions of these names ---- */

const stria_option_row *train_option_row(int index);
stria_status train_option_set(stria_train_options *options, const char *name, const char *value, stria_error *err);
stria_train_options train_options_default(void);
bool train_option_kept(const char *name);

/* Appends the option's value as the text that train_option_set reads back exactly. */
void train_option_text(const stria_train_options *options, int index, text *out);

#define OPTION_TEXT_MAX 1023 /* bytes of a text, such as the run folder */

/* Every field in its row's range, for callers who set them directly; texts that are NULL become the row's default. */
stria_status train_options_check(stria_train_options *options, stria_error *err);

/* Copies the texts. */
stria_status train_options_keep(stria_train_options *options, arena *texts, stria_error *err);

/* Sets what a recipe like "lr=0.2 schedule=cosine" says: the settings that suit a network, which its metadata keeps
 * under TRAIN_RECIPE. It may not say where to write, nor seed and threads. Each of the words, together `bytes`, has an
 * end, and lives as long as the options. */
#define TRAIN_RECIPE "stria.train"
void train_recipe_cut(char *words, size_t bytes); /* gives each word an end */
stria_status train_options_recipe(stria_train_options *options, const char *words, size_t bytes, stria_error *err);

/* The named option of `from`, whose texts must live as long as `to`. */
void train_option_take(stria_train_options *to, const stria_train_options *from, const char *name);

#endif
