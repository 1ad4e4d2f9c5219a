#include "data/loader.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/kept.h"

#define SHARE 16 /* items a task: enough that small pictures are not all overhead */

/* An item and what is wrong with it; index −1: none. */
typedef struct bad_item {
    int64_t index;
    stria_error error;
} bad_item;

struct loader {
    const dataset *data;
    preprocess p;
    augment augment;
    pixel_table table;
    loader_options o;
    int shape[3];
    int64_t filling;      /* the epoch whose batch is being filled */
    int64_t epoch;        /* whose permutation is in order; −1: none yet */
    int64_t *order;       /* NULL: not shuffled */
    stria_status *status; /* [tasks of a batch] */
    stria_error *errors;  /* [tasks of a batch] */
    uint8_t *bad;         /* [items of the data], those that were found bad; NULL: BAD_FAILS */
    bad_item *worst;      /* [tasks of a batch], the first in the data that this batch found */
    bad_item first;       /* of all of them */
    kept *kept;           /* NULL: nothing is */
    float *spare;         /* a picture, for mixing; NULL: nothing is mixed */
    double share;         /* loader_share */
    int view;             /* loader_view */
};

static int64_t shape_size(const loader *l) {
    return (int64_t)l->shape[0] * l->shape[1] * l->shape[2];
}

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
    return augment_check(&l->augment, l->shape, dataset_is_float(l->data), err);
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
    *l = (loader){.data = d, .p = *p, .o = *options, .epoch = -1, .first.index = -1};
    if (options->augment) l->augment = *options->augment;
    int64_t tasks = ((options->batch < n ? options->batch : n) - 1) / SHARE + 1;
    stria_status status;
    TRY_DONE(shape_find(l, err));
    if (options->shuffle) TRY_DONE(mem_new(&l->order, (size_t)n, sizeof *l->order, "the order of the data", err));
    TRY_DONE(mem_new(&l->status, (size_t)tasks, sizeof *l->status, "a batch loader", err));
    TRY_DONE(mem_new(&l->errors, (size_t)tasks, sizeof *l->errors, "a batch loader", err));
    if (options->bad != BAD_FAILS) {
        TRY_DONE(mem_new(&l->bad, (size_t)n + 1, sizeof *l->bad, "a batch loader", err));
        TRY_DONE(mem_new(&l->worst, (size_t)tasks, sizeof *l->worst, "a batch loader", err));
    }
    if (augment_mixes(&l->augment))
        TRY_DONE(mem_new(&l->spare, (size_t)shape_size(l), sizeof *l->spare, "a batch loader", err));
    if (options->keep_bytes && !options->tta && !dataset_uniform(d))
        TRY_DONE(kept_new(&l->kept, n, options->keep_bytes, err));
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
    mem_free(l->bad);
    mem_free(l->worst);
    kept_free(l->kept);
    mem_free(l->spare);
    mem_free(l);
}

size_t loader_kept_bytes(const loader *l) {
    return kept_bytes(l->kept);
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

static void channels_swap(preprocess *p) {
    double mean = p->mean[0], std = p->std[0];
    if (p->means > 1) p->mean[0] = p->mean[2], p->mean[2] = mean;
    if (p->stds > 1) p->std[0] = p->std[2], p->std[2] = std;
}

static void planes_swap(float *x, int64_t area) {
    for (int64_t i = 0; i < area; i++) {
        float first = x[i];
        x[i] = x[2 * area + i];
        x[2 * area + i] = first;
    }
}

/* Pixels as the steps of augmentation know them: not scaled, red before green and blue. */
static stria_status pixels_fill(const preprocess *p, const image_view *v, float *x, stria_error *err) {
    preprocess unscaled = preprocess_unscaled(p);
    if (p->order == PREPROCESS_BGR) unscaled.order = PREPROCESS_RGB;
    return preprocess_apply(&unscaled, NULL, v, x, err);
}

/* Changed, then scaled. */
static stria_status pixels_change(const loader *l, const preprocess *p, augment_draw *d, bool measured, float *x,
                                  stria_error *err) {
    preprocess ordered = *p;
    bool swapped = p->order == PREPROCESS_BGR;
    if (swapped) channels_swap(&ordered);
    TRY(augment_apply(&l->augment, d, l->shape, &ordered, measured, x, err));
    if (swapped) planes_swap(x, (int64_t)l->shape[1] * l->shape[2]);
    preprocess_scale(p, l->shape, x);
    return STRIA_OK;
}

/* A view of the picture as x. part: resized to the network's size, whatever preprocessing says. A picture that only its
 * resized form is needed of is kept so. */
static stria_status fill_view(const loader *l, int64_t index, augment_draw *draw, image_view *v, bool part, float *x,
                              stria_error *err) {
    int shape[3];
    preprocess p = preprocess_fit(&l->p, v, l->shape);
    TRY(tta_apply(l->o.tta, l->view, l->shape, &p, v, err));
    if (part) {
        p.resize_height = l->shape[1];
        p.resize_width = l->shape[2];
        p.crop_height = p.crop_width = 0;
    }
    TRY(preprocess_shape(&p, v->channels, v->height, v->width, shape, err));
    if (memcmp(shape, l->shape, sizeof shape) != 0)
        FAIL(err, STRIA_BAD_SHAPE, "the picture becomes %dx%dx%d, but %dx%dx%d is expected", shape[0], shape[1],
             shape[2], l->shape[0], l->shape[1], l->shape[2]);
    if (!l->augment.count) TRY(preprocess_apply(&p, &l->table, v, x, err));
    else TRY(pixels_fill(&p, v, x, err));
    if (l->kept && !augment_parts(&l->augment)) kept_copy(l->kept, index, x, shape_size(l));
    return l->augment.count ? pixels_change(l, &p, draw, v->values != NULL, x, err) : STRIA_OK;
}

/* From what was kept of it, which has the network's channels and size already. */
static stria_status fill_kept(const loader *l, augment_draw *draw, const float *values, float *x, stria_error *err) {
    const image_view v = {.channels = l->shape[0], .height = l->shape[1], .width = l->shape[2]};
    preprocess p = preprocess_fit(&l->p, &v, l->shape);
    memcpy(x, values, (size_t)shape_size(l) * sizeof *x);
    return l->augment.count ? pixels_change(l, &p, draw, false, x, err) : STRIA_OK;
}

static stria_status fill_item(const loader *l, int64_t index, float *x, stria_error *err) {
    dataset_item item = {0};
    augment_draw draw = augment_draw_of(l->o.seed, l->filling, index);
    const float *values = kept_values(l->kept, index);
    if (values) return fill_kept(l, &draw, values, x, err);
    const image *picture = kept_image(l->kept, index);
    if (!picture) TRY(dataset_read(l->data, index, &item, err));
    image_view v = picture ? image_view_of(picture) : item.view;
    bool part = augment_part(&l->augment, &draw, &v);
    stria_status status = fill_view(l, index, &draw, &v, part, x, err);
    if (status != STRIA_OK && dataset_file(l->data, index)) error_prefix(err, "%s: ", dataset_file(l->data, index));
    if (status == STRIA_OK && !picture && augment_parts(&l->augment) && kept_take(l->kept, index, &item.decoded))
        return STRIA_OK;
    dataset_item_release(&item);
    return status;
}

/* The picture is to blame, not the machine: a training that runs out of file descriptors must not lose pictures. */
static bool is_bad(stria_status status) {
    return status == STRIA_NO_FILE || status == STRIA_BAD_FILE || status == STRIA_BAD_SHAPE ||
           status == STRIA_UNSUPPORTED;
}

/* The same where a bad item is noted, and known from then on. */
static stria_status try_item(loader *l, bad_item *found, int64_t index, float *x, stria_error *err) {
    if (__atomic_load_n(&l->bad[index], __ATOMIC_RELAXED)) return STRIA_BAD_FILE;
    stria_status status = fill_item(l, index, x, err);
    if (!is_bad(status)) return status;
    __atomic_store_n(&l->bad[index], 1, __ATOMIC_RELAXED);
    if (found->index < 0 || index < found->index) *found = (bad_item){index, *err};
    return STRIA_BAD_FILE;
}

/* Fails where an item is bad and nothing else becomes of it. */
static stria_status fill_strictly(const loader *l, int64_t index, float *x, stria_error *err) {
    stria_status status = fill_item(l, index, x, err);
    if (!is_bad(status) || !dataset_file(l->data, index)) return status;
    const stria_error why = *err;
    return error_set(err, status, "%s; --skip-bad leaves such pictures out", why.text);
}

/* The place `at` of the epoch's order; *index is the item that it got, −1: none, in *x zeros. */
static stria_status fill_place(loader *l, bad_item *found, int64_t at, float *x, int64_t *index, stria_error *err) {
    int64_t n = dataset_count(l->data), size = shape_size(l);
    *index = l->order ? l->order[at] : at;
    if (!l->bad) return fill_strictly(l, *index, x, err);
    stria_status status = try_item(l, found, *index, x, err);
    for (int64_t k = 1; status == STRIA_BAD_FILE && l->o.bad == BAD_REPLACED && k < n; k++) {
        *index = l->order ? l->order[(at + k) % n] : (at + k) % n;
        status = try_item(l, found, *index, x, err);
    }
    if (status != STRIA_BAD_FILE || l->o.bad == BAD_REPLACED) return status;
    memset(x, 0, (size_t)size * sizeof *x);
    *index = -1;
    return STRIA_OK;
}

static void fill_share(void *context, int64_t task, int worker) {
    (void)worker;
    const fill_job *job = context;
    loader *l = job->l;
    int64_t size = shape_size(l);
    int64_t end = (task + 1) * SHARE < job->items ? (task + 1) * SHARE : job->items;
    l->status[task] = STRIA_OK;
    for (int64_t i = task * SHARE; i < end && l->status[task] == STRIA_OK; i++) {
        int64_t index;
        l->status[task] =
            fill_place(l, l->bad ? &l->worst[task] : NULL, job->first + i, job->x + i * size, &index, &l->errors[task]);
        if (job->labels) job->labels[i] = index < 0 ? -1 : dataset_label(l->data, index);
        if (job->indices) job->indices[i] = index;
    }
}

int64_t loader_bad_count(const loader *l, const char **first) {
    int64_t count = 0, n = l->bad ? dataset_count(l->data) : 0;
    for (int64_t i = 0; i < n; i++) count += l->bad[i];
    if (first) *first = count ? l->first.error.text : NULL;
    return count;
}

stria_status loader_none_good(const loader *l, stria_error *err) {
    FAIL(err, STRIA_BAD_FILE, "none of the %lld pictures can be read, the first because of this: %s",
         (long long)dataset_count(l->data), l->first.error.text);
}

void loader_view(loader *l, int view) {
    l->view = view;
}

bool loader_mixes(const loader *l) {
    return l->spare != NULL;
}

double loader_share(const loader *l) {
    return l->share;
}

static void mix(loader *l, pool *workers, int64_t epoch, int64_t batch, const fill_job *job) {
    l->share = 1;
    if (l->spare)
        l->share = augment_batch(&l->augment, l->o.seed, epoch, batch, l->shape, job->items, job->x, l->spare, workers);
}

stria_status loader_fill(loader *l, pool *workers, int64_t epoch, int64_t batch, float *x, int64_t *labels,
                         int64_t *indices, stria_error *err) {
    if (epoch < 0 || batch < 0 || batch >= loader_batches(l)) {
        FAIL(err, STRIA_BAD_ARGUMENT, "batch %lld of epoch %lld does not exist", (long long)batch, (long long)epoch);
    }
    fill_job job = {l, batch * l->o.batch, loader_items(l, batch), x, labels, indices};
    int64_t tasks = (job.items - 1) / SHARE + 1, bad = 0;
    shuffle(l, epoch);
    l->filling = epoch;
    for (int64_t i = 0; l->bad && i < tasks; i++) l->worst[i].index = -1;
    pool_run(workers, fill_share, &job, tasks);
    for (int64_t i = 0; l->bad && i < tasks; i++)
        if (l->worst[i].index >= 0 && (l->first.index < 0 || l->worst[i].index < l->first.index))
            l->first = l->worst[i];
    while (bad < tasks && l->status[bad] == STRIA_OK) bad++;
    if (bad == tasks) return mix(l, workers, epoch, batch, &job), STRIA_OK;
    if (l->bad && l->status[bad] == STRIA_BAD_FILE) return loader_none_good(l, err);
    if (err) *err = l->errors[bad];
    return l->status[bad];
}
