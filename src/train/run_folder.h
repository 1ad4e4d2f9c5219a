/* The run folder: the names in it, and the models that are made of its checkpoint. The checkpoint alone is the truth:
 * what stands beside it is written after it, and made again where it does not agree with it. */
#ifndef TRAIN_RUN_FOLDER_H
#define TRAIN_RUN_FOLDER_H

#include "base/error.h"

#define CHECKPOINT_FILE "checkpoint.safetensors"
#define MODEL_FILE      "model.onnx"
#define BEST_FILE       "best.onnx"
#define METRICS_FILE    "metrics.jsonl"
#define RESULTS_FILE    "results.csv"
/* The files that the command writes there while it trains. */
#define REPORT_FILE  "report.html"
#define OPTIONS_FILE "options.json"
#define TEST_FILE    "test.json"
#define RECORD_FILE  "run.json"

struct trainer;

/* Makes the folder (it and the name of it are on the disk on return), locks it for the trainer and removes what killed
 * writers left of these files. Nothing without a folder, or where it is locked already. */
stria_status run_folder_take(struct trainer *t, stria_error *err);

/* Gives the lock back, in the process that took it. */
void run_folder_leave(struct trainer *t);

/* Lines, checkpoint, models, in this order: the lines of every step that the checkpoint holds are on the disk before
 * it, the models after it. */
stria_status run_folder_save(struct trainer *t, stria_error *err);

/* Makes the folder agree with the trainer's position, which is that of its checkpoint or the beginning: drops lines
 * that are later, and writes each model whose bytes are not those that the checkpoint gives. */
stria_status run_folder_mend(struct trainer *t, stria_error *err);

#endif
