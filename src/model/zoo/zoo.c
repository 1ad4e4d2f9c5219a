#include "model/zoo/zoo.h"

#include "base/spec.h"
#include "base/text.h"
#include "op/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SIZE_MAX_OPTION (1 << 20) /* of classes, units and pixels a side */

/* Numbers joined by x, or one of some words. */
typedef struct zoo_option {
    const char *name, *standard;
    int least, most;          /* how many numbers */
    const char *const *words; /* NULL: numbers */
} zoo_option;

static const char *const shortcuts[] = {"a", "b", NULL};

static const zoo_option digit_options[ZOO_OPTIONS] = {{"classes", "10", 1, 1, NULL}, {"size", "1x28x28", 3, 3, NULL}};
static const zoo_option mlp_options[ZOO_OPTIONS] = {
    {"classes", "10", 1, 1, NULL}, {"size", "1x28x28", 3, 3, NULL}, {"hidden", "256x256x256", 1, ZOO_NUMBERS, NULL}};
static const zoo_option photo_options[ZOO_OPTIONS] = {{"classes", "1000", 1, 1, NULL},
                                                      {"size", "3x224x224", 3, 3, NULL}};
static const zoo_option icon_options[ZOO_OPTIONS] = {
    {"classes", "10", 1, 1, NULL}, {"size", "3x32x32", 3, 3, NULL}, {"shortcut", "a", 0, 0, shortcuts}};

static const struct network {
    const char *name;
    value *(*build)(zoo *z, value *x);
    int depth;
    const zoo_option *options;
    const char *recipe, *about;
} networks[] = {
#define NETWORK(name, build, depth, options, recipe, about) {#name, build, depth, options, recipe, about},
#include "model/zoo/zoo_list.h"
#undef NETWORK
};
#define NETWORKS (int)(sizeof networks / sizeof *networks)

const char *const *zoo_names(void) {
    static const char *const names[] = {
#define NETWORK(name, ...) #name,
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

const char *zoo_about(const char *name) {
    const struct network *n = network_find((spec_word){name, strlen(name)});
    return n ? n->about : NULL;
}

/* ---- for the networks ---- */

/* The graph names the layer when one fails. */
value *zoo_layer(zoo *z, value *x, const char *layer, int64_t number, const char *options, ...) {
    char words[256] = "";
    value *y = NULL;
    va_list arguments;
    if (z->status != STRIA_OK) return NULL;
    va_start(arguments, options);
    if (options) text_vformat(words, sizeof words, options, arguments);
    va_end(arguments);
    z->status = layer_build(z->g, layer, &x, 1, &number, number != 0, words, z->seed, &y, z->err);
    return z->status == STRIA_OK ? y : NULL;
}

value *zoo_add(zoo *z, value *a, value *b) {
    value *y = NULL;
    if (z->status != STRIA_OK) return NULL;
    z->status = layer_build(z->g, "add", (value *[]){a, b}, 2, NULL, 0, "", z->seed, &y, z->err);
    return z->status == STRIA_OK ? y : NULL;
}

value *zoo_pad_channels(zoo *z, value *x, int64_t before, int64_t after) {
    builder b = {.g = z->g, .status = z->status, .err = z->err};
    if (z->status != STRIA_OK) return NULL;
    value *pads = build_i64(&b, (const int64_t[]){0, before, 0, 0, 0, after, 0, 0}, 8), *y = NULL;
    if (b.status == STRIA_OK)
        b.status = layer_build(z->g, "Pad", (value *[]){x, pads}, 2, NULL, 0, "", z->seed, &y, z->err);
    z->status = b.status;
    return z->status == STRIA_OK ? y : NULL;
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

static stria_status option_set(zoo *z, const spec *s, int i, const char *words, stria_error *err) {
    const zoo_option *o = &z->options[i];
    if (o->words)
        return spec_choose(s, o->name, (spec_word){words, strlen(words)}, o->words, sizeof *o->words, ZOO_NUMBERS,
                           &z->count[i], err);
    z->count[i] = numbers_parse(words, o->most, z->number[i]);
    if (z->count[i] < o->least || z->count[i] == 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "option %s is '%s', expected %s from 1 to %d%s", o->name, words,
             o->most == 1 ? "a number" : "numbers", SIZE_MAX_OPTION, o->most == 1 ? "" : ", as in 1x28x28");
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

static stria_status network_fill(zoo *z, const struct network *n, stria_error *err) {
    const int64_t *size;
    value *x;
    zoo_numbers(z, "size", &size);
    TRY(graph_add_input(z->g, "image", STRIA_FLOAT32, &(shape){4, {1, size[0], size[1], size[2]}}, &x, err));
    x->symbol[0] = "batch";
    x = n->build(z, x);
    TRY(z->status);
    TRY(graph_add_output(z->g, x, "logits", err));
    TRY(graph_set_metadata(z->g, "stria.train", n->recipe, err));
    return graph_set_metadata(z->g, "stria.output", "logits", err);
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
    if (status == STRIA_OK) *out = z.g;
    else graph_free(z.g);
    return status;
}
