/* The pool: every index once, whoever else uses it and however slow a thread is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/pool.h"

static const int thread_counts[] = {1, 2, 3, 7};
static const int64_t work_counts[] = {0, 1, 2, 3, 6, 7, 8, 100, 1001};

enum { MOST = 1001 };

typedef struct record {
    int times[MOST], worker[MOST]; /* written by one thread each: TSan sees it if not */
} record;

static void note(void *context, int64_t index, int worker) {
    record *r = context;
    r->times[index]++;
    r->worker[index] = worker;
}

static void every_index_once(void **state) {
    (void)state;
    for (size_t t = 0; t < sizeof thread_counts / sizeof *thread_counts; t++) {
        int threads = thread_counts[t];
        pool *p = NULL;
        assert_int_equal(pool_new(&p, threads, NULL), STRIA_OK);
        assert_int_equal(pool_threads(p), threads);
        for (size_t c = 0; c < sizeof work_counts / sizeof *work_counts; c++) {
            static record r;
            int64_t count = work_counts[c];
            memset(&r, 0, sizeof r);
            pool_run(p, note, &r, count);
            for (int64_t i = 0; i < MOST; i++) {
                assert_int_equal(r.times[i], i < count);
                assert_in_range(r.worker[i], 0, threads - 1);
            }
        }
        pool_release(p);
    }
}

/* Whoever runs the first index waits until all others are done, which only the other thread can do then. */
enum { SHARED = 20, WAITS = 100000 };

typedef struct held {
    atomic_int others;
    bool taken_over;
} held;

static void hold_first(void *context, int64_t index, int worker) {
    held *h = context;
    (void)worker;
    if (index > 0) {
        atomic_fetch_add(&h->others, 1);
        return;
    }
    for (int i = 0; i < WAITS && atomic_load(&h->others) < SHARED - 1; i++) usleep(100);
    h->taken_over = atomic_load(&h->others) == SHARED - 1;
}

static void a_slow_share_is_taken_over(void **state) {
    (void)state;
    pool *p = NULL;
    assert_int_equal(pool_new(&p, 2, NULL), STRIA_OK);
    for (int round = 0; round < 20; round++) {
        held h = {0};
        pool_run(p, hold_first, &h, SHARED);
        assert_true(h.taken_over);
    }
    pool_release(p);
}

/* Sums whose parts are decided by shape: the same bits whatever the number of threads. */
static void add_part(void *context, int64_t index, int worker) {
    (void)worker;
    float *parts = context, sum = 0;
    for (int64_t i = index * 1000; i < (index + 1) * 1000; i++) sum += 1.0f / (float)(i + 1);
    parts[index] = sum;
}

static void same_bits(void **state) {
    (void)state;
    float want[64], parts[64];
    pool_run(NULL, add_part, want, 64);
    for (size_t t = 0; t < sizeof thread_counts / sizeof *thread_counts; t++) {
        pool *p = NULL;
        assert_int_equal(pool_new(&p, thread_counts[t], NULL), STRIA_OK);
        pool_run(p, add_part, parts, 64);
        assert_memory_equal(parts, want, sizeof want);
        pool_release(p);
    }
}

typedef struct nest {
    pool *p;
    atomic_long inner, wrong_worker;
} nest;

static void count_inner(void *context, int64_t index, int worker) {
    nest *n = context;
    (void)index;
    atomic_fetch_add(&n->inner, 1);
    if (worker != 0) atomic_fetch_add(&n->wrong_worker, 1);
}

static void run_inner(void *context, int64_t index, int worker) {
    nest *n = context;
    (void)index, (void)worker;
    pool_run(n->p, count_inner, n, 10);
}

static void nested_calls_run_alone(void **state) {
    (void)state;
    nest n = {0};
    assert_int_equal(pool_new(&n.p, 3, NULL), STRIA_OK);
    pool_run(n.p, run_inner, &n, 20);
    assert_int_equal(n.inner, 200);
    assert_int_equal(n.wrong_worker, 0);
    pool_release(n.p);
}

enum { CALLERS = 4, JOBS = 300, JOB_SIZE = 53 };

typedef struct caller {
    pool *p;
    pthread_t thread;
    int errors;
    int done[JOB_SIZE];
} caller;

static void mark(void *context, int64_t index, int worker) {
    (void)worker;
    ((caller *)context)->done[index]++;
}

static void *call_often(void *argument) {
    caller *c = argument;
    for (int job = 0; job < JOBS; job++) {
        memset(c->done, 0, sizeof c->done);
        pool_run(c->p, mark, c, JOB_SIZE);
        for (int i = 0; i < JOB_SIZE; i++) c->errors += c->done[i] != 1;
    }
    pool_release(c->p);
    return NULL;
}

static void many_callers_share_one(void **state) {
    (void)state;
    for (size_t t = 0; t < sizeof thread_counts / sizeof *thread_counts; t++) {
        pool *p = NULL;
        caller callers[CALLERS] = {0};
        assert_int_equal(pool_new(&p, thread_counts[t], NULL), STRIA_OK);
        for (int i = 0; i < CALLERS; i++) {
            callers[i].p = pool_retain(p);
            assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
        }
        pool_release(p); /* the callers' references keep it alive */
        for (int i = 0; i < CALLERS; i++) {
            pthread_join(callers[i].thread, NULL);
            assert_int_equal(callers[i].errors, 0);
        }
    }
}

/* Pauses between jobs so that the workers fall asleep, and jobs so long that the caller does. */
static void slow_mark(void *context, int64_t index, int worker) {
    if (worker > 0) nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
    mark(context, index, worker);
}

static void sleepers_wake(void **state) {
    (void)state;
    caller c = {0};
    assert_int_equal(pool_new(&c.p, 3, NULL), STRIA_OK);
    for (int job = 1; job <= 30; job++) {
        nanosleep(&(struct timespec){.tv_nsec = 200000 * (job % 3)}, NULL);
        pool_run(c.p, slow_mark, &c, 5);
        for (int i = 0; i < 5; i++) assert_int_equal(c.done[i], job);
    }
    pool_release(c.p);
}

static void refuses_and_survives(void **state) {
    (void)state;
    stria_error err = {0};
    pool *p = NULL;
    size_t before = mem_bytes_now();
    assert_int_equal(pool_new(&p, -1, &err), STRIA_BAD_ARGUMENT);
    assert_int_equal(pool_new(&p, 1000000, &err), STRIA_BAD_ARGUMENT);
    for (int n = 1; n <= 2; n++) {
        mem_fail_at(n);
        assert_int_equal(pool_new(&p, 4, &err), STRIA_NO_MEMORY);
    }
    mem_fail_at(0);
    assert_null(p);
    assert_int_equal(mem_bytes_now(), before);
    assert_null(pool_retain(NULL));
    pool_release(NULL);
    assert_int_equal(pool_threads(NULL), 1);
    assert_int_equal(pool_new(&p, 0, &err), STRIA_OK);
    assert_int_equal(pool_threads(p), pool_cpus());
    pool_release(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_once),
        cmocka_unit_test(a_slow_share_is_taken_over),
        cmocka_unit_test(same_bits),
        cmocka_unit_test(nested_calls_run_alone),
        cmocka_unit_test(many_callers_share_one),
        cmocka_unit_test(sleepers_wake),
        cmocka_unit_test(refuses_and_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
