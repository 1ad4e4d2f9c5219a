/* Steps that act on a batch: each picture is mixed with the one before it, the first with the last, as torchvision's
 * MixUp and CutMix roll a batch by one. */
#include "data/augment_batch.h"

#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "data/augment_step.h"

enum { PIECE = 1024 /* elements of a picture that a task takes */ };

/* ---- random numbers ---- */

/* log of a number of the gamma distribution of this shape and scale 1 (Marsaglia and Tsang, "A simple method for
 * generating gamma variables", 2000; shapes below 1 by their boost of one more). As a logarithm, since a small shape
 * makes numbers that no double can hold. */
static double draw_log_gamma(augment_draw *d, double shape) {
    double boost = shape < 1 ? log(1 - draw_uniform(d, 0, 1)) / shape : 0;
    double a = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * a);
    for (;;) {
        double x = draw_normal(d), v = 1 + c * x, u = 1 - draw_uniform(d, 0, 1);
        if (v <= 0) continue;
        v = v * v * v;
        if (log(u) < 0.5 * x * x + a - a * v + a * log(v)) return log(a) + log(v) + boost;
    }
}

double draw_beta(augment_draw *d, double alpha) {
    double x = draw_log_gamma(d, alpha), y = draw_log_gamma(d, alpha);
    return 1 / (1 + exp(y - x));
}

/* ---- mixing ---- */

typedef struct mix_job {
    float *x, *spare;
    const batch_box *box; /* NULL: whole pictures are blended */
    int64_t items, size;  /* elements of a picture */
    int height, width;
    float share;
} mix_job;

/* One element of all pictures, from the last to the first, so that each still finds its neighbour as it was. */
static void mix_piece(void *context, int64_t task, int worker) {
    const mix_job *j = context;
    int64_t from = task * PIECE, count = int64_min(PIECE, j->size - from);
    float *last = j->spare + from, rest = 1 - j->share;
    memcpy(last, j->x + (j->items - 1) * j->size + from, (size_t)count * sizeof *last);
    for (int64_t i = j->items - 1; i >= 0; i--) {
        float *own = j->x + i * j->size + from;
        const float *other = i ? own - j->size : last;
        for (int64_t k = 0; k < count; k++) own[k] = own[k] * j->share + other[k] * rest;
    }
}

/* The rows of the box in one channel, of all pictures. */
static void paste_channel(void *context, int64_t channel, int worker) {
    const mix_job *j = context;
    const batch_box *b = j->box;
    int64_t plane = (int64_t)j->height * j->width;
    size_t bytes = (size_t)(b->x1 - b->x0) * sizeof *j->x;
    for (int y = b->y0; y < b->y1; y++) {
        int64_t at = channel * plane + (int64_t)y * j->width + b->x0;
        memcpy(j->spare + at, j->x + (j->items - 1) * j->size + at, bytes);
        for (int64_t i = j->items - 1; i > 0; i--)
            memcpy(j->x + i * j->size + at, j->x + (i - 1) * j->size + at, bytes);
        memcpy(j->x + at, j->spare + at, bytes);
    }
}

void batch_mix(float *x, float *spare, int64_t items, const int shape[3], double share, pool *workers) {
    mix_job j = {.x = x, .spare = spare, .items = items, .share = (float)share};
    j.size = (int64_t)shape[0] * shape[1] * shape[2];
    pool_run(workers, mix_piece, &j, ceil_div(j.size, PIECE));
}

void batch_paste(float *x, float *spare, int64_t items, const int shape[3], const batch_box *box, pool *workers) {
    mix_job j = {.x = x, .spare = spare, .box = box, .items = items, .height = shape[1], .width = shape[2]};
    j.size = (int64_t)shape[0] * shape[1] * shape[2];
    pool_run(workers, paste_channel, &j, shape[0]);
}

/* CutMix (Yun et al., ICCV 2019) as in torchvision: half the sides are ⌊√(1 − λ)/2 · side⌋ about a pixel anywhere, cut
 * off at the border. */
static batch_box box_draw(augment_draw *d, double share, int height, int width) {
    double r = 0.5 * sqrt(1 - share);
    int x = draw_whole(d, width), y = draw_whole(d, height), w = (int)(r * width), h = (int)(r * height);
    return (batch_box){.x0 = x > w ? x - w : 0,
                       .x1 = x + w < width ? x + w : width,
                       .y0 = y > h ? y - h : 0,
                       .y1 = y + h < height ? y + h : height};
}

double augment_mixup(const batch_call *c, double alpha, augment_draw *d) {
    double share = draw_beta(d, alpha);
    batch_mix(c->x, c->spare, c->items, c->shape, share, c->workers);
    return share;
}

double augment_cutmix(const batch_call *c, double alpha, augment_draw *d) {
    int height = c->shape[1], width = c->shape[2];
    batch_box box = box_draw(d, draw_beta(d, alpha), height, width);
    batch_paste(c->x, c->spare, c->items, c->shape, &box, c->workers);
    double pasted = (double)(box.x1 - box.x0) * (box.y1 - box.y0);
    return 1 - pasted / ((double)height * width);
}

/* ---- the chain ---- */

static batch_function *function_of(const augment_step *s) {
    return strcmp(s->kind->name, "cutmix") == 0 ? augment_cutmix : augment_mixup;
}

bool augment_mixes(const augment *a) {
    for (int i = 0; i < a->count; i++)
        if (a->steps[i].kind->needs & NEEDS_BATCH) return true;
    return false;
}

double augment_batch(const augment *a, uint64_t seed, int64_t epoch, int64_t batch, const int shape[3], int64_t items,
                     float *x, float *spare, pool *workers) {
    const batch_call call = {.x = x, .spare = spare, .items = items, .shape = shape, .workers = workers};
    augment_draw d = draw_of("loader/batch", seed, epoch, batch);
    const augment_step *mixing[AUGMENT_STEPS];
    int n = 0;
    for (int i = 0; i < a->count; i++)
        if (a->steps[i].kind->needs & NEEDS_BATCH) mixing[n++] = &a->steps[i];
    const augment_step *s = n ? mixing[draw_whole(&d, n)] : NULL;
    return s && draw_uniform(&d, 0, 1) < s->p ? function_of(s)(&call, s->number[0], &d) : 1;
}
