#include "kernel/elements/map.h"

#include <assert.h>
#include <string.h>

#include "base/sizes.h"

#define CHUNK    (16 << 10) /* elements of a task: long enough to be worth handing out */
#define REPEATED 256        /* elements to which short rows are joined, */
#define SHORT    64         /* which have fewer than so many */
#define GATHERED 256        /* elements that are brought together at once where they are strided */
#define SLOTS    (1 + MAP_OPERANDS)

static const struct {
    int operands;
    char type[SLOTS + 1];
    size_t kernel; /* field of kernel_set */
} rows[] = {
#define MAP(name, operands, y, a, b, c, f) {operands, #y #a #b #c, offsetof(kernel_set, map_##name)},
#include "kernel/elements/map_int_list.h"
#include "kernel/elements/map_list.h"
#undef MAP
};

int map_operands(map_kind kind) {
    return rows[kind].operands;
}

stria_type map_type(map_kind kind, int which) {
    switch (rows[kind].type[which]) {
    case 'B':
        return STRIA_BOOL;
    case 'I':
        return STRIA_INT32;
    case 'L':
        return STRIA_INT64;
    case 'U':
        return STRIA_UINT8;
    default:
        return STRIA_FLOAT32;
    }
}

size_t map_bytes(map_kind kind, int which) {
    switch (map_type(kind, which)) {
    case STRIA_BOOL:
    case STRIA_UINT8:
        return 1;
    case STRIA_INT64:
        return sizeof(int64_t);
    default:
        return sizeof(float);
    }
}

/* Drops dimensions of 1 and joins neighbours that are one run in all operands. At least one dimension is left. */
void map_plan_init(map_plan *m, map_kind kind, int rank, const int64_t *dims, const int64_t *const stride[SLOTS]) {
    int slots = 1 + rows[kind].operands;
    *m = (map_plan){.kind = kind};
    for (int d = 0; d < rank; d++) {
        m->empty |= dims[d] == 0;
        if (dims[d] == 1) continue;
        int last = m->rank - 1;
        bool joins = m->rank > 0;
        for (int k = 0; k < slots && joins; k++) joins = m->stride[k][last] == stride[k][d] * dims[d];
        if (!joins) last = m->rank++, m->dims[last] = 1;
        m->dims[last] *= dims[d];
        for (int k = 0; k < slots; k++) m->stride[k][last] = stride[k][d];
    }
    if (m->rank > 0) return;
    m->rank = 1;
    m->dims[0] = m->stride[0][0] = 1;
}

typedef void map_kernel(const map_block *);

typedef struct map_job {
    const map_plan *m;
    map_kernel *kernel;
    char *at[SLOTS];
    size_t bytes[SLOTS];
    int64_t rows, n;      /* of the two innermost dimensions; n elements a row */
    int64_t row[SLOTS];   /* strides of the dimension outside the innermost */
    int64_t step[SLOTS];  /* … and of the innermost */
    int64_t rows_each;    /* a task: so many rows of all, */
    int64_t pieces, each; /* or one of `pieces` pieces of a row */
} map_job;

/* Rows of n elements whose innermost step is 1, or 0 for operands: what kernels take. */
static void block_run(const map_job *j, char *const at[SLOTS], int64_t count, int64_t n) {
    static const int64_t zero = 0;
    map_block b = {.rows = count, .n = n, .y = at[0], .p = j->m->p, .q = j->m->q};
    b.y_row = j->row[0] * (int64_t)j->bytes[0];
    for (int k = 0; k < MAP_OPERANDS; k++) {
        bool there = k < rows[j->m->kind].operands;
        b.in[k] = there ? at[1 + k] : (const char *)&zero;
        b.in_row[k] = there ? j->row[1 + k] * (int64_t)j->bytes[1 + k] : 0;
        b.fixed[k] = !there || j->step[1 + k] == 0;
    }
    j->kernel(&b);
}

/* Short rows are one long one if in each operand they follow each other or are always the same. */
static bool repeats(const map_job *j, int64_t count, int64_t n) {
    if (n >= SHORT || count < 4) return false;
    for (int k = 0; k <= rows[j->m->kind].operands; k++) {
        bool follow = j->step[k] == 1 && j->row[k] == n, same = k > 0 && j->row[k] == 0;
        if (!follow && !same) return false;
    }
    return true;
}

/* Joins as many rows as make REPEATED elements: what is the same in each of them is written out so often. */
static void repeated_run(const map_job *j, char *const at[SLOTS], int64_t count, int64_t n) {
    int64_t written[MAP_OPERANDS][REPEATED + SHORT];
    int64_t joined = int64_min(count, ceil_div(REPEATED, n)), whole = count / joined;
    map_job wide = *j;
    char *wide_at[SLOTS] = {0}, *rest[SLOTS] = {0};
    for (int k = 0; k <= rows[j->m->kind].operands; k++) {
        wide_at[k] = rest[k] = at[k];
        wide.row[k] = j->row[k] * joined;
        rest[k] += j->row[k] * (int64_t)j->bytes[k] * whole * joined;
        if (j->row[k] != 0 || j->step[k] == 0) continue;
        wide_at[k] = (char *)written[k - 1];
        for (int64_t i = 0; i < joined; i++)
            memcpy(wide_at[k] + i * n * (int64_t)j->bytes[k], at[k], (size_t)n * j->bytes[k]);
    }
    block_run(&wide, wide_at, whole, joined * n);
    if (count % joined) block_run(j, rest, count % joined, n);
}

static void gather(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t n, size_t bytes) {
    for (int64_t i = 0; i < n; i++)
        memcpy(to + i * to_step * (int64_t)bytes, from + i * from_step * (int64_t)bytes, bytes);
}

/* Rows with other steps, through dense copies. */
static void strided_run(const map_job *j, char *const at[SLOTS], int64_t count, int64_t n) {
    int64_t dense[SLOTS][GATHERED];
    map_job one = *j;
    int slots = 1 + rows[j->m->kind].operands;
    for (int k = 0; k < slots; k++)
        if (j->step[k] != 0) one.step[k] = 1;
    for (int64_t done = 0; done < count * n;) {
        int64_t row = done / n, first = done % n, length = int64_min(n - first, GATHERED);
        char *from[SLOTS] = {0}, *dense_at[SLOTS] = {0};
        for (int k = 0; k < slots; k++) {
            from[k] = at[k] + (row * j->row[k] + first * j->step[k]) * (int64_t)j->bytes[k];
            dense_at[k] = j->step[k] == one.step[k] ? from[k] : (char *)dense[k];
            if (k > 0 && dense_at[k] != from[k]) gather(dense_at[k], 1, from[k], j->step[k], length, j->bytes[k]);
        }
        block_run(&one, dense_at, 1, length);
        assert(from[0]);
        if (dense_at[0] != from[0]) gather(from[0], j->step[0], dense_at[0], 1, length, j->bytes[0]);
        done += length;
    }
}

static void rows_run(const map_job *j, char *const at[SLOTS], int64_t count, int64_t n) {
    bool steps = j->step[0] == 1;
    for (int k = 1; k <= rows[j->m->kind].operands; k++) steps = steps && (j->step[k] == 0 || j->step[k] == 1);
    if (!steps) strided_run(j, at, count, n);
    else if (repeats(j, count, n)) repeated_run(j, at, count, n);
    else block_run(j, at, count, n);
}

/* Where the row-th of all rows begins. */
static void row_locate(const map_job *j, int64_t row, int64_t first, char *at[SLOTS]) {
    int slots = 1 + rows[j->m->kind].operands;
    int64_t offset[SLOTS] = {0};
    for (int k = 0; k < slots; k++) offset[k] = first * j->step[k] + row % j->rows * j->row[k];
    row /= j->rows;
    for (int d = j->m->rank - 3; d >= 0; row /= j->m->dims[d--])
        for (int k = 0; k < slots; k++) offset[k] += row % j->m->dims[d] * j->m->stride[k][d];
    for (int k = 0; k < slots; k++) at[k] = j->at[k] + offset[k] * (int64_t)j->bytes[k];
}

static void map_task(void *context, int64_t index, int worker) {
    const map_job *j = context;
    const map_plan *m = j->m;
    char *at[SLOTS] = {0};
    int64_t all = j->rows;
    for (int d = 0; d < m->rank - 2; d++) all *= m->dims[d];
    int64_t row = index / j->pieces * j->rows_each, end = int64_min(row + j->rows_each, all);
    int64_t first = index % j->pieces * j->each, n = int64_min(j->n - first, j->each);
    while (row < end && n > 0) {
        int64_t count = int64_min(end - row, j->rows - row % j->rows);
        row_locate(j, row, first, at);
        rows_run(j, at, count, n);
        row += count;
    }
}

void map_run(const kernel_set *ks, pool *p, const map_plan *m, void *y, const void *const *in) {
    int inner = m->rank - 1;
    map_job j = {.m = m, .rows = m->rank > 1 ? m->dims[inner - 1] : 1, .n = m->dims[inner]};
    if (m->empty) return;
    memcpy(&j.kernel, (const char *)ks + rows[m->kind].kernel, sizeof j.kernel);
    int64_t tasks = 1;
    for (int d = 0; d < inner; d++) tasks *= m->dims[d];
    for (int k = 0; k <= rows[m->kind].operands; k++) {
        j.at[k] = k == 0 ? y : (char *)(uintptr_t)in[k - 1];
        j.bytes[k] = map_bytes(m->kind, k);
        j.step[k] = m->stride[k][inner];
        j.row[k] = inner > 0 ? m->stride[k][inner - 1] : 0;
    }
    j.each = int64_min(j.n, CHUNK);
    j.pieces = ceil_div(j.n, j.each);
    j.rows_each = ceil_div(CHUNK, j.each);
    pool_run(p, map_task, &j, ceil_div(tasks, j.rows_each) * j.pieces);
}
