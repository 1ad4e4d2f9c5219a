/* LSTM, GRU and RNN: a cell goes along each sequence, in one direction or in both, and gives its state at every step.
 * An item of the batch may be shorter than the others (sequence_lens): after its end Y is 0, and Y_h is its last step;
 * of an item without steps it is 0, as ONNX Runtime's. */
#include "op/recurrent.h"

#include "base/sizes.h"

#include <math.h>
#include <string.h>

#include "op/rule.h"

#define ACTIVATION_FIELDS                                                                                              \
    ATTR(recurrent_attributes, activations, ATTR_STRINGS, NULL),                                                       \
        ATTR(recurrent_attributes, activation_alpha, ATTR_FLOATS, NULL),                                               \
        ATTR(recurrent_attributes, activation_beta, ATTR_FLOATS, NULL),                                                \
        ATTR(recurrent_attributes, clip, ATTR_FLOAT, "0"),                                                             \
        ATTR(recurrent_attributes, direction, ATTR_STRING, "forward"),                                                 \
        ATTR(recurrent_attributes, hidden_size, ATTR_INT, "0"), ATTR(recurrent_attributes, layout, ATTR_INT, "0")
static const attr_field rnn_fields[] = {ACTIVATION_FIELDS, {0}};
static const attr_field gru_fields[] = {
    ACTIVATION_FIELDS, ATTR(recurrent_attributes, linear_before_reset, ATTR_INT, "0"), {0}};
static const attr_field lstm_fields[] = {
    ACTIVATION_FIELDS, ATTR(recurrent_attributes, input_forget, ATTR_INT, "0"), {0}};

#define INPUTS_MAX 8

/* ---- geometry ---- */

static recurrent_kind kind_of(const op_def *op) {
    if (op == &op_LSTM || op == &op_LSTMGradient) return CELL_LSTM;
    return op == &op_GRU || op == &op_GRUGradient ? CELL_GRU : CELL_RNN;
}

/* Inputs of the forward node; after them a gradient node has those of the outputs. */
static int forward_inputs(recurrent_kind kind) {
    return kind == CELL_LSTM ? 8 : 6;
}

static const value *input(const node *n, int i) {
    return i < forward_inputs(kind_of(n->op)) ? rule_input(n, i) : NULL;
}

static stria_status direction_read(const char *name, recurrent_geometry *g, stria_error *err) {
    bool both = strcmp(name, "bidirectional") == 0;
    g->reversed = strcmp(name, "reverse") == 0;
    g->directions = both ? 2 : 1;
    if (!both && !g->reversed && strcmp(name, "forward") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "direction is '%.60s', expected forward, reverse or bidirectional", name);
    return STRIA_OK;
}

static stria_status sizes_read(const node *n, bool batch_first, recurrent_geometry *g, stria_error *err) {
    const shape *x = &n->in[RECURRENT_X]->shape, *r = &n->in[RECURRENT_R]->shape;
    char tx[192], tr[192];
    if (x->rank != 3 || r->rank != 3)
        FAIL(err, STRIA_BAD_SHAPE, "X is %s and R %s, expected three dimensions", shape_text(x, tx), shape_text(r, tr));
    g->steps = x->dim[batch_first ? 1 : 0];
    g->batch = x->dim[batch_first ? 0 : 1];
    g->inputs = x->dim[2];
    g->hidden = r->dim[2];
    /* size_mul: where a dimension is 0, the product of the others is bounded by nothing */
    int64_t b = g->batch, h = g->hidden, all = size_mul(g->directions, h);
    g->x_step = batch_first ? g->inputs : size_mul(b, g->inputs);
    g->x_item = batch_first ? size_mul(g->steps, g->inputs) : g->inputs;
    g->y_step = batch_first ? all : size_mul(b, all);
    g->y_direction = batch_first ? h : size_mul(b, h);
    g->y_item = batch_first ? size_mul(g->steps, all) : h;
    g->h_direction = batch_first ? h : size_mul(b, h);
    g->h_item = batch_first ? all : h;
    return STRIA_OK;
}

static stria_status input_check(const node *n, int i, const char *name, int rank, const int64_t *dim,
                                stria_error *err) {
    const value *v = input(n, i);
    char has[192], wants[192];
    shape s = shape_of(rank, dim);
    if (!v) return STRIA_OK;
    if (!shape_equal(&v->shape, &s))
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, expected %s", name, shape_text(&v->shape, has), shape_text(&s, wants));
    dtype type = i == RECURRENT_LENGTHS ? STRIA_INT32 : n->in[RECURRENT_X]->type;
    if (v->type != type)
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, expected %s", name, dtype_name(v->type), dtype_name(type));
    return STRIA_OK;
}

/* The states' shape, [direction, item, hidden] or [item, direction, hidden]. */
static shape state_shape(const recurrent_geometry *g, bool batch_first) {
    return batch_first ? shape_of(3, (int64_t[]){g->batch, g->directions, g->hidden})
                       : shape_of(3, (int64_t[]){g->directions, g->batch, g->hidden});
}

stria_status recurrent_infer(const node *n, recurrent_geometry *g, stria_error *err) {
    const recurrent_attributes *a = n->attributes;
    *g = (recurrent_geometry){.kind = kind_of(n->op)};
    g->gates = g->kind == CELL_LSTM ? 4 : g->kind == CELL_GRU ? 3 : 1;
    g->coupled = a->input_forget != 0;
    g->reset_after = a->linear_before_reset != 0;
    g->clip = a->clip > 0 ? (double)a->clip : INFINITY;
    TRY(rule_float(n, RECURRENT_X, "X", err));
    TRY(direction_read(a->direction, g, err));
    TRY(sizes_read(n, a->layout != 0, g, err));
    int64_t d = g->directions, h = g->hidden, all;
    if (a->hidden_size && a->hidden_size != h)
        FAIL(err, STRIA_BAD_SHAPE, "hidden_size is %lld, but R has %lld units", (long long)a->hidden_size,
             (long long)h);
    if (__builtin_mul_overflow(2 * g->gates, h, &all)) FAIL(err, STRIA_BAD_SHAPE, "%lld units", (long long)h);
    all /= 2;
    shape state = state_shape(g, a->layout != 0);
    TRY(input_check(n, RECURRENT_W, "W", 3, (int64_t[]){d, all, g->inputs}, err));
    TRY(input_check(n, RECURRENT_R, "R", 3, (int64_t[]){d, all, h}, err));
    TRY(input_check(n, RECURRENT_B, "B", 2, (int64_t[]){d, 2 * all}, err));
    TRY(input_check(n, RECURRENT_LENGTHS, "sequence_lens", 1, &g->batch, err));
    TRY(input_check(n, RECURRENT_H, "initial_h", 3, state.dim, err));
    TRY(input_check(n, RECURRENT_C, "initial_c", 3, state.dim, err));
    TRY(input_check(n, RECURRENT_P, "P", 2, (int64_t[]){d, 3 * h}, err));
    return recurrent_functions(a, g->kind, g->directions, g->function, err);
}

recurrent_geometry recurrent_geometry_of(const node *n) {
    recurrent_geometry g;
    (void)recurrent_infer(n, &g, NULL);
    return g;
}

/* ---- shapes ---- */

static shape output_shape(const recurrent_geometry *g, bool batch_first) {
    return batch_first ? shape_of(4, (int64_t[]){g->batch, g->steps, g->directions, g->hidden})
                       : shape_of(4, (int64_t[]){g->steps, g->directions, g->batch, g->hidden});
}

static stria_status infer(node *n, stria_error *err) {
    recurrent_geometry g;
    TRY(recurrent_infer(n, &g, err));
    bool batch_first = ((const recurrent_attributes *)n->attributes)->layout != 0;
    shape y = output_shape(&g, batch_first), state = state_shape(&g, batch_first);
    dtype type = n->in[RECURRENT_X]->type;
    TRY(rule_output(n, 0, type, &y, err));
    TRY(rule_output(n, 1, type, &state, err));
    return rule_output(n, 2, type, &state, err);
}

/* Outputs of a gradient node: of X W R B h c P, those that the cell has. */
static const int gradient_of[] = {RECURRENT_X, RECURRENT_W, RECURRENT_R, RECURRENT_B,
                                  RECURRENT_H, RECURRENT_C, RECURRENT_P};

static stria_status gradient_infer(node *n, stria_error *err) {
    recurrent_geometry g;
    TRY(recurrent_infer(n, &g, err));
    bool batch_first = ((const recurrent_attributes *)n->attributes)->layout != 0;
    int64_t d = g.directions, h = g.hidden;
    shape y = output_shape(&g, batch_first), state = state_shape(&g, batch_first);
    dtype type = n->in[RECURRENT_X]->type;
    for (int k = 0, at = forward_inputs(g.kind); at + k < n->in_count; k++) {
        if (!n->in[at + k]) continue;
        TRY(rule_same_shape(&n->in[at + k]->shape, "dy", k ? &state : &y, "y", err));
        TRY(rule_same_type(n, RECURRENT_X, at + k, err));
    }
    shape b = shape_of(2, (int64_t[]){d, 2 * g.gates * h}), p = shape_of(2, (int64_t[]){d, 3 * h});
    const shape *out[] = {
        &n->in[RECURRENT_X]->shape, &n->in[RECURRENT_W]->shape, &n->in[RECURRENT_R]->shape, &b, &state, &state, &p};
    for (int k = 0; k < 7; k++) TRY(rule_output(n, k, type, out[k], err));
    return STRIA_OK;
}

static op_cost cost(const node *n) {
    recurrent_geometry g = recurrent_geometry_of(n);
    int64_t each = size_mul(size_mul(g.directions * g.gates, g.hidden), size_add(g.inputs, g.hidden));
    int64_t steps = size_mul(g.steps, g.batch), of_gates = size_mul(steps, 8 * g.gates * g.directions);
    bool backwards = n->op == &op_LSTMGradient || n->op == &op_GRUGradient || n->op == &op_RNNGradient;
    return (op_cost){size_mul(size_mul(steps, each), backwards ? 3 : 1), size_mul(of_gates, g.hidden)};
}

/* ---- gradient ---- */

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    recurrent_kind kind = kind_of(n->op);
    const op_def *op = kind == CELL_LSTM ? &op_LSTMGradient : kind == CELL_GRU ? &op_GRUGradient : &op_RNNGradient;
    value *in[INPUTS_MAX + 3] = {NULL};
    int own = forward_inputs(kind), outputs = kind == CELL_LSTM ? 7 : 5;
    node *made;
    for (int i = 0; i < n->in_count; i++) in[i] = n->in[i];
    for (int k = 0; k < n->out_count; k++) in[own + k] = dy[k];
    const char *name = arena_printf(&g->arena, "%s/%s", n->name, op->name);
    if (!name || !(name = graph_fresh_name(g, name))) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a node name");
    TRY(graph_add_node(g, op, name, in, own + n->out_count, n->attributes, outputs, NULL, &made, err));
    for (int k = 0; k < outputs; k++)
        if (gradient_of[k] < n->in_count && wanted[gradient_of[k]]) dx[gradient_of[k]] = made->out[k];
    return STRIA_OK;
}

/* ---- references ---- */

/* One direction of one item: contents of all steps, and where in the tensors they belong. */
typedef struct sequence {
    recurrent_geometry g;
    recurrent_weights w;
    int d;
    int64_t item, length;
    const double *x;
    double *store; /* for each step: a and v [gates·hidden], s h c [hidden]; before them h and c of the beginning */
} sequence;

static int64_t step_numbers(const recurrent_geometry *g) {
    return (2 * g->gates + 3) * g->hidden;
}

static recurrent_step step_at(const sequence *q, int64_t k) {
    int64_t n = q->g.hidden, all = q->g.gates * n, each = step_numbers(&q->g);
    double *at = q->store + 2 * n + k * each, *before = at - 2 * n; /* h and c of the step before end there */
    int64_t t = k < q->length ? recurrent_time(&q->g, q->d, k, q->length) : 0;
    return (recurrent_step){.x = q->x + q->item * q->g.x_item + t * q->g.x_step,
                            .h0 = before,
                            .c0 = before + n,
                            .a = at,
                            .v = at + all,
                            .s = at + 2 * all,
                            .h = at + 2 * all + n,
                            .c = at + 2 * all + 2 * n};
}

static double *part(const ref_call *c, int i, int64_t offset) {
    int own = forward_inputs(kind_of(c->node->op));
    return i < c->in_count && i < own && c->in[i].f ? c->in[i].f + offset : NULL;
}

static recurrent_weights weights_of(const ref_call *c, const recurrent_geometry *g, int d) {
    int64_t n = g->hidden, all = g->gates * n;
    double *b = part(c, RECURRENT_B, d * 2 * all);
    return (recurrent_weights){part(c, RECURRENT_W, d * all * g->inputs), part(c, RECURRENT_R, d * all * n), b,
                               b ? b + all : NULL, part(c, RECURRENT_P, d * 3 * n)};
}

static stria_status length_of(const ref_call *c, const recurrent_geometry *g, int64_t item, int64_t *out,
                              stria_error *err) {
    const int64_t *lengths = c->in_count > RECURRENT_LENGTHS ? c->in[RECURRENT_LENGTHS].i : NULL;
    *out = lengths ? lengths[item] : g->steps;
    if (*out < 0 || *out > g->steps)
        FAIL(err, STRIA_BAD_VALUE, "sequence_lens says %lld steps for item %lld, the input has %lld", (long long)*out,
             (long long)item, (long long)g->steps);
    return STRIA_OK;
}

static void sequence_run(const ref_call *c, sequence *q) {
    const recurrent_geometry *g = &q->g;
    int64_t n = g->hidden, at = q->d * g->h_direction + q->item * g->h_item;
    const double *h = part(c, RECURRENT_H, at), *cell = part(c, RECURRENT_C, at);
    for (int64_t j = 0; j < n; j++) q->store[j] = h ? h[j] : 0, q->store[n + j] = cell ? cell[j] : 0;
    for (int64_t k = 0; k < q->length; k++) {
        recurrent_step s = step_at(q, k);
        recurrent_forward(g, q->d, &q->w, &s);
    }
}

/* Calls `each` for every direction and item. */
static stria_status sequences(const ref_call *c, void (*each)(const ref_call *c, sequence *q), int64_t more,
                              stria_error *err) {
    sequence q = {.g = recurrent_geometry_of(c->node), .x = c->in[RECURRENT_X].f};
    stria_status status = STRIA_OK;
    int64_t numbers = size_add(size_add(2 * q.g.hidden, size_mul(q.g.steps, step_numbers(&q.g))), more);
    TRY(mem_new(&q.store, (size_t)size_add(numbers, 1), sizeof *q.store, "the steps of a sequence", err));
    for (q.d = 0; q.d < q.g.directions; q.d++) {
        q.w = weights_of(c, &q.g, q.d);
        for (q.item = 0; q.item < q.g.batch; q.item++) {
            TRY_DONE(length_of(c, &q.g, q.item, &q.length, err));
            sequence_run(c, &q);
            each(c, &q);
        }
    }
done:
    mem_free(q.store);
    return status;
}

static void results_put(const ref_call *c, sequence *q) {
    const recurrent_geometry *g = &q->g;
    int64_t n = g->hidden, at = q->d * g->h_direction + q->item * g->h_item;
    double *y = c->out[0].f ? c->out[0].f + q->d * g->y_direction + q->item * g->y_item : NULL;
    for (int64_t k = 0; y && k < g->steps; k++) {
        const recurrent_step s = step_at(q, k);
        int64_t t = k < q->length ? recurrent_time(g, q->d, k, q->length) : k;
        for (int64_t j = 0; j < n; j++) y[t * g->y_step + j] = k < q->length ? s.h[j] : 0;
    }
    for (int i = 1; i < c->out_count; i++) {
        if (!c->out[i].f) continue;
        recurrent_step s = step_at(q, q->length);
        for (int64_t j = 0; j < n; j++) c->out[i].f[at + j] = q->length ? (i == 1 ? s.h0[j] : s.c0[j]) : 0;
    }
}

static stria_status reference(const ref_call *c, stria_error *err) {
    return sequences(c, results_put, 0, err);
}

/* Gradient `k` of the node's outputs at an offset. */
static double *slope(const ref_call *c, int k, int64_t offset) {
    return k < c->out_count && c->out[k].f ? c->out[k].f + offset : NULL;
}

/* What the steps add to; parts that nobody asked for are made all the same, in `spare`. */
static recurrent_weights gradients_of(const ref_call *c, const sequence *q, double *spare) {
    int64_t n = q->g.hidden, all = q->g.gates * n;
    double *w = slope(c, 1, q->d * all * q->g.inputs), *r = slope(c, 2, q->d * all * n);
    double *b = slope(c, 3, q->d * 2 * all), *p = slope(c, 6, q->d * 3 * n);
    if (!w) w = spare;
    if (!r) r = spare + all * q->g.inputs;
    if (!b) b = spare + all * (q->g.inputs + n);
    if (!p) p = spare + all * (q->g.inputs + n + 2);
    return (recurrent_weights){w, r, b, b + all, p};
}

static const double *incoming(const ref_call *c, int k, int64_t offset) {
    int i = forward_inputs(kind_of(c->node->op)) + k;
    return i < c->in_count && c->in[i].f ? c->in[i].f + offset : NULL;
}

static int64_t gradient_numbers(const recurrent_geometry *g) {
    int64_t all = g->gates * g->hidden;
    return 3 * g->hidden + 2 * all + g->inputs + all * (g->inputs + g->hidden + 2) + 3 * g->hidden;
}

static void gradients_put(const ref_call *c, sequence *q) {
    const recurrent_geometry *g = &q->g;
    int64_t n = g->hidden, at = q->d * g->h_direction + q->item * g->h_item, all = g->gates * n;
    double *dh = q->store + 2 * n + g->steps * step_numbers(g), *dc = dh + n, *scratch = dc + n;
    double *unwanted = scratch + 2 * all + n, *spare = unwanted + g->inputs;
    const double *dy = incoming(c, 0, q->d * g->y_direction + q->item * g->y_item);
    const double *of_h = incoming(c, 1, at), *of_c = incoming(c, 2, at);
    recurrent_weights dw = gradients_of(c, q, spare);
    for (int64_t j = 0; j < n; j++) dh[j] = of_h && q->length ? of_h[j] : 0, dc[j] = of_c && q->length ? of_c[j] : 0;
    for (int64_t k = q->length - 1; k >= 0; k--) {
        recurrent_step s = step_at(q, k);
        int64_t t = recurrent_time(g, q->d, k, q->length);
        double *dx = slope(c, 0, q->item * g->x_item + t * g->x_step);
        for (int64_t j = 0; j < n && dy; j++) dh[j] += dy[t * g->y_step + j];
        recurrent_backward(g, q->d, &q->w, &s, dh, dc, dx ? dx : unwanted, &dw, scratch);
    }
    double *dh0 = slope(c, 4, at), *dc0 = slope(c, 5, at);
    for (int64_t j = 0; j < n && dh0; j++) dh0[j] = dh[j];
    for (int64_t j = 0; j < n && dc0; j++) dc0[j] = dc[j];
}

static stria_status gradient_reference(const ref_call *c, stria_error *err) {
    recurrent_geometry g = recurrent_geometry_of(c->node);
    for (int k = 0; k < c->out_count; k++)
        if (c->out[k].f) ref_zero(&c->out[k]);
    return sequences(c, gradients_put, gradient_numbers(&g), err);
}

/* ---- cases and definitions ---- */

static const op_case rnn_cases[] = {
    {"3x2x4, 1x5x4, 1x5x5", ""},
    {"3x2x4, 2x5x4, 2x5x5, 2x10, i32=3,1:2, 2x2x5", "direction=bidirectional"},
    {"2x3x4, 1x5x4, 1x5x5, 1x10, i32=0,3:2, 2x1x5", "direction=reverse layout=1 activations=Softsign hidden_size=5"},
    {"4x1x2, 1x3x2, 1x3x3", "activations=Affine activation_alpha=0.7 activation_beta=0.1 clip=0.4"},
    {0}};
static const op_case gru_cases[] = {
    {"3x2x4, 1x15x4, 1x15x5", ""},
    {"3x2x4, 2x15x4, 2x15x5, 2x30, i32=3,1:2, 2x2x5", "direction=bidirectional linear_before_reset=1"},
    {"3x2x4, 1x15x4, 1x15x5, 1x30, i32=2,0:2, 1x2x5", "direction=reverse"},
    {"2x3x4, 2x15x4, 2x15x5, 2x30, -, 2x2x5",
     "direction=bidirectional layout=1 activations=HardSigmoid,ScaledTanh,Sigmoid,Softplus activation_alpha=0.3,0.9 "
     "activation_beta=0.45,1.2"},
    {"3x1x4, 1x6x4, 1x6x2, 1x12", "linear_before_reset=1 clip=0.9"},
    {0}};
static const op_case lstm_cases[] = {
    {"3x2x4, 1x20x4, 1x20x5", ""},
    {"3x2x4, 2x20x4, 2x20x5, 2x40, i32=3,1:2, 2x2x5, 2x2x5, 2x15", "direction=bidirectional"},
    {"3x2x4, 1x20x4, 1x20x5, 1x40, i32=2,0:2, 1x2x5, 1x2x5", "direction=reverse input_forget=1"},
    {"2x3x4, 2x20x4, 2x20x5, 2x40, -, 2x2x5, -, 2x15",
     "direction=bidirectional layout=1 activations=Sigmoid,Elu,Softsign,HardSigmoid,LeakyRelu,Tanh"},
    {"3x1x4, 1x8x4, 1x8x2, 1x16, -, 1x1x2, 1x1x2, 1x6", "clip=0.7"},
    {0}};
static const op_case rnn_gradient_cases[] = {
    {"3x2x4, 1x5x4, 1x5x5, -, -, -, 3x1x2x5, 1x2x5", ""},
    {"3x2x4, 2x5x4, 2x5x5, 2x10, i32=3,1:2, 2x2x5, 3x2x2x5", "direction=bidirectional"},
    {0}};
static const op_case gru_gradient_cases[] = {
    {"3x2x4, 1x15x4, 1x15x5, -, -, -, 3x1x2x5, 1x2x5", ""},
    {"3x2x4, 2x15x4, 2x15x5, 2x30, i32=3,1:2, 2x2x5, 3x2x2x5", "direction=bidirectional linear_before_reset=1"},
    {0}};
static const op_case lstm_gradient_cases[] = {
    {"3x2x4, 1x20x4, 1x20x5, -, -, -, -, -, 3x1x2x5, 1x2x5, 1x2x5", ""},
    {"3x2x4, 2x20x4, 2x20x5, 2x40, i32=3,1:2, 2x2x5, 2x2x5, 2x15, -, 2x2x5", "direction=bidirectional"},
    {0}};

#define RECURRENT(op_name, inputs, outputs, table)                                                                     \
    .name = op_name, .domain = "", .in_min = 3, .in_max = inputs, .out_min = 1, .out_max = outputs,                    \
    .attribute_bytes = sizeof(recurrent_attributes), .fields = table, .infer = infer, .gradient = gradient,            \
    .cost = cost, .reference = reference, .layouts = LAYOUT_PLAIN
#define RECURRENT_GRADIENT(op_name, inputs, outputs, table)                                                            \
    .name = op_name, .domain = "stria", .in_min = 3, .in_max = inputs, .out_min = 1, .out_max = outputs,               \
    .attribute_bytes = sizeof(recurrent_attributes), .fields = table, .infer = gradient_infer, .cost = cost,           \
    .reference = gradient_reference, .layouts = LAYOUT_PLAIN
#define WEIGHTS (1 << RECURRENT_W | 1 << RECURRENT_R | 1 << RECURRENT_B)

const op_def op_RNN = {RECURRENT("RNN", 6, 2, rnn_fields), .cases = rnn_cases, .learnable_inputs = WEIGHTS,
                       .text = "h = f(W·x + R·h + b)"};
const op_def op_GRU = {RECURRENT("GRU", 6, 2, gru_fields), .cases = gru_cases, .learnable_inputs = WEIGHTS,
                       .text = "z, r = f(W·x + R·h + b), h' = g(W·x + R·(r·h) + b), h = (1 − z)·h' + z·h",
                       .note =
                           "PyTorch's and Keras' GRU are those with linear_before_reset=1: h' = g(W·x + b + r·(R·h + "
                           "b))."};
const op_def op_LSTM = {RECURRENT("LSTM", 8, 3, lstm_fields), .cases = lstm_cases,
                        .learnable_inputs = WEIGHTS | 1 << RECURRENT_P,
                        .text = "i, o, f = f(W·x + R·h + P·c + b), c' = g(W·x + R·h + b), c = f·c + i·c', h = o·h(c)",
                        .note = "Gates stand in the order i o f c; PyTorch's is i f c o."};
const op_def op_RNNGradient = {RECURRENT_GRADIENT("RNNGradient", 8, 5, rnn_fields), .cases = rnn_gradient_cases,
                               .text = "gradients of X, W, R, B and h, by the steps backwards"};
const op_def op_GRUGradient = {RECURRENT_GRADIENT("GRUGradient", 8, 5, gru_fields), .cases = gru_gradient_cases,
                               .text = "gradients of X, W, R, B and h, by the steps backwards"};
const op_def op_LSTMGradient = {RECURRENT_GRADIENT("LSTMGradient", 11, 7, lstm_fields), .cases = lstm_gradient_cases,
                                .text = "gradients of X, W, R, B, h, c and P, by the steps backwards"};
