/* Evaluation and prediction. */
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
                          .skipped = evaluator_skipped(by, &skipped)};
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
    if (!j->options->judge) return STRIA_OK;
    j->classes = (int)evaluator_classes(e);
    j->multi_label = evaluator_multi_label(e);
    evaluator_on_image(e, image_judge, j);
    return mem_new(&j->probabilities, (size_t)j->classes, sizeof *j->probabilities, "probabilities", err);
}

static stria_status tta_of(int asked, tta_kind *out, stria_error *err) {
    static const tta_kind kinds[] = {
        [STRIA_TTA_NONE] = TTA_NONE, [STRIA_TTA_FLIP] = TTA_FLIP, [STRIA_TTA_TEN_CROP] = TTA_TEN_CROP};
    if ((unsigned)asked >= sizeof kinds / sizeof *kinds)
        FAIL(err, STRIA_BAD_ARGUMENT, "there is no test-time augmentation %d", asked);
    *out = kinds[asked];
    return STRIA_OK;
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
    TRY(output_check(out, "stria_evaluation", err));
    if (o.batch < 0) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)o.batch);
    TRY(machine_kernels(o.isa, &ks, err));
    TRY(pool_take(&p, o.pool, o.threads, err));
    evaluator_config config = {.batch = o.batch ? o.batch : 128, .skip_bad = o.skip_bad, .ks = ks, .pool = p};
    stria_status status = tta_of(o.tta, &config.tta, err);
    if (status == STRIA_OK) status = evaluator_new(&e, model->g, data->d, &config, err);
    if (status == STRIA_OK) status = score_init(&s, evaluator_classes(e), true, err);
    if (status == STRIA_OK) s.multi_label = evaluator_multi_label(e);
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
    classifier c;
    bool doubtful;
    TRY(classifier_of(model->g, &c, err));
    value_range r = data ? dataset_range(data->d) : RANGE_OF_PIXELS;
    preprocess_factor(&c.preprocess, r, &doubtful);
    if (doubtful)
        FAIL(err, STRIA_BAD_ARGUMENT, "the model was trained on values from %g to %g, but %s from %g to %g",
             c.preprocess.range[0], c.preprocess.range[1], data ? "the data go" : "pictures go", r.least, r.most);
    return STRIA_OK;
}

void stria_evaluation_release(stria_evaluation *e) {
    mem_free(e->memory);
    output_give(e, &(stria_evaluation){0}, sizeof *e);
}

/* ---- prediction ---- */

struct stria_predictor {
    stria_model *model;
    session *s;
    pool *pool;
    int64_t max_pixels;
    tta_kind tta;
    double *sums;       /* [classes], over the views */
    classifier c;       /* of model->g */
    char **names;       /* of the classes; one block */
    int64_t picture[3]; /* channels, height, width of the last one */
};

stria_status stria_predictor_new(stria_predictor **out, const stria_model *model,
                                 const stria_inference_options *options, stria_error *err) {
    stria_inference_options o = stria_inference_options_default();
    program_wish wish = {.make = classifier_prediction, .batch = 1, .config = {.optimize = true}};
    stria_predictor *p;
    tta_kind tta;
    TRY(options_take(&o, sizeof o, options, "inference", err));
    TRY(machine_kernels(o.isa, &wish.config.ks, err));
    TRY(tta_of(o.tta, &tta, err));
    TRY(mem_new(&p, 1, sizeof *p, "a predictor", err));
    p->tta = tta;
    p->model = model_retain(model);
    p->max_pixels = o.max_pixels;
    stria_status status = classifier_of(model->g, &p->c, err);
    if (status == STRIA_OK) status = pool_take(&p->pool, o.pool, o.threads, err);
    wish.config.threads = pool_threads(p->pool);
    session_config config = {.pool = p->pool};
    if (status == STRIA_OK) status = model_session(&p->s, model, &wish, &config, err);
    if (status == STRIA_OK) status = class_names_of(model->g, p->c.classes, &p->names, err);
    if (status == STRIA_OK) status = mem_new(&p->sums, (size_t)p->c.classes, sizeof *p->sums, "a predictor", err);
    if (status == STRIA_OK) *out = p;
    else stria_predictor_free(p);
    return status;
}

void stria_predictor_free(stria_predictor *p) {
    if (!p) return;
    session_free(p->s);
    mem_free(p->names);
    mem_free(p->sums);
    stria_model_free(p->model);
    pool_release(p->pool);
    mem_free(p);
}

int stria_predictor_classes(const stria_predictor *p) {
    return (int)p->c.classes;
}

void stria_predictor_picture(const stria_predictor *p, int64_t *channels, int64_t *height, int64_t *width) {
    *channels = p->picture[0], *height = p->picture[1], *width = p->picture[2];
}

const char *stria_predictor_class_name(const stria_predictor *p, int i) {
    return i >= 0 && i < p->c.classes ? p->names[i] : "";
}

/* What the session gave, as probabilities. */
static void probabilities_fill(stria_predictor *p, float *probabilities) {
    const output_kind *kind = &p->c.kind;
    const char *name = kind->probabilities ? CLASSIFIER_PROBABILITIES : CLASSIFIER_LOGITS;
    const float *scores = session_host(p->s, name);
    if (kind->probabilities) memcpy(probabilities, scores, (size_t)p->c.classes * sizeof *probabilities);
    else probabilities_of(scores, p->c.classes, kind->relation == OUTPUT_MULTI_LABEL, probabilities);
}

/* What q makes of the picture is the model's input. */
static stria_status picture_fits(const classifier *c, const preprocess *q, const image_view *view, stria_error *err) {
    const int64_t *x = c->image->shape.dim;
    int shape[3];
    TRY(preprocess_shape(q, view->channels, view->height, view->width, shape, err));
    if (shape[0] != x[1] || shape[1] != x[2] || shape[2] != x[3])
        FAIL(err, STRIA_BAD_SHAPE, "the picture becomes %dx%dx%d, but input '%s' takes %lldx%lldx%lld", shape[0],
             shape[1], shape[2], c->image->name, (long long)x[1], (long long)x[2], (long long)x[3]);
    return STRIA_OK;
}

/* The i-th view of the picture through the model. */
static stria_status predict_one(stria_predictor *p, const image_view *picture, int i, float *probabilities,
                                stria_error *err) {
    const int64_t *x = p->c.image->shape.dim;
    const int wanted[3] = {(int)x[1], (int)x[2], (int)x[3]};
    image_view view = *picture;
    preprocess q = preprocess_fit(&p->c.preprocess, &view, wanted);
    TRY(tta_apply(p->tta, i, wanted, &q, &view, err));
    TRY(picture_fits(&p->c, &q, &view, err));
    TRY(preprocess_apply(&q, NULL, &view, session_host(p->s, p->c.image->name), err));
    TRY(session_run(p->s, err));
    probabilities_fill(p, probabilities);
    return STRIA_OK;
}

static stria_status predict_view(stria_predictor *p, const image_view *view, float *probabilities, stria_error *err) {
    int views = tta_views(p->tta);
    for (int64_t c = 0; c < p->c.classes; c++) p->sums[c] = 0;
    for (int i = 0; i < views; i++) {
        TRY(predict_one(p, view, i, probabilities, err));
        for (int64_t c = 0; c < p->c.classes; c++) p->sums[c] += (double)probabilities[c];
    }
    for (int64_t c = 0; views > 1 && c < p->c.classes; c++) probabilities[c] = (float)(p->sums[c] / views);
    p->picture[0] = view->channels, p->picture[1] = view->height, p->picture[2] = view->width;
    return STRIA_OK;
}

/* An array's pixels, or values of the range that the model was trained with. */
static stria_status array_view(const classifier *c, const stria_array *a, image_view *out, stria_error *err) {
    image_view view = {.pixel_step = 1, .range = RANGE_OF_PIXELS};
    if (a->type == STRIA_FLOAT32) {
        TRY(values_check(a, err));
        view.values = a->data;
        view.range = (value_range){c->preprocess.range[0], c->preprocess.range[1], true};
    } else {
        TRY(picture_check(a, err));
        view.bytes = a->data;
    }
    view.channels = (int)a->shape[0], view.height = (int)a->shape[1], view.width = (int)a->shape[2];
    view.row_step = a->shape[2], view.channel_step = a->shape[1] * a->shape[2];
    *out = view;
    return STRIA_OK;
}

stria_status stria_model_picture(const stria_model *model, const stria_array *picture, stria_array *out,
                                 stria_error *err) {
    classifier c;
    TRY(picture_check(picture, err));
    TRY(classifier_of(model->g, &c, err));
    const int64_t *x = c.image->shape.dim;
    const int wanted[3] = {(int)x[1], (int)x[2], (int)x[3]};
    image_view view;
    TRY(array_view(&c, picture, &view, err));
    preprocess q = preprocess_fit(&c.preprocess, &view, wanted);
    TRY(picture_fits(&c, &q, &view, err));
    stria_array a = {.type = STRIA_FLOAT32, .rank = 4, .shape = {1, x[1], x[2], x[3]}};
    a.bytes = (size_t)x[1] * (size_t)x[2] * (size_t)x[3] * sizeof(float);
    TRY(mem_new(&a.data, 1, a.bytes, "a picture", err));
    stria_status status = preprocess_apply(&q, NULL, &view, a.data, err);
    if (status == STRIA_OK) *out = a;
    else mem_free(a.data);
    return status;
}

stria_status stria_predict_file(stria_predictor *p, const char *path, float *probabilities, stria_error *err) {
    image picture = {0};
    TRY(image_load_named(path, p->max_pixels, &picture, err));
    image_view view = image_view_of(&picture);
    stria_status status = predict_view(p, &view, probabilities, err);
    image_release(&picture);
    return status;
}

stria_status stria_predict_array(stria_predictor *p, const stria_array *picture, float *probabilities,
                                 stria_error *err) {
    image_view view;
    TRY(array_view(&p->c, picture, &view, err));
    return predict_view(p, &view, probabilities, err);
}

stria_status stria_predict_item(stria_predictor *p, const stria_dataset *data, int64_t index, float *probabilities,
                                stria_error *err) {
    dataset_item item;
    if (index < 0 || index >= dataset_count(data->d))
        FAIL(err, STRIA_BAD_ARGUMENT, "there is no image %lld: the data has %lld", (long long)index,
             (long long)dataset_count(data->d));
    TRY(dataset_read(data->d, index, &item, err));
    stria_status status = predict_view(p, &item.view, probabilities, err);
    dataset_item_release(&item);
    return status;
}
