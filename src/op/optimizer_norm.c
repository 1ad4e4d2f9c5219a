/* Optimisers' updates that look at a whole tensor: LAMB by its norms, Muon by its singular vectors. */
#include "op/optimizer.h"

#include <math.h>
#include <string.h>

#include "op/binary.h"
#include "op/matmul.h"
#include "op/reduce.h"
#include "op/rule.h"

enum { R = UPDATE_RATE, T = UPDATE_COUNT, X = UPDATE_PARAMETER, G = UPDATE_GRADIENT, S = UPDATE_STATE };

#define FIELD(type, member, kind, standard)                                                                            \
    { #member, kind, offsetof(type, member), standard, false }

/* ---- LambUpdate ---- */

static const attr_field lamb_fields[] = {FIELD(lamb_attributes, beta1, ATTR_FLOAT, "0.9"),
                                         FIELD(lamb_attributes, beta2, ATTR_FLOAT, "0.999"),
                                         FIELD(lamb_attributes, epsilon, ATTR_FLOAT, "1e-6"),
                                         FIELD(lamb_attributes, weight_decay, ATTR_FLOAT, "0"),
                                         {0}};

static op_cost lamb_cost(const node *n) {
    return (op_cost){0, size_mul(20, shape_count(&n->in[X]->shape))};
}

static stria_status lamb_reference(const ref_call *c, stria_error *err) {
    const lamb_attributes *a = c->attributes;
    double t = (double)c->in[T].i[0] + 1, beta1 = (double)a->beta1, beta2 = (double)a->beta2, norm = 0, step = 0;
    double first = 1 - pow(beta1, t), second = 1 - pow(beta2, t);
    int64_t count = shape_count(&c->in[X].shape);
    for (int pass = 0; pass < 2; pass++) {
        double ratio = norm > 0 && step > 0 ? sqrt(norm / step) : 1;
        for (int64_t i = 0; i < count; i++) {
            double x = c->in[X].f[i], g = c->in[G].f[i];
            double m = c->in[S].f[i], v = c->in[S + 1].f[i];
            if (isfinite(g)) m = beta1 * m + (1 - beta1) * g, v = beta2 * v + (1 - beta2) * g * g;
            double u = m / first / (sqrt(v / second) + (double)a->epsilon) + (double)a->weight_decay * x;
            if (pass == 0) {
                norm += x * x;
                step += u * u;
                continue;
            }
            optimizer_put(c, i, x - c->in[R].f[0] * ratio * u, m, v);
        }
    }
    return optimizer_told(c);
}

static const op_case lamb_cases[] = {
    {"pos:, i64=0, 3x4, 3x4, 3x4, pos:3x4", ""},
    {"pos:, i64=1, 3x7, 3x7, 3x7, pos:3x7", "epsilon=0"},
    {"pos:1, i64=3, 9001, 9001, 9001, pos:9001", "beta1=0.5 beta2=0.75 epsilon=0.01 weight_decay=0.125"},
    {0}};

const op_def op_LambUpdate = {
    .name = "LambUpdate",
    .domain = "stria",
    .in_min = 6,
    .in_max = 6,
    .out_min = 1,
    .out_max = 4,
    .attribute_bytes = sizeof(lamb_attributes),
    .fields = lamb_fields,
    .infer = optimizer_infer,
    .cost = lamb_cost,
    .reference = lamb_reference,
    .cases = lamb_cases,
    .layouts = LAYOUT_SAME,
    .in_place_pair = {X + 1, S + 1, S + 2},
    .text = "m' = β1 · m + (1 − β1) · dx; v' = β2 · v + (1 − β2) · dx²; u = m' / (1 − β1^t) / (√(v' / (1 − β2^t)) + ε) "
            "+ λ · x; "
            "x' = x − r · ‖x‖ / ‖u‖ · u, the ratio of norms 1 where one of them is 0",
    .note = "You et al., ICLR 2020; without λ also Keras' (ε 1e-7 there)",
};

/* ---- MuonUpdate ---- */

static const attr_field muon_fields[] = {FIELD(muon_attributes, momentum, ATTR_FLOAT, "0.95"),
                                         FIELD(muon_attributes, weight_decay, ATTR_FLOAT, "0"),
                                         FIELD(muon_attributes, nesterov, ATTR_INT, "1"),
                                         FIELD(muon_attributes, steps, ATTR_INT, "5"),
                                         {0}};

/* Of Jordan's iteration: u' = k0·u + (k1·A + k2·A²)·u, A = u·uᵀ. */
static const double newton_schulz[3] = {3.4445, -4.775, 2.0315};

static stria_status muon_infer(node *n, stria_error *err) {
    char text[192];
    const shape *x = &n->in[X]->shape;
    const muon_attributes *a = n->attributes;
    TRY(optimizer_infer(n, err));
    if (x->rank < 2 || shape_count(x) == 0)
        FAIL(err, STRIA_BAD_SHAPE, "the parameter is %s, expected a matrix, or filters", shape_text(x, text));
    if (a->steps < 1 || a->steps > 100)
        FAIL(err, STRIA_BAD_ARGUMENT, "steps is %lld, expected 1 to 100", (long long)a->steps);
    return STRIA_OK;
}

static op_cost muon_cost(const node *n) {
    const shape *x = &n->in[X]->shape;
    int64_t rows = x->dim[0], columns = rows ? shape_count(x) / rows : 0, least = int64_min(rows, columns);
    int64_t once =
        size_mul(least, size_add(size_mul(2, size_mul(least, int64_max(rows, columns))), size_mul(least, least)));
    return (op_cost){size_mul(((const muon_attributes *)n->attributes)->steps, once), size_mul(6, shape_count(x))};
}

/* Whether every element of x is finite: a product with 0 is 0 only there. */
static value *all_finite(builder *b, value *x) {
    value *none = build_scalar(b, x ? x->type : STRIA_FLOAT32, 0);
    value *sum = build1(b, &op_ReduceSum, build2(b, &op_Mul, x, none, NULL), &(reduce_attributes){.keepdims = 0});
    return build2(b, &op_Equal, sum, none, NULL);
}

static value *choose(builder *b, value *condition, value *yes, value *no) {
    return build(b, &op_Where, (value *[]){condition, yes, no}, 3, NULL);
}

/* x · k + y · l */
static value *mix(builder *b, value *x, double k, value *y, double l) {
    dtype type = x ? x->type : STRIA_FLOAT32;
    value *left = build2(b, &op_Mul, x, build_scalar(b, type, k), NULL);
    return build2(b, &op_Add, left, build2(b, &op_Mul, y, build_scalar(b, type, l), NULL), NULL);
}

/* a · b, or a · bᵀ */
static value *product(builder *b, value *x, value *y, bool transposed) {
    return build2(b, &op_Gemm, x, y, &(gemm_attributes){1, 1, 0, transposed});
}

/* Jordan's Newton–Schulz iteration: singular values of u [rows, columns] come near 1, singular vectors stay. */
static value *orthogonal(builder *b, value *u, int64_t rows, int64_t columns, int64_t steps) {
    const int64_t flat[2] = {rows, columns};
    u = build2(b, &op_Reshape, u, build_i64(b, flat, 2), NULL);
    if (rows > columns) u = build1(b, &op_Transpose, u, NULL);
    value *square = build1(b, &op_ReduceSumSquare, u, &(reduce_attributes){.keepdims = 0});
    dtype type = u ? u->type : STRIA_FLOAT32;
    value *norm = build2(b, &op_Max, build1(b, &op_Sqrt, square, NULL), build_scalar(b, type, 1e-7), NULL);
    u = build2(b, &op_Div, u, norm, NULL);
    for (int64_t i = 0; i < steps; i++) {
        value *gram = product(b, u, u, true);
        value *update = mix(b, gram, newton_schulz[1], product(b, gram, gram, false), newton_schulz[2]);
        u = build2(b, &op_Add, build2(b, &op_Mul, u, build_scalar(b, type, newton_schulz[0]), NULL),
                   product(b, update, u, false), NULL);
    }
    return rows > columns ? build1(b, &op_Transpose, u, NULL) : u;
}

static stria_status muon_expand(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {.g = g, .origin = n->name, .err = err};
    const muon_attributes *a = n->attributes;
    value *x = n->in[X], *dx = n->in[G], *rate = n->in[R];
    double momentum = (double)a->momentum;
    int64_t rows = x->shape.dim[0], columns = shape_count(&x->shape) / rows;
    value *v = mix(&b, n->in[S], momentum, dx, 1 - momentum);
    value *u = a->nesterov ? mix(&b, dx, 1 - momentum, v, momentum) : v;
    u = orthogonal(&b, u, rows, columns, a->steps);
    u = build_reshape_to(&b, u, x);
    double scale = rows > columns ? sqrt((double)rows / (double)columns) : 1;
    value *kept =
        build2(&b, &op_Mul, x, mix(&b, rate, -(double)a->weight_decay, build_scalar(&b, x->type, 1), 1), NULL);
    value *move = build2(&b, &op_Mul, u, build2(&b, &op_Mul, rate, build_scalar(&b, x->type, scale), NULL), NULL);
    value *finite = all_finite(&b, dx);
    out[0] = choose(&b, finite, build2(&b, &op_Sub, kept, move, NULL), x);
    if (n->out_count > 1) out[1] = choose(&b, finite, v, n->in[S]);
    if (n->out_count > 2) out[2] = finite;
    return b.status;
}

/* z[m, k] = x[m, n] · y[k, n]ᵀ, or · y[n, k] */
static void multiply(double *z, const double *x, const double *y, int64_t m, int64_t n, int64_t k, bool transposed) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < k; j++) {
            double sum = 0;
            for (int64_t l = 0; l < n; l++) sum += x[i * n + l] * (transposed ? y[j * n + l] : y[l * k + j]);
            z[i * k + j] = sum;
        }
}

/* u[m, n], m ≤ n: the iteration in place, with memory for u and twice for m × m. */
static void orthogonalize(double *u, int64_t m, int64_t n, int64_t steps, double *moved, double *gram, double *square) {
    double norm = 0;
    for (int64_t i = 0; i < m * n; i++) norm += u[i] * u[i];
    norm = fmax(sqrt(norm), 1e-7);
    for (int64_t i = 0; i < m * n; i++) u[i] /= norm;
    for (; steps > 0; steps--) {
        multiply(gram, u, u, m, n, m, true);
        multiply(square, gram, gram, m, m, m, false);
        for (int64_t i = 0; i < m * m; i++) square[i] = newton_schulz[1] * gram[i] + newton_schulz[2] * square[i];
        multiply(moved, square, u, m, m, n, false);
        for (int64_t i = 0; i < m * n; i++) u[i] = newton_schulz[0] * u[i] + moved[i];
    }
}

/* One element that is not finite would reach all others through the products: nothing changes. */
static stria_status muon_keep(const ref_call *c) {
    int64_t count = shape_count(&c->in[X].shape);
    for (int64_t i = 0; i < count; i++) {
        ref_put(c, 0, i, c->in[X].f[i]);
        ref_put(c, 1, i, c->in[S].f[i]);
    }
    return optimizer_told(c);
}

static stria_status muon_reference(const ref_call *c, stria_error *err) {
    const muon_attributes *a = c->attributes;
    const shape *x = &c->in[X].shape;
    int64_t rows = x->dim[0], count = shape_count(x), columns = count / rows;
    int64_t m = int64_min(rows, columns), n = int64_max(rows, columns);
    double rate = c->in[R].f[0], momentum = (double)a->momentum, *u;
    double scale = rate * (rows > columns ? sqrt((double)rows / (double)columns) : 1);
    bool finite = true;
    for (int64_t i = 0; i < count; i++) finite = finite && isfinite(c->in[G].f[i]);
    if (!finite) return muon_keep(c);
    TRY(mem_new(&u, 2 * (size_t)count + 2 * (size_t)(m * m), sizeof *u, "a reference", err));
    for (int64_t i = 0; i < count; i++) {
        double g = c->in[G].f[i], v = momentum * c->in[S].f[i] + (1 - momentum) * g;
        int64_t at = rows > columns ? i % columns * rows + i / columns : i;
        u[at] = a->nesterov ? (1 - momentum) * g + momentum * v : v;
        ref_put(c, 1, i, v);
    }
    orthogonalize(u, m, n, a->steps, u + count, u + 2 * count, u + 2 * count + m * m);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = rows > columns ? i % columns * rows + i / columns : i;
        ref_put(c, 0, i, (1 - rate * (double)a->weight_decay) * c->in[X].f[i] - scale * u[at]);
    }
    mem_free(u);
    return optimizer_told(c);
}

static const op_case muon_cases[] = {
    {"pos:, i64=0, 3x4, 3x4, 3x4", ""},
    {"pos:, i64=3, 9x2x3, 9x2x3, 9x2x3", "momentum=0.5 nesterov=0 weight_decay=0.125 steps=3"},
    {0}};

const op_def op_MuonUpdate = {
    .name = "MuonUpdate",
    .domain = "stria",
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 3,
    .attribute_bytes = sizeof(muon_attributes),
    .fields = muon_fields,
    .infer = muon_infer,
    .cost = muon_cost,
    .reference = muon_reference,
    .expand = muon_expand,
    .cases = muon_cases,
    .layouts = LAYOUT_PLAIN,
    .in_place_pair = {X + 1, S + 1},
    .text = "v' = μ · v + (1 − μ) · dx; u = (1 − μ) · dx + μ · v' (without nesterov: v'), as a matrix [dim 0, the "
            "others] with "
            "singular values near 1; x' = x − r · λ · x − r · √max(1, rows / columns) · u",
    .note = "Jordan et al., 2024, and PyTorch, which iterates in bfloat16; steps of the Newton–Schulz iteration with "
            "3.4445, "
            "−4.775 and 2.0315",
};
