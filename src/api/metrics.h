/* What a training leaves behind beside its checkpoint: metrics.jsonl, model.onnx, best.onnx. */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "base/text.h"
#include "train/trainer.h"

typedef struct metrics {
    char folder[1024]; /* "": nothing is written */
    text pending;      /* lines not yet in the file */
    double best_top1;  /* of best.onnx; −1: none yet */
} metrics;

/* A new run's, or one that goes on: then lines past `step` are dropped and the best score so far is looked up. */
stria_status metrics_init(metrics *m, const char *folder, int64_t step, stria_error *err);
void metrics_release(metrics *m);
/* Takes an event's line down; files are written at epochs, checkpoints and the end. */
stria_status metrics_event(metrics *m, const trainer *t, const stria_event *e, stria_error *err);

#endif
