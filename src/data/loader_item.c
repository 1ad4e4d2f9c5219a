/* What becomes of one picture: read or taken from what is kept, resized, changed, scaled. */
#include "data/loader_inside.h"

#include <string.h>

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
                                  float *target, stria_error *err) {
    preprocess ordered = *p;
    bool swapped = p->order == PREPROCESS_BGR;
    if (swapped) channels_swap(&ordered);
    TRY(augment_apply(&l->augment, d, l->shape, &ordered, measured, x, target, err));
    for (int i = 0; i < (target ? 2 : 1); i++) {
        float *planes = i ? target : x;
        if (swapped) planes_swap(planes, (int64_t)l->shape[1] * l->shape[2]);
        preprocess_scale(p, l->shape, planes);
    }
    return STRIA_OK;
}

/* A view of the picture as x. part: resized to the network's size, whatever preprocessing says. A picture that only its
 * resized form is needed of is kept so. */
static stria_status fill_view(const loader *l, int64_t index, augment_draw *draw, image_view *v, bool part, float *x,
                              float *target, stria_error *err) {
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
    if (l->kept && !augment_parts(&l->augment)) kept_copy(l->kept, index, x, loader_item_size(l));
    return l->augment.count ? pixels_change(l, &p, draw, v->values != NULL, x, target, err) : STRIA_OK;
}

/* From what was kept of it, which has the network's channels and size already. */
static stria_status fill_kept(const loader *l, augment_draw *draw, const float *values, float *x, float *target,
                              stria_error *err) {
    const image_view v = {.channels = l->shape[0], .height = l->shape[1], .width = l->shape[2]};
    preprocess p = preprocess_fit(&l->p, &v, l->shape);
    memcpy(x, values, (size_t)loader_item_size(l) * sizeof *x);
    return l->augment.count ? pixels_change(l, &p, draw, false, x, target, err) : STRIA_OK;
}

static stria_status item_fill(const loader *l, int64_t epoch, int64_t index, float *x, float *target,
                              stria_error *err) {
    dataset_item item = {0};
    augment_draw draw = augment_draw_of(l->o.seed, epoch, index);
    const float *values = kept_values(l->kept, index);
    if (values) return fill_kept(l, &draw, values, x, target, err);
    const image *picture = kept_image(l->kept, index);
    if (!picture) TRY(dataset_read(l->data, index, l->least_side, &item, err));
    image_view v = picture ? image_view_of(picture) : item.view;
    bool part = augment_part(&l->augment, &draw, &v);
    stria_status status = fill_view(l, index, &draw, &v, part, x, target, err);
    if (status != STRIA_OK && dataset_file(l->data, index)) error_prefix(err, "%s: ", dataset_file(l->data, index));
    if (status == STRIA_OK && !picture && augment_parts(&l->augment) && kept_take(l->kept, index, &item.decoded))
        return STRIA_OK;
    dataset_item_release(&item);
    return status;
}

stria_status loader_item(const loader *l, int64_t epoch, int64_t index, float *x, float *target, stria_error *err) {
    TRY(item_fill(l, epoch, index, x, target, err));
    if (target && !l->augment.count) memcpy(target, x, (size_t)loader_item_size(l) * sizeof *x);
    return STRIA_OK;
}
