/* Nodes that read nothing while they run: Constant, Shape, Size, and Range of known ends. They are computed when the
 * session is made. */
#include "graph/evaluate.h"

#include <string.h>

#include "backend/cpu/cpu.h"

#define BYTES_MAX ((size_t)64 << 20) /* of what is kept beside the result; more is computed when it is run */

static bool accept(const node *n, refusal *why) {
    const value *y = n->out[0];
    if (y && !value_contents(y) && value_bytes(y) > BYTES_MAX) return REFUSE(why, "too large to be kept");
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !(n->op->shape_inputs >> i & 1) && !value_contents(n->in[i]))
            return REFUSE(why, "'%.40s' is not known before the run", n->in[i]->name);
    return n->out_count == 1 || REFUSE(why, "%d outputs", n->out_count);
}

static stria_status prepare(impl_plan *p, void **prepared, stria_error *err) {
    const node *n = p->node;
    const void *in[3] = {NULL};
    const tensor *known = value_contents(n->out[0]);
    tensor *made = NULL;
    for (int i = 0; i < n->in_count; i++)
        if (value_contents(n->in[i])) in[i] = value_contents(n->in[i])->data;
    if (!known) TRY(node_evaluate_new(n, in, &made, err));
    const tensor *t = known ? known : made;
    *prepared = arena_copy(p->arena, t->data, t->bytes);
    tensor_release(made);
    if (!*prepared) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    return STRIA_OK;
}

static void run(const impl_call *c) {
    const value *y = c->node->out[0];
    memcpy(c->out[0], c->prepared, value_bytes(y));
}

static const op_impl known_impl = {.name = "known", .accept = accept, .prepare = prepare, .run = run};

const op_impl *const cpu_known[] = {&known_impl, &impl_reference, NULL};
