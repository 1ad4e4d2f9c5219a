/* Augmentation of colours: pixels 0…255 in floats, by torchvision's formulas without their rounding to bytes. */
#include <math.h>
#include <string.h>

#include "data/augment_step.h"

static float pixel(double x) {
    return (float)(x < 0 ? 0 : x > 255 ? 255 : x);
}

static int values(const augment_picture *m) {
    return m->channels * picture_area(m);
}

/* Rec. 601, as everywhere in Stria. */
static double grey_at(const augment_picture *m, int i) {
    int area = picture_area(m);
    if (m->channels != 3) return (double)m->x[i];
    return 0.299 * (double)m->x[i] + 0.587 * (double)m->x[area + i] + 0.114 * (double)m->x[2 * area + i];
}

void colour_brightness(augment_picture *m, double factor) {
    for (int i = 0; i < values(m); i++) m->x[i] = pixel(factor * (double)m->x[i]);
}

void colour_contrast(augment_picture *m, double factor) {
    double mean = 0;
    for (int i = 0; i < picture_area(m); i++) mean += grey_at(m, i);
    mean /= picture_area(m);
    for (int i = 0; i < values(m); i++) m->x[i] = pixel(factor * (double)m->x[i] + (1 - factor) * mean);
}

void colour_saturation(augment_picture *m, double factor) {
    int area = picture_area(m);
    for (int i = 0; i < area; i++) {
        double grey = grey_at(m, i);
        for (int c = 0; c < 3; c++)
            m->x[c * area + i] = pixel(factor * (double)m->x[c * area + i] + (1 - factor) * grey);
    }
}

/* One pixel's hue turned in HSV (Smith 1978): the largest and the smallest channel stay. */
static void turn_hue(float *r, float *g, float *b, double turn) {
    double red = (double)*r, green = (double)*g, blue = (double)*b;
    double most = fmax(red, fmax(green, blue)), least = fmin(red, fmin(green, blue)), chroma = most - least, hue;
    if (chroma <= 0) return;
    if (most == red) hue = (green - blue) / chroma;
    else if (most == green) hue = 2 + (blue - red) / chroma;
    else hue = 4 + (red - green) / chroma;
    hue = fmod(hue + 6 * turn + 12, 6);
    float *const channel[3] = {r, g, b};
    for (int c = 0; c < 3; c++) {
        double k = fmod(5 - 2 * c + hue, 6); /* 5, 3, 1: red, green, blue */
        *channel[c] = (float)(most - chroma * fmax(0, fmin(fmin(k, 4 - k), 1)));
    }
}

void colour_hue(augment_picture *m, double turn) {
    int area = picture_area(m);
    for (int i = 0; i < area; i++) turn_hue(m->x + i, m->x + area + i, m->x + 2 * area + i, turn);
}

/* The byte nearest to it; 0 of a NaN, which a filter of huge numbers can make. */
static int byte_of(float x) {
    return x > 0 ? x < 255 ? (int)nearbyint((double)x) : 255 : 0;
}

void colour_posterize(augment_picture *m, int bits) {
    int mask = 255 & ~((1 << (8 - bits)) - 1);
    for (int i = 0; i < values(m); i++) m->x[i] = (float)(byte_of(m->x[i]) & mask);
}

void colour_solarize(augment_picture *m, double threshold) {
    for (int i = 0; i < values(m); i++)
        if ((double)m->x[i] >= threshold) m->x[i] = 255 - m->x[i];
}

void colour_autocontrast(augment_picture *m) {
    int area = picture_area(m);
    for (int c = 0; c < m->channels; c++) {
        float *x = m->x + (int64_t)c * area, least = x[0], most = x[0];
        for (int i = 1; i < area; i++) {
            least = x[i] < least ? x[i] : least;
            most = x[i] > most ? x[i] : most;
        }
        for (int i = 0; i < area && most > least; i++) x[i] = (x[i] - least) * (255 / (most - least));
    }
}

/* Pillow's and torchvision's: a step is the pixels that are not of the highest value, over 255; a table sums them. */
void colour_equalize(augment_picture *m) {
    int area = picture_area(m);
    for (int c = 0; c < m->channels; c++) {
        float *x = m->x + (int64_t)c * area;
        int count[256] = {0}, highest = 0, table[256];
        for (int i = 0; i < area; i++) {
            int v = byte_of(x[i]);
            count[v]++;
            highest = v > highest ? v : highest;
        }
        int step = (area - count[highest]) / 255;
        if (!step) continue;
        for (int v = 0, sum = step / 2; v < 256; sum += count[v++]) table[v] = sum / step > 255 ? 255 : sum / step;
        for (int i = 0; i < area; i++) x[i] = (float)table[byte_of(x[i])];
    }
}

/* ---- steps ---- */

/* A factor about 1; never below 0. */
static double factor_of(augment_draw *d, double amount) {
    return draw_uniform(d, amount > 1 ? 0 : 1 - amount, 1 + amount);
}

void augment_brightness(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_brightness(m, factor_of(d, s->number[0]));
}

void augment_contrast(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_contrast(m, factor_of(d, s->number[0]));
}

void augment_saturation(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_saturation(m, factor_of(d, s->number[0]));
}

void augment_hue(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_hue(m, draw_uniform(d, -s->number[0], s->number[0]));
}

/* torchvision's ColorJitter: the four in random order. */
void augment_colour(augment_picture *m, const augment_step *s, augment_draw *d) {
    int order[4] = {0, 1, 2, 3};
    for (int i = 3; i > 0; i--) {
        int k = draw_whole(d, i + 1), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
    for (int i = 0; i < 4; i++) {
        augment_step one = {.number = {s->number[order[i]]}};
        static augment_function *const run[4] = {augment_brightness, augment_contrast, augment_saturation, augment_hue};
        if (one.number[0] > 0) run[order[i]](m, &one, d);
    }
}

void augment_grey(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_saturation(m, 0);
}

void augment_invert(augment_picture *m, const augment_step *s, augment_draw *d) {
    for (int i = 0; i < values(m); i++) m->x[i] = 255 - m->x[i];
}

void augment_posterize(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_posterize(m, (int)s->number[0]);
}

void augment_solarize(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_solarize(m, s->number[0]);
}

void augment_autocontrast(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_autocontrast(m);
}

void augment_equalize(augment_picture *m, const augment_step *s, augment_draw *d) {
    colour_equalize(m);
}

void augment_shift(augment_picture *m, const augment_step *s, augment_draw *d) {
    int area = picture_area(m);
    for (int c = 0; c < m->channels; c++) {
        double by = draw_uniform(d, -s->number[0], s->number[0]);
        for (int i = 0; i < area; i++) m->x[c * area + i] = pixel((double)m->x[c * area + i] + by);
    }
}

/* Krizhevsky, Sutskever and Hinton 2012, section 4.1: along the principal components of ImageNet's colours (eigenvalues
 * and vectors of pixels 0…1, as published with fb.resnet.torch), each by a normal number times its eigenvalue. */
void augment_lighting(augment_picture *m, const augment_step *s, augment_draw *d) {
    static const double value[3] = {0.2175, 0.0188, 0.0045};
    static const double vector[3][3] = {
        {-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}};
    double by[3] = {0};
    int area = picture_area(m);
    for (int k = 0; k < 3; k++) {
        double alpha = s->number[0] * draw_normal(d) * value[k];
        for (int c = 0; c < 3; c++) by[c] += 255 * alpha * vector[c][k];
    }
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < area; i++) m->x[c * area + i] = pixel((double)m->x[c * area + i] + by[c]);
}
