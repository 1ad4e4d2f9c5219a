/* Strided and permuted copies of every element size against a plain loop, several boxes at once, and fills. */
#include "check.h"
#include "kernel/elements/copy.h"
#include "kernel_guard.h"

static void check_copy(const kernel_set *ks, int size, int rank, const int64_t *dims, const int *order, int flip,
                       int64_t gap, pool *p) {
    int64_t xs[8], ys[8], nx = 1, ny = 1, n = 1, x_first = 0;
    for (int d = rank - 1; d >= 0; d--) ys[d] = ny, ny = ny * dims[d] + gap, n *= dims[d];
    for (int i = rank - 1; i >= 0; i--) xs[order[i]] = nx, nx = nx * dims[order[i]] + gap / 2;
    for (int d = 0; d < rank; d++)
        if (flip >> d & 1) x_first += (dims[d] - 1) * xs[d], xs[d] = -xs[d];
    float *block[2];
    uint8_t *x = (uint8_t *)guard_new((nx * size + 3) / 4, &block[0]);
    uint8_t *y = (uint8_t *)guard_new((ny * size + 3) / 4, &block[1]), *want = mem_zalloc((size_t)ny, (size_t)size);
    for (int64_t i = 0; i < nx * size; i++) x[i] = (uint8_t)(i * 31 + i / 256 + 1);
    memset(y, 0, (size_t)(ny * size));
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = i, ix = x_first, iy = 0;
        for (int d = rank - 1; d >= 0; rest /= dims[d--]) ix += rest % dims[d] * xs[d], iy += rest % dims[d] * ys[d];
        memcpy(want + iy * size, x + ix * size, (size_t)size);
    }
    copy_once(ks, p, size, rank, dims, y, ys, x + x_first * size, xs);
    CHECK(!memcmp(y, want, (size_t)(ny * size)), "copy isa=%s size=%d rank=%d order=%d%d flip=%d gap=%d", ks->isa, size,
          rank, rank > 1 ? order[0] : 0, rank > 1 ? order[1] : 0, flip, (int)gap);
    CHECK(guard_holds(block[0], (nx * size + 3) / 4) && guard_holds(block[1], (ny * size + 3) / 4), "guard");
    mem_free(block[0]), mem_free(block[1]), mem_free(want);
}

static void check_copies(const kernel_set *ks, pool *p) {
    static const int orders[][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {3, 2, 1, 0}, {1, 0, 3, 2}, {1, 2, 3, 0}};
    const int64_t dims[4] = {3, 5, 7, 70}, thin[4] = {1, 3, 1, 129}, line[1] = {50021},
                  deep[8] = {2, 1, 3, 2, 2, 1, 2, 5};
    static const int deep_order[8] = {7, 0, 3, 2, 1, 4, 6, 5};
    for (int size = 1; size <= 8; size *= 2) {
        for (int o = 0; o < 6; o++)
            for (int gap = 0; gap < 4; gap += 3)
                for (int flip = 0; flip < 16; flip += 5) {
                    check_copy(ks, size, 4, dims, orders[o], flip, gap, p);
                    check_copy(ks, size, 4, thin, orders[o], flip, gap, p);
                }
        check_copy(ks, size, 1, line, orders[0], 0, 0, p);
        check_copy(ks, size, 8, deep, deep_order, 0, 0, p);
        check_copy(ks, size, 0, NULL, orders[0], 0, 0, p);
    }
    float x[3] = {1, 2, 3}, y[12]; /* broadcasting */
    copy_once(ks, p, 4, 2, (int64_t[]){4, 3}, y, (int64_t[]){3, 1}, x, (int64_t[]){0, 1});
    CHECK(y[0] == 1 && y[4] == 2 && y[11] == 3, "broadcast");
    uint16_t filled[60] = {0};
    copy_fill(ks, p, 2, filled, 59, &(uint16_t){7});
    CHECK(filled[0] == 7 && filled[58] == 7 && filled[59] == 0, "fill");
}

/* Two tensors one after the other, and the bits of all thread counts. */
static void check_boxes(const kernel_set *ks, pool *p) {
    enum { A = 40, B = 24, ROWS = 700 };
    static float a[ROWS * A], b[ROWS * B], y[ROWS * (A + B)];
    copy_box box[2];
    for (int i = 0; i < ROWS * A; i++) a[i] = (float)i;
    for (int i = 0; i < ROWS * B; i++) b[i] = (float)-i;
    for (int k = 0; k < 2; k++) {
        box[k] = (copy_box){.size = 4, .rank = 2, .dims = {ROWS, k ? B : A}, .ys = {A + B, 1}, .xs = {k ? B : A, 1}};
        box[k].y_first = k ? A : 0, box[k].from = k;
        copy_plan(&box[k]);
    }
    copy_run(ks, p, box, 2, (void *[]){y}, (void *[]){a, b});
    bool equal = true;
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < A + B; c++) equal &= y[r * (A + B) + c] == (c < A ? a[r * A + c] : b[r * B + c - A]);
    CHECK(equal, "boxes isa=%s", ks->isa);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (int i = 0; i < 3; i++)
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
            check_copies(*ks, pools[i]), check_boxes(*ks, pools[i]);
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
