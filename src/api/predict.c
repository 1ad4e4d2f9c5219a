/* Prediction: one picture at a time, or files in batches. */
#include "api/api.h"
#include "base/sizes.h"
#include "data/image.h"
#include "train/class_names.h"
#include "train/goal.h"
#include "train/probability.h"

#include <math.h>
#include <string.h>

stria_status tta_of(int asked, tta_kind *out, stria_error *err) {
    static const tta_kind kinds[] = {
        [STRIA_TTA_NONE] = TTA_NONE, [STRIA_TTA_FLIP] = TTA_FLIP, [STRIA_TTA_TEN_CROP] = TTA_TEN_CROP};
    if ((unsigned)asked >= sizeof kinds / sizeof *kinds)
        FAIL(err, STRIA_BAD_ARGUMENT, "there is no test-time augmentation %d", asked);
    *out = kinds[asked];
    return STRIA_OK;
}

enum { BATCH = 16 }; /* files per batch */

struct stria_predictor {
    stria_model *model;
    session *s;
    session *many; /* of `batch` files; NULL until there are several */
    int64_t batch;
    const kernel_set *ks;
    pool *pool;
    image_reading how; /* pictures' files */
    tta_kind tta;
    double *sums;                          /* [classes], over the views */
    classifier c;                          /* of model->g */
    char **names;                          /* of the classes; one block */
    int64_t picture[3];                    /* channels, height, width of the last one */
    int64_t (*pictures)[3], picture_count; /* those of the last files together; 0 where one was not read */
};

/* What the model needs of a picture that is decoded no larger than needed. */
static int least_side(const stria_predictor *p) {
    const int64_t *x = p->c.in.image->shape.dim;
    const int shape[3] = {(int)x[1], (int)x[2], (int)x[3]};
    return (int)ceil(preprocess_least_side(&p->c.in.preprocess, shape) / (p->tta ? TTA_LEAST_PART : 1));
}

stria_status stria_predictor_new(stria_predictor **out, const stria_model *model,
                                 const stria_inference_options *options, stria_error *err) {
    stria_inference_options o = stria_inference_options_default();
    program_wish wish = {.make = classifier_prediction, .batch = 1, .config = {.optimize = true}};
    stria_predictor *p;
    tta_kind tta;
    TRY(options_take(&o, sizeof o, options, "inference", err));
    TRY(machine_kernels(o.isa, &wish.config.ks, err));
    TRY(tta_of(o.tta, &tta, err));
    if (o.batch < 0) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)o.batch);
    TRY(mem_new(&p, 1, sizeof *p, "a predictor", err));
    p->tta = tta;
    p->model = model_retain(model);
    p->how = (image_reading){.max_pixels = o.max_pixels, .no_exif = o.no_exif};
    p->ks = wish.config.ks;
    p->batch = o.batch ? o.batch : BATCH;
    stria_status status = classifier_of(model->g, &p->c, err);
    if (status == STRIA_OK && o.fast_decode) p->how.least_side = least_side(p);
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
    session_free(p->many);
    mem_free(p->names);
    mem_free(p->sums);
    mem_free(p->pictures);
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

void stria_predictor_picture_at(const stria_predictor *p, int64_t i, int64_t *channels, int64_t *height,
                                int64_t *width) {
    static const int64_t none[3];
    const int64_t *is = i >= 0 && i < p->picture_count ? p->pictures[i] : none;
    *channels = is[0], *height = is[1], *width = is[2];
}

const char *stria_predictor_class_name(const stria_predictor *p, int i) {
    return i >= 0 && i < p->c.classes ? p->names[i] : "";
}

/* What a session gave for the i-th picture, as probabilities. */
static void probabilities_fill(const stria_predictor *p, const session *run, int64_t i, float *probabilities) {
    const output_kind *kind = &p->c.kind;
    const char *name = kind->probabilities ? CLASSIFIER_PROBABILITIES : CLASSIFIER_LOGITS;
    const float *all = session_host(run, name), *scores = all + i * p->c.classes;
    if (kind->probabilities) memcpy(probabilities, scores, (size_t)p->c.classes * sizeof *probabilities);
    else probabilities_of(scores, p->c.classes, kind->relation == OUTPUT_MULTI_LABEL, probabilities);
}

/* What q makes of the picture is the model's input. */
static stria_status picture_fits(const classifier *c, const preprocess *q, const image_view *view, stria_error *err) {
    const int64_t *x = c->in.image->shape.dim;
    int shape[3];
    TRY(preprocess_shape(q, view->channels, view->height, view->width, shape, err));
    if (shape[0] != x[1] || shape[1] != x[2] || shape[2] != x[3])
        FAIL(err, STRIA_BAD_SHAPE, "the picture becomes %dx%dx%d, but input '%s' takes %lldx%lldx%lld", shape[0],
             shape[1], shape[2], c->in.image->name, (long long)x[1], (long long)x[2], (long long)x[3]);
    return STRIA_OK;
}

/* The i-th view of the picture as the model's input. */
static stria_status picture_put(const stria_predictor *p, const image_view *picture, int i, float *to,
                                stria_error *err) {
    const int64_t *x = p->c.in.image->shape.dim;
    const int wanted[3] = {(int)x[1], (int)x[2], (int)x[3]};
    image_view view = *picture;
    preprocess q = preprocess_fit(&p->c.in.preprocess, &view, wanted);
    TRY(tta_apply(p->tta, i, wanted, &q, &view, err));
    TRY(picture_fits(&p->c, &q, &view, err));
    return preprocess_apply(&q, NULL, &view, to, err);
}

static stria_status predict_view(stria_predictor *p, const image_view *view, float *probabilities, stria_error *err) {
    int views = tta_views(p->tta);
    for (int64_t c = 0; c < p->c.classes; c++) p->sums[c] = 0;
    for (int i = 0; i < views; i++) {
        TRY(picture_put(p, view, i, session_host(p->s, p->c.in.image->name), err));
        TRY(session_run(p->s, err));
        probabilities_fill(p, p->s, 0, probabilities);
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
        view.range = (value_range){c->in.preprocess.range[0], c->in.preprocess.range[1], true};
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
    classifier c = {.classes = 0};
    TRY(picture_check(picture, err));
    if (goal_of(model->g) == &goal_reconstruct) TRY(picture_input_of(model->g, &c.in, err));
    else TRY(classifier_of(model->g, &c, err));
    const int64_t *x = c.in.image->shape.dim;
    const int wanted[3] = {(int)x[1], (int)x[2], (int)x[3]};
    image_view view;
    TRY(array_view(&c, picture, &view, err));
    preprocess q = preprocess_fit(&c.in.preprocess, &view, wanted);
    TRY(picture_fits(&c, &q, &view, err));
    stria_array a = {.type = STRIA_FLOAT32, .rank = 4, .shape = {1, x[1], x[2], x[3]}};
    a.bytes = (size_t)x[1] * (size_t)x[2] * (size_t)x[3] * sizeof(float);
    TRY(mem_new(&a.data, 1, a.bytes, "a picture", err));
    stria_status status = preprocess_apply(&q, NULL, &view, a.data, err);
    if (status == STRIA_OK) *out = a;
    else mem_free(a.data);
    return status;
}

typedef stria_status picture_loader(const char *path, const image_reading *how, image *out, stria_error *err);

static stria_status path_predict(stria_predictor *p, picture_loader *load, const char *path, float *probabilities,
                                 stria_error *err) {
    image picture = {0};
    TRY(load(path, &p->how, &picture, err));
    image_view view = image_view_of(&picture);
    stria_status status = predict_view(p, &view, probabilities, err);
    image_release(&picture);
    return status;
}

stria_status stria_predict_file(stria_predictor *p, const char *path, float *probabilities, stria_error *err) {
    return path_predict(p, image_load_named, path, probabilities, err);
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
    TRY(dataset_read(data->d, index, least_side(p), &item, err));
    stria_status status = predict_view(p, &item.view, probabilities, err);
    dataset_item_release(&item);
    return status;
}

/* ---- files in batches ---- */

/* Pictures of a batch: read once, put into the input for each view. */
typedef struct file_job {
    const stria_predictor *p;
    const char *const *paths;
    image *pictures;
    int64_t (*sizes)[3]; /* of the pictures that were read */
    float *x;
    int64_t size; /* of a picture in x */
    int view;
    stria_error *errors;
} file_job;

static void file_read_task(void *context, int64_t i, int worker) {
    const file_job *j = context;
    stria_error *err = &j->errors[i];
    *err = (stria_error){0};
    err->status = image_load(j->paths[i], &j->p->how, &j->pictures[i], err);
}

static void file_put_task(void *context, int64_t i, int worker) {
    const file_job *j = context;
    stria_error *err = &j->errors[i];
    float *to = j->x + i * j->size;
    image_view view = image_view_of(&j->pictures[i]);
    if (err->status == STRIA_OK) err->status = picture_put(j->p, &view, j->view, to, err);
    if (err->status != STRIA_OK) memset(to, 0, (size_t)j->size * sizeof *to);
}

static stria_status many_make(stria_predictor *p, stria_error *err) {
    program_wish wish = {.make = classifier_prediction,
                         .config = {.optimize = true, .ks = p->ks, .threads = pool_threads(p->pool)}};
    session_config config = {.pool = p->pool};
    if (p->many) return STRIA_OK;
    TRY(picture_input_batch(p->model->g, &p->batch, err));
    wish.batch = p->batch;
    return model_session(&p->many, p->model, &wish, &config, err);
}

/* Without memory a picture cannot be told from a bad one: the whole has failed. */
static stria_status memory_check(const file_job *j, int64_t n, stria_error *err) {
    for (int64_t i = 0; i < n; i++)
        if (j->errors[i].status == STRIA_NO_MEMORY) FAIL(err, STRIA_NO_MEMORY, "%s", j->errors[i].text);
    return STRIA_OK;
}

/* At most a batch of files; what is left of the batch stays as it was, and is not looked at. */
static stria_status batch_predict(stria_predictor *p, file_job *j, int64_t n, float *probabilities, double *sums,
                                  stria_error *err) {
    int views = tta_views(p->tta);
    int64_t classes = p->c.classes;
    memset(sums, 0, (size_t)(n * classes) * sizeof *sums);
    pool_run(p->pool, file_read_task, j, n);
    TRY(memory_check(j, n, err));
    for (j->view = 0; j->view < views; j->view++) {
        pool_run(p->pool, file_put_task, j, n);
        TRY(memory_check(j, n, err));
        TRY(session_run(p->many, err));
        for (int64_t i = 0; i < n; i++) {
            float *to = probabilities + i * classes;
            probabilities_fill(p, p->many, i, to);
            for (int64_t c = 0; c < classes; c++) sums[i * classes + c] += (double)to[c];
        }
    }
    for (int64_t i = 0; views > 1 && i < n * classes; i++) probabilities[i] = (float)(sums[i] / views);
    for (int64_t i = 0; i < n; i++) {
        if (j->errors[i].status != STRIA_OK) continue;
        const image *m = &j->pictures[i];
        j->sizes[i][0] = m->channels, j->sizes[i][1] = m->height, j->sizes[i][2] = m->width;
        memcpy(p->picture, j->sizes[i], sizeof p->picture);
    }
    return STRIA_OK;
}

static stria_status sizes_room(stria_predictor *p, int64_t count, stria_error *err) {
    mem_free(p->pictures);
    p->pictures = NULL;
    p->picture_count = 0;
    TRY(mem_new(&p->pictures, (size_t)count, sizeof *p->pictures, "the sizes of pictures", err));
    p->picture_count = count;
    return STRIA_OK;
}

/* One file, for which a batch would be work for nothing. */
static stria_status one_predict(stria_predictor *p, const char *path, float *probabilities, stria_error *one,
                                stria_error *err) {
    TRY(sizes_room(p, 1, err));
    *one = (stria_error){0};
    one->status = path_predict(p, image_load, path, probabilities, one);
    if (one->status == STRIA_OK) memcpy(p->pictures[0], p->picture, sizeof p->picture);
    if (one->status == STRIA_NO_MEMORY) FAIL(err, STRIA_NO_MEMORY, "%s", one->text);
    return STRIA_OK;
}

stria_status stria_predict_files(stria_predictor *p, const char *const *paths, int64_t count, float *probabilities,
                                 stria_error *errors, stria_error *err) {
    if (count == 1) return one_predict(p, paths[0], probabilities, errors, err);
    image *pictures = NULL;
    double *sums = NULL;
    stria_status status = many_make(p, err);
    TRY_DONE(status);
    TRY_DONE(sizes_room(p, count, err));
    TRY_DONE(mem_new(&pictures, (size_t)p->batch, sizeof *pictures, "pictures", err));
    TRY_DONE(mem_new(&sums, (size_t)(p->batch * p->c.classes), sizeof *sums, "probabilities", err));
    const int64_t *x = p->c.in.image->shape.dim;
    for (int64_t at = 0; at < count && status == STRIA_OK; at += p->batch) {
        int64_t n = int64_min(p->batch, count - at);
        file_job j = {.p = p,
                      .paths = paths + at,
                      .pictures = pictures,
                      .sizes = p->pictures + at,
                      .x = session_host(p->many, p->c.in.image->name),
                      .size = x[1] * x[2] * x[3],
                      .errors = errors + at};
        status = batch_predict(p, &j, n, probabilities + at * p->c.classes, sums, err);
        for (int64_t i = 0; i < n; i++) image_release(&pictures[i]);
    }
done:
    mem_free(pictures);
    mem_free(sums);
    return status;
}
