#include "train/goal.h"

#include "base/memory.h"
#include "base/spec.h"

#include <string.h>

static const struct row {
    const char *name;
    const goal *goal;
} rows[] = {{"classify", &goal_classify}, {"reconstruct", &goal_reconstruct}};

const goal *goal_of(const graph *model) {
    if (!model || model->input_count != 1 || model->output_count < 1) return &goal_classify;
    const shape *x = &model->inputs[0]->shape, *y = &model->outputs[0]->shape;
    bool pictures = x->rank == 4 && shape_equal(x, y) && x->dim[2] * x->dim[3] > 1;
    return pictures ? &goal_reconstruct : &goal_classify;
}

stria_status goal_choose(const char *name, const graph *model, const goal **out, stria_error *err) {
    int i;
    if (!*name) {
        *out = goal_of(model);
        return STRIA_OK;
    }
    TRY(spec_choose(&(spec){.what = "--goal"}, "goal", (spec_word){name, strlen(name)}, SPEC_ROWS(rows), &i, err));
    *out = rows[i].goal;
    return STRIA_OK;
}

stria_status goal_check(const char *name, stria_error *err) {
    const goal *unused;
    return goal_choose(name, NULL, &unused, err);
}

stria_status goal_job_init(goal_job *j, const goal *goal, graph *g, const dataset *d, int64_t batch, stria_error *err) {
    *j = (goal_job){.goal = goal, .data = d, .batch = batch};
    TRY(picture_input_of(g, &j->in, err));
    TRY(mem_new(&j->taken.label, (size_t)batch, sizeof *j->taken.label, "labels", err));
    return goal->begin(j, g, d, err);
}

void goal_job_release(goal_job *j) {
    mem_free(j->taken.label);
    mem_free(j->taken.target);
    mem_free(j->taken.index);
    mem_free(j->shares);
    mem_free(j->permutation);
    *j = (goal_job){0};
}

/* Of the batch's items, in the order of the model's classes. */
static void shares_take(goal_job *j, int64_t items) {
    memset(j->shares, 0, (size_t)(items * j->classes) * sizeof *j->shares);
    for (int64_t i = 0; i < items; i++) {
        const float *of_data = j->taken.index[i] < 0 ? NULL : dataset_shares(j->data, j->taken.index[i]);
        for (int c = 0; of_data && c < dataset_classes(j->data); c++)
            j->shares[i * j->classes + j->permutation[c]] = of_data[c];
    }
}

stria_status goal_take(goal_job *j, loader *l, pool *workers, int64_t epoch, int64_t batch, float *image,
                       stria_error *err) {
    sample to = j->taken;
    to.image = image;
    TRY(loader_fill(l, workers, epoch, batch, &to, err));
    int64_t *label = j->taken.label, items = loader_items(l, batch);
    for (int64_t i = 0; j->permutation && i < items; i++) label[i] = label[i] < 0 ? -1 : j->permutation[label[i]];
    if (j->shares) shares_take(j, items);
    return STRIA_OK;
}

stria_status goal_score(const goal_job *j, bool detail, score *out, stria_error *err) {
    TRY(score_init(out, j->classes, detail && j->classes > 0, err));
    out->multi_label = j->multi_label;
    return STRIA_OK;
}

stria_status goal_graph(const goal *goal, graph *g, int64_t batch, graph **out, stria_error *err) {
    graph *copy;
    value *judged;
    TRY(picture_input_copy(g, batch, &copy, err));
    stria_status status = goal->judged(copy, &judged, err);
    copy->output_count = 0;
    if (status == STRIA_OK) status = graph_add_output(copy, judged, goal->output, err);
    if (status == STRIA_OK) *out = copy;
    else graph_free(copy);
    return status;
}
