/* The zoo's networks against torchvision's of the same name (tests/golden/zoo.txt by golden_zoo.py): every tensor's
 * name and size, multiply-adds, and the logits of one picture with weights that a formula gives. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "check.h"
#include "graph/op_def.h"
#include "model/zoo/zoo.h"
#include "run/session.h"

#define LOGITS 8

/* u · scale + offset, u from the tensor's name and the element's index. */
static void fill(float *x, int64_t n, const char *name, double scale, double offset) {
    uint32_t hash = (uint32_t)random_hash(name);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((((double)(uint32_t)(hash + (uint32_t)i * 2654435761u)) * 0x1p-32 - 0.5) * scale + offset);
}

static bool ends(const char *text, const char *end) {
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* As `scaling` of golden_zoo.py. */
static void state_fill(value *v) {
    double scale = 0.2, offset = 0, fan = 1;
    for (int d = 1; d < v->shape.rank; d++) fan *= (double)v->shape.dim[d];
    if (ends(v->name, "running_var")) scale = 0.5, offset = 1;
    else if (v->shape.rank > 1) scale = 2 * sqrt(6 / fan);
    else if (ends(v->name, "weight")) scale = 0.5, offset = 1;
    fill(v->data->data, shape_count(&v->shape), v->name, scale, offset);
}

static void logits_check(graph *g, const double *want, const char *name) {
    stria_error err = {0};
    session *s = NULL;
    const value *image, *logits;
    double most = 1;
    session_config config = {.ks = kernel_sets()[0], .optimize = true};
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_STATE) state_fill(g->values[i]);
    for (int i = 0; i < LOGITS; i++) most = fmax(most, fabs(want[i]));
    if (!CHECK(session_new(&s, g, &config, &err) == STRIA_OK, "%s: %s", name, err.text)) return;
    float *x = session_memory(s, "image", &image);
    fill(x, shape_count(&image->shape), "image", 2, 0);
    CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", name, err.text);
    const float *y = session_memory(s, "logits", &logits);
    for (int i = 0; i < LOGITS; i++)
        CHECK(fabs((double)y[i] - want[i]) < 1e-4 * most, "%s: logit %d is %.6g, torchvision's is %.6g", name, i,
              (double)y[i], want[i]);
    session_free(s);
}

static double madds(const graph *g) {
    double sum = 0;
    for (int k = 0; k < g->node_count; k++)
        if (g->nodes[k]->op->cost) sum += (double)g->nodes[k]->op->cost(g->nodes[k]).multiply_adds;
    return sum;
}

/* One network of the file, whose first word is read. */
static void network_check(FILE *f) {
    char name[64], spec[128], tensor[128], word[16] = "";
    int side, states = 0;
    long long elements;
    double want[LOGITS], multiply_adds = 0;
    graph *g = NULL;
    stria_error err = {0};
    if (!CHECK(fscanf(f, "%63s %d", name, &side) == 2, "the file is damaged")) return;
    snprintf(spec, sizeof spec, "%s%csize=3x%dx%d", name, strchr(name, ':') ? ',' : ':', side, side);
    if (!CHECK(zoo_build(&g, spec, 0, &err) == STRIA_OK, "%s: %s", spec, err.text)) exit(check_report());
    while (fscanf(f, " %15s", word) == 1 && strcmp(word, "tensor") == 0) {
        if (fscanf(f, "%127s %lld", tensor, &elements) != 2) break;
        const value *v = graph_find_value(g, tensor);
        if (CHECK(v && v->kind == VALUE_STATE, "%s has no '%s'", spec, tensor))
            CHECK(shape_count(&v->shape) == elements, "%s: '%s' has not %lld elements", spec, tensor, elements);
        states++;
    }
    for (int i = 0; i < g->value_count; i++) states -= g->values[i]->kind == VALUE_STATE;
    CHECK(states == 0, "%s has %d tensors more than torchvision's", spec, -states);
    CHECK(strcmp(word, "madds") == 0 && fscanf(f, "%lf logits", &multiply_adds) == 1, "the file is damaged");
    for (int i = 0; i < LOGITS; i++) CHECK(fscanf(f, "%lf", &want[i]) == 1, "the file is damaged");
    CHECK(fscanf(f, " %15s", word) == 1 && strcmp(word, "end") == 0, "the file is damaged");
    if (!strchr(name, ':') || strstr(name, "width"))
        CHECK(madds(g) == multiply_adds, "%s: %.0f multiply-adds, torchvision's has %.0f", spec, madds(g),
              multiply_adds);
    logits_check(g, want, spec);
    graph_free(g);
}

int main(void) {
    const char *source = getenv("SOURCE");
    char path[512], word[16];
    int networks = 0;
    snprintf(path, sizeof path, "%s/tests/golden/zoo.txt", source ? source : ".");
    FILE *f = fopen(path, "r");
    if (!CHECK(f, "cannot read %s", path)) return check_report();
    for (; fscanf(f, " %15s", word) == 1 && strcmp(word, "network") == 0; networks++) network_check(f);
    CHECK(networks == 10, "%d networks", networks);
    fclose(f);
    return check_report();
}
