/* run.json of a run folder: the commands that trained it, and the machine. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "cli/options.h"

#include <jansson.h>

/* Writes it, or adds the command of a run that goes on. What is there but is not such a file is written again. */
stria_status record_write(const char *folder, const options *given, int threads, stria_error *error);
/* The document, for json_decref; NULL where there is none. */
json_t *record_read(const char *folder);
/* A text of it, "" if it is not there. Lives as long as the document. */
const char *record_text(const json_t *document, const char *key);
/* "stria train lenet5 --data fashion-mnist", as a shell takes it; free it. NULL when memory runs out. */
char *record_command(const options *given);

/* options.json: every training option that holds, by its name; numbers as numbers. */
stria_status record_options(const char *folder, const stria_train_options *of, stria_error *error);
/* test.json: the evaluation of the model on the test images after this many steps, as `stria eval --json` prints it. */
stria_status record_test(const char *folder, const char *data, int64_t step, const stria_evaluation *score,
                         stria_error *error);

#endif
