/* RandAugment (Cubuk et al. 2019) and TrivialAugment Wide (Müller and Hutter 2021), with torchvision's ranges: 31
 * strengths. */
#include <math.h>

#include "data/augment_step.h"

typedef enum action {
    IDENTITY,
    SHEAR_X,
    SHEAR_Y,
    TRANSLATE_X,
    TRANSLATE_Y,
    ROTATE,
    BRIGHTNESS,
    COLOUR,
    CONTRAST,
    SHARPNESS,
    POSTERIZE,
    SOLARIZE,
    AUTOCONTRAST,
    EQUALIZE,
    ACTIONS
} action;

/* The strongest of a policy; `pixels`: translation in pixels, else a share of 150/331 of the side. */
typedef struct ranges {
    double shear, degrees, translate, factor, bits;
    bool pixels;
} ranges;

static const ranges rand_ranges = {0.3, 30, 150.0 / 331, 0.9, 4, false};
static const ranges wide_ranges = {0.99, 135, 32, 0.99, 6, true};

#define DEGREES 57.29577951308232

static void translate(augment_picture *m, const ranges *r, action a, double strength) {
    double map[6], side = a == TRANSLATE_X ? m->width : m->height;
    double by = trunc(strength * (r->pixels ? r->translate : r->translate * side));
    warp_map(map, 0, a == TRANSLATE_X ? by : 0, a == TRANSLATE_Y ? by : 0, 1, 0, 0);
    warp_affine(m, map);
}

/* About the upper left corner: a shear about the centre, moved back. */
static void shear(augment_picture *m, const ranges *r, action a, double strength) {
    double by = strength * r->shear, map[6] = {1, 0, 0, 0, 1, 0};
    if (a == SHEAR_X) {
        map[1] = -by;
        map[2] = -by * (m->height - 1) / 2.0;
    } else {
        map[3] = -by;
        map[5] = -by * (m->width - 1) / 2.0;
    }
    warp_affine(m, map);
}

/* strength −1…1: its sign matters where a step has a direction. */
static void act(augment_picture *m, const ranges *r, action a, double strength) {
    double map[6], factor = 1 + strength * r->factor;
    switch (a) {
    case SHEAR_X:
    case SHEAR_Y:
        shear(m, r, a, strength);
        break;
    case TRANSLATE_X:
    case TRANSLATE_Y:
        translate(m, r, a, strength);
        break;
    case ROTATE:
        warp_map(map, -strength * r->degrees, 0, 0, 1, 0, 0); /* torchvision's rotate is counter-clockwise */
        warp_affine(m, map);
        break;
    case BRIGHTNESS:
        colour_brightness(m, factor);
        break;
    case COLOUR:
        colour_saturation(m, factor);
        break;
    case CONTRAST:
        colour_contrast(m, factor);
        break;
    case SHARPNESS:
        area_sharpness(m, factor);
        break;
    case POSTERIZE:
        colour_posterize(m, 8 - (int)nearbyint(fabs(strength) * r->bits));
        break;
    case SOLARIZE:
        colour_solarize(m, 255 * (1 - fabs(strength)));
        break;
    case AUTOCONTRAST:
        colour_autocontrast(m);
        break;
    case EQUALIZE:
        colour_equalize(m);
        break;
    default:
        break;
    }
}

void augment_rand(augment_picture *m, const augment_step *s, augment_draw *d) {
    for (int i = 0; i < (int)s->number[0]; i++) {
        action a = (action)draw_whole(d, ACTIONS);
        double sign = draw_whole(d, 2) ? 1 : -1;
        act(m, &rand_ranges, a, sign * floor(s->number[1]) / 30);
    }
}

void augment_trivial(augment_picture *m, const augment_step *s, augment_draw *d) {
    action a = (action)draw_whole(d, ACTIONS);
    double sign = draw_whole(d, 2) ? 1 : -1;
    act(m, &wide_ranges, a, sign * draw_whole(d, 31) / 30.0);
}
