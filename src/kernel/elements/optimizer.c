#include "kernel/elements/optimizer.h"

#define CHUNK (4 << 10) /* floats of a task: the gradient stays in the first-level cache for its check */

typedef struct job {
    const kernel_set *ks;
    const void *options;
    float *x, *state[2];
    const float *g;
    int64_t n;
    void (*part)(const struct job *j, int64_t begin, int64_t n, bool *finite);
    bool not_finite;
} job;

static void task(void *context, int64_t index, int worker) {
    job *j = context;
    (void)worker;
    int64_t i = index * CHUNK, n = j->n - i < CHUNK ? j->n - i : CHUNK;
    bool finite;
    j->part(j, i, n, &finite);
    if (!finite) __atomic_store_n(&j->not_finite, true, __ATOMIC_RELAXED);
}

static bool job_run(job *j, pool *p) {
    pool_run(p, task, j, (j->n + CHUNK - 1) / CHUNK);
    return !j->not_finite;
}

static void momentum_part(const job *j, int64_t i, int64_t n, bool *finite) {
    j->ks->momentum(j->options, j->x + i, j->state[0] + i, j->g + i, n, finite);
}

bool momentum_update(const kernel_set *ks, pool *p, const momentum_options *o, float *x, float *v, const float *g,
                     int64_t n) {
    return job_run(&(job){.ks = ks, .options = o, .x = x, .state = {v}, .g = g, .n = n, .part = momentum_part}, p);
}

static void adam_part(const job *j, int64_t i, int64_t n, bool *finite) {
    j->ks->adam(j->options, j->x + i, j->state[0] + i, j->state[1] + i, j->g + i, n, finite);
}

bool adam_update(const kernel_set *ks, pool *p, const adam_options *o, float *x, float *m, float *v, const float *g,
                 int64_t n) {
    return job_run(&(job){.ks = ks, .options = o, .x = x, .state = {m, v}, .g = g, .n = n, .part = adam_part}, p);
}

static void square_part(const job *j, int64_t i, int64_t n, bool *finite) {
    j->ks->square(j->options, j->x + i, j->state[0] + i, j->g + i, n, finite);
}

bool square_update(const kernel_set *ks, pool *p, const square_options *o, float *x, float *h, const float *g,
                   int64_t n) {
    return job_run(&(job){.ks = ks, .options = o, .x = x, .state = {h}, .g = g, .n = n, .part = square_part}, p);
}
