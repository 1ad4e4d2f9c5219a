#include "train/optimizer.h"

#include "base/spec.h"
#include "op/op.h"

#include <math.h>
#include <string.h>

#define STATES_MAX 3

/* A setting: what people call it, the operator's attribute (NULL: what the first state begins as), its default and
 * range [low, below). */
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
    const struct optimizer_row *keras;   /* with style=keras: the same keys; NULL: there is no other style */
    const struct optimizer_row *vectors; /* of parameters of fewer than two dimensions; NULL: this one */
} optimizer_row;

#define ADAM_KEYS                                                                                                      \
    {"beta1", "beta1", 0.9, 0, 1, {0}}, {"beta2", "beta2", 0.999, 0, 1, {0}}, {                                        \
        "epsilon", "epsilon", 1e-8, 0, 1, {                                                                            \
            0                                                                                                          \
        }                                                                                                              \
    }

static const optimizer_row keras_sgd = {
    "sgd",        &op_VelocityUpdate,
    {"velocity"}, "weight_decay",
    {0},          {{"momentum", "alpha", 0, 0, 1, {0}}, {"nesterov", "nesterov", 0, 0, 2, {"0", "1"}}},
    NULL,         NULL};
#define ADAMW_ROW                                                                                                      \
    { "adamw", &op_AdamUpdate, {"mean", "square"}, "weight_decay", {"decoupled", "1"}, {ADAM_KEYS}, NULL, NULL }
static const optimizer_row adamw = ADAMW_ROW; /* what muon leaves to it */

static const optimizer_row rows[] = {
    {"sgd",
     &op_Momentum,
     {"momentum"},
     "norm_coefficient",
     {"beta", "1"},
     {{"momentum", "alpha", 0, 0, 1, {0}}, {"nesterov", "mode", 0, 0, 2, {"standard", "nesterov"}}},
     &keras_sgd,
     NULL},
    {"adam", &op_AdamUpdate, {"mean", "square"}, "weight_decay", {"decoupled", "0"}, {ADAM_KEYS}, NULL, NULL},
    ADAMW_ROW,
    {"rmsprop",
     &op_RMSPropUpdate,
     {"square"},
     "norm_coefficient",
     {0},
     {{"alpha", "alpha", 0.99, 0, 1, {0}}, {"epsilon", "epsilon", 1e-8, 0, 1, {0}}},
     NULL,
     NULL},
    {"adagrad",
     &op_Adagrad,
     {"square"},
     "norm_coefficient",
     {0},
     {{"decay", "decay_factor", 0, 0, 1, {0}},
      {"epsilon", "epsilon", 1e-10, 0, 1, {0}},
      {"initial", NULL, 0, 0, 1e6, {0}}},
     NULL,
     NULL},
    {"adadelta",
     &op_AdadeltaUpdate,
     {"square", "delta"},
     "norm_coefficient",
     {0},
     {{"rho", "rho", 0.9, 0, 1, {0}}, {"epsilon", "epsilon", 1e-6, 0, 1, {0}}},
     NULL,
     NULL},
    {"nadam",
     &op_NAdamUpdate,
     {"mean", "square"},
     "weight_decay",
     {0},
     {ADAM_KEYS, {"momentum_decay", "momentum_decay", 0.004, 0, 10, {0}}},
     NULL,
     NULL},
    {"lamb",
     &op_LambUpdate,
     {"mean", "square"},
     "weight_decay",
     {0},
     {{"beta1", "beta1", 0.9, 0, 1, {0}},
      {"beta2", "beta2", 0.999, 0, 1, {0}},
      {"epsilon", "epsilon", 1e-6, 0, 1, {0}}},
     NULL,
     NULL},
    {"lion",
     &op_LionUpdate,
     {"mean"},
     "weight_decay",
     {0},
     {{"beta1", "beta1", 0.9, 0, 1, {0}}, {"beta2", "beta2", 0.99, 0, 1, {0}}},
     NULL,
     NULL},
    {"muon",
     &op_MuonUpdate,
     {"momentum"},
     "weight_decay",
     {0},
     {{"momentum", "momentum", 0.95, 0, 1, {0}},
      {"nesterov", "nesterov", 1, 0, 2, {"0", "1"}},
      {"steps", "steps", 5, 1, 101, {0}}},
     NULL,
     &adamw},
    {"ftrl",
     &op_FtrlUpdate,
     {"square", "linear"},
     "norm_coefficient",
     {0},
     {{"l1", "l1", 0, 0, 1e6, {0}},
      {"l2", "l2", 0, 0, 1e6, {0}},
      {"beta", "beta", 0, 0, 1e6, {0}},
      {"initial", NULL, 0.1, 0, 1e6, {0}}},
     NULL,
     NULL},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

const char *optimizer_name(int i) {
    return i >= 0 && i < ROWS ? rows[i].name : NULL;
}

/* style=torch or keras beside the row's own keys, of an optimiser that has both. */
static stria_status style_take(const spec *s, optimizer *o, stria_error *err) {
    static const char *const styles[] = {"torch", "keras"};
    int i;
    TRY(spec_choose(s, "style", s->value, SPEC_ROWS(styles), &i, err));
    if (i == 1) o->row = o->row->keras;
    return STRIA_OK;
}

static stria_status setting_read(const spec *s, const optimizer_key *key, double *out, stria_error *err) {
    bool flag;
    if (!key->words[0]) return spec_real(s, key->low, key->below, out, err);
    TRY(spec_flag(s, &flag, err));
    *out = flag;
    return STRIA_OK;
}

/* Other names of the first row, with the settings that textbooks mean by them. */
static bool is_momentum(spec_word name, optimizer *o) {
    bool nesterov = spec_is(name, "nesterov");
    if (!nesterov && !spec_is(name, "momentum")) return false;
    *o = (optimizer){.row = &rows[0], .setting = {0.9, nesterov}};
    return true;
}

stria_status optimizer_parse(const char *text, optimizer *out, stria_error *err) {
    spec s = spec_open("--optimizer", text);
    optimizer o;
    int i;
    bool more;
    if (!is_momentum(s.name, &o)) {
        TRY(spec_choose(&s, "optimiser", s.name, SPEC_ROWS(rows), &i, err));
        o.row = &rows[i];
        for (int k = 0; k < OPTIMIZER_KEYS; k++) o.setting[k] = o.row->keys[k].standard;
    }
    for (;;) {
        TRY(spec_next(&s, &more, err));
        if (!more) break;
        if (o.row->keras && spec_is(s.key, "style")) {
            TRY(style_take(&s, &o, err));
            continue;
        }
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
        if (!key->attribute) continue;
        if (key->words[0])
            TRY(attribute_set(row->op, attributes, key->attribute, key->words[o->setting[k] > 0], &g->arena, err));
        else TRY(number_set(g, row->op, attributes, key->attribute, o->setting[k], err));
    }
    *out = attributes;
    return number_set(g, row->op, attributes, row->decay, decay, err);
}

static stria_status state_add(graph *g, const value *x, const char *name, double fill, value **out, stria_error *err) {
    tensor *first;
    char *full = arena_printf(&g->arena, "state/%s/%s", x->name, name);
    if (!full) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the optimiser");
    TRY(tensor_new(&first, x->type, &x->shape, full, err));
    for (int64_t i = 0; fill != 0 && i < shape_count(&x->shape); i++) tensor_put(first, i, fill);
    stria_status status = graph_add_state(g, full, ROLE_OPTIMIZER, first, out, err);
    tensor_release(first);
    return status;
}

/* What the first state begins as. */
static double initial_of(const optimizer *o) {
    for (int k = 0; k < OPTIMIZER_KEYS && o->row->keys[k].name; k++)
        if (!o->row->keys[k].attribute) return o->setting[k];
    return 0;
}

/* The optimiser of x: another one with its own defaults, where the row has one for vectors. */
static optimizer optimizer_of(const optimizer *o, const value *x) {
    if (!o->row->vectors || x->shape.rank > 1) return *o;
    optimizer other = {.row = o->row->vectors};
    for (int k = 0; k < OPTIMIZER_KEYS; k++) other.setting[k] = other.row->keys[k].standard;
    return other;
}

stria_status optimizer_append(graph *g, const optimizer *of, const update_inputs *inputs, value *x, value *dx,
                              double weight_decay, value **finite, stria_error *err) {
    node *n;
    void *attributes;
    value *in[4 + STATES_MAX] = {inputs->rate, inputs->count, x, dx};
    int states = 0;
    optimizer o = optimizer_of(of, x);
    const char *const *names = o.row->states;
    for (; states < STATES_MAX && names[states]; states++)
        TRY(state_add(g, x, names[states], states ? 0 : initial_of(&o), &in[4 + states], err));
    TRY(attributes_make(g, &o, x->shape.rank > 1 ? weight_decay : 0, &attributes, err));
    TRY(graph_add_node(g, o.row->op, NULL, in, 4 + states, attributes, 2 + states, NULL, &n, err));
    n->origin = x->name;
    TRY(graph_add_update(g, x, n->out[0], err));
    for (int k = 0; k < states; k++) TRY(graph_add_update(g, in[4 + k], n->out[1 + k], err));
    *finite = n->out[1 + states];
    return STRIA_OK;
}
