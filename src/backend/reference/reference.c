/* The reference as an implementation: each rule's own formula in float64, on copies in ONNX order. Takes every node in
 * every storage order, epilogues included; slow, and allocates while it runs. */
#include "backend/backend.h"
#include "graph/evaluate.h"

#include <string.h>

static bool accept(const node *n, refusal *why) {
    if (!n->op->reference) return REFUSE(why, "operator %s has no reference", n->op->name);
    return true;
}

/* Copies between a dense tensor stored in v's order and one in ONNX order. */
static void reorder(void *dst, const void *src, const value *v, bool to_plain) {
    int64_t pitch[RANK_MAX], index[RANK_MAX] = {0}, count = shape_count(&v->shape);
    size_t size = dtype_bytes(v->type);
    layout_pitches(&v->layout, &v->shape, pitch);
    for (int64_t i = 0; i < count; i++) {
        int64_t stored = 0;
        for (int d = 0; d < v->shape.rank; d++) stored += index[d] * pitch[d];
        size_t a = (size_t)(to_plain ? i : stored) * size, b = (size_t)(to_plain ? stored : i) * size;
        memcpy((char *)dst + a, (const char *)src + b, size);
        for (int d = v->shape.rank - 1; d >= 0 && ++index[d] == v->shape.dim[d]; d--) index[d] = 0;
    }
}

/* ONNX-ordered copies of what is stored otherwise; `owned` says which to free. */
typedef struct plain {
    void *data;
    bool owned;
} plain;

static stria_status plain_make(plain *p, const value *v, void *stored, bool load, stria_error *err) {
    *p = (plain){.data = stored};
    if (!v || !stored || layout_is_identity(&v->layout, v->shape.rank)) return STRIA_OK;
    TRY(mem_new(&p->data, (size_t)shape_count(&v->shape) + 1, dtype_bytes(v->type), v->name, err));
    p->owned = true;
    if (load) reorder(p->data, stored, v, true);
    return STRIA_OK;
}

/* v[i] = f(v[i] + bias[channel] + residual[i]), through the activation's own reference rule. */
static stria_status epilogue_run(const node *n, void *y, const void *bias, const void *residual, stria_error *err) {
    const value *v = n->out[0];
    float *data = y;
    int64_t count = shape_count(&v->shape), inner = 1;
    for (int d = 2; d < v->shape.rank; d++) inner *= v->shape.dim[d];
    int64_t channels = v->shape.rank > 1 ? v->shape.dim[1] : 1;
    for (int64_t i = 0; i < count; i++) {
        if (bias) data[i] += ((const float *)bias)[i / inner % channels];
        if (residual) data[i] += ((const float *)residual)[i];
    }
    if (!n->epilogue.activation) return STRIA_OK;
    value *values[1] = {n->out[0]};
    node activation = {.name = n->name,
                       .op = n->epilogue.activation,
                       .attributes = (void *)(uintptr_t)n->epilogue.activation_attributes,
                       .in = values,
                       .out = values,
                       .in_count = 1,
                       .out_count = 1,
                       .epilogue = {.bias = -1, .residual = -1}};
    return node_evaluate(&activation, (const void *[]){y}, (void *[]){y}, (evaluate_random){0}, err);
}

static stria_status attempt(const impl_call *c, stria_error *err) {
    const node *n = c->node;
    size_t count = (size_t)n->in_count + (size_t)n->out_count;
    plain *copies;
    const void **pointers = NULL;
    TRY(mem_new(&copies, count + 1, sizeof *copies, "the reference", err));
    stria_status status = mem_new(&pointers, count + 1, sizeof *pointers, "the reference", err);
    if (status != STRIA_OK) goto done;
    plain *out = copies + n->in_count;
    for (int i = 0; i < n->in_count; i++) TRY_DONE(plain_make(&copies[i], n->in[i], c->in[i], true, err));
    for (int i = 0; i < n->out_count; i++) TRY_DONE(plain_make(&out[i], n->out[i], c->out[i], false, err));
    for (size_t i = 0; i < count; i++) pointers[i] = copies[i].data;
    void *const *results = (void *const *)(pointers + n->in_count);
    TRY_DONE(node_evaluate(n, pointers, results, (evaluate_random){c->seed, c->step}, err));
    const node_epilogue *e = &n->epilogue;
    if (e->bias >= 0 || e->residual >= 0 || e->activation)
        TRY_DONE(epilogue_run(n, out[0].data, e->bias >= 0 ? pointers[e->bias] : NULL,
                              e->residual >= 0 ? pointers[e->residual] : NULL, err));
    for (int i = 0; i < n->out_count; i++)
        if (out[i].owned) reorder(c->out[i], out[i].data, n->out[i], false);
done:
    for (size_t i = 0; i < count; i++)
        if (copies[i].owned) mem_free(copies[i].data);
    mem_free(copies);
    mem_free((void *)pointers);
    return status;
}

/* ---- no elements ---- */

static bool nothing_accept(const node *n, refusal *why) {
    return node_makes_nothing(n) ? true : REFUSE(why, "it has elements to make");
}

static void nothing_run(const impl_call *c) {}

const op_impl impl_nothing = {.name = "nothing", .accept = nothing_accept, .run = nothing_run};
const op_impl impl_reference = {.name = "reference", .accept = accept, .attempt = attempt};
