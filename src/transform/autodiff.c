#include "transform/transform.h"

typedef struct diff {
    graph *g;
    bool *active; /* by value: depends on some x */
    value **grad; /* by value: d(Σ y)/d value so far, NULL: zero */
    bool guided;
    int rectifiers; /* met so far, where guided */
    stria_error *err;
} diff;

/* A value depends on x if it is x, or computed from one that does through an input whose contents are read. Marks what
 * nodes from `first` on make of values that are marked. */
static void active_mark(diff *d, int first) {
    for (int k = first; k < d->g->node_count; k++) {
        const node *n = d->g->nodes[k];
        bool active = false;
        for (int i = 0; i < n->in_count; i++)
            if (n->in[i] && d->active[n->in[i]->id] && !(i < 32 && n->op->shape_inputs >> i & 1)) active = true;
        for (int i = 0; i < n->out_count; i++)
            if (n->out[i] && active && dtype_is_float(n->out[i]->type)) d->active[n->out[i]->id] = true;
    }
}

/* grad[v] += dx */
static stria_status grad_add(diff *d, const value *v, value *dx) {
    value **grad = &d->grad[v->id];
    if (!*grad) {
        *grad = dx;
        return STRIA_OK;
    }
    node *sum;
    TRY(graph_add_node(d->g, &op_Add, NULL, (value *[]){*grad, dx}, 2, NULL, 1, NULL, &sum, d->err));
    *grad = sum->out[0];
    return STRIA_OK;
}

static bool is_rectifier(const node *n) {
    const tensor *least = n->op == &op_Clip && n->in_count > 1 && n->in[1] ? value_contents(n->in[1]) : NULL;
    return n->op == &op_Relu || (least && shape_count(&least->shape) == 1 && tensor_f64(least, 0) == 0);
}

/* dy becomes max(dy, 0). */
static stria_status guide(diff *d, const node *n, value **dy) {
    node *positive;
    if (!d->guided || !is_rectifier(n)) return STRIA_OK;
    d->rectifiers++;
    TRY(graph_add_node(d->g, &op_Relu, NULL, dy, 1, NULL, 1, NULL, &positive, d->err));
    *dy = positive->out[0];
    return STRIA_OK;
}

static stria_status sweep(diff *d, int first, int end);

/* A composite without a rule: through the operators that it consists of, built once more. */
static stria_status composite_differentiate(diff *d, const node *n, value *const *dy, const bool *wanted, value **dx) {
    diff inner = {.g = d->g, .guided = d->guided, .err = d->err};
    value *out[8] = {NULL};
    int first = d->g->node_count;
    stria_status status = STRIA_OK;
    if (n->out_count > 8) FAIL(d->err, STRIA_UNSUPPORTED, "layer '%s': %d outputs", n->name, n->out_count);
    TRY(n->op->expand(d->g, n, out, d->err));
    int end = d->g->node_count;
    TRY_DONE(mem_new(&inner.active, (size_t)d->g->value_count + 1, sizeof *inner.active, "differentiation", d->err));
    TRY_DONE(mem_new(&inner.grad, (size_t)d->g->value_count + 1, sizeof *inner.grad, "differentiation", d->err));
    for (int i = 0; i < n->in_count; i++)
        if (wanted[i]) inner.active[n->in[i]->id] = true;
    active_mark(&inner, first);
    for (int i = 0; i < n->out_count; i++)
        if (out[i] && dy[i]) TRY_DONE(grad_add(&inner, out[i], dy[i]));
    TRY_DONE(sweep(&inner, first, end));
    d->rectifiers += inner.rectifiers;
    for (int i = 0; i < n->in_count; i++) {
        if (!wanted[i]) continue;
        dx[i] = inner.grad[n->in[i]->id];
        inner.grad[n->in[i]->id] = NULL; /* an input that is read twice gets its gradient once */
    }
done:
    mem_free(inner.active);
    mem_free(inner.grad);
    return status;
}

static stria_status node_differentiate(diff *d, const node *n, value **dy, bool *wanted, value **dx) {
    bool reached = false, any = false;
    for (int i = 0; i < n->out_count; i++) {
        dy[i] = n->out[i] ? d->grad[n->out[i]->id] : NULL;
        reached |= dy[i] != NULL;
    }
    for (int i = 0; i < n->in_count; i++) {
        wanted[i] = n->in[i] && d->active[n->in[i]->id];
        any |= wanted[i];
        dx[i] = NULL;
    }
    if (!reached || !any) return STRIA_OK;
    if (!n->op->gradient && !n->op->expand)
        FAIL(d->err, STRIA_UNSUPPORTED, "layer '%s': operator %s has no gradient", n->name, n->op->name);
    int first = d->g->node_count;
    TRY(guide(d, n, dy));
    if (n->op->gradient) TRY(n->op->gradient(d->g, n, dy, wanted, dx, d->err));
    else TRY(composite_differentiate(d, n, dy, wanted, dx));
    for (int i = first; i < d->g->node_count; i++) d->g->nodes[i]->origin = n->name;
    for (int i = 0; i < n->in_count; i++)
        if (wanted[i] && dx[i]) TRY(grad_add(d, n->in[i], dx[i]));
    return STRIA_OK;
}

/* Scratch for the widest node. */
static int widest(const graph *g) {
    int most = 1;
    for (int i = 0; i < g->node_count; i++) {
        if (g->nodes[i]->in_count > most) most = g->nodes[i]->in_count;
        if (g->nodes[i]->out_count > most) most = g->nodes[i]->out_count;
    }
    return most;
}

/* Nodes from `end` down to `first`. */
static stria_status sweep(diff *d, int first, int end) {
    size_t width = (size_t)widest(d->g);
    value **dy = NULL, **dx = NULL;
    bool *wanted = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&dy, width, sizeof *dy, "differentiation", d->err));
    TRY_DONE(mem_new(&dx, width, sizeof *dx, "differentiation", d->err));
    TRY_DONE(mem_new(&wanted, width, sizeof *wanted, "differentiation", d->err));
    for (int k = end - 1; k >= first; k--) TRY_DONE(node_differentiate(d, d->g->nodes[k], dy, wanted, dx));
done:
    mem_free(dy);
    mem_free(dx);
    mem_free(wanted);
    return status;
}

static stria_status differentiate(graph *g, value *y, value *const *x, int count, value **dx, bool guided,
                                  stria_error *err) {
    diff d = {.g = g, .guided = guided, .err = err};
    stria_status status = STRIA_OK;
    if (!dtype_is_float(y->type))
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s' is %s: only floating-point values have gradients", y->name,
             dtype_name(y->type));
    TRY_DONE(mem_new(&d.active, (size_t)g->value_count + 1, sizeof *d.active, "differentiation", err));
    TRY_DONE(mem_new(&d.grad, (size_t)g->value_count + 1, sizeof *d.grad, "differentiation", err));
    for (int i = 0; i < count; i++) d.active[x[i]->id] = true;
    active_mark(&d, 0);
    builder b = {.g = g, .origin = y->name, .err = err};
    d.grad[y->id] = build_filled(&b, y->type, &y->shape, 1);
    TRY_DONE(b.status);
    TRY_DONE(sweep(&d, 0, y->producer ? y->producer->id + 1 : 0));
    if (guided && !d.rectifiers)
        TRY_DONE(error_set(err, STRIA_UNSUPPORTED,
                           "no Relu, nor Clip from 0, leads to '%s': guided backpropagation would be the gradient",
                           y->name));
    for (int i = 0; i < count; i++) dx[i] = d.grad[x[i]->id];
done:
    mem_free(d.active);
    mem_free(d.grad);
    return status;
}

stria_status autodiff(graph *g, value *y, value *const *x, int count, value **dx, stria_error *err) {
    return differentiate(g, y, x, count, dx, false, err);
}

stria_status autodiff_guided(graph *g, value *y, value *const *x, int count, value **dx, stria_error *err) {
    return differentiate(g, y, x, count, dx, true, err);
}
