/* Random operators: moments, range and distribution (Kolmogorov–Smirnov) of what they draw; the same bits for any
 * number of threads and by the reference; other numbers in another step, under another name and another `seed`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "op/build.h"
#include "run.h"

#define COUNT 40000

/* y[COUNT] of one run. */
static bool draw(const char *op, const char *options, const char *name, int threads, bool reference, uint64_t step,
                 float *y) {
    stria_error err = {0};
    graph *g = NULL;
    value *v, *x, *in[1] = {NULL};
    session *s = NULL;
    pool *p = NULL;
    char words[192];
    bool like = strstr(op, "Like") || strcmp(op, "Bernoulli") == 0;
    shape size = {.rank = 1, .dim = {COUNT}};
    stria_status status = graph_new(&g, "random", &err);
    if (status == STRIA_OK && like) status = graph_add_input(g, "x", STRIA_FLOAT32, &size, &x, &err), in[0] = x;
    snprintf(words, sizeof words, "name=%s %s%s", name, options, like ? "" : " shape=40000");
    if (status == STRIA_OK) status = layer_build(g, op, in, like ? 1 : 0, NULL, 0, words, 0, &v, &err);
    if (status == STRIA_OK) status = graph_add_output(g, v, "y", &err);
    if (status == STRIA_OK) status = pool_new(&p, threads, &err);
    run_config config = {.ks = kernel_sets()[0], .pool = p, .optimize = true, .reference = reference, .seed = 5};
    if (status == STRIA_OK) status = run_new(&s, g, &config, &err);
    if (status == STRIA_OK && like)
        for (int i = 0; i < COUNT; i++) ((float *)session_host(s, "x"))[i] = 0.25f;
    if (status == STRIA_OK) session_step_set(s, step), status = session_run(s, &err);
    CHECK(status == STRIA_OK, "%s: %s", op, err.text);
    if (status == STRIA_OK) memcpy(y, session_host(s, "y"), COUNT * sizeof *y);
    session_free(s);
    graph_free(g);
    pool_release(p);
    return status == STRIA_OK;
}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double uniform_cdf(double x) {
    return (x + 2) / 5;
}
static double normal_cdf(double x) {
    return erfc(-(x - 3) / 2 / sqrt(2)) / 2;
}
static double truncated_cdf(double x) {
    double low = erfc(sqrt(2)) / 2;
    return (normal_cdf(x) - low) / (1 - 2 * low);
}

/* The greatest distance of the empirical distribution from F; above 1.95/√n once in a thousand. */
static void check_distribution(const char *op, float *y, double (*cdf)(double)) {
    double distance = 0;
    qsort(y, COUNT, sizeof *y, compare);
    for (int i = 0; i < COUNT; i++) {
        double f = cdf((double)y[i]);
        distance = fmax(distance, fmax(fabs(f - (double)i / COUNT), fabs(f - (double)(i + 1) / COUNT)));
    }
    CHECK(distance < 1.95 / sqrt(COUNT), "%s: Kolmogorov–Smirnov distance %g", op, distance);
}

static void check_moments(const char *op, const float *y, double mean, double deviation, double low, double high) {
    double sum = 0, squares = 0, least = INFINITY, most = -INFINITY;
    for (int i = 0; i < COUNT; i++) {
        double x = (double)y[i];
        sum += x, squares += (x - mean) * (x - mean);
        least = fmin(least, x), most = fmax(most, x);
    }
    CHECK(fabs(sum / COUNT - mean) < 4 * deviation / sqrt(COUNT), "%s: mean %g, not %g", op, sum / COUNT, mean);
    CHECK(fabs(sqrt(squares / COUNT) - deviation) < 0.02 * deviation, "%s: deviation %g, not %g", op,
          sqrt(squares / COUNT), deviation);
    CHECK(least >= low && most <= high, "%s: %g…%g", op, least, most);
}

static void check_operator(const char *op, const char *options, double mean, double deviation, double low, double high,
                           double (*cdf)(double)) {
    static float y[COUNT], z[COUNT];
    if (!draw(op, options, "node", 1, false, 0, y)) return;
    for (int threads = 2; threads <= 7; threads += 5)
        if (draw(op, options, "node", threads, false, 0, z))
            CHECK(memcmp(y, z, sizeof y) == 0, "%s: other bits with %d threads", op, threads);
    if (draw(op, options, "node", 1, true, 0, z))
        CHECK(memcmp(y, z, sizeof y) == 0, "%s: other bits by the reference", op);
    if (draw(op, options, "node", 1, false, 1, z)) CHECK(memcmp(y, z, sizeof y) != 0, "%s: step 1 repeats 0", op);
    if (draw(op, options, "other", 1, false, 0, z)) CHECK(memcmp(y, z, sizeof y) != 0, "%s: names draw alike", op);
    char seeded[128];
    snprintf(seeded, sizeof seeded, "%s seed=7", options);
    if (draw(op, seeded, "node", 1, false, 0, z)) CHECK(memcmp(y, z, sizeof y) != 0, "%s: seeds draw alike", op);
    check_moments(op, y, mean, deviation, low, high);
    if (cdf) check_distribution(op, y, cdf);
}

int main(void) {
    check_operator("RandomUniform", "low=-2 high=3", 0.5, 5 / sqrt(12), -2, nextafterf(3, 0), uniform_cdf);
    check_operator("RandomUniformLike", "low=-2 high=3", 0.5, 5 / sqrt(12), -2, nextafterf(3, 0), uniform_cdf);
    check_operator("RandomNormal", "mean=3 scale=2", 3, 2, -12, 18, normal_cdf);
    check_operator("RandomNormalLike", "mean=3 scale=2", 3, 2, -12, 18, normal_cdf);
    check_operator("TruncatedNormal", "mean=3 scale=2", 3, 2 * 0.87962566, -1, 7, truncated_cdf);
    check_operator("Bernoulli", "", 0.25, sqrt(0.25 * 0.75), 0, 1, NULL);
    return check_report();
}
