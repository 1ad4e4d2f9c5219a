/* Evaluation and prediction. */
#include "api/api.h"
#include "data/image.h"

#include <math.h>
#include <stdio.h>

stria_inference_options stria_inference_options_default(void) {
    return (stria_inference_options){.size = sizeof(stria_inference_options)};
}

static void scores_fill(stria_evaluation *e) {
    for (int c = 0; c < e->classes; c++) {
        int64_t hit = e->confusion[c * e->classes + c], support = 0, said = 0;
        for (int k = 0; k < e->classes; k++) {
            support += e->confusion[c * e->classes + k];
            said += e->confusion[k * e->classes + c];
        }
        stria_class_score *s = &e->class_scores[c];
        s->support = support;
        s->precision = said ? (double)hit / (double)said : 0;
        s->recall = support ? (double)hit / (double)support : 0;
        s->f1 = s->precision + s->recall > 0 ? 2 * s->precision * s->recall / (s->precision + s->recall) : 0;
    }
}

/* Names are kept behind the scores, in one block with them. */
static stria_status names_fill(stria_evaluation *e, const graph *g, stria_error *err) {
    size_t classes = (size_t)e->classes;
    char(*names)[128];
    TRY(mem_new(&e->class_scores, classes + 1, sizeof *e->class_scores + sizeof *names, "the class table", err));
    names = (char(*)[128])(e->class_scores + classes + 1);
    for (size_t c = 0; c < classes; c++) e->class_scores[c].name = classifier_class_name(g, (int64_t)c, names[c]);
    return STRIA_OK;
}

static stria_status evaluation_fill(stria_evaluation *out, score *s, const graph *g, stria_error *err) {
    stria_evaluation e = {.images = s->images,
                          .loss = s->loss / (double)s->images,
                          .top1 = (double)s->top1 / (double)s->images,
                          .top5 = (double)s->top5 / (double)s->images,
                          .classes = (int)s->classes};
    TRY(names_fill(&e, g, err));
    e.confusion = s->confusion;
    s->confusion = NULL;
    scores_fill(&e);
    *out = e;
    return STRIA_OK;
}

stria_status stria_evaluate(const stria_model *model, const stria_dataset *data, const stria_inference_options *options,
                            stria_evaluation *out, stria_error *err) {
    stria_inference_options o = stria_inference_options_default();
    session_config config = {.optimize = true};
    evaluator *e = NULL;
    score s = {0};
    pool *p = NULL;
    TRY(options_take(&o, sizeof o, options, "inference", err));
    if (o.batch < 0) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)o.batch);
    TRY(machine_kernels(o.isa, &config.ks, err));
    TRY(pool_new(&p, o.threads, err));
    config.pool = p;
    stria_status status = evaluator_new(&e, model->g, data->d, o.batch ? o.batch : 128, &config, err);
    if (status == STRIA_OK) status = score_init(&s, evaluator_classes(e), true, err);
    if (status == STRIA_OK) status = evaluator_run(e, &s, o.progress, o.context, err);
    if (status == STRIA_OK) status = evaluation_fill(out, &s, model->g, err);
    score_release(&s);
    evaluator_free(e);
    pool_release(p);
    return status;
}

void stria_evaluation_release(stria_evaluation *e) {
    mem_free(e->class_scores);
    mem_free(e->confusion);
    *e = (stria_evaluation){0};
}

/* ---- prediction ---- */

struct stria_predictor {
    stria_model *model;
    session *s;
    pool *pool;
    classifier c;       /* of model->g */
    char (*names)[128]; /* of the classes */
};

stria_status stria_predictor_new(stria_predictor **out, const stria_model *model,
                                 const stria_inference_options *options, stria_error *err) {
    stria_inference_options o = stria_inference_options_default();
    session_config config = {.optimize = true};
    stria_predictor *p;
    graph *g = NULL;
    TRY(options_take(&o, sizeof o, options, "inference", err));
    TRY(machine_kernels(o.isa, &config.ks, err));
    TRY(mem_new(&p, 1, sizeof *p, "a predictor", err));
    p->model = model_retain(model);
    stria_status status = classifier_of(model->g, &p->c, err);
    if (status == STRIA_OK) status = pool_new(&p->pool, o.threads, err);
    config.pool = p->pool;
    if (status == STRIA_OK) status = classifier_graph(model->g, 1, &g, err);
    if (status == STRIA_OK) status = session_new(&p->s, g, &config, err);
    graph_free(g);
    if (status == STRIA_OK) status = mem_new(&p->names, (size_t)p->c.classes + 1, sizeof *p->names, "class names", err);
    for (int64_t i = 0; status == STRIA_OK && i < p->c.classes; i++) {
        char name[128];
        snprintf(p->names[i], sizeof p->names[i], "%s", classifier_class_name(model->g, i, name));
    }
    if (status == STRIA_OK) *out = p;
    else stria_predictor_free(p);
    return status;
}

void stria_predictor_free(stria_predictor *p) {
    if (!p) return;
    session_free(p->s);
    mem_free(p->names);
    stria_model_free(p->model);
    pool_release(p->pool);
    mem_free(p);
}

int stria_predictor_classes(const stria_predictor *p) {
    return (int)p->c.classes;
}

const char *stria_predictor_class_name(const stria_predictor *p, int i) {
    return i >= 0 && i < p->c.classes ? p->names[i] : "";
}

/* What the model does not say follows from the picture: a grey network reads colours as grey, other sizes are resized.
 */
static preprocess preprocess_for(const stria_predictor *p, const image_view *view) {
    preprocess q = p->c.preprocess;
    const int64_t *x = p->c.image->shape.dim;
    if (q.order == PREPROCESS_KEEP && view->channels != x[1]) q.order = x[1] == 1 ? PREPROCESS_GREY : PREPROCESS_RGB;
    bool sized = q.resize_height || q.crop_height;
    if (!sized && (view->height != x[2] || view->width != x[3]))
        q.resize_height = (int)x[2], q.resize_width = (int)x[3];
    return q;
}

static void softmax(const float *logits, float *probabilities, int64_t classes) {
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < classes; c++) most = fmax(most, (double)logits[c]);
    for (int64_t c = 0; c < classes; c++) sum += exp((double)logits[c] - most);
    for (int64_t c = 0; c < classes; c++) probabilities[c] = (float)(exp((double)logits[c] - most) / sum);
}

static stria_status predict_view(stria_predictor *p, const image_view *view, float *probabilities, stria_error *err) {
    preprocess q = preprocess_for(p, view);
    const int64_t *x = p->c.image->shape.dim;
    int shape[3];
    TRY(preprocess_shape(&q, view->channels, view->height, view->width, shape, err));
    if (shape[0] != x[1] || shape[1] != x[2] || shape[2] != x[3])
        FAIL(err, STRIA_BAD_SHAPE, "the picture becomes %dx%dx%d, but input '%s' takes %lldx%lldx%lld", shape[0],
             shape[1], shape[2], p->c.image->name, (long long)x[1], (long long)x[2], (long long)x[3]);
    TRY(preprocess_apply(&q, NULL, view, session_memory(p->s, p->c.image->name, NULL), err));
    TRY(session_run(p->s, err));
    softmax(session_memory(p->s, CLASSIFIER_LOGITS, NULL), probabilities, p->c.classes);
    return STRIA_OK;
}

stria_status stria_predict_file(stria_predictor *p, const char *path, float *probabilities, stria_error *err) {
    image picture = {0};
    TRY(image_load_named(path, &picture, err));
    image_view view = {.bytes = picture.pixels,
                       .channels = picture.channels,
                       .height = picture.height,
                       .width = picture.width,
                       .channel_step = 1,
                       .pixel_step = picture.channels,
                       .row_step = (int64_t)picture.width * picture.channels};
    stria_status status = predict_view(p, &view, probabilities, err);
    image_release(&picture);
    return status;
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
