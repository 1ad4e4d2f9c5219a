/* Evaluation. */
#include "api/api.h"
#include "data/image.h"
#include "train/class_names.h"
#include "train/probability.h"

#include <stdio.h>
#include <string.h>

stria_inference_options stria_inference_options_default(void) {
    return (stria_inference_options){.size = sizeof(stria_inference_options)};
}

static void scores_fill(stria_evaluation *e, stria_class_score *scores) {
    for (int c = 0; c < e->classes; c++) {
        int64_t hit = e->confusion[c * e->classes + c], support = 0, said = 0;
        for (int k = 0; k < e->classes; k++) {
            support += e->confusion[c * e->classes + k];
            said += e->confusion[k * e->classes + c];
        }
        stria_class_score *s = &scores[c];
        s->support = support;
        s->precision = said ? (double)hit / (double)said : 0;
        s->recall = support ? (double)hit / (double)support : 0;
        s->f1 = s->precision + s->recall > 0 ? 2 * s->precision * s->recall / (s->precision + s->recall) : 0;
    }
}

/* All that an evaluation points to, in one block: scores, matrix, list, names, what is wrong with a picture. */
static stria_status evaluation_list(stria_evaluation *e, const score *s, char *const *names, const char *skipped,
                                    stria_error *err) {
    size_t classes = (size_t)e->classes, bytes = skipped ? strlen(skipped) + 1 : 0;
    stria_class_score *scores;
    for (size_t c = 0; c < classes; c++) bytes += strlen(names[c]) + 1;
    TRY(mem_new(&scores, 1, classes * (sizeof *scores + sizeof scores + classes * sizeof *s->confusion) + bytes + 1,
                "the scores", err));
    int64_t *confusion = (int64_t *)(void *)(scores + classes);
    const stria_class_score **list = (const stria_class_score **)(void *)(confusion + classes * classes);
    char *to = (char *)(list + classes);
    for (size_t i = 0; i < classes * classes; i++) confusion[i] = s->confusion[i];
    for (size_t c = 0; c < classes; c++) {
        size_t length = strlen(names[c]) + 1;
        scores[c].name = memcpy(to, names[c], length);
        list[c] = &scores[c];
        to += length;
    }
    if (skipped) e->skipped_first = memcpy(to, skipped, strlen(skipped) + 1);
    e->class_scores = list;
    e->confusion = confusion;
    e->memory = scores;
    scores_fill(e, scores);
    return STRIA_OK;
}

static stria_status evaluation_fill(stria_evaluation *out, const score *s, const evaluator *by, const graph *g,
                                    stria_error *err) {
    const char *skipped;
    char **names;
    stria_evaluation e = {.images = s->images,
                          .loss = s->loss / (double)s->images,
                          .top1 = (double)s->top1 / (double)s->images,
                          .top5 = (double)s->top5 / (double)s->images,
                          .classes = (int)s->classes,
                          .multi_label = s->multi_label,
                          .calibration = score_calibration(s),
                          .goal = evaluator_job(by)->goal->name,
                          .skipped = evaluator_skipped(by, &skipped)};
    if (!s->classes) e.psnr = evaluator_job(by)->goal->measured(s);
    TRY(class_names_of(g, e.classes, &names, err));
    stria_status status = evaluation_list(&e, s, names, skipped, err);
    mem_free(names);
    if (status == STRIA_OK) output_give(out, &e, sizeof e);
    return status;
}

/* What the caller's `judge` needs of each image. */
typedef struct judging {
    const stria_inference_options *options;
    float *probabilities;
    int classes;
    bool multi_label;
} judging;

static void image_judge(int64_t index, int64_t label, const float *logits, void *context) {
    const judging *j = context;
    probabilities_of(logits, j->classes, j->multi_label, j->probabilities);
    j->options->judge(index, label, j->probabilities, j->classes, j->options->judge_context);
}

static stria_status judging_begin(judging *j, evaluator *e, stria_error *err) {
    if (!j->options->judge || !evaluator_job(e)->classes) return STRIA_OK;
    j->classes = (int)evaluator_job(e)->classes;
    j->multi_label = evaluator_job(e)->multi_label;
    evaluator_on_image(e, image_judge, j);
    return mem_new(&j->probabilities, (size_t)j->classes, sizeof *j->probabilities, "probabilities", err);
}

stria_status stria_evaluate(const stria_model *model, const stria_dataset *data, const stria_inference_options *options,
                            stria_evaluation *out, stria_error *err) {
    stria_inference_options o = stria_inference_options_default();
    const kernel_set *ks;
    evaluator *e = NULL;
    score s = {0};
    pool *p = NULL;
    judging j = {.options = &o};
    TRY(options_take(&o, sizeof o, options, "inference", err));
    TRY(struct_check(out, "stria_evaluation", err));
    if (o.batch < 0) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)o.batch);
    TRY(machine_kernels(o.isa, &ks, err));
    TRY(pool_take(&p, o.pool, o.threads, err));
    evaluator_config config = {.goal = goal_of(model->g),
                               .batch = o.batch ? o.batch : 128,
                               .skip_bad = o.skip_bad,
                               .ks = ks,
                               .pool = p,
                               .workers = loader_workers(0, pool_threads(p))};
    stria_status status = tta_of(o.tta, &config.tta, err);
    if (status == STRIA_OK && config.tta && config.goal != &goal_classify)
        status = error_set(err, STRIA_BAD_ARGUMENT,
                           "model '%s' gives pictures back; only probabilities are averaged over several views",
                           model->g->name);
    if (status == STRIA_OK) status = evaluator_new(&e, model->g, data->d, &config, err);
    if (status == STRIA_OK) status = goal_score(evaluator_job(e), true, &s, err);
    if (status == STRIA_OK) status = judging_begin(&j, e, err);
    if (status == STRIA_OK) status = evaluator_run(e, &s, o.progress, o.context, err);
    if (status == STRIA_OK) status = evaluation_fill(out, &s, e, model->g, err);
    mem_free(j.probabilities);
    score_release(&s);
    evaluator_free(e);
    pool_release(p);
    return status;
}

stria_status stria_model_check_range(const stria_model *model, const stria_dataset *data, stria_error *err) {
    picture_input in;
    bool doubtful;
    TRY(picture_input_of(model->g, &in, err));
    value_range r = data ? dataset_range(data->d) : RANGE_OF_PIXELS;
    preprocess_factor(&in.preprocess, r, &doubtful);
    if (doubtful)
        FAIL(err, STRIA_BAD_ARGUMENT, "the model was trained on values from %g to %g, but %s from %g to %g",
             in.preprocess.range[0], in.preprocess.range[1], data ? "the data go" : "pictures go", r.least, r.most);
    return STRIA_OK;
}

void stria_evaluation_release(stria_evaluation *e) {
    mem_free(e->memory);
    output_give(e, &(stria_evaluation){0}, sizeof *e);
}
