#include "data/fetch_part.h"

#include "base/file_inside.h"
#include "base/memory.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* Adds what is in the file to the sum; it stands at its end then. */
static stria_status part_read(fetch_part *p, uint64_t size, stria_error *err) {
    enum { PIECE = 1 << 18 };
    uint8_t *piece;
    stria_status status = STRIA_OK;
    TRY(mem_new(&piece, PIECE, 1, "a checksum", err));
    while (p->have < size && status == STRIA_OK) {
        size_t n = size - p->have < PIECE ? (size_t)(size - p->have) : PIECE;
        status = file_read_at(p->fd, p->path, p->have, piece, n, err);
        if (status != STRIA_OK) break;
        sha256_add(&p->sum, piece, n);
        p->have += n;
    }
    mem_free(piece);
    if (status == STRIA_OK && lseek(p->fd, (off_t)p->have, SEEK_SET) < 0) return fail_to("read", p->path, errno, err);
    return status;
}

/* Between opening and locking another process may have finished the file and renamed it: then ours is not the one of
 * that name. */
static bool part_named(const fetch_part *p) {
    struct stat open, named;
    return fstat(p->fd, &open) == 0 && lstat(p->path, &named) == 0 && open.st_ino == named.st_ino &&
           open.st_dev == named.st_dev;
}

static stria_status part_take(fetch_part *p, stria_error *err) {
    struct stat found;
    p->fd = open(p->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (p->fd < 0) return fail_to("write", p->path, errno, err);
    if (fstat(p->fd, &found) != 0 || !S_ISREG(found.st_mode))
        FAIL(err, STRIA_BAD_FILE, "'%s' is %s, not a file", p->path, kind_name(found.st_mode));
    if (flock(p->fd, LOCK_EX | LOCK_NB) != 0 || !part_named(p))
        FAIL(err, STRIA_BUSY, "another process is fetching '%s'", p->target);
    return STRIA_OK;
}

stria_status part_open(fetch_part *p, const char *path, bool keep, stria_error *err) {
    text name = {0};
    struct stat found;
    *p = (fetch_part){.fd = -1};
    sha256_init(&p->sum);
    text_printf(&name, "%s.part", path);
    TRY(text_check(&name, err));
    p->path = name.data;
    if (!(p->target = mem_strdup(path))) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name of a file");
    TRY(part_take(p, err));
    if (!keep) return part_empty(p, err);
    if (fstat(p->fd, &found) != 0) return fail_to("read", p->path, errno, err);
    return part_read(p, (uint64_t)found.st_size, err);
}

stria_status part_append(fetch_part *p, const void *data, size_t bytes, stria_error *err) {
    const char *from = data;
    for (size_t left = bytes; left > 0;) {
        ssize_t n = write(p->fd, from, left);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail_to("write", p->path, n < 0 ? errno : ENOSPC, err);
        from += n, left -= (size_t)n;
    }
    sha256_add(&p->sum, data, bytes);
    p->have += bytes;
    return STRIA_OK;
}

stria_status part_empty(fetch_part *p, stria_error *err) {
    if (ftruncate(p->fd, 0) != 0 || lseek(p->fd, 0, SEEK_SET) < 0) return fail_to("write", p->path, errno, err);
    p->have = 0;
    sha256_init(&p->sum);
    return STRIA_OK;
}

stria_status part_commit(fetch_part *p, stria_error *err) {
    if (file_is_folder(p->target)) FAIL(err, STRIA_BAD_FILE, "'%s' is a folder, not a file", p->target);
    if (fsync(p->fd) != 0) return fail_to("write", p->path, errno, err);
    if (rename(p->path, p->target) != 0) return fail_to("write", p->target, errno, err);
    close(p->fd);
    p->fd = -1;
    if (!sync_name(p->target)) return fail_to("write", p->target, errno, err);
    return STRIA_OK;
}

void part_close(fetch_part *p, bool keep) {
    if (p->fd >= 0) {
        if (!keep && part_named(p)) unlink(p->path);
        close(p->fd);
    }
    mem_free(p->path);
    mem_free(p->target);
    *p = (fetch_part){.fd = -1};
}
