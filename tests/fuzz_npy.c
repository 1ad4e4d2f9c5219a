#include "fuzz/npy.c"

#include "fuzz_replay.h"

int main(void) {
    return fuzz_replay("npy", 10, 16);
}
