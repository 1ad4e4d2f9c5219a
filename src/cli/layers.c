#include "cli/layers.h"

/* Returns true if a value is one of the model's outputs, which may have another name there. */
static bool is_output(const stria_model *model, const stria_graph *graph, const stria_value *value) {
    for (int i = 0; i < stria_model_output_count(model); i++)
        if (stria_find(graph, stria_model_output(model, i)->name) == value) return true;
    return false;
}

static void results_show(const stria_model *model, stria_graph *graph) {
    stria_node_row node = {.size = sizeof node};
    stria_operand result = {.size = sizeof result};
    for (int i = 0; stria_model_node(model, i, &node); i++)
        for (int k = 0; stria_model_node_output(model, i, k, &result); k++) {
            stria_value *value = *result.name ? stria_find(graph, result.name) : NULL;
            if (value && !is_output(model, graph, value)) stria_output(graph, value, NULL);
        }
}

stria_status layers_open(stria_model **out, const stria_model *model, stria_error *error) {
    stria_graph *graph;
    stria_status status = stria_graph_from_model(&graph, model, 1, error);
    if (status != STRIA_OK) return status;
    results_show(model, graph);
    status = stria_model_from_graph(out, graph, error);
    if (status != STRIA_OK) stria_graph_free(graph);
    return status;
}
