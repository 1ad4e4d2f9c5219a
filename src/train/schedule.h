/* Schedules: how the learning rate changes by steps, as rows of one table. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "base/error.h"

#define SCHEDULE_STANDARD "cosine"
#define SCHEDULE_KEYS     4 /* at most, of one schedule */
#define SCHEDULE_MARKS    8 /* at most, of multistep */

/* A parsed spec, for example "cosine:warmup=100,floor=0.001". */
typedef struct schedule {
    const struct schedule_row *row;
    double setting[SCHEDULE_KEYS]; /* parallel to the row's keys */
    double warmup;                 /* steps */
    double marks[SCHEDULE_MARKS];  /* of multistep, ascending: steps, or shares of all below 1 */
    int mark_count;
} schedule;

/* STRIA_BAD_ARGUMENT for unknown names, with the nearest, and for numbers out of range. */
stria_status schedule_parse(const char *spec, schedule *out, stria_error *err);

/* The i-th schedule's name; NULL past the last. */
const char *schedule_name(int i);

/* The rate of one of `steps` steps, counted from 0: in the first `warmup` steps it grows evenly to lr, then follows the
 * schedule. */
double schedule_lr(const schedule *s, double lr, int64_t step, int64_t steps);

/* The state of a plateau schedule: the factor of the rate, the best loss, and the number of consecutive epochs without
 * improvement (−1: no epoch yet). */
typedef struct plateau {
    double factor, best;
    int64_t waited;
} plateau;
plateau plateau_start(void);
/* After an epoch with this loss; other schedules do nothing. As PyTorch's ReduceLROnPlateau: where the loss was not
 * below best·(1 − threshold) for more than `patience` epochs, the rate is multiplied by `factor`, not below `floor`. */
void schedule_plateau(const schedule *s, plateau *p, double lr, double loss);

#endif
