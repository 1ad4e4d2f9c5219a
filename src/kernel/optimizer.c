#include "kernel/optimizer.h"

#include <math.h>

#define CHUNK (4 << 10) /* floats of a task: the gradient stays in the first-level cache for its check */

typedef struct job {
    const kernel_set *ks;
    const momentum_options *momentum;
    const adam_options *adam;
    float rate, root;
    float *x, *m, *v;
    const float *g;
    int64_t n;
    bool not_finite;
} job;

static void task(void *context, int64_t index, int worker) {
    job *j = context;
    (void)worker;
    int64_t i = index * CHUNK, n = j->n - i < CHUNK ? j->n - i : CHUNK;
    bool finite;
    if (j->momentum) j->ks->momentum(j->momentum, j->x + i, j->v + i, j->g + i, n, &finite);
    else j->ks->adam(j->adam, j->rate, j->root, j->x + i, j->m + i, j->v + i, j->g + i, n, &finite);
    if (!finite) __atomic_store_n(&j->not_finite, true, __ATOMIC_RELAXED);
}

static bool run(pool *p, job *j) {
    pool_run(p, task, j, (j->n + CHUNK - 1) / CHUNK);
    return !j->not_finite;
}

bool momentum_update(const kernel_set *ks, pool *p, const momentum_options *o, float *x, float *v, const float *g,
                     int64_t n) {
    return run(p, &(job){.ks = ks, .momentum = o, .x = x, .v = v, .g = g, .n = n});
}

bool adam_update(const kernel_set *ks, pool *p, const adam_options *o, float *x, float *m, float *v, const float *g,
                 int64_t n) {
    double t = (double)o->step, b1 = (double)o->beta1, b2 = (double)o->beta2;
    return run(p, &(job){.ks = ks,
                         .adam = o,
                         .rate = (float)((double)o->lr / (1 - pow(b1, t))),
                         .root = (float)(1 / sqrt(1 - pow(b2, t))),
                         .x = x,
                         .m = m,
                         .v = v,
                         .g = g,
                         .n = n});
}
