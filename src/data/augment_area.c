/* Augmentation of areas: blanked, smoothed, filtered, noisy. */
#include <math.h>
#include <string.h>

#include "data/augment_step.h"

/* Rows y0…y1−1, columns x0…x1−1, cut at the border. */
static void blank(augment_picture *m, int y0, int x0, int y1, int x1) {
    y0 = y0 < 0 ? 0 : y0;
    x0 = x0 < 0 ? 0 : x0;
    y1 = y1 > m->height ? m->height : y1;
    x1 = x1 > m->width ? m->width : x1;
    for (int c = 0; c < m->channels; c++) {
        float black = preprocess_black(m->preprocess, c, m->measured);
        for (int y = y0; y < y1; y++) {
            float *row = m->x + (int64_t)(c * m->height + y) * m->width;
            for (int x = x0; x < x1; x++) row[x] = black;
        }
    }
}

/* DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout": the square's centre is
 * anywhere in the picture. */
void augment_cutout(augment_picture *m, const augment_step *s, augment_draw *d) {
    int side = (int)s->number[0], y = draw_whole(d, m->height) - side / 2, x = draw_whole(d, m->width) - side / 2;
    blank(m, y, x, y + side, x + side);
}

/* Zhong et al., "Random Erasing Data Augmentation": ten tries of an area and a ratio of sides; none where none fits. */
void augment_erase(augment_picture *m, const augment_step *s, augment_draw *d) {
    const double *n = s->number;
    for (int i = 0; i < 10; i++) {
        double area = picture_area(m) * draw_uniform(d, n[0], n[1]), ratio = exp(draw_uniform(d, log(n[2]), log(n[3])));
        int h = (int)nearbyint(sqrt(area * ratio)), w = (int)nearbyint(sqrt(area / ratio));
        if (h >= m->height || w >= m->width) continue;
        int y = draw_whole(d, m->height - h + 1), x = draw_whole(d, m->width - w + 1);
        blank(m, y, x, y + h, x + w);
        return;
    }
}

/* ---- smoothing ---- */

/* Position i of a line of n, mirrored at its ends without repeating them, however far outside. */
static int mirror(int i, int n) {
    int period = 2 * (n - 1);
    if (n == 1) return 0;
    i = i % period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

void blur_plane(float *x, float *spare, int height, int width, double sigma) {
    enum { REACH = 60 };
    int reach = (int)fmin(ceil(3 * sigma), REACH);
    float weight[REACH + 1];
    double sum = 0;
    for (int i = -reach; i <= reach; i++) sum += exp(-0.5 * i * i / (sigma * sigma));
    for (int i = 0; i <= reach; i++) weight[i] = (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);
    for (int y = 0; y < height; y++) {
        const float *row = x + (int64_t)y * width;
        for (int at = 0; at < width; at++) {
            float total = weight[0] * row[at];
            for (int i = 1; i <= reach; i++)
                total += weight[i] * (row[mirror(at - i, width)] + row[mirror(at + i, width)]);
            spare[(int64_t)y * width + at] = total;
        }
    }
    for (int y = 0; y < height; y++) {
        float *row = x + (int64_t)y * width;
        for (int at = 0; at < width; at++) row[at] = weight[0] * spare[(int64_t)y * width + at];
        for (int i = 1; i <= reach; i++) {
            const float *above = spare + (int64_t)mirror(y - i, height) * width;
            const float *below = spare + (int64_t)mirror(y + i, height) * width;
            for (int at = 0; at < width; at++) row[at] += weight[i] * (above[at] + below[at]);
        }
    }
}

void augment_blur(augment_picture *m, const augment_step *s, augment_draw *d) {
    double sigma = draw_uniform(d, s->number[0], s->number[1]);
    for (int c = 0; c < m->channels; c++)
        blur_plane(m->x + (int64_t)c * picture_area(m), m->spare, m->height, m->width, sigma);
}

/* ---- filters ---- */

/* spare = the cross-correlation (as a convolution layer's) of x with a kernel of side × side, the border repeated. */
static void correlate(augment_picture *m, const double *kernel, int side) {
    int half = side / 2, h = m->height, w = m->width;
    for (int c = 0; c < m->channels; c++) {
        const float *plane = m->x + (int64_t)c * picture_area(m);
        float *to = m->spare + (int64_t)c * picture_area(m);
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                double sum = 0;
                for (int k = 0; k < side * side; k++) {
                    int from_y = y + k / side - half, from_x = x + k % side - half;
                    from_y = from_y < 0 ? 0 : from_y >= h ? h - 1 : from_y;
                    from_x = from_x < 0 ? 0 : from_x >= w ? w - 1 : from_x;
                    sum += kernel[k] * (double)plane[(int64_t)from_y * w + from_x];
                }
                to[(int64_t)y * w + x] = (float)sum;
            }
        }
    }
}

void augment_filter(augment_picture *m, const augment_step *s, augment_draw *d) {
    correlate(m, s->number, s->count == 25 ? 5 : 3);
    float *x = m->x;
    m->x = m->spare;
    m->spare = x;
}

static float pixel(double x) {
    return (float)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* The border's pixels stay, as in torchvision's adjust_sharpness. */
void area_sharpness(augment_picture *m, double factor) {
    static const double kernel[9] = {1 / 13.0, 1 / 13.0, 1 / 13.0, 1 / 13.0, 5 / 13.0,
                                     1 / 13.0, 1 / 13.0, 1 / 13.0, 1 / 13.0};
    correlate(m, kernel, 3);
    for (int c = 0; c < m->channels; c++) {
        for (int y = 1; y < m->height - 1; y++) {
            int64_t row = (int64_t)(c * m->height + y) * m->width;
            for (int64_t i = row + 1; i < row + m->width - 1; i++)
                m->x[i] = pixel(factor * (double)m->x[i] + (1 - factor) * (double)m->spare[i]);
        }
    }
}

void augment_sharpness(augment_picture *m, const augment_step *s, augment_draw *d) {
    area_sharpness(m, s->number[0]);
}

void augment_noise(augment_picture *m, const augment_step *s, augment_draw *d) {
    int n = m->channels * picture_area(m);
    for (int i = 0; i < n; i++) m->x[i] = pixel((double)m->x[i] + 255 * s->number[0] * draw_normal(d));
}
