/* Downloads by HTTP and HTTPS, through libcurl. A file is written to PATH.part, checked, synced and renamed: other
 * processes see the complete file or no file. */
#ifndef DATA_FETCH_H
#define DATA_FETCH_H

#include "base/sha256.h"

#define FETCH_MOST ((uint64_t)16 << 30)

/* done of total bytes (0: not known) are there; false stops. */
typedef bool fetch_progress(uint64_t done, uint64_t total, void *context);

typedef struct fetch_request {
    const char *url, *path;
    uint64_t bytes;           /* that the file has; 0: not known */
    uint64_t most;            /* bytes that a file of unknown size may have; 0: FETCH_MOST */
    const char *sha256;       /* 64 hexadecimal digits; NULL: not known */
    int stall_seconds;        /* how long nearly nothing may come before a connection counts as broken */
    int retry_ms;             /* before the second try; doubled for each further one */
    fetch_progress *progress; /* NULL: none */
    void *context;
} fetch_request;

/* The file at `path`, whole and right. One that is there and has the sum is left alone; another one is replaced.
 * A connection that breaks is tried again, five times without progress, and goes on where it stood if the server can do
 * that. What was left in PATH.part by an earlier call is gone on with if the sum is known, so that the whole can be
 * judged; without a sum it begins again, and a failure leaves nothing. sum: the file's, NULL: not wanted.
 * STRIA_BAD_ARGUMENT for another kind of address, STRIA_NO_FILE where the server has no such file, STRIA_BAD_FILE for
 * another size or sum or one above the limit, STRIA_IO for connections, servers and disks that fail, STRIA_BUSY where
 * another process is fetching the same file, STRIA_INTERRUPTED where progress said so, STRIA_UNSUPPORTED in a build
 * without libcurl. */
stria_status fetch_file(const fetch_request *request, char sum[SHA256_TEXT], stria_error *err);

#endif
