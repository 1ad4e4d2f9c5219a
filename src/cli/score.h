/* An evaluation as a table and as JSON. */
#ifndef CLI_SCORE_H
#define CLI_SCORE_H

#include "cli/json.h"

#include <stria/stria.h>

#include <stdio.h>

/* Accuracy, a line per class, the confusion matrix; what would fill screens is cut to the worst, and says so. */
void score_print(FILE *stream, const stria_evaluation *score);
json_t *score_json(const stria_evaluation *score);

#endif
