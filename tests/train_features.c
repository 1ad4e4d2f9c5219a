/* The frozen part of a model cut off: where, with what shapes, and that training on its kept results is training. */
#include <math.h>
#include <string.h>

#include "data_support.h"
#include "model/net.h"
#include "model/zoo/zoo.h"
#include "train/features.h"
#include "train/trainer.h"
#include "train/transfer.h"

#include <stria/stria.h>

static stria_error err;

static void assert_ok(stria_status status) {
    if (status != STRIA_OK) fail_msg("%s", err.text);
}

static bool cut(graph *g, const char *freeze, features *f) {
    bool found;
    int64_t count;
    assert_ok(weights_freeze(g, freeze, &count, &err));
    assert_ok(features_cut(g, f, &found, &err));
    return found;
}

static void test_places(void **state) {
    static const struct {
        const char *spec, *freeze;
        int shape[3]; /* zeros: there is no such place */
    } cases[] = {{"lenet5", "all-but-head", {84, 1, 1}},
                 {"lenet5", "conv?", {400, 1, 1}},
                 {"lenet5", "conv1", {6, 14, 14}},
                 {"lenet5", "conv2", {0, 0, 0}},
                 {"lenet5", "none", {0, 0, 0}},
                 {"linear", "none", {0, 0, 0}}, /* flattening alone is nothing to keep */
                 {"mlp", "all-but-head", {256, 1, 1}},
                 {"squeezenet1.1:size=3x64x64", "all-but-head", {512, 3, 3}}, /* before the dropout */
                 {"resnet20", "all-but-head", {64, 1, 1}},
                 {"resnet20", "*.weight,*.bias", {16, 32, 32}}}; /* statistics that are not frozen end it */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g = NULL;
        features f = {0};
        assert_ok(zoo_build(&g, cases[i].spec, 1, &err));
        bool found = cut(g, cases[i].freeze, &f);
        if (found != (cases[i].shape[0] > 0) || (found && memcmp(f.shape, cases[i].shape, sizeof f.shape) != 0))
            fail_msg("%s, %s: %d, %dx%dx%d", cases[i].spec, cases[i].freeze, found, f.shape[0], f.shape[1], f.shape[2]);
        if (found) {
            assert_int_equal(f.body->input_count, 1);
            assert_int_equal(f.rest->input_count, 1);
            assert_ok(graph_check(f.body, &err));
            assert_ok(graph_check(f.rest, &err));
        }
        features_release(&f);
        graph_free(g);
    }
}

/* Two values of the picture go on: there is no one place. */
static void test_two_borders(void **state) {
    static const char net[] = "stria-net 1\nx = input(batch x 2 x 6 x 6)\na = conv(x, 3, kernel=3)\n"
                              "b = conv(x, 3, kernel=3)\nc = conv(a, 3, kernel=1)\ns = add(c, b)\n"
                              "y = dense(s, 2)\noutput(y)\n";
    graph *g = NULL;
    features f = {0};
    (void)state;
    assert_ok(net_read(&g, net, strlen(net), "two", 1, &err));
    assert_false(cut(g, "a,b", &f));
    assert_true(cut(g, "c", &f));
    assert_int_equal(f.shape[0], 48);
    features_release(&f);
    graph_free(g);
}

/* ---- training ---- */

static void put_npy(const char *name, const char *type, const char *dims, const void *data, size_t bytes) {
    static char file[1 << 16];
    char header[100];
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, dims);
    snprintf(file + 10, 119, "%-117s\n", header);
    memcpy(file + 128, data, bytes);
    put_file(name, file, 128 + bytes);
}

static void data_open(stria_dataset **train, stria_dataset **val, double share) {
    static float x[75][72];
    static int64_t y[75];
    char spec[1100];
    for (int i = 0; i < 75; i++) {
        y[i] = i % 3;
        for (int p = 0; p < 72; p++) x[i][p] = (float)((p * 5 + 7 * i) % 11) / 11 + (float)((p / 24) == i % 3);
    }
    put_npy("x.npy", "<f4", "(75, 2, 6, 6)", x, sizeof x);
    put_npy("y.npy", "<i8", "(75,)", y, sizeof y);
    snprintf(spec, sizeof spec, "npy:%s,%s", in_folder("x.npy"), in_folder("y.npy"));
    stria_dataset_options options = stria_dataset_options_default();
    options.val = share;
    assert_ok(stria_dataset_open_pair(train, val, spec, &options, &err));
}

static stria_model *network(void) {
    stria_model *m = NULL, *part = NULL;
    stria_graph *g = stria_graph_new("small");
    stria_value *x = stria_input(g, "image", STRIA_FLOAT32, 4, (int64_t[]){0, 2, 6, 6});
    x = stria_conv_bn_relu(g, x, 4, "name=a");
    x = stria_relu(g, stria_dense(g, x, 12, "name=d"));
    stria_output(g, stria_dense(g, x, 3, "name=fc"), "y");
    assert_ok(stria_model_from_graph(&m, g, &err));
    assert_ok(stria_model_freeze(&part, m, "a.*", &err));
    stria_model_free(m);
    return part;
}

typedef struct outcome {
    float weights[36];
    double val_loss, val_top1;
} outcome;

static bool remember(const stria_event *e, void *context) {
    outcome *o = context;
    if (e->kind == STRIA_EVENT_EPOCH) o->val_loss = e->val_loss, o->val_top1 = e->val_top1;
    return true;
}

/* skip_bad keeps the frozen part in every step. */
static outcome trained(const stria_model *m, bool whole, int threads) {
    stria_dataset *train = NULL, *val = NULL;
    stria_trainer *t = NULL;
    stria_model *out = NULL;
    stria_session *s = NULL;
    outcome o = {0};
    stria_train_options options = stria_train_options_default();
    stria_session_options plain = stria_session_options_default();
    options.epochs = 4;
    options.batch = 9;
    options.threads = threads;
    options.skip_bad = whole;
    plain.optimize = false;
    data_open(&train, &val, 0);
    assert_ok(stria_trainer_new(&t, m, train, val, &options, &err));
    stria_trainer_on_event(t, remember, &o);
    assert_ok(stria_trainer_run(t, &err));
    assert_ok(stria_trainer_model(&out, t, &err));
    assert_ok(stria_session_new(&s, out, &plain, &err));
    assert_ok(stria_session_get(s, "fc.weight", o.weights, sizeof o.weights, &err));
    stria_session_free(s);
    stria_model_free(out);
    stria_trainer_free(t);
    stria_dataset_free(train);
    stria_dataset_free(val);
    return o;
}

static void test_training(void **state) {
    (void)state;
    stria_model *m = network();
    outcome whole = trained(m, true, 1), kept = trained(m, false, 1), threads = trained(m, false, 3);
    assert_memory_equal(kept.weights, threads.weights, sizeof kept.weights);
    assert_true(kept.val_loss == threads.val_loss);
    for (int i = 0; i < 36; i++)
        if (fabsf(whole.weights[i] - kept.weights[i]) > 1e-5f)
            fail_msg("weight %d is %g, with kept features %g", i, (double)whole.weights[i], (double)kept.weights[i]);
    assert_true(fabs(whole.val_loss - kept.val_loss) < 1e-5 && whole.val_top1 == kept.val_top1);
    stria_model_free(m);
}

/* Data that the network does not take is refused, with a frozen part as without. */
static void test_other_shape(void **state) {
    static const struct {
        const char *freeze;
        int64_t shape[4];
    } cases[] = {{"a.*", {0, 4, 6, 6}}, {"none", {0, 4, 6, 6}}, {"a.*", {0, 2, 6, 7}}, {"none", {0, 2, 6, 7}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stria_dataset *train = NULL, *val = NULL;
        stria_trainer *t = NULL;
        stria_model *m = NULL, *part = NULL;
        stria_train_options options = stria_train_options_default();
        char sentence[200];
        stria_graph *g = stria_graph_new("other");
        stria_value *x = stria_input(g, "image", STRIA_FLOAT32, 4, cases[i].shape);
        x = stria_relu(g, stria_dense(g, stria_flatten(g, stria_conv_bn_relu(g, x, 4, "name=a")), 12, "name=d"));
        stria_output(g, stria_dense(g, x, 3, "name=fc"), "y");
        assert_ok(stria_model_from_graph(&m, g, &err));
        assert_ok(stria_model_freeze(&part, m, cases[i].freeze, &err));
        data_open(&train, &val, 0);
        options.batch = 9;
        assert_int_equal(stria_trainer_new(&t, part, train, val, &options, &err), STRIA_BAD_SHAPE);
        snprintf(sentence, sizeof sentence, "pictures come as 2x6x6, but input 'image' takes %dx%dx%d",
                 (int)cases[i].shape[1], (int)cases[i].shape[2], (int)cases[i].shape[3]);
        assert_string_equal(err.text, sentence);
        stria_model_free(m);
        stria_model_free(part);
        stria_dataset_free(train);
        stria_dataset_free(val);
    }
}

/* Stops at its n-th call while features are computed. */
typedef struct stopping {
    int calls, at;
    double val_loss;
} stopping;

static bool stop_once(const stria_event *e, void *context) {
    stopping *s = context;
    if (e->kind == STRIA_EVENT_EPOCH) s->val_loss = e->val_loss;
    return e->kind != STRIA_EVENT_PROGRESS || ++s->calls != s->at;
}

/* Stopped after any batch of features, of training or validation, and run again, a training is the same. */
static void test_stopped(void **state) {
    double whole = 0;
    (void)state;
    stria_model *m = network();
    for (int at = 0; at <= 3; at++) { /* two batches of training and two of validation */
        stria_dataset *train = NULL, *val = NULL;
        stria_trainer *t = NULL;
        stopping s = {.at = at};
        stria_train_options options = stria_train_options_default();
        options.epochs = 1;
        options.batch = 9;
        data_open(&train, &val, 0.5);
        assert_ok(stria_trainer_new(&t, m, train, val, &options, &err));
        stria_trainer_on_event(t, stop_once, &s);
        if (at) assert_int_equal(stria_trainer_run(t, &err), STRIA_INTERRUPTED);
        assert_ok(stria_trainer_run(t, &err));
        if (!at) whole = s.val_loss;
        assert_true(s.val_loss == whole && whole > 0);
        stria_trainer_free(t);
        stria_dataset_free(train);
        stria_dataset_free(val);
    }
    stria_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places), cmocka_unit_test(test_two_borders),
                                       cmocka_unit_test(test_training), cmocka_unit_test(test_stopped),
                                       cmocka_unit_test(test_other_shape)};
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
