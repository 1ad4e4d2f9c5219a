/* Reading in a child process: the HDF5 library breaks on damaged files (four of 180 whose bytes were changed at random
 * ended version 1.10.8 by a signal), and a file must not end the program that reads it. */
#ifndef MODEL_WEIGHTS_KERAS_CHILD_H
#define MODEL_WEIGHTS_KERAS_CHILD_H

#include "model/weights/weights.h"

typedef stria_status child_work(weights *w, const uint8_t *bytes, size_t size, stria_error *err);

/* Runs work in a child and takes over the tensors that it added to w. The child may compute for as long as its file
 * justifies, and leaves no core file. STRIA_BAD_FILE where it ends before it said that it was done. */
stria_status child_run(weights *w, const uint8_t *bytes, size_t size, child_work *work, stria_error *err);

#endif
