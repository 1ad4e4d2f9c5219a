/* Test-time augmentation: the views of a picture whose predictions are averaged. */
#ifndef DATA_TTA_H
#define DATA_TTA_H

#include "data/preprocess.h"

typedef enum tta_kind {
    TTA_NONE,
    TTA_FLIP,    /* the picture and its mirror image */
    TTA_TEN_CROP /* four corners and the middle, and those of the mirror image (Krizhevsky et al. 2012, 4.1) */
} tta_kind;

#define TTA_LEAST_PART (7.0 / 8) /* of a picture's side that a view shows at least */

int tta_views(tta_kind kind); /* 1, 2 or 10 */

/* Makes of a view and of what it becomes (preprocess_fit) their i-th form; the result has shape[3] as before. Where
 * ten-crop finds no crop, the picture is resized to 8/7 of the network's sides first, as AlexNet's 256 is to 224.
 * STRIA_BAD_ARGUMENT for ten-crop of measured values that are not cropped. */
stria_status tta_apply(tta_kind kind, int i, const int shape[3], preprocess *p, image_view *view, stria_error *err);

#endif
