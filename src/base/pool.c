#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* CPU_ALLOC, sched_getaffinity, syscall */
#endif
#include "base/pool.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

enum { THREADS_MAX = 1024, SPIN_NS = 50000, PAUSES_PER_LOOK = 16 };

/* A word that one thread waits for: it spins, then announces itself in `asleep` and sleeps. The changer changes the
 * word first and reads `asleep` second; both in sequentially consistent order, so one of the two sees the other. */
typedef struct signal_word {
    _Alignas(MEMORY_ALIGNMENT) atomic_uint value;
    atomic_bool asleep;
} signal_word;

/* The indices that are a worker's first; who has none left takes of the others'. next is job << 32 | position: a claim
 * made with the numbers of an earlier job fails. */
typedef struct share {
    _Alignas(MEMORY_ALIGNMENT) _Atomic uint64_t next;
    _Atomic uint32_t count;
    int64_t begin; /* read by who has claimed a position only */
} share;

typedef struct worker {
    signal_word go; /* jobs given to this worker so far */
    share own;
    pool *owner;
    int index;
    pthread_t thread;
} worker;

struct pool {
    signal_word left; /* indices of the job that are not done */
    _Alignas(MEMORY_ALIGNMENT) atomic_bool busy;
    atomic_int references;
    atomic_bool quit;
    pid_t owner; /* whose threads they are: a forked child has none of them */
    int threads;
    int64_t spin_ns; /* 0 when there are more threads than CPUs: spinning would hold up the one waited for */
    uint32_t job;
    pool_task *task; /* like context, read by who has claimed an index only */
    void *context;
    worker *workers; /* [threads]; the first is the caller's, which has no thread */
};

#ifdef __linux__
static void word_sleep(signal_word *w, unsigned value) {
    syscall(SYS_futex, &w->value, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void word_rouse(signal_word *w) {
    syscall(SYS_futex, &w->value, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
#else
static void word_sleep(signal_word *w, unsigned value) {
    nanosleep(&(struct timespec){.tv_nsec = SPIN_NS}, NULL);
}

static void word_rouse(signal_word *w) {}
#endif

static void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits until the word differs from value. */
static void word_wait(signal_word *w, unsigned value, int64_t spin_ns) {
    if (atomic_load(&w->value) != value) return;
    for (int64_t start = clock_ns(); spin_ns > 0 && clock_ns() - start < spin_ns;)
        for (int i = 0; i < PAUSES_PER_LOOK; i++) {
            if (atomic_load_explicit(&w->value, memory_order_acquire) != value) return;
            pause_cpu();
        }
    atomic_store(&w->asleep, true);
    while (atomic_load(&w->value) == value) word_sleep(w, value);
    atomic_store(&w->asleep, false);
}

static void word_wake_if_asleep(signal_word *w) {
    if (atomic_load(&w->asleep)) word_rouse(w);
}

/* A late worker may look at a share while the next job is being dealt: then `next` holds a position past any count. */
#define DEALING UINT32_MAX

static void share_deal(share *s, uint32_t job, int64_t begin, int64_t count) {
    atomic_store(&s->next, (uint64_t)job << 32 | DEALING);
    atomic_store(&s->count, (uint32_t)count);
    s->begin = begin;
    atomic_store(&s->next, (uint64_t)job << 32);
}

static bool share_claim(share *s, int64_t *index) {
    uint64_t next = atomic_load(&s->next);
    while ((uint32_t)next < atomic_load(&s->count))
        if (atomic_compare_exchange_weak(&s->next, &next, next + 1)) {
            *index = s->begin + (uint32_t)next;
            return true;
        }
    return false;
}

/* Runs worker w's share, then what is left of the others'. */
static void shares_run(pool *p, int w) {
    unsigned done = 0;
    int64_t index;
    for (int i = 0; i < p->threads; i++)
        for (share *s = &p->workers[(w + i) % p->threads].own; share_claim(s, &index); done++)
            p->task(p->context, index, w);
    if (done && atomic_fetch_sub(&p->left.value, done) == done && w > 0) word_wake_if_asleep(&p->left);
}

static void *worker_main(void *argument) {
    worker *w = argument;
    pool *p = w->owner;
    for (unsigned seen = 0;;) {
        word_wait(&w->go, seen, p->spin_ns);
        seen = atomic_load(&w->go.value);
        if (atomic_load(&p->quit)) return NULL;
        shares_run(p, w->index);
    }
}

static void worker_go(worker *w) {
    atomic_fetch_add(&w->go.value, 1);
    word_wake_if_asleep(&w->go);
}

static void run_alone(pool_task *task, void *context, int64_t count) {
    for (int64_t i = 0; i < count; i++) task(context, i, 0);
}

#define JOB_MAX ((int64_t)1 << 30) /* indices that `left` can count */

/* Indices first … first + count − 1, in contiguous shares of which the first count % threads are longer by one. */
static void job_run(pool *p, int64_t first, int64_t count) {
    int64_t each = count / p->threads, rest = count % p->threads;
    p->job++;
    atomic_store(&p->left.value, (unsigned)count);
    for (int w = 0; w < p->threads; w++) {
        int64_t own = each + (w < rest);
        share_deal(&p->workers[w].own, p->job, first, own);
        first += own;
    }
    for (int w = 1; w < p->threads && w < count; w++) worker_go(&p->workers[w]);
    shares_run(p, 0);
    for (unsigned left; (left = atomic_load(&p->left.value)) != 0;) word_wait(&p->left, left, p->spin_ns);
}

void pool_run(pool *p, pool_task *task, void *context, int64_t count) {
    if (!p || p->threads == 1 || count <= 1 || atomic_exchange(&p->busy, true)) {
        run_alone(task, context, count);
        return;
    }
    p->task = task;
    p->context = context;
    for (int64_t first = 0; first < count; first += JOB_MAX)
        job_run(p, first, count - first < JOB_MAX ? count - first : JOB_MAX);
    atomic_store(&p->busy, false);
}

/* Stops and joins workers 1 … started. In a forked child there is nothing to join, and pthread_join would wait for
 * ever.
 */
static void pool_stop(pool *p, int started) {
    if (p->owner != getpid()) started = 0;
    atomic_store(&p->quit, true);
    for (int w = 1; w <= started; w++) worker_go(&p->workers[w]);
    for (int w = 1; w <= started; w++) pthread_join(p->workers[w].thread, NULL);
    mem_free(p->workers);
    mem_free(p);
}

stria_status pool_new(pool **out, int threads, stria_error *err) {
    pool *p = NULL;
    if (threads < 0 || threads > THREADS_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "threads is %d, but must be 0 (all CPUs) to %d", threads, (int)THREADS_MAX);
    int cpus = pool_cpus();
    if (threads == 0) threads = cpus < THREADS_MAX ? cpus : THREADS_MAX;
    TRY(mem_new(&p, 1, sizeof *p, "a thread pool", err));
    p->owner = getpid();
    p->threads = threads;
    p->spin_ns = threads <= cpus ? SPIN_NS : 0;
    atomic_init(&p->references, 1);
    stria_status status = mem_new(&p->workers, (size_t)threads, sizeof *p->workers, "a thread pool", err);
    if (status != STRIA_OK) {
        mem_free(p);
        return status;
    }
    for (int w = 1; w < threads; w++) {
        p->workers[w].owner = p;
        p->workers[w].index = w;
        int result = thread_start(&p->workers[w].thread, worker_main, &p->workers[w]);
        if (result == 0) continue;
        pool_stop(p, w - 1);
        FAIL(err, STRIA_NO_MEMORY, "cannot start thread %d of %d: %s", w + 1, threads, strerror(result));
    }
    *out = p;
    return STRIA_OK;
}

pool *pool_retain(pool *p) {
    if (p) atomic_fetch_add(&p->references, 1);
    return p;
}

void pool_release(pool *p) {
    if (p && atomic_fetch_sub(&p->references, 1) == 1) pool_stop(p, p->threads - 1);
}

int pool_threads(const pool *p) {
    return p ? p->threads : 1;
}

/* CPUs in the affinity mask, which the kernel refuses to write into a set that is smaller than its own. */
static int affinity_cpus(void) {
    int cpus = 0;
#ifdef __linux__
    for (int size = 1024, again = 1; again && size <= 1 << 20; size *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)size);
        if (!set) break;
        int result = sched_getaffinity(0, CPU_ALLOC_SIZE((size_t)size), set);
        again = result != 0 && errno == EINVAL;
        if (result == 0) cpus = CPU_COUNT_S(CPU_ALLOC_SIZE((size_t)size), set);
        CPU_FREE(set);
    }
#endif
    return cpus > 0 ? cpus : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int pool_cpus(void) {
    int cpus = affinity_cpus(), quota = limits_cpus("");
    if (quota > 0 && quota < cpus) cpus = quota;
    return cpus > 0 ? cpus : 1;
}
