/* Convolution kernels on ResNet-50's layers: GFLOP/s and share of this machine's measured float32 peak, for the forward
 * convolution, the data gradient and the weight gradient, with 1 and 2 threads. The peak is measured between the runs,
 * because clocks change: kernel_conv [ISA] [part of a shape's name]. */
#include "conv_operation.h"
#include "run/machine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH       8
#define REPEAT      31
#define THREADS_MAX 2

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct layer {
    int64_t ic, oc, in, kernel, stride;
} layer;

static const layer layers[] = {
    {64, 64, 56, 3, 1},    {128, 128, 28, 3, 1},  {256, 256, 14, 3, 1}, {512, 512, 7, 3, 1},
    {128, 128, 56, 3, 2},  {256, 256, 28, 3, 2},  {512, 512, 14, 3, 2}, {64, 64, 56, 1, 1},
    {64, 256, 56, 1, 1},   {256, 64, 56, 1, 1},   {128, 512, 28, 1, 1}, {512, 128, 28, 1, 1},
    {256, 1024, 14, 1, 1}, {1024, 256, 14, 1, 1}, {512, 2048, 7, 1, 1}, {2048, 512, 7, 1, 1},
};
#define LAYERS (sizeof layers / sizeof *layers)

static conv_shape layer_shape(const layer *l) {
    int64_t pad = l->kernel / 2, out = (l->in + 2 * pad - l->kernel) / l->stride + 1;
    window w = {
        .in = l->in, .out = out, .kernel = l->kernel, .stride = l->stride, .dilation = 1, .before = pad, .after = pad};
    return (conv_shape){.batch = BATCH, .ic = l->ic, .oc = l->oc, .groups = 1, .y = w, .x = w};
}

#define PEAK_ROUNDS 60000 /* some 0.3 ms: as long as a small layer */

/* Measured once and as a convolution is: not the best of many, which a clock that comes and goes would favour. */
static double peak_gflops(const kernel_set *ks, pool *p) {
    static float sink[THREADS_MAX * 64];
    return machine_multiply_gflops(ks, p, PEAK_ROUNDS, sink);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Each run is held against the peaks measured just before and after it, since what else a shared machine does comes and
 * goes within seconds; the median of those shares. */
static double operation_share(const operation *o, pool *p, double *gflops) {
    const conv_shape *s = &o->plan->shape;
    double work = 2e-9 * (double)(s->batch * s->y.out * s->x.out * s->oc * s->ic * s->y.kernel * s->x.kernel),
           share[REPEAT], rate[REPEAT];
    operation_run(o, p);
    peak_gflops(o->plan->ks, p); /* wakes the threads */
    double before = peak_gflops(o->plan->ks, p);
    for (int i = 0; i < REPEAT; i++) {
        double start = seconds();
        operation_run(o, p);
        rate[i] = work / (seconds() - start);
        double after = peak_gflops(o->plan->ks, p);
        share[i] = rate[i] / ((before + after) / 2);
        before = after;
    }
    qsort(share, REPEAT, sizeof *share, by_value);
    qsort(rate, REPEAT, sizeof *rate, by_value);
    *gflops = rate[REPEAT / 2];
    return share[REPEAT / 2];
}

static void layer_name(const layer *l, char name[64]) {
    snprintf(name, 64, "%dx%d %d->%d @%d/%d", (int)l->kernel, (int)l->kernel, (int)l->ic, (int)l->oc, (int)l->in,
             (int)l->stride);
}

int main(int argc, char **argv) {
    const kernel_set *ks = kernel_set_find(argc > 1 && argv[1][0] ? argv[1] : NULL);
    if (!ks) return EXIT_FAILURE;
    double logs[3][THREADS_MAX] = {{0}};
    int shapes = 0;
    pool *pools[THREADS_MAX];
    for (int t = 0; t < THREADS_MAX; t++)
        if (pool_new(&pools[t], t + 1, NULL) != STRIA_OK) return EXIT_FAILURE;
    printf("%s: GFLOP/s and %% of peak; one thread | %d threads\n%-22s %18s | %-12s %18s | %-12s %18s | %s\n", ks->isa,
           THREADS_MAX, "batch 8", "forward", "", "data gradient", "", "weight gradient", "");
    for (size_t i = 0; i < LAYERS; i++) {
        char name[64];
        layer_name(&layers[i], name);
        if (argc > 2 && !strstr(name, argv[2])) continue;
        printf("%-22s", name);
        for (int op = 0; op < 3; op++) {
            conv_shape s = layer_shape(&layers[i]);
            operation o = operation_new(conv_gemm, ks, &s, (enum conv_op)op, THREADS_MAX);
            for (int t = 0; t < THREADS_MAX; t++) {
                double gflops, share = operation_share(&o, pools[t], &gflops);
                logs[op][t] += log(share);
                printf(t ? "| %6.1f %4.0f%%  " : "      %6.1f %4.0f%% ", gflops, 100 * share);
            }
            operation_free(&o);
        }
        printf("\n");
        fflush(stdout);
        shapes++;
    }
    printf("%-22s", "geometric mean");
    for (int op = 0; op < 3 && shapes; op++)
        for (int t = 0; t < THREADS_MAX; t++)
            printf(t ? "| %6s %4.0f%%  " : "      %6s %4.0f%% ", "", 100 * exp(logs[op][t] / shapes));
    printf("\n");
    for (int t = 0; t < THREADS_MAX; t++) pool_release(pools[t]);
    return EXIT_SUCCESS;
}
