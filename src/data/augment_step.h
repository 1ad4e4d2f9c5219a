/* Shared by the files of augmentation: a picture being changed, and the steps. */
#ifndef DATA_AUGMENT_STEP_H
#define DATA_AUGMENT_STEP_H

#include "data/augment.h"

/* Planes [channels][height][width]; `spare` is as large, for steps that cannot work in place (they may swap the two);
 * `field` has room for four planes. */
typedef struct augment_picture {
    int channels, height, width;
    float *x, *spare, *field;
    bool measured;                /* values, not pixels */
    const preprocess *preprocess; /* what follows: blank is what it makes 0 */
} augment_picture;

static inline int picture_area(const augment_picture *m) {
    return m->height * m->width;
}

/* `number` are the step's, defaults filled in; `count` of them (filters take any). */
typedef void augment_function(augment_picture *m, const augment_step *s, augment_draw *d);

/* A key's numbers follow it; those of the first key may stand without it. */
enum { KEYS = 6 };
typedef struct argument {
    const char *key;
    int count; /* of numbers; −1: any */
    double standard[2], low, high;
} argument;

enum { NEEDS_PIXELS = 1, NEEDS_COLOUR = 2, EARLY = 4, NEEDS_BATCH = 8, DAMAGES = 16 /* hides what was there */ };

struct augment_kind {
    const char *name;
    augment_function *run; /* NULL: it acts before a picture is resized (EARLY), or on a batch */
    int needs;
    double p; /* how probable it is unless "p" says */
    argument arguments[KEYS];
    const char *takes, *does;
};

/* Where numbers are drawn for a purpose, "loader/augment" or another. */
augment_draw draw_of(const char *purpose, uint64_t seed, int64_t epoch, int64_t index);

/* Geometry (augment_warp.c). */
augment_function augment_flip, augment_flip_vertical, augment_crop, augment_rotate, augment_affine, augment_perspective,
    augment_elastic;
/* Areas (augment_area.c). */
augment_function augment_cutout, augment_erase, augment_blur, augment_filter, augment_noise, augment_sharpness;
/* Colours (augment_colour.c). */
augment_function augment_colour, augment_brightness, augment_contrast, augment_saturation, augment_hue, augment_grey,
    augment_invert, augment_posterize, augment_solarize, augment_autocontrast, augment_equalize, augment_lighting,
    augment_shift;
/* Policies, which choose among the others (augment_policy.c). */
augment_function augment_rand, augment_trivial;

/* ---- the same with their strength given, for policies ---- */

/* Rows of a map from a result's pixel, counted from the centre, to the picture's: x = m[0]·u + m[1]·v + m[2],
 * y = m[3]·u + m[4]·v + m[5]. Bilinear over pixel centres; outside is 0, mixed in once at the edge. */
void warp_affine(augment_picture *m, const double map[6]);
/* torchvision's affine: degrees clockwise, translation in pixels, scale, shear in degrees along x and y, all about the
 * centre. */
void warp_map(double map[6], double degrees, double tx, double ty, double scale, double shear_x, double shear_y);

void colour_brightness(augment_picture *m, double factor); /* x · factor */
void colour_contrast(augment_picture *m, double factor);   /* away from the mean of the grey picture */
void colour_saturation(augment_picture *m, double factor); /* away from the grey picture */
void colour_hue(augment_picture *m, double turn);          /* of the circle, −0.5…0.5 */
void colour_posterize(augment_picture *m, int bits);
void colour_solarize(augment_picture *m, double threshold);
void colour_autocontrast(augment_picture *m);
void colour_equalize(augment_picture *m);
/* A plane smoothed by a Gaussian in place, cut off at 3 deviations or 60 pixels; the borders mirror. spare is as large.
 */
void blur_plane(float *x, float *spare, int height, int width, double sigma);
void area_sharpness(augment_picture *m, double factor); /* away from the picture smoothed by 1 1 1, 1 5 1, 1 1 1 */

#endif
