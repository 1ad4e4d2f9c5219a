/* Datasets and images, the input of a network. Include <stria/stria.h>. */
#ifndef STRIA_DATA_H
#define STRIA_DATA_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------
 * Dataset: labelled images. A dataset is immutable and reference-counted; many threads may read it.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_dataset stria_dataset;

struct stria_array; /* model.h */

typedef enum stria_split { STRIA_SPLIT_TRAIN, STRIA_SPLIT_VAL, STRIA_SPLIT_TEST } stria_split;

typedef struct stria_dataset_options {
    size_t size; /* sizeof(stria_dataset_options) */
    stria_split split;
    int64_t limit;      /* at most this many images, 0: all */
    bool hold_out_val;  /* split train omits the images of split val; for sources without a validation set */
    int64_t max_pixels; /* maximum number of pixels of a picture file. 0: 2^26, and at most 16 MiB plus 4,096 times the
                           file's size when decoded */
    int pipes;          /* 1: files that the spec names may be pipes or devices, which are read once and may block; for
                           specs that the user typed. 0: such files are refused */
    double val;         /* fraction of the training images used as split val, for sources without a validation set; 0: a
                           fifth for folders, a twelfth for others */
    uint64_t seed;      /* of random choices: the validation share, `limit`, random splits */
    int no_exif;        /* 1: pictures are read as stored; 0: they are rotated as their EXIF data say */
    int fast_decode;    /* 1: a JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that is still at least the size
                           that the network uses: several times as fast, with slightly different pixels; 0: at full
                           size */
} stria_dataset_options;

/* The whole training split. */
STRIA_API stria_dataset_options stria_dataset_options_default(void);

/* Opens a dataset. spec: NAME[:PATH]: "mnist:DIR", "fashion-mnist", "cifar10:DIR", "folder:DIR", "npy:X.npy,Y.npy";
 * stria_catalog_find finds a name of the catalog without a path. options NULL: the whole training split.
 * STRIA_BAD_ARGUMENT for an unknown name or a split that the source does not have, STRIA_NO_FILE, STRIA_BAD_FILE for
 * invalid files. */
STRIA_API stria_status stria_dataset_open(stria_dataset **out, const char *spec, const stria_dataset_options *options,
                                          stria_error *error);
/* Opens the training images without the validation images, and the validation images; they share memory where one is
 * cut from the other. Uses only these options: limit, max_pixels, pipes, val, seed, no_exif and fast_decode (NULL: the
 * defaults). Errors as for stria_dataset_open. */
STRIA_API stria_status stria_dataset_open_pair(stria_dataset **train, stria_dataset **val, const char *spec,
                                               const stria_dataset_options *options, stria_error *error);

/* Makes a dataset from arrays in memory. `images` is uint8 (pixels 0…255) or any other type (values, read as float32),
 * of shape [count, channels, height, width], [count, height, width] or [count, features]; `labels` is an integer array
 * [count], from 0, or floats [count, classes]: the share of each class, none below 0, with a sum of 1 within 0.001.
 * Both are copied. class_names[classes], or NULL: the classes are called "0", "1", … up to `classes`, or, with 0, up to
 * the greatest label. The same data gives the same checksum, so stria_trainer_resume_data can continue a run folder
 * with it. STRIA_BAD_SHAPE for other arrays, STRIA_BAD_VALUE for a label outside the classes or invalid shares,
 * STRIA_NOT_FINITE. */
STRIA_API stria_status stria_dataset_from_arrays(stria_dataset **out, const struct stria_array *images,
                                                 const struct stria_array *labels, const char *const *class_names,
                                                 int classes, stria_error *error);

/* A source that the caller implements. Its results must depend on the index only. */
typedef struct stria_dataset_callbacks {
    size_t size; /* sizeof(stria_dataset_callbacks) */
    int64_t count;
    int64_t channels, height, width; /* of every image */
    int classes;
    const char *const *class_names; /* [classes], copied; NULL: "0", "1", … */
    /* Returns the class of an image. Called once per image, when the dataset is made. */
    int64_t (*label)(int64_t index, void *context);
    /* Writes the pixels of an image, 0…255, to pixels[channels][height][width]. Called from many threads concurrently.
     * On failure it returns a status other than STRIA_OK and fills the error, which is treated like that of a picture
     * file. */
    stria_status (*read)(int64_t index, uint8_t *pixels, void *context, stria_error *error);
    /* NULL, or called after the last holder has freed the dataset. */
    void (*free)(void *context);
    void *context;
    uint64_t checksum; /* identifies the data; stria_trainer_resume_data compares it */
} stria_dataset_callbacks;
/* STRIA_BAD_ARGUMENT for a source without images, classes or functions, STRIA_BAD_VALUE for a label outside the
 * classes. On failure `free` is not called. */
STRIA_API stria_status stria_dataset_from_callbacks(stria_dataset **out, const stria_dataset_callbacks *source,
                                                    stria_error *error);

/* Releases the caller's reference; trainers hold their own. Accepts NULL. */
STRIA_API void stria_dataset_free(stria_dataset *dataset);

/* Images. */
STRIA_API int64_t stria_dataset_count(const stria_dataset *dataset);
/* The `limit` that the dataset was opened with, 0: none. */
STRIA_API int64_t stria_dataset_limit(const stria_dataset *dataset);
/* The `max_pixels` that the dataset was opened with, 0: the default. */
STRIA_API int64_t stria_dataset_max_pixels(const stria_dataset *dataset);
/* The number of classes, including classes without images. */
STRIA_API int stria_dataset_classes(const stria_dataset *dataset);
/* Never NULL; "" outside 0…classes−1. Lives as long as the dataset. */
STRIA_API const char *stria_dataset_class_name(const stria_dataset *dataset, int index);
/* Channels, height and width of every image; height and width are 0 if the images differ in size (folders of
 * pictures). */
STRIA_API void stria_dataset_shape(const stria_dataset *dataset, int64_t *channels, int64_t *height, int64_t *width);
/* The class shares of one image, [classes]: they sum to 1, and the greatest is its class. NULL if the labels are class
 * numbers, and outside 0…count−1. Lives as long as the dataset. */
STRIA_API const float *stria_dataset_shares(const stria_dataset *dataset, int64_t index);
/* The file of one image; NULL if many images share a file, and outside 0…count−1. Lives as long as the dataset. */
STRIA_API const char *stria_dataset_file(const stria_dataset *dataset, int64_t index);
/* Returns true if this validation split was cut from the training images. */
STRIA_API bool stria_dataset_lent(const stria_dataset *dataset);
/* A sentence that says which parts of the source were left out (for example, files in class folders that are not
 * pictures); "" if none. Lives as long as the dataset. */
STRIA_API const char *stria_dataset_note(const stria_dataset *dataset);
/* Reads one image: its pixels 0…255 as bytes [channels][height][width] (`bytes` must be their product) and its class.
 * Either may be NULL. A source of floats is assumed to hold values 0…1. STRIA_BAD_ARGUMENT for an index outside
 * 0…count−1, STRIA_BAD_SHAPE for another number of bytes, STRIA_NO_FILE or STRIA_BAD_FILE for a picture that can no
 * longer be read. */
STRIA_API stria_status stria_dataset_read(const stria_dataset *dataset, int64_t index, uint8_t *pixels, size_t bytes,
                                          int64_t *label, stria_error *error);

/* Writes all images as WebDataset shards, which "wds:PREFIX-{000000..000009}.tar" reads: PREFIX-000000.tar and so on,
 * each written atomically with at most per_shard images, in a fixed shuffled order; picture files are stored unchanged,
 * other images as PNM. Also writes classes.txt in the same folder. *shards: the number of shards. progress NULL: none;
 * it returns false to stop. STRIA_BAD_ARGUMENT for measured values, STRIA_BAD_FILE if an existing classes.txt names
 * other classes, STRIA_INTERRUPTED, STRIA_IO. */
STRIA_API stria_status stria_dataset_pack(const stria_dataset *dataset, const char *prefix, int64_t per_shard,
                                          bool (*progress)(int64_t done, int64_t of, void *context), void *context,
                                          int64_t *shards, stria_error *error);

/* How stria_dataset_view converts an image. */
typedef struct stria_view_options {
    size_t size;           /* sizeof(stria_view_options) */
    int64_t channels;      /* 1: grey, 3: colour, 0: as the image has */
    int64_t height, width; /* the size to resize to (bilinear, antialiased); 0, 0: the image's own */
    const char *augment;   /* random changes as in training, docs/augmentation.md; NULL: none */
    uint64_t seed;
    int64_t epoch; /* the random changes are a function of seed, epoch and index */
} stria_view_options;
STRIA_API stria_view_options stria_view_options_default(void); /* the image unchanged */
/* Returns one image as uint8 [channels, height, width] with its random changes, as a training with this seed sees it
 * before pixels become values. Free with stria_array_release. STRIA_BAD_ARGUMENT for an index outside 0…count−1 or
 * options that do not match the image, STRIA_UNSUPPORTED for measured values (floats outside 0…1 that are not whole
 * numbers up to 255), else the errors of stria_dataset_read. Thread-safe. */
STRIA_API stria_status stria_dataset_view(const stria_dataset *dataset, int64_t index,
                                          const stria_view_options *options, struct stria_array *out,
                                          stria_error *error);
/* The augmentation steps: name, parameters with their defaults, and what the step does. Returns false past the last.
 * Static strings. */
STRIA_API bool stria_augmentation(int index, const char **name, const char **takes, const char **does);

/* The known source names, NULL-terminated, and one line about each: what it is and where it comes from (NULL for an
 * unknown name). Static storage. */
STRIA_API const char *const *stria_dataset_names(void);
STRIA_API const char *stria_dataset_about(const char *name);

/* ---------------------------------------------------------------------------------------------------------------
 * Downloads by HTTP and HTTPS.
 * ------------------------------------------------------------------------------------------------------------ */

#define STRIA_SHA256_TEXT 65 /* 64 hexadecimal digits and the terminating NUL */

typedef struct stria_fetch_options {
    size_t size;        /* sizeof(stria_fetch_options) */
    uint64_t bytes;     /* size of the file; 0: not known, then at most 16 GiB */
    const char *sha256; /* the file's SHA-256, 64 hexadecimal digits; NULL: not known */
    int stall_seconds;  /* seconds with almost no data after which the connection counts as broken; default 30 */
    int retry_ms;       /* delay before the second attempt, doubled for each further one; default 1000 */
    /* Called several times a second with the bytes received so far and in total (0: not known). Returns false to stop.
     * NULL: none. */
    bool (*progress)(uint64_t done, uint64_t total, void *context);
    void *context;
} stria_fetch_options;
STRIA_API stria_fetch_options stria_fetch_options_default(void);
/* Downloads url to the file `path`. The data goes to PATH.part, which is renamed at the end: other processes see the
 * complete file or no file. An existing file with this sum is kept; any other is replaced. A broken connection is
 * retried and resumes where it stopped; with a known sum, a later call resumes the part that an earlier one left. sum:
 * NULL, or STRIA_SHA256_TEXT bytes for the file's sum. STRIA_BAD_ARGUMENT for another kind of address, STRIA_NO_FILE if
 * the server does not have the file, STRIA_BAD_FILE for another size or sum, STRIA_IO for failing connections, servers
 * and disks, STRIA_BUSY while another process fetches the same file, STRIA_INTERRUPTED, and STRIA_UNSUPPORTED in a
 * build without libcurl. */
STRIA_API stria_status stria_fetch(const char *url, const char *path, const stria_fetch_options *options, char *sum,
                                   stria_error *error);
/* Computes the SHA-256 of a regular file. sum[STRIA_SHA256_TEXT], terminated by NUL. */
STRIA_API stria_status stria_file_sha256(const char *path, char *sum, stria_error *error);

/* A dataset or model that can be fetched by name. */
typedef struct stria_catalog_entry {
    size_t size; /* sizeof(stria_catalog_entry) */
    const char *name;
    const char *kind; /* "data": a name for stria_dataset_open, or "model": one for stria_model_open */
    const char *about;
    const char *page, *licence; /* of its authors */
    uint64_t bytes;             /* size of the download, 0: not known */
    int files;
    int checked;            /* 1: the sums of all files are known and compared */
    const char *home;       /* the address of the folder from which the files are fetched first */
    const char *sha256;     /* sum of the only file; NULL: not known, or there are several files */
    const char *preprocess; /* how pictures become a model's input: "resize=256 crop=224 …", metadata stria.KEY; "": not
                               known, or not a model */
} stria_catalog_entry;
/* Fills `out` with the index-th entry; returns false past the last. The strings are static. */
STRIA_API bool stria_catalog(int index, stria_catalog_entry *out);
/* Finds an entry on this machine, as stria_dataset_open does for a name without a path: a folder of its name in
 * $STRIA_DATA, in $XDG_CACHE_HOME/stria (or ~/.cache/stria), or in /usr/share/datasets. Writes path[bytes].
 * STRIA_NO_FILE if none of them has it, STRIA_BAD_ARGUMENT for an unknown name. */
STRIA_API stria_status stria_catalog_find(const char *name, char *path, size_t bytes, stria_error *error);

typedef struct stria_catalog_options {
    size_t size;        /* sizeof(stria_catalog_options) */
    const char *folder; /* the destination; NULL: a folder of the entry's name in $STRIA_DATA, or else in the user's
                           cache */
    const char *from;   /* the address of a folder with the same files; NULL: the entry's own addresses */
    int stall_seconds, retry_ms;                                    /* as in stria_fetch_options */
    bool (*progress)(uint64_t done, uint64_t total, void *context); /* over all files of the entry */
    void *context;
} stria_catalog_options;
STRIA_API stria_catalog_options stria_catalog_options_default(void);
/* Fetches the files of an entry that are still missing, as stria_fetch does. path[bytes]: the file or folder; sum:
 * NULL, or STRIA_SHA256_TEXT bytes for the sum of the last file. STRIA_BAD_ARGUMENT for an unknown name, or if no
 * folder is given and none of the three variables is set; else the errors of stria_fetch. */
STRIA_API stria_status stria_catalog_fetch(const char *name, const stria_catalog_options *options, char *path,
                                           size_t bytes, char *sum, stria_error *error);

#ifdef __cplusplus
}
#endif
#endif
