/* Sessions of one model share its program: how many bytes each adds, which options make another program, and that
 * nothing of one session is seen in another. */
#include "run/programs.h"

#include "base/memory.h"
#include "check.h"
#include "model/zoo/zoo.h"
#include <stria/stria.h>

#include <pthread.h>
#include <string.h>

enum { MORE = 3, THREADS = 6, ROUNDS = 20, PIXELS = 28 * 28, CLASSES = 10 };

static stria_model *model_open(const char *spec) {
    stria_error err = {0};
    stria_model *m = NULL;
    CHECK(stria_model_open(&m, spec, 1, &err) == STRIA_OK, "%s: %s", spec, err.text);
    return m;
}

static stria_session *session_open(const stria_model *m, const stria_session_options *options) {
    stria_error err = {0};
    stria_session *s = NULL;
    CHECK(stria_session_new(&s, m, options, &err) == STRIA_OK, "%s", err.text);
    return s;
}

static stria_session_options options_of(int threads) {
    stria_session_options o = stria_session_options_default();
    o.threads = threads;
    return o;
}

static int64_t weight_bytes(const stria_model *m) {
    stria_summary s = {.size = sizeof s};
    CHECK(stria_summarize(m, 1, &s, NULL) == STRIA_OK, "a summary");
    int64_t bytes = (s.parameters + s.buffers) * (int64_t)sizeof(float);
    stria_summary_release(&s);
    return bytes;
}

/* Batch normalisation is folded and convolutions and products are packed: the program has one copy of nearly all
 * weights, beside the model's. */
static void bytes_added(void) {
    stria_error err = {0};
    stria_model *m = model_open("resnet18");
    stria_session_options o = options_of(1);
    stria_session *sessions[MORE + 1] = {0};
    int64_t limit = weight_bytes(m) / 50; /* 2 % */
    size_t start = mem_bytes_now();
    for (int i = 0; i <= MORE; i++) {
        int64_t before = (int64_t)mem_bytes_now();
        sessions[i] = session_open(m, &o);
        CHECK(stria_session_run(sessions[i], &err) == STRIA_OK, "%s", err.text);
        int64_t added = (int64_t)mem_bytes_now() - before - (int64_t)stria_session_bytes(sessions[i]);
        CHECK(i == 0 || added <= limit, "session %d adds %lld bytes to its workspace, at most %lld", i,
              (long long)added, (long long)limit);
        /* Winograd's weights have up to 36 numbers for 9. */
        CHECK(i > 0 || (added > 45 * limit && added < 200 * limit), "the program has %lld bytes, the weights %lld",
              (long long)added, (long long)(50 * limit));
    }
    for (int i = 0; i <= MORE; i++) stria_session_free(sessions[i]);
    CHECK(mem_bytes_now() == start, "%zu bytes stay behind, not %zu", mem_bytes_now(), start);
    stria_model_free(m);
}

static void predictors_share(void) {
    stria_error err = {0};
    stria_model *m = model_open("lenet5");
    stria_inference_options o = stria_inference_options_default();
    stria_predictor *both[2] = {0};
    size_t bytes[3] = {mem_bytes_now()};
    o.threads = 1;
    for (int i = 0; i < 2; i++) {
        CHECK(stria_predictor_new(&both[i], m, &o, &err) == STRIA_OK, "%s", err.text);
        bytes[i + 1] = mem_bytes_now();
    }
    CHECK(2 * (bytes[2] - bytes[1]) < bytes[1] - bytes[0], "the second has %zu bytes, the first %zu",
          bytes[2] - bytes[1], bytes[1] - bytes[0]);
    for (int i = 0; i < 2; i++) stria_predictor_free(both[i]);
    stria_model_free(m);
}

static void logits_of(stria_session *s, float logits[CLASSES]) {
    static float image[PIXELS];
    stria_error err = {0};
    for (int i = 0; i < PIXELS; i++) image[i] = (float)(i % 7) / 7;
    bool good = stria_session_set(s, "image", image, sizeof image, &err) == STRIA_OK &&
                stria_session_run(s, &err) == STRIA_OK &&
                stria_session_get(s, "logits", logits, CLASSES * sizeof *logits, &err) == STRIA_OK;
    CHECK(good, "%s", err.text);
}

/* A session writes its weights, packed ones and others, before and after another runs; a third begins with the
 * model's. */
static void writes_are_private(const char *name) {
    stria_error err = {0};
    stria_port port = {.size = sizeof port};
    stria_model *m = model_open("lenet5");
    stria_session_options o = options_of(2);
    stria_session *a = session_open(m, &o), *b = session_open(m, &o);
    float wanted[CLASSES], got[CLASSES], other[CLASSES];
    logits_of(a, wanted);
    CHECK(stria_session_port(a, name, &port, &err) == STRIA_OK, "%s", err.text);
    size_t count = 1;
    for (int i = 0; i < port.rank; i++) count *= (size_t)port.shape[i];
    float *old = calloc(count, sizeof *old), *halves = calloc(count, sizeof *halves);
    if (!old || !halves) abort();
    for (size_t i = 0; i < count; i++) halves[i] = 0.5f;
    CHECK(stria_session_get(b, name, old, count * sizeof *old, &err) == STRIA_OK, "%s", err.text);
    CHECK(stria_session_set(b, name, halves, count * sizeof *halves, &err) == STRIA_OK, "%s", err.text);
    stria_session *c = session_open(m, &o);
    logits_of(b, other);
    CHECK(memcmp(other, wanted, sizeof wanted) != 0, "%s: what was written changes nothing", name);
    logits_of(a, got);
    CHECK(memcmp(got, wanted, sizeof wanted) == 0, "%s: another session sees what was written", name);
    logits_of(c, got);
    CHECK(memcmp(got, wanted, sizeof wanted) == 0, "%s: a new session sees what was written", name);
    stria_session_free(a);
    CHECK(stria_session_set(b, name, old, count * sizeof *old, &err) == STRIA_OK, "%s", err.text);
    logits_of(b, got);
    CHECK(memcmp(got, wanted, sizeof wanted) == 0, "%s: the old weights give something else", name);
    stria_session_free(b);
    stria_session_free(c);
    stria_model_free(m);
    free(old);
    free(halves);
}

/* ---- the list ---- */

static stria_status graph_same(graph *g, int64_t batch, graph **out, stria_error *err) {
    (void)batch;
    return graph_copy(g, NULL, out, err);
}

static program *take(programs *list, graph *g, const program_wish *wish) {
    stria_error err = {0};
    program *p = NULL;
    CHECK(programs_take(list, g, wish, NULL, &p, &err) == STRIA_OK, "%s", err.text);
    return p;
}

static void wishes_differ(programs *list, graph *g) {
    program_wish wish = {.make = graph_same, .batch = 1, .config = {.ks = kernel_sets()[0], .threads = 1}};
    program *first = take(list, g, &wish), *again = take(list, g, &wish);
    CHECK(first == again, "the same wish makes another program");
    program_wish others[6] = {wish, wish, wish, wish, wish, wish};
    others[0].batch = 2;
    others[1].config.threads = 2;
    others[2].config.optimize = true;
    others[3].config.reference = true;
    others[4].config.skip = 1;
    others[5].config.shared = true;
    for (int i = 0; i < 6; i++) {
        program *p = take(list, g, &others[i]);
        CHECK(p != first, "wish %d is another's", i);
        program_release(p);
    }
    programs_forget(list);
    program *changed = take(list, g, &wish);
    CHECK(changed != first, "a program of before the change");
    program_release(first);
    program *third = take(list, g, &wish);
    CHECK(third == changed, "one that was forgotten takes another along");
    program_release(again);
    program_release(changed);
    program_release(third);
}

/* A wish that fails leaves the list as it was. */
static stria_status graph_none(graph *g, int64_t batch, graph **out, stria_error *err) {
    (void)g, (void)out;
    FAIL(err, STRIA_BAD_SHAPE, "no graph of %lld", (long long)batch);
}

static void failures(programs *list, graph *g) {
    stria_error err = {0};
    program *p;
    program_wish wish = {.make = graph_none, .batch = 7, .config = {.ks = kernel_sets()[0]}};
    for (int i = 0; i < 2; i++)
        CHECK(programs_take(list, g, &wish, NULL, &p, &err) == STRIA_BAD_SHAPE && strstr(err.text, "graph of 7"), "%s",
              err.text);
    for (long n = 1; n < 2000; n++) {
        stria_status status;
        wish.make = graph_same;
        size_t before = mem_bytes_now();
        mem_fail_at(n);
        status = programs_take(list, g, &wish, NULL, &p, &err);
        mem_fail_at(0);
        if (status == STRIA_OK) program_release(p);
        CHECK(status == STRIA_OK || status == STRIA_NO_MEMORY, "%s", err.text);
        CHECK(mem_bytes_now() == before, "allocation %ld leaves %zu bytes", n, mem_bytes_now() - before);
        if (status == STRIA_OK && n > 100) break;
    }
}

typedef struct thread {
    programs *list;
    graph *g;
    pthread_barrier_t *barrier;
    program *taken;
    struct thread *all;
} thread;

/* All take it at once and give it back at once, so that the last one out meets the first one in. */
static void *take_often(void *context) {
    thread *t = context;
    program_wish wish = {.make = graph_same, .batch = 1, .config = {.ks = kernel_sets()[0], .optimize = true}};
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(t->barrier);
        t->taken = take(t->list, t->g, &wish);
        pthread_barrier_wait(t->barrier);
        CHECK(t->taken == t->all[0].taken, "round %d", i);
        pthread_barrier_wait(t->barrier);
        program_release(t->taken);
        if (i % 2) program_release(take(t->list, t->g, &wish));
    }
    return NULL;
}

static void many_threads(programs *list, graph *g) {
    pthread_barrier_t barrier;
    pthread_t threads[THREADS];
    thread contexts[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        contexts[i] = (thread){list, g, &barrier, NULL, contexts};
        if (pthread_create(&threads[i], NULL, take_often, &contexts[i]) != 0) abort();
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

static void list_check(void) {
    stria_error err = {0};
    programs *list = NULL;
    graph *g = NULL;
    if (!CHECK(zoo_build(&g, "lenet5", 3, &err) == STRIA_OK, "%s", err.text)) return;
    size_t start = mem_bytes_now();
    CHECK(programs_new(&list, &err) == STRIA_OK, "%s", err.text);
    wishes_differ(list, g);
    failures(list, g);
    many_threads(list, g);
    program_wish wish = {.make = graph_same, .batch = 1, .config = {.ks = kernel_sets()[0]}};
    program *outlives = take(list, g, &wish);
    programs_release(list);
    CHECK(outlives && outlives->g->node_count > 0, "it lives");
    program_release(outlives);
    CHECK(mem_bytes_now() == start, "%zu bytes stay behind", mem_bytes_now() - start);
    graph_free(g);
}

int main(void) {
    bytes_added();
    predictors_share();
    writes_are_private("conv1.weight");
    writes_are_private("dense1.weight");
    writes_are_private("dense1.bias");
    list_check();
    return check_report();
}
