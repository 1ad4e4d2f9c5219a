/* Bools and bits: And, Or, Xor, Not, the same of the bits of integers, and shifts; elementwise with broadcasting. */
#include <string.h>

#include "op/rule.h"

typedef struct shift_attributes {
    const char *direction;
} shift_attributes;

static stria_status check_bools(const node *n, stria_error *err) {
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->type != STRIA_BOOL)
            FAIL(err, STRIA_BAD_SHAPE, "input %d is %s, expected bool", i, dtype_name(n->in[i]->type));
    return STRIA_OK;
}

static stria_status check_integers(const node *n, stria_error *err) {
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->type == STRIA_BOOL || dtype_is_float(n->in[i]->type))
            FAIL(err, STRIA_BAD_SHAPE, "input %d is %s, expected integers", i, dtype_name(n->in[i]->type));
    return rule_same_type(n, 0, n->in_count - 1, err);
}

static stria_status check_shift(const node *n, stria_error *err) {
    const char *direction = ((const shift_attributes *)n->attributes)->direction;
    TRY(check_integers(n, err));
    if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
        FAIL(err, STRIA_BAD_SHAPE, "direction '%.40s' is neither LEFT nor RIGHT", direction);
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    shape y;
    bool bools = n->op == &op_And || n->op == &op_Or || n->op == &op_Xor || n->op == &op_Not;
    TRY(bools ? check_bools(n, err) : n->op == &op_BitShift ? check_shift(n, err) : check_integers(n, err));
    TRY(rule_broadcast(n, 0, &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Bits that leave the type are lost; to the right, the sign fills up. A count that is negative, or no less than the
 * type has bits, leaves nothing but that. */
static uint64_t shift(const node *n, uint64_t a, uint64_t b) {
    bool left = *((const shift_attributes *)n->attributes)->direction == 'L';
    bool negative = integer_less(n->in[0]->type, (int64_t)a, 0);
    if (b >= 8 * dtype_bytes(n->in[0]->type)) return !left && negative ? UINT64_MAX : 0;
    if (left) return a << b;
    return negative ? ~(~a >> b) : a >> b;
}

static uint64_t combine(const node *n, uint64_t a, uint64_t b) {
    const op_def *op = n->op;
    if (op == &op_Not) return !a;
    if (op == &op_BitwiseNot) return ~a;
    if (op == &op_And || op == &op_BitwiseAnd) return a & b;
    if (op == &op_Or || op == &op_BitwiseOr) return a | b;
    if (op == &op_BitShift) return shift(n, a, b);
    return a ^ b;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const ref_tensor *a = &c->in[0], *b = &c->in[c->in_count - 1], *y = &c->out[0];
    int64_t stride_a[RANK_MAX], stride_b[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&a->shape, &y->shape, stride_a);
    broadcast_strides(&b->shape, &y->shape, stride_b);
    for (int64_t i = 0; i < count; i++) {
        uint64_t p = (uint64_t)a->i[strided_offset(i, &y->shape, stride_a)],
                 q = (uint64_t)b->i[strided_offset(i, &y->shape, stride_b)];
        y->i[i] = integer_wrap(y->type, (int64_t)combine(c->node, p, q));
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case bool_cases[] = {{"bool=0,1,0,1:4, bool=0,0,1,1:4", ""},
                                     {"bool=0,1,1,0,1,0:2x3, bool=1,0:2x1", ""},
                                     {"bool=1, bool=0,1,0,1,1,1,0,0,1,1,0,1,0,1,0,0,1,1:2x3x3", ""},
                                     {0}};
static const op_case not_cases[] = {{"bool=0,1,1:3", ""}, {"bool=0,1,0,1,1,1,0,0,1,1,0,1,0,1,0,0,1,1:2x3x3", ""}, {0}};
static const op_case bit_cases[] = {{"i32=12,-7,255:3, i32=10,3,16:3", ""},
                                    {"u8=12,200:2x1, u8=10,129,255:3", ""},
                                    {"i64=4611686018427387904,-1:2, i64=-1:1", ""},
                                    {0}};
static const op_case bit_not_cases[] = {{"i32=12,-7,0:3", ""}, {"u8=12,200:2", ""}, {0}};
static const op_case shift_cases[] = {{"u8=255,3,1:3, u8=1,2,9:3", "direction=LEFT"},
                                      {"u8=255,130:2x1, u8=0,7,200:3", "direction=RIGHT"},
                                      {"i32=-8,4,-1,64:4, i32=1,40,-3,2:4", "direction=RIGHT"},
                                      {0}};

static const attr_field shift_fields[] = {
    {"direction", ATTR_STRING, offsetof(shift_attributes, direction), "LEFT", true}, {0}};

#define LOGIC(op_name, operands)                                                                                       \
    .name = op_name, .domain = "", .in_min = operands, .in_max = operands, .out_min = 1, .out_max = 1, .infer = infer, \
    .reference = reference, .layouts = LAYOUT_SAME, .in_place = (1 << (operands)) - 1

const op_def op_And = {LOGIC("And", 2), .fields = no_fields, .cases = bool_cases, .text = "y = a and b"};
const op_def op_Or = {LOGIC("Or", 2), .fields = no_fields, .cases = bool_cases, .text = "y = a or b"};
const op_def op_Xor = {LOGIC("Xor", 2), .fields = no_fields, .cases = bool_cases, .text = "y = either a or b"};
const op_def op_Not = {LOGIC("Not", 1), .fields = no_fields, .cases = not_cases, .text = "y = not x"};
const op_def op_BitwiseAnd = {LOGIC("BitwiseAnd", 2), .fields = no_fields, .cases = bit_cases,
                              .text = "y = the bits of a and b"};
const op_def op_BitwiseOr = {LOGIC("BitwiseOr", 2), .fields = no_fields, .cases = bit_cases,
                             .text = "y = the bits of a or b"};
const op_def op_BitwiseXor = {LOGIC("BitwiseXor", 2), .fields = no_fields, .cases = bit_cases,
                              .text = "y = the bits of either a or b"};
const op_def op_BitwiseNot = {LOGIC("BitwiseNot", 1), .fields = no_fields, .cases = bit_not_cases,
                              .text = "y = the bits not of x"};
const op_def op_BitShift = {LOGIC("BitShift", 2), .attribute_bytes = sizeof(shift_attributes), .fields = shift_fields,
                            .cases = shift_cases, .text = "y = a shifted by b bits, LEFT or RIGHT"};
