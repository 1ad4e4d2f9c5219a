#include "base/file_inside.h"

#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

bool file_is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

stria_status folder_sync_name(const char *path, stria_error *err) {
    char why[REASON_BYTES];
    if (!sync_name(path)) FAIL(err, STRIA_IO, "cannot make folder '%s': %s", path, reason(errno, why));
    return STRIA_OK;
}

static stria_status folder_make_one(const char *part, const char *path, stria_error *err) {
    char why[REASON_BYTES];
    int number = mkdir(part, 0777) == 0 ? 0 : errno; /* file_is_folder sets errno, too */
    if (number == 0) return folder_sync_name(part, err);
    if (file_is_folder(part)) return STRIA_OK; /* there already, whatever mkdir says */
    if (number == EEXIST || number == ENOTDIR)
        FAIL(err, STRIA_IO, "cannot make folder '%s': '%s' is not a folder", path, part);
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

/* The number is only for people: the lock holds without it. Not into a file that is not of our making, and over an
 * earlier number without a cut: always 20 characters. */
static void lock_tell(int fd) {
    char holder[32];
    struct stat st;
    int length = snprintf(holder, sizeof holder, "%-19ld\n", (long)getpid());
    bool ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size <= length;
    bool told = ours && pwrite(fd, holder, (size_t)length, 0) == length;
    (void)told;
}

stria_status file_lock(const char *path, int *handle, stria_error *err) {
    char name[PATH_MAX], holder[32], why[REASON_BYTES];
    int length = snprintf(name, sizeof name, "%s/lock", path), fd = -1, result;
    if (length >= (int)sizeof name) FAIL(err, STRIA_NO_FILE, "cannot lock '%s': the name is too long", path);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0666);
    if (fd < 0 && errno == ELOOP) FAIL(err, STRIA_IO, "cannot lock '%s': its 'lock' is a symbolic link", path);
    if (fd < 0) return fail_to("lock", path, errno, err);
    while ((result = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) continue;
    if (result != 0) {
        int number = errno;
        lock_holder(fd, holder);
        close(fd);
        if (number != EWOULDBLOCK) FAIL(err, STRIA_IO, "cannot lock '%s': %s", path, reason(number, why));
        FAIL(err, STRIA_BUSY, "'%s' is locked by %s%s", path, *holder ? "process " : "another process", holder);
    }
    lock_tell(fd);
    *handle = fd;
    return STRIA_OK;
}

/* Not by closing alone: a forked child may have a copy of the descriptor. */
bool file_is_locked(const char *path) {
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s/lock", path) >= (int)sizeof name) return false;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return false;
    bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd); /* and the shared lock with it */
    return locked;
}

void file_unlock(int handle) {
    if (handle < 0) return;
    flock(handle, LOCK_UN);
    close(handle);
}

void file_lock_forget(int handle) {
    close(handle);
}
