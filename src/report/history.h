/* metrics.jsonl of a run folder, read as far as it goes: curves in bounded memory. */
#ifndef REPORT_HISTORY_H
#define REPORT_HISTORY_H

#include "report/series.h"

#include <stria/stria.h>

typedef struct history {
    series loss, rate, gradient;                   /* of steps; gradient: the norm of all */
    series epoch_loss, val_loss, score, val_score; /* of epochs, and validations within them, over steps */
    bool decibels;                                 /* the scores are psnr, not top1 */
    int64_t step, epoch;                           /* of the last line; whole epochs */
    int64_t damaged;                               /* lines that could not be read */
    double seconds;                                /* of training, over all processes that went on with it */
    double last_seconds;                           /* of the last line: a smaller one begins with the next process */
    double wait_sum;                               /* of the shares of the steps' time that waited for pictures, */
    int64_t waits;                                 /* so many: an epoch each, or a part of one */
    double peak_bytes;                             /* the most memory that a process held, 0: not known */
    int64_t offset;                                /* bytes of the file that were read */
} history;

const char *history_measure(const history *h); /* "top1", "psnr" */
history *history_new(void);                    /* free with free(); NULL when there is no memory */
/* Reads what the file got since the last call; a file that became shorter is read again from its start. Lines without
 * an end are left for the next call. A run that has no such file yet has no lines. STRIA_IO, STRIA_NO_MEMORY. */
stria_status history_read(history *h, const char *folder, stria_error *error);

#endif
