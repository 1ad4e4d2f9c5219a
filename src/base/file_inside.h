/* Shared by file.c, file_read.c and file_write.c: the system's errors as sentences. */
#ifndef BASE_FILE_INSIDE_H
#define BASE_FILE_INSIDE_H

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { REASON_BYTES = 128 };

/* The system's reason, beginning in lower case like our own sentences. */
static inline const char *reason(int number, char buffer[REASON_BYTES]) {
    snprintf(buffer, REASON_BYTES, "%s", strerror(number));
    bool word = buffer[0] >= 'A' && buffer[0] <= 'Z' && buffer[1] >= 'a' && buffer[1] <= 'z';
    if (word) buffer[0] = (char)(buffer[0] + 'a' - 'A');
    return buffer;
}

static inline bool is_absent(int number) {
    return number == ENOENT || number == ENOTDIR || number == ELOOP || number == ENAMETOOLONG;
}

static inline stria_status fail_to(const char *verb, const char *path, int number, stria_error *err) {
    char why[REASON_BYTES];
    FAIL(err, is_absent(number) ? STRIA_NO_FILE : STRIA_IO, "cannot %s '%s': %s", verb, path, reason(number, why));
}

static inline const char *kind_name(mode_t mode) {
    return S_ISDIR(mode) ? "a folder" : S_ISREG(mode) ? "a file" : "a device or pipe";
}

/* Puts a name on the disk, by a sync of the folder that holds it. False, with errno, where that failed; true where the
 * file system cannot do it. In file_write.c. */
bool sync_name(const char *path);

#endif
