#include "model/zoo/zoo.h"

#include "base/text.h"
#include "op/build.h"

#include <string.h>

#define SIZE_MAX_OPTION (1 << 20) /* of classes, units and pixels a side */

static const struct network {
    const char *name, *about;
    void (*build)(zoo_stack *s);
    const char *recipe; /* training options that suit it (tried on MNIST and Fashion-MNIST) */
    bool hidden;        /* takes hidden= */
} networks[] = {
    {"lenet5", "LeNet-5 of 1998: two 5×5 convolutions, sigmoids, average pooling; 61,706 parameters", zoo_lenet5,
     "lr=0.2", false},
    {"lenet", "Caffe's LeNet: 20 and 50 filters, max pooling, 500 ReLU units; 431,080 parameters", zoo_lenet, "lr=0.02",
     false},
    {"linear", "softmax regression: one dense layer; 7,850 parameters", zoo_linear, "lr=0.05", false},
    {"mlp", "three hidden layers of 256 ReLU units; 335,114 parameters", zoo_mlp, "lr=0.05", true},
};
#define NETWORKS (int)(sizeof networks / sizeof *networks)

static const char *const names[NETWORKS + 1] = {"lenet5", "lenet", "linear", "mlp"};

const char *const *zoo_names(void) {
    return names;
}

/* The network whose name is the first `length` characters of spec. */
static const struct network *network_find(const char *spec, size_t length) {
    for (int i = 0; i < NETWORKS; i++)
        if (strlen(networks[i].name) == length && strncmp(networks[i].name, spec, length) == 0) return &networks[i];
    return NULL;
}

bool zoo_has(const char *spec) {
    return network_find(spec, strcspn(spec, ":")) != NULL;
}

const char *zoo_about(const char *name) {
    const struct network *n = network_find(name, strlen(name));
    return n ? n->about : NULL;
}

void zoo_layer(zoo_stack *s, const char *layer, int64_t number, const char *options) {
    if (s->status != STRIA_OK) return;
    s->status = layer_build(s->g, layer, &s->x, 1, &number, number != 0, options, s->seed, &s->x, s->err);
}

/* ---- options ---- */

typedef struct zoo_options {
    int64_t classes[1], size[3], hidden[ZOO_HIDDEN_MAX];
    int classes_count, size_count, hidden_count;
} zoo_options;

/* "1x28x28": from `least` to `most` numbers. */
static stria_status sizes_parse(const char *key, const char *words, int least, int most, int64_t *out, int *count,
                                stria_error *err) {
    int n = 0;
    bool good = true;
    for (const char *at = words; good && *at;) {
        char item[24] = "";
        size_t length = strcspn(at, "x");
        if (length < sizeof item) memcpy(item, at, length);
        good = n < most && text_to_int(item, &out[n]) && out[n] >= 1 && out[n] <= SIZE_MAX_OPTION &&
               (at[length] != 'x' || at[length + 1]);
        n++;
        at += length + (at[length] == 'x');
    }
    if (!good || n < least)
        FAIL(err, STRIA_BAD_ARGUMENT, "option %s is '%s', expected %s from 1 to %d%s", key, words,
             most == 1 ? "a number" : "numbers", SIZE_MAX_OPTION, most == 1 ? "" : ", as in 1x28x28");
    *count = n;
    return STRIA_OK;
}

static stria_status option_unknown(const struct network *n, const char *key, stria_error *err) {
    static const char *const keys[] = {"classes", "size", "hidden"};
    const char *nearest = text_nearest(key, keys, n->hidden ? 3 : 2);
    FAIL(err, STRIA_BAD_ARGUMENT, "'%s' has no option '%s'%s%s%s (it has classes, size%s)", n->name, key,
         nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "", n->hidden ? ", hidden" : "");
}

static stria_status option_parse(const struct network *n, const char *at, size_t length, zoo_options *o,
                                 stria_error *err) {
    char key[64] = "", words[256] = "";
    size_t split = strcspn(at, "=,");
    if (split >= length || split >= sizeof key || length - split > sizeof words)
        FAIL(err, STRIA_BAD_ARGUMENT, "'%.*s' is not of the form key=value", (int)(length < 80 ? length : 80), at);
    memcpy(key, at, split);
    memcpy(words, at + split + 1, length - split - 1);
    if (strcmp(key, "classes") == 0) return sizes_parse(key, words, 1, 1, o->classes, &o->classes_count, err);
    if (strcmp(key, "size") == 0) return sizes_parse(key, words, 3, 3, o->size, &o->size_count, err);
    if (n->hidden && strcmp(key, "hidden") == 0)
        return sizes_parse(key, words, 1, ZOO_HIDDEN_MAX, o->hidden, &o->hidden_count, err);
    return option_unknown(n, key, err);
}

static stria_status options_parse(const struct network *n, const char *at, zoo_options *o, stria_error *err) {
    while (*at) {
        size_t length = strcspn(at, ",");
        TRY(option_parse(n, at, length, o, err));
        at += length + (at[length] == ',');
    }
    return STRIA_OK;
}

/* ---- building ---- */

static stria_status network_fill(graph *g, const struct network *n, const zoo_options *o, uint64_t seed,
                                 stria_error *err) {
    shape s = {4, {1, o->size[0], o->size[1], o->size[2]}};
    zoo_stack stack = {.g = g, .classes = o->classes[0], .hidden_count = o->hidden_count, .seed = seed, .err = err};
    memcpy(stack.hidden, o->hidden, sizeof stack.hidden);
    TRY(graph_add_input(g, "image", STRIA_FLOAT32, &s, &stack.x, err));
    stack.x->symbol[0] = "batch";
    n->build(&stack);
    TRY(stack.status);
    TRY(graph_add_output(g, stack.x, NULL, err));
    TRY(graph_set_metadata(g, "stria.train", n->recipe, err));
    return graph_set_metadata(g, "stria.output", "logits", err);
}

static stria_status unknown(const char *spec, stria_error *err) {
    char name[64] = "";
    size_t length = strcspn(spec, ":");
    memcpy(name, spec, length < sizeof name ? length : sizeof name - 1);
    const char *nearest = text_nearest(name, names, NETWORKS);
    FAIL(err, STRIA_BAD_ARGUMENT, "there is no network '%s'%s%s%s", name, nearest ? "; did you mean '" : "",
         nearest ? nearest : "", nearest ? "'?" : "");
}

stria_status zoo_build(graph **out, const char *spec, uint64_t seed, stria_error *err) {
    size_t length = strcspn(spec, ":");
    const struct network *n = network_find(spec, length);
    if (!n) return unknown(spec, err);
    zoo_options o = {.classes = {10}, .size = {1, 28, 28}, .hidden = {256, 256, 256}, .hidden_count = 3};
    TRY(options_parse(n, spec[length] ? spec + length + 1 : "", &o, err));
    graph *g;
    TRY(graph_new(&g, n->name, err));
    stria_status status = network_fill(g, n, &o, seed, err);
    if (status == STRIA_OK) *out = g;
    else graph_free(g);
    return status;
}
