/* Labelled pictures from disk, by name: "mnist:DIR", "fashion-mnist", "cifar10:DIR", "folder:DIR", "npy:X.npy,Y.npy".
 * Immutable once open, so any number of threads may read one. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "base/error.h"
#include "data/image.h"
#include "data/preprocess.h"

typedef struct dataset dataset;

typedef struct dataset_options {
    const char
        *split;    /* "train", "val", "test", or "all" for sources of one piece. NULL: test if there is one, else all */
    int64_t limit; /* at most this many items; 0: all */
    bool hold_out; /* "train" leaves out what "val" would be */
    double val;    /* share of train that is lent as "val" where there is no such part; 0: the source's default */
    uint64_t seed; /* of choices at random: that part, a limit, parts that are drawn */
    int64_t max_pixels; /* of a picture's file that is read (image_load); 0: the default limits */
    bool no_exif;       /* of image_reading */
    bool fast_decode;   /* JPEGs are decoded no larger than needed (dataset_read) */
    bool pipes;         /* files that the spec itself names may be pipes (file_read_named) */
} dataset_options;

/* Sources without a validation set of their own (all but folders with train and val inside) lend a share of train, by
 * default a fifth of folders and a twelfth of others: the last items of MNIST and CIFAR, whose makers shuffled them; a
 * random choice by seed, each class in its proportion, of folders and .npy files, which may be sorted by class. A limit
 * takes the first items, or a random choice, in the same manner. Everything is checked that can be without decoding
 * pictures: counts, labels, finite values. */
stria_status dataset_open(dataset **out, const char *spec, const dataset_options *options, stria_error *err);

/* Train without its validation part, and that part; they share memory where one was cut from the other. Of the options
 * (NULL: zeros), the limit, max_pixels, no_exif, fast_decode and pipes
 * count. */
stria_status dataset_open_pair(dataset **train, dataset **val, const char *spec, const dataset_options *options,
                               stria_error *err);

/* Makes a dataset of images in memory: all of them, in their order. */
struct stria_array;
struct stria_dataset_callbacks;
stria_status dataset_from_arrays(dataset **out, const struct stria_array *images, const struct stria_array *labels,
                                 const char *const *class_names, int classes, stria_error *err);
stria_status dataset_from_callbacks(dataset **out, const struct stria_dataset_callbacks *c, stria_error *err);

/* A dataset with of's items, labels and classes, whose contents are floats [channels][height][width] each, which the
 * caller writes to (*values)[item][…] before anybody reads them; 0 until then. */
stria_status dataset_of_values(dataset **out, const dataset *of, const int shape[3], float **values, stria_error *err);

void dataset_free(dataset *d); /* accepts NULL */

/* ---- facts; the strings live as long as the dataset ---- */

int64_t dataset_count(const dataset *d);
/* The channels of every item; for a folder, whose pictures may differ, 3 if any of them is in colour. */
int dataset_channels(const dataset *d);
/* The size of every item; 0 for a folder, whose pictures may differ. */
int dataset_height(const dataset *d);
int dataset_width(const dataset *d);
/* The size that all pictures have, by their headers where they are files, of which a sample is looked at; else 0. */
void dataset_common(const dataset *d, int *height, int *width);
bool dataset_uniform(const dataset *d);      /* all pictures are known to have one size */
bool dataset_made(const dataset *d);         /* a callback of the caller's makes each picture when it is read */
bool dataset_lent(const dataset *d);         /* it validates, and was cut from what trains */
bool dataset_is_float(const dataset *d);     /* values, not pixels 0…255: scale 1 is the sensible preprocessing */
value_range dataset_range(const dataset *d); /* of floats, over all items of the source; else of pixels */
int dataset_classes(const dataset *d);
const char *dataset_class_name(const dataset *d, int i);
const char *dataset_path(const dataset *d);
/* A sentence about the parts of the source that were left out, such as files in class folders that are not pictures; or
 * "". */
const char *dataset_note(const dataset *d);
/* FNV-1a over the names (below the path) of the files that were opened, and their sizes but for a folder's pictures. */
uint64_t dataset_checksum(const dataset *d);

/* ---- items ---- */

int64_t dataset_label(const dataset *d, int64_t i);
/* [classes], which sum to 1 and whose greatest (the first of equals) is the label; NULL where labels are classes. */
const float *dataset_shares(const dataset *d, int64_t i);
/* uint8 [channels][height][width], or NULL where data are floats or decoded when read. */
const uint8_t *dataset_pixels(const dataset *d, int64_t i);
const char *dataset_file(const dataset *d, int64_t i); /* a folder's picture; else NULL */

/* Any source's item i as a view; decodes a folder's, whose channels are then its own: with fast_decode no larger than
 * least_side makes it (image_reading). Release it afterwards. Thread-safe. */
typedef struct dataset_item {
    image_view view;
    image decoded;
} dataset_item;
stria_status dataset_read(const dataset *d, int64_t i, int least_side, dataset_item *item, stria_error *err);
void dataset_item_release(dataset_item *item);

/* ---- what there is ---- */

typedef struct dataset_kind {
    const char *name, *path, *summary; /* path in brackets: looked for where none is given (data/catalog.h) */
} dataset_kind;
int dataset_kinds(void);
const dataset_kind *dataset_kind_at(int i);

#endif
