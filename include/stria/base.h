/* Status, errors and version: what every other Stria header rests on. Include <stria/stria.h>. */
#ifndef STRIA_BASE_H
#define STRIA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define STRIA_API
#else
#define STRIA_API __attribute__((visibility("default")))
#endif

/* The version of these headers; CMakeLists.txt reads it here. A program can compare them with stria_version(), which is
 * the library's. STRIA_VERSION_NUMBER is major·10000 + minor·100 + patch. */
#define STRIA_VERSION_MAJOR  0
#define STRIA_VERSION_MINOR  1
#define STRIA_VERSION_PATCH  0
#define STRIA_VERSION_NUMBER (STRIA_VERSION_MAJOR * 10000 + STRIA_VERSION_MINOR * 100 + STRIA_VERSION_PATCH)

/* The kind of an error; the sentence in stria_error says what exactly went wrong. */
typedef enum stria_status {
    STRIA_OK = 0,
    STRIA_BAD_ARGUMENT, /* a wrong argument or option: an unknown name, a value out of range */
    STRIA_BAD_SHAPE,    /* shapes or types that do not fit together */
    STRIA_BAD_FILE,     /* an invalid file: truncated, corrupt or of another format */
    STRIA_NO_FILE,      /* a file or folder that cannot be found or opened */
    STRIA_IO,           /* reading or writing failed: no space, no permission */
    STRIA_NO_MEMORY,    /* an allocation failed; nothing was changed */
    STRIA_UNSUPPORTED,  /* valid input that Stria (or this build) does not support */
    STRIA_NOT_FINITE,   /* a NaN or an infinity appeared while training */
    STRIA_BUSY,         /* the run folder is locked by another training */
    STRIA_INTERRUPTED,  /* a callback asked to stop; a trainer with a run folder has saved everything */
    STRIA_BAD_VALUE     /* data that an operator does not accept: a label outside the classes, an index out of range */
} stria_status;

/* An error, owned by the caller. It uses no heap and may live on the stack; every function that takes one accepts NULL.
 * `text` is one sentence without a final full stop and uses the names and sizes of the user's model or file. */
typedef struct stria_error {
    stria_status status;
    char text[1020];
} stria_error;

/* Removes the temporary files of all files that this process is writing; the files that they would have replaced are
 * not changed. Async-signal-safe: call it from the handler of a signal that ends the program. Do not call a function
 * that writes after it. */
STRIA_API void stria_files_abandon(void);

/* Writes a whole file atomically: on failure an existing file is not changed. Links are followed. STRIA_IO for a folder
 * that cannot be written or a full disk, STRIA_BAD_FILE if the path exists and is not a regular file. */
STRIA_API stria_status stria_file_write(const char *path, const void *data, size_t bytes, stria_error *error);

/* The library's version, "1.2.3", and as a number like STRIA_VERSION_NUMBER. Static storage. Thread-safe. */
STRIA_API const char *stria_version(void);
STRIA_API int stria_version_number(void);
/* Returns the status's name for logs: "bad argument", "no memory", …; "unknown status" for any other number. Static
 * storage. Thread-safe. */
STRIA_API const char *stria_status_name(stria_status status);
/* Returns the entry of names[count] that `name` probably misspells: the nearest by edit distance (insertions,
 * deletions, changes and swaps of neighbouring letters; case is ignored). Returns NULL if the distance is more than a
 * third of the name's length. Thread-safe. */
STRIA_API const char *stria_nearest(const char *name, const char *const *names, int count);

/* ---------------------------------------------------------------------------------------------------------------
 * Thread pool: threads that sessions, predictors and trainers share. Without a pool, each of them starts its own
 * threads. Handles that compute at the same time do not wait for each other: one uses the pool's threads, the others
 * compute in their calling thread alone until it is done. Results are bit-identical either way. Any number of threads
 * may use handles that share a pool.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_thread_pool stria_thread_pool;

/* `threads` includes the calling thread: 1 starts none; 0 means all CPUs that the process may use. STRIA_BAD_ARGUMENT
 * outside 0…1024. */
STRIA_API stria_status stria_thread_pool_new(stria_thread_pool **out, int threads, stria_error *error);
/* Releases the caller's reference: the threads end after everything made with the pool is freed. Accepts NULL. */
STRIA_API void stria_thread_pool_free(stria_thread_pool *pool);
STRIA_API int stria_thread_pool_threads(const stria_thread_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
