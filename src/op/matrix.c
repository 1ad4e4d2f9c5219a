/* Operators of single matrices: EyeLike, Trilu and Det. Dimensions before the last two number the matrices. */
#include <math.h>
#include <string.h>

#include "op/rule.h"

typedef struct eye_attributes {
    int64_t dtype; /* 0: the input's */
    int64_t k;     /* which diagonal: above (positive) or below the main one */
} eye_attributes;

typedef struct triangle_attributes {
    int64_t upper;
} triangle_attributes;

static const attr_field eye_fields[] = {
    ATTR(eye_attributes, dtype, ATTR_INT, "0"), ATTR(eye_attributes, k, ATTR_INT, "0"), {0}};
static const attr_field triangle_fields[] = {ATTR(triangle_attributes, upper, ATTR_INT, "1"), {0}};

static stria_status matrices_check(const shape *x, bool square, stria_error *err) {
    char text[192];
    if (x->rank < 2 || (square && x->dim[x->rank - 1] != x->dim[x->rank - 2]))
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected %smatrices", shape_text(x, text), square ? "square " : "");
    return STRIA_OK;
}

/* ---- EyeLike ---- */

static stria_status eye_infer(node *n, stria_error *err) {
    const eye_attributes *a = n->attributes;
    char text[192];
    if (n->in[0]->shape.rank != 2)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected one matrix", shape_text(&n->in[0]->shape, text));
    if (a->dtype < 0 || a->dtype > 64 || (a->dtype && !dtype_bytes((dtype)a->dtype)))
        FAIL(err, STRIA_UNSUPPORTED, "elements of ONNX type %lld are not supported", (long long)a->dtype);
    return rule_output(n, 0, a->dtype ? (dtype)a->dtype : n->in[0]->type, &n->in[0]->shape, err);
}

static stria_status eye_reference(const ref_call *c, stria_error *err) {
    const eye_attributes *a = c->attributes;
    ref_tensor *y = &c->out[0];
    int64_t columns = y->shape.dim[1], count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++) {
        bool one = a->k == i % columns - i / columns;
        if (y->f) y->f[i] = one;
        else y->i[i] = one;
    }
    return STRIA_OK;
}

/* ---- Trilu ---- */

static stria_status triangle_infer(node *n, stria_error *err) {
    const value *k = rule_input(n, 1);
    TRY(matrices_check(&n->in[0]->shape, false, err));
    if (k && (k->type != STRIA_INT64 || shape_count(&k->shape) != 1))
        FAIL(err, STRIA_BAD_SHAPE, "the input k is %lld of %s, expected one int64", (long long)shape_count(&k->shape),
             dtype_name(k->type));
    return rule_like(n, 0, err);
}

static stria_status triangle_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                      stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[2] = {dy[0], rule_input(n, 1)};
    if (wanted[0]) dx[0] = build(&b, &op_Trilu, in, n->in_count, n->attributes);
    return b.status;
}

static stria_status triangle_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    bool upper = ((const triangle_attributes *)c->attributes)->upper != 0;
    int64_t rows = x->shape.dim[x->shape.rank - 2], columns = x->shape.dim[x->shape.rank - 1];
    int64_t k = c->in_count > 1 && c->in[1].i ? c->in[1].i[0] : 0, count = shape_count(&x->shape);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        int64_t over = i % columns - i / columns % rows; /* how far above the main diagonal */
        if (upper ? over >= k : over <= k) ref_copy(&c->out[0], i, x, i);
    }
    return STRIA_OK;
}

/* ---- Det ---- */

static stria_status det_infer(node *n, stria_error *err) {
    shape y = n->in[0]->shape;
    TRY(rule_float(n, 0, "input", err));
    TRY(matrices_check(&y, true, err));
    y.rank -= 2;
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status det_gradient_infer(node *n, stria_error *err) {
    const shape *x = &n->in[1]->shape;
    TRY(rule_floats(n, 0, err));
    TRY(matrices_check(x, true, err));
    shape y = *x;
    y.rank -= 2;
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "y", err));
    return rule_output(n, 0, n->in[0]->type, x, err);
}

static stria_status det_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build2(&b, &op_DetGradient, dy[0], n->in[0], NULL);
    return b.status;
}

static op_cost det_cost(const node *n) {
    const shape *x = &n->in[n->in_count - 1]->shape;
    int64_t size = x->dim[x->rank - 1], each = size_mul(shape_count(x), size);
    return (op_cost){n->op == &op_Det ? each / 3 : size_mul(each, size_mul(size, size)), 0};
}

/* By elimination with the largest pivot of each column; a is lost. */
static double determinant(double *a, int64_t n) {
    double product = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[best * n + k])) best = i;
        double pivot = a[best * n + k];
        if (pivot == 0) return 0;
        for (int64_t j = 0; j < n && best != k; j++) {
            double swap = a[k * n + j];
            a[k * n + j] = a[best * n + j], a[best * n + j] = swap;
        }
        product *= best == k ? pivot : -pivot;
        for (int64_t i = k + 1; i < n; i++)
            for (int64_t j = k + 1; j < n; j++) a[i * n + j] -= a[i * n + k] / pivot * a[k * n + j];
    }
    return product;
}

static stria_status det_reference(const ref_call *c, stria_error *err) {
    const shape *x = &c->in[0].shape;
    int64_t n = x->dim[x->rank - 1], count = shape_count(&c->out[0].shape);
    double *copy;
    TRY(mem_new(&copy, (size_t)(n * n) + 1, sizeof *copy, "a matrix", err));
    for (int64_t i = 0; i < count; i++) {
        if (n) memcpy(copy, c->in[0].f + i * n * n, sizeof *copy * (size_t)(n * n));
        c->out[0].f[i] = determinant(copy, n);
    }
    mem_free(copy);
    return STRIA_OK;
}

/* The cofactor of each element: right for singular matrices, too. */
static stria_status det_gradient_reference(const ref_call *c, stria_error *err) {
    const shape *x = &c->in[1].shape;
    int64_t n = x->dim[x->rank - 1], count = shape_count(x);
    double *minor;
    TRY(mem_new(&minor, (size_t)(n * n) + 1, sizeof *minor, "a matrix", err));
    for (int64_t at = 0; at < count; at++) {
        int64_t row = at / n % n, column = at % n, k = 0;
        const double *a = c->in[1].f + at / (n * n) * n * n;
        for (int64_t e = 0; e < n * n; e++)
            if (e / n != row && e % n != column) minor[k++] = a[e];
        double cofactor = determinant(minor, n - 1) * ((row + column) % 2 ? -1 : 1);
        c->out[0].f[at] = c->in[0].f[at / (n * n)] * cofactor;
    }
    mem_free(minor);
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case eye_cases[] = {{"3x4", ""}, {"i64=1,2,3,4:2x2", "k=-1"}, {"3x3", "dtype=7 k=2"}, {0}};
static const op_case triangle_cases[] = {{"3x4", ""},         {"2x3x3, i64=1", "upper=0"},
                                         {"4x3, i64=-1", ""}, {"i64=1,2,3,4:2x2, i64=-2:1", "upper=0"},
                                         {"2x0x3", ""},       {0}};
static const op_case det_cases[] = {
    {"3x3", ""}, {"2x2x4x4", ""}, {"f=1,2,2,4:2x2", ""}, {"f=0,1,1,0:2x2", ""}, {"2x1x1", ""}, {"2x0x0", ""}, {0}};
static const op_case det_gradient_cases[] = {{":, 3x3", ""}, {"2, 2x2x2", ""}, {0}};

#define MATRIX(op_name, op_domain, least, most)                                                                        \
    .name = op_name, .domain = op_domain, .in_min = least, .in_max = most, .out_min = 1, .out_max = 1,                 \
    .layouts = LAYOUT_PLAIN

const op_def op_EyeLike = {
    MATRIX("EyeLike", "", 1, 1),  .attribute_bytes = sizeof(eye_attributes),
    .fields = eye_fields,         .infer = eye_infer,
    .gradient = rule_no_gradient, .cost = rule_no_cost,
    .reference = eye_reference,   .cases = eye_cases,
    .shape_inputs = 1 << 0,       .text = "y[i, j] = 1 where j − i = k, else 0, in the input's shape"};
const op_def op_Trilu = {MATRIX("Trilu", "", 1, 2),
                         .attribute_bytes = sizeof(triangle_attributes),
                         .fields = triangle_fields,
                         .infer = triangle_infer,
                         .gradient = triangle_gradient,
                         .cost = rule_no_cost,
                         .reference = triangle_reference,
                         .cases = triangle_cases,
                         .text = "y[i, j] = x[i, j] where j − i ≥ k (upper) or j − i ≤ k, else 0"};
const op_def op_Det = {MATRIX("Det", "", 1, 1), .fields = no_fields,
                       .infer = det_infer,      .gradient = det_gradient,
                       .cost = det_cost,        .reference = det_reference,
                       .cases = det_cases,      .text = "y = the determinant of each matrix"};
const op_def op_DetGradient = {MATRIX("DetGradient", "stria", 2, 2),  .fields = no_fields,
                               .infer = det_gradient_infer,           .cost = det_cost,
                               .reference = det_gradient_reference,   .cases = det_gradient_cases,
                               .text = "dx = dy · the cofactors of x"};
