/* Matrix products of two dimensions and batches of them, whatever the storage order of each operand. */
#include "op/matmul.h"

#include "backend/cpu/cpu.h"
#include "kernel/elements/copy.h"
#include "kernel/products/gemm.h"

typedef struct product_plan {
    gemm_plan plan;
    epilogue epilogue; /* without its pointers */
    product_geometry geometry;
    int64_t matrices, y_matrix; /* of a batch; elements of one result */
    int bias;                   /* the input that is added to every row, −1: none */
    bool copy_c;                /* C is broadcast into the result first */
    float beta;
    int64_t y_pitch[RANK_MAX], c_stride[RANK_MAX], dims[RANK_MAX];
} product_plan;

static bool accept_gemm(const node *n, refusal *why) {
    epilogue e = {0};
    if (!epilogue_activation(n, &e)) return REFUSE(why, "no epilogue for %s", n->epilogue.activation->name);
    const value *residual = n->epilogue.residual >= 0 ? n->in[n->epilogue.residual] : NULL;
    if (residual && !layout_equal(&residual->layout, &n->out[0]->layout, residual->shape.rank))
        return REFUSE(why, "'%.40s' is %s, not as the result", residual->name, storage_name(residual));
    bool matrices = n->in[0]->shape.rank == 2 && n->in[1]->shape.rank == 2;
    if (n->epilogue.bias >= 0 && !matrices) return REFUSE(why, "a bias to a batch of products");
    if (n->epilogue.bias >= 0 && node_own_inputs(n) > 2) return REFUSE(why, "a bias besides the operator's own");
    return all_float32(n, why);
}

static bool accept_matmul(const node *n, refusal *why) {
    if (!accept_gemm(n, why)) return false;
    if (n->in[0]->shape.rank == 2 && n->in[1]->shape.rank == 2) return true;
    for (int i = 0; i < 2; i++)
        if (!value_is_plain(n->in[i])) return REFUSE(why, "'%.40s' is %s", n->in[i]->name, storage_name(n->in[i]));
    return value_is_plain(n->out[0]) ? true : REFUSE(why, "the result is %s", storage_name(n->out[0]));
}

/* C as a bias: one value a column, or nothing to scale. */
static bool is_column_bias(const shape *c, int64_t columns, float beta) {
    return beta == 1 &&
           ((c->rank == 1 && c->dim[0] == columns) || (c->rank == 2 && c->dim[0] == 1 && c->dim[1] == columns));
}

static void plan_c(product_plan *p, gemm_shape *s, const node *n) {
    const value *c = n->in[2], *y = n->out[0];
    int64_t pitch[RANK_MAX];
    p->beta = ((const gemm_attributes *)n->attributes)->beta;
    p->copy_c = !is_column_bias(&c->shape, s->n, p->beta);
    if (!p->copy_c) p->bias = 2;
    s->accumulate = p->copy_c;
    layout_pitches(&c->layout, &c->shape, pitch);
    for (int i = 0; i < 2; i++) {
        int d = i - (2 - c->shape.rank);
        p->dims[i] = y->shape.dim[i];
        p->c_stride[i] = d < 0 || c->shape.dim[d] == 1 ? 0 : pitch[d];
    }
}

/* Strides of two plain or transposed-in-memory matrices, as the attributes turn them. */
static void plan_strides(const product_plan *p, gemm_shape *s, const node *n) {
    int64_t a[RANK_MAX], b[RANK_MAX];
    bool ta = false, tb = false;
    if (n->op == &op_Gemm) {
        const gemm_attributes *t = n->attributes;
        ta = t->transA != 0, tb = t->transB != 0;
        s->alpha = t->alpha;
    }
    layout_pitches(&n->in[0]->layout, &n->in[0]->shape, a);
    layout_pitches(&n->in[1]->layout, &n->in[1]->shape, b);
    s->a_row = a[ta], s->a_col = a[!ta];
    s->b_row = b[tb], s->b_col = b[!tb];
    s->c_row = p->y_pitch[0], s->c_col = p->y_pitch[1];
}

static stria_status prepare(impl_plan *plan, void **prepared, stria_error *err) {
    const node *n = plan->node;
    product_plan *p = arena_alloc(plan->arena, sizeof *p);
    if (!p) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    product_geometry g = p->geometry = product_geometry_of(n);
    gemm_shape s = {.m = g.m,
                    .n = g.n,
                    .k = g.k,
                    .a_row = g.a_row,
                    .a_col = g.a_column,
                    .b_row = g.b_row,
                    .b_col = g.b_column,
                    .c_row = g.n,
                    .c_col = 1,
                    .alpha = 1};
    p->matrices = shape_count(&g.batch);
    p->y_matrix = g.m * g.n;
    layout_pitches(&n->out[0]->layout, &n->out[0]->shape, p->y_pitch);
    if (n->in[0]->shape.rank == 2 && n->in[1]->shape.rank == 2) plan_strides(p, &s, n);
    p->bias = n->epilogue.bias;
    if (node_own_inputs(n) > 2 && n->in[2]) plan_c(p, &s, n);
    epilogue_activation(n, &p->epilogue);
    /* B is a weight: packed once, or once a run */
    s.b_packed = n->in[1]->kind != VALUE_NODE && n->in[1]->shape.rank == 2 && p->matrices == 1 && s.c_col == 1;
    p->plan = gemm_plan_make(plan->ks, &s, plan->threads);
    plan->packed_bytes = p->plan.packed_floats * sizeof(float);
    plan->scratch_bytes = p->plan.scratch_bytes;
    *prepared = p;
    return STRIA_OK;
}

static int64_t batch_offset(int64_t matrix, const shape *batch, const int64_t *stride) {
    int64_t offset = 0;
    for (int d = batch->rank - 1; d >= 0; d--) {
        offset += matrix % batch->dim[d] * stride[d];
        matrix /= batch->dim[d];
    }
    return offset;
}

static void c_broadcast(const impl_call *c, const product_plan *p) {
    copy_once(c->ks, c->pool, sizeof(float), 2, p->dims, c->out[0], p->y_pitch, c->in[2], p->c_stride);
    if (p->beta != 1)
        unary_run(c->ks, c->pool, UNARY_affine, p->beta, 0, c->out[0], c->out[0], p->dims[0] * p->dims[1]);
}

static void pack(const impl_call *c) {
    const product_plan *p = c->prepared;
    if (p->plan.s.b_packed) gemm_pack(&p->plan, c->in[1], c->packed, c->pool);
}

static void run(const impl_call *c) {
    const product_plan *p = c->prepared;
    epilogue e = p->epilogue;
    const float *residual = c->node->epilogue.residual >= 0 ? c->in[c->node->epilogue.residual] : NULL;
    e.bias = p->bias >= 0 ? c->in[p->bias] : NULL;
    if (p->copy_c) c_broadcast(c, p);
    for (int64_t i = 0; i < p->matrices; i++) {
        const float *a = (const float *)c->in[0] + batch_offset(i, &p->geometry.batch, p->geometry.a_batch);
        const float *b = (const float *)c->in[1] + batch_offset(i, &p->geometry.batch, p->geometry.b_batch);
        if (p->plan.s.b_packed) b = c->packed;
        if (residual) e.residual = residual + i * p->y_matrix;
        gemm_run(&p->plan, a, b, (float *)c->out[0] + i * p->y_matrix, &e, c->scratch, c->pool);
    }
}

static const op_impl gemm_impl = {
    .name = "gemm", .accept = accept_gemm, .prepare = prepare, .pack = pack, .pack_input = 1, .run = run};
static const op_impl matmul_impl = {
    .name = "gemm", .accept = accept_matmul, .prepare = prepare, .pack = pack, .pack_input = 1, .run = run};

const op_impl *const cpu_gemm[] = {&gemm_impl, &impl_reference, NULL};
const op_impl *const cpu_matmul[] = {&matmul_impl, &impl_reference, NULL};
