/* Pictures and what a network that gives pictures back makes of them. */
#ifndef REPORT_PAIRS_H
#define REPORT_PAIRS_H

#include "report/judge.h"

enum { PAIRS_SHOWN = 12 };

/* Zero-initialise. */
typedef struct pairs {
    judge_image given[PAIRS_SHOWN], back[PAIRS_SHOWN]; /* only those in front have a name */
    int count;
    bool lost; /* memory ran out: one is missing */
} pairs;

/* A model at work whose first output has the shape of its input, [1 or any, 1 or 3, height, width]. */
typedef struct pairs_maker pairs_maker;
/* STRIA_UNSUPPORTED for another model. */
stria_status pairs_maker_new(pairs_maker **out, const stria_model *model, int threads, stria_error *error);
void pairs_maker_free(pairs_maker *m); /* accepts NULL */
/* Of uint8 [channels, height, width] both as pixels at the size of the model's input, uint8 [channels, height, width]:
 * as it enters, and as it comes back, cut to 0…255. Free with free(); either may be NULL. */
stria_status pairs_maker_run(pairs_maker *m, const stria_array *picture, stria_array *given, stria_array *back,
                             stria_error *error);

/* Some pictures, spread over the data, with the changes of a training (NULL or "": none). name: what images without
 * files are called. Nothing where the model does not give pictures back, or the data are no pictures. */
void pairs_read(pairs *p, const stria_model *model, const stria_dataset *data, const char *name, const char *augment,
                uint64_t seed, int threads);
void pairs_release(pairs *p);

#endif
