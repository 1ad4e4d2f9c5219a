#include "api/api.h"
#include "data/pack.h"

#include <pthread.h>
#include <string.h>

static const char *const split_names[] = {"train", "val", "test"};

stria_dataset_options stria_dataset_options_default(void) {
    return (stria_dataset_options){.size = sizeof(stria_dataset_options)};
}

stria_dataset *dataset_retain(const stria_dataset *d) {
    stria_dataset *shared = (stria_dataset *)(uintptr_t)d;
    if (shared) __atomic_add_fetch(&shared->references, 1, __ATOMIC_RELAXED);
    return shared;
}

/* A handle without its dataset yet. */
static stria_status dataset_wrap(stria_dataset **out, const char *spec, const stria_dataset_options *options,
                                 stria_error *err) {
    stria_dataset *d;
    TRY(mem_new(&d, 1, sizeof *d, "a dataset", err));
    *d = (stria_dataset){.references = 1, .options = *options, .spec = mem_strdup(spec)};
    if (!d->spec) {
        mem_free(d);
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for a dataset");
    }
    *out = d;
    return STRIA_OK;
}

static dataset_options inner_options(const stria_dataset_options *o) {
    return (dataset_options){.split = split_names[o->split],
                             .limit = o->limit,
                             .hold_out = o->hold_out_val,
                             .val = o->val,
                             .seed = o->seed,
                             .max_pixels = o->max_pixels,
                             .no_exif = o->no_exif,
                             .fast_decode = o->fast_decode,
                             .pipes = o->pipes};
}

stria_status stria_dataset_open(stria_dataset **out, const char *spec, const stria_dataset_options *options,
                                stria_error *err) {
    stria_dataset_options o = stria_dataset_options_default();
    stria_dataset *d;
    TRY(options_take(&o, sizeof o, options, "dataset", err));
    if ((unsigned)o.split >= sizeof split_names / sizeof *split_names)
        FAIL(err, STRIA_BAD_ARGUMENT, "there is no split %d of a dataset", (int)o.split);
    dataset_options inner = inner_options(&o);
    TRY(dataset_wrap(&d, spec, &o, err));
    stria_status status = dataset_open(&d->d, spec, &inner, err);
    if (status == STRIA_OK) *out = d;
    else stria_dataset_free(d);
    return status;
}

stria_status stria_dataset_open_pair(stria_dataset **train, stria_dataset **val, const char *spec,
                                     const stria_dataset_options *options, stria_error *err) {
    stria_dataset_options o = stria_dataset_options_default();
    stria_dataset *t = NULL, *v = NULL;
    TRY(options_take(&o, sizeof o, options, "dataset", err));
    o.split = STRIA_SPLIT_TRAIN;
    o.hold_out_val = true;
    dataset_options inner = inner_options(&o);
    stria_status status = dataset_wrap(&t, spec, &o, err);
    o.split = STRIA_SPLIT_VAL;
    if (status == STRIA_OK) status = dataset_wrap(&v, spec, &o, err);
    if (status == STRIA_OK) status = dataset_open_pair(&t->d, &v->d, spec, &inner, err);
    if (status == STRIA_OK) {
        *train = t;
        *val = v;
    } else {
        stria_dataset_free(t);
        stria_dataset_free(v);
    }
    return status;
}

/* Of a dataset that no spec opens. */
static stria_status memory_wrap(stria_dataset **out, stria_error *err) {
    const stria_dataset_options o = stria_dataset_options_default();
    return dataset_wrap(out, DATA_IN_MEMORY, &o, err);
}

stria_status stria_dataset_from_arrays(stria_dataset **out, const stria_array *images, const stria_array *labels,
                                       const char *const *class_names, int classes, stria_error *err) {
    stria_dataset *d;
    TRY(memory_wrap(&d, err));
    stria_status status = dataset_from_arrays(&d->d, images, labels, class_names, classes, err);
    if (status == STRIA_OK) *out = d;
    else stria_dataset_free(d);
    return status;
}

stria_status stria_dataset_from_callbacks(stria_dataset **out, const stria_dataset_callbacks *callbacks,
                                          stria_error *err) {
    stria_dataset_callbacks c = {.size = sizeof c};
    stria_dataset *d;
    if (!callbacks) FAIL(err, STRIA_BAD_ARGUMENT, "there are no callbacks");
    TRY(struct_check(callbacks, "stria_dataset_callbacks", err));
    TRY(options_take(&c, sizeof c, callbacks, "dataset", err));
    TRY(memory_wrap(&d, err));
    stria_status status = dataset_from_callbacks(&d->d, &c, err);
    if (status == STRIA_OK) *out = d;
    else stria_dataset_free(d);
    return status;
}

void stria_dataset_free(stria_dataset *d) {
    if (!d || __atomic_sub_fetch(&d->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    dataset_free(d->d);
    mem_free(d->spec);
    mem_free(d);
}

int64_t stria_dataset_count(const stria_dataset *d) {
    return dataset_count(d->d);
}
int64_t stria_dataset_limit(const stria_dataset *d) {
    return d->options.limit;
}
int64_t stria_dataset_max_pixels(const stria_dataset *d) {
    return d->options.max_pixels;
}
int stria_dataset_classes(const stria_dataset *d) {
    return dataset_classes(d->d);
}

const char *stria_dataset_class_name(const stria_dataset *d, int i) {
    return i >= 0 && i < dataset_classes(d->d) ? dataset_class_name(d->d, i) : "";
}

void stria_dataset_shape(const stria_dataset *d, int64_t *channels, int64_t *height, int64_t *width) {
    *channels = dataset_channels(d->d);
    *height = dataset_uniform(d->d) ? dataset_height(d->d) : 0;
    *width = dataset_uniform(d->d) ? dataset_width(d->d) : 0;
}

const float *stria_dataset_shares(const stria_dataset *d, int64_t index) {
    return index >= 0 && index < dataset_count(d->d) ? dataset_shares(d->d, index) : NULL;
}

const char *stria_dataset_file(const stria_dataset *d, int64_t index) {
    return index >= 0 && index < dataset_count(d->d) ? dataset_file(d->d, index) : NULL;
}

bool stria_dataset_lent(const stria_dataset *d) {
    return dataset_lent(d->d);
}

const char *stria_dataset_note(const stria_dataset *d) {
    return dataset_note(d->d);
}

/* A view's samples as bytes [channels][height][width]; floats are taken as 0…1 grey values. */
static void view_bytes(const image_view *v, uint8_t *pixels) {
    for (int c = 0; c < v->channels; c++)
        for (int y = 0; y < v->height; y++)
            for (int x = 0; x < v->width; x++) {
                int64_t at = c * v->channel_step + y * v->row_step + x * v->pixel_step;
                float f = v->bytes ? 0 : v->values[at] * 255;
                *pixels++ = v->bytes ? v->bytes[at] : (uint8_t)(f < 0 ? 0 : f > 255 ? 255 : f);
            }
}

stria_status stria_dataset_read(const stria_dataset *d, int64_t index, uint8_t *pixels, size_t bytes, int64_t *label,
                                stria_error *err) {
    if (index < 0 || index >= dataset_count(d->d))
        FAIL(err, STRIA_BAD_ARGUMENT, "there is no image %lld: the data has %lld", (long long)index,
             (long long)dataset_count(d->d));
    if (pixels) {
        dataset_item item;
        TRY(dataset_read(d->d, index, 0, &item, err));
        if (item.view.channels == 1) { /* a grey picture among coloured ones */
            item.view.channels = dataset_channels(d->d);
            if (!dataset_uniform(d->d)) item.view.channel_step = 0;
        }
        size_t need = (size_t)item.view.channels * (size_t)item.view.height * (size_t)item.view.width;
        if (need == bytes) view_bytes(&item.view, pixels);
        dataset_item_release(&item);
        if (need != bytes)
            FAIL(err, STRIA_BAD_SHAPE, "image %lld has %zu bytes, not %zu", (long long)index, need, bytes);
    }
    if (label) *label = dataset_label(d->d, index);
    return STRIA_OK;
}

static const char *kind_names[16];

static void kind_names_fill(void) {
    for (int i = 0; i < dataset_kinds() && i < 15; i++) kind_names[i] = dataset_kind_at(i)->name;
}

const char *const *stria_dataset_names(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, kind_names_fill);
    return kind_names;
}

const char *stria_dataset_about(const char *name) {
    for (int i = 0; i < dataset_kinds(); i++)
        if (strcmp(dataset_kind_at(i)->name, name) == 0) return dataset_kind_at(i)->summary;
    return NULL;
}

stria_status stria_dataset_pack(const stria_dataset *d, const char *prefix, int64_t per_shard,
                                bool (*progress)(int64_t done, int64_t of, void *context), void *context,
                                int64_t *shards, stria_error *err) {
    int64_t count;
    return dataset_pack(d->d, prefix, per_shard, progress, context, shards ? shards : &count, err);
}
