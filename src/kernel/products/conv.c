#include "kernel/products/conv.h"

#include <string.h>

conv_plan *conv_plan_new(const conv_kernel *kernel, const kernel_set *ks, const conv_shape *s, int threads, arena *a) {
    return kernel->plan(&(conv_plan){.kernel = kernel, .ks = ks, .shape = *s, .threads = threads}, a);
}

/* ---- rows that hold their padding ---- */

#define MERGE_CHANNELS 16 /* below this, an inner loop over channels alone would be too short */

bool conv_merges_rows(const conv_shape *s) {
    return s->groups == 1 && s->x.dilation == 1 && s->x.kernel > 1 && s->ic < MERGE_CHANNELS;
}

int64_t conv_padded_columns(const conv_shape *s) {
    return window_span(&s->x, s->x.out);
}

int64_t conv_padded_floats(const conv_shape *s) {
    return round_up(s->batch * s->y.in * conv_padded_columns(s) * s->ic, 16);
}

typedef struct pad_job {
    const conv_shape *s;
    const float *x;
    float *padded;
} pad_job;

/* Row `index` of all images' rows: zeros, pixels, zeros. */
static void pad_row(void *context, int64_t index, int worker) {
    const pad_job *j = context;
    const conv_shape *s = j->s;
    int64_t ic = s->ic, columns = conv_padded_columns(s), before = int64_min(s->x.before, columns),
            count = int64_min(s->x.in, columns - before), rest = columns - before - count;
    float *to = j->padded + index * columns * ic;
    memset(to, 0, (size_t)(before * ic) * sizeof *to);
    memcpy(to + before * ic, j->x + index * s->x.in * ic, (size_t)(count * ic) * sizeof *to);
    memset(to + (before + count) * ic, 0, (size_t)(rest * ic) * sizeof *to);
}

void conv_pad_rows(const conv_shape *s, const float *x, float *padded, pool *workers) {
    pool_run(workers, pad_row, &(pad_job){s, x, padded}, s->batch * s->y.in);
}
