/* What makes another model of a trained one. */
#include "train/transfer.h"
#include "api/api.h"
#include "base/text.h"
#include "train/initialize.h"

stria_status stria_model_replace_head(stria_model **out, const stria_model *m, int64_t classes, uint64_t seed,
                                      stria_error *err) {
    graph *changed;
    TRY(head_replace(m->g, classes, seed, &changed, err));
    return model_wrap(out, changed, err);
}

stria_status stria_model_freeze(stria_model **out, const stria_model *m, const char *what, stria_error *err) {
    graph *copy;
    int64_t count;
    TRY(graph_copy(m->g, NULL, &copy, err));
    stria_status status = weights_freeze(copy, what, &count, err);
    if (status == STRIA_OK) return model_wrap(out, copy, err);
    graph_free(copy);
    return status;
}

stria_status stria_model_initialize(stria_model **out, const stria_model *m, const char *init, uint64_t seed,
                                    stria_error *err) {
    graph *copy;
    TRY(graph_copy(m->g, NULL, &copy, err));
    stria_status status = weights_initialize(copy, init, seed, err);
    if (status == STRIA_OK) return model_wrap(out, copy, err);
    graph_free(copy);
    return status;
}

stria_status stria_model_take_weights(stria_model **out, const stria_model *m, const stria_model *from, char **report,
                                      stria_error *err) {
    graph *copy;
    text said = {0};
    TRY(graph_copy(m->g, NULL, &copy, err));
    stria_status status = weights_take(copy, from->g, &said, err);
    if (status == STRIA_OK) status = model_wrap(out, copy, err);
    else graph_free(copy);
    if (status == STRIA_OK && report) *report = said.data;
    else text_release(&said);
    return status;
}
