/* Reductions over dimensions: ReduceSum Mean Max Min Prod L1 L2 SumSquare LogSum LogSumExp. Without axes all
 * dimensions are reduced, or with noop_with_empty_axes none: then ReduceL1 is Abs, ReduceSumSquare a square. Over no
 * elements each gives its neutral element, and a mean 0/0. A NaN makes NaN. */
#include "op/reduce.h"

#include <math.h>

#include "op/rule.h"
#include "op/shape.h"

static const attr_field reduce_fields[] = {ATTR(reduce_attributes, keepdims, ATTR_INT, "1"),
                                           ATTR(reduce_attributes, noop_with_empty_axes, ATTR_INT, "0"),
                                           {0}};

/* ---- shapes ---- */

/* No axes mean all of them, or none with noop_with_empty_axes. */
static stria_status reduced(const node *n, bool axis[RANK_MAX], stria_error *err) {
    const reduce_attributes *a = n->attributes;
    bool given;
    int rank = n->in[0]->shape.rank;
    TRY(rule_axes(n, 1, rank, axis, &given, err));
    for (int d = 0; d < rank && !given; d++) axis[d] = a->noop_with_empty_axes == 0;
    return STRIA_OK;
}

void reduce_axes_of(const node *n, bool axis[RANK_MAX]) {
    (void)reduced(n, axis, NULL);
}

static stria_status infer(node *n, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    bool keep = ((const reduce_attributes *)n->attributes)->keepdims != 0, axis[RANK_MAX];
    bool chooses = n->op == &op_ReduceMax || n->op == &op_ReduceMin;
    shape y = {0};
    TRY(reduced(n, axis, err));
    for (int d = 0; d < x->rank; d++)
        if (!axis[d] || keep) y.dim[y.rank++] = axis[d] ? 1 : x->dim[d];
    if (n->in[0]->type == STRIA_BOOL && !chooses) FAIL(err, STRIA_BAD_SHAPE, "input is bool, expected numbers");
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* ---- gradients ---- */

/* A reduction on its way back: y and dy with a dimension of 1 for each that was reduced, so that they broadcast to x.
 */
typedef struct way_back {
    builder b;
    value *x, *y, *dy;
    int64_t axes[RANK_MAX];
    int count;
} way_back;

static stria_status back(way_back *w, graph *g, const node *n, value *dy, stria_error *err) {
    bool axis[RANK_MAX], keep = ((const reduce_attributes *)n->attributes)->keepdims != 0;
    *w = (way_back){.b = {g, n->name, STRIA_OK, err}, .x = n->in[0]};
    TRY(reduced(n, axis, err));
    for (int d = 0; d < n->in[0]->shape.rank; d++)
        if (axis[d]) w->axes[w->count++] = d;
    w->y = build_unsqueeze(&w->b, n->out[0], w->axes, keep ? 0 : w->count);
    w->dy = build_unsqueeze(&w->b, dy, w->axes, keep ? 0 : w->count);
    return w->b.status;
}

static value *product(way_back *w, value *p, value *q) {
    return build2(&w->b, &op_Mul, p, q, NULL);
}

/* v repeated to the shape of x */
static value *full(way_back *w, value *v) {
    return build2(&w->b, &op_ExpandTo, v, w->x, NULL);
}

static value *number(way_back *w, double x) {
    return build_scalar(&w->b, w->x->type, x);
}

/* v where p = q, else 0 */
static value *where_equal(way_back *w, value *v, value *p, value *q) {
    return v && p && q ? build(&w->b, &op_SelectEqual, (value *[]){v, p, q}, 3, NULL) : NULL;
}

/* Over the axes of the node, keeping them. */
static value *again(way_back *w, const op_def *op, value *v) {
    return build2(&w->b, op, v, build_i64(&w->b, w->axes, w->count), &(reduce_attributes){1, 1});
}

/* v, but 1 where it is 0. */
static value *never_zero(way_back *w, value *v) {
    if (!v) return NULL;
    value *ones = build_filled(&w->b, v->type, &v->shape, 1);
    return build2(&w->b, &op_Add, v, where_equal(w, ones, number(w, 0), v), NULL);
}

/* dx repeats dy along the axes; over their number for a mean. */
static stria_status sum_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    way_back w;
    TRY(back(&w, g, n, dy[0], err));
    if (wanted[0]) dx[0] = build2(&w.b, &op_ExpandTo, w.dy, w.x, &(expand_attributes){n->op == &op_ReduceMean});
    return w.b.status;
}

/* Equal greatest elements share dy. */
static stria_status choice_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    way_back w;
    TRY(back(&w, g, n, dy[0], err));
    value *mask = where_equal(&w, full(&w, number(&w, 1)), w.y, w.x);
    value *share = build2(&w.b, &op_Div, w.dy, again(&w, &op_ReduceSum, mask), NULL);
    if (wanted[0]) dx[0] = product(&w, mask, share);
    return w.b.status;
}

/* dx = dy · the product of all others. With p the product and z the number of the elements, zeros counted as 1 in p:
 * dy·p/x where z = 0, dy·p at the zero where z = 1, else 0. */
static stria_status prod_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                  stria_error *err) {
    way_back w;
    TRY(back(&w, g, n, dy[0], err));
    value *zeros = where_equal(&w, full(&w, number(&w, 1)), number(&w, 0), w.x);
    value *safe = build2(&w.b, &op_Add, w.x, zeros, NULL), *z = again(&w, &op_ReduceSum, zeros);
    value *p = product(&w, w.dy, again(&w, &op_ReduceProd, safe));
    value *without = build2(&w.b, &op_Div, where_equal(&w, p, number(&w, 0), z), safe, NULL);
    value *at_zero = product(&w, zeros, where_equal(&w, p, number(&w, 1), z));
    if (wanted[0]) dx[0] = build2(&w.b, &op_Add, without, at_zero, NULL);
    return w.b.status;
}

static stria_status l1_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                stria_error *err) {
    way_back w;
    TRY(back(&w, g, n, dy[0], err));
    if (wanted[0]) dx[0] = product(&w, build1(&w.b, &op_Sign, w.x, NULL), w.dy);
    return w.b.status;
}

/* dx = x · dy / y, 0 where y is. */
static stria_status l2_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                stria_error *err) {
    way_back w;
    TRY(back(&w, g, n, dy[0], err));
    if (wanted[0]) dx[0] = product(&w, w.x, build2(&w.b, &op_Div, w.dy, never_zero(&w, w.y), NULL));
    return w.b.status;
}

static stria_status square_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    way_back w;
    TRY(back(&w, g, n, dy[0], err));
    if (wanted[0]) dx[0] = product(&w, w.x, product(&w, w.dy, number(&w, 2)));
    return w.b.status;
}

/* dx = dy / Σ x, which y tells only where it is positive. */
static stria_status log_sum_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                     stria_error *err) {
    way_back w;
    TRY(back(&w, g, n, dy[0], err));
    if (wanted[0]) dx[0] = full(&w, build2(&w.b, &op_Div, w.dy, again(&w, &op_ReduceSum, w.x), NULL));
    return w.b.status;
}

/* dx = dy · e^(x − y) */
static stria_status log_sum_exp_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                         stria_error *err) {
    way_back w;
    TRY(back(&w, g, n, dy[0], err));
    value *below = build2(&w.b, &op_Sub, w.x, w.y, NULL);
    if (wanted[0]) dx[0] = product(&w, build1(&w.b, &op_Exp, below, NULL), w.dy);
    return w.b.status;
}

static op_cost cost(const node *n) {
    return (op_cost){0, shape_count(&n->in[0]->shape)};
}

/* ---- reference ---- */

/* The result over nothing. */
static double start(const op_def *op) {
    if (op == &op_ReduceMax || op == &op_ReduceLogSumExp) return -INFINITY;
    return op == &op_ReduceMin ? INFINITY : op == &op_ReduceProd;
}

/* log(e^a + e^b) */
static double log_add(double a, double b) {
    double most = fmax(a, b), least = fmin(a, b);
    if (isnan(a) || isnan(b)) return NAN;
    return isinf(most) ? most : most + log1p(exp(least - most));
}

static double join(const op_def *op, double y, double x) {
    if (op == &op_ReduceMax) return x > y || isnan(x) ? x : y;
    if (op == &op_ReduceMin) return x < y || isnan(x) ? x : y;
    if (op == &op_ReduceProd) return y * x;
    if (op == &op_ReduceL1) return y + fabs(x);
    if (op == &op_ReduceL2 || op == &op_ReduceSumSquare) return y + x * x;
    return op == &op_ReduceLogSumExp ? log_add(y, x) : y + x;
}

static double finish(const op_def *op, double y, int64_t count) {
    if (op == &op_ReduceMean) return y / (double)count;
    if (op == &op_ReduceL2) return sqrt(y);
    return op == &op_ReduceLogSum ? log(y) : y;
}

/* Of integers: those that give whole numbers exactly, as the machine wraps. */
static bool whole(const op_def *op) {
    return op != &op_ReduceL2 && op != &op_ReduceLogSum && op != &op_ReduceLogSumExp;
}

static int64_t whole_start(const op_def *op, dtype type) {
    static const struct {
        dtype type;
        int64_t least, most;
    } ranges[] = {{STRIA_INT8, INT8_MIN, INT8_MAX}, {STRIA_UINT8, 0, UINT8_MAX}, {STRIA_INT16, INT16_MIN, INT16_MAX},
                  {STRIA_UINT16, 0, UINT16_MAX},    {STRIA_BOOL, 0, 1},          {STRIA_INT32, INT32_MIN, INT32_MAX},
                  {STRIA_UINT32, 0, UINT32_MAX},    {STRIA_UINT64, 0, -1},       {STRIA_INT64, INT64_MIN, INT64_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].type == type && op == &op_ReduceMax) return ranges[i].least;
        else if (ranges[i].type == type && op == &op_ReduceMin) return ranges[i].most;
    return op == &op_ReduceProd;
}

static int64_t whole_join(const op_def *op, dtype type, int64_t y, int64_t x) {
    bool less = integer_less(type, x, y);
    if (op == &op_ReduceMax) return less ? y : x;
    if (op == &op_ReduceMin) return less ? x : y;
    if (op == &op_ReduceProd) return (int64_t)((uint64_t)y * (uint64_t)x);
    uint64_t term = op == &op_ReduceSumSquare ? (uint64_t)x * (uint64_t)x : (uint64_t)x;
    if (op == &op_ReduceL1 && integer_less(type, x, 0)) term = -term;
    return (int64_t)((uint64_t)y + term);
}

/* A mean of integers whose sum need not be one: of quotients by the count and of what they leave. */
typedef struct whole_mean {
    int64_t quotient, rest; /* the sum is quotient · count + rest */
} whole_mean;

static void mean_add(whole_mean *m, dtype type, int64_t x, int64_t count) {
    if (type == STRIA_UINT64) {
        m->quotient = (int64_t)((uint64_t)m->quotient + (uint64_t)x / (uint64_t)count);
        m->rest += (int64_t)((uint64_t)x % (uint64_t)count);
        return;
    }
    m->quotient += x / count;
    m->rest += x % count;
}

/* Cut towards 0. */
static int64_t mean_of(const whole_mean *m, dtype type, int64_t count) {
    int64_t mean = (int64_t)((uint64_t)m->quotient + (uint64_t)(m->rest / count)), rest = m->rest % count;
    if (type == STRIA_UINT64) return mean;
    return mean + (mean < 0 && rest > 0) - (mean > 0 && rest < 0);
}

/* One output: over the `count` elements of the box `inner`, by strides from x[at] on. */
static void reduce_one(const ref_call *c, int64_t output, int64_t at, const shape *inner, const int64_t *stride) {
    const op_def *op = c->node->op;
    const ref_tensor *x = &c->in[0], *y = &c->out[0];
    int64_t count = shape_count(inner), sum = y->i ? whole_start(op, y->type) : 0;
    bool mean = op == &op_ReduceMean;
    whole_mean parts = {0, 0};
    double all = start(op);
    for (int64_t r = 0; r < count; r++) {
        int64_t from = at + strided_offset(r, inner, stride);
        if (x->f || !whole(op)) all = join(op, all, ref_value(x, from));
        else if (mean) mean_add(&parts, y->type, x->i[from], count);
        else sum = whole_join(op, y->type, sum, x->i[from]);
    }
    if (y->f) y->f[output] = finish(op, all, count);
    else if (!whole(op)) y->i[output] = integer_of(y->type, finish(op, all, count));
    else y->i[output] = integer_wrap(y->type, mean && count > 0 ? mean_of(&parts, y->type, count) : sum);
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const shape *x = &c->in[0].shape;
    bool axis[RANK_MAX];
    int64_t stride[RANK_MAX], step = 1;
    shape kept = *x, inner = *x;
    reduce_axes_of(c->node, axis);
    for (int d = x->rank - 1; d >= 0; d--) {
        stride[d] = step;
        step *= x->dim[d];
        if (axis[d]) kept.dim[d] = 1;
        else inner.dim[d] = 1;
    }
    int64_t outputs = shape_count(&kept);
    for (int64_t i = 0; i < outputs; i++) reduce_one(c, i, strided_offset(i, &kept, stride), &inner, stride);
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

#define REDUCE_CASES(prefix)                                                                                           \
    {prefix "2x3x4x5, i64=0,2,3:3", "keepdims=0"}, {prefix "2x3x4x5, i64=1:1", ""},                                    \
        {prefix "2x3x4, i64=-1:1", "keepdims=0"}, {prefix "2x3x4", ""}, {prefix "2x3x4", "keepdims=0"},                \
        {prefix "2x3x4", "noop_with_empty_axes=1"}, {prefix "3x0x4, i64=1:1", ""}, {                                   \
        prefix "2x3x4x5, i64=-2,-1:2", ""                                                                              \
    }
static const op_case cases[] = {REDUCE_CASES(""), {"i64=1,-2,3,4:2x2, i64=0:1", "keepdims=0"}, {0}};
static const op_case positive_cases[] = {REDUCE_CASES("pos:"), {"i64=1,2,3,4:2x2, i64=0:1", "keepdims=0"}, {0}};
static const op_case prod_cases[] = {
    REDUCE_CASES("pos:"), {"i64=1,-2,3,4:2x2, i64=0:1", "keepdims=0"}, {"f=1,2,3,4,0,6,0,0,9:3x3, i64=1:1", ""}, {0}};

#define REDUCE(op_name, slope, tests)                                                                                  \
    .name = op_name, .domain = "", .in_min = 1, .in_max = 2, .out_min = 1, .out_max = 1,                               \
    .attribute_bytes = sizeof(reduce_attributes), .fields = reduce_fields, .infer = infer, .gradient = slope,          \
    .cost = cost, .reference = reference, .cases = tests, .value_inputs = 1 << 1, .layouts = LAYOUT_STRIDED

const op_def op_ReduceSum = {REDUCE("ReduceSum", sum_gradient, cases), .text = "y = Σ x over the axes"};
const op_def op_ReduceMean = {REDUCE("ReduceMean", sum_gradient, cases),
                              .text = "y = Σ x over the axes / how many were added"};
const op_def op_ReduceMax = {REDUCE("ReduceMax", choice_gradient, cases),
                             .text = "y = max x over the axes; equal greatest elements share the gradient"};
const op_def op_ReduceMin = {REDUCE("ReduceMin", choice_gradient, cases),
                             .text = "y = min x over the axes; equal least elements share the gradient"};
const op_def op_ReduceProd = {REDUCE("ReduceProd", prod_gradient, prod_cases), .text = "y = Π x over the axes"};
const op_def op_ReduceL1 = {REDUCE("ReduceL1", l1_gradient, cases), .text = "y = Σ |x| over the axes"};
const op_def op_ReduceL2 = {REDUCE("ReduceL2", l2_gradient, cases), .text = "y = √Σ x² over the axes"};
const op_def op_ReduceSumSquare = {REDUCE("ReduceSumSquare", square_gradient, cases), .text = "y = Σ x² over the axes"};
const op_def op_ReduceLogSum = {REDUCE("ReduceLogSum", log_sum_gradient, positive_cases),
                                .text = "y = log Σ x over the axes"};
const op_def op_ReduceLogSumExp = {REDUCE("ReduceLogSumExp", log_sum_exp_gradient, cases),
                                   .text =
                                       "y = log Σ exp x over the axes, the greatest x taken off before and put back "
                                       "after"};
