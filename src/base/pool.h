/* A thread pool whose work is split by shape, never by thread count: same bits for any number of threads. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/error.h"

typedef struct pool pool;

/* threads counts the caller: 1 makes no thread. 0 means pool_cpus(). */
stria_status pool_new(pool **out, int threads, stria_error *err);
pool *pool_retain(pool *p);      /* counted: sessions share a pool. NULL stays NULL */
void pool_release(pool *p);      /* accepts NULL */
int pool_threads(const pool *p); /* 1 for NULL */

/* CPUs that this process may use, from sched_getaffinity and the cgroup's quota (v1 and v2), at least 1. */
int pool_cpus(void);

/* One task: index in 0…count−1, worker in 0…threads−1 (for per-thread scratch; results must not depend on it). */
typedef void pool_task(void *context, int64_t index, int worker);

/* Runs task for every index 0…count−1 and waits. Indices are dealt to workers in contiguous shares by (count, threads),
 * so that successive layers find their data in the same core's cache; a worker who is through takes over what others
 * have not begun, so that nobody waits for a thread that is not awake yet or whose CPU is taken. The calling thread is
 * worker 0. A caller who finds the pool busy (or passes NULL) runs everything alone as worker 0, with the same bits.
 * After a fork, the child's copy of a pool has no threads but its caller, who takes over all shares: it works on,
 * alone. Never fails, never allocates. Waiting threads spin about 50 µs and then sleep on a futex. */
void pool_run(pool *p, pool_task *task, void *context, int64_t count);

#endif
