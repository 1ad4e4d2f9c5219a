#include "cli/layer_diff.h"

#include "cli/layer_match.h"
#include "cli/layers.h"
#include "cli/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One of the two models, run. */
typedef struct side {
    stria_model *shown; /* with every result as output */
    tensors results;
    layer_results layers;
    int outputs;
} side;

static void side_release(side *s) {
    layer_results_release(&s->layers);
    tensors_release(&s->results);
    stria_model_free(s->shown);
}

static stria_status side_run(side *s, const stria_model *model, const tensors *x, const tensors_way *way,
                             stria_error *error) {
    s->outputs = stria_model_output_count(model);
    stria_status status = layers_open(&s->shown, model, error);
    if (status == STRIA_OK) status = tensors_run(s->shown, way, x, 0, NULL, &s->results, error);
    return status == STRIA_OK ? layer_results_list(&s->layers, model, &s->results, error) : status;
}

static void pair_put(layer_diff *diff, const tensor *a, const tensor *b, const char *op, const compare_bound *bound) {
    layer_pair *p = &diff->pairs[diff->count + diff->output_count];
    snprintf(p->a, sizeof p->a, "%s", a->name);
    snprintf(p->b, sizeof p->b, "%s", b ? b->name : "");
    snprintf(p->op, sizeof p->op, "%s", op);
    p->rank = a->array.rank;
    memcpy(p->shape, a->array.shape, sizeof p->shape);
    if (b) compare_pair(&b->array, &a->array, bound, &p->found);
    else {
        p->found = (compared){.max_abs_error = INFINITY, .max_rel_error = INFINITY, .first = -1};
        snprintf(p->found.reason, sizeof p->found.reason, "only one of the two has it");
    }
    snprintf(p->found.name, sizeof p->found.name, "%s", p->a);
    diff->passed = diff->passed && p->found.passed;
}

/* Returns true if every output of A has a namesake in B. */
static bool outputs_named(const side *a, const side *b) {
    for (int i = 0; i < a->outputs; i++) {
        bool found = false;
        for (int k = 0; k < b->outputs; k++)
            found = found || strcmp(a->results.items[i].name, b->results.items[k].name) == 0;
        if (!found) return false;
    }
    return true;
}

static const tensor *output_of(const side *b, const tensor *of, int position, bool named) {
    for (int k = 0; k < b->outputs && named; k++)
        if (strcmp(b->results.items[k].name, of->name) == 0) return &b->results.items[k];
    return position < b->outputs ? &b->results.items[position] : NULL;
}

static void outputs_put(layer_diff *diff, const side *a, const side *b, const compare_bound *bound) {
    bool before = diff->passed, named = outputs_named(a, b);
    diff->passed = true;
    for (int i = 0; i < a->outputs; i++, diff->output_count++)
        pair_put(diff, &a->results.items[i], output_of(b, &a->results.items[i], i, named), "output", bound);
    for (int i = a->outputs; i < b->outputs; i++, diff->output_count++)
        pair_put(diff, &b->results.items[i], NULL, "output", bound);
    diff->outputs_passed = diff->passed;
    diff->passed = diff->passed && before;
}

static stria_status alone_put(layer_diff *diff, int which, const layer_results *of, stria_error *error) {
    char **names = diff->alone[which] = calloc((size_t)of->count + 1, sizeof *names);
    if (!names) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d layers", of->count);
    for (int i = 0; i < of->count; i++) {
        if (of->items[i].other >= 0) continue;
        char *name = strdup(of->items[i].t->name);
        if (!name) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d layers", of->count);
        names[diff->alone_count[which]++] = name;
    }
    return STRIA_OK;
}

static stria_status diff_fill(layer_diff *diff, side *a, side *b, const compare_bound *bound, stria_error *error) {
    stria_status status = layer_match(&a->layers, &b->layers, bound, error);
    size_t most = (size_t)a->layers.count + (size_t)a->outputs + (size_t)b->outputs;
    if (status == STRIA_OK && !(diff->pairs = calloc(most + 1, sizeof *diff->pairs)))
        status = source_refuse(error, STRIA_NO_MEMORY, "out of memory for %zu layers", most);
    for (int i = 0; status == STRIA_OK && i < a->layers.count; i++) {
        const layer_result *layer = &a->layers.items[i];
        if (layer->other < 0) continue;
        pair_put(diff, layer->t, b->layers.items[layer->other].t, layer->op, bound);
        diff->count++;
    }
    if (status == STRIA_OK) outputs_put(diff, a, b, bound);
    if (status == STRIA_OK) status = alone_put(diff, 0, &a->layers, error);
    if (status == STRIA_OK) status = alone_put(diff, 1, &b->layers, error);
    return status;
}

stria_status layer_diff_run(const stria_model *a, const tensors *xa, const stria_model *b, const tensors *xb,
                            const tensors_way *way, const compare_bound *bound, layer_diff *out, stria_error *error) {
    side left = {0}, right = {0};
    layer_diff diff = {.passed = true};
    stria_status status = side_run(&left, a, xa, way, error);
    if (status == STRIA_OK) status = side_run(&right, b, xb, way, error);
    if (status == STRIA_OK) status = diff_fill(&diff, &left, &right, bound, error);
    if (status == STRIA_OK) *out = diff;
    else layer_diff_release(&diff);
    side_release(&left);
    side_release(&right);
    return status;
}

void layer_diff_release(layer_diff *diff) {
    for (int which = 0; which < 2; which++) {
        for (int i = 0; i < diff->alone_count[which]; i++) free(diff->alone[which][i]);
        free(diff->alone[which]);
    }
    free(diff->pairs);
    *diff = (layer_diff){0};
}

const layer_pair *layer_diff_first(const layer_diff *diff) {
    for (int i = 0; i < diff->count + diff->output_count; i++)
        if (!diff->pairs[i].found.passed) return &diff->pairs[i];
    return NULL;
}
