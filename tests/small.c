#define _GNU_SOURCE /* nftw */
#include "small.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 8, TRAIN = 60, TEST = 20, CLASSES = 10 };

char small_folder[256], small_data_spec[600];

/* IDX: bytes of rank 1 (labels) or 3 (pictures: a bar where the class says). */
static bool idx_write(const char *name, int rank, int count) {
    char path[512];
    unsigned char header[16] = {0, 0, 8,   (unsigned char)rank, 0, 0, 0, (unsigned char)count, 0, 0, 0, SIDE, 0,
                                0, 0, SIDE};
    snprintf(path, sizeof path, "%s/data/%s", small_folder, name);
    FILE *f = fopen(path, "wb");
    if (!f) return false;
    fwrite(header, 1, rank == 1 ? 8 : 16, f);
    for (int i = 0; i < count; i++) {
        int class = i % CLASSES;
        for (int y = 0; rank == 3 && y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) fputc((y * SIDE + x) / 6 == class ? 200 + (i * 7 + x) % 50 : (i + x) % 9, f);
        if (rank == 1) fputc(class, f);
    }
    return fclose(f) == 0;
}

int small_data_setup(void **state) {
    char path[512];
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(small_folder, sizeof small_folder, "%.200s/stria-small-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(small_folder)) return -1;
    snprintf(path, sizeof path, "%s/data", small_folder);
    if (mkdir(path, 0777) != 0) return -1;
    snprintf(small_data_spec, sizeof small_data_spec, "mnist:%s", path);
    bool done = idx_write("train-images-idx3-ubyte", 3, TRAIN) && idx_write("train-labels-idx1-ubyte", 1, TRAIN) &&
                idx_write("t10k-images-idx3-ubyte", 3, TEST) && idx_write("t10k-labels-idx1-ubyte", 1, TEST);
    return done ? 0 : -1;
}

bool small_npy(const char *name, const char *type, const char *dims, const void *data, size_t bytes) {
    char path[600], header[128];
    snprintf(path, sizeof path, "%s/%s", small_folder, name);
    int length =
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, dims);
    FILE *f = length < 117 ? fopen(path, "wb") : NULL;
    if (!f) return false;
    fprintf(f, "\x93NUMPY%c%c%c%c%-*s\n", 1, 0, 118, 0, 117, header);
    bool whole = fwrite(data, 1, bytes, f) == bytes;
    return fclose(f) == 0 && whole;
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void small_folder_empty(const char *path) {
    if (nftw(path, entry_remove, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) perror(path);
}

int small_data_teardown(void **state) {
    (void)state;
    small_folder_empty(small_folder);
    return 0;
}

stria_model *small_model(bool rectified, stria_error *err) {
    stria_model *m = NULL;
    stria_graph *g = stria_graph_new("small");
    if (!g) return NULL;
    stria_value *x = stria_input(g, "image", STRIA_FLOAT32, 4, (const int64_t[]){0, 1, SIDE, SIDE});
    x = stria_max_pool(g, stria_conv(g, x, 4, "kernel=5 padding=2"), "kernel=2");
    if (rectified) x = stria_relu(g, x);
    stria_output(g, stria_dense(g, x, CLASSES, "name=logits"), "logits");
    if (stria_model_from_graph(&m, g, err) != STRIA_OK) stria_graph_free(g);
    return m;
}

bool small_training(stria_model **model, stria_dataset **train, stria_dataset **val) {
    stria_error err = {0};
    stria_dataset_options options = stria_dataset_options_default();
    options.hold_out_val = true;
    bool ready =
        (*model = small_model(true, &err)) && stria_dataset_open(train, small_data_spec, &options, &err) == STRIA_OK;
    options.split = STRIA_SPLIT_VAL;
    ready = ready && stria_dataset_open(val, small_data_spec, &options, &err) == STRIA_OK;
    if (!ready) fprintf(stderr, "%s\n", err.text);
    return ready;
}
