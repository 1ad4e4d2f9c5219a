/* LSTM, GRU and RNN of the standard's functions: the inputs of all steps are multiplied by W at once, then each step
 * multiplies the states of all items by R, packed once, and applies the gates. Sequences of different lengths walk
 * along together; one that has ended keeps its state. */
#include "op/recurrent.h"

#include <string.h>

#include "backend/cpu/cpu.h"
#include "kernel/products/gemm.h"

/* Less than this much work is not worth waking threads for. */
#define PRODUCTS_SHARED (1 << 19)

typedef void unary_row(float *y, const float *x, int64_t n, float a, float b);

typedef struct recurrent_plan {
    recurrent_geometry g;
    gemm_plan input, gates, candidate; /* of all steps; of a step, GRU's h apart from z and r */
    unary_row *sigmoid, *tanh;
    size_t packed_floats; /* of a direction */
    /* places in the scratch, in floats: X·W, gates, products of h, states, biases, and in bytes what products need */
    size_t z, gate, s, h, c, bias, product_bytes, floats;
} recurrent_plan;

static bool accept(const node *n, refusal *why) {
    recurrent_geometry g = recurrent_geometry_of(n);
    if (n->in[RECURRENT_X]->type != STRIA_FLOAT32) return REFUSE(why, "input 1 is %s", dtype_name(n->in[0]->type));
    if (!recurrent_is_standard(&g)) return REFUSE(why, "activations of its own, or a clip");
    if (g.coupled || (n->in_count > RECURRENT_P && n->in[RECURRENT_P]))
        return REFUSE(why, "peepholes, or coupled gates");
    bool empty = !g.steps || !g.batch || !g.inputs || !g.hidden;
    return empty ? REFUSE(why, "nothing to compute") : true;
}

static int64_t all_gates(const recurrent_geometry *g) {
    return g->gates * g->hidden;
}

/* Gates whose products of h are added to at once: of GRU z and r. */
static int64_t joint_gates(const recurrent_geometry *g) {
    return g->kind == CELL_GRU ? 2 * g->hidden : all_gates(g);
}

/* y[batch, columns] (+)= h · Rᵀ of `columns` rows of R. */
static gemm_shape step_product(const recurrent_geometry *g, int64_t columns, int64_t y_row, bool accumulate,
                               bool packed) {
    return (gemm_shape){.m = g->batch,
                        .n = columns,
                        .k = g->hidden,
                        .a_row = g->hidden,
                        .a_col = 1,
                        .b_row = 1,
                        .b_col = g->hidden,
                        .c_row = y_row,
                        .c_col = 1,
                        .alpha = 1,
                        .accumulate = accumulate,
                        .b_packed = packed};
}

static size_t book(size_t *floats, int64_t count) {
    size_t at = *floats;
    *floats += (size_t)round_up(count, 16);
    return at;
}

static void plans_make(recurrent_plan *p, const impl_plan *plan) {
    const recurrent_geometry *g = &p->g;
    int64_t all = all_gates(g);
    bool packed = plan->node->in[RECURRENT_R]->kind != VALUE_NODE;
    gemm_shape input = {.m = g->steps * g->batch,
                        .n = all,
                        .k = g->inputs,
                        .a_row = g->inputs,
                        .a_col = 1,
                        .b_row = 1,
                        .b_col = g->inputs,
                        .c_row = all,
                        .c_col = 1,
                        .alpha = 1};
    gemm_shape gates = step_product(g, joint_gates(g), all, true, packed);
    p->input = gemm_plan_make(plan->ks, &input, plan->threads);
    p->gates = gemm_plan_make(plan->ks, &gates, plan->threads);
    p->packed_floats = (size_t)round_up((int64_t)p->gates.packed_floats, 16);
    p->product_bytes =
        p->input.scratch_bytes > p->gates.scratch_bytes ? p->input.scratch_bytes : p->gates.scratch_bytes;
    if (g->kind != CELL_GRU) return;
    gemm_shape candidate = step_product(g, g->hidden, g->hidden, false, packed);
    p->candidate = gemm_plan_make(plan->ks, &candidate, plan->threads);
    p->packed_floats += (size_t)round_up((int64_t)p->candidate.packed_floats, 16);
    if (p->candidate.scratch_bytes > p->product_bytes) p->product_bytes = p->candidate.scratch_bytes;
}

static stria_status prepare(impl_plan *plan, void **prepared, stria_error *err) {
    recurrent_plan *p = arena_alloc(plan->arena, sizeof *p);
    if (!p) FAIL(err, STRIA_NO_MEMORY, "not enough memory");
    p->g = recurrent_geometry_of(plan->node);
    const recurrent_geometry *g = &p->g;
    p->sigmoid = unary_kernel(plan->ks, UNARY_sigmoid);
    p->tanh = unary_kernel(plan->ks, UNARY_tanh);
    plans_make(p, plan);
    p->z = book(&p->floats, g->steps * g->batch * all_gates(g));
    p->gate = book(&p->floats, g->batch * all_gates(g));
    p->s = book(&p->floats, g->batch * g->hidden);
    p->h = book(&p->floats, g->batch * g->hidden);
    p->c = book(&p->floats, g->batch * g->hidden);
    p->bias = book(&p->floats, all_gates(g));
    plan->scratch_bytes = p->floats * sizeof(float) + p->product_bytes;
    plan->packed_bytes = (size_t)g->directions * p->packed_floats * sizeof(float);
    *prepared = p;
    return STRIA_OK;
}

static const float *r_of(const impl_call *c, const recurrent_plan *p, int d) {
    return (const float *)c->in[RECURRENT_R] + d * all_gates(&p->g) * p->g.hidden;
}

static void pack(const impl_call *c) {
    const recurrent_plan *p = c->prepared;
    if (!p->gates.s.b_packed) return;
    for (int d = 0; d < p->g.directions; d++) {
        float *to = (float *)c->packed + (size_t)d * p->packed_floats;
        gemm_pack(&p->gates, r_of(c, p, d), to, c->pool);
        if (p->g.kind == CELL_GRU)
            gemm_pack(&p->candidate, r_of(c, p, d) + joint_gates(&p->g) * p->g.hidden,
                      to + round_up((int64_t)p->gates.packed_floats, 16), c->pool);
    }
}

/* ---- running: one direction ---- */

typedef struct walk {
    const impl_call *c;
    const recurrent_plan *p;
    int d;
    int64_t k; /* the step */
    float *z, *gate, *s, *h, *cell, *bias;
    const float *recurrent_bias; /* of GRU's h, reset_after; else NULL */
    void *products;
} walk;

static int64_t length_of(const walk *w, int64_t item) {
    const int32_t *lengths = w->c->node->in_count > RECURRENT_LENGTHS ? w->c->in[RECURRENT_LENGTHS] : NULL;
    return lengths ? lengths[item] : w->p->g.steps;
}

static const float *optional(const walk *w, int i) {
    return w->c->node->in_count > i ? w->c->in[i] : NULL;
}

/* X·W and both halves of the bias, which but for GRU's after a reset gate may as well be one. */
static void inputs_multiply(walk *w) {
    const recurrent_geometry *g = &w->p->g;
    int64_t all = all_gates(g);
    const float *b = optional(w, RECURRENT_B);
    epilogue e = {0};
    if (b) {
        b += w->d * 2 * all;
        int64_t joint = g->kind == CELL_GRU && g->reset_after ? joint_gates(g) : all;
        for (int64_t j = 0; j < all; j++) w->bias[j] = b[j] + (j < joint ? b[all + j] : 0);
        w->recurrent_bias = joint < all ? b + all + joint : NULL;
        e.bias = w->bias;
    }
    const float *weights = (const float *)w->c->in[RECURRENT_W] + w->d * all * g->inputs;
    gemm_run(&w->p->input, w->c->in[RECURRENT_X], weights, w->z, &e, w->products, w->c->pool);
}

static void step_multiply(const walk *w, const gemm_plan *plan, const float *h, float *y, bool candidate) {
    const recurrent_plan *p = w->p;
    const float *r = r_of(w->c, p, w->d);
    if (candidate) r += joint_gates(&p->g) * p->g.hidden;
    if (plan->s.b_packed) {
        r = (const float *)w->c->packed + (size_t)w->d * p->packed_floats;
        if (candidate) r += round_up((int64_t)p->gates.packed_floats, 16);
    }
    bool shared = plan->s.m * plan->s.n >= PRODUCTS_SHARED / int64_max(plan->s.k, 1);
    gemm_run(plan, h, r, y, NULL, w->products, shared ? w->c->pool : NULL);
}

/* The states of one item that has not ended, from its gates. */
static void item_step(const walk *w, int64_t item) {
    const recurrent_plan *p = w->p;
    int64_t n = p->g.hidden, all = all_gates(&p->g);
    float *a = w->gate + item * all, *h = w->h + item * n, *c = w->cell + item * n, *s = w->s + item * n;
    if (p->g.kind == CELL_RNN) p->tanh(h, a, n, 0, 0);
    if (p->g.kind == CELL_GRU) {
        p->tanh(a + 2 * n, a + 2 * n, n, 0, 0);
        for (int64_t j = 0; j < n; j++) h[j] = (1 - a[j]) * a[2 * n + j] + a[j] * h[j];
    }
    if (p->g.kind != CELL_LSTM) return;
    p->sigmoid(a, a, 3 * n, 0, 0);
    p->tanh(a + 3 * n, a + 3 * n, n, 0, 0);
    for (int64_t j = 0; j < n; j++) c[j] = a[2 * n + j] * c[j] + a[j] * a[3 * n + j];
    p->tanh(s, c, n, 0, 0);
    for (int64_t j = 0; j < n; j++) h[j] = a[n + j] * s[j];
}

/* GRU: z and r, then what h gets through them. */
static void candidates(const walk *w) {
    const recurrent_geometry *g = &w->p->g;
    int64_t n = g->hidden;
    for (int64_t b = 0; b < g->batch; b++) {
        float *a = w->gate + b * 3 * n;
        w->p->sigmoid(a, a, 2 * n, 0, 0);
        for (int64_t j = 0; j < n && !g->reset_after; j++) w->cell[b * n + j] = a[n + j] * w->h[b * n + j];
    }
    step_multiply(w, &w->p->candidate, g->reset_after ? w->h : w->cell, w->s, true);
    for (int64_t b = 0; b < g->batch; b++) {
        float *a = w->gate + b * 3 * n;
        const float *s = w->s + b * n, *bias = w->recurrent_bias;
        for (int64_t j = 0; j < n; j++)
            a[2 * n + j] += g->reset_after ? a[n + j] * (s[j] + (bias ? bias[j] : 0)) : s[j];
    }
}

static void step_run(const walk *w) {
    const recurrent_geometry *g = &w->p->g;
    int64_t n = g->hidden, all = all_gates(g);
    float *y = w->c->out[0];
    for (int64_t b = 0; b < g->batch; b++) {
        int64_t length = length_of(w, b), t = w->k < length ? recurrent_time(g, w->d, w->k, length) : w->k;
        const float *from = w->z + (t * g->x_step + b * g->x_item) / g->inputs * all;
        memcpy(w->gate + b * all, from, sizeof *from * (size_t)all);
    }
    step_multiply(w, &w->p->gates, w->h, w->gate, false);
    if (g->kind == CELL_GRU) candidates(w);
    for (int64_t b = 0; b < g->batch; b++) {
        int64_t length = length_of(w, b);
        if (w->k >= length) continue;
        item_step(w, b);
        int64_t t = recurrent_time(g, w->d, w->k, length);
        memcpy(y + t * g->y_step + w->d * g->y_direction + b * g->y_item, w->h + b * n, sizeof *y * (size_t)n);
    }
}

/* Between the states' tensors and the walk's own, item after item; 0 where `from` is absent. */
static void states_begin(const walk *w, const float *from, float *to) {
    const recurrent_geometry *g = &w->p->g;
    for (int64_t b = 0; b < g->batch; b++)
        for (int64_t j = 0; j < g->hidden; j++)
            to[b * g->hidden + j] = from ? from[w->d * g->h_direction + b * g->h_item + j] : 0;
}

static void states_end(const walk *w, const float *from, float *to) {
    const recurrent_geometry *g = &w->p->g;
    for (int64_t b = 0; to && b < g->batch; b++)
        for (int64_t j = 0; j < g->hidden; j++)
            to[w->d * g->h_direction + b * g->h_item + j] = length_of(w, b) ? from[b * g->hidden + j] : 0;
}

static stria_status check(const impl_call *c, stria_error *err) {
    const walk walk_of = {.c = c, .p = c->prepared}, *w = &walk_of;
    for (int64_t b = 0; b < w->p->g.batch; b++)
        if (length_of(w, b) < 0 || length_of(w, b) > w->p->g.steps)
            FAIL(err, STRIA_BAD_VALUE, "sequence_lens says %lld steps for item %lld, the input has %lld",
                 (long long)length_of(w, b), (long long)b, (long long)w->p->g.steps);
    return STRIA_OK;
}

static void run(const impl_call *c) {
    const recurrent_plan *p = c->prepared;
    float *f = c->scratch;
    walk w = {.c = c,
              .p = p,
              .z = f + p->z,
              .gate = f + p->gate,
              .s = f + p->s,
              .h = f + p->h,
              .cell = f + p->c,
              .bias = f + p->bias,
              .products = f + p->floats};
    memset(c->out[0], 0, value_bytes(c->node->out[0]));
    for (w.d = 0; w.d < p->g.directions; w.d++) {
        w.recurrent_bias = NULL;
        inputs_multiply(&w);
        states_begin(&w, optional(&w, RECURRENT_H), w.h);
        states_begin(&w, p->g.kind == CELL_LSTM ? optional(&w, RECURRENT_C) : NULL, w.cell);
        for (w.k = 0; w.k < p->g.steps; w.k++) step_run(&w);
        if (c->node->out_count > 1) states_end(&w, w.h, c->out[1]);
        if (c->node->out_count > 2) states_end(&w, w.cell, c->out[2]);
    }
}

static const op_impl recurrent_impl = {.name = "steps",
                                       .accept = accept,
                                       .prepare = prepare,
                                       .pack = pack,
                                       .pack_input = RECURRENT_R,
                                       .check = check,
                                       .run = run};

const op_impl *const cpu_recurrent[] = {&recurrent_impl, &impl_reference, NULL};
