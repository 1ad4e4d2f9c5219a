/* Weight gradient where input channels are few (conv_merges_rows):
 *
 *     dw[o][c][u][v] = Σ dy[p][q][o] · x[p·sh + u − pt][q·sw + v − pl][c]
 *
 * Vectors are channels of dy, since those of x would be nearly empty. In rows of x that hold their
 * padding, the kw·ic numbers of a window's row u lie side by side: they are the rows of a product whose summed index is
 * the pixels of a row of dy. That row is copied into panels first: channels of neighbouring pixels, often a quarter of
 * a page apart, would fall into few sets of the first-level cache. */
#include "base/sizes.h"
#include "kernel/products/conv.h"
#include "kernel/products/tile.h"

#include <string.h>

#define PARTS 8 /* partial sums over ranges of output rows, added in order */

typedef struct rows_plan {
    conv_plan common;
    int64_t width;            /* kw·ic */
    int64_t columns;          /* oc in whole vectors */
    int64_t rows, parts;      /* output rows of all images */
    int64_t part_floats;      /* sums [kh][width][columns] */
    int64_t panel_floats;     /* [ow][nr] of a row of dy, and a cache line between panels */
    int64_t copy_floats;      /* all panels of a row */
    const int64_t *dy_offset; /* [ow] of a pixel in a panel */
} rows_plan;

static conv_plan *plan_new(const conv_plan *common, arena *a) {
    rows_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    p->common = *common;
    const conv_shape *s = &p->common.shape;
    p->width = s->x.kernel * s->ic;
    p->columns = round_up(s->oc, common->ks->lanes);
    p->rows = s->batch * s->y.out;
    p->parts = int64_min(PARTS, p->rows);
    p->part_floats = round_up(s->y.kernel * p->width * p->columns, 16);
    int64_t nr = common->ks->gemm_nr;
    p->panel_floats = round_up((s->x.out + 1) * nr, 16);
    p->copy_floats = p->panel_floats * ceil_div(s->oc, nr);
    int64_t *offset = arena_alloc(a, (size_t)(s->x.out + 1) * sizeof *offset);
    if (!offset) return NULL;
    for (int64_t q = 0; q < s->x.out; q++) offset[q] = q * nr;
    p->dy_offset = offset;
    int64_t floats = conv_padded_floats(s) + p->parts * p->part_floats + common->threads * p->copy_floats;
    p->common.scratch_bytes = (size_t)floats * sizeof(float);
    return &p->common;
}

typedef struct rows_job {
    const rows_plan *plan;
    const float *padded, *dy;
    float *sums, *copies, *dw;
} rows_job;

/* sums[width][columns] += x·dy of one row of dy, in panels, and one of x, in which windows begin at `x`. */
static void row_add(const rows_plan *p, const float *x, const float *panels, float *sums) {
    const conv_shape *s = &p->common.shape;
    const kernel_set *ks = p->common.ks;
    int64_t tiles = ceil_div(p->width, ks->gemm_mr), nr = ks->gemm_nr;
    for (int64_t column = 0; column < s->oc; column += nr)
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t first = share_begin(p->width, tiles, tile), end = share_begin(p->width, tiles, tile + 1);
            gemm_outer t = {.a = x + first,
                            .a_step = s->x.stride * s->ic,
                            .b = panels + column / nr * p->panel_floats,
                            .b_offset = p->dy_offset,
                            .k = s->x.out,
                            .rows = (int)(end - first),
                            .cols = (int)int64_min(nr, p->columns - column),
                            .c = sums + first * p->columns + column,
                            .c_row = p->columns,
                            .accumulate = true,
                            .ahead = x};
            ks->gemm_outer(&t);
        }
}

static void part_task(void *context, int64_t part, int worker) {
    const rows_job *j = context;
    const rows_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    float *sums = j->sums + part * p->part_floats, *panels = j->copies + worker * p->copy_floats;
    int64_t pitch = conv_padded_columns(s) * s->ic, end = share_begin(p->rows, p->parts, part + 1);
    memset(sums, 0, (size_t)p->part_floats * sizeof *sums);
    for (int64_t row = share_begin(p->rows, p->parts, part); row < end; row++) {
        const float *dy = j->dy + row * s->x.out * s->oc, *image = j->padded + row / s->y.out * s->y.in * pitch;
        int64_t u, u_end = window_inside(&s->y, row % s->y.out, &u);
        p->common.ks->panel_copy(panels, p->panel_floats, dy, s->oc, s->x.out, s->oc);
        for (; u < u_end; u++)
            row_add(p, image + window_at(&s->y, row % s->y.out, u) * pitch, panels, sums + u * p->width * p->columns);
    }
}

/* dw[oc][ic][u][kw] of one u: the parts are added in their order. */
static void finish_task(void *context, int64_t u, int worker) {
    const rows_job *j = context;
    const rows_plan *p = j->plan;
    const conv_shape *s = &p->common.shape;
    float *sums = j->sums + u * p->width * p->columns;
    for (int64_t part = 1; part < p->parts; part++)
        p->common.ks->accumulate(sums, sums + part * p->part_floats, 1, p->width * p->columns);
    for (int64_t v = 0; v < s->x.kernel; v++)
        for (int64_t c = 0; c < s->ic; c++, sums += p->columns)
            for (int64_t o = 0; o < s->oc; o++) j->dw[((o * s->ic + c) * s->y.kernel + u) * s->x.kernel + v] = sums[o];
}

static void run(const conv_plan *common, const conv_data *d, pool *workers) {
    const rows_plan *p = (const rows_plan *)common;
    const conv_shape *s = &common->shape;
    if (p->rows == 0 || s->x.out == 0) {
        memset(d->out, 0, (size_t)(s->oc * s->ic * s->y.kernel * s->x.kernel) * sizeof *d->out);
        return;
    }
    rows_job j = {.plan = p, .padded = d->scratch, .dy = d->b, .dw = d->out};
    j.sums = (float *)d->scratch + conv_padded_floats(s);
    j.copies = j.sums + p->parts * p->part_floats;
    conv_pad_rows(s, d->a, d->scratch, workers);
    pool_run(workers, part_task, &j, p->parts);
    pool_run(workers, finish_task, &j, s->y.kernel);
}

const conv_kernel conv_rows[CONV_OPS] = {[CONV_DW] = {plan_new, NULL, run}};
