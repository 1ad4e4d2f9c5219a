/* Matrix products: MatMul as NumPy's matmul, Gemm as BLAS has it. */
#include "op/matmul.h"

#include <assert.h>

#include "op/rule.h"
#include "op/shape.h"

static const attr_field gemm_fields[] = {ATTR(gemm_attributes, alpha, ATTR_FLOAT, "1"),
                                         ATTR(gemm_attributes, beta, ATTR_FLOAT, "1"),
                                         ATTR(gemm_attributes, transA, ATTR_INT, "0"),
                                         ATTR(gemm_attributes, transB, ATTR_INT, "0"),
                                         {0}};

/* ---- shapes ---- */

/* A vector is a row on the left, a column on the right. */
static shape as_matrix(const shape *s, bool left) {
    if (s->rank != 1) return *s;
    return left ? shape_of(2, (int64_t[]){1, s->dim[0]}) : shape_of(2, (int64_t[]){s->dim[0], 1});
}

static void batch_strides(const shape *s, const shape *batch, int64_t stride[RANK_MAX]) {
    shape outer = shape_of(s->rank - 2, s->dim);
    int64_t matrix = s->dim[s->rank - 2] * s->dim[s->rank - 1];
    broadcast_strides(&outer, batch, stride);
    for (int d = 0; d < batch->rank; d++) stride[d] *= matrix;
}

stria_status matmul_geometry(product_geometry *p, const shape *a, const shape *b, stria_error *err) {
    char ta[192], tb[192];
    if (a->rank < 1 || b->rank < 1)
        FAIL(err, STRIA_BAD_SHAPE, "cannot multiply %s by %s: a scalar is not a matrix", shape_text(a, ta),
             shape_text(b, tb));
    shape l = as_matrix(a, true), r = as_matrix(b, false);
    *p = (product_geometry){.m = l.dim[l.rank - 2], .k = l.dim[l.rank - 1], .n = r.dim[r.rank - 1]};
    if (p->k != r.dim[r.rank - 2])
        FAIL(err, STRIA_BAD_SHAPE, "cannot multiply %s by %s: %lld column%s against %lld row%s", shape_text(a, ta),
             shape_text(b, tb), (long long)p->k, text_s(p->k), (long long)r.dim[r.rank - 2], text_s(r.dim[r.rank - 2]));
    shape la = shape_of(l.rank - 2, l.dim), rb = shape_of(r.rank - 2, r.dim);
    if (!shape_broadcast(&la, &rb, &p->batch))
        FAIL(err, STRIA_BAD_SHAPE, "cannot multiply %s by %s: their batches do not broadcast", shape_text(a, ta),
             shape_text(b, tb));
    p->a_row = p->k, p->a_column = 1, p->b_row = p->n, p->b_column = 1;
    batch_strides(&l, &p->batch, p->a_batch);
    batch_strides(&r, &p->batch, p->b_batch);
    return STRIA_OK;
}

static stria_status gemm_geometry(product_geometry *p, const gemm_attributes *t, const shape *a, const shape *b,
                                  stria_error *err) {
    char ta[192], tb[192];
    if (a->rank != 2 || b->rank != 2)
        FAIL(err, STRIA_BAD_SHAPE, "inputs are %s and %s, expected two matrices", shape_text(a, ta), shape_text(b, tb));
    bool at = t->transA != 0, bt = t->transB != 0;
    *p = (product_geometry){.m = a->dim[at], .k = a->dim[!at], .n = b->dim[!bt]};
    if (p->k != b->dim[bt])
        FAIL(err, STRIA_BAD_SHAPE, "cannot multiply %s%s by %s%s: %lld column%s against %lld row%s", shape_text(a, ta),
             at ? " transposed" : "", shape_text(b, tb), bt ? " transposed" : "", (long long)p->k, text_s(p->k),
             (long long)b->dim[bt], text_s(b->dim[bt]));
    p->a_row = at ? 1 : a->dim[1], p->a_column = at ? a->dim[1] : 1;
    p->b_row = bt ? 1 : b->dim[1], p->b_column = bt ? b->dim[1] : 1;
    return STRIA_OK;
}

static stria_status geometry(product_geometry *p, const node *n, stria_error *err) {
    if (n->op == &op_Gemm) return gemm_geometry(p, n->attributes, &n->in[0]->shape, &n->in[1]->shape, err);
    return matmul_geometry(p, &n->in[0]->shape, &n->in[1]->shape, err);
}

product_geometry product_geometry_of(const node *n) {
    product_geometry p = {0};
    stria_status status = geometry(&p, n, NULL);
    assert(status == STRIA_OK);
    (void)status;
    return p;
}

shape matmul_shape(const product_geometry *p, const shape *a, const shape *b) {
    shape y = p->batch;
    if (a->rank > 1) y.dim[y.rank++] = p->m;
    if (b->rank > 1) y.dim[y.rank++] = p->n;
    return y;
}

static stria_status matmul_infer(node *n, stria_error *err) {
    product_geometry p;
    TRY(rule_same_type(n, 0, 1, err));
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "inputs are bool, expected numbers");
    TRY(geometry(&p, n, err));
    shape y = matmul_shape(&p, &n->in[0]->shape, &n->in[1]->shape);
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status gemm_infer(node *n, stria_error *err) {
    product_geometry p;
    TRY(rule_floats(n, 0, err));
    TRY(geometry(&p, n, err));
    shape y = shape_of(2, (int64_t[]){p.m, p.n}), together;
    if (rule_input(n, 2)) {
        char tc[192], ty[192];
        const shape *c = &n->in[2]->shape;
        if (!shape_broadcast(c, &y, &together) || !shape_equal(&together, &y))
            FAIL(err, STRIA_BAD_SHAPE, "C is %s, which does not broadcast to the product's %s", shape_text(c, tc),
                 shape_text(&y, ty));
    }
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* ---- gradients ---- */

/* y = αA'B' + βC, where A' and B' are as transA and transB say: dA' = α·dy·B'ᵀ, dB' = α·A'ᵀ·dy, dC = β·dy. */
static value *gemm(builder *b, value *x, value *y, float alpha, bool tx, bool ty) {
    return build2(b, &op_Gemm, x, y, &(gemm_attributes){alpha, 1, tx, ty});
}

static value *gemm_dc(builder *b, value *dy, value *c, float beta) {
    value *dc = build_reduce_to(b, dy, c);
    return beta == 1 ? dc : build2(b, &op_Mul, dc, build_scalar(b, dy->type, (double)beta), NULL);
}

static stria_status gemm_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                  stria_error *err) {
    builder t = {g, n->name, STRIA_OK, err};
    const gemm_attributes *s = n->attributes;
    value *a = n->in[0], *b = n->in[1], *d = dy[0];
    bool at = s->transA != 0, bt = s->transB != 0;
    if (wanted[0]) dx[0] = at ? gemm(&t, b, d, s->alpha, bt, true) : gemm(&t, d, b, s->alpha, false, !bt);
    if (wanted[1]) dx[1] = bt ? gemm(&t, d, a, s->alpha, true, at) : gemm(&t, a, d, s->alpha, !at, false);
    if (rule_input(n, 2) && wanted[2]) dx[2] = gemm_dc(&t, d, n->in[2], s->beta);
    return t.status;
}

static value *transposed(builder *b, value *x) {
    int64_t perm[RANK_MAX];
    int r = x->shape.rank;
    for (int d = 0; d < r; d++) perm[d] = d < r - 2 ? d : 2 * r - 3 - d;
    return build1(b, &op_Transpose, x, &(transpose_attributes){{r, perm}});
}

/* x·y of operands of rank 2 and more. Two plain matrices need no transposed copy. */
static value *product(builder *b, value *x, bool tx, value *y, bool ty) {
    if (!x || !y) return NULL;
    if (x->shape.rank == 2 && y->shape.rank == 2) return gemm(b, x, y, 1, tx, ty);
    return build2(b, &op_MatMul, tx ? transposed(b, x) : x, ty ? transposed(b, y) : y, NULL);
}

/* da = dy·bᵀ, db = aᵀ·dy, summed over what was broadcast; vectors are matrices meanwhile. */
static stria_status matmul_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder t = {g, n->name, STRIA_OK, err};
    bool row = n->in[0]->shape.rank == 1, column = n->in[1]->shape.rank == 1;
    int64_t second_last = -2, last = -1;
    value *a = build_unsqueeze(&t, n->in[0], &(int64_t){0}, row);
    value *b = build_unsqueeze(&t, n->in[1], &(int64_t){1}, column);
    value *d = build_unsqueeze(&t, build_unsqueeze(&t, dy[0], &last, column), &second_last, row);
    if (wanted[0]) dx[0] = build_reshape_to(&t, build_reduce_to(&t, product(&t, d, false, b, true), a), n->in[0]);
    if (wanted[1]) dx[1] = build_reshape_to(&t, build_reduce_to(&t, product(&t, a, true, d, false), b), n->in[1]);
    return t.status;
}

static op_cost cost(const node *n) {
    product_geometry p = product_geometry_of(n);
    int64_t outputs = size_mul(shape_count(&p.batch), size_mul(p.m, p.n));
    return (op_cost){size_mul(outputs, p.k), rule_input(n, 2) ? outputs : 0};
}

/* ---- reference ---- */

static stria_status matmul_reference(const ref_call *c, stria_error *err) {
    product_geometry p = product_geometry_of(c->node);
    const ref_tensor *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++) {
        assert(p.m > 0 && p.n > 0);
        int64_t matrix = i / (p.m * p.n), row = i / p.n % p.m, column = i % p.n;
        int64_t ai = strided_offset(matrix, &p.batch, p.a_batch) + row * p.a_row;
        int64_t bi = strided_offset(matrix, &p.batch, p.b_batch) + column * p.b_column;
        double sum = 0;
        uint64_t exact = 0; /* unsigned: integers wrap */
        for (int64_t k = 0; k < p.k; k++, ai += p.a_column, bi += p.b_row)
            if (y->f) sum += a->f[ai] * b->f[bi];
            else exact += (uint64_t)a->i[ai] * (uint64_t)b->i[bi];
        if (y->f) y->f[i] = sum;
        else y->i[i] = integer_wrap(y->type, (int64_t)exact);
    }
    return STRIA_OK;
}

static stria_status gemm_reference(const ref_call *c, stria_error *err) {
    const gemm_attributes *t = c->attributes;
    TRY(matmul_reference(c, err));
    ref_tensor *y = &c->out[0];
    int64_t count = shape_count(&y->shape), stride[RANK_MAX];
    bool has_c = c->in_count > 2 && c->in[2].f;
    if (has_c) broadcast_strides(&c->in[2].shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++) {
        y->f[i] *= (double)t->alpha;
        if (has_c) y->f[i] += (double)t->beta * c->in[2].f[strided_offset(i, &y->shape, stride)];
    }
    return STRIA_OK;
}

static const op_case matmul_cases[] = {{"3x4, 4x5", ""},
                                       {"2x3x4, 2x4x5", ""},
                                       {"2x1x3x4, 5x4x2", ""},
                                       {"2x3x4, 4x5", ""},
                                       {"3x4, 2x4x5", ""},
                                       {"4, 4x5", ""},
                                       {"2x3x4, 4", ""},
                                       {"4, 4", ""},
                                       {"17x65, 65x33", ""},
                                       {"i64=1,2,3,4,5,6:2x3, i64=1,-1,2,-2,3,-3:3x2", ""},
                                       {0}};

static const op_case gemm_cases[] = {{"3x4, 4x5", ""},
                                     {"3x4, 5x4, 5", "transB=1"},
                                     {"4x3, 4x5, 3x1", "transA=1"},
                                     {"4x3, 5x4, 3x5", "transA=1 transB=1 alpha=0.5 beta=2"},
                                     {"3x4, 4x5, 1x1", "alpha=-1.5 beta=0.25"},
                                     {"3x4, 4x5, -", "alpha=3"},
                                     {"3x4, 5x4, :", "transB=1"},
                                     {"17x65, 33x65, 33", "transB=1"},
                                     {"65x17, 65x33", "transA=1"},
                                     {0}};

const op_def op_MatMul = {
    .name = "MatMul",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = matmul_infer,
    .gradient = matmul_gradient,
    .cost = cost,
    .reference = matmul_reference,
    .cases = matmul_cases,
    .learnable_inputs = 1 << 0 | 1 << 1,
    .layouts = LAYOUT_STRIDED,
    .product = true,
    .epilogue = true,
    .text = "y[…,m,n] = Σₖ a[…,m,k] · b[…,k,n]",
};

const op_def op_Gemm = {
    .name = "Gemm",
    .domain = "",
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(gemm_attributes),
    .fields = gemm_fields,
    .infer = gemm_infer,
    .gradient = gemm_gradient,
    .cost = cost,
    .reference = gemm_reference,
    .cases = gemm_cases,
    .learnable_inputs = 1 << 1 | 1 << 2,
    .layouts = LAYOUT_STRIDED,
    .product = true,
    .epilogue = true,
    .text = "y = alpha · A' · B' + beta · C, A' and B' transposed as transA and transB say",
};
