/* One convolution or gradient with arrays of its own, planned and packed. */
#ifndef BENCH_CONV_OPERATION_H
#define BENCH_CONV_OPERATION_H

#include "base/memory.h"
#include "kernel/products/conv.h"

#include <stdlib.h>

typedef struct operation {
    enum conv_op op;
    arena arena;
    conv_plan *plan;
    float *x, *w, *y, *packed, *scratch;
} operation;

static inline float *operation_array(size_t floats) {
    float *a = mem_alloc(floats * sizeof(float) + 64);
    if (!a) exit(EXIT_FAILURE);
    for (size_t i = 0; i < floats; i++) a[i] = (float)(i % 31) * 0.0625f - 1;
    return a;
}

static inline operation operation_new(const conv_kernel *kernels, const kernel_set *ks, const conv_shape *s,
                                      enum conv_op op, int threads) {
    operation o = {.op = op};
    o.plan = conv_plan_new(&kernels[op], ks, s, threads, &o.arena);
    if (!o.plan) exit(EXIT_FAILURE);
    o.x = operation_array((size_t)(s->batch * s->y.in * s->x.in * s->ic));
    o.y = operation_array((size_t)(s->batch * s->y.out * s->x.out * s->oc));
    o.w = operation_array((size_t)(s->oc * (s->ic / s->groups) * s->y.kernel * s->x.kernel));
    o.packed = operation_array(o.plan->packed_floats);
    o.scratch = operation_array(o.plan->scratch_bytes / sizeof(float));
    if (op != CONV_DW) conv_pack(o.plan, o.w, o.packed, NULL);
    return o;
}

static inline void operation_run(const operation *o, pool *p) {
    conv_data d = {.scratch = o->scratch};
    if (o->op == CONV_FORWARD) d.a = o->x, d.b = o->packed, d.out = o->y;
    if (o->op == CONV_DX) d.a = o->y, d.b = o->packed, d.out = o->x;
    if (o->op == CONV_DW) d.a = o->x, d.b = o->y, d.out = o->w;
    conv_run(o->plan, &d, p);
}

static inline void operation_free(operation *o) {
    arena_release(&o->arena);
    mem_free(o->x), mem_free(o->y), mem_free(o->w), mem_free(o->packed), mem_free(o->scratch);
}

#endif
