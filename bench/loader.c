/* Times loading alone: loader DATA [THREADS (2) [BATCH (32) [SIDE (224) [EPOCHS (1)]]]]. Pictures are decoded,
 * cropped at random, resized and flipped as in the training of a photo network, by THREADS workers into a ring; nothing
 * is kept between epochs. The first epoch, which finds files in the page cache or does not, is not counted. Prints
 * JSON: pictures, seconds (wall), cpu_seconds (of all threads), both of the counted epochs. bench/loader.py sets it
 * beside PyTorch's DataLoader. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "data/loader.h"

#define STEPS "resized-crop, flip"

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(stria_status status, const stria_error *err) {
    if (status == STRIA_OK) return;
    fprintf(stderr, "loader: %s\n", err->text);
    exit(EXIT_FAILURE);
}

static loader *loader_open(const dataset *d, int threads, int64_t batch, int side) {
    loader *l = NULL;
    augment changes;
    stria_error err = {0};
    preprocess p = preprocess_default();
    check(preprocess_preset(&p, "imagenet", &err), &err);
    check(augment_parse(STEPS, &changes, &err), &err);
    loader_options o = {.batch = batch,
                        .seed = 1,
                        .shuffle = true,
                        .drop_last = true,
                        .augment = &changes,
                        .threads = threads,
                        .shape = {3, side, side}};
    check(loader_new(&l, d, &p, &o, &err), &err);
    return l;
}

static void epoch_load(loader *l, int64_t epoch, float *x, int64_t *labels) {
    stria_error err = {0};
    for (int64_t b = 0; b < loader_batches(l); b++)
        check(loader_fill(l, NULL, epoch, b, &(sample){.image = x, .label = labels}, &err), &err);
}

int main(int argc, char **argv) {
    if (argc < 2) return puts("not run: loader DATA [THREADS [BATCH [SIDE [EPOCHS]]]]"), 0;
    int threads = argc > 2 ? atoi(argv[2]) : 2, side = argc > 4 ? atoi(argv[4]) : 224;
    int64_t batch = argc > 3 ? atoi(argv[3]) : 32, epochs = argc > 5 ? atoi(argv[5]) : 1;
    stria_error err = {0};
    dataset *d = NULL;
    check(dataset_open(&d, argv[1], &(dataset_options){.split = "train"}, &err), &err);
    loader *l = loader_open(d, threads, batch, side);
    float *x = malloc((size_t)batch * 3 * (size_t)side * (size_t)side * sizeof *x);
    int64_t *labels = malloc((size_t)batch * sizeof *labels);
    if (!x || !labels) return fprintf(stderr, "loader: not enough memory\n"), EXIT_FAILURE;
    epoch_load(l, 0, x, labels);
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int64_t e = 1; e <= epochs; e++) epoch_load(l, e, x, labels);
    wall = seconds(CLOCK_MONOTONIC) - wall, cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("{\"pictures\": %lld, \"seconds\": %.4f, \"cpu_seconds\": %.4f}\n",
           (long long)(epochs * loader_batches(l) * batch), wall, cpu);
    loader_free(l);
    dataset_free(d);
    free(x);
    free(labels);
    return 0;
}
