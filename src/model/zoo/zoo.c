#include "model/zoo/zoo.h"

#include "base/spec.h"
#include "base/text.h"
#include "op/build.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SIZE_MAX_OPTION (1 << 20) /* of classes, units and pixels a side */

/* Numbers joined by x, one of some words, or a real number. */
typedef struct zoo_option {
    const char *name, *standard;
    int least, most;          /* how many numbers */
    const char *const *words; /* NULL: none */
    double below;             /* of a real number in [0, below); 0: it is none */
} zoo_option;

static const char *const flags[] = {"0", "1", NULL};
static const char *const shortcuts[] = {"a", "b", NULL};
static const char *const styles[] = {"torchvision", "keras", NULL};
static const char *const poolings[] = {"max", "average", NULL};
static const char *const bypasses[] = {"none", "simple", "complex", NULL};
static const char *const activations[] = {"relu", "sigmoid", "tanh", "leaky_relu", "elu",   "selu",
                                          "gelu", "silu",    "mish", "hard_swish", "relu6", NULL};

#define NUMBER(name, standard)                                                                                         \
    { name, standard, 1, 1, NULL, 0 }
#define WORD(name, standard, words)                                                                                    \
    { name, standard, 0, 0, words, 0 }
#define REAL(name, standard, below)                                                                                    \
    { name, standard, 0, 0, NULL, below }
#define COMMON(classes, size)                                                                                          \
    NUMBER("classes", classes), {                                                                                      \
        "size", size, 3, 3, NULL, 0                                                                                    \
    }

static const zoo_option linear_options[ZOO_OPTIONS] = {COMMON("10", "1x28x28")};
static const zoo_option lenet5_options[ZOO_OPTIONS] = {
    COMMON("10", "1x28x28"), WORD("activation", "sigmoid", activations), WORD("pooling", "average", poolings)};
static const zoo_option keras_options[ZOO_OPTIONS] = {COMMON("10", "1x28x28"), WORD("activation", "relu", activations),
                                                      WORD("pooling", "max", poolings)};
static const zoo_option lenet_options[ZOO_OPTIONS] = {COMMON("10", "1x28x28"), WORD("activation", "relu", activations),
                                                      WORD("pooling", "max", poolings), REAL("dropout", "0", 1)};
static const zoo_option mlp_options[ZOO_OPTIONS] = {COMMON("10", "1x28x28"),
                                                    {"hidden", "256x256x256", 1, ZOO_NUMBERS, NULL, 0},
                                                    WORD("activation", "relu", activations),
                                                    REAL("dropout", "0", 1),
                                                    WORD("bn", "0", flags)};
static const zoo_option autoencoder_options[ZOO_OPTIONS] = {{"size", "1x28x28", 3, 3, NULL, 0},
                                                            {"hidden", "32x32x16", 1, ZOO_NUMBERS, NULL, 0},
                                                            WORD("activation", "relu", activations)};
static const zoo_option tf_mnist_options[ZOO_OPTIONS] = {COMMON("10", "1x28x28"), NUMBER("dense", "1024"),
                                                         REAL("dropout", "0.5", 1)};
static const zoo_option tf_cifar_options[ZOO_OPTIONS] = {COMMON("10", "3x24x24")};
static const zoo_option alexnet_options[ZOO_OPTIONS] = {COMMON("1000", "3x224x224"), NUMBER("dense", "4096"),
                                                        REAL("dropout", "0.5", 1), WORD("bn", "0", flags)};
static const zoo_option alexnet_2012_options[ZOO_OPTIONS] = {COMMON("1000", "3x227x227"), NUMBER("dense", "4096"),
                                                             REAL("dropout", "0.5", 1), NUMBER("groups", "2")};
#define VGG(bn)                                                                                                        \
    { COMMON("1000", "3x224x224"), NUMBER("dense", "4096"), REAL("dropout", "0.5", 1), WORD("bn", bn, flags) }
static const zoo_option vgg_options[ZOO_OPTIONS] = VGG("0"), vgg_bn_options[ZOO_OPTIONS] = VGG("1");
#define GOOGLENET(heads, dropout)                                                                                      \
    { COMMON("1000", "3x224x224"), WORD("heads", heads, flags), REAL("dropout", dropout, 1) }
static const zoo_option googlenet_options[ZOO_OPTIONS] = GOOGLENET("1", "0.4"),
                        googlenet_bn_options[ZOO_OPTIONS] = GOOGLENET("0", "0.2");
static const zoo_option photo_options[ZOO_OPTIONS] = {COMMON("1000", "3x224x224"), WORD("plain", "0", flags),
                                                      WORD("zero_last", "0", flags)};
static const zoo_option deep_options[ZOO_OPTIONS] = {COMMON("1000", "3x224x224"), WORD("plain", "0", flags),
                                                     WORD("zero_last", "0", flags),
                                                     WORD("style", "torchvision", styles)};
static const zoo_option icon_options[ZOO_OPTIONS] = {COMMON("10", "3x32x32"), WORD("shortcut", "a", shortcuts),
                                                     WORD("plain", "0", flags), WORD("zero_last", "0", flags)};
static const zoo_option squeezenet_options[ZOO_OPTIONS] = {COMMON("1000", "3x224x224"),
                                                           WORD("bypass", "none", bypasses), REAL("dropout", "0.5", 1)};
#define MOBILE(dropout) COMMON("1000", "3x224x224"), REAL("width", "1", 8), REAL("dropout", dropout, 1)
static const zoo_option mobilenet_v1_options[ZOO_OPTIONS] = {MOBILE("0.001")},
                        mobilenet_v2_options[ZOO_OPTIONS] = {MOBILE("0.2"), WORD("style", "torchvision", styles)};

static const struct network {
    const char *name;
    value *(*build)(zoo *z, value *x);
    int depth;
    const zoo_option *options;
    const char *recipe, *about;
} networks[] = {
#define NETWORK(name, build, depth, options, recipe, about) {name, build, depth, options, recipe, about},
#include "model/zoo/zoo_list.h"
#undef NETWORK
};
#define NETWORKS (int)(sizeof networks / sizeof *networks)

const char *const *zoo_names(void) {
    static const char *const names[] = {
#define NETWORK(name, ...) name,
#include "model/zoo/zoo_list.h"
#undef NETWORK
        NULL};
    return names;
}

/* NULL if there is none. */
static const struct network *network_find(spec_word name) {
    for (int i = 0; i < NETWORKS; i++)
        if (spec_is(name, networks[i].name)) return &networks[i];
    return NULL;
}

bool zoo_has(const char *text) {
    return network_find(spec_open("", text).name) != NULL;
}

static const zoo_option *option_find(const struct network *n, const char *name) {
    for (int i = 0; i < ZOO_OPTIONS && n->options[i].name; i++)
        if (strcmp(n->options[i].name, name) == 0) return &n->options[i];
    return NULL;
}

bool zoo_classifies(const char *text) {
    const struct network *n = network_find(spec_open("", text).name);
    return n && option_find(n, "classes");
}

const char *zoo_about(const char *name) {
    const struct network *n = network_find((spec_word){name, strlen(name)});
    return n ? n->about : NULL;
}

/* "1x28x28": how many numbers; 0 if it is not that. */
static int numbers_parse(const char *words, int most, int64_t *out) {
    for (int n = 0; n < most;) {
        char item[24] = "";
        size_t length = strcspn(words, "x");
        if (length < sizeof item) memcpy(item, words, length);
        if (!text_to_int(item, &out[n]) || out[n] < 1 || out[n] > SIZE_MAX_OPTION) return 0;
        n++;
        if (!words[length]) return n;
        words += length + 1;
    }
    return 0;
}

stria_status zoo_natural(const char *words, int64_t size[3], stria_error *err) {
    spec s = spec_open("", words);
    int i;
    TRY(spec_choose(&s, "network", s.name, SPEC_ROWS(networks), &i, err));
    numbers_parse(option_find(&networks[i], "size")->standard, 3, size);
    return STRIA_OK;
}

/* ---- for the networks ---- */

/* The graph names the layer when one fails. */
static value *layer(zoo *z, value *x, const char *name, const int64_t *numbers, int count, const char *options,
                    va_list arguments) {
    char words[256] = "";
    value *y = NULL;
    if (z->status != STRIA_OK) return NULL;
    if (options) text_vformat(words, sizeof words, options, arguments);
    z->status = layer_build(z->g, name, &x, 1, numbers, count, words, z->seed, &y, z->err);
    return z->status == STRIA_OK ? y : NULL;
}

value *zoo_layer(zoo *z, value *x, const char *name, int64_t number, const char *options, ...) {
    va_list arguments;
    va_start(arguments, options);
    value *y = layer(z, x, name, &number, number != 0, options, arguments);
    va_end(arguments);
    return y;
}

value *zoo_block(zoo *z, value *x, const char *name, const int64_t *numbers, int count, const char *options, ...) {
    va_list arguments;
    va_start(arguments, options);
    value *y = layer(z, x, name, numbers, count, options, arguments);
    va_end(arguments);
    return y;
}

void zoo_enter(zoo *z, const char *name, ...) {
    char words[64];
    va_list arguments;
    if (z->status != STRIA_OK) return;
    va_start(arguments, name);
    text_vformat(words, sizeof words, name, arguments);
    va_end(arguments);
    z->status = graph_scope_enter(z->g, words, z->err);
}

void zoo_leave(zoo *z) {
    graph_scope_leave(z->g);
}

void zoo_head(zoo *z, value *logits, const char *name, const char *weight) {
    assert(z->head_count < ZOO_HEADS);
    z->heads[z->head_count++] = (zoo_head_row){logits, name, weight};
}

int64_t zoo_channels(const value *x) {
    return x ? x->shape.dim[1] : 0;
}

/* ---- options ---- */

static int option_index(const zoo *z, const char *name) {
    int i = 0;
    while (strcmp(z->options[i].name, name) != 0) i++;
    return i;
}

int64_t zoo_number(const zoo *z, const char *option) {
    return z->number[option_index(z, option)][0];
}

int zoo_numbers(const zoo *z, const char *option, const int64_t **numbers) {
    int i = option_index(z, option);
    *numbers = z->number[i];
    return z->count[i];
}

int zoo_word(const zoo *z, const char *option) {
    return z->count[option_index(z, option)];
}

const char *zoo_text(const zoo *z, const char *option) {
    int i = option_index(z, option);
    return z->options[i].words[z->count[i]];
}

double zoo_real(const zoo *z, const char *option) {
    return z->real[option_index(z, option)];
}

value *zoo_dropout(zoo *z, value *x, const char *name) {
    double ratio = zoo_real(z, "dropout");
    return ratio > 0 ? zoo_layer(z, x, "dropout", 0, "ratio=%.9g%s%s", ratio, name ? " name=" : "", name ? name : "")
                     : x;
}

static stria_status option_set(zoo *z, const spec *s, int i, const char *words, stria_error *err) {
    const zoo_option *o = &z->options[i];
    if (o->below > 0) {
        if (text_to_double(words, &z->real[i]) && z->real[i] >= 0 && z->real[i] < o->below) return STRIA_OK;
        FAIL(err, STRIA_BAD_ARGUMENT, "option %s is '%s', expected a number from 0 to below %g", o->name, words,
             o->below);
    }
    if (o->words)
        return spec_choose(s, o->name, (spec_word){words, strlen(words)}, o->words, sizeof *o->words, ZOO_NUMBERS,
                           &z->count[i], err);
    z->count[i] = numbers_parse(words, o->most, z->number[i]);
    if (z->count[i] < o->least || z->count[i] == 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "option %s is '%s', expected %s from 1 to %d%s%s", o->name, words,
             o->most == 1 ? "a number" : "numbers", SIZE_MAX_OPTION, o->most == 1 ? "" : ", as in ",
             o->most == 1 ? "" : o->standard);
    return STRIA_OK;
}

static stria_status options_parse(zoo *z, spec *s, stria_error *err) {
    for (int i = 0; i < ZOO_OPTIONS && z->options[i].name; i++) TRY(option_set(z, s, i, z->options[i].standard, err));
    for (;;) {
        char words[256];
        bool more;
        int i;
        TRY(spec_next(s, &more, err));
        if (!more) return STRIA_OK;
        TRY(spec_choose(s, "option", s->key, z->options, sizeof *z->options, ZOO_OPTIONS, &i, err));
        spec_copy(s->value, words, sizeof words); /* nothing that long is good */
        TRY(option_set(z, s, i, words, err));
    }
}

/* ---- building ---- */

/* "lr=… loss=cross_entropy+cross_entropy:output=aux1,weight=0.3", and which outputs only training has. */
static stria_status metadata_set(zoo *z, const struct network *n, stria_error *err) {
    text recipe = {0}, names = {0};
    text_printf(&recipe, "%s", n->recipe);
    for (int i = 0; i < z->head_count; i++) {
        const zoo_head_row *h = &z->heads[i];
        text_printf(&recipe, "%s+cross_entropy:output=%s,weight=%s", i ? "" : " loss=cross_entropy", h->name,
                    h->weight);
        text_printf(&names, "%s%s", i ? "," : "", h->name);
    }
    stria_status status = text_check(&recipe, err);
    if (status == STRIA_OK) status = text_check(&names, err);
    if (status == STRIA_OK) status = graph_set_metadata(z->g, "stria.train", text_string(&recipe), err);
    if (status == STRIA_OK && z->head_count)
        status = graph_set_metadata(z->g, "stria.auxiliary", text_string(&names), err);
    text_release(&recipe);
    text_release(&names);
    return status;
}

static stria_status network_fill(zoo *z, const struct network *n, stria_error *err) {
    const int64_t *size;
    value *x;
    zoo_numbers(z, "size", &size);
    TRY(graph_add_input(z->g, "image", STRIA_FLOAT32, &(shape){4, {1, size[0], size[1], size[2]}}, &x, err));
    x->symbol[0] = "batch";
    x = n->build(z, x);
    TRY(z->status);
    bool classifies = option_find(n, "classes");
    TRY(graph_add_output(z->g, x, classifies ? "logits" : "reconstruction", err));
    for (int i = 0; i < z->head_count; i++) TRY(graph_add_output(z->g, z->heads[i].logits, z->heads[i].name, err));
    TRY(metadata_set(z, n, err));
    return classifies ? graph_set_metadata(z->g, "stria.output", "logits", err) : STRIA_OK;
}

/* "lenet with pictures of 1x4x4: layer 'conv1' …" */
static void size_say(const zoo *z, const struct network *n, stria_error *err) {
    const int64_t *size;
    zoo_numbers(z, "size", &size);
    error_prefix(err, "%s with pictures of %lldx%lldx%lld: ", n->name, (long long)size[0], (long long)size[1],
                 (long long)size[2]);
}

stria_status zoo_build(graph **out, const char *text, uint64_t seed, stria_error *err) {
    spec s = spec_open("", text);
    int i;
    TRY(spec_choose(&s, "network", s.name, SPEC_ROWS(networks), &i, err));
    const struct network *n = &networks[i];
    zoo z = {.seed = seed, .depth = n->depth, .options = n->options, .err = err};
    s.what = n->name;
    TRY(options_parse(&z, &s, err));
    TRY(graph_new(&z.g, n->name, err));
    stria_status status = network_fill(&z, n, err);
    if (status == STRIA_BAD_SHAPE) size_say(&z, n, err);
    if (status == STRIA_OK) *out = z.g;
    else graph_free(z.g);
    return status;
}
