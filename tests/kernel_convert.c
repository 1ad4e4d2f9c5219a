/* Conversion of types: 16-bit floats over all their values and at every rounding boundary, saturation, wrapping. */
#include <math.h>

#include "base/memory.h"
#include "check.h"
#include "kernel/elements/convert.h"

static void check_halves(void) {
    for (uint32_t h = 0; h < 65536; h++) {
        float f = f16_to_float((uint16_t)h), b = bf16_to_float((uint16_t)h);
        if (isnan(f)) CHECK(isnan(f16_to_float(f16_from_float(f))), "f16 NaN %x", h);
        else CHECK(f16_from_float(f) == h, "f16 %x", h);
        if (isnan(b)) CHECK(isnan(bf16_to_float(bf16_from_float(b))), "bf16 NaN %x", h);
        else CHECK(bf16_from_float(b) == h, "bf16 %x", h);
        if ((h & 0x7fff) < 0x7bff) { /* halfway to the next goes to even, either side of it to the nearer */
            float next = f16_to_float((uint16_t)(h + 1)), middle = (f + next) / 2;
            uint32_t even = h & 1 ? h + 1 : h;
            CHECK(f16_from_float(middle) == even, "f16 tie after %x", h);
            CHECK(f16_from_float(nextafterf(middle, f)) == h, "f16 below the tie after %x", h);
            CHECK(f16_from_float(nextafterf(middle, next)) == h + 1, "f16 above the tie after %x", h);
        }
    }
    CHECK(f16_to_float(0x3c00) == 1 && f16_to_float(0xc000) == -2 && f16_to_float(1) == 0x1p-24f, "f16");
    CHECK(f16_from_float(65519.996f) == 0x7bff && f16_from_float(65520) == 0x7c00, "f16 overflow");
    CHECK(bf16_from_float(1.00390625f) == 0x3f80 && bf16_from_float(1.01171875f) == 0x3f82, "bf16 ties");
    CHECK(bf16_from_float(3.4e38f) == 0x7f80, "bf16 overflow");
}

static void check_convert(const kernel_set *ks, pool *p) {
    const float f[] = {0, 1.9f, -1.9f, 255, 256, -1, 1e30f, -1e30f, NAN, 127.5f, 3e9f};
    enum { N = sizeof f / sizeof *f };
    uint8_t u8[N], b[N];
    int8_t i8[N];
    int32_t i32[N];
    int64_t i64[N];
    uint64_t u64[N];
    convert_elements(ks, p, u8, ELEMENT_U8, f, ELEMENT_F32, N),
        convert_elements(ks, p, i8, ELEMENT_I8, f, ELEMENT_F32, N);
    convert_elements(ks, p, i32, ELEMENT_I32, f, ELEMENT_F32, N),
        convert_elements(ks, p, i64, ELEMENT_I64, f, ELEMENT_F32, N);
    convert_elements(ks, p, u64, ELEMENT_U64, f, ELEMENT_F32, N),
        convert_elements(ks, p, b, ELEMENT_BOOL, f, ELEMENT_F32, N);
    CHECK(u8[1] == 1 && u8[2] == 0 && u8[3] == 255 && u8[4] == 255 && u8[5] == 0 && u8[8] == 0, "u8");
    CHECK(i8[2] == -1 && i8[3] == 127 && i8[7] == -128 && i8[9] == 127, "i8");
    CHECK(i32[6] == INT32_MAX && i32[7] == INT32_MIN && i32[8] == 0 && i32[2] == -1 && i32[10] == INT32_MAX, "i32");
    CHECK(i64[6] == INT64_MAX && i64[7] == INT64_MIN && i64[8] == 0 && i64[10] == 3000000000, "i64");
    CHECK(u64[6] == UINT64_MAX && u64[7] == 0 && u64[10] == 3000000000u, "u64");
    CHECK(b[0] == 0 && b[1] == 1 && b[8] == 1, "bool");
    const int64_t wide[] = {300, -1, 1 << 20, INT64_MIN};
    uint8_t narrow[4];
    double d[4];
    convert_elements(ks, p, narrow, ELEMENT_U8, wide, ELEMENT_I64, 4);
    CHECK(narrow[0] == 44 && narrow[1] == 255 && narrow[2] == 0 && narrow[3] == 0, "integers wrap");
    convert_elements(ks, p, d, ELEMENT_F64, wide, ELEMENT_I64, 4);
    CHECK(d[0] == 300 && d[3] == -0x1p63, "i64 to double");
    convert_elements(ks, p, d, ELEMENT_F64, u64 + 6, ELEMENT_U64, 1);
    CHECK(d[0] == 0x1p64, "u64 to double");
    /* a double just above a tie of float16 must not be rounded to the tie first */
    const double near[] = {1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11, 1 + 0x1p-11 - 0x1p-40, 1e300, -1e300};
    uint16_t h[5];
    convert_elements(ks, p, h, ELEMENT_F16, near, ELEMENT_F64, 5);
    CHECK(h[0] == 0x3c01 && h[1] == 0x3c00 && h[2] == 0x3c00 && h[3] == 0x7c00 && h[4] == 0xfc00, "rounded once");
    enum { MANY = 40001 };
    float *x = mem_alloc(MANY * 4), *back = mem_alloc(MANY * 4);
    void *y = mem_alloc(MANY * 8);
    for (element_type t = 0; t < ELEMENT_TYPES; t++) {
        for (int i = 0; i < MANY; i++) x[i] = t == ELEMENT_BOOL ? (float)(i % 2) : (float)(i % 128);
        convert_elements(ks, p, y, t, x, ELEMENT_F32, MANY);
        convert_elements(ks, p, back, ELEMENT_F32, y, t, MANY);
        CHECK(!memcmp(x, back, MANY * 4), "float to type %d and back", (int)t);
        CHECK(element_bytes(t) >= 1 && element_bytes(t) <= 8, "size");
    }
    mem_free(x), mem_free(back), mem_free(y);
}

/* The vector loops of 16-bit floats give what one number at a time gives. */
static void check_vectors(const kernel_set *ks, pool *p) {
    static uint16_t h[65536], back[65536];
    static float x[65536];
    for (int i = 0; i < 65536; i++) h[i] = (uint16_t)i;
    convert_elements(ks, p, x, ELEMENT_F32, h, ELEMENT_F16, 65536);
    bool same = true;
    for (int i = 0; i < 65536; i++) same = same && convert_bits(x[i]) == convert_bits(f16_to_float(h[i]));
    CHECK(same, "f16 to float isa=%s", ks->isa);
    for (int i = 0; i < 65536; i++) x[i] = convert_float((uint32_t)i * 65537u + 0x1000u);
    convert_elements(ks, p, back, ELEMENT_F16, x, ELEMENT_F32, 65536);
    convert_elements(ks, p, h, ELEMENT_BF16, x, ELEMENT_F32, 65536);
    same = true;
    for (int i = 0; i < 65536; i++) same = same && back[i] == f16_from_float(x[i]) && h[i] == bf16_from_float(x[i]);
    CHECK(same, "float to 16 bits isa=%s", ks->isa);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (int i = 0; i < 3; i++)
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
            check_convert(*ks, pools[i]), check_vectors(*ks, pools[i]);
    check_halves();
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
