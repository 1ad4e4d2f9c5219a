/* Random numbers: float32 in chunks, each a function of its elements' indices. */
#include "op/random.h"

#include "backend/cpu/cpu.h"

#define CHUNK 4096 /* elements of a task, whole blocks of random numbers */

typedef struct job {
    random_kind kind;
    random_key key;
    const random_attributes *a;
    const float *p;
    float *y;
    int64_t n;
} job;

static void task(void *context, int64_t index, int worker) {
    const job *j = context;
    int64_t first = index * CHUNK, n = j->n - first < CHUNK ? j->n - first : CHUNK;
    random_range at = {j->key.seed, j->key.stream, (uint64_t)first, (size_t)n};
    float *y = j->y + first;
    switch (j->kind) {
    case RANDOM_UNIFORM:
        random_range_uniform(y, at, j->a->low, j->a->high);
        break;
    case RANDOM_BERNOULLI:
        random_range_uniform(y, at, 0, 1);
        for (int64_t i = 0; i < n; i++) y[i] = y[i] < j->p[first + i] ? 1 : 0;
        break;
    case RANDOM_NORMAL:
        random_range_normal(y, at, j->a->mean, j->a->scale);
        break;
    case RANDOM_TRUNCATED:
        random_range_truncated(y, at, j->a->mean, j->a->scale);
        break;
    }
}

static bool accept(const node *n, refusal *why) {
    const value *y = n->out[0];
    if (y->type != STRIA_FLOAT32) return REFUSE(why, "the result is %s", dtype_name(y->type));
    if (n->op == &op_Bernoulli && n->in[0]->type != STRIA_FLOAT32)
        return REFUSE(why, "probabilities are %s", dtype_name(n->in[0]->type));
    return true;
}

static void run(const impl_call *c) {
    job j = {.kind = random_kind_of(c->node),
             .key = random_key_of(c->node, c->seed, c->step),
             .a = c->node->attributes,
             .p = c->node->in_count ? c->in[0] : NULL,
             .y = c->out[0],
             .n = shape_count(&c->node->out[0]->shape)};
    pool_run(c->pool, task, &j, (j.n + CHUNK - 1) / CHUNK);
}

static const op_impl random_impl = {.name = "chunks", .accept = accept, .run = run};

const op_impl *const cpu_random[] = {&random_impl, &impl_reference, NULL};
