#include "kernel/elements/optimizer.h"

#include <math.h>

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

static void velocity_part(const job *j, int64_t i, int64_t n, bool *finite) {
    j->ks->velocity(j->options, j->x + i, j->state[0] + i, j->g + i, n, finite);
}

bool velocity_update(const kernel_set *ks, pool *p, const velocity_options *o, float *x, float *v, const float *g,
                     int64_t n) {
    return job_run(&(job){.ks = ks, .options = o, .x = x, .state = {v}, .g = g, .n = n, .part = velocity_part}, p);
}

static void lion_part(const job *j, int64_t i, int64_t n, bool *finite) {
    j->ks->lion(j->options, j->x + i, j->state[0] + i, j->g + i, n, finite);
}

bool lion_update(const kernel_set *ks, pool *p, const lion_options *o, float *x, float *m, const float *g, int64_t n) {
    return job_run(&(job){.ks = ks, .options = o, .x = x, .state = {m}, .g = g, .n = n, .part = lion_part}, p);
}

static void adadelta_part(const job *j, int64_t i, int64_t n, bool *finite) {
    j->ks->adadelta(j->options, j->x + i, j->state[0] + i, j->state[1] + i, j->g + i, n, finite);
}

bool adadelta_update(const kernel_set *ks, pool *p, const adadelta_options *o, float *x, float *h, float *s,
                     const float *g, int64_t n) {
    return job_run(&(job){.ks = ks, .options = o, .x = x, .state = {h, s}, .g = g, .n = n, .part = adadelta_part}, p);
}

static void ftrl_part(const job *j, int64_t i, int64_t n, bool *finite) {
    j->ks->ftrl(j->options, j->x + i, j->state[0] + i, j->state[1] + i, j->g + i, n, finite);
}

bool ftrl_update(const kernel_set *ks, pool *p, const ftrl_options *o, float *x, float *h, float *z, const float *g,
                 int64_t n) {
    return job_run(&(job){.ks = ks, .options = o, .x = x, .state = {h, z}, .g = g, .n = n, .part = ftrl_part}, p);
}

/* ---- LAMB: norms over the tensor in a fixed order of parts, then the step ---- */

typedef struct lamb_job {
    job job;
    double *sums;
} lamb_job;

static void lamb_moments_part(const job *j, int64_t i, int64_t n, bool *finite) {
    const lamb_job *l = (const lamb_job *)j;
    j->ks->lamb_moments(j->options, j->x + i, j->state[0] + i, j->state[1] + i, j->g + i, n, l->sums + 2 * (i / CHUNK),
                        finite);
}

static void lamb_part(const job *j, int64_t i, int64_t n, bool *finite) {
    *finite = true;
    j->ks->lamb(j->options, j->x + i, j->state[0] + i, j->state[1] + i, j->g + i, n);
}

int64_t lamb_sums(int64_t n) {
    return (n + CHUNK - 1) / CHUNK;
}

bool lamb_update(const kernel_set *ks, pool *p, const lamb_options *o, float *x, float *m, float *v, const float *g,
                 int64_t n, double *sums) {
    lamb_options stepped = *o;
    lamb_job l = {{.ks = ks, .options = o, .x = x, .state = {m, v}, .g = g, .n = n, .part = lamb_moments_part}, sums};
    double norms[2] = {0, 0};
    bool finite = job_run(&l.job, p);
    for (int64_t i = 0; i < 2 * lamb_sums(n); i++) norms[i % 2] += sums[i];
    double ratio = norms[0] > 0 && norms[1] > 0 ? sqrt(norms[0] / norms[1]) : 1;
    stepped.step = (float)((double)o->lr * ratio);
    l.job.options = &stepped;
    l.job.part = lamb_part;
    job_run(&l.job, p);
    return finite;
}
