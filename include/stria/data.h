/* Datasets and images: what feeds a network. Include <stria/stria.h>. */
#ifndef STRIA_DATA_H
#define STRIA_DATA_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------
 * Dataset: labelled images, opened once, immutable, counted, safe to read from many threads.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_dataset stria_dataset;

typedef enum stria_split { STRIA_SPLIT_TRAIN, STRIA_SPLIT_VAL, STRIA_SPLIT_TEST } stria_split;

typedef struct stria_dataset_options {
    size_t size; /* sizeof(stria_dataset_options) */
    stria_split split;
    int64_t limit;     /* at most this many images, 0: all */
    bool hold_out_val; /* split train leaves out what split val gives, for sources without a validation set of their own
                        */
    int64_t max_pixels; /* pictures from files have at most this many pixels. 0: 2^26, and at most 16 MiB and 4,096
                           times the file's size in memory */
} stria_dataset_options;

/* The whole training split. */
STRIA_API stria_dataset_options stria_dataset_options_default(void);

/* spec: NAME[:PATH]: "mnist:DIR", "fashion-mnist", "cifar10:DIR", "folder:DIR", "npy:X.npy,Y.npy". options NULL:
 * training split, whole. STRIA_BAD_ARGUMENT for an unknown name or a split that the source does not have,
 * STRIA_NO_FILE, STRIA_BAD_FILE for files that are not what they should be. */
STRIA_API stria_status stria_dataset_open(stria_dataset **out, const char *spec, const stria_dataset_options *options,
                                          stria_error *error);
/* The training images without their validation part, and that part; they share memory where one is cut from the other.
 * Of the options (NULL: the defaults) limit and max_pixels count; errors as of stria_dataset_open. */
STRIA_API stria_status stria_dataset_open_pair(stria_dataset **train, stria_dataset **val, const char *spec,
                                               const stria_dataset_options *options, stria_error *error);
/* Gives this holder's reference back: trainers keep their own. Accepts NULL. */
STRIA_API void stria_dataset_free(stria_dataset *dataset);

/* Images. */
STRIA_API int64_t stria_dataset_count(const stria_dataset *dataset);
/* The limit that it was opened with, 0: none. */
STRIA_API int64_t stria_dataset_limit(const stria_dataset *dataset);
/* The bound on a picture's pixels that it was opened with, 0: the default. */
STRIA_API int64_t stria_dataset_max_pixels(const stria_dataset *dataset);
/* Classes, whether or not an image of each is there. */
STRIA_API int stria_dataset_classes(const stria_dataset *dataset);
/* Never NULL; "" outside 0…classes−1. Lives as long as the dataset. */
STRIA_API const char *stria_dataset_class_name(const stria_dataset *dataset, int index);
/* Channels, height, width of every image; heights and widths are 0 where images differ (folders of pictures). */
STRIA_API void stria_dataset_shape(const stria_dataset *dataset, int64_t *channels, int64_t *height, int64_t *width);
/* The file of one image; NULL where many images share a file, and outside 0…count−1. Lives as long as the dataset. */
STRIA_API const char *stria_dataset_file(const stria_dataset *dataset, int64_t index);
/* What of the source was left out (files in class folders that are not pictures, say), as a sentence; "" if nothing
 * was. Lives as long as the dataset. */
STRIA_API const char *stria_dataset_note(const stria_dataset *dataset);
/* Pixels 0…255 as bytes [channels][height][width] (bytes must be their product) and the class of one image. Either may
 * be NULL. Values of a source of floats are taken as 0…1. STRIA_BAD_ARGUMENT for an index outside 0…count−1,
 * STRIA_BAD_SHAPE for other bytes, STRIA_NO_FILE or STRIA_BAD_FILE for a picture that cannot be read now. */
STRIA_API stria_status stria_dataset_read(const stria_dataset *dataset, int64_t index, uint8_t *pixels, size_t bytes,
                                          int64_t *label, stria_error *error);
/* Known source names, NULL-terminated; and a line about each: what it is, where it comes from (NULL for an unknown
 * name). Static storage. */
STRIA_API const char *const *stria_dataset_names(void);
STRIA_API const char *stria_dataset_about(const char *name);

#ifdef __cplusplus
}
#endif
#endif
