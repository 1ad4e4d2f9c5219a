/* A model seen as a classifier. */
#include "api/api.h"
#include "model/model.h"
#include "train/class_names.h"

#include <stdio.h>
#include <string.h>

static bool any_metadata(const graph *g, const char *const *keys, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (graph_metadata(g, keys[i])) return true;
    return false;
}

stria_status stria_model_classifier(const stria_model *model, stria_classifier *out, stria_error *err) {
    /* A network with a recipe for training (stria.train) was made here, for pixels divided by 255. */
    static const char *const keys[] = {"stria.scale", "stria.mean", "stria.std", "stria.train"};
    static const stria_relation relations[] = {
        [OUTPUT_EXCLUSIVE] = STRIA_EXCLUSIVE, [OUTPUT_BINARY] = STRIA_BINARY, [OUTPUT_MULTI_LABEL] = STRIA_MULTI_LABEL};
    classifier c;
    TRY(struct_check(out, "stria_classifier", err));
    TRY(classifier_of(model->g, &c, err));
    const stria_classifier found = {.classes = (int)c.classes,
                                    .probabilities = c.kind.probabilities,
                                    .certain = c.kind.certain,
                                    .relation = relations[c.kind.relation],
                                    .preprocessing = any_metadata(model->g, keys, sizeof keys / sizeof *keys),
                                    .untrained = graph_metadata(model->g, MODEL_WEIGHTS) != NULL};
    output_give(out, &found, sizeof found);
    return STRIA_OK;
}

stria_status stria_model_class_names(char ***out, int *count, const stria_model *model, stria_error *err) {
    classifier c;
    TRY(classifier_of(model->g, &c, err));
    TRY(class_names_of(model->g, c.classes, out, err));
    *count = (int)c.classes;
    return STRIA_OK;
}

void stria_class_names_free(char **names) {
    mem_free(names);
}
