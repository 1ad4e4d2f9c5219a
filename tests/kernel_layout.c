/* Strided and permuted copies of every element size against a plain loop, transposes, fills, and conversion of types
 * (16-bit floats over all their values and at every rounding boundary). */
#include <math.h>

#include "check.h"
#include "kernel/layout.h"
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
    layout_copy(ks, p, size, rank, dims, y, ys, x + x_first * size, xs);
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
    layout_copy(ks, p, 4, 2, (int64_t[]){4, 3}, y, (int64_t[]){3, 1}, x, (int64_t[]){0, 1});
    CHECK(y[0] == 1 && y[4] == 2 && y[11] == 3, "broadcast");
}

static void check_transposes(const kernel_set *ks, pool *p) {
    for (int64_t rows = 0; rows < 140; rows += rows < 10 ? 1 : 43)
        for (int64_t columns = 0; columns < 150; columns += columns < 10 ? 1 : 47) {
            int64_t yp = rows + 1, xp = columns + 2;
            float *block[2], *x = guard_new(rows * xp, &block[0]), *y = guard_new(columns * yp, &block[1]);
            for (int64_t i = 0; i < rows * xp; i++) x[i] = (float)i;
            for (int64_t i = 0; i < columns * yp; i++) y[i] = -1;
            layout_transpose(ks, p, y, yp, x, xp, rows, columns);
            bool equal = true;
            for (int64_t c = 0; c < columns; c++) {
                for (int64_t r = 0; r < rows; r++) equal = equal && y[c * yp + r] == x[r * xp + c];
                equal = equal && y[c * yp + rows] == -1;
            }
            CHECK(equal, "transpose isa=%s %dx%d", ks->isa, (int)rows, (int)columns);
            CHECK(guard_holds(block[0], rows * xp) && guard_holds(block[1], columns * yp), "guard");
            mem_free(block[0]), mem_free(block[1]);
        }
    float x[2 * 3 * 10], y[60], z[60];
    for (int i = 0; i < 60; i++) x[i] = (float)i;
    layout_to_channels_last(ks, p, y, x, 2, 3, 10);
    CHECK(y[1] == 10 && y[3] == 1 && y[30] == 30, "channels last");
    layout_from_channels_last(ks, p, z, y, 2, 3, 10);
    CHECK(!memcmp(x, z, sizeof x), "and back");
    layout_fill(p, z, 2.5f, 59);
    CHECK(z[0] == 2.5f && z[58] == 2.5f && z[59] == 59, "fill");
}

static void check_halves(void) {
    for (uint32_t h = 0; h < 65536; h++) {
        float f = layout_f16_to_float((uint16_t)h), b = layout_bf16_to_float((uint16_t)h);
        if (isnan(f)) CHECK(isnan(layout_f16_to_float(layout_f16_from_float(f))), "f16 NaN %x", h);
        else CHECK(layout_f16_from_float(f) == h, "f16 %x", h);
        if (isnan(b)) CHECK(isnan(layout_bf16_to_float(layout_bf16_from_float(b))), "bf16 NaN %x", h);
        else CHECK(layout_bf16_from_float(b) == h, "bf16 %x", h);
        if ((h & 0x7fff) < 0x7bff) { /* halfway to the next goes to even, either side of it to the nearer */
            float next = layout_f16_to_float((uint16_t)(h + 1)), middle = (f + next) / 2;
            uint32_t even = h & 1 ? h + 1 : h;
            CHECK(layout_f16_from_float(middle) == even, "f16 tie after %x", h);
            CHECK(layout_f16_from_float(nextafterf(middle, f)) == h, "f16 below the tie after %x", h);
            CHECK(layout_f16_from_float(nextafterf(middle, next)) == h + 1, "f16 above the tie after %x", h);
        }
    }
    CHECK(layout_f16_to_float(0x3c00) == 1 && layout_f16_to_float(0xc000) == -2 && layout_f16_to_float(1) == 0x1p-24f,
          "f16");
    CHECK(layout_f16_from_float(65519.996f) == 0x7bff && layout_f16_from_float(65520) == 0x7c00, "f16 overflow");
    CHECK(layout_bf16_from_float(1.00390625f) == 0x3f80 && layout_bf16_from_float(1.01171875f) == 0x3f82, "bf16 ties");
    CHECK(layout_bf16_from_float(3.4e38f) == 0x7f80, "bf16 overflow");
}

static void check_convert(pool *p) {
    const float f[] = {0, 1.9f, -1.9f, 255, 256, -1, 1e30f, -1e30f, NAN, 127.5f, 3e9f};
    enum { N = sizeof f / sizeof *f };
    uint8_t u8[N], b[N];
    int8_t i8[N];
    int32_t i32[N];
    int64_t i64[N];
    uint64_t u64[N];
    layout_convert(p, u8, LAYOUT_U8, f, LAYOUT_F32, N), layout_convert(p, i8, LAYOUT_I8, f, LAYOUT_F32, N);
    layout_convert(p, i32, LAYOUT_I32, f, LAYOUT_F32, N), layout_convert(p, i64, LAYOUT_I64, f, LAYOUT_F32, N);
    layout_convert(p, u64, LAYOUT_U64, f, LAYOUT_F32, N), layout_convert(p, b, LAYOUT_BOOL, f, LAYOUT_F32, N);
    CHECK(u8[1] == 1 && u8[2] == 0 && u8[3] == 255 && u8[4] == 255 && u8[5] == 0 && u8[8] == 0, "u8");
    CHECK(i8[2] == -1 && i8[3] == 127 && i8[7] == -128 && i8[9] == 127, "i8");
    CHECK(i32[6] == INT32_MAX && i32[7] == INT32_MIN && i32[8] == 0 && i32[2] == -1 && i32[10] == INT32_MAX, "i32");
    CHECK(i64[6] == INT64_MAX && i64[7] == INT64_MIN && i64[8] == 0 && i64[10] == 3000000000, "i64");
    CHECK(u64[6] == UINT64_MAX && u64[7] == 0 && u64[10] == 3000000000u, "u64");
    CHECK(b[0] == 0 && b[1] == 1 && b[8] == 1, "bool");
    const int64_t wide[] = {300, -1, 1 << 20, INT64_MIN};
    uint8_t narrow[4];
    double d[4];
    layout_convert(p, narrow, LAYOUT_U8, wide, LAYOUT_I64, 4);
    CHECK(narrow[0] == 44 && narrow[1] == 255 && narrow[2] == 0 && narrow[3] == 0, "integers wrap");
    layout_convert(p, d, LAYOUT_F64, wide, LAYOUT_I64, 4);
    CHECK(d[0] == 300 && d[3] == -0x1p63, "i64 to double");
    layout_convert(p, d, LAYOUT_F64, u64 + 6, LAYOUT_U64, 1);
    CHECK(d[0] == 0x1p64, "u64 to double");
    /* a double just above a tie of float16 must not be rounded to the tie first */
    const double near[] = {1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11, 1 + 0x1p-11 - 0x1p-40, 1e300, -1e300};
    uint16_t h[5];
    layout_convert(p, h, LAYOUT_F16, near, LAYOUT_F64, 5);
    CHECK(h[0] == 0x3c01 && h[1] == 0x3c00 && h[2] == 0x3c00 && h[3] == 0x7c00 && h[4] == 0xfc00, "rounded once");
    enum { MANY = 40001 };
    float *x = mem_alloc(MANY * 4), *back = mem_alloc(MANY * 4);
    void *y = mem_alloc(MANY * 8);
    for (layout_type t = 0; t < LAYOUT_TYPE_COUNT; t++) {
        for (int i = 0; i < MANY; i++) x[i] = t == LAYOUT_BOOL ? (float)(i % 2) : (float)(i % 128);
        layout_convert(p, y, t, x, LAYOUT_F32, MANY);
        layout_convert(p, back, LAYOUT_F32, y, t, MANY);
        CHECK(!memcmp(x, back, MANY * 4), "float to type %d and back", (int)t);
        CHECK(layout_type_size(t) >= 1 && layout_type_size(t) <= 8, "size");
    }
    mem_free(x), mem_free(back), mem_free(y);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (int i = 0; i < 3; i++) {
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
            check_copies(*ks, pools[i]), check_transposes(*ks, pools[i]);
        check_convert(pools[i]);
    }
    check_halves();
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
