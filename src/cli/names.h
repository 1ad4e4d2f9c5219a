/* The pictures that a command names: files, folders of them, lists. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stria/stria.h>

/* Zero-initialise. */
typedef struct names {
    char **list;
    int64_t count, capacity;
} names;

/* The picture, or of a folder the files in it that are named like pictures, in the order of their names; with
 * `recursive` those of the folders in it as well. Links to folders are followed; each folder is listed once.
 * STRIA_NO_FILE for a folder that cannot be listed, STRIA_BAD_FILE for one without pictures, STRIA_NO_MEMORY. */
stria_status names_add(names *n, const char *path, bool recursive, stria_error *error);
/* One name per line of a file, or of standard input ("-"); empty lines are passed over, "-" is refused with
 * STRIA_BAD_ARGUMENT. Calls `take` with each batch of at most `most` names as they come, so that a pipe is answered
 * while it is open. */
typedef stria_status names_taker(const names *n, void *context, stria_error *error);
stria_status names_read(const char *path, int64_t most, names_taker *take, void *context, stria_error *error);
/* "-", or a pipe or device. */
bool names_stream(const char *path);
void names_release(names *n); /* leaves an empty list */

#endif
