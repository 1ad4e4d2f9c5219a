/* Training steps that compute parts of the network twice: every state and loss to the bit as without, in less memory.
 */
#include <string.h>

#include "check.h"
#include "model/zoo/zoo.h"
#include "run.h"
#include "run/machine.h"
#include "train/step.h"

enum { STEPS = 2 };

static const struct {
    const char *network;
    int batch;
    double share; /* of the workspace without, that is enough */
} cases[] = {
    {"resnet20", 16, 0.6},
    {"resnet20", 4, 0.7},
    {"resnet18:size=3x64x64,classes=10", 4, 1},
    {"vgg11-bn:size=3x32x32,classes=10,dense=64", 4, 1},
    {"mobilenet-v2:size=3x64x64,classes=10", 4, 0.7},
    {"googlenet-bn:size=3x96x96,classes=10,heads=1,dropout=0.4", 2, 0.9},
    {"squeezenet1.1:size=3x64x64,classes=10", 4, 1},
    {"lenet5", 16, 1},
    {"mlp:dropout=0.5", 8, 1.1},
};

static session *session_make(const char *network, int batch, bool recompute, pool *p) {
    stria_error err = {0};
    graph *model = NULL, *step = NULL;
    session *s = NULL;
    const kernel_set *ks = NULL;
    recipe r = recipe_standard(NULL);
    r.recompute = recompute;
    r.weight_decay = 1e-4;
    run_config config = {.pool = p, .optimize = true, .seed = 3};
    bool good = machine_kernels(NULL, &ks, &err) == STRIA_OK && zoo_build(&model, network, 7, &err) == STRIA_OK;
    config.ks = ks;
    good = good && step_graph(model, batch, &r, &step, &err) == STRIA_OK && graph_check(step, &err) == STRIA_OK;
    good = good && run_new(&s, step, &config, &err) == STRIA_OK;
    CHECK(good, "%s: %s", network, err.text);
    graph_free(step);
    graph_free(model);
    return good ? s : NULL;
}

static void step_make(session *s, int step) {
    const graph *g = session_program(s)->g;
    for (int i = 0; i < g->input_count; i++) {
        const value *v = g->inputs[i];
        void *host = session_host(s, v->name);
        int64_t count = shape_count(&v->shape);
        if (strcmp(v->name, STEP_LR) == 0) *(float *)host = 0.01f;
        else if (strcmp(v->name, STEP_COUNT) == 0) *(int64_t *)host = step;
        else if (strcmp(v->name, STEP_TARGET) == 0)
            for (int64_t k = 0; k < count; k++) ((int64_t *)host)[k] = (k + step) % 10;
        else
            for (int64_t k = 0; k < count; k++) ((float *)host)[k] = (float)((k * 37 + step * 11) % 101) / 101;
    }
    session_step_set(s, (uint64_t)step);
    stria_error err = {0};
    CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
}

/* Outputs and states. */
static void compare(const session *a, const session *b, const char *network) {
    const graph *g = session_program(a)->g;
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->kind != VALUE_STATE) continue;
        const void *x = session_host(a, v->name), *y = session_host(b, v->name);
        if (x || y) CHECK(x && y && memcmp(x, y, value_bytes(v)) == 0, "%s: '%s' differs", network, v->name);
    }
    for (int i = 0; i < g->output_count; i++) {
        const char *name = g->output_names[i] ? g->output_names[i] : g->outputs[i]->name;
        const void *x = session_host(a, name), *y = session_host(b, name);
        CHECK(x && y && memcmp(x, y, value_bytes(g->outputs[i])) == 0, "%s: output '%s' differs", network, name);
    }
}

int main(void) {
    pool *p = NULL;
    if (!CHECK(pool_new(&p, 2, NULL) == STRIA_OK, "no pool")) return check_report();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        session *whole = session_make(cases[i].network, cases[i].batch, false, p);
        session *twice = session_make(cases[i].network, cases[i].batch, true, p);
        for (int step = 0; whole && twice && step < STEPS; step++) step_make(whole, step), step_make(twice, step);
        if (whole && twice) {
            compare(whole, twice, cases[i].network);
            double a = (double)session_program(whole)->plan.workspace_bytes,
                   b = (double)session_program(twice)->plan.workspace_bytes;
            printf("%s, batch %d: %.2f MiB, %.2f MiB with recomputation (%.2f)\n", cases[i].network, cases[i].batch,
                   a / 0x1p20, b / 0x1p20, b / a);
            CHECK(b <= cases[i].share * a, "%s: %.0f bytes, %.0f without recomputation", cases[i].network, b, a);
        }
        session_free(whole);
        session_free(twice);
    }
    pool_release(p);
    return check_report();
}
