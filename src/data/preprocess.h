/* How a picture becomes a tensor: resize, crop, channels, then value = (pixel·scale − mean) / std, with pixel in the
 * range of the data that the model was trained with, 0…255 for pictures. Stored in a model under the keys stria.resize,
 * stria.crop, stria.channels, stria.scale, stria.mean, stria.std, stria.range. */
#ifndef DATA_PREPROCESS_H
#define DATA_PREPROCESS_H

#include "base/error.h"
#include "base/text.h"
#include "data/image.h"

#define PREPROCESS_CHANNELS 4

typedef enum preprocess_order {
    PREPROCESS_KEEP = 0, /* as many channels as the picture has: grey, or red, green, blue */
    PREPROCESS_RGB,
    PREPROCESS_BGR,
    PREPROCESS_GREY /* Rec. 601: 0.299 R + 0.587 G + 0.114 B */
} preprocess_order;

/* Zero-initialise and call preprocess_default; all zero is not a valid one (scale 0). */
typedef struct preprocess {
    int resize_height, resize_width; /* 0: not resized; resize_width alone 0: the shorter side becomes resize_height */
    int crop_height, crop_width;     /* 0: not cropped */
    int corner; /* where from: 0 the middle; the corner 1 top left, 2 top right, 3 bottom left, 4 bottom right */
    preprocess_order order;
    double scale;
    int means, stds; /* how many are given: 0 (then 0 and 1), 1 for all channels, or one per channel */
    double mean[PREPROCESS_CHANNELS], std[PREPROCESS_CHANNELS];
    bool ranged; /* the range is known; else 0…255 is assumed */
    double range[2];
} preprocess;

/* The range of the data's values, minimum to maximum. All zero: not known. */
typedef struct value_range {
    double least, most;
    bool whole; /* all of them are whole numbers */
} value_range;

#define RANGE_OF_PIXELS ((value_range){0, 255, true})

/* Pixels that are there already: bytes or floats, in any order of dimensions. Sample (c, y, x) lies at
 * c·channel_step + y·row_step + x·pixel_step. */
typedef struct image_view {
    const uint8_t *bytes; /* one of the two is NULL */
    const float *values;
    int channels, height, width;
    int64_t channel_step, row_step, pixel_step;
    value_range range; /* of the dataset's values, for floats */
} image_view;

image_view image_view_of(const image *m); /* of its pixels, which stay the image's */

preprocess preprocess_default(void); /* scale 1/255, nothing else */

/* The named presets for models that don't say: "imagenet", "caffe", "tf". Sets channels, scale, mean and std only. */
stria_status preprocess_preset(preprocess *p, const char *name, stria_error *err);

/* Text form, key by key, for metadata and for flags. Keys without "stria.": resize "224", "224x320" (height first);
 * crop the same; channels "keep", "rgb", "bgr", "grey"; scale "0.25", "1/255"; mean and std "0.5", "0.485,0.456,0.406";
 * range "0,1". */
int preprocess_keys(void);
const char *preprocess_key(int i);
/* Appends the value; nothing if it is the neutral one (no resize, no mean, …) that need not be stored; scale is always
 * given. */
stria_status preprocess_get(const preprocess *p, const char *key, text *out, stria_error *err);
/* Unknown keys and malformed values are STRIA_BAD_ARGUMENT; "" sets the neutral value. */
stria_status preprocess_set(preprocess *p, const char *key, const char *value, stria_error *err);

/* The shape that pictures of this shape get. STRIA_BAD_SHAPE if the crop or the number of means does not fit.
 * height = width = 0 means "any size": then resize or crop must settle the result. */
stria_status preprocess_shape(const preprocess *p, int channels, int height, int width, int shape[3], stria_error *err);

/* The range to be stored of a model that is trained with such values: 0…1 and 0…255 where they lie within and, for the
 * latter, are whole; else their own. */
void preprocess_set_range(preprocess *p, value_range values);

/* The factor that converts values of this range to the range that p was made for. Values in 0…1 and 0…255 are converted
 * into each other; others are not (1), and *doubtful is true where they seem to be something else than what the model
 * was trained with. A p that says nothing of the range and takes values as they are (scale 1, no mean, no std) is never
 * converted for. */
double preprocess_factor(const preprocess *p, value_range values, bool *doubtful);

/* p with what it does not say, for pictures like this one that must become shape[3]: a grey network sees colours as
 * grey, one of three channels sees grey three times, and a picture of another size is resized to what the network
 * takes. Measured values (floats) are never resized. Values of another range are converted, where that is certain
 * (preprocess_factor). Of `view` only channels (0: grey or colour, picture by picture), sizes, kind and range are
 * read. What a caller gets may still not fit: preprocess_shape tells. */
preprocess preprocess_fit(const preprocess *p, const image_view *view, const int shape[3]);

/* The shorter side that a picture needs at least to be shrunk only, not enlarged, where p makes shape[3] of it; 0: its
 * pixels are taken as they are, so that none are too many. */
int preprocess_least_side(const preprocess *p, const int shape[3]);

/* The values of all 256 bytes, to prepare many pictures alike: bit-identical, in a third of the time. */
typedef struct pixel_table {
    float value[PREPROCESS_CHANNELS][256]; /* [output channel] */
} pixel_table;
void preprocess_tabulate(const preprocess *p, int channels_out, pixel_table *table);

/* Fills x[c][h][w] of the shape that preprocess_shape gives. Resizing is bilinear over pixel centres, the triangle
 * widened by the ratio when shrinking (so nothing aliases). Takes scratch memory only where it resizes.
 * table may be NULL. Thread-safe. */
stria_status preprocess_apply(const preprocess *p, const pixel_table *table, const image_view *view, float *x,
                              stria_error *err);

/* The same in two parts, for who changes pictures in between: preprocess_apply with preprocess_unscaled(p) leaves
 * pixels as they are, preprocess_scale makes values of them. */
preprocess preprocess_unscaled(const preprocess *p);
void preprocess_scale(const preprocess *p, const int shape[3], float *x);
/* The results for the minimum and maximum of a channel's range, 0…255 if it is not known. */
void preprocess_span(const preprocess *p, int channel, double *least, double *most);
/* The pixel that becomes 0, within 0…255; of measured values the value that does, whatever it is. */
float preprocess_black(const preprocess *p, int channel, bool measured);

#endif
