#include "op/rule.h"

#include <math.h>
#include <string.h>

#include "graph/float8.h"

const attr_field no_fields[] = {{0}};

value *rule_input(const node *n, int i) {
    return i < node_own_inputs(n) ? n->in[i] : NULL;
}

stria_status rule_output(node *n, int i, dtype type, const shape *s, stria_error *err) {
    TRY(shape_check(s, type, err, "its output %d", i));
    if (i < n->out_count && n->out[i]) {
        n->out[i]->type = type;
        n->out[i]->shape = *s;
    }
    return STRIA_OK;
}

stria_status rule_like(node *n, int i, stria_error *err) {
    return rule_output(n, 0, n->in[i]->type, &n->in[i]->shape, err);
}

stria_status rule_float(const node *n, int i, const char *what, stria_error *err) {
    if (!dtype_is_float(n->in[i]->type))
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, expected a floating type", what, dtype_name(n->in[i]->type));
    return STRIA_OK;
}

stria_status rule_same_type(const node *n, int i, int j, stria_error *err) {
    if (n->in[i]->type != n->in[j]->type)
        FAIL(err, STRIA_BAD_SHAPE, "input %d is %s, but input %d is %s", i, dtype_name(n->in[i]->type), j,
             dtype_name(n->in[j]->type));
    return STRIA_OK;
}

stria_status rule_floats(const node *n, int first, stria_error *err) {
    for (int i = first; i < node_own_inputs(n); i++) {
        if (!n->in[i]) continue;
        if (!dtype_is_float(n->in[i]->type))
            FAIL(err, STRIA_BAD_SHAPE, "input %d is %s, expected a floating type", i, dtype_name(n->in[i]->type));
        TRY(rule_same_type(n, first, i, err));
    }
    return STRIA_OK;
}

stria_status rule_same_shape(const shape *a, const char *what_a, const shape *b, const char *what_b, stria_error *err) {
    char ta[192], tb[192];
    if (!shape_equal(a, b))
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, but %s is %s", what_a, shape_text(a, ta), what_b, shape_text(b, tb));
    return STRIA_OK;
}

stria_status rule_axis(int64_t axis, int rank, int *out, stria_error *err) {
    if (axis < -rank || axis >= rank)
        FAIL(err, STRIA_BAD_SHAPE, "axis %lld is out of range for a tensor of rank %d", (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return STRIA_OK;
}

stria_status rule_broadcast(const node *n, int first, shape *y, stria_error *err) {
    *y = n->in[first]->shape;
    for (int i = first + 1; i < node_own_inputs(n); i++) {
        char tx[192], ty[192];
        shape together;
        if (!shape_broadcast(y, &n->in[i]->shape, &together))
            FAIL(err, STRIA_BAD_SHAPE, "%s and %s do not broadcast", shape_text(y, ty),
                 shape_text(&n->in[i]->shape, tx));
        *y = together;
    }
    return STRIA_OK;
}

stria_status rule_ints(const node *n, int i, const char *what, int64_t *out, int max, int *count, stria_error *err) {
    *count = -1;
    if (!rule_input(n, i)) return STRIA_OK;
    const tensor *t = value_contents(n->in[i]);
    if (!t) FAIL(err, STRIA_UNSUPPORTED, "the input %s ('%s') must be constant", what, n->in[i]->name);
    if (t->type != STRIA_INT64 && t->type != STRIA_INT32 && t->type != STRIA_BOOL)
        FAIL(err, STRIA_BAD_SHAPE, "the input %s is %s, expected int64", what, dtype_name(t->type));
    int64_t have = shape_count(&t->shape);
    if (t->shape.rank > 1) FAIL(err, STRIA_BAD_SHAPE, "the input %s has rank %d, expected 1", what, t->shape.rank);
    if (have > max)
        FAIL(err, STRIA_BAD_SHAPE, "the input %s has %lld entr%s, at most %d fit", what, (long long)have,
             text_ies(have), max);
    for (int64_t k = 0; k < have; k++) out[k] = tensor_i64(t, k);
    *count = (int)have;
    return STRIA_OK;
}

stria_status rule_axes(const node *n, int i, int rank, bool axis[RANK_MAX], bool *given, stria_error *err) {
    int64_t list[RANK_MAX];
    int count;
    memset(axis, 0, RANK_MAX * sizeof *axis);
    TRY(rule_ints(n, i, "axes", list, RANK_MAX, &count, err));
    *given = count > 0;
    for (int k = 0; k < count; k++) {
        int a;
        TRY(rule_axis(list[k], rank, &a, err));
        if (axis[a]) FAIL(err, STRIA_BAD_SHAPE, "axis %lld is given twice", (long long)list[k]);
        axis[a] = true;
    }
    return STRIA_OK;
}

op_cost rule_no_cost(const node *n) {
    return (op_cost){0, 0};
}

stria_status rule_no_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                              stria_error *err) {
    return STRIA_OK;
}

value *build_reduce_to(builder *b, value *dy, value *x) {
    if (!dy || !x || shape_equal(&dy->shape, &x->shape)) return dy;
    return build2(b, &op_ReduceTo, dy, x, NULL);
}

value *build_reshape_to(builder *b, value *x, value *like) {
    if (!x || !like || shape_equal(&x->shape, &like->shape)) return x;
    return build2(b, &op_ReshapeTo, x, like, NULL);
}

value *build_unsqueeze(builder *b, value *x, const int64_t *axes, int count) {
    if (!x || count == 0) return x;
    return build2(b, &op_Unsqueeze, x, build_i64(b, axes, count), NULL);
}

void broadcast_strides(const shape *from, const shape *to, int64_t stride[RANK_MAX]) {
    int64_t step = 1;
    int shift = to->rank - from->rank;
    for (int d = to->rank - 1; d >= 0; d--) {
        stride[d] = 0;
        if (d < shift) continue;
        if (from->dim[d - shift] != 1) stride[d] = step;
        step *= from->dim[d - shift];
    }
}

int64_t strided_offset(int64_t index, const shape *s, const int64_t stride[RANK_MAX]) {
    int64_t offset = 0;
    for (int d = s->rank - 1; d >= 0; d--) {
        offset += index % s->dim[d] * stride[d];
        index /= s->dim[d];
    }
    return offset;
}

int64_t integer_wrap(dtype type, int64_t x) {
    switch (type) {
    case STRIA_INT8:
        return (int8_t)x;
    case STRIA_UINT8:
        return (uint8_t)x;
    case STRIA_INT16:
        return (int16_t)x;
    case STRIA_UINT16:
        return (uint16_t)x;
    case STRIA_INT32:
        return (int32_t)x;
    case STRIA_UINT32:
        return (uint32_t)x;
    case STRIA_BOOL:
        return x != 0;
    default:
        return dtype_is_float8(type) ? (uint8_t)x : x;
    }
}

bool integer_less(dtype type, int64_t a, int64_t b) {
    return type == STRIA_UINT64 ? (uint64_t)a < (uint64_t)b : a < b;
}

double integer_value(dtype type, int64_t x) {
    if (dtype_is_float8(type)) return float8_value(type, (uint8_t)x);
    return type == STRIA_UINT64 ? (double)(uint64_t)x : (double)x;
}

int64_t integer_of(dtype type, double x) {
    bool is_unsigned = type == STRIA_UINT8 || type == STRIA_UINT16 || type == STRIA_UINT32 || type == STRIA_BOOL;
    int bits = type == STRIA_BOOL ? 1 : 8 * (int)dtype_bytes(type);
    if (dtype_is_float8(type)) return float8_code(type, x, (float8_rule){.saturate = true});
    if (isnan(x)) return 0;
    if (type == STRIA_UINT64) return x <= 0 ? 0 : x >= 0x1p64 ? -1 : (int64_t)(uint64_t)x;
    if (bits == 64) return x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x;
    int64_t most = ((int64_t)1 << (is_unsigned ? bits : bits - 1)) - 1, least = is_unsigned ? 0 : -most - 1;
    return x <= (double)least ? least : x >= (double)most ? most : (int64_t)x;
}

int64_t shape_span(const shape *s, int from, int to) {
    int64_t product = 1;
    for (int d = from; d < to; d++) product = size_mul(product, s->dim[d]); /* where another dimension is 0 */
    return product;
}

double ref_value(const ref_tensor *t, int64_t i) {
    return t->f ? t->f[i] : integer_value(t->type, t->i[i]);
}

void ref_copy(ref_tensor *y, int64_t to, const ref_tensor *x, int64_t from) {
    if (y->f) y->f[to] = x->f[from];
    else y->i[to] = x->i[from];
}

void ref_zero(ref_tensor *t) {
    size_t count = (size_t)shape_count(&t->shape);
    if (t->f) memset(t->f, 0, count * sizeof *t->f);
    else memset(t->i, 0, count * sizeof *t->i);
}
