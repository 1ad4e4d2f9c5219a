/* Timing. */
#include "api/api.h"
#include "api/explain.h"
#include "base/clock.h"
#include "base/random.h"
#include "graph/op_def.h"
#include "train/heads.h"
#include "train/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- timing ---- */

static int64_t multiply_adds(const node *n) {
    return n->op->cost ? n->op->cost(n).multiply_adds : 0;
}

/* Inputs with standard normal numbers; integers (labels, counters) stay 0, the learning rate too. */
static void inputs_fill(session *s) {
    const graph *g = session_program(s)->g;
    for (int i = 0; i < g->input_count; i++) {
        const value *v = g->inputs[i];
        if (v->type == STRIA_FLOAT32 && v->shape.rank > 0)
            random_fill_normal(session_host(s, v->name), (size_t)shape_count(&v->shape), 0, 1, 1, (uint64_t)i);
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
#define RUNS_KEPT  20

/* times[0]: whole runs in ms; times[1 + k]: node k. Each has ROUNDS_MAX entries. */
static stria_status rounds_run(session *s, int repeat, double *times, int *rounds, stria_error *err) {
    for (int warm = 0; warm < 2; warm++) TRY(session_run(s, err));
    double start = clock_seconds();
    int n = 0;
    for (; n < ROUNDS_MAX && (repeat ? n < repeat : n < 5 || clock_seconds() - start < 1); n++) {
        double t = clock_seconds();
        TRY(session_run(s, err));
        times[n] = (clock_seconds() - t) * 1e3;
        for (int k = 0; k < session_program(s)->g->node_count; k++)
            times[(k + 1) * ROUNDS_MAX + n] = (double)session_nanoseconds(s, k) * 1e-6;
    }
    *rounds = n;
    return STRIA_OK;
}

static double gflops(int64_t madds, double ms) {
    return ms > 0 ? 2e-6 * (double)madds / ms : 0;
}

/* Bytes of what a node reads and writes, each value once. */
static uint64_t moved_bytes(const node *n) {
    uint64_t sum = 0;
    for (int i = 0; i < n->in_count; i++) {
        bool again = !n->in[i];
        for (int k = 0; k < i; k++) again = again || n->in[k] == n->in[i];
        if (!again) sum += value_bytes(n->in[i]);
    }
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) sum += value_bytes(n->out[i]);
    return sum;
}

/* Strings in the bench's own memory: the program does not live as long. */
static bool explained_copy(stria_layer_time *row, const stria_explained_node *e, arena *a) {
    size_t room = (size_t)e->refusal_count + 1;
    stria_refusal *refusals = arena_alloc(a, sizeof *refusals * room);
    const stria_refusal **list = arena_alloc(a, sizeof *list * room);
    row->name = arena_strdup(a, e->name);
    row->fused = arena_strdup(a, e->op);
    row->implementation = e->implementation;
    row->storage = e->storage;
    row->refusals = list;
    for (int i = 0; refusals && list && i < e->refusal_count; i++) {
        refusals[i] = (stria_refusal){e->refusals[i]->implementation, arena_strdup(a, e->refusals[i]->reason)};
        list[i] = &refusals[i];
        if (!refusals[i].reason) return false;
    }
    row->refusal_count = e->refusal_count;
    return refusals && list && row->name && row->fused;
}

static stria_status layers_fill(const program *program, double *times, int rounds, stria_bench *b, stria_error *err) {
    arena *a = b->memory;
    size_t nodes = (size_t)program->g->node_count;
    const stria_explained_node *list = explain_program(program, a);
    stria_layer_time *rows = arena_alloc(a, (nodes + 1) * sizeof *rows);
    const stria_layer_time **row_list = arena_alloc(a, (nodes + 1) * sizeof *row_list);
    int64_t all = 0;
    if (!list || !rows || !row_list) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the table");
    for (int k = 0; k < program->g->node_count; k++) {
        const node *n = program->nodes[k].node;
        stria_layer_time *row = &rows[k];
        row->op = n->op->name;
        row->median_ms = median(times + (size_t)(k + 1) * ROUNDS_MAX, rounds);
        row->multiply_adds = multiply_adds(n);
        row->gflops = gflops(row->multiply_adds, row->median_ms);
        row->bytes = moved_bytes(n);
        if (!explained_copy(row, &list[k], a)) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the table");
        all = size_add(all, row->multiply_adds);
        row_list[k] = row;
        b->layer_count++;
    }
    b->layers = row_list;
    b->median_ms = median(times, rounds);
    b->min_ms = times[0];
    b->gflops = gflops(all, b->median_ms);
    return STRIA_OK;
}

/* The first runs as they were, before medians sort the times. */
static stria_status bench_fill(const program *program, double *times, int rounds, stria_bench *b, stria_error *err) {
    size_t nodes = (size_t)program->g->node_count;
    int runs = rounds < RUNS_KEPT ? rounds : RUNS_KEPT;
    TRY(mem_new((arena **)&b->memory, 1, sizeof(arena), "the table", err));
    double *run_ms = arena_alloc(b->memory, (size_t)runs * (nodes + 1) * sizeof *run_ms);
    if (!run_ms) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the table");
    for (int r = 0; r < runs; r++)
        for (size_t k = 0; k <= nodes; k++) run_ms[(size_t)r * (nodes + 1) + k] = times[k * ROUNDS_MAX + (size_t)r];
    b->run_ms = run_ms;
    b->run_count = runs;
    return layers_fill(program, times, rounds, b, err);
}

static stria_status program_bench(program *p, const session_config *config, int repeat, stria_bench *b,
                                  stria_error *err) {
    session *s;
    double *times = NULL;
    int rounds;
    TRY(session_new(&s, p, config, err));
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&times, (size_t)(p->g->node_count + 1) * ROUNDS_MAX, sizeof *times, "timings", err));
    inputs_fill(s);
    TRY_DONE(rounds_run(s, repeat, times, &rounds, err));
    TRY_DONE(bench_fill(p, times, rounds, b, err));
done:
    session_free(s);
    mem_free(times);
    return status;
}

/* Without auxiliary heads. */
static stria_status inference_graph(graph *g, int64_t batch, graph **out, stria_error *err) {
    graph *used;
    TRY(heads_drop(g, &used, err));
    stria_status status = graph_for_batch(used, batch, out, err);
    graph_free(used);
    return status;
}

static void bench_free(const stria_bench *b) {
    if (b->memory) arena_release(b->memory);
    mem_free(b->memory);
}

stria_status stria_bench_model(const stria_model *model, const stria_session_options *options, bool train, int repeat,
                               stria_bench *out, stria_error *err) {
    stria_session_options o = stria_session_options_default();
    TRY(options_take(&o, sizeof o, options, "session", err));
    program_config config = {.optimize = o.optimize};
    stria_bench b = {0};
    pool *workers = NULL;
    graph *g = NULL;
    program *p = NULL;
    TRY(struct_check(out, "stria_bench", err));
    if (o.batch < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)o.batch);
    if (repeat < 0 || repeat > ROUNDS_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d repetitions are out of range 0 to %d", repeat, ROUNDS_MAX);
    TRY(machine_kernels(o.isa, &config.ks, err));
    TRY(pool_take(&workers, o.pool, o.threads, err));
    config.threads = pool_threads(workers);
    recipe r = recipe_standard(model->g);
    stria_status status =
        train ? step_graph(model->g, o.batch, &r, &g, err) : inference_graph(model->g, o.batch, &g, err);
    if (status == STRIA_OK) status = machine_peak_gflops(config.ks, workers, &b.peak_gflops, err);
    if (status == STRIA_OK) status = program_new(&p, g, &config, workers, err);
    graph_free(g);
    session_config running = {.pool = workers, .seed = o.seed, .profile = true};
    if (status == STRIA_OK) status = program_bench(p, &running, repeat, &b, err);
    b.peak_rss_bytes = machine_peak_rss(); /* before the bandwidth, whose measurement takes memory too */
    if (status == STRIA_OK) status = machine_bandwidth_gbs(workers, &b.bandwidth_gbs, err);
    program_release(p);
    pool_release(workers);
    if (status == STRIA_OK) output_give(out, &b, sizeof b);
    else bench_free(&b);
    return status;
}

void stria_bench_release(stria_bench *b) {
    bench_free(b);
    output_give(b, &(stria_bench){0}, sizeof *b);
}
