/* Whether the branches that were taken are right for other batches than the one that the graph was built for. */
#include "model/batch_trace.h"
#include "model/onnx/importer.h"

static bool has_open_batch(const graph *g) {
    for (int i = 0; i < g->input_count; i++)
        if (g->inputs[i]->shape.rank && g->inputs[i]->symbol[0]) return true;
    return false;
}

/* A trace of the graph's contents through its builds for small batches and usual ones; false in *same where the
 * branches are others for one of them. */
static stria_status batches_try(importer *im, batch_trace *trace, bool *same, stria_error *err) {
    static const int64_t batches[] = {2, 3, 4, 5, 8, 16, 32, 64, 128, 256, 1000, 4096};
    uint64_t of_one = branch_decisions(im);
    graph *g = im->g;
    im->g = NULL;
    stria_error other = {0};
    stria_status status = STRIA_OK;
    *same = true;
    for (size_t i = 0; i < sizeof batches / sizeof *batches && *same; i++) {
        status = import_again(im, batches[i], im->nominal, &other);
        *same = status == STRIA_OK && branch_decisions(im) == of_one;
        if (*same) status = batch_trace_note(trace, im->g, &other);
        *same = *same && status == STRIA_OK;
    }
    graph_free(im->g);
    im->g = g;
    if (status == STRIA_NO_MEMORY) FAIL(err, status, "%s", other.text);
    return *same ? batch_trace_spread(trace, err) : STRIA_OK;
}

/* With a fixed batch the branches are right, as long as nobody opens it (rebatch.c). */
static stria_status conditions_note(const importer *im, const value **conditions, stria_error *err) {
    text names = {0};
    for (int i = 0; i < im->branch_count; i++)
        if (conditions[i]) text_printf(&names, "%s%s", names.length ? "\n" : "", conditions[i]->name);
    stria_status status = text_check(&names, err);
    if (status == STRIA_OK && names.length) status = graph_set_metadata(im->g, KEY_CONDITIONS, names.data, err);
    text_release(&names);
    return status;
}

/* The branches that were taken are those of any batch, which may be chosen later. */
stria_status branches_check(importer *im, stria_error *err) {
    const value **conditions;
    batch_trace trace;
    bool same = true;
    if (!im->branch_count) return STRIA_OK;
    conditions = arena_alloc(&im->arena, sizeof *conditions * (size_t)im->branch_count);
    if (!conditions) FAIL(err, STRIA_NO_MEMORY, "not enough memory for branches");
    branch_conditions(im, conditions);
    if (!has_open_batch(im->g)) return conditions_note(im, conditions, err);
    TRY(batch_trace_new(&trace, im->g, err));
    stria_status status = batches_try(im, &trace, &same, err);
    for (int i = 0; i < im->branch_count && status == STRIA_OK; i++)
        if (conditions[i] && batch_trace_depends(&trace, conditions[i])) same = false;
    batch_trace_release(&trace);
    TRY(status);
    if (!same)
        FAIL(err, STRIA_UNSUPPORTED,
             "the condition of an If depends on the batch, which the file leaves open; with arrays given or a fixed "
             "batch it can be decided");
    return STRIA_OK;
}
