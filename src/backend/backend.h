/* Implementations of operators: ordered lists, best first, the float64 reference last. Each accepts a node or refuses
 * it with a reason; the first that accepts runs it. */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "base/pool.h"
#include "graph/op_def.h"
#include "graph/target.h"
#include "kernel/kernel.h"

#include <stdio.h>

/* Why an implementation declines a node. */
typedef struct refusal {
    char reason[96];
} refusal;

#define REFUSE(why, ...) (snprintf((why)->reason, sizeof(why)->reason, __VA_ARGS__), false)

/* The input of an implementation's prepare, and the memory that it books, when the program is made. */
typedef struct impl_plan {
    const node *node;
    const kernel_set *ks;
    int threads;
    arena *arena;         /* for `prepared` */
    size_t scratch_bytes; /* out: temporary, while it runs */
    size_t packed_bytes;  /* out: kept between runs, filled by `pack` */
} impl_plan;

/* The input of an implementation's run. Data pointers point to dense tensors in their values' layouts; NULL: absent. */
typedef struct impl_call {
    const node *node;
    const void *prepared;
    const kernel_set *ks;
    pool *pool;
    void *const *in;
    void *const *out;
    void *scratch, *packed;
    uint64_t seed, step;
} impl_call;

typedef struct op_impl {
    const char *name;
    bool (*accept)(const node *n, refusal *why);
    /* May be NULL. Whether it is faster than those after it in the list, by shape and instruction set alone. */
    bool (*pays)(const node *n, const kernel_set *ks, refusal *why);
    /* Its rounding errors are bounded by the largest sums nearby, not by each element's own, and packing is dear: taken
     * only where input pack_input is constant between runs, so never by what trains it. */
    bool tilewise;
    /* May be NULL. Sets *prepared to a struct in the arena, with everything that depends on shapes only. */
    stria_status (*prepare)(impl_plan *p, void **prepared, stria_error *err);
    /* May be NULL. Fills all of `packed` that is read from the weights, input pack_input; of the call, only these,
     * `prepared`, ks and pool are set. A node that booked packed_bytes reads that input nowhere else. Called once
     * where the input is constant between runs, else before each run. */
    void (*pack)(const impl_call *c);
    int pack_input;
    /* May be NULL. Refuses values that no shape rule can foresee, before they are used: STRIA_BAD_VALUE (a label
     * outside the classes), STRIA_NOT_FINITE (a loss). Reads inputs, writes nothing. The sentence does not name the
     * layer. */
    stria_status (*check)(const impl_call *c, stria_error *err);
    void (*run)(const impl_call *c); /* cannot fail after the check */
    /* In place of check and run, where an operator's own formula runs: it checks as it goes, and may allocate. */
    stria_status (*attempt)(const impl_call *c, stria_error *err);
} op_impl;

/* Checks and runs. */
static inline stria_status impl_run(const op_impl *impl, const impl_call *c, stria_error *err) {
    if (impl->attempt) return impl->attempt(c, err);
    if (impl->check) TRY(impl->check(c, err));
    impl->run(c);
    return STRIA_OK;
}

/* The list for an operator, ending with a NULL name; the last real entry is the reference. */
const op_impl *const *backend_cpu(const op_def *op);

/* The properties that passes may assume about the backend. */
extern const target cpu_target;

extern const op_impl impl_reference;
extern const op_impl impl_nothing; /* of nodes that make nothing, whatever the operator */

/* Order of storage of a value, for accept rules. */
bool value_is_plain(const value *v);
bool value_is_like(const value *v, const value *other); /* of the same shape: its elements are in the same order */
bool value_is_channels_last(
    const value *v); /* for ranks below 3, and where channels or pixels are 1, the same as plain */
bool value_is_batch_last(const value *v);

#endif
