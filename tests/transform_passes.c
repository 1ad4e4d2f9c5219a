/* Passes one by one and together on random graphs, training steps and hand-made ones: graph_check holds, values stay
 * what the reference says, and each does its work. `transform_passes SEED` repeats one random graph. */
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "cases.h"
#include "check.h"
#include "evaluate.h"
#include "graphs.h"
#include "model/zoo/zoo.h"
#include "train/step.h"
#include "transform/transform.h"

enum { SEEDS = 60 };

static stria_status cpu_fuse(graph **g, stria_error *err) {
    return pass_fuse(g, &cpu_target, err);
}
static stria_status cpu_layout(graph **g, stria_error *err) {
    return pass_layout(g, &cpu_target, err);
}

static const struct {
    const char *name;
    pass *run;
} passes[] = {{"prune", pass_prune}, {"fold", pass_fold}, {"fuse", cpu_fuse}, {"layout", cpu_layout}};
enum { PASSES = sizeof passes / sizeof *passes };

/* ---- values, by the reference, epilogues too ---- */

static const tensor *find(const graph *g, tensor *const *contents, const char *output) {
    for (int i = 0; i < g->output_count; i++)
        if (strcmp(g->output_names[i] ? g->output_names[i] : g->outputs[i]->name, output) == 0)
            return contents[g->outputs[i]->id];
    return NULL;
}

static void same_contents(const tensor *a, const tensor *b, const char *what, const char *name) {
    if (!CHECK(a && b && a->type == b->type && shape_equal(&a->shape, &b->shape), "%s: '%s' has another shape", what,
               name))
        return;
    for (int64_t i = 0; i < shape_count(&a->shape); i++) {
        double x = tensor_f64(a, i), y = tensor_f64(b, i);
        if (fabs(x - y) <= 1e-5 * (1 + fabs(x))) continue;
        CHECK(false, "%s: '%s' element %lld was %.8g, is %.8g", what, name, (long long)i, x, y);
        return;
    }
    CHECK(true, "%s", name);
}

static tensor **values_of(const graph *g, const char *what) {
    stria_error err = {0};
    tensor **contents = contents_new(g);
    for (int i = 0; i < g->input_count; i++)
        contents[g->inputs[i]->id] = strcmp(g->inputs[i]->name, STEP_TARGET) == 0
                                         ? random_tensor(STRIA_INT64, &g->inputs[i]->shape, 0, 9.99, 5)
                                         : step_input(g->inputs[i], 9, 0);
    CHECK(graph_evaluate(g, contents, -1, &err) == STRIA_OK, "%s: %s", what, err.text);
    return contents;
}

/* Outputs, and what every state becomes. */
static void same_meaning(const graph *before, tensor *const *wanted, const graph *after, const char *what) {
    stria_error err = {0};
    if (!CHECK(graph_check(after, &err) == STRIA_OK, "%s: %s", what, err.text)) return;
    tensor **got = values_of(after, what);
    CHECK(before->output_count == after->output_count && before->input_count == after->input_count &&
              before->update_count == after->update_count,
          "%s: %d inputs, %d outputs, %d updates", what, after->input_count, after->output_count, after->update_count);
    for (int i = 0; i < before->input_count; i++)
        CHECK(strcmp(before->inputs[i]->name, after->inputs[i]->name) == 0, "%s: input %d is '%s'", what, i,
              after->inputs[i]->name);
    for (int i = 0; i < before->output_count; i++) {
        const char *name = before->output_names[i] ? before->output_names[i] : before->outputs[i]->name;
        same_contents(wanted[before->outputs[i]->id], find(after, got, name), what, name);
    }
    for (int i = 0; i < before->update_count && i < after->update_count; i++) {
        const update *a = &before->updates[i], *b = &after->updates[i];
        CHECK(strcmp(a->state->name, b->state->name) == 0, "%s: update %d is of '%s'", what, i, b->state->name);
        same_contents(wanted[a->next->id], got[b->next->id], what, a->state->name);
    }
    contents_free(after, got);
}

/* Random numbers and names of layers must survive: they key random streams and messages. */
static void same_layers(const graph *before, const graph *after, const char *what) {
    for (int i = 0; i < after->node_count; i++) {
        const node *n = after->nodes[i], *old = graph_find_node(before, n->name);
        if (old && old->op == n->op)
            CHECK(old->stream == n->stream && strcmp(old->origin, n->origin) == 0, "%s: '%s' changed", what, n->name);
    }
}

/* Every order of passes that a session could use, and each alone. */
static void passes_check(graph *g, const char *name) {
    static const int orders[][5] = {{0, -1},         {1, -1},       {2, -1},          {3, -1},
                                    {0, 1, 2, 3, 0}, {0, 3, 0, -1}, {0, 2, 1, 2, -1}, {3, 0, 3, -1}};
    tensor **wanted = values_of(g, name);
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        stria_error err = {0};
        graph *copy;
        char what[96];
        int length = snprintf(what, sizeof what, "transform_passes %s:", name);
        if (!CHECK(graph_copy(g, NULL, &copy, &err) == STRIA_OK, "%s %s", what, err.text)) continue;
        for (int k = 0; k < 5 && orders[o][k] >= 0; k++) {
            length += snprintf(what + length, sizeof what - (size_t)length, " %s", passes[orders[o][k]].name);
            if (!CHECK(passes[orders[o][k]].run(&copy, &err) == STRIA_OK, "%s: %s", what, err.text)) break;
        }
        same_meaning(g, wanted, copy, what);
        same_layers(g, copy, what);
        graph_free(copy);
    }
    contents_free(g, wanted);
}

static void random_check(uint64_t seed) {
    stria_error err = {0};
    char name[32];
    graph *g;
    snprintf(name, sizeof name, "%llu", (unsigned long long)seed);
    if (!CHECK(random_graph(&g, seed, &err) == STRIA_OK, "%s: %s", name, err.text)) return;
    CHECK(graph_check(g, &err) == STRIA_OK, "%s: %s", name, err.text);
    passes_check(g, name);
    graph_free(g);
}

static void step_check(const char *name, int64_t batch) {
    recipe r = recipe_standard(NULL);
    stria_error err = {0};
    graph *model, *g;
    if (!CHECK(zoo_build(&model, name, 3, &err) == STRIA_OK, "%s", err.text)) return;
    if (CHECK(step_graph(model, batch, &r, &g, &err) == STRIA_OK, "%s", err.text)) {
        passes_check(g, name);
        graph_free(g);
    }
    graph_free(model);
}

/* ---- each does its work ---- */

static value *add(graph *g, const op_def *op, value *x, value *y, const char *attribute, const char *text) {
    stria_error err = {0};
    node *n;
    void *attributes = arena_alloc(&g->arena, op->attribute_bytes + 1);
    if (attributes_default(op, attributes, &g->arena, &err) != STRIA_OK) abort();
    if (attribute && attribute_set(op, attributes, attribute, text, &g->arena, &err) != STRIA_OK) abort();
    if (graph_add_node(g, op, NULL, (value *[]){x, y}, y ? 2 : 1, attributes, 1, NULL, &n, &err) != STRIA_OK) {
        CHECK(false, "%s", err.text);
        abort();
    }
    return n->out[0];
}

static value *constant(graph *g, const char *name, shape s) {
    value *v;
    tensor *t = random_tensor(STRIA_FLOAT32, &s, -1, 1, 3);
    if (graph_add_constant(g, name, t, &v, NULL) != STRIA_OK) abort();
    tensor_release(t);
    return v;
}

static graph *start(value **x, shape s) {
    graph *g;
    if (graph_new(&g, "g", NULL) != STRIA_OK || graph_add_input(g, "x", STRIA_FLOAT32, &s, x, NULL) != STRIA_OK)
        abort();
    return g;
}

static int count_of(const graph *g, const op_def *op) {
    int n = 0;
    for (int i = 0; i < g->node_count; i++) n += g->nodes[i]->op == op;
    return n;
}

static void finish(graph **g, value *y, pass *run) {
    stria_error err = {0};
    if (graph_add_output(*g, y, "y", &err) != STRIA_OK) abort();
    CHECK(run(g, &err) == STRIA_OK && graph_check(*g, &err) == STRIA_OK, "%s", err.text);
}

static void prune_works(void) {
    value *x;
    graph *g = start(&x, (shape){1, {4}});
    value *y = add(g, &op_Identity, add(g, &op_Relu, add(g, &op_Identity, x, NULL, NULL, NULL), NULL, NULL, NULL), NULL,
                   NULL, NULL);
    add(g, &op_Exp, y, NULL, NULL, NULL); /* read by nobody */
    finish(&g, y, pass_prune);
    CHECK(g->node_count == 1 && g->nodes[0]->op == &op_Relu, "%d nodes", g->node_count);
    CHECK(g->input_count == 1 && strcmp(g->output_names[0], "y") == 0, "output '%s'", g->output_names[0]);
    graph_free(g);
}

static void fold_works(void) {
    value *x, *state;
    graph *g = start(&x, (shape){1, {4}});
    value *a = constant(g, "a", (shape){1, {4}});
    tensor *t = random_tensor(STRIA_FLOAT32, &(shape){1, {4}}, -1, 1, 4);
    if (graph_add_state(g, "s", ROLE_PARAMETER, t, &state, NULL) != STRIA_OK) abort();
    tensor_release(t);
    value *folded = add(g, &op_Mul, add(g, &op_Neg, a, NULL, NULL, NULL), a, NULL, NULL);
    value *kept = add(g, &op_Neg, state, NULL, NULL, NULL);
    finish(&g, add(g, &op_Add, add(g, &op_Add, x, folded, NULL, NULL), kept, NULL, NULL), pass_fold);
    CHECK(g->node_count == 3 && count_of(g, &op_Add) == 2 && count_of(g, &op_Neg) == 1,
          "%d nodes: states are variables", g->node_count);
    graph_free(g);
}

/* An activation goes into the product before it, unless somebody else reads the product. */
static void fuse_works(void) {
    for (int shared = 0; shared < 2; shared++) {
        value *x;
        graph *g = start(&x, (shape){4, {1, 2, 5, 5}});
        value *y = add(g, &op_Conv, x, constant(g, "w", (shape){4, {3, 2, 3, 3}}), NULL, NULL);
        value *z = add(g, &op_LeakyRelu, y, NULL, "alpha", "0.25");
        if (shared && graph_add_output(g, y, "product", NULL) != STRIA_OK) abort();
        finish(&g, add(g, &op_Abs, z, NULL, NULL, NULL), cpu_fuse);
        const node *n = g->nodes[0];
        CHECK(g->node_count == (shared ? 3 : 2), "%d nodes", g->node_count);
        CHECK((n->epilogue.activation == &op_LeakyRelu) == !shared, "shared=%d", shared);
        graph_free(g);
    }
}

/* relu(conv(x) + side) is one node wherever `side` is there before the convolution; of two products the second takes
 * the first. Not where others read the product, where `side` is broadcast, or comes later. */
static void residual_fuses(void) {
    enum { READY, TWO_PRODUCTS, SHARED, BROADCAST, LATER, TWICE, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        value *x, *side;
        graph *g = start(&x, (shape){4, {2, 3, 5, 5}});
        value *w = constant(g, "w", (shape){4, {3, 3, 1, 1}});
        if (kind != LATER)
            side = add(g, kind == TWO_PRODUCTS ? &op_Conv : &op_Neg, x, kind == TWO_PRODUCTS ? w : NULL, NULL, NULL);
        value *y = add(g, &op_Conv, x, w, NULL, NULL);
        if (kind == LATER) side = add(g, &op_Neg, x, NULL, NULL, NULL);
        if (kind == BROADCAST) side = constant(g, "side", (shape){4, {2, 1, 5, 5}});
        if (kind == TWICE) side = y;
        value *sum = add(g, &op_Add, kind % 2 ? side : y, kind % 2 ? y : side, NULL, NULL);
        value *z = add(g, &op_Relu, sum, NULL, NULL, NULL);
        if (kind == SHARED && graph_add_output(g, y, "product", NULL) != STRIA_OK) abort();
        finish(&g, add(g, &op_Abs, z, NULL, NULL, NULL), cpu_fuse);
        bool fused = kind == READY || kind == TWO_PRODUCTS;
        CHECK(count_of(g, &op_Add) == !fused && count_of(g, &op_Relu) == !fused, "kind %d: %d nodes", kind,
              g->node_count);
        const node *n = g->nodes[1];
        if (fused)
            CHECK(n->op == &op_Conv && n->epilogue.residual == 2 && n->in[2] == g->nodes[0]->out[0] &&
                      n->epilogue.activation == &op_Relu,
                  "kind %d: residual %d", kind, n->epilogue.residual);
        graph_free(g);
    }
}

/* Conversions cancel: one at each end, however many image operators lie between; few channels and many images lie
 * batch-last. */
static void layout_works(void) {
    static const struct {
        int64_t batch, channels;
        layout wanted;
        bool plain;
    } rows[] = {{2, 64, {{0, 2, 3, 1}}, false},
                {64, 64, {{0, 2, 3, 1}}, false},
                {64, 4, {{1, 2, 3, 0}}, false},
                {1, 4, {{0, 1, 2, 3}}, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        value *x;
        int64_t c = rows[i].channels;
        graph *g = start(&x, (shape){4, {rows[i].batch, c, 6, 6}});
        value *w = constant(g, "w", (shape){4, {c, c, 3, 3}}), *y = x;
        for (int k = 0; k < 3; k++) y = add(g, &op_Relu, add(g, &op_Conv, y, w, "pads", "1,1,1,1"), NULL, NULL, NULL);
        finish(&g, y, cpu_layout);
        int expected = rows[i].plain ? 0 : 2;
        CHECK(count_of(g, &op_Reorder) == expected, "batch %lld, %lld channels: %d conversions",
              (long long)rows[i].batch, (long long)c, count_of(g, &op_Reorder));
        for (int k = 0; k < g->node_count; k++)
            if (g->nodes[k]->op == &op_Conv)
                CHECK(layout_equal(&g->nodes[k]->out[0]->layout, &rows[i].wanted, 4), "batch %lld, %lld channels",
                      (long long)rows[i].batch, (long long)c);
        CHECK(layout_is_identity(&g->outputs[0]->layout, 4), "an output is not plain");
        graph_free(g);
    }
}

int main(int argc, char **argv) {
    if (argc > 1) random_check(strtoull(argv[1], NULL, 10));
    for (uint64_t seed = 0; argc == 1 && seed < SEEDS; seed++) random_check(seed);
    if (argc == 1) {
        step_check("lenet5", 1);
        step_check("mlp", 2);
        step_check("linear", 3);
        prune_works();
        fold_works();
        fuse_works();
        residual_fuses();
        layout_works();
    }
    return check_report();
}
