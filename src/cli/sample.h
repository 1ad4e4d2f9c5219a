/* Inputs that models are compared on. */
#ifndef CLI_SAMPLE_H
#define CLI_SAMPLE_H

#include "cli/tensors.h"

/* A picture file as the model's input, as prediction makes it, of so many rows: further ones are mirrored in turn. A
 * picture without data is read from the path and stays for further calls (a pipe is read once); stria_array_release.
 * The errors of stria_picture_read and stria_model_picture. */
stria_status sample_picture(tensors *inputs, const stria_model *model, stria_array *picture, const char *path,
                            int64_t rows, stria_error *error);
/* The same of a picture that is always the same: gradients, a disc and noise. *drawn: false for a model that is not an
 * image classifier, which gets random numbers (tensors_random). */
stria_status sample_drawn(tensors *inputs, const stria_model *model, uint64_t seed, bool *drawn, stria_error *error);

/* Returns true if both make the same input of a picture that is not square; true where one of them takes none. */
bool sample_same_pictures(const stria_model *a, const stria_model *b);

#endif
