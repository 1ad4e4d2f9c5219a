/* The output of stria predict: the most probable classes of pictures, as text, JSON or rows of a table. */
#ifndef CLI_RANKING_H
#define CLI_RANKING_H

#include "cli/json.h"
#include "cli/options.h"
#include "report/out.h"

/* The k most probable classes, as text or JSON. */
typedef struct ranking {
    stria_predictor *predictor;
    int classes, top;
    float *probabilities; /* [classes] */
    int *best;            /* [top] */
    const stria_model *model;
    bool untrained;
    bool warned, warned_made; /* of the model; of what is made of its pictures */
    json_t *list;             /* NULL: text is printed, or lines of JSON */
    bool lines;               /* each picture's JSON by itself, as it comes */
    bool table;               /* rows are wanted */
    out csv;                  /* those so far */
    int64_t told;             /* pictures */
    int failed;               /* of them, those that could not be judged */
    bool skip_bad;            /* these are left out, */
    int64_t skipped;          /* this many until now, */
    char *skipped_first;      /* the first of them by this sentence */
} ranking;

bool as_json(const ranking *r); /* documents are told, not text */
void ranking_release(ranking *r);
/* The predictor, and room for its probabilities. The model outlives it. */
stria_status ranking_init(ranking *r, const options *given, const stria_model *model, stria_error *error);

/* Prints the warnings about the predictions, once there are some; for pictures of this size, if channels are not 0. */
void answers_warn(ranking *r, int64_t channels, int64_t height, int64_t width);
/* A picture with its probabilities in r->probabilities. */
void picture_tell(ranking *r, const char *image);
/* The same of one whose true class is known. */
void labelled_say(ranking *r, const char *image, const stria_dataset *data, int64_t label);
/* A picture that cannot be judged is said, or left out with --skip-bad, and the next ones are tried; other errors end
 * the work. */
stria_status picture_failed(ranking *r, const char *image, stria_error *error);
/* Prints once which pictures were skipped. It is an error if all were skipped. */
stria_status skipped_say(const ranking *r, stria_error *error);

/* The document of what was judged, also when a picture was none; not of nothing. Returns the exit code. */
int ranking_finish(ranking *r, int code);
/* Finishes the output so far, also if an error ended the work (its status); in that case not without any row. */
stria_status csv_write(const options *given, ranking *r, stria_status work, stria_error *error);

#endif
