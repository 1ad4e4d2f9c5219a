/* The struct that a data source fills, and one opener per source. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "base/memory.h"
#include "data/dataset.h"
#include "data/npy.h"

#define SOURCE_MAX_CLASSES 65536

typedef enum dataset_part { PART_DEFAULT, PART_TRAIN, PART_VAL, PART_TEST, PART_ALL } dataset_part;

/* The data of one part of a source, shared (counted) by the datasets that are cut from it. */
typedef struct store {
    _Atomic int references;
    arena texts; /* names, paths */
    const char *path;
    dataset_part
        part;    /* what was loaded: TRAIN where VAL must still be cut from it, ALL where the source is of one piece */
    bool sorted; /* perhaps by class: choices are made at random */
    int64_t count;
    int channels, height, width, classes;
    int common_height, common_width; /* of pictures in files, 0 where they differ */
    const char **class_names;        /* arena */
    int32_t *labels;                 /* [count] */
    float *shares;                   /* [count][classes], whose greatest are the labels; NULL: there are none */
    uint8_t *bytes;                  /* [count][channels][height][width], or NULL */
    float *values;                   /* the same in floats, or NULL */
    value_range range;               /* of the values */
    const char **files;              /* decoded when read; heap, the names in the arena; or NULL */
    size_t file_bytes;
    double val;        /* share of train that is lent as val */
    uint64_t seed;     /* of choices at random */
    image_reading how; /* of dataset_options; least_side 0 */
    bool fast_decode;  /* of dataset_options */
    bool pipes;        /* of dataset_options */
    uint64_t checksum;
    /* Pictures that callbacks of the caller's make (stria_dataset_callbacks); NULL: none */
    stria_status (*read)(int64_t index, uint8_t *pixels, void *context, stria_error *err);
    void (*done)(void *context);
    void *context;
    struct packed_files *archive; /* that the path names; NULL: it is a folder or a file of its own */
    const char *root;             /* the folder of the data: the path, or the only folder of an archive */
    text note;                    /* what of the source is not used, a sentence; or empty */
} store;

/* Opens PATH's part into a zeroed store; on failure the caller releases what is in it. */
typedef stria_status source_opener(const char *path, dataset_part part, store *s, stria_error *err);

source_opener source_open_mnist, source_open_fashion_mnist, source_open_cifar10, source_open_cifar100,
    source_open_flowers17, source_open_npy, source_open_npy_nhwc, source_open_folder, source_open_csv, source_open_list,
    source_open_wds;

/* Members of a WebDataset shard that are read: pictures and .cls. */
bool source_wds_wanted(const char *name, void *context);

/* For sources of one piece: train and val come from all of it; a test part there is none. */
stria_status source_whole(const char *path, dataset_part part, store *s, stria_error *err);

/* Puts a file's name (without its folder) into the checksum, and its size where it must stay (sized). */
stria_status source_add_file(store *s, const char *path, const char *name, bool sized, stria_error *err);

/* Puts bytes into the checksum. */
void source_add_contents(store *s, const void *data, size_t bytes);

/* Images x, whose data it takes over, and labels y, of which it takes over shares. The names are for sentences. */
stria_status source_take_arrays(store *s, npy_array *x, const char *x_name, npy_array *y, const char *y_name,
                                stria_error *err);

/* Fill a zeroed store as openers do; class names as of stria_dataset_from_arrays. */
struct stria_array;
struct stria_dataset_callbacks;
stria_status source_take_memory(store *s, const struct stria_array *images, const struct stria_array *labels,
                                const char *const *names, int classes, stria_error *err);
stria_status source_take_callbacks(store *s, const struct stria_dataset_callbacks *c, stria_error *err);

/* ---- files below the path, in a folder or in an archive (source_files.c) ---- */

/* Reads the path's archive, if it is one: contents of files that are wanted (NULL: all). Sets root. */
stria_status source_enter(store *s, bool (*wanted)(const char *name, void *context), stria_error *err);
bool source_holds(const store *s, const char *path);
bool source_exists(const store *s, const char *path);
/* Names in a folder, in any order; hidden ones too. STRIA_NO_FILE if it cannot be listed. */
typedef stria_status source_visitor(const char *name, bool folder, void *context, stria_error *err);
stria_status source_list(const store *s, const char *path, source_visitor *visit, void *context, stria_error *err);
/* A whole file; *owned is what to free (mem_free), NULL if the bytes are the archive's. */
stria_status source_read(const store *s, const char *path, const uint8_t **bytes, size_t *size, uint8_t **owned,
                         stria_error *err);

/* Class names from a list, or "0", "1", … for names NULL. */
stria_status source_name_classes(store *s, const char *const *names, int classes, stria_error *err);

/* Labels as texts into s->labels[count], which is there, and class names: numbers are the classes themselves, 0 to the
 * greatest; other labels are numbered by sorted name. */
stria_status source_take_labels(store *s, const char *const *labels, int64_t count, stria_error *err);

/* Whether a row of shares is one: finite, none below 0, a sum of 1 but for rounding, which is taken out of it. The
 * sentence names the file and the row, as "line 3". */
stria_status source_check_shares(const char *file, const char *unit, int64_t number, float *row, int classes,
                                 stria_error *err);
/* Checked shares[count][classes], which it takes over (mem_free), as the store's; names as of source_name_classes. */
stria_status source_take_shares(store *s, float **shares, const char *const *names, int classes, stria_error *err);

/* Channels and common size of pictures in files, by their headers: 3 channels if any picture is in colour, whatever
 * their order; the size by a sample. Whoever reads an unreadable one says which. */
void source_look(store *s);

/* arena_printf("%s/%s") with a sentence. */
stria_status source_join(store *s, const char *folder, const char *name, char **out, stria_error *err);

#endif
