#include "data/loader.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"

#define SHARE 16 /* items a task: enough that small pictures are not all overhead */

struct loader {
    const dataset *data;
    preprocess p;
    pixel_table table;
    loader_options o;
    int shape[3];
    int64_t epoch;        /* whose permutation is in order; −1: none yet */
    int64_t *order;       /* NULL: not shuffled */
    stria_status *status; /* [tasks of a batch] */
    stria_error *errors;  /* [tasks of a batch] */
};

/* The dataset's pictures as far as is known before one is read: those of a folder may have any size. */
static image_view view_expected(const dataset *d, const int shape[3]) {
    static const float none;
    bool uniform = dataset_uniform(d);
    return (image_view){.values = dataset_is_float(d) ? &none : NULL,
                        .channels = dataset_channels(d),
                        .height = uniform ? dataset_height(d) : shape[1],
                        .width = uniform ? dataset_width(d) : shape[2],
                        .range = dataset_range(d)};
}

static stria_status shape_find(loader *l, stria_error *err) {
    image_view v = view_expected(l->data, l->o.shape);
    preprocess p = l->o.shape[0] ? preprocess_fit(&l->p, &v, l->o.shape) : l->p;
    TRY(preprocess_shape(&p, v.channels, v.height, v.width, l->shape, err));
    p = preprocess_fit(&l->p, &v, l->shape);
    preprocess_tabulate(&p, l->shape[0], &l->table);
    return STRIA_OK;
}

stria_status loader_new(loader **out, const dataset *d, const preprocess *p, const loader_options *options,
                        stria_error *err) {
    loader *l = NULL;
    int64_t n = dataset_count(d);
    if (options->batch < 1)
        FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld item%s", (long long)options->batch, text_s(options->batch));
    if (options->drop_last && options->batch > n) {
        FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld is more than the %lld item%s of the data",
             (long long)options->batch, (long long)n, text_s(n));
    }
    TRY(mem_new(&l, 1, sizeof *l, "a batch loader", err));
    *l = (loader){.data = d, .p = *p, .o = *options, .epoch = -1};
    int64_t tasks = ((options->batch < n ? options->batch : n) - 1) / SHARE + 1;
    stria_status status;
    TRY_DONE(shape_find(l, err));
    if (options->shuffle) TRY_DONE(mem_new(&l->order, (size_t)n, sizeof *l->order, "the order of the data", err));
    TRY_DONE(mem_new(&l->status, (size_t)tasks, sizeof *l->status, "a batch loader", err));
    TRY_DONE(mem_new(&l->errors, (size_t)tasks, sizeof *l->errors, "a batch loader", err));
    *out = l;
    l = NULL;
done:
    loader_free(l);
    return status;
}

void loader_free(loader *l) {
    if (!l) return;
    mem_free(l->order);
    mem_free(l->status);
    mem_free(l->errors);
    mem_free(l);
}

void loader_shape(const loader *l, int shape[3]) {
    for (int i = 0; i < 3; i++) shape[i] = l->shape[i];
}

int64_t loader_batches(const loader *l) {
    int64_t n = dataset_count(l->data);
    return l->o.drop_last ? n / l->o.batch : (n - 1) / l->o.batch + 1;
}

int64_t loader_items(const loader *l, int64_t batch) {
    int64_t left = dataset_count(l->data) - batch * l->o.batch;
    return left < l->o.batch ? left : l->o.batch;
}

static void shuffle(loader *l, int64_t epoch) {
    if (!l->order || l->epoch == epoch) return;
    random_permutation(l->order, dataset_count(l->data), l->o.seed, random_hash("loader/order") + (uint64_t)epoch);
    l->epoch = epoch;
}

typedef struct fill_job {
    loader *l;
    int64_t first, items;
    float *x;
    int64_t *labels, *indices;
} fill_job;

static stria_status fill_item(const loader *l, int64_t index, float *x, stria_error *err) {
    dataset_item item;
    int shape[3];
    TRY(dataset_read(l->data, index, &item, err));
    const image_view *v = &item.view;
    preprocess p = preprocess_fit(&l->p, v, l->shape);
    stria_status status = preprocess_shape(&p, v->channels, v->height, v->width, shape, err);
    if (status == STRIA_OK && memcmp(shape, l->shape, sizeof shape) != 0) {
        status = error_set(err, STRIA_BAD_SHAPE, "the picture becomes %dx%dx%d, but %dx%dx%d is expected", shape[0],
                           shape[1], shape[2], l->shape[0], l->shape[1], l->shape[2]);
    }
    if (status == STRIA_OK) status = preprocess_apply(&p, &l->table, v, x, err);
    if (status != STRIA_OK && dataset_file(l->data, index)) error_prefix(err, "%s: ", dataset_file(l->data, index));
    dataset_item_release(&item);
    return status;
}

static void fill_share(void *context, int64_t task, int worker) {
    (void)worker;
    const fill_job *job = context;
    loader *l = job->l;
    int64_t size = (int64_t)l->shape[0] * l->shape[1] * l->shape[2];
    int64_t end = (task + 1) * SHARE < job->items ? (task + 1) * SHARE : job->items;
    l->status[task] = STRIA_OK;
    for (int64_t i = task * SHARE; i < end && l->status[task] == STRIA_OK; i++) {
        int64_t index = l->order ? l->order[job->first + i] : job->first + i;
        if (job->labels) job->labels[i] = dataset_label(l->data, index);
        if (job->indices) job->indices[i] = index;
        l->status[task] = fill_item(l, index, job->x + i * size, &l->errors[task]);
    }
}

stria_status loader_fill(loader *l, pool *workers, int64_t epoch, int64_t batch, float *x, int64_t *labels,
                         int64_t *indices, stria_error *err) {
    if (epoch < 0 || batch < 0 || batch >= loader_batches(l)) {
        FAIL(err, STRIA_BAD_ARGUMENT, "batch %lld of epoch %lld does not exist", (long long)batch, (long long)epoch);
    }
    fill_job job = {l, batch * l->o.batch, loader_items(l, batch), x, labels, indices};
    int64_t tasks = (job.items - 1) / SHARE + 1, bad = 0;
    shuffle(l, epoch);
    pool_run(workers, fill_share, &job, tasks);
    while (bad < tasks && l->status[bad] == STRIA_OK) bad++;
    if (bad == tasks) return STRIA_OK;
    if (err) *err = l->errors[bad];
    return l->status[bad];
}
