/* Augmentation that moves pixels. */
#include <math.h>
#include <string.h>

#include "data/augment_step.h"

#define PI 3.14159265358979323846

static void swap(augment_picture *m) {
    float *x = m->x;
    m->x = m->spare;
    m->spare = x;
}

void augment_flip(augment_picture *m, const augment_step *s, augment_draw *d) {
    for (int y = 0; y < m->channels * m->height; y++) {
        float *row = m->x + (int64_t)y * m->width;
        for (int a = 0, b = m->width - 1; a < b; a++, b--) {
            float t = row[a];
            row[a] = row[b];
            row[b] = t;
        }
    }
}

void augment_flip_vertical(augment_picture *m, const augment_step *s, augment_draw *d) {
    size_t bytes = (size_t)m->width * sizeof(float);
    for (int c = 0; c < m->channels; c++) {
        for (int y = 0; y < m->height; y++)
            memcpy(m->spare + (int64_t)(c * m->height + y) * m->width,
                   m->x + (int64_t)(c * m->height + m->height - 1 - y) * m->width, bytes);
    }
    swap(m);
}

/* Of a picture with a black border of `pad` pixels, a part of the picture's own size: it is moved by −pad…pad. */
void augment_crop(augment_picture *m, const augment_step *s, augment_draw *d) {
    int pad = (int)s->number[1];
    int down = draw_whole(d, 2 * pad + 1) - pad, right = draw_whole(d, 2 * pad + 1) - pad;
    int left = right > 0 ? 0 : -right, end = right > 0 ? m->width - right : m->width; /* of what comes from inside */
    memset(m->spare, 0, (size_t)m->channels * (size_t)picture_area(m) * sizeof(float));
    for (int y = 0; y < m->height && left < end; y++) {
        int from = y + down;
        if (from < 0 || from >= m->height) continue;
        for (int c = 0; c < m->channels; c++)
            memcpy(m->spare + (int64_t)(c * m->height + y) * m->width + left,
                   m->x + (int64_t)(c * m->height + from) * m->width + left + right,
                   (size_t)(end - left) * sizeof(float));
    }
    swap(m);
}

/* ---- warping ---- */

/* Where a sample lies: its upper left pixel and the weights of the four around it. */
typedef struct corner {
    int x, y;
    float right, below;
} corner;

static corner corner_of(double x, double y, int height, int width) {
    /* Far outside is as good as just outside, and fits an int. */
    double cx = fmin(fmax(x, -2), width + 1), cy = fmin(fmax(y, -2), height + 1), fx = floor(cx), fy = floor(cy);
    return (corner){(int)fx, (int)fy, (float)(cx - fx), (float)(cy - fy)};
}

static float pixel_at(const float *plane, int height, int width, int y, int x) {
    return x < 0 || y < 0 || x >= width || y >= height ? 0 : plane[(int64_t)y * width + x];
}

static void sample_put(augment_picture *m, int at, double x, double y) {
    corner k = corner_of(x, y, m->height, m->width);
    for (int c = 0; c < m->channels; c++) {
        const float *plane = m->x + (int64_t)c * picture_area(m);
        float top = (1 - k.right) * pixel_at(plane, m->height, m->width, k.y, k.x) +
                    k.right * pixel_at(plane, m->height, m->width, k.y, k.x + 1);
        float bottom = (1 - k.right) * pixel_at(plane, m->height, m->width, k.y + 1, k.x) +
                       k.right * pixel_at(plane, m->height, m->width, k.y + 1, k.x + 1);
        m->spare[(int64_t)c * picture_area(m) + at] = (1 - k.below) * top + k.below * bottom;
    }
}

void warp_affine(augment_picture *m, const double map[6]) {
    double cx = (m->width - 1) / 2.0, cy = (m->height - 1) / 2.0;
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            double u = x - cx, v = y - cy;
            sample_put(m, y * m->width + x, map[0] * u + map[1] * v + map[2] + cx,
                       map[3] * u + map[4] * v + map[5] + cy);
        }
    }
    swap(m);
}

/* The inverse of translation · rotation · shear · scale, as torchvision's _get_inverse_affine_matrix composes them. */
void warp_map(double map[6], double degrees, double tx, double ty, double scale, double shear_x, double shear_y) {
    double r = degrees * PI / 180, sx = shear_x * PI / 180, sy = shear_y * PI / 180;
    double a = cos(r - sy) / cos(sy), b = -cos(r - sy) * tan(sx) / cos(sy) - sin(r);
    double c = sin(r - sy) / cos(sy), e = -sin(r - sy) * tan(sx) / cos(sy) + cos(r);
    double row[4] = {e / scale, -b / scale, -c / scale, a / scale};
    map[0] = row[0];
    map[1] = row[1];
    map[2] = -row[0] * tx - row[1] * ty;
    map[3] = row[2];
    map[4] = row[3];
    map[5] = -row[2] * tx - row[3] * ty;
}

void augment_rotate(augment_picture *m, const augment_step *s, augment_draw *d) {
    double map[6];
    warp_map(map, draw_uniform(d, -s->number[0], s->number[0]), 0, 0, 1, 0, 0);
    warp_affine(m, map);
}

void augment_affine(augment_picture *m, const augment_step *s, augment_draw *d) {
    const double *n = s->number; /* degrees, translation, scales, shear */
    double map[6], degrees = draw_uniform(d, -n[0], n[0]);
    double tx = nearbyint(draw_uniform(d, -n[1], n[1]) * m->width);
    double ty = nearbyint(draw_uniform(d, -n[1], n[1]) * m->height);
    double scale = draw_uniform(d, n[2], n[3]);
    warp_map(map, degrees, tx, ty, scale, draw_uniform(d, -n[4], n[4]), 0);
    warp_affine(m, map);
}

/* Solves a[8][9] by elimination with pivots; false where the corners make no quadrilateral. */
static bool solve(double a[8][9], double x[8]) {
    for (int i = 0; i < 8; i++) {
        int best = i;
        for (int r = i + 1; r < 8; r++)
            if (fabs(a[r][i]) > fabs(a[best][i])) best = r;
        if (fabs(a[best][i]) < 1e-9) return false;
        for (int c = 0; c < 9; c++) {
            double t = a[i][c];
            a[i][c] = a[best][c];
            a[best][c] = t;
        }
        for (int r = 0; r < 8; r++) {
            double f = r == i ? 0 : a[r][i] / a[i][i];
            for (int c = i; c < 9; c++) a[r][c] -= f * a[i][c];
        }
    }
    for (int i = 0; i < 8; i++) x[i] = a[i][8] / a[i][i];
    return true;
}

/* The picture's corners go to places inside, each up to distortion/2 of a side away (torchvision's
 * RandomPerspective). The map from the result back: x = (h0·u + h1·v + h2) / (h6·u + h7·v + 1). */
void augment_perspective(augment_picture *m, const augment_step *s, augment_draw *d) {
    double most_x = s->number[0] * m->width / 2, most_y = s->number[0] * m->height / 2, h[8], a[8][9];
    for (int i = 0; i < 4; i++) {
        bool right = i == 1 || i == 2, low = i >= 2;
        double x = right ? m->width - 1 : 0, y = low ? m->height - 1 : 0;
        double u = fabs(x - floor(draw_uniform(d, 0, most_x + 1))), v = fabs(y - floor(draw_uniform(d, 0, most_y + 1)));
        double across[9] = {u, v, 1, 0, 0, 0, -u * x, -v * x, x}, along[9] = {0, 0, 0, u, v, 1, -u * y, -v * y, y};
        memcpy(a[2 * i], across, sizeof across);
        memcpy(a[2 * i + 1], along, sizeof along);
    }
    if (!solve(a, h)) return; /* a line has no perspective */
    for (int v = 0; v < m->height; v++) {
        for (int u = 0; u < m->width; u++) {
            double w = h[6] * u + h[7] * v + 1;
            sample_put(m, v * m->width + u, (h[0] * u + h[1] * v + h[2]) / w, (h[3] * u + h[4] * v + h[5]) / w);
        }
    }
    swap(m);
}

/* Uniform numbers −1…1, smoothed by a Gaussian: where pixels go, times alpha/2 (torchvision's ElasticTransform). */
void augment_elastic(augment_picture *m, const augment_step *s, augment_draw *d) {
    int area = picture_area(m);
    float *dx = m->field, *dy = m->field + area, *spare = m->field + 2 * (int64_t)area;
    for (int i = 0; i < 2 * area; i++) m->field[i] = (float)draw_uniform(d, -1, 1);
    blur_plane(dx, spare, m->height, m->width, s->number[1]);
    blur_plane(dy, spare, m->height, m->width, s->number[1]);
    double alpha = s->number[0] / 2;
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            int at = y * m->width + x;
            sample_put(m, at, x + alpha * (double)dx[at], y + alpha * (double)dy[at]);
        }
    }
    swap(m);
}
