#include "kernel/optimizer.h"

#define CHUNK (4 << 10) /* floats of a task: the gradient stays in the first-level cache for its check */

typedef struct job {
    const kernel_set *ks;
    const momentum_options *options;
    float *x, *v;
    const float *g;
    int64_t n;
    bool not_finite;
} job;

static void task(void *context, int64_t index, int worker) {
    job *j = context;
    (void)worker;
    int64_t i = index * CHUNK, n = j->n - i < CHUNK ? j->n - i : CHUNK;
    bool finite;
    j->ks->momentum(j->options, j->x + i, j->v + i, j->g + i, n, &finite);
    if (!finite) __atomic_store_n(&j->not_finite, true, __ATOMIC_RELAXED);
}

bool momentum_update(const kernel_set *ks, pool *p, const momentum_options *o, float *x, float *v, const float *g,
                     int64_t n) {
    job j = {.ks = ks, .options = o, .x = x, .v = v, .g = g, .n = n};
    pool_run(p, task, &j, (n + CHUNK - 1) / CHUNK);
    return !j.not_finite;
}
