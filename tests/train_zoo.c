/* Every family of the zoo learns: the loss of one small batch falls in a few steps of its own recipe's kind. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "check.h"
#include "model/zoo/zoo.h"
#include "run/session.h"
#include "train/options.h"
#include "train/step.h"

#define BATCH   8
#define CLASSES 4

/* Classes differ by the mean of a channel and by a stripe; noise on top. */
static void images_fill(float *x, const shape *s) {
    int64_t pixels = s->dim[2] * s->dim[3], channels = s->dim[1];
    random_fill_normal(x, (size_t)shape_count(s), 0, 0.3f, 7, 7);
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < pixels; i++)
                x[(b * channels + c) * pixels + i] +=
                    (float)(b % CLASSES) * 0.5f - 0.75f + (i * CLASSES / pixels == b % CLASSES ? 1.0f : 0.0f);
}

/* The mean of the loss over the first and over the last three steps. */
static void steps_run(session *s, const char *name, double lr, int steps, double *first, double *last) {
    stria_error err = {0};
    float *x = session_host(s, "image");
    int64_t *labels = session_host(s, STEP_TARGET);
    images_fill(x, &program_value(session_program(s), "image")->shape);
    for (int b = 0; b < BATCH; b++) labels[b] = b % CLASSES;
    *first = *last = 0;
    for (int t = 0; t < steps; t++) {
        *(float *)session_host(s, STEP_LR) = (float)lr;
        *(int64_t *)session_host(s, STEP_COUNT) = t;
        session_step_set(s, (uint64_t)t);
        if (!CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", name, err.text)) return;
        double loss = (double)*(float *)session_host(s, STEP_LOSS);
        if (t < 3) *first += loss / 3;
        if (t >= steps - 3) *last += loss / 3;
    }
}

static void network_check(const char *spec, double lr, int steps) {
    stria_error err = {0};
    graph *g = NULL, *step = NULL;
    session *s = NULL;
    double first, last;
    stria_train_options options = stria_train_options_default();
    recipe r;
    program_config config = {.ks = kernel_sets()[0], .optimize = true};
    session_config running = {.seed = 1};
    program *p = NULL;
    if (!CHECK(zoo_build(&g, spec, 1, &err) == STRIA_OK, "%s: %s", spec, err.text)) return;
    char words[256];
    snprintf(words, sizeof words, "%s", graph_metadata(g, TRAIN_RECIPE));
    size_t bytes = strlen(words);
    train_recipe_cut(words, bytes);
    CHECK(train_options_recipe(&options, words, bytes, &err) == STRIA_OK, "%s: %s", spec, err.text);
    if (CHECK(recipe_of(&options, &r, &err) == STRIA_OK && step_graph(g, BATCH, &r, &step, &err) == STRIA_OK &&
                  program_new(&p, step, &config, NULL, &err) == STRIA_OK &&
                  session_new(&s, p, &running, &err) == STRIA_OK,
              "%s: %s", spec, err.text)) {
        steps_run(s, spec, lr > 0 ? lr : options.lr, steps, &first, &last);
        CHECK(last < 0.7 * first, "%s: the loss goes from %.3f to %.3f in %d steps", spec, first, last, steps);
        printf("%s: %.3f → %.3f\n", spec, first, last);
    }
    session_free(s);
    program_release(p);
    graph_free(step);
    graph_free(g);
}

int main(void) {
    static const struct {
        const char *spec;
        double lr; /* 0: the recipe's */
        int steps;
    } cases[] = {
        {"linear:classes=4", 0, 20},
        {"mlp:classes=4,hidden=32x16,bn=1,dropout=0.1", 0, 20},
        {"lenet5:classes=4,activation=relu,pooling=max", 0.02, 30},
        {"lenet:classes=4", 0, 20},
        {"keras-mnist:classes=4", 0, 20},
        {"tf-mnist:classes=4,dense=64", 0, 25},
        {"tf-cifar:classes=4", 0, 30},
        {"alexnet:classes=4,size=3x64x64,dense=64,bn=1,dropout=0.1", 0, 30},
        {"alexnet-2012:classes=4,size=3x67x67,dense=64,dropout=0.1", 0, 30},
        {"vgg11:classes=4,size=3x32x32,dense=64,bn=1,dropout=0.1", 0, 20},
        {"googlenet:classes=4,size=3x80x80,dropout=0", 0, 20},
        {"googlenet-bn:classes=4,size=3x64x64", 0, 10},
        {"resnet50:classes=4,size=3x32x32", 0, 7},
        {"resnet50:classes=4,size=3x32x32,style=keras", 0, 7},
        {"resnet20:classes=4,size=3x16x16", 0, 10},
        {"resnet20:classes=4,size=3x16x16,shortcut=b", 0, 10},
        {"resnet20:classes=4,size=3x16x16,plain=1", 0, 10},
        {"squeezenet1.1:classes=4,size=3x64x64,bypass=simple,dropout=0.1", 0.003, 45},
        {"squeezenet1.1:classes=4,size=3x64x64,dropout=0.1", 0, 40},
        {"mobilenet-v1:classes=4,size=3x32x32,width=0.25", 0.01, 20},
        {"mobilenet-v2:classes=4,size=3x32x32,width=0.35", 0.01, 20},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) network_check(cases[i].spec, cases[i].lr, cases[i].steps);
    return check_report();
}
