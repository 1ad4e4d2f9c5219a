/* Names that all fall into one slot of a table hashed without a key (FNV-1a) spread evenly with hash_name. */
#include "base/hash.h"
#include "base/random.h"
#include "check.h"

#include <string.h>

#define BLOCKS 13
#define NAMES  (1 << BLOCKS)
#define MASK   ((1 << 14) - 1)

/* Two blocks of four letters after which FNV-1a's low bits, `before` until then, are the same; returns those. Low bits
 * never depend on higher ones, so each choice of one of both, block after block, ends in the same slot. */
static uint64_t collision(uint64_t before, char a[5], char b[5]) {
    static char seen[MASK + 1][5];
    memset(seen, 0, sizeof seen);
    for (int i = 0;; i++) {
        char block[5] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), (char)('a' + i / 676 % 26),
                         (char)('a' + i / 17576 % 26), 0};
        uint64_t h = before;
        for (int k = 0; k < 4; k++) h = ((h ^ (unsigned char)block[k]) * UINT64_C(1099511628211)) & MASK;
        if (seen[h][0]) {
            memcpy(a, seen[h], 5);
            memcpy(b, block, 5);
            return h;
        }
        memcpy(seen[h], block, 5);
    }
}

int main(void) {
    static char name[NAMES][4 * BLOCKS + 1];
    static int keyed[MASK + 1], plain[MASK + 1];
    uint64_t state = random_hash("") & MASK;
    for (int block = 0; block < BLOCKS; block++) {
        char a[5], b[5];
        state = collision(state, a, b);
        for (int i = 0; i < NAMES; i++) memcpy(name[i] + 4 * block, i >> block & 1 ? a : b, 4);
    }
    int most = 0;
    for (int i = 0; i < NAMES; i++) {
        plain[random_hash(name[i]) & MASK]++;
        int here = ++keyed[hash_name(name[i]) & MASK];
        if (here > most) most = here;
        CHECK(hash_name(name[i]) == hash_name(name[i]), "name %d", i);
    }
    CHECK(plain[state] == NAMES, "%d of %d names collide without a key", plain[state], NAMES);
    CHECK(most < 16, "%d of %d names share a slot", most, NAMES); /* about 6 by chance */
    CHECK(hash_name("") != hash_name("a") && hash_name("abcdefgh") != hash_name("abcdefg"), "lengths");
    return check_report();
}
