#include "fuzz/weights.c"

#include "fuzz_replay.h"

int main(void) {
    return fuzz_replay("weights", 12, 64);
}
