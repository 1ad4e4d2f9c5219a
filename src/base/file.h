/* Files: whole reads, atomic writes, folders and locks. A file is written to a temporary name beside its own, synced,
 * and renamed: other processes see the old file or the new one, never half of it. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

/* Whether a file may be something else than a regular file depends on who names it:
 *   - found in a folder, or named by a model or a checkpoint: file_read and file_open. They accept regular files only
 *     and never wait: a named pipe without a writer, a terminal or /dev/zero is refused.
 *   - named by the user: file_read_named. It also reads pipes and devices, to their end or to a limit.
 * Nothing is mapped: a file that shrinks under a mapping kills the process. */

/* Reads a whole regular file into memory. Fails with STRIA_NO_FILE, STRIA_IO, STRIA_NO_MEMORY, or STRIA_BAD_FILE for
 * folders, devices, pipes and files over max_bytes (0: no limit). Free *data with mem_free. */
stria_status file_read(const char *path, size_t max_bytes, uint8_t **data, size_t *size, stria_error *err);

/* The same for a path that the user typed. "-" and "/dev/stdin" are standard input, from where it stands. A pipe is
 * read to its end, at most 2³¹ − 1 bytes; a device, which may have no end, at most 64 MiB. A named pipe is waited for
 * until it has a writer. */
stria_status file_read_named(const char *path, size_t max_bytes, uint8_t **data, size_t *size, stria_error *err);
/* Size in bytes of a regular file; 0 for anything else. */
uint64_t file_bytes(const char *path);
/* True if file_read_named reads `path` as a stream: the name then says nothing about the format. */
bool file_is_stream(const char *path);
/* The path for sentences: "standard input" for "-" and "/dev/stdin", otherwise the path itself. */
const char *file_name_shown(const char *path);

/* The first bytes of a regular file, at most `room` of them, into out; returns how many. 0 if it cannot be read. */
size_t file_begin(const char *path, uint8_t *out, size_t room);

/* Opens a regular file to read parts of it; *size is its size in bytes. Fails as file_read does. */
stria_status file_open(const char *path, int *fd, size_t *size, stria_error *err);
/* Reads `bytes` bytes from byte `offset` of an open file; `path` is for sentences. STRIA_BAD_FILE if it ends before. */
stria_status file_read_at(int fd, const char *path, uint64_t offset, void *data, size_t bytes, stria_error *err);
void file_close(int fd); /* accepts −1 */

/* An atomic, buffered writer. Links are followed (one that dangles makes the file it names), an existing file's
 * permissions are kept, and an existing path that is not a regular file (a folder, a device) is refused. After any
 * failure call file_writer_abort; both it and commit free everything. */
typedef struct file_writer file_writer;
stria_status file_writer_open(file_writer **out, const char *path, stria_error *err);
stria_status file_writer_write(file_writer *w, const void *data, size_t bytes, stria_error *err);
stria_status file_writer_printf(file_writer *w, stria_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a folder that others may write to, too: a link of that name is not followed but replaced. */
stria_status file_writer_replace(file_writer **out, const char *path, stria_error *err);
/* Called after the temporary file `path` is complete and before it gets its final name. An error becomes the writer's
 * error. */
typedef struct file_judge {
    stria_status (*accept)(const char *path, void *context, stria_error *err);
    void *context;
} file_judge;
/* Sets the judge of this writer (NULL: none), which must live until the commit. */
void file_writer_ask(file_writer *w, const file_judge *judge);
/* Syncs, asks the judge and renames; frees the writer on success and on failure (then the temporary file is removed).
 */
stria_status file_writer_commit(file_writer *w, stria_error *err);
void file_writer_abort(file_writer *w); /* accepts NULL; removes the temporary file */

/* Writes a whole file atomically. */
stria_status file_write(const char *path, const void *data, size_t bytes, stria_error *err);
stria_status file_write_judged(const char *path, const void *data, size_t bytes, const file_judge *judge,
                               stria_error *err);

/* The same through file_writer_replace. */
stria_status file_replace(const char *path, const void *data, size_t bytes, stria_error *err);

/* Appends to a log (made if it is not there); with `sync`, all of it is on the disk on return. A failure leaves the
 * file as it was, a kill may leave half of the last line. Links and paths that are not regular files are refused. */
stria_status file_append(const char *path, const void *data, size_t bytes, bool sync, stria_error *err);

/* For tests: the n-th system call of writing (create, write, sync, close, rename, sync of the folder; 1 = the next)
 * fails as if the disk were full, once; 0 turns it off. */
void file_fail_at(long n);
/* For tests: `hook` is called before each of these with the call's name and the file's; where it returns true the call
 * fails. NULL: none. */
typedef bool file_hook(const char *call, const char *path);
void file_on_call(file_hook *hook);

/* Removes the temporary files that killed writers of names[] (NULL-terminated) left in a folder; the caller must be
 * their only writer. */
void folder_tidy(const char *path, const char *const *names);

/* Removes the temporary files of all writers of this process. Async-signal-safe: for a handler that ends the process;
 * these writers cannot be used after it. */
void file_writers_abandon(void);

bool file_exists(const char *path);    /* anything of that name */
bool file_is_folder(const char *path); /* follows links */
/* With parents; fine if it is there. The names that it makes are on the disk on return. */
stria_status folder_make(const char *path, stria_error *err);
/* Puts the name of a folder on the disk, by a sync of the one that holds it. Fine where the file system cannot do it.
 */
stria_status folder_sync_name(const char *path, stria_error *err);

/* A lock on the existing folder `path`, held through its file "lock" (flock: the kernel drops it when the process dies;
 * the file stays and holds the process number). A link of that name is refused. STRIA_BUSY if it is held, by another
 * process or by this one. */
stria_status file_lock(const char *path, int *handle, stria_error *err);
/* By whomever. It holds a shared lock for a moment: a training that begins just then would be told STRIA_BUSY. */
bool file_is_locked(const char *path);
void file_unlock(int handle);      /* accepts −1 */
void file_lock_forget(int handle); /* a forked child's copy: the lock stays its parent's */

#endif
