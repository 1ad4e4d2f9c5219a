/* Reading in a child process: the HDF5 library breaks on damaged files (four of 180 whose bytes were changed at random
 * ended version 1.10.8 by a signal), and a file must not end the program that reads it. */
#ifndef MODEL_WEIGHTS_KERAS_CHILD_H
#define MODEL_WEIGHTS_KERAS_CHILD_H

#include "model/weights/weights.h"

typedef stria_status child_work(weights *w, const uint8_t *bytes, size_t size, stria_error *err);

/* How long reading a file of this size may take, by the clock on the wall. */
static inline int child_seconds(uint64_t size) {
    uint64_t seconds = 60 + (size >> 22);
    return seconds < 86400 ? (int)seconds : 86400;
}

/* Runs work in a child and takes over the tensors that it added to w; what the child sends is checked like a file. The
 * child is killed after `seconds`, may use a few times weights_room(size) of memory (where the system tells how much is
 * used already: Linux), and leaves no core file. STRIA_BAD_FILE where it ends, or is killed, before it is done. */
stria_status child_run(weights *w, const uint8_t *bytes, size_t size, int seconds, child_work *work, stria_error *err);

#endif
