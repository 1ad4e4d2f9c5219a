#include "run/machine.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define PEAK_ROUNDS 20000

stria_status machine_kernels(const char *isa, const kernel_set **out, stria_error *err) {
    text list = {0};
    if (!isa) isa = getenv("STRIA_ISA");
    if (isa && !*isa) isa = NULL;
    *out = kernel_set_find(isa);
    if (*out) return STRIA_OK;
    for (int i = 0; machine_isa(i); i++) text_printf(&list, "%s%s", i ? ", " : "", machine_isa(i));
    error_set(err, STRIA_UNSUPPORTED, "instruction set '%s' is not available on this machine; there are %s", isa,
              text_string(&list));
    text_release(&list);
    return STRIA_UNSUPPORTED;
}

const char *machine_isa(int i) {
    const kernel_set *const *sets = kernel_sets();
    for (int k = 0; sets[k]; k++)
        if (k == i) return sets[k]->isa;
    return NULL;
}

const char *kernels_name(const kernel_set *ks) {
    return ks->isa;
}

const char *machine_implementation(const op_def *op, int i) {
    const op_impl *const *list = backend_cpu(op);
    for (int k = 0; list[k]; k++)
        if (k == i) return list[k]->name;
    return NULL;
}

typedef struct multiply_task {
    const kernel_set *ks;
    int64_t rounds;
    float *sink;
} multiply_task;

static void multiply(void *context, int64_t index, int worker) {
    const multiply_task *t = context;
    t->ks->peak(t->sink + index * 64, t->rounds);
}

double machine_multiply_gflops(const kernel_set *ks, pool *p, int64_t rounds, float *sink) {
    int threads = pool_threads(p);
    double start = clock_seconds();
    pool_run(p, multiply, &(multiply_task){ks, rounds, sink}, threads);
    /* a round is 2 operations in each lane of 12 accumulators */
    return 2.0 * 12 * ks->lanes * (double)rounds * threads / (clock_seconds() - start) * 1e-9;
}

stria_status machine_peak_gflops(const kernel_set *ks, pool *p, double *out, stria_error *err) {
    float *sink;
    double best = 0, start = clock_seconds();
    TRY(mem_new(&sink, (size_t)pool_threads(p) * 64, sizeof *sink, "the measurement of this machine", err));
    do {
        double rate = machine_multiply_gflops(ks, p, PEAK_ROUNDS, sink);
        if (rate > best) best = rate;
    } while (clock_seconds() - start < 0.02);
    mem_free(sink);
    *out = best;
    return STRIA_OK;
}

enum { COPY_BYTES = 64 << 20, COPY_PIECE = 1 << 20 };

typedef struct copy_task {
    const char *from;
    char *to;
} copy_task;

static void copy_piece(void *context, int64_t index, int worker) {
    const copy_task *t = context;
    memcpy(t->to + index * COPY_PIECE, t->from + index * COPY_PIECE, COPY_PIECE);
}

stria_status machine_bandwidth_gbs(pool *p, double *out, stria_error *err) {
    char *both;
    TRY(mem_new(&both, 2, COPY_BYTES, "the measurement of this machine", err));
    memset(both, 1, COPY_BYTES); /* pages of their own, not one of zeros for all */
    double best = 0, start = clock_seconds();
    for (int run = 0; run < 3 || clock_seconds() - start < 0.05; run++) {
        double begin = clock_seconds();
        pool_run(p, copy_piece, &(copy_task){both, both + COPY_BYTES}, COPY_BYTES / COPY_PIECE);
        double rate = 2.0 * COPY_BYTES / (clock_seconds() - begin) * 1e-9;
        if (rate > best) best = rate;
    }
    mem_free(both);
    *out = best;
    return STRIA_OK;
}

uint64_t machine_peak_rss(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) ? 0 : (uint64_t)usage.ru_maxrss * 1024;
}
