#include "kernel/elements/gather.h"

#include <string.h>

#include "base/sizes.h"
#include "kernel/elements/copy.h"

#define CHUNK (16 << 10) /* elements of a task */

static int64_t row_count(const gather_rows *g) {
    int64_t rows = 1;
    for (int d = 0; d < g->rank; d++) rows *= g->dims[d];
    return rows;
}

int64_t gather_check(const gather_rows *g, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t index = gather_index(&g->indices, i), length = g->length[i % g->count];
        if (index < -length || index >= length) return i;
    }
    return -1;
}

/* ---- rows ---- */

/* A row's coordinates, where its indices stand, and where it begins without them. */
typedef struct cursor {
    int64_t at[GATHER_RANK], index, base;
} cursor;

static cursor cursor_set(const gather_rows *g, int64_t row) {
    cursor c = {0};
    for (int d = g->rank - 1; d >= 0; d--) {
        c.at[d] = row % g->dims[d];
        c.index += c.at[d] * g->at[d];
        c.base += c.at[d] * g->base[d];
        row /= g->dims[d];
    }
    return c;
}

static void cursor_step(const gather_rows *g, cursor *c) {
    for (int d = g->rank - 1; d >= 0; d--) {
        c->index += g->at[d], c->base += g->base[d];
        if (++c->at[d] < g->dims[d]) return;
        c->index -= g->dims[d] * g->at[d], c->base -= g->dims[d] * g->base[d];
        c->at[d] = 0;
    }
}

static int64_t row_offset(const gather_rows *g, const cursor *c) {
    int64_t offset = c->base;
    for (int k = 0; k < g->count; k++) {
        int64_t index = gather_index(&g->indices, c->index + k);
        offset += (index < 0 ? index + g->length[k] : index) * g->stride[k];
    }
    return offset;
}

static inline void move(int size, void *y, int64_t to, const void *x, int64_t from, int64_t n) {
    if (n != 1) memcpy((char *)y + to * size, (const char *)x + from * size, (size_t)(n * size));
    else if (size == 4) ((element4 *)y)[to] = ((const element4 *)x)[from];
    else if (size == 8) ((element8 *)y)[to] = ((const element8 *)x)[from];
    else if (size == 2) ((element2 *)y)[to] = ((const element2 *)x)[from];
    else ((element1 *)y)[to] = ((const element1 *)x)[from];
}

/* ---- gathering ---- */

typedef struct gather_job {
    const kernel_set *ks;
    const gather_rows *g;
    gather_write write;
    char *y;
    const char *x;
    int64_t rows, rows_each, pieces, piece;
} gather_job;

static void gather_task(void *context, int64_t task, int worker) {
    const gather_job *j = context;
    int64_t first = task * j->rows_each, end = int64_min(j->rows, first + j->rows_each);
    cursor c = cursor_set(j->g, first);
    for (int64_t row = first; row < end; row++, cursor_step(j->g, &c))
        move(j->g->size, j->y, row * j->g->inner, j->x, row_offset(j->g, &c), j->g->inner);
}

void gather_run(pool *p, const gather_rows *g, void *y, const void *x) {
    gather_job j = {.g = g, .y = y, .x = x, .rows = row_count(g)};
    if (j.rows == 0 || g->inner == 0) return;
    j.rows_each = ceil_div(CHUNK, g->inner);
    pool_run(p, gather_task, &j, ceil_div(j.rows, j.rows_each));
}

/* ---- scattering ---- */

static float combine(gather_write write, float y, float u) {
    if (write == GATHER_ADD) return y + u;
    if (write == GATHER_MUL) return y * u;
    if (write == GATHER_MAX) return y > u || y != y ? y : u;
    return y < u || y != y ? y : u;
}

static void row_write(const gather_job *j, int64_t to, int64_t from, int64_t n) {
    float *y = (float *)(void *)j->y + to;
    const float *u = (const float *)(const void *)j->x + from;
    if (j->write == GATHER_PUT) move(j->g->size, j->y, to, j->x, from, n);
    else if (j->write == GATHER_ADD && n > 1) j->ks->accumulate(y, u, 1, n);
    else
        for (int64_t i = 0; i < n; i++) y[i] = combine(j->write, y[i], u[i]);
}

/* Tasks are a piece of the rows' elements times what the leading dimensions keep apart. */
static void scatter_task(void *context, int64_t task, int worker) {
    const gather_job *j = context;
    int64_t begin = task % j->pieces * j->piece, n = int64_min(j->piece, j->g->inner - begin);
    int64_t first = task / j->pieces * j->rows_each;
    cursor c = cursor_set(j->g, first);
    for (int64_t row = first; row < first + j->rows_each; row++, cursor_step(j->g, &c))
        row_write(j, row_offset(j->g, &c) + begin, row * j->g->inner + begin, n);
}

void scatter_run(const kernel_set *ks, pool *p, const gather_rows *g, gather_write write, void *y, const void *rows) {
    gather_job j = {.ks = ks, .g = g, .write = write, .y = y, .x = rows, .rows = row_count(g)};
    if (j.rows == 0 || g->inner == 0) return;
    int64_t apart = 1;
    for (int d = 0; d < g->rank && g->base[d] != 0; d++) apart *= g->dims[d];
    j.rows_each = j.rows / apart;
    j.piece = int64_min(g->inner, int64_max(64, CHUNK / j.rows_each));
    j.pieces = ceil_div(g->inner, j.piece);
    pool_run(p, scatter_task, &j, apart * j.pieces);
}

/* ---- sums over a map ---- */

typedef struct map_job {
    const kernel_set *ks;
    const gather_map *m;
    float *dx;
    const float *dy;
} map_job;

static void map_walk(const map_job *j, int d, int64_t to, int64_t from) {
    const gather_map *m = j->m;
    if (d == m->rank - 1 && m->run) {
        j->ks->accumulate(j->dx + to, j->dy + from, 1, m->dims[d]);
        return;
    }
    for (int64_t i = 0; i < m->dims[d]; i++)
        if (d == m->rank - 1) j->dx[to + m->map[d][i]] += j->dy[from + i * m->ys[d]];
        else map_walk(j, d + 1, to + m->map[d][i], from + i * m->ys[d]);
}

static void map_task(void *context, int64_t task, int worker) {
    const map_job *j = context;
    const gather_map *m = j->m;
    int64_t to = 0, from = 0;
    for (int d = m->apart - 1; d >= 0; task /= m->dims[d--]) {
        to += m->map[d][task % m->dims[d]];
        from += task % m->dims[d] * m->ys[d];
    }
    map_walk(j, m->apart, to, from);
}

void map_accumulate(const kernel_set *ks, pool *p, const gather_map *m, float *dx, const float *dy) {
    int64_t tasks = 1;
    for (int d = 0; d < m->rank; d++)
        if (m->dims[d] == 0) return;
    for (int d = 0; d < m->apart; d++) tasks *= m->dims[d];
    pool_run(p, map_task, &(map_job){ks, m, dx, dy}, tasks);
}
