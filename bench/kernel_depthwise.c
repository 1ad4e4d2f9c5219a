/* Depthwise convolution on MobileNet's layers and first layers of large images, one thread, in its own CPU time: GB/s
 * of what must be moved at least (each image once) against a copy of the same size, and GFLOP/s:
 * kernel_depthwise [ISA]. */
#include "conv_operation.h"
#include "run/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEAT 9

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct layer {
    int64_t ic, oc, in, kernel, stride, groups;
} layer;

static const layer layers[] = {
    {32, 32, 112, 3, 1, 32},   {64, 64, 112, 3, 2, 64},   {128, 128, 56, 3, 1, 128}, {128, 128, 56, 3, 2, 128},
    {256, 256, 28, 3, 1, 256}, {512, 512, 14, 3, 1, 512}, {512, 512, 14, 3, 2, 512}, {1024, 1024, 7, 3, 1, 1024},
    {240, 240, 28, 5, 1, 240}, {3, 64, 224, 7, 2, 1},     {3, 64, 227, 11, 4, 1},    {3, 32, 224, 3, 2, 1},
    {1, 6, 28, 5, 1, 1},       {128, 128, 56, 3, 1, 32},
};

/* Best of a few, since what else runs only slows. */
static double operation_seconds(const operation *o) {
    double best = 1e9;
    for (int i = 0; i < REPEAT; i++) {
        double start = cpu_seconds();
        operation_run(o, NULL);
        double took = cpu_seconds() - start;
        if (took < best) best = took;
    }
    return best;
}

static double copy_seconds(float *to, const float *from, size_t floats) {
    double best = 1e9;
    for (int i = 0; i < REPEAT; i++) {
        double start = cpu_seconds();
        memcpy(to, from, floats * sizeof *to);
        double took = cpu_seconds() - start;
        if (took < best) best = took;
    }
    return best;
}

static void layer_run(const kernel_set *ks, const layer *l, int64_t batch, double peak) {
    int64_t pad = l->kernel == 11 ? 0 : l->kernel / 2, out = (l->in + 2 * pad - l->kernel) / l->stride + 1;
    window w = {
        .in = l->in, .out = out, .kernel = l->kernel, .stride = l->stride, .dilation = 1, .before = pad, .after = pad};
    conv_shape s = {.batch = batch, .ic = l->ic, .oc = l->oc, .groups = l->groups, .y = w, .x = w};
    const conv_kernel *kernels = conv_is_depthwise(&s) ? conv_depthwise : conv_gemm;
    size_t nx = (size_t)(batch * l->in * l->in * l->ic), ny = (size_t)(batch * out * out * l->oc);
    size_t half = (nx + ny) / 2;
    float *from = operation_array(half), *to = operation_array(half);
    double flops = 2 * (double)(ny * (size_t)(l->ic / l->groups * l->kernel * l->kernel));
    double bytes = (double)(nx + ny) * sizeof(float), copy = bytes / copy_seconds(to, from, half);
    printf("%2dx%-2d %4d->%-4d @%3d/%d b%d  copy %5.1f GB/s", (int)l->kernel, (int)l->kernel, (int)l->ic, (int)l->oc,
           (int)l->in, (int)l->stride, (int)batch, copy * 1e-9);
    for (int op = 0; op < 3; op++) {
        operation o = operation_new(kernels, ks, &s, (enum conv_op)op, 1);
        double took = operation_seconds(&o);
        printf(" | %6.1f GFLOP/s %3.0f%% %5.1f GB/s", flops / took * 1e-9, flops / took * 1e-7 / peak,
               bytes / took * 1e-9);
        operation_free(&o);
    }
    printf("\n");
    fflush(stdout);
    mem_free(from), mem_free(to);
}

int main(int argc, char **argv) {
    const kernel_set *ks = kernel_set_find(argc > 1 ? argv[1] : NULL);
    if (!ks) return EXIT_FAILURE;
    double peak = 0;
    pool *alone;
    if (pool_new(&alone, 1, NULL) != STRIA_OK) return EXIT_FAILURE;
    for (int i = 0; i < 3; i++) {
        double now = 0;
        if (machine_peak_gflops(ks, alone, &now, NULL) != STRIA_OK) return EXIT_FAILURE;
        if (now > peak) peak = now;
    }
    printf("%s: peak of one thread %.0f GFLOP/s; forward | data gradient | weight gradient\n", ks->isa, peak);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int64_t batch = 1; batch <= 8; batch += 7) layer_run(ks, &layers[i], batch, peak);
    pool_release(alone);
    return EXIT_SUCCESS;
}
