/* Files: reads refuse what is no file, writes are all or nothing at every injected failure, locks hold between
 * processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

static char root[] = "/tmp/stria-file-XXXXXX";

static const char *in_root(const char *name) {
    static char path[4][512];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", root, name);
    return p;
}

static void assert_content(const char *path, const void *want, size_t want_bytes) {
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(file_read(path, 0, &data, &bytes, NULL), STRIA_OK);
    assert_int_equal(bytes, want_bytes);
    assert_memory_equal(data, want, bytes);
    mem_free(data);
}

static int entries(const char *path) {
    int n = 0;
    DIR *folder = opendir(path);
    for (struct dirent *e; (e = readdir(folder));) n += e->d_name[0] != '.';
    closedir(folder);
    return n;
}

static void writes_and_reads(void **state) {
    (void)state;
    const char *path = in_root("a");
    uint8_t *data = NULL;
    size_t bytes = 99;
    assert_false(file_exists(path));
    assert_int_equal(file_write(path, "one\0two", 7, NULL), STRIA_OK);
    assert_true(file_exists(path));
    assert_content(path, "one\0two", 7);
    assert_int_equal(file_write(path, NULL, 0, NULL), STRIA_OK);
    assert_int_equal(file_read(path, 1, &data, &bytes, NULL), STRIA_OK);
    assert_int_equal(bytes, 0);
    assert_non_null(data);
    mem_free(data);
    assert_int_equal(unlink(path), 0);
}

static void writer_streams(void **state) {
    (void)state;
    enum { BYTES = 300000 };
    char *want = malloc(2 * BYTES), *long_line = malloc(1001);
    size_t used = 0;
    file_writer *w = NULL;
    memset(long_line, 'l', 1000);
    long_line[1000] = 0;
    assert_int_equal(file_writer_open(&w, in_root("stream"), NULL), STRIA_OK);
    for (int i = 0; used < BYTES; i++) {
        assert_int_equal(file_writer_printf(w, NULL, "line %d %g\n", i, 0.5), STRIA_OK);
        used += (size_t)sprintf(want + used, "line %d %g\n", i, 0.5);
    }
    assert_int_equal(file_writer_printf(w, NULL, "%s", long_line), STRIA_OK);
    memcpy(want + used, long_line, 1000);
    used += 1000;
    char *big = malloc(100000);
    memset(big, 'B', 100000);
    assert_int_equal(file_writer_write(w, big, 100000, NULL), STRIA_OK);
    memcpy(want + used, big, 100000);
    used += 100000;
    assert_false(file_exists(in_root("stream"))); /* nobody sees it before it is whole */
    assert_int_equal(file_writer_commit(w, NULL), STRIA_OK);
    assert_content(in_root("stream"), want, used);
    assert_int_equal(unlink(in_root("stream")), 0);
    free(want), free(big), free(long_line);
}

static void abort_leaves_nothing(void **state) {
    (void)state;
    file_writer *w = NULL;
    assert_int_equal(file_write(in_root("kept"), "old", 3, NULL), STRIA_OK);
    assert_int_equal(file_writer_open(&w, in_root("kept"), NULL), STRIA_OK);
    assert_int_equal(file_writer_write(w, "new", 3, NULL), STRIA_OK);
    assert_int_equal(entries(root), 2);
    file_writer_abort(w);
    file_writer_abort(NULL);
    assert_int_equal(entries(root), 1);
    assert_content(in_root("kept"), "old", 3);
    assert_int_equal(unlink(in_root("kept")), 0);
}

/* Sees the whole file under another name; says no to what begins with n. */
static stria_status judge_first(const char *path, void *context, stria_error *err) {
    char first = 0;
    assert_int_equal(file_begin(path, (uint8_t *)&first, 1), 1);
    assert_string_not_equal(path, in_root("judged"));
    snprintf(context, 512, "%s", path);
    return first == 'n' ? error_set(err, STRIA_BAD_FILE, "no") : STRIA_OK;
}

static void judge_decides(void **state) {
    (void)state;
    char seen[512] = "";
    stria_error err = {0};
    const file_judge judge = {judge_first, seen};
    assert_int_equal(file_write_judged(in_root("judged"), "no", 2, &judge, &err), STRIA_BAD_FILE);
    assert_string_equal(err.text, "no");
    assert_int_equal(entries(root), 0);
    assert_int_equal(file_write_judged(in_root("judged"), "yes", 3, &judge, &err), STRIA_OK);
    assert_content(in_root("judged"), "yes", 3);
    assert_int_equal(file_write_judged(in_root("judged"), "no", 2, &judge, &err), STRIA_BAD_FILE);
    assert_content(in_root("judged"), "yes", 3);
    assert_false(file_exists(seen));
    assert_int_equal(unlink(in_root("judged")), 0);
    assert_int_equal(entries(root), 0);
}

/* Old content or new, never half; no leavings; a sentence that says why and how far. Fails at every step until none is
 * left. */
static void failures_keep_the_old(void **state) {
    (void)state;
    const char *path = in_root("model.onnx");
    static char old[70000], new[200000];
    memset(old, 'o', sizeof old);
    memset(new, 'n', sizeof new);
    size_t memory = mem_bytes_now();
    assert_int_equal(file_write(path, old, sizeof old, NULL), STRIA_OK);
    int n = 1;
    for (stria_status status = STRIA_IO; status != STRIA_OK; n++) {
        stria_error err = {0};
        file_fail_at(n);
        status = file_write(path, new, sizeof new, &err);
        assert_true(n < 10);
        assert_int_equal(entries(root), 1);
        if (status == STRIA_OK) break;
        assert_int_equal(status, STRIA_IO);
        assert_non_null(strstr(err.text, "cannot write '"));
        assert_non_null(strstr(err.text, "model.onnx': no space left on device"));
        if (n > 1) assert_non_null(strstr(err.text, n == 2 ? "(0 of 200,000 bytes" : "(200,000 of 200,000 bytes"));
        if (n < 6) assert_content(path, old, sizeof old);
        else assert_content(path, new, sizeof new);
    }
    file_fail_at(0);
    assert_int_equal(n, 7); /* create, write, sync, close, rename, sync of the folder */
    assert_content(path, new, sizeof new);
    assert_int_equal(mem_bytes_now(), memory);
    assert_int_equal(unlink(path), 0);
}

static void allocation_failures(void **state) {
    (void)state;
    size_t memory = mem_bytes_now();
    uint8_t *data = NULL;
    size_t bytes = 0;
    int n = 1;
    for (stria_status status = STRIA_NO_MEMORY; status != STRIA_OK; n++) {
        mem_fail_at(n);
        status = file_write(in_root("m"), "m", 1, NULL);
        assert_true(status == STRIA_OK || (status == STRIA_NO_MEMORY && entries(root) == 0));
    }
    assert_true(n > 2);
    mem_fail_at(1);
    assert_int_equal(file_read(in_root("m"), 0, &data, &bytes, NULL), STRIA_NO_MEMORY);
    mem_fail_at(1);
    assert_int_equal(folder_make(in_root("f"), NULL), STRIA_NO_MEMORY);
    mem_fail_at(0);
    assert_null(data);
    assert_int_equal(mem_bytes_now(), memory);
    assert_int_equal(unlink(in_root("m")), 0);
}

static void failed_writer_cannot_commit(void **state) {
    (void)state;
    file_writer *w = NULL;
    static char big[100000];
    assert_int_equal(file_writer_open(&w, in_root("half"), NULL), STRIA_OK);
    file_fail_at(1);
    assert_int_equal(file_writer_write(w, big, sizeof big, NULL), STRIA_IO);
    file_fail_at(0);
    assert_int_equal(file_writer_write(w, "x", 1, NULL), STRIA_IO);
    assert_int_equal(file_writer_commit(w, NULL), STRIA_IO);
    assert_int_equal(entries(root), 0);
}

static void reads_refuse(void **state) {
    (void)state;
    stria_error err = {0};
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(file_read(in_root("none.onnx"), 0, &data, &bytes, &err), STRIA_NO_FILE);
    assert_non_null(strstr(err.text, "cannot open '"));
    assert_non_null(strstr(err.text, "none.onnx': no such file or directory"));
    assert_int_equal(file_read(root, 0, &data, &bytes, &err), STRIA_BAD_FILE);
    assert_non_null(strstr(err.text, "it is a folder"));
    assert_int_equal(file_read("/dev/zero", 0, &data, &bytes, &err), STRIA_BAD_FILE);
    assert_int_equal(mkfifo(in_root("fifo"), 0600), 0);
    assert_int_equal(file_read(in_root("fifo"), 0, &data, &bytes, &err), STRIA_BAD_FILE); /* and does not hang */
    assert_int_equal(unlink(in_root("fifo")), 0);
    assert_int_equal(file_write(in_root("big"), "12345", 5, NULL), STRIA_OK);
    assert_int_equal(file_read(in_root("big"), 4, &data, &bytes, &err), STRIA_BAD_FILE);
    assert_int_equal(truncate(in_root("big"), (off_t)1 << 40), 0); /* a terabyte of hole */
    assert_int_equal(file_read(in_root("big"), 1 << 20, &data, &bytes, &err), STRIA_BAD_FILE);
    assert_non_null(strstr(err.text, "has 1,099,511,627,776 bytes, more than the 1,048,576 expected at most"));
    assert_int_equal(unlink(in_root("big")), 0);
    assert_null(data);
}

/* A file that the user names may be a pipe, with a writer that comes later, or a device, which need not end. */
static void reads_streams(void **state) {
    (void)state;
    stria_error err = {0};
    uint8_t *data = NULL;
    size_t bytes = 99, memory = mem_bytes_now();
    const char *fifo = in_root("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    pid_t writer = fork();
    if (writer == 0) {
        usleep(20000);
        FILE *f = fopen(fifo, "w");
        for (int i = 0; f && i < 100000; i++) fputs("12345678", f);
        _exit(f && fclose(f) == 0 ? 0 : 1);
    }
    assert_int_equal(file_read_named(fifo, 0, &data, &bytes, &err), STRIA_OK);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    assert_int_equal(bytes, 800000);
    for (size_t i = 0; i < bytes; i++) assert_int_equal(data[i], "12345678"[i % 8]);
    mem_free(data);
    data = NULL;
    assert_int_equal(file_read_named("/dev/null", 0, &data, &bytes, &err), STRIA_OK);
    assert_int_equal(bytes, 0);
    mem_free(data);
    data = NULL;
    mem_fail_at(0);
    assert_int_equal(file_read_named("/dev/zero", 0, &data, &bytes, &err), STRIA_BAD_FILE);
    assert_string_equal(err.text, "'/dev/zero' did not end within 67,108,864 bytes, the most that is read of it");
    assert_true(mem_bytes_peak() < memory + ((size_t)160 << 20));
    assert_int_equal(file_read_named("/dev/zero", 1000, &data, &bytes, &err), STRIA_BAD_FILE);
    assert_int_equal(file_read_named(root, 0, &data, &bytes, &err), STRIA_BAD_FILE);
    assert_non_null(strstr(err.text, "it is a folder"));
    assert_int_equal(file_read_named(in_root("none"), 0, &data, &bytes, &err), STRIA_NO_FILE);
    for (long n = 1; n < 3; n++) {
        mem_fail_at(n);
        assert_int_equal(file_read_named("/dev/zero", 1 << 20, &data, &bytes, &err), STRIA_NO_MEMORY);
    }
    mem_fail_at(0);
    assert_null(data);
    assert_int_equal(mem_bytes_now(), memory);
    assert_true(file_is_stream("-") && file_is_stream("/dev/stdin") && file_is_stream(fifo));
    assert_false(file_is_stream(root) || file_is_stream(in_root("none")));
    assert_int_equal(unlink(fifo), 0);
}

static void appends_to_files_only(void **state) {
    (void)state;
    stria_error err = {0};
    assert_int_equal(mkfifo(in_root("log"), 0600), 0);
    assert_int_equal(file_append(in_root("log"), "x", 1, false, &err), STRIA_IO); /* and does not wait for a reader */
    assert_int_equal(unlink(in_root("log")), 0);
    assert_int_equal(file_append("/dev/null", "x", 1, false, &err), STRIA_IO);
    assert_non_null(strstr(err.text, "it is a device or pipe"));
    assert_int_equal(file_append(in_root("log"), "x", 1, false, &err), STRIA_OK);
    assert_int_equal(file_append(in_root("log"), "y", 1, false, &err), STRIA_OK);
    assert_content(in_root("log"), "xy", 2);
    assert_int_equal(unlink(in_root("log")), 0);
}

static void writes_refuse(void **state) {
    (void)state;
    stria_error err = {0};
    struct stat st;
    assert_int_equal(file_write(in_root("no/where"), "x", 1, &err), STRIA_NO_FILE);
    assert_int_equal(file_write(root, "x", 1, &err), STRIA_IO);
    assert_non_null(strstr(err.text, "it is a folder"));
    assert_int_equal(file_write("/dev/null", "x", 1, &err), STRIA_IO); /* a rename would replace the device */
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

static void keeps_links_and_permissions(void **state) {
    (void)state;
    struct stat st;
    assert_int_equal(folder_make(in_root("sub"), NULL), STRIA_OK);
    assert_int_equal(file_write(in_root("sub/real"), "1", 1, NULL), STRIA_OK);
    assert_int_equal(chmod(in_root("sub/real"), 0640), 0);
    assert_int_equal(symlink("sub/real", in_root("link")), 0);
    assert_int_equal(file_write(in_root("link"), "22", 2, NULL), STRIA_OK);
    assert_content(in_root("sub/real"), "22", 2);
    assert_int_equal(lstat(in_root("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(in_root("sub/real"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(unlink(in_root("sub/real")), 0); /* now the link dangles, after another one in another folder */
    assert_int_equal(symlink("../link", in_root("sub/chain")), 0);
    assert_int_equal(file_write(in_root("sub/chain"), "333", 3, NULL), STRIA_OK);
    assert_content(in_root("sub/real"), "333", 3);
    assert_int_equal(lstat(in_root("link"), &st) | lstat(in_root("sub/chain"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(unlink(in_root("sub/chain")) | unlink(in_root("link")), 0);
    assert_int_equal(symlink("link", in_root("link")), 0);
    assert_int_equal(file_write(in_root("link"), "4", 1, NULL), STRIA_NO_FILE);
    assert_int_equal(unlink(in_root("link")), 0);
    assert_int_equal(unlink(in_root("sub/real")), 0);
    assert_int_equal(rmdir(in_root("sub")), 0);
}

static void makes_folders(void **state) {
    (void)state;
    stria_error err = {0};
    assert_int_equal(folder_make(in_root("x/y//z/"), &err), STRIA_OK);
    assert_true(file_is_folder(in_root("x/y/z")));
    assert_int_equal(folder_make(in_root("x/y/z"), &err), STRIA_OK);
    assert_int_equal(folder_make("/", &err), STRIA_OK);
    assert_int_equal(folder_make("", &err), STRIA_BAD_ARGUMENT);
    assert_int_equal(file_write(in_root("x/file"), "", 0, NULL), STRIA_OK);
    assert_false(file_is_folder(in_root("x/file")));
    assert_int_equal(folder_make(in_root("x/file/deeper"), &err), STRIA_IO);
    assert_non_null(strstr(err.text, "x/file' is not a folder"));
    assert_int_equal(unlink(in_root("x/file")), 0);
    assert_int_equal(rmdir(in_root("x/y/z")) | rmdir(in_root("x/y")) | rmdir(in_root("x")), 0);
}

/* 0 if the folder's lock is free, seen from another process; the exit of that process drops it. */
static int lock_in_child(stria_status want) {
    pid_t child = fork();
    if (child == 0) {
        int handle = -1;
        _exit(file_lock(root, &handle, NULL) == want ? 0 : 1);
    }
    int result = -1;
    waitpid(child, &result, 0);
    return result;
}

static void locks_between_processes(void **state) {
    (void)state;
    stria_error err = {0};
    char number[64];
    int handle = -1, second = -1;
    assert_int_equal(lock_in_child(STRIA_OK), 0);
    assert_int_equal(file_lock(root, &handle, &err), STRIA_OK); /* the child died: its lock is gone */
    assert_true(handle >= 0);
    assert_int_equal(lock_in_child(STRIA_BUSY), 0);
    assert_int_equal(file_lock(root, &second, &err), STRIA_BUSY);
    assert_int_equal(second, -1);
    snprintf(number, sizeof number, "is locked by process %ld", (long)getpid());
    assert_non_null(strstr(err.text, number));
    file_unlock(handle);
    file_unlock(-1);
    assert_int_equal(lock_in_child(STRIA_OK), 0);
    assert_int_equal(file_lock(in_root("nowhere"), &handle, &err), STRIA_NO_FILE);
    assert_int_equal(unlink(in_root("lock")), 0);
}

static int enter(void **state) {
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    return rmdir(root); /* fails if any test left anything */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(writer_streams),
        cmocka_unit_test(abort_leaves_nothing),
        cmocka_unit_test(judge_decides),
        cmocka_unit_test(failures_keep_the_old),
        cmocka_unit_test(allocation_failures),
        cmocka_unit_test(failed_writer_cannot_commit),
        cmocka_unit_test(reads_refuse),
        cmocka_unit_test(reads_streams),
        cmocka_unit_test(appends_to_files_only),
        cmocka_unit_test(writes_refuse),
        cmocka_unit_test(keeps_links_and_permissions),
        cmocka_unit_test(makes_folders),
        cmocka_unit_test(locks_between_processes),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
