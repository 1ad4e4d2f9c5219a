/* One step of LSTM, GRU and RNN for one item of the batch, forwards and backwards: the standard's formulas. */
#include "op/recurrent.h"

#include <math.h>
#include <strings.h>

#include "base/text.h"

/* ---- functions ---- */

/* FUNCTION(name, f(x), its slope, how many numbers it has, their defaults a and b) */
/* clang-format off */
#define FUNCTIONS \
    FUNCTION(Sigmoid, 1 / (1 + exp(-x)), exp(-fabs(x)) / ((1 + exp(-fabs(x))) * (1 + exp(-fabs(x)))), 0, 0, 0) \
    FUNCTION(Tanh, tanh(x), 1 - tanh(x) * tanh(x), 0, 0, 0) \
    FUNCTION(Relu, x > 0 ? x : 0, x > 0 ? 1 : 0, 0, 0, 0) \
    FUNCTION(Affine, a * x + b, a, 2, 1, 0) \
    FUNCTION(LeakyRelu, x < 0 ? a * x : x, x < 0 ? a : 1, 1, 0.01, 0) \
    FUNCTION(ThresholdedRelu, x > a ? x : 0, x > a ? 1 : 0, 1, 1, 0) \
    FUNCTION(ScaledTanh, a * tanh(b * x), a * b * (1 - tanh(b * x) * tanh(b * x)), 2, 1, 1) \
    FUNCTION(HardSigmoid, fmax(0, fmin(1, a * x + b)), a * x + b > 0 && a * x + b < 1 ? a : 0, 2, 0.2, 0.5) \
    FUNCTION(Elu, x < 0 ? a * expm1(x) : x, x < 0 ? a * exp(x) : 1, 1, 1, 0) \
    FUNCTION(Softsign, x / (1 + fabs(x)), 1 / ((1 + fabs(x)) * (1 + fabs(x))), 0, 0, 0) \
    FUNCTION(Softplus, log1p(exp(-fabs(x))) + fmax(x, 0), 1 / (1 + exp(-x)), 0, 0, 0)
/* clang-format on */

#define FUNCTION(name, value, slope, count, standard_a, standard_b)                                                    \
    static double name##_value(double x, double a, double b) {                                                         \
        (void)a, (void)b;                                                                                              \
        return value;                                                                                                  \
    }                                                                                                                  \
    static double name##_slope(double x, double a, double b) {                                                         \
        (void)a, (void)b, (void)x;                                                                                     \
        return slope;                                                                                                  \
    }
FUNCTIONS
#undef FUNCTION

static const struct row {
    const char *name;
    double (*value)(double x, double a, double b), (*slope)(double x, double a, double b);
    int count;
    double a, b;
} rows[] = {
#define FUNCTION(name, value, slope, count, a, b) {#name, name##_value, name##_slope, count, a, b},
    FUNCTIONS
#undef FUNCTION
};

enum { ROWS = sizeof rows / sizeof *rows, ROW_SIGMOID = 0, ROW_TANH = 1 };

/* Names are compared as ONNX Runtime does: exporters write them in any case. */
static stria_status row_find(const char *name, int *out, stria_error *err) {
    const char *names[ROWS];
    for (*out = 0; *out < ROWS; ++*out) {
        if (strcasecmp(rows[*out].name, name) == 0) return STRIA_OK;
        names[*out] = rows[*out].name;
    }
    const char *nearest = text_nearest(name, names, ROWS);
    FAIL(err, STRIA_UNSUPPORTED, "there is no activation '%.60s'%s%s%s", name, nearest ? "; the nearest is '" : "",
         nearest ? nearest : "", nearest ? "'" : "");
}

/* The next number of a list, or the standard where the list has ended. */
static double number_next(const floats *list, int64_t *used, double standard) {
    return *used < list->count ? (double)list->value[(*used)++] : standard;
}

stria_status recurrent_functions(const recurrent_attributes *a, recurrent_kind kind, int directions,
                                 recurrent_function out[2][3], stria_error *err) {
    int each = (int)kind + 1, total = each * directions;
    int64_t alphas = 0, betas = 0;
    if (a->activations.count && a->activations.count != total)
        FAIL(err, STRIA_BAD_SHAPE, "%lld activations, expected %d", (long long)a->activations.count, total);
    for (int i = 0; i < total; i++) {
        recurrent_function *f = &out[i / each][i % each];
        f->row = i % each == 0 && kind != CELL_RNN ? ROW_SIGMOID : ROW_TANH;
        if (a->activations.count) TRY(row_find(a->activations.value[i], &f->row, err));
        const struct row *r = &rows[f->row];
        f->alpha = r->count > 0 ? number_next(&a->activation_alpha, &alphas, r->a) : 0;
        f->beta = r->count > 1 ? number_next(&a->activation_beta, &betas, r->b) : 0;
    }
    return STRIA_OK;
}

bool recurrent_is_standard(const recurrent_geometry *g) {
    for (int d = 0; d < g->directions; d++)
        for (int k = 0; k <= (int)g->kind; k++)
            if (g->function[d][k].row != (k == 0 && g->kind != CELL_RNN ? ROW_SIGMOID : ROW_TANH)) return false;
    return isinf(g->clip);
}

static double value_of(const recurrent_geometry *g, int d, int k, double x) {
    const recurrent_function *f = &g->function[d][k];
    double inside = x > g->clip ? g->clip : x < -g->clip ? -g->clip : x; /* NaN stays */
    return rows[f->row].value(inside, f->alpha, f->beta);
}

static double slope_of(const recurrent_geometry *g, int d, int k, double x) {
    const recurrent_function *f = &g->function[d][k];
    return fabs(x) > g->clip ? 0 : rows[f->row].slope(x, f->alpha, f->beta);
}

/* ---- forwards ---- */

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* a[j] += W x + its bias; and, of rows below `to`, R h + its bias */
static void gates_sum(const recurrent_geometry *g, const recurrent_weights *w, const recurrent_step *s, int64_t to) {
    for (int64_t j = 0; j < g->gates * g->hidden; j++) {
        s->a[j] = (w->wb ? w->wb[j] : 0) + dot(w->w + j * g->inputs, s->x, g->inputs);
        if (j < to) s->a[j] += (w->rb ? w->rb[j] : 0) + dot(w->r + j * g->hidden, s->h0, g->hidden);
    }
}

static void rnn_forward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s) {
    gates_sum(g, w, s, g->hidden);
    for (int64_t j = 0; j < g->hidden; j++) s->h[j] = s->v[j] = value_of(g, d, 0, s->a[j]);
}

static void gru_forward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s) {
    int64_t n = g->hidden;
    gates_sum(g, w, s, 2 * n);
    for (int64_t j = 0; j < 2 * n; j++) s->v[j] = value_of(g, d, 0, s->a[j]);
    for (int64_t j = 0; j < n && !g->reset_after; j++) s->s[j] = s->v[n + j] * s->h0[j];
    for (int64_t j = 0; j < n; j++) {
        const double *row = w->r + (2 * n + j) * n;
        double bias = w->rb ? w->rb[2 * n + j] : 0;
        if (g->reset_after) s->s[j] = bias + dot(row, s->h0, n);
        s->a[2 * n + j] += g->reset_after ? s->v[n + j] * s->s[j] : bias + dot(row, s->s, n);
        s->v[2 * n + j] = value_of(g, d, 1, s->a[2 * n + j]);
        s->h[j] = (1 - s->v[j]) * s->v[2 * n + j] + s->v[j] * s->h0[j];
    }
}

static void lstm_forward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s) {
    int64_t n = g->hidden;
    const recurrent_function *last = &g->function[d][2];
    gates_sum(g, w, s, 4 * n);
    for (int64_t j = 0; j < n; j++) {
        double *a = s->a + j, *v = s->v + j;
        if (w->p) a[0] += w->p[j] * s->c0[j], a[2 * n] += w->p[2 * n + j] * s->c0[j];
        v[0] = value_of(g, d, 0, a[0]);
        v[2 * n] = g->coupled ? 1 - v[0] : value_of(g, d, 0, a[2 * n]);
        v[3 * n] = value_of(g, d, 1, a[3 * n]);
        s->c[j] = v[2 * n] * s->c0[j] + v[0] * v[3 * n];
        if (w->p) a[n] += w->p[n + j] * s->c[j];
        v[n] = value_of(g, d, 0, a[n]);
        s->s[j] = rows[last->row].value(s->c[j], last->alpha, last->beta); /* unclipped, as ONNX Runtime's */
        s->h[j] = v[n] * s->s[j];
    }
}

void recurrent_forward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s) {
    if (g->kind == CELL_RNN) rnn_forward(g, d, w, s);
    else if (g->kind == CELL_GRU) gru_forward(g, d, w, s);
    else lstm_forward(g, d, w, s);
}

/* ---- backwards ---- */

/* y += a·x */
static void add(double *y, double a, const double *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* Each function below fills da, the gradient of what the functions get through W, and dr, of what they get through R,
 * and adds to `before`, the gradient of h0, what does not come through R. */
typedef struct slopes {
    double *da, *dr, *before;
} slopes;

static void rnn_backward(const recurrent_geometry *g, int d, const recurrent_step *s, const double *dh,
                         const slopes *to) {
    for (int64_t j = 0; j < g->hidden; j++) to->da[j] = to->dr[j] = dh[j] * slope_of(g, d, 0, s->a[j]);
}

static void gru_backward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s,
                         const double *dh, const recurrent_weights *dw, const slopes *to) {
    int64_t n = g->hidden;
    double *reset = to->da + n; /* first the gradient of what the reset gate gives */
    for (int64_t j = 0; j < n; j++) reset[j] = 0;
    for (int64_t j = 0; j < n; j++) {
        double z = s->v[j], inner = dh[j] * (1 - z) * slope_of(g, d, 1, s->a[2 * n + j]);
        to->da[2 * n + j] = inner;
        to->dr[2 * n + j] = g->reset_after ? inner * s->v[n + j] : 0;
        to->da[j] = dh[j] * (s->h0[j] - s->v[2 * n + j]) * slope_of(g, d, 0, s->a[j]);
        to->before[j] += dh[j] * z;
        if (g->reset_after) reset[j] += inner * s->s[j];
        else {
            const double *row = w->r + (2 * n + j) * n;
            for (int64_t i = 0; i < n; i++) {
                reset[i] += inner * row[i] * s->h0[i];
                to->before[i] += inner * row[i] * s->v[n + i];
            }
            add(dw->r + (2 * n + j) * n, inner, s->s, n);
            dw->rb[2 * n + j] += inner;
        }
    }
    for (int64_t j = 0; j < n; j++) reset[j] *= slope_of(g, d, 0, s->a[n + j]);
    for (int64_t j = 0; j < 2 * n; j++) to->dr[j] = to->da[j];
}

static void lstm_backward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s,
                          const double *dh, double *dc, const recurrent_weights *dw, const slopes *to) {
    int64_t n = g->hidden;
    const recurrent_function *last = &g->function[d][2];
    for (int64_t j = 0; j < n; j++) {
        double *da = to->da + j;
        const double *a = s->a + j, *v = s->v + j;
        da[n] = dh[j] * s->s[j] * slope_of(g, d, 0, a[n]);
        double of_c = dc[j] + dh[j] * v[n] * rows[last->row].slope(s->c[j], last->alpha, last->beta);
        if (w->p) of_c += da[n] * w->p[n + j];
        double of_i = of_c * v[3 * n], of_f = of_c * s->c0[j];
        if (g->coupled) of_i -= of_f, of_f = 0;
        da[0] = of_i * slope_of(g, d, 0, a[0]);
        da[2 * n] = g->coupled ? 0 : of_f * slope_of(g, d, 0, a[2 * n]);
        da[3 * n] = of_c * v[0] * slope_of(g, d, 1, a[3 * n]);
        dc[j] = of_c * v[2 * n];
        if (w->p) dc[j] += da[0] * w->p[j] + da[2 * n] * w->p[2 * n + j];
        dw->p[j] += da[0] * s->c0[j];
        dw->p[n + j] += da[n] * s->c[j];
        dw->p[2 * n + j] += da[2 * n] * s->c0[j];
    }
    for (int64_t j = 0; j < 4 * n; j++) to->dr[j] = to->da[j];
}

void recurrent_backward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s,
                        double *dh, double *dc, double *dx, const recurrent_weights *dw, double *scratch) {
    int64_t n = g->hidden, all = g->gates * n;
    slopes to = {scratch, scratch + all, scratch + 2 * all};
    for (int64_t j = 0; j < n; j++) to.before[j] = 0;
    if (g->kind == CELL_RNN) rnn_backward(g, d, s, dh, &to);
    else if (g->kind == CELL_GRU) gru_backward(g, d, w, s, dh, dw, &to);
    else lstm_backward(g, d, w, s, dh, dc, dw, &to);
    for (int64_t j = 0; j < all; j++) {
        add(dx, to.da[j], w->w + j * g->inputs, g->inputs);
        add(dw->w + j * g->inputs, to.da[j], s->x, g->inputs);
        dw->wb[j] += to.da[j];
        add(to.before, to.dr[j], w->r + j * n, n);
        add(dw->r + j * n, to.dr[j], s->h0, n);
        dw->rb[j] += to.dr[j];
    }
    for (int64_t j = 0; j < n; j++) dh[j] = to.before[j];
}
