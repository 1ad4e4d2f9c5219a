#include "cli/layer.h"

#include "cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

stria_status layer_unknown(const stria_model *model, const char *name, stria_error *error) {
    enum { NAMES_MAX = 4096 };
    const char **names = calloc(NAMES_MAX, sizeof *names);
    stria_node_row row = {.size = sizeof row};
    int count = 0;
    while (names && count < NAMES_MAX && stria_model_node(model, count, &row)) names[count++] = row.name;
    const char *near = names ? stria_nearest(name, names, count) : NULL;
    source_say(error, STRIA_BAD_ARGUMENT, "--layer: the model has no layer '%s'%s%s%s", name,
               near ? "; did you mean '" : "; stria summary lists them", near ? near : "", near ? "'?" : "");
    free(names);
    return STRIA_BAD_ARGUMENT;
}

stria_status layer_find(const stria_model *model, const char *name, char out[LAYER_NAME], stria_error *error) {
    stria_node_row row = {.size = sizeof row};
    stria_operand result = {.size = sizeof result};
    for (int i = 0; stria_model_node(model, i, &row); i++)
        for (int k = 0; stria_model_node_output(model, i, k, &result); k++) {
            if (strcmp(result.name, name) != 0 && (k || strcmp(row.name, name) != 0)) continue;
            snprintf(out, LAYER_NAME, "%s", result.name);
            return STRIA_OK;
        }
    return layer_unknown(model, name, error);
}

stria_value *layer_as_float(stria_graph *g, stria_value *v) {
    return !v || stria_value_type(v) == STRIA_FLOAT32 ? v : stria_node(g, "Cast", &v, 1, "to=1");
}
