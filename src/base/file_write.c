/* Writing: the atomic writer, the log. */
#include "base/file_inside.h"

#include "base/memory.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITER_BUFFER_BYTES = 1 << 16, LINKS_MAX = 40 /* as in Linux */ };

struct file_writer {
    char *path, *temporary;  /* path: where the name leads, links followed */
    const file_judge *judge; /* NULL: none */
    int fd;
    bool failed;
    size_t used;
    uint64_t given, written; /* bytes from the caller, bytes that the system has taken */
    uint8_t buffer[WRITER_BUFFER_BYTES];
};

static atomic_long fail_at, calls;
static file_hook *_Atomic call_hook;

void file_fail_at(long n) {
    atomic_store(&calls, 0);
    atomic_store(&fail_at, n);
}

void file_on_call(file_hook *hook) {
    atomic_store(&call_hook, hook);
}

/* To be asked before each call that changes a disk. */
static bool call_fails(const char *call, const char *path) {
    file_hook *hook = atomic_load(&call_hook);
    bool fails = atomic_fetch_add(&calls, 1) + 1 == atomic_load(&fail_at);
    if (hook && hook(call, path)) fails = true;
    if (fails) errno = ENOSPC;
    return fails;
}

/* The temporary files that are there now, for file_writers_abandon. A writer that finds no place is not among them. */
enum { WRITERS_MAX = 64 };
static char *_Atomic temporaries[WRITERS_MAX];

static void temporary_note(char *path) {
    for (int i = 0; i < WRITERS_MAX; i++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&temporaries[i], &none, path)) return;
    }
}

static void temporary_forget(char *path) {
    for (int i = 0; path && i < WRITERS_MAX; i++) {
        char *noted = path;
        if (atomic_compare_exchange_strong(&temporaries[i], &noted, NULL)) return;
    }
}

void file_writers_abandon(void) {
    for (int i = 0; i < WRITERS_MAX; i++) {
        char *path = atomic_exchange(&temporaries[i], NULL);
        if (path) unlink(path);
    }
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
        ssize_t put = call_fails("write", w->path) ? -1 : write(w->fd, data, step);
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

/* Replaces a link's name by what it points to. Returns false if the path is not a link or does not exist (errno 0), or
 * if the system reports another error (errno). */
static bool link_step(char path[PATH_MAX]) {
    char to[PATH_MAX];
    const char *slash = strrchr(path, '/');
    ssize_t got = readlink(path, to, sizeof to - 1);
    if (got < 0 && (errno == EINVAL || errno == ENOENT)) errno = 0;
    if (got <= 0) return false;
    size_t folder = *to != '/' && slash ? (size_t)(slash + 1 - path) : 0;
    errno = ENAMETOOLONG;
    if (folder + (size_t)got >= PATH_MAX) return false;
    memcpy(path + folder, to, (size_t)got);
    path[folder + (size_t)got] = 0;
    return true;
}

/* Finds the file that will be replaced or, where there is none or the last link dangles, made, and the permissions to
 * keep; refuses a path that is not a regular file. A file whose status cannot be read is not replaced: its permissions
 * could get lost. */
static stria_status writer_target(const char *path, bool follow, char **target, mode_t *mode, stria_error *err) {
    struct stat st;
    char real[PATH_MAX];
    *mode = 0;
    if (!follow && lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        /* its name is taken over */
    } else if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) FAIL(err, STRIA_IO, "cannot write '%s': it is %s", path, kind_name(st.st_mode));
        *mode = st.st_mode & 0777;
    } else if (errno != ENOENT) return fail_to("write", path, errno, err);
    int length = snprintf(real, sizeof real, "%s", path);
    if (length < 0 || length >= (int)sizeof real) return fail_to("write", path, ENAMETOOLONG, err);
    errno = 0;
    for (int links = 0; follow && links < LINKS_MAX && link_step(real); links++) errno = 0;
    if (errno) return fail_to("write", path, errno, err);
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
        temporary_note(w->temporary); /* before it is there: a signal may come between; the name is nobody else's */
        bool fails = call_fails("create", w->path);
        w->fd = fails ? -1 : open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0) break;
        temporary_forget(w->temporary);
        if (fails || (errno != EEXIST && errno != EINTR)) break;
    }
    if (w->fd < 0) return fail_to("write", w->path, errno, err);
    if (mode && fchmod(w->fd, mode) != 0) return fail_to("write", w->path, errno, err);
    return STRIA_OK;
}

static void writer_free(file_writer *w) {
    temporary_forget(w->temporary);
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

static stria_status writer_open(file_writer **out, const char *path, bool follow, stria_error *err) {
    stria_status status = STRIA_OK;
    file_writer *w = NULL;
    mode_t mode = 0;
    TRY(mem_new(&w, 1, sizeof *w, "a file's buffer", err));
    w->fd = -1;
    TRY_DONE(writer_target(path, follow, &w->path, &mode, err));
    TRY_DONE(writer_create(w, mode, err));
    *out = w;
    w = NULL;
done:
    file_writer_abort(w);
    return status;
}

stria_status file_writer_open(file_writer **out, const char *path, stria_error *err) {
    return writer_open(out, path, true, err);
}

stria_status file_writer_replace(file_writer **out, const char *path, stria_error *err) {
    return writer_open(out, path, false, err);
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

/* File systems that cannot sync a folder say EINVAL: nothing is lost that they could have kept. */
bool sync_name(const char *path) {
    char folder[PATH_MAX];
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/') length--;
    while (length > 0 && path[length - 1] != '/') length--;
    if (length + 2 > sizeof folder) return true;
    memcpy(folder, path, length);
    memcpy(folder + length, ".", 2);
    if (call_fails("sync the folder of", path)) return false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return true; /* a folder may be writable and yet not readable */
    bool synced = fsync(fd) == 0 || errno != EIO;
    close(fd);
    if (!synced) errno = EIO;
    return synced;
}

/* Network file systems report late errors here. */
static bool writer_close(file_writer *w) {
    bool fails = call_fails("close", w->path);
    int number = errno, closed = close(w->fd);
    w->fd = -1;
    if (fails) errno = number;
    return !fails && (closed == 0 || errno == EINTR);
}

void file_writer_ask(file_writer *w, const file_judge *judge) {
    w->judge = judge && judge->accept ? judge : NULL;
}

/* The whole file gets its name. */
static stria_status writer_rename(file_writer *w, stria_error *err) {
    stria_status status = writer_close(w) ? STRIA_OK : writer_fail(w, errno, err);
    if (status == STRIA_OK && w->judge) status = w->judge->accept(w->temporary, w->judge->context, err);
    if (status == STRIA_OK && (call_fails("rename", w->path) || rename(w->temporary, w->path) != 0))
        status = writer_fail(w, errno, err);
    if (status != STRIA_OK) unlink(w->temporary);
    else if (!sync_name(w->path)) status = writer_fail(w, errno, err);
    return status;
}

stria_status file_writer_commit(file_writer *w, stria_error *err) {
    stria_status status = w->failed ? writer_fail(w, EIO, err) : writer_flush(w, err);
    if (status == STRIA_OK && (call_fails("sync", w->path) || fsync(w->fd) != 0)) status = writer_fail(w, errno, err);
    if (status == STRIA_OK) status = writer_rename(w, err);
    file_writer_abort(w);
    return status;
}

static stria_status write_whole(file_writer *w, const void *data, size_t bytes, stria_error *err) {
    stria_status status = file_writer_write(w, data, bytes, err);
    if (status == STRIA_OK) return file_writer_commit(w, err);
    file_writer_abort(w);
    return status;
}

stria_status file_write_judged(const char *path, const void *data, size_t bytes, const file_judge *judge,
                               stria_error *err) {
    file_writer *w = NULL;
    TRY(file_writer_open(&w, path, err));
    file_writer_ask(w, judge);
    return write_whole(w, data, bytes, err);
}

stria_status file_write(const char *path, const void *data, size_t bytes, stria_error *err) {
    return file_write_judged(path, data, bytes, NULL, err);
}

stria_status file_replace(const char *path, const void *data, size_t bytes, stria_error *err) {
    file_writer *w = NULL;
    TRY(file_writer_replace(&w, path, err));
    return write_whole(w, data, bytes, err);
}

/* ---- a log ---- */

/* O_NONBLOCK: a named pipe must not hang us. */
static stria_status append_open(file_writer *w, struct stat *st, stria_error *err) {
    static const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    w->fd = call_fails("open", w->path) ? -1 : open(w->path, flags, 0666);
    if (w->fd < 0 && errno == ELOOP) FAIL(err, STRIA_IO, "cannot write '%s': it is a symbolic link", w->path);
    if (w->fd < 0 || fstat(w->fd, st) != 0) return fail_to("write", w->path, errno, err);
    if (!S_ISREG(st->st_mode)) FAIL(err, STRIA_IO, "cannot write '%s': it is %s", w->path, kind_name(st->st_mode));
    if (st->st_nlink > 1) FAIL(err, STRIA_IO, "cannot write '%s': it has a second name elsewhere", w->path);
    return STRIA_OK;
}

/* Nothing of it, rather than a part before the lines that come when there is room again. */
static void append_undo(const char *path, off_t size, stria_error *err) {
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || ftruncate(fd, size) != 0) error_prefix(err, "left half-written: ");
    if (fd >= 0) close(fd);
}

stria_status file_append(const char *path, const void *data, size_t bytes, bool sync, stria_error *err) {
    file_writer w = {.path = (char *)(uintptr_t)path, .fd = -1, .given = bytes};
    struct stat st = {0};
    stria_status status = append_open(&w, &st, err);
    bool opened = status == STRIA_OK;
    if (opened) status = write_all(&w, data, bytes, err);
    if (status == STRIA_OK && sync && (call_fails("sync", path) || fsync(w.fd) != 0))
        status = writer_fail(&w, errno, err);
    if (w.fd >= 0 && !writer_close(&w) && status == STRIA_OK) status = writer_fail(&w, errno, err);
    if (opened && status != STRIA_OK) append_undo(path, st.st_size, err);
    return status;
}

/* ---- leavings ---- */

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

static bool is_leaving_of(const char *name, const char *const *names) {
    for (; *names; names++) {
        size_t length = strlen(*names);
        if (strncmp(name, *names, length) == 0 && name[length] == '.' &&
            strchr(name + length + 1, '.') == strstr(name, ".tmp"))
            return is_leaving(name);
    }
    return false;
}

void folder_tidy(const char *path, const char *const *names) {
    char file[PATH_MAX];
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (is_leaving_of(entry->d_name, names) &&
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file)
            unlink(file);
    if (folder) closedir(folder);
}
