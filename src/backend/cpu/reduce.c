/* Reductions over any dimensions, in any storage order. */
#include "op/reduce.h"

#include "backend/cpu/cpu.h"
#include "kernel/rows/reduce.h"

typedef struct reduce_plan {
    reduce_kind kind;
    int rank;
    int64_t dims[RANK_MAX], x[RANK_MAX], y[RANK_MAX];
    bool reduced[RANK_MAX];
} reduce_plan;

static reduce_kind kind_of(const op_def *op) {
    static const struct {
        const op_def *op;
        reduce_kind kind;
    } kinds[] = {{&op_ReduceSum, REDUCE_SUM},        {&op_ReduceMean, REDUCE_MEAN},
                 {&op_ReduceMax, REDUCE_MAX},        {&op_ReduceMin, REDUCE_MIN},
                 {&op_ReduceProd, REDUCE_PROD},      {&op_ReduceL1, REDUCE_SUM_ABS},
                 {&op_ReduceL2, REDUCE_NORM},        {&op_ReduceSumSquare, REDUCE_SUM_SQUARE},
                 {&op_ReduceLogSum, REDUCE_LOG_SUM}, {&op_ReduceLogSumExp, REDUCE_LOG_SUM_EXP}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].op == op) return kinds[i].kind;
    return REDUCE_SUM; /* ReduceTo */
}

static bool accept(const node *n, refusal *why) {
    if (n->in[0]->type != STRIA_FLOAT32) return REFUSE(why, "input 1 is %s", dtype_name(n->in[0]->type));
    return true;
}

/* kept[d]: the result's dimension that input dimension d becomes, or −1. Dimensions are taken in x's storage order. */
static void plan_fill(reduce_plan *p, const node *n, const bool *reduced, const int *kept) {
    const value *x = n->in[0], *y = n->out[0];
    int64_t x_pitch[RANK_MAX], y_pitch[RANK_MAX];
    layout_pitches(&x->layout, &x->shape, x_pitch);
    layout_pitches(&y->layout, &y->shape, y_pitch);
    p->rank = x->shape.rank;
    for (int i = 0; i < p->rank; i++) {
        int d = x->layout.perm[i];
        p->dims[i] = x->shape.dim[d];
        p->x[i] = x_pitch[d];
        p->reduced[i] = reduced[d];
        p->y[i] = reduced[d] ? 0 : y_pitch[kept[d]];
    }
}

static stria_status plan_new(impl_plan *p, reduce_plan **out, stria_error *err) {
    *out = arena_alloc(p->arena, sizeof **out);
    if (!*out) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    return STRIA_OK;
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    reduce_plan *r;
    bool axis[RANK_MAX];
    int kept[RANK_MAX], next = 0;
    TRY(plan_new(p, &r, err));
    reduce_axes_of(n, axis);
    bool keep = ((const reduce_attributes *)n->attributes)->keepdims != 0;
    for (int d = 0; d < n->in[0]->shape.rank; d++) kept[d] = keep ? d : axis[d] ? -1 : next++;
    r->kind = kind_of(n->op);
    plan_fill(r, n, axis, kept);
    *prepared = r;
    return STRIA_OK;
}

/* ReduceTo: what broadcasting repeated is summed: leading dimensions, and those that were 1. */
static stria_status prepare_to(impl_plan *p, void **prepared, stria_error *err) {
    const shape *x = &p->node->in[0]->shape, *y = &p->node->out[0]->shape;
    reduce_plan *r;
    bool reduced[RANK_MAX];
    int kept[RANK_MAX], missing = x->rank - y->rank;
    TRY(plan_new(p, &r, err));
    for (int d = 0; d < x->rank; d++) {
        kept[d] = d - missing;
        reduced[d] = kept[d] < 0 || (y->dim[kept[d]] == 1 && x->dim[d] != 1);
    }
    r->kind = kind_of(p->node->op);
    plan_fill(r, p->node, reduced, kept);
    *prepared = r;
    return STRIA_OK;
}

static void run(const impl_call *c) {
    const reduce_plan *r = c->prepared;
    reduce_run(c->ks, c->pool, r->kind, r->rank, r->dims, r->reduced, c->out[0], r->y, c->in[0], r->x);
}

static const op_impl reduce_impl = {.name = "vector", .accept = accept, .prepare = prepare, .run = run};
static const op_impl reduce_to_impl = {.name = "vector", .accept = accept, .prepare = prepare_to, .run = run};

const op_impl *const cpu_reduce[] = {&reduce_impl, &impl_reference, NULL};
const op_impl *const cpu_reduce_to[] = {&reduce_to_impl, &impl_reference, NULL};
