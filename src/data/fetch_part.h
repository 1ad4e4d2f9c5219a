/* The file that a download grows in: PATH.part, locked, with the sum of what is in it. */
#ifndef DATA_FETCH_PART_H
#define DATA_FETCH_PART_H

#include "base/sha256.h"

typedef struct fetch_part {
    char *path, *target;
    int fd; /* −1: not open */
    uint64_t have;
    sha256 sum; /* of these bytes */
} fetch_part;

/* Opens PATH.part, made if it is not there; `keep` leaves what is in it. A link or a path that is not a regular file is
 * refused; STRIA_BUSY if another process has it. */
stria_status part_open(fetch_part *p, const char *path, bool keep, stria_error *err);
stria_status part_append(fetch_part *p, const void *data, size_t bytes, stria_error *err);
stria_status part_empty(fetch_part *p, stria_error *err);
/* Syncs and gives it its name. */
stria_status part_commit(fetch_part *p, stria_error *err);
/* Closes; removes what is there unless `keep`. Accepts one that is zeroed with fd −1. */
void part_close(fetch_part *p, bool keep);

#endif
