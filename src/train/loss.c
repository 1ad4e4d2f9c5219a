#include "train/loss.h"

#include "base/text.h"
#include "op/build.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TERMS_MAX 16
#define TEXT_MAX  160

/* What a loss reads of a head, and against what. Losses of two tensors see a label as its one-hot row. */
typedef enum reads { LOGITS, LOG_PROBABILITIES, SCORES } reads;
typedef enum target { LABELS, ONE_HOT } target;

static const struct row {
    const char *name; /* a layer of op/build.c */
    reads reads;
    target target;
} rows[] = {
    {"cross_entropy", LOGITS, LABELS},
    {"nll", LOG_PROBABILITIES, LABELS},
    {"hinge", LOGITS, LABELS},
    {"squared_error", SCORES, ONE_HOT},
    {"euclidean", SCORES, ONE_HOT},
    {"absolute_error", SCORES, ONE_HOT},
    {"huber", SCORES, ONE_HOT},
    {"binary_cross_entropy", LOGITS, ONE_HOT},
    {"kl_divergence", LOG_PROBABILITIES, ONE_HOT},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

typedef struct term {
    const struct row *row;
    char options[TEXT_MAX]; /* as layer_build takes them */
    char output[TEXT_MAX];  /* "": the first */
    double weight;
} term;

/* ---- reading ---- */

static stria_status row_find(const char *name, const struct row **out, stria_error *err) {
    const char *names[ROWS];
    for (int i = 0; i < ROWS; i++) {
        names[i] = rows[i].name;
        *out = &rows[i];
        if (strcmp(name, rows[i].name) == 0) return STRIA_OK;
    }
    const char *near = text_nearest(name, names, ROWS);
    if (near) FAIL(err, STRIA_BAD_ARGUMENT, "--loss: there is no '%s'; did you mean '%s'?", name, near);
    FAIL(err, STRIA_BAD_ARGUMENT,
         "--loss: there is no '%s'; there are cross_entropy, nll, hinge, squared_error, euclidean, absolute_error, "
         "huber, "
         "binary_cross_entropy and kl_divergence",
         name);
}

static bool option_known(const struct row *row, const char *key) {
    const layer_def *l = layer_all();
    while (strcmp(l->name, row->name) != 0) l++;
    for (const layer_option *o = l->options; o->name; o++)
        if (strcmp(o->name, key) == 0) return true;
    return false;
}

/* The copy of a piece of text, cut if it does not fit: nothing that long is known. */
static void piece(char *to, size_t bytes, const char *from, size_t length) {
    snprintf(to, bytes, "%.*s", (int)(length < bytes ? length : bytes - 1), from);
}

static stria_status pair_read(term *t, const char *at, size_t length, stria_error *err) {
    char key[TEXT_MAX], text[TEXT_MAX];
    size_t equals = strcspn(at, "=");
    if (equals == 0 || equals + 1 >= length || length >= TEXT_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: '%.*s' is not key=value", (int)(length < 80 ? length : 80), at);
    piece(key, sizeof key, at, equals);
    piece(text, sizeof text, at + equals + 1, length - equals - 1);
    if (strcmp(key, "output") == 0) {
        memcpy(t->output, text, sizeof text);
        return STRIA_OK;
    }
    if (strcmp(key, "weight") == 0) {
        if (text_to_double(text, &t->weight) && t->weight > 0 && t->weight < 1e6) return STRIA_OK;
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: weight is '%s', expected a number above 0, below 1e6", text);
    }
    if (!option_known(t->row, key))
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: %s has no '%s'; every loss takes output and weight", t->row->name, key);
    size_t used = strlen(t->options);
    if (used + length + 2 > sizeof t->options)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: %s has too many options", t->row->name);
    t->options[used] = ' ';
    piece(t->options + used + 1, sizeof t->options - used - 1, at, length);
    return STRIA_OK;
}

/* A + that begins a name ends a term; one in a number (1e+3) does not. */
static size_t term_length(const char *spec) {
    size_t n = 0;
    while (spec[n] && !(spec[n] == '+' && !isdigit((unsigned char)spec[n + 1]))) n++;
    return n;
}

static stria_status term_read(const char *at, size_t length, term *t, stria_error *err) {
    char name[TEXT_MAX];
    size_t word = 0;
    *t = (term){.weight = 1};
    while (word < length && at[word] != ':') word++;
    piece(name, sizeof name, at, word);
    TRY(row_find(name, &t->row, err));
    for (size_t i = word; i < length;) {
        size_t pair = 0;
        i++; /* ':' or ',' */
        while (i + pair < length && at[i + pair] != ',') pair++;
        TRY(pair_read(t, at + i, pair, err));
        i += pair;
    }
    return STRIA_OK;
}

static stria_status spec_read(const char *spec, term terms[TERMS_MAX], int *count, stria_error *err) {
    for (*count = 0;; spec++) {
        size_t length = term_length(spec);
        if (*count == TERMS_MAX) FAIL(err, STRIA_BAD_ARGUMENT, "--loss: more than %d terms", TERMS_MAX);
        TRY(term_read(spec, length, &terms[(*count)++], err));
        spec += length;
        if (!*spec) return STRIA_OK;
    }
}

stria_status loss_check(const char *spec, stria_error *err) {
    term terms[TERMS_MAX];
    int count;
    return spec_read(spec, terms, &count, err);
}

/* ---- building ---- */

static const char *output_name(const graph *g, int i) {
    return g->output_names[i] ? g->output_names[i] : g->outputs[i]->name;
}

/* By name, or counted from 1. */
static stria_status output_find(const graph *g, const char *name, value **out, stria_error *err) {
    int64_t number;
    for (int i = 0; i < g->output_count; i++)
        if (!*name || strcmp(output_name(g, i), name) == 0) {
            *out = g->outputs[i];
            return STRIA_OK;
        }
    if (!text_to_int(name, &number) || number < 1 || number > g->output_count)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: model '%s' has no output '%s' among its %d", g->name, name,
             g->output_count);
    *out = g->outputs[number - 1];
    return STRIA_OK;
}

static value *one_hot(builder *b, value *labels, int64_t classes, dtype type) {
    shape two = {.rank = 1, .dim = {2}};
    value *in[3] = {labels, build_i64(b, &classes, 1), build_filled(b, type, &two, 0)};
    if (b->status == STRIA_OK) tensor_put(in[2]->data, 1, 1);
    return build(b, &op_OneHot, in, 3, NULL);
}

static stria_status term_build(graph *g, const term *t, bool only, value *labels, value **loss, stria_error *err) {
    value *output, *in[2];
    head h;
    char options[TEXT_MAX + 64];
    builder b = {.g = g, .origin = t->row->name, .err = err};
    TRY(output_find(g, t->output, &output, err));
    TRY(classifier_head(g, output, &h, err));
    in[0] = t->row->reads == SCORES ? h.scores : h.logits;
    if (t->row->reads == LOG_PROBABILITIES) in[0] = build1(&b, &op_LogSoftmax, in[0], NULL);
    in[1] = t->row->target == LABELS ? labels : one_hot(&b, labels, h.logits->shape.dim[1], h.logits->type);
    TRY(b.status);
    const char *name = graph_fresh_name(g, only ? "loss" : t->row->name);
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a loss");
    snprintf(options, sizeof options, "name=%s%s", name, t->options);
    TRY(layer_build(g, t->row->name, in, 2, NULL, 0, options, 0, loss, err));
    if ((*loss)->shape.rank != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: %s with reduction none is no number to minimise", t->row->name);
    if (t->weight != 1) *loss = build2(&b, &op_Mul, *loss, build_scalar(&b, (*loss)->type, t->weight), NULL);
    return b.status;
}

stria_status loss_build(graph *g, const char *spec, value *labels, value **loss, stria_error *err) {
    term terms[TERMS_MAX];
    int count;
    builder b = {.g = g, .origin = "loss", .err = err};
    TRY(spec_read(spec, terms, &count, err));
    for (int i = 0; i < count; i++) {
        value *one;
        TRY(term_build(g, &terms[i], count == 1, labels, &one, err));
        *loss = i == 0 ? one : build2(&b, &op_Add, *loss, one, NULL);
    }
    return b.status;
}
