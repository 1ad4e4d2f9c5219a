/* Batch-last kernels at the sizes of LeNet-5 and LeNet-20/50: kernel_batch [isa [batch…]]. Best of many runs on one
 * thread, beside the multiply-add peak measured in the same process (which other work on the machine lowers, too). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "conv_operation.h"
#include "kernel/elements/elementwise.h"
#include "kernel/elements/optimizer.h"
#include "kernel/rows/reduce.h"
#include "kernel/rows/softmax.h"
#include "kernel/windows/pool.h"
#include "run/machine.h"

enum { REPEAT = 40 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#define SHAPE(batch, ic, ih, iw, oc, oh, ow, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw, groups)                           \
    {                                                                                                                  \
        batch, ic, oc, groups, {ih, oh, kh, sh, dh, pt, pb}, {iw, ow, kw, sw, dw, pl, pr}, {                           \
            0                                                                                                          \
        }                                                                                                              \
    }

static const struct {
    const char *name;
    conv_shape s;
} layers[] = {
    {"lenet5 conv1", SHAPE(0, 1, 28, 28, 6, 28, 28, 5, 5, 1, 1, 2, 2, 2, 2, 1, 1, 1)},
    {"lenet5 conv2", SHAPE(0, 6, 14, 14, 16, 10, 10, 5, 5, 1, 1, 0, 0, 0, 0, 1, 1, 1)},
    {"20/50 conv1", SHAPE(0, 1, 28, 28, 20, 24, 24, 5, 5, 1, 1, 0, 0, 0, 0, 1, 1, 1)},
    {"20/50 conv2", SHAPE(0, 20, 12, 12, 50, 8, 8, 5, 5, 1, 1, 0, 0, 0, 0, 1, 1, 1)},
};

static float *array_new(int64_t n) {
    float *p = mem_alloc((size_t)n * sizeof(float));
    if (!p) exit(1);
    for (int64_t i = 0; i < n; i++) p[i] = (float)(i * 7919 % 33) / 16 - 1;
    return p;
}

static double peak(const kernel_set *ks) {
    double peak = 0;
    if (machine_peak_gflops(ks, NULL, &peak, NULL) != STRIA_OK) exit(1);
    return peak;
}

typedef struct step {
    const kernel_set *ks;
    operation conv[CONV_OPS];
    float *x, *y, *dx;
    int64_t n;
    int64_t *labels;
    pool_shape pool;
    window_storage storage;
} step;

static void forward(const step *t) {
    operation_run(&t->conv[CONV_FORWARD], NULL);
}
static void data(const step *t) {
    operation_run(&t->conv[CONV_DX], NULL);
}
static void weight(const step *t) {
    operation_run(&t->conv[CONV_DW], NULL);
}
static void relu(const step *t) {
    unary_run(t->ks, NULL, UNARY_relu, 0, 0, t->y, t->x, t->n);
}
static void relu_gradient(const step *t) {
    unary_gradient(t->ks, NULL, UNARY_relu, 0, 0, t->dx, t->y, t->x, t->n);
}
static void sigmoid(const step *t) {
    unary_run(t->ks, NULL, UNARY_sigmoid, 0, 0, t->y, t->x, t->n);
}
static void hyperbolic(const step *t) {
    unary_run(t->ks, NULL, UNARY_tanh, 0, 0, t->y, t->x, t->n);
}
static void max_pool(const step *t) {
    pool_max(t->ks, NULL, &t->pool, &t->storage, t->y, t->x);
}
static void max_gradient(const step *t) {
    pool_max_gradient(t->ks, NULL, &t->pool, &t->storage, t->dx, t->y, t->x);
}
static void average_pool(const step *t) {
    pool_average(t->ks, NULL, &t->pool, &t->storage, t->y, t->x);
}
static void average_gradient(const step *t) {
    pool_average_gradient(t->ks, NULL, &t->pool, &t->storage, t->dx, t->y);
}
static void bias_sum(const step *t) {
    int64_t dims[2] = {6, t->n / 6}, strides[2] = {t->n / 6, 1};
    reduce_run(t->ks, NULL, REDUCE_SUM, 2, dims, (bool[]){false, true}, t->y, (int64_t[]){1, 0}, t->x, strides);
}
static void loss(const step *t) {
    cross_entropy_run(t->ks, NULL, t->y, t->x, t->labels, -1, 1, 10, t->n / 10);
}
static void loss_gradient(const step *t) {
    cross_entropy_gradient(t->ks, NULL, t->dx, t->x, t->labels, -1, 1, NULL, 1, 10, t->n / 10);
}
static void momentum(const step *t) {
    momentum_options o = {.lr = 0.01f, .alpha = 0.9f, .beta = 1};
    momentum_update(t->ks, NULL, &o, t->x, t->y, t->dx, t->n);
}

static double best_of(void (*run)(const step *), const step *t) {
    double best = 1e9;
    for (int r = 0; r < REPEAT; r++) {
        double begin = now();
        run(t);
        double seconds = now() - begin;
        if (seconds < best) best = seconds;
    }
    return best;
}

static void bench_layers(const kernel_set *ks, int64_t batch) {
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        step t = {.ks = ks};
        conv_shape s = layers[i].s;
        s.batch = batch;
        for (int op = 0; op < CONV_OPS; op++) t.conv[op] = operation_new(conv_batch, ks, &s, (enum conv_op)op, 1);
        int64_t products = batch * s.oc * s.y.out * s.x.out * s.ic * s.y.kernel * s.x.kernel;
        double top = peak(ks), flops = 2e-9 * (double)products;
        double f = best_of(forward, &t), d = best_of(data, &t), w = best_of(weight, &t);
        printf("%-8s n=%-4lld %-13s forward %7.0f us %4.0f GFLOP/s %3.0f %%   data %7.0f us %4.0f %3.0f %%   weight "
               "%7.0f us "
               "%4.0f %3.0f %%\n",
               ks->isa, (long long)batch, layers[i].name, f * 1e6, flops / f, 100 * flops / f / top, d * 1e6, flops / d,
               100 * flops / d / top, w * 1e6, flops / w, 100 * flops / w / top);
        for (int op = 0; op < CONV_OPS; op++) operation_free(&t.conv[op]);
    }
}

/* The other steps of LeNet-5 after its first convolution, 6 channels of 28 × 28; loss and update at their own sizes. */
static void bench_steps(const kernel_set *ks, int64_t batch) {
    static const struct {
        const char *name;
        void (*run)(const step *);
        int64_t n;   /* elements a image; 0: 61,706 parameters, whatever the batch */
        int traffic; /* floats moved per element, in quarters */
    } steps[] = {{"relu", relu, 4704, 8},
                 {"relu gradient", relu_gradient, 4704, 12},
                 {"sigmoid", sigmoid, 4704, 8},
                 {"tanh", hyperbolic, 4704, 8},
                 {"max pool", max_pool, 4704, 5},
                 {"max gradient", max_gradient, 4704, 9},
                 {"average pool", average_pool, 4704, 5},
                 {"average gradient", average_gradient, 4704, 5},
                 {"bias sum", bias_sum, 4704, 4},
                 {"loss", loss, 10, 4},
                 {"loss gradient", loss_gradient, 10, 8},
                 {"momentum", momentum, 0, 20}};
    int64_t most = 4704 * batch > 61706 ? 4704 * batch : 61706;
    step t = {.ks = ks,
              .x = array_new(most),
              .y = array_new(most),
              .dx = array_new(most),
              .labels = mem_zalloc((size_t)batch, sizeof(int64_t)),
              .pool = {.batch = batch, .channels = 6}};
    t.pool.y = t.pool.x = (window){.in = 28, .out = 14, .kernel = 2, .stride = 2, .dilation = 1};
    t.storage = window_batch_last(&t.pool);
    if (!t.labels) exit(1);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        t.n = steps[i].n ? steps[i].n * batch : 61706;
        double s = best_of(steps[i].run, &t);
        printf("%-8s n=%-4lld %-17s %7.1f us %6.1f GB/s\n", ks->isa, (long long)batch, steps[i].name, s * 1e6,
               (double)(t.n * steps[i].traffic) / s / 1e9);
    }
    mem_free(t.x), mem_free(t.y), mem_free(t.dx), mem_free(t.labels);
}

int main(int argc, char **argv) {
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        if (argc > 1 ? strcmp(argv[1], (*ks)->isa) != 0 : ks != kernel_sets()) continue;
        printf("%s: %.0f GFLOP/s at most\n", (*ks)->isa, peak(*ks));
        for (int i = 2; i < (argc > 2 ? argc : 4); i++) {
            int64_t batch = argc > 2 ? strtoll(argv[i], NULL, 10) : i == 2 ? 64 : 256;
            bench_layers(*ks, batch);
            bench_steps(*ks, batch);
        }
    }
    return 0;
}
