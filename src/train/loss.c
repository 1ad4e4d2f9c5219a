#include "train/loss.h"

#include "base/spec.h"
#include "base/text.h"
#include "op/build.h"
#include "op/reduce.h"

#include <stdio.h>
#include <string.h>

#define TERMS_MAX 16
#define TEXT_MAX  160

#define WEIGHT_MOST 1e6

/* What a loss reads of a head, and against what. Losses of two tensors see a label as its one-hot row. */
typedef enum reads { LOGITS, LOG_PROBABILITIES, SCORES } reads;
typedef enum target { LABELS, ONE_HOT } target;

static const struct row {
    const char *name; /* a layer of op/build.c */
    reads reads;
    target target;
    bool weighs; /* its operator takes a weight for each class */
    bool shares; /* it takes labels that are shares of classes */
    bool values; /* its target may be values */
} rows[] = {
    {"cross_entropy", LOGITS, LABELS, true, true, false},
    {"nll", LOG_PROBABILITIES, LABELS, true, false, false}, /* with shares, or smoothed, it is the first row */
    {"hinge", LOGITS, LABELS, false, false, false},
    {"squared_error", SCORES, ONE_HOT, false, true, true},
    {"euclidean", SCORES, ONE_HOT, false, true, true},
    {"absolute_error", SCORES, ONE_HOT, false, true, true},
    {"huber", SCORES, ONE_HOT, false, true, true},
    {"binary_cross_entropy", LOGITS, ONE_HOT, false, true, true},
    {"kl_divergence", LOG_PROBABILITIES, ONE_HOT, false, true, false},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

typedef struct term {
    const struct row *row;
    char options[TEXT_MAX]; /* as layer_build takes them, but for the reduction */
    char reduction[16];     /* "": the layer's own */
    double smoothing;       /* the share of each label that all classes get evenly; of cross_entropy an option */
    char output[TEXT_MAX];  /* "": the first */
    double weight;
} term;

/* ---- reading ---- */

static bool is_cross_entropy(const term *t) {
    return t->row == &rows[0];
}

/* Appends " key=value" to the options that the layer will get. */
static stria_status option_add(term *t, const spec *s, stria_error *err) {
    const layer_def *l = layer_all();
    int unused;
    while (strcmp(l->name, t->row->name) != 0) l++;
    TRY(spec_choose(s, "option", s->key, SPEC_ROWS(l->options), &unused, err));
    size_t used = strlen(t->options), more = s->key.length + 1 + s->value.length;
    if (used + more + 2 > sizeof t->options)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: %s has too many options", t->row->name);
    snprintf(t->options + used, sizeof t->options - used, " %.*s", (int)more, s->key.at);
    return STRIA_OK;
}

static stria_status pair_take(term *t, const spec *s, stria_error *err) {
    if (spec_is(s->key, "output")) {
        if (spec_copy(s->value, t->output, sizeof t->output) && *t->output) return STRIA_OK;
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: output is not a name of an output");
    }
    if (spec_is(s->key, "weight")) return spec_positive(s, WEIGHT_MOST, &t->weight, err);
    if (spec_is(s->key, "reduction") && spec_copy(s->value, t->reduction, sizeof t->reduction)) return STRIA_OK;
    if (!spec_is(s->key, "label_smoothing") || is_cross_entropy(t)) return option_add(t, s, err);
    if (strcmp(t->row->name, "hinge") == 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: hinge takes one class for each picture; label_smoothing makes shares");
    return spec_real(s, 0, 1, &t->smoothing, err);
}

static stria_status term_read(spec *s, term *t, stria_error *err) {
    bool more;
    int i;
    *t = (term){.weight = 1};
    TRY(spec_choose(s, "loss", s->name, SPEC_ROWS(rows), &i, err));
    t->row = &rows[i];
    for (;;) {
        TRY(spec_next(s, &more, err));
        if (!more) return STRIA_OK;
        TRY(pair_take(t, s, err));
    }
}

static stria_status spec_read(const char *text, term terms[TERMS_MAX], int *count, stria_error *err) {
    spec s = spec_open_sum("--loss", text);
    *count = 0;
    do {
        if (*count == TERMS_MAX) FAIL(err, STRIA_BAD_ARGUMENT, "--loss: more than %d terms", TERMS_MAX);
        TRY(term_read(&s, &terms[(*count)++], err));
    } while (spec_next_term(&s));
    return STRIA_OK;
}

stria_status loss_check(const char *spec, stria_error *err) {
    term terms[TERMS_MAX];
    int count;
    if (!*spec) return STRIA_OK; /* the goal's own */
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

/* Labels, as shares of classes: t·(1 − ε) + ε / classes (Szegedy et al., "Rethinking the Inception architecture",
 * 2016). */
static value *smoothed(builder *b, value *shares, double smoothing) {
    if (smoothing == 0 || b->status != STRIA_OK) return shares;
    value *kept = build2(b, &op_Mul, shares, build_scalar(b, shares->type, 1 - smoothing), NULL);
    if (!kept) return NULL;
    return build2(b, &op_Add, kept, build_scalar(b, kept->type, smoothing / (double)kept->shape.dim[1]), NULL);
}

static value *class_weights_value(builder *b, const double *weights, const shape *s, dtype type) {
    value *w = build_filled(b, type, s, 0);
    for (int64_t i = 0; b->status == STRIA_OK && i < s->dim[0]; i++) tensor_put(w->data, i, weights[i]);
    return w;
}

/* The loss's third input. */
static stria_status class_weights_add(graph *g, const double *weights, value *loss, int64_t classes, stria_error *err) {
    shape s = {.rank = 1, .dim = {classes}};
    builder b = {.g = g, .origin = "class weights", .err = err};
    value *w = class_weights_value(&b, weights, &s, loss->type);
    TRY(b.status);
    return graph_append_input(g, loss->producer, w, err);
}

/* Of the losses each[batch] or each[batch, classes] of pictures with these shares of classes, whose weight is w_b = Σ
 * share · weight: Σ w·each by the reduction sum, over Σ w by batchmean, and over Σ w · classes by mean, so that weights
 * of 1 change nothing. */
static value *weighted(builder *b, const term *t, const double *weights, value *shares, value *each) {
    if (b->status != STRIA_OK) return NULL;
    int64_t classes = shares->shape.dim[1];
    bool pairs = each->shape.rank == 2;
    const char *usual =
        strcmp(t->row->name, "euclidean") == 0 || strcmp(t->row->name, "kl_divergence") == 0 ? "batchmean" : "mean";
    const char *reduction = *t->reduction ? t->reduction : usual;
    value *w = class_weights_value(b, weights, &(shape){pairs ? 2 : 1, {classes, 1}}, each->type);
    value *of_picture = build2(b, &op_MatMul, shares, w, NULL);
    reduce_attributes all = {.keepdims = 0};
    value *sum = build1(b, &op_ReduceSum, build2(b, &op_Mul, each, of_picture, NULL), &all);
    if (strcmp(reduction, "sum") == 0 || b->status != STRIA_OK) return sum;
    double count = pairs && strcmp(reduction, "mean") == 0 ? (double)classes : 1;
    value *over =
        build2(b, &op_Mul, build1(b, &op_ReduceSum, of_picture, &all), build_scalar(b, each->type, count), NULL);
    return build2(b, &op_Div, sum, over, NULL);
}

/* The layer's options; each: the losses of all pictures or elements. */
static stria_status options_write(graph *g, const term *t, bool only, bool each, char *out, size_t size,
                                  stria_error *err) {
    const char *name = graph_fresh_name(g, only ? "loss" : t->row->name);
    const char *reduction = each ? "none" : t->reduction;
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a loss");
    int length = snprintf(out, size, "name=%s%s%s%s", name, t->options, *reduction ? " reduction=" : "", reduction);
    if (t->smoothing > 0 && is_cross_entropy(t))
        snprintf(out + length, size - (size_t)length, " label_smoothing=%.17g", t->smoothing);
    return STRIA_OK;
}

/* What the loss reads of the head and of the labels. *shares: these as shares of classes, NULL if not wanted. */
static stria_status inputs_make(builder *b, const term *t, const head *h, value *labels, bool weighs, value *in[2],
                                value **shares, stria_error *err) {
    bool soft = dtype_is_float(labels->type), pairs = t->row->target == ONE_HOT;
    in[0] = t->row->reads == SCORES ? h->scores : h->logits;
    if (t->row->reads == LOG_PROBABILITIES) in[0] = build1(b, &op_LogSoftmax, in[0], NULL);
    if (soft && !t->row->shares)
        FAIL(
            err, STRIA_BAD_ARGUMENT,
            "--loss: %s takes one class for each picture, not shares of classes (of data that has them, mixup, cutmix)",
            t->row->name);
    *shares = labels;
    if (!soft && (pairs || weighs)) *shares = one_hot(b, labels, h->logits->shape.dim[1], h->logits->type);
    in[1] = pairs ? smoothed(b, *shares, t->smoothing) : labels;
    return b->status;
}

/* As the term says, but that nll with shares of classes is the cross-entropy of the logits: log softmax is its log
 * softmax. */
static term term_for(const term *t, const value *labels) {
    term changed = *t;
    bool nll = strcmp(t->row->name, "nll") == 0;
    if (nll && (dtype_is_float(labels->type) || t->smoothing > 0)) changed.row = &rows[0];
    return changed;
}

static stria_status number_check(const term *t, const value *loss, stria_error *err) {
    if (loss->shape.rank == 0) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "--loss: %s with reduction none is not a number to minimise", t->row->name);
}

static stria_status weight_apply(builder *b, const term *t, value **loss) {
    if (t->weight != 1 && b->status == STRIA_OK)
        *loss = build2(b, &op_Mul, *loss, build_scalar(b, (*loss)->type, t->weight), NULL);
    return b->status;
}

static stria_status term_build(graph *g, const term *as_said, bool only, const double *class_weights, value *labels,
                               value **loss, stria_error *err) {
    value *output, *in[2], *shares;
    head h;
    char options[TEXT_MAX + 128];
    term t = term_for(as_said, labels);
    builder b = {.g = g, .origin = t.row->name, .err = err};
    bool apart = class_weights && !t.row->weighs; /* weights that the operator does not take */
    TRY(output_find(g, t.output, &output, err));
    TRY(classifier_head(g, output, &h, err));
    TRY(inputs_make(&b, &t, &h, labels, apart, in, &shares, err));
    TRY(options_write(g, &t, only, false, options, sizeof options, err));
    TRY(layer_build(g, t.row->name, in, 2, NULL, 0, options, 0, loss, err));
    TRY(number_check(&t, *loss, err));
    if (class_weights && !apart) TRY(class_weights_add(g, class_weights, *loss, h.logits->shape.dim[1], err));
    if (apart) {
        TRY(options_write(g, &t, false, true, options, sizeof options, err));
        TRY(layer_build(g, t.row->name, in, 2, NULL, 0, options, 0, loss, err));
        *loss = weighted(&b, &t, class_weights, shares, *loss);
    }
    return weight_apply(&b, &t, loss);
}

/* What the term reads of an output of values: of sigmoids their logits, where it wants these. */
static stria_status values_read(const term *t, bool unit, value *output, value **out, stria_error *err) {
    *out = output;
    if (!t->row->values)
        FAIL(err, STRIA_BAD_ARGUMENT,
             "--loss: %s is for classes; goal reconstruct takes squared_error, absolute_error, huber, euclidean or "
             "binary_cross_entropy",
             t->row->name);
    if (t->smoothing > 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: label_smoothing is for classes; goal reconstruct has none");
    if (t->row->reads != LOGITS) return STRIA_OK;
    if (!output->producer || output->producer->op != &op_Sigmoid)
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: %s takes an output of sigmoids; output '%s' is of %s", t->row->name,
             output->name, output->producer ? output->producer->op->name : "no layer");
    if (!unit)
        FAIL(err, STRIA_BAD_ARGUMENT,
             "--loss: %s takes pictures of values 0 to 1; the model has others (scale, mean, std)", t->row->name);
    *out = output->producer->in[0];
    return STRIA_OK;
}

static stria_status term_build_values(graph *g, const term *t, bool only, bool unit, value *target, value **loss,
                                      stria_error *err) {
    value *output, *in[2] = {NULL, target};
    char options[TEXT_MAX + 128];
    builder b = {.g = g, .origin = t->row->name, .err = err};
    TRY(output_find(g, t->output, &output, err));
    TRY(values_read(t, unit, output, &in[0], err));
    if (!shape_equal(&in[0]->shape, &target->shape))
        FAIL(err, STRIA_BAD_ARGUMENT, "--loss: output '%s' is not of the pictures' shape", t->output);
    TRY(options_write(g, t, only, false, options, sizeof options, err));
    TRY(layer_build(g, t->row->name, in, 2, NULL, 0, options, 0, loss, err));
    TRY(number_check(t, *loss, err));
    return weight_apply(&b, t, loss);
}

/* What the terms compare outputs with: labels of classes, or pictures. */
typedef struct wanted {
    value *target;
    const double *class_weights; /* of labels */
    bool pictures, unit;         /* unit: their values are 0…1 */
} wanted;

static stria_status terms_sum(graph *g, const char *spec, const wanted *w, value **loss, stria_error *err) {
    term terms[TERMS_MAX];
    int count;
    builder b = {.g = g, .origin = "loss", .err = err};
    TRY(spec_read(spec, terms, &count, err));
    for (int i = 0; i < count; i++) {
        value *one;
        TRY(w->pictures ? term_build_values(g, &terms[i], count == 1, w->unit, w->target, &one, err)
                        : term_build(g, &terms[i], count == 1, w->class_weights, w->target, &one, err));
        *loss = i == 0 ? one : build2(&b, &op_Add, *loss, one, NULL);
    }
    return b.status;
}

stria_status loss_build_values(graph *g, const char *spec, bool unit, value *target, value **loss, stria_error *err) {
    return terms_sum(g, spec, &(wanted){.target = target, .pictures = true, .unit = unit}, loss, err);
}

stria_status loss_build(graph *g, const char *spec, const double *class_weights, value *labels, value **loss,
                        stria_error *err) {
    return terms_sum(g, spec, &(wanted){.target = labels, .class_weights = class_weights}, loss, err);
}
