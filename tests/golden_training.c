/* Three steps of training against PyTorch: losses, every parameter's gradient and the trained weights, on every
 * instruction set and in both storage orders of images. golden_training.py wrote golden/training.txt and explains it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/zoo/zoo.h"
#include "run.h"
#include "run/machine.h"
#include "train/step.h"

enum { STEPS = 3, SAMPLES = 32, PARAMETERS = 16 };

#define LR        0.0625f
#define DECAY     (1.0 / 128)
#define TOLERANCE 2e-5 /* of the greatest element of a tensor */

typedef struct fingerprint {
    int count;
    long long position[SAMPLES];
    double greatest, sum, value[SAMPLES];
} fingerprint;

typedef struct golden {
    char network[32];
    int batch, parameters;
    double loss[STEPS];
    fingerprint gradient[PARAMETERS], weight[PARAMETERS];
} golden;

/* ---- reading ---- */

static void read_fingerprint(FILE *f, fingerprint *p) {
    assert_int_equal(fscanf(f, "%d %lf %lf", &p->count, &p->greatest, &p->sum), 3);
    assert_in_range(p->count, 1, SAMPLES);
    for (int i = 0; i < p->count; i++) assert_int_equal(fscanf(f, "%lld %lf", &p->position[i], &p->value[i]), 2);
}

static bool read_golden(FILE *f, golden *g) {
    char word[32];
    int index;
    *g = (golden){0};
    if (fscanf(f, " training %31s %d losses %lf %lf %lf", g->network, &g->batch, &g->loss[0], &g->loss[1],
               &g->loss[2]) != 5)
        return false;
    while (fscanf(f, "%31s", word) == 1 && strcmp(word, "end") != 0) {
        assert_int_equal(fscanf(f, "%d", &index), 1);
        assert_in_range(index, 0, PARAMETERS - 1);
        if (strcmp(word, "gradient") == 0) g->parameters++;
        read_fingerprint(f, strcmp(word, "gradient") == 0 ? &g->gradient[index] : &g->weight[index]);
    }
    return true;
}

static FILE *golden_open(void) {
    char path[512];
    const char *source = getenv("SOURCE");
    snprintf(path, sizeof path, "%s/tests/golden/training.txt", source ? source : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    return f;
}

/* ---- what golden_training.py draws ---- */

/* splitmix64 of the word's number, its upper 24 bits. */
static int64_t drawn(uint64_t stream, int64_t i) {
    uint64_t z = ((stream << 32) + (uint64_t)i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (int64_t)((z ^ z >> 31) >> 40);
}

static double weight_scale(const shape *s) {
    double taps = 1, scale = 1;
    if (s->rank < 2) return 1.0 / 16;
    for (int d = 2; d < s->rank; d++) taps *= (double)s->dim[d];
    while (scale * scale / 4 >= 6 / ((double)(s->dim[0] + s->dim[1]) * taps)) scale /= 2;
    return scale;
}

static void draw_weights(graph *g) {
    uint64_t stream = 0;
    for (int i = 0; i < g->value_count; i++) {
        value *v = g->values[i];
        if (v->role != ROLE_PARAMETER) continue;
        double scale = weight_scale(&v->shape);
        for (int64_t k = 0; k < shape_count(&v->shape); k++)
            ((float *)v->data->data)[k] = (float)((double)(drawn(stream, k) - (1 << 23)) / (1 << 23) * scale);
        stream++;
    }
}

static void draw_batch(session *s, int batch) {
    float *x = session_host(s, "image");
    int64_t *labels = session_host(s, STEP_TARGET);
    assert_non_null(x);
    for (int64_t i = 0; i < batch * 784; i++) x[i] = (float)drawn(100, i) / (1 << 24);
    for (int64_t i = 0; i < batch; i++) labels[i] = drawn(101, i) % 10;
    *(float *)session_host(s, STEP_LR) = LR;
}

/* ---- comparing ---- */

static void compare(const golden *g, const char *isa, const char *what, const char *name, const fingerprint *p,
                    const float *x, int64_t count) {
    double sum = 0, limit = TOLERANCE * p->greatest;
    for (int64_t i = 0; i < count; i++) sum += (double)x[i];
    for (int i = 0; i < p->count; i++) {
        assert_in_range(p->position[i], 0, count - 1);
        double got = (double)x[p->position[i]];
        if (!(fabs(got - p->value[i]) <= limit))
            fail_msg("%s, batch %d, %s: %s of '%s' at %lld is %.9g, PyTorch has %.9g (greatest %.9g)", g->network,
                     g->batch, isa, what, name, p->position[i], got, p->value[i], p->greatest);
    }
    if (!(fabs(sum - p->sum) <= limit * sqrt((double)count)))
        fail_msg("%s, batch %d, %s: %s of '%s' sums to %.9g, PyTorch's to %.9g", g->network, g->batch, isa, what, name,
                 sum, p->sum);
}

/* What the step gives as the sum of a gradient's squares. */
static void compare_square(session *s, const char *parameter, const float *x, int64_t count) {
    char name[128];
    double sum = 0;
    snprintf(name, sizeof name, "stria.square/%s", parameter);
    const float *square = session_host(s, name);
    assert_non_null(square);
    for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    if (!(fabs((double)*square - sum) <= 1e-5 * sum))
        fail_msg("the squares of '%s' sum to %.9g, not %.9g", parameter, (double)*square, sum);
}

/* All parameters, or the optimiser's tensor of each: after one step without decay that is the gradient. */
static void compare_all(const golden *g, session *s, graph *model, bool gradients) {
    int index = 0;
    for (int i = 0; i < model->value_count; i++) {
        const value *v = model->values[i];
        char name[128];
        if (v->role != ROLE_PARAMETER) continue;
        snprintf(name, sizeof name, gradients ? "state/%s/momentum" : "%s", v->name);
        const float *x = session_host(s, name);
        assert_non_null(x);
        compare(g, session_program(s)->config.ks->isa, gradients ? "gradient" : "weight", v->name,
                gradients ? &g->gradient[index] : &g->weight[index], x, shape_count(&v->shape));
        if (gradients) compare_square(s, v->name, x, shape_count(&v->shape));
        index++;
    }
    assert_int_equal(index, g->parameters);
}

static session *step_session(graph *model, const golden *g, const kernel_set *ks, pool *p, double decay) {
    graph *step = NULL;
    session *s = NULL;
    recipe r = {.goal = &goal_classify, .loss = "cross_entropy", .weight_decay = decay, .norms = true};
    run_config config = {.ks = ks, .pool = p, .optimize = true};
    assert_int_equal(optimizer_parse("sgd:momentum=0.875", &r.optimizer, NULL), STRIA_OK);
    assert_int_equal(step_graph(model, g->batch, &r, &step, NULL), STRIA_OK);
    assert_int_equal(run_new(&s, step, &config, NULL), STRIA_OK);
    graph_free(step);
    draw_batch(s, g->batch);
    return s;
}

static void step_run(session *s, const golden *g, int step) {
    *(int64_t *)session_host(s, STEP_COUNT) = step;
    assert_int_equal(session_run(s, NULL), STRIA_OK);
    double loss = (double)*(const float *)session_host(s, STEP_LOSS);
    if (!(fabs(loss - g->loss[step]) <= TOLERANCE * g->loss[step]))
        fail_msg("%s, batch %d: the loss of step %d is %.9g, PyTorch's %.9g", g->network, g->batch, step + 1, loss,
                 g->loss[step]);
}

static bool stored_in(const session *s, layout (*order)(int rank)) {
    layout wanted = order(4);
    const graph *g = session_program(s)->g;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->shape.rank == 4 && layout_equal(&g->values[i]->layout, &wanted, 4)) return true;
    return false;
}

static void train(const golden *g, const kernel_set *ks, pool *p) {
    graph *model = NULL;
    assert_int_equal(zoo_build(&model, g->network, 0, NULL), STRIA_OK);
    draw_weights(model);
    session *s = step_session(model, g, ks, p, 0);
    assert_true(stored_in(s, g->batch < 16 ? layout_channels_last : layout_batch_last));
    step_run(s, g, 0);
    compare_all(g, s, model, true);
    session_free(s);
    s = step_session(model, g, ks, p, DECAY);
    for (int step = 0; step < STEPS; step++) step_run(s, g, step);
    compare_all(g, s, model, false);
    session_free(s);
    graph_free(model);
}

/* Few images are stored channels-last, 16 and more batch-last. */
static void as_pytorch(void **state) {
    static golden g;
    pool *p = NULL;
    int trainings = 0;
    (void)state;
    FILE *f = golden_open();
    assert_int_equal(pool_new(&p, 2, NULL), STRIA_OK);
    while (read_golden(f, &g)) {
        const kernel_set *const *sets = kernel_sets();
        for (int i = 0; sets[i]; i++) train(&g, sets[i], p);
        trainings++;
    }
    assert_int_equal(trainings, 4);
    fclose(f);
    pool_release(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
