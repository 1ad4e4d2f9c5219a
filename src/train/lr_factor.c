#include "train/lr_factor.h"

#include "base/text.h"
#include "train/transfer.h"

#include <string.h>

#define FACTOR_MAX 1e6

typedef struct pair {
    char pattern[256];
    double factor;
} pair;

/* The next PATTERN=X of *rest, which moves on; the last "=" parts them, since names may have some. */
static bool pair_next(const char **rest, pair *out) {
    size_t length = strcspn(*rest, ","), name = length;
    char number[40];
    while (name > 0 && (*rest)[name - 1] != '=') name--;
    size_t digits = length - name;
    if (name < 2 || name > sizeof out->pattern || digits == 0 || digits >= sizeof number) return false;
    memcpy(out->pattern, *rest, name - 1);
    out->pattern[name - 1] = 0;
    memcpy(number, *rest + name, digits);
    number[digits] = 0;
    *rest += length + ((*rest)[length] == ',' && (*rest)[length + 1]); /* a comma at the end is an empty pair */
    return text_to_double(number, &out->factor) && out->factor > 0 && out->factor <= FACTOR_MAX;
}

stria_status lr_factor_check(const char *spec, stria_error *err) {
    pair p;
    for (const char *rest = spec; *rest;)
        if (!pair_next(&rest, &p))
            FAIL(err, STRIA_BAD_ARGUMENT,
                 "--lr-factor: '%s' is not of the form PATTERN=X,…, with X above 0 and up to %g: \"fc*=10,conv1*=0.1\"",
                 spec, FACTOR_MAX);
    return STRIA_OK;
}

static bool is_trained(const value *v) {
    return v->role == ROLE_PARAMETER && !v->frozen;
}

static stria_status pair_match(const pair *p, const graph *model, bool *marked, stria_error *err) {
    bool any = weights_match(model, p->pattern, marked), trained = false;
    for (int i = 0; i < model->value_count; i++) trained |= marked[i] && is_trained(model->values[i]);
    if (!any)
        FAIL(err, STRIA_BAD_ARGUMENT,
             "--lr-factor: no weights of model '%s', and no layer that has some, are called '%s'", model->name,
             p->pattern);
    if (!trained) FAIL(err, STRIA_BAD_ARGUMENT, "--lr-factor: none of the weights called '%s' is trained", p->pattern);
    return STRIA_OK;
}

stria_status lr_factor_match(const char *spec, const graph *model, stria_error *err) {
    stria_status status = STRIA_OK;
    for (pair p; status == STRIA_OK && *spec && pair_next(&spec, &p);) {
        bool *marked;
        TRY(mem_new(&marked, (size_t)model->value_count + 1, sizeof *marked, "learning rates", err));
        status = pair_match(&p, model, marked, err);
        mem_free(marked);
    }
    return status;
}

stria_status lr_factors_of(const char *spec, const graph *g, double *factors, stria_error *err) {
    bool *marked;
    for (int i = 0; i < g->value_count; i++) factors[i] = 1;
    TRY(mem_new(&marked, (size_t)g->value_count + 1, sizeof *marked, "learning rates", err));
    for (pair p; *spec && pair_next(&spec, &p);) {
        memset(marked, 0, (size_t)g->value_count * sizeof *marked);
        weights_match(g, p.pattern, marked);
        for (int i = 0; i < g->value_count; i++)
            if (marked[i]) factors[i] = p.factor;
    }
    mem_free(marked);
    return STRIA_OK;
}
