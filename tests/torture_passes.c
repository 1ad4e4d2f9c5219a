/* Each pass, each way to change a model and each kind of training step, on networks that give it work, with each
 * allocation failing in turn: the graph that it began with is whole then, and stays what it was. */
#include "torture.h"

#include "backend/backend.h"
#include "model/model.h"
#include "model/net.h"
#include "run/machine.h"
#include "run/program.h"
#include "train/classifier.h"
#include "train/features.h"
#include "train/goal.h"
#include "train/heads.h"
#include "train/step.h"
#include "train/transfer.h"
#include "transform/transform.h"

enum { TRIES = 250 }; /* of one use that fail; of more, every n-th */

typedef struct subject {
    graph *g, *other;
    const stria_train_options *options;
    bool weighted, shares; /* classes, and labels of several */
} subject;

/* A pass on a copy, which nothing else may change; `made` is what came of it. */
static stria_status pass_use(const subject *s, pass *run, stria_error *err) {
    graph *g;
    TRY(graph_copy(s->g, NULL, &g, err));
    const graph *before = g;
    int nodes = g->node_count, values = g->value_count;
    stria_status status = run(&g, err);
    if (status != STRIA_OK) CHECK(g == before && g->node_count == nodes && g->value_count == values, "%s", err->text);
    stria_error check = {0};
    CHECK(graph_check(g, &check) == STRIA_OK, "%s", check.text);
    graph_free(g);
    return status;
}

static stria_status fused(graph **g, stria_error *err) {
    return pass_fuse(g, &cpu_target, err);
}
static stria_status laid_out(graph **g, stria_error *err) {
    return pass_layout(g, &cpu_target, err);
}

#define PASS(name, run)                                                                                                \
    static stria_status name(void *what, stria_error *err) {                                                           \
        return pass_use(what, run, err);                                                                               \
    }
PASS(training, pass_training)
PASS(pad, pass_pad)
PASS(fold, pass_fold)
PASS(fold_norm, pass_fold_norm)
PASS(fuse, fused)
PASS(lay_out, laid_out)
PASS(precision, pass_precision)
PASS(float32, graph_float32)
PASS(prune, pass_prune)
PASS(reach, pass_reach)

/* ---- a model from a model ---- */

static stria_status given(stria_status status, graph *g) {
    if (status != STRIA_OK) return status;
    stria_error err = {0};
    CHECK(graph_check(g, &err) == STRIA_OK, "%s", err.text);
    graph_free(g);
    return STRIA_OK;
}

static stria_status rebatch(void *what, stria_error *err) {
    graph *out = NULL;
    stria_status status = graph_rebatch(&out, ((subject *)what)->g, err);
    return given(status, out);
}

static stria_status heads(void *what, stria_error *err) {
    graph *out = NULL;
    stria_status status = heads_drop(((subject *)what)->g, &out, err);
    return given(status, out);
}

static stria_status new_head(void *what, stria_error *err) {
    graph *out = NULL;
    stria_status status = head_replace(((subject *)what)->g, 5, 1, &out, err);
    return given(status, out);
}

static stria_status narrow(void *what, stria_error *err) {
    graph *out = NULL;
    text report = {0};
    stria_status status = graph_narrow(&out, ((subject *)what)->g, STRIA_FLOAT16, &report, err);
    text_release(&report);
    return given(status, out);
}

static stria_status freeze(void *what, stria_error *err) {
    graph *g;
    int64_t count;
    TRY(graph_copy(((subject *)what)->g, NULL, &g, err));
    stria_status status = weights_freeze(g, "all-but-head", &count, err);
    graph_free(g);
    return status;
}

static stria_status take(void *what, stria_error *err) {
    const subject *s = what;
    graph *g;
    text report = {0};
    TRY(graph_copy(s->g, NULL, &g, err));
    stria_status status = weights_take(g, s->other, &report, err);
    text_release(&report);
    graph_free(g);
    return status;
}

static stria_status classify(void *what, stria_error *err) {
    subject *s = what;
    graph *copy;
    classifier c;
    TRY(classifier_of(s->g, &c, err));
    TRY(goal_graph(&goal_classify, s->g, 3, &copy, err));
    stria_status status = graph_check(copy, err);
    graph_free(copy);
    return status;
}

/* The frozen part, where there is one. */
static stria_status cut(void *what, stria_error *err) {
    graph *g;
    int64_t count;
    features f = {0};
    bool found = false;
    TRY(graph_copy(((subject *)what)->g, NULL, &g, err));
    stria_status status = weights_freeze(g, "all-but-head", &count, err);
    if (status == STRIA_OK) status = features_cut(g, &f, &found, err);
    CHECK(found == (f.body != NULL), "found %d", found);
    features_release(&f);
    graph_free(g);
    return status;
}

/* ---- made ready ---- */

static stria_status ready(const subject *s, const program_config *config, stria_error *err) {
    program *p;
    program_config own = *config;
    TRY(machine_kernels(NULL, &own.ks, err));
    TRY(program_new(&p, s->g, &own, NULL, err));
    program_release(p);
    return STRIA_OK;
}
static stria_status ready_alone(void *what, stria_error *err) {
    return ready(what, &(program_config){.optimize = true}, err);
}
static stria_status ready_shared(void *what, stria_error *err) {
    return ready(what, &(program_config){.optimize = true, .shared = true}, err);
}
static stria_status ready_plainly(void *what, stria_error *err) {
    return ready(what, &(program_config){.reference = true, .plan_only = true}, err);
}

/* ---- training steps ---- */

static stria_status step(void *what, stria_error *err) {
    static const double weights[] = {1, 2, 3, 4};
    const subject *s = what;
    graph *g;
    recipe r;
    program *p = NULL;
    program_config config = {.optimize = true, .shared = true, .plan_only = true};
    TRY(recipe_of(s->options, &r, err));
    r.norms = true;
    r.shares = s->shares;
    if (s->weighted) r.class_weights = weights;
    TRY(step_graph(s->g, 4, &r, &g, err));
    stria_status status = machine_kernels(NULL, &config.ks, err);
    if (status == STRIA_OK) status = program_new(&p, g, &config, NULL, err);
    program_release(p);
    graph_free(g);
    return status;
}

/* ---- all of them ---- */

static const char *only; /* what the program's argument says */

static void each(subject *s, torture_use *use, const char *how) {
    char name[400];
    stria_error err = {0};
    snprintf(name, sizeof name, "%s, %s", s->g->name, how);
    if (only && !strstr(name, only)) return;
    mem_fail_at(0);
    stria_status status = use(s, &err);
    if (!CHECK(status == STRIA_OK, "%s: %s", name, err.text)) return;
    torture_each(use, s, name, 1 + mem_count() / TRIES);
}

static const struct {
    const char *name;
    torture_use *use;
} uses[] = {
    {"training", training},
    {"pad", pad},
    {"fold", fold},
    {"fold_norm", fold_norm},
    {"fuse", fuse},
    {"layout", lay_out},
    {"precision", precision},
    {"float32", float32},
    {"prune", prune},
    {"reach", reach},
    {"other batches", rebatch},
    {"without heads", heads},
    {"new head", new_head},
    {"narrow", narrow},
    {"frozen", freeze},
    {"weights taken", take},
    {"as a classifier", classify},
    {"cut", cut},
    {"made ready", ready_alone},
    {"made ready with states of others", ready_shared},
    {"made ready by the reference", ready_plainly},
};

/* Networks of [2, 3, 8, 8] to [2, 4]: between them, each pass has something to do. */
static const char *const nets[] = {
    "name(plain)\n"
    "x = input(2x3x8x8)\n"
    "p = constant(int64, 8, [0,0,1,1,0,0,1,1])\n"
    "x1 = Pad(x, p)\n"
    "a = conv(x1, 8, kernel=3)\n"
    "b = batch_norm(a)\n"
    "c = relu(b)\n"
    "d = conv(c, 8, kernel=3, padding=1)\n"
    "e = batch_norm(d)\n"
    "f = add(e, c)\n"
    "g = relu(f)\n"
    "h = dropout(g, ratio=0.25)\n"
    "i = max_pool(h, kernel=2)\n"
    "j = flatten(i)\n"
    "k = dense(j, 12)\n"
    "l = leaky_relu(k)\n"
    "y = dense(l, 4)\n"
    "aux = dense(j, 4)\n"
    "output(y)\n"
    "output(aux)\n"
    "metadata(stria.auxiliary, aux)\n"
    "metadata(stria.train, \"lr=0.1 loss=cross_entropy+cross_entropy:output=aux,weight=0.3\")\n",

    "name(pooled)\n"
    "x = input(2x3x8x8)\n"
    "p = constant(int64, 8, [0,0,1,1,0,0,1,1])\n"
    "least = constant(scalar, [-inf])\n"
    "a = conv(x, 8, kernel=3, padding=1)\n"
    "a1 = Pad(a, p, least)\n"
    "b = MaxPool(a1, kernel_shape=[3,3], strides=[2,2])\n"
    "b1 = Pad(b, p)\n"
    "c = AveragePool(b1, kernel_shape=[3,3], count_include_pad=1)\n"
    "d = depthwise_separable(c, 8)\n"
    "e = conv_transpose(d, 6, kernel=2, stride=2)\n"
    "f = batch_norm(e)\n"
    "g = silu(f)\n"
    "h = GlobalAveragePool(g)\n"
    "y = conv(h, 4, kernel=1)\n"
    "output(y)\n",

    "name(sized)\n"
    "x = input(2x3x8x8)\n"
    "s = Shape(x)\n"
    "zero = constant(int64, 1, [0])\n"
    "n = Gather(s, zero)\n"
    "rest = constant(int64, 1, [192])\n"
    "both = Concat(n, rest, axis=0)\n"
    "a = Reshape(x, both)\n"
    "k = constant(3, [1, 2, 3])\n"
    "k2 = Mul(k, k)\n"
    "k3 = ReduceSum(k2, keepdims=0)\n"
    "b = Mul(a, k3)\n"
    "c = dense(b, 9)\n"
    "c1 = Identity(c)\n"
    "d = layer_norm(c1)\n"
    "e = gelu(d)\n"
    "square = constant(int64, 2, [3, 3])\n"
    "whole = Concat(n, square, axis=0)\n"
    "r = Reshape(e, whole)\n"
    "t = Transpose(r, perm=[0,2,1])\n"
    "u = Transpose(t, perm=[0,2,1])\n"
    "v = dense(u, 4)\n"
    "y = softmax(v)\n"
    "output(y)\n",
};

/* In half precision. */
static const char half[] = "name(half)\n"
                           "x = input(float16, 2x3x8x8)\n"
                           "w = parameter(float16, 4x3x3x3)\n"
                           "a = Conv(x, w)\n"
                           "b = Relu(a)\n"
                           "m = ReduceMean(b, keepdims=0)\n"
                           "y = Flatten(b)\n"
                           "output(y)\n"
                           "output(m)\n";

static const char *const recipes[][20] = {
    {"optimizer", "sgd:momentum=0.9,nesterov=1", "clip-norm", "1", NULL},
    {"optimizer", "sgd:momentum=0.9,style=keras", "clip-value", "0.5", "l1", "0.01", NULL},
    {"optimizer", "adam", "max-norm", "2", "ema", "0.9", NULL},
    {"optimizer", "adamw", "accumulate", "3", "ema", "0.9", "clip-norm", "1", NULL},
    {"optimizer", "rmsprop", "recompute", "1", NULL},
    {"optimizer", "adagrad:initial=0.1", "lr-factor", "c=0.5", NULL},
    {"optimizer", "adadelta", "loss", "hinge", NULL},
    {"optimizer", "nadam", "loss", "squared_error:label_smoothing=0.1", NULL},
    {"optimizer", "lamb", "loss", "kl_divergence", NULL},
    {"optimizer", "lion", "loss", "nll+binary_cross_entropy:weight=0.5", NULL},
    {"optimizer", "muon", "loss", "huber", "weight-decay", "0.1", NULL},
    {"optimizer", "ftrl:l1=0.1", "loss", "cross_entropy:label_smoothing=0.1", NULL},
};

static bool net_made(const char *text, graph **out) {
    char whole[2000];
    stria_error err = {0};
    int length = snprintf(whole, sizeof whole, "stria-net 1\n%s", text);
    return CHECK(length < (int)sizeof whole && net_read(out, whole, (size_t)length, "a.net", 1, &err) == STRIA_OK, "%s",
                 err.text);
}

static void steps_check(subject *s) {
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        char how[200] = "a step by";
        stria_error err = {0};
        stria_train_options options = stria_train_options_default();
        for (int k = 0; recipes[i][k]; k += 2) {
            snprintf(how + strlen(how), sizeof how - strlen(how), " %s", recipes[i][k + 1]);
            CHECK(stria_train_option_set(&options, recipes[i][k], recipes[i][k + 1], &err) == STRIA_OK, "%s", err.text);
        }
        s->options = &options;
        s->weighted = i % 3 == 0;
        s->shares = i % 2 == 1 && !strstr(how, "hinge");
        each(s, step, how);
    }
}

static void net_check(const char *text) {
    subject s = {0};
    if (!net_made(text, &s.g) || !net_made(text, &s.other)) return;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) each(&s, uses[i].use, uses[i].name);
    steps_check(&s);
    graph_free(s.other);
    graph_free(s.g);
}

static void half_check(void) {
    static torture_use *const of_half[] = {precision, float32, reach, fold, ready_alone, ready_plainly};
    subject s = {0};
    if (!net_made(half, &s.g)) return;
    for (size_t i = 0; i < sizeof of_half / sizeof *of_half; i++) each(&s, of_half[i], "half");
    graph_free(s.g);
}

int main(int argc, char **argv) {
    only = argc > 1 ? argv[1] : NULL;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) net_check(nets[i]);
    half_check();
    return check_report();
}
