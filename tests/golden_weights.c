/* Files of weights as PyTorch, NumPy, safetensors and Keras write them (tests/golden/weights by golden_weights.py):
 * joined to the network that a .net file describes, they give the outputs that those programs computed; and Keras
 * Applications' names and orders of dimensions (golden_applications.py wrote golden/keras.txt). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "check.h"
#include "data/npy.h"
#include "model/model.h"
#include "model/weights/weights.h"
#include "run/session.h"

#define LOGITS 8

static const char *golden(const char *name) {
    static char paths[4][600];
    static int turn;
    const char *source = getenv("SOURCE");
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/tests/golden/%s", source ? source : ".", name);
    return path;
}

/* The graph's output for x, whose batch is that of the first input. */
static void output_check(graph *g, const float *x, const float *want, int64_t batch, double bound, const char *name) {
    stria_error err = {0};
    program *p = NULL;
    session *s = NULL;
    graph *sized = NULL;
    program_config config = {.ks = kernel_sets()[0], .optimize = true};
    shape of = g->inputs[0]->shape;
    of.dim[0] = batch;
    if (!CHECK(graph_copy(g, (const shape *[]){&of}, &sized, &err) == STRIA_OK, "%s: %s", name, err.text)) return;
    if (CHECK(program_new(&p, sized, &config, NULL, &err) == STRIA_OK, "%s: %s", name, err.text) &&
        CHECK(session_new(&s, p, NULL, &err) == STRIA_OK, "%s: %s", name, err.text)) {
        const char *in = g->inputs[0]->name, *out = g->output_names[0] ? g->output_names[0] : g->outputs[0]->name;
        memcpy(session_host(s, in), x, (size_t)shape_count(&of) * sizeof *x);
        CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", name, err.text);
        const float *y = session_host(s, out);
        double most = 1;
        int64_t count = want ? shape_count(&program_value(p, out)->shape) : 0;
        for (int64_t i = 0; i < count && i < LOGITS * batch; i++) most = fmax(most, fabs((double)want[i]));
        for (int64_t i = 0; i < count && i < LOGITS * batch; i++)
            CHECK(fabs((double)y[i] - (double)want[i]) <= bound * most, "%s: output %d is %.6g, not %.6g", name, (int)i,
                  (double)y[i], (double)want[i]);
    }
    session_free(s);
    program_release(p);
    graph_free(sized);
}

/* Joins a file to a network; NULL where that fails. */
static graph *joined(const char *net, const char *file, text *report, stria_error *err) {
    char path[128];
    weights w = {0};
    graph *g = NULL;
    snprintf(path, sizeof path, "weights/%s.net", net);
    if (!CHECK(graph_load(&g, golden(path), 7, err) == STRIA_OK, "%s: %s", net, err->text)) return NULL;
    snprintf(path, sizeof path, "weights/%s", file);
    stria_status status = weights_read(&w, golden(path), err);
    if (status == STRIA_OK) status = weights_join(g, &w, report, err);
    weights_release(&w);
    if (status == STRIA_OK) return g;
    graph_free(g);
    return NULL;
}

static void files_check(void) {
    static const struct {
        const char *net, *file, *report;
        double bound;
    } rows[] = {
        {"torch", "zip.pth", "", 1e-6},
        {"torch", "old.pth", "", 1e-6},
        {"torch", "protocol4.pth", "", 1e-6},
        {"torch", "views.pth", "", 1e-6},
        {"torch", "views_old.pth", "", 1e-6},
        {"torch", "checkpoint.pth", "", 1e-6},
        {"torch", "parameter.pth", "", 1e-6},
        {"torch", "half.pth", "", 2e-3},
        {"torch", "bfloat16.pth", "", 2e-2},
        {"torch", "net.safetensors", "", 1e-6},
        {"torch", "net.npz", "", 1e-6},
        {"torch", "double.npz", "", 1e-6},
#ifdef STRIA_HAVE_HDF5
        {"named", "named.keras", "", 1e-5},
        {"named", "named.weights.h5", "", 1e-5},
        {"named", "named.h5", "", 1e-5},
        {"named", "keras2.h5", "", 1e-5},
        {"unnamed", "unnamed.keras", "by their order", 1e-5},
        {"unnamed", "unnamed.weights.h5", "by their order", 1e-5},
        {"unnamed", "unnamed.h5", "by their order", 1e-5},
#endif
    };
    npy_array x;
    CHECK(npy_read(golden("weights/input.npy"), &x, NULL) == STRIA_OK, "input.npy");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[128];
        npy_array y;
        stria_error err = {0};
        text report = {0};
        snprintf(path, sizeof path, "weights/%s_output.npy", rows[i].net);
        if (!CHECK(npy_read(golden(path), &y, &err) == STRIA_OK, "%s", err.text)) continue;
        graph *g = joined(rows[i].net, rows[i].file, &report, &err);
        if (CHECK(g != NULL, "%s: %s", rows[i].file, err.text)) {
            output_check(g, x.data, y.data, 2, rows[i].bound, rows[i].file);
            CHECK(!graph_metadata(g, MODEL_WEIGHTS), "%s: the model still is untrained", rows[i].file);
        }
        CHECK(*rows[i].report ? strstr(text_string(&report), rows[i].report) != NULL : report.length == 0,
              "%s reports '%s'", rows[i].file, text_string(&report));
        text_release(&report);
        graph_free(g);
        npy_release(&y);
    }
    npy_release(&x);
}

/* What does not fit is named, and nothing of the file is joined. */
static void misfits_check(void) {
    static const struct {
        const char *net, *file, *sentence, *report;
    } rows[] = {
        {"torch", "other.pth", "in 1 of 10 tensors: nothing for 'conv2.bias' [6]", "not used: 'extra.weight' [2, 3]\n"},
        {"torch", "whole.pth", "the file wants to call '__main__.Net', and nothing in a file is executed", ""},
        {"named", "net.npz", "in 12 of 12 tensors: nothing for 'first.weight'", "not used: 'fc.weight' [5, 24]\n"},
        {"torch", "input.npy", "weights come as .npz", ""},
        {"torch", "torch.net", "not a file of weights", ""},
#ifdef STRIA_HAVE_HDF5
        {"torch", "named.keras", "nothing for 'conv1.weight'", "not used: 'deep/kernel' [3, 3, 4, 1]\n"},
#endif
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stria_error err = {0};
        text report = {0};
        graph *g = joined(rows[i].net, rows[i].file, &report, &err);
        CHECK(g == NULL, "%s was joined to %s", rows[i].file, rows[i].net);
        CHECK(strstr(err.text, rows[i].sentence) != NULL, "%s: '%s' does not say '%s'", rows[i].file, err.text,
              rows[i].sentence);
        CHECK(strstr(text_string(&report), rows[i].report) != NULL, "%s: '%s' does not say '%s'", rows[i].file,
              text_string(&report), rows[i].report);
        text_release(&report);
        graph_free(g);
    }
}

/* ---- Keras Applications ---- */

static void fill(float *x, int64_t n, const char *name, double scale, double offset) {
    uint32_t hash = (uint32_t)random_hash(name);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((((double)(uint32_t)(hash + (uint32_t)i * 2654435761u)) * 0x1p-32 - 0.5) * scale + offset);
}

/* "LAYER/ROLE DIMENSION…", with contents as `scaling` of golden_weights.py. */
static void tensor_add(weights *w, char *line) {
    shape s = {0};
    stria_error err = {0};
    tensor *t;
    double scale = 0.2, offset = 0, fan = 1;
    char *rest = strchr(line, ' ');
    *rest++ = 0;
    while (*rest >= '0' && *rest <= '9' && s.rank < RANK_MAX) {
        s.dim[s.rank++] = strtoll(rest, &rest, 10);
        if (*rest == ' ') rest++;
    }
    const char *role = strrchr(line, '/') + 1;
    bool deep = strcmp(role, "depthwise_kernel") == 0 || (s.rank == 4 && s.dim[3] == 1);
    for (int d = 0; d < (deep ? 2 : s.rank - 1); d++) fan *= (double)s.dim[d];
    if (strcmp(role, "moving_variance") == 0 || strcmp(role, "gamma") == 0) scale = 0.5, offset = 1;
    else if (s.rank > 1) scale = 2 * sqrt(6 / fan);
    if (!CHECK(tensor_raw(&t, STRIA_FLOAT32, &s, line, &err) == STRIA_OK, "%s", err.text)) return;
    fill(t->data, shape_count(&s), line, scale, offset);
    CHECK(weights_add(w, line, strlen(line), t, &err) == STRIA_OK, "%s", err.text);
}

static void network_check(const char *spec, const weights *w, const float *logits) {
    stria_error err = {0};
    text report = {0};
    graph *g, *copy;
    if (!CHECK(graph_load(&g, spec, 0, &err) == STRIA_OK, "%s", err.text)) return;
    CHECK(weights_join(g, w, &report, &err) == STRIA_OK, "%s: %s", spec, err.text);
    CHECK(report.length == 0, "%s: %s", spec, text_string(&report));
    int64_t count = shape_count(&g->inputs[0]->shape);
    float *x = mem_alloc((size_t)count * sizeof *x);
    fill(x, count, "image", 2, 0);
    output_check(g, x, logits, 1, 2e-5, spec);
    mem_free(x);
    text_release(&report);
    graph_free(g);
    /* The same weights are nobody else's. */
    if (!CHECK(graph_load(&copy, "resnet18", 0, &err) == STRIA_OK, "%s", err.text)) return;
    CHECK(weights_join(copy, w, &report, &err) == STRIA_BAD_FILE, "%s fits resnet18", spec);
    text_release(&report);
    graph_free(copy);
}

static void applications_check(void) {
    uint8_t *data;
    size_t size;
    char spec[128] = "";
    weights w = {.keras = true};
    int networks = 0;
    if (!CHECK(file_read(golden("keras.txt"), 0, &data, &size, NULL) == STRIA_OK, "keras.txt")) return;
    for (size_t at = 0, end; at < size; at = end + 1) {
        char line[256] = "";
        end = at;
        while (end < size && data[end] != '\n') end++;
        snprintf(line, sizeof line, "%.*s", (int)(end - at), (const char *)data + at);
        if (strncmp(line, "network ", 8) == 0) sscanf(line + 8, "%127s", spec);
        if (strncmp(line, "tensor ", 7) == 0) tensor_add(&w, line + 7);
        if (strncmp(line, "logits ", 7) != 0) continue;
        float logits[LOGITS];
        char *rest = line + 7;
        for (int i = 0; i < LOGITS; i++) logits[i] = strtof(rest, &rest);
        network_check(spec, &w, logits);
        weights_release(&w);
        w.keras = true;
        networks++;
    }
    CHECK(networks == 6, "%d networks", networks);
    mem_free(data);
}

/* Weights of Keras Applications that have the names or even the shapes of a network that is another: which form is
 * theirs is said. */
static void other_network_check(void) {
    static const struct {
        const char *spec, *line, *says;
    } rows[] = {
        {"resnet50", "conv2_block1_1_conv/kernel 1 1 64 64", "resnet50:style=keras"},
        {"resnet18", "conv2_block1_1_conv/kernel 1 1 64 64", "strides in its 1x1"},
        {"mobilenet-v2", "expanded_conv_depthwise/kernel 3 3 32 1", "mobilenet-v2:style=keras"},
        {"mobilenet-v1:size=3x75x75", "conv_dw_1/kernel 3 3 32 1", "sides halve evenly"},
        {"resnet50:style=keras", "conv2_block1_1_conv/kernel 1 1 64 64", "nothing for 'conv1_conv.weight'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stria_error err = {0};
        text report = {0};
        weights w = {.keras = true};
        graph *g;
        char line[64];
        snprintf(line, sizeof line, "%s", rows[i].line);
        tensor_add(&w, line);
        if (CHECK(graph_load(&g, rows[i].spec, 0, &err) == STRIA_OK, "%s", err.text)) {
            CHECK(weights_join(g, &w, &report, &err) == STRIA_BAD_FILE && strstr(err.text, rows[i].says), "%s",
                  err.text);
            graph_free(g);
        }
        text_release(&report);
        weights_release(&w);
    }
}

/* What is written is read back the same, and by NumPy's and the safetensors' own readers (see golden_weights.py for the
 * other way round). */
static void written_check(void) {
    static const char *const endings[] = {".safetensors", ".npz"};
    char path[300];
    const char *tmp = getenv("TMPDIR");
    for (int i = 0; i < 2; i++) {
        graph *g, *back;
        weights w = {0};
        stria_error err = {0};
        text report = {0};
        snprintf(path, sizeof path, "%s/stria-weights-%ld%s", tmp ? tmp : "/tmp", (long)getpid(), endings[i]);
        CHECK(graph_load(&g, golden("weights/torch.net"), 5, &err) == STRIA_OK, "%s", err.text);
        CHECK(graph_load(&back, golden("weights/torch.net"), 6, &err) == STRIA_OK, "%s", err.text);
        CHECK(graph_save(g, path, &err) == STRIA_OK && weights_read(&w, path, &err) == STRIA_OK, "%s", err.text);
        CHECK(w.count == 10 && weights_join(back, &w, &report, &err) == STRIA_OK, "%s: %s", endings[i], err.text);
        for (int v = 0; v < g->value_count && v < back->value_count; v++)
            CHECK(g->values[v]->kind != VALUE_STATE ||
                      memcmp(g->values[v]->data->data, back->values[v]->data->data, g->values[v]->data->bytes) == 0,
                  "%s: '%s' is another", endings[i], g->values[v]->name);
        unlink(path);
        text_release(&report);
        weights_release(&w);
        graph_free(g);
        graph_free(back);
    }
}

#ifdef STRIA_HAVE_HDF5
/* Damaged files of Keras end in a sentence, even where the HDF5 library ends by a signal. */
static void damaged_check(void) {
    static const char *const files[] = {"weights/named.weights.h5", "weights/keras2.h5"};
    uint32_t random = 1;
    int refused = 0;
    for (int f = 0; f < 2; f++) {
        uint8_t *data, *copy;
        size_t size;
        if (!CHECK(file_read(golden(files[f]), 0, &data, &size, NULL) == STRIA_OK, "%s", files[f])) continue;
        copy = mem_alloc(size);
        for (int i = 0; i < 60; i++) {
            stria_error err = {0};
            weights w;
            memcpy(copy, data, size);
            for (int k = 0; k <= 16 * (i % 3); k++) {
                random = random * 1664525 + 1013904223;
                copy[random % size] = k % 2 ? 255 : (uint8_t)(random >> 24);
            }
            stria_status status = weights_decode(&w, copy, i % 7 == 6 ? random % size : size, &err);
            if (status == STRIA_OK) weights_release(&w);
            else CHECK(err.text[0], "no sentence");
            refused += status != STRIA_OK;
        }
        mem_free(copy);
        mem_free(data);
    }
    CHECK(refused > 20, "%d of 120 damaged files were refused", refused);
}
#endif

int main(void) {
    files_check();
#ifdef STRIA_HAVE_HDF5
    damaged_check();
#endif
    written_check();
    misfits_check();
    applications_check();
    other_network_check();
    return check_report();
}
