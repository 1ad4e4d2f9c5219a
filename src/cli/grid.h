/* A grid of trainings: what it consists of, and what came of it. */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include "cli/json.h"
#include "cli/options.h"

enum { GRID_AXES = 6, GRID_VALUES = 64, GRID_RUNS = 1000 };

/* One option and its values, each "VALUE" or "VALUE OPTION=VALUE …" with options that come along with it. */
typedef struct grid_axis {
    char *name, *values[GRID_VALUES];
    int count;
} grid_axis;

typedef struct grid_job {
    int combination;
    int64_t seed;
    char name[160]; /* of its folder in the sweep's */
    json_t *result; /* what --json would print of it; NULL: it was not trained yet */
} grid_job;

typedef struct grid {
    const options *given;
    char *text; /* that axes point into */
    grid_axis axis[GRID_AXES];
    int axis_count, combinations, repeat;
    char folder[1024];
    json_t *document; /* sweep.json; owns the results */
    grid_job *jobs;
    int job_count;
} grid;

/* The value of an axis in a combination; the last axis changes fastest. */
const char *grid_value(const grid *s, int combination, int axis);
/* "optimizer=adam lr=0.001" into text. */
const char *grid_label(const grid *s, int combination, char *text, size_t size);

/* ---- grid_words.c ---- */

enum { GRID_WORDS = 2 * OPTION_ROWS_MAX + 64 };

/* The words after "stria train", owned. */
typedef struct grid_words {
    char *words[GRID_WORDS];
    int count;
    bool failed; /* there were more, or no memory */
} grid_words;

/* The options that a combination may set: those with a value, and the model. */
bool grid_may_vary(const options *given, const char *name);
bool grid_has_axis(const grid *s, const char *name);
/* Adds what was given for all trainings; identity: without what may be another when the sweep goes on. */
void grid_words_shared(const grid *s, grid_words *w, bool identity);
/* The options of one training, which grid_words_release and options_release end. */
stria_status grid_words_options(const grid *s, const grid_job *job, grid_words *w, options *out, stria_error *error);
void grid_words_release(grid_words *w);

/* ---- grid_report.c ---- */

/* Mean and deviation of a number of the results of a combination that have it. */
typedef struct spread {
    int count;
    double mean, deviation; /* of a sample (n − 1); 0 of one */
} spread;
spread grid_spread(const grid *s, int combination, const char *key);

/* sweep.csv, a row for each training, and sweep.svg, the curves of the combinations. */
stria_status grid_files_write(const grid *s, stria_error *error);
void grid_table_show(const grid *s);
json_t *grid_document(const grid *s);

/* "top1" or "psnr": what its trainings measure. */
const char *grid_measure(const grid *s);

#endif
