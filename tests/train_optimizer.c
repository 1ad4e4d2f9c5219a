/* Optimisers as --optimizer and --weight-decay say them, step by step against PyTorch (tests/golden/optimizer_specs.txt
 * by golden_torch.py) and Keras (optimizer_keras.txt by golden_keras.py): on every instruction set and by the
 * reference, a weight and a bias, which does not decay. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "run.h"
#include "train/optimizer.h"

#define WEIGHT 6 /* [2, 3] */
#define BIAS   3 /* [3] */
#define STEPS  60

typedef struct golden {
    char spec[64];
    double decay, rate;
    double x[2][WEIGHT], gradients[2][STEPS][WEIGHT], want[2][WEIGHT]; /* of the weight, of the bias */
} golden;

static const int sizes[2] = {WEIGHT, BIAS};

static bool numbers_read(FILE *f, double *x, int n) {
    for (int i = 0; i < n; i++)
        if (fscanf(f, "%lf", &x[i]) != 1) return false;
    return true;
}

static bool golden_read(FILE *f, golden *g) {
    int steps;
    if (fscanf(f, " optimizer %63s %lf %lf %d", g->spec, &g->decay, &g->rate, &steps) != 4 || steps != STEPS)
        return false;
    for (int k = 0; k < 2; k++) {
        if (!numbers_read(f, g->x[k], sizes[k])) return false;
        for (int t = 0; t < STEPS; t++)
            if (!numbers_read(f, g->gradients[k][t], sizes[k])) return false;
        if (!numbers_read(f, g->want[k], sizes[k])) return false;
    }
    return true;
}

static stria_status parameter_add(graph *g, const golden *from, int k, value **x, value **dx, stria_error *err) {
    static const char *const names[2][2] = {{"w", "dw"}, {"b", "db"}};
    shape s = k == 0 ? (shape){2, {2, 3}} : (shape){1, {3}};
    tensor *first;
    TRY(tensor_new(&first, STRIA_FLOAT32, &s, names[k][0], err));
    for (int i = 0; i < sizes[k]; i++) tensor_put(first, i, from->x[k][i]);
    stria_status status = graph_add_state(g, names[k][0], ROLE_PARAMETER, first, x, err);
    tensor_release(first);
    TRY(status);
    return graph_add_input(g, names[k][1], STRIA_FLOAT32, &s, dx, err);
}

static stria_status update_graph(graph *g, const golden *from, stria_error *err) {
    optimizer o;
    update_inputs inputs;
    TRY(optimizer_parse(from->spec, &o, err));
    TRY(graph_add_input(g, "rate", STRIA_FLOAT32, &(shape){0}, &inputs.rate, err));
    TRY(graph_add_input(g, "count", STRIA_INT64, &(shape){0}, &inputs.count, err));
    for (int k = 0; k < 2; k++) {
        value *x, *dx, *finite;
        TRY(parameter_add(g, from, k, &x, &dx, err));
        TRY(optimizer_append(g, &o, &inputs, x, dx, from->decay, &finite, err));
        TRY(graph_add_output(g, finite, k ? "finite_b" : "finite_w", err));
    }
    return STRIA_OK;
}

static void step_run(session *s, const golden *g, int t) {
    stria_error err = {0};
    *(float *)session_host(s, "rate") = (float)g->rate;
    *(int64_t *)session_host(s, "count") = t;
    for (int i = 0; i < WEIGHT; i++) ((float *)session_host(s, "dw"))[i] = (float)g->gradients[0][t][i];
    for (int i = 0; i < BIAS; i++) ((float *)session_host(s, "db"))[i] = (float)g->gradients[1][t][i];
    CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", g->spec, err.text);
}

static void steps_check(graph *updates, const golden *g, const run_config *config) {
    stria_error err = {0};
    session *s;
    if (!CHECK(run_new(&s, updates, config, &err) == STRIA_OK, "%s: %s", g->spec, err.text)) return;
    for (int k = 0; k < run_nodes(s); k++)
        CHECK((run_node(s, k)->impl == &impl_reference) == config->reference, "%s: %s runs by %s", g->spec,
              run_node(s, k)->node->op->name, run_node(s, k)->impl->name);
    for (int t = 0; t < STEPS; t++) step_run(s, g, t);
    for (int k = 0; k < 2; k++) {
        const float *x = session_host(s, k ? "b" : "w");
        for (int i = 0; i < sizes[k]; i++)
            CHECK(fabs((double)x[i] - g->want[k][i]) <= 4e-6 * (1 + fabs(g->want[k][i])),
                  "%s, %s: %s[%d] is %.9g, the framework's %.9g", g->spec,
                  config->reference ? "reference" : config->ks->isa, k ? "bias" : "weight", i, (double)x[i],
                  g->want[k][i]);
    }
    session_free(s);
}

/* What one step makes of a gradient with a NaN in dw and an infinity in db: w, then b. */
static bool bad_step(graph *updates, const golden *g, const run_config *config, float *x) {
    stria_error err = {0};
    session *s;
    if (!CHECK(run_new(&s, updates, config, &err) == STRIA_OK, "%s: %s", g->spec, err.text)) return false;
    step_run(s, g, 0);
    CHECK(*(bool *)session_host(s, "finite_w") && *(bool *)session_host(s, "finite_b"), "%s: finite", g->spec);
    ((float *)session_host(s, "dw"))[4] = NAN;
    ((float *)session_host(s, "db"))[1] = -INFINITY;
    *(int64_t *)session_host(s, "count") = 1;
    float w = ((float *)session_host(s, "w"))[4], b = ((float *)session_host(s, "b"))[1];
    CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", g->spec, err.text);
    CHECK(!*(bool *)session_host(s, "finite_w") && !*(bool *)session_host(s, "finite_b"), "%s: not finite", g->spec);
    memcpy(x, session_host(s, "w"), WEIGHT * sizeof *x);
    memcpy(x + WEIGHT, session_host(s, "b"), BIAS * sizeof *x);
    CHECK(memcmp(&x[4], &w, sizeof w) == 0 && memcmp(&x[WEIGHT + 1], &b, sizeof b) == 0,
          "%s: an element changed by a gradient that is not finite", g->spec);
    session_free(s);
    return true;
}

/* Kernels and references agree about gradients that are not finite: what they touch stays, the rest moves on. */
static void finite_check(graph *updates, const golden *g) {
    float want[WEIGHT + BIAS], got[WEIGHT + BIAS];
    if (!bad_step(updates, g, &(run_config){.ks = kernel_sets()[0], .reference = true}, want)) return;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        if (!bad_step(updates, g, &(run_config){.ks = *ks, .optimize = true}, got)) continue;
        for (int i = 0; i < WEIGHT + BIAS; i++)
            CHECK(fabsf(got[i] - want[i]) <= 4e-6F * (1 + fabsf(want[i])),
                  "%s, %s: element %d is %.9g, %.9g by the "
                  "reference",
                  g->spec, (*ks)->isa, i, (double)got[i], (double)want[i]);
    }
}

static void spec_check(const golden *g) {
    stria_error err = {0};
    graph *updates;
    if (!CHECK(graph_new(&updates, "updates", &err) == STRIA_OK, "%s", err.text)) return;
    if (CHECK(update_graph(updates, g, &err) == STRIA_OK, "%s: %s", g->spec, err.text)) {
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
            steps_check(updates, g, &(run_config){.ks = *ks, .optimize = true});
        steps_check(updates, g, &(run_config){.ks = kernel_sets()[0], .reference = true});
        finite_check(updates, g);
    }
    graph_free(updates);
}

/* Every row of the table is among the specs, so that a new one brings its golden steps. */
static void rows_check(const char *seen) {
    for (int i = 0; optimizer_name(i); i++) {
        char word[64];
        snprintf(word, sizeof word, " %s ", optimizer_name(i));
        CHECK(strstr(seen, word), "there are no golden steps of %s", optimizer_name(i));
    }
}

/* All specs of a file; their names go into `seen`. */
static void file_check(const char *name, int least, char *seen, size_t size) {
    const char *source = getenv("SOURCE");
    char path[512], line[256];
    static golden g;
    int specs = 0;
    snprintf(path, sizeof path, "%s/tests/golden/%s", source ? source : ".", name);
    FILE *f = fopen(path, "r");
    if (!CHECK(f && fgets(line, sizeof line, f), "cannot read %s", path)) return;
    for (; golden_read(f, &g); specs++) {
        spec_check(&g);
        snprintf(seen + strlen(seen), size - strlen(seen), "%.*s ", (int)strcspn(g.spec, ":"), g.spec);
    }
    CHECK(feof(f) && specs >= least, "%s: %d specs were read", name, specs);
    fclose(f);
}

int main(void) {
    char seen[1024] = " ";
    file_check("optimizer_specs.txt", 26, seen, sizeof seen);
    file_check("optimizer_keras.txt", 10, seen, sizeof seen);
    rows_check(seen);
    return check_report();
}
