#include "op/init.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/spec.h"

#define PARAMETER_LIMIT (1 << 29) /* elements: 2 GiB; a text model of a few bytes must not ask for more */
#define GAIN_MOST       100

const char *const init_names[] = {"glorot-uniform", "glorot-normal", "he-uniform",       "he-normal", "lecun-uniform",
                                  "lecun-normal",   "normal",        "truncated-normal", "zeros",     NULL};

typedef struct scheme {
    const char *name; /* of init_names */
    double gain;      /* every number is multiplied by it */
} scheme;

static stria_status scheme_parse(const char *init, scheme *out, stria_error *err) {
    static const char *const keys[] = {"gain"};
    spec s = spec_open("", init);
    int i;
    bool more;
    TRY(spec_choose(&s, "init", s.name, SPEC_ROWS(init_names), &i, err));
    *out = (scheme){.name = init_names[i], .gain = 1};
    s.what = "option init";
    for (;;) {
        TRY(spec_next(&s, &more, err));
        if (!more) return STRIA_OK;
        TRY(spec_choose(&s, "setting", s.key, SPEC_ROWS(keys), &i, err));
        TRY(spec_positive(&s, GAIN_MOST, &out->gain, err));
    }
}

/* Variance of the scheme for weights of this shape. */
static double variance(const shape *s, const scheme *init) {
    double taps = 1, out = s->rank > 0 ? (double)s->dim[0] : 1, in = s->rank > 1 ? (double)s->dim[1] : 1;
    for (int d = 2; d < s->rank; d++) taps *= (double)s->dim[d];
    double gain = init->gain * init->gain;
    if (strcmp(init->name, "normal") == 0 || strcmp(init->name, "truncated-normal") == 0) return gain;
    if (strncmp(init->name, "lecun", 5) == 0) return gain / (in * taps);
    return gain * (strncmp(init->name, "he", 2) == 0 ? 2 / (in * taps) : 2 / ((in + out) * taps));
}

static void fill(float *x, int64_t count, const shape *s, const scheme *init, uint64_t seed, uint64_t stream) {
    if (count == 0) return; /* whose variance would be infinite */
    double v = variance(s, init);
    float range = (float)sqrt(3 * v);
    if (strcmp(init->name, "zeros") == 0) memset(x, 0, (size_t)count * sizeof *x);
    else if (strstr(init->name, "uniform")) random_fill_uniform(x, (size_t)count, -range, range, seed, stream);
    else if (strcmp(init->name, "truncated-normal") == 0)
        random_range_truncated(x, (random_range){seed, stream, 0, (size_t)count}, 0, (float)sqrt(v));
    else random_fill_normal(x, (size_t)count, 0, (float)sqrt(v), seed, stream);
}

/* Drawn in float32 whatever the type. */
static stria_status drawn(tensor **out, const char *name, dtype type, const shape *s, const shape *fans,
                          const scheme *init, uint64_t seed, stria_error *err) {
    tensor *t = NULL, *converted = NULL;
    int64_t count = shape_count(s);
    TRY(tensor_new(&t, STRIA_FLOAT32, s, name, err));
    fill(t->data, count, fans, init, seed, random_hash(name));
    if (type == STRIA_FLOAT32) {
        *out = t;
        return STRIA_OK;
    }
    stria_status status = tensor_new(&converted, type, s, name, err);
    for (int64_t i = 0; status == STRIA_OK && i < count; i++) tensor_put(converted, i, tensor_f64(t, i));
    tensor_release(t);
    if (status == STRIA_OK) *out = converted;
    return status;
}

stria_status init_parameter(graph *g, const char *name, dtype type, const shape *s, const char *init, uint64_t seed,
                            value **out, stria_error *err) {
    return init_parameter_of(g, name, type, s, s, init, seed, out, err);
}

stria_status init_parameter_of(graph *g, const char *name, dtype type, const shape *s, const shape *fans,
                               const char *init, uint64_t seed, value **out, stria_error *err) {
    char words[192];
    scheme parsed;
    tensor *t = NULL;
    TRY(scheme_parse(init, &parsed, err));
    if (!dtype_is_float(type)) FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected a floating type", dtype_name(type));
    if (shape_count(s) < 0 || shape_count(s) > PARAMETER_LIMIT)
        FAIL(err, STRIA_BAD_SHAPE, "parameter '%s' of shape %s is too large", name, shape_text(s, words));
    TRY(drawn(&t, name, type, s, fans, &parsed, seed, err));
    stria_status status = graph_add_state(g, name, ROLE_PARAMETER, t, out, err);
    tensor_release(t);
    return status;
}
