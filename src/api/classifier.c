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
    TRY(classifier_of(model->g, &c, err));
    *out = (stria_classifier){.classes = (int)c.classes,
                              .probabilities = c.kind.probabilities,
                              .certain = c.kind.certain,
                              .relation = relations[c.kind.relation],
                              .preprocessing = any_metadata(model->g, keys, sizeof keys / sizeof *keys),
                              .untrained = graph_metadata(model->g, MODEL_WEIGHTS) != NULL};
    return STRIA_OK;
}

stria_status stria_model_class_name(const stria_model *model, int index, char *text, size_t bytes, stria_error *err) {
    classifier c;
    char **names;
    TRY(classifier_of(model->g, &c, err));
    if (index < 0 || index >= c.classes)
        FAIL(err, STRIA_BAD_ARGUMENT, "there is no class %d: the model has %d", index, (int)c.classes);
    TRY(class_names_of(model->g, c.classes, &names, err));
    if (bytes) snprintf(text, bytes, "%s", names[index]);
    mem_free(names);
    return STRIA_OK;
}
