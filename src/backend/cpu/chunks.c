/* Elementwise operators of types that have no vector kernel (integers, bits, float64, 16-bit floats): the rule's own
 * formula, a few hundred elements at a time in buffers on the stack, so that a run allocates nothing. */
#include "graph/evaluate.h"

#include <string.h>

#include "backend/cpu/cpu.h"

#define CHUNK    256 /* elements */
#define OPERANDS 3

typedef struct chunks {
    int rank, operands;
    int64_t count, dims[RANK_MAX], stride[OPERANDS][RANK_MAX]; /* in storage order; 0 where an operand repeats */
    bool whole[OPERANDS];                                      /* the operand lies as the result does */
} chunks;

static bool accept(const node *n, refusal *why) {
    const value *y = n->out[0];
    if (n->in_count > OPERANDS || n->out_count != 1) return REFUSE(why, "%d operands", n->in_count);
    if (n->epilogue.activation || n->epilogue.bias >= 0 || n->epilogue.residual >= 0)
        return REFUSE(why, "there is an epilogue");
    for (int i = 0; i < n->in_count; i++) {
        if (!n->in[i]) return REFUSE(why, "operand %d is absent", i + 1);
        bool like = shape_equal(&n->in[i]->shape, &y->shape);
        if (like ? !layout_equal(&n->in[i]->layout, &y->layout, y->shape.rank) : !value_is_plain(n->in[i]))
            return REFUSE(why, "'%.40s' is %s, but '%.20s' is %s", n->in[i]->name, storage_name(n->in[i]), y->name,
                          storage_name(y));
    }
    return true;
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    const value *y = n->out[0];
    chunks *c = arena_alloc(p->arena, sizeof *c);
    if (!c) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    *c = (chunks){.rank = y->shape.rank, .operands = n->in_count, .count = shape_count(&y->shape)};
    for (int d = 0; d < c->rank; d++) c->dims[d] = y->shape.dim[y->layout.perm[d]];
    for (int i = 0; i < c->operands; i++) {
        operand_strides(n->in[i], y, c->stride[i]);
        c->whole[i] = shape_equal(&n->in[i]->shape, &y->shape);
    }
    *prepared = c;
    return STRIA_OK;
}

/* Element k of the chunk from `first` on, of an operand that repeats. */
static int64_t offset_of(const chunks *c, int operand, int64_t index) {
    int64_t offset = 0;
    for (int d = c->rank - 1; d >= 0; index /= c->dims[d--]) offset += index % c->dims[d] * c->stride[operand][d];
    return offset;
}

static void load(const chunks *c, int i, ref_tensor *t, const void *from, int64_t first, int64_t count) {
    size_t bytes = dtype_bytes(t->type);
    for (int64_t k = 0; k < count; k += c->whole[i] ? count : 1) {
        int64_t at = c->whole[i] ? first : offset_of(c, i, first + k), n = c->whole[i] ? count : 1;
        if (t->f) convert_to_f64(t->f + k, (const char *)from + (size_t)at * bytes, t->type, n);
        else convert_to_i64(t->i + k, (const char *)from + (size_t)at * bytes, t->type, n);
    }
}

typedef union chunk {
    double f[CHUNK];
    int64_t i[CHUNK];
} chunk;

static ref_tensor tensor_over(chunk *memory, dtype type, int64_t count) {
    bool real = dtype_is_float(type);
    return (ref_tensor){type, shape_of(1, &count), real ? memory->f : NULL, real ? NULL : memory->i};
}

static stria_status attempt(const impl_call *call, stria_error *err) {
    const chunks *c = call->prepared;
    const node *n = call->node;
    chunk memory[1 + OPERANDS];
    ref_tensor in[OPERANDS], y;
    ref_call formula = {
        .node = n, .attributes = n->attributes, .in = in, .out = &y, .in_count = c->operands, .out_count = 1};
    for (int64_t first = 0; first < c->count; first += CHUNK) {
        int64_t count = c->count - first < CHUNK ? c->count - first : CHUNK;
        for (int i = 0; i < c->operands; i++) {
            in[i] = tensor_over(&memory[1 + i], n->in[i]->type, count);
            load(c, i, &in[i], call->in[i], first, count);
        }
        y = tensor_over(&memory[0], n->out[0]->type, count);
        TRY(n->op->reference(&formula, err));
        void *to = (char *)call->out[0] + (size_t)first * dtype_bytes(y.type);
        if (y.f) convert_from_f64(to, y.type, y.f, count);
        else convert_from_i64(to, y.type, y.i, count);
    }
    return STRIA_OK;
}

const op_impl impl_chunks = {.name = "chunks", .accept = accept, .prepare = prepare, .attempt = attempt};

const op_impl *const cpu_chunks[] = {&impl_chunks, &impl_reference, NULL};
