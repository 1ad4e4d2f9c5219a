/* Summary, timing, arrays. */
#include "api/api.h"
#include "base/clock.h"
#include "base/random.h"
#include "graph/op_def.h"
#include "train/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- summary ---- */

/* Elements of the states that this node is the first to read. */
static int64_t own_parameters(const node *n, bool *seen) {
    int64_t count = 0;
    for (int i = 0; i < n->in_count; i++) {
        const value *v = n->in[i];
        if (!v || v->kind != VALUE_STATE || v->role != ROLE_PARAMETER || seen[v->id]) continue;
        seen[v->id] = true;
        count += shape_count(&v->shape);
    }
    return count;
}

static int64_t multiply_adds(const node *n) {
    return n->op->cost ? n->op->cost(n).multiply_adds : 0;
}

static stria_status rows_fill(graph *g, graph *one, stria_summary *s, stria_error *err) {
    bool *seen;
    TRY(mem_new(&s->layers, (size_t)g->node_count + 1, sizeof *s->layers, "the summary", err));
    TRY(mem_new(&seen, (size_t)g->value_count + 1, sizeof *seen, "the summary", err));
    for (int k = 0; k < g->node_count; k++) {
        const node *n = g->nodes[k], *at_one = one->nodes[k];
        stria_layer_row *row = &s->layers[s->layer_count++];
        *row = (stria_layer_row){.name = n->name,
                                 .type = n->op->name,
                                 .output = n->out[0]->name,
                                 .rank = at_one->out[0]->shape.rank,
                                 .parameters = own_parameters(n, seen),
                                 .multiply_adds = multiply_adds(at_one)};
        memcpy(row->output_shape, at_one->out[0]->shape.dim, sizeof row->output_shape);
        s->multiply_adds = size_add(s->multiply_adds, row->multiply_adds);
    }
    mem_free(seen);
    return STRIA_OK;
}

static const char *role_text(const value *v) {
    if (v->role == ROLE_PARAMETER) return v->frozen ? "frozen" : "parameter";
    return v->role == ROLE_STATISTIC ? "statistic" : "variable";
}

static stria_status tensors_fill(const graph *g, stria_summary *s, stria_error *err) {
    TRY(mem_new(&s->tensors, (size_t)g->value_count + 1, sizeof *s->tensors, "the summary", err));
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->kind != VALUE_STATE) continue;
        stria_tensor_row *row = &s->tensors[s->tensor_count++];
        *row = (stria_tensor_row){.name = v->name, .role = role_text(v), .type = v->type, .rank = v->shape.rank};
        memcpy(row->shape, v->shape.dim, sizeof row->shape);
    }
    return STRIA_OK;
}

/* Workspace and packed weights of a program, without allocating them. */
static stria_status program_bytes(graph *g, uint64_t *bytes, stria_error *err) {
    session_config config = {.optimize = true, .plan_only = true};
    session *s;
    TRY(machine_kernels(NULL, &config.ks, err));
    TRY(session_new(&s, g, &config, err));
    *bytes = session_workspace_bytes(s) + session_packed_bytes(s);
    session_free(s);
    return STRIA_OK;
}

static stria_status memory_fill(graph *g, int64_t batch, stria_summary *s, stria_error *err) {
    graph *forward, *step;
    uint64_t states = 0;
    TRY(graph_for_batch(g, batch, &forward, err));
    stria_status status = program_bytes(forward, &s->inference_bytes, err);
    graph_free(forward);
    TRY(status);
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        int64_t count = shape_count(&v->shape);
        if (v->kind != VALUE_STATE) continue;
        states += value_bytes(v);
        *(v->role == ROLE_PARAMETER ? &s->parameters : &s->buffers) += count;
    }
    s->inference_bytes += states;
    stria_error reason;
    recipe r = recipe_standard();
    status = step_graph(g, batch, &r, &step, &reason);
    if (status == STRIA_NO_MEMORY) FAIL(err, status, "%s", reason.text);
    if (status != STRIA_OK) return STRIA_OK; /* what is not a classifier of pictures has no training step of its own */
    status = program_bytes(step, &s->training_bytes, err);
    step_memory m = step_memory_of(step);
    s->training_bytes += m.parameter_bytes + m.optimizer_bytes;
    graph_free(step);
    return status;
}

stria_status stria_summarize(const stria_model *model, int64_t batch, stria_summary *out, stria_error *err) {
    stria_summary s = {0};
    graph *one;
    if (batch < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)batch);
    TRY(graph_for_batch(model->g, 1, &one, err));
    stria_status status = rows_fill(model->g, one, &s, err);
    graph_free(one);
    if (status == STRIA_OK) status = tensors_fill(model->g, &s, err);
    if (status == STRIA_OK) status = memory_fill(model->g, batch, &s, err);
    if (status == STRIA_OK) *out = s;
    else stria_summary_release(&s);
    return status;
}

void stria_summary_release(stria_summary *s) {
    mem_free(s->layers);
    mem_free(s->tensors);
    *s = (stria_summary){0};
}

/* ---- timing ---- */

/* Inputs with standard normal numbers; integers (labels, counters) stay 0, the learning rate too. */
static void inputs_fill(session *s) {
    const graph *g = session_graph(s);
    for (int i = 0; i < g->input_count; i++) {
        const value *v = g->inputs[i];
        if (v->type == STRIA_FLOAT32 && v->shape.rank > 0)
            random_fill_normal(session_memory(s, v->name, NULL), (size_t)shape_count(&v->shape), 0, 1, 1, (uint64_t)i);
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

#define ROUNDS_MAX 1000

/* times[0]: whole runs in ms; times[1 + k]: node k. Each has ROUNDS_MAX entries. */
static stria_status rounds_run(session *s, int repeat, double *times, int *rounds, stria_error *err) {
    for (int warm = 0; warm < 2; warm++) TRY(session_run(s, err));
    double start = clock_seconds();
    int n = 0;
    for (; n < ROUNDS_MAX && (repeat ? n < repeat : n < 5 || clock_seconds() - start < 1); n++) {
        double t = clock_seconds();
        TRY(session_run(s, err));
        times[n] = (clock_seconds() - t) * 1e3;
        for (int k = 0; k < session_node_count(s); k++)
            times[(k + 1) * ROUNDS_MAX + n] = (double)session_node(s, k)->nanoseconds * 1e-6;
    }
    *rounds = n;
    return STRIA_OK;
}

static double gflops(int64_t madds, double ms) {
    return ms > 0 ? 2e-6 * (double)madds / ms : 0;
}

static stria_status bench_fill(session *s, double *times, int rounds, stria_bench *b, stria_error *err) {
    int nodes = session_node_count(s);
    int64_t all = 0;
    /* Names are kept after the rows: the session does not live as long. */
    TRY(mem_new(&b->layers, (size_t)nodes + 1, sizeof *b->layers + 64, "the table", err));
    char(*names)[64] = (char(*)[64])(b->layers + nodes + 1);
    for (int k = 0; k < nodes; k++) {
        const program_node *p = session_node(s, k);
        double ms = median(times + (k + 1) * ROUNDS_MAX, rounds);
        snprintf(names[k], sizeof names[k], "%s", p->node->name);
        b->layers[b->layer_count++] =
            (stria_layer_time){names[k], p->node->op->name, p->impl->name, ms, gflops(multiply_adds(p->node), ms)};
        all = size_add(all, multiply_adds(p->node));
    }
    b->median_ms = median(times, rounds);
    b->min_ms = times[0];
    b->gflops = gflops(all, b->median_ms);
    return STRIA_OK;
}

static stria_status program_bench(graph *g, const session_config *config, int repeat, stria_bench *b,
                                  stria_error *err) {
    session *s;
    double *times = NULL;
    int rounds;
    TRY(session_new(&s, g, config, err));
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&times, (size_t)(session_node_count(s) + 1) * ROUNDS_MAX, sizeof *times, "timings", err));
    inputs_fill(s);
    TRY_DONE(rounds_run(s, repeat, times, &rounds, err));
    TRY_DONE(bench_fill(s, times, rounds, b, err));
done:
    session_free(s);
    mem_free(times);
    return status;
}

stria_status stria_bench_model(const stria_model *model, const stria_session_options *options, bool train, int repeat,
                               stria_bench *out, stria_error *err) {
    stria_session_options o = stria_session_options_default();
    TRY(options_take(&o, sizeof o, options, "session", err));
    session_config config = {.optimize = o.optimize, .reference = o.reference, .profile = true, .seed = o.seed};
    stria_bench b = {0};
    pool *p = NULL;
    graph *g = NULL;
    if (o.batch < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)o.batch);
    if (repeat < 0 || repeat > ROUNDS_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d repetitions are out of range 0 to %d", repeat, ROUNDS_MAX);
    TRY(machine_kernels(o.isa, &config.ks, err));
    TRY(pool_new(&p, o.threads, err));
    config.pool = p;
    recipe r = recipe_standard();
    stria_status status =
        train ? step_graph(model->g, o.batch, &r, &g, err) : graph_for_batch(model->g, o.batch, &g, err);
    if (status == STRIA_OK) b.peak_gflops = machine_peak_gflops(config.ks, p);
    if (status == STRIA_OK) status = program_bench(g, &config, repeat, &b, err);
    b.peak_rss_bytes = machine_peak_rss();
    graph_free(g);
    pool_release(p);
    if (status == STRIA_OK) *out = b;
    else stria_bench_release(&b);
    return status;
}

void stria_bench_release(stria_bench *b) {
    mem_free(b->layers);
    *b = (stria_bench){0};
}
