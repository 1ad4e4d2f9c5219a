/* Layers that apply a function to each element. */
#include "op/build_options.h"

#include <math.h>

/* Options are the operator's attributes, by their names. */
stria_status layer_build_activation(layer_call *c, stria_error *err) {
    const op_def *op = c->layer->op;
    void *attributes = arena_alloc(&c->g->arena, op->attribute_bytes + 1);
    if (!attributes) return layer_no_memory(err);
    TRY(attributes_default(op, attributes, &c->g->arena, err));
    for (int i = 0; i < LAYER_OPTIONS && c->layer->options[i].name; i++)
        TRY(attribute_set(op, attributes, c->layer->options[i].name, c->option[i], &c->g->arena, err));
    return layer_add(c, c->in, 1, attributes, err);
}

/* An option that may be left out ("") as a constant input of x's type. */
static stria_status bound(layer_call *c, const char *name, value **out, stria_error *err) {
    builder b = {c->g, NULL, STRIA_OK, err};
    double real;
    if (!*layer_text(c, name)) return STRIA_OK;
    TRY(layer_real(c, name, -INFINITY, INFINITY, &real, err));
    *out = build_scalar(&b, c->in[0]->type, real);
    return b.status;
}

stria_status layer_build_clip(layer_call *c, stria_error *err) {
    value *in[3] = {c->in[0]};
    TRY(bound(c, "min", &in[1], err));
    TRY(bound(c, "max", &in[2], err));
    return layer_add(c, in, in[2] ? 3 : in[1] ? 2 : 1, NULL, err);
}

stria_status layer_build_prelu(layer_call *c, stria_error *err) {
    const shape *x = &c->in[0]->shape;
    value *in[2] = {c->in[0]};
    shape s = {.rank = x->rank > 1 ? x->rank - 1 : 1, .dim = {x->rank > 1 ? x->dim[1] : 1}};
    int64_t shared;
    double slope;
    TRY(layer_int(c, "shared", 0, 1, &shared, err));
    TRY(layer_real(c, "slope", -1e6, 1e6, &slope, err));
    for (int d = 1; d < s.rank; d++) s.dim[d] = 1;
    if (shared) s = (shape){1, {1}};
    TRY(layer_filled(c, "slope", ROLE_PARAMETER, &s, slope, &in[1], err));
    return layer_add(c, in, 2, NULL, err);
}
