/* Pooling of plain images, one thread, in its own CPU time: GB/s of what must be moved at least (each tensor once)
 * against a copy of the same size: kernel_pool [ISA]. */
#include "base/memory.h"
#include "kernel/windows/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEAT 15

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct layer {
    int64_t channels, in, kernel, stride, pad;
} layer;

static const layer layers[] = {{20, 24, 2, 2, 0},  {64, 112, 2, 2, 0}, {64, 112, 3, 2, 1}, {96, 55, 3, 2, 0},
                               {192, 28, 3, 1, 1}, {64, 56, 5, 1, 2},  {64, 56, 4, 4, 0},  {2048, 7, 7, 7, 0}};

enum { MAX, AVERAGE, MAX_GRADIENT, AVERAGE_GRADIENT, COPY };

typedef struct images {
    pool_shape s;
    window_storage m;
    size_t nx, ny;
    float *x, *y, *dx, *dy;
} images;

static float *filled(size_t n) {
    float *a = mem_alloc(n * sizeof(float) + 64);
    if (!a) exit(EXIT_FAILURE);
    for (size_t i = 0; i < n; i++) a[i] = (float)(i * 7919 % 8191) * 0.0625f - 1;
    return a;
}

static void run(const kernel_set *ks, const images *t, int what) {
    if (what == MAX) pool_max(ks, NULL, &t->s, &t->m, t->y, t->x);
    else if (what == AVERAGE) pool_average(ks, NULL, &t->s, &t->m, t->y, t->x);
    else if (what == MAX_GRADIENT) pool_max_gradient(ks, NULL, &t->s, &t->m, t->dx, t->dy, t->x);
    else if (what == AVERAGE_GRADIENT) pool_average_gradient(ks, NULL, &t->s, &t->m, t->dx, t->dy);
    else memcpy(t->dx, t->x, t->nx * sizeof *t->x);
}

static double seconds(const kernel_set *ks, const images *t, int what) {
    double start = cpu_seconds();
    run(ks, t, what);
    return cpu_seconds() - start;
}

/* The best of a few and of as many copies between them, since what else runs only slows. */
static void race(const kernel_set *ks, const images *t, int what, double moved) {
    double best = 1e9, copy = 1e9, took;
    for (int i = 0; i < REPEAT; i++) {
        if ((took = seconds(ks, t, COPY)) < copy) copy = took;
        if ((took = seconds(ks, t, what)) < best) best = took;
    }
    copy *= moved / (double)(2 * t->nx);
    printf(" | %5.1f GB/s %3.0f%%", moved * 4e-9 / best, 100 * copy / best);
}

static void layer_run(const kernel_set *ks, const layer *l, int64_t batch) {
    int64_t out = (l->in + 2 * l->pad - l->kernel) / l->stride + 1;
    window w = {.in = l->in,
                .out = out,
                .kernel = l->kernel,
                .stride = l->stride,
                .dilation = 1,
                .before = l->pad,
                .after = l->pad};
    images t = {.s = {.batch = batch, .channels = l->channels, .y = w, .x = w}};
    t.m = window_plain(&t.s);
    t.nx = (size_t)(t.m.outer * t.m.x_outer), t.ny = (size_t)(t.m.outer * t.m.y_outer);
    t.x = filled(t.nx), t.y = filled(t.ny), t.dx = filled(t.nx), t.dy = filled(t.ny);
    printf("%dx%d/%d @%-3d %4d b%d", (int)l->kernel, (int)l->kernel, (int)l->stride, (int)l->in, (int)l->channels,
           (int)batch);
    for (int what = 0; what < COPY; what++) race(ks, &t, what, (double)(t.nx * (what == MAX_GRADIENT ? 2 : 1) + t.ny));
    printf("\n");
    fflush(stdout);
    mem_free(t.x), mem_free(t.y), mem_free(t.dx), mem_free(t.dy);
}

int main(int argc, char **argv) {
    const kernel_set *ks = kernel_set_find(argc > 1 ? argv[1] : NULL);
    if (!ks) return EXIT_FAILURE;
    printf("%s: max | average | max gradient | average gradient\n", ks->isa);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int64_t batch = 1; batch <= 8; batch += 7) layer_run(ks, &layers[i], batch);
    return EXIT_SUCCESS;
}
