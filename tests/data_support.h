/* What the tests of data share: a folder that goes away, files made of bytes, IDX and gzip. */
#ifndef TESTS_DATA_SUPPORT_H
#define TESTS_DATA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef STRIA_HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

static char data_folder[256];

static inline int folder_setup(void **state) {
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(data_folder, sizeof data_folder, "%s/stria-data-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(data_folder) ? 0 : -1;
}

static inline int folder_teardown(void **state) {
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", data_folder);
    return system(command);
}

/* A path in the test's folder; one of eight rotating buffers. */
static inline const char *in_folder(const char *name) {
    static char paths[8][512];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", data_folder, name);
    return path;
}

static inline void put_file(const char *name, const void *data, size_t size) {
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline void put_folder(const char *name) {
    assert_int_equal(mkdir(in_folder(name), 0777), 0);
}

static inline bool says(const stria_error *err, const char *words) {
    if (strstr(err->text, words)) return true;
    fprintf(stderr, "'%s' does not say '%s'\n", err->text, words);
    return false;
}

/* Header and elements into out; returns their bytes. sizes[rank]. */
static inline size_t make_idx(uint8_t *out, int rank, const uint32_t *sizes, const uint8_t *elements, size_t n) {
    size_t at = 0;
    out[at++] = 0;
    out[at++] = 0;
    out[at++] = 8;
    out[at++] = (uint8_t)rank;
    for (int i = 0; i < rank; i++) {
        for (int shift = 24; shift >= 0; shift -= 8) out[at++] = (uint8_t)(sizes[i] >> shift);
    }
    memcpy(out + at, elements, n);
    return at + n;
}

#ifdef STRIA_HAVE_ZLIB
static inline size_t make_gzip(uint8_t *out, size_t room, const uint8_t *bytes, size_t n) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t size = z.total_out;
    deflateEnd(&z);
    return size;
}
#endif

/* Real data, or NULL and a visible skip: a path below $STRIA_TEST_DATA that exists. */
static inline const char *real_data(const char *name) {
    static char path[512];
    const char *root = getenv("STRIA_TEST_DATA");
    if (!root || !*root) {
        print_message("skipped: STRIA_TEST_DATA is not set\n");
        return NULL;
    }
    snprintf(path, sizeof path, "%s/%s", root, name);
    if (file_exists(path)) return path;
    print_message("skipped: there is no %s\n", path);
    return NULL;
}

#endif
