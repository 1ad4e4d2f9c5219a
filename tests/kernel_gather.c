/* Gathering, scattering and sums over maps against plain loops: element sizes, negative indices of 32 and 64 bits,
 * repeated positions, every instruction set, guarded buffers, threads 1, 2, 7. */
#include <math.h>

#include "check.h"
#include "kernel/elements/gather.h"
#include "kernel_guard.h"

/* Gather along the middle axis of [outer][length][inner] by `count` indices: row (o, k) is x[o][index[k]]. */
static gather_rows middle(int size, int64_t outer, int64_t length, int64_t inner, int64_t count, const void *index,
                          bool wide) {
    return (gather_rows){.size = size,
                         .rank = 2,
                         .count = 1,
                         .dims = {outer, count},
                         .base = {length * inner, 0},
                         .at = {0, 1},
                         .length = {length},
                         .stride = {inner},
                         .inner = inner,
                         .indices = {index, wide}};
}

/* Indices of which some are negative and, with `twice`, some repeat. */
static void indices_fill(int64_t *wide, int32_t *narrow, int64_t count, int64_t length, bool twice) {
    for (int64_t k = 0; k < count; k++) {
        int64_t i = twice ? k * 7 % (length / 2 + 1) : k * 5 % length;
        wide[k] = k % 3 == 1 ? i - length : i;
        narrow[k] = (int32_t)wide[k];
    }
}

static void check_gather(int size, int64_t inner, bool wide, pool *p) {
    enum { OUTER = 3, LENGTH = 11, COUNT = 9 };
    int64_t index[COUNT], bytes = OUTER * LENGTH * inner * size, wrong = 0;
    int32_t narrow[COUNT];
    uint8_t *x = mem_zalloc((size_t)bytes, 1);
    uint8_t *y = mem_zalloc((size_t)(OUTER * COUNT * inner * size) + 1, 1);
    indices_fill(index, narrow, COUNT, LENGTH, false);
    for (int64_t i = 0; i < bytes; i++) x[i] = (uint8_t)(i * 31 + i / 251);
    y[OUTER * COUNT * inner * size] = 77;
    gather_rows g = middle(size, OUTER, LENGTH, inner, COUNT, wide ? (void *)index : (void *)narrow, wide);
    CHECK(gather_check(&g, COUNT) == -1, "good indices");
    gather_run(p, &g, y, x);
    for (int64_t row = 0; row < OUTER * COUNT; row++) {
        int64_t i = index[row % COUNT], from = row / COUNT * LENGTH + (i < 0 ? i + LENGTH : i);
        wrong += memcmp(y + row * inner * size, x + from * inner * size, (size_t)(inner * size)) != 0;
    }
    CHECK(wrong == 0 && y[OUTER * COUNT * inner * size] == 77, "size=%d inner=%d wide=%d: %d rows wrong", size,
          (int)inner, wide, (int)wrong);
    mem_free(x), mem_free(y);
}

static void check_bounds(void) {
    int64_t index[] = {0, -4, 3, 4, -5};
    gather_rows g = middle(4, 1, 4, 1, 5, index, true);
    CHECK(gather_check(&g, 3) == -1, "−length and length − 1 are inside");
    CHECK(gather_check(&g, 5) == 3, "length is outside");
    index[3] = -5;
    CHECK(gather_check(&g, 5) == 3, "−length − 1 is outside");
}

static float combined(gather_write write, float y, float u) {
    switch (write) {
    case GATHER_ADD:
        return y + u;
    case GATHER_MUL:
        return y * u;
    case GATHER_MAX:
        return y > u || y != y ? y : u;
    case GATHER_MIN:
        return y < u || y != y ? y : u;
    case GATHER_PUT:
        break;
    }
    return u;
}

/* Rows [outer][count][inner] into y[outer][length][inner]; repeated positions are combined in order. */
static void check_scatter(const kernel_set *ks, gather_write write, int64_t inner, bool wide, pool *p) {
    enum { OUTER = 3, LENGTH = 7, COUNT = 10 };
    int64_t index[COUNT], ny = OUTER * LENGTH * inner, nu = OUTER * COUNT * inner, wrong = 0;
    int32_t narrow[COUNT];
    float *block[3], *y = guard_new(ny, &block[0]), *want = guard_new(ny, &block[1]), *u = guard_new(nu, &block[2]);
    indices_fill(index, narrow, COUNT, LENGTH, true);
    for (int64_t i = 0; i < ny; i++) y[i] = want[i] = i % 13 == 4 ? NAN : (float)(i * 37 % 19) - 9;
    for (int64_t i = 0; i < nu; i++) u[i] = (float)(i * 53 % 23) / 4 - 3;
    gather_rows g = middle(4, OUTER, LENGTH, inner, COUNT, wide ? (void *)index : (void *)narrow, wide);
    scatter_run(ks, p, &g, write, y, u);
    for (int64_t row = 0; row < OUTER * COUNT; row++) {
        int64_t i = index[row % COUNT];
        float *to = want + (row / COUNT * LENGTH + (i < 0 ? i + LENGTH : i)) * inner;
        for (int64_t k = 0; k < inner; k++) to[k] = combined(write, to[k], u[row * inner + k]);
    }
    for (int64_t i = 0; i < ny; i++) wrong += y[i] != want[i] && !(y[i] != y[i] && want[i] != want[i]);
    CHECK(wrong == 0, "isa=%s write=%d inner=%d wide=%d: %d wrong", ks->isa, write, (int)inner, wide, (int)wrong);
    for (int i = 0; i < 3; i++) CHECK(guard_holds(block[i], i < 2 ? ny : nu), "guard isa=%s", ks->isa);
    for (int i = 0; i < 3; i++) mem_free(block[i]);
}

/* dx[map0(i)·W + map1(j)] += dy[i][j]: mirrored and repeated borders, as the gradient of a padding has them. */
static void check_map(const kernel_set *ks, int64_t height, int64_t width, bool run, pool *p) {
    int64_t nx = 2 * height * width, ny = 2 * (height + 2) * (width + 4), rows[64], columns[300];
    float *block[3], *dx = guard_new(nx, &block[0]), *want = guard_new(nx, &block[1]), *dy = guard_new(ny, &block[2]);
    int64_t planes[2] = {0, height * width}, wrong = 0, oh = height + 2, ow = run ? width : width + 4;
    for (int64_t i = 0; i < oh; i++) rows[i] = (i < 1 ? 0 : i > height ? height - 1 : i - 1) * width;
    for (int64_t j = 0; j < ow; j++) columns[j] = run ? j : j < 2 ? 0 : j - 2 >= width ? width - 1 : j - 2;
    for (int64_t i = 0; i < nx; i++) dx[i] = want[i] = (float)(i % 5);
    for (int64_t i = 0; i < ny; i++) dy[i] = (float)(i * 29 % 17) - 8;
    gather_map m = {
        .rank = 3, .apart = 1, .dims = {2, oh, ow}, .ys = {oh * ow, ow, 1}, .map = {planes, rows, columns}, .run = run};
    map_accumulate(ks, p, &m, dx, dy);
    for (int64_t c = 0; c < 2; c++)
        for (int64_t i = 0; i < oh; i++)
            for (int64_t j = 0; j < ow; j++) want[planes[c] + rows[i] + columns[j]] += dy[(c * oh + i) * ow + j];
    for (int64_t i = 0; i < nx; i++) wrong += dx[i] != want[i];
    CHECK(wrong == 0, "isa=%s map %dx%d run=%d: %d wrong", ks->isa, (int)height, (int)width, run, (int)wrong);
    for (int i = 0; i < 3; i++) CHECK(guard_holds(block[i], i < 2 ? nx : ny), "guard isa=%s", ks->isa);
    for (int i = 0; i < 3; i++) mem_free(block[i]);
}

int main(void) {
    static const int64_t inners[] = {1, 2, 3, 17, 64, 4099};
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    check_bounds();
    for (int size = 1; size <= 8; size *= 2)
        for (int i = 0; i < 6; i++)
            for (int wide = 0; wide < 2; wide++) check_gather(size, inners[i], wide, pools[(size + i) % 3]);
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int write = GATHER_PUT; write <= GATHER_MIN; write++)
            for (int i = 0; i < 6; i++)
                for (int t = 0; t < 3; t++) check_scatter(*ks, (gather_write)write, inners[i], t & 1, pools[t]);
        for (int t = 0; t < 3; t++)
            for (int run = 0; run < 2; run++) {
                check_map(*ks, 1, 1, run, pools[t]);
                check_map(*ks, 5, 33, run, pools[t]);
                check_map(*ks, 31, 200, run, pools[t]);
            }
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
