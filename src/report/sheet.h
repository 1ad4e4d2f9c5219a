/* Training pictures as a training sees them: with its random changes. */
#ifndef REPORT_SHEET_H
#define REPORT_SHEET_H

#include "report/judge.h"

enum { SHEET_SHOWN = 12 };

/* Zero-initialise. */
typedef struct sheet {
    judge_image image[SHEET_SHOWN]; /* label: its class; the other numbers do not matter */
    char *class_name[SHEET_SHOWN];
    char *augment; /* what was done to them, "" for nothing */
    int count;
    bool lost; /* memory ran out: one is missing */
} sheet;

/* Some pictures, spread over the training images, at the size of the model's input, of the first epoch of a training
 * with this seed. name: what images without files are called, "mnist/train". What cannot be read is left out. */
void sheet_read(sheet *s, const stria_model *model, const stria_dataset *train, const char *name, const char *augment,
                uint64_t seed);
void sheet_release(sheet *s);

#endif
