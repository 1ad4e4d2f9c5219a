#include "fuzz/checkpoint.c"

#include "fuzz_replay.h"

int main(void) {
    return fuzz_replay("checkpoint", 4, 16);
}
