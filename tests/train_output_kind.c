/* What a classifier's output holds: every ending that keeps probabilities is seen through, none passes a softmax twice,
 * and what cannot be told is said to be unknown. The probabilities that come of it are those of the formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/net.h"
#include "run.h"
#include "train/classifier.h"
#include "train/goal.h"
#include "train/score.h"

enum { BATCH = 3, PIXELS = 4 };

/* Scores z = f, the four pixels; what follows gives y. */
static graph *model_of(const char *tail, const char *says) {
    char text[2000];
    graph *g = NULL;
    stria_error err = {0};
    int length = snprintf(text, sizeof text,
                          "stria-net 1\nx = input(batch x 1 x 2 x 2)\nf = flatten(x)\n"
                          "w = constant(4x4, [1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0,1])\nz = MatMul(f, w)\n"
                          "i1 = constant(int64, 1, [1])\ni2 = constant(int64, 1, [2])\n"
                          "i23 = constant(int64, 2, [2, 3])\ni0 = constant(int64, 1, [0])\n"
                          "i3 = constant(int64, 1, [3])\ni14 = constant(int64, 2, [1, 4])\n"
                          "m1 = constant(int64, 2, [-1, 1])\n%s\noutput(y)\n",
                          tail);
    assert_true(length < (int)sizeof text);
    if (net_read(&g, text, (size_t)length, "test.net", 0, &err) != STRIA_OK) fail_msg("%s: %s", tail, err.text);
    if (says) assert_int_equal(graph_set_metadata(g, KEY_OUTPUT, says, NULL), STRIA_OK);
    return g;
}

static const char *const relations[] = {"exclusive", "binary", "multi-label"};

/* "probabilities exclusive of z", "logits exclusive of y?": what is held, how classes relate, which value shows the
 * logits (- for none), ? where it is not certain. */
static void kind_text(const graph *g, char text[100]) {
    output_kind k;
    stria_error err = {0};
    if (output_kind_of(g, g->outputs[0], &k, &err) != STRIA_OK) fail_msg("%s", err.text);
    snprintf(text, 100, "%s %s of %s%s", k.probabilities ? "probabilities" : "logits", relations[k.relation],
             k.logits ? k.logits->name : "-", k.certain ? "" : "?");
}

#define ONE "one = constant(scalar, [1])\n"

static const struct ending {
    const char *tail, *kind;
} endings[] = {
    /* softmax, and what keeps it */
    {"y = Softmax(z)", "probabilities exclusive of z"},
    {"p = Softmax(z)\ny = Identity(p)", "probabilities exclusive of z"},
    {"p = Softmax(z)\nh = Cast(p, to=10)\ny = Cast(h, to=1)", "probabilities exclusive of z"},
    {"p = Softmax(z)\ny = Cast(p, to=10)", "probabilities exclusive of z"},
    {"p = Softmax(z)\ny = Dropout(p)", "probabilities exclusive of z"},
    {"lo = constant(scalar, [1e-7])\nhi = constant(scalar, [0.9999999])\np = Softmax(z)\ny = Clip(p, lo, hi)",
     "probabilities exclusive of z"},
    {"lo = constant(scalar, [0.2])\nhi = constant(scalar, [0.5])\np = Softmax(z)\ny = Clip(p, lo, hi)",
     "probabilities exclusive of -"},
    {"lo = constant(1, [1e-7])\nhi = constant(1, [0.9999999])\np = Softmax(z)\nm = Max(p, lo)\ny = Min(hi, m)",
     "probabilities exclusive of z"},
    {"p = Softmax(z)\ny = Relu(p)", "probabilities exclusive of z"},
    {"p = Softmax(z)\na = constant(int64, 2, [2, 3])\nu = Unsqueeze(p, a)\ny = Squeeze(u, a)",
     "probabilities exclusive of z"},
    {"s = constant(int64, 3, [1, -1, 4])\np = Softmax(z)\nr = Reshape(p, s)\nt = constant(int64, 2, [-1, 4])\n"
     "y = Reshape(r, t)",
     "probabilities exclusive of z"},
    {"s = constant(int64, 3, [1, -1, 4])\nr = Reshape(z, s)\np = Softmax(r)\nt = constant(int64, 2, [-1, 4])\n"
     "y = Reshape(p, t)",
     "probabilities exclusive of r"},
    {"p = Softmax(z)\nt = Transpose(p, perm=[1,0])\ny = Transpose(t, perm=[1,0])", "logits exclusive of y?"},
    {"e = Exp(z)\ns = ReduceSum(e, i1)\ny = Div(e, s)", "probabilities exclusive of z"},
    {"e = Exp(z)\ns = ReduceSum(e, i1)\nr = Reciprocal(s)\ny = Mul(e, r)", "probabilities exclusive of z"},
    {"m = ReduceMax(z, i1)\nd = Sub(z, m)\ne = Exp(d)\ns = ReduceSum(e, i1)\ny = Div(e, s)",
     "probabilities exclusive of d"},
    {"e = Softplus(z)\ns = ReduceSum(e, i1)\ny = Div(e, s)", "probabilities exclusive of -"},
    {"l = LogSoftmax(z)\ny = Exp(l)", "probabilities exclusive of z"},
    {"s = ReduceLogSumExp(z, i1)\nl = Sub(z, s)\ny = Exp(l)", "probabilities exclusive of z"},
    {"p = Softmax(z)\nq = Softmax(f)\ny = Mean(p, q)", "probabilities exclusive of -"},
    {"w5 = parameter(4x5)\nv = MatMul(z, w5)\np = Softmax(v)\nn = constant(int64, 1, [5])\ny = Slice(p, i1, n, i1)",
     "probabilities exclusive of -"}, /* without the background class */
    {"y = Hardmax(z)", "logits exclusive of y?"},
    /* logarithms of softmax are logits */
    {"y = LogSoftmax(z)", "logits exclusive of y"},
    {"p = Softmax(z)\ny = Log(p)", "logits exclusive of y"},
    /* averages over positions */
    {"c = conv(x, 3, kernel=1)\np = Softmax(c, axis=1)\ny = GlobalAveragePool(p)", "probabilities exclusive of -"},
    {"c = conv(x, 3, kernel=1)\np = Softmax(c, axis=1)\ny = ReduceMean(p, i23, keepdims=0)",
     "probabilities exclusive of -"},
    {"c = conv(x, 3, kernel=1)\nt = Transpose(c, perm=[0,2,3,1])\np = Softmax(t)\nb = Transpose(p, perm=[0,3,1,2])\n"
     "y = GlobalAveragePool(b)",
     "probabilities exclusive of -"},
    {"c = conv(x, 3, kernel=1)\nr = relu(c)\ny = GlobalAveragePool(r)", "logits exclusive of y"},
    /* sigmoids */
    {"y = Sigmoid(z)", "probabilities multi-label of z"},
    {"p = Sigmoid(z)\ny = Cast(p, to=10)", "probabilities multi-label of z"},
    {ONE "m = Neg(z)\ne = Exp(m)\na = Add(e, one)\ny = Div(one, a)", "probabilities multi-label of z"},
    {ONE "m = Neg(z)\ne = Exp(m)\na = Add(one, e)\ny = Reciprocal(a)", "probabilities multi-label of z"},
    {"p = Sigmoid(z)\nl = Log(p)\ny = Exp(l)", "probabilities multi-label of z"},
    {"p = Sigmoid(z)\ny = Log(p)", "logits multi-label of z"},
    {"y = HardSigmoid(z)", "probabilities multi-label of -"},
    {"h = constant(int64, 3, [0, 2, 2])\ns = Reshape(z, h)\np = Softmax(s)\ny = Flatten(p)",
     "probabilities exclusive of -?"}, /* two heads */
    /* one number per picture */
    {"o = dense(f, 1)\ny = Sigmoid(o)", "probabilities binary of o"},
    {"o = dense(f, 1)\np = Sigmoid(o)\nu = Unsqueeze(p, i2)\ny = Squeeze(u, i2)", "probabilities binary of o"},
    {"o = dense(f, 1)\np = Sigmoid(o)\ny = Cast(p, to=10)", "probabilities binary of o"},
    {"y = dense(f, 1)", "logits binary of y?"},
    {ONE "o = dense(f, 1)\np = Sigmoid(o)\nq = Sub(one, p)\ny = Concat(q, p, axis=1)", "probabilities exclusive of -"},
    {"o = dense(f, 1)\ny = Softmax(o)", "probabilities exclusive of o"},
    /* the same by other words */
    {"e = Exp(z)\ns = ReduceSum(e, i1, keepdims=0)\nu = Unsqueeze(s, i1)\nx4 = Expand(u, i14)\ny = Div(e, x4)",
     "probabilities exclusive of z"},
    {"e = Exp(z)\ns = ReduceSum(e, i1, keepdims=0)\nr = Reshape(s, m1)\ny = Div(e, r)", "probabilities exclusive of z"},
    {"q = Mul(z, z)\ns = ReduceSum(q, i1)\ny = Div(q, s)", "probabilities exclusive of -"},
    {"e = Abs(z)\ns = ReduceL1(e, i1)\ny = Div(e, s)", "probabilities exclusive of -"},
    {"e = Exp(z)\ns = ReduceSum(e, i1)\nl = Log(s)\nd = Sub(z, l)\ny = Exp(d)", "probabilities exclusive of z"},
    {ONE "n = Neg(z)\ne = Exp(n)\na = Add(one, e)\nr = Reciprocal(a)\ny = Sub(one, r)",
     "probabilities multi-label of -"},
    {"p = Sigmoid(z)\nl = Log(p)\ny = Identity(l)", "logits multi-label of z"},
    {"p = Sigmoid(z)\nq = Sigmoid(f)\nr = HardSigmoid(f)\ny = Mean(p, q, r)", "probabilities multi-label of -"},
    {"c = conv(x, 3, kernel=1)\np = Sigmoid(c)\ny = AveragePool(p, kernel_shape=[2,2])",
     "probabilities multi-label of -"},
    {"c = conv(x, 3, kernel=1)\ny = MaxPool(c, kernel_shape=[2,2])", "logits exclusive of y"},
    {"c = conv(x, 3, kernel=1)\ny = ReduceMax(c, i23)", "logits exclusive of y"},
    {"y = Softmax(z, axis=0)", "probabilities exclusive of -?"},
    {"y = LogSoftmax(z, axis=0)", "logits exclusive of y?"},
    {"o = dense(f, 1)\np = Sigmoid(o)\n" ONE "q = Sub(one, p)\ny = Concat(p, q, axis=1)",
     "probabilities exclusive of -"},
    {"a = dense(f, 1)\np = Sigmoid(a)\nb = dense(f, 1)\nq = Sigmoid(b)\ny = Concat(q, p, axis=1)",
     "probabilities multi-label of -"},
    {"a = dense(f, 2)\np = Softmax(a)\nb = dense(f, 2)\nq = Softmax(b)\ny = Concat(q, p, axis=1)",
     "probabilities exclusive of -?"},
    {"a = dense(f, 2)\np = Softmax(a)\nb = dense(f, 2)\nq = Sigmoid(b)\ny = Concat(q, p, axis=1)",
     "probabilities exclusive of -?"},
    {"a = dense(f, 2)\np = LogSoftmax(a)\nb = dense(f, 2)\nq = LogSoftmax(b)\ny = Concat(q, p, axis=1)",
     "logits exclusive of y?"},
    {"p = Softmax(z)\ny = Concat(p, axis=1)", "probabilities exclusive of z"},
    {"p = LogSoftmax(z)\ny = Concat(p, axis=1)", "logits exclusive of y"},
    {"p = Sigmoid(z)\ny = Concat(p, axis=1)", "probabilities multi-label of z"},
    {"a = dense(f, 2)\nb = dense(f, 2)\ny = Concat(a, b, axis=1)", "logits exclusive of y"},
    {"p = Softmax(z)\na = dense(f, 2)\ny = Concat(p, a, axis=1)", "logits exclusive of y?"},
    {"s = Sigmoid(z)\na, y = Split(s, axis=1, num_outputs=2)", "probabilities multi-label of -"},
    {"two = constant(int64, 2, [0, 1])\ns = Softmax(z)\ny = Gather(s, two, axis=1)", "probabilities exclusive of -"},
    {"two = constant(int64, 2, [0, 1])\ns = LogSoftmax(z)\ny = Gather(s, two, axis=1)", "logits exclusive of y"},
    /* activations, and numbers between others, of products */
    {"y = LeakyRelu(z)", "logits exclusive of y"},
    {"slope = parameter(4, fill=0.5)\ny = PRelu(z, slope)", "logits exclusive of y"},
    {"p = Softmax(z)\ny = Elu(p)", "logits exclusive of y?"},
    {"h = constant(scalar, [2])\ny = Min(z, h)", "logits exclusive of y"},
    {"h = constant(scalar, [2])\nl = constant(scalar, [1])\ny = Min(z, h, l)", "logits exclusive of y?"},
    {"g = dense(f, 4)\ny = Max(z, g)", "logits exclusive of y?"},
    {"g = dense(f, 1)\np = Softmax(z)\ny = Clip(p, -, -)", "probabilities exclusive of z"},
    {"h = constant(scalar, [2])\np = Softmax(z)\ny = Max(p, h)", "logits exclusive of y?"},
    {"h = constant(scalar, [-1])\np = Softmax(z)\ny = Min(h, p)", "logits exclusive of y?"},
    {"h = constant(scalar, [2])\nt = Tanh(z)\ny = Clip(t, -, h)", "logits exclusive of y?"},
    {"m = ReduceMax(f)\np = Softmax(z)\ny = Clip(p, m)", "logits exclusive of y?"},
    {"m = ReduceMax(f)\np = Softmax(z)\ny = Clip(p, -, m)", "logits exclusive of y?"},
    {"y = Sum(z, z, z)", "logits exclusive of y"},
    {"p = Softmax(z)\nq = Sigmoid(f)\ny = Mean(p, q)", "logits exclusive of y?"},
    {"y = Div(z, f)", "logits exclusive of y?"},
    {ONE "y = Div(one, z)", "logits exclusive of y?"},
    {ONE "a = Add(one, z)\ny = Div(one, a)", "logits exclusive of y?"},
    {ONE "e = Exp(z)\na = Add(one, e)\ny = Reciprocal(a)", "logits exclusive of y?"},
    {"two = constant(scalar, [2])\nn = Neg(z)\ne = Exp(n)\na = Add(two, e)\ny = Reciprocal(a)",
     "logits exclusive of y?"},
    {"y = Log(z)", "logits exclusive of y?"},
    {"e = Exp(z)\ns = ReduceSum(e, i0)\ny = Div(e, s)", "logits exclusive of y?"},
    {"s = ReduceSum(z, i1)\ny = Div(z, s)", "logits exclusive of y?"},
    {"e = Exp(z)\nt = Exp(f)\ns = ReduceSum(t, i1)\ny = Div(e, s)", "logits exclusive of y?"},
    {"r = Relu(z)\nq = Mul(z, r)\ns = ReduceSum(q, i1)\ny = Div(q, s)", "logits exclusive of y?"},
    {"e = Exp(z)\ns = ReduceSum(e, i1)\nd = Sub(z, s)\ny = Exp(d)", "logits exclusive of y?"},
    {"i = Cast(z, to=7)\ny = Cast(i, to=1)", "logits exclusive of y?"},
    {"c = conv(x, 3, kernel=1)\np = Softmax(c, axis=2)\ny = GlobalAveragePool(p)", "probabilities exclusive of -?"},
    {"c = conv(x, 3, kernel=1)\nm = ReduceMean(c, i2)\ny = ReduceMean(m, i3)", "logits exclusive of y?"},
    /* logits */
    {"y = dense(z, 3)", "logits exclusive of y"},
    {"a = dense(z, 3)\nb = dense(z, 3)\ny = Add(a, b)", "logits exclusive of y"},
    {ONE "y = Add(z, one)", "logits exclusive of y"},
    {"t = constant(scalar, [2.5])\ny = Div(z, t)", "logits exclusive of y"},
    {"p = Softmax(z)\ny = dense(p, 3)", "logits exclusive of y"},
    /* what cannot be told */
    {"y = Tanh(z)", "logits exclusive of y?"},
    {"lo = constant(scalar, [0])\nhi = constant(scalar, [1])\ny = Clip(z, lo, hi)", "logits exclusive of y?"},
    {"h = constant(scalar, [100])\np = Softmax(z)\ny = Mul(p, h)", "logits exclusive of y?"},
    {"y = Exp(z)", "logits exclusive of y?"},
    {"y = Flatten(x)", "logits exclusive of y?"},
};
#define ENDINGS (sizeof endings / sizeof *endings)

static void endings_are_recognised(void **state) {
    (void)state;
    for (size_t i = 0; i < ENDINGS; i++) {
        char text[100];
        graph *g = model_of(endings[i].tail, NULL);
        kind_text(g, text);
        if (strcmp(text, endings[i].kind) != 0) fail_msg("%s: '%s', not '%s'", endings[i].tail, text, endings[i].kind);
        graph_free(g);
    }
}

/* What the metadata says settles it, against the graph as well. */
static void metadata_settles(void **state) {
    static const struct {
        const char *tail, *says, *kind;
    } told[] = {
        {"y = Softmax(z)", "logits", "logits exclusive of y"},
        {"y = Tanh(z)", "logits", "logits exclusive of y"},
        {"y = Tanh(z)", "probabilities", "probabilities exclusive of -"},
        {"y = Softmax(z)", "probabilities", "probabilities exclusive of z"},
        {"y = Sigmoid(z)", "probabilities", "probabilities multi-label of z"},
        {"a = Softmax(z)\nb = Softmax(z)\ny = Concat(a, b, axis=1)", "probabilities", "probabilities exclusive of -"},
        {"y = dense(f, 1)", "logits", "logits binary of y"},
        {"y = dense(f, 1)", "probabilities", "probabilities binary of -"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        char text[100];
        graph *g = model_of(told[i].tail, told[i].says);
        kind_text(g, text);
        if (strcmp(text, told[i].kind) != 0) fail_msg("%s, %s: '%s'", told[i].tail, told[i].says, text);
        graph_free(g);
    }
    stria_error err = {0};
    classifier c;
    graph *g = model_of("y = Softmax(z)", "odds");
    assert_int_equal(classifier_of(g, &c, &err), STRIA_BAD_ARGUMENT);
    assert_string_equal(err.text, "metadata stria.output is 'odds', expected logits or probabilities");
    graph_free(g);
}

/* The outputs of a graph for three pictures, of `count` floats. */
static void run(graph *g, const char *output, float *y, size_t count) {
    static const float x[BATCH * PIXELS] = {1, 2, 3, 4, -2, 0.5f, 0, 1, 3, 3, -1, 0};
    session *s;
    stria_error err = {0};
    run_config config = {.reference = true};
    if (run_new(&s, g, &config, &err) != STRIA_OK) fail_msg("%s", err.text);
    memcpy(session_host(s, "x"), x, sizeof x);
    if (session_run(s, &err) != STRIA_OK) fail_msg("%s", err.text);
    memcpy(y, session_host(s, output), count * sizeof *y);
    session_free(s);
}

/* Probabilities from logits as score.c and prediction make them. */
static void probabilities_of(const float *logits, int classes, bool multi_label, double *p) {
    double sum = 0;
    for (int c = 0; c < classes; c++) sum += exp((double)logits[c]);
    for (int c = 0; c < classes; c++)
        p[c] = multi_label ? 1 / (1 + exp(-(double)logits[c])) : exp((double)logits[c]) / sum;
}

static void numbers_check(const char *tail, const classifier *c, const float *raw, const float *shown,
                          const float *logits) {
    int classes = (int)c->classes, own = (int)c->scores->shape.dim[1];
    for (int b = 0; b < BATCH; b++) {
        double p[8], sum = 0;
        probabilities_of(logits + b * classes, classes, c->kind.relation == OUTPUT_MULTI_LABEL, p);
        for (int k = 0; k < own; k++) sum += (double)raw[b * own + k];
        for (int k = 0; k < classes; k++) {
            double wanted = own == classes ? (double)raw[b * own + k] : k == 1 ? (double)raw[b] : 1 - (double)raw[b];
            if (fabs((double)shown[b * classes + k] - wanted) > 1e-5)
                fail_msg("%s: class %d is shown with %g, not %g", tail, k, (double)shown[b * classes + k], wanted);
            if (c->kind.relation == OUTPUT_EXCLUSIVE) wanted /= sum;
            if (!strstr(tail, "0.5") && fabs(p[k] - wanted) > 2e-3)
                fail_msg("%s: the logits make %g of class %d, not %g", tail, p[k], k, wanted);
        }
    }
}

/* Probabilities are shown as the model gives them; the logits of a loss make the same ones. */
static void numbers_are_the_models(void **state) {
    int seen = 0;
    (void)state;
    for (size_t i = 0; i < ENDINGS; i++) {
        classifier c;
        stria_error err = {0};
        float raw[BATCH * 8], shown[BATCH * 8], logits[BATCH * 8];
        graph *g = model_of(endings[i].tail, NULL), *copy, *prediction, *trained;
        if (classifier_of(g, &c, &err) != STRIA_OK) fail_msg("%s: %s", endings[i].tail, err.text);
        if (c.kind.probabilities) {
            size_t count = (size_t)(BATCH * c.classes), own = (size_t)(BATCH * c.scores->shape.dim[1]);
            assert_int_equal(picture_input_copy(g, BATCH, &copy, NULL), STRIA_OK);
            assert_int_equal(classifier_prediction(g, BATCH, &prediction, NULL), STRIA_OK);
            assert_int_equal(goal_graph(&goal_classify, g, BATCH, &trained, NULL), STRIA_OK);
            run(copy, "y", raw, own);
            run(prediction, CLASSIFIER_PROBABILITIES, shown, count);
            run(trained, CLASSIFIER_LOGITS, logits, count);
            numbers_check(endings[i].tail, &c, raw, shown, logits);
            graph_free(copy);
            graph_free(prediction);
            graph_free(trained);
            seen++;
        }
        graph_free(g);
    }
    assert_true(seen > 30);
}

/* A thousand operators and more, each with two ways back: the walk ends. */
static void walks_are_bounded(void **state) {
    static char text[200000];
    size_t length = 0;
    (void)state;
    for (int i = 0; i < 2000; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "a%d = Add(%s%d, %s%d)\n", i, i ? "a" : "z",
                                   i ? i - 1 : 0, i ? "a" : "z", i ? i - 1 : 0);
    static char whole[210000];
    graph *g = NULL;
    stria_error err = {0};
    int n = snprintf(whole, sizeof whole,
                     "stria-net 1\nx = input(batch x 1 x 2 x 2)\nz0 = flatten(x)\n%soutput(a1999)\n", text);
    if (net_read(&g, whole, (size_t)n, "test.net", 0, &err) != STRIA_OK) fail_msg("%s", err.text);
    char kind[100];
    kind_text(g, kind);
    assert_string_equal(kind, "logits exclusive of a1999?");
    graph_free(g);
}

/* One picture of label 2 among three independent classes: the mean of −log of what each class should have said. */
static void multi_label_scores(void **state) {
    const float logits[2][3] = {{0.5f, -1, 2}, {300, -300, 0}};
    const int64_t labels[2] = {2, 0};
    score s;
    (void)state;
    assert_int_equal(score_init(&s, 3, false, NULL), STRIA_OK);
    s.multi_label = true;
    score_add(&s, logits[0], labels, NULL, 2);
    double first = (log1p(exp(0.5)) + log1p(exp(-1.0)) + log1p(exp(-2.0))) / 3, second = log(2.0) / 3;
    assert_true(fabs(s.loss - first - second) < 1e-9);
    assert_int_equal(s.top1, 2);
    score_release(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endings_are_recognised), cmocka_unit_test(metadata_settles),
        cmocka_unit_test(numbers_are_the_models), cmocka_unit_test(walks_are_bounded),
        cmocka_unit_test(multi_label_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
