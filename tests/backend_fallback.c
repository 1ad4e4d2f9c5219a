/* No node of a zoo network may fall back to the reference: inference at batch 1 and 64, training step at batch 64, on
 * every instruction set, with and without the optimising passes. */
#include <string.h>

#include "check.h"
#include "model/zoo/zoo.h"
#include "run/program.h"
#include "train/step.h"

static int nodes;

static void program_check(graph *g, const kernel_set *ks, bool optimize, const char *what) {
    stria_error err = {0};
    program *made = NULL;
    program_config config = {.ks = ks, .optimize = optimize, .plan_only = true};
    if (!CHECK(program_new(&made, g, &config, NULL, &err) == STRIA_OK, "%s: %s", what, err.text)) return;
    for (int k = 0; k < made->g->node_count; k++, nodes++) {
        const program_node *p = &made->nodes[k];
        const char *reason =
            p->refusal_count ? p->refusals[p->refusal_count - 1].reason : "the operator has no other implementation";
        CHECK(p->impl != &impl_reference, "%s, %s, optimize=%d: layer '%s' (%s) runs by the reference: %s", what,
              ks->isa, optimize, p->node->name, p->node->op->name, reason);
    }
    program_release(made);
}

static void sets_check(graph *g, const char *what) {
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int optimize = 0; optimize < 2; optimize++) program_check(g, *ks, optimize, what);
}

static void inference_check(graph *model, int64_t batch, const char *name) {
    stria_error err = {0};
    char what[96];
    graph *g = NULL;
    shape s = model->inputs[0]->shape;
    s.dim[0] = batch;
    snprintf(what, sizeof what, "%s, inference of %lld", name, (long long)batch);
    if (CHECK(graph_copy(model, (const shape *const[]){&s}, &g, &err) == STRIA_OK, "%s: %s", what, err.text))
        sets_check(g, what);
    graph_free(g);
}

static void training_check(graph *model, const char *optimizer, const char *name) {
    stria_error err = {0};
    char what[96];
    graph *g = NULL;
    recipe r = {.goal = goal_of(model), .weight_decay = 0.01, .clip_norm = 1};
    r.loss = r.goal->loss;
    snprintf(what, sizeof what, "%s, training step of 64 by %s", name, optimizer);
    if (CHECK(optimizer_parse(optimizer, &r.optimizer, &err) == STRIA_OK, "%s: %s", what, err.text) &&
        CHECK(step_graph(model, 64, &r, &g, &err) == STRIA_OK, "%s: %s", what, err.text))
        sets_check(g, what);
    graph_free(g);
}

#define PARAMETERS_MAX 500000 /* larger networks are made of the same layers */

static int64_t elements(const graph *g) {
    int64_t n = 0;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_STATE) n += shape_count(&g->values[i]->shape);
    return n;
}

static void training_checks(graph *model, const char *name) {
    for (int i = 0; optimizer_name(i); i++) training_check(model, optimizer_name(i), name);
    training_check(model, "sgd:momentum=0.9,nesterov=1", name);
}

int main(void) {
    int networks = 0;
    for (const char *const *name = zoo_names(); *name; name++, networks++) {
        stria_error err = {0};
        graph *model = NULL;
        if (strncmp(*name, "resnet", 6) == 0 && strlen(*name) > 8) continue; /* of more than 99 layers */
        if (!CHECK(zoo_build(&model, *name, 1, &err) == STRIA_OK, "%s: %s", *name, err.text)) continue;
        if (elements(model) < PARAMETERS_MAX) {
            inference_check(model, 1, *name);
            inference_check(model, 64, *name);
            training_checks(model, *name);
        }
        graph_free(model);
    }
    CHECK(networks >= 4, "%d networks", networks);
    printf("%d nodes of %d networks\n", nodes, networks);
    return check_report();
}
