/* Functions of several operands over broadcast boxes against plain loops: every row, every way of broadcasting, special
 * numbers, every instruction set, odd sizes, guarded buffers, gaps in the result, threads 1, 2, 7 bit-equal. */
#include <math.h>

#include "check.h"
#include "kernel/elements/map.h"
#include "kernel_guard.h"

#define SLOTS (1 + MAP_OPERANDS)

static const char *const map_names[MAP_COUNT] = {
#define MAP(name, operands, y, a, b, c, f) #name,
#include "kernel/elements/map_int_list.h"
#include "kernel/elements/map_list.h"
#undef MAP
};

static const float p_of = INFINITY, q_of = -INFINITY; /* parameters of is_any: then it is is_inf */

static double plain(map_kind kind, double a, double b, double c) {
    switch (kind) {
    case MAP_add:
        return (double)((float)a + (float)b);
    case MAP_sub:
        return (double)((float)a - (float)b);
    case MAP_mul:
        return (double)((float)a * (float)b);
    case MAP_div:
        return (double)((float)a / (float)b);
    case MAP_min:
        return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
    case MAP_max:
        return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
    case MAP_pow:
        return (double)powf((float)a, (float)b);
    case MAP_mod: {
        double r = (double)fmodf((float)a, (float)b);
        return r == 0 || isnan(r) || (r < 0) == (b < 0) ? r : (double)((float)r + (float)b);
    }
    case MAP_fmod:
        return fmod(a, b);
    case MAP_equal:
    case MAP_same:
        return a == b;
    case MAP_less:
        return a < b;
    case MAP_less_equal:
        return a <= b;
    case MAP_and:
        return a != 0 && b != 0;
    case MAP_or:
        return a != 0 || b != 0;
    case MAP_xor:
        return (a != 0) != (b != 0);
    case MAP_not:
        return a == 0;
    case MAP_is_nan:
        return isnan(a) != 0;
    case MAP_is_any:
        return isinf(a) != 0;
    case MAP_where:
        return a != 0 ? b : c;
    case MAP_select_equal:
        return b == c ? a : 0;
    case MAP_prelu:
        return a < 0 ? (double)((float)a * (float)b) : a;
    case MAP_prelu_gradient:
        return b > 0 ? a : (double)((float)a * (float)c);
    default:
        break;
    }
    return NAN;
}

/* The rows of integers, three times the same for int32, int64, uint8; the result may be too wide for its type. */
static int64_t plain_integer(map_kind kind, int64_t a, int64_t b, int64_t c) {
    const map_kind first[3] = {MAP_add_int32, MAP_add_int64, MAP_add_uint8};
    map_kind base = kind >= first[2] ? first[2] : kind >= first[1] ? first[1] : first[0];
    switch (kind - base + MAP_add_int32) {
    case MAP_add_int32:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case MAP_sub_int32:
        return (int64_t)((uint64_t)a - (uint64_t)b);
    case MAP_mul_int32:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case MAP_min_int32:
        return a < b ? a : b;
    case MAP_max_int32:
        return a > b ? a : b;
    case MAP_equal_int32:
        return a == b;
    case MAP_less_int32:
        return a < b;
    case MAP_less_equal_int32:
        return a <= b;
    default:
        return a ? b : c;
    }
}

static bool is_integer(map_kind kind) {
    stria_type type = map_type(kind, 2);
    return type == STRIA_INT32 || type == STRIA_INT64 || type == STRIA_UINT8;
}

static int64_t wrapped(stria_type type, int64_t x) {
    return type == STRIA_INT32 ? (int32_t)(uint32_t)(uint64_t)x : type == STRIA_UINT8 ? (uint8_t)x : x;
}

/* A box's memory: slot 0 is y, the others its operands; mask[k] has the dimensions over which operand k repeats. */
typedef struct box {
    map_kind kind;
    int rank;
    int64_t dims[MAP_RANK], stride[SLOTS][MAP_RANK], count[SLOTS];
    int mask[SLOTS];
    char *data[SLOTS];
    void *block[SLOTS];
} box;

static double element(const box *b, int k, int64_t at) {
    return map_bytes(b->kind, k) == 1 ? (double)((uint8_t *)b->data[k])[at] : (double)((float *)b->data[k])[at];
}

static int64_t integer_at(const box *b, int k, int64_t at) {
    switch (map_type(b->kind, k)) {
    case STRIA_INT32:
        return ((int32_t *)b->data[k])[at];
    case STRIA_INT64:
        return ((int64_t *)b->data[k])[at];
    default:
        return ((uint8_t *)b->data[k])[at];
    }
}

static void integer_put(box *b, int k, int64_t at, int64_t x) {
    if (map_type(b->kind, k) == STRIA_INT32) ((int32_t *)b->data[k])[at] = (int32_t)wrapped(STRIA_INT32, x);
    else if (map_type(b->kind, k) == STRIA_INT64) ((int64_t *)b->data[k])[at] = x;
    else ((uint8_t *)b->data[k])[at] = (uint8_t)x;
}

static void box_fill_integers(box *b, bool special) {
    static const int64_t specials[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, -1, 255, 128, 0x123456789abcdefLL};
    for (int k = 1; k <= map_operands(b->kind); k++)
        for (int64_t i = 0; i < b->count[k]; i++)
            if (map_type(b->kind, k) == STRIA_BOOL) integer_put(b, k, i, i % (k + 2) == 0);
            else integer_put(b, k, i, special && i % 3 == k - 1 ? specials[i / 3 % 8] : i % (9 + 4 * k) - 2 * k);
}

static void box_fill(box *b, bool special) {
    if (is_integer(b->kind)) {
        box_fill_integers(b, special);
        return;
    }
    static const float specials[] = {NAN, INFINITY, -INFINITY, -0.0f, 0, 1e-40f, -1e-45f, 3e38f, 1};
    for (int k = 1; k <= map_operands(b->kind); k++)
        for (int64_t i = 0; i < b->count[k]; i++)
            if (map_bytes(b->kind, k) == 1) ((uint8_t *)b->data[k])[i] = i % (k + 2) == 0;
            else if (special && i % 3 == k - 1) ((float *)b->data[k])[i] = specials[i / 3 % 9];
            else ((float *)b->data[k])[i] = (float)(i % (9 + 4 * k)) - 2.5f * (float)k;
}

static void box_new(box *b, int64_t gap, bool special) {
    for (int k = 0; k <= map_operands(b->kind); k++) {
        int64_t n = 1;
        for (int d = b->rank - 1; d >= 0; d--) {
            bool repeats = k > 0 && b->mask[k] >> d & 1;
            b->stride[k][d] = repeats ? 0 : n;
            if (!repeats) n = n * b->dims[d] + (k == 0 ? gap : 0);
        }
        float *block;
        b->count[k] = n;
        b->data[k] = (char *)guard_new((n * (int64_t)map_bytes(b->kind, k) + 3) / 4, &block);
        b->block[k] = block;
    }
    memset(b->data[0], 99, (size_t)b->count[0] * map_bytes(b->kind, 0));
    box_fill(b, special);
}

static void box_free(box *b) {
    for (int k = 0; k <= map_operands(b->kind); k++) {
        CHECK(guard_holds(b->block[k], (b->count[k] * (int64_t)map_bytes(b->kind, k) + 3) / 4), "guard of %s",
              map_names[b->kind]);
        mem_free(b->block[k]);
    }
}

static void box_run(const kernel_set *ks, pool *p, const box *b) {
    map_plan plan;
    const int64_t *const stride[SLOTS] = {b->stride[0], b->stride[1], b->stride[2], b->stride[3]};
    const void *in[MAP_OPERANDS] = {b->data[1], b->data[2], b->data[3]};
    map_plan_init(&plan, b->kind, b->rank, b->dims, stride);
    plan.p = p_of, plan.q = q_of;
    map_run(ks, p, &plan, b->data[0], in);
}

static void box_compare(const kernel_set *ks, const box *b) {
    int64_t n = 1;
    for (int d = 0; d < b->rank; d++) n *= b->dims[d];
    char *seen = mem_zalloc((size_t)b->count[0] + 1, 1);
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = i, at[SLOTS] = {0};
        for (int d = b->rank - 1; d >= 0; rest /= b->dims[d--])
            for (int k = 0; k <= map_operands(b->kind); k++) at[k] += rest % b->dims[d] * b->stride[k][d];
        seen[at[0]] = 1;
        if (is_integer(b->kind)) {
            int64_t u[MAP_OPERANDS] = {0}, is = integer_at(b, 0, at[0]);
            for (int k = 0; k < map_operands(b->kind); k++) u[k] = integer_at(b, 1 + k, at[1 + k]);
            int64_t whole = wrapped(map_type(b->kind, 0), plain_integer(b->kind, u[0], u[1], u[2]));
            if (!CHECK(is == whole, "%s isa=%s rank=%d masks=%d,%d,%d at=%d (%lld, %lld, %lld) got=%lld want=%lld",
                       map_names[b->kind], ks->isa, b->rank, b->mask[1], b->mask[2], b->mask[3], (int)i,
                       (long long)u[0], (long long)u[1], (long long)u[2], (long long)is, (long long)whole))
                break;
            continue;
        }
        double v[MAP_OPERANDS] = {0}, got = element(b, 0, at[0]);
        for (int k = 0; k < map_operands(b->kind); k++) v[k] = element(b, 1 + k, at[1 + k]);
        double want = plain(b->kind, v[0], v[1], v[2]);
        if (!CHECK(isnan(want) ? isnan(got) : got == want,
                   "%s isa=%s rank=%d masks=%d,%d,%d at=%d (%g, %g, %g) got=%g want=%g", map_names[b->kind], ks->isa,
                   b->rank, b->mask[1], b->mask[2], b->mask[3], (int)i, v[0], v[1], v[2], got, want))
            break;
    }
    size_t bytes = map_bytes(b->kind, 0);
    for (int64_t i = 0; i < b->count[0]; i++)
        if (!seen[i] && !CHECK(b->data[0][(size_t)i * bytes] == 99, "gap written by %s", map_names[b->kind])) break;
    mem_free(seen);
}

static void check_box(const kernel_set *ks, map_kind kind, int rank, const int64_t *dims, int a, int b, int c,
                      int64_t gap, bool special) {
    box x = {.kind = kind, .rank = rank, .mask = {0, a, b, c}};
    for (int d = 0; d < rank; d++) x.dims[d] = dims[d];
    box_new(&x, gap, special);
    box_run(ks, NULL, &x);
    box_compare(ks, &x);
    box_free(&x);
}

static void check_boxes(const kernel_set *ks, map_kind kind) {
    const int64_t small[4] = {3, 5, 1, 19}, deep[8] = {2, 1, 3, 2, 2, 1, 3, 5}, wide[2] = {7, 130},
                  big[3] = {3, 4, 20011}, thin[3] = {5, 37, 3}, empty[2] = {3, 0}, pixels[2] = {61, 33};
    int every = is_integer(kind) ? 5 : 1; /* three types share their code: each sees other ways of broadcasting */
    bool special = kind != MAP_pow;       /* NaN to the power 0 is 1, and so on: libm's business */
    for (int mask = 0; mask < 256; mask += every) {
        check_box(ks, kind, 4, small, mask & 15, mask >> 4, mask * 7 & 15, mask % 3, special);
        check_box(ks, kind, 8, deep, mask, 255 - mask, mask * 5 & 255, mask % 2, special);
    }
    for (int mask = 0; mask < 64; mask += every) {
        check_box(ks, kind, 2, wide, mask & 3, mask >> 2 & 3, mask >> 4, 0, special);
        check_box(ks, kind, 3, thin, mask & 7, mask >> 3, mask * 3 & 7, 0, special);
        check_box(ks, kind, 2, pixels, mask & 3, mask >> 2 & 3, mask >> 4, 0, special);
    }
    check_box(ks, kind, 3, big, 0, 5, 4, 0, special);
    check_box(ks, kind, 2, empty, 0, 1, 2, 0, special);
    check_box(ks, kind, 0, NULL, 0, 0, 0, 0, special);
}

/* An operand that lies otherwise than the result: its innermost dimension is not the result's. */
static void check_strided(const kernel_set *ks, map_kind kind) {
    box x = {.kind = kind, .rank = 2, .dims = {70, 600}};
    box_new(&x, 0, true);
    for (int k = 1; k <= map_operands(kind); k += 2) x.stride[k][0] = 1, x.stride[k][1] = 70;
    box_run(ks, NULL, &x);
    box_compare(ks, &x);
    box_free(&x);
}

static void check_threads(const kernel_set *ks, pool *const pools[3], map_kind kind) {
    for (int t = 1; t < 3; t++) {
        box x = {.kind = kind, .rank = 3, .dims = {9, 1030, 11}, .mask = {0, 0, 2, 5}}, y = x;
        box_new(&x, 0, true);
        box_new(&y, 0, true);
        box_run(ks, NULL, &x);
        box_run(ks, pools[t], &y);
        CHECK(memcmp(x.data[0], y.data[0], (size_t)x.count[0] * map_bytes(kind, 0)) == 0,
              "bits of %s isa=%s threads=%d", map_names[kind], ks->isa, pool_threads(pools[t]));
        box_free(&x);
        box_free(&y);
    }
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (map_kind kind = 0; kind < MAP_COUNT; kind++) {
            check_boxes(*ks, kind);
            check_strided(*ks, kind);
            check_threads(*ks, pools, kind);
        }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
