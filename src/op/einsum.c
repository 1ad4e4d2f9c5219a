/* Einsum: a sum of products whose indices a formula names, "ij,jk->ik". Letters of an operand name its dimensions,
 * "..." those that it has besides, which broadcast; letters that the result lacks are summed over. Without "->" the
 * result has
 * "..." and then, sorted, the letters that occur once. */
#include <string.h>

#include "base/sizes.h"
#include "op/rule.h"
#include "op/shape.h"

typedef struct einsum_attributes {
    const char *equation;
    int64_t operand; /* EinsumGradient: whose gradient it is */
} einsum_attributes;

static const attr_field fields[] = {{"equation", ATTR_STRING, offsetof(einsum_attributes, equation), NULL, true}, {0}};
static const attr_field gradient_fields[] = {
    {"equation", ATTR_STRING, offsetof(einsum_attributes, equation), NULL, true},
    ATTR(einsum_attributes, operand, ATTR_INT, "0"),
    {0}};

/* ---- the formula ---- */

#define LETTERS  52                   /* A…Z, a…z: in the order of their codes */
#define INDICES  (LETTERS + RANK_MAX) /* and the dimensions of "...", the last one last */
#define OPERANDS 8

/* Which index each dimension of a tensor is. */
typedef struct term {
    int rank, index[RANK_MAX];
} term;

typedef struct formula {
    int operands;
    term in[OPERANDS], out;
    int64_t size[INDICES]; /* 0: there is no such index */
    bool used[INDICES];
} formula;

/* Whatever the locale. */
static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int letter_of(char c) {
    return c >= 'a' ? c - 'a' + 26 : c - 'A';
}

/* One operand's part of the equation, of `rank` dimensions; `rank` < 0: as many as it says, "..." being `dots`. */
static stria_status term_read(const char *text, size_t length, int rank, int dots, term *out, stria_error *err) {
    int letters = 0, at = -1;
    for (size_t i = 0; i < length; i++)
        if (is_letter(text[i])) letters++;
        else if (length - i >= 3 && strncmp(text + i, "...", 3) == 0 && at < 0) at = letters, i += 2;
        else if (text[i] != ' ')
            FAIL(err, STRIA_BAD_ARGUMENT, "the equation's '%.*s' is not understood", (int)(length < 60 ? length : 60),
                 text);
    if (rank >= 0) dots = rank - letters;
    if (dots < 0 || (at < 0 && rank >= 0 && dots) || letters + (at < 0 ? 0 : dots) > RANK_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "the equation's '%.*s' has %d letter%s, its tensor rank %d",
             (int)(length < 60 ? length : 60), text, letters, text_s(letters), rank);
    out->rank = 0;
    for (size_t i = 0; i < length; i++) {
        if (out->rank == at && at >= 0)
            for (int k = 0; k < dots; k++) out->index[out->rank++] = INDICES - dots + k;
        if (is_letter(text[i])) out->index[out->rank++] = letter_of(text[i]);
    }
    for (int k = 0; at == letters && at >= 0 && out->rank < letters + dots; k++)
        out->index[out->rank++] = INDICES - dots + k;
    return STRIA_OK;
}

static stria_status sizes_read(formula *f, const shape *x, const term *t, bool *dots, stria_error *err) {
    for (int d = 0; d < x->rank; d++) {
        int i = t->index[d];
        if (f->used[i] && f->size[i] != x->dim[d] && f->size[i] != 1 && x->dim[d] != 1)
            FAIL(err, STRIA_BAD_SHAPE, "an index of the equation is %lld long in one operand and %lld in another",
                 (long long)f->size[i], (long long)x->dim[d]);
        if (!f->used[i] || f->size[i] == 1) f->size[i] = x->dim[d];
        f->used[i] = true;
        *dots = *dots || i >= LETTERS;
    }
    return STRIA_OK;
}

/* Without "->". */
static stria_status result_implied(formula *f, stria_error *err) {
    int count[INDICES] = {0};
    for (int k = 0; k < f->operands; k++)
        for (int d = 0; d < f->in[k].rank; d++) count[f->in[k].index[d]]++;
    f->out.rank = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = pass ? 0 : LETTERS; i < (pass ? LETTERS : INDICES); i++) {
            if (!f->used[i] || (pass && count[i] != 1)) continue;
            if (f->out.rank == RANK_MAX)
                FAIL(err, STRIA_UNSUPPORTED, "the result would have more than %d dimensions", RANK_MAX);
            f->out.index[f->out.rank++] = i;
        }
    return STRIA_OK;
}

static stria_status result_read(formula *f, const char *text, stria_error *err) {
    int dots = 0;
    bool seen[INDICES] = {false};
    for (int i = LETTERS; i < INDICES; i++) dots += f->used[i];
    TRY(term_read(text, strlen(text), -1, dots, &f->out, err));
    for (int d = 0; d < f->out.rank; d++) {
        int i = f->out.index[d];
        if (!f->used[i] || seen[i])
            FAIL(err, STRIA_BAD_ARGUMENT, "the equation's result '%.60s' has an index %s", text,
                 seen[i] ? "twice" : "that no operand has");
        seen[i] = true;
    }
    return STRIA_OK;
}

/* Of the operands in[0…]. */
static stria_status formula_read(const char *equation, value *const *in, int count, formula *f, stria_error *err) {
    const char *arrow = strstr(equation, "->"), *end = arrow ? arrow : equation + strlen(equation);
    bool dots = false;
    *f = (formula){.operands = count};
    if (count > OPERANDS) FAIL(err, STRIA_UNSUPPORTED, "%d operands, at most %d are supported", count, OPERANDS);
    const char *at = equation;
    for (int k = 0; k < count; k++) {
        if (!in[k]) FAIL(err, STRIA_BAD_SHAPE, "operand %d is missing", k);
        size_t length = at > end ? 0 : strcspn(at, ",");
        if (at <= end && length > (size_t)(end - at)) length = (size_t)(end - at);
        if (at > end || (k + 1 == count && at + length != end))
            FAIL(err, STRIA_BAD_SHAPE, "the equation '%.60s' does not have %d operands", equation, count);
        TRY(term_read(at, length, in[k]->shape.rank, 0, &f->in[k], err));
        TRY(sizes_read(f, &in[k]->shape, &f->in[k], &dots, err));
        at += length + 1;
    }
    return arrow ? result_read(f, arrow + 2, err) : result_implied(f, err);
}

/* ---- shapes ---- */

static shape result_shape(const formula *f) {
    shape y = {.rank = f->out.rank};
    for (int d = 0; d < y.rank; d++) y.dim[d] = f->size[f->out.index[d]];
    return y;
}

static stria_status types_check(const node *n, stria_error *err) {
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "operands are bool, expected numbers");
    for (int i = 1; i < n->in_count; i++) TRY(rule_same_type(n, 0, i, err));
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    formula f;
    TRY(formula_read(((const einsum_attributes *)n->attributes)->equation, n->in, n->in_count, &f, err));
    TRY(types_check(n, err));
    shape y = result_shape(&f);
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Inputs dy and the operands. */
static stria_status gradient_infer(node *n, stria_error *err) {
    const einsum_attributes *a = n->attributes;
    formula f;
    TRY(rule_floats(n, 0, err));
    TRY(formula_read(a->equation, n->in + 1, n->in_count - 1, &f, err));
    shape y = result_shape(&f);
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "y", err));
    if (a->operand < 0 || a->operand >= f.operands)
        FAIL(err, STRIA_BAD_ARGUMENT, "there is no operand %lld", (long long)a->operand);
    return rule_output(n, 0, n->in[0]->type, &n->in[1 + a->operand]->shape, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[OPERANDS + 1] = {dy[0]};
    einsum_attributes a = *(const einsum_attributes *)n->attributes;
    for (int i = 0; i < n->in_count; i++) in[1 + i] = n->in[i];
    for (int i = 0; i < n->in_count; i++) {
        a.operand = i;
        if (wanted[i]) dx[i] = build(&b, &op_EinsumGradient, in, n->in_count + 1, &a);
    }
    return b.status;
}

static op_cost cost(const node *n) {
    int first = n->op == &op_EinsumGradient;
    formula f;
    int64_t products = 1;
    if (formula_read(((const einsum_attributes *)n->attributes)->equation, n->in + first, n->in_count - first, &f,
                     NULL) != STRIA_OK)
        return (op_cost){0, 0};
    for (int i = 0; i < INDICES; i++)
        if (f.used[i]) products = size_mul(products, f.size[i]);
    return (op_cost){size_mul(products, int64_max(1, f.operands - 1)), 0};
}

/* ---- as a product of matrices ---- */

/* Indices of two operands: of both and the result, of the first and the result, of the second and the result, summed.
 */
typedef struct groups {
    int batch[RANK_MAX], rows[RANK_MAX], columns[RANK_MAX], inner[RANK_MAX];
    int batches, row_count, column_count, inners;
} groups;

static bool has(const term *t, int index) {
    for (int d = 0; d < t->rank; d++)
        if (t->index[d] == index) return true;
    return false;
}

static bool once(const term *t) {
    for (int d = 0; d < t->rank; d++)
        for (int e = 0; e < d; e++)
            if (t->index[d] == t->index[e]) return false;
    return true;
}

static bool whole(const formula *f, const value *x, const term *t) {
    for (int d = 0; d < t->rank; d++)
        if (x->shape.dim[d] != f->size[t->index[d]]) return false;
    return true;
}

/* False: it is not a product of two matrices. */
static bool groups_make(const formula *f, value *const *in, groups *g) {
    *g = (groups){0};
    if (f->operands != 2) return false;
    for (int k = 0; k < 2; k++)
        if (!once(&f->in[k]) || !whole(f, in[k], &f->in[k])) return false;
    for (int i = 0; i < INDICES; i++) {
        if (!f->used[i]) continue;
        bool a = has(&f->in[0], i), b = has(&f->in[1], i), y = has(&f->out, i);
        if (!y && !(a && b)) return false;
        if (a && b && y) g->batch[g->batches++] = i;
        else if (a && b) g->inner[g->inners++] = i;
        else if (a) g->rows[g->row_count++] = i;
        else g->columns[g->column_count++] = i;
    }
    return g->inners > 0;
}

/* x with its dimensions in the order of three lists, each of them one dimension. */
static value *arranged(builder *b, const formula *f, value *x, const term *t, const int *const list[3],
                       const int count[3]) {
    int64_t perm[RANK_MAX], size[3] = {1, 1, 1};
    int rank = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < count[k]; i++) {
            for (int d = 0; d < t->rank; d++)
                if (t->index[d] == list[k][i]) perm[rank++] = d;
            size[k] = size_mul(size[k], f->size[list[k][i]]);
        }
    value *moved = build1(b, &op_Transpose, x, &(transpose_attributes){{rank, perm}});
    return build2(b, &op_Reshape, moved, build_i64(b, size, 3), &(reshape_attributes){1});
}

static value *product_build(builder *b, const formula *f, const groups *g, value *const *in) {
    const int *left[3] = {g->batch, g->rows, g->inner}, *right[3] = {g->batch, g->inner, g->columns};
    value *x = arranged(b, f, in[0], &f->in[0], left, (int[]){g->batches, g->row_count, g->inners});
    value *w = arranged(b, f, in[1], &f->in[1], right, (int[]){g->batches, g->inners, g->column_count});
    value *y = build2(b, &op_MatMul, x, w, NULL);
    const int *lists[3] = {g->batch, g->rows, g->columns}, counts[3] = {g->batches, g->row_count, g->column_count};
    int64_t dims[RANK_MAX], perm[RANK_MAX];
    int order[RANK_MAX], rank = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < counts[k]; i++) {
            dims[rank] = f->size[lists[k][i]];
            order[rank++] = lists[k][i];
        }
    for (int d = 0; d < rank; d++)
        for (int e = 0; e < rank; e++)
            if (order[e] == f->out.index[d]) perm[d] = e;
    y = build2(b, &op_Reshape, y, build_i64(b, dims, rank), &(reshape_attributes){1});
    return rank ? build1(b, &op_Transpose, y, &(transpose_attributes){{rank, perm}}) : y;
}

static stria_status expand(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    formula f;
    groups parts;
    TRY(formula_read(((const einsum_attributes *)n->attributes)->equation, n->in, n->in_count, &f, err));
    if (dtype_is_float(n->in[0]->type) && groups_make(&f, n->in, &parts)) out[0] = product_build(&b, &f, &parts, n->in);
    return b.status;
}

/* ---- references ---- */

/* Element strides of x by index; 0 where it has no such index, or repeats. */
static void strides_of(const term *t, const shape *x, int64_t stride[INDICES]) {
    int64_t step = 1;
    memset(stride, 0, INDICES * sizeof *stride);
    for (int d = x->rank - 1; d >= 0; step *= x->dim[d--])
        if (x->dim[d] != 1) stride[t->index[d]] += step;
}

/* All indices that there are, one after the other: the place of each tensor. */
typedef struct walk {
    formula f;
    int index[INDICES], count, tensors;
    int64_t at[INDICES], stride[OPERANDS + 1][INDICES], place[OPERANDS + 1];
} walk;

static bool walk_next(walk *w) {
    for (int k = w->count - 1; k >= 0; k--) {
        int i = w->index[k];
        bool on = ++w->at[k] < w->f.size[i];
        for (int t = 0; t < w->tensors; t++) w->place[t] += w->stride[t][i] * (on ? 1 : 1 - w->f.size[i]);
        if (on) return true;
        w->at[k] = 0;
    }
    return false;
}

/* Tensor 0 is the result (or dy), the operands come after it. False: there is nothing to sum. */
static bool walk_begin(walk *w, const ref_call *c, const shape *result, int first) {
    const node *n = c->node;
    const char *equation = ((const einsum_attributes *)c->attributes)->equation;
    *w = (walk){0};
    (void)formula_read(equation, n->in + first, n->in_count - first, &w->f, NULL);
    w->tensors = 1 + w->f.operands;
    strides_of(&w->f.out, result, w->stride[0]);
    for (int k = 0; k < w->f.operands; k++) strides_of(&w->f.in[k], &n->in[first + k]->shape, w->stride[1 + k]);
    for (int i = 0; i < INDICES; i++) {
        if (!w->f.used[i]) continue;
        if (!w->f.size[i]) return false;
        w->index[w->count++] = i;
    }
    return true;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    walk w;
    ref_tensor *y = &c->out[0];
    ref_zero(y);
    bool more = walk_begin(&w, c, &y->shape, 0);
    for (; more; more = walk_next(&w)) {
        double real = 1;
        uint64_t number = 1;
        for (int k = 0; k < c->in_count; k++)
            if (y->f) real *= c->in[k].f[w.place[1 + k]];
            else number *= (uint64_t)c->in[k].i[w.place[1 + k]];
        if (y->f) y->f[w.place[0]] += real;
        else y->i[w.place[0]] = integer_wrap(y->type, (int64_t)((uint64_t)y->i[w.place[0]] + number));
    }
    return STRIA_OK;
}

static stria_status gradient_reference(const ref_call *c, stria_error *err) {
    walk w;
    int operand = (int)((const einsum_attributes *)c->attributes)->operand;
    ref_zero(&c->out[0]);
    bool more = walk_begin(&w, c, &c->in[0].shape, 1);
    for (; more; more = walk_next(&w)) {
        double product = c->in[0].f[w.place[0]];
        for (int k = 0; k + 1 < c->in_count; k++)
            if (k != operand) product *= c->in[1 + k].f[w.place[1 + k]];
        c->out[0].f[w.place[1 + operand]] += product;
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {{"2x3, 3x4", "equation=ij,jk"},
                                {"2x3x4, 2x4x5", "equation=bij,bjk->bik"},
                                {"3x3", "equation=ii"},
                                {"2x3x3", "equation=...ii->...i"},
                                {"2x3", "equation=ij->ji"},
                                {"2x3, 4, 3x4", "equation=ij,k,jk->ki"},
                                {"2x1x3x4, 5x4x2", "equation=...ij,...jk->...ik"},
                                {"2x3x4, 5x4x3", "equation=abc,dcb->ad"},
                                {"4x2x3, 2x5", "equation=aBc,Bd->dca"},
                                {"2x3, 3", "equation=ij,k->j"},
                                {"i64=1,2,3,4:2x2, i64=5,6:2", "equation=ij,j->i"},
                                {"0x3, 3x2", "equation=ij,jk->ik"},
                                {":, 2x2", "equation=,ij->i"},
                                {0}};
static const op_case gradient_cases[] = {
    {"2x4, 2x3, 3x4", "equation=ij,jk operand=1"}, {"2x3, 2x3x3", "equation=...ii->...i operand=0"}, {0}};

const op_def op_Einsum = {
    .name = "Einsum",
    .domain = "",
    .in_min = 1,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(einsum_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = cost,
    .reference = reference,
    .expand = expand,
    .cases = cases,
    .layouts = LAYOUT_PLAIN,
    .text = "y = Σ of the products of the operands, over the indices that the equation's result lacks",
};

const op_def op_EinsumGradient = {
    .name = "EinsumGradient",
    .domain = "stria",
    .in_min = 2,
    .in_max = OPERANDS + 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(einsum_attributes),
    .fields = gradient_fields,
    .infer = gradient_infer,
    .cost = cost,
    .reference = gradient_reference,
    .cases = gradient_cases,
    .layouts = LAYOUT_PLAIN,
    .text = "dx = Σ dy · the other operands, over the indices that x lacks",
};
