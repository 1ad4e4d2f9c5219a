/* fork after use, as stria.h says: a child goes on with what it has, alone and to the same bits, makes new handles with
 * threads of their own, frees everything without waiting for threads that it does not have, and does not train into its
 * parent's run folder. A child that hangs is killed by its alarm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stria/stria.h>

#include "base/pool.h"
#include "small.h"

enum { BATCH = 24, PIXELS = 28 * 28, CLASSES = 10, THREADS = 4, SECONDS = 30 };

static float x[BATCH * PIXELS], wanted[BATCH * CLASSES];
static stria_model *model;

static stria_session *session_make(int threads) {
    stria_session *s = NULL;
    stria_session_options options = stria_session_options_default();
    options.threads = threads;
    options.batch = BATCH;
    return stria_session_new(&s, model, &options, NULL) == STRIA_OK ? s : NULL;
}

static bool session_use(stria_session *s, float *y) {
    const char *in = stria_model_input(model, 0)->name, *out = stria_model_output(model, 0)->name;
    return s && stria_session_set(s, in, x, sizeof x, NULL) == STRIA_OK && stria_session_run(s, NULL) == STRIA_OK &&
           stria_session_get(s, out, y, sizeof wanted, NULL) == STRIA_OK;
}

static bool session_right(stria_session *s) {
    float y[BATCH * CLASSES];
    return session_use(s, y) && memcmp(y, wanted, sizeof y) == 0;
}

/* Runs `body` in a child; its answer is the exit status. */
static int in_child(int (*body)(void *context), void *context) {
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        _exit(body(context));
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) fail_msg("the child died of signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* Old and new handles, and grandchildren. */
static int uses_both(void *context) {
    stria_session *old = context, *new = session_make(THREADS);
    if (!session_right(old)) return 1;
    if (!session_right(new)) return 2;
    if (!session_right(old)) return 3;
    pid_t child = fork();
    if (child == 0) _exit(session_right(old) && session_right(new) ? 0 : 1);
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0) return 4;
    stria_session_free(old);
    stria_session_free(new);
    stria_model_free(model);
    return 0;
}

static void sessions_go_on(void **state) {
    (void)state;
    stria_session *s = session_make(THREADS);
    assert_true(session_use(s, wanted));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(in_child(uses_both, s), 0);
        assert_true(session_right(s)); /* the parent's threads are still there */
    }
    stria_session_free(s);
}

static atomic_bool through;

static void *use_without_end(void *session) {
    while (!atomic_load(&through))
        if (!session_right(session)) return session;
    return NULL;
}

/* The child leaves alone what another thread was using, and even that it may abandon. */
static int uses_its_own(void *context) {
    return session_right(context) ? 0 : 1;
}

static void forks_beside_a_busy_thread(void **state) {
    (void)state;
    pthread_t thread;
    stria_session *mine = session_make(THREADS), *busy = session_make(THREADS);
    assert_true(session_use(mine, wanted));
    assert_int_equal(pthread_create(&thread, NULL, use_without_end, busy), 0);
    for (int i = 0; i < 30; i++) assert_int_equal(in_child(uses_its_own, mine), 0);
    atomic_store(&through, true);
    void *wrong = NULL;
    pthread_join(thread, &wrong);
    assert_null(wrong);
    stria_session_free(mine);
    stria_session_free(busy);
}

/* ---- the pool itself: its counters as a fork finds them ---- */

static void add(void *context, int64_t index, int worker) {
    (void)worker;
    atomic_fetch_add((atomic_long *)context, index);
}

static int adds(void *context) {
    pool *p = context;
    for (int i = 0; i < 100; i++) {
        atomic_long sum = 0;
        pool_run(p, add, &sum, 1000);
        if (atomic_load(&sum) != 499500) return 1;
    }
    pool_release(p);
    return 0;
}

static void pools_go_on(void **state) {
    (void)state;
    pool *p = NULL;
    assert_int_equal(pool_new(&p, 7, NULL), STRIA_OK);
    for (int i = 0; i < 50; i++) {
        atomic_long sum = 0;
        pool_run(p, add, &sum, 1000); /* some workers may still be looking for work */
        assert_int_equal(in_child(adds, p), 0);
    }
    pool_release(p);
}

/* ---- trainers ---- */

static int trains(void *context) {
    stria_error err = {0};
    stria_status status = stria_trainer_run(context, &err);
    stria_trainer_free(context);
    if (status != STRIA_BUSY || !strstr(err.text, "from which this one was forked")) return 1;
    return 0;
}

static int trains_alone(void *context) {
    return stria_trainer_run(context, NULL) == STRIA_OK ? 0 : 1;
}

static void trainers_stay_with_their_folder(void **state) {
    char run[600];
    stria_error err = {0};
    stria_trainer *t = NULL;
    stria_dataset *data = NULL;
    stria_model *small = small_model(true, &err);
    stria_train_options options = stria_train_options_default();
    (void)state;
    snprintf(run, sizeof run, "%s/run", small_folder);
    options.epochs = 2, options.batch = 10, options.threads = THREADS;
    assert_int_equal(stria_dataset_open(&data, small_data_spec, NULL, &err), STRIA_OK);
    assert_int_equal(stria_trainer_new(&t, small, data, NULL, &options, &err), STRIA_OK);
    assert_int_equal(in_child(trains_alone, t), 0); /* without a folder */
    stria_trainer_free(t);
    options.out = run;
    assert_int_equal(stria_trainer_new(&t, small, data, NULL, &options, &err), STRIA_OK);
    assert_int_equal(in_child(trains, t), 0);
    stria_trainer *second = NULL; /* a child that freed its copy has not given the lock back */
    assert_int_equal(stria_trainer_resume(&second, run, NULL, NULL, &err), STRIA_NO_FILE);
    assert_int_equal(stria_trainer_new(&second, small, data, NULL, &options, &err), STRIA_BUSY);
    assert_int_equal(stria_trainer_run(t, &err), STRIA_OK);
    assert_int_equal(in_child(trains, t), 0);
    pid_t child = fork(); /* one that lives on does not keep it */
    if (child == 0) _exit(pause());
    stria_trainer_free(t);
    if (stria_trainer_resume(&second, run, NULL, NULL, &err) != STRIA_OK) fail_msg("%s", err.text);
    stria_trainer_free(second);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    stria_dataset_free(data);
    stria_model_free(small);
}

static int setup(void **state) {
    for (int i = 0; i < BATCH * PIXELS; i++) x[i] = (float)(i * 37 % 251) / 251;
    return small_data_setup(state) || stria_model_open(&model, "lenet5", 3, NULL) != STRIA_OK;
}

static int teardown(void **state) {
    stria_model_free(model);
    return small_data_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_go_on),
        cmocka_unit_test(forks_beside_a_busy_thread),
        cmocka_unit_test(pools_go_on),
        cmocka_unit_test(trainers_stay_with_their_folder),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
