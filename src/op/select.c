/* Where: of two tensors' elements, the one that a third, of bools, says; with broadcasting. */
#include "op/rule.h"

static stria_status infer(node *n, stria_error *err) {
    shape y;
    if (n->in[0]->type != STRIA_BOOL)
        FAIL(err, STRIA_BAD_SHAPE, "the condition is %s, expected bool", dtype_name(n->in[0]->type));
    TRY(rule_same_type(n, 1, 2, err));
    TRY(rule_broadcast(n, 0, &y, err));
    return rule_output(n, 0, n->in[1]->type, &y, err);
}

/* da = dy where c, else 0; db = 0 where c, else dy */
static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    for (int i = 1; i <= 2; i++) {
        if (!wanted[i]) continue;
        value *in[3] = {n->in[0], dy[0], dy[0]};
        in[3 - i] = build_scalar(&b, dy[0]->type, 0);
        if (in[3 - i]) dx[i] = build_reduce_to(&b, build(&b, &op_Where, in, 3, NULL), n->in[i]);
    }
    return b.status;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    ref_tensor *y = &c->out[0];
    int64_t stride[3][RANK_MAX], count = shape_count(&y->shape);
    for (int k = 0; k < 3; k++) broadcast_strides(&c->in[k].shape, &y->shape, stride[k]);
    for (int64_t i = 0; i < count; i++) {
        int k = c->in[0].i[strided_offset(i, &y->shape, stride[0])] ? 1 : 2;
        ref_copy(y, i, &c->in[k], strided_offset(i, &y->shape, stride[k]));
    }
    return STRIA_OK;
}

static const op_case cases[] = {{"bool=0,1,1,0,1,0:2x3, 2x3, 2x3", ""},
                                {"bool=0,1:2x1x1, 3x4, 2x3x1", ""},
                                {"bool=1,0,1:3x1x1, 2x3x4x5, :", ""},
                                {"bool=0, 257, 257", ""},
                                {"bool=0,1,1:3, i64=1,2,3:3, i64=-4:1", ""},
                                {"bool=0,1:2, bool=1,1:2, bool=0,0:2", ""},
                                {0}};

const op_def op_Where = {
    .name = "Where",
    .domain = "",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
    .cases = cases,
    .layouts = LAYOUT_SAME,
    .in_place = 1 << 1 | 1 << 2,
    .text = "y = a where the condition holds, else b",
};
