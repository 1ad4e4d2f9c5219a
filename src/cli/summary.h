#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "cli/options.h"

/* Draws the planned workspace of a training step, or of inference where the model cannot be trained. Returns the exit
 * code. */
int summary_map(const options *given, const stria_model *model);

#endif
