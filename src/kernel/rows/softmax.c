#include "kernel/rows/softmax.h"

#include <math.h>

#define CHUNK (8 << 10) /* floats of a task of several rows: long enough to be worth handing out */
#define ROWS  64        /* at most in a task */

/* A task is some rows (inner == 1) or up to SOFTMAX_IMAGES columns of one outer index. */
typedef struct job {
    const kernel_set *ks;
    bool logarithm;
    float *y, *losses;
    const float *x, *dy;
    const int64_t *labels;
    int64_t ignored;
    float scale;
    const float *scales;
    int64_t outer, classes, inner, rows, pieces; /* rows of a task; pieces of an outer index */
} job;

typedef struct piece {
    int64_t first, count; /* images */
    int64_t at, pitch;    /* of the first image's first logit; from class to class */
} piece;

static piece piece_of(const job *j, int64_t index) {
    piece r;
    if (j->inner == 1) {
        r.first = index * j->rows;
        r.count = j->outer - r.first < j->rows ? j->outer - r.first : j->rows;
        r.at = r.first * j->classes;
        r.pitch = 1;
    } else {
        int64_t begin = index % j->pieces * SOFTMAX_IMAGES, outer = index / j->pieces;
        r.first = outer * j->inner + begin;
        r.count = j->inner - begin < SOFTMAX_IMAGES ? j->inner - begin : SOFTMAX_IMAGES;
        r.at = outer * j->classes * j->inner + begin;
        r.pitch = j->inner;
    }
    return r;
}

/* Image i of a piece begins here; its classes are piece.pitch apart. */
static int64_t image_at(const job *j, const piece *r, int64_t i) {
    return j->inner == 1 ? r->at + i * j->classes : r->at + i;
}

static void run(pool *p, pool_task *task, job *j) {
    if (j->classes == 0 || j->inner == 0) return;
    j->pieces = (j->inner + SOFTMAX_IMAGES - 1) / SOFTMAX_IMAGES;
    j->rows = j->classes > CHUNK ? 1 : CHUNK / j->classes < ROWS ? CHUNK / j->classes : ROWS;
    pool_run(p, task, j, j->inner == 1 ? (j->outer + j->rows - 1) / j->rows : j->outer * j->pieces);
}

static void softmax_task(void *context, int64_t index, int worker) {
    const job *j = context;
    piece r = piece_of(j, index);
    if (j->inner > 1)
        j->ks->softmax_columns(j->y + r.at, j->x + r.at, j->classes, r.pitch, r.count, NULL, j->logarithm);
    else
        for (int64_t i = 0; i < r.count; i++) {
            int64_t at = image_at(j, &r, i);
            j->ks->softmax_row(j->y + at, j->x + at, j->classes, 1, j->logarithm);
        }
}

void softmax_run(const kernel_set *ks, pool *p, bool logarithm, float *y, const float *x, int64_t outer,
                 int64_t classes, int64_t inner) {
    job j = {.ks = ks, .logarithm = logarithm, .y = y, .x = x, .outer = outer, .classes = classes, .inner = inner};
    run(p, softmax_task, &j);
}

static void gradient_task(void *context, int64_t index, int worker) {
    const job *j = context;
    piece r = piece_of(j, index);
    if (j->inner > 1)
        j->ks->softmax_columns_gradient(j->y + r.at, j->dy + r.at, j->x + r.at, j->classes, r.pitch, r.count,
                                        j->logarithm);
    else
        for (int64_t i = 0; i < r.count; i++) {
            int64_t at = image_at(j, &r, i);
            j->ks->softmax_row_gradient(j->y + at, j->dy + at, j->x + at, j->classes, j->logarithm);
        }
}

void softmax_gradient(const kernel_set *ks, pool *p, bool logarithm, float *dx, const float *dy, const float *y,
                      int64_t outer, int64_t classes, int64_t inner) {
    job j = {.ks = ks,
             .logarithm = logarithm,
             .y = dx,
             .dy = dy,
             .x = y,
             .outer = outer,
             .classes = classes,
             .inner = inner};
    run(p, gradient_task, &j);
}

static bool in_range(const job *j, int64_t label) {
    return label >= 0 && label < j->classes && label != j->ignored;
}

static void loss_task(void *context, int64_t index, int worker) {
    const job *j = context;
    piece r = piece_of(j, index);
    float greatest[SOFTMAX_IMAGES] = {0}, sums[SOFTMAX_IMAGES] = {0};
    if (j->inner > 1) j->ks->softmax_column_sums(j->x + r.at, j->classes, r.pitch, r.count, greatest, sums);
    for (int64_t i = 0; i < r.count; i++) {
        const float *x = j->x + image_at(j, &r, i);
        int64_t label = j->labels[r.first + i];
        if (j->inner == 1) j->ks->softmax_row_sum(x, j->classes, greatest + i, sums + i);
        double loss =
            in_range(j, label) ? log((double)sums[i]) - ((double)x[label * r.pitch] - (double)greatest[i]) : 0;
        j->losses[r.first + i] = (float)loss;
    }
}

cross_entropy_result cross_entropy_run(const kernel_set *ks, pool *p, float *losses, const float *x,
                                       const int64_t *labels, int64_t ignored, int64_t batch, int64_t classes,
                                       int64_t inner) {
    job j = {.ks = ks,
             .losses = losses,
             .x = x,
             .labels = labels,
             .ignored = ignored,
             .outer = batch,
             .classes = classes,
             .inner = inner};
    run(p, loss_task, &j);
    cross_entropy_result result = {.bad = -1};
    for (int64_t i = 0; i < batch * inner; i++) {
        if (in_range(&j, labels[i])) result.sum += (double)losses[i], result.counted++;
        else if ((labels[i] != ignored || ignored == INT64_MIN) && result.bad < 0) result.bad = i;
    }
    return result;
}

static void cross_gradient_task(void *context, int64_t index, int worker) {
    const job *j = context;
    piece r = piece_of(j, index);
    float scales[SOFTMAX_IMAGES];
    for (int64_t i = 0; i < r.count; i++) scales[i] = j->scale * (j->scales ? j->scales[r.first + i] : 1);
    if (j->inner > 1) j->ks->softmax_columns(j->y + r.at, j->x + r.at, j->classes, r.pitch, r.count, scales, false);
    for (int64_t i = 0; i < r.count; i++) {
        int64_t label = j->labels[r.first + i], at = image_at(j, &r, i);
        float *dx = j->y + at;
        if (j->inner == 1) j->ks->softmax_row(dx, j->x + at, j->classes, scales[i], false);
        if (in_range(j, label)) dx[label * r.pitch] -= scales[i];
        else
            for (int64_t c = 0; c < j->classes; c++) dx[c * r.pitch] = 0;
    }
}

void cross_entropy_gradient(const kernel_set *ks, pool *p, float *dx, const float *x, const int64_t *labels,
                            int64_t ignored, float scale, const float *scales, int64_t batch, int64_t classes,
                            int64_t inner) {
    job j = {.ks = ks,
             .y = dx,
             .x = x,
             .labels = labels,
             .ignored = ignored,
             .scale = scale,
             .scales = scales,
             .outer = batch,
             .classes = classes,
             .inner = inner};
    run(p, cross_gradient_task, &j);
}
