/* The output of a running training, on stderr: the plan, a bar, a line per epoch. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stria/stria.h>

typedef struct progress {
    const char *model, *data;                                    /* as the user or the run folder named them */
    char input[200];                                             /* "1×28×28: pictures are turned grey and resized" */
    const char *options;                                         /* "batch 64, sgd:momentum=0.9, …" */
    const char *resumed;                                         /* the run folder that goes on, or NULL */
    int64_t classes, channels, height, width, val_images, batch; /* batch 0: not known */
    bool ordered;                                                /* every epoch takes the images in the same order */
    bool quiet;                                                  /* only the bar is shown, and warnings */
    bool by_steps;                                               /* it ends after this many steps, not epochs */
    /* what came back */
    bool started, trained; /* a START was seen; an EPOCH was seen */
    int64_t first, step, epoch, epochs, steps, images, skipped;
    uint64_t peak_bytes;
    double wait_share;
    double loss, val_score, seconds; /* the first two of the last epoch */
    const char *measure;             /* of it; NULL: none yet */
} progress;

/* A stria_event_callback; context: a progress. Asks to stop after a signal. */
bool progress_event(const stria_event *event, void *context);

#endif
