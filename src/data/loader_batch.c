/* One batch: its items in tasks, and what is put together of them. */
#include "data/loader_inside.h"

#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "base/sizes.h"

/* Items a task: enough that small pictures in memory are not all overhead, few enough that files, which take
 * milliseconds each, keep all threads busy to a batch's end. */
enum { SHARE_MEMORY = 16, SHARE_FILES = 4 };

static int64_t share_of(const loader *l) {
    return dataset_file(l->data, 0) ? SHARE_FILES : SHARE_MEMORY;
}

static int64_t most_tasks(const loader *l) {
    return ceil_div(int64_min(l->o.batch, dataset_count(l->data)), share_of(l));
}

int64_t batch_work_tasks(const batch_work *w) {
    return ceil_div(w->items, share_of(w->l));
}

stria_status batch_work_init(batch_work *w, loader *l, stria_error *err) {
    size_t tasks = (size_t)most_tasks(l);
    *w = (batch_work){.l = l, .own_share = 1};
    TRY(mem_new(&w->status, tasks, sizeof *w->status, "a batch loader", err));
    TRY(mem_new(&w->errors, tasks, sizeof *w->errors, "a batch loader", err));
    if (l->o.bad != BAD_FAILS) TRY(mem_new(&w->worst, tasks, sizeof *w->worst, "a batch loader", err));
    if (augment_mixes(&l->augment))
        TRY(mem_new(&w->spare, (size_t)loader_item_size(l), sizeof *w->spare, "a batch loader", err));
    return STRIA_OK;
}

void batch_work_release(batch_work *w) {
    mem_free(w->status);
    mem_free(w->errors);
    mem_free(w->worst);
    mem_free(w->spare);
    *w = (batch_work){0};
}

void batch_work_begin(batch_work *w, int64_t epoch, int64_t batch, const int64_t *order) {
    w->epoch = epoch;
    w->batch = batch;
    w->first = batch * w->l->o.batch;
    w->items = loader_items(w->l, batch);
    w->order = order;
    w->own_share = 1;
}

/* The picture is to blame, not the machine: a training that runs out of file descriptors must not lose pictures. */
static bool is_bad(stria_status status) {
    return status == STRIA_NO_FILE || status == STRIA_BAD_FILE || status == STRIA_BAD_SHAPE ||
           status == STRIA_UNSUPPORTED;
}

/* Where the values of the batch's item at `place` go; NULL where they are not wanted. */
static float *place_of(const batch_work *w, float *values, int64_t place) {
    return values ? values + place * loader_item_size(w->l) : NULL;
}

static stria_status item_put(const batch_work *w, int64_t index, int64_t place, stria_error *err) {
    return loader_item(w->l, w->epoch, index, place_of(w, w->to.image, place), place_of(w, w->to.target, place), err);
}

/* A bad item is noted, and not read again once who takes batches knows of it: until then each batch that meets it finds
 * its sentence itself, so that what is known after a batch does not depend on which were made ahead. */
static stria_status try_item(batch_work *w, bad_item *found, int64_t index, int64_t place, stria_error *err) {
    loader *l = w->l;
    if (atomic_load_explicit(&l->bad[index], memory_order_relaxed) & ITEM_NOTED) return STRIA_BAD_FILE;
    stria_status status = item_put(w, index, place, err);
    if (!is_bad(status)) return status;
    atomic_fetch_or_explicit(&l->bad[index], ITEM_BAD, memory_order_relaxed);
    if (found->index < 0 || index < found->index) *found = (bad_item){index, *err};
    return STRIA_BAD_FILE;
}

/* Fails where an item is bad and nothing else becomes of it. */
static stria_status fill_strictly(const batch_work *w, int64_t index, int64_t place, stria_error *err) {
    stria_status status = item_put(w, index, place, err);
    if (!is_bad(status) || !dataset_file(w->l->data, index)) return status;
    const stria_error why = *err;
    return error_set(err, status, "%s; --skip-bad leaves such pictures out", why.text);
}

static int64_t item_at(const batch_work *w, int64_t place) {
    place %= dataset_count(w->l->data);
    return w->order ? w->order[place] : place;
}

static bool is_given_up(const batch_work *w) {
    return w->given_up && atomic_load_explicit(w->given_up, memory_order_relaxed);
}

/* The batch's place `place`; *index is the item that it got, −1: none, with values of zero. */
static stria_status fill_place(batch_work *w, bad_item *found, int64_t place, int64_t *index, stria_error *err) {
    const loader *l = w->l;
    int64_t at = w->first + place;
    *index = item_at(w, at);
    if (!l->bad) return fill_strictly(w, *index, place, err);
    stria_status status = try_item(w, found, *index, place, err);
    bool replaced = l->o.bad == BAD_REPLACED;
    for (int64_t k = 1; status == STRIA_BAD_FILE && replaced && k < dataset_count(l->data) && !is_given_up(w); k++) {
        *index = item_at(w, at + k);
        status = try_item(w, found, *index, place, err);
    }
    if (status != STRIA_BAD_FILE || replaced) return status;
    size_t bytes = (size_t)loader_item_size(l) * sizeof(float);
    memset(place_of(w, w->to.image, place), 0, bytes);
    if (w->to.target) memset(place_of(w, w->to.target, place), 0, bytes);
    *index = -1;
    return STRIA_OK;
}

void batch_work_task(batch_work *w, int64_t task) {
    const loader *l = w->l;
    int64_t begin = task * share_of(l), end = int64_min(begin + share_of(l), w->items);
    bad_item *found = w->worst ? &w->worst[task] : NULL;
    stria_status status = STRIA_OK;
    if (found) found->index = -1;
    for (int64_t i = begin; i < end && status == STRIA_OK && !is_given_up(w); i++) {
        int64_t index;
        status = fill_place(w, found, i, &index, &w->errors[task]);
        if (w->to.label) w->to.label[i] = index < 0 ? -1 : dataset_label(l->data, index);
        if (w->to.index) w->to.index[i] = index;
    }
    w->status[task] = status;
}

void batch_work_mix(batch_work *w, pool *workers) {
    const loader *l = w->l;
    bool made = true;
    for (int64_t task = 0; task < batch_work_tasks(w); task++) made = made && w->status[task] == STRIA_OK;
    if (w->spare && made)
        w->own_share = augment_batch(&l->augment, l->o.seed, w->epoch, w->batch, l->shape, w->items, w->to.image,
                                     w->spare, workers);
}

/* Reports the bad items of this batch, independent of the thread that made it and of earlier batches. */
static void bad_note(const batch_work *w) {
    loader *l = w->l;
    int64_t n = dataset_count(l->data), most = l->o.bad == BAD_REPLACED ? n : 1;
    for (int64_t i = 0; i < w->items; i++)
        for (int64_t k = 0; k < most; k++) {
            _Atomic uint8_t *state = &l->bad[item_at(w, w->first + i + k)];
            if (!(atomic_load_explicit(state, memory_order_relaxed) & ITEM_BAD)) break;
            atomic_fetch_or_explicit(state, ITEM_NOTED, memory_order_relaxed);
        }
    for (int64_t task = 0; task < batch_work_tasks(w); task++)
        if (w->worst[task].index >= 0 && (l->first.index < 0 || w->worst[task].index < l->first.index))
            l->first = w->worst[task];
}

stria_status batch_work_end(batch_work *w, stria_error *err) {
    int64_t tasks = batch_work_tasks(w), bad = 0;
    if (w->l->bad) bad_note(w);
    w->l->share = w->own_share;
    while (bad < tasks && w->status[bad] == STRIA_OK) bad++;
    if (bad == tasks) return STRIA_OK;
    if (w->l->bad && w->status[bad] == STRIA_BAD_FILE) return loader_none_good(w->l, err);
    if (err) *err = w->errors[bad];
    return w->status[bad];
}
