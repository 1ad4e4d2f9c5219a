/* Cast and CastLike: elements one by one, in any storage order. */
#include "backend/cpu/cpu.h"
#include "kernel/elements/convert.h"

static element_type element_of(dtype type) {
    static const element_type elements[] = {
        [STRIA_FLOAT32] = ELEMENT_F32,   [STRIA_FLOAT64] = ELEMENT_F64, [STRIA_FLOAT16] = ELEMENT_F16,
        [STRIA_BFLOAT16] = ELEMENT_BF16, [STRIA_UINT8] = ELEMENT_U8,    [STRIA_INT8] = ELEMENT_I8,
        [STRIA_UINT16] = ELEMENT_U16,    [STRIA_INT16] = ELEMENT_I16,   [STRIA_INT32] = ELEMENT_I32,
        [STRIA_UINT32] = ELEMENT_U32,    [STRIA_INT64] = ELEMENT_I64,   [STRIA_UINT64] = ELEMENT_U64,
        [STRIA_BOOL] = ELEMENT_BOOL};
    return elements[type];
}

static bool accept(const node *n, refusal *why) {
    const value *x = n->in[0], *y = n->out[0];
    if (dtype_is_float8(x->type) || dtype_is_float8(y->type))
        return REFUSE(why, "%s becomes %s", dtype_name(x->type), dtype_name(y->type));
    return layout_equal(&x->layout, &y->layout, y->shape.rank)
               ? true
               : REFUSE(why, "%s becomes %s", storage_name(x), storage_name(y));
}

static void run(const impl_call *c) {
    const value *x = c->node->in[0], *y = c->node->out[0];
    convert_elements(c->ks, c->pool, c->out[0], element_of(y->type), c->in[0], element_of(x->type),
                     shape_count(&y->shape));
}

static const op_impl cast_impl = {.name = "convert", .accept = accept, .run = run};

const op_impl *const cpu_cast[] = {&cast_impl, &impl_reference, NULL};
