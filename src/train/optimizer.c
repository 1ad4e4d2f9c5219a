#include "train/optimizer.h"

#include "base/spec.h"
#include "op/op.h"

#include <math.h>
#include <string.h>

#define STATES_MAX 3

/* A setting: what people call it, the operator's attribute, its default and range [low, below). */
typedef struct optimizer_key {
    const char *name, *attribute;
    double standard, low, below;
    const char *words[2]; /* of a flag: the attribute's text for 0 and for 1; NULL: a number */
} optimizer_key;

typedef struct optimizer_row {
    const char *name;
    const op_def *op;               /* inputs: rate, count, x, dx, states; outputs: x, states */
    const char *states[STATES_MAX]; /* NULL: no more */
    const char *decay;              /* the attribute that takes the weight decay */
    const char *fixed[2];           /* an attribute and its text, or NULL */
    optimizer_key keys[OPTIMIZER_KEYS];
} optimizer_row;

#define ADAM_KEYS                                                                                                      \
    {"beta1", "beta1", 0.9, 0, 1, {0}}, {"beta2", "beta2", 0.999, 0, 1, {0}}, {                                        \
        "epsilon", "epsilon", 1e-8, 0, 1, {                                                                            \
            0                                                                                                          \
        }                                                                                                              \
    }

static const optimizer_row rows[] = {
    {"sgd",
     &op_Momentum,
     {"momentum"},
     "norm_coefficient",
     {"beta", "1"},
     {{"momentum", "alpha", 0, 0, 1, {0}}, {"nesterov", "mode", 0, 0, 2, {"standard", "nesterov"}}}},
    {"adam", &op_AdamUpdate, {"mean", "square"}, "weight_decay", {"decoupled", "0"}, {ADAM_KEYS}},
    {"adamw", &op_AdamUpdate, {"mean", "square"}, "weight_decay", {"decoupled", "1"}, {ADAM_KEYS}},
    {"rmsprop",
     &op_RMSPropUpdate,
     {"square"},
     "norm_coefficient",
     {0},
     {{"alpha", "alpha", 0.99, 0, 1, {0}}, {"epsilon", "epsilon", 1e-8, 0, 1, {0}}}},
    {"adagrad",
     &op_Adagrad,
     {"square"},
     "norm_coefficient",
     {0},
     {{"decay", "decay_factor", 0, 0, 1, {0}}, {"epsilon", "epsilon", 1e-10, 0, 1, {0}}}},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

const char *optimizer_name(int i) {
    return i >= 0 && i < ROWS ? rows[i].name : NULL;
}

static stria_status setting_read(const spec *s, const optimizer_key *key, double *out, stria_error *err) {
    bool flag;
    if (!key->words[0]) return spec_real(s, key->low, key->below, out, err);
    TRY(spec_flag(s, &flag, err));
    *out = flag;
    return STRIA_OK;
}

stria_status optimizer_parse(const char *text, optimizer *out, stria_error *err) {
    spec s = spec_open("--optimizer", text);
    optimizer o;
    int i;
    bool more;
    TRY(spec_choose(&s, "optimiser", s.name, SPEC_ROWS(rows), &i, err));
    o.row = &rows[i];
    for (int k = 0; k < OPTIMIZER_KEYS; k++) o.setting[k] = o.row->keys[k].standard;
    for (;;) {
        TRY(spec_next(&s, &more, err));
        if (!more) break;
        TRY(spec_choose(&s, "setting", s.key, SPEC_ROWS(o.row->keys), &i, err));
        TRY(setting_read(&s, &o.row->keys[i], &o.setting[i], err));
    }
    *out = o;
    return STRIA_OK;
}

static stria_status number_set(graph *g, const op_def *op, void *attributes, const char *name, double x,
                               stria_error *err) {
    const char *words = arena_printf(&g->arena, "%.17g", x);
    if (!words) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the optimiser");
    return attribute_set(op, attributes, name, words, &g->arena, err);
}

static stria_status attributes_make(graph *g, const optimizer *o, double decay, void **out, stria_error *err) {
    const optimizer_row *row = o->row;
    void *attributes = arena_alloc(&g->arena, row->op->attribute_bytes + 1);
    if (!attributes) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the optimiser");
    TRY(attributes_default(row->op, attributes, &g->arena, err));
    if (row->fixed[0]) TRY(attribute_set(row->op, attributes, row->fixed[0], row->fixed[1], &g->arena, err));
    for (int k = 0; k < OPTIMIZER_KEYS && row->keys[k].name; k++) {
        const optimizer_key *key = &row->keys[k];
        if (key->words[0])
            TRY(attribute_set(row->op, attributes, key->attribute, key->words[o->setting[k] > 0], &g->arena, err));
        else TRY(number_set(g, row->op, attributes, key->attribute, o->setting[k], err));
    }
    *out = attributes;
    return number_set(g, row->op, attributes, row->decay, decay, err);
}

static stria_status state_add(graph *g, const value *x, const char *name, value **out, stria_error *err) {
    tensor *zeros;
    char *full = arena_printf(&g->arena, "state/%s/%s", x->name, name);
    if (!full) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the optimiser");
    TRY(tensor_new(&zeros, x->type, &x->shape, full, err));
    stria_status status = graph_add_state(g, full, ROLE_OPTIMIZER, zeros, out, err);
    tensor_release(zeros);
    return status;
}

stria_status optimizer_append(graph *g, const optimizer *o, const update_inputs *inputs, value *x, value *dx,
                              double weight_decay, stria_error *err) {
    node *n;
    void *attributes;
    value *in[4 + STATES_MAX] = {inputs->rate, inputs->count, x, dx};
    int states = 0;
    for (; states < STATES_MAX && o->row->states[states]; states++)
        TRY(state_add(g, x, o->row->states[states], &in[4 + states], err));
    TRY(attributes_make(g, o, x->shape.rank > 1 ? weight_decay : 0, &attributes, err));
    TRY(graph_add_node(g, o->row->op, NULL, in, 4 + states, attributes, 1 + states, NULL, &n, err));
    n->origin = x->name;
    TRY(graph_add_update(g, x, n->out[0], err));
    for (int k = 0; k < states; k++) TRY(graph_add_update(g, in[4 + k], n->out[1 + k], err));
    return STRIA_OK;
}
