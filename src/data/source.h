/* What a source of data fills, one opener a source. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "base/memory.h"
#include "data/dataset.h"

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
    uint8_t *bytes;                  /* [count][channels][height][width], or NULL */
    float *values;                   /* the same in floats, or NULL */
    value_range range;               /* of the values */
    const char **files;              /* decoded when read; heap, the names in the arena; or NULL */
    size_t file_bytes;
    double val;         /* share of train that is lent as val */
    uint64_t seed;      /* of choices at random */
    int64_t max_pixels; /* of dataset_options */
    bool pipes;         /* of dataset_options */
    uint64_t checksum;
    text note; /* what of the source is not used, a sentence; or empty */
} store;

/* Opens PATH's part into a zeroed store; on failure the caller releases what is in it. */
typedef stria_status source_opener(const char *path, dataset_part part, store *s, stria_error *err);

source_opener source_open_mnist, source_open_fashion_mnist, source_open_cifar10, source_open_cifar100,
    source_open_flowers17, source_open_npy, source_open_folder;

/* For sources of one piece: train and val come from all of it; a test part there is none. */
stria_status source_whole(const char *path, dataset_part part, store *s, stria_error *err);

/* Puts a file's name (without its folder) into the checksum, and its size where it must stay (sized). */
stria_status source_add_file(store *s, const char *path, const char *name, bool sized, stria_error *err);

/* Class names from a list, or "0", "1", … for names NULL. */
stria_status source_name_classes(store *s, const char *const *names, int classes, stria_error *err);

/* Channels and common size of pictures in files, by their headers: 3 channels if any picture is in colour, whatever
 * their order; the size by a sample. Whoever reads an unreadable one says which. */
void source_look(store *s);

/* arena_printf("%s/%s") with a sentence. */
stria_status source_join(store *s, const char *folder, const char *name, char **out, stria_error *err);

#endif
