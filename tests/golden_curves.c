/* Fifty steps of LeNet and ResNet-20 with given weights and images in their order (--from, --no-shuffle) against
 * PyTorch's losses. golden_curves.py wrote golden/curves.txt and explains it. */
#include <math.h>

#include "base/random.h"
#include "data_support.h"
#include "model/onnx/onnx.h"
#include "model/zoo/zoo.h"

#include <stria/stria.h>

enum { STEPS = 50, NEAR = 10 };
#define NEAR_TOLERANCE 1e-4 /* relative, of the first NEAR losses */
#define FAR_TOLERANCE  1e-2 /* relative, of the others: rounding errors grow from step to step */

typedef struct curve {
    char network[32];
    int64_t channels, side, batch, images;
    double rate, decay, loss[STEPS];
    int seen; /* losses that were compared */
} curve;

static stria_error err;

static void assert_ok(stria_status status) {
    if (status != STRIA_OK) fail_msg("%s", err.text);
}

static bool read_curve(FILE *f, curve *c) {
    long long channels, side, batch, images;
    *c = (curve){.seen = 0};
    if (fscanf(f, " curve %31s %lld %lld %lld %lld %lf %lf losses", c->network, &channels, &side, &batch, &images,
               &c->rate, &c->decay) != 7)
        return false;
    c->channels = channels, c->side = side, c->batch = batch, c->images = images;
    for (int i = 0; i < STEPS; i++) assert_int_equal(fscanf(f, "%lf", &c->loss[i]), 1);
    return true;
}

/* ---- what golden_curves.py makes ---- */

static int64_t drawn(uint64_t stream, int64_t i) {
    uint64_t z = ((stream << 32) + (uint64_t)i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (int64_t)((z ^ z >> 31) >> 40);
}

static void parameter_fill(value *v) {
    const char *end = strrchr(v->name, '.');
    double fan = 1, scale = 0.2, offset = 0;
    float *x = v->data->data;
    uint64_t stream = (uint32_t)random_hash(v->name);
    for (int d = 1; d < v->shape.rank; d++) fan *= (double)v->shape.dim[d];
    if (v->shape.rank > 1) scale = sqrt(6 / fan);
    else if (end && strcmp(end, ".weight") == 0) scale = 0.5, offset = 1;
    for (int64_t i = 0; i < shape_count(&v->shape); i++)
        x[i] = (float)(((double)drawn(stream, i) * 0x1p-24 - 0.5) * scale + offset);
}

/* The network with these weights, as a file; its path. */
static const char *weights_file(const char *spec) {
    graph *g = NULL;
    text bytes = {0};
    assert_ok(zoo_build(&g, spec, 0, &err));
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_PARAMETER) parameter_fill(g->values[i]);
    assert_ok(onnx_write(g, &bytes, &err));
    put_file("weights.onnx", bytes.data, bytes.length);
    text_release(&bytes);
    graph_free(g);
    return in_folder("weights.onnx");
}

static stria_dataset *images_make(const curve *c) {
    int64_t size = c->channels * c->side * c->side;
    stria_array images = {.type = STRIA_UINT8,
                          .rank = 4,
                          .shape = {c->images, c->channels, c->side, c->side},
                          .bytes = (size_t)(c->images * size)};
    stria_array labels = {
        .type = STRIA_INT64, .rank = 1, .shape = {c->images}, .bytes = (size_t)c->images * sizeof(int64_t)};
    uint8_t *pixels = images.data = malloc(images.bytes);
    int64_t *classes = labels.data = malloc(labels.bytes);
    assert_true(pixels && classes);
    for (int64_t k = 0; k < c->images; k++) {
        classes[k] = k % 10;
        for (int64_t i = 0; i < size; i++)
            pixels[k * size + i] =
                (uint8_t)(((drawn(1, k * size + i) & 255) + 255 * (drawn(2, classes[k] * size + i) & 1)) / 2);
    }
    stria_dataset *d = NULL;
    assert_ok(stria_dataset_from_arrays(&d, &images, &labels, NULL, 10, &err));
    free(pixels);
    free(classes);
    return d;
}

/* ---- training ---- */

static bool compare(const stria_event *event, void *context) {
    curve *c = context;
    if (event->kind != STRIA_EVENT_STEP) return true;
    double want = c->loss[event->step - 1], relative = fabs(event->loss - want) / want;
    if (!(relative <= (event->step <= NEAR ? NEAR_TOLERANCE : FAR_TOLERANCE)))
        fail_msg("%s: the loss of step %lld is %.8g, PyTorch's %.8g (relative %.2g)", c->network,
                 (long long)event->step, event->loss, want, relative);
    if (event->step == NEAR || event->step == STEPS)
        print_message("%s: step %lld, relative difference %.2g\n", c->network, (long long)event->step, relative);
    c->seen++;
    return true;
}

static stria_model *model_make(const curve *c) {
    stria_model *fresh = NULL, *from = NULL, *m = NULL;
    char spec[96], *report = NULL;
    snprintf(spec, sizeof spec, "%s:size=%lldx%lldx%lld", c->network, (long long)c->channels, (long long)c->side,
             (long long)c->side);
    assert_ok(stria_model_open(&from, weights_file(spec), 0, &err));
    assert_ok(stria_model_open(&fresh, spec, 7, &err));
    assert_ok(stria_model_take_weights(&m, fresh, from, &report, &err));
    stria_text_free(report);
    stria_model_free(from);
    stria_model_free(fresh);
    return m;
}

static void train(curve *c) {
    stria_trainer *t = NULL;
    stria_train_options o = stria_train_options_default();
    stria_model *m = model_make(c);
    stria_dataset *d = images_make(c);
    o.no_shuffle = 1;
    o.batch = c->batch;
    o.epochs = STEPS * c->batch / c->images;
    o.lr = c->rate;
    o.weight_decay = c->decay;
    o.optimizer = "sgd:momentum=0.9";
    o.schedule = "constant";
    o.seed = 5; /* has nothing to decide */
    assert_ok(stria_trainer_new(&t, m, d, NULL, &o, &err));
    stria_trainer_on_event(t, compare, c);
    assert_ok(stria_trainer_run(t, &err));
    assert_int_equal(c->seen, STEPS);
    stria_trainer_free(t);
    stria_dataset_free(d);
    stria_model_free(m);
}

static void as_pytorch(void **state) {
    char path[512];
    const char *source = getenv("SOURCE");
    curve c;
    int curves = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/curves.txt", source ? source : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (; read_curve(f, &c); curves++) train(&c);
    assert_int_equal(curves, 2);
    fclose(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_pytorch)};
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
