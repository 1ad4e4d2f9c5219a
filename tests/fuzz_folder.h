/* For fuzz targets whose reader wants a file: one file in a folder of memory, removed at the end. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char fuzz_folder[64], fuzz_file[128];

static inline void fuzz_folder_remove(void) {
    unlink(fuzz_file);
    rmdir(fuzz_folder);
}

/* Makes the folder at the first call; then `name` in it holds these bytes. Ends the program where that fails. */
static inline const char *fuzz_folder_write(const char *name, const uint8_t *data, size_t size) {
    struct stat st;
    if (!*fuzz_folder) {
        bool memory = stat("/dev/shm", &st) == 0 && access("/dev/shm", W_OK) == 0;
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/stria-fuzz-XXXXXX", memory ? "/dev/shm" : "/tmp");
        if (!mkdtemp(fuzz_folder)) abort();
        snprintf(fuzz_file, sizeof fuzz_file, "%s/%s", fuzz_folder, name);
        atexit(fuzz_folder_remove);
    }
    FILE *f = fopen(fuzz_file, "wb");
    if (!f || (size && fwrite(data, size, 1, f) != 1) || fclose(f) != 0) abort();
    return fuzz_folder;
}

#endif
