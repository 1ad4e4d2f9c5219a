#include "kernel/elements/elementwise.h"

#include <string.h>

#define CHUNK (16 << 10) /* floats of a task: long enough to be worth handing out */

typedef void unary_fn(float *, const float *, int64_t, float, float);
typedef void gradient_fn(float *, const float *, const float *, int64_t, float, float);

static const struct {
    char needs;
    size_t run, gradient; /* fields of kernel_set */
} unary_rows[] = {
#define UNARY(name, needs, f, df) {needs, offsetof(kernel_set, unary_##name), offsetof(kernel_set, gradient_##name)},
#include "kernel/elements/unary_list.h"
#undef UNARY
};

char unary_gradient_needs(unary_kind kind) {
    return unary_rows[kind].needs;
}

unary_fn *unary_kernel(const kernel_set *ks, unary_kind kind) {
    unary_fn *f;
    memcpy(&f, (const char *)ks + unary_rows[kind].run, sizeof f);
    return f;
}

static gradient_fn *gradient_kernel(const kernel_set *ks, unary_kind kind) {
    gradient_fn *f;
    memcpy(&f, (const char *)ks + unary_rows[kind].gradient, sizeof f);
    return f;
}

typedef struct flat_job {
    unary_fn *unary;
    gradient_fn *gradient;
    float *y;
    const float *a, *b;
    int64_t n;
    float alpha, beta;
} flat_job;

static void flat_task(void *context, int64_t index, int worker) {
    flat_job *j = context;
    int64_t at = index * CHUNK, n = j->n - at < CHUNK ? j->n - at : CHUNK;
    if (j->unary) j->unary(j->y + at, j->a + at, n, j->alpha, j->beta);
    else j->gradient(j->y + at, j->a + at, j->b + at, n, j->alpha, j->beta);
}

static void flat_run(pool *p, flat_job *j) {
    pool_run(p, flat_task, j, (j->n + CHUNK - 1) / CHUNK);
}

void unary_run(const kernel_set *ks, pool *p, unary_kind kind, float a, float b, float *y, const float *x, int64_t n) {
    flat_job j = {.unary = unary_kernel(ks, kind), .y = y, .a = x, .n = n, .alpha = a, .beta = b};
    flat_run(p, &j);
}

void unary_gradient(const kernel_set *ks, pool *p, unary_kind kind, float a, float b, float *dx, const float *dy,
                    const float *xy, int64_t n) {
    flat_job j = {
        .gradient = gradient_kernel(ks, kind), .y = dx, .a = dy, .b = xy ? xy : dy, .n = n, .alpha = a, .beta = b};
    flat_run(p, &j);
}
