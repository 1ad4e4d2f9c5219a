/* report.html of a run folder. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/options.h"

#include "report/page.h"

typedef struct report report;

/* For the run in this folder; file: where to write. NULL when there is no memory. */
report *report_new(const char *folder, const char *file, words_language language);
void report_free(report *r); /* accepts NULL */
/* The network to draw; nothing of the model is kept. */
stria_status report_model(report *r, const stria_model *model, stria_error *error);
/* Training pictures as the training of the model sees them, from the data of this name. */
void report_sheet(report *r, const stria_model *model, const stria_dataset *train, const char *spec,
                  const char *augment, uint64_t seed);
/* For stria_evaluate: fills options->judge. */
void report_judge(report *r, stria_inference_options *options);
/* Adds an evaluation on the data of this name: `spec` and its split. score must live until the last report_write. */
void report_score(report *r, const stria_evaluation *score, const stria_dataset *data, const char *spec,
                  const char *split);
/* Of a model that gives pictures back some pairs, with the training's changes; of another nothing. */
void report_pairs(report *r, const stria_model *model, const stria_dataset *data, const char *spec, const char *split,
                  const char *augment, int threads);
/* Reads what is new in the log and writes the file. */
stria_status report_write(report *r, page_state state, stria_error *error);
/* The same while a training runs, at most often enough to cost almost no time. */
stria_status report_refresh(report *r, stria_error *error);
/* The result of report_judge; NULL before report_score. */
const judge *report_judged(const report *r);
/* The size of the file that was written last. */
size_t report_bytes(const report *r);
const history *report_history(const report *r);

/* Event files for TensorBoard. */
#define OPTION_TENSORBOARD(why)                                                                                        \
    { .name = "tensorboard", .kind = OPTION_FLAG, .help = why }

/* --lang; the row of it. */
words_language report_language(const options *given);
#define OPTION_LANG                                                                                                    \
    {                                                                                                                  \
        .name = "lang", .kind = OPTION_CHOICE, .type = "LANG", .standard = "en", .choices = "en|zh",                   \
        .help = "language of the report"                                                                               \
    }

#endif
