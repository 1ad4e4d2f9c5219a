/* Pictures of a dataset as a training sees them. */
#include "api/api.h"
#include "base/memory.h"
#include "data/augment.h"
#include "data/image.h"

stria_view_options stria_view_options_default(void) {
    return (stria_view_options){.size = sizeof(stria_view_options)};
}

bool stria_augmentation(int index, const char **name, const char **takes, const char **does) {
    return augment_about(index, name, takes, does);
}

static stria_status options_check(const stria_view_options *o, stria_error *err) {
    if (o->channels != 0 && o->channels != 1 && o->channels != 3)
        FAIL(err, STRIA_BAD_ARGUMENT, "a picture has 1 channel or 3, not %lld", (long long)o->channels);
    bool both = (o->height > 0) == (o->width > 0), within = o->height <= IMAGE_MAX_SIDE && o->width <= IMAGE_MAX_SIDE;
    if (!both || !within || o->height < 0 || o->width < 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "a picture cannot be looked at as %lld x %lld pixels", (long long)o->width,
             (long long)o->height);
    return STRIA_OK;
}

static uint8_t byte_of(float x) {
    return (uint8_t)(x <= 0 ? 0 : x >= 255 ? 255 : x + 0.5f);
}

/* Floats 0…1, or pixels stored as floats, can be looked at. */
static stria_status values_scale(value_range r, double *scale, stria_error *err) {
    *scale = r.most <= 1 ? 255 : 1;
    if (r.least >= 0 && (r.most <= 1 || (r.whole && r.most <= 255))) return STRIA_OK;
    FAIL(err, STRIA_UNSUPPORTED,
         "values from %g to %g are not a picture: a picture has values 0 to 1, or whole numbers up to 255", r.least,
         r.most);
}

static stria_status item_view(const dataset_item *item, const stria_view_options *o, const augment *changes,
                              augment_draw draw, stria_array *out, stria_error *err) {
    image_view v = item->view;
    preprocess p = preprocess_unscaled(&(preprocess){.scale = 1}), black = preprocess_default();
    int shape[3], height = o->height ? (int)o->height : v.height, width = o->width ? (int)o->width : v.width;
    float *x = NULL;
    stria_status status;
    if (v.values) TRY(values_scale(v.range, &p.scale, err));
    if (o->channels) p.order = o->channels == 1 ? PREPROCESS_GREY : PREPROCESS_RGB;
    if (augment_part(changes, &draw, &v) || height != v.height || width != v.width) {
        p.resize_height = height;
        p.resize_width = width;
    }
    TRY(preprocess_shape(&p, v.channels, v.height, v.width, shape, err));
    TRY(augment_check(changes, shape, v.values != NULL, err));
    size_t n = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    stria_array a = {.type = STRIA_UINT8, .rank = 3, .shape = {shape[0], shape[1], shape[2]}, .bytes = n};
    TRY(mem_new(&x, n, sizeof *x, "a picture", err));
    TRY_DONE(preprocess_apply(&p, NULL, &v, x, err));
    if (changes->count) TRY_DONE(augment_apply(changes, &draw, shape, &black, v.values != NULL, x, NULL, err));
    TRY_DONE(mem_new(&a.data, n, 1, "a picture", err));
    for (size_t i = 0; i < n; i++) ((uint8_t *)a.data)[i] = byte_of(x[i]);
    *out = a;
done:
    mem_free(x);
    return status;
}

stria_status stria_dataset_view(const stria_dataset *d, int64_t index, const stria_view_options *options,
                                stria_array *out, stria_error *err) {
    stria_view_options o = stria_view_options_default();
    augment changes;
    dataset_item item;
    TRY(options_take(&o, sizeof o, options, "view", err));
    TRY(options_check(&o, err));
    TRY(augment_parse(o.augment ? o.augment : "", &changes, err));
    if (index < 0 || index >= dataset_count(d->d))
        FAIL(err, STRIA_BAD_ARGUMENT, "there is no image %lld: the data has %lld", (long long)index,
             (long long)dataset_count(d->d));
    TRY(dataset_read(d->d, index, 0, &item, err));
    stria_status status = item_view(&item, &o, &changes, augment_draw_of(o.seed, o.epoch, index), out, err);
    dataset_item_release(&item);
    return status;
}
