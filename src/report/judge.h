/* The evaluation of each image: confidences, the worst mistakes and the most confident hits. */
#ifndef REPORT_JUDGE_H
#define REPORT_JUDGE_H

#include "report/plot.h"

#include <stria/stria.h>

enum { JUDGE_SHOWN = 12, JUDGE_SIDE = 64 /* pixels of a thumbnail at most */ };

typedef struct judge_image {
    int64_t index;
    int label, predicted;
    double right, sure;          /* probabilities of the true and of the predicted class */
    char *name;                  /* of its file, or "data/3"; NULL until judge_pictures */
    int channels, height, width; /* of the thumbnail; 0: it could not be read */
    uint8_t *pixels;             /* [channels][height][width] */
} judge_image;

/* Zero-initialise. */
typedef struct judge {
    plot_bin bin[PLOT_BINS];
    judge_image worst[JUDGE_SHOWN], best[JUDGE_SHOWN]; /* least probability of the true class; greatest */
    int worst_count, best_count;
    bool lost; /* memory ran out: a name or a picture is missing */
} judge;

/* For stria_inference_options.judge; context: a judge. */
void judge_see(int64_t index, int64_t label, const float *probabilities, int classes, void *context);
/* Reads the pictures of the images that were kept. A picture that cannot be read is left out. */
void judge_pictures(judge *j, const stria_dataset *data, const char *spec);
void judge_release(judge *j);
/* pixels [channels][height][width] as the image's thumbnail; without memory it has none. */
void judge_thumbnail(judge_image *i, const uint8_t *pixels, int channels, int64_t height, int64_t width);
void judge_image_release(judge_image *i);

#endif
