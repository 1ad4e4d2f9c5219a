/* Reading: whole files, parts of them, streams. */
#include "base/file_inside.h"

#include "base/memory.h"
#include "base/text.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_BYTES    ((size_t)1 << 30) /* of one call of the system */
#define STREAM_BYTES  ((size_t)1 << 16) /* the first piece of a stream; later ones are as large as what came before */
#define DEVICE_MAX    ((size_t)64 << 20)
#define STREAM_MAX    (((size_t)1 << 31) - 1)
#define STANDARD_NAME "standard input"

/* ---- opening ---- */

static bool is_standard_input(const char *path) {
    return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0;
}

const char *file_name_shown(const char *path) {
    return is_standard_input(path) ? STANDARD_NAME : path;
}

/* The process or the machine is at its limits: nothing is known about the file. */
static bool is_ours(int number) {
    return number == EMFILE || number == ENFILE || number == ENOMEM || number == EIO;
}

/* O_NONBLOCK: a named pipe without a writer must not hang us. It changes nothing for a regular file. */
static stria_status open_quietly(const char *path, int flags, int *fd, struct stat *st, stria_error *err) {
    char why[REASON_BYTES];
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
    if (*fd < 0) FAIL(err, is_ours(errno) ? STRIA_IO : STRIA_NO_FILE, "cannot open '%s': %s", path, reason(errno, why));
    if (fstat(*fd, st) == 0) return STRIA_OK;
    int number = errno;
    close(*fd);
    *fd = -1;
    return fail_to("read", path, number, err);
}

static stria_status too_large(const char *path, int64_t bytes, size_t most, stria_error *err) {
    char have[32], limit[32];
    FAIL(err, STRIA_BAD_FILE, "'%s' has %s bytes, more than the %s expected at most", path, text_thousands(bytes, have),
         text_thousands((int64_t)most, limit));
}

static stria_status not_regular(const char *path, const struct stat *st, stria_error *err) {
    FAIL(err, STRIA_BAD_FILE, "cannot read '%s': it is %s", path, kind_name(st->st_mode));
}

stria_status file_open(const char *path, int *fd, size_t *size, stria_error *err) {
    struct stat st;
    int opened;
    /* Looked at before it is opened: the writer of a pipe takes us for its reader, and dies when we close it. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) return not_regular(path, &st, err);
    TRY(open_quietly(path, O_NONBLOCK, &opened, &st, err));
    stria_status status = STRIA_OK;
    if (!S_ISREG(st.st_mode)) status = not_regular(path, &st, err);
    else if ((uint64_t)st.st_size > PTRDIFF_MAX) status = too_large(path, st.st_size, PTRDIFF_MAX, err);
    if (status != STRIA_OK) {
        close(opened);
        return status;
    }
    *fd = opened;
    *size = (size_t)st.st_size;
    return STRIA_OK;
}

uint64_t file_bytes(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

void file_close(int fd) {
    if (fd >= 0) close(fd);
}

/* ---- regular files ---- */

stria_status file_read_at(int fd, const char *path, uint64_t offset, void *data, size_t bytes, stria_error *err) {
    for (size_t done = 0; done < bytes;) {
        size_t step = bytes - done < STEP_BYTES ? bytes - done : STEP_BYTES;
        ssize_t got = pread(fd, (uint8_t *)data + done, step, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_to("read", path, errno, err);
        if (got == 0)
            FAIL(err, STRIA_BAD_FILE, "'%s' ended at byte %llu of %llu while it was read", path,
                 (unsigned long long)(offset + done), (unsigned long long)(offset + bytes));
        done += (size_t)got;
    }
    return STRIA_OK;
}

/* The whole of an open regular file. */
static stria_status read_whole(int fd, const char *path, size_t bytes, size_t max_bytes, uint8_t **data,
                               stria_error *err) {
    if (max_bytes && bytes > max_bytes) return too_large(path, (int64_t)bytes, max_bytes, err);
    uint8_t *content = mem_alloc(bytes);
    if (!content) FAIL(err, STRIA_NO_MEMORY, "not enough memory for '%s' (%zu bytes)", path, bytes);
    stria_status status = file_read_at(fd, path, 0, content, bytes, err);
    if (status == STRIA_OK) *data = content;
    else mem_free(content);
    return status;
}

stria_status file_read(const char *path, size_t max_bytes, uint8_t **data, size_t *size, stria_error *err) {
    int fd;
    size_t bytes;
    TRY(file_open(path, &fd, &bytes, err));
    stria_status status = read_whole(fd, path, bytes, max_bytes, data, err);
    file_close(fd);
    if (status == STRIA_OK) *size = bytes;
    return status;
}

size_t file_begin(const char *path, uint8_t *out, size_t room) {
    int fd;
    size_t size;
    if (file_open(path, &fd, &size, NULL) != STRIA_OK) return 0;
    if (size > room) size = room;
    stria_status status = file_read_at(fd, path, 0, out, size, NULL);
    file_close(fd);
    return status == STRIA_OK ? size : 0;
}

/* ---- streams ---- */

/* Whoever shares a pipe with us may have made it non-blocking. */
static bool waited(int fd, int number) {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    return number == EAGAIN && poll(&wanted, 1, -1) >= 0;
}

/* Reads to the end, or to one byte more than `most`. */
static stria_status read_stream(int fd, const char *path, size_t most, uint8_t **data, size_t *size, stria_error *err) {
    size_t room = 0, used = 0;
    uint8_t *content = NULL;
    stria_status status = STRIA_OK;
    for (;;) {
        if (used == room) {
            room = room ? room * 2 : STREAM_BYTES;
            if (room > most + 1) room = most + 1;
            uint8_t *grown = mem_realloc(content, room, 1);
            if (!grown)
                TRY_DONE(error_set(err, STRIA_NO_MEMORY, "not enough memory for '%s' (over %zu bytes)", path, used));
            content = grown;
        }
        ssize_t got = read(fd, content + used, room - used < STEP_BYTES ? room - used : STEP_BYTES);
        if (got < 0 && (errno == EINTR || waited(fd, errno))) continue;
        if (got < 0) TRY_DONE(fail_to("read", path, errno, err));
        if (got == 0) break;
        used += (size_t)got;
        if (used > most) {
            char limit[32];
            TRY_DONE(error_set(err, STRIA_BAD_FILE, "'%s' did not end within %s bytes, the most that is read of it",
                               path, text_thousands((int64_t)most, limit)));
        }
    }
    *data = content;
    *size = used;
    content = NULL;
done:
    mem_free(content);
    return status;
}

/* Devices like /dev/zero never end, so they get less than pipes do. */
static size_t stream_limit(mode_t mode, size_t max_bytes) {
    size_t most = S_ISCHR(mode) || S_ISBLK(mode) ? DEVICE_MAX : STREAM_MAX;
    return max_bytes && max_bytes < most ? max_bytes : most;
}

bool file_is_stream(const char *path) {
    struct stat st;
    if (is_standard_input(path)) return true;
    return stat(path, &st) == 0 && (strncmp(path, "/dev/", 5) == 0 || !S_ISREG(st.st_mode)) && !S_ISDIR(st.st_mode);
}

/* Standard input is read from where it stands, even where it is a file. A pipe is opened with waiting: as for any
 * program, its reader waits for its writer. */
static stria_status stream_open(const char *path, int *fd, struct stat *st, stria_error *err) {
    if (!is_standard_input(path)) return open_quietly(path, 0, fd, st, err);
    *fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (*fd >= 0 && fstat(*fd, st) == 0) return STRIA_OK;
    int number = errno;
    file_close(*fd);
    return fail_to("read", STANDARD_NAME, number, err);
}

stria_status file_read_named(const char *path, size_t max_bytes, uint8_t **data, size_t *size, stria_error *err) {
    struct stat st = {0};
    int fd;
    if (!is_standard_input(path) && (stat(path, &st) != 0 || S_ISREG(st.st_mode)))
        return file_read(path, max_bytes, data, size, err);
    TRY(stream_open(path, &fd, &st, err));
    path = file_name_shown(path);
    stria_status status;
    if (S_ISDIR(st.st_mode))
        status = error_set(err, STRIA_BAD_FILE, "cannot read '%s': it is %s", path, kind_name(st.st_mode));
    else status = read_stream(fd, path, stream_limit(st.st_mode, max_bytes), data, size, err);
    file_close(fd);
    return status;
}
