/* What who writes a checkpoint and who reads it agree on. */
#ifndef TRAIN_CHECKPOINT_FORMAT_H
#define TRAIN_CHECKPOINT_FORMAT_H

#include "train/trainer.h"

#define PARAM_PREFIX      "param/"
#define TEXT_NET          "stria-net"
#define CHECKPOINT_FORMAT "stria checkpoint 2"

/* What a state's name has before it in the file. */
const char *checkpoint_prefix(const trainer *t, const char *name);

#endif
