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

struct stria_array; /* model.h */

typedef enum stria_split { STRIA_SPLIT_TRAIN, STRIA_SPLIT_VAL, STRIA_SPLIT_TEST } stria_split;

typedef struct stria_dataset_options {
    size_t size; /* sizeof(stria_dataset_options) */
    stria_split split;
    int64_t limit;     /* at most this many images, 0: all */
    bool hold_out_val; /* split train leaves out what split val gives, for sources without a validation set of their own
                        */
    int64_t max_pixels; /* pictures from files have at most this many pixels. 0: 2^26, and at most 16 MiB and 4,096
                           times the file's size in memory */
    int pipes;          /* 1: files that the spec itself names may be pipes or devices, which are read once, and waited
                           for; for specs that the user typed. 0: such files are refused */
    double val;         /* share of the training images that is split val, for sources without a validation part of
                           their own; 0: a fifth of folders, a twelfth of others */
    uint64_t seed;      /* of what is chosen at random: that share, a limit, splits that are drawn */
    int no_exif;        /* 1: pictures stay as they are stored; 0: they are turned as their files' EXIF data say */
    int fast_decode;    /* 1: a JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that is still enough for what a
                           network takes of it: several times as fast, and slightly other pixels; 0: whole */
} stria_dataset_options;

/* The whole training split. */
STRIA_API stria_dataset_options stria_dataset_options_default(void);

/* spec: NAME[:PATH]: "mnist:DIR", "fashion-mnist", "cifar10:DIR", "folder:DIR", "npy:X.npy,Y.npy"; a name of the
 * catalog without a path is found by stria_catalog_find. options NULL: training split, whole. STRIA_BAD_ARGUMENT for an
 * unknown name or a split that the source does not have, STRIA_NO_FILE, STRIA_BAD_FILE for files that are not what they
 * should be. */
STRIA_API stria_status stria_dataset_open(stria_dataset **out, const char *spec, const stria_dataset_options *options,
                                          stria_error *error);
/* The training images without their validation part, and that part; they share memory where one is cut from the other.
 * Of the options (NULL: the defaults) limit, max_pixels, pipes, no_exif and fast_decode count; errors as of
 * stria_dataset_open. */
STRIA_API stria_status stria_dataset_open_pair(stria_dataset **train, stria_dataset **val, const char *spec,
                                               const stria_dataset_options *options, stria_error *error);

/* Whose pictures are in memory: images uint8 (pixels 0…255) or any other type (values, read as float32) of [count,
 * channels, height, width], [count, height, width] or [count, features]; labels integers [count], from 0, or floats
 * [count, classes], each class's share of the image, none below 0, with a sum of 1 within 0.001. Both are
 * copied. class_names[classes], or NULL: the classes are called "0", "1", … up to `classes`, or, with 0, the greatest
 * label. The same data gives the same checksum, so that a run folder's training goes on with stria_trainer_resume_data.
 * STRIA_BAD_SHAPE for other arrays, STRIA_BAD_VALUE for a label outside the classes or shares that are none,
 * STRIA_NOT_FINITE. */
STRIA_API stria_status stria_dataset_from_arrays(stria_dataset **out, const struct stria_array *images,
                                                 const struct stria_array *labels, const char *const *class_names,
                                                 int classes, stria_error *error);

/* A source of the caller's own: what it gives must depend on the index alone. */
typedef struct stria_dataset_callbacks {
    size_t size; /* sizeof(stria_dataset_callbacks) */
    int64_t count;
    int64_t channels, height, width; /* of every image */
    int classes;
    const char *const *class_names; /* [classes], copied; NULL: "0", "1", … */
    /* The class of an image. Called for each once, when the dataset is made. */
    int64_t (*label)(int64_t index, void *context);
    /* Puts the pixels of an image, 0…255, into pixels[channels][height][width]. Called from many threads at once. On
     * failure it returns a status other than STRIA_OK and fills the error; what it means is as of a picture's file. */
    stria_status (*read)(int64_t index, uint8_t *pixels, void *context, stria_error *error);
    /* NULL, or called when the dataset's last holder has freed it. */
    void (*free)(void *context);
    void *context;
    uint64_t checksum; /* a number of the caller's that says which data it is; stria_trainer_resume_data compares it */
} stria_dataset_callbacks;
/* STRIA_BAD_ARGUMENT for a source without images, classes or functions, STRIA_BAD_VALUE for a label outside the
 * classes. On failure `free` is not called. */
STRIA_API stria_status stria_dataset_from_callbacks(stria_dataset **out, const stria_dataset_callbacks *source,
                                                    stria_error *error);

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
/* Of one image the share of each class, [classes], which sum to 1 and whose greatest is its class; NULL where labels
 * are classes, and outside 0…count−1. Lives as long as the dataset. */
STRIA_API const float *stria_dataset_shares(const stria_dataset *dataset, int64_t index);
/* The file of one image; NULL where many images share a file, and outside 0…count−1. Lives as long as the dataset. */
STRIA_API const char *stria_dataset_file(const stria_dataset *dataset, int64_t index);
/* Whether it is a validation split that was held out of the training images, not a part of its own. */
STRIA_API bool stria_dataset_lent(const stria_dataset *dataset);
/* What of the source was left out (files in class folders that are not pictures, say), as a sentence; "" if nothing
 * was. Lives as long as the dataset. */
STRIA_API const char *stria_dataset_note(const stria_dataset *dataset);
/* Pixels 0…255 as bytes [channels][height][width] (bytes must be their product) and the class of one image. Either may
 * be NULL. Values of a source of floats are taken as 0…1. STRIA_BAD_ARGUMENT for an index outside 0…count−1,
 * STRIA_BAD_SHAPE for other bytes, STRIA_NO_FILE or STRIA_BAD_FILE for a picture that cannot be read now. */
STRIA_API stria_status stria_dataset_read(const stria_dataset *dataset, int64_t index, uint8_t *pixels, size_t bytes,
                                          int64_t *label, stria_error *error);

/* Writes all images as WebDataset shards, which "wds:PREFIX-{000000..000009}.tar" reads: PREFIX-000000.tar and so on,
 * each atomically and of at most per_shard images, mixed in an order that is always the same; files as they are, others
 * as PNM; and classes.txt beside them. *shards: how many there are. progress NULL: none; false stops.
 * STRIA_BAD_ARGUMENT for measured values, STRIA_BAD_FILE where a classes.txt names other classes, STRIA_INTERRUPTED,
 * STRIA_IO. */
STRIA_API stria_status stria_dataset_pack(const stria_dataset *dataset, const char *prefix, int64_t per_shard,
                                          bool (*progress)(int64_t done, int64_t of, void *context), void *context,
                                          int64_t *shards, stria_error *error);

/* How a picture is looked at. */
typedef struct stria_view_options {
    size_t size;           /* sizeof(stria_view_options) */
    int64_t channels;      /* 1: grey, 3: colours, 0: as the picture is */
    int64_t height, width; /* resized to it (bilinear, without aliasing); 0, 0: as large as it is */
    const char *augment;   /* random changes as of training, docs/augmentation.md; NULL: none */
    uint64_t seed;
    int64_t epoch; /* changes are a function of seed, epoch and index */
} stria_view_options;
STRIA_API stria_view_options stria_view_options_default(void); /* the picture as it is */
/* One image as uint8 [channels, height, width] with its random changes: what a training with this seed sees, before
 * pixels become values. Free with stria_array_release. STRIA_BAD_ARGUMENT for an index outside 0…count−1 or options
 * that do not fit, STRIA_UNSUPPORTED for measured values (floats outside 0…1, but for whole numbers up to 255), else
 * the errors of stria_dataset_read. Thread-safe. */
STRIA_API stria_status stria_dataset_view(const stria_dataset *dataset, int64_t index,
                                          const stria_view_options *options, struct stria_array *out,
                                          stria_error *error);
/* The steps of augmentation: name, the numbers that it takes with their defaults, what it does. false past the last.
 * Static strings. */
STRIA_API bool stria_augmentation(int index, const char **name, const char **takes, const char **does);

/* Known source names, NULL-terminated; and a line about each: what it is, where it comes from (NULL for an unknown
 * name). Static storage. */
STRIA_API const char *const *stria_dataset_names(void);
STRIA_API const char *stria_dataset_about(const char *name);

/* ---------------------------------------------------------------------------------------------------------------
 * Downloads by HTTP and HTTPS.
 * ------------------------------------------------------------------------------------------------------------ */

#define STRIA_SHA256_TEXT 65 /* 64 hexadecimal digits and the end */

typedef struct stria_fetch_options {
    size_t size;        /* sizeof(stria_fetch_options) */
    uint64_t bytes;     /* that the file has; 0: not known, then at most 16 GiB */
    const char *sha256; /* its sum, 64 hexadecimal digits; NULL: not known */
    int stall_seconds;  /* how long nearly nothing may come before the connection counts as broken; default 30 */
    int retry_ms;       /* before the second try, doubled for each further one; default 1000 */
    /* Called several times a second: done of total bytes (0: not known) are there. false stops. NULL: none. */
    bool (*progress)(uint64_t done, uint64_t total, void *context);
    void *context;
} stria_fetch_options;
STRIA_API stria_fetch_options stria_fetch_options_default(void);
/* Fetches url to the file `path`, through PATH.part and a rename: whoever looks sees the whole file or none. A file
 * that is there and has the sum is left alone, another one is replaced. Broken connections are tried again and go on
 * where they stood; with a known sum a later call goes on with what an earlier one left. sum: NULL, or room for
 * STRIA_SHA256_TEXT bytes, the file's. STRIA_BAD_ARGUMENT for another kind of address, STRIA_NO_FILE where the server
 * has no such file, STRIA_BAD_FILE for another size or sum, STRIA_IO for connections, servers and disks that fail,
 * STRIA_BUSY where another process is fetching the same file, STRIA_INTERRUPTED, and STRIA_UNSUPPORTED in a build
 * without libcurl. */
STRIA_API stria_status stria_fetch(const char *url, const char *path, const stria_fetch_options *options, char *sum,
                                   stria_error *error);
/* The SHA-256 of a regular file, STRIA_SHA256_TEXT bytes with the end. */
STRIA_API stria_status stria_file_sha256(const char *path, char *sum, stria_error *error);

/* What can be fetched by name. */
typedef struct stria_catalog_entry {
    size_t size; /* sizeof(stria_catalog_entry) */
    const char *name;
    const char *kind; /* "data": a name for stria_dataset_open, or "model": one for stria_model_open */
    const char *about;
    const char *page, *licence; /* of its makers */
    uint64_t bytes;             /* of the download, 0: not known */
    int files;
    int checked;            /* 1: the sums of all files are known, and compared */
    const char *home;       /* the address of the folder that is asked first for the files */
    const char *sha256;     /* of the only file; NULL: not known, or there are several */
    const char *preprocess; /* how pictures become a model's input: "resize=256 crop=224 …", metadata stria.KEY; "": not
                               known, or no model */
} stria_catalog_entry;
/* Fills out with the index-th entry; false past the last. The strings are static. */
STRIA_API bool stria_catalog(int index, stria_catalog_entry *out);
/* Where an entry is on this machine, as stria_dataset_open finds it for a name without a path: a folder of its name
 * below $STRIA_DATA, below $XDG_CACHE_HOME/stria (or ~/.cache/stria), or below /usr/share/datasets. path[bytes].
 * STRIA_NO_FILE if it is in none, STRIA_BAD_ARGUMENT for an unknown name. */
STRIA_API stria_status stria_catalog_find(const char *name, char *path, size_t bytes, stria_error *error);

typedef struct stria_catalog_options {
    size_t size;        /* sizeof(stria_catalog_options) */
    const char *folder; /* where to; NULL: a folder of its name below $STRIA_DATA, or else below the user's cache */
    const char *from;   /* the address of a folder with the same files; NULL: the entry's own homes */
    int stall_seconds, retry_ms;                                    /* as of stria_fetch_options */
    bool (*progress)(uint64_t done, uint64_t total, void *context); /* over all files of the entry */
    void *context;
} stria_catalog_options;
STRIA_API stria_catalog_options stria_catalog_options_default(void);
/* Fetches those files of an entry that are not there yet, as stria_fetch does. path[bytes]: the file or folder; sum,
 * NULL or room for STRIA_SHA256_TEXT bytes: of the last file. STRIA_BAD_ARGUMENT for an unknown name, and where there
 * is no folder and none of the three variables is set; else the errors of stria_fetch. */
STRIA_API stria_status stria_catalog_fetch(const char *name, const stria_catalog_options *options, char *path,
                                           size_t bytes, char *sum, stria_error *error);

#ifdef __cplusplus
}
#endif
#endif
