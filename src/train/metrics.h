/* metrics.jsonl of a run folder, a JSON object for every step, epoch and validation in an epoch, one per line; and
 * results.csv, a row for each of the latter two. */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include "base/text.h"
#include <stria/train.h>

/* A file that grows by lines. */
typedef struct line_file {
    char path[1100]; /* "": nothing is written */
    text pending;    /* lines not yet in the file */
} line_file;

typedef struct metrics {
    line_file log, table;
    double added, sent; /* seconds of a clock that never goes back: when the last line came, when lines were written */
} metrics;

/* Where a training stands: steps, complete epochs, and the step of its last validation within an epoch. */
typedef struct metrics_reach {
    int64_t step, epochs, judged;
} metrics_reach;

/* Zero-initialise. The lines of a run folder ("": none are kept) whose training stands there: lines past that are
 * dropped from the files. */
stria_status metrics_open(metrics *m, const char *folder, const metrics_reach *reach, stria_error *err);
void metrics_release(metrics *m);
/* Adds the line of a STEP, EPOCH or EVAL event; any other adds none. Lines reach the files within a second, as far as
 * the next event takes no longer than the last. */
stria_status metrics_add(metrics *m, const stria_event *e, stria_error *err);
/* Writes what is pending; with `sync`, it and all lines before are on the disk on return. On failure the file is as
 * before and the lines stay pending. */
stria_status metrics_flush(metrics *m, bool sync, stria_error *err);

#endif
