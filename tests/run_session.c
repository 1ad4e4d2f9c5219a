/* Sessions: the memory plan by brute force, updates and their order, thread counts, sharing. Random graphs against
 * their meaning; `run_session SEED` repeats one of them. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/random.h"
#include "check.h"
#include "graphs.h"
#include "model/zoo/zoo.h"
#include "run.h"
#include "run/plan.h"
#include "train/step.h"
#include <stria/stria.h>

enum { SEEDS = 60, STEPS = 3, PARALLEL = 6 };

static pool *pools[8]; /* by threads */

static session *session_of(graph *g, bool optimize, int threads, const kernel_set *ks, const char *what) {
    stria_error err = {0};
    session *s = NULL;
    run_config config = {.ks = ks ? ks : kernel_set_find(NULL), .optimize = optimize, .pool = pools[threads]};
    CHECK(run_new(&s, g, &config, &err) == STRIA_OK, "%s: %s", what, err.text);
    return s;
}

/* ---- the plan ---- */

/* When a value's memory holds it: 2p + 1 after the node at p wrote it, 2p while the node at p reads it. */
typedef struct lifetime {
    bool placed;
    long first, last;
    size_t offset, bytes;
    int origin; /* the value whose contents it shows: itself, or what it is a view of */
} lifetime;

static bool reads_contents(const node *n, int i) {
    return n->in[i] && !(i < 32 && n->op->shape_inputs >> i & 1);
}

static void read_at(lifetime *l, const value *v, long time) {
    if (l[v->id].last < time) l[v->id].last = time;
}

static lifetime *lifetimes_of(const plan *p) {
    const graph *g = p->g;
    lifetime *l = calloc((size_t)g->value_count + 1, sizeof *l);
    long end = 2L * g->node_count + 2;
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i], *root = g->values[p->root[i]];
        l[i] = (lifetime){.placed = root->kind == VALUE_NODE || root->kind == VALUE_INPUT,
                          .first = -1,
                          .last = -1,
                          .offset = p->values[root->id].offset,
                          .origin = i,
                          .bytes = (size_t)shape_count(&v->shape) * dtype_bytes(v->type)};
        if (v->kind == VALUE_INPUT) l[i].last = end;
    }
    for (int k = 0; k < g->node_count; k++) {
        const node *n = p->order[k];
        for (int i = 0; i < n->in_count; i++)
            if (reads_contents(n, i)) read_at(l, n->in[i], 2L * k);
        for (int i = 0; i < n->out_count; i++) {
            if (!n->out[i]) continue;
            l[n->out[i]->id].first = 2L * k + 1;
            read_at(l, n->out[i], 2L * k + 1);
            if (i == 0 && n->op->view && p->root[n->out[0]->id] == p->root[n->in[0]->id])
                l[n->out[0]->id].origin = l[n->in[0]->id].origin;
        }
    }
    for (int i = 0; i < g->output_count; i++) read_at(l, g->outputs[i], end);
    for (int i = 0; i < g->update_count; i++) read_at(l, g->updates[i].next, end);
    return l;
}

static bool share(size_t a, size_t a_bytes, size_t b, size_t b_bytes) {
    return a < b + b_bytes && b < a + a_bytes;
}

static bool share_values(const lifetime *a, const lifetime *b) {
    return a->placed && b->placed && share(a->offset, a->bytes, b->offset, b->bytes);
}

static void pairs_check(const plan *p, const lifetime *l, const char *what) {
    for (int i = 0; i < p->g->value_count; i++)
        for (int k = 0; k < i; k++)
            if (share_values(&l[i], &l[k]) && l[i].first <= l[k].last && l[k].first <= l[i].last)
                CHECK(l[i].origin == l[k].origin, "%s: '%s' and '%s' live at once in the same memory", what,
                      p->g->values[i]->name, p->g->values[k]->name);
}

static bool may_overwrite(const node *n, int i, int k) {
    if (k == 0 && i == 0 && n->op->view) return true;
    if (k == 0 && n->op->in_place >> i & 1 && n->in[i]->type == n->out[0]->type)
        return shape_equal(&n->in[i]->shape, &n->out[0]->shape) &&
               layout_equal(&n->in[i]->layout, &n->out[0]->layout, n->in[i]->shape.rank);
    return k < 4 && n->op->in_place_pair[k] == i + 1;
}

/* While a node runs, its results, operands and scratch are apart, unless the operator allows it. */
static void node_check(const plan *p, const lifetime *l, int k, const char *what) {
    const node *n = p->order[k];
    for (int o = 0; o < n->out_count; o++)
        for (int i = 0; n->out[o] && i < n->in_count; i++) {
            if (!reads_contents(n, i) || may_overwrite(n, i, o)) continue;
            const lifetime *a = &l[n->out[o]->id], *b = &l[n->in[i]->id];
            bool same_state = !a->placed && p->root[n->out[o]->id] == p->root[n->in[i]->id];
            /* x·x in place: the other operand that is overwritten is the same value */
            bool twice = false;
            for (int j = 0; j < n->in_count; j++)
                twice |= n->in[j] && l[n->in[j]->id].origin == b->origin && may_overwrite(n, j, o);
            CHECK(twice || (!share_values(a, b) && !same_state), "%s: '%s' overwrites its input '%s'", what, n->name,
                  n->in[i]->name);
        }
    const interval *scratch = &p->scratch[k];
    for (int v = 0; v < p->g->value_count; v++)
        if (scratch->bytes && l[v].placed && l[v].first <= 2L * k + 1 && 2L * k <= l[v].last)
            CHECK(!share(scratch->offset, scratch->bytes, l[v].offset, l[v].bytes),
                  "%s: scratch of '%s' lies over '%s'", what, n->name, p->g->values[v]->name);
}

/* A state that is overwritten at k is not read later: not by nodes, outputs, nor other updates. */
static void states_check(const plan *p, const char *what) {
    const graph *g = p->g;
    for (int k = 0; k < g->node_count; k++)
        for (int o = 0; o < p->order[k]->out_count; o++) {
            const value *y = p->order[k]->out[o], *state = y ? g->values[p->root[y->id]] : NULL;
            if (!y || state->kind != VALUE_STATE || p->order[k]->op->view) continue;
            bool bound = false, read = false;
            for (int i = 0; i < g->update_count; i++) {
                bound |= g->updates[i].state == state && g->updates[i].next == y;
                read |= g->updates[i].next == state;
            }
            for (int i = 0; i < g->output_count; i++) read |= g->outputs[i] == state;
            for (int j = k + 1; j < g->node_count; j++)
                for (int i = 0; i < p->order[j]->in_count; i++) read |= p->order[j]->in[i] == state;
            CHECK(bound && !read, "%s: '%s' overwrites state '%s' too early", what, p->order[k]->name, state->name);
        }
}

static void order_check(const plan *p, const char *what) {
    bool *done = calloc((size_t)p->g->node_count + 1, sizeof *done);
    for (int k = 0; k < p->g->node_count; k++) {
        const node *n = p->order[k];
        CHECK(!done[n->id], "%s: '%s' runs twice", what, n->name);
        done[n->id] = true;
        for (int i = 0; i < n->in_count; i++)
            CHECK(!n->in[i] || !n->in[i]->producer || done[n->in[i]->producer->id], "%s: '%s' runs before '%s'", what,
                  n->name, n->in[i]->name);
    }
    free(done);
}

/* Staging lives to the end, beside every value that still does. */
static void staging_check(const plan *p, const lifetime *l, const char *what) {
    for (int i = 0; i < p->g->update_count; i++)
        for (int v = 0; p->staging[i].bytes && v < p->g->value_count; v++)
            if (l[v].placed && l[v].last > 2L * p->g->node_count)
                CHECK(!share(p->staging[i].offset, p->staging[i].bytes, l[v].offset, l[v].bytes),
                      "%s: staging lies over '%s'", what, p->g->values[v]->name);
}

/* The plan of a lowered graph with made-up scratch. */
static void plan_check(const graph *g, const char *what) {
    stria_error err = {0};
    plan p;
    bool good = plan_schedule(&p, g, &err) == STRIA_OK && plan_alias(&p, &err) == STRIA_OK;
    for (int k = 0; good && k < g->node_count; k++)
        p.scratch[k] = (interval){k, k, k % 3 ? 0 : 100 + 64 * (size_t)k, 0};
    good = good && plan_place(&p, &err) == STRIA_OK;
    if (CHECK(good, "%s: %s", what, err.text)) {
        lifetime *l = lifetimes_of(&p);
        order_check(&p, what);
        pairs_check(&p, l, what);
        for (int k = 0; k < g->node_count; k++) node_check(&p, l, k, what);
        states_check(&p, what);
        staging_check(&p, l, what);
        for (int v = 0; v < g->value_count; v++)
            CHECK(!l[v].placed || l[v].offset + l[v].bytes <= p.workspace_bytes, "%s: '%s' ends outside", what,
                  g->values[v]->name);
        free(l);
    }
    plan_release(&p);
}

/* ---- running ---- */

static void inputs_set(session *s, const graph *g, uint64_t seed, int step) {
    for (int i = 0; i < g->input_count; i++) {
        tensor *t = step_input(g->inputs[i], seed, step);
        const value *v;
        void *memory = run_memory(s, g->inputs[i]->name, &v);
        if (CHECK(memory && t, "input '%s'", g->inputs[i]->name)) memcpy(memory, t->data, t->bytes);
        tensor_release(t);
    }
}

static void compare(const session *s, const char *name, const tensor *want, const char *what) {
    const value *v;
    const float *got = run_memory(s, name, &v);
    if (!got) return; /* a state that nothing reads */
    for (int64_t i = 0; i < shape_count(&want->shape); i++) {
        double w = tensor_f64(want, i);
        if (fabs((double)got[i] - w) <= 2e-4 * (1 + fabs(w))) continue;
        CHECK(false, "%s: '%s' element %lld is %.8g, not %.8g", what, name, (long long)i, (double)got[i], w);
        return;
    }
    CHECK(true, "%s", name);
}

static void step_compare(const session *s, const meaning *m, const char *what) {
    for (int i = 0; i < m->g->output_count; i++)
        compare(s, m->g->output_names[i], m->contents[m->g->outputs[i]->id], what);
    for (int i = 0; i < m->g->value_count; i++)
        if (m->states[i]) compare(s, m->g->values[i]->name, m->states[i], what);
}

/* A number that says whether two sessions hold the same bits in all states, and outputs. */
static uint64_t bits_of(const session *s, const graph *g, bool outputs) {
    uint64_t hash = 1469598103934665603u;
    for (int i = outputs ? 0 : g->output_count; i < g->output_count + g->value_count; i++) {
        const value *v = i < g->output_count ? NULL : g->values[i - g->output_count];
        if (v && v->kind != VALUE_STATE) continue;
        const char *name = v ? v->name : g->output_names[i];
        const unsigned char *memory = run_memory(s, name, &v);
        for (size_t k = 0; memory && k < (size_t)shape_count(&v->shape) * dtype_bytes(v->type); k++)
            hash = (hash ^ memory[k]) * 1099511628211u;
    }
    return hash;
}

static uint64_t steps_run(graph *g, uint64_t seed, bool optimize, int threads, const kernel_set *ks, bool by_meaning) {
    stria_error err = {0};
    char what[64];
    meaning m;
    uint64_t bits = 0;
    snprintf(what, sizeof what, "run_session %llu, %s, optimize=%d, threads=%d", (unsigned long long)seed, ks->isa,
             optimize, threads);
    session *s = session_of(g, optimize, threads, ks, what);
    if (!s || !CHECK(meaning_init(&m, g, &err) == STRIA_OK, "%s: %s", what, err.text)) return 0;
    for (int step = 0; step < STEPS; step++) {
        inputs_set(s, g, seed, step);
        if (!CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", what, err.text)) break;
        bits = bits * 31 + bits_of(s, g, true);
        if (!by_meaning) continue;
        if (!CHECK(meaning_step(&m, seed, step, &err) == STRIA_OK, "%s: %s", what, err.text)) break;
        step_compare(s, &m, what);
    }
    plan_check(session_program(s)->g, what);
    meaning_release(&m);
    session_free(s);
    return bits;
}

static void random_check(uint64_t seed) {
    stria_error err = {0};
    graph *g;
    if (!CHECK(random_graph(&g, seed, &err) == STRIA_OK, "seed %llu: %s", (unsigned long long)seed, err.text)) return;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int optimize = 0; optimize < 2; optimize++) {
            uint64_t bits = steps_run(g, seed, optimize, 1, *ks, ks == kernel_sets());
            CHECK(bits == steps_run(g, seed, optimize, 1, *ks, false),
                  "run_session %llu: a second session gives other bits", (unsigned long long)seed);
            CHECK(bits == steps_run(g, seed, optimize, 3, *ks, false), "run_session %llu: 3 threads give other bits",
                  (unsigned long long)seed);
        }
    graph_free(g);
}

/* ---- training steps ---- */

static void training_inputs(session *s, const graph *g, int step) {
    inputs_set(s, g, 77, step);
    const value *v;
    int64_t *labels = run_memory(s, STEP_TARGET, &v), *count = session_host(s, STEP_COUNT);
    float *lr = session_host(s, STEP_LR);
    for (int64_t i = 0; labels && i < shape_count(&v->shape); i++) labels[i] = (i * 7 + step) % 10;
    if (CHECK(labels && count && lr, "the step's inputs")) *count = step, *lr = 0.01f;
}

static uint64_t training_run(graph *g, const char *name, bool optimize, int threads, float *loss) {
    stria_error err = {0};
    uint64_t bits = 0;
    session *s = session_of(g, optimize, threads, NULL, name);
    for (int step = 0; s && step < 2; step++) {
        training_inputs(s, g, step);
        if (!CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", name, err.text)) break;
        bits = bits * 31 + bits_of(s, g, true);
        *loss = *(float *)session_host(s, STEP_LOSS);
    }
    if (s) plan_check(session_program(s)->g, name);
    session_free(s);
    return bits;
}

/* Every update of an optimised step happens where its state lies. */
static void training_in_place(graph *g, const char *name) {
    stria_error err = {0};
    plan p;
    session *s = session_of(g, true, 1, NULL, name);
    if (!s) return;
    const graph *lowered = session_program(s)->g;
    if (CHECK(plan_schedule(&p, lowered, &err) == STRIA_OK && plan_alias(&p, &err) == STRIA_OK, "%s: %s", name,
              err.text))
        for (int i = 0; i < lowered->update_count; i++)
            CHECK(!p.copied[i], "%s: '%s' is updated by a copy", name, lowered->updates[i].state->name);
    plan_release(&p);
    session_free(s);
}

static void training_check(const char *name, int64_t batch) {
    recipe r = recipe_standard(NULL);
    stria_error err = {0};
    graph *model, *g;
    if (!CHECK(zoo_build(&model, name, 3, &err) == STRIA_OK, "%s", err.text)) return;
    if (CHECK(step_graph(model, batch, &r, &g, &err) == STRIA_OK, "%s", err.text)) {
        float plain = 0, optimized = 1, other;
        uint64_t bits = training_run(g, name, true, 1, &optimized);
        CHECK(bits == training_run(g, name, true, 2, &other), "%s: 2 threads give other bits", name);
        CHECK(bits == training_run(g, name, true, 7, &other), "%s: 7 threads give other bits", name);
        training_run(g, name, false, 1, &plain);
        CHECK(fabsf(plain - optimized) <= 1e-4f * fabsf(plain), "%s: loss %g, optimised %g", name, (double)plain,
              (double)optimized);
        training_in_place(g, name);
        graph_free(g);
    }
    graph_free(model);
}

/* A label outside the classes stops the step before anything changed. */
static void bad_label(void) {
    recipe r = recipe_standard(NULL);
    stria_error err = {0};
    graph *model, *g;
    if (!CHECK(zoo_build(&model, "linear", 3, &err) == STRIA_OK, "%s", err.text)) return;
    if (!CHECK(step_graph(model, 4, &r, &g, &err) == STRIA_OK, "%s", err.text)) return;
    session *s = session_of(g, true, 1, NULL, "linear");
    training_inputs(s, g, 0);
    uint64_t before = bits_of(s, g, false);
    ((int64_t *)session_host(s, STEP_TARGET))[2] = 10;
    CHECK(session_run(s, &err) == STRIA_BAD_VALUE && strstr(err.text, "label 10 at position 2 "), "%s", err.text);
    CHECK(before == bits_of(s, g, false), "a refused step changed something");
    session_free(s);
    graph_free(g);
    graph_free(model);
}

/* ---- updates ---- */

static float *variable(const session *s, const char *name) {
    return session_host(s, name);
}

/* a ↔ b, c ← a + b, outputs that show a under another name, c under its own. */
static void swap_check(void) {
    stria_error err = {0};
    graph *g;
    value *v[3];
    node *sum, *same;
    static const char *const names[] = {"a", "b", "c"};
    if (graph_new(&g, "swap", &err) != STRIA_OK) abort();
    for (int i = 0; i < 3; i++) {
        tensor *t;
        if (tensor_new(&t, STRIA_FLOAT32, &(shape){1, {2}}, "", &err) != STRIA_OK) abort();
        tensor_put(t, 0, i + 1);
        if (graph_add_state(g, names[i], ROLE_NONE, t, &v[i], &err) != STRIA_OK) abort();
        tensor_release(t);
    }
    bool good =
        graph_add_node(g, &op_Add, NULL, v, 2, NULL, 1, NULL, &sum, &err) == STRIA_OK &&
        graph_add_node(g, &op_Identity, NULL, v, 1, NULL, 1, NULL, &same, &err) == STRIA_OK &&
        graph_add_update(g, v[0], v[1], &err) == STRIA_OK && graph_add_update(g, v[1], v[0], &err) == STRIA_OK &&
        graph_add_update(g, v[2], sum->out[0], &err) == STRIA_OK &&
        graph_add_output(g, v[0], "old", &err) == STRIA_OK &&
        graph_add_output(g, same->out[0], "same", &err) == STRIA_OK && graph_add_output(g, v[2], "c", &err) == STRIA_OK;
    CHECK(good, "%s", err.text);
    for (int optimize = 0; optimize < 2; optimize++) {
        session *s = session_of(g, optimize, 1, NULL, "swap");
        for (int i = 0; i < 3; i++) {
            float a = i % 2 ? 2 : 1;
            if (!CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text)) break;
            CHECK(*variable(s, "a") == 3 - a && *variable(s, "b") == a && *variable(s, "c") == 3,
                  "run %d: a %g, b %g, c %g", i, (double)*variable(s, "a"), (double)*variable(s, "b"),
                  (double)*variable(s, "c"));
            CHECK(*variable(s, "old") == a && *variable(s, "same") == a, "run %d: outputs show %g and %g, not %g", i,
                  (double)*variable(s, "old"), (double)*variable(s, "same"), (double)a);
        }
        session_free(s);
        CHECK(((float *)v[0]->data->data)[0] == 1, "the graph's own contents changed");
    }
    graph_free(g);
}

/* A chain of elementwise layers needs one tensor beside its input. */
static void chain_check(void) {
    stria_error err = {0};
    graph *g;
    value *v;
    node *n;
    size_t bytes = 64 * 1024 * sizeof(float);
    if (graph_new(&g, "chain", &err) != STRIA_OK ||
        graph_add_input(g, "x", STRIA_FLOAT32, &(shape){2, {64, 1024}}, &v, &err) != STRIA_OK)
        abort();
    for (int i = 0; i < 10; i++) {
        if (graph_add_node(g, i % 2 ? &op_Neg : &op_Abs, NULL, &v, 1, NULL, 1, NULL, &n, &err) != STRIA_OK) abort();
        v = n->out[0];
    }
    if (graph_add_output(g, v, "y", &err) != STRIA_OK) abort();
    session *s = session_of(g, true, 1, NULL, "chain");
    CHECK(session_program(s)->plan.workspace_bytes <= 2 * (bytes + 64), "%zu bytes",
          session_program(s)->plan.workspace_bytes);
    session_free(s);
    graph_free(g);
}

/* ---- many at once ---- */

typedef struct worker {
    const stria_model *model; /* each its own session … */
    graph *g;                 /* … or of one graph, with one pool that is busy for all but one */
    uint64_t bits;
} worker;

static uint32_t bits_of_float(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static void *model_work(void *context) {
    worker *w = context;
    static const float image[28 * 28] = {0.5f, 1};
    float logits[10];
    stria_session *s = NULL;
    stria_error err = {0};
    for (int i = 0; i < 8; i++) {
        stria_session_options o = stria_session_options_default();
        o.threads = 1 + i % 2;
        if (!CHECK(stria_session_new(&s, w->model, &o, &err) == STRIA_OK, "%s", err.text)) return NULL;
        stria_port port = *stria_model_input(w->model, 0), out = *stria_model_output(w->model, 0);
        bool good = stria_session_set(s, port.name, image, sizeof image, &err) == STRIA_OK &&
                    stria_session_run(s, &err) == STRIA_OK &&
                    stria_session_get(s, out.name, logits, sizeof logits, &err) == STRIA_OK;
        CHECK(good, "%s", err.text);
        for (int k = 0; k < 10; k++) w->bits = w->bits * 31 + bits_of_float(logits[k]);
        stria_session_free(s);
    }
    return NULL;
}

static void *graph_work(void *context) {
    worker *w = context;
    w->bits = steps_run(w->g, 5, true, 7, kernel_set_find(NULL), false);
    return NULL;
}

static void parallel_check(void *(*work)(void *), worker common, const char *what) {
    pthread_t threads[PARALLEL];
    worker workers[PARALLEL];
    for (int i = 0; i < PARALLEL; i++) {
        workers[i] = common;
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) abort();
    }
    for (int i = 0; i < PARALLEL; i++) pthread_join(threads[i], NULL);
    for (int i = 1; i < PARALLEL; i++)
        CHECK(workers[i].bits == workers[0].bits, "%s: thread %d has other bits", what, i);
}

static void shared_check(void) {
    stria_error err = {0};
    stria_model *model;
    graph *g;
    if (CHECK(stria_model_open(&model, "lenet5", 1, &err) == STRIA_OK, "%s", err.text)) {
        parallel_check(model_work, (worker){.model = model}, "many sessions of a model");
        stria_model_free(model);
    }
    if (CHECK(random_graph(&g, 5, &err) == STRIA_OK, "%s", err.text)) {
        parallel_check(graph_work, (worker){.g = g}, "a busy pool");
        graph_free(g);
    }
}

int main(int argc, char **argv) {
    for (int threads = 1; threads < 8; threads++)
        if (pool_new(&pools[threads], threads, NULL) != STRIA_OK) return EXIT_FAILURE;
    if (argc > 1) random_check(strtoull(argv[1], NULL, 10));
    for (uint64_t seed = 0; argc == 1 && seed < SEEDS; seed++) random_check(seed);
    if (argc == 1) {
        training_check("lenet5", 16);
        training_check("lenet", 3);
        training_check("mlp", 2);
        bad_label();
        swap_check();
        chain_check();
        shared_check();
    }
    for (int threads = 1; threads < 8; threads++) pool_release(pools[threads]);
    return check_report();
}
