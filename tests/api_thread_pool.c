/* One pool for many handles: no threads beside its own, the same bits, and it lasts as long as any of them. */
#include "check.h"
#include "small.h"

#include <dirent.h>
#include <pthread.h>
#include <string.h>

enum { THREADS = 3, PARALLEL = 4, ROUNDS = 10, BATCH = 16, PIXELS = 28 * 28, CLASSES = 10 };

static stria_model *model;
static float images[BATCH * PIXELS], wanted[BATCH * CLASSES];

/* Threads of this process, from Linux's /proc. */
static int threads_now(void) {
    int count = 0;
    DIR *d = opendir("/proc/self/task");
    if (!d) return -1;
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static stria_session *session_of(const stria_thread_pool *pool) {
    stria_error err = {0};
    stria_session *s = NULL;
    stria_session_options o = stria_session_options_default();
    o.batch = BATCH;
    o.threads = 1;
    o.pool = pool;
    CHECK(stria_session_new(&s, model, &o, &err) == STRIA_OK, "%s", err.text);
    return s;
}

static bool session_right(stria_session *s, float y[BATCH * CLASSES]) {
    stria_error err = {0};
    bool good = stria_session_set(s, "image", images, sizeof images, &err) == STRIA_OK &&
                stria_session_run(s, &err) == STRIA_OK &&
                stria_session_get(s, "logits", y, sizeof wanted, &err) == STRIA_OK;
    CHECK(good, "%s", err.text);
    return good && memcmp(y, wanted, sizeof wanted) == 0;
}

static void *run_often(void *context) {
    float y[BATCH * CLASSES];
    for (int i = 0; i < ROUNDS; i++) CHECK(session_right(context, y), "other bits in round %d", i);
    return NULL;
}

/* All at once: one has the pool, the others work alone. */
static void sessions_together(stria_session *sessions[PARALLEL]) {
    pthread_t threads[PARALLEL];
    for (int i = 0; i < PARALLEL; i++)
        if (pthread_create(&threads[i], NULL, run_often, sessions[i]) != 0) abort();
    for (int i = 0; i < PARALLEL; i++) pthread_join(threads[i], NULL);
}

static void sharing(void) {
    stria_error err = {0};
    stria_thread_pool *pool = NULL;
    stria_session *sessions[PARALLEL];
    stria_predictor *predictor = NULL;
    int before = threads_now();
    CHECK(stria_thread_pool_new(&pool, THREADS, &err) == STRIA_OK, "%s", err.text);
    CHECK(stria_thread_pool_threads(pool) == THREADS, "%d", stria_thread_pool_threads(pool));
    for (int i = 0; i < PARALLEL; i++) sessions[i] = session_of(pool);
    stria_inference_options o = stria_inference_options_default();
    o.pool = pool;
    CHECK(stria_predictor_new(&predictor, model, &o, &err) == STRIA_OK, "%s", err.text);
    CHECK(before < 0 || threads_now() == before + THREADS - 1, "%d threads, %d before", threads_now(), before);
    stria_thread_pool_free(pool);
    sessions_together(sessions);
    for (int i = 0; i < PARALLEL; i++) stria_session_free(sessions[i]);
    CHECK(before < 0 || threads_now() == before + THREADS - 1, "the predictor's threads are gone");
    stria_predictor_free(predictor);
    CHECK(before < 0 || threads_now() == before, "%d threads, %d before", threads_now(), before);
}

static bool loss_keep(const stria_event *event, void *context) {
    if (event->kind == STRIA_EVENT_STEP) *(double *)context = event->loss;
    return true;
}

/* The last loss of a training with this pool. */
static double training_loss(const stria_thread_pool *pool) {
    stria_error err = {0};
    stria_model *small = NULL;
    stria_dataset *train = NULL, *val = NULL;
    stria_trainer *t = NULL;
    double loss = -1;
    stria_train_options o = stria_train_options_default();
    o.epochs = 2;
    o.batch = 8;
    o.threads = 1;
    o.pool = pool;
    if (!CHECK(small_training(&small, &train, &val), "no data")) return -1;
    int before = threads_now();
    CHECK(stria_trainer_new(&t, small, train, val, &o, &err) == STRIA_OK, "%s", err.text);
    CHECK(threads_now() == before, "%d threads, %d before", threads_now(), before);
    CHECK(!stria_trainer_options(t)->pool, "the options keep a handle that may go away");
    stria_trainer_on_event(t, loss_keep, &loss);
    CHECK(stria_trainer_run(t, &err) == STRIA_OK, "%s", err.text);
    stria_trainer_free(t);
    stria_dataset_free(train);
    stria_dataset_free(val);
    stria_model_free(small);
    return loss;
}

static void trainers_take_it(void) {
    stria_error err = {0};
    stria_thread_pool *pool = NULL;
    void *state = NULL;
    if (!CHECK(small_data_setup(&state) == 0, "no data")) return;
    CHECK(stria_thread_pool_new(&pool, THREADS, &err) == STRIA_OK, "%s", err.text);
    double alone = training_loss(NULL), shared = training_loss(pool);
    CHECK(alone > 0 && alone == shared, "the last loss is %.17g, not %.17g", shared, alone);
    stria_thread_pool_free(pool);
    small_data_teardown(&state);
}

static void bench_takes_it(void) {
    stria_error err = {0};
    stria_bench b = {.size = sizeof b};
    stria_thread_pool *pool = NULL;
    stria_session_options o = stria_session_options_default();
    CHECK(stria_thread_pool_new(&pool, 2, &err) == STRIA_OK, "%s", err.text);
    o.pool = pool;
    o.threads = -1; /* does not matter */
    CHECK(stria_bench_model(model, &o, true, 1, &b, &err) == STRIA_OK, "%s", err.text);
    stria_bench_release(&b);
    stria_thread_pool_free(pool);
}

static void refusals(void) {
    stria_error err = {0};
    stria_thread_pool *pool = NULL;
    CHECK(stria_thread_pool_new(&pool, -1, &err) == STRIA_BAD_ARGUMENT && strstr(err.text, "-1"), "%s", err.text);
    CHECK(stria_thread_pool_new(&pool, 1025, &err) == STRIA_BAD_ARGUMENT && !pool, "%s", err.text);
    stria_thread_pool_free(NULL);
}

int main(void) {
    stria_error err = {0};
    for (int i = 0; i < BATCH * PIXELS; i++) images[i] = (float)(i % 13) / 13;
    if (!CHECK(stria_model_open(&model, "lenet5", 1, &err) == STRIA_OK, "%s", err.text)) return check_report();
    stria_session *alone = session_of(NULL);
    session_right(alone, wanted);
    stria_session_free(alone);
    sharing();
    trainers_take_it();
    bench_takes_it();
    refusals();
    stria_model_free(model);
    return check_report();
}
