/* Elementwise operators: all operands of the result's shape lie in the same order, so their memory is one flat array;
 * smaller ones broadcast by strides. */
#include "kernel/elements/elementwise.h"

#include <math.h>

#include "backend/cpu/cpu.h"
#include "kernel/elements/map.h"
#include "op/binary.h"
#include "op/compare.h"
#include "op/unary.h"

static bool accept_unary(const node *n, refusal *why) {
    if (!all_float32(n, why)) return false;
    for (int i = 0; i < n->in_count; i++)
        if (!layout_equal(&n->in[i]->layout, &n->out[0]->layout, n->out[0]->shape.rank))
            return REFUSE(why, "'%.40s' is %s, but '%.20s' is %s", n->in[i]->name, storage_name(n->in[i]),
                          n->out[0]->name, storage_name(n->out[0]));
    return true;
}

static void run_unary(const impl_call *c) {
    unary_kind kind;
    float a, b;
    bool gradient;
    unary_op_of(c->node->op, c->node->attributes, &kind, &a, &b, &gradient);
    unary_run(c->ks, c->pool, kind, a, b, c->out[0], c->in[0], shape_count(&c->node->out[0]->shape));
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

static void run_unary_gradient(const impl_call *c) {
    unary_kind kind;
    float a, b;
    bool gradient;
    unary_op_of(c->node->op, c->node->attributes, &kind, &a, &b, &gradient);
    unary_gradient(c->ks, c->pool, kind, a, b, c->out[0], c->in[0], c->in[1], shape_count(&c->node->out[0]->shape));
}

/* ---- several operands, broadcasting ---- */

/* Which kernel computes an operator: the first row whose types are those of the node. */
typedef struct map_row {
    const op_def *op;
    map_kind kind;
    bool swapped; /* a > b is b < a */
} map_row;

#define INTEGER_ROWS(type)                                                                                             \
    {&op_Add, MAP_add_##type, false}, {&op_Sub, MAP_sub_##type, false}, {&op_Mul, MAP_mul_##type, false},              \
        {&op_Min, MAP_min_##type, false}, {&op_Max, MAP_max_##type, false}, {&op_Equal, MAP_equal_##type, false},      \
        {&op_Less, MAP_less_##type, false}, {&op_LessOrEqual, MAP_less_equal_##type, false},                           \
        {&op_Greater, MAP_less_##type, true}, {&op_GreaterOrEqual, MAP_less_equal_##type, true}, {                     \
        &op_Where, MAP_where_##type, false                                                                             \
    }

static const map_row map_rows[] = {
    {&op_Add, MAP_add, false},
    {&op_Sub, MAP_sub, false},
    {&op_Mul, MAP_mul, false},
    {&op_Div, MAP_div, false},
    {&op_Pow, MAP_pow, false},
    {&op_Mod, MAP_fmod, false},
    {&op_Min, MAP_min, false},
    {&op_Max, MAP_max, false},
    {&op_Equal, MAP_equal, false},
    {&op_Equal, MAP_same, false},
    {&op_Less, MAP_less, false},
    {&op_LessOrEqual, MAP_less_equal, false},
    {&op_Greater, MAP_less, true},
    {&op_GreaterOrEqual, MAP_less_equal, true},
    {&op_IsNaN, MAP_is_nan, false},
    {&op_IsInf, MAP_is_any, false},
    {&op_And, MAP_and, false},
    {&op_Or, MAP_or, false},
    {&op_Xor, MAP_xor, false},
    {&op_Not, MAP_not, false},
    {&op_Where, MAP_where, false},
    {&op_SelectEqual, MAP_select_equal, false},
    {&op_PRelu, MAP_prelu, false},
    {&op_PReluGradient, MAP_prelu_gradient, false},
    INTEGER_ROWS(int32),
    INTEGER_ROWS(int64),
    INTEGER_ROWS(uint8),
};

static bool type_fits(const value *v, map_kind kind, int which) {
    return v->type == map_type(kind, which);
}

static bool types_fit(const node *n, map_kind kind) {
    bool fit = type_fits(n->out[0], kind, 0);
    for (int i = 0; i < n->in_count; i++) fit = fit && type_fits(n->in[i], kind, 1 + i);
    return fit;
}

static const map_row *map_row_of(const node *n) {
    for (size_t i = 0; i < sizeof map_rows / sizeof *map_rows; i++)
        if (map_rows[i].op == n->op && n->in_count == map_operands(map_rows[i].kind) && types_fit(n, map_rows[i].kind))
            return &map_rows[i];
    return NULL;
}

static bool accept_map(const node *n, refusal *why) {
    if (map_row_of(n)) return true;
    const map_row *row = map_rows;
    while (row->op != n->op) row++;
    if (n->in_count != map_operands(row->kind)) return REFUSE(why, "%d operands", n->in_count);
    return REFUSE(why, "no kernel for %s", dtype_name(n->in[0]->type));
}

void operand_strides(const value *v, const value *y, int64_t *stride) {
    int64_t pitch[RANK_MAX];
    int missing = y->shape.rank - v->shape.rank;
    layout_pitches(&v->layout, &v->shape, pitch);
    for (int i = 0; i < y->shape.rank; i++) {
        int d = y->layout.perm[i] - missing;
        stride[i] = d < 0 || (v != y && v->shape.dim[d] == 1) ? 0 : pitch[d];
    }
}

typedef struct map_prepared {
    map_plan plan;
    bool swapped, squared; /* operands b, a; a, a */
} map_prepared;

/* The exponent is 2, as in the formulas of norms and activations: a product is exact where a power is a loop. */
static bool is_square(const node *n) {
    const tensor *t = n->op == &op_Pow ? value_contents(n->in[1]) : NULL;
    return t && shape_count(&t->shape) == 1 && tensor_f64(t, 0) == 2 && t->shape.rank <= n->in[0]->shape.rank;
}

static stria_status prepare_map(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    const value *y = n->out[0];
    map_prepared *m = arena_alloc(p->arena, sizeof *m);
    if (!m) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    const map_row *row = map_row_of(n);
    int64_t dims[RANK_MAX], strides[1 + MAP_OPERANDS][RANK_MAX];
    const int64_t *all[1 + MAP_OPERANDS] = {strides[0], strides[1], strides[2], strides[3]};
    map_kind kind = row->kind;
    m->swapped = row->swapped;
    m->squared = is_square(n);
    for (int i = 0; i < y->shape.rank; i++) dims[i] = y->shape.dim[y->layout.perm[i]];
    operand_strides(y, y, strides[0]);
    for (int i = 0; i < n->in_count; i++)
        operand_strides(n->in[m->squared ? 0 : m->swapped ? 1 - i : i], y, strides[1 + i]);
    if (m->squared) kind = MAP_mul;
    if (n->op == &op_Mod && !((const mod_attributes *)n->attributes)->fmod) kind = MAP_mod;
    map_plan_init(&m->plan, kind, y->shape.rank, dims, all);
    if (n->op == &op_IsInf) {
        const isinf_attributes *a = n->attributes;
        m->plan.p = a->detect_positive ? INFINITY : NAN;
        m->plan.q = a->detect_negative ? -INFINITY : NAN;
    }
    *prepared = m;
    return STRIA_OK;
}

static void run_map(const impl_call *c) {
    const map_prepared *m = c->prepared;
    const void *in[MAP_OPERANDS];
    for (int i = 0; i < c->node->in_count; i++) in[i] = c->in[m->squared ? 0 : m->swapped ? 1 - i : i];
    map_run(c->ks, c->pool, &m->plan, c->out[0], in);
}

static const op_impl unary_impl = {.name = "vector", .accept = accept_unary, .run = run_unary};
static const op_impl unary_gradient_impl = {
    .name = "vector", .accept = accept_unary_gradient, .run = run_unary_gradient};
static const op_impl map_impl = {.name = "vector", .accept = accept_map, .prepare = prepare_map, .run = run_map};

const op_impl *const cpu_unary[] = {&unary_impl, &impl_chunks, &impl_reference, NULL};
const op_impl *const cpu_unary_gradient[] = {&unary_gradient_impl, &impl_chunks, &impl_reference, NULL};
const op_impl *const cpu_map[] = {&map_impl, &impl_chunks, &impl_reference, NULL};
