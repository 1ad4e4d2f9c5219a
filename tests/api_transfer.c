/* Outputs taken back and replaced; new classifiers, frozen parts and weights of other models, through the public
 * header. */
#include <stria/stria.h>

#include "data_support.h"

#define BATCH 4

static stria_error err;

static void assert_ok(stria_status status) {
    if (status != STRIA_OK) fail_msg("%s", err.text);
}

static void assert_says(stria_status status, stria_status wanted, const char *words) {
    assert_int_equal(status, wanted);
    if (!strstr(err.text, words)) fail_msg("'%s' is not in '%s'", words, err.text);
}

static stria_model *opened(const char *spec) {
    stria_model *m = NULL;
    assert_ok(stria_model_open(&m, spec, 3, &err));
    return m;
}

static stria_session *session_of(const stria_model *m, int64_t batch) {
    stria_session *s = NULL;
    stria_session_options o = stria_session_options_default();
    o.batch = batch;
    o.threads = 1;
    o.optimize = false; /* every variable stays one */
    assert_ok(stria_session_new(&s, m, &o, &err));
    return s;
}

/* A variable's or output's contents; the caller frees them. */
static float *contents(const stria_session *s, const char *name, size_t *count) {
    stria_port p = {.size = sizeof p};
    assert_ok(stria_session_port(s, name, &p, &err));
    *count = 1;
    for (int i = 0; i < p.rank; i++) *count *= (size_t)p.shape[i];
    float *x = malloc(*count * sizeof *x);
    assert_non_null(x);
    assert_ok(stria_session_get(s, name, x, *count * sizeof *x, &err));
    return x;
}

static float *model_contents(const stria_model *m, const char *name, size_t *count) {
    stria_session *s = session_of(m, 1);
    float *x = contents(s, name, count);
    stria_session_free(s);
    return x;
}

static bool same_contents(const stria_model *a, const stria_model *b, const char *name) {
    size_t n, m;
    float *x = model_contents(a, name, &n), *y = model_contents(b, name, &m);
    bool same = n == m && memcmp(x, y, n * sizeof *x) == 0;
    free(x);
    free(y);
    return same;
}

/* Of any picture. */
static float *scores(const stria_model *m, size_t *count) {
    stria_session *s = session_of(m, BATCH);
    stria_port in = *stria_model_input(m, 0);
    size_t pixels = (size_t)(BATCH * in.shape[1] * in.shape[2] * in.shape[3]);
    float *x = malloc(pixels * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < pixels; i++) x[i] = (float)((i * 37) % 101) / 101;
    assert_ok(stria_session_set(s, in.name, x, pixels * sizeof *x, &err));
    assert_ok(stria_session_run(s, &err));
    free(x);
    x = contents(s, stria_model_output(m, 0)->name, count);
    stria_session_free(s);
    return x;
}

static void test_outputs(void **state) {
    (void)state;
    stria_graph *g = stria_graph_new("outputs");
    stria_value *x = stria_input(g, "x", STRIA_FLOAT32, 2, (int64_t[]){0, 3});
    stria_value *y = stria_relu(g, x), *z = stria_tanh(g, y);
    stria_output(g, y, "first");
    stria_output(g, z, NULL);
    stria_output(g, x, "third");
    stria_graph_remove_output(g, "first");
    stria_graph_replace_output(g, "third", y);
    stria_graph_replace_output(g, stria_value_name(z), x);
    assert_ok(stria_graph_status(g, &err));
    assert_ptr_equal(stria_find(g, "third"), y);
    stria_graph_remove_output(g, "first");
    assert_says(stria_graph_status(g, &err), STRIA_BAD_ARGUMENT, "the graph has no output 'first'");
    stria_graph_free(g);
    g = stria_graph_new("outputs");
    x = stria_input(g, "x", STRIA_FLOAT32, 2, (int64_t[]){0, 3});
    y = stria_relu(g, x);
    stria_output(g, x, "first");
    stria_output(g, stria_tanh(g, y), "second");
    stria_graph_replace_output(g, "second", y);
    stria_graph_remove_output(g, "first");
    stria_model *m = NULL;
    assert_ok(stria_model_from_graph(&m, g, &err));
    assert_int_equal(stria_model_output_count(m), 1);
    assert_string_equal(stria_model_output(m, 0)->name, "second");
    stria_session *s = session_of(m, 1);
    const float in[3] = {-2, 0.5f, 3};
    float out[3];
    assert_ok(stria_session_set(s, "x", in, sizeof in, &err));
    assert_ok(stria_session_run(s, &err));
    assert_ok(stria_session_get(s, "second", out, sizeof out, &err));
    assert_true(out[0] == 0 && out[1] == 0.5f && out[2] == 3); /* relu, not tanh */
    stria_session_free(s);
    stria_model_free(m);
}

/* Any classifier gets N classes: its only output is logits, and what is before the head stays to the bit. */
static void test_heads(void **state) {
    static const struct {
        const char *spec, *kept;
    } cases[] = {{"lenet", "conv1.weight"},
                 {"resnet20", "layer1.0.conv1.weight"},
                 {"squeezenet1.1:size=3x64x64", "features.0.weight"},
                 {"mobilenet-v1:size=3x64x64,width=0.25", NULL},
                 {"googlenet:size=3x96x96", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stria_model *m = opened(cases[i].spec), *changed = NULL;
        stria_classifier c = {.size = sizeof c};
        size_t count;
        assert_ok(stria_model_replace_head(&changed, m, 7, 1, &err));
        assert_int_equal(stria_model_output_count(changed), 1);
        stria_port y = *stria_model_output(changed, 0);
        assert_string_equal(y.name, "logits");
        assert_int_equal(y.rank, 2);
        assert_int_equal(y.shape[1], 7);
        assert_ok(stria_model_classifier(changed, &c, &err));
        assert_true(c.classes == 7 && !c.probabilities && c.certain && c.relation == STRIA_EXCLUSIVE);
        free(model_contents(changed, "head.weight", &count));
        assert_true(count % 7 == 0);
        if (cases[i].kept) assert_true(same_contents(m, changed, cases[i].kept));
        stria_model_free(m);
        stria_model_free(changed);
    }
}

/* The new head sees what the old one saw: with the old one's first rows it gives the old one's first scores. */
static void test_head_sees_the_same(void **state) {
    (void)state;
    stria_model *m = opened("lenet"), *changed = NULL;
    size_t weights, all, count;
    assert_ok(stria_model_replace_head(&changed, m, 4, 1, &err));
    float *old = model_contents(m, "logits.weight", &all), *want = scores(m, &count);
    free(model_contents(changed, "head.weight", &weights));
    assert_int_equal(all / 10, weights / 4);
    stria_session *s = session_of(changed, BATCH);
    stria_port in = *stria_model_input(changed, 0);
    size_t pixels = (size_t)(BATCH * in.shape[1] * in.shape[2] * in.shape[3]);
    float *image = malloc(pixels * sizeof *image);
    assert_non_null(image);
    for (size_t i = 0; i < pixels; i++) image[i] = (float)((i * 37) % 101) / 101;
    assert_ok(stria_session_set(s, in.name, image, pixels * sizeof *image, &err));
    assert_ok(stria_session_set(s, "head.weight", old, weights * sizeof *old, &err));
    assert_ok(stria_session_run(s, &err));
    float *got = contents(s, "logits", &count);
    for (int b = 0; b < BATCH; b++)
        for (int k = 0; k < 4; k++) {
            float a = got[b * 4 + k], z = want[b * 10 + k];
            if (a - z > 1e-5f || z - a > 1e-5f)
                fail_msg("picture %d, class %d: %g, not %g", b, k, (double)a, (double)z);
        }
    stria_session_free(s);
    free(old);
    free(want);
    free(got);
    free(image);
    stria_model_free(m);
    stria_model_free(changed);
}

static void test_head_is_refused(void **state) {
    (void)state;
    stria_model *m = opened("lenet"), *changed = NULL;
    assert_says(stria_model_replace_head(&changed, m, 1, 1, &err), STRIA_BAD_ARGUMENT, "1 classes; expected 2 to");
    stria_model_free(m);
    stria_graph *g = stria_graph_new("nothing");
    stria_value *x = stria_input(g, "x", STRIA_FLOAT32, 4, (int64_t[]){0, 3, 1, 1});
    stria_output(g, stria_relu(g, x), "y");
    assert_ok(stria_model_from_graph(&m, g, &err));
    assert_says(stria_model_replace_head(&changed, m, 5, 1, &err), STRIA_UNSUPPORTED,
                "does not come from one last product");
    stria_model_free(m);
    g = stria_graph_new("numbers");
    stria_output(g, stria_relu(g, stria_input(g, "x", STRIA_FLOAT32, 2, (int64_t[]){0, 3})), "y");
    assert_ok(stria_model_from_graph(&m, g, &err));
    assert_says(stria_model_replace_head(&changed, m, 5, 1, &err), STRIA_BAD_SHAPE, "a classifier of pictures");
    stria_model_free(m);
}

static int64_t frozen(const stria_model *m, const char *what, int64_t *all) {
    stria_model *changed = NULL;
    stria_summary s = {.size = sizeof s};
    assert_ok(stria_model_freeze(&changed, m, what, &err));
    assert_ok(stria_summarize(changed, 1, &s, &err));
    int64_t count = s.frozen;
    *all = s.parameters;
    stria_summary_release(&s);
    stria_model_free(changed);
    return count;
}

static void test_freeze(void **state) {
    (void)state;
    int64_t all;
    stria_model *m = opened("lenet5"), *part = NULL;
    const int64_t conv1 = 6 * 25 + 6, conv2 = 16 * 6 * 25 + 16, head = 84 * 10 + 10;
    assert_int_equal(frozen(m, "none", &all), 0);
    assert_int_equal(frozen(m, "all-but-head", &all), all - head);
    assert_int_equal(frozen(m, "conv1", &all), conv1);
    assert_int_equal(frozen(m, "conv1.weight", &all), conv1 - 6);
    assert_int_equal(frozen(m, "conv?.*", &all), conv1 + conv2);
    assert_int_equal(frozen(m, "conv1,conv2.bias", &all), conv1 + 16);
    assert_int_equal(frozen(m, "until:conv2", &all), conv1 + conv2);
    assert_int_equal(frozen(m, "*", &all), all);
    assert_int_equal(frozen(m, "none", &all), 0);
    assert_ok(stria_model_freeze(&part, m, "conv1", &err));
    assert_int_equal(frozen(part, "conv2", &all), conv1 + conv2);
    assert_int_equal(frozen(part, "none", &all), 0);
    stria_model *out = NULL;
    assert_says(stria_model_freeze(&out, m, "convv*", &err), STRIA_BAD_ARGUMENT, "are called 'convv*'");
    assert_says(stria_model_freeze(&out, m, "conv1,,", &err), STRIA_BAD_ARGUMENT, "a pattern of 0 characters");
    assert_says(stria_model_freeze(&out, m, "until:fc9", &err), STRIA_BAD_ARGUMENT, "has no such layer or value");
    stria_model_free(m);
    stria_model_free(part);
    m = opened("resnet20");
    assert_int_equal(frozen(m, "none", &all), 0);
    assert_int_equal(frozen(m, "all-but-head", &all), all - 650);
    stria_model_free(m);
}

static void test_take(void **state) {
    (void)state;
    stria_model *from = NULL, *to = opened("lenet5:classes=17"), *taken = NULL, *other = opened("resnet20");
    char *report = NULL;
    assert_ok(stria_model_open(&from, "lenet5", 99, &err));
    assert_ok(stria_model_set_metadata(from, "stria.mean", "0.5", &err));
    assert_false(same_contents(from, to, "conv1.weight"));
    assert_ok(stria_model_take_weights(&taken, to, from, &report, &err));
    assert_true(same_contents(from, taken, "conv1.weight"));
    assert_true(same_contents(from, taken, "dense2.bias"));
    assert_true(same_contents(to, taken, "logits.weight"));
    assert_string_equal(stria_model_metadata(taken, "stria.mean"), "0.5");
    const char *want = "8 of 10 tensors (60,856 of 62,301 numbers) are those of 'lenet5'; not logits.weight ([17, 84], "
                       "there [10, 84]), logits.bias ([17], there [10])";
    assert_string_equal(report, want);
    stria_text_free(report);
    stria_model_free(taken);
    assert_says(stria_model_take_weights(&taken, to, other, NULL, &err), STRIA_BAD_ARGUMENT,
                "no weights of 'resnet20' fit 'lenet5' by name and shape");
    stria_model_free(from);
    stria_model_free(to);
    stria_model_free(other);
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

/* Forty pictures 2×6×6 of two classes. */
static stria_dataset *pictures(void) {
    static float x[40][72];
    static int64_t y[40];
    char spec[1100];
    stria_dataset *d = NULL;
    for (int i = 0; i < 40; i++) {
        y[i] = i % 2;
        for (int p = 0; p < 72; p++) x[i][p] = (float)((p + 7 * i) % 11) / 11 + (float)(i % 2) * (float)(p < 36);
    }
    put_npy("x.npy", "<f4", "(40, 2, 6, 6)", x, sizeof x);
    put_npy("y.npy", "<i8", "(40,)", y, sizeof y);
    snprintf(spec, sizeof spec, "npy:%s,%s", in_folder("x.npy"), in_folder("y.npy"));
    assert_ok(stria_dataset_open(&d, spec, NULL, &err));
    return d;
}

/* Convolution with batch normalisation twice, then a classifier. */
static stria_model *network(void) {
    stria_model *m = NULL;
    stria_graph *g = stria_graph_new("small");
    stria_value *x = stria_input(g, "image", STRIA_FLOAT32, 4, (int64_t[]){0, 2, 6, 6});
    x = stria_conv_bn_relu(g, x, 4, "name=a");
    x = stria_conv_bn_relu(g, x, 4, "name=b");
    stria_output(g, stria_dense(g, x, 2, "name=fc"), "y");
    assert_ok(stria_model_from_graph(&m, g, &err));
    return m;
}

static stria_model *trained(const stria_model *m) {
    stria_dataset *d = pictures();
    stria_trainer *t = NULL;
    stria_model *out = NULL;
    stria_train_options o = stria_train_options_default();
    o.epochs = 3;
    o.batch = 10;
    o.threads = 1;
    assert_ok(stria_trainer_new(&t, m, d, NULL, &o, &err));
    assert_ok(stria_trainer_run(t, &err));
    assert_ok(stria_trainer_model(&out, t, &err));
    stria_trainer_free(t);
    stria_dataset_free(d);
    return out;
}

/* What is frozen keeps every bit, running statistics too; the rest learns; the flag travels with the model. */
static void test_frozen_training(void **state) {
    static const char *const names[] = {"a.conv.weight",     "a.bn.weight",   "a.bn.running_mean",
                                        "a.bn.running_var",  "b.conv.weight", "b.bn.bias",
                                        "b.bn.running_mean", "fc.weight",     "fc.bias"};
    static const struct {
        const char *what;
        int kept; /* the first so many of the names */
    } cases[] = {{"none", 0}, {"until:a.relu", 4}, {"a.*", 4}, {"all-but-head", 7}};
    (void)state;
    stria_model *m = network();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stria_model *part = NULL;
        assert_ok(stria_model_freeze(&part, m, cases[i].what, &err));
        stria_model *after = trained(part);
        for (int k = 0; k < 9; k++)
            if (same_contents(part, after, names[k]) != (k < cases[i].kept))
                fail_msg("--freeze %s: %s %s", cases[i].what, names[k],
                         k < cases[i].kept ? "changed" : "did not change");
        stria_model_free(part);
        stria_model_free(after);
    }
    stria_model *all = NULL;
    stria_trainer *t = NULL;
    stria_dataset *d = pictures();
    stria_train_options o = stria_train_options_default();
    o.batch = 10;
    assert_ok(stria_model_freeze(&all, m, "*", &err));
    assert_says(stria_trainer_new(&t, all, d, NULL, &o, &err), STRIA_BAD_ARGUMENT, "has no parameter to train");
    stria_dataset_free(d);
    stria_model_free(all);
    stria_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_outputs),
                                       cmocka_unit_test(test_heads),
                                       cmocka_unit_test(test_head_sees_the_same),
                                       cmocka_unit_test(test_head_is_refused),
                                       cmocka_unit_test(test_freeze),
                                       cmocka_unit_test(test_take),
                                       cmocka_unit_test(test_frozen_training)};
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
