/* The pictures of a training: curves over steps, bars, a heat map, a reliability diagram. Each is an SVG whose values
 * can be read back: coordinates have two decimals, ticks their values. */
#ifndef REPORT_PLOT_H
#define REPORT_PLOT_H

#include "report/axis.h"
#include "report/out.h"
#include "report/series.h"

typedef struct plot_curve {
    const char *name;
    const series *data; /* curves without points are left out */
} plot_curve;

typedef struct plot {
    const char *title, *x_title;
    double width, height;
    bool log, percent; /* of y */
    bool bare;         /* without a legend: another one names the curves */
    const plot_curve *curves;
    int count;
} plot;

/* The curves as a group whose upper left corner is (x, y): each the mean of its buckets, with a band from the least to
 * the greatest where a bucket holds several points, and marks where there are few. */
void plot_curves_at(out *o, const plot *p, double x, double y);
/* Samples and names of the curves, in rows as wide as the plot; returns the height. o NULL: only measured. */
double plot_legend(out *o, const plot *p, double x, double y);
/* The same as a picture by itself. */
void plot_curves(out *o, const plot *p, bool standalone);

typedef struct plot_bar {
    const char *name;
    double share[3];  /* 0…1, a bar each */
    const char *note; /* after the name on hover, "" for nothing */
} plot_bar;

/* Horizontal bars, `series` for each row, named by legend[series]. */
void plot_bars(out *o, const char *title, const plot_bar *bars, int count, const char *const *legend, int series,
               double width, bool standalone);

/* counts[classes][classes], row: true class, column: predicted. Cells are coloured by their share of the row and hold
 * the count. rows and columns are what the two sides are called. */
void plot_matrix(out *o, const char *title, const int64_t *counts, const char *const *names, int classes,
                 const char *rows, const char *columns, bool standalone);

enum { PLOT_BINS = 15 }; /* as those of stria_evaluation.calibration */
/* Confidences in PLOT_BINS equal bins: number of images, sum of the confidences, number of correct predictions. */
typedef struct plot_bin {
    int64_t images, right;
    double confidence;
} plot_bin;
/* Accuracy over confidence, the diagonal for comparison, and the share of images in each bin below. */
void plot_reliability(out *o, const char *title, const char *x_title, const char *y_title,
                      const plot_bin bins[PLOT_BINS], double width, double height, bool standalone);
/* The expected calibration error: |accuracy − confidence|, weighed by the images of the bins. */
double plot_calibration_error(const plot_bin bins[PLOT_BINS]);

/* A layer under the roofline: FLOP per byte, GFLOP/s, its share of the time. */
typedef struct plot_dot {
    const char *name;
    double intensity, rate, share;
} plot_dot;
typedef struct plot_roof_texts {
    const char *title, *x_title, *y_title;
} plot_roof_texts;
/* The machine's limit, min(peak, bandwidth · intensity), peak in GFLOP/s and bandwidth in 10⁹ bytes per second, both
 * above 0, and the layers with both numbers above 0; both axes are logarithmic. */
void plot_roof(out *o, const plot_roof_texts *texts, const plot_dot *dots, int count, double peak, double bandwidth,
               double width, double height);

#endif
