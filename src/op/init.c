#include "op/init.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/spec.h"

#define PARAMETER_LIMIT (1 << 29) /* elements: 2 GiB; a text model of a few bytes must not ask for more */
#define GAIN_MOST       100
#define CONSTANT_MOST   1e6
/* multiply-adds */
#define ORTHOGONAL_LIMIT 1e11

const char *const init_names[] = {"glorot-uniform",
                                  "glorot-normal",
                                  "he-uniform",
                                  "he-normal",
                                  "lecun-uniform",
                                  "lecun-normal",
                                  "normal",
                                  "truncated-normal",
                                  "zeros",
                                  "uniform",
                                  "orthogonal",
                                  "constant",
                                  NULL};

typedef struct scheme {
    const char *name; /* of init_names */
    double gain;      /* every number is multiplied by it */
    double value;     /* of a constant */
} scheme;

static bool is(const scheme *init, const char *name) {
    return strcmp(init->name, name) == 0;
}

static stria_status scheme_parse(const char *init, scheme *out, stria_error *err) {
    static const char *const keys[] = {"gain"}, *const constant_keys[] = {"value"};
    spec s = spec_open("", init);
    int i;
    bool more;
    TRY(spec_choose(&s, "init", s.name, SPEC_ROWS(init_names), &i, err));
    *out = (scheme){.name = init_names[i], .gain = 1};
    bool constant = is(out, "constant"), zeros = is(out, "zeros");
    s.what = "option init";
    for (;;) {
        TRY(spec_next(&s, &more, err));
        if (!more) return STRIA_OK;
        if (zeros) FAIL(err, STRIA_BAD_ARGUMENT, "option init: zeros has no settings");
        TRY(constant ? spec_choose(&s, "setting", s.key, SPEC_ROWS(constant_keys), &i, err)
                     : spec_choose(&s, "setting", s.key, SPEC_ROWS(keys), &i, err));
        if (constant) TRY(spec_real(&s, -CONSTANT_MOST, CONSTANT_MOST, &out->value, err));
        else TRY(spec_positive(&s, GAIN_MOST, &out->gain, err));
    }
}

/* Variance of the scheme for weights of this shape. */
static double variance(const shape *s, const scheme *init) {
    double taps = 1, out = s->rank > 0 ? (double)s->dim[0] : 1, in = s->rank > 1 ? (double)s->dim[1] : 1;
    for (int d = 2; d < s->rank; d++) taps *= (double)s->dim[d];
    double gain = init->gain * init->gain;
    if (is(init, "normal") || is(init, "truncated-normal")) return gain;
    if (is(init, "uniform")) return gain / 3;
    if (strncmp(init->name, "lecun", 5) == 0) return gain / (in * taps);
    return gain * (strncmp(init->name, "he", 2) == 0 ? 2 / (in * taps) : 2 / ((in + out) * taps));
}

/* n vectors of length m become orthonormal, each by what the ones before leave of it (Gram and Schmidt, modified): the
 * Q of A = QR with a positive diagonal of R, uniform among all if A's numbers are normal. */
static void vectors_part(double *v, int64_t n, int64_t m) {
    for (int64_t i = 0; i < n; i++) {
        double *a = v + i * m, norm = 0;
        for (int64_t k = 0; k < m; k++) norm += a[k] * a[k];
        for (int64_t k = 0; k < m; k++) a[k] /= sqrt(norm);
        for (int64_t j = i + 1; j < n; j++) {
            double *b = v + j * m, share = 0;
            for (int64_t k = 0; k < m; k++) share += a[k] * b[k];
            for (int64_t k = 0; k < m; k++) b[k] -= share * a[k];
        }
    }
}

/* x[rows, columns]: orthonormal rows, or columns where there are fewer of them, times the gain. */
static stria_status fill_orthogonal(float *x, int64_t rows, int64_t columns, double gain, uint64_t seed,
                                    uint64_t stream, stria_error *err) {
    bool by_rows = rows <= columns;
    int64_t n = by_rows ? rows : columns, m = by_rows ? columns : rows;
    double *v;
    if ((double)n * (double)n * (double)m > ORTHOGONAL_LIMIT)
        FAIL(err, STRIA_UNSUPPORTED, "%lld x %lld weights are too many to be made orthogonal", (long long)rows,
             (long long)columns);
    TRY(mem_new(&v, (size_t)n * (size_t)m + 1, sizeof *v, "orthogonal weights", err));
    random_fill_normal(x, (size_t)(n * m), 0, 1, seed, stream);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++) v[i * m + k] = (double)(by_rows ? x[i * m + k] : x[k * n + i]);
    vectors_part(v, n, m);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++) x[by_rows ? i * m + k : k * n + i] = (float)(gain * v[i * m + k]);
    mem_free(v);
    return STRIA_OK;
}

static void fill(float *x, int64_t count, const shape *s, const scheme *init, uint64_t seed, uint64_t stream) {
    double v = variance(s, init);
    float range = (float)sqrt(3 * v);
    if (is(init, "zeros") || is(init, "constant"))
        for (int64_t i = 0; i < count; i++) x[i] = (float)init->value;
    else if (strstr(init->name, "uniform")) random_fill_uniform(x, (size_t)count, -range, range, seed, stream);
    else if (is(init, "truncated-normal"))
        random_range_truncated(x, (random_range){seed, stream, 0, (size_t)count}, 0, (float)sqrt(v));
    else random_fill_normal(x, (size_t)count, 0, (float)sqrt(v), seed, stream);
}

/* Drawn in float32 whatever the type. An empty one would have an infinite variance. */
static stria_status drawn(tensor **out, const char *name, dtype type, const shape *s, const shape *fans,
                          const scheme *init, uint64_t seed, stria_error *err) {
    tensor *t = NULL, *converted = NULL;
    int64_t count = shape_count(s);
    TRY(tensor_new(&t, STRIA_FLOAT32, s, name, err));
    stria_status status = STRIA_OK;
    if (count > 0 && is(init, "orthogonal") && s->rank > 0)
        status = fill_orthogonal(t->data, s->dim[0], count / s->dim[0], init->gain, seed, random_hash(name), err);
    else if (count > 0) fill(t->data, count, fans, init, seed, random_hash(name));
    if (status == STRIA_OK && type == STRIA_FLOAT32) {
        *out = t;
        return STRIA_OK;
    }
    if (status == STRIA_OK) status = tensor_new(&converted, type, s, name, err);
    for (int64_t i = 0; status == STRIA_OK && i < count; i++) tensor_put(converted, i, tensor_f64(t, i));
    tensor_release(t);
    if (status == STRIA_OK) *out = converted;
    return status;
}

stria_status init_parameter(graph *g, const char *name, dtype type, const shape *s, const char *init, uint64_t seed,
                            value **out, stria_error *err) {
    return init_parameter_of(g, name, type, s, s, init, seed, out, err);
}

stria_status init_draw(tensor **out, const char *name, dtype type, const shape *s, const shape *fans, const char *init,
                       uint64_t seed, stria_error *err) {
    scheme parsed;
    TRY(scheme_parse(init, &parsed, err));
    return drawn(out, name, type, s, fans, &parsed, seed, err);
}

stria_status init_check(const char *init, stria_error *err) {
    scheme parsed;
    return scheme_parse(init, &parsed, err);
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
