/* Files, folders, locks and the process that reads Keras' weights on a system that refuses: each call of the system
 * fails in turn, for several reasons, or does only a part of what it is asked. A call that was interrupted is made
 * again; any other failure is a sentence with the name in it, or is done without. Nothing stays open, no half-written
 * file is left, and what is said to be done is done. Linked with --wrap. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2, sched_getaffinity */
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/pool.h"
#include "check.h"
#include "cli/names.h"
#include "model/weights/keras_child.h"
#include "small.h"

/* ---- the system ---- */

static bool armed; /* calls are counted, and one of them fails */
static bool piecewise;
static long calls, fail_at;
static int reason;
static const char *failed, *only; /* only: NULL, or the call that fails */

/* What may be interrupted by a signal, and is then made again. */
static bool again(const char *call) {
    static const char *const waits[] = {"read", "write", "pread", "flock", "poll", "waitpid"};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (strcmp(call, waits[i]) == 0) return true;
    return false;
}

static bool fails(const char *call) {
    if (!armed || (only && strcmp(call, only) != 0) || ++calls != fail_at) return false;
    failed = call;
    errno = reason;
    return true;
}

static size_t piece(size_t bytes) {
    return armed && piecewise && bytes > 3 ? 3 : bytes;
}

/* The call `name` with these parameters, as the linker sends it here. */
#define WRAP(type, name, parameters, arguments, failure)                                                               \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters {                                                                                    \
        return fails(#name) ? (failure) : __real_##name arguments;                                                     \
    }

WRAP(ssize_t, read, (int fd, void *data, size_t bytes), (fd, data, piece(bytes)), -1)
WRAP(ssize_t, write, (int fd, const void *data, size_t bytes), (fd, data, piece(bytes)), -1)
WRAP(ssize_t, pread, (int fd, void *data, size_t bytes, off_t at), (fd, data, piece(bytes), at), -1)
WRAP(ssize_t, pwrite, (int fd, const void *data, size_t bytes, off_t at), (fd, data, bytes, at), -1)
WRAP(int, fstat, (int fd, struct stat *st), (fd, st), -1)
WRAP(int, stat, (const char *path, struct stat *st), (path, st), -1)
WRAP(int, lstat, (const char *path, struct stat *st), (path, st), -1)
WRAP(int, fsync, (int fd), (fd), -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), -1)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
WRAP(int, rename, (const char *from, const char *to), (from, to), -1)
WRAP(int, unlink, (const char *path), (path), -1)
WRAP(ssize_t, readlink, (const char *path, char *to, size_t room), (path, to, room), -1)
WRAP(int, flock, (int fd, int how), (fd, how), -1)
WRAP(DIR *, opendir, (const char *path), (path), NULL)
WRAP(struct dirent *, readdir, (DIR * folder), (folder), NULL)
WRAP(int, pipe2, (int ends[2], int flags), (ends, flags), -1)
WRAP(pid_t, fork, (void), (), -1)
WRAP(int, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout), -1)
WRAP(ssize_t, getrandom, (void *data, size_t bytes, unsigned flags), (data, bytes, flags), -1)
WRAP(int, sched_getaffinity, (pid_t pid, size_t bytes, cpu_set_t *set), (pid, bytes, set), -1)
WRAP(int, pthread_create, (pthread_t * out, const pthread_attr_t *how, void *(*run)(void *), void *of),
     (out, how, run, of), reason)
WRAP(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), -1)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    return fails("open") ? -1 : __real_open(path, flags, mode);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    int number = va_arg(rest, int);
    va_end(rest);
    return fails("fcntl") ? -1 : __real_fcntl(fd, command, number);
}

/* As Linux does it: the descriptor is closed, whatever is said of it. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
    int result = __real_close(fd);
    return fails("close") ? -1 : result;
}

/* ---- what is done ---- */

enum { LONG = 1000 };

static char long_text[LONG + 1];

static bool holds(const char *path, const char *text) {
    char content[2 * LONG] = "";
    int fd = __real_open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : __real_read(fd, content, sizeof content - 1);
    if (fd >= 0) __real_close(fd);
    return got >= 0 && strcmp(content, text) == 0;
}

static bool put(const char *path, const char *text, mode_t mode) {
    int fd = __real_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    bool whole = fd >= 0 && __real_write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return fd >= 0 && __real_close(fd) == 0 && whole;
}

static stria_status use_write(stria_error *err) {
    return file_write("out/file", "new", 3, err);
}
static stria_status use_link(stria_error *err) {
    return file_write("out/link", "new", 3, err);
}
static bool file_is_new(void) {
    struct stat st;
    return holds("out/file", "new") && __real_stat("out/file", &st) == 0 && (st.st_mode & 0777) == 0640;
}
static bool file_is_old(void) {
    return holds("out/file", "old");
}
/* The folder's sync comes after the rename. */
static bool file_is_whole(void) {
    return file_is_old() || file_is_new();
}

/* Further than a writer's buffer reaches, and a line that is longer than its own. */
static stria_status use_lines(stria_error *err) {
    file_writer *w = NULL;
    TRY(file_writer_replace(&w, "out/link", err));
    stria_status status = file_writer_printf(w, err, "%s", long_text);
    if (status == STRIA_OK) return file_writer_commit(w, err);
    file_writer_abort(w);
    return status;
}
static bool link_is_long(void) {
    struct stat st;
    return holds("out/link", long_text) && __real_lstat("out/link", &st) == 0 && S_ISREG(st.st_mode) && file_is_old();
}

static stria_status use_append(stria_error *err) {
    return file_append("out/file", "new", 3, true, err);
}
static bool file_is_longer(void) {
    return holds("out/file", "oldnew");
}
/* Where the log could not be cut again, it is said that a part is left. */
static bool log_is_old(void) {
    return file_is_old() || file_is_longer();
}

static char seen[LONG];

static stria_status seen_take(stria_status status, uint8_t *data, size_t bytes) {
    if (status != STRIA_OK) return status;
    snprintf(seen, sizeof seen, "%.*s", (int)bytes, (const char *)data);
    mem_free(data);
    return STRIA_OK;
}
static bool seen_is_old(void) {
    return strcmp(seen, "old") == 0;
}

static stria_status use_read(stria_error *err) {
    uint8_t *data = NULL;
    size_t bytes = 0;
    stria_status status = file_read("out/file", 100, &data, &bytes, err);
    return seen_take(status, data, bytes);
}
static stria_status use_standard(stria_error *err) {
    uint8_t *data = NULL;
    size_t bytes = 0;
    lseek(STDIN_FILENO, 0, SEEK_SET);
    stria_status status = file_read_named("-", 0, &data, &bytes, err);
    return seen_take(status, data, bytes);
}
static stria_status use_begin(stria_error *err) {
    if (file_begin("out/file", (uint8_t *)seen, 3) == 3) return STRIA_OK;
    FAIL(err, STRIA_IO, "nothing of out/file");
}

static stria_status use_folder(stria_error *err) {
    return folder_make("out/a/b/c", err);
}
static bool folder_is_there(void) {
    struct stat st;
    return __real_stat("out/a/b/c", &st) == 0 && S_ISDIR(st.st_mode);
}

static stria_status use_lock(stria_error *err) {
    int handle = -1, second = -1;
    TRY(file_lock("out", &handle, err));
    bool held = file_is_locked("out");
    stria_status status = file_lock("out", &second, NULL);
    file_unlock(second);
    file_unlock(handle);
    if (status == STRIA_OK) FAIL(err, STRIA_BAD_VALUE, "two hold the lock");
    snprintf(seen, sizeof seen, "%s", held ? "locked" : failed);
    return STRIA_OK;
}
/* Whether a lock is held cannot be told where the system does not say it. */
static bool was_locked(void) {
    return strcmp(seen, "locked") == 0 || strcmp(seen, "open") == 0 || strcmp(seen, "flock") == 0;
}

static stria_status use_tidy(stria_error *err) {
    (void)err;
    folder_tidy("out", (const char *const[]){"file", NULL});
    return STRIA_OK;
}
/* It is tried; what is left is left to the next one. */
static bool others_are_there(void) {
    return file_is_old() && holds("out/file.tmp", "kept") && (failed || !holds("out/file.12-3.tmp", "leaving"));
}

/* A limit that cannot be read is none. */
static stria_status use_limits(stria_error *err) {
    (void)err;
    snprintf(seen, sizeof seen, "%d %d", limits_cpus("."), (int)(limits_memory(".") >> 10));
    return STRIA_OK;
}
static bool limits_are_told(void) {
    return strcmp(seen, "0 1000") == 0 || (failed && strcmp(seen, "0 -1") == 0);
}

/* Two tensors come from the child as it made them. */
static stria_status work(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)bytes, (void)size;
    for (int i = 0; i < 2; i++) {
        tensor *t;
        TRY(tensor_new(&t, STRIA_FLOAT32, &(shape){.rank = 1, .dim = {5}}, "t", err));
        for (int k = 0; k < 5; k++) ((float *)t->data)[k] = (float)(10 * i + k);
        TRY(weights_add(w, i ? "second" : "first", i ? 6 : 5, t, err));
    }
    return STRIA_OK;
}
static stria_status use_child(stria_error *err) {
    weights w = {.room = 1 << 20};
    stria_status status = child_run(&w, NULL, 0, 60, work, err);
    bool right = w.count == 2;
    for (int i = 0; i < w.count && right; i++)
        for (int k = 0; k < 5; k++) right = right && ((float *)w.items[i].data->data)[k] == (float)(10 * i + k);
    snprintf(seen, sizeof seen, "%s", right ? "right" : "wrong");
    weights_release(&w);
    return status;
}
static bool seen_is_right(void) {
    return strcmp(seen, "right") == 0;
}

/* The whole of a task, on the threads that there are; as many as asked for, or none. */
static void add(void *context, int64_t index, int worker) {
    (void)worker;
    __atomic_fetch_add((int64_t *)context, index, __ATOMIC_RELAXED);
}
static stria_status use_pool(stria_error *err) {
    pool *p = NULL;
    int64_t sum = 0;
    TRY(pool_new(&p, 4, err));
    pool_run(p, add, &sum, 100);
    snprintf(seen, sizeof seen, sum == 4950 && pool_threads(p) == 4 ? "right" : "wrong");
    pool_release(p);
    return STRIA_OK;
}

/* Where the system does not tell how many there are, there is at least one. */
static stria_status use_cpus(stria_error *err) {
    (void)err;
    snprintf(seen, sizeof seen, pool_cpus() > 0 ? "right" : "wrong");
    return STRIA_OK;
}

/* The key is drawn once. */
static stria_status use_hash(stria_error *err) {
    (void)err;
    uint64_t first = hash_name("name");
    snprintf(seen, sizeof seen, hash_name("name") == first && hash_name("names") != first ? "right" : "wrong");
    return STRIA_OK;
}

/* Two classes of two pictures, for the command and as data: never fewer without a word. */
static stria_status use_data(stria_error *err) {
    stria_dataset *d = NULL;
    names n = {0};
    stria_status status = names_add(&n, "pictures", true, err);
    bool whole = n.count == 4;
    names_release(&n);
    if (status == STRIA_OK) status = stria_dataset_open(&d, "folder:pictures", NULL, err);
    TRY(status);
    whole &= stria_dataset_count(d) == 4 && stria_dataset_classes(d) == 2;
    snprintf(seen, sizeof seen, whole ? "right" : "wrong");
    stria_dataset_free(d);
    return STRIA_OK;
}
static bool pictures_put(void) {
    static const char *const files[] = {"pictures/a/1.pgm", "pictures/a/2.pgm", "pictures/b/1.pgm", "pictures/b/2.pgm"};
    bool done = mkdir("pictures", 0777) == 0 && mkdir("pictures/a", 0777) == 0 && mkdir("pictures/b", 0777) == 0;
    for (int i = 0; i < 4; i++) done = done && put(files[i], "P2 1 1 255 7", 0666);
    return done;
}

static bool any(void) {
    return true;
}

static const struct scenario {
    const char *name;
    stria_status (*use)(stria_error *err);
    bool (*done)(void), (*undone)(void); /* after a success; after a failure */
    const char *said;                    /* in each sentence of a failure */
    int own;                             /* one more reason to fail for */
} scenarios[] = {
    {"a file is written", use_write, file_is_new, file_is_whole, "out/file", 0},
    {"a file is written through a link", use_link, file_is_new, file_is_whole, "out/", 0},
    {"a file takes over a link", use_lines, link_is_long, file_is_old, "out/link", 0},
    {"a log grows", use_append, file_is_longer, log_is_old, "out/file", 0},
    {"a file is read", use_read, seen_is_old, any, "out/file", 0},
    {"standard input is read", use_standard, seen_is_old, any, "standard input", 0},
    {"a file's beginning is read", use_begin, seen_is_old, any, "out/file", 0},
    {"folders are made", use_folder, folder_is_there, any, "out/a", 0},
    {"a folder is locked", use_lock, was_locked, any, "out", 0},
    {"a folder is tidied", use_tidy, others_are_there, any, "", 0},
    {"limits are read", use_limits, limits_are_told, any, "", 0},
    {"threads start", use_pool, seen_is_right, any, "cannot start thread", 0},
    {"CPUs are counted", use_cpus, seen_is_right, any, "", EINVAL},
    {"a child reads", use_child, seen_is_right, any, " ", 0},
};

/* ---- how it is checked ---- */

static bool folder_prepare(void) {
    small_folder_empty("out");
    *seen = 0;
    failed = NULL;
    return mkdir("out", 0777) == 0 && put("out/file", "old", 0640) && symlink("file", "out/link") == 0 &&
           put("out/file.12-3.tmp", "leaving", 0666) && put("out/file.tmp", "kept", 0666);
}

static int folder_entries(const char *path, const char *ending) {
    int count = 0;
    DIR *folder = __real_opendir(path);
    for (const struct dirent *e; folder && (e = readdir(folder));) count += strstr(e->d_name, ending) != NULL;
    if (folder) closedir(folder);
    return count;
}

static stria_status run(const struct scenario *s, long at, stria_error *err) {
    CHECK(folder_prepare(), "no folder");
    calls = 0;
    fail_at = at;
    armed = true;
    stria_status status = s->use(err);
    armed = false;
    return status;
}

static void failure_check(const struct scenario *s, long n, int number) {
    stria_error err = {0};
    int open_before = folder_entries("/proc/self/fd", "");
    size_t memory = mem_bytes_now();
    reason = number;
    stria_status status = run(s, n, &err);
    if (status == STRIA_OK)
        CHECK(s->done(), "%s: call %ld (%s) fails: %s: said to be done", s->name, n, failed, strerror(number));
    else
        CHECK(s->undone() && strstr(err.text, s->said) && err.status == status && *err.text,
              "%s: call %ld (%s) fails: %s: '%s'", s->name, n, failed, strerror(number), err.text);
    CHECK(status == STRIA_OK || number != EINTR || !failed || !again(failed), "%s: call %ld (%s) is interrupted: '%s'",
          s->name, n, failed, err.text);
    CHECK(folder_entries("/proc/self/fd", "") == open_before, "%s: call %ld (%s) fails: a file stays open", s->name, n,
          failed);
    CHECK(mem_bytes_now() == memory, "%s: call %ld (%s) fails: memory stays", s->name, n, failed);
    CHECK(folder_entries("out", ".tmp") <= 2, "%s: call %ld (%s) fails: half a file is left", s->name, n, failed);
}

static void scenario_check(const struct scenario *s) {
    static const int numbers[] = {EINTR, EIO, EACCES, EEXIST, ELOOP, EAGAIN, EMFILE};
    stria_error err = {0};
    CHECK(run(s, 0, &err) == STRIA_OK && s->done(), "%s: %s", s->name, err.text);
    long all = calls;
    CHECK(all > 0, "%s calls nothing", s->name);
    for (long n = 1; n <= all; n++)
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) failure_check(s, n, numbers[i]);
    for (long n = 1; n <= all && s->own; n++) failure_check(s, n, s->own);
    piecewise = true;
    CHECK(run(s, 0, &err) == STRIA_OK && s->done(), "%s in pieces: %s", s->name, err.text);
    piecewise = false;
    printf("%4ld calls: %s\n", all, s->name);
}

int main(void) {
    memset(long_text, 'x', LONG);
    char folder[] = "/tmp/stria-system-XXXXXX";
    if (!CHECK(mkdtemp(folder) && chdir(folder) == 0, "no folder")) return check_report();
    bool limits = mkdir("proc", 0777) == 0 && put("proc/meminfo", "MemAvailable: 1000 kB\n", 0666);
    bool standard = put("in", "old", 0666) && freopen("in", "re", stdin);
    CHECK(limits && standard, "no files");
    failure_check(&(struct scenario){"names are hashed", use_hash, seen_is_right, any, "", 0}, 1, EAGAIN);
    CHECK(calls == 1 && failed, "the key is not drawn");
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) scenario_check(&scenarios[i]);
    only = "readdir";
    CHECK(pictures_put(), "no pictures");
    scenario_check(&(struct scenario){"data are listed", use_data, seen_is_right, any, "folder '", 0});
    CHECK(chdir("/") == 0, "the folder is there");
    small_folder_empty(folder);
    return check_report();
}
