#include "data/tta.h"

enum { CROPS = 5 };

int tta_views(tta_kind kind) {
    return kind == TTA_FLIP ? 2 : kind == TTA_TEN_CROP ? 2 * CROPS : 1;
}

static void mirror(image_view *v) {
    int64_t last = (v->width - 1) * v->pixel_step;
    if (v->bytes) v->bytes += last;
    else v->values += last;
    v->pixel_step = -v->pixel_step;
}

static int larger(int side) {
    return (side * 8 + 6) / 7;
}

stria_status tta_apply(tta_kind kind, int i, const int shape[3], preprocess *p, image_view *view, stria_error *err) {
    if (kind == TTA_NONE) return STRIA_OK;
    if (i >= tta_views(kind) / 2) mirror(view);
    if (kind == TTA_FLIP) return STRIA_OK;
    if (!p->crop_height && view->values)
        FAIL(err, STRIA_BAD_ARGUMENT, "ten-crop is for pictures, which can be resized; these data are measured values");
    if (!p->crop_height) {
        p->resize_height = larger(shape[1]);
        p->resize_width = larger(shape[2]);
        p->crop_height = shape[1];
        p->crop_width = shape[2];
    }
    p->corner = i % CROPS;
    return STRIA_OK;
}
