/* Losses of scores against labels or soft labels, a row of classes at a time, and of two tensors elementwise. */
#ifndef KERNEL_ROWS_LOSS_H
#define KERNEL_ROWS_LOSS_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* ---- losses of scores ---- */

typedef enum class_loss_kind {
    CLASS_CROSS_ENTROPY, /* −Σ a[c] · log softmax(x)[c], a[c] = w[c] · ((1−smoothing)·q[c] + smoothing/classes) */
    CLASS_LOG_LIKELIHOOD, /* −w[label] · x[label] */
    CLASS_HINGE /* Σ or the greatest of max(0, margin − x[label] + x[c]) over c ≠ label, or their squares */
} class_loss_kind;

typedef struct class_loss {
    class_loss_kind kind;
    const float *x;        /* [batch][classes][inner] */
    const int64_t *labels; /* [batch][inner], or NULL: */
    const float *targets;  /* soft labels, as x */
    const float *weights;  /* [classes], or NULL: all 1 */
    int64_t ignored;       /* this label counts nothing; INT64_MIN: none */
    float smoothing, margin;
    bool squared, greatest; /* of the hinge */
    int64_t batch, classes, inner;
} class_loss;

typedef struct class_loss_result {
    double sum;    /* Σ loss, in index order */
    double weight; /* Σ of the labels' weights; of soft labels, how many there are */
    int64_t bad;   /* index of the first label out of range, or −1; it counts nothing */
} class_loss_result;

/* Bytes of scratch that both calls need. */
size_t class_loss_scratch_bytes(const class_loss *l, int threads);
/* losses[batch][inner], 0 where ignored. */
class_loss_result class_loss_run(const kernel_set *ks, pool *p, const class_loss *l, float *losses, void *scratch);
/* Computes weight and bad as class_loss_run would. */
class_loss_result class_loss_count(const class_loss *l);
/* dx = scale · scales[position] · dloss/dx; scales NULL: 1. Labels are in range. */
void class_loss_gradient(const kernel_set *ks, pool *p, const class_loss *l, float scale, const float *scales,
                         float *dx, void *scratch);

/* ---- losses of two tensors: what each kind computes is in rows/loss.inc ---- */

typedef enum pair_loss_kind {
#define PAIR(name, f, dx, dt) PAIR_LOSS_##name,
#include "kernel/rows/pair_list.h"
#undef PAIR
    PAIR_LOSS_COUNT
} pair_loss_kind;

#define PAIR_LOSS_CHUNK 4096 /* elements of a task and of a partial sum */

/* y[n] = factor · f(x, t). */
void pair_loss_each(const kernel_set *ks, pool *p, pair_loss_kind kind, float *y, const float *x, const float *t,
                    int64_t n, float factor, float delta);
/* Σ f(x, t), in double over chunks; parts has an entry per chunk. */
double pair_loss_sum(const kernel_set *ks, pool *p, pair_loss_kind kind, float *parts, const float *x, const float *t,
                     int64_t n, float delta);
/* d[n] = factor · dy[i·dy_step] · df/dx, or df/dt; dy_step 0: one for all. */
void pair_loss_gradient(const kernel_set *ks, pool *p, pair_loss_kind kind, bool by_target, float *d, const float *dy,
                        int64_t dy_step, const float *x, const float *t, int64_t n, float factor, float delta);

#endif
