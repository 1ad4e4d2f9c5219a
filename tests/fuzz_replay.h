/* Replays a fuzz target's corpus in an ordinary run: every file as it is, cut short, and with bits flipped. Include the
 * target, then this, and call fuzz_replay("TARGET", least number of files, times) as main's result: no input may make
 * more memory be held than `times` its size and REPLAY_BASE. */
#ifndef TESTS_FUZZ_REPLAY_H
#define TESTS_FUZZ_REPLAY_H

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "check.h"

enum {
    REPLAY_BYTES = 1200,  /* of each file are cut and flipped */
    REPLAY_BASE = 1 << 18 /* bytes that any input may take: first blocks of arenas, buffers */
};

static inline void replay_mutations(const uint8_t *data, size_t size) {
    uint8_t *copy = mem_alloc(size ? size : 1);
    for (size_t i = 0; copy && i < size && i < REPLAY_BYTES; i++) {
        /* A buffer of just this size, so that a sanitizer sees the first byte too many. */
        uint8_t *cut = mem_alloc(i ? i : 1);
        if (cut) memcpy(cut, data, i);
        LLVMFuzzerTestOneInput(cut, i);
        mem_free(cut);
        for (int bit = 0; bit < 8; bit += 1 + (size > 300)) {
            memcpy(copy, data, size);
            copy[i] ^= (uint8_t)(1 << bit);
            LLVMFuzzerTestOneInput(copy, size);
        }
    }
    mem_free(copy);
}

static inline int fuzz_replay(const char *target, int least, size_t times) {
    char folder[512], path[1024];
    const char *source = getenv("SOURCE"); /* as ctest sets it */
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", source ? source : ".", target);
    size_t before = mem_bytes_now(), largest = 0;
    int files = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        uint8_t *data;
        size_t size;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (!CHECK(file_read(path, 0, &data, &size, NULL) == STRIA_OK, "%s", path)) continue;
        LLVMFuzzerTestOneInput(data, size);
        replay_mutations(data, size);
        mem_free(data);
        files++;
        CHECK(mem_bytes_now() == before, "%s leaves %zu bytes", path, mem_bytes_now() - before);
        if (size > largest) largest = size;
        CHECK(mem_bytes_peak() - before <= times * largest + REPLAY_BASE, "%s: %zu bytes were held, at most %zu may be",
              path, mem_bytes_peak() - before, times * largest + REPLAY_BASE);
    }
    if (dir) closedir(dir);
    CHECK(files >= least, "%d files in %s, expected %d or more", files, folder, least);
    return check_report();
}

#endif
