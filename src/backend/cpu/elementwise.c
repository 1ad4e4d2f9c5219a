/* Elementwise operators: all operands of the result's shape lie in the same order, so their memory is one flat array;
 * smaller ones broadcast by strides. */
#include "kernel/elementwise.h"

#include "backend/cpu/cpu.h"
#include "op/unary.h"

static bool accept_unary(const node *n, refusal *why) {
    if (!all_float32(n, why)) return false;
    for (int i = 0; i < n->in_count; i++)
        if (!layout_equal(&n->in[i]->layout, &n->out[0]->layout, n->out[0]->shape.rank))
            return REFUSE(why, "'%.40s' is %s, but '%.20s' is %s", n->in[i]->name, storage_name(n->in[i]),
                          n->out[0]->name, storage_name(n->out[0]));
    return true;
}

static stria_status run_unary(const impl_call *c, stria_error *err) {
    unary_kind kind;
    float a, b;
    bool gradient;
    (void)err;
    unary_op_of(c->node->op, c->node->attributes, &kind, &a, &b, &gradient);
    unary_run(c->ks, c->pool, kind, a, b, c->out[0], c->in[0], shape_count(&c->node->out[0]->shape));
    return STRIA_OK;
}

/* The rule and the kernel must agree on whether the derivative is computed from x or from y. */
static bool accept_unary_gradient(const node *n, refusal *why) {
    unary_kind kind;
    float a, b;
    bool gradient;
    unary_op_of(n->op, n->attributes, &kind, &a, &b, &gradient);
    char needs = unary_gradient_needs(kind);
    if (needs && needs != (unary_slope_reads_output(n->op) ? 'y' : 'x'))
        return REFUSE(why, "the kernel's derivative reads %c", needs);
    return accept_unary(n, why);
}

static stria_status run_unary_gradient(const impl_call *c, stria_error *err) {
    unary_kind kind;
    float a, b;
    bool gradient;
    (void)err;
    unary_op_of(c->node->op, c->node->attributes, &kind, &a, &b, &gradient);
    unary_gradient(c->ks, c->pool, kind, a, b, c->out[0], c->in[0], c->in[1], shape_count(&c->node->out[0]->shape));
    return STRIA_OK;
}

/* ---- two operands ---- */

typedef struct binary_plan {
    binary_kind kind;
    int rank;
    int64_t dims[RANK_MAX], y[RANK_MAX], a[RANK_MAX], b[RANK_MAX]; /* in the result's storage order */
} binary_plan;

static bool binary_kind_of(const op_def *op, binary_kind *kind) {
    static const struct {
        const op_def *op;
        binary_kind kind;
    } known[] = {{&op_Add, BINARY_ADD}, {&op_Sub, BINARY_SUB}, {&op_Mul, BINARY_MUL}, {&op_Div, BINARY_DIV},
                 {&op_Pow, BINARY_POW}, {&op_Min, BINARY_MIN}, {&op_Max, BINARY_MAX}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].op == op) {
            *kind = known[i].kind;
            return true;
        }
    return false;
}

static bool accept_binary(const node *n, refusal *why) {
    if (!all_float32(n, why)) return false;
    if (n->in_count != 2) return REFUSE(why, "%d operands", n->in_count);
    return true;
}

/* Strides of an operand over the result's dimensions in their storage order; 0 where it repeats. */
static void operand_strides(const value *v, const value *y, int64_t *stride) {
    int64_t pitch[RANK_MAX];
    int missing = y->shape.rank - v->shape.rank;
    layout_pitches(&v->layout, &v->shape, pitch);
    for (int i = 0; i < y->shape.rank; i++) {
        int d = y->layout.perm[i] - missing;
        stride[i] = d < 0 || v->shape.dim[d] == 1 ? 0 : pitch[d];
    }
}

static stria_status prepare_binary(impl_plan *p, void **prepared, stria_error *err) {
    binary_plan *b = arena_alloc(p->arena, sizeof *b);
    if (!b) FAIL(err, STRIA_NO_MEMORY, "layer '%s': not enough memory", p->node->name);
    const value *y = p->node->out[0];
    binary_kind_of(p->node->op, &b->kind);
    b->rank = y->shape.rank;
    for (int i = 0; i < b->rank; i++) b->dims[i] = y->shape.dim[y->layout.perm[i]];
    int64_t step = 1;
    for (int i = b->rank - 1; i >= 0; i--) {
        b->y[i] = step;
        step *= b->dims[i];
    }
    operand_strides(p->node->in[0], y, b->a);
    operand_strides(p->node->in[1], y, b->b);
    *prepared = b;
    return STRIA_OK;
}

static stria_status run_binary(const impl_call *c, stria_error *err) {
    const binary_plan *b = c->prepared;
    (void)err;
    binary_run(c->ks, c->pool, b->kind, b->rank, b->dims, c->out[0], b->y, c->in[0], b->a, c->in[1], b->b);
    return STRIA_OK;
}

static const op_impl unary_impl = {.name = "vector", .accept = accept_unary, .run = run_unary};
static const op_impl unary_gradient_impl = {
    .name = "vector", .accept = accept_unary_gradient, .run = run_unary_gradient};
static const op_impl binary_impl = {
    .name = "vector", .accept = accept_binary, .prepare = prepare_binary, .run = run_binary};

const op_impl *const cpu_unary[] = {&unary_impl, &impl_reference, NULL};
const op_impl *const cpu_unary_gradient[] = {&unary_gradient_impl, &impl_reference, NULL};
const op_impl *const cpu_binary[] = {&binary_impl, &impl_reference, NULL};
