/* Dropout against the random words of base/random.h, one by one: every storage order that a box can say, shares of
 * nothing and everything, in place, without a mask; every instruction set, guarded buffers, threads 1, 2, 7. */
#include <math.h>

#include "check.h"
#include "kernel/elements/dropout.h"
#include "kernel_guard.h"

static void check_case(const kernel_set *ks, const dropout_box *b, double share, bool masked, bool in_place, pool *p) {
    struct dropout d = {.key = random_step_key(5, random_hash("dropout1"), 3), .dropped = random_threshold(share)};
    int64_t n = b->outer * b->rows * b->inner, wrong = 0;
    d.scale = share < 1 ? (float)(1 / (1 - share)) : 0;
    float *block[2], *x = guard_new(n, &block[0]), *own = guard_new(n, &block[1]), *y = in_place ? x : own;
    uint8_t *mask = mem_zalloc((size_t)n + 1, 1);
    mask[n] = 77;
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 29) - 14.5f;
    dropout_run(ks, p, &d, b, y, masked ? mask : NULL, x);
    for (int64_t i = 0; i < n; i++) {
        int64_t o = i / (b->rows * b->inner), r = i / b->inner % b->rows, at = i % b->inner;
        uint64_t index = (uint64_t)(o * b->outer_step + r + at * b->inner_step);
        bool stays = random_word(d.key, index) >= d.dropped;
        float was = (float)(i % 29) - 14.5f;
        wrong += y[i] != (stays ? was * d.scale : was * 0) || (masked && mask[i] != stays);
    }
    CHECK(wrong == 0, "isa=%s [%d][%d][%d] steps %d, %d share=%g masked=%d in place=%d: %d wrong", ks->isa,
          (int)b->outer, (int)b->rows, (int)b->inner, (int)b->outer_step, (int)b->inner_step, share, masked, in_place,
          (int)wrong);
    CHECK(mask[n] == 77, "the mask's end isa=%s", ks->isa);
    for (int i = 0; i < 2; i++) CHECK(guard_holds(block[i], n), "guard isa=%s", ks->isa), mem_free(block[i]);
    mem_free(mask);
}

int main(void) {
    /* plain, [n][c][hw] as [n][hw][c], channels-last and batch-last with odd and whole numbers of vectors */
    static const dropout_box boxes[] = {
        {1, 1, 1, 1, 1},    {1, 1, 1000, 1000, 1}, {3, 1, 131, 131, 1},  {2, 9, 3, 27, 9}, {2, 64, 5, 320, 64},
        {1, 7, 33, 231, 7}, {4, 8, 16, 128, 8},    {1, 12, 70, 840, 12}, {5, 6, 1, 6, 6},  {1, 300, 17, 5100, 300}};
    static const double shares[] = {0, 0.25, 0.5, 0.999, 1};
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
            for (int s = 0; s < 5; s++)
                for (int kind = 0; kind < 4; kind++)
                    check_case(*ks, &boxes[i], shares[s], kind & 1, kind & 2, pools[((int)i + s + kind) % 3]);
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
