/* stria filter: classical convolution on pictures and arrays, made of the library's graphs and sessions. */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include "cli/json.h"
#include "cli/options.h"

#include <stdio.h>

enum { FILTER_VALUES_MAX = 1 << 26, FILTER_KERNELS_MAX = 64 };

/* Maps of one size: a picture's channels, an array's, those of a kernel, or the results of several kernels. */
typedef struct grid {
    int rank;     /* 1: typed and printed as one row; else 2 */
    bool picture; /* pixels, 0 to 255 */
    int64_t maps, height, width;
    double *values; /* [maps][height][width] */
} grid;

/* Kernels of one size, each with `channels` maps: w.values is [count][channels][height][width], as the user gave it
 * until the verb flips it where it convolves; from then on as it slides over the input. */
typedef struct bank {
    int count;
    int64_t channels;
    grid w;
    char names[FILTER_KERNELS_MAX][40]; /* of each; "filtered" where it was typed or read */
} bank;

typedef enum filter_boundary { BOUNDARY_FILL, BOUNDARY_WRAP, BOUNDARY_SYMM } filter_boundary;
typedef enum filter_show { SHOW_CLIP, SHOW_ABS, SHOW_SCALE, SHOW_OFFSET } filter_show;

/* How a kernel goes over its input: y[p] = Σ x[p·stride + u·dilation − pad] · w[u], the kernel flipped before where
 * `flip` says so. */
typedef struct window {
    bool flip, magnitude;
    filter_boundary boundary;
    double pad_value;
    int64_t stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right */
    int64_t out[2]; /* height and width of the result; set with the pads */
    int threads;
} window;

/* ---- filter_array.c ---- */

stria_status grid_new(grid *g, int rank, int64_t maps, int64_t height, int64_t width, const char *what,
                      stria_error *error);
void grid_release(grid *g); /* accepts a zeroed one */
/* Numbers as typed: rows end with ';' or a line, channels with '|'; NumPy's nested lists are read as well. */
stria_status grid_parse(grid *g, const char *text, const char *what, stria_error *error);
/* A typed array, a .npy file of up to `rank_max` dimensions, or a picture; `what` names it in sentences. */
stria_status grid_read(grid *g, const char *word, const char *what, stria_error *error);
/* The same of an array that was read; shape as far as a grid has it. */
stria_status grid_from_array(grid *g, const stria_array *array, const char *what, stria_error *error);
/* Returns true if the word is a file; typed arrays are not. */
bool word_is_file(const char *word);
/* Returns true if the file's name says that it holds an array. */
bool word_is_array_file(const char *word);
/* Turns every map by 180 degrees: a kernel between convolution and cross-correlation. */
void grid_flip(grid *g);
/* "5x5", of a row "5", with " and 3 channels" where there are several. */
const char *grid_size(const grid *g, char text[96]);

/* ---- filter_kernel.c ---- */

/* All --kernel words; gauss and box are rows for an input of rank 1. */
stria_status bank_read(bank *b, const options *given, int rank, stria_error *error);
/* Refuses kernels of more channels or dimensions than the input has. */
stria_status bank_fits(const bank *b, const grid *like, stria_error *error);
void bank_release(bank *b);
/* The names of the kernels that are built in, "a|b|c". */
extern const char filter_kernel_names[];

/* ---- filter_window.c ---- */

/* Everything of the window from the options, for an input and a kernel of these sizes. */
stria_status window_read(window *w, const options *given, const grid *x, int64_t kh, int64_t kw, stria_error *error);
/* Pads of a mode ("full", "same", "valid") and the result's size. */
stria_status window_mode(window *w, const char *mode, const grid *x, int64_t kh, int64_t kw, stria_error *error);
/* The mode that is used: --mode, or the input's default; NULL where --pad is given. */
const char *window_mode_name(const options *given, const grid *x);
/* "3", "3,1" or, for pads, four: how many were given. */
stria_status sizes_parse(const char *name, const char *text, int64_t least, int64_t *out, int most, int *count,
                         stria_error *error);
/* "3x5", or of a row "5". */
stria_status size_parse(const char *name, const char *text, int rank, int64_t size[2], stria_error *error);
/* Where element i of an extended row of n comes from: −1 for the pad value. */
int64_t window_source(filter_boundary boundary, int64_t i, int64_t n);

/* ---- filter_graph.c ---- */

/* A value of type double or float with the grid's contents: maps as the batch (each is a picture of its own) or as
 * channels. */
typedef struct filter_graph {
    stria_graph *graph;
    stria_type type;
    int threads;
    stria_session *session;
    bool lost; /* memory ran out while it was built: filter_graph_ready fails */
} filter_graph;

stria_status filter_graph_init(filter_graph *g, stria_type type, int threads, stria_error *error);
void filter_graph_release(filter_graph *g);
/* Makes the session: everything must be built. */
stria_status filter_graph_ready(filter_graph *g, stria_error *error);
/* Numbers of the graph's type in and out of the session. */
stria_status filter_graph_set(filter_graph *g, const char *name, const double *values, int64_t count,
                              stria_error *error);
stria_status filter_graph_get(const filter_graph *g, const char *name, double *values, int64_t count,
                              stria_error *error);
stria_value *filter_constant(filter_graph *g, const char *name, const int64_t shape[4], const double *values);
/* Conv of x[batch, channels, height, width] with the kernel as the window says, borders included. bias may be NULL. */
stria_value *filter_conv(filter_graph *g, stria_value *x, stria_value *kernel, stria_value *bias, const window *w);
/* x with the window's borders around it where Conv has none of the kind; the pads that are left to Conv. */
stria_value *filter_border(filter_graph *g, stria_value *x, const window *w, int64_t pads[4]);
/* The kernels over the input: y has count · maps maps (1 · maps for the magnitude), kernel by kernel. */
stria_status filter_apply(const grid *x, const bank *b, const window *w, const double *bias, grid *y,
                          stria_error *error);

/* ---- filter_show.c ---- */

/* "7", "0.333333". */
const char *number_text(double value, char text[32]);
/* Rows and columns; a line "map N:" above each where there are several. */
void grid_print(FILE *stream, const grid *g);
/* Nested lists, as deep as the grid has dimensions. */
json_t *grid_json(const grid *g);
/* --show, or what suits the kernels: the absolute value where their weights add up to 0, else clipping. */
filter_show show_read(const options *given, const bank *b);
/* Writes the grid's maps first … first + maps as NumPy array or picture, by the ending of the path. */
stria_status grid_write(const char *path, const grid *g, int64_t first, int64_t maps, filter_show show,
                        stria_error *error);
/* The input and the result on a terminal, nothing elsewhere. */
void grid_draw(const grid *x, const grid *y, int64_t maps, filter_show show, const char *name);
/* "cat-sobel-x.png" for picture cat.png, "-2" before the dot for kernel 2 of several. */
void output_name(char *path, size_t size, const char *out, const char *input, const char *kernel, int number);

/* ---- one job a file ---- */

int filter_steps(const options *given, const grid *x, bank *b, const window *w, const double *bias, const grid *y);
int filter_sizes(const options *given);
int filter_learn(const options *given);
int filter_find(const options *given);

#endif
