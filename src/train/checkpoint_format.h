/* The format of a checkpoint, for its writer and its reader. */
#ifndef TRAIN_CHECKPOINT_FORMAT_H
#define TRAIN_CHECKPOINT_FORMAT_H

#include "train/trainer.h"

#define PARAM_PREFIX      "param/"
#define TEXT_NET          "stria-net"
#define CHECKPOINT_FORMAT "stria checkpoint 2"

/* The prefix of a state's name in the file. */
const char *checkpoint_prefix(const trainer *t, const char *name);

#endif
