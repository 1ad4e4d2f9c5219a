/* What the torture tests train: a network of a few hundred parameters on 60 pictures of 8 × 8 in ten classes. */
#ifndef TESTS_SMALL_H
#define TESTS_SMALL_H

#include <stria/stria.h>

extern char small_folder[256];    /* goes away at the end */
extern char small_data_spec[600]; /* mnist:… in it */

int small_data_setup(void **state);
int small_data_teardown(void **state);

/* conv 5×5, max pooling, relu (if wanted), dense. */
stria_model *small_model(bool rectified, stria_error *err);
/* The model (rectified), its training pictures without those held out, and these. Says what went wrong on stderr. */
bool small_training(stria_model **model, stria_dataset **train, stria_dataset **val);
/* An array in the folder: type "<f4", dims "20, 1, 8, 8". */
bool small_npy(const char *name, const char *type, const char *dims, const void *data, size_t bytes);
void small_folder_empty(const char *path); /* removes a folder and the files in it */

#endif
