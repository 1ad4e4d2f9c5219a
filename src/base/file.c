#include "base/file.h"

#include "base/file_reason.h"
#include "base/memory.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITER_BUFFER_BYTES = 1 << 16, LINKS_MAX = 40 /* as in Linux */ };

struct file_writer {
    char *path, *temporary; /* path: where the name leads, links followed */
    int fd;
    bool failed;
    size_t used;
    uint64_t given, written; /* bytes from the caller, bytes that the system has taken */
    uint8_t buffer[WRITER_BUFFER_BYTES];
};

static atomic_long fail_at, steps;

void file_fail_at(long n) {
    atomic_store(&steps, 0);
    atomic_store(&fail_at, n);
}

static bool injected_failure(void) {
    bool fails = atomic_fetch_add(&steps, 1) + 1 == atomic_load(&fail_at);
    if (fails) errno = ENOSPC;
    return fails;
}

static stria_status writer_fail(file_writer *w, int number, stria_error *err) {
    char why[REASON_BYTES], written[32], given[32];
    w->failed = true;
    FAIL(err, STRIA_IO, "cannot write '%s': %s (%s of %s bytes written)", w->path, reason(number, why),
         text_thousands((int64_t)w->written, written), text_thousands((int64_t)w->given, given));
}

static stria_status write_all(file_writer *w, const uint8_t *data, size_t bytes, stria_error *err) {
    while (bytes > 0) {
        size_t step = bytes < (1u << 30) ? bytes : 1u << 30;
        ssize_t put = injected_failure() ? -1 : write(w->fd, data, step);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return writer_fail(w, put < 0 ? errno : ENOSPC, err);
        data += put;
        bytes -= (size_t)put;
        w->written += (uint64_t)put;
    }
    return STRIA_OK;
}

static stria_status writer_flush(file_writer *w, stria_error *err) {
    size_t used = w->used;
    w->used = 0;
    return write_all(w, w->buffer, used, err);
}

/* Replaces a link's name by what it points to; false if the name is no link. */
static bool link_step(char path[PATH_MAX]) {
    char to[PATH_MAX];
    const char *slash = strrchr(path, '/');
    ssize_t got = readlink(path, to, sizeof to - 1);
    if (got <= 0) return false;
    size_t folder = *to != '/' && slash ? (size_t)(slash + 1 - path) : 0;
    if (folder + (size_t)got >= PATH_MAX) return false;
    memcpy(path + folder, to, (size_t)got);
    path[folder + (size_t)got] = 0;
    return true;
}

/* Follows links to the file that will be replaced or, where the last one dangles, made; refuses what is no file, and
 * finds the permissions to keep. */
static stria_status writer_target(const char *path, char **target, mode_t *mode, stria_error *err) {
    struct stat st;
    char real[PATH_MAX];
    *mode = 0;
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) FAIL(err, STRIA_IO, "cannot write '%s': it is %s", path, kind_name(st.st_mode));
        *mode = st.st_mode & 0777;
    } else if (errno == ELOOP || errno == ENAMETOOLONG) return fail_to("write", path, errno, err);
    int length = snprintf(real, sizeof real, "%s", path);
    if (length < 0 || length >= (int)sizeof real) return fail_to("write", path, ENAMETOOLONG, err);
    for (int links = 0; links < LINKS_MAX && link_step(real); links++) continue;
    *target = mem_strdup(real);
    if (!*target) FAIL(err, STRIA_NO_MEMORY, "not enough memory to write '%s'", path);
    return STRIA_OK;
}

/* A new name beside the target's: process and counter tell writers apart; a dead process' leavings are passed over. */
static stria_status writer_create(file_writer *w, mode_t mode, stria_error *err) {
    static atomic_uint counter;
    size_t bytes = strlen(w->path) + 48;
    w->temporary = mem_alloc(bytes);
    if (!w->temporary) FAIL(err, STRIA_NO_MEMORY, "not enough memory to write '%s'", w->path);
    for (int tries = 0; w->fd < 0 && tries < 1000; tries++) {
        snprintf(w->temporary, bytes, "%s.%ld-%u.tmp", w->path, (long)getpid(), atomic_fetch_add(&counter, 1));
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd < 0 && errno != EEXIST && errno != EINTR) break;
    }
    if (w->fd < 0) return fail_to("write", w->path, errno, err);
    if (mode && fchmod(w->fd, mode) != 0) return fail_to("write", w->path, errno, err);
    return STRIA_OK;
}

static void writer_free(file_writer *w) {
    mem_free(w->temporary);
    mem_free(w->path);
    mem_free(w);
}

void file_writer_abort(file_writer *w) {
    if (!w) return;
    if (w->fd >= 0) {
        close(w->fd);
        unlink(w->temporary);
    }
    writer_free(w);
}

stria_status file_writer_open(file_writer **out, const char *path, stria_error *err) {
    stria_status status = STRIA_OK;
    file_writer *w = NULL;
    mode_t mode = 0;
    TRY(mem_new(&w, 1, sizeof *w, "a file's buffer", err));
    w->fd = -1;
    TRY_DONE(writer_target(path, &w->path, &mode, err));
    TRY_DONE(writer_create(w, mode, err));
    *out = w;
    w = NULL;
done:
    file_writer_abort(w);
    return status;
}

stria_status file_writer_write(file_writer *w, const void *data, size_t bytes, stria_error *err) {
    w->given += bytes;
    if (w->failed) return writer_fail(w, EIO, err);
    if (bytes > sizeof w->buffer - w->used) TRY(writer_flush(w, err));
    if (bytes >= sizeof w->buffer) return write_all(w, data, bytes, err);
    if (bytes) memcpy(w->buffer + w->used, data, bytes);
    w->used += bytes;
    return STRIA_OK;
}

stria_status file_writer_printf(file_writer *w, stria_error *err, const char *format, ...) {
    char small[512], *line = small;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = text_vformat(small, sizeof small, format, arguments);
    if (length >= (int)sizeof small) {
        line = mem_alloc((size_t)length + 1);
        if (line) text_vformat(line, (size_t)length + 1, format, again);
    }
    va_end(again);
    va_end(arguments);
    stria_status status;
    if (length < 0) status = writer_fail(w, errno, err);
    else if (!line) status = error_set(err, STRIA_NO_MEMORY, "not enough memory to write '%s'", w->path);
    else status = file_writer_write(w, line, (size_t)length, err);
    if (line != small) mem_free(line);
    return status;
}

/* Makes a rename last. File systems that cannot sync a folder say EINVAL: nothing is lost that they could have kept. */
static int sync_folder(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    if (length >= sizeof folder) return 0;
    memcpy(folder, path, length);
    memcpy(folder + length, ".", 2);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return 0; /* a folder may be writable and yet not readable */
    int result = fsync(fd) != 0 && errno == EIO ? EIO : 0;
    close(fd);
    return result;
}

stria_status file_writer_commit(file_writer *w, stria_error *err) {
    stria_status status = w->failed ? writer_fail(w, EIO, err) : writer_flush(w, err);
    if (status == STRIA_OK && (injected_failure() || fsync(w->fd) != 0)) status = writer_fail(w, errno, err);
    if (status == STRIA_OK) {
        int closed = close(w->fd); /* network file systems report late errors here */
        w->fd = -1;
        bool renamed = (closed == 0 || errno == EINTR) && !injected_failure() && rename(w->temporary, w->path) == 0;
        if (!renamed) {
            status = writer_fail(w, errno, err);
            unlink(w->temporary);
        } else {
            int synced = sync_folder(w->path);
            if (synced != 0) status = writer_fail(w, synced, err);
        }
    }
    file_writer_abort(w);
    return status;
}

stria_status file_append(const char *path, const void *data, size_t bytes, stria_error *err) {
    file_writer w = {.path = (char *)(uintptr_t)path, .given = bytes};
    struct stat st;
    stria_status status;
    w.fd =
        open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666); /* a pipe would wait for a reader */
    if (w.fd < 0) return fail_to("write", path, errno, err);
    if (fstat(w.fd, &st) == 0 && !S_ISREG(st.st_mode))
        status = error_set(err, STRIA_IO, "cannot write '%s': it is %s", path, kind_name(st.st_mode));
    else status = write_all(&w, data, bytes, err);
    if (close(w.fd) != 0 && status == STRIA_OK) return fail_to("write", path, errno, err);
    return status;
}

stria_status file_write(const char *path, const void *data, size_t bytes, stria_error *err) {
    file_writer *w = NULL;
    TRY(file_writer_open(&w, path, err));
    stria_status status = file_writer_write(w, data, bytes, err);
    if (status == STRIA_OK) return file_writer_commit(w, err);
    file_writer_abort(w);
    return status;
}

/* NAME.PROCESS-COUNTER.tmp, as writer_create calls them. */
static bool is_leaving(const char *name) {
    const char *at = strstr(name, ".tmp");
    if (!at || at[4]) return false;
    static const char joints[] = "-.";
    for (int i = 0; i < 2; i++) {
        const char *digit = at;
        while (digit > name && digit[-1] >= '0' && digit[-1] <= '9') digit--;
        if (digit == at || digit == name || digit[-1] != joints[i]) return false;
        at = digit - 1;
    }
    return at > name;
}

void folder_tidy(const char *path) {
    char file[PATH_MAX];
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (is_leaving(entry->d_name) && snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file)
            unlink(file);
    if (folder) closedir(folder);
}

bool file_exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

bool file_is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static stria_status folder_make_one(const char *part, const char *path, stria_error *err) {
    char why[REASON_BYTES];
    int number = mkdir(part, 0777) == 0 ? 0 : errno;          /* file_is_folder sets errno, too */
    if (number == 0 || file_is_folder(part)) return STRIA_OK; /* there already, whatever mkdir says */
    if (number == EEXIST || number == ENOTDIR)
        FAIL(err, STRIA_IO, "cannot make folder '%s': '%s' is no folder", path, part);
    FAIL(err, STRIA_IO, "cannot make folder '%s': %s", path, reason(number, why));
}

stria_status folder_make(const char *path, stria_error *err) {
    stria_status status = STRIA_OK;
    if (!*path) FAIL(err, STRIA_BAD_ARGUMENT, "cannot make a folder without a name");
    char *part = mem_strdup(path);
    if (!part) FAIL(err, STRIA_NO_MEMORY, "not enough memory to make folder '%s'", path);
    for (char *slash = part + 1; *part && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        TRY_DONE(folder_make_one(part, path, err));
        *slash = '/';
    }
    status = folder_make_one(part, path, err);
done:
    mem_free(part);
    return status;
}

/* The holder's process number, for people to read; "" when it cannot be read. */
static void lock_holder(int fd, char holder[32]) {
    ssize_t got = pread(fd, holder, 31, 0);
    size_t length = got > 0 ? (size_t)got : 0;
    holder[length] = 0;
    holder[strspn(holder, "0123456789")] = 0;
}

stria_status file_lock(const char *path, int *handle, stria_error *err) {
    char name[PATH_MAX], holder[32], why[REASON_BYTES];
    int length = snprintf(name, sizeof name, "%s/lock", path), fd = -1, result;
    if (length >= (int)sizeof name) FAIL(err, STRIA_NO_FILE, "cannot lock '%s': the name is too long", path);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0) return fail_to("lock", path, errno, err);
    while ((result = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) continue;
    if (result != 0) {
        int number = errno;
        lock_holder(fd, holder);
        close(fd);
        if (number != EWOULDBLOCK) FAIL(err, STRIA_IO, "cannot lock '%s': %s", path, reason(number, why));
        FAIL(err, STRIA_BUSY, "'%s' is locked by %s%s", path, *holder ? "process " : "another process", holder);
    }
    length = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    bool told = ftruncate(fd, 0) == 0 && pwrite(fd, holder, (size_t)length, 0) == length;
    (void)told; /* the number is only for people: the lock holds without it */
    *handle = fd;
    return STRIA_OK;
}

void file_unlock(int handle) {
    if (handle >= 0) close(handle);
}
