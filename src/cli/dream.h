/* Pictures that a network likes: gradient ascent on its input. */
#ifndef CLI_DREAM_H
#define CLI_DREAM_H

#include <stria/stria.h>

typedef struct dream_job {
    const stria_model *model;
    const stria_array *x; /* [1, channels, height, width], where it begins; NULL: grey with a little noise */
    const char *layer;    /* NULL: the scores */
    int64_t channel;      /* of the layer, or the class; −1: all of the layer, Σ a² */
    int64_t steps;
    double rate; /* of a step, in parts of the range of pixels */
    uint64_t seed;
    int threads;
} dream_job;

typedef struct dream {
    stria_array x;      /* the model's input [1, channels, height, width]; data is for free() */
    stria_array pixels; /* the same as a picture, uint8 [3, height, width]; data is for free() */
    double before,
        after; /* what was maximised: the mean of the channel's elements, the class's score, the mean of a² */
} dream;

/* Steps of steepest ascent: x + rate · range · g / rms(g), g the gradient of the objective, on a picture that is
 * shifted at random by up to 4 pixels and back (Mordvintsev et al. 2015), kept within the range of pixels. From grey it
 * is blurred a little after every fourth step but the last quarter (Yosinski et al. 2015). The range follows from the
 * model's preprocessing. STRIA_BAD_ARGUMENT for a layer or channel that is not there, STRIA_BAD_SHAPE for a model that
 * does not take pictures. */
stria_status dream_run(const dream_job *job, dream *out, stria_error *error);

#endif
