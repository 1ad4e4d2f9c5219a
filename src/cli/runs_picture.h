/* The curves of several runs in one picture: losses, accuracy and rate over steps. */
#ifndef CLI_RUNS_PICTURE_H
#define CLI_RUNS_PICTURE_H

#include "report/history.h"
#include "report/out.h"
#include "report/words.h"

enum { RUNS_MAX = 32 }; /* in one picture */

typedef struct runs_curve {
    const char *name;
    const history *history;
} runs_curve;

/* A standalone SVG of at most RUNS_MAX runs; log: losses on a logarithmic axis. */
void runs_picture(out *o, const runs_curve *runs, int count, words_language language, bool log);

#endif
