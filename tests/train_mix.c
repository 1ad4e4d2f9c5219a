/* Labels that are shares of classes, of mixed pictures and of data that have them: a step sees what share of each
 * picture is of which class, through every loss that takes shares, for any number of threads. */
#include <math.h>
#include <string.h>

#include "data_support.h"
#include "model/zoo/zoo.h"
#include "run/machine.h"
#include "train/class_weights.h"
#include "train/trainer.h"

#include <stria/stria.h>

enum { N = 24, CLASSES = 3, BATCH = 6, SIDE = 4, AREA = SIDE * SIDE };

static stria_error err;

static void assert_ok(stria_status status) {
    if (status != STRIA_OK) fail_msg("%s", err.text);
}

/* A picture's label, or its shares of the classes: in sixteenths, so that sums of them are exact. */
static int64_t label_of(int i) {
    return i * i % CLASSES;
}
static float share_of(int i, int c) {
    static const float of_other[CLASSES] = {0.625F, 0.25F, 0.125F};
    return of_other[(c + CLASSES - (int)label_of(i)) % CLASSES];
}

static dataset *pictures(bool soft) {
    static uint8_t pixels[N * AREA];
    static int64_t labels[N];
    static float shares[N][CLASSES];
    for (int i = 0; i < N * AREA; i++) pixels[i] = (uint8_t)((unsigned)i * 2654435761u >> 19);
    for (int i = 0; i < N; i++) labels[i] = label_of(i);
    for (int i = 0; i < N * CLASSES; i++) shares[i / CLASSES][i % CLASSES] = share_of(i / CLASSES, i % CLASSES);
    stria_array x = {
        .type = STRIA_UINT8, .rank = 4, .shape = {N, 1, SIDE, SIDE}, .data = pixels, .bytes = sizeof pixels};
    stria_array y = {.type = STRIA_INT64, .rank = 1, .shape = {N}, .data = labels, .bytes = sizeof labels};
    stria_array p = {.type = STRIA_FLOAT32, .rank = 2, .shape = {N, CLASSES}, .data = shares, .bytes = sizeof shares};
    dataset *d = NULL;
    assert_ok(dataset_from_arrays(&d, &x, soft ? &p : &y, NULL, CLASSES, &err));
    return d;
}

typedef struct watch {
    trainer *t;
    loader *own; /* makes the same batches */
    bool soft;
    int steps;
    double top1; /* of the epoch, as counted here */
} watch;

/* After a step: its labels and pictures are those of an own loader, spread by its share. */
static bool step_seen(const stria_event *e, void *context) {
    watch *w = context;
    float x[BATCH * AREA], expected[BATCH][CLASSES] = {0};
    int64_t labels[BATCH], index[BATCH], batch = w->t->at.batch - 1, right = 0;
    if (e->kind == STRIA_EVENT_EPOCH) assert_true(fabs(e->top1 - w->top1) < 1e-12);
    if (e->kind == STRIA_EVENT_EPOCH) w->top1 = 0;
    if (e->kind != STRIA_EVENT_STEP) return true;
    assert_ok(
        loader_fill(w->own, NULL, w->t->at.epoch, batch, &(sample){.image = x, .label = labels, .index = index}, &err));
    float share = (float)loader_share(w->own);
    for (int i = 0; i < BATCH; i++) {
        int before = i ? i - 1 : BATCH - 1;
        for (int c = 0; c < CLASSES; c++) {
            float own = w->soft ? share_of((int)index[i], c) : labels[i] == c;
            float other = w->soft ? share_of((int)index[before], c) : labels[before] == c;
            expected[i][c] = share * own + (1 - share) * other;
        }
    }
    assert_memory_equal(session_host(w->t->step, STEP_TARGET), expected, sizeof expected);
    assert_memory_equal(session_host(w->t->step, w->t->job.in.image->name), x, sizeof x);
    const float *logits = session_host(w->t->step, CLASSIFIER_LOGITS);
    double loss = 0;
    for (int i = 0; i < BATCH; i++) {
        const float *s = logits + i * CLASSES;
        double sum = 0;
        int best = 0;
        for (int c = 0; c < CLASSES; c++) sum += exp((double)s[c]);
        for (int c = 0; c < CLASSES; c++) loss -= (double)expected[i][c] * ((double)s[c] - log(sum)) / BATCH;
        for (int c = 0; c < CLASSES; c++) best = s[c] > s[best] ? c : best;
        right += best == labels[share >= 0.5F ? i : i ? i - 1 : BATCH - 1];
    }
    assert_true(fabs(e->loss - loss) < 1e-5);
    w->top1 += (double)right / N;
    w->steps++;
    return true;
}

static graph *trained_on(bool soft, const char *steps, const char *loss, int threads, stria_status expected) {
    stria_train_options o = stria_train_options_default();
    data_source source = {.spec = "memory"};
    dataset *d = pictures(soft);
    graph *g = NULL, *out = NULL;
    augment a;
    pool *workers;
    const kernel_set *ks;
    watch w = {.soft = soft};
    o.epochs = 3;
    o.batch = BATCH;
    o.seed = 11;
    o.augment = steps;
    o.loss = loss;
    o.out = "";
    assert_ok(zoo_build(&g, "linear:classes=3,size=1x4x4", 2, &err));
    assert_ok(pool_new(&workers, threads, &err));
    assert_ok(machine_kernels(NULL, &ks, &err));
    stria_status status = trainer_new(&w.t, g, d, NULL, &source, &o, ks, workers, &err);
    assert_int_equal(status, expected);
    if (status == STRIA_OK) {
        classifier c;
        assert_ok(augment_parse(steps, &a, &err));
        loader_options lo = {.batch = BATCH, .seed = 11, .shuffle = true, .drop_last = true, .augment = &a};
        assert_ok(classifier_of(w.t->model, &c, &err));
        assert_ok(picture_input_loader(&c.in, d, &lo, &w.own, &err));
        w.t->callback = (soft || *steps) && strncmp(loss, "cross", 5) == 0 ? step_seen : NULL;
        w.t->context = &w;
        assert_ok(trainer_run(w.t, &err));
        if (w.t->callback) assert_int_equal(w.steps, 3 * (N / BATCH));
        assert_ok(trainer_model(w.t, &out, &err));
    }
    loader_free(w.own);
    trainer_free(w.t);
    graph_free(g);
    dataset_free(d);
    pool_release(workers);
    return out;
}

static graph *trained(const char *steps, const char *loss, int threads, stria_status expected) {
    return trained_on(false, steps, loss, threads, expected);
}

static void same_weights(graph *a, graph *b, bool same) {
    bool equal = true;
    for (int i = 0; i < a->value_count; i++)
        if (a->values[i]->kind == VALUE_STATE)
            equal = equal && memcmp(a->values[i]->data->data, b->values[i]->data->data, a->values[i]->data->bytes) == 0;
    assert_int_equal(equal, same);
    graph_free(b);
}

static void steps_see_shares(void **state) {
    (void)state;
    graph *one = trained("mixup 1", "cross_entropy", 1, STRIA_OK);
    same_weights(one, trained("mixup 1", "cross_entropy", 4, STRIA_OK), true);
    same_weights(one, trained("cutmix", "cross_entropy", 1, STRIA_OK), false);
    same_weights(one, trained("mixup 1, cutmix p 0.5", "cross_entropy", 1, STRIA_OK), false);
    graph_free(one);
}

static void losses(void **state) {
    static const char *const taken[] = {"squared_error", "binary_cross_entropy", "kl_divergence",
                                        "huber+absolute_error:weight=0.5"};
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) graph_free(trained("cutmix", taken[i], 2, STRIA_OK));
    trained("cutmix", "hinge", 1, STRIA_BAD_ARGUMENT);
    assert_true(says(&err, "--loss: hinge takes one class for each picture, not shares of classes"));
    graph *one = trained("mixup", "cross_entropy", 1, STRIA_OK); /* log softmax is its own log softmax */
    same_weights(one, trained("mixup", "nll", 1, STRIA_OK), true);
    graph_free(one);
}

static void data_have_shares(void **state) {
    static const char *const taken[] = {"squared_error", "binary_cross_entropy", "kl_divergence", "nll"};
    (void)state;
    graph *hard = trained("", "cross_entropy", 1, STRIA_OK);
    graph *soft = trained_on(true, "", "cross_entropy", 1, STRIA_OK);
    same_weights(soft, trained_on(true, "", "cross_entropy", 4, STRIA_OK), true);
    same_weights(soft, trained_on(true, "mixup 1", "cross_entropy", 2, STRIA_OK), false);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) graph_free(trained_on(true, "", taken[i], 2, STRIA_OK));
    trained_on(true, "", "hinge", 1, STRIA_BAD_ARGUMENT);
    assert_true(says(&err, "--loss: hinge takes one class for each picture, not shares of classes"));
    same_weights(soft, hard, false);
    graph_free(soft);
}

/* Of every class the sum of its shares is weighed; by hand: 24 · 0.625 where each picture is one class's by that. */
static void shares_are_weighed(void **state) {
    (void)state;
    dataset *d = pictures(true);
    const int64_t permutation[CLASSES] = {2, 0, 1};
    double *weights, sums[CLASSES] = {0};
    for (int i = 0; i < N; i++)
        for (int c = 0; c < CLASSES; c++) sums[c] += (double)share_of(i, c);
    assert_ok(class_weights_of("balanced", d, permutation, CLASSES, &weights, &err));
    for (int c = 0; c < CLASSES; c++) assert_true(fabs(weights[permutation[c]] - N / (CLASSES * sums[c])) < 1e-12);
    mem_free(weights);
    dataset_free(d);
}

/* Evaluation counts the greatest share, and its loss is the cross-entropy with all of them. */
static void evaluation_counts_shares(void **state) {
    static const float x[2][CLASSES] = {{1, 2, -1}, {0.5F, -INFINITY, 3}},
                       p[2][CLASSES] = {{0.25F, 0.5F, 0.25F}, {1, 0, 0}};
    const int64_t labels[2] = {1, 0};
    double expected = log(exp(1) + exp(2) + exp(-1)) - (0.25 * 1 + 0.5 * 2 - 0.25) + log(exp(0.5) + exp(3)) - 0.5;
    score s;
    (void)state;
    assert_ok(score_init(&s, CLASSES, false, &err));
    score_add(&s, x[0], labels, p[0], 2);
    assert_int_equal(s.images, 2);
    assert_int_equal(s.top1, 1);
    assert_true(fabs(s.loss - expected) < 1e-9);
    score_release(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_see_shares), cmocka_unit_test(losses),
                                       cmocka_unit_test(data_have_shares), cmocka_unit_test(shares_are_weighed),
                                       cmocka_unit_test(evaluation_counts_shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
