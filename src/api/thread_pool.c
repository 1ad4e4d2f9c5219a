#include "api/api.h"

struct stria_thread_pool {
    pool *threads;
};

stria_status stria_thread_pool_new(stria_thread_pool **out, int threads, stria_error *err) {
    stria_thread_pool *p;
    TRY(mem_new(&p, 1, sizeof *p, "a thread pool", err));
    stria_status status = pool_new(&p->threads, threads, err);
    if (status == STRIA_OK) *out = p;
    else mem_free(p);
    return status;
}

void stria_thread_pool_free(stria_thread_pool *p) {
    if (!p) return;
    pool_release(p->threads);
    mem_free(p);
}

int stria_thread_pool_threads(const stria_thread_pool *p) {
    return pool_threads(p->threads);
}

stria_status pool_take(pool **out, const stria_thread_pool *shared, int threads, stria_error *err) {
    if (!shared) return pool_new(out, threads, err);
    *out = pool_retain(shared->threads);
    return STRIA_OK;
}
