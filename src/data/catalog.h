/* The catalog: datasets and model files that are fetched by name from their own addresses. Also where such a thing is
 * on this machine. */
#ifndef DATA_CATALOG_H
#define DATA_CATALOG_H

#include "base/error.h"
#include "data/fetch.h"

enum { CATALOG_FILES = 4, CATALOG_HOMES = 2 };

typedef enum catalog_kind { CATALOG_DATA, CATALOG_MODEL } catalog_kind;

typedef struct catalog_file {
    const char *name;   /* in the entry's folder, and at the end of its address */
    uint64_t bytes;     /* 0: not known */
    const char *sha256; /* NULL: not published */
} catalog_file;

typedef struct catalog_entry {
    const char *name;
    catalog_kind kind;
    const char *about, *page, *licence;
    const char *const homes[CATALOG_HOMES]; /* addresses of folders, tried in turn; NULL: none */
    const catalog_file files[CATALOG_FILES];
    int file_count;
    const char *archive;        /* the entry is this file, NAME or NAME with an archive's ending; NULL: it is not one */
    const char *preprocess;     /* of a model's pictures: KEY=VALUE with blanks between (stria.KEY); NULL: not known */
    const char *const signs[2]; /* any of them, plain or gzipped, shows that a folder holds the entry; NULL: none */
} catalog_entry;

/* NULL past the last; NULL for an unknown name. */
const catalog_entry *catalog_at(int i);
const catalog_entry *catalog_named(const char *name);
/* The sum over the files; 0 if one of them is not known. */
uint64_t catalog_bytes(const catalog_entry *e);

/* Returns true if the folder holds the entry, as its archive or as its files; path: what of it the source reads, of a
 * model its file. */
bool catalog_in(const catalog_entry *e, const char *folder, char *path, size_t size);

/* Where the entry is on this machine, for the source that reads it: below $STRIA_DATA, below the user's cache
 * ($XDG_CACHE_HOME/stria or ~/.cache/stria), below /usr/share/datasets, in a folder of its name. STRIA_NO_FILE with
 * how to get it. */
stria_status catalog_find(const catalog_entry *e, char *path, size_t size, stria_error *err);

typedef struct catalog_fetch_options {
    const char *folder; /* NULL: NAME below $STRIA_DATA, or else below the user's cache */
    const char *from;   /* the address of a folder, instead of the entry's homes; NULL: those */
    int stall_seconds, retry_ms;
    fetch_progress *progress; /* over all files */
    void *context;
} catalog_fetch_options;

/* Fetches the files that are not there yet, each through fetch_file, from the first home that has them; the folder is
 * made. path: of the file or folder that the source reads. sum: of the last file. STRIA_BAD_ARGUMENT where nothing says
 * where files are kept; the errors of fetch_file, of the first home. */
stria_status catalog_fetch(const catalog_entry *e, const catalog_fetch_options *o, char *path, size_t size,
                           char sum[SHA256_TEXT], stria_error *err);

#endif
