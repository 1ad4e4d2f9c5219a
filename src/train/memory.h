/* The memory of a training, computed before it is allocated: the system grants pages before they are written, so a step
 * that is too large would be killed while it runs. */
#ifndef TRAIN_MEMORY_H
#define TRAIN_MEMORY_H

#include "train/trainer.h"

enum { VALIDATION_BATCH = 256, AUTO_BATCH_MAX = 1024 };
#define VALIDATION_ROOM ((size_t)256 << 20) /* bytes that validation may take, but for what one image needs */

/* Sets options.batch where it is left open: the largest power of two, at most AUTO_BATCH_MAX and a quarter of the
 * images, with which step and validation take no more than three quarters of what is free, or options.memory with the
 * weights and the optimiser's states. */
stria_status memory_batch(trainer *t, stria_error *err);
/* STRIA_NO_MEMORY where what the optimiser keeps for each weight is more than is free, or with the weights more than
 * options.memory. Before any of it is taken. */
stria_status memory_states_check(const trainer *t, const graph *step, stria_error *err);
/* STRIA_NO_MEMORY, with the largest batch that fits, where the step's program and the validation, which is made, take
 * more than is free or options.memory allows. */
stria_status memory_check(const trainer *t, const program *step, stria_error *err);

#endif
