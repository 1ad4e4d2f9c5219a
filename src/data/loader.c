#include "data/loader_inside.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/sizes.h"

int64_t loader_item_size(const loader *l) {
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
    double part = augment_least_part(&l->augment) * (l->o.tta ? TTA_LEAST_PART : 1);
    l->least_side = (int)ceil(preprocess_least_side(&l->p, l->shape) / part);
    if (l->o.target) TRY(augment_check_target(&l->augment, err));
    return augment_check(&l->augment, l->shape, dataset_is_float(l->data), err);
}

/* Pixels that lie in memory and only become floats take less time than handing them over. */
static bool reads_ahead(const loader *l) {
    bool cheap = dataset_uniform(l->data) && !dataset_made(l->data) && !l->augment.count;
    bool single = l->o.apart && loader_batches(l) == 1;
    return l->o.threads > 0 && !cheap && !single && !l->o.tta;
}

static stria_status loader_make(loader *l, stria_error *err) {
    int64_t n = dataset_count(l->data);
    TRY(shape_find(l, err));
    if (l->o.bad != BAD_FAILS) TRY(mem_new(&l->bad, (size_t)n + 1, sizeof *l->bad, "a batch loader", err));
    if (l->o.keep_bytes && !l->o.tta && !dataset_uniform(l->data)) TRY(kept_new(&l->kept, n, l->o.keep_bytes, err));
    if (reads_ahead(l)) return ring_new(&l->ring, l, err);
    TRY(loader_order_new(l, &l->order, err));
    return batch_work_init(&l->work, l, err);
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
    *l = (loader){.data = d, .p = *p, .o = *options, .order.epoch = -1, .first.index = -1, .share = 1};
    if (options->augment) l->augment = *options->augment;
    stria_status status = loader_make(l, err);
    if (status == STRIA_OK) *out = l;
    else loader_free(l);
    return status;
}

void loader_free(loader *l) {
    if (!l) return;
    ring_free(l->ring);
    batch_work_release(&l->work);
    mem_free(l->order.items);
    mem_free(l->bad);
    kept_free(l->kept);
    mem_free(l);
}

size_t loader_kept_bytes(const loader *l) {
    return kept_bytes(l->kept);
}

/* Of all pictures, as they are kept; of whole ones by the size that a sample has. */
static int64_t all_bytes(const loader *l) {
    int64_t items = dataset_count(l->data);
    int height, width;
    dataset_common(l->data, &height, &width);
    if (!augment_parts(&l->augment)) return size_mul(items, loader_item_size(l) * (int64_t)sizeof(float));
    return height && width ? size_mul(items, (int64_t)height * width * dataset_channels(l->data)) : INT64_MAX;
}

size_t loader_most_bytes(const loader *l) {
    size_t kept = l->kept ? (size_t)int64_min(all_bytes(l), (int64_t)l->o.keep_bytes) : 0;
    return kept + (l->ring ? ring_bytes(l->ring) : 0);
}

int loader_workers(int64_t wanted, int64_t threads) {
    if (wanted == 0 && threads > 1) wanted = int64_min(threads, pool_cpus());
    return wanted > 0 ? (int)wanted : 0;
}

int loader_threads(const loader *l) {
    return l->ring ? l->o.threads : 0;
}

int loader_ahead(const loader *l) {
    return l->ring ? ring_slots(l->ring) : 0;
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

stria_status loader_order_new(const loader *l, epoch_order *o, stria_error *err) {
    o->epoch = -1;
    return l->o.shuffle
               ? mem_new(&o->items, (size_t)dataset_count(l->data), sizeof *o->items, "the order of the data", err)
               : STRIA_OK;
}

void loader_order_make(const loader *l, int64_t epoch, epoch_order *o) {
    uint64_t stream = random_hash("loader/order") + (uint64_t)epoch;
    if (o->items && o->epoch != epoch) random_permutation(o->items, dataset_count(l->data), l->o.seed, stream);
    o->epoch = epoch;
}

int64_t loader_bad_count(const loader *l, const char **first) {
    int64_t count = 0, n = l->bad ? dataset_count(l->data) : 0;
    for (int64_t i = 0; i < n; i++) count += (atomic_load_explicit(&l->bad[i], memory_order_relaxed) & ITEM_NOTED) != 0;
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
    return augment_mixes(&l->augment);
}

double loader_share(const loader *l) {
    return l->share;
}

static void task_run(void *context, int64_t task, int worker) {
    batch_work_task(context, task);
}

/* Over the pool, now. */
static stria_status fill_here(loader *l, pool *workers, int64_t epoch, int64_t batch, stria_error *err) {
    loader_order_make(l, epoch, &l->order);
    batch_work_begin(&l->work, epoch, batch, l->order.items);
    pool_run(workers, task_run, &l->work, batch_work_tasks(&l->work));
    batch_work_mix(&l->work, workers);
    return batch_work_end(&l->work, err);
}

stria_status loader_fill(loader *l, pool *workers, int64_t epoch, int64_t batch, const sample *to, stria_error *err) {
    if (epoch < 0 || batch < 0 || batch >= loader_batches(l)) {
        FAIL(err, STRIA_BAD_ARGUMENT, "batch %lld of epoch %lld does not exist", (long long)batch, (long long)epoch);
    }
    if (l->ring) return ring_fill(l->ring, workers, epoch, batch, to, err);
    l->work.to = *to;
    return fill_here(l, workers, epoch, batch, err);
}

void loader_rest(loader *l) {
    if (l->ring) ring_rest(l->ring);
}
