/* Random changes to training pictures, written as one line: "crop pad 4, flip, cutout 8". Steps stand between commas
 * and are made in that order; a step is a name, its main numbers, and pairs of a key and its numbers, as in
 * "rotate 15 p 0.5" or "resized-crop scale 0.3 1". docs/augmentation.md lists them with their definitions.
 *
 * What a picture becomes is a pure function of (seed, epoch, index): threads and resuming change nothing. */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include "base/error.h"
#include "base/pool.h"
#include "data/preprocess.h"

#define AUGMENT_STEPS   16
#define AUGMENT_NUMBERS 25 /* a filter of 5x5 */

typedef struct augment_kind augment_kind;

typedef struct augment_step {
    const augment_kind *kind;
    double p; /* how probable it is */
    int count;
    double number[AUGMENT_NUMBERS];
} augment_step;

/* A chain of steps; zeros: none. */
typedef struct augment {
    int count;
    augment_step steps[AUGMENT_STEPS];
} augment;

/* STRIA_BAD_ARGUMENT, with the step and what it takes. "" and "none" are the empty chain. */
stria_status augment_parse(const char *text, augment *out, stria_error *err);

/* Checks that the chain can be applied to pictures that become shape[3] (channels, height, width): a crop's side must
 * be the network's, colours need pixels (floats are measured values) and some of them three channels.
 * STRIA_BAD_ARGUMENT. */
stria_status augment_check(const augment *a, const int shape[3], bool floats, stria_error *err);

/* Where numbers are drawn for one picture. */
typedef struct augment_draw {
    uint64_t seed, stream, next;
} augment_draw;
augment_draw augment_draw_of(uint64_t seed, int64_t epoch, int64_t index);
double draw_uniform(augment_draw *d, double low, double high);
double draw_normal(augment_draw *d);
/* 0…n−1 */
int draw_whole(augment_draw *d, int n);

/* Before a picture is resized: narrows `view` to the part that a resized-crop takes, which is to be resized to the
 * network's size; false if the chain does not begin with one, or its turn does not come. */
bool augment_part(const augment *a, augment_draw *d, image_view *view);

/* Returns true if the chain may do so: it needs pictures of their own size. */
bool augment_parts(const augment *a);
/* The least side of such a part, as a share of the picture's, of a part as square as the picture; 1 without one. */
double augment_least_part(const augment *a);

/* After it, before values are scaled: planes x[channels][height][width] of pixels 0…255 (or of measured
 * values), changed in place. What is blanked becomes 0 by p (preprocess_black). target: NULL, or where the picture goes
 * as it is before the first step that damages it: cutout, erase, noise, blur. STRIA_NO_MEMORY. Thread-safe. */
stria_status augment_apply(const augment *a, augment_draw *d, const int shape[3], const preprocess *p, bool measured,
                           float *x, float *target, stria_error *err);

/* Refuses a chain that damages a picture before its last other step, where there are targets: these would not get that
 * step. STRIA_BAD_ARGUMENT. */
stria_status augment_check_target(const augment *a, stria_error *err);

/* Returns true if the chain has steps that act on a batch, and so makes shares of classes of labels. */
bool augment_mixes(const augment *a);

/* After it, and after values are scaled: mixes x[items][channels][height][width] by one of these steps, chosen and
 * drawn by (seed, epoch, batch). spare is as large as a picture. Returns what share of each picture is its own; the
 * rest is that of the one before it in the batch, for the first the last. */
double augment_batch(const augment *a, uint64_t seed, int64_t epoch, int64_t batch, const int shape[3], int64_t items,
                     float *x, float *spare, pool *workers);

/* The steps there are, for help and docs: name, what it takes, what it does; false past the last. */
bool augment_about(int index, const char **name, const char **takes, const char **does);

#endif
