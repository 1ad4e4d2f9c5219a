#include "report/embed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- principal components ---- */

typedef struct centred {
    const float *x;
    double *mean;
    int64_t n, d;
} centred;

/* to[n][2] = (x − mean) · v[d][2] */
static void project(const centred *c, const double *v, double *to) {
    for (int64_t i = 0; i < c->n; i++) {
        double a = 0, b = 0;
        for (int64_t k = 0; k < c->d; k++) {
            double value = (double)c->x[i * c->d + k] - c->mean[k];
            a += value * v[2 * k];
            b += value * v[2 * k + 1];
        }
        to[2 * i] = a, to[2 * i + 1] = b;
    }
}

/* v[d][2] = (x − mean)ᵀ · u[n][2] */
static void project_back(const centred *c, const double *u, double *v) {
    memset(v, 0, (size_t)c->d * 2 * sizeof *v);
    for (int64_t i = 0; i < c->n; i++)
        for (int64_t k = 0; k < c->d; k++) {
            double value = (double)c->x[i * c->d + k] - c->mean[k];
            v[2 * k] += value * u[2 * i];
            v[2 * k + 1] += value * u[2 * i + 1];
        }
}

static double column_dot(const double *v, int64_t d, int a, int b) {
    double sum = 0;
    for (int64_t k = 0; k < d; k++) sum += v[2 * k + a] * v[2 * k + b];
    return sum;
}

/* Columns of length 1 that stand upright on each other; a column of zeros stays. */
static void orthonormalise(double *v, int64_t d) {
    for (int column = 0; column < 2; column++) {
        if (column) {
            double along = column_dot(v, d, 0, 1);
            for (int64_t k = 0; k < d; k++) v[2 * k + 1] -= along * v[2 * k];
        }
        double length = sqrt(column_dot(v, d, column, column));
        for (int64_t k = 0; k < d; k++) v[2 * k + column] = length > 1e-300 ? v[2 * k + column] / length : 0;
    }
}

static void signs_settle(double *v, int64_t d) {
    for (int column = 0; column < 2; column++) {
        double greatest = 0;
        for (int64_t k = 0; k < d; k++)
            if (fabs(v[2 * k + column]) > fabs(greatest)) greatest = v[2 * k + column];
        for (int64_t k = 0; k < d && greatest < 0; k++) v[2 * k + column] = -v[2 * k + column];
    }
}

static void directions_find(const centred *c, double *v, double *before, double *u) {
    for (int64_t k = 0; k < c->d; k++) { /* anything that is not upright on the answer */
        v[2 * k] = 1 + (double)(k * 7919 % 1009) / 1009;
        v[2 * k + 1] = 1 - (double)(k * 6007 % 997) / 498.5;
    }
    orthonormalise(v, c->d);
    for (int round = 0; round < 1000; round++) {
        double change = 0;
        memcpy(before, v, (size_t)c->d * 2 * sizeof *v);
        project(c, v, u);
        project_back(c, u, v);
        orthonormalise(v, c->d);
        for (int64_t k = 0; k < 2 * c->d; k++) change = fmax(change, fabs(v[k] - before[k]));
        if (change < 1e-10) break;
    }
    signs_settle(v, c->d);
}

/* The mean, and the variance of all columns together. */
static double mean_find(centred *c) {
    double variance = 0;
    for (int64_t i = 0; i < c->n; i++)
        for (int64_t k = 0; k < c->d; k++) c->mean[k] += (double)c->x[i * c->d + k] / (double)c->n;
    for (int64_t i = 0; i < c->n; i++)
        for (int64_t k = 0; k < c->d; k++) variance += pow((double)c->x[i * c->d + k] - c->mean[k], 2);
    return variance;
}

bool embed_pca(const float *x, int64_t n, int64_t d, double *y, double share[2]) {
    centred c = {.x = x, .n = n, .d = d, .mean = calloc((size_t)d + 1, sizeof(double))};
    double *v = calloc(2 * (size_t)d + 2, sizeof *v), *before = calloc(2 * (size_t)d + 2, sizeof *before);
    bool good = c.mean && v && before;
    if (good) {
        double variance = mean_find(&c);
        directions_find(&c, v, before, y);
        project(&c, v, y);
        for (int k = 0; k < 2; k++) share[k] = variance > 0 ? column_dot(y, n, k, k) / variance : 0;
    }
    free(c.mean);
    free(v);
    free(before);
    return good;
}

/* ---- t-SNE ---- */

/* p[j] ∝ exp(−beta · distance[j]) of the others, with the perplexity that is wanted. */
static void row_settle(const double *distance, int64_t n, int64_t own, double perplexity, double *p) {
    double beta = 1, low = 0, high = INFINITY, nearest = INFINITY;
    for (int64_t j = 0; j < n; j++)
        if (j != own && distance[j] < nearest) nearest = distance[j];
    for (int round = 0; round < 100; round++) {
        double sum = 0, weighed = 0;
        for (int64_t j = 0; j < n; j++) {
            p[j] = j == own ? 0 : exp(-beta * (distance[j] - nearest));
            sum += p[j];
            weighed += p[j] * (distance[j] - nearest);
        }
        double entropy = log(sum) + beta * weighed / sum, off = entropy - log(perplexity);
        for (int64_t j = 0; j < n; j++) p[j] /= sum;
        if (fabs(off) < 1e-6) return;
        if (off > 0) low = beta, beta = isinf(high) ? 2 * beta : (beta + high) / 2;
        else high = beta, beta = (beta + low) / 2;
    }
}

/* p[n][n], symmetric, its sum 1. room[n]. */
static void neighbours_find(const float *x, int64_t n, int64_t d, double perplexity, double *p, double *room) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < d; k++) {
                double off = (double)x[i * d + k] - (double)x[j * d + k];
                sum += off * off;
            }
            room[j] = sum;
        }
        row_settle(room, n, i, perplexity, p + i * n);
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i; j < n; j++)
            p[i * n + j] = p[j * n + i] = fmax((p[i * n + j] + p[j * n + i]) / (2 * (double)n), 1e-300);
}

/* q[n][n] = 1 / (1 + |yi − yj|²), 0 on the diagonal; returns the sum. */
static double kernel_fill(const double *y, int64_t n, double *q) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        q[i * n + i] = 0;
        for (int64_t j = 0; j < i; j++) {
            double a = y[2 * i] - y[2 * j], b = y[2 * i + 1] - y[2 * j + 1];
            q[i * n + j] = q[j * n + i] = 1 / (1 + a * a + b * b);
            sum += 2 * q[i * n + j];
        }
    }
    return sum;
}

/* 4 Σ (times · p − q / sum) q (yi − yj) */
static void gradient_fill(const double *p, const double *q, double sum, double times, const double *y, int64_t n,
                          double *gradient) {
    for (int64_t i = 0; i < n; i++) {
        double a = 0, b = 0;
        for (int64_t j = 0; j < n; j++) {
            double weight = (times * p[i * n + j] - q[i * n + j] / sum) * q[i * n + j];
            a += weight * (y[2 * i] - y[2 * j]);
            b += weight * (y[2 * i + 1] - y[2 * j + 1]);
        }
        gradient[2 * i] = 4 * a, gradient[2 * i + 1] = 4 * b;
    }
}

static void points_move(double *y, double *speed, double *gain, const double *gradient, int64_t n, double momentum) {
    double rate = fmax((double)n / 48, 50);
    for (int64_t i = 0; i < 2 * n; i++) {
        gain[i] = speed[i] * gradient[i] < 0 ? gain[i] + 0.2 : fmax(0.8 * gain[i], 0.01);
        speed[i] = momentum * speed[i] - rate * gain[i] * gradient[i];
        y[i] += speed[i];
    }
}

static double divergence_of(const double *p, const double *q, double sum, int64_t n) {
    double kl = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (i != j) kl += p[i * n + j] * log(p[i * n + j] / fmax(q[i * n + j] / sum, 1e-300));
    return kl;
}

bool embed_tsne(const float *x, int64_t n, int64_t d, double perplexity, int64_t steps, double *y, double *divergence) {
    enum { EARLY = 250 };
    size_t all = (size_t)n * (size_t)n;
    double *p = calloc(all + 1, sizeof *p), *q = calloc(all + 1, sizeof *q),
           *room = calloc((size_t)n + 1, sizeof *room);
    double *move = calloc(6 * (size_t)n + 1, sizeof *move), share[2];
    bool good = p && q && room && move && embed_pca(x, n, d, y, share);
    if (good) {
        double *speed = move, *gain = move + 2 * n, *gradient = move + 4 * n, spread = 0;
        for (int64_t i = 0; i < n; i++) spread += y[2 * i] * y[2 * i] / (double)n;
        for (int64_t i = 0; i < 2 * n; i++) y[i] *= spread > 0 ? 1e-4 / sqrt(spread) : 0;
        for (int64_t i = 0; i < 2 * n; i++) gain[i] = 1;
        neighbours_find(x, n, d, perplexity, p, room);
        for (int64_t step = 0; step < steps; step++) {
            double sum = kernel_fill(y, n, q);
            gradient_fill(p, q, sum, step < EARLY ? 12 : 1, y, n, gradient);
            points_move(y, speed, gain, gradient, n, step < EARLY ? 0.5 : 0.8);
        }
        double sum = kernel_fill(y, n, q);
        *divergence = divergence_of(p, q, sum, n);
    }
    free(p);
    free(q);
    free(room);
    free(move);
    return good;
}
