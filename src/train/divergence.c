#include "train/divergence.h"

#include "base/text.h"
#include "train/norms.h"

#include <math.h>

/* The state that v will be after the run; NULL: none. */
static const value *state_of(const graph *g, const value *v) {
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].next == v) return g->updates[i].state;
    return NULL;
}

/* "the gradient of parameter 'conv1.weight' holds inf at element 17": x is element k of v, which n made. */
static stria_status refuse(const divergence *d, const node *n, const value *v, double x, int64_t k, stria_error *err) {
    const value *state = state_of(d->step, v), *origin = graph_find_value(d->step, n->origin);
    const char *parameter = norms_parameter(d->step, v);
    long long at = (long long)k;
    if (!*n->origin && graph_find_node(d->model, n->name))
        FAIL(err, STRIA_NOT_FINITE, "layer '%s' (%s): '%s' holds %g at element %lld", n->name, n->op->name, v->name, x,
             at);
    if (parameter)
        FAIL(err, STRIA_NOT_FINITE, "the gradient of parameter '%s' holds %g at element %lld", parameter, x, at);
    if (state) FAIL(err, STRIA_NOT_FINITE, "'%s' after its update would hold %g at element %lld", state->name, x, at);
    if (origin && origin->role == ROLE_PARAMETER)
        FAIL(err, STRIA_NOT_FINITE, "the update of parameter '%s' holds %g at element %lld", origin->name, x, at);
    if (*n->origin)
        FAIL(err, STRIA_NOT_FINITE, "the gradient of layer '%s' holds %g at element %lld", n->origin, x, at);
    if (d->backward) return STRIA_OK; /* computed from gradients, which say themselves whether they are finite */
    if (v->shape.rank == 0) FAIL(err, STRIA_NOT_FINITE, "the loss is %g", x);
    FAIL(err, STRIA_NOT_FINITE, "the loss: '%s' holds %g at element %lld", v->name, x, at);
}

stria_status divergence_watch(void *context, const node *n, void *const *memory, stria_error *err) {
    divergence *d = context;
    d->backward |= *n->origin != 0;
    for (int i = 0; i < n->out_count; i++) {
        const value *v = n->out[i];
        if (!v || v->type != STRIA_FLOAT32) continue;
        const float *x = memory[v->id];
        int64_t count = shape_count(&v->shape), k = 0;
        while (k < count && isfinite(x[k])) k++;
        if (k < count) TRY(refuse(d, n, v, text_real((double)x[k]), k, err));
    }
    return STRIA_OK;
}
