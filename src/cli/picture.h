/* Pictures in a terminal: half blocks in 256 colours, or plain characters. */
#ifndef CLI_PICTURE_H
#define CLI_PICTURE_H

#include <stria/stria.h>

#include <stdio.h>

enum { PICTURE_LINES = 4 };

/* One picture of a row, with lines of text below it. Pixels are [channels][height][width]. Zero-initialise. */
typedef struct picture {
    int channels, height, width;
    uint8_t *pixels;
    const char *file;           /* NULL: it has none; the dataset's */
    char *lines[PICTURE_LINES]; /* NULL: none */
    bool wrong;                 /* the lines are printed as a mistake */
} picture;

/* Sets a line of text of any length; one that finds no memory stays away. */
void picture_line(picture *p, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void picture_release(picture *p);

/* Side by side, four in a row, lines cut to the pictures' places. All have one shape. */
void pictures_print(FILE *stream, const picture *pictures, int count);

/* The first `count` images of a dataset (skip_bad: that can be read) with what the predictor sees in them and their
 * true class. Where they can't be drawn (images of different sizes), a line for each. */
stria_status pictures_predict(FILE *stream, stria_predictor *predictor, const stria_dataset *data, int count,
                              bool skip_bad, stria_error *error);

/* Returns true if class `seen` of the predictor is what the dataset calls `label`: classes are matched by name; by
 * index only where the predictor's name says nothing to the dataset. */
bool class_matches(const stria_predictor *predictor, int seen, const stria_dataset *data, int64_t label);
/* The indices of the `count` greatest of probabilities[classes], greatest first. */
void class_best(const float *probabilities, int classes, int count, int *best);

#endif
