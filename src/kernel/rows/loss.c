#include "kernel/rows/loss.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ROWS 64 /* positions of a task */

/* ---- losses of scores ---- */

/* A task is up to ROWS positions of one batch index. Where classes are not contiguous they are transposed into the
 * worker's scratch, and gradients back. */
typedef struct job {
    const kernel_set *ks;
    const class_loss *l;
    float *losses, *dx, *scratch;
    float scale;
    const float *scales;
    int64_t pieces; /* of a batch index; inner == 1: of all */
} job;

typedef struct piece {
    int64_t first, count, at; /* positions; where the first one's first score is */
    const float *x, *targets; /* rows of classes */
    float *dx;
} piece;

static bool ignored(const class_loss *l, int64_t i) {
    return l->labels && l->labels[i] == l->ignored && l->ignored != INT64_MIN;
}

static bool in_range(const class_loss *l, int64_t i) {
    return !l->labels || (l->labels[i] >= 0 && l->labels[i] < l->classes);
}

static float weight_of(const class_loss *l, int64_t class) {
    return l->weights ? l->weights[class] : 1;
}

static const float *rows_gather(const job *j, const float *from, int64_t at, int64_t count, float *to) {
    if (j->l->inner == 1) return from + at;
    j->ks->transpose(to, j->l->classes, from + at, j->l->inner, j->l->classes, count);
    return to;
}

static piece piece_begin(const job *j, int64_t index, int worker) {
    const class_loss *l = j->l;
    int64_t outer = l->inner == 1 ? 0 : index / j->pieces, begin = index % j->pieces * ROWS;
    int64_t end = l->inner == 1 ? l->batch : l->inner, block = ROWS * l->classes;
    float *scratch = j->scratch + (int64_t)worker * 3 * block;
    piece r = {.first = outer * l->inner + begin, .count = end - begin < ROWS ? end - begin : ROWS};
    r.at = l->inner == 1 ? begin * l->classes : outer * l->classes * l->inner + begin;
    r.x = rows_gather(j, l->x, r.at, r.count, scratch);
    if (l->targets) r.targets = rows_gather(j, l->targets, r.at, r.count, scratch + block);
    if (l->inner != 1) r.dx = scratch + 2 * block;
    return r;
}

static void piece_end(const job *j, const piece *r) {
    if (j->l->inner > 1) j->ks->transpose(j->dx + r->at, j->l->inner, r->dx, j->l->classes, r->count, j->l->classes);
}

static float keep_of(const class_loss *l) {
    return 1 - l->smoothing;
}
static float spread_of(const class_loss *l) {
    return l->smoothing / (float)l->classes;
}

/* Σ a and Σ a·(x − top) of one row. */
static void target_sums(const job *j, const float *x, const float *q, int64_t label, float top, double *total,
                        double *dot) {
    const class_loss *l = j->l;
    float a = 0, b = 0;
    if (q || l->smoothing != 0) j->ks->target_sums(x, q, l->weights, l->classes, top, keep_of(l), spread_of(l), &a, &b);
    float own = q ? 0 : keep_of(l) * weight_of(l, label);
    *total = (double)a + (double)own;
    *dot = (double)b + (own == 0 ? 0 : (double)own * ((double)x[label] - (double)top));
}

static double cross_entropy(const job *j, const float *x, const float *q, int64_t label) {
    float top, sum;
    double total, dot;
    j->ks->softmax_row_sum(x, j->l->classes, &top, &sum);
    target_sums(j, x, q, label, top, &total, &dot);
    return total * log((double)sum) - dot;
}

/* The classes before and after the label. */
static double hinge(const job *j, const float *x, int64_t label) {
    const class_loss *l = j->l;
    float base = l->margin - x[label], sum[2], top[2];
    j->ks->hinge_sums(x, label, base, l->squared, &sum[0], &top[0]);
    j->ks->hinge_sums(x + label + 1, l->classes - label - 1, base, l->squared, &sum[1], &top[1]);
    double all = (double)sum[0] + (double)sum[1], most = (double)(top[1] > top[0] ? top[1] : top[0]);
    if (!l->greatest || isnan(all)) return all;
    return l->squared ? most * most : most;
}

static double row_loss(const job *j, const piece *r, int64_t i) {
    const class_loss *l = j->l;
    const float *x = r->x + i * l->classes;
    int64_t label = l->labels ? l->labels[r->first + i] : -1;
    if (ignored(l, r->first + i) || !in_range(l, r->first + i)) return 0;
    if (l->kind == CLASS_LOG_LIKELIHOOD) return -(double)weight_of(l, label) * (double)x[label];
    if (l->kind == CLASS_HINGE) return hinge(j, x, label);
    return cross_entropy(j, x, r->targets ? r->targets + i * l->classes : NULL, label);
}

static void loss_task(void *context, int64_t index, int worker) {
    const job *j = context;
    piece r = piece_begin(j, index, worker);
    for (int64_t i = 0; i < r.count; i++) j->losses[r.first + i] = (float)row_loss(j, &r, i);
}

static void cross_entropy_slopes(const job *j, float *dx, const float *x, const float *q, int64_t label, float scale) {
    const class_loss *l = j->l;
    double total, dot;
    target_sums(j, x, q, label, 0, &total, &dot);
    j->ks->softmax_row(dx, x, l->classes, scale * (float)total, false);
    if (q || l->smoothing != 0)
        j->ks->target_subtract(dx, q, l->weights, l->classes, scale * keep_of(l), scale * spread_of(l));
    if (!q) dx[label] -= scale * keep_of(l) * weight_of(l, label);
}

/* Only the first of the worst classes has a slope. */
static void hinge_greatest_slopes(const class_loss *l, float *dx, const float *x, int64_t label, float scale) {
    int64_t worst = label == 0 ? 1 : 0;
    memset(dx, 0, (size_t)l->classes * sizeof *dx);
    if (l->classes < 2) return;
    for (int64_t c = worst + 1; c < l->classes; c++)
        if (c != label && x[c] > x[worst]) worst = c;
    float v = l->margin - x[label] + x[worst], slope = v > 0 ? scale * (l->squared ? 2 * v : 1) : 0;
    dx[worst] = slope;
    dx[label] = -slope;
}

static void hinge_slopes(const job *j, float *dx, const float *x, int64_t label, float scale) {
    const class_loss *l = j->l;
    float base = l->margin - x[label], sum[2];
    if (l->greatest) {
        hinge_greatest_slopes(l, dx, x, label, scale);
        return;
    }
    j->ks->hinge_slopes(dx, x, label, base, l->squared, scale, &sum[0]);
    j->ks->hinge_slopes(dx + label + 1, x + label + 1, l->classes - label - 1, base, l->squared, scale, &sum[1]);
    dx[label] = -(sum[0] + sum[1]);
}

static void row_gradient(const job *j, const piece *r, int64_t i) {
    const class_loss *l = j->l;
    const float *x = r->x + i * l->classes, *q = r->targets ? r->targets + i * l->classes : NULL;
    float *dx = r->dx + i * l->classes, scale = j->scale * (j->scales ? j->scales[r->first + i] : 1);
    int64_t label = l->labels ? l->labels[r->first + i] : -1;
    bool nothing = ignored(l, r->first + i) || !in_range(l, r->first + i);
    if (nothing || l->kind == CLASS_LOG_LIKELIHOOD) memset(dx, 0, (size_t)l->classes * sizeof *dx);
    if (nothing) return;
    if (l->kind == CLASS_LOG_LIKELIHOOD) dx[label] = -scale * weight_of(l, label);
    else if (l->kind == CLASS_HINGE) hinge_slopes(j, dx, x, label, scale);
    else cross_entropy_slopes(j, dx, x, q, label, scale);
}

static void gradient_task(void *context, int64_t index, int worker) {
    const job *j = context;
    piece r = piece_begin(j, index, worker);
    if (j->l->inner == 1) r.dx = j->dx + r.at;
    assert(r.dx);
    for (int64_t i = 0; i < r.count; i++) row_gradient(j, &r, i);
    piece_end(j, &r);
}

static void run(pool *p, pool_task *task, job *j) {
    const class_loss *l = j->l;
    int64_t positions = l->inner == 1 ? l->batch : l->inner;
    if (l->classes == 0 || l->inner == 0) return;
    j->pieces = (positions + ROWS - 1) / ROWS;
    pool_run(p, task, j, l->inner == 1 ? j->pieces : l->batch * j->pieces);
}

size_t class_loss_scratch_bytes(const class_loss *l, int threads) {
    return l->inner == 1 ? 0 : (size_t)threads * 3 * ROWS * (size_t)l->classes * sizeof(float);
}

class_loss_result class_loss_count(const class_loss *l) {
    class_loss_result r = {.bad = -1};
    for (int64_t i = 0; i < l->batch * l->inner; i++) {
        if (ignored(l, i)) continue;
        if (in_range(l, i)) r.weight += l->labels ? (double)weight_of(l, l->labels[i]) : 1;
        else if (r.bad < 0) r.bad = i;
    }
    return r;
}

class_loss_result class_loss_run(const kernel_set *ks, pool *p, const class_loss *l, float *losses, void *scratch) {
    run(p, loss_task, &(job){.ks = ks, .l = l, .losses = losses, .scratch = scratch});
    class_loss_result r = class_loss_count(l);
    for (int64_t i = 0; i < l->batch * l->inner; i++) r.sum += (double)losses[i];
    return r;
}

void class_loss_gradient(const kernel_set *ks, pool *p, const class_loss *l, float scale, const float *scales,
                         float *dx, void *scratch) {
    run(p, gradient_task, &(job){.ks = ks, .l = l, .dx = dx, .scale = scale, .scales = scales, .scratch = scratch});
}

/* ---- losses of two tensors ---- */

typedef void each_kernel(float *y, const float *x, const float *t, int64_t n, float factor, float delta);
typedef void sum_kernel(const float *x, const float *t, int64_t n, float delta, float *sum);
typedef void slope_kernel(float *d, const float *dy, int64_t dy_step, const float *x, const float *t, int64_t n,
                          float factor, float delta, bool by_target);

typedef struct pair_job {
    each_kernel *each;
    sum_kernel *sum;
    slope_kernel *slope;
    bool by_target;
    float *y;
    const float *dy, *x, *t;
    int64_t dy_step, n;
    float factor, delta;
} pair_job;

static pair_job pair_job_of(const kernel_set *ks, pair_loss_kind kind) {
    const pair_job jobs[] = {
#define PAIR(name, f, dx, dt) {.each = ks->pair_##name, .sum = ks->pair_##name##_sum, .slope = ks->pair_##name##_slope},
#include "kernel/rows/pair_list.h"
#undef PAIR
    };
    return jobs[kind];
}

static void pair_task(void *context, int64_t index, int worker) {
    const pair_job *j = context;
    int64_t i = index * PAIR_LOSS_CHUNK, n = j->n - i < PAIR_LOSS_CHUNK ? j->n - i : PAIR_LOSS_CHUNK;
    const float *x = j->x + i, *t = j->t + i;
    if (j->each) j->each(j->y + i, x, t, n, j->factor, j->delta);
    else if (j->sum) j->sum(x, t, n, j->delta, j->y + index);
    else j->slope(j->y + i, j->dy + i * j->dy_step, j->dy_step, x, t, n, j->factor, j->delta, j->by_target);
}

static void pair_run(pool *p, pair_job *j) {
    pool_run(p, pair_task, j, (j->n + PAIR_LOSS_CHUNK - 1) / PAIR_LOSS_CHUNK);
}

void pair_loss_each(const kernel_set *ks, pool *p, pair_loss_kind kind, float *y, const float *x, const float *t,
                    int64_t n, float factor, float delta) {
    each_kernel *each = pair_job_of(ks, kind).each;
    pair_run(p, &(pair_job){.each = each, .y = y, .x = x, .t = t, .n = n, .factor = factor, .delta = delta});
}

double pair_loss_sum(const kernel_set *ks, pool *p, pair_loss_kind kind, float *parts, const float *x, const float *t,
                     int64_t n, float delta) {
    double total = 0;
    sum_kernel *sum = pair_job_of(ks, kind).sum;
    pair_run(p, &(pair_job){.sum = sum, .y = parts, .x = x, .t = t, .n = n, .delta = delta});
    for (int64_t k = 0; k * PAIR_LOSS_CHUNK < n; k++) total += (double)parts[k];
    return total;
}

void pair_loss_gradient(const kernel_set *ks, pool *p, pair_loss_kind kind, bool by_target, float *d, const float *dy,
                        int64_t dy_step, const float *x, const float *t, int64_t n, float factor, float delta) {
    pair_job j = {.slope = pair_job_of(ks, kind).slope, .by_target = by_target};
    j.y = d, j.dy = dy, j.dy_step = dy_step, j.x = x, j.t = t, j.n = n, j.factor = factor, j.delta = delta;
    pair_run(p, &j);
}
